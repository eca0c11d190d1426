"""What the services of one process share, and how a piece of work is run in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.clock import Clock
from bot.domain.article import Section
from bot.feeds.fetch import DEADLINE, Fetcher
from bot.ops.health import Health
from bot.ops.http import HttpPort
from bot.ops.leadership import Leadership, Work
from bot.ops.metrics import Metrics
from bot.settings import Settings
from storage import Storage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.ops.api import Work as ApiWork
    from bot.ops.http import Handler

Start = Callable[[Coroutine[None, None, object]], object]
"""Starts a service in a task group."""


@dataclass(slots=True)
class House:
    """What the services share."""

    settings: Settings
    clock: Clock
    storage: Storage
    stop: asyncio.Event
    health: Health
    metrics: Metrics
    http: HttpPort
    sections: list[Section]
    worker: str
    leadership: Leadership
    wakers: list[Callable[[], None]] = field(default_factory=list)
    webhook: Handler | None = None
    work: dict[str, ApiWork] = field(default_factory=dict)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Telegram's webhook; until somebody listens, Telegram is asked to come again."""
        from aiohttp import web

        return await self.webhook(request) if self.webhook else web.Response(status=503)

    def wake(self) -> None:
        """Something new is in storage."""
        for waker in self.wakers:
            waker()

    def once(self, name: str, work: Work) -> Coroutine[None, None, None]:
        """A service that runs in one process only, however many there are; `work()` ends at the stop event."""
        return self.leadership.once(name, work)

    def once_until_stop(self, name: str, work: Work) -> Coroutine[None, None, None]:
        """The same for work that has no end of its own."""
        return self.once(name, lambda: until(self.stop, work()))

    @property
    def fed(self) -> list[str]:
        """The languages in which feeds publish."""
        return sorted({feed.language for feed in self.settings.feeds if feed.language})

    @asynccontextmanager
    async def fetcher(self, ca_file: str = "", deadline: float = DEADLINE) -> AsyncIterator[Fetcher]:
        """A client for feeds and what they lead to; `deadline` in seconds for one document."""
        env = self.settings.env
        async with Fetcher(
            self.clock,
            user_agent=self.settings.user_agent,
            allow_private=env.fetch_allow_private,
            proxy=env.fetch_proxy,
            ca_file=ca_file,
            deadline=deadline,
        ) as fetcher:
            yield fetcher


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Run work that has no end of its own until the stop."""

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        waiter = tasks.create_task(stop.wait())
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        waiter.cancel()
