"""Several senders on one PostgreSQL: whose readers are whose, what a lost lease means, who takes over. No HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bot.delivery.lanes import Lanes
from bot.domain.delivery import Lane
from bot.domain.errors import StorageBusy
from storage import Storage
from storage.deliveries import Deliveries
from tests.delivery.crew import on_the_wire
from tests.factories import subscribe

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])
THIEF = 10**14


async def test_a_lost_block_is_left_alone_until_it_can_be_had_again(storage: Storage) -> None:
    """As after a machine stood still, its clock with it: somebody else has the block by then."""
    chats = range(1, 301)
    await subscribe(storage, chats, 1)
    crew, wire = on_the_wire(storage, rate=100, speed=10)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await wire.until(lambda: len(wire.log) > 50)
        for table in ("block_owner", "lease"):
            await storage.engine.write(f"UPDATE {table} SET worker = 'thief', until = {THIEF}")
        await crew.clock.sleep(3)
        before = len(wire.log)
        assert before < 300
        await crew.clock.sleep(5)
        assert len(wire.log) == before
        for table in ("block_owner", "lease"):
            await storage.engine.write(f"UPDATE {table} SET until = 0")
        await crew.done(broadcast)
    assert Counter(chat for _, chat, _ in wire.log) == Counter(dict.fromkeys(chats, 1))


async def test_who_cannot_prolong_its_leases_stops_in_time(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = range(1, 1501)
    await subscribe(storage, chats, 1)
    crew, wire = on_the_wire(storage, rate=30, speed=5)
    broadcast = await crew.broadcast(await crew.post("Финал"))

    async def busy(*_: object, **__: object) -> None:
        raise StorageBusy("cut off")

    async with crew.sending():
        await wire.until(lambda: len(wire.log) > 30)
        monkeypatch.setattr(Deliveries, "settle", busy)
        began = crew.clock.monotonic()
        await crew.clock.sleep(Lanes.lease + 3)
        assert began < wire.log[-1][0] < began + Lanes.lease
        monkeypatch.undo()
        wire.seconds = 0.001
        crew.pacer.allowed = crew.pacer.rate = 1000
        await crew.done(broadcast)
    assert Counter(chat for _, chat, _ in wire.log) == Counter(dict.fromkeys(chats, 1))


async def test_two_share_the_blocks_and_keep_the_order_of_each_chat(storage: Storage) -> None:
    for n in range(6):
        await subscribe(storage, range(1 + n * 1000, 1 + n * 1000 + 30), 1)
        await storage.engine.write(f"UPDATE reader SET id = {1024 * n} + chat_id % 1000 WHERE chat_id > {n * 1000}")
    crew, wire = on_the_wire(storage, rate=100, speed=10)
    casts = [await crew.broadcast(await crew.post(f"Пост {n}")) for n in range(5)]
    async with crew.sending("a"), crew.sending("b"):
        await crew.done(*casts)
        owners = await storage.engine.fetch("SELECT worker, COUNT(*) FROM block_owner GROUP BY worker")
    assert {row[0] for row in owners} == {"a", "b"}
    by_chat: dict[int, list[str]] = {}
    for _, chat, text in wire.log:
        by_chat.setdefault(chat, []).append(text[:6])
    assert len(by_chat) == 180
    assert all(texts == [f"Пост {n}" for n in range(5)] for texts in by_chat.values())


async def test_a_dead_workers_readers_wait_no_longer_than_its_lease(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even while the others have enough to do."""
    monkeypatch.setattr(Lanes, "lease", 3.0)
    await subscribe(storage, range(1, 3000), 1)
    crew, wire = on_the_wire(storage, rate=30, speed=1)
    broadcast = await crew.broadcast(await crew.post("Финал"), lane=Lane.REGULAR)
    (cast,) = await storage.broadcasts.open()
    now = int(crew.clock.now() * 1000)
    until = now + int(Lanes.lease * 1000)
    claim = await storage.deliveries.claim(cast, "dead", 1, now=now, until=until)
    assert claim
    his = range(claim.block << 10, (claim.block + 1) << 10)
    began = crew.clock.monotonic()
    async with crew.sending():
        async with asyncio.timeout(60):
            while not any(chat in his for _, chat, _ in wire.log):
                wire.heard.clear()
                await wire.heard.wait()
        assert crew.clock.monotonic() - began < Lanes.lease + 2
        assert len(wire.log) > 10, "while it had enough to do"
        wire.seconds = 0.001
        crew.pacer.allowed = crew.pacer.rate = 3000
        await crew.done(broadcast)
    assert len({chat for _, chat, _ in wire.log}) == len(wire.log) == 2999
