"""What runs once, however many processes there are: a lease row for each name, held while the work lasts.

On SQLite the file lock says that nobody else runs here, so the work simply runs. On PostgreSQL it runs in the process
that holds the lease; the others stand by and look each second. A leader that cannot renew in time stops by itself, a
little before others may take over. One that stood still (SIGSTOP, a paused machine) finds that out when it goes on:
for a moment two may run, so what they write is conditional wherever twice would do harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from bot.clock import Clock
from bot.domain.errors import AnotherCopyRuns, StorageError
from storage import Storage

_log = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
_LOOK_SECONDS = 1.0

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


@asynccontextmanager
async def leadership(storage: Storage, clock: Clock, owner: str, services: Collection[str]) -> AsyncIterator[None]:
    """Hold the leases of these services. Raises `AnotherCopyRuns`, at the start or when one is lost.

    On SQLite the file lock has said already that nobody else runs here: its leases are taken over at once.
    On PostgreSQL the lease of a killed copy runs out within seconds, so the start waits that long.
    """
    if storage.engine.dialect.name == "sqlite":
        await storage.leaders.take_over()

    async def acquire(name: str) -> bool:
        now, ttl = int(clock.now() * 1000), int(LEASE_SECONDS * 1000)
        return await storage.leaders.acquire(name, owner, now=now, ttl=ttl) is not None

    for name in sorted(services):
        deadline = clock.monotonic() + LEASE_SECONDS + 1
        while not await acquire(name):
            if clock.monotonic() >= deadline:
                raise AnotherCopyRuns(f"another copy is running on this database (it holds '{name}').")
            await clock.sleep(1.0)
    if "send" in services:
        await storage.deliveries.take_over()

    async def renew() -> None:
        while True:
            await clock.sleep(LEASE_SECONDS / 3)
            try:
                for name in sorted(services):
                    if not await acquire(name):
                        raise AnotherCopyRuns(f"another copy has taken '{name}' over.")
            except StorageError as error:
                _log.warning("the lease could not be renewed: %s", error)

    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
    for name in sorted(services):
        await storage.leaders.release(name, owner)
