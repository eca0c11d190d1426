"""/settings, /language, /privacy and /stop: one message each, which edits itself."""

from __future__ import annotations

from collections.abc import Callable

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.domain.language import name_of
from bot.domain.post import RichText
from bot.domain.reader import Reader, ReaderState
from bot.i18n import Lang
from bot.posts.links import deep_link, is_http, share_link
from bot.posts.richtext import bold, concat, join, link
from bot.readers import privacy
from handlers import screen
from handlers.commands import sync_desk_menu
from handlers.context import Context
from handlers.keyboards import (
    ADS,
    BREAKING,
    ERASE,
    EXPORT,
    LANGUAGE,
    LIST,
    OPEN,
    PAUSE,
    RESUME,
    STOP,
    UNMUTE,
    breaking_button,
    button,
    keyboard,
    language_buttons,
    rows,
)
from handlers.subscriptions import chosen, met, sections_screen

router = Router(name="settings")
Screen = tuple[RichText, InlineKeyboardMarkup]
PAUSES = (1, 7, 30)  # days
_DAY = 86_400
_SHARED = "share"  # the source of readers who come by a link that a reader passed on


def settings_screen(ctx: Context, reader: Reader) -> Screen:
    """What is in force, and a button for each of it."""
    t = ctx.words[reader.language]
    names = t.list(section.name(t.code) for section in chosen(ctx, reader))
    muted = t.list(section.name(t.code) for section in chosen(ctx, reader) if section.mask & reader.muted)
    lines: list[str | RichText] = [
        bold(t("⚙️ Settings")),
        t("Sections: {sections}", sections=names or "—"),
        t("Muted for now: {sections}", sections=muted) if muted else "",
        t("Breaking news: on") if reader.breaking else t("Breaking news: off"),
        t("Language: {language}", language=name_of(t.code)),
        _state(ctx, reader, t),
    ]
    return join("\n", lines), keyboard(
        [button(t("Sections"), OPEN.pack(view="sections"))],
        [button(t("Bring the muted back"), UNMUTE.pack())] if muted else [],
        [breaking_button(t, reader.breaking, "settings")],
        [partner_button(t, reader.partner)],
        [button(t("Language: {language}", language=name_of(t.code)), OPEN.pack(view="language"))],
        *_pausing(reader, t),
        [button(t("Share"), OPEN.pack(view="share"))],
        [button(t("My data"), OPEN.pack(view="privacy"))],
        [button(t("Unsubscribe"), STOP.pack())],
    )


def partner_button(t: Lang, on: bool) -> InlineKeyboardButton:
    """Partner posts or none; pressing asks for the opposite of what it says."""
    text = t("Partner posts: at most 1 a day") if on else t("Partner posts: none")
    return button(text, ADS.pack(wanted=not on, view="settings"))


def _state(ctx: Context, reader: Reader, t: Lang) -> str:
    match reader.state:
        case ReaderState.ACTIVE:
            return ""
        case ReaderState.PAUSED if reader.paused_until:
            return t("Paused until {moment}: nothing comes.", moment=t.datetime(reader.paused_until, ctx.zone))
        case _:
            return t("You are not subscribed at the moment: /start")


def _pausing(reader: Reader, t: Lang) -> list[list[InlineKeyboardButton]]:
    match reader.state:
        case ReaderState.ACTIVE:
            return [[button(t("Pause"), OPEN.pack(view="pause"))]]
        case ReaderState.PAUSED:
            return [[button(t("End the pause"), RESUME.pack())]]
        case _:
            return []


def pause_screen(ctx: Context, reader: Reader) -> Screen:
    """For how long nothing shall come, breaking news included."""
    t = ctx.words[reader.language]
    text = join("\n", [bold(t("Pause")), t("For how long? Nothing will come, not even breaking news.")])
    lengths = [button(t.n("{n} day", "{n} days", days), PAUSE.pack(days=days)) for days in PAUSES]
    return text, keyboard(lengths, [button(t("‹ Settings"), OPEN.pack(view="settings"))])


def language_screen(ctx: Context, reader: Reader) -> Screen:
    """All languages, asked for in each of them."""
    text = bold(" · ".join(t("Choose your language") for t in ctx.words))
    t = ctx.words[reader.language]
    return text, keyboard(
        language_buttons(ctx, reader.language, "language", all_=True),
        [button(t("‹ Settings"), OPEN.pack(view="settings"))],
    )


def privacy_screen(ctx: Context, reader: Reader) -> Screen:
    """What is kept, and the ways to take it along or have it forgotten."""
    t = ctx.words[reader.language]
    url = ctx.settings.newsroom.privacy_url
    lines: list[str | RichText] = [
        bold(t("Your data")),
        t(
            "We keep: chat number, language, sections, what we sent you and, for a short time, what you wrot"
            "e here and under which name."
        ),
        t("We don't keep: phone number, the history of conversations."),
    ]
    return join("\n", lines), keyboard(
        [button(t("Download my data"), EXPORT.pack())],
        [button(t("Delete everything"), ERASE.pack(sure=False), "danger")],
        [InlineKeyboardButton(text=t("Privacy policy"), url=url)] if is_http(url) else [],
        [button(t("‹ Settings"), OPEN.pack(view="settings"))],
    )


def goodbye_screen(ctx: Context, reader: Reader) -> Screen:
    """What an unsubscribed reader can still do."""
    t = ctx.words[reader.language]
    text = t(
        "You are unsubscribed from everything. Your choices are kept — come back: /start. Or delete your data now:"
    )
    return join("", [text]), keyboard([button(t("Delete"), ERASE.pack(sure=False))])


