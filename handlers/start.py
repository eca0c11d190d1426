"""/start, with or without the payload of a deep link."""

from __future__ import annotations

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
    """What a deep link says: `sport`, `sport-l_kk-src_ig`. `known` is False when it names what we do not have."""

    section: Section | None = None
    language: str = ""
    source: str = ""
    known: bool = True


def parse(payload: str, ctx: Context) -> Payload:
    """Read a payload; parts that nobody knows are left aside."""
    named, options = "", {"l": "", "src": ""}
    for part in payload.split("-"):
        key, marked, value = part.partition("_")
        if marked and key in options:
            options[key] = value
        elif not named:
            named = part.lower()
    section = next((section for section in ctx.sections if section.id == named), None)
    language = options["l"] if options["l"] in ctx.words.languages else ""
    return Payload(section, language, options["src"], known=section is not None or not named)


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
            breaking=ctx.settings.readers.breaking,
            now=ctx.now,
            source=payload.source,
        )
    await sync_desk_menu(bot, ctx, reader.chat_id)  # owners of the file come this way first
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
