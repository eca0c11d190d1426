"""A month in the life: readers with settings drawn at random, in three zones, beside a model that is slow, simple and
knows nothing of the program: what each must get, alone or in a list, and when. There is no difference.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, inf
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.clock import RealClock, SteppableClock
from bot.delivery.audience import Offer
from bot.delivery.publish import Publisher
from bot.domain.delivery import Audience, Lane
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.domain.reader import Quiet
from bot.posts.terms import keys
from storage import Storage
from storage.posts import add_post
from tests.delivery.crew import on_the_wire
from tests.delivery.days import Days

HOME, ZONES = "Asia/Almaty", ("Asia/Almaty", "Europe/Berlin", "America/New_York")
LANGUAGES, FED = ("ru", "kk", "en"), ("ru",)
WORD = "мост"
RATE = 5000
Got = dict[int, list[tuple[int, tuple[int, ...]]]]
"""By reader: the moments (minutes since 1970) with the stories that a message brought then."""


@dataclass
class Story:
    """One of the newsroom's. `at` in minutes since 1970; stories come two minutes past the fives, lists at a five."""

    number: int
    at: int
    sections: int
    language: str
    main: bool
    word: bool
    breaking: bool


@dataclass
class Life:
    """A reader of the model: what was chosen, what waits, how much came today."""

    zone: ZoneInfo
    language: str
    sections: int
    chosen: dict[str, Any]
    follows: bool | None
    waits: list[int] = field(default_factory=list)
    day: int = 0
    came: int = 0

    def here(self, at: int) -> datetime:
        """The reader's own clock."""
        return datetime.fromtimestamp(at * 60, UTC).astimezone(self.zone)

    def asleep(self, minute: int) -> bool:
        """Whether that minute of the day is quiet."""
        if self.chosen["quiet"] is Quiet.OFF:
            return False
        begin, end = self.chosen["quiet_from"], self.chosen["quiet_to"]
        return begin <= minute or minute < end if begin > end else begin <= minute < end

    def allowed(self, minute: int) -> int:
        """Stories until that minute of a day: the volume's part of the waking day, rounded up."""
        awake = [not self.asleep(one) for one in range(1440)]
        return ceil(Fraction(self.chosen["volume"] * sum(awake[:minute]), sum(awake)))

    def wants(self, story: Story) -> bool:
        """Whether it is for this reader at all."""
        if story.breaking:
            return bool(self.chosen["breaking"])
        if story.word and self.follows is False:
            return False
        if self.chosen["news_languages"]:
            spoken = story.language in self.chosen["news_languages"]
        else:  # the interface's language, or any where no feed speaks that
            spoken = story.language == self.language or self.language not in FED
        followed = story.word and self.follows is True
        main = story.main or not self.chosen["main_only"]
        return spoken and (followed or (bool(story.sections & self.sections) and main))

    def comes_now(self, at: int) -> bool:
        """Whether a story comes by itself; it is counted then."""
        here = self.here(at)
        minute, day = here.hour * 60 + here.minute, here.toordinal()
        if day != self.day:
            self.day, self.came = day, 0
        volume = self.chosen["volume"]
        if volume == 0 or (self.chosen["quiet"] is Quiet.HOLD and self.asleep(minute)):
            return False
        if volume > 0:
            if self.came >= self.allowed(minute):
                return False
            self.came += 1
        return True

    def times(self, weekday: int) -> set[int]:
        """The minutes of such a day (Monday: 0) at which a list is due."""
        hold = self.chosen["quiet"] is Quiet.HOLD
        if self.chosen["volume"] == -1 and not hold:
            return set()
        end = self.chosen["quiet_to"]
        times = set(self.chosen["digest_at"]) if self.chosen["digest_days"] >> weekday & 1 else set()
        if hold:
            times = {end if self.asleep(time) else time for time in times}
            if not any(end <= time < end + 360 for time in times):
                times.add(end)
        return times

    def has_list(self, at: int) -> bool:
        """Whether a list is due at that minute; not a second time in an hour that is shown twice."""
        here = self.here(at)
        return not here.fold and here.hour * 60 + here.minute in self.times(here.weekday())


