"""Forks bots from a process that has imported everything, so that a kill costs no three seconds of imports.

Each line on stdin is {"environ": …, "cwd": …, "only": […], "lease": seconds, "skew": seconds,
"die": "before|after noun.method"};
the answer is the child's pid. With `die` the child kills itself at that storage call; "call N" means its N-th call of
the database or of Telegram, whichever it is.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import SimpleNamespace

import asyncpg

import storage
from bot import app, clock, telegram
from bot.clock import RealClock
from bot.delivery import lanes, publish, renderings, sender
from bot.desk import progress
from bot.ops import introduction, leadership, receiver
from bot.ops.log import configure
from bot.settings import load
from handlers import build_router, commands
from storage.postgres import PostgresEngine
from storage.sqlite import SQLiteEngine

IMPORTED = (
    asyncpg,
    telegram,
    lanes,
    publish,
    renderings,
    sender,
    progress,
    receiver,
    commands,
    build_router,
    introduction,
)


def child(request: dict) -> int:  # type: ignore[type-arg]
    """Be a bot until killed or stopped."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    configure(level="error")
    leadership.LEASE_SECONDS = lanes.Lanes.lease = receiver.Receiver.lease = request["lease"]
    if skew := request.get("skew"):
        machines_time = clock.time.time
        clock.time = SimpleNamespace(time=lambda: machines_time() + skew, monotonic=clock.time.monotonic)  # type: ignore[assignment]
    match request.get("die", "").split():
        case ["call", n]:
            doomed_at(int(n))
        case [when, call]:
            doomed(when, call)
    settings = load(request["environ"], Path(request["cwd"]))
    ready = Path(request["cwd"], f"ready-{os.getpid()}")
    asyncio.run(app.run(settings, only=frozenset(request["only"]), clock=RealClock(), ready=ready.touch))
    return 0


def doomed(when: str, call: str) -> None:
    """Make a storage method the last thing this process does: it dies before or right after it."""
    noun, name = call.split(".")
    owner = {type_.__name__.lower(): type_ for type_ in vars(storage).values() if isinstance(type_, type)}[noun]
    method = getattr(owner, name)

    async def last(self: object, *args: object, **kwargs: object) -> object:
        result = await method(self, *args, **kwargs) if when == "after" else None
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, last)


def doomed_at(n: int) -> None:
    """Die instead of making the n-th call."""
    calls = itertools.count(1)

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        def call(*args: object, **kwargs: object) -> object:
            if next(calls) >= n:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for engine in (SQLiteEngine, PostgresEngine):
        for name in ("fetch", "tuples", "write", "batch", "carry_out", "transaction"):
            setattr(engine, name, counted(getattr(engine, name)))
    telegram.Session.post = counted(telegram.Session.post)  # type: ignore[method-assign]
    telegram.Session.make_request = counted(telegram.Session.make_request)  # type: ignore[method-assign]


def main() -> None:
    """Fork on demand until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # stdout is for pids
            try:
                code = child(request)
            except Exception:  # noqa: BLE001 - a process that ends by itself should say why
                traceback.print_exc()
            finally:
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
