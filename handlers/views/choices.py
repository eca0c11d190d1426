"""The screens of single choices: how much, when, in which languages, from where. Each carries the wanted states."""

from __future__ import annotations

from collections.abc import Iterable

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.delivery.hours import has_lists, zone_of
from bot.domain.language import name_of
from bot.domain.post import RichText
from bot.domain.reader import ALL, DIGESTS, EVERY_DAY, Choices, Quiet, Reader
from bot.domain.regions import REGIONS
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from bot.readers import choices as said
from handlers.context import Context
from handlers.keyboards import CHOOSE, OPEN, QUESTION, button, keyboard, rows

Screen = tuple[RichText, InlineKeyboardMarkup]


def choice(text: str, what: str, to: str | int, *, on: bool = False) -> InlineKeyboardButton:
    """A button that asks for a state, ticked where it is in force."""
    return button(("✅ " if on else "") + text, CHOOSE.pack(what=what, to=str(to)))


def _toggle(text: str, what: str, item: object, *, on: bool) -> InlineKeyboardButton:
    return choice(text, what, f"{item}_{int(not on)}", on=on)


def back(t: Lang) -> list[InlineKeyboardButton]:
    """The way to the settings."""
    return [button(t("‹ Settings"), OPEN.pack(view="settings"))]


def volume_screen(ctx: Context, reader: Reader) -> Screen:
    """How much comes a day."""
    t = ctx.words[reader.language]
    beyond = ""
    if reader.volume == DIGESTS:
        beyond = t("News comes in lists: {times}.", times=said.digest(reader, t))
    elif reader.volume != ALL:
        beyond = t("They are spread over your day. What is more comes in lists: {times}.", times=said.digest(reader, t))
    offered = dict.fromkeys((*said.VOLUMES[:-1], *_own(ctx.settings.readers.choices), DIGESTS))
    lines: list[str | RichText] = [bold(t("How much")), t("Now: {choice}", choice=said.volume(reader, t)), beyond]
    lines.append(t("Breaking news is not counted.") if reader.breaking and reader.volume != ALL else "")
    return join("\n", lines), keyboard(
        *([_volume(number, t, on=number == reader.volume)] for number in offered),
        [button(t("Digest"), OPEN.pack(view="digest"))] if has_lists(reader) else [],
        back(t),
    )


def _own(home: Choices) -> tuple[int, ...]:
    return (home.volume,) if home.volume > 0 else ()


def _volume(number: int, t: Lang, *, on: bool) -> InlineKeyboardButton:
    to = {ALL: "all", DIGESTS: "digest"}.get(number, str(number))
    text = said.volume(Choices(volume=number), t)
    return choice(text[:1].upper() + text[1:], "volume", to, on=on)


def quiet_screen(ctx: Context, reader: Reader) -> Screen:
    """What happens at night, and when that is."""
    t = ctx.words[reader.language]
    off = reader.quiet is Quiet.OFF
    meanings = {
        Quiet.SILENT: t("News comes at night, but without a sound."),
        Quiet.HOLD: t("Nothing comes at night; in the morning one list does."),
        Quiet.OFF: t("At night news comes as by day."),
    }
    breaking = reader.breaking and not off
    lines: list[str | RichText] = [
        bold(t("Quiet hours")),
        t("Now: {choice}", choice=said.quiet(reader, t)),
        meanings[reader.quiet],
        said.breaking(reader, t) if breaking else "",
        "" if off else t("By the time of {city}.", city=t.city(zone_of(reader.zone, ctx.settings.newsroom.timezone))),
    ]
    names = {Quiet.SILENT: t("Without a sound"), Quiet.HOLD: t("Keep for the morning"), Quiet.OFF: t("As by day")}
    return join("\n", lines), keyboard(
        *([choice(name, "quiet", one.value, on=one is reader.quiet)] for one, name in names.items()),
        *rows(() if off else _hours(reader, t, "from"), 3),
        *rows(() if off else _hours(reader, t, "to"), 3),
        [_ring(reader, t)] if breaking else [],
        [button(t("Time zone"), OPEN.pack(view="zone"))],
        back(t),
    )


def _hours(reader: Reader, t: Lang, what: str) -> list[InlineKeyboardButton]:
    offered, now = (said.QUIET_FROM, reader.quiet_from) if what == "from" else (said.QUIET_TO, reader.quiet_to)
    evening_first = sorted({*offered, now}, key=lambda minute: (minute - 12 * 60) % (24 * 60))
    return [
        choice(
            t("from {time}", time=said.clock(one)) if what == "from" else t("until {time}", time=said.clock(one)),
            what,
            one,
            on=one == now,
        )
        for one in evening_first
    ]


