"""The delivery of a day: the product's rules for rounds, lanes and pace, or other ways in their place.

A reader of the model stands for `weight` readers in a row who chose the same: it takes the air of `weight` messages
at once. So a day of a million readers is some hundred thousand steps, and with weight 1 every message is one.
Left out: replies, readers who block or come, lost answers, the second in which a broadcast is met and closed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.simulator import newsroom
from benchmarks.simulator.newsroom import DAY, DIGEST_ONLY, Choices, Story
from bot.delivery.audience import Offer, Waiting, audience_of, concerns, gather, joint
from bot.delivery.pacing import Pacer, Shares
from bot.domain.delivery import Audience, Lane
from bot.domain.post import PostKind
from bot.domain.recipient import Recipient

ON_TIME = 600.0
_OFFER = Offer(("ru",), ("ru",))
Seen = Callable[[float, int, int, Lane], None]  # when, which reader, which posts (bits), for what


@dataclass(frozen=True, slots=True)
class Way:
    """How a bot delivers. `rate` is what its pace comes to; `rounds` and `lanes` as the product has them, otherwise a
    broadcast for each post and everything in the order in which it came."""

    rate: float
    rounds: bool = True
    lanes: bool = True


@dataclass
class Record:
    """What came of a day. Counts are of readers of the model; times are seconds. `delays` are those of posts that the
    reader's choices let come at once, a figure for each reader of each."""

    sends: int = 0
    starts: int = 0
    lists: int = 0
    lists_on_time: int = 0
    repeats: int = 0
    missing: int = 0
    ended_at: float = 0.0
    messages: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    breaking: dict[int, list[float]] = field(default_factory=dict)


@dataclass
class Cast:
    """A broadcast: who is next is found in the order of the readers, from a start and around."""

    lane: Lane
    find: Callable[[int], int]  # the posts (bits) that a reader gets, 0 for none
    start: int
    total: int
    due: float
    taken: int = 0

    def recipients(self, readers: int) -> Iterator[tuple[int, int]]:
        """Readers and their posts; `taken` counts whom it has looked at."""
        while self.taken < readers:
            reader = (self.start + self.taken) % readers
            self.taken += 1
            if posts := self.find(reader):
                yield reader, posts


class Demand:
    """The day and its readers; posts as bits: which each reader wants, hides, and lets come at once."""

    def __init__(self, stories: Sequence[Story], readers: Sequence[Choices]) -> None:
        self.stories, self.readers = stories, readers
        self.at = {story.post.id: story.at for story in stories}
        self.kinds = Counter(reader.sections for reader in readers if reader.volume != DIGEST_ONLY)
        self.wanted = [_bits(stories, lambda story: newsroom.wants(reader, story)) for reader in readers]  # noqa: B023
        self.hidden = [_bits(stories, lambda story: newsroom.hides(reader, story)) for reader in readers]  # noqa: B023
        self.at_once = [_bits(stories, lambda story: newsroom.at_once(reader, story)) for reader in readers]  # noqa: B023

    @property
    def post(self) -> float:
        """To how many readers of the model a post goes at once, on average."""
        return sum(posts.bit_count() for posts in self.at_once) / len(self.stories)


def _bits(stories: Sequence[Story], chosen: Callable[[Story], bool]) -> int:
    return sum(1 << story.post.id for story in stories if chosen(story))


