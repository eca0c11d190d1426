"""Channels get their posts before readers do: each message is a broadcast of its own, in the lane before all others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from bot.channels.pace import HOUR, concerns, turn
from bot.clock import Clock
from bot.domain.channel import Channel
from bot.domain.delivery import Broadcast
from bot.domain.post import Post
from bot.domain.reader import ReaderState
from storage import Storage

_log = logging.getLogger(__name__)


class Channels:
    """What the publisher asks for before it serves readers. `languages_for`: the readers' languages that a post fits,
    empty for all."""

    def __init__(self, storage: Storage, clock: Clock, languages_for: Callable[[Post], Sequence[str]]) -> None:
        self._storage = storage
        self._clock = clock
        self._languages_for = languages_for
        self._noted: set[int] = set()

    async def offer(self, posts: Sequence[Post]) -> bool:
        """Put posts that wait for a broadcast into the channels' queues, and let each channel have its turn; whether
        anything was sent."""
        channels = await self._storage.channels.all()
        if not channels:
            return False
        now = int(self._clock.now())
        new, begun = [post for post in posts if post.id not in self._noted], _begun(channels)
        pairs = [
            (one.reader_id, post.id)
            for post in new
            for one in begun
            if concerns(one, post.sections, self._languages_for(post))
        ]
        if pairs:
            await self._storage.channels.offer(pairs, now=now)
        self._noted = {post.id for post in posts}
        return any([await self._turn(one, now) for one in channels if one.state is ReaderState.ACTIVE])

    async def first(self, broadcast: Broadcast) -> None:
        """What an editor sends reaches the channels at once: no queue, no gap."""
        meant, now = broadcast.audience, int(self._clock.now())
        await self._storage.hands.sent(broadcast.id, broadcast.posts[0], now=now)
        for one in await self._storage.channels.all():
            if one.state is ReaderState.ACTIVE and concerns(one, meant.sections, meant.languages):
                await self._storage.channels.send(one.reader_id, broadcast.posts, now=now, reply_to=broadcast.reply_to)

    async def _turn(self, channel: Channel, now: int) -> bool:
        queue = await self._storage.channels.queue(channel.reader_id)
        if not queue:
            return False
        posted = await self._storage.channels.posted(channel.reader_id, now - 2 * HOUR)
        next_ = turn(queue, posted, channel.manner, now)
        if next_ is None or not next_.posts:
            return False
        await self._storage.channels.post(channel.reader_id, next_.posts, now=now)
        return True


def _begun(channels: Sequence[Channel]) -> list[Channel]:
    """Those that are set up."""
    return [one for one in channels if one.state is not ReaderState.NEW]
