"""Everything at once: processes killed, halted, cut off from the database; that one killed; clocks a minute apart.

`CHAOS_READERS=100000 CHAOS_SEED=7 pytest -m prove -s tests/test_chaos.py` is the large run, with faults and without.
Invariants: nobody is left without a post, and what comes twice is bounded by what was in flight or unwritten at each
fault.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks import evidence
from bot.clock import RealClock
from bot.delivery.sender import MOST_IN_FLIGHT
from bot.sandbox.http import Sandbox
from tests.factories import feed_site
from tests.faults import SERVER, Network, network, own_server
from tests.processes import House, house

UNWRITTEN = 512
"""Receipts that a sender holds at most while the database does not take them."""
SKEWS = (-60.0, 25.0, 60.0, 0.0)
LEASE = 2


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(RealClock(), anti_spin=False) as server:
        yield server
    assert not server.violations


class Chaos:
    """Faults against the processes of a house: a service for each, with a way of its own to the database."""

    def __init__(self, made: House, services: list[str], networks: list[Network]) -> None:
        self.made, self.services, self.networks, self.lease = made, services, networks, made.lease
        self.counts: Counter[str] = Counter()

    async def begin(self) -> None:
        for n in range(len(self.services)):
            await self._start(n)

    async def _start(self, n: int) -> None:
        url, only = self.networks[n].url, self.services[n]
        pooled = f"{url}{'&' if '?' in url else '?'}pool=4"
        await self.made.start(f"p{n}", only, pooled, skew=SKEWS[n % len(SKEWS)])
        if not await self.made.up(f"p{n}"):  # no database at its start: a supervisor starts it again
            self.counts["ended at its start, without a database"] += 1
            await self._start(n)

    async def kill(self, n: int, rng: random.Random) -> None:
        await self.made.kill(f"p{n}")
        await asyncio.sleep(rng.uniform(0, self.lease))
        await self._start(n)
        self.counts[f"{self.services[n]} killed (-9)"] += 1

    async def halt(self, n: int, rng: random.Random) -> None:
        os.kill(self.made.pids[f"p{n}"], signal.SIGSTOP)
        await asyncio.sleep(self.lease * rng.uniform(1.2, 2))
        os.kill(self.made.pids[f"p{n}"], signal.SIGCONT)
        self.counts[f"{self.services[n]} halted beyond its lease"] += 1

    async def cut(self, n: int, rng: random.Random) -> None:
        self.networks[n].cut()
        await asyncio.sleep(self.lease * rng.uniform(0.5, 2))
        self.networks[n].heal()
        self.counts[f"{self.services[n]} cut off from the database"] += 1

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def judged(made: House, chaos: Chaos, words: list[str], chats: range) -> tuple[int, int, int]:
    """Missing, repeats, and the most copies that somebody has of one post."""
    missing = repeats = most = 0
    for word in words:
        copies = made.copies(word, chats)
        missing += copies.count(0)
        repeats += sum(copies) - len(copies) + copies.count(0)
        most = max(most, *copies)
    return missing, repeats, most


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_a_small_chaos(sandbox: Sandbox, database_url: str, engine_name: str, tmp_path: Path) -> None:
    """One fault of each kind, two senders two minutes apart, each beginning when sending is under way."""
    chats, rng = range(1, 101), random.Random(1)
    async with (
        house(sandbox, None, database_url, tmp_path, readers=100, stride=200, rate=50, lease=1) as made,
        network(database_url) as first,
        network(database_url) as second,
    ):
        chaos = Chaos(made, ["send", "send"], [first, second])
        await chaos.begin()
        words = ["Первая", "Вторая", "Третья"]
        for n, fault in enumerate((chaos.cut, chaos.kill, chaos.halt)):
            await made.publish(words[n])
            await sandbox.until(lambda n=n: sum(made.copies(words[n], chats)) > 20, timeout=30)
            await fault(n % 2, rng)
            await made.done()
        missing, repeats, most = judged(made, chaos, words, chats)
    assert missing == 0
    assert repeats <= 3 * 50, "at each fault no more than a second's"
    assert most <= 2


class Asking:
    """People who ask for help all the time, and how often they were answered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.people = [sandbox.people.add(chat, lang="ru") for chat in range(10**6, 10**6 + 8)]
        self.asked: Counter[int] = Counter()

    async def run(self) -> None:
        while True:
            for n, person in enumerate(self.people):
                await person.send("/help")
                self.asked[n] += 1
                await asyncio.sleep(0.4)

    def answers(self, n: int) -> int:
        """While the database is away the answer is that it did not work."""
        return len(self.sandbox.sent(self.people[n].id))

    @property
    def unanswered(self) -> int:
        return sum(max(0, asked - self.answers(n)) for n, asked in self.asked.items())

    @property
    def repeated(self) -> int:
        return sum(max(0, self.answers(n) - asked) for n, asked in self.asked.items())


