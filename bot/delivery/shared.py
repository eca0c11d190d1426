"""One budget for all processes of a token: places reserved in the database, up to ten at a time.

    pacer asks ─▶ reserve, one statement ─▶ granted: so many places from then on │ held, or urgent elsewhere: wait

The row spaces the places of all processes as one pacer would space its own, and each process sends in its places; one
that is late by more than a moment is lost, so no second holds more than the rate. Whoever is cut off from the database
sends what it has reserved and no more. A 429 that one process meets stands in the row for all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bot.clock import Clock
from bot.delivery.pacing import Pacer
from bot.domain.errors import StorageError
from storage import Storage

_log = logging.getLogger(__name__)

_NAME = "bulk"
_STOOD_STILL = 1.0
_LONGEST_WAIT, _RETRY = 0.25, 0.5


class SharedBudget:
    """Fills this process's `pacer`. `urgent` tells whether breaking news waits here, `stood_still` is called when this
    machine has lost time: what it was sure of is over."""

    def __init__(self, storage: Storage, clock: Clock, pacer: Pacer, worker: str) -> None:
        self._storage = storage
        self._clock = clock
        self._pacer = pacer
        self._worker = worker
        self._asked = asyncio.Event()
        self.urgent: Callable[[], bool] = lambda: False
        self.stood_still: Callable[[], None] = lambda: None
        pacer.ask = self._asked.set

    async def run(self) -> None:
        """Reserve whenever the pacer runs low, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._pacer.low and (pause := await self._reserve()):
                await self._clock.sleep(pause)

    async def _reserve(self) -> float:
        """More places for the pacer; or the seconds until it is worth asking again."""
        try:
            asked = self._clock.monotonic()
            grant = await self._storage.budgets.reserve(
                _NAME,
                self._worker,
                self._pacer.batch,
                allowed=self._pacer.allowed,
                now=self._clock.now(),
                urgent=self.urgent(),
            )
        except StorageError as error:
            _log.warning("sending waits for its share of the rate: %s", error)
            return _RETRY
        if self._clock.behind(grant.at) > self._clock.monotonic() - asked + _STOOD_STILL:
            self._clock.agree(grant.at)
            self.stood_still()
            return _RETRY
        if grant.wait:
            self._pacer.hold_bulk(grant.wait, self._clock.monotonic(), slower=False)
            return min(grant.wait, _LONGEST_WAIT)
        self._pacer.granted(self._clock.monotonic() + grant.start - self._clock.now(), grant.rate)
        return 0.0

    async def reply(self) -> None:
        """Wait for a reply's place: the next one of all. Without a database nobody is kept waiting."""
        try:
            grant = await self._storage.budgets.reserve(
                _NAME, self._worker, 1, allowed=self._pacer.allowed, now=self._clock.now(), reply=True
            )
        except StorageError as error:
            _log.warning("a reply goes without its share of the rate: %s", error)
            return
        await self._clock.sleep(grant.start - self._clock.now())

    async def hold(self, seconds: float, *, slower: bool) -> None:
        """A 429: nobody sends for so long, and afterwards more slowly. Raises `StorageError`."""
        await self._storage.budgets.hold(_NAME, seconds, now=self._clock.now(), slower=slower)
