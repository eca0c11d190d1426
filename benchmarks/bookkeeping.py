"""What a broadcast's bookkeeping costs: run by hand, prints figures, nothing is sent.

    .venv/bin/python benchmarks/bookkeeping.py                       SQLite, 1,000,000 readers
    .venv/bin/python benchmarks/bookkeeping.py postgresql://…        that server, 200,000 readers, own database
    … --readers 50000 --seconds 5                                    smaller

Each figure comes from a process of its own, so that memory means something. The sizes are the sender's at 1,000
a second: 512 readers a read, receipts in groups of at most 512, blocks given back with them, reading and writing
side by side. Readers have quiet hours, volumes and mutes (`benchmarks.choices`); a regular post is counted for whoever
has a volume, breaking news goes round twice, first to who was active lately.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from benchmarks import evidence
from benchmarks.choices import choose
from bot.app import spare_the_collector
from bot.domain.delivery import Audience, Broadcast, Delivered, Lane, Marks
from bot.domain.post import Post, PostKind, RichText
from bot.domain.recipient import Recipient
from storage import Storage, open_storage
from storage.deliveries import Claim
from tests.factories import launched

CHUNK, GROUP, LEASE = 512, 512, 30
NOW = 1_790_000_000
DAY = NOW // 86_400
AUDIENCE = Audience(sections=0b1111, languages=("ru", "kk"))


async def fill(storage: Storage, readers: int) -> None:
    """Readers like those of a newsroom, each with sections of the audience."""
    sql = (
        "INSERT INTO reader (chat_id, language, state, sections, joined_at, consent_at, changed_at)"
        " VALUES (:chat, :language, 'active', :sections, 1, 1, 1)"
    )
    for first in range(0, readers, 20_000):
        numbers = range(first, min(first + 20_000, readers))
        await storage.engine.many(
            sql, [(5_000_000_000 + n * 7, "kk" if n % 3 else "ru", 1 << n % 4 | 1 << 20 + n % 9) for n in numbers]
        )
    await choose(storage, NOW, "Asia/Almaty")
    for table in ("reader", "receipt"):
        await storage.engine.write(f"ANALYZE {table}")


async def launch(storage: Storage, lane: Lane = Lane.BREAKING) -> Broadcast:
    """A broadcast to everybody that runs."""
    kind = PostKind.BREAKING if lane is Lane.BREAKING else PostKind.ARTICLE
    post = Post(0, kind, 1, 0, 1, texts={"ru": RichText("x")})
    await launched(storage, post, AUDIENCE, lane=lane, start=0.4, due=0, now=NOW)
    await storage.engine.write("UPDATE broadcast SET state = 'running'")
    return (await storage.broadcasts.open())[0]


@dataclass
class Bookkeeper:
    """A sender without Telegram: claims, reads and settles as `bot/delivery` does."""

    storage: Storage
    broadcast: Broadcast
    done: int = 0
    worker: str = "w"

    async def run(self, *, rate: float = 0.0, deadline: float = float("inf")) -> None:
        """Serve everybody; with a `rate` (deliveries a second) in groups of what 50 ms bring."""
        self._results: asyncio.Queue[tuple[list[Delivered], list[tuple[int, int]], Marks]] = asyncio.Queue(1)
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(rate))
            await self._read(min(GROUP, int(rate * 0.05)) if rate else GROUP, deadline)
            await self._results.join()
            writing.cancel()

    async def _read(self, group: int, deadline: float) -> None:
        receipts: list[Delivered] = []
        counts, marks = self.broadcast.lane is Lane.REGULAR, Marks()
        number = self.broadcast.id
        finished: list[tuple[int, int]] = []
        async for claim, readers in self._chunks(deadline):
            for reader in readers:
                after = reader.id
                receipts.append((number, after, after, 1, 1234))
                if counts and reader.limited and reader.ways.volume > 0:
                    marks.counted.append((DAY, after))
                if len(receipts) == group:
                    await self._results.put((receipts, finished, marks))
                    receipts, finished, marks = [], [], Marks()
            if claim is not None:
                finished.append((number, claim))
        await self._results.put((receipts, finished, marks))

    async def _chunks(self, deadline: float) -> AsyncIterator[tuple[int | None, list[Recipient]]]:
        """Readers, and which block ends with them; the next are read while these are booked."""
        deliveries = self.storage.deliveries
        while claim := await deliveries.claim(self.broadcast, self.worker, 1, now=100, until=100 + LEASE):
            after, more = 0, True
            reading = self._ahead(claim, after)
            while more and time.monotonic() < deadline:
                readers = await reading
                more = len(readers) == CHUNK and readers[-1].id & 1023 != 1023
                if more:
                    reading = self._ahead(claim, readers[-1].id)
                yield None if more else claim.block, readers
            if time.monotonic() >= deadline:
                break

    def _ahead(self, claim: Claim, after: int) -> asyncio.Task[list[Recipient]]:
        reading = self.storage.deliveries.read(self.broadcast, claim.block, after, CHUNK, fresh=claim.fresh)
        return asyncio.create_task(reading)

    async def _write(self, rate: float) -> None:
        began = time.monotonic()
        while True:
            receipts, finished, marks = await self._results.get()
            await self.storage.deliveries.settle(
                [], finished, worker=self.worker, until=100 + LEASE, now=100, sent=receipts, marks=marks
            )
            self.done += len(receipts)
            self._results.task_done()
            if rate:
                await asyncio.sleep(max(0.0, began + self.done / rate - time.monotonic()))


async def measure_broadcast(storage: Storage, seconds: float, lane: Lane = Lane.REGULAR) -> dict[str, float]:
    """A whole broadcast, as fast as it goes, and the memory it took."""
    began = time.perf_counter()
    audience = await storage.readers.count(AUDIENCE)
    counted = time.perf_counter() - began
    keeper = Bookkeeper(storage, await launch(storage, lane))
    cpu, began = time.process_time(), time.perf_counter()
    await keeper.run()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    while not await storage.broadcasts.finish(keeper.broadcast, now=NOW):  # the second time round breaking news goes
        cpu, began = time.process_time() - cpu, time.perf_counter() - took
        await keeper.run()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert keeper.done == audience, (keeper.done, audience)
    began = time.perf_counter()
    assert (await storage.broadcasts.progress(keeper.broadcast.id)).sent == audience
    return {
        "readers": audience,
        "µs per delivery": took / audience * 1e6,
        "µs of CPU": cpu / audience * 1e6,
        "count(audience) ms": counted * 1e3,
        "progress ms": (time.perf_counter() - began) * 1e3,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


async def measure_taps(storage: Storage, seconds: float) -> dict[str, float]:
    """Readers tick sections while 1000 deliveries a second are written: how long a tap waits."""
    keeper = Bookkeeper(storage, await launch(storage, Lane.REGULAR))
    waits: list[float] = []
    deadline = time.monotonic() + seconds

    async def tap() -> None:
        number = 0
        while time.monotonic() < deadline:
            number += 1
            began = time.perf_counter()
            await storage.readers.choose(number * 37 % 9000 + 1, 1 << 30, bool(number % 2), now=5)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)

    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keeper.run(rate=1000, deadline=deadline))
        tasks.create_task(tap())
    waits.sort()
    return {
        "deliveries per second": keeper.done / (time.monotonic() - began),
        "taps": len(waits),
        "tap p50 ms": waits[len(waits) // 2] * 1e3,
        "tap p99 ms": waits[int(len(waits) * 0.99)] * 1e3,
        "tap worst ms": waits[-1] * 1e3,
    }


async def measure_breaking(storage: Storage, seconds: float) -> dict[str, float]:
    """The same of breaking news, which goes round twice."""
    return await measure_broadcast(storage, seconds, Lane.BREAKING)


MEASURES = {"broadcast": measure_broadcast, "breaking": measure_breaking, "taps": measure_taps}


async def child(what: str, url: str, seconds: float) -> None:
    """One measurement in this process; its figures as JSON on stdout."""
    storage = await open_storage(url)
    spare_the_collector()  # as the bot does when it has started
    try:
        print(json.dumps(await MEASURES[what](storage, seconds)))
    finally:
        await storage.close()


async def prepared(url: str, readers: int) -> None:
    """A filled database at `url`."""
    storage = await open_storage(url)
    try:
        await fill(storage, readers)
    finally:
        await storage.close()


def measured(what: str, url: str, readers: int, seconds: float) -> dict[str, float]:
    """Fill a new database in one process, measure in another."""
    import subprocess

    asyncio.run(prepared(url, readers))
    command = [sys.executable, __file__, "--child", what, url, "--seconds", str(seconds)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    figures: dict[str, float] = json.loads(text)
    print(f"{what}, {readers:,} readers: " + ", ".join(f"{name} {value:,.2f}" for name, value in figures.items()))
    return figures


async def postgres_database(base: str, *, drop: str = "") -> str:
    """Create a database of our own on that server (or drop it); its address."""
    import asyncpg

    name = drop or f"bookkeeping_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(base)
    try:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)' if drop else f'CREATE DATABASE "{name}"')
    finally:
        await admin.close()
    return f"{base.rsplit('/', 1)[0]}/{name}"


def on_new_database(base: str, what: str, readers: int, seconds: float) -> dict[str, float]:
    """Measure on a database that did not exist before and does not afterwards."""
    if base:
        url = asyncio.run(postgres_database(base))
        try:
            return measured(what, url, readers, seconds)
        finally:
            asyncio.run(postgres_database(base, drop=url.rsplit("/", 1)[1]))
    with tempfile.TemporaryDirectory(prefix="bookkeeping-") as folder:
        return measured(what, f"sqlite:///{folder}/newsdesk.db", readers, seconds)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(child(options.child, options.url, options.seconds))
        return
    readers = options.readers or (200_000 if options.url else 1_000_000)
    few = on_new_database(options.url, "broadcast", 10_000, options.seconds)
    many = on_new_database(options.url, "broadcast", readers, options.seconds)
    grown = many["peak MB"] - few["peak MB"]
    print(f"memory grows by {grown:.1f} MB from 10,000 readers to {readers:,}")
    breaking = on_new_database(options.url, "breaking", readers, options.seconds)
    taps = on_new_database(options.url, "taps", readers, options.seconds)
    each = f"a delivery, {readers:,} readers with choices of their own"
    evidence.save(
        "bookkeeping",
        evidence.Figure("delivery", f"Reading and booking {each}", many["µs per delivery"], "µs", wanted="<= 3.5"),
        evidence.Figure("breaking", f"The same of breaking news, {each}", breaking["µs per delivery"], "µs"),
        evidence.Figure(
            "tap", "A settings tap during 1,000 deliveries/s, p99", taps["tap p99 ms"], "ms", wanted="<= 5"
        ),
        evidence.Figure("memory", f"Memory from 10,000 to {readers:,} readers", grown, "MB", wanted="<= 20"),
    )


if __name__ == "__main__":
    main()
