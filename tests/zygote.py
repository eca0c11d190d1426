"""Forks bots from a process that has imported everything, so that a kill costs no three seconds of imports.

Each line on stdin is {"environ": …, "cwd": …, "only": […], "lease": seconds}; the answer is the child's pid.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import asyncpg

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
    settings = load(request["environ"], Path(request["cwd"]))
    asyncio.run(app.run(settings, only=frozenset(request["only"]), clock=RealClock()))
    return 0


def main() -> None:
    """Fork on demand until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(child(request))
        print(pid, flush=True)


if __name__ == "__main__":
    main()
