"""How much of Telegram's allowed rate a strategy uses, and how often it is told to wait.

    python -m benchmarks.rate [seconds]

Against the stand-in's flood rule, which punishes calls inside a pause; round trips of 80 ± 20 ms; real time. The
whole sender with its database, beside what bots of this field do, each written as its rule. 30 a second: 240 chats,
2,400 messages, all strategies side by side, each with a Telegram of its own. 1,000 a second: 60,000 chats, one after
the other; whatever is too slow for that is measured for `seconds` (60). The share is (n - 1) / (last - first) /
allowed, and counts to the end for whoever has to be stopped. Readers of newsdesk have quiet hours, volumes and mutes
(`benchmarks.choices`); there are so many more of them that as many messages come.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks import evidence
from benchmarks.delivery import prepared, renderings
from bot.clock import RealClock
from bot.delivery.audience import Offer
from bot.delivery.lanes import Lanes
from bot.delivery.pacing import Pacer
from bot.delivery.sender import Sender
from bot.domain.article import Article
from bot.domain.delivery import Audience, Lane, Outcome, Sent, Wait
from bot.domain.feed import Found, Poll
from bot.sandbox.flood import FloodRule
from bot.sandbox.model import ApiError
from storage import Storage

CLOCK = RealClock()
AT_ONCE = 64


@dataclass
class Telegram:
    """Takes a message after half a round trip, if its flood rule does."""

    rule: FloodRule
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    taken: list[float] = field(default_factory=list)
    stopped: float = 0.0

    async def send(self, chat_id: int) -> float:
        """0.0, or the seconds that a 429 asks to wait."""
        half = self.rng.uniform(0.06, 0.1) / 2
        await CLOCK.sleep(half)
        wait = 0.0
        try:
            self.rule.admit(chat_id, CLOCK.monotonic())
            self.taken.append(CLOCK.monotonic())
        except ApiError as error:
            wait = float(error.to_json()["parameters"]["retry_after"])
        await CLOCK.sleep(half)
        return wait

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """What the sender asks of its edge."""
        end = body[body.rindex(b'"chat_id":') + 10 :]
        wait = await self.send(int(end.partition(b",")[0].rstrip(b"}")))
        return Wait(wait, "flood") if wait else Sent(len(self.taken))


class Bucket:
    """The leaky bucket of common limiters: `rate` a second, and as many at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._level = 0.0
        self._seen = CLOCK.monotonic()

    async def enter(self) -> None:
        """Wait for room."""
        while True:
            now = CLOCK.monotonic()
            self._level = max(0.0, self._level - (now - self._seen) * self._rate)
            self._seen = now
            if self._level + 1 <= self._rate:
                self._level += 1
                return
            await CLOCK.sleep(1 / self._rate)


async def sleep_loop(telegram: Telegram, chats: list[int], rate: float) -> None:
    """Send, sleep a message's share of a second, send."""
    for chat in chats:
        while wait := await telegram.send(chat):
            await CLOCK.sleep(wait)
        await CLOCK.sleep(1 / rate)


async def crowd(chats: list[int], send: Callable[[int], Awaitable[None]]) -> None:
    """As many workers as we have in flight."""
    left = iter(chats)

    async def worker() -> None:
        for chat in left:
            await send(chat)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(worker())


async def bucket(telegram: Telegram, chats: list[int], rate: float) -> None:
    """A leaky bucket before each call; whoever gets a 429 waits for himself."""
    limit = Bucket(rate)

    async def send(chat: int) -> None:
        while True:
            await limit.enter()
            if not (wait := await telegram.send(chat)):
                return
            await CLOCK.sleep(wait)

    await crowd(chats, send)


async def bucket_with_event(telegram: Telegram, chats: list[int], rate: float) -> None:
    """The same with a common pause after a 429, which any call that ends lifts."""
    limit, go = Bucket(rate), asyncio.Event()
    go.set()

    async def send(chat: int) -> None:
        while True:
            await limit.enter()
            await go.wait()
            wait = await telegram.send(chat)
            if wait:
                go.clear()
                await CLOCK.sleep(wait + 0.1)
            go.set()
            if not wait:
                return

    await crowd(chats, send)


