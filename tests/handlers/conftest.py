"""A whole bot to talk to: real dispatcher, real HTTP to the stand-in, real SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError

from bot.clock import SteppableClock
from bot.domain.article import Article, Section
from bot.domain.desk import Role
from bot.domain.feed import Found, Poll
from bot.i18n import Words
from bot.sandbox.client import People, Person
from bot.sandbox.http import TOKEN, Sandbox
from bot.settings import DEFAULT_SECTIONS, Newsroom, Settings
from handlers import build_router
from handlers.context import Context
from storage import Storage

START = 1_763_874_000  # 2025-11-23 05:00 UTC, 10:00 in Almaty


@dataclass
class Chat:
    """The bot, the stand-in and everything behind them. `woken` counts calls of `ctx.wake`."""

    sandbox: Sandbox
    ctx: Context
    bot: Bot
    dispatcher: Dispatcher
    clock: SteppableClock
    errors: list[BaseException] = field(default_factory=list)
    woken: int = 0
    done: int = 0
    beat: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def people(self) -> People:
        """Everybody who talks to the bot."""
        return self.sandbox.people

    @property
    def storage(self) -> Storage:
        """The bot's memory."""
        return self.ctx.storage

    async def editor(self, user_id: int, role: Role = Role.EDITOR, **person: Any) -> Person:
        """A person with rights, whose private chat is open."""
        await self.storage.editors.add(user_id, role, f"Editor {user_id}", by=0, now=START)
        return self.people.add(user_id, started=True, **person)

    async def publish(self, title: str, section: str = "sport", *, language: str = "ru", lead: str = "Коротко.") -> int:
        """An article with its post, as the watcher saves it; the article's id. Newer ones are later."""
        count = len(await self.storage.articles.newest(1000))
        mask = next(known.mask for known in self.ctx.sections if known.id == section)
        link = f"https://news.example/{count}"
        article = Article(0, 1, title, lead, link, language, mask, START + count, published_at=START + count)
        (feed,) = await self.storage.feeds.watch(["https://news.example/rss"])
        return (await self.storage.feeds.save_poll(Poll(feed, (Found(article, (link,), True),)), now=START))[0]

    async def idle(self) -> None:
        """Wait until the bot has handled everything that was said."""
        async with asyncio.timeout(10):
            while any(update.id > self.done for update in self.sandbox.machine.updates):
                self.beat.clear()
                await self.beat.wait()

    async def poll(self) -> None:
        """Fetch, handle, confirm: one after the other, until cancelled."""
        offset = 0
        while True:
            for update in await self.bot.get_updates(offset=offset, timeout=30):
                try:
                    await self.dispatcher.feed_update(self.bot, update)
                except Exception as error:  # noqa: BLE001  # the fixture reports it
                    self.errors.append(error)
                self.done = update.update_id
                self.beat.set()
                offset = update.update_id + 1


@pytest.fixture
def settings() -> Settings:
    """What the bot of `chat` runs with; a test module may override it."""
    return Settings(newsroom=Newsroom(name="Дала", url="https://news.example"), sections=DEFAULT_SECTIONS)


@pytest.fixture
async def chat(sqlite_storage: Storage, settings: Settings) -> AsyncIterator[Chat]:
    """A bot that listens. Whatever a handler lets escape fails the test."""
    clock = SteppableClock(START)
    async with Sandbox(clock, anti_spin=False) as sandbox:
        server = TelegramAPIServer.from_base(sandbox.url)
        async with Bot(TOKEN, session=AiohttpSession(api=server)) as bot:
            ctx = await _context(sqlite_storage, settings, clock)
            dispatcher = Dispatcher(disable_fsm=True)
            dispatcher.include_router(build_router())
            made = Chat(sandbox, ctx, bot, dispatcher, clock)
            made.ctx = dispatcher["ctx"] = replace(ctx, wake=lambda: setattr(made, "woken", made.woken + 1))
            listener = asyncio.create_task(made.poll())
            try:
                yield made
            finally:
                listener.cancel()
                with suppress(asyncio.CancelledError, TelegramAPIError):
                    await listener
    assert not made.errors, made.errors
    assert not sandbox.violations, sandbox.violations


async def _context(storage: Storage, settings: Settings, clock: SteppableClock) -> Context:
    bits = await storage.meta.section_bits([section.id for section in settings.sections])
    return Context(
        storage=storage,
        settings=settings,
        words=Words.load(settings.newsroom.languages),
        clock=clock,
        sections=[Section(s.id, bits[s.id], s.name, s.match) for s in settings.sections],
        newsroom=settings.newsroom.name,
        username="newsdesk_demo_bot",
        wake=lambda: None,
    )
