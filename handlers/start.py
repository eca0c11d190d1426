"""/start, with or without the payload of a deep link."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiogram import Bot, Router
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import Message

from bot.domain.article import Section
from bot.domain.reader import Reader, ReaderState
from bot.i18n import Lang
from handlers import screen
from handlers.commands import sync_desk_menu
from handlers.context import Context
from handlers.subscriptions import CONSENT, sections_screen, subscribe_to

router = Router(name="start")


@dataclass(frozen=True, slots=True)
class Payload:
    """What a deep link says: `sport`, `sport-l_kk`, and where it was found: `sport__channel`, `sport-src_ig`, `s_site`.

    `source` is for statistics; `known` is False when a section is named that we do not have.
    """

    section: Section | None = None
    language: str = ""
    source: str = ""
    known: bool = True


_SOURCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def parse(payload: str, ctx: Context) -> Payload:
    """Read a payload; parts that nobody knows are left aside."""
    said, _, source = ("", "", payload[2:]) if payload.startswith("s_") else payload.partition("__")
    named, options = "", {"l": "", "src": ""}
    for part in said.split("-"):
        key, marked, value = part.partition("_")
        if marked and key in options:
            options[key] = value
        elif not named:
            named = part.lower()
    section = next((section for section in ctx.sections if section.id == named), None)
    language = options["l"] if options["l"] in ctx.words.languages else ""
    source = source or options["src"]
    source = source if _SOURCE.fullmatch(source) else ""
    return Payload(section, language, source, known=section is not None or not named)


async def _greet_desk(bot: Bot, ctx: Context, message: Message) -> None:
    """Owners of the file come this way first: their menu, and the name under which the desk knows them."""
    role = await ctx.storage.editors.role(message.chat.id)
    if role and message.from_user:
        await ctx.storage.editors.add(message.chat.id, role, message.from_user.full_name, by=0, now=ctx.now)
    await sync_desk_menu(bot, ctx, message.chat.id)


@router.message(CommandStart(ignore_case=True))
async def start(
    message: Message, command: CommandObject, bot: Bot, ctx: Context, reader: Reader | None, t: Lang
) -> None:
    """Welcome: straight to the sections, or subscribed at once by a deep link. Who was away is back."""
    payload = parse(command.args or "", ctx)
    if reader is None:
        reader = await ctx.storage.readers.meet(
            message.chat.id,
            language=payload.language or t.code,
            choices=ctx.settings.readers.choices,
            now=ctx.now,
            source=payload.source,
        )
    await _greet_desk(bot, ctx, message)
    if payload.section:
        return await subscribe_to(bot, ctx, reader, payload.section)
    first_line = ""
    if reader.consent_at and reader.state is not ReaderState.ACTIVE:
        reader = await ctx.storage.readers.consent(reader.id, CONSENT, now=ctx.now) or reader
        first_line = t("Welcome back! Your choices are as you left them, news is on its way again.")
    if not payload.known:
        first_line = t("There is no such section here. Choose from these:")
    await screen.say(bot, message.chat.id, *sections_screen(ctx, reader, first_line=first_line))
    return None