def share_screen(ctx: Context, reader: Reader) -> Screen:
    """Links to pass on: to the bot and to each section of the reader's, which subscribe at once."""
    t = ctx.words[reader.language]
    own = deep_link(ctx.username, f"s_{_SHARED}")
    sections = [
        (section.name(t.code), deep_link(ctx.username, f"{section.id}__{_SHARED}")) for section in chosen(ctx, reader)
    ]
    lines: list[str | RichText] = [
        bold(t("Share")),
        own,
        t("These subscribe to one section at once:") if sections else "",
        *(concat("• ", link(name, url)) for name, url in sections),
    ]
    words = t("News of {newsroom} — only the sections you choose.", newsroom=ctx.newsroom)
    return join("\n", lines), keyboard(
        [InlineKeyboardButton(text=t("Share the bot"), url=share_link(own, words))],
        *rows(
            [InlineKeyboardButton(text=name, url=share_link(url, f"{ctx.newsroom}: {name}")) for name, url in sections],
            2,
        ),
        [button(t("‹ Settings"), OPEN.pack(view="settings"))],
    )


VIEWS: dict[str, Callable[[Context, Reader], Screen]] = {
    "sections": sections_screen,
    "settings": settings_screen,
    "language": language_screen,
    "privacy": privacy_screen,
    "share": share_screen,
    "pause": pause_screen,
}
"""The screens that buttons can ask for."""


@router.message(Command("settings", "language", "privacy", ignore_case=True))
async def open_by_command(
    message: Message, command: CommandObject, bot: Bot, ctx: Context, reader: Reader | None, t: Lang
) -> None:
    """Show the screen that the command names."""
    view = VIEWS[command.command.lower()]
    await screen.say(bot, message.chat.id, *view(ctx, await met(ctx, reader, message, t)))


@router.callback_query(OPEN)
async def open_by_button(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, view: str) -> None:
    """Go to another screen in the same message."""
    await _redraw(query, ctx, reader, t, view)


@router.callback_query(BREAKING)
async def breaking(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, wanted: bool, view: str) -> None:
    """Breaking news on or off."""
    if reader and view in VIEWS:
        reader = await ctx.storage.readers.change(reader.id, breaking=wanted, now=ctx.now)
    await _redraw(query, ctx, reader, t, view)


@router.callback_query(PAUSE)
async def pause(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, days: int) -> None:
    """Nothing for some days; the choices stay."""
    if reader and days in PAUSES:
        reader = await ctx.storage.readers.pause(reader.id, until=ctx.now + days * _DAY, now=ctx.now)
    else:
        reader = None
    await _redraw(query, ctx, reader, t, "settings")


@router.callback_query(RESUME)
async def resume(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """The pause is over before its time."""
    changed = reader and await ctx.storage.readers.resume(reader.id, now=ctx.now)
    await _redraw(query, ctx, changed, t, "settings")


@router.callback_query(LANGUAGE)
async def language(
    query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, code: str, view: str
) -> None:
    """Another language, seen at once on the screen where it was chosen."""
    if code not in ctx.words.languages:
        return await screen.outdated(query, t)
    if reader and view in VIEWS:
        reader = await ctx.storage.readers.set_language(reader.id, code, now=ctx.now)
    await _redraw(query, ctx, reader, t, view)
    return await sync_desk_menu(bot, ctx, query.from_user.id)


async def _redraw(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, view: str) -> None:
    if reader is None or view not in VIEWS:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *VIEWS[view](ctx, reader))


@router.message(Command("stop", ignore_case=True))
async def stop_by_command(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Unsubscribe from everything."""
    left = reader and await ctx.storage.readers.leave(reader.id, now=ctx.now)
    if left is None:
        await screen.say(bot, message.chat.id, t("You are not subscribed at the moment: /start"))
    else:
        await screen.say(bot, message.chat.id, *goodbye_screen(ctx, left))


@router.callback_query(STOP)
async def stop_by_button(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Unsubscribe from everything: one tap, no questions."""
    left = reader and await ctx.storage.readers.leave(reader.id, now=ctx.now)
    if left is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *goodbye_screen(ctx, left))


@router.callback_query(LIST)
async def below_a_list(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, view: str) -> None:
    """What is pressed below a digest is answered in a message of its own: the digest stays to be read."""
    left = reader and await ctx.storage.readers.leave(reader.id, now=ctx.now) if view == "stop" else reader
    if left is None or view not in ("stop", "times"):
        return await screen.outdated(query, t)
    await screen.answer(query)
    shown = goodbye_screen(ctx, left) if view == "stop" else settings_screen(ctx, left)
    await screen.say(bot, left.chat_id, *shown)
    return None


@router.callback_query(EXPORT)
async def export(query: CallbackQuery, bot: Bot, ctx: Context) -> None:
    """Hand over everything that is kept about this chat."""
    await screen.answer(query)
    document = privacy.document(await ctx.storage.privacy.export(query.from_user.id), ctx.sections)
    await bot.send_document(query.from_user.id, BufferedInputFile(document, privacy.FILE_NAME))


@router.callback_query(ERASE)
async def erase(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, sure: bool) -> None:
    """Forget this chat, after a second tap."""
    await screen.answer(query)
    if not sure:
        buttons = keyboard(
            [button(t("Yes, delete everything"), ERASE.pack(sure=True), "danger")],
            [button(t("‹ Back"), OPEN.pack(view="privacy"))] if reader else [],
        )
        return await screen.show(
            query, t("Delete your choices and everything we keep about this chat? There is no way back."), buttons
        )
    await ctx.storage.privacy.erase(query.from_user.id, now=ctx.now)
    return await screen.show(query, t("Everything is deleted, you will get nothing more from us. Begin anew: /start"))
