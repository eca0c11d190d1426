"""`newsdesk feed check URL`: one look at a feed, told in words. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.clock import Clock, RealClock
from bot.domain.article import Entry, Section
from bot.domain.errors import FeedError
from bot.feeds.fetch import Fetcher, Response
from bot.feeds.parse import Document
from bot.feeds.sections import section_mask
from bot.feeds.slices import SliceMemory
from bot.feeds.worker import FeedReader, Job
from bot.i18n import mark
from bot.settings import FeedConfig, SectionConfig, Settings

_WHAT = {
    "network": mark("The server cannot be reached."),
    "certificate": mark("The site's certificate is not trusted."),
    "timeout": mark("The server does not answer in time."),
    "http": mark("The server answers {status}."),
    "gone": mark("The feed was taken down for good (410)."),
    "too_big": mark("The answer is too big."),
    "not_feed": mark("There is no feed at this address."),
    "empty": mark("The server sends nothing."),
    "private": mark("The address is in a private network."),
    "redirect": mark("The address leads in a circle or to nothing."),
    "wall": mark("The site shows a page for browsers instead of the feed."),
    "parse": mark("The document cannot be read."),
}
_REMEDIES = {
    "network": mark("Check the address and this machine's connection."),
    "certificate": mark("Ask the site to renew its certificate; checks are never switched off."),
    "timeout": mark("The server is slow or drops us; try again later."),
    "gone": mark("Ask the site for the feed's new address."),
    "too_big": mark("Ask the site for a shorter feed."),
    "not_feed": mark("Look on the site for the address of its RSS or Atom feed."),
    "empty": mark("Try again later, then ask the site."),
    "private": mark("FETCH_ALLOW_PRIVATE=1 lets feeds live on private addresses."),
    "redirect": mark("Use the address to which it finally leads."),
    "parse": mark("Ask the site to mend its feed."),
}
_WALL = mark("This looks like a bot wall: ask the site's administrators to let in the User-Agent {agent}.")
_ABSENT = mark("There is nothing at this address: look on the site for its feed.")
_LATER = mark("Try again later.")


@dataclass(frozen=True, slots=True)
class Reading:
    """A feed as it was found: the answer and the entries, with the decoder's findings."""

    feed: FeedConfig
    response: Response
    document: Document
    encoding: str
    repaired: int


def sections_of(configured: Iterable[SectionConfig]) -> tuple[Section, ...]:
    """The sections with bits in the order of the file, for commands that store nothing."""
    return tuple(Section(s.id, bit, s.name, s.match) for bit, s in enumerate(configured))


def fetcher(settings: Settings, clock: Clock) -> Fetcher:
    """A fetcher as the settings want it."""
    return Fetcher(
        clock,
        user_agent=settings.user_agent,
        allow_private=settings.env.fetch_allow_private,
        proxy=settings.env.fetch_proxy,
    )


async def read_feed(settings: Settings, feed: FeedConfig, http: Fetcher, clock: Clock) -> Reading:
    """Fetch and read a feed once, or the one that a page names; raises FeedError."""
    try:
        return await _read(settings, feed, http, clock)
    except FeedError as error:
        if not error.feed or error.feed == feed.url:
            raise
        return await _read(settings, replace(feed, url=error.feed), http, clock)


async def _read(settings: Settings, feed: FeedConfig, http: Fetcher, clock: Clock) -> Reading:
    response = await http.fetch(feed.url)
    zone = ZoneInfo(feed.timezone or settings.newsroom.timezone)
    base = response.final_url or feed.url
    job = Job(response.body, base, zone, feed.language, clock.now(), response.content_type, feed.encoding)
    async with FeedReader(clock) as reader:
        found = await reader.read(job, SliceMemory())
    assert found.document is not None  # nothing was seen before
    return Reading(feed, response, found.document, found.encoding, found.repaired)


def problem(kind: str) -> str:
    """What is wrong with a feed that could not be read: a message with `status`."""
    return _WHAT.get(kind, _WHAT["parse"])


def advice(kind: str, status: int) -> str:
    """What a person can do about it: a message with `agent`, the name by which we ask."""
    if kind == "wall" or status in (401, 403, 429, 503):
        return _WALL
    return _ABSENT if status == 404 else _REMEDIES.get(kind, _LATER)


