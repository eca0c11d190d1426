"""The watcher: feeds are asked in their turn, and whatever is new becomes articles and waiting posts.

    due feed → fetch (304? same bytes?) → read what is unseen → recognise → one transaction → next check

Stages before the transaction change nothing, so a crash anywhere repeats the poll and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.domain.article import Entry, Section
from bot.domain.errors import FeedError, StorageError
from bot.domain.feed import FeedState, Poll
from bot.feeds.changes import Setting, changes
from bot.feeds.fetch import PER_HOST, Fetcher, Response
from bot.feeds.identity import (
    DAY,
    Edited,
    Known,
    Verdict,
    document_keys,
    flood,
    recognise,
)
from bot.feeds.parse import Document, page_picture
from bot.feeds.schedule import Checked, Pace, learn, next_check
from bot.feeds.signs import (
    MOST_VANISHED,
    PATIENCE,
    bottom,
    flawed,
    learnt,
    redirected,
    shrunk,
    troubled,
    vanished,
)
from bot.feeds.slices import SliceMemory
from bot.feeds.worker import FeedReader, Job, Reading
from bot.posts.lead import clean_lead
from storage import Storage

_log = logging.getLogger(__name__)

PARALLEL = 16
"""Polls at once: each may hold a body of 10 MB."""
POLLS_TO_MOVE = 3
HOUR, WEEK = 3600, 7 * DAY
READ_ALL_AFTER = 28 * DAY
MOST_PICTURES, PICTURES_WITHIN = 5, 10.0
LOOK = 15.0
"""Seconds between two looks at what editors have added, and what somebody wants to be looked at now."""
_PATIENCE = re.compile(r"\b(?:429|503)\b")
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
    the oldest of its articles came out, None while nobody asked; `pictures` those of the pages of new articles.
    `asked`: it is to be looked at before its time.
    """

    config: WatchedFeed
    state: FeedState
    memory: SliceMemory = field(default_factory=SliceMemory)
    ttl: int = 0
    oldest: int | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    asked: asyncio.Event = field(default_factory=asyncio.Event)


