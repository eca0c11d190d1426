"""How long things are kept: receipts and copies 7 days (the correction period), inbox and calls of the API 2 days,
names of uploaded pictures a month, articles a year."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.clock import Clock
from bot.domain.errors import StorageError
from storage import Storage

_log = logging.getLogger(__name__)

DAY = 86_400
RECEIPT_DAYS, INBOX_DAYS, MEDIA_DAYS, ARTICLE_DAYS = 7, 2, 30, 365


async def tidy(storage: Storage, now: int) -> None:
    """Forget what is older than its time."""
    await storage.inbox.prune(now - INBOX_DAYS * DAY)
    await storage.deliveries.prune(now - RECEIPT_DAYS * DAY)
    await storage.channels.prune(now - RECEIPT_DAYS * DAY)
    await storage.calls.prune(now - INBOX_DAYS * DAY)
    await storage.hands.prune(now - RECEIPT_DAYS * DAY)
    await storage.queue.prune(now - RECEIPT_DAYS * DAY)
    await storage.media.prune(now - MEDIA_DAYS * DAY)
    await storage.articles.prune(now - ARTICLE_DAYS * DAY)


async def keep_tidy(
    storage: Storage,
    clock: Clock,
    stop: asyncio.Event,
    *,
    count: Callable[[int], Awaitable[object]] | None = None,
    every: float = 3600.0,
) -> None:
    """Tidy each hour until `stop` is set; before that `count` what would be forgotten."""
    while not stop.is_set():
        try:
            if count:
                await count(int(clock.now()))
            await tidy(storage, int(clock.now()))
        except StorageError as error:
            _log.warning("tidying waits for the database: %s", error)
        await clock.wait(stop, every)
