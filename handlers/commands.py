"""The commands that people see, in one table: menus, /help and the bot's description are made of it."""

from __future__ import annotations

import logging
from typing import Any

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramAPIError
from aiogram.types import BotCommand, BotCommandScopeChat

from bot.domain.desk import Role
from bot.i18n import Lang, mark
from handlers.context import Context

_READER = (
    ("sections", mark("Choose sections")),
    ("latest", mark("The latest news")),
    ("digest", mark("What you have not got yet, as a list")),
    ("find", mark("Search the news")),
    ("saved", mark("What you saved")),
    ("why", mark("Why this came, or did not")),
    ("rates", mark("Exchange rates")),
    ("settings", mark("Settings")),
    ("language", mark("Language")),
    ("groups", mark("News in your group")),
    ("privacy", mark("My data")),
    ("stop", mark("Unsubscribe")),
    ("corrections", mark("What we have corrected")),
    ("help", mark("What this bot can do")),
)
_DESK = {
    Role.EDITOR: (
        ("breaking", mark("Send breaking news")),
        ("promo", mark("A partner's post, and its figures")),
        ("queue", mark("What waits for the desk")),
        ("drafts", mark("Drafts that were not sent")),
        ("correct", mark("Correct or withdraw a message")),
        ("stats", mark("What was sent, to how many")),
        ("feeds", mark("Feeds: health, adding, pausing")),
    ),
    Role.OWNER: (
        ("editors", mark("Editors and invitations")),
        ("status", mark("How the bot is doing")),
        ("audit", mark("Who did what")),
        ("channels", mark("Channels of the newsroom")),
    ),
}
_NAME_LIMIT, _DESCRIPTION_LIMIT, _SHORT_LIMIT = 64, 512, 120
_log = logging.getLogger(__name__)


def commands(ctx: Context, t: Lang, role: Role = Role.READER) -> list[BotCommand]:
    """What somebody with that role can say, in that language; the desk's commands come first."""
    desk = [pair for level, pairs in _DESK.items() if role >= level for pair in pairs]
    offered = [pair for pair in _READER if pair[0] != "rates" or ctx.settings.rates.url]
    return [BotCommand(command=name, description=t(text)) for name, text in (*desk, *offered)]


def description(ctx: Context, t: Lang) -> str:
    """What an empty chat says; a long list of sections is cut at a whole name."""
    names = [section.name(t.code) for section in ctx.sections]
    while True:
        text = t(
            "News of {newsroom} — only what you choose: {sections}. Unsubscribe in one tap.",
            newsroom=ctx.newsroom,
            sections=", ".join(names),
        )
        if len(text) <= _DESCRIPTION_LIMIT or not names:
            return text[:_DESCRIPTION_LIMIT]
        names.pop()


def short_description(ctx: Context, t: Lang) -> str:
    """What the bot's profile says."""
    return t("News of {newsroom} — only the sections you choose.", newsroom=ctx.newsroom)[:_SHORT_LIMIT]


async def sync_profile(bot: Bot, ctx: Context) -> None:
    """Bring name, commands and descriptions up to date in each language, writing only what differs.

    The name is the newsroom's where the file gives one; without, it stays as its owner set it. A refusal is logged
    and stops nothing.
    """
    try:
        for code in ("", *ctx.words.languages):
            await _sync_language(bot, ctx, code)
    except AiogramError as refusal:
        _log.warning("the bot's profile could not be brought up to date: %s", refusal)


async def _sync_language(bot: Bot, ctx: Context, code: str) -> None:
    t, language = ctx.words[code], code or None
    name = ctx.settings.newsroom.name[:_NAME_LIMIT]
    if name and (await bot.get_my_name(language_code=language)).name != name:
        await bot.set_my_name(name, language_code=language)
    await _offer(bot, commands(ctx, t), language_code=language)
    if (await bot.get_my_description(language_code=language)).description != (text := description(ctx, t)):
        await bot.set_my_description(text, language_code=language)
    shown = await bot.get_my_short_description(language_code=language)
    if shown.short_description != (text := short_description(ctx, t)):
        await bot.set_my_short_description(text, language_code=language)


async def _offer(bot: Bot, wanted: list[BotCommand], **whom: Any) -> None:
    known = await bot.get_my_commands(**whom)
    if [one.model_dump() for one in known] != [one.model_dump() for one in wanted]:  # == sees the bot they came by
        await bot.set_my_commands(wanted, **whom)


async def sync_desk_menu(bot: Bot, ctx: Context, user_id: int) -> None:
    """Bring the menu of somebody who works at the desk up to date; readers have nothing of their own."""
    role = await ctx.storage.editors.role(user_id)
    if role:
        await sync_editor_commands(bot, ctx, user_id, role)


async def sync_editor_commands(bot: Bot, ctx: Context, user_id: int, role: Role) -> None:
    """Give a person the menu of their role in their private chat; readers have the common one."""
    scope = BotCommandScopeChat(chat_id=user_id)
    reader = await ctx.storage.readers.get(user_id)
    try:
        if role is Role.READER:
            await bot.delete_my_commands(scope=scope)
        else:
            t = ctx.words[reader.language if reader else ""]
            await _offer(bot, commands(ctx, t, role), scope=scope)
    except TelegramAPIError as refusal:
        _log.warning("an editor's menu could not be set: %s", refusal)