def model(lives: dict[int, Life], stories: list[Story], begin: int, end: int) -> Got:
    """Reader by reader, moment by moment."""
    got: Got = defaultdict(list)
    by_minute = defaultdict(list)
    for story in stories:
        by_minute[story.at].append(story)
    for number, life in lives.items():
        if life.chosen["volume"] > 0:  # whoever begins in the middle of a day gets one at once, the rest over the day
            here = life.here(begin)
            life.day, life.came = here.toordinal(), max(0, life.allowed(here.hour * 60 + here.minute) - 1)
        for at in sorted({*by_minute, *range(begin - begin % 5 + 5, end, 5)}):
            for story in by_minute.get(at, ()):
                if life.wants(story):
                    if story.breaking or life.comes_now(at):
                        got[number].append((at, (story.number,)))
                    else:
                        life.waits.append(story.number)
            if at % 5 == 0 and life.waits and life.has_list(at):
                got[number].append((at, tuple(sorted(life.waits))))
                life.waits = []
    return got


def drawn(rng: Random) -> Life:
    """Somebody with settings drawn at random."""
    zone = rng.choice(ZONES)
    chosen = {
        "volume": rng.choice((-1, -1, 3, 8, 0)),
        "quiet": rng.choice(tuple(Quiet)),
        "quiet_from": rng.choice((0, 30, 20 * 60, 23 * 60)),
        "quiet_to": rng.choice((6 * 60, 7 * 60 + 30, 9 * 60)),
        "digest_at": rng.choice(((480, 1140), (600,), (420, 780, 1260), (1380,))),
        "digest_days": rng.choice((0b1111111, 0b1111111, 0b0011111, 0b0100100)),
        "breaking": rng.random() < 0.8,
        "main_only": rng.random() < 0.1,
        "news_languages": rng.choice(((), (), ("ru",), ("kk", "en"))),
        "zone": "" if zone == HOME else zone,
    }
    return Life(
        ZoneInfo(zone), rng.choice(LANGUAGES), rng.randrange(1, 8), chosen, rng.choice((None, None, True, False))
    )


class Standing(SteppableClock):
    """Time runs, but on the wall it stays within a minute however long the machine takes over what is due in it: the
    model knows minutes, not machines."""

    limit = inf

    def now(self) -> float:
        """See `Clock.now`."""
        return min(super().now(), self.limit)

    def stand(self, at: int) -> None:
        """It is that minute now."""
        self._start, self.limit = at * 60 - self.monotonic(), at * 60 + 50


async def lived(
    storage: Storage, lives: dict[int, Life], stories: list[Story], begin: int, end: int, speed: float
) -> Got:
    """The same with the bot's own publisher, lanes and sender, in leaps from one moment to the next."""
    clock = Standing(RealClock().now(), running=True, speed=speed)
    crew, wire = on_the_wire(storage, rate=RATE, seconds=0.02, clock=clock)
    crew.languages = LANGUAGES
    clock.stand(begin)
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(crew.sending())
        publisher = Publisher(
            storage,
            crew.clock,
            rate=RATE,
            offer=Offer(LANGUAGES, FED),
            home=HOME,
            valid_for=lambda mask: 6 * 3600,
            started=sender.wake,
        )
        day = Days(crew, wire, publisher)
        ids = {}
        for number, life in lives.items():
            ids[await day.reader(number, life.sections, life.language, **life.chosen)] = number
        for id_, number in ids.items():
            if (follows := lives[number].follows) is not None:
                await storage.terms.choose(id_, WORD, keys(WORD), follows=follows, since=0, now=crew.now)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.run(stop))
            await day.settle(within=120)
            posts = {}
            moments: dict[int, list[Story]] = {at: [] for at in when(lives, begin, end)}
            moments |= {story.at: [] for story in stories}
            for story in stories:
                moments[story.at].append(story)
            for at in sorted(moments):
                clock.stand(at)
                for story in moments[at]:
                    posts[await told(storage, day, story)] = story.number
                await day.settle(within=120)
            stop.set()
            publisher.wake()
    return await received(storage, ids, posts, sorted(moments))


