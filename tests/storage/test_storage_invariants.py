"""What deliveries promise, over random interleavings of workers that claim, read, settle, crash and are late."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_help import everything, receipt, running, settled_down, tables

from bot.domain.delivery import Broadcast, Lane, Result
from storage import Storage

READERS = [1, 2, 3, 1023, 1024, 1030, 2047, 2048, 2500, 4000]
LEASE = 30

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["claim", "claim", "read", "read", "settle", "settle", "due", "crash", "time", "leave", "finish"]
        ),
        st.integers(0, 2),
        st.integers(0, 9),
    ),
    max_size=40,
)


@dataclass
class Worker:
    """What one sender has in memory."""

    name: str
    blocks: dict[int, int] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)
    unsent: list[tuple[int | None, int]] = field(default_factory=list)


class World:
    """The model beside the database: who leases what until when, who has left, who was told what."""

    def __init__(self, storage: Storage, broadcast: Broadcast) -> None:
        self.storage, self.broadcast = storage, broadcast
        self.now = 100
        self.workers = [Worker(f"w{n}") for n in range(3)]
        self.leases: dict[int, tuple[str, int]] = {}
        self.circle: list[int] = []
        self.left: set[int] = set()
        self.finished = False

    async def step(self, what: str, who: int, number: int) -> None:
        await getattr(self, what)(self.workers[who], number)

    async def claim(self, worker: Worker, number: int) -> None:
        claim = await self.storage.deliveries.claim(
            self.broadcast, worker.name, 1, now=self.now, until=self.now + LEASE
        )
        block = claim.block if claim else None
        if block is None:
            first_round = len(self.circle) == self.broadcast.blocks and min(self.leases, default=99) < len(self.circle)
            assert self.finished or len(self.circle) == self.broadcast.turns or first_round
            assert self.finished or not [b for b, (_, until) in self.leases.items() if until <= self.now]
            return
        if block in self.leases:
            assert self.leases[block][1] <= self.now, f"block {block} is leased by {self.leases[block]}"
        else:
            assert block not in self.circle, "a block that was given back came again"
            self.circle.append(block)
        self.leases[block] = (worker.name, self.now + LEASE)
        worker.blocks[block] = 0
        worker.whole.discard(block)

    async def read(self, worker: Worker, number: int) -> None:
        open_ = sorted(set(worker.blocks) - worker.whole)
        if not open_:
            return
        block = open_[number % len(open_)]
        readers = await self.storage.deliveries.read(self.broadcast, block, worker.blocks[block], 2)
        for reader in readers:
            assert reader.id >> 10 == block % self.broadcast.blocks
            assert reader.id not in self.left
            assert reader.id <= self.broadcast.horizon
            worker.unsent.append((block, reader.id))
            worker.blocks[block] = reader.id
        if len(readers) < 2:
            worker.whole.add(block)

    async def settle(self, worker: Worker, number: int) -> None:
        done, worker.unsent = worker.unsent[: number + 1], worker.unsent[number + 1 :]
        waits = [worker.name != "last" and (id_ + number) % 4 == 0 for _, id_ in done]
        results = [Result.WAITING if wait else Result.SENT for wait in waits]
        receipts = [
            receipt(self.broadcast, id_, result, due_at=self.now + 5 if result is Result.WAITING else None)
            for (_, id_), result in zip(done, results, strict=True)
        ]
        busy = {block for block, _ in worker.unsent}
        given_back = [block for block in worker.whole if block not in busy]
        await self.storage.deliveries.settle(
            receipts,
            [(self.broadcast.id, block) for block in given_back],
            worker=worker.name,
            until=self.now + LEASE,
            now=self.now,
        )
        for block in given_back:
            del worker.blocks[block]
            worker.whole.discard(block)
            if self.leases.get(block, ("",))[0] == worker.name:
                del self.leases[block]
        for block, (name, _) in list(self.leases.items()):
            if name == worker.name:
                self.leases[block] = (name, self.now + LEASE)

    async def due(self, worker: Worker, number: int) -> None:
        found = await self.storage.deliveries.due(now=self.now, again=self.now + 60, limit=2)
        assert not {reader.id for _, _, reader in found} & self.left
        worker.unsent += [(None, reader.id) for _, _, reader in found]

    async def crash(self, worker: Worker, number: int) -> None:
        worker.blocks.clear()
        worker.whole.clear()
        worker.unsent.clear()

    async def time(self, worker: Worker, number: int) -> None:
        self.now += number * 7

    async def leave(self, worker: Worker, number: int) -> None:
        await self.storage.readers.leave(READERS[number], now=self.now)
        self.left.add(READERS[number])

    async def finish(self, worker: Worker, number: int) -> None:
        if await self.storage.broadcasts.finish(self.broadcast, now=self.now):
            assert not self.finished
            assert not self.leases
            self.finished = True
            assert set(READERS) - self.left <= set(await self.results())

    async def results(self) -> dict[int, int]:
        rows = await self.storage.engine.fetch("SELECT reader_id, outcome FROM receipt WHERE due_at IS NULL")
        return {row[0]: row[1] for row in rows}

    async def drain(self) -> None:
        """The others are dead; one worker does the rest."""
        worker = Worker("last")
        self.workers.append(worker)
        for _ in range(60):
            if self.finished:
                return
            self.now += 200
            await self.claim(worker, 0)
            for _ in range(6):
                await self.read(worker, 0)
            await self.due(worker, 0)
            await self.settle(worker, 99)
            await self.finish(worker, 0)
        raise AssertionError(f"does not end: {await everything(self.storage)}")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, start=st.floats(0, 1), lane=st.sampled_from([Lane.REGULAR, Lane.BREAKING]))
async def test_everybody_who_stays_is_served_and_nobody_by_two_at_once(
    storage: Storage, steps: list[tuple[str, int, int]], start: float, lane: Lane
) -> None:
    for name in await tables(storage.engine):
        if name != "meta":
            await storage.engine.write(f"DELETE FROM {name}")
    await settled_down(storage, READERS)
    await storage.engine.write("UPDATE reader SET active_day = -9 WHERE id % 2 = 0")  # the second time round
    broadcast = await running(storage, start=start, lane=lane)
    world = World(storage, broadcast)
    for step in steps:
        await world.step(*step)
    await world.drain()
    blocks = [(broadcast.start_block + n) % broadcast.blocks for n in range(broadcast.blocks)]
    again = [broadcast.blocks + block for block in blocks] if lane is Lane.BREAKING else []
    assert world.circle == blocks + again, "the circle wraps around from its start"
    results = await world.results()
    assert set(READERS) - world.left <= {id_ for id_, result in results.items() if result == Result.SENT}
    assert set(results) <= set(READERS)
    assert (await storage.broadcasts.progress(broadcast.id)).waiting == 0
