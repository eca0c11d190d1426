"""The pacer with a budget that several processes share: its places, replies, holds, and a machine that stood still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.clock import Clock, RealClock, SteppableClock
from bot.delivery.pacing import Pacer
from bot.delivery.shared import SharedBudget
from bot.domain.errors import StorageBusy
from storage import Storage
from storage.budgets import Budgets, Grant


def shared(rate: float, *, at: float = 0.0, places: int = 0) -> Pacer:
    pacer = Pacer(rate, shared=True)
    pacer._places.extend(at + n / rate for n in range(places))  # type: ignore[union-attr]
    return pacer


def test_a_pacer_sends_in_its_places() -> None:
    pacer, asked = shared(1000), 0

    def ask() -> None:
        nonlocal asked
        asked += 1

    pacer.ask = ask
    assert (pacer.batch, shared(29).batch, shared(400).batch) == (10, 1, 4)
    assert pacer.delay(5.0) > 0, "it has none yet"
    assert (asked, pacer.low) == (1, True)
    pacer.granted(5.1, 500.0)
    assert (pacer.rate, pacer.low) == (500.0, False)
    assert pacer.delay(5.0) == pytest.approx(0.1)
    assert asked == 1
    for n in range(10):
        assert pacer.delay(5.1 + n / 500) == pytest.approx(0.0, abs=1e-9)
        pacer.take(5.1 + n / 500)
    assert (asked, pacer.low) == (10, True), "it asks as soon as it has less than a batch"


def test_a_place_that_is_late_is_lost() -> None:
    pacer = shared(1000, at=5.0, places=10)
    assert pacer.delay(5.02) == 0.0
    assert pacer.delay(5.0285) == 0.0
    pacer.take(5.0285)
    assert pacer.delay(5.0285) > 0, "only the last one was late by less than 20 ms"


def test_a_place_that_was_taken_without_one_is_owed() -> None:
    pacer = shared(100, places=0)
    pacer.take(1.0)
    pacer.granted(1.0, 100.0)
    assert (pacer.low, pacer._owing) == (True, 0)
    assert pacer.delay(1.0) > 0


@asynccontextmanager
async def running(
    storage: Storage, clock: Clock, rate: float, worker: str
) -> AsyncIterator[tuple[Pacer, SharedBudget]]:
    pacer = Pacer(rate, shared=True)
    budget = SharedBudget(storage, clock, pacer, worker)
    task = asyncio.create_task(budget.run())
    try:
        yield pacer, budget
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(pacer: Pacer, clock: Clock, until: float) -> list[float]:
    """Send as fast as it goes."""
    sent = []
    while (now := clock.monotonic()) < until:
        if (delay := pacer.delay(now)) > 0:
            await clock.sleep(min(delay, 0.05))
        else:
            pacer.take(now)
            sent.append(now)
            await clock.sleep(0)
    return sent


@pytest.fixture
def reserving(monkeypatch: pytest.MonkeyPatch) -> set[object]:
    """The reservations that are under way."""
    under_way, reserve = set[object](), Budgets.reserve

    async def noted(*args: Any, **kwargs: Any) -> Grant:
        under_way.add(me := object())
        try:
            return await reserve(*args, **kwargs)
        finally:
            under_way.discard(me)

    monkeypatch.setattr(Budgets, "reserve", noted)
    return under_way


async def go_on(clock: SteppableClock, reserving: set[object], seconds: float) -> None:
    """Time passes in small steps, and stands still while the database is asked: a busy machine changes nothing."""
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        quiet = 0
        while quiet < 10:
            quiet = 0 if reserving else quiet + 1
            await asyncio.sleep(0.001 if reserving else 0)
        await clock.advance(0.002)


async def test_two_share_a_rate(storage: Storage, reserving: set[object]) -> None:
    """`benchmarks.shared` has the real thing."""
    clock = SteppableClock(1e9)
    async with running(storage, clock, 100, "a") as (one, _), running(storage, clock, 100, "b") as (two, budget):
        end = clock.monotonic() + 1.0
        sending = asyncio.gather(send(one, clock, end), send(two, clock, end))
        await go_on(clock, reserving, 1.05)
        first, second = await sending
        assert min(len(first), len(second)) > 30
        assert 90 <= len(first + second) <= 103
        began, replying = clock.monotonic(), asyncio.create_task(budget.reply())
        await go_on(clock, reserving, 0.1)
        assert replying.done()
        await budget.hold(30.0, slower=True)
        last = asyncio.create_task(send(one, clock, began + 0.3))
        await go_on(clock, reserving, 0.4)
        assert len(await last) <= 2, "what it had reserved"
        assert one.held_until > clock.monotonic() + 20


async def test_without_a_database_bulk_waits_and_replies_go(
    sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppableClock(1e9, running=True, speed=5)

    async def cut_off(*_: object, **__: object) -> None:
        raise StorageBusy("cut off")

    async with running(sqlite_storage, clock, 50, "a") as (pacer, budget):
        monkeypatch.setattr(Budgets, "reserve", cut_off)
        assert await send(pacer, clock, clock.monotonic() + 1.0) == []
        await budget.reply()
        monkeypatch.undo()
        assert await send(pacer, clock, clock.monotonic() + 1.5)


async def test_a_machine_that_stood_still_is_told(sqlite_storage: Storage) -> None:
    clock, told = RealClock(), asyncio.Event()
    clock.agree(clock.now() - 20)
    async with running(sqlite_storage, clock, 50, "a") as (pacer, budget):
        budget.stood_still = told.set
        pacer.delay(clock.monotonic())
        async with asyncio.timeout(60):
            await told.wait()
        assert abs(clock.now() - RealClock().now()) < 1
        assert pacer.delay(clock.monotonic()) > 0, "what was granted meanwhile is not used"
