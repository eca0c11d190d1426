"""The simulator of a newsroom's day: nobody twice, nobody lost, never too fast, and the same as the bot itself."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from benchmarks import day
from benchmarks.simulator import flood, newsroom
from benchmarks.simulator.engine import Delivery, Demand, Record, Way
from benchmarks.simulator.newsroom import Choices, Story
from bot.clock import SteppableClock
from bot.delivery.audience import Offer
from bot.delivery.lanes import Lanes
from bot.delivery.pacing import Pacer
from bot.delivery.publish import Publisher
from bot.delivery.renderings import Renderings
from bot.delivery.sender import Sender
from bot.domain.article import Section
from bot.domain.delivery import Audience, Lane, Outcome, Sent, Wait
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.i18n import Words
from bot.posts.compose import PostStyle
from bot.sandbox.flood import FloodRule
from bot.sandbox.model import ApiError
from storage import Storage, open_engine
from storage.migrate import migrate
from storage.posts import add_post
from tests.factories import launched

RATE = 3


def newsroom_of(seed: int, people: int) -> tuple[list[Story], list[Choices]]:
    """Ten posts in three minutes, one of them breaking: too much for one by one at three a second."""
    rng = random.Random(seed)
    stories = []
    for number in range(9):
        at = 1.0 + number * 20 + rng.random() * 10
        sections = 1 << number % 3
        stories.append(
            Story(at, Post(number, PostKind.ARTICLE, 1, sections, 0, language="ru", title=f"Story-{number}"), 0)
        )
    stories.append(Story(300.0, Post(9, PostKind.BREAKING, 1, 0, 0, texts={"ru": RichText("Story-9")}), -1))
    return stories, [Choices(rng.randint(1, 7), breaking=rng.random() < 0.9) for _ in range(people)]


class Watched:
    """A database that says whether it is at work."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.busy = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name == "transaction":
            return self._transaction
        if name not in ("fetch", "tuples", "write", "many", "batch", "carry_out"):
            return found

        async def watched(*args: Any, **kwargs: Any) -> Any:
            self.busy += 1
            try:
                return await found(*args, **kwargs)
            finally:
                self.busy -= 1

        return watched

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        self.busy += 1
        try:
            async with self._engine.transaction() as db:
                yield db
        finally:
            self.busy -= 1


class Chats:
    """Telegram without HTTP: 80±20 ms a call, under the flood rule. `got` holds (when, chat, stories)."""

    def __init__(self, clock: SteppableClock, seed: int) -> None:
        self._clock = clock
        self._rng = random.Random(seed)
        self.flood = FloodRule(overall=RATE + 1)
        self.got: list[tuple[float, int, list[int]]] = []

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """The edge that the sender knows."""
        seconds = self._rng.uniform(0.06, 0.1)
        await self._clock.sleep(seconds / 2)
        message = json.loads(body)
        try:
            self.flood.admit(message["chat_id"], self._clock.monotonic())
        except ApiError as error:
            return Wait(float((error.parameters or {})["retry_after"]), "flood")
        stories = [int(number) for number in re.findall(r"Story-(\d)", message["text"])]
        self.got.append((self._clock.monotonic(), message["chat_id"], stories))
        await self._clock.sleep(seconds / 2)
        return Sent(len(self.got))


async def by_the_bot(path: Path, stories: list[Story], readers: list[Choices], seed: int) -> Chats:
    """The same newsroom through publisher, lanes, pacer and sender, with every message an event."""
    clock = SteppableClock(0.0)
    chats, pacer, stop = Chats(clock, seed), Pacer(RATE), asyncio.Event()
    engine = await open_engine(f"sqlite:///{path}/day.db")
    await migrate(engine)
    watched = Watched(engine)
    storage = Storage(watched)  # type: ignore[arg-type]
    await storage.engine.many(
        "INSERT INTO reader (chat_id, language, state, sections, breaking, joined_at, consent_at, changed_at)"
        " VALUES (:chat, 'ru', 'active', :sections, :breaking, 0, 0, 0)",
        [(1 + n, reader.sections, int(reader.breaking)) for n, reader in enumerate(readers)],
    )
    renderings = Renderings(
        Words.load(("ru",)),
        [Section(name, bit, {"ru": name}) for bit, name in enumerate("abc")],
        lambda post: PostStyle(),
        ZoneInfo("Asia/Almaty"),
        "Дала",
        "https://t.me/x",
    )
    lanes = Lanes(storage, clock, "w", rate=RATE, offer=Offer(("ru",), ("ru",)), home="Asia/Almaty")
    sender = Sender(storage, chats, pacer, renderings, lanes, clock, worker="w")
    publisher = Publisher(
        storage,
        clock,
        rate=RATE,
        offer=Offer(("ru",), ("ru",)),
        home="Asia/Almaty",
        valid_for=lambda mask: 10**10,
        started=sender.wake,
    )

    async def publish() -> None:
        for story in stories:
            await clock.sleep_until(story.at)
            if story.post.kind is PostKind.BREAKING:
                await launch(storage, story.post, int(clock.now()))
            else:
                async with storage.engine.transaction() as db:
                    await add_post(db, story.post, article_id=None, state=PostState.WAITING)
            publisher.wake()
        while await storage.posts.waiting() or await storage.broadcasts.open():
            await clock.sleep(1.0)
        stop.set()

    try:
        async with asyncio.TaskGroup() as tasks:
            services = (publish(), publisher.run(stop), sender.run(stop))
            await drive(clock, watched, [tasks.create_task(service) for service in services])
    finally:
        await engine.close()
    return chats


