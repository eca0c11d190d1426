"""Leaders: who may watch, poll and send."""

from __future__ import annotations

import asyncio

from storage_help import BIG

from storage import Storage


async def test_one_leads_until_its_time_is_over(storage: Storage) -> None:
    acquire = storage.leaders.acquire
    epochs = await asyncio.gather(*(acquire("send", f"copy-{n}", now=100, ttl=10) for n in range(6)))
    assert sorted(epochs, key=str) == [1] + [None] * 5
    leader = f"copy-{epochs.index(1)}"
    assert await acquire("send", leader, now=105, ttl=10) == 1
    assert await acquire("send", "new", now=114, ttl=10) is None
    assert await acquire("watch", "new", now=114, ttl=10) == 1
    assert await acquire("send", "new", now=115, ttl=10) == 2
    assert await acquire("send", leader, now=116, ttl=10) is None


async def test_a_lease_is_given_back_by_its_owner_only(storage: Storage) -> None:
    acquire = storage.leaders.acquire
    assert await acquire("send", "a", now=BIG - 20, ttl=10) == 1
    await storage.leaders.release("send", "b")
    await storage.leaders.release("unknown", "a")
    assert await acquire("send", "b", now=BIG - 19, ttl=10) is None
    await storage.leaders.release("send", "a")
    assert await acquire("send", "b", now=BIG - 19, ttl=10) == 2


async def test_whoever_holds_the_file_lock_takes_all_leases_over(storage: Storage) -> None:
    await storage.leaders.acquire("send", "dead", now=100, ttl=999)
    await storage.leaders.take_over()
    assert await storage.leaders.acquire("send", "new", now=101, ttl=10) == 2
