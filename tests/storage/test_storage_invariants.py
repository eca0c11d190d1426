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
    """What one sender has in memory: leased blocks of a broadcast, read up to whom, and readers not settled."""

    name: str
    blocks: dict[tuple[int, int], int] = field(default_factory=dict)
    whole: set[tuple[int, int]] = field(default_factory=set)
    unsent: list[tuple[tuple[int, int] | None, Broadcast, int]] = field(default_factory=list)


class World:
    """The model beside the database: whose block it is until when, who has left, who was told what. Two broadcasts."""

    def __init__(self, storage: Storage, broadcasts: list[Broadcast]) -> None:
        self.storage, self.broadcasts = storage, broadcasts
        self.now = 100
        self.workers = [Worker(f"w{n}") for n in range(3)]
        self.owners: dict[int, tuple[str, int]] = {}
        self.leases: dict[tuple[int, int], str] = {}
        self.taken: list[tuple[int, int]] = []
        self.left: set[int] = set()
        self.finished: set[int] = set()

    async def step(self, what: str, who: int, number: int) -> None:
        await getattr(self, what)(self.workers[who], number)

    def is_anothers(self, place: int, worker: Worker) -> bool:
        name, until = self.owners.get(place, ("", 0))
        return name != worker.name and until > self.now

    async def claim(self, worker: Worker, number: int) -> None:
        broadcast = self.broadcasts[number % 2]
        claim = await self.storage.deliveries.claim(
            broadcast, worker.name, 1, now=self.now * 1000, until=(self.now + LEASE) * 1000
        )
        if claim is None:
            return
        key, place = (broadcast.id, claim.block), claim.block % broadcast.blocks
        assert not self.is_anothers(place, worker), f"{key} is {self.owners[place]}'s"
        for (id_, block), name in self.leases.items():
            here = id_ == broadcast.id or block % broadcast.blocks != place
            assert here or id_ > broadcast.id or name == worker.name, "an earlier broadcast is not through here"
        if key not in self.leases:
            assert key not in self.taken, "a block that was given back came again"
            self.taken.append(key)
        self.leases[key], self.owners[place] = worker.name, (worker.name, self.now + LEASE)
        worker.blocks[key] = 0
        worker.whole.discard(key)

    async def read(self, worker: Worker, number: int) -> None:
        open_ = sorted(set(worker.blocks) - worker.whole)
        if not open_:
            return
        key = open_[number % len(open_)]
        broadcast = next(one for one in self.broadcasts if one.id == key[0])
        readers = await self.storage.deliveries.read(broadcast, key[1], worker.blocks[key], 2)
        for reader in readers:
            assert reader.id >> 10 == key[1] % broadcast.blocks
            assert reader.id not in self.left
            assert reader.id <= broadcast.horizon
            worker.unsent.append((key, broadcast, reader.id))
            worker.blocks[key] = reader.id
        if len(readers) < 2:
            worker.whole.add(key)

    async def settle(self, worker: Worker, number: int) -> None:
        done, worker.unsent = worker.unsent[: number + 1], worker.unsent[number + 1 :]
        waits = [worker.name != "last" and (id_ + number) % 4 == 0 for _, _, id_ in done]
        results = [Result.WAITING if wait else Result.SENT for wait in waits]
        receipts = [
            receipt(broadcast, id_, result, due_at=self.now + 5 if result is Result.WAITING else None)
            for (_, broadcast, id_), result in zip(done, results, strict=True)
        ]
        busy = {key for key, _, _ in worker.unsent}
        given_back = [key for key in worker.whole if key not in busy]
        places = {key[1] % self.broadcasts[0].blocks for key in worker.blocks}
        await self.storage.deliveries.settle(
            receipts,
            given_back,
            worker=worker.name,
            until=(self.now + LEASE) * 1000,
            now=self.now,
            leases=list(worker.blocks),
            blocks=places,
        )
        for key in given_back:
            del worker.blocks[key]
            worker.whole.discard(key)
            if self.leases.get(key) == worker.name:
                del self.leases[key]
        for place in places:
            if self.owners[place][0] == worker.name:
                self.owners[place] = (worker.name, self.now + LEASE)

    async def due(self, worker: Worker, number: int) -> None:
        found = await self.storage.deliveries.due(
            worker.name, now=self.now, again=self.now + 60, until=(self.now + LEASE) * 1000, limit=2
        )
        assert not {reader.id for _, _, reader in found} & self.left
        for id_, _, reader in found:
            assert not self.is_anothers(reader.id >> 10, worker)
            self.owners[reader.id >> 10] = (worker.name, self.now + LEASE)
            worker.unsent.append((None, next(one for one in self.broadcasts if one.id == id_), reader.id))
        mine = await self.storage.deliveries.owned(worker.name)
        for place in mine - {place for place, (name, _) in self.owners.items() if name == worker.name}:
            self.owners[place] = (worker.name, self.now + LEASE)  # of waiting readers who had left

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
        broadcast = self.broadcasts[number % 2]
        if await self.storage.broadcasts.finish(broadcast, now=self.now):
            assert broadcast.id not in self.finished
            assert not any(id_ == broadcast.id for id_, _ in self.leases)
            self.finished.add(broadcast.id)
            assert set(READERS) - self.left <= set(await self.results(broadcast))

    async def results(self, broadcast: Broadcast) -> dict[int, int]:
        rows = await self.storage.engine.fetch(
            "SELECT reader_id, outcome FROM receipt WHERE due_at IS NULL AND broadcast_id = :id", id=broadcast.id
        )
        return {row[0]: row[1] for row in rows}

    async def drain(self) -> None:
        """The others are dead; one worker does the rest."""
        worker = Worker("last")
        self.workers.append(worker)
        for _ in range(60):
            if len(self.finished) == len(self.broadcasts):
                return
            self.now += 200
            for number in range(2):
                await self.claim(worker, number)
            for _ in range(12):
                await self.read(worker, 0)
            await self.due(worker, 0)
            await self.settle(worker, 99)
            for number in range(2):
                await self.finish(worker, number)
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
    broadcasts = [await running(storage, start=place, lane=lane) for place in (start, start / 2)]
    world = World(storage, broadcasts)
    for step in steps:
        await world.step(*step)
    await world.drain()
    for broadcast in broadcasts:
        assert sorted(block for id_, block in world.taken if id_ == broadcast.id) == list(range(broadcast.turns))
        results = await world.results(broadcast)
        assert set(READERS) - world.left <= {id_ for id_, result in results.items() if result == Result.SENT}
        assert set(results) <= set(READERS)
        assert (await storage.broadcasts.progress(broadcast.id)).waiting == 0