async def launch(storage: Storage, post: Post, now: int) -> None:
    """Breaking news as the desk sends it, without a countdown."""
    audience = Audience(breaking=True)
    total = await storage.readers.count(audience)
    await launched(storage, post, audience, total=total, start=0.5, due=now, now=now)


async def drive(clock: SteppableClock, watched: Watched, services: list[asyncio.Task[None]]) -> None:
    """Move time to the next sleeper whenever all have come to rest, until the services have ended."""
    rested = 0
    while not all(service.done() for service in services):
        await asyncio.sleep(0.0002 if watched.busy else 0)
        rested = 0 if watched.busy else rested + 1
        wake = clock.next_wake()
        if rested >= 12 and wake is not None:
            await clock.advance(wake - clock.monotonic() + 1e-6)  # or a rounding would keep the sleeper asleep
            rested = 0


def watched_day(
    seed: int, people: int, way: Way, *, weight: float = 1.0
) -> tuple[Record, list[tuple[float, int, int]]]:
    """A day of the model and each message of it: when, whose, which posts (bits)."""
    seen: list[tuple[float, int, int]] = []
    demand = Demand(newsroom.stories(seed, 40), newsroom.readers(seed, people))
    day = Delivery(
        demand, way, planned=way.rate, weight=weight, seed=seed,
        seen=lambda when, reader, posts, lane: seen.append((when, reader, posts)) if lane is not Lane.EDITS else None,
    )  # fmt: skip
    return day.run(), seen


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "way", [Way(1.0), Way(1.0, rounds=False, lanes=False), Way(40.0)], ids=["busy", "simple", "idle"]
)
def test_everybody_has_what_was_chosen_once_and_never_too_fast(seed: int, way: Way) -> None:
    record, seen = watched_day(seed, 300, way)
    assert record.missing == 0
    assert record.repeats == 0
    assert sum(record.messages) == len(seen)
    posts = Counter((reader, bit) for _, reader, bits in seen for bit in range(50) if bits >> bit & 1)
    assert max(posts.values()) == 1
    moments = sorted(when for when, _, _ in seen)
    budget = int(60 * way.rate) + 1
    assert all(later - earlier >= 59.9 for earlier, later in zip(moments, moments[budget:], strict=False))


def test_a_reader_who_stands_for_many_takes_as_long_as_many() -> None:
    one, _ = watched_day(5, 1000, Way(10.0))
    coarse, _ = watched_day(5, 250, Way(10.0), weight=4.0)
    for share in (0.5, 0.95):
        exact, near = newsroom.percentile(one.delays, share), newsroom.percentile(coarse.delays, share)
        assert near == pytest.approx(exact, rel=0.35)
    assert coarse.sends * 4 == pytest.approx(one.sends, rel=0.05)


async def test_the_model_is_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same small newsroom through the model and through the bot's own services, rounds included: the same posts
    for the same people, as many messages give or take a seventh, half and nearly all of them within twenty seconds
    (a block of 1,024 readers counts as begun or not: with one block the bot starts its next round earlier)."""
    monkeypatch.setattr("bot.delivery.audience.ROUND_SECONDS", 10.0)
    stories, people = newsroom_of(3, 150)
    chats = await by_the_bot(tmp_path, stories, people, 3)
    modelled: list[tuple[float, int, int]] = []
    demand = Demand(stories, people)
    Delivery(
        demand, Way(float(RATE)), planned=RATE, seed=3,
        seen=lambda when, reader, posts, lane: modelled.append((when, reader, posts)),
    ).run()  # fmt: skip
    real = {(chat - 1, story): when for when, chat, numbers in chats.got for story in numbers}
    model = {(reader, story): when for when, reader, bits in modelled for story in range(10) if bits >> story & 1}
    assert real.keys() == model.keys()
    assert chats.flood.refused == 0
    assert any(len(numbers) > 1 for _, _, numbers in chats.got)
    assert len(chats.got) == pytest.approx(len(modelled), rel=0.15)
    for share in (0.5, 0.95):
        took = [newsroom.percentile(sorted(times.values()), share) for times in (real, model)]
        assert took[0] == pytest.approx(took[1], abs=20)


def test_ways_of_sending_against_the_flood_rule() -> None:
    ours = flood.measure(flood.own_pacer, 29, 30, 600, penalty=3.0, seed=1)
    assert ours.share > 0.95
    assert ours.refused == ours.refused_at_start == 0
    loop = flood.measure(flood.sleep_loop, 29, 30, 600, penalty=3.0, seed=1)
    assert 0.2 < loop.share < 0.4
    bucket = flood.measure(flood.gather_bucket, 29, 30, 600, penalty=0.0, seed=1)
    assert bucket.refused_at_start + bucket.refused > 0


def test_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    day.main(["--readers", "300", "--seed", "4", "--grain", "100"])
    printed = capsys.readouterr().out
    assert printed.count("| newsdesk ") == 2
    assert "300 readers, 970 of 1000 messages a second" in printed
