"""What newspapers do to their feeds, as documents that can be played again: traps.md's identity table and its kin.

Each scenario is a list of polls; each poll says what the site serves and when. `replay` plays one through the real
watcher over HTTP and a database, `rule` tells what "guid or link or title" would have sent, with a memory that
never forgets and with one that holds the last document only. `python -m benchmarks.identity` prints both.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from html import escape
from typing import Any

import feedparser

from bot.domain.post import PostState
from tests.feeds.watching import CULTURE, NOW, SPORT, ZONE, Desk, WatchedFeed

MINUTE, HOUR, DAY = 60, 3600, 86_400
_NOUNS = ("мост", "рынок", "театр", "школа", "парк", "река", "завод", "музей", "каток", "хлеб", "поезд")


@dataclass(frozen=True)
class Story:
    """An item as a usual CMS gives it. `ago` in seconds before `NOW`; a negative one is after it."""

    guid: str
    link: str
    title: str
    lead: str
    ago: float

    @property
    def xml(self) -> str:
        """The item, without a guid where it has none."""
        guid = f"<guid>{escape(self.guid)}</guid>" if self.guid else ""
        return (
            f"<item>{guid}<link>{escape(self.link)}</link><title>{escape(self.title)}</title>"
            f"<description>{escape(self.lead)}</description><pubDate>{formatdate(NOW - self.ago)}</pubDate></item>"
        )


def story(n: int, **other: Any) -> Story:
    """The n-th story, n minutes before `NOW` (after it when negative)."""
    name = f"{_NOUNS[n % len(_NOUNS)]} номер {n}"
    fields: dict[str, Any] = {
        "guid": f"http://www.news.test/{n}-slug.html",
        "link": f"https://news.test/{n}-slug.html",
        "title": f"Сегодня в городе открылся {name}",
        "lead": f"Ленту разрезали утром, первым вошёл ребёнок: {name}.",
        "ago": n * MINUTE + 7,
    }
    return Story(**(fields | other))


def stories(numbers: Iterable[int]) -> list[Story]:
    """Stories as they come."""
    return [story(n) for n in numbers]


@dataclass(frozen=True)
class Poll:
    """What the feed `path` serves `at` seconds after `NOW`."""

    at: float
    items: list[Story]
    path: str = "rss"

    @property
    def document(self) -> bytes:
        """The items as RSS."""
        items = "".join(item.xml for item in self.items)
        head = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Дала</title>'
        return f"{head}{items}</channel></rss>".encode()


@dataclass(frozen=True)
class Scenario:
    """What happens, and how many posts and edits are right for it. The first poll of each feed primes."""

    name: str
    polls: list[Poll]
    posts: int
    edits: int = 0
    sections: dict[str, str] = field(default_factory=dict)
    both: bool = False
    """The one post is to stand in both sections."""


@dataclass(frozen=True)
class Outcome:
    """What a replay gave: posts that readers get, versions that rose, the sections of the last post."""

    posts: int
    edits: int
    sections: int = 0


def _after(before: list[Story], *later: list[Story], step: float = 10 * MINUTE) -> list[Poll]:
    return [Poll(n * step, items) for n, items in enumerate((before, *later))]


def _each(items: list[Story], change: Callable[[int, Story], dict[str, Any]]) -> list[Story]:
    return [replace(item, **change(n, item)) for n, item in enumerate(items)]


def _edition(n: int, lead: str = "", every: float = DAY) -> Story:
    """The n-th «Курс валют на сегодня»: new guid, link and date each time."""
    address = f"https://news.test/kurs-{n}.html"
    return Story(
        address, address, "Курс валют на сегодня", lead or f"Доллар стоит {500 + n} тенге, евро {560 + n}.", -n * every
    )


def _slug(item: Story, slug: str) -> Story:
    address = f"https://news.test/{slug}"
    return replace(item, guid=address, link=address)


def scenarios() -> list[Scenario]:
    """The rows of the table in their order, then what else must not be mistaken."""
    base = stories(range(10, 40))
    new = story(-1)
    long = stories(range(10, 160))
    old = replace(story(3), title="В городе открылся новый мост через реку")
    corrected = replace(old, title="В городе открыли новый мост через реку")
    rates = [replace(story(n), ago=n * HOUR) for n in range(1, 31)]
    both = story(-2)

    def secure(_: int, item: Story) -> dict[str, Any]:
        return {"guid": item.guid.replace("http://www.", "https://")}

    def rotated(poll: int) -> list[Story]:
        tail = f"?utm_source=rss&utm_campaign=c{poll}&yclid={poll}"
        return _each(base, lambda _, item: {"guid": "", "link": item.link + tail})

    def moved(_: int, item: Story) -> dict[str, Any]:
        return {name: getattr(item, name).replace("news.test", "beta.news.test") for name in ("guid", "link")}

    same_guid = _each(base, lambda _, __: {"guid": "news"})
    three = [replace(story(n), guid="news") for n in (-1, -2, -3)]
    return [
        Scenario("http→https guids, +1 new", _after(base, [new, *_each(base[:29], secure)]), 1),
        Scenario(
            "CMS migration, all-new guids, +1 new",
            _after(base, [new, *_each(base[:29], lambda n, _: {"guid": f"urn:uuid:{n}"})]),
            1,
        ),
        Scenario("five polls of rotating utm, no guid", _after(*(rotated(n) for n in range(6))), 0),
        Scenario(
            "headline corrected, slug in guid and link",
            _after([_slug(old, "otkrylsya-most-3.html"), *base], [_slug(corrected, "otkryli-most-3.html"), *base]),
            0,
            edits=1,
        ),
        Scenario("same guid on every item, 3 new", _after(same_guid, [*three, *same_guid[:27]]), 3),
        Scenario("cut to one item by a cache, then whole again, +1 new", _after(long, long[:1], [new, *long[:149]]), 1),
        Scenario(
            "newest withdrawn, old ones slide back",
            _after(base, [*base[20:], *(replace(story(n), ago=n * HOUR) for n in range(60, 80))]),
            0,
        ),
        Scenario(
            "old article bumped to the top",
            _after([*base, replace(story(50), ago=3 * DAY)], base, [replace(story(50), ago=-15 * MINUTE), *base]),
            0,
        ),
        Scenario(
            "recurring headline, new guid, link and date",
            _after([_edition(0), *rates], [_edition(1), _edition(0), *rates], step=DAY),
            1,
        ),
        Scenario(
            "same article in two section feeds",
            [
                Poll(0, base, "sport"),
                Poll(0, base, "culture"),
                Poll(10 * MINUTE, [both, *base], "sport"),
                Poll(10 * MINUTE, [both, *base], "culture"),
            ],
            1,
            sections={"sport": "sport", "culture": "culture"},
            both=True,
        ),
        # further than the table ------------------------------------------------------------------------------
        Scenario(
            "CMS migration, all-new guids and links, +1 new",
            _after(
                base,
                [
                    new,
                    *_each(base[:29], lambda n, _: {"guid": f"urn:uuid:{n}", "link": f"https://news.test/archive/{n}"}),
                ],
            ),
            1,
        ),
        Scenario(
            "recurring headline with the same lead",
            _after(
                [_edition(0, "Официальные курсы, которые установил на сегодня Национальный банк")],
                *(
                    [_edition(n, "Официальные курсы, которые установил на сегодня Национальный банк")]
                    for n in range(1, 4)
                ),
                step=DAY,
            ),
            3,
        ),
        Scenario(
            "recurring headline each hour, another lead",
            _after(*([_edition(n, every=HOUR)] for n in range(6)), step=HOUR),
            5,
        ),
        Scenario(
            "two editions under one headline in one document",
            _after(base, [_edition(2, every=MINUTE), _edition(1, every=MINUTE), *base]),
            2,
        ),
        Scenario("the site moves to another host", _after(base, _each(base, moved)), 0),
        Scenario(
            "newest withdrawn an hour after the first poll",
            _after(base, [*base[10:], *(replace(story(n), ago=n * 6 * MINUTE) for n in range(60, 70))], step=HOUR),
            0,
        ),
        Scenario(
            "headline corrected three times in five minutes",
            _after(
                [_slug(old, "most-3.html"), *base],
                *(
                    [replace(_slug(old, "most-3.html"), title=f"{old.title}: обновлено {n}"), *base]
                    for n in range(1, 4)
                ),
                step=100,
            ),
            0,
            edits=2,
        ),
    ]


async def replay(desk: Desk, scenario: Scenario) -> Outcome:
    """Play it through the watcher; what was in the first poll of each feed is no post."""
    paths = list(dict.fromkeys(poll.path for poll in scenario.polls))
    await desk.restart(
        *(WatchedFeed(f"{desk.site.url}/{path}", ZONE, "ru", scenario.sections.get(path, "sport")) for path in paths)
    )
    for poll in scenario.polls:
        desk.site.body = poll.document
        await desk.poll(paths.index(poll.path), after=max(0.0, NOW + poll.at - desk.clock.now()))
    posts = await desk.posts(PostState.WAITING)
    edits = await desk.storage.engine.fetch("SELECT SUM(version - 1) FROM post")
    return Outcome(len(posts), int(edits[0][0] or 0), posts[-1].sections if posts else 0)


def rule(scenario: Scenario) -> tuple[int, int]:
    """Posts under "guid or link or title": with a memory for ever, and with one of the last document."""
    ever: dict[str, set[str]] = {}
    last: dict[str, set[str]] = {}
    sent = [0, 0]
    for poll in scenario.polls:
        entries = feedparser.parse(io.BytesIO(poll.document)).entries
        names = [str(e.get("id") or e.get("link") or e.get("title")) for e in entries]
        for n, memory in enumerate((ever, last)):
            if poll.path in memory:
                sent[n] += len({name for name in names if name not in memory[poll.path]})
        ever.setdefault(poll.path, set()).update(names)
        last[poll.path] = set(names)
    return sent[0], sent[1]


BOTH = SPORT | CULTURE
