"""The shared budget: places are spaced, breaking news has them first, a 429 holds and slows everybody."""

from __future__ import annotations

import asyncio

import pytest

from storage import Storage

START = 1_700_000_000.0


async def reserve(storage: Storage, worker: str = "a", places: int = 10, **options: object) -> tuple[float, float]:
    """When its places begin (seconds from START), or how long to wait: as a negative number; and the rate."""
    given = {"allowed": 1000.0, "now": START, **options}
    grant = await storage.budgets.reserve("bulk", worker, places, **given)  # type: ignore[arg-type]
    assert grant.at > 1.7e9
    return (-grant.wait if grant.wait else grant.start - START), grant.rate


async def test_places_of_all_processes_follow_each_other(storage: Storage) -> None:
    assert await reserve(storage, now=START - 9)
    starts = await asyncio.gather(*(reserve(storage, f"w{n}") for n in range(8)))
    assert sorted(start for start, _ in starts) == pytest.approx([n * 0.01 for n in range(8)], abs=1e-5)
    assert {rate for _, rate in starts} == {1000.0}
    assert await reserve(storage, now=START + 5) == pytest.approx((5.0, 1000.0)), "what nobody took is lost"
    assert await reserve(storage, now=START + 4, places=1) == pytest.approx((5.01, 1000.0)), "a clock that is behind"


async def test_while_breaking_news_waits_the_places_are_its(storage: Storage) -> None:
    assert (await reserve(storage, "a", urgent=True))[0] == pytest.approx(0.0)
    assert (await reserve(storage, "b"))[0] < 0
    assert (await reserve(storage, "a"))[0] == pytest.approx(0.01, abs=1e-5), "whatever it sends besides is its own"
    assert (await reserve(storage, "c", urgent=True))[0] == pytest.approx(0.02, abs=1e-5)
    assert (await reserve(storage, "b", reply=True))[0] == pytest.approx(0.03, abs=1e-5)
    assert (await reserve(storage, "b", now=START + 0.6))[0] == pytest.approx(0.6, abs=1e-5)


async def test_a_429_holds_everybody_and_slows_once_a_pause(storage: Storage) -> None:
    await reserve(storage)
    await storage.budgets.hold("bulk", 7.0, now=START, slower=True)
    await storage.budgets.hold("bulk", 3.0, now=START + 1, slower=True)
    assert (await reserve(storage, "b", now=START + 1))[0] == pytest.approx(-6.0)
    assert (await reserve(storage, "b", now=START + 1, urgent=True))[0] < 0, "breaking news, too"
    assert (await reserve(storage, "b", now=START + 1, reply=True))[1] == pytest.approx(950.0), "replies are not held"
    assert await reserve(storage, "b", now=START + 7) == pytest.approx((7.0, 950.0), abs=1e-3)
    assert (await reserve(storage, now=START + 12))[1] == pytest.approx(959.5), "it creeps back, every ten seconds"
    assert (await reserve(storage, now=START + 13))[1] == pytest.approx(959.5)
    for n in range(8):
        rate = (await reserve(storage, now=START + 30 + 10 * n))[1]
    assert rate == 1000.0
    await storage.budgets.hold("bulk", 1.0, now=START + 200, slower=False)
    assert (await reserve(storage, now=START + 202))[1] == 1000.0
    for n in range(60):
        await storage.budgets.hold("bulk", 1.0, now=START + 300 + 2 * n, slower=True)
    assert (await reserve(storage, now=START + 500))[1] == pytest.approx(252.5), "a quarter is the least"
