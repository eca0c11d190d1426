"""The sections screen: what a reader wants to get, changed by tapping, confirmed by «Done»."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram import Bot, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.domain.article import Section
from bot.domain.post import Post, RichText
from bot.domain.reader import Reader, ReaderState
from bot.i18n import Lang
from bot.posts.hashtags import hashtag
from bot.posts.richtext import bold, join
from bot.readers import choices as said
from handlers import screen
from handlers.context import Context
from handlers.keyboards import (
    DONE,
    FIRST,
    ONLY_BREAKING,
    OPEN,
    SECTION,
    breaking_button,
    button,
    keyboard,
    language_buttons,
    rows,
)

CONSENT = "2026-1"
"""Names the words a reader agrees to (those of the sections screen and of a deep link's welcome). They are kept
with the consent: change the name with the words."""

router = Router(name="subscriptions")


def sections_screen(
    ctx: Context, reader: Reader, *, first_line: str = "", only: bool = False
) -> tuple[RichText, InlineKeyboardMarkup]:
    """The screen; `only` adds the button for breaking news without any section."""
    t = ctx.words[reader.language]
    text = join(
        "\n",
        [
            first_line,
            bold(t("What should we send you?")),
            t("Tick the sections — change them any time."),
            "" if reader.state is ReaderState.ACTIVE else t("By tapping Done you agree to receive messages: /privacy"),
        ],
    )
    count = len(chosen(ctx, reader))
    done = t.n("Done · {n} section", "Done · {n} sections", count) if count else t("Done")
    return text, keyboard(
        *rows([_section_button(section, reader) for section in ctx.sections], 2),
        [_regions_button(reader, t)] if has_regions(ctx) else [],
        [breaking_button(t, reader.breaking, "sections")],
        [button(t("Breaking news only"), ONLY_BREAKING.pack())] if only else [],
        [button(done, DONE.pack(), "primary")],
        language_buttons(ctx, reader.language, "sections"),
    )


def _section_button(section: Section, reader: Reader) -> InlineKeyboardButton:
    on = bool(section.mask & reader.sections)
    return button(("✅ " if on else "") + section.name(reader.language), SECTION.pack(bit=section.bit, wanted=not on))


def _regions_button(reader: Reader, t: Lang) -> InlineKeyboardButton:
    """From where; its text does not name the section, whose button is another one."""
    number = reader.regions.bit_count()
    text = t.n("📍 From {n} region", "📍 From {n} regions", number) if number else t("📍 From everywhere")
    return button(text, OPEN.pack(view="regions"))


def has_regions(ctx: Context) -> bool:
    """Whether the newsroom has a section that can be narrowed to regions. Who ticks one of them gets that section."""
    return any(section.regional for section in ctx.sections)


def chosen(ctx: Context, reader: Reader) -> list[Section]:
    """The reader's sections that this newsroom has, in the order of the buttons."""
    return [section for section in ctx.sections if section.mask & reader.sections]


async def met(ctx: Context, reader: Reader | None, message: Message, t: Lang) -> Reader:
    """The reader behind a message, made when unknown."""
    return reader or await ctx.storage.readers.meet(
        message.chat.id, language=t.code, choices=ctx.settings.readers.choices, now=ctx.now
    )


@router.message(Command("sections", ignore_case=True))
async def sections(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Show the screen."""
    await screen.say(bot, message.chat.id, *sections_screen(ctx, await met(ctx, reader, message, t)))


@router.callback_query(SECTION)
async def toggle(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, bit: int, wanted: bool) -> None:
    """Tick a section or untick it."""
    section = next((section for section in ctx.sections if section.bit == bit), None)
    changed = reader and section and await ctx.storage.readers.choose(reader.id, section.mask, wanted, now=ctx.now)
    if not changed:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *sections_screen(ctx, changed))


@router.callback_query(DONE)
async def done(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """The reader says yes; with nothing ticked the bot asks what was meant."""
    if reader is None:
        return await screen.outdated(query, t)
    if chosen(ctx, reader):
        return await _subscribe(query, bot, ctx, reader)
    if reader.breaking:
        await screen.answer(query, t("Tick at least one section, or keep breaking news only."), alert=True)
    else:
        await screen.answer(query, t("Tick at least one section."), alert=True)
    return await screen.show(query, *sections_screen(ctx, reader, only=reader.breaking))


@router.callback_query(ONLY_BREAKING)
async def only_breaking(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """The reader says yes to breaking news without any section."""
    if reader is None or chosen(ctx, reader) or not reader.breaking:
        return await screen.outdated(query, t)
    return await _subscribe(query, bot, ctx, reader)


async def _subscribe(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader) -> None:
    active = await ctx.storage.readers.consent(reader.id, CONSENT, now=ctx.now)
    assert active is not None
    await screen.answer(query)
    example = await _example(ctx, active) if reader.state is not ReaderState.ACTIVE else None
    shown = done_screen(ctx, active, example=example is not None, first=reader.consent_at is None)
    await screen.show(query, *shown)
    if example:
        await screen.send_post(bot, ctx, active, example)


async def _example(ctx: Context, reader: Reader) -> Post | None:
    return next(iter(await newest(ctx, reader, 1)), None)


async def newest(ctx: Context, reader: Reader, limit: int) -> list[Post]:
    """The newest posts of the reader's sections, in the reader's language while there are any."""
    return await newest_of(ctx, chosen(ctx, reader), reader.language, limit)


async def newest_of(ctx: Context, sections: Sequence[Section], language: str, limit: int) -> list[Post]:
    """The newest posts of these sections, in that language while there are any."""
    mask = sum(section.mask for section in sections)
    posts = await ctx.storage.posts.latest(mask, (language, ""), limit)
    return posts or await ctx.storage.posts.latest(mask, (), limit)


def done_screen(
    ctx: Context, reader: Reader, *, example: bool = False, first: bool = False
) -> tuple[RichText, InlineKeyboardMarkup]:
    """What is in force from now on; nothing is promised that no setting keeps. Whoever comes `first` is asked how much
    shall come."""
    t = ctx.words[reader.language]
    names = t.list(section.name(t.code) for section in chosen(ctx, reader))
    asks = first and bool(names)
    lines: list[str | RichText] = [
        bold(t("Done!")),
        t("You follow: {sections}", sections=names) if names else t("You get breaking news only."),
        *(said.promises(reader, t) if names else ()),
        said.first_news(reader, ctx.now, ctx.settings.newsroom.timezone, t) if names else "",
        t("• breaking news only when it truly matters") if names and reader.breaking else "",
        t("• change anything: /settings, unsubscribe: /stop"),
        t("This is what a story looks like ↓") if example else "",
        bold(t("How much would you like?")) if asks else "",
    ]
    return join("\n", lines), keyboard(
        *(_questions(reader, t) if asks else ()),
        [button(t("Sections"), OPEN.pack(view="sections")), button(t("Share"), OPEN.pack(view="share"))],
    )


def _questions(reader: Reader, t: Lang) -> list[list[InlineKeyboardButton]]:
    times = reader.digest_at or (reader.quiet_to,)
    digests = t.n("{n} digest a day: {times}", "{n} digests a day: {times}", len(times), times=said.clocks(times, t))
    return [
        [button(t("Everything at once"), FIRST.pack(volume="all"))],
        [button(t.n("Up to {n} a day", "Up to {n} a day", 8), FIRST.pack(volume="8"))],
        [button(digests, FIRST.pack(volume="digest"))],
    ]


async def subscribe_to(bot: Bot, ctx: Context, reader: Reader, section: Section) -> None:
    """One tap on a deep link: subscribed at once, told how to go on, shown a story."""
    await ctx.storage.readers.choose(reader.id, section.mask, True, now=ctx.now)
    active = await ctx.storage.readers.consent(reader.id, CONSENT, now=ctx.now)
    assert active is not None
    t = ctx.words[active.language]
    tag = hashtag(section.name(t.code)) or section.name(t.code)
    lines = [
        t("✅ You follow {tag}. Add more?", tag=tag),
        said.first_news(active, ctx.now, ctx.settings.newsroom.timezone, t),
        t("Unsubscribe: /stop · your data: /privacy"),
    ]
    text = join("\n", lines)
    buttons = keyboard(
        [button(t("Sections"), OPEN.pack(view="sections"))], language_buttons(ctx, active.language, "sections")
    )
    await screen.say(bot, active.chat_id, text, buttons)
    example = await _example(ctx, active) if reader.state is not ReaderState.ACTIVE else None
    if example:
        await screen.send_post(bot, ctx, active, example)
