"""`newsdesk doctor`: everything around the bot, looked at once, a line each with what to do."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from babel.messages.pofile import read_po

from bot.channels.rights import lacking, rights_of
from bot.clock import Clock, RealClock
from bot.domain.errors import ConfigError, FeedError, StorageError
from bot.feeds.fetch import Fetcher
from bot.i18n import LOCALES
from bot.ops.botapi import call
from bot.ops.feedcheck import fetcher, read_feed, remedy
from bot.settings import Settings
from storage import open_engine
from storage.migrate import migrations, version

LEAST_FREE = 500_000_000
"""Bytes: below it a year of articles and a backup may not fit."""

MOST_WRONG = 30.0
"""Seconds by which this machine's clock may differ from Telegram's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is well, what was seen, what to do about it."""

    name: str
    well: bool
    seen: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = "well" if self.well else "BAD "
        return f"{mark}  {self.name:<13} {self.seen}" + (f" {self.remedy}" if self.remedy else "")


async def doctor(settings: Settings) -> bool:
    """Print all findings; whether all is well."""
    clock = RealClock()
    findings = []
    async for finding in examine(settings, clock):
        findings.append(finding)
        print(finding, flush=True)
    bad = sum(not finding.well for finding in findings)
    print(f"{bad} to mend." if bad else "All is well.")
    return not bad


async def examine(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """All findings, one after the other."""
    yield _configuration(settings)
    async for finding in _telegram(settings, clock):
        yield finding
    async for finding in _channels(settings):
        yield finding
    async for finding in _feeds(settings, clock):
        yield finding
    yield _zones(settings)
    yield _disk(settings)
    yield await _database(settings)
    yield _translations(settings)
    yield await _rates(settings, clock)


def _configuration(settings: Settings) -> Finding:
    path = settings.path
    secrets = (path.parent if path else Path()) / ".env"
    if secrets.exists() and stat.S_IMODE(secrets.stat().st_mode) & 0o077:
        return Finding("configuration", False, f"{secrets} can be read by others.", f"chmod 600 {secrets}")
    return Finding("configuration", True, str(path) if path else "no file, defaults and FEED_URL")


async def _telegram(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Token, clock, and who else uses the token."""
    if not settings.env.bot_token:
        yield Finding("token", False, "BOT_TOKEN is not set.", "Ask @BotFather for one, or run newsdesk init.")
        return
    me = await call(settings.env, "getMe")
    if not me.ok:
        what = "Ask @BotFather for a new one." if me.code in (401, 404) else "Check network and BOT_API_URL."
        yield Finding("token", False, f"Telegram says: {me.problem}.", what)
        return
    yield Finding("token", True, f"@{me.result.get('username')}")
    wrong = abs(clock.now() - me.date) if me.date else 0.0
    yield Finding(
        "clock",
        wrong <= MOST_WRONG,
        f"{wrong:.0f} s from Telegram's",
        "" if wrong <= MOST_WRONG else "Let the system keep time (NTP): dates and quiet hours depend on it.",
    )
    yield await _receiving(settings)


async def _receiving(settings: Settings) -> Finding:
    """Whether updates will come to us: the webhook is ours, or there is none and nobody else polls."""
    info = await call(settings.env, "getWebhookInfo")
    url, wanted = (info.result or {}).get("url", ""), settings.env.webhook_url
    if not info.ok:
        return Finding("updates", False, f"Telegram says: {info.problem}.", "Try again.")
    if url and url != wanted:
        return Finding(
            "updates", False, f"the token has a webhook at {url}.", "newsdesk init takes it over, after asking."
        )
    if wanted:
        trouble = (info.result or {}).get("last_error_message", "") if url else ""
        todo = f"Look whether {wanted} leads to HTTP_LISTEN." if trouble else ""
        return Finding("updates", not trouble, trouble or f"webhook {wanted}", todo)
    if await _running(settings):
        return Finding("updates", True, "a bot is running here, so polling was not tried")
    poll = await call(settings.env, "getUpdates", limit=1, timeout=0)
    if poll.code == 409:
        return Finding(
            "updates", False, "another program polls with this token.", "Stop it, or get a token of its own."
        )
    return Finding("updates", poll.ok, "long polling, nobody else polls" if poll.ok else poll.problem)