def _ring(reader: Reader, t: Lang) -> InlineKeyboardButton:
    on = reader.night_breaking
    return choice(t("🔴 At night: rings") if on else t("🔴 At night: no sound"), "ring", int(not on))


def digest_screen(ctx: Context, reader: Reader) -> Screen:
    """When lists come."""
    t = ctx.words[reader.language]
    lists = has_lists(reader)
    lines: list[str | RichText] = [
        bold(t("Digest")),
        t("Now: {choice}", choice=said.digest(reader, t)),
        t("A digest is one list of the stories that have not come by themselves."),
        "" if lists else t("It begins when you choose less at once."),
        t("At any time: /digest"),
    ]
    hours = sorted({*said.DIGEST_TIMES, *reader.digest_at})
    chosen = reader.digest_days or EVERY_DAY
    rates = bool(ctx.settings.rates.url)
    return join("\n", lines), keyboard(
        *([[button(t("How much"), OPEN.pack(view="volume"))]] if not lists else ()),
        *rows([_toggle(said.clock(one), "at", one, on=one in reader.digest_at) for one in hours], 4),
        *rows([_toggle(t.weekday(day), "day", day, on=bool(chosen >> day & 1)) for day in range(7)], 4),
        [choice(t("💱 Exchange rates"), "rates", int(not reader.rates), on=reader.rates)] if rates else [],
        back(t),
    )


def regions_screen(ctx: Context, reader: Reader) -> Screen:
    """From which of the twenty regions news of the section of regions comes."""
    t = ctx.words[reader.language]
    name = t.list(section.name(t.code) for section in ctx.sections if section.regional)
    lines: list[str | RichText] = [
        bold(f"📍 {name}"),
        t("Now: {choice}", choice=said.regions(reader, t)),
        t("Tick where news of this section shall come from; with nothing ticked it comes from everywhere."),
        t("News that names no region comes in any case."),
    ]
    ticks = [
        _toggle(region.short(t.code), "region", bit, on=bool(reader.regions >> bit & 1))
        for bit, region in enumerate(REGIONS)
    ]
    return join("\n", lines), keyboard(
        [choice(t("Everywhere"), "region", "all", on=not reader.regions)],
        *rows(ticks, 2),
        [button(t("‹ Sections"), OPEN.pack(view="sections")), *back(t)],
    )


def news_screen(ctx: Context, reader: Reader) -> Screen:
    """In which languages news comes, whatever language the menus have."""
    t = ctx.words[reader.language]
    auto = not reader.news_languages
    lines: list[str | RichText] = [
        bold(t("Languages of news")),
        t("Now: {choice}", choice=said.news(reader, t)),
        t("As the menus: in your language, and where the newsroom has no news in it, in the others."),
    ]
    ticks = [_toggle(name_of(code), "news", code, on=code in reader.news_languages) for code in ctx.words.languages]
    return join("\n", lines), keyboard(
        [choice(t("As the menus"), "news", "auto", on=auto)],
        *([one] for one in ticks),
        back(t),
    )


def zone_screen(ctx: Context, reader: Reader) -> Screen:
    """Whose clock the reader lives by."""
    t = ctx.words[reader.language]
    home = ctx.settings.newsroom.timezone
    typed = [] if reader.zone in ("", home, *said.ZONES) else [(said.TYPED, reader.zone)]
    offered = [("home", ""), *typed, *((said.zone_code(zone), zone) for zone in said.ZONES if zone != home)]
    lines: list[str | RichText] = [
        bold(t("Time zone")),
        t("Now: {choice}", choice=here(ctx, reader)),
        t("Choose a city with your time: quiet hours and digests go by it."),
    ]
    return join("\n", lines), keyboard(
        *rows(_cities(ctx, reader, t, offered), 2),
        [button(t("🕓 Another one"), QUESTION.pack(what="zone"))],
        back(t),
    )


def here(ctx: Context, reader: Reader) -> str:
    """The reader's time and where that is: «16:48 Алматы»."""
    t, zone = ctx.words[reader.language], zone_of(reader.zone, ctx.settings.newsroom.timezone)
    return f"{t.time(ctx.now, zone)} {t.city(zone)}"


def _cities(
    ctx: Context, reader: Reader, t: Lang, offered: Iterable[tuple[str, str]]
) -> Iterable[InlineKeyboardButton]:
    for code, name in offered:
        zone = zone_of(name, ctx.settings.newsroom.timezone)
        here = name == reader.zone or (not name and reader.zone == ctx.settings.newsroom.timezone)
        yield choice(f"{t.time(ctx.now, zone)} {t.city(zone)}", "zone", code, on=here)
