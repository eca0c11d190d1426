"""What runs once, however many processes there are: a lease row for each name, held while the work lasts.

On SQLite the file lock says that nobody else runs here, so the work simply runs. On PostgreSQL it runs in the process
that holds the lease; the others stand by and look twice a second. A leader that cannot renew in time stops by itself, a
little before others may take over. One that stood still (SIGSTOP, a paused machine) finds that out when it goes on:
for a moment two may run, so what they write is conditional wherever twice would do harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from bot.clock import Clock
from bot.domain.errors import StorageError
from storage import Storage

_log = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
_LOOK_SECONDS = 0.5

_QUICK = 0.25

Work = Callable[[], Coroutine[Any, Any, object]]


async def agree(storage: Storage, clock: Clock) -> bool:
    """Go by the database's time where several processes share it; False when no answer came quickly enough to tell."""
    if not storage.shared:
        return True
    answers = []
    for _ in range(3):
        asked = clock.monotonic()
        now = await storage.meta.time()
        answered = clock.monotonic()
        answers.append((answered - asked, now - (asked + answered) / 2))
    took, ahead = min(answers)
    if took < _QUICK:
        clock.agree(clock.monotonic() + ahead)
    return took < _QUICK


class Leadership:
    """Leases of this process, `owner`. `led`: the names that it leads now."""

    def __init__(self, storage: Storage, clock: Clock, owner: str, stop: asyncio.Event) -> None:
        self._storage = storage
        self._clock = clock
        self._owner = owner
        self._stop = stop
        self._until: dict[str, float] = {}
        self.led: set[str] = set()

    async def once(self, name: str, work: Work) -> None:
        """Run `work()` to its end, in one process at a time: here at once, or when the one that had it is gone.

        `work` has to end when the stop event is set.
        """
        if not self._storage.shared:
            await work()
            return
        while not self._stop.is_set():
            try:
                held = await self._acquire(name)
            except StorageError as error:
                _log.warning("'%s' stands by, the database is out of reach: %s", name, error)
                held = False
            if held and await self._lead(name, work):
                return
            await self._clock.wait(self._stop, _LOOK_SECONDS)

    async def _acquire(self, name: str) -> bool:
        asked = self._clock.monotonic()
        now, ttl = int(self._clock.now() * 1000), int(LEASE_SECONDS * 1000)
        if await self._storage.leaders.acquire(name, self._owner, now=now, ttl=ttl) is None:
            return False
        self._until[name] = asked + LEASE_SECONDS * 0.9
        return True

    async def _lead(self, name: str, work: Work) -> bool:
        """Whether the work came to its end; else the lease was lost, and with it what was under way."""
        _log.info("leading '%s'", name)
        self.led.add(name)
        try:
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(work())
                keeping = [tasks.create_task(self._renew(name)), tasks.create_task(self._expire(name))]
                await asyncio.wait((working, *keeping), return_when=asyncio.FIRST_COMPLETED)
                ended = working.done()
                for task in (working, *keeping):
                    task.cancel()
        finally:
            self.led.discard(name)
            with suppress(StorageError):  # then it runs out by itself
                await self._storage.leaders.release(name, self._owner)
        if not ended:
            _log.warning("'%s' could not be kept: standing by", name)
        return ended

    async def _renew(self, name: str) -> None:
        """Prolong the lease until somebody else has it."""
        held = True
        while held:
            await self._clock.sleep(LEASE_SECONDS / 3)
            try:
                held = await self._acquire(name)
            except StorageError as error:
                _log.warning("the lease of '%s' could not be renewed: %s", name, error)

    async def _expire(self, name: str) -> None:
        """Wait until it could not be renewed in time, however long the database keeps a renewal waiting."""
        while (left := self._until[name] - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)


async def take_over(storage: Storage) -> None:
    """On SQLite the file lock has said that nobody else runs here: what a dead copy had is free at once. On PostgreSQL
    others may be at work, and what a dead one had runs out by itself."""
    if not storage.shared:
        await storage.leaders.take_over()
        await storage.deliveries.take_over()
