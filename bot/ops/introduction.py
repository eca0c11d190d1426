"""Who we are: the bot's own name from Telegram, the newsroom's from its file or first feed."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.domain.errors import NewsdeskError, TelegramStopped
from bot.feeds.decode import decode
from bot.feeds.fetch import Fetcher
from bot.feeds.parse import parse
from bot.ops.health import Health
from bot.settings import Settings
from bot.telegram import REFUSED, Telegram
from storage import Storage

_log = logging.getLogger(__name__)


async def introduce(
    telegram: Telegram, storage: Storage, clock: Clock, health: Health, stop: asyncio.Event, *, patient: bool = False
) -> str:
    """The bot's username, asked of Telegram. Without a network: the one it had last time, or (`patient`) patience.

    Raises `TelegramStopped` when the token is refused.
    """
    known = await storage.meta.get("bot_username")
    pause = 1.0
    while True:
        try:
            status, answer = await telegram.call("getMe", {})
            if answer.get("ok") is True:
                health.telegram = ""
                username = str(answer["result"]["username"])
                await storage.meta.put("bot_username", username)
                return username
            if status in (401, 404):
                raise TelegramStopped(REFUSED)
            problem = str(answer.get("description", status))
        except OSError as error:
            problem = str(error) or type(error).__name__
        health.telegram = "Telegram is out of reach."
        if (known and not patient) or stop.is_set():
            _log.warning("Telegram is out of reach (%s); everything goes on and will catch up", problem)
            return known or ""
        _log.warning("Telegram is out of reach (%s); next try in %.0f s", problem, pause)
        await clock.wait(stop, pause)
        pause = min(60.0, pause * 2)


async def newsroom_name(settings: Settings, storage: Storage, fetcher: Fetcher, now: int) -> str:
    """The first feed's title, for a file without a name; the feed's host while it cannot be read."""
    if not settings.feeds:
        return "Newsdesk"
    feed = settings.feeds[0]
    known = (await storage.feeds.watch([feed.url]))[0].title
    if known:
        return known
    try:
        answer = await fetcher.fetch(feed.url)
        text = decode(answer.body, content_type=answer.content_type, override=feed.encoding).text_bytes
        title = parse(text, base=feed.url, zone=settings.newsroom.zone, language="", now=now).title
    except NewsdeskError as error:
        _log.warning("the first feed cannot be read yet: %s", error)
        title = ""
    return title or urlsplit(feed.url).hostname or "Newsdesk"
