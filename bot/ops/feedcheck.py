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
from bot.feeds.decode import Decoded, decode
from bot.feeds.fetch import Fetcher, Response
from bot.feeds.parse import Document, parse
from bot.feeds.sections import section_mask
from bot.settings import FeedConfig, SectionConfig, Settings

_REMEDIES = {
    "network": "Check the address and this machine's connection.",
    "certificate": "Ask the site to renew its certificate; checks are never switched off.",
    "timeout": "The server is slow or drops us; try again later.",
    "gone": "The feed was taken down for good (410): ask the site for its new address.",
    "too_big": "Ask the site for a shorter feed.",
    "not_feed": "Look on the site for the address of its RSS or Atom feed.",
    "empty": "The server sent nothing; try again later, then ask the site.",
    "private": "FETCH_ALLOW_PRIVATE=1 lets feeds live on private addresses.",
    "redirect": "Use the address to which it finally leads.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A feed as it was found: the answer, the decoder's findings and the entries."""

    feed: FeedConfig
    response: Response
    decoded: Decoded
    document: Document


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
    decoded = decode(response.body, content_type=response.content_type, override=feed.encoding)
    document = parse(
        decoded.text_bytes,
        base=response.final_url or feed.url,
        zone=ZoneInfo(feed.timezone or settings.newsroom.timezone),
        language=feed.language,
        now=clock.now(),
    )
    return Reading(feed, response, decoded, document)


def remedy(error: FeedError, user_agent: str) -> str:
    """What a person can do about a feed that could not be read."""
    if error.kind == "wall" or error.status in (401, 403, 429, 503):
        return f"This looks like a bot wall: ask the site's administrators to let in the User-Agent {user_agent!r}."
    if error.status == 404:
        return "There is nothing at this address: look on the site for its feed."
    return _REMEDIES.get(error.kind, "Try again later.")


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
    repaired = f", {reading.decoded.repaired} characters were damaged" if reading.decoded.repaired else ""
    yield "encoding", f"{reading.decoded.encoding}{repaired}"
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
