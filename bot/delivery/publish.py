"""From waiting posts to broadcasts: countdowns that are over begin, and posts go out alone or in rounds."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from bot.clock import Clock
from bot.delivery.audience import Offer, Waiting, audience_of, gather, joint, overdue
from bot.delivery.gate import Rules, judge
from bot.delivery.lists import Timetable
from bot.delivery.vocabulary import read_words
from bot.domain.delivery import LATE, Broadcast, BroadcastState, Lane
from bot.domain.errors import StorageError
from bot.domain.held import Said
from bot.domain.post import Post
from storage import Storage

_log = logging.getLogger(__name__)
_NO_RULES = Rules()


class Channels(Protocol):
    """Who is served before readers are."""

    async def offer(self, posts: Sequence[Post]) -> bool:
        """Take note of posts that wait; whether any has begun to go out."""
        ...

    async def first(self, broadcast: Broadcast) -> None:
        """Send at once what a broadcast carries that begins just now."""
        ...


class Publisher:
    """Looks at what waits, every second and when woken. `started` is called when broadcasts begin; `valid_for` is that
    of `audience.overdue`, `home` the newsroom's zone, `rules` decide what is held. `channels` are served first."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        *,
        rate: float,
        offer: Offer,
        valid_for: Callable[[int], int],
        started: Callable[[], None],
        home: str,
        rules: Rules = _NO_RULES,
        channels: Channels | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._storage = storage
        self._rules = rules
        self._clock = clock
        self._rate = rate
        self._offer = offer
        self._valid_for = valid_for
        self._started = started
        self._channels = channels
        self._rng = rng or random.Random()
        self._timetable = Timetable(storage, clock, home)
        self._look = asyncio.Event()

    def wake(self) -> None:
        """Something new is there."""
        self._look.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set."""
        while not stop.is_set():
            self._look.clear()
            try:
                wait = await self.step()
            except StorageError as error:
                _log.warning("publishing waits for the database: %s", error)
                wait = 1.0
            await self._clock.wait(self._look, wait)

    async def step(self) -> float:
        """Start whatever may start now; seconds until the next look."""
        now = self._clock.now()
        open_ = await self._storage.broadcasts.open()
        counting = [item for item in open_ if item.state is BroadcastState.COUNTDOWN]
        if counting:
            await read_words(self._storage)  # whom it concerns besides depends on them
        promo = any(item.lane is Lane.PROMO and item.state is not BroadcastState.COUNTDOWN for item in open_)
        for item in counting:
            if item.lane is Lane.PROMO and promo:
                continue  # nobody shall get two: the one before must have its receipts first
            if item.due_at <= now:
                promo |= item.lane is Lane.PROMO
                begun = await self._storage.broadcasts.change(
                    item.id, BroadcastState.RUNNING, among=[BroadcastState.COUNTDOWN], now=int(now)
                )
                if begun and self._channels and item.lane is not Lane.PROMO:
                    await self._channels.first(item)
                self._started()
        posts = await self._admitted(int(now))
        if self._channels and await self._channels.offer([post for post, _ in posts]):
            self._started()
        await read_words(self._storage)  # after: a post that came in between waits for the next look
        marked = await self._storage.terms.held([post.id for post, _ in posts]) if posts else frozenset()
        bundles = await self._storage.queue.listed() if posts else {}
        waiting = [
            await self._measured(post, served, post.id in marked, bundles.get(post.id, 0)) for post, served in posts
        ]
        late, old = overdue(open_, waiting, valid_for=self._valid_for, now=now)
        if (late or old) and not await self._arrives(late):
            await self._list(late, old)
            open_ = await self._storage.broadcasts.open()
            waiting = [item for item in waiting if item not in old]
        if waiting:
            under_way = sum(item.left for item in open_ if item.lane is Lane.REGULAR)
            for group in gather(waiting, rate=self._rate, under_way=under_way):
                await self._publish(group)
        await self._timetable.reckon()
        if await self._timetable.begin(open_, self._rng.random()):
            self._started()
        left = [item.due_at - now for item in counting if item.due_at > now]
        return min([1.0, *left])

    async def _admitted(self, now: int) -> list[tuple[Post, int]]:
        """The posts that wait and may go; what may not is held for the desk."""
        queue = self._storage.queue
        await queue.ripen(now=now)
        posts = await self._storage.posts.waiting()
        if not posts:
            return []
        said, embargoes = await queue.said(), await queue.embargoes(now=now)
        judged = [
            judge(post, served, said.get(post.id, Said()), self._rules, now, embargo=embargoes.get(post.id, 0))
            for post, served in posts
        ]
        held = [hold for hold in judged if hold]
        if held:
            await queue.hold(held, now=now)
        return [item for item, hold in zip(posts, judged, strict=True) if not hold]

    async def _measured(self, post: Post, served: int, words: bool, bundle: int) -> Waiting:
        audience = audience_of(post, served, self._offer, words=words)
        return Waiting(post, served, audience, await self._storage.readers.count(audience), bundle)

    async def _arrives(self, late: Sequence[Broadcast]) -> bool:
        """Whether readers are getting a late list: what is late besides waits for its end, as with rounds."""
        return any([await self._storage.broadcasts.arrived(one.id) for one in late if one.late])

    async def _list(self, late: Sequence[Broadcast], old: Sequence[Waiting]) -> None:
        """One list from what is left of these broadcasts and from old posts; it goes on where the first has been."""
        audience = joint([one.audience for one in late] + [item.audience for item in old])
        names = [str(one.id) for one in late] + [f"{item.post.id}/0" for item in old]
        await self._storage.broadcasts.publish(
            [item.post for item in old],
            audience,
            key=LATE + ",".join(names),
            lane=Lane.REGULAR,
            total=await self._storage.readers.count(audience),
            start=late[0].place if late else self._rng.random(),
            now=int(self._clock.now()),
            rest_of=[one.id for one in late],
        )
        _log.warning("%d sends and %d waiting posts are late: they become one list", len(late), len(old))
        self._started()

    async def _publish(self, group: Sequence[Waiting]) -> None:
        audience = joint([item.audience for item in group])
        total = group[0].readers if len(group) == 1 else await self._storage.readers.count(audience)
        await self._storage.broadcasts.publish(
            [item.post for item in group],
            audience,
            key="post:" + ",".join(f"{item.post.id}/{item.served}" for item in group),
            lane=Lane.REGULAR,
            total=total,
            start=self._rng.random(),
            now=int(self._clock.now()),
        )
        self._started()
