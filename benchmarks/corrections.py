"""How soon the first edit of a correction leaves when a million readers have the post: run by hand, nothing is sent.

    .venv/bin/python -m benchmarks.corrections                       SQLite, 1,000,000 copies
    .venv/bin/python -m benchmarks.corrections --readers 50000       fewer

The sender idles, the correction is written, the sender is woken; measured are the moments of the first edits on the
edge to Telegram, and that a withdrawal's first deletion is as quick.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import replace
from zoneinfo import ZoneInfo

from benchmarks import evidence
from benchmarks.bookkeeping import Bookkeeper, fill, launch
from bot.app import spare_the_collector
from bot.clock import RealClock
from bot.delivery.audience import Offer
from bot.delivery.lanes import Lanes
from bot.delivery.pacing import Pacer
from bot.delivery.renderings import Renderings
from bot.delivery.sender import Sender
from bot.domain.delivery import Outcome, Sent
from bot.domain.post import RichText
from bot.i18n import Words
from bot.posts.compose import PostStyle
from storage import Storage, open_storage
from tests.factories import correct, withdraw

RATE, SEEN = 29.0, 20
FIGURES = {
    "correction": ("first", "The first edit of a correction leaves after"),
    "withdrawal": ("deletion", "The first deletion of a withdrawal leaves after"),
}


class Wire:
    """The edge to Telegram: notes the moment of each call."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, str]] = []
        self.heard = asyncio.Event()

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """See `amend.Deliverer`."""
        self.calls.append((time.perf_counter(), method))
        if len(self.calls) >= SEEN:
            self.heard.set()
        await asyncio.sleep(0.08)
        return Sent(len(self.calls))


async def measure(storage: Storage) -> list[evidence.Figure]:
    """One correction and one withdrawal of a post that everybody has."""
    broadcast = await launch(storage)
    keeper = Bookkeeper(storage, broadcast)
    await keeper.run()
    while not await storage.broadcasts.finish(broadcast, now=200):  # breaking news goes round twice
        await keeper.run()
    clock, wire, stop = RealClock(), Wire(), asyncio.Event()
    lanes = Lanes(storage, clock, "w", rate=RATE, offer=Offer(("ru", "kk")), home="Asia/Almaty")
    words = Words.load(("ru", "kk"))
    renderings = Renderings(words, [], lambda post: PostStyle(), ZoneInfo("Asia/Almaty"), "D", "https://t.me/x")
    # the receipts are of epoch 0: moved to now, so that a withdrawal may delete
    await storage.engine.write("UPDATE broadcast SET started_at = :now", now=int(clock.now()))
    sender = Sender(storage, wire, Pacer(RATE), renderings, lanes, clock, worker="w")
    figures = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.run(stop))
        await asyncio.sleep(1.5)
        for name in ("correction", "withdrawal"):
            (post,) = await storage.posts.get(broadcast.posts)
            wire.calls.clear()
            wire.heard.clear()
            began, now = time.perf_counter(), int(clock.now())
            if name == "correction":
                started = await correct(storage, replace(post, texts={"ru": RichText("y")}), now=now)
            else:
                started = await withdraw(storage, post, now=now)
            written = time.perf_counter() - began
            assert started
            sender.wake()
            await wire.heard.wait()
            methods = {method for _, method in wire.calls[-3:]}
            first = [f"{(at - began) * 1000:.0f}" for at, method in wire.calls if method in methods]
            print(
                f"{name} of {keeper.done} copies: written after {written * 1000:.0f} ms, first {'/'.join(methods)}"
                f" after {first[0]} ms, {len(first)}th after {first[-1]} ms"
            )
            id_, what = FIGURES[name]
            figures.append(evidence.Figure(id_, what, float(first[0]), "ms", wanted="<= 1000"))
        began = time.perf_counter()
        progress = await storage.broadcasts.progress(started[0])
        print(f"progress() of it: {(time.perf_counter() - began) * 1000:.0f} ms, {progress.total} copies in all")
        stop.set()
    return figures


async def main() -> None:
    """Fill a database, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
        try:
            await fill(storage, options.readers)
            spare_the_collector()
            evidence.save("corrections", *await measure(storage), evidence.Figure("n", "Copies", options.readers, ""))
        finally:
            await storage.close()


if __name__ == "__main__":
    asyncio.run(main())