class Watcher:
    """Polls feeds until told to stop. `arrived` is called when posts wait; `noticed` before each poll, with
    the epoch second at which the first of those still to be asked was due.

    `feeds` are those of the file; those that editors added stand in the storage and are looked up again and again.
    `sections` are the newsroom's, with their bits, and `zone` its own; `credits` are its names, which are cut from
    leads; `edits` says for the id of a section ("" for none) which edits of its articles readers' copies follow: all,
    material, channels; and `pictured` whether its posts carry pictures. `alone`: nothing but feeds is the work of this
    process.
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
        pictured: Callable[[str], bool] = lambda section: False,
        credits: Sequence[str] = (),
        edits: Callable[[str], str] = lambda section: "material",
        arrived: Callable[[], None] = lambda: None,
        noticed: Callable[[float], None] = lambda due: None,
        rng: random.Random | None = None,
        alone: bool = False,
    ) -> None:
        self._storage = storage
        self._fetcher = fetcher
        self._configs = feeds
        self._sections = sections
        self._clock = clock
        self._zone = zone
        self._look = asyncio.Event()
        self._pictured = pictured
        self._credits = credits
        self._edits = edits
        self._arrived = arrived
        self._noticed = noticed
        self._rng = rng or random.Random()
        self._alone = alone
        self._saving = asyncio.Lock()
        self._places = asyncio.Semaphore(PARALLEL)
        # taken before a place, so that the many feeds of one site do not sit on the places of all others
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_HOST))

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set; polls under way are given up, they changed nothing yet."""
        async with FeedReader(self._clock, alone=self._alone) as reader, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(reader))
            await stop.wait()
            watching.cancel()

    def wake(self) -> None:
        """An editor may have added a feed, or paused one, or somebody wants one to be looked at now."""
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
                    await self._heed(feeds.values())
                except StorageError as error:
                    _log.warning("watching waits for the database: %s", error)
                    await self._clock.sleep(BUSY_PAUSE)
                    continue
                await self._clock.wait(self._look, LOOK)

    async def _heed(self, feeds: Iterable[_Feed]) -> None:
        """Feeds that are to be looked at now. A server that asked for patience is given it."""
        if asked := await self._storage.feeds.asked():
            for feed in feeds:
                if feed.state.id in asked and not _PATIENCE.search(feed.state.problem):
                    feed.asked.set()

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
            await self._clock.wait(feed.asked, max(0.0, feed.state.next_at - self._clock.now()))
            feed.asked.clear()
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
        await self._illustrate(feed, reading, answer, now)
        async with self._saving:  # two feeds with the same article must not both find it new
            checked, poll = await self._sort(feed, state, reading, answer, now)
            await self._save(feed, checked, poll, now)

    async def _read(self, feed: _Feed, reader: FeedReader, now: float) -> tuple[Response, FeedState, Reading | None]:
        """Fetch and read what is unseen; no reading when the server or the bytes say that nothing is new."""
        state, config = feed.state, feed.config
        before = bool(state.primed_at and state.body_hash) and not _stale(state, now)
        if not before:
            feed.memory.forget()
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
        self, feed: _Feed, state: FeedState, reading: Reading, answer: Response, now: float
    ) -> tuple[Checked, Poll]:
        """Recognise the entries: what is to be saved."""
        document = reading.document
        assert document is not None  # else there is nothing to sort
        entries = self._cleaned(document)
        host = urlsplit(answer.final_url).hostname or ""
        keys = document_keys(entries, host=host, repeated=reading.repeated)
        known = await self._storage.articles.known([key for of_entry in keys for key in of_entry])
        since = await self._since(feed, now)
        verdicts = recognise(entries, keys, known, now, feed_id=state.id, since=since)
        config = feed.config
        setting = Setting(self._sections, config.section, not config.language, self._edits, feed.pictures)
        poll = changes(state, verdicts, known, reading.total, now, setting)
        poll = await self._missing(poll, reading, verdicts, host, now)
        if not reading.partial and _stale(state, now):
            poll, state = replace(poll, kept=tuple(known)), replace(state, read_at=int(now))
        state = replace(state, title=document.title or state.title, primed_at=state.primed_at or int(now))
        postponed = any(isinstance(verdict, Known) and verdict.postponed for verdict in verdicts)
        if postponed or any(one.article_id not in poll.proposed for one in poll.missing or ()):
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

    def _cleaned(self, document: Document) -> list[Entry]:
        leads = (clean_lead(entry.lead, entry.title, self._credits) for entry in document.entries)
        entries = zip(document.entries, leads, strict=True)
        return [entry if entry.lead == lead else replace(entry, lead=lead) for entry, lead in entries]

    async def _illustrate(self, feed: _Feed, reading: Reading, answer: Response, now: float) -> None:
        """New articles without a picture get the one of their page, where posts carry any; a few, within seconds."""
        document = reading.document
        assert document is not None  # only what has entries comes here
        bare = [e for e in document.entries if e.link and not e.image and now - (e.published or now) < DAY]
        wanted = any(self._pictured(one.id) for one in self._sections)
        feed.pictures = {}
        if not (wanted and feed.state.primed_at and bare) or flood(len(bare), reading.total):
            return
        host = urlsplit(answer.final_url).hostname or ""
        keys = document_keys(bare, host=host, repeated=reading.repeated)
        known = await self._storage.articles.known([key for of_entry in keys for key in of_entry])
        new = [e for e, of_entry in zip(bare, keys, strict=True) if not any(key in known for key in of_entry)]
        with suppress(FeedError, TimeoutError):  # then the posts go without a picture
            async with asyncio.timeout(PICTURES_WITHIN):
                for entry in new[:MOST_PICTURES]:
                    page = await self._fetcher.fetch(entry.link)
                    feed.pictures[entry.link] = page_picture(page.body, page.final_url)

    async def _missing(self, poll: Poll, reading: Reading, verdicts: Sequence[Verdict], host: str, now: float) -> Poll:
        """With the articles that were taken out of the feed, as far as a whole document tells."""
        document, state = reading.document, poll.state
        assert document is not None  # it was sorted
        if reading.partial or not document.complete or state.primed_at is None or reading.total * 2 < state.items:
            return poll
        after = bottom([verdict.entry.published for verdict in verdicts])
        if after is None and not document.deleted:
            return replace(poll, missing=())
        named = document_keys([Entry(guid=guid) for guid in document.deleted], host=host)
        dead = {
            one.id for one in (await self._storage.articles.known([key for keys in named for key in keys])).values()
        }
        present = {verdict.article_id for verdict in verdicts if isinstance(verdict, Known | Edited)} - dead
        found = await self._storage.articles.missing(
            state.id, sorted(present), after=0 if dead else after or 0, recent=int(now) - WEEK, now=int(now)
        )
        missing = [
            one for one in found if after is not None and one.published_at > after and one.article_id not in dead
        ]
        missing = missing if len(missing) <= MOST_VANISHED else []
        missing += [replace(one, since=0) for one in found if one.article_id in dead]
        asked = tuple(vanished(missing, int(now)))
        ids = frozenset(one.article_id for one in missing if now - one.since >= PATIENCE)
        return replace(poll, missing=tuple(missing), proposed=ids, alarms=(*poll.alarms, *asked))

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


def _stale(state: FeedState, now: float) -> bool:
    """Whether all items should be read once more, so that what still stands in a feed is never forgotten."""
    return now - (state.read_at or 0) > READ_ALL_AFTER


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
