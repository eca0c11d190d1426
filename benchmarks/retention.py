"""What a week takes on the disk, and what forgetting it costs: `python -m benchmarks.retention [postgresql://…]`.

A few whole broadcasts are written as `bot/delivery` writes them; the bytes of one receipt, its indexes included, are
what a week of twenty broadcasts a day to a million readers is reckoned from. Then the oldest is forgotten while another
is written at a thousand a second: how much faster forgetting is than writing, and what a receipt waits meanwhile.
`--readers 200000 --broadcasts 4`
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time

from benchmarks import evidence
from benchmarks.bookkeeping import AUDIENCE, Bookkeeper, fill, postgres_database
from bot.domain.delivery import Broadcast
from bot.domain.post import Post, PostKind, RichText
from storage import Storage, open_storage
from tests.factories import launched

WEEK = 7 * 20
MILLION = 1_000_000
RATE = 1000


async def launch(storage: Storage) -> Broadcast:
    """One more broadcast that runs."""
    post = Post(0, PostKind.BREAKING, 1, 0, 1, texts={"ru": RichText("x")})
    await launched(storage, post, AUDIENCE, start=0.4, due=0, now=0)
    await storage.engine.write("UPDATE broadcast SET state = 'running' WHERE state = 'countdown'")
    return (await storage.broadcasts.open())[-1]


async def size(storage: Storage) -> int:
    """The database's bytes, once what is in the log is where it belongs."""
    if storage.engine.dialect.name == "sqlite":
        await storage.engine.shred()
    return await storage.meta.size()


async def measure(url: str, readers: int, broadcasts: int) -> dict[str, float]:
    """See the module."""
    storage = await open_storage(url)
    try:
        await fill(storage, readers)
        empty, done, first = await size(storage), 0, 0
        for _ in range(broadcasts):
            keeper = Bookkeeper(storage, await launch(storage))
            while not await storage.broadcasts.finish(keeper.broadcast, now=200):
                await keeper.run()  # the second time round begins when all of the first is given back
            first, done = first or keeper.broadcast.id, done + keeper.done
        per_receipt = (await size(storage) - empty) / done
        await storage.engine.write("UPDATE broadcast SET finished_at = 1 WHERE id = :id", id=first)
        waits: list[float] = []
        settle = storage.deliveries.settle

        async def timed(*args: object, **kwargs: object) -> None:
            began = time.perf_counter()
            await settle(*args, **kwargs)  # type: ignore[arg-type]
            waits.append(time.perf_counter() - began)

        storage.deliveries.settle = timed  # type: ignore[method-assign]
        keeper = Bookkeeper(storage, await launch(storage))
        writing = asyncio.create_task(keeper.run(rate=RATE))
        await asyncio.sleep(1)
        waits.clear()
        began, before = time.monotonic(), keeper.done
        await storage.deliveries.prune(100)
        took, written = time.monotonic() - began, keeper.done - before
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        waits.sort()
        return {
            "bytes": per_receipt,
            "GB a week": per_receipt * WEEK * MILLION / 1e9,
            "forgotten/s": done / broadcasts / took,
            "written/s": written / took,
            "p50 ms": waits[len(waits) // 2] * 1e3,
            "p99 ms": waits[int(len(waits) * 0.99)] * 1e3,
        }
    finally:
        await storage.close()


async def on_new_database(base: str, readers: int, broadcasts: int) -> dict[str, float]:
    """Measure on a database of our own."""
    if not base:
        with tempfile.TemporaryDirectory(prefix="retention-") as folder:
            return await measure(f"sqlite:///{folder}/newsdesk.db", readers, broadcasts)
    url = await postgres_database(base)
    try:
        return await measure(url, readers, broadcasts)
    finally:
        await postgres_database(base, drop=url.rsplit("/", 1)[1])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--broadcasts", type=int, default=4)
    options = parser.parse_args()
    figures = []
    for name, base in [("SQLite", ""), *([("PostgreSQL", options.url)] if options.url else [])]:
        found = asyncio.run(on_new_database(base, options.readers, options.broadcasts))
        print(f"{name}: " + ", ".join(f"{what} {value:,.1f}" for what, value in found.items()))
        how = f"from {options.broadcasts} broadcasts to {options.readers:,}"
        figures += [
            evidence.Figure(f"{name} bytes", f"{name}: a receipt with its indexes", found["bytes"], "bytes", note=how),
            evidence.Figure(
                f"{name} week", f"{name}: a week of 20 broadcasts a day to 1 M readers", found["GB a week"], "GB",
                note=f"reckoned {how}",
            ),
            evidence.Figure(
                f"{name} forget", f"{name}: receipts forgotten while {RATE}/s are written", found["forgotten/s"], "/s",
                "written", found["written/s"], ">= 1",
            ),
            evidence.Figure(f"{name} wait", f"{name}: a group of receipts meanwhile, p99", found["p99 ms"], "ms"),
        ]  # fmt: skip
    evidence.save("retention", *figures)


if __name__ == "__main__":
    main()
