"""A whole bot to talk to: real dispatcher, real HTTP to the stand-in, real SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError
from talking import START, Chat

from bot.clock import SteppableClock
from bot.desk.sends import Sends
from bot.domain.article import Section
from bot.i18n import Words
from bot.sandbox.http import TOKEN, Sandbox
from bot.settings import DEFAULT_SECTIONS, Newsroom, Settings
from bot.telegram import Telegram
from handlers import build_router
from handlers.context import Context
from handlers.newsroom import gathered
from storage import Storage


class PlainSession(AiohttpSession):
    """aiogram's, without the quarter of a second that closing takes for the sake of TLS."""

    async def close(self) -> None:
        if self._session:
            await self._session.close()


@cache
def _session() -> PlainSession:
    """One for all tests: each new one would read a file of certificates."""
    return PlainSession()


@cache
def _dispatcher() -> Dispatcher:
    """One for all tests: it keeps nothing of theirs, and looking into the signatures of all handlers takes a while."""
    dispatcher = Dispatcher(disable_fsm=True)
    dispatcher.include_router(build_router())
    return dispatcher


@pytest.fixture
def settings() -> Settings:
    """What the bot of `chat` runs with; a test module may override it."""
    return Settings(newsroom=Newsroom(name="Дала", url="https://news.example"), sections=DEFAULT_SECTIONS)


@pytest.fixture
def stand_in() -> Sandbox:
    """The Telegram of `chat`; a test module may override it."""
    return Sandbox(SteppableClock(START), anti_spin=False)


@pytest.fixture
async def chat(sqlite_storage: Storage, settings: Settings, stand_in: Sandbox) -> AsyncIterator[Chat]:
    """A bot that listens. Whatever a handler lets escape fails the test."""
    clock = stand_in.clock
    assert isinstance(clock, SteppableClock)
    async with stand_in as sandbox, _session() as session:
        session.api = TelegramAPIServer.from_base(sandbox.url)
        bot, dispatcher = Bot(TOKEN, session=session), _dispatcher()
        ctx = await _context(sqlite_storage, settings, clock)
        made = Chat(sandbox, ctx, bot, dispatcher, clock)
        made.ctx = dispatcher["ctx"] = replace(ctx, wake=lambda: setattr(made, "woken", made.woken + 1))
        made.desk = Sends(
            sqlite_storage,
            Telegram(bot, session),  # type: ignore[arg-type]  # it shows and edits only
            settings,
            ctx.words,
            clock,
            launched=made.ctx.wake,
            gathered=partial(gathered, bot, made.ctx),
            sections=ctx.sections,
        )
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
        sections=[Section(s.id, bits[s.id], s.name, s.match, s.kind) for s in settings.sections],
        newsroom=settings.newsroom.name,
        username="newsdesk_demo_bot",
        wake=lambda: None,
    )
