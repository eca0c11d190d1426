"""What runs once however many processes there are, and whose time all of them keep."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from bot.clock import RealClock, SteppableClock
from bot.domain.errors import StorageBusy
from bot.ops.leadership import LEASE_SECONDS, Leadership, agree
from storage import Storage
from storage.leaders import Leaders

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])


class Work:
    """Notes who runs it, never two at a time; runs until the stop."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.changed = asyncio.Condition()

    def by(self, name: str, stop: asyncio.Event) -> Callable[[], Any]:
        async def work() -> None:
            assert not self.running
            await self._note(lambda: self.running.append(name))
            try:
                await stop.wait()
            finally:
                await self._note(lambda: self.running.remove(name))

        return work

    async def _note(self, change: Callable[[], None]) -> None:
        change()
        async with self.changed:
            self.changed.notify_all()

    async def until(self, *running: str) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: self.running == list(running))


@pytest.fixture
def clock() -> SteppableClock:
    return SteppableClock(1e9, running=True, speed=25)


@asynccontextmanager
async def standing(storage: Storage, clock: SteppableClock, name: str, work: Work) -> AsyncIterator[SimpleNamespace]:
    """A process that would do it; killed without a word at the end, unless it was told to stop."""
    stop = asyncio.Event()
    leadership = Leadership(storage, clock, name, stop)
    task = asyncio.create_task(leadership.once("work", work.by(name, stop)))
    try:
        yield SimpleNamespace(led=leadership.led, stop=stop, task=task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_works_and_another_takes_over(storage: Storage, clock: SteppableClock) -> None:
    work = Work()
    async with standing(storage, clock, "a", work) as first:
        await work.until("a")
        async with standing(storage, clock, "b", work) as second:
            await clock.sleep(2 * LEASE_SECONDS)
            assert work.running == ["a"]
            assert (first.led, second.led) == ({"work"}, set())
            first.stop.set()
            await first.task
            await work.until("b")


async def test_a_dead_leaders_lease_runs_out(storage: Storage, clock: SteppableClock) -> None:
    work, began = Work(), clock.monotonic()
    now, ttl = int(clock.now() * 1000), int(LEASE_SECONDS * 1000)
    await storage.leaders.acquire("work", "dead", now=now, ttl=ttl)
    async with standing(storage, clock, "b", work):
        await work.until("b")
        assert LEASE_SECONDS <= clock.monotonic() - began < LEASE_SECONDS + 2


async def test_who_cannot_renew_stops_before_others_begin(
    storage: Storage, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, cut, acquire = Work(), asyncio.Event(), Leaders.acquire

    async def partitioned(self: Leaders, name: str, owner: str, *, now: int, ttl: int) -> int | None:
        if owner == "a" and cut.is_set():
            await asyncio.get_running_loop().create_future()  # its answer never comes
        return await acquire(self, name, owner, now=now, ttl=ttl)

    monkeypatch.setattr(Leaders, "acquire", partitioned)
    async with standing(storage, clock, "a", work), standing(storage, clock, "b", work):
        await work.until("a")
        cut.set()
        await work.until()
        await work.until("b")


async def test_a_database_out_of_reach_is_asked_again(
    storage: Storage, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, refused = Work(), asyncio.Event()

    async def refuse(*_: object, **__: object) -> None:
        refused.set()
        raise StorageBusy("out of reach")

    monkeypatch.setattr(Leaders, "acquire", refuse)
    async with standing(storage, clock, "a", work):
        await refused.wait()
        monkeypatch.undo()
        await work.until("a")
        monkeypatch.setattr(Leaders, "acquire", refuse)
        refused.clear()
        await refused.wait()
        monkeypatch.undo()
        await clock.sleep(LEASE_SECONDS)
        assert work.running == ["a"], "one renewal that fails is none"


async def test_an_error_of_the_work_is_an_error(storage: Storage, clock: SteppableClock) -> None:
    async def broken() -> None:
        raise ValueError("no")

    leadership = Leadership(storage, clock, "a", asyncio.Event())
    with pytest.raises(BaseExceptionGroup):
        await leadership.once("work", broken)
    assert await storage.leaders.acquire("work", "b", now=1, ttl=1), "it was given back"


async def test_clocks_agree(storage: Storage) -> None:
    clock = RealClock()
    clock.agree(5e9)
    assert 5e9 <= clock.now() < 5e9 + 5
    assert await agree(storage, clock)
    assert abs(clock.now() - RealClock().now()) < 2, "the database of the tests runs on this machine"
    slow = SimpleNamespace(monotonic=itertools.count().__next__)
    assert not await agree(storage, slow)  # type: ignore[arg-type]