async def broadcasts(storage: Storage, more: int) -> None:
    """Further posts to everybody."""
    (feed,) = await storage.feeds.watch(["https://dala.example/rss"])
    for n in range(more):
        article = Article(0, feed.id, f"Новость {n}", "", f"https://dala.example/n{n}", "ru", 1, 0, published_at=1)
        await storage.feeds.save_poll(Poll(feed, (Found(article, (f"n{n}",), True),)), now=0)
        ((post, _),) = await storage.posts.waiting()
        total = await storage.readers.count(Audience(sections=1))
        await storage.broadcasts.publish(
            [post], Audience(sections=1), key=f"n{n}", lane=Lane.REGULAR, total=total, start=0.3, now=0
        )


async def newsdesk(telegram: Telegram, readers: int, posts: int, rate: float) -> None:
    """The whole road of newsdesk but HTTP: lease, read, pace, send, receipt."""
    with tempfile.TemporaryDirectory() as folder:
        storage = await prepared(folder, readers)
        await broadcasts(storage, posts - 1)
        pacer, stop = Pacer(rate), asyncio.Event()
        lanes = Lanes(storage, CLOCK, "bench", rate=rate, offer=Offer(("ru",), ("ru",)), home="Asia/Almaty")
        sender = Sender(storage, telegram, pacer, renderings(), lanes, CLOCK, worker="bench")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender.run(stop))
            while await storage.broadcasts.open():
                await CLOCK.sleep(0.2)
            stop.set()
        await storage.close()


Strategy = Callable[[Telegram, list[int], float], Awaitable[None]]
FIELD: dict[str, Strategy] = {"sleep loop": sleep_loop, "leaky bucket": bucket, "bucket + event": bucket_with_event}


async def limited(strategy: Strategy, telegram: Telegram, chats: list[int], rate: float, seconds: float) -> None:
    """At most that long."""
    try:
        async with asyncio.timeout(seconds):
            await strategy(telegram, chats, rate)
    except TimeoutError:
        telegram.stopped = CLOCK.monotonic()


def report(name: str, telegram: Telegram, allowed: float) -> float:
    """A line of the table; the share of the allowed rate."""
    times = telegram.taken
    share = (len(times) - 1) / ((telegram.stopped or times[-1]) - times[0]) / allowed if len(times) > 1 else 0.0
    print(f"  {name:16} {share:6.3f} {len(times):8,} {telegram.rule.refused:6}", flush=True)
    return share


def record(allowed: int, telegram: Telegram, shares: list[float]) -> list[evidence.Figure]:
    """The last line of a table, and what goes on record: the share, the best of the others beside it, and the 429s."""
    print(f"  newsdesk / best of the others = {shares[0] / max(shares[1:]):.2f}\n", flush=True)
    what = f"Share of the allowed {allowed} a second, {len(telegram.taken):,} messages"
    return [
        evidence.Figure(str(allowed), what, shares[0], "", wanted=">= 0.96"),
        evidence.Figure(
            f"{allowed} best",
            f"… beside the best strategy of the field ({allowed}/s)",
            shares[0],
            "",
            "best of the field",
            max(shares[1:]),
            ">= 1",
        ),
        evidence.Figure(f"{allowed} refused", f"… 429s ({allowed}/s)", telegram.rule.refused, "", wanted="<= 0"),
    ]


def head(title: str) -> None:
    """Title and names of the columns."""
    print(f"{title}\n  {'strategy':16} {'share':>6} {'messages':>8} {'429s':>6}", flush=True)


async def main(seconds: float) -> None:
    """Both rates, one table each."""
    head("30 a second: 240 chats, 2,400 messages")
    telegrams = {name: Telegram(FloodRule()) for name in ("newsdesk", *FIELD)}
    chats = [1_000_000 + n for n in range(240)] * 10
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(newsdesk(telegrams["newsdesk"], 300, 10, 29))
        for name, strategy in FIELD.items():
            tasks.create_task(limited(strategy, telegrams[name], chats, 30, 2 * seconds))
    shares = [report(name, telegram, 30) for name, telegram in telegrams.items()]
    figures = record(30, telegrams["newsdesk"], shares)

    head("1,000 a second: 60,000 chats")
    chats = [1_000_000 + n for n in range(60_000)]
    telegram = Telegram(FloodRule(overall=1000))
    await newsdesk(telegram, 75_000, 1, 970)
    ours, shares = telegram, [report("newsdesk", telegram, 1000)]
    for name, strategy in FIELD.items():
        telegram = Telegram(FloodRule(overall=1000))
        await limited(strategy, telegram, chats, 1000, seconds)
        shares.append(report(name, telegram, 1000))
    evidence.save("rate", *figures, *record(1000, ours, shares))


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
