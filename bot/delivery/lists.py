"""Lists: whose next one is due when, when a broadcast of lists begins, and what each reader's list holds.

    choices changed, list sent → reckon → list_at ─ due → a broadcast in the digests' lane → select → one message

A broadcast of lists carries no posts of its own: what a reader's list holds is derived just before it is sent.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from bot.clock import Clock
from bot.delivery.audience import Offer, audience_of, concerns
from bot.delivery.hours import moment, next_list
from bot.delivery.runs import Pairs
from bot.domain.delivery import Audience, Broadcast, Lane
from bot.domain.post import Post
from bot.domain.reader import ALL, Night, Quiet, Reader
from bot.domain.recipient import Recipient
from storage import Storage

_AT_ONCE = 500
_DAY = 86_400
_FRESH_SECONDS = 1.0


def due_after(reader: Reader, now: int) -> int:
    """From when on to look for the reader's next list: not before the last one was due, should the clock have been set
    back since."""
    last = -(reader.list_at or 0)
    return last if now < last <= now + _DAY else now


class Timetable:
    """Reckons when lists are due, and begins broadcasts of them. `home` is the newsroom's zone."""

    def __init__(self, storage: Storage, clock: Clock, home: str) -> None:
        self._storage = storage
        self._clock = clock
        self._home = home

    async def reckon(self) -> None:
        """Give everybody a time who has none yet."""
        now = int(self._clock.now())
        while readers := await self._storage.lists.unreckoned(_AT_ONCE):
            times = [(self._time(reader, now), reader.list_at or 0, reader.id) for reader in readers]
            paces = [self._pace(reader, now) for reader in readers if not reader.list_at and reader.volume > 0]
            await self._storage.lists.reckon(times, paces)
            if len(readers) < _AT_ONCE:
                return

    def _time(self, reader: Reader, now: int) -> int | None:
        """The next list; one last list at once for who has just given them up: nothing that waited is lost."""
        due = next_list(reader, due_after(reader, now), self._home)
        return now if due is None and not reader.list_at else due

    def _pace(self, reader: Reader, now: int) -> tuple[int, int, int]:
        """The first post of a new volume may come at once, the others over the rest of the day."""
        here = moment(Night.of(reader), now, self._home)
        return here.day, max(0, here.allowed - 1), reader.id

    async def begin(self, open_: Sequence[Broadcast], start: float) -> bool:
        """Begin a broadcast of the lists that are due, unless one is on its way."""
        if any(one.lane is Lane.DIGEST and one.cursor < one.turns for one in open_):
            return False
        now = int(self._clock.now())
        readers = await self._storage.lists.due(now=now)
        if readers:
            await self._storage.broadcasts.publish(
                [], Audience(due=now), key=f"list:{now}", lane=Lane.DIGEST, total=readers, start=start, now=now
            )
        return bool(readers)


class Pool(NamedTuple):
    """Posts (serial number, post, audience) of the sends after one number and up to another, as of a moment; those that
    hold `words` of anybody's, and those that are `under_way`."""

    after: int
    upto: int
    at: float
    posts: tuple[tuple[int, Post, Audience], ...]
    words: frozenset[int]
    under_way: frozenset[int] = frozenset()


_EMPTY = Pool(0, -1, -_FRESH_SECONDS, (), frozenset())


class Chosen(NamedTuple):
    """A reader's list: its posts in their order, and the number of the last send that it knows. Something that concerns
    the reader is still `under_way`: that may come by itself, or has passed by because of what was chosen before."""

    posts: tuple[int, ...]
    upto: int
    under_way: bool


def _has_lists(reader: Recipient) -> bool:
    """Whether anything waits for the reader's lists; to others a post that is being sent comes by itself."""
    ways = reader.ways
    return ways.volume != ALL or ways.quiet == Quiet.HOLD


def _chosen(reader: Recipient, pool: Pool, had: Container[int], follows: Pairs, hides: Pairs) -> Chosen:
    lists, posts, upto = _has_lists(reader), [], pool.upto
    for serial, post, audience in pool.posts:
        if serial <= reader.listed or post.id in had:
            continue
        if not concerns(audience, reader, follows=(reader.id, post.id) in follows, hides=(reader.id, post.id) in hides):
            continue
        if lists or post.id not in pool.under_way:
            posts.append(post.id)
        else:
            upto = min(upto, serial - 1)
    return Chosen(tuple(posts), upto, upto < pool.upto)


class Selection:
    """What readers' lists hold."""

    def __init__(self, storage: Storage, offer: Offer, clock: Clock) -> None:
        self._storage = storage
        self._offer = offer
        self._clock = clock
        self._pool = _EMPTY

    async def of(self, readers: Sequence[Recipient]) -> list[Chosen]:
        """Each reader's list."""
        pool = await self._looked(min(reader.listed for reader in readers))
        ids, posts = [reader.id for reader in readers], [post.id for _, post, _ in pool.posts]
        had = await self._storage.lists.had(ids, posts) if posts else {}
        follows, hides = await self._storage.terms.met(pool.words, ids) if pool.words else (set(), set())
        return [_chosen(reader, pool, had.get(reader.id, ()), follows, hides) for reader in readers]

    async def _looked(self, after: int) -> Pool:
        """The pool, read anew each second: a list may not miss what began before it."""
        now = self._clock.monotonic()
        if after < self._pool.after or now >= self._pool.at + _FRESH_SECONDS or self._pool is _EMPTY:
            upto, found = await self._storage.lists.lately(after)
            serials = {post_id: serial for serial, post_id, _ in found}
            under_way = frozenset(post_id for _, post_id, running in found if running)
            posts = [post for post in await self._storage.posts.get(list(serials)) if not post.withdrawn]
            numbered = tuple((serials[post.id], post, audience_of(post, 0, self._offer)) for post in posts)
            held = await self._storage.terms.held(list(serials))
            self._pool = Pool(after, upto, now, numbered, held, under_way)
        return self._pool
