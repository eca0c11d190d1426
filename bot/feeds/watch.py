"""The watcher: feeds are asked in their turn, and whatever is new becomes articles and waiting posts.

    due feed → fetch (304? same bytes?) → read what is unseen → recognise → one transaction → next check

Stages before the transaction change nothing, so a crash anywhere repeats the poll and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.domain.article import Article, Entry, Section
from bot.domain.desk import Alarm
from bot.domain.errors import FeedError, StorageError
from bot.domain.feed import FeedState, Found, KnownArticle, Met, Poll
from bot.feeds.fetch import PER_HOST, Fetcher, Response
from bot.feeds.identity import (
    DAY,
    Edited,
    Known,
    New,
    Verdict,
    document_keys,
    fingerprint,
    flood,
    material,
    recognise,
)
from bot.feeds.parse import Document
from bot.feeds.schedule import Checked, Pace, learn, next_check
from bot.feeds.sections import section_mask
from bot.feeds.signs import flawed, learnt, redirected, shrunk, subject, troubled
from bot.feeds.slices import SliceMemory
from bot.feeds.worker import FeedReader, Job, Reading
from bot.posts.lead import clean_lead
from storage import Storage

_log = logging.getLogger(__name__)

PARALLEL = 16
"""Polls at once: each may hold a body of 10 MB."""
NEWEST_OF_A_FLOOD = 5
POLLS_TO_MOVE = 3
HOUR = 3600
LOOK = 15.0
"""Seconds between two looks at what editors have added."""
BUSY_PAUSE, POISON_PAUSE = 10, 3600
"""Seconds until a feed is asked again that the database, or a bug of ours, kept from being saved."""


@dataclass(frozen=True, slots=True)
class WatchedFeed:
    """A feed as configured. `language` "" tells by the letters; `interval` None adapts; `section` "" for any."""

    url: str
    zone: ZoneInfo
    language: str = ""
    section: str = ""
    interval: int | None = None
    encoding: str = ""


@dataclass(slots=True)
class _Feed:
    """A feed at work. `ttl` is what its last document asked for, in seconds: a 304 does not repeat it. `oldest`: when
    the oldest of its articles came out, None while nobody asked.
    """

    config: WatchedFeed
    state: FeedState
    memory: SliceMemory = field(default_factory=SliceMemory)
    ttl: int = 0
    oldest: int | None = None


class Watcher:
    """Polls feeds until told to stop. `arrived` is called when posts wait; `noticed` before each poll, with
    the epoch second at which the first of those still to be asked was due.

    `feeds` are those of the file; those that editors added stand in the storage and are looked up again and again.
    `sections` are the newsroom's, with their bits, and `zone` its own; `credits` are its names, which are cut from
    leads; `edits` says for the id of a section ("" for none) which edits of its articles readers' copies follow: all,
    material, channels.
    """

    def __init__(
        self,
        storage: Storage,
        fetcher: Fetcher,
        feeds: Sequence[WatchedFeed],
        sections: Sequence[Section],
        clock: Clock,
        *,
        zone: ZoneInfo,
        credits: Sequence[str] = (),
        edits: Callable[[str], str] = lambda section: "material",
        arrived: Callable[[], None] = lambda: None,
        noticed: Callable[[float], None] = lambda due: None,
        rng: random.Random | None = None,
    ) -> None:
        self._storage = storage
        self._fetcher = fetcher
        self._configs = feeds
        self._sections = sections
        self._clock = clock
        self._zone = zone
        self._look = asyncio.Event()
        self._credits = credits
        self._edits = edits
        self._arrived = arrived
        self._noticed = noticed
        self._rng = rng or random.Random()
        self._saving = asyncio.Lock()
        self._places = asyncio.Semaphore(PARALLEL)
        # taken before a place, so that the many feeds of one site do not sit on the places of all others
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_HOST))

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set; polls under way are given up, they changed nothing yet."""
        async with FeedReader(self._clock) as reader, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(reader))
            await stop.wait()
            watching.cancel()

    def wake(self) -> None:
        """An editor may have added a feed, or paused one."""
        self._look.set()

    async def _watch(self, reader: FeedReader) -> None:
        """Keep a task for each feed that is to be watched now."""
        feeds: dict[WatchedFeed, _Feed] = {}
        asking: dict[WatchedFeed, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._look.clear()
                try:
                    wanted = await self._wanted()
                    for config in [one for one in asking if one not in wanted or asking[one].done()]:
                        asking.pop(config).cancel()
                        del feeds[config]
                    for feed in await self._feeds([config for config in wanted if config not in asking]):
                        feeds[feed.config] = feed
                        asking[feed.config] = tasks.create_task(self._keep_asking(feed, feeds, reader))
                except StorageError as error:
                    _log.warning("watching waits for the database: %s", error)
                    await self._clock.sleep(BUSY_PAUSE)
                    continue
                await self._clock.wait(self._look, LOOK)

    async def _wanted(self) -> list[WatchedFeed]:
        """The file's feeds, then those that editors added and did not pause."""
        listed = {config.url for config in self._configs}
        added = [one for one in await self._storage.feeds.added() if one.paused_at is None and one.url not in listed]
        return [*self._configs, *(WatchedFeed(one.url, self._zone, section=one.section) for one in added)]

    async def _feeds(self, configs: Sequence[WatchedFeed]) -> list[_Feed]:
        """The feeds as they were left; what was last asked in the future (the clock went back) is due now.

        What is overdue is asked in its order, so many a second: a newsroom of 500 feeds is no herd after a night off.
        """
        if not configs:
            return []
        states = await self._storage.feeds.watch([config.url for config in configs])
        now = int(self._clock.now())
        feeds = []
        for config, state in zip(configs, states, strict=True):
            sound = state.next_at and (state.checked_at or 0) <= now
            feeds.append(_Feed(config, state if sound else replace(state, next_at=now)))
        overdue = sorted((feed for feed in feeds if feed.state.next_at <= now), key=lambda feed: feed.state.next_at)
        for n, feed in enumerate(overdue):
            feed.state = replace(feed.state, next_at=now + n // PARALLEL)
        return feeds

    async def _keep_asking(self, feed: _Feed, feeds: Mapping[WatchedFeed, _Feed], reader: FeedReader) -> None:
        while feed.state.gone_at is None:
            await self._clock.sleep(max(0.0, feed.state.next_at - self._clock.now()))
            host = urlsplit(_address(feed.state)).hostname or ""
            async with self._hosts[host], self._places:
                others = feeds.values()
                self._noticed(float(min(one.state.next_at for one in others if one.state.gone_at is None)))
                await self._ask(feed, reader)

    async def _ask(self, feed: _Feed, reader: FeedReader) -> None:
        """One poll that cannot harm another feed's: what was read but not saved is read again."""
        try:
            await self.check(feed, reader)
            return
        except StorageError as error:
            _log.warning("feed %s waits for the database: %s", _shown(feed.config.url), error)
            pause = BUSY_PAUSE
        except Exception:  # noqa: BLE001  # a bug that one document brings out must not stop all the other feeds
            _log.exception("feed %s brought out a bug; it is left alone for an hour", _shown(feed.config.url))
            pause = POISON_PAUSE
        feed.memory.forget()
        with suppress(StorageError):  # what somebody else has saved meanwhile is no reason to fail again
            (feed.state,) = await self._storage.feeds.watch([feed.config.url])
        feed.state = replace(feed.state, next_at=int(self._clock.now()) + pause)

    async def check(self, feed: _Feed, reader: FeedReader) -> None:
        """One poll, from request to saved state. Raises `StorageError` only, and whatever is a bug."""
        now = self._clock.now()
        try:
            answer, state, reading = await self._read(feed, reader, now)
        except FeedError as error:
            _log.warning("feed %s: %s", _shown(feed.config.url), error)
            checked, poll = _failed(feed.state, error)
            await self._save(feed, checked, replace(poll, alarms=tuple(troubled(feed.state, error))), now)
            return
        if reading is None or reading.document is None:
            seen = [*redirected(state, answer.final_url)]
            if reading is not None:
                seen += shrunk(state, reading.total)
                state = learnt(state, 0, reading.total, int(now), self._zone)
            poll = Poll(state, alarms=tuple(seen))
            await self._save(feed, Checked(hint=max(feed.ttl, answer.max_age)), poll, now)
            return
        async with self._saving:  # two feeds with the same article must not both find it new
            checked, poll = await self._sort(feed, state, reading, reading.document, answer, now)
            await self._save(feed, checked, poll, now)

    async def _read(self, feed: _Feed, reader: FeedReader, now: float) -> tuple[Response, FeedState, Reading | None]:
        """Fetch and read what is unseen; no reading when the server or the bytes say that nothing is new."""
        state, config = feed.state, feed.config
        before = bool(state.primed_at and state.body_hash)
        answer = await self._fetcher.fetch(
            _address(state), etag=state.etag if before else "", last_modified=state.last_modified if before else ""
        )
        state = _met(state, answer, now)
        body_hash = blake2b(answer.body, digest_size=16).hexdigest()
        if answer.status == 304 or (before and body_hash == state.body_hash):
            return answer, replace(state, etag=answer.etag, last_modified=answer.last_modified), None
        job = Job(
            answer.body, answer.final_url, config.zone, config.language, now, answer.content_type, config.encoding
        )
        reading = await reader.read(job, feed.memory)
        if reading.document is None or reading.document.complete:
            state = replace(state, etag=answer.etag, last_modified=answer.last_modified, body_hash=body_hash)
        return answer, state, reading

    async def _sort(
        self, feed: _Feed, state: FeedState, reading: Reading, document: Document, answer: Response, now: float
    ) -> tuple[Checked, Poll]:
        """Recognise the entries: what is to be saved."""
        entries = [
            replace(entry, lead=clean_lead(entry.lead, entry.title, self._credits)) for entry in document.entries
        ]
        host = urlsplit(answer.final_url).hostname or ""
        keys = document_keys(entries, host=host, repeated=reading.repeated)
        known = await self._storage.articles.known([key for of_entry in keys for key in of_entry])
        since = await self._since(feed, now)
        verdicts = recognise(entries, keys, known, now, feed_id=state.id, since=since)
        poll = self._changes(feed, state, verdicts, known, reading.total, now)
        state = replace(state, title=document.title or state.title, primed_at=state.primed_at or int(now))
        if any(isinstance(verdict, Known) and verdict.postponed for verdict in verdicts):
            feed.memory.forget()
            state = replace(state, etag="", last_modified="", body_hash="")
        feed.ttl = document.ttl or 0
        fresh = sum(found.publish for found in poll.new)
        alarms = (
            *poll.alarms,
            *redirected(state, answer.final_url),
            *shrunk(state, reading.total),
            *flawed(state, poll.new, repaired=reading.repaired, future=document.future),
        )
        state = learnt(state, fresh, reading.total, int(now), self._zone)
        return Checked(new=fresh, hint=max(feed.ttl, answer.max_age)), replace(poll, state=state, alarms=alarms)

    async def _since(self, feed: _Feed, now: float) -> float:
        """What is older slid back into the feed; after a day the age of an item tells as much."""
        state = feed.state
        if state.primed_at is None or now - state.primed_at > DAY:
            return 0.0
        if feed.oldest is None:
            feed.oldest = await self._storage.articles.oldest(state.id) or 0
        return min(feed.oldest, state.primed_at - HOUR)

    async def _save(self, feed: _Feed, checked: Checked, poll: Poll, now: float) -> None:
        """Write the poll and when the next one is due; wake whoever publishes."""
        pace = learn(_pace(feed), checked, now)
        at = next_check(pace, checked, now, self._rng)
        state = replace(
            poll.state,
            failures=pace.failures,
            gap=pace.gap,
            new_at=int(pace.last_new_at) or None,
            checked_at=int(now),
            # never before the moment that a server asked for
            next_at=math.ceil(at or 0) if checked.error else int(at or 0),
            gone_at=None if at is not None else int(now),
        )
        poll = replace(poll, state=state, since=feed.state.checked_at or 0)
        await self._storage.feeds.save_poll(poll, now=int(now))
        feed.state = state
        if any(found.publish for found in poll.new) or any(met.publish for met in poll.seen):
            self._arrived()

    def _changes(
        self,
        feed: _Feed,
        state: FeedState,
        verdicts: Sequence[Verdict],
        known: Mapping[str, KnownArticle],
        total: int,
        now: float,
    ) -> Poll:
        """What the verdicts change. Before the first good poll, and for old articles, it changes silently."""
        by_id = {article.id: article for article in known.values()}
        primed = state.primed_at is not None
        new: list[Found] = []
        edited: dict[int, Found] = {}
        seen: list[Met] = []
        taken: dict[str, int] = {}
        for verdict in verdicts:
            mask = section_mask(verdict.entry.categories, self._sections, feed.config.section)
            match verdict:
                case Known(article_id, entry, keys) | Edited(article_id, entry, keys):
                    stored = by_id[article_id]
                    fresh, more = tuple(key for key in keys if key not in known), mask & ~stored.sections
                    late = now - (stored.published_at or stored.seen_at) > DAY
                    if fresh or more:
                        seen.append(Met(article_id, fresh, more, publish=primed and bool(more) and not late))
                    if isinstance(verdict, Edited):
                        article = _article(entry, state.id, stored.sections, int(now), stored)
                        edited.setdefault(article_id, Found(article, keys, publish=self._followed(entry, stored)))
                case _ if twins := [taken[key] for key in verdict.keys if key in taken]:
                    new[twins[0]] = _also_in(new[twins[0]], mask)  # the document holds the article twice
                case _:
                    taken |= dict.fromkeys(verdict.keys, len(new))
                    article = _article(verdict.entry, state.id, mask, int(now))
                    publish = primed and isinstance(verdict, New)
                    new.append(Found(article, verdict.keys, publish, everybody=not feed.config.language))
        going = sum(found.publish for found in new) + sum(met.publish for met in seen)
        alarms: tuple[Alarm, ...] = ()
        if flood(going, total):
            _log.warning("feed %s: %d new items at once; the newest go out", _shown(feed.config.url), going)
            new, seen = _newest(new, seen, by_id)
            alarms = (Alarm(subject(state.id), "flood", {"n": going}),)
        # The oldest first, so that ids and posts follow the order of events; documents have the newest on top.
        new.reverse()
        new.sort(key=lambda found: found.article.published_at or int(now))
        return Poll(state, tuple(new), tuple(edited.values()), tuple(seen), alarms)

    def _followed(self, entry: Entry, stored: KnownArticle) -> bool:
        """Whether the copies that readers have are to be edited; of several sections the first decides."""
        section = next((one.id for one in self._sections if one.mask & stored.sections), "")
        wanted = self._edits(section)
        return wanted == "all" or (wanted == "material" and material(entry, stored))


def _article(entry: Entry, feed_id: int, sections: int, now: int, stored: KnownArticle | None = None) -> Article:
    return Article(
        id=stored.id if stored else 0,
        feed_id=feed_id,
        title=entry.title,
        lead=entry.lead,
        link=entry.link or (stored.link if stored else ""),
        language=entry.language,
        sections=sections,
        seen_at=stored.seen_at if stored else now,
        published_at=stored.published_at if stored else entry.published,
        body=entry.body,
        author=entry.author,
        image=entry.image,
        fingerprint=fingerprint(entry),
        edits=stored.edits + 1 if stored else 0,
        edited_at=now if stored else None,
    )


def _also_in(found: Found, sections: int) -> Found:
    return replace(found, article=replace(found.article, sections=found.article.sections | sections))


def _newest(
    new: Sequence[Found], seen: Sequence[Met], known: Mapping[int, KnownArticle]
) -> tuple[list[Found], list[Met]]:
    """After an outage: at most the newest five of each section go out, the others are kept silently."""
    dated: list[tuple[int, int, Found | Met]] = [
        (found.article.published_at or found.article.seen_at, found.article.sections, found) for found in new
    ]
    for met in seen:
        stored = known[met.article_id]
        dated.append((stored.published_at or stored.seen_at, met.sections, met))
    taken: Counter[int] = Counter()
    silent: set[int] = set()
    for _, mask, item in sorted(dated, key=lambda one: -one[0]):
        bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1] or [-1]
        if item.publish and all(taken[bit] < NEWEST_OF_A_FLOOD for bit in bits):
            taken.update(bits)
        else:
            silent.add(id(item))
    return (
        [replace(found, publish=id(found) not in silent) for found in new],
        [replace(met, publish=id(met) not in silent) for met in seen],
    )


def _met(state: FeedState, answer: Response, now: float) -> FeedState:
    """The feed answered. A move that is permanent at three polls in a row is believed."""
    times = state.moved_times + 1 if answer.permanent_to and answer.permanent_to == state.moved_to else 1
    if not answer.permanent_to:
        believed = state.moved_times >= POLLS_TO_MOVE
        return replace(
            state,
            ok_at=int(now),
            problem="",
            moved_to=state.moved_to if believed else "",
            moved_times=state.moved_times if believed else 0,
        )
    return replace(state, ok_at=int(now), problem="", moved_to=answer.permanent_to, moved_times=times)


def _address(state: FeedState) -> str:
    return state.moved_to if state.moved_times >= POLLS_TO_MOVE else state.url


def _failed(state: FeedState, error: FeedError) -> tuple[Checked, Poll]:
    """What a failure changes. Where a feed moved to and failed three times, its own address is asked again."""
    kind = error.kind
    state = replace(state, problem=str(error)[:300])
    if _address(state) != state.url and (kind == "gone" or state.failures + 1 >= POLLS_TO_MOVE):
        state, kind = replace(state, moved_to="", moved_times=0), "http" if kind == "gone" else kind
    return Checked(error=kind, retry_after=error.retry_after), Poll(state)


def _pace(feed: _Feed) -> Pace:
    state = feed.state
    return Pace(feed.config.interval, state.primed_at or 0.0, state.new_at or 0.0, state.gap, state.failures)


def _shown(url: str) -> str:
    """An address for the log: without what may be a password or a key."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"