@pytest.mark.prove
@pytest.mark.skipif(SERVER is None, reason="Debian's PostgreSQL server is not installed")
async def test_chaos(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four send, two watch, two talk; faults at random moments, one after the other, and the database killed."""
    readers, seed = int(os.environ.get("CHAOS_READERS", "10000")), int(os.environ.get("CHAOS_SEED", "2026"))
    services = ["send"] * 4 + ["watch"] * 2 + ["talk"] * 2
    rate, chats, rng = 1000, range(1, readers + 1), random.Random(seed)
    words, asking = ["Первая новость", "Вторая новость"], Asking(sandbox)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(own_server())
        site = await stack.enter_async_context(feed_site())
        made = await stack.enter_async_context(
            house(sandbox, site, server.url, tmp_path, readers=readers, rate=rate, lease=LEASE)
        )
        chaos = Chaos(made, services, [await stack.enter_async_context(network(server.url)) for _ in services])
        await chaos.begin()
        await site.primed()  # the first look at a feed sends nothing
        faults = [chaos.kill, chaos.kill, chaos.halt, chaos.cut, chaos.cut, None]
        sends: Counter[str] = Counter()
        sandbox.machine.listeners.append(lambda kind, chat_id, payload: sends.update([kind]))
        people = asyncio.create_task(asking.run())
        for word in words:
            site.publish(word)
            goal = sends["message"] + readers
            while sends["message"] < 0.9 * goal:
                await asyncio.sleep(rng.uniform(1, 3))
                fault, n = rng.choice(faults), rng.randrange(len(services))
                if fault:
                    await fault(n, rng)
                else:
                    await server.crash()
                    chaos.counts["database killed"] += 1
            await sandbox.until(lambda word=word: word in str(sandbox.sent(1)), timeout=120)
            await made.done(timeout=900)
        people.cancel()
        await asyncio.gather(people, return_exceptions=True)
        await sandbox.until(lambda: not asking.unanswered, timeout=60)
        missing, repeats, most = judged(made, chaos, words, chats)
    bound = chaos.total * (MOST_IN_FLIGHT + UNWRITTEN)
    table = "\n".join(
        [
            f"{', '.join(f'{services.count(one)} {one}' for one in dict.fromkeys(services))}, "
            f"clocks {min(SKEWS):+.0f} … {max(SKEWS):+.0f} s, "
            f"{readers:,} readers, {len(words)} posts, lease {LEASE} s, seed {seed}",
            *(f"{count:5}  {fault}" for fault, count in sorted(chaos.counts.items())),
            f"{missing:5}  readers without a post",
            f"{repeats:5}  repeats ({repeats / chaos.total:.1f} a fault), most copies at one reader {most}",
            f"{asking.unanswered:5}  of {asking.asked.total()} messages of people without an answer, "
            f"{asking.repeated} answered twice",
        ]
    )
    with capsys.disabled():
        print(f"\n{table}")
    evidence.save(
        "chaos",
        evidence.Figure("lost", "readers without a post", missing, "", wanted="<= 0"),
        evidence.Figure("repeats", "repeats per fault", repeats / chaos.total, "", wanted="<= 768"),
        evidence.Figure("unanswered", "messages of people without an answer", asking.unanswered, "", wanted="<= 0"),
        table=table,
    )
    assert missing == 0
    assert repeats <= bound
    assert asking.repeated <= chaos.total


@pytest.mark.prove
@pytest.mark.skipif(SERVER is None, reason="Debian's PostgreSQL server is not installed")
async def test_without_faults_exactly_once(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four senders share the readers and the rate; nobody is left out, nobody gets anything twice."""
    readers = int(os.environ.get("CHAOS_READERS", "10000"))
    words, chats = ["Первая новость", "Вторая новость"], range(1, readers + 1)
    began = RealClock().monotonic()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(own_server())
        made = await stack.enter_async_context(
            house(sandbox, None, server.url, tmp_path, readers=readers, rate=1000, lease=10)
        )
        for n in range(4):
            await made.start(f"p{n}", "send", f"{server.url}{'&' if '?' in server.url else '?'}pool=4")
        for word in words:
            await made.publish(word)
            await made.done(timeout=1800)
        counts = Counter(count for word in words for count in made.copies(word, chats))
    with capsys.disabled():
        print(f"\n{readers:,} readers, {len(words)} posts, four senders: {dict(counts)} (copies: how many)", end=", ")
        print(f"{RealClock().monotonic() - began:.0f} s")
    evidence.save(
        "exactly-once", evidence.Figure("other", "readers without exactly one copy", counts.total() - counts[1], "")
    )
    assert counts == {1: len(words) * readers}
