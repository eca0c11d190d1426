"""The one clock. Every service, test and simulation takes its time from here.

Everywhere else `time`, `datetime.now` and `asyncio.sleep` are banned by the linter, so that a test, the demo
and the simulator can move time without touching the code that waits for it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """What a service may ask of time."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC: what is stored and shown."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for delays and deadlines inside one process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...

    async def sleep_until(self, deadline: float) -> None:
        """Wait until `monotonic()` has reached `deadline`."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most that long; whether it was set in time."""
        ...

    def agree(self, now: float) -> None:
        """Go by the time that all processes of a newsroom share, which is `now`."""
        ...

    def behind(self, now: float) -> float:
        """By how many seconds this clock is behind that time: it stood still with its machine."""
        ...


class RealClock:
    """The machine's own time; `now` is another's, once that was told."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._ahead: float | None = None

    def now(self) -> float:
        """See `Clock.now`. What was agreed goes on with the monotonic clock, whatever an administrator sets."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    def agree(self, now: float) -> None:
        """See `Clock.agree`."""
        self._ahead = now - time.monotonic()

    def behind(self, now: float) -> float:
        """See `Clock.behind`."""
        return now - self.now()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, deadline: float) -> None:
        """See `Clock.sleep_until`."""
        await asyncio.sleep(max(0.0, deadline - time.monotonic()))

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """See `Clock.wait`."""
        if event.is_set():
            return True
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await event.wait()
        except TimeoutError:
            return False


class SteppableClock:
    """Time that somebody moves: by hand in tests (`running=False`), or on top of real time in the demo.

    `advance` wakes whoever slept past the new moment, earliest first. With `running=True` the clock also
    flows by itself, `speed` times as fast as real time, and sleepers wake on their own.
    """

    def __init__(self, start: float, *, running: bool = False, speed: float = 1.0) -> None:
        self._start = start
        self._moved = 0.0
        self._running = running
        self._speed = speed
        self._born = time.monotonic()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._tick = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def monotonic(self) -> float:
        """Seconds since this clock was made, moved time included."""
        return self._moved + ((time.monotonic() - self._born) * self._speed if self._running else 0.0)

    def now(self) -> float:
        """Epoch seconds: the start plus everything that has passed."""
        return self._start + self.monotonic()

    def agree(self, now: float) -> None:
        """See `Clock.agree`: whoever moves time knows better."""

    def behind(self, now: float) -> float:
        """See `Clock.behind`."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await self.sleep_until(self.monotonic() + seconds)

    async def sleep_until(self, deadline: float) -> None:
        """See `Clock.sleep_until`."""
        if deadline <= self.monotonic():
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (deadline, next(self._tick), future))
        if self._sleepers[0][2] is future:
            self._arm()
        try:
            await future
        finally:
            future.cancel()  # a cancelled sleeper is skipped when its moment comes

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """See `Clock.wait`."""
        if event.is_set():
            return True
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move time forward; each sleeper wakes at its own moment and gets the loop before the next one."""
        target = self.monotonic() + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, future = heapq.heappop(self._sleepers)
            if future.done():
                continue
            self._moved += max(0.0, deadline - self.monotonic())
            _wake(future)
            for _ in range(5):
                await asyncio.sleep(0)
        self._moved += max(0.0, target - self.monotonic())
        self._arm()

    def _arm(self) -> None:
        """Where time flows by itself: one timer for the earliest sleeper, set anew when time was moved."""
        if not self._running:
            return
        if self._timer:
            self._timer.cancel()
        earliest = self.next_wake()
        if earliest is not None:
            delay = max(0.0, earliest - self.monotonic()) / self._speed
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self.monotonic():
            _wake(heapq.heappop(self._sleepers)[2])
        self._arm()

    def next_wake(self) -> float | None:
        """The `monotonic` moment of the earliest sleeper, None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