class Delivery:
    """One day under one way of delivering."""

    def __init__(
        self,
        demand: Demand,
        way: Way,
        *,
        planned: float,
        weight: float = 1.0,
        seed: int = 1,
        seen: Seen | None = None,
    ) -> None:
        """`planned` is the rate that the newsroom has set, by which rounds are gathered."""
        self._demand, self._readers, self._way = demand, demand.readers, way
        self._planned, self._weight, self._seen = planned, weight, seen
        self._rng = random.Random(seed)
        self._pacer, self._shares = Pacer(way.rate / weight), Shares()
        self._middle = (weight - 1) / 2 / way.rate  # of the readers that one stands for, the middle one
        self._now, self._idle_since = 0.0, -DAY
        self._order = itertools.count()
        self._queues: dict[Lane, deque[tuple[Cast, Iterator[tuple[int, int]]]]] = {lane: deque() for lane in Lane}
        self._heads: dict[Lane, tuple[Cast, int, int]] = {}
        self._waiting: list[Waiting] = []
        self._look_at = 0.0
        self._edited = 0
        self._got = [0] * len(self._readers)
        self._newest = [0] * len(self._readers)  # posts of which the reader has the newest version
        self._kept = [0] * len(self._readers)  # posts that wait for the reader's next list
        self._sent_day, self._sent = [-1] * len(self._readers), [0] * len(self._readers)
        self.record = Record(messages=[0] * len(self._readers))
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        for story in demand.stories:
            self._plan(story.at, lambda story=story: self._publish(story))  # type: ignore[misc]
            if story.edited_at is not None:
                self._plan(story.edited_at, lambda post=story.post.id: self._edit(post))  # type: ignore[misc]
        self._lists = [(newsroom.MORNING_LIST, 0), *((at, 0) for at in newsroom.DIGESTS)]
        heapq.heapify(self._lists)

    def run(self) -> Record:
        """Until everybody has everything."""
        while True:
            self._now += self._pacer.delay(self._now)
            self._arrive()
            if head := self._next():
                self._pacer.take(self._now)
                self._deliver(*head)
            elif not self._skip():
                return self._close()

    def _plan(self, at: float, then: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), then))

    def _skip(self) -> bool:
        """Nothing can go now: on to whatever comes next; False when nothing does."""
        coming = [self._events[0][0]] if self._events else []
        if any(self._kept):
            coming.append(self._lists[0][0])
        if self._waiting:
            coming.append(self._now)
            self._look_at = self._now
        if coming:
            self._now = max(self._now, min(coming))
        return bool(coming)

    def _arrive(self) -> None:
        while self._events and self._events[0][0] <= self._now:
            heapq.heappop(self._events)[2]()
        while self._lists[0][0] <= self._now:
            at, days = heapq.heappop(self._lists)
            heapq.heappush(self._lists, (at + DAY, days + 1))
            self._list(at)
        if self._waiting and (self._now >= self._look_at or not self._left(Lane.REGULAR)):
            self._look_at = self._now + 1.0
            self._gather()

    def _publish(self, story: Story) -> None:
        if story.post.kind is PostKind.BREAKING:
            bit = 1 << story.post.id
            self._cast(Lane.BREAKING, lambda reader: bit if self._readers[reader].breaking else 0, story.at)
            self.record.breaking[story.post.id] = []
        else:
            audience = audience_of(story.post, 0, _OFFER)
            self._waiting.append(Waiting(story.post, 0, audience, self._count(audience)))
            self._look_at = self._now

    def _gather(self) -> None:
        """The publisher's step."""
        if self._way.rounds:
            groups = gather(self._waiting, rate=self._planned, under_way=self._left(Lane.REGULAR))
        else:
            groups = [[item] for item in self._waiting]
        for group in groups:
            audience = joint([item.audience for item in group])
            self._cast(Lane.REGULAR, self._round(group, audience), self._now, self._count(audience))
            self._waiting = [item for item in self._waiting if item not in group]

    def _round(self, group: Sequence[Waiting], audience: Audience) -> Callable[[int], int]:
        """What a reader gets of a round now; what the choices put off goes to the next list."""
        kinds: dict[int, int] = {}

        def find(reader: int) -> int:
            choices = self._readers[reader]
            posts = kinds.get(choices.sections)
            if posts is None:
                who = Recipient(1, 1, 0, "ru", choices.sections)
                mine = [item for item in group if concerns(audience, who) and concerns(item.audience, who)]
                posts = kinds[choices.sections] = sum(1 << item.post.id for item in mine)
            posts &= ~self._demand.hidden[reader]
            if posts and self._put_off(reader, choices):
                self._kept[reader] |= posts
                return 0
            return posts

        return find

    def _put_off(self, reader: int, choices: Choices) -> bool:
        return newsroom.put_off(choices, self._now, self._sent_today(reader))

    def _list(self, at: float) -> None:
        """The lists of that time: one for each reader who has something in it."""

        def find(reader: int) -> int:
            if not newsroom.lists_for(self._readers[reader], at):
                return 0
            posts, self._kept[reader] = self._kept[reader], 0
            return posts

        self._cast(Lane.DIGEST, find, at)

    def _edit(self, post: int) -> None:
        """The feed has changed an article: every copy that shows an older version is edited."""
        bit = 1 << post
        self._edited |= bit
        self._newest = [newest & ~bit for newest in self._newest]

        def find(reader: int) -> int:
            return bit if self._got[reader] & bit and not self._newest[reader] & bit else 0

        self._cast(Lane.EDITS, find, self._now)

    def _cast(self, lane: Lane, find: Callable[[int], int], due: float, total: int = 0) -> None:
        start = self._rng.randrange(len(self._readers))
        cast = Cast(lane, find, start, total, due)
        queue = self._queues[lane if self._way.lanes else Lane.REGULAR]
        queue.append((cast, cast.recipients(len(self._readers))))

    def _count(self, audience: Audience) -> int:
        """Readers of an audience who may get a post by itself."""
        fits = (n for mask, n in self._demand.kinds.items() if concerns(audience, Recipient(1, 1, 0, "ru", mask)))
        return int(sum(fits) * self._weight)

    def _left(self, lane: Lane) -> int:
        """As the product counts it: by how much of the readers has been taken."""
        number = len(self._readers)
        return sum(cast.total * (number - cast.taken) // number for cast, _ in self._queues[lane])

    def _next(self) -> tuple[Cast, int, int] | None:
        """Whose turn it is: a cast, its next reader and what that reader gets."""
        for lane, queue in self._queues.items():
            while lane not in self._heads and queue:
                cast, recipients = queue[0]
                found = next(recipients, None)
                if found is None:
                    queue.popleft()
                else:
                    self._heads[lane] = (cast, *found)
        lane = self._shares.turn(self._heads)
        return self._heads.pop(lane) if lane is not None else None

    def _deliver(self, cast: Cast, reader: int, posts: int) -> None:
        record, now = self.record, self._now + self._middle
        record.starts += self._now - self._idle_since > 1.0
        self._idle_since = self._now + self._weight / self._way.rate
        record.sends += 1
        if self._seen:
            self._seen(now, reader, posts, cast.lane)
        self._newest[reader] |= posts
        if cast.lane is Lane.EDITS:
            return
        record.messages[reader] += 1
        record.repeats += bool(posts & self._got[reader])
        self._got[reader] |= posts
        if cast.lane is Lane.BREAKING:
            post = posts.bit_length() - 1
            record.breaking[post].append(now - self._demand.at[post])
        else:
            self._sent[reader] = self._sent_today(reader) + 1
        if cast.lane is Lane.DIGEST:
            record.lists += 1
            record.lists_on_time += now - cast.due <= ON_TIME
        urgent = posts & self._demand.at_once[reader]
        while urgent:
            post = urgent.bit_length() - 1
            urgent ^= 1 << post
            record.delays.append(now - self._demand.at[post])

    def _sent_today(self, reader: int) -> int:
        day = int(self._now // DAY)
        if self._sent_day[reader] != day:
            self._sent_day[reader], self._sent[reader] = day, 0
        return self._sent[reader]

    def _close(self) -> Record:
        record = self.record
        record.ended_at = self._now
        pairs = zip(self._demand.wanted, self._got, strict=True)
        record.missing = sum((wanted & ~got).bit_count() for wanted, got in pairs)
        return record
