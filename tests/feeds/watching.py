"""Feeds over real HTTP and a watcher that is polled by hand: what tests and the scenario table stand on."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.clock import SteppableClock
from bot.domain.article import Section
from bot.domain.errors import StorageBusy
from bot.domain.feed import FeedState
from bot.domain.post import Post, PostState
from bot.feeds.fetch import Fetcher
from bot.feeds.watch import WatchedFeed, Watcher, _Feed
from bot.feeds.worker import FeedReader
from storage import Storage
from tests.factories import FeedSite, feed_site

NOW = 1_763_874_000
ZONE = ZoneInfo("Asia/Almaty")
SECTIONS = (Section("sport", 0, {"ru": "Спорт"}), Section("culture", 1, {"ru": "Культура"}), Section("world", 2, {}))
SPORT, CULTURE, WORLD = (section.mask for section in SECTIONS)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Desk:
    """Feeds of a site and a watcher for them, polled by hand; `restart` forgets everything but the storage."""

    storage: Storage
    site: FeedSite
    clock: SteppableClock
    fetcher: Fetcher
    reader: FeedReader
    configs: list[WatchedFeed] = field(default_factory=list)
    feeds: list[_Feed] = field(default_factory=list)
    woken: int = 0
    edits: str = "material"
    asking: list[str] = field(default_factory=list)
    """The addresses that a running watcher asks just now."""

    async def restart(self, *configs: WatchedFeed) -> None:
        """As after a start: states from the storage, nothing in memory."""
        self.configs = list(configs) or self.configs or [WatchedFeed(f"{self.site.url}/rss", ZONE, "ru", interval=60)]
        self.watcher = Watcher(
            self.storage, self.fetcher, self.configs, SECTIONS, self.clock, credits=["Дала"], arrived=self._wake,
            zone=ZONE, edits=lambda section: self.edits, rng=random.Random(1),
        )  # fmt: skip
        self.feeds = await self.watcher._feeds(self.configs)

    def _wake(self) -> None:
        self.woken += 1

    async def poll(self, n: int = 0, *, after: float = 60) -> FeedState:
        """One poll of the n-th feed, `after` seconds later; its new state."""
        await self.clock.advance(after)
        await self.watcher._ask(self.feeds[n], self.reader)
        return self.feeds[n].state

    async def posts(self, state: PostState | None = None) -> list[Post]:
        """All posts, or those in that state, in the order of their ids."""
        rows = await self.storage.engine.fetch("SELECT id, state FROM post ORDER BY id")
        return await self.storage.posts.get([row[0] for row in rows if state is None or row[1] == state])

    async def titles(self, state: PostState | None = None) -> list[str]:
        return [post.title for post in await self.posts(state)]

    async def served(self) -> None:
        """Everything that waits has been sent."""
        await self.storage.engine.write("UPDATE post SET served = sections, state = 'published' WHERE state='waiting'")


@asynccontextmanager
async def desk_on(storage: Storage, **options: Any) -> AsyncIterator[Desk]:
    clock = SteppableClock(NOW)
    async with (
        feed_site() as site,
        Fetcher(clock, user_agent="test", allow_private=True, **options) as fetcher,
        FeedReader(clock) as reader,
    ):
        site.now = clock.now
        made = Desk(storage, site, clock, fetcher, reader)
        await made.restart()
        yield made


@asynccontextmanager
async def served_by(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server on loopback; its address."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, 0).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def at_statement(storage: Storage, n: int, deed: Callable[[], None]) -> Iterator[list[int]]:
    """Do the deed before the n-th statement that the storage runs; the list holds how many it ran."""
    count = [0]
    kind = type(storage.engine)
    statements: Any = sys.modules[kind.__module__]._Statements  # both engines have it

    def counting(inner: Any) -> Any:
        async def statement(connection: Any, *args: Any, **params: Any) -> Any:
            count[0] += 1
            if count[0] == n:
                deed()
            return await inner(connection, *args, **params)

        return statement

    with ExitStack() as patches:
        for name in ("fetch", "write", "many"):
            patches.enter_context(patch.object(statements, name, counting(getattr(statements, name))))
        patches.enter_context(patch.object(kind, "batch", counting(kind.batch)))
        yield count


def busy() -> None:
    """What a database says that is at work for others."""
    raise StorageBusy("database is busy: injected")
