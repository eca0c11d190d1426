"""Which copy runs: lease rows for the services, held and renewed while the body runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from bot.clock import Clock
from bot.domain.errors import AnotherCopyRuns, StorageError
from storage import Storage

_log = logging.getLogger(__name__)

LEASE_SECONDS = 10
_RENEW_SECONDS = 3.0


@asynccontextmanager
async def leadership(storage: Storage, clock: Clock, owner: str, services: Collection[str]) -> AsyncIterator[None]:
    """Hold the leases of these services. Raises `AnotherCopyRuns`, at the start or when one is lost.

    On SQLite the file lock has said already that nobody else runs here: its leases are taken over at once.
    On PostgreSQL the lease of a killed copy runs out within seconds, so the start waits that long.
    """
    if storage.engine.dialect.name == "sqlite":
        await storage.leaders.take_over()
    for name in sorted(services):
        deadline = clock.monotonic() + LEASE_SECONDS + 1
        while await storage.leaders.acquire(name, owner, now=int(clock.now()), ttl=LEASE_SECONDS) is None:
            if clock.monotonic() >= deadline:
                raise AnotherCopyRuns(f"another copy is running on this database (it holds '{name}').")
            await clock.sleep(1.0)
    if "send" in services:
        await storage.deliveries.take_over()
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(_renew(storage, clock, owner, services))
        try:
            yield
        finally:
            renewing.cancel()
    for name in sorted(services):
        await storage.leaders.release(name, owner)


async def _renew(storage: Storage, clock: Clock, owner: str, services: Collection[str]) -> None:
    while True:
        await clock.sleep(_RENEW_SECONDS)
        try:
            for name in sorted(services):
                if await storage.leaders.acquire(name, owner, now=int(clock.now()), ttl=LEASE_SECONDS) is None:
                    raise AnotherCopyRuns(f"another copy has taken '{name}' over.")
        except StorageError as error:
            _log.warning("the lease could not be renewed: %s", error)
