"""The settings in one message: what is in force, and a button for each of it."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.types import InlineKeyboardButton

from bot.delivery.hours import zone_of
from bot.domain.language import name_of
from bot.domain.post import RichText
from bot.domain.reader import Quiet, Reader, ReaderState
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from bot.readers import choices as said
from handlers.context import Context
from handlers.keyboards import ADS, OPEN, RESUME, STOP, UNMUTE, breaking_button, button, keyboard
from handlers.subscriptions import chosen, has_regions
from handlers.views.choices import Screen, choice
from storage.terms import Chosen


def settings_screen(ctx: Context, reader: Reader, words: Sequence[Chosen] = ()) -> Screen:
    """All of it; `words` are those that the reader hides or follows."""
    t = ctx.words[reader.language]
    names = t.list(section.name(t.code) for section in chosen(ctx, reader))
    muted = t.list(section.name(t.code) for section in chosen(ctx, reader) if section.mask & reader.muted)
    zone = zone_of(reader.zone, ctx.settings.newsroom.timezone)
    regional = any(section.regional for section in chosen(ctx, reader))
    hidden = sum(not word.follows for word in words)
    lines: list[str | RichText] = [
        bold(t("⚙️ Settings")),
        t("Sections: {sections}", sections=names or "—"),
        t("Muted for now: {sections}", sections=muted) if muted else "",
        t("📍 From: {regions}", regions=said.regions(reader, t)) if regional else "",
        t("Main stories only") if reader.main_only else "",
        t("How much: {choice}", choice=said.volume(reader, t)),
        t("Quiet hours: {choice}", choice=said.quiet(reader, t)),
        t("Digest: {choice}", choice=said.digest(reader, t)),
        said.breaking(reader, t),
        t("News in: {choice}", choice=said.news(reader, t)),
        t("Hidden words: {n}", n=t.number(hidden)) if hidden else "",
        t("Words you follow: {n}", n=t.number(len(words) - hidden)) if len(words) > hidden else "",
        t("Time zone: {city}, now {time}", city=t.city(zone), time=t.time(ctx.now, zone)),
        t("Language: {language}", language=name_of(t.code)),
        _state(ctx, reader, t),
    ]
    return join("\n", lines), keyboard(
        [
            button(t("Sections"), OPEN.pack(view="sections")),
            *([button(t("📍 From"), OPEN.pack(view="regions"))] if has_regions(ctx) else []),
        ],
        [button(t("Bring the muted back"), UNMUTE.pack())] if muted else [],
        [button(t("How much"), OPEN.pack(view="volume")), button(t("Quiet hours"), OPEN.pack(view="quiet"))],
        [button(t("Digest"), OPEN.pack(view="digest")), breaking_button(t, reader.breaking, "settings")],
        [_main(reader, t), *_ring(reader, t)],
        [button(t("Words"), OPEN.pack(view="words")), button(_news(reader, t), OPEN.pack(view="news"))],
        [
            button(t("Time zone"), OPEN.pack(view="zone")),
            button(t("Language: {language}", language=name_of(t.code)), OPEN.pack(view="language")),
        ],
        [*_pausing(reader, t), button(t("Share"), OPEN.pack(view="share"))],
        [partner_button(t, reader.partner)],
        [button(t("My data"), OPEN.pack(view="privacy")), button(t("Unsubscribe"), STOP.pack())],
    )


def _main(reader: Reader, t: Lang) -> InlineKeyboardButton:
    on = reader.main_only
    return choice(t("⭐ Main only: on") if on else t("⭐ Main only: off"), "main", int(not on))


def _ring(reader: Reader, t: Lang) -> list[InlineKeyboardButton]:
    """Whether breaking news may ring at night, where there is a night to be kept."""
    if not reader.breaking or reader.quiet is Quiet.OFF:
        return []
    on = reader.night_breaking
    return [choice(t("🔔 At night: rings") if on else t("🔕 At night: no sound"), "nightly", int(not on))]


def _news(reader: Reader, t: Lang) -> str:
    return t("📰 News: {codes}", codes=", ".join(code.upper() for code in said.news_of(reader)))


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


def _pausing(reader: Reader, t: Lang) -> list[InlineKeyboardButton]:
    match reader.state:
        case ReaderState.ACTIVE:
            return [button(t("Pause"), OPEN.pack(view="pause"))]
        case ReaderState.PAUSED:
            return [button(t("End the pause"), RESUME.pack())]
        case _:
            return []
