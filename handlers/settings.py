"""/settings and /language: screens that edit themselves, and every choice that is pressed on them."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from bot.domain.reader import Reader, ReaderState
from bot.i18n import Lang
from bot.readers import choices as said
from handlers import screen
from handlers.commands import sync_desk_menu
from handlers.context import Context
from handlers.keyboards import BREAKING, CHOOSE, FIRST, LANGUAGE, OPEN
from handlers.subscriptions import done_screen, met
from handlers.views import screen_of

router = Router(name="settings")
_DRAWN = {
    "volume": "volume",
    "quiet": "quiet",
    "from": "quiet",
    "to": "quiet",
    "ring": "quiet",
    "nightly": "settings",
    "at": "digest",
    "day": "digest",
    "rates": "digest",
    "region": "regions",
    "news": "news",
    "zone": "zone",
    "main": "settings",
}
"""On which screen each choice stands."""


@router.message(Command("settings", "language", "privacy", ignore_case=True))
async def open_by_command(
    message: Message, command: CommandObject, bot: Bot, ctx: Context, reader: Reader | None, t: Lang
) -> None:
    """Show the screen that the command names."""
    shown = await screen_of(ctx, await met(ctx, reader, message, t), command.command.lower())
    assert shown is not None
    await screen.say(bot, message.chat.id, *shown)


@router.callback_query(OPEN)
async def open_by_button(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, view: str) -> None:
    """Go to another screen in the same message."""
    await redraw(query, ctx, reader, t, view)


@router.callback_query(CHOOSE)
async def choose(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, what: str, to: str) -> None:
    """One choice as it shall be."""
    view = _DRAWN.get(what)
    if reader is None or view is None:
        return await screen.outdated(query, t)
    changes = said.wanted(
        "ring" if what == "nightly" else what,
        to,
        reader,
        home=ctx.settings.readers.choices,
        languages=tuple(ctx.words.languages),
    )
    if not changes:
        if what in ("at", "day", "news"):
            return await screen.answer(query, t("One of them has to stay."), alert=True)
        return await screen.outdated(query, t)
    if what == "region" and to != "all":
        await ctx.storage.readers.choose(reader.id, _regional(ctx), True, now=ctx.now)
    return await redraw(query, ctx, await ctx.storage.readers.change(reader.id, now=ctx.now, **changes), t, view)


def _regional(ctx: Context) -> int:
    """Who ticks a region wants the section that it belongs to."""
    return sum(section.mask for section in ctx.sections if section.regional)


@router.callback_query(FIRST)
async def first(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, volume: str) -> None:
    """The answer to the one question after «Done»: the same message says what is in force now."""
    home = ctx.settings.readers.choices
    changes = reader and said.wanted("volume", volume, reader, home=home, languages=())
    if reader is None or not changes or reader.state is not ReaderState.ACTIVE:
        return await screen.outdated(query, t)
    changed = await ctx.storage.readers.change(reader.id, now=ctx.now, **changes)
    if changed is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *done_screen(ctx, changed))


@router.callback_query(BREAKING)
async def breaking(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, wanted: bool, view: str) -> None:
    """Breaking news on or off."""
    if reader and view in ("settings", "sections"):
        reader = await ctx.storage.readers.change(reader.id, breaking=wanted, now=ctx.now)
    await redraw(query, ctx, reader, t, view)


@router.callback_query(LANGUAGE)
async def language(
    query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, code: str, view: str
) -> None:
    """Another language, seen at once on the screen where it was chosen."""
    if code not in ctx.words.languages:
        return await screen.outdated(query, t)
    if reader and view in ("language", "sections"):
        reader = await ctx.storage.readers.set_language(reader.id, code, now=ctx.now)
    await redraw(query, ctx, reader, t, view)
    return await sync_desk_menu(bot, ctx, query.from_user.id)


async def redraw(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, view: str) -> None:
    """Show that screen in place of the one whose button was pressed."""
    shown = await screen_of(ctx, reader, view) if reader else None
    if shown is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *shown)