def when(lives: dict[int, Life], begin: int, end: int) -> list[int]:
    """The moments at which anybody has a list due."""
    due = {(life.zone, day, time) for life in lives.values() for day in range(7) for time in life.times(day)}
    found = []
    for at in range(begin - begin % 5 + 5, end, 5):
        there = {zone: datetime.fromtimestamp(at * 60, zone) for zone in {zone for zone, _, _ in due}}
        if any((zone, here.weekday(), here.hour * 60 + here.minute) in due for zone, here in there.items()):
            found.append(at)
    return found


async def told(storage: Storage, day: Days, story: Story) -> int:
    """A story on its way; the post's id."""
    title = f"Новость {story.number}" + (f" про {WORD}" if story.word else "")
    if story.breaking:
        post = Post(0, PostKind.BREAKING, 1, 0, day.crew.now, texts={"ru": RichText(title)})
        return (await day.send(post, lane=Lane.BREAKING, audience=Audience(breaking=True)))[0]
    post = Post(
        0, PostKind.ARTICLE, 1, story.sections, day.crew.now, language=story.language, main=story.main, title=title
    )
    async with storage.engine.transaction() as db:
        return await add_post(db, post, article_id=None, state=PostState.WAITING)


async def received(storage: Storage, ids: dict[int, int], posts: dict[int, int], moments: list[int]) -> Got:
    """What the receipts say, each at the moment in which its broadcast began."""
    rows = await storage.engine.tuples(
        "SELECT reader_id, started_at, carried, (SELECT MIN(post_id) FROM broadcast_post WHERE broadcast_id = id)"
        " FROM receipt JOIN broadcast ON broadcast.id = broadcast_id WHERE outcome = 1 ORDER BY broadcast_id"
    )
    got: Got = defaultdict(list)
    for reader, began, carried, alone in rows:
        at = moments[bisect_right(moments, began / 60) - 1]
        brought = json.loads(carried) if carried else [alone]
        got[ids[reader]].append((at, tuple(sorted(posts[post] for post in brought))))
    return got


async def play(storage: Storage, seed: int, readers: int, days: float, a_day: int, speed: float = 20) -> int:
    """Both lives, compared; how many messages there were."""
    rng = Random(seed)
    begin = int(datetime(2026, 10, 23, 11, tzinfo=ZoneInfo(HOME)).timestamp()) // 60  # Berlin's hour comes twice soon
    end = begin + int(timedelta(days=days).total_seconds()) // 60
    fives = sorted(rng.sample(range(begin // 5 + 1, end // 5), int(a_day * days)))
    stories = [
        Story(
            number,
            five * 5 + 2,
            rng.randrange(1, 8),
            rng.choice(("ru", "ru", "kk")),
            rng.random() < 0.3,
            rng.random() < 0.2,
            rng.random() < 0.1,
        )
        for number, five in enumerate(fives)
    ]
    lives = {number: drawn(rng) for number in range(1, readers + 1)}
    real = await lived(storage, lives, stories, begin, end, speed)
    expected = model(lives, stories, begin, end)
    differ = [number for number in lives if sorted(real.get(number, [])) != sorted(expected.get(number, []))]
    messages = sum(map(len, expected.values()))
    print(f"seed {seed}: {readers} readers, {days} days, {messages} messages, {len(differ)} readers differ")
    for number in differ:
        assert sorted(real.get(number, [])) == sorted(expected.get(number, [])), (seed, number, lives[number])
    return messages


async def test_a_day_in_the_life(sqlite_storage: Storage) -> None:
    assert await play(sqlite_storage, seed=3, readers=40, days=1, a_day=14) > 100


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(5))
async def test_a_month_in_the_life(storage: Storage, seed: int) -> None:
    assert await play(storage, seed=seed, readers=300, days=30, a_day=12) > 30_000


@pytest.mark.prove
@pytest.mark.parametrize("days", [3, 30])
async def test_ten_thousand_lives(sqlite_storage: Storage, days: int) -> None:
    assert await play(sqlite_storage, seed=9, readers=10_000, days=days, a_day=8, speed=5) > days * 15_000
