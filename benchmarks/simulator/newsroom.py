"""A day of a newsroom and the readers it has: invented, from a seed. Times are seconds since midnight.

What a reader's volume and quiet hours make of a post is the product's own rule (`bot.delivery.rules`, `hours`), with
the hours and digests that a reader begins with; hidden topics stand for hidden words.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.delivery.hours import Hours
from bot.delivery.rules import Verdict, verdict
from bot.domain import reader
from bot.domain.post import Post, PostKind
from bot.domain.reader import ALL, Quiet
from bot.domain.recipient import Recipient, Ways

HOUR, DAY = 3600.0, 86_400.0
_USUAL = reader.Choices()
WAKES, SLEEPS = 60.0 * _USUAL.quiet_to, 60.0 * _USUAL.quiet_from
MORNING_LIST = WAKES
DIGESTS = tuple(60.0 * minute for minute in _USUAL.digest_at)
DIGEST_ONLY = reader.DIGESTS
TOPICS = 40

_BY_HOUR = (1, 1, 0, 0, 0, 1, 2, 4, 7, 9, 9, 8, 7, 7, 7, 7, 7, 7, 6, 4, 3, 2, 2, 1)
_SECTIONS = (30, 20, 14, 12, 8, 7, 5, 4)  # per cent of the articles; readers choose with the same leaning


@dataclass(frozen=True, slots=True)
class Story:
    """What the newsroom publishes: a post at a time. `edited_at` is when the feed corrects it by itself."""

    at: float
    post: Post
    topic: int
    edited_at: float | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What a reader chose, as in the product; `hold` keeps the night's posts for the morning, `hidden` are topics."""

    sections: int
    breaking: bool = True
    volume: int = ALL
    hold: bool = False
    hidden: int = 0


def stories(seed: int, articles: int = 100) -> list[Story]:
    """The day, in order: articles by the hours of a newsroom, a third of them within three minutes of another (a
    packet of an agency), an eighth corrected later; breaking news at 10:41 and 20:17, one in the thick of the day."""
    rng = random.Random(seed)
    times: list[float] = []
    while len(times) < articles:
        if times and rng.random() < 1 / 3:
            times.append(rng.choice(times) + rng.uniform(5, 180))
        else:
            times.append((rng.choices(range(24), _BY_HOUR)[0] + rng.random()) * HOUR)
    day = []
    for number, at in enumerate(sorted(min(at, DAY - 1) for at in times)):
        sections = 1 << rng.choices(range(8), _SECTIONS)[0]
        if rng.random() < 0.1:
            sections |= 1 << rng.choices(range(8), _SECTIONS)[0]
        edited_at = at + rng.uniform(10, 120) * 60 if rng.random() < 0.125 else None
        post = Post(number, PostKind.ARTICLE, 1, sections, int(at), language="ru")
        day.append(Story(at, post, rng.randrange(TOPICS), edited_at))
    for number, at in enumerate((10 * HOUR + 41 * 60, 20 * HOUR + 17 * 60), start=articles):
        day.append(Story(at, Post(number, PostKind.BREAKING, 1, 0, int(at)), -1))
    return sorted(day, key=lambda story: story.at)


def readers(seed: int, number: int) -> list[Choices]:
    """Readers, each drawn by itself: three sections on average, a tenth without breaking news, three in ten hold the
    night back, 55 % want all posts, 27 % have a volume of 15 or 8, 18 % digests, a fifth hides topics."""
    rng = random.Random(seed + 1)
    return [_reader(rng) for _ in range(number)]


def _reader(rng: random.Random) -> Choices:
    sections = 0
    for _ in range(rng.choices((1, 2, 3, 4, 6, 12), (15, 25, 25, 15, 12, 8))[0]):
        sections |= 1 << rng.choices(range(8), _SECTIONS)[0]
    hidden = 0
    if rng.random() < 0.2:
        for _ in range(rng.randint(1, 5)):
            hidden |= 1 << rng.randrange(TOPICS)
    return Choices(
        sections,
        breaking=rng.random() < 0.9,
        volume=rng.choices((ALL, 15, 8, DIGEST_ONLY), (55, 12, 15, 18))[0],
        hold=rng.random() < 0.3,
        hidden=hidden,
    )


def wants(choices: Choices, story: Story) -> bool:
    """Whether the story is for this reader, now or in a list."""
    if story.post.kind is PostKind.BREAKING:
        return choices.breaking
    return bool(choices.sections & story.post.sections) and not hides(choices, story)


def hides(choices: Choices, story: Story) -> bool:
    """Whether the reader has hidden the story's topic; breaking news has none."""
    return story.topic >= 0 and bool(choices.hidden >> story.topic & 1)


def at_once(choices: Choices, story: Story) -> bool:
    """Whether this reader's choices let the story come as soon as it is published."""
    if story.post.kind is PostKind.BREAKING:
        return choices.breaking
    return wants(choices, story) and choices.volume == ALL and not put_off(choices, story.at, 0)


_HOURS = Hours("UTC")  # a day here begins with midnight


@lru_cache(maxsize=64)
def _recipient(volume: int, hold: bool) -> Recipient:
    ways = Ways(volume=volume, quiet=Quiet.HOLD.value if hold else Quiet.SILENT.value)
    return Recipient(1, 1, 0, "ru", 1, ways.text, list_at=0)


def put_off(choices: Choices, now: float, sent_today: int) -> bool:
    """Whether a post waits for the reader's next list."""
    who = _recipient(choices.volume, choices.hold)
    moment = _HOURS.at(who.night, now)
    return verdict(who, moment, serial=1, listed=0, sent=sent_today) is not Verdict.NOW


def lists_for(choices: Choices, at: float) -> bool:
    """Whether the list of that time of day is this reader's: the morning's for who holds the night back, the digests
    for who has a volume."""
    return choices.hold if at % DAY == MORNING_LIST else choices.volume != ALL


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; infinite where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf
