"""One rate for several processes: how much of it they use together, and the most in any second.

    python -m benchmarks.shared postgresql://user@host:5432/db [--rate 1000] [--processes 4] [--seconds 20]

Each process is a pacer with the shared budget, on a new database of that server, with something to send all the time;
what it "sends" is the moment, on the machine's own monotonic clock. Sending itself is not in it: `benchmarks.rate` has
that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from bisect import bisect_left

from benchmarks import evidence
from benchmarks.bookkeeping import postgres_database
from bot.clock import RealClock
from bot.delivery.pacing import Pacer
from bot.delivery.shared import SharedBudget
from bot.ops.leadership import agree
from storage import open_storage

SETTLED = 2.0
"""Seconds at the beginning, and at the end, that do not count: processes start one after the other."""


async def child(url: str, rate: float, name: str, seconds: float) -> None:
    """Send as fast as the shared budget lets; the moments as JSON."""
    storage, clock = await open_storage(url), RealClock()
    while not await agree(storage, clock):
        pass
    pacer, sent = Pacer(rate, shared=True), []
    budget = SharedBudget(storage, clock, pacer, name)
    async with asyncio.TaskGroup() as tasks:
        reserving = tasks.create_task(budget.run())
        end = clock.monotonic() + seconds
        while (now := clock.monotonic()) < end:
            if (delay := pacer.delay(now)) > 0:
                await clock.sleep(delay)
                continue
            pacer.take(now)
            sent.append(now)
            await clock.sleep(0)
        reserving.cancel()
    await storage.close()
    json.dump(sent, sys.stdout)


def judge(sent: list[float], rate: float) -> tuple[float, float]:
    """The share of the rate that was used, and the most in any second in parts of the rate."""
    sent.sort()
    first, last = sent[0] + SETTLED, sent[-1] - SETTLED
    counted = sent[bisect_left(sent, first) : bisect_left(sent, last)]
    most = max(bisect_left(sent, at + 1) - n for n, at in enumerate(sent))
    return (len(counted) - 1) / (counted[-1] - counted[0]) / rate, most / rate


async def run(url: str, rate: float, processes: int, seconds: float) -> tuple[float, float]:
    """All processes at once; see `judge`."""
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.shared", url, "--child", f"p{n}", "--rate", str(rate),
            "--seconds", str(seconds), stdout=asyncio.subprocess.PIPE,
        )
        for n in range(processes)
    ]  # fmt: skip
    told = await asyncio.gather(*(one.communicate() for one in children))
    moments: list[list[float]] = [json.loads(out) for out, _ in told]
    share, most = judge([moment for of_one in moments for moment in of_one], rate)
    parts = ", ".join(f"{len(of_one) / seconds:.0f}" for of_one in moments)
    print(f"{rate:g}/s by {processes} processes: {share:.3f} of it, at most {most:.3f} in any second ({parts})")
    return share, most


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(child(options.url, options.rate, options.child, options.seconds))
        return
    figures = []
    for rate in [options.rate] if options.rate else [1000.0, 29.0]:
        url = asyncio.run(postgres_database(options.url))
        try:
            share, most = asyncio.run(run(url, rate, options.processes, options.seconds))
        finally:
            asyncio.run(postgres_database(options.url, drop=url.rsplit("/", 1)[1]))
        words = f"{rate:g}/s by {options.processes} processes"
        # At 29/s one message more is 1.034, and Telegram takes 30.
        least, bound = (">= 0.98", "<= 1.03") if rate >= 100 else (">= 0.95", "<= 1.035")
        figures.append(evidence.Figure(f"{rate:g}", f"{words}: share used", share, "", wanted=least))
        figures.append(evidence.Figure(f"{rate:g} most", f"{words}: most in any second", most, "", wanted=bound))
    evidence.save("shared", *figures)


if __name__ == "__main__":
    main()
