"""The clocks: time that somebody moves, on top of real time or alone, and the machine's own."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.clock import RealClock, SteppableClock


async def settled() -> None:
    """Let tasks run up to their next wait."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_sleepers_wake_in_order_at_their_own_moments() -> None:
    clock, woke = SteppableClock(1000.0), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woke.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("c", 30), ("a", 10), ("b", 20), ("a2", 10)):
            tasks.create_task(sleeper(name, seconds))
        await settled()
        await clock.advance(9.5)
        assert woke == []
        await clock.advance(50)
    assert woke == [("a", 10), ("a2", 10), ("b", 20), ("c", 30)]
    assert clock.now() == 1059.5


async def test_who_sleeps_again_while_time_moves_wakes_again() -> None:
    clock, beats = SteppableClock(0.0), []

    async def heart() -> None:
        for _ in range(5):
            await clock.sleep(1)
            beats.append(clock.monotonic())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(heart())
        await settled()
        await clock.advance(10)
    assert beats == [1, 2, 3, 4, 5]


async def test_a_moment_that_is_past_is_not_waited_for() -> None:
    clock = SteppableClock(0.0)
    await clock.advance(5)
    await clock.sleep_until(3)
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.next_wake() is None


async def test_a_cancelled_sleeper_is_skipped() -> None:
    clock = SteppableClock(0.0)
    gone, stays = (asyncio.create_task(clock.sleep(seconds)) for seconds in (1, 2))
    await settled()
    assert clock.next_wake() == 1
    gone.cancel()
    await settled()
    assert clock.next_wake() == 2
    again = asyncio.create_task(clock.sleep(1))
    await settled()
    again.cancel()
    await settled()
    await clock.advance(5)
    await stays
    assert clock.next_wake() is None
    assert gone.cancelled()


@pytest.mark.parametrize("running", [False, True])
async def test_waiting_for_an_event_or_the_time(running: bool) -> None:
    clock, event = SteppableClock(0.0, running=running), asyncio.Event()
    waits = asyncio.create_task(clock.wait(event, 600))
    await settled()
    event.set()
    assert await waits is True
    assert await clock.wait(event, 600) is True
    event.clear()
    waits = asyncio.create_task(clock.wait(event, 600))
    await settled()
    await clock.advance(601)
    assert await waits is False


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    clock = SteppableClock(0.0)
    waits = asyncio.create_task(clock.wait(asyncio.Event(), 600))
    await settled()
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert clock.next_wake() is None


async def test_running_time_flows_and_jumps() -> None:
    clock = SteppableClock(1000.0, running=True)
    began = time.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() >= 0.02
    far = asyncio.create_task(clock.sleep(3600))
    await settled()
    await clock.advance(3600)
    await far
    assert clock.now() >= 4600
    assert time.monotonic() - began < 5


async def test_who_sleeps_beyond_a_jump_wakes_sooner_for_it() -> None:
    """After a jump of an hour there is a fiftieth of a second left, not an hour and a fiftieth."""
    clock = SteppableClock(0.0, running=True)
    sleeping = asyncio.create_task(clock.sleep(3600.05))
    await settled()
    await clock.advance(3600)
    assert not sleeping.done()
    async with asyncio.timeout(60):
        await sleeping
    assert clock.monotonic() >= 3600.05


async def test_running_time_keeps_no_old_sleepers() -> None:
    clock = SteppableClock(0.0, running=True)
    await asyncio.gather(*(clock.sleep(0.001 * n) for n in range(20)))
    assert clock._sleepers == []


async def test_a_later_sleeper_does_not_delay_an_earlier_one() -> None:
    clock = SteppableClock(0.0, running=True)
    later = asyncio.create_task(clock.sleep(600))
    await settled()
    async with asyncio.timeout(60):
        await clock.sleep(0.01)
    later.cancel()
    await settled()


async def test_the_real_clock() -> None:
    clock, event = RealClock(), asyncio.Event()
    assert abs(clock.now() - time.time()) < 5
    before = clock.monotonic()
    await clock.sleep(-1)
    await clock.sleep_until(before)
    await clock.sleep_until(before + 0.01)
    assert clock.monotonic() >= before + 0.009
    assert await clock.wait(event, 0.001) is False
    assert await clock.wait(event, -1) is False
    asyncio.get_running_loop().call_soon(event.set)
    assert await clock.wait(event, 60) is True
    assert await clock.wait(event, 0) is True
