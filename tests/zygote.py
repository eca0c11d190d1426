"""Forks bots from a process that has imported everything, so that a kill costs no three seconds of imports.

Each line on stdin is {"environ": …, "cwd": …, "only": […], "lease": seconds, "die": "before|after noun.method"};
the answer is the child's pid. With `die` the child kills itself at that storage call.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import asyncpg

import storage
from bot import app, telegram
from bot.clock import RealClock
from bot.delivery import lanes, publish, renderings, sender
from bot.desk import progress
from bot.ops import introduction, leadership, receiver
from bot.ops.log import configure
from bot.settings import load
from handlers import build_router, commands

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
    leadership.LEASE_SECONDS = request["lease"]
    leadership._RENEW_SECONDS = request["lease"] / 3
    if request.get("die"):
        doomed(*request["die"].split())
    settings = load(request["environ"], Path(request["cwd"]))
    asyncio.run(app.run(settings, only=frozenset(request["only"]), clock=RealClock()))
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
            finally:
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
