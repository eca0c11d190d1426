"""How soon breaking news leaves while a regular post goes to 100,000 readers: run by hand, nothing is sent.

    python -m benchmarks.breaking                       29 and 970 a second
    python -m benchmarks.breaking --readers 20000       fewer

The sender is in the middle of the regular send when an editor's breaking news begins: its audience is counted, its
broadcast is written, the sender is woken. Measured is the moment of its first message on the edge to Telegram, where a
round trip takes 80 ms, ten times for each rate. Readers have quiet hours, volumes and mutes.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time

from benchmarks import evidence
from benchmarks.delivery import prepared, renderings
from bot.app import spare_the_collector
from bot.clock import RealClock
from bot.delivery.audience import Offer
from bot.delivery.lanes import Lanes
from bot.delivery.pacing import Pacer
from bot.delivery.sender import Sender
from bot.domain.delivery import Audience, Lane, Outcome, Sent
from bot.domain.delivery import BroadcastState as State
from bot.domain.post import Post, PostKind, RichText
from storage import Storage
from tests.factories import launched

TIMES = 10
RATES = (29, 970)
AUDIENCE = Audience(breaking=True)


class Wire:
    """The edge to Telegram: says when the text that is waited for goes by."""

    def __init__(self) -> None:
        self.calls = 0
        self.text = b"?"
        self.at = asyncio.get_running_loop().create_future()

    def wait_for(self, text: str) -> asyncio.Future[float]:
        """The moment at which a message with that text leaves."""
        self.text, self.at = text.encode(), asyncio.get_running_loop().create_future()
        return self.at

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """See `amend.Deliverer`."""
        self.calls += 1
        if self.text in body and not self.at.done():
            self.at.set_result(time.perf_counter())
        await asyncio.sleep(0.08)
        return Sent(self.calls)


async def measure(storage: Storage, rate: int) -> list[float]:
    """Milliseconds from an editor's «now» to the first message, in order."""
    clock, wire, stop = RealClock(), Wire(), asyncio.Event()
    lanes = Lanes(storage, clock, "w", rate=rate, offer=Offer(("ru",), ("ru",)), home="Asia/Almaty")
    sender = Sender(storage, wire, Pacer(rate), renderings(), lanes, clock, worker="w")
    took = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.run(stop))
        for n in range(TIMES):
            await asyncio.sleep(2.0)
            words = f"breaking {rate} {n}"
            first, began, now = wire.wait_for(words), time.perf_counter(), int(clock.now())
            post = Post(0, PostKind.BREAKING, 1, 0, now, texts={"ru": RichText(words)})
            total = await storage.readers.count(AUDIENCE)
            id_ = await launched(storage, post, AUDIENCE, lane=Lane.BREAKING, total=total, due=now, now=now)
            await storage.broadcasts.change(id_, State.RUNNING, among=[State.COUNTDOWN], now=now)
            sender.wake()
            took.append((await first - began) * 1000)
            await storage.broadcasts.change(id_, State.STOPPED, among=[State.RUNNING], now=now)
            sender.wake()
        stop.set()
    return sorted(took)


async def main() -> None:
    """One database for each rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=100_000)
    options = parser.parse_args()
    figures = []
    for rate in RATES:
        with tempfile.TemporaryDirectory() as folder:
            storage = await prepared(folder, options.readers)
            spare_the_collector()
            took = await measure(storage, rate)
            await storage.close()
        print(f"{rate} a second, {options.readers:,} readers: " + ", ".join(f"{each:.0f}" for each in took) + " ms")
        what = f"First message of breaking news beside a post to {options.readers:,}, at {rate}/s, slowest of {TIMES}"
        figures.append(evidence.Figure(str(rate), what, took[-1], "ms", wanted="<= 250"))
    evidence.save("breaking", *figures)


if __name__ == "__main__":
    asyncio.run(main())