async def _channels(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the bot may do in each channel of the file what it has to; /channels shows those added in the chat."""
    me = await call(settings.env, "getMe") if settings.channels and settings.env.bot_token else None
    for channel in settings.channels if me and me.ok else ():
        chat = await call(settings.env, "getChat", chat_id=channel.chat)
        if not chat.ok or chat.result.get("type") != "channel":
            seen = "that is no channel." if chat.ok else f"Telegram says: {chat.problem}."
            yield Finding("channel", False, f"{channel.chat}: {seen}", "Make the bot an administrator of it.")
            continue
        member = await call(settings.env, "getChatMember", chat_id=channel.chat, user_id=me.result["id"] if me else 0)
        missing = lacking(rights_of(member.result or {}))
        seen = f"{channel.chat}: {chat.result.get('title', '')}" + (
            f", without {', '.join(missing)}." if missing else ""
        )
        yield Finding("channel", not missing, seen, "Give the bot these rights there." if missing else "")


async def _running(settings: Settings) -> bool:
    if settings.env.http_listen is None:
        return False
    host, port = settings.env.http_listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    url = f"http://[{host}]:{port}/healthz" if ":" in host else f"http://{host}:{port}/healthz"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session, session.get(url) as ok:
            return ok.status == 200
    except (aiohttp.ClientError, OSError):
        return False


async def _feeds(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    if not settings.feeds:
        yield Finding("feed", False, "none is configured.", "Add [[feeds]], or set FEED_URL.")
    async with fetcher(settings, clock) as http:
        for feed in settings.feeds:
            try:
                found = (await read_feed(settings, feed, http, clock)).document
            except FeedError as error:
                yield Finding("feed", False, f"{feed.url}: {error.detail}.", remedy(error, settings.user_agent))
                continue
            dated = sum(entry.published is not None for entry in found.entries)
            text = f"{feed.url}: {len(found.entries)} entries, {dated} with a date"
            yield Finding("feed", bool(found.entries), text, "" if found.entries else "newsdesk feed check says more.")


def _zones(settings: Settings) -> Finding:
    """Kazakhstan moved to UTC+5 on 1 March 2024: data that does not know it dates everything an hour wrong."""
    offset = datetime(2025, 1, 1, tzinfo=ZoneInfo("Asia/Almaty")).utcoffset()
    if offset != timedelta(hours=5):
        return Finding("time zones", False, "the data is from before 2024.", "pip install --upgrade tzdata")
    return Finding("time zones", True, settings.newsroom.timezone)


def _folder(settings: Settings) -> Path:
    url = settings.env.database_url
    return Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite:///") else Path()


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_folder(settings)).free
    todo = "" if free >= LEAST_FREE else f"Make room: at least {LEAST_FREE // 10**6} MB."
    return Finding("disk", not todo, f"{free / 10**9:.1f} GB free", todo)


async def _database(settings: Settings) -> Finding:
    """Reached, writable, and of which version; nothing is created or migrated."""
    url = settings.env.database_url
    if url.startswith("sqlite:///") and (absent := _absent(Path(url.removeprefix("sqlite:///")))):
        return absent
    try:
        engine = await open_engine(url, exclusive=False)
        try:
            async with engine.transaction():
                pass
            found, newest = await version(engine), migrations()[-1].number
        finally:
            await engine.close()
    except (StorageError, OSError) as error:
        return Finding("database", False, f"{error}.", "Check DATABASE_URL; a new one needs: newsdesk migrate")
    if found > newest:
        return Finding("database", False, f"version {found} is newer than {newest}.", "Install the newer newsdesk.")
    todo = "newsdesk run brings it up to date" if found < newest else ""
    return Finding("database", True, f"version {found}", todo)


def _absent(file: Path) -> Finding | None:
    if file.exists():
        return None
    fine = os.access(file.parent, os.W_OK)
    todo = "newsdesk run makes it" if fine else f"Let me write in {file.parent}."
    return Finding("database", fine, f"{file} is not there yet.", todo)


def _translations(settings: Settings) -> Finding:
    lacking = []
    for language in settings.newsroom.languages:
        with (LOCALES / language / "LC_MESSAGES/messages.po").open("rb") as po:
            messages = [m for m in read_po(po) if m.id]
        empty = sum(not all((m.string,) if isinstance(m.string, str) else m.string or ("",)) for m in messages)
        if empty:
            lacking.append(f"{language} lacks {empty} of {len(messages)}")
    if lacking:
        return Finding("translations", False, "; ".join(lacking) + ".", "These texts will be English.")
    return Finding("translations", True, ", ".join(settings.newsroom.languages))


async def _rates(settings: Settings, clock: Clock) -> Finding:
    rates = settings.rates
    if not rates.url:
        return Finding("rates", True, "off")
    try:
        async with Fetcher(
            clock,
            user_agent=settings.user_agent,
            allow_private=settings.env.fetch_allow_private,
            proxy=settings.env.fetch_proxy,
            ca_file=rates.ca_file,
        ) as http:
            body = (await http.fetch(rates.url)).body
    except (FeedError, ConfigError) as error:
        return Finding("rates", False, f"{rates.url}: {error}.", "/rates will show the last known ones.")
    missing = [code for code in rates.show if code.encode() not in body]
    todo = "Mend [rates] show or url." if missing else ""
    return Finding("rates", not missing, f"without {', '.join(missing)}." if missing else ", ".join(rates.show), todo)