def remedy(error: FeedError, user_agent: str) -> str:
    """The same in English."""
    return advice(error.kind, error.status).format(agent=repr(user_agent))


async def feed_check(settings: Settings, url: str) -> bool:
    """Fetch the feed, print the report; whether it can be used."""
    clock = RealClock()
    feed = next((f for f in settings.feeds if f.url == url), FeedConfig(url))
    try:
        async with fetcher(settings, clock) as http:
            reading = await read_feed(settings, feed, http, clock)
    except FeedError as error:
        print(f"{url}\n  failed      {error.detail}\n  what to do  {remedy(error, settings.user_agent)}")
        return False
    print(url if reading.feed.url == url else f"{url} is a page; its feed:\n{reading.feed.url}")
    for name, text in report(reading, sections_of(settings.sections), settings.newsroom.zone):
        print(f"  {name:<11} {text}")
    return bool(reading.document.entries)


def report(reading: Reading, sections: Sequence[Section], zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """The lines of the report as (name, text)."""
    document, entries = reading.document, reading.document.entries
    yield from _answer(reading.response, reading.feed.url)
    repaired = f", {reading.repaired} characters were damaged" if reading.repaired else ""
    yield "encoding", f"{reading.encoding}{repaired}"
    flaws = ["not well-formed"] * document.bozo + ["cut off at the end"] * (not document.complete)
    yield "feed", ", ".join(filter(None, (f"«{document.title}»", document.kind, document.language, *flaws)))
    left_out = f", left out {_counted(document.dropped)}" if document.dropped else ""
    yield "entries", f"{len(entries)}{left_out}"
    yield from _dates(document, zone)
    yield from _categories(reading, sections)
    yield "languages", _counted(entry.language or "unknown" for entry in entries) or "none"
    lacking = [n for n in ("guid", "link", "title", "lead") if any(not getattr(e, n) for e in entries)]
    yield "images", f"{sum(bool(e.image) for e in entries)} of {len(entries)}"
    if lacking:
        yield "lacking", ", ".join(f"{n} in {sum(not getattr(e, n) for e in entries)}" for n in lacking)


def _answer(response: Response, url: str) -> Iterator[tuple[str, str]]:
    validators = [n for n, v in (("ETag", response.etag), ("Last-Modified", response.last_modified)) if v]
    saves = f"validators {' and '.join(validators)}" if validators else "no validators: each check costs the whole feed"
    size = f"{len(response.body):,} bytes ({response.wire_bytes:,} sent)"
    yield "status", f"{response.status}, {response.content_type or 'no content type'}, {size}, {saves}"
    if response.permanent_to:
        yield "moved", f"for good to {response.permanent_to}: use that address"
    elif response.final_url not in ("", url):
        yield "redirected", f"to {response.final_url}"


def _dates(document: Document, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    read = sorted(e.published for e in document.entries if e.published is not None)
    span = f", from {_moment(read[0], zone)} to {_moment(read[-1], zone)} ({zone.key})" if read else ""
    yield "dates", f"{len(read)} of {len(document.entries)} read{span}"
    if document.unread_dates:
        yield "unread", "; ".join(repr(date) for date in document.unread_dates)


def _moment(when: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(when, zone).strftime("%d.%m.%Y %H:%M")


def _categories(reading: Reading, sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """Each category with its count and section, then how many entries each section gets."""
    entries = reading.document.entries
    counts = Counter(category for entry in entries for category in entry.categories)
    for category, count in counts.most_common(40):
        place = _names(section_mask([category], sections), sections) or "no section"
        yield "category", f"{count} × {category} → {place}"
    if not counts:
        yield "category", "none in this feed"
    yield "sections", _counted(names_of(entry, reading.feed, sections) or "the desk decides" for entry in entries)


def names_of(entry: Entry, feed: FeedConfig, sections: Sequence[Section]) -> str:
    """The ids of the sections that an entry falls in, "" for none."""
    return _names(section_mask(entry.categories, sections, feed.section), sections)


def _names(mask: int, sections: Sequence[Section]) -> str:
    return ", ".join(s.id for s in sections if s.mask & mask)


def _counted(words: Iterable[str]) -> str:
    return "; ".join(f"{count} {word}" for word, count in Counter(words).most_common())
