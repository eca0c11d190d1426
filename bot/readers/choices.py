"""A reader's choices: what a button may ask for, and what is in force, in words. Pure.

Every promise that a screen makes is said here, from the choices themselves: what changes them changes the promise.
"""

from __future__ import annotations

from bot.delivery.hours import DAY_MINUTES, MORNING, has_lists, list_times, moment, next_list, zone_of
from bot.domain.language import name_of
from bot.domain.reader import ALL, DIGESTS, EVERY_DAY, Choices, Night, Quiet, Reader
from bot.domain.regions import REGIONS
from bot.i18n import Lang

VOLUMES = (ALL, 8, 15, DIGESTS)
DIGEST_TIMES = tuple(hour * 60 for hour in (7, 8, 9, 10, 12, 13, 15, 17, 18, 19, 20, 21))
QUIET_FROM = tuple(hour * 60 for hour in (20, 21, 22, 23, 0))
QUIET_TO = (6 * 60, 7 * 60, 7 * 60 + 30, 8 * 60, 9 * 60)
WORKING_DAYS = 0b0011111
ZONES = (
    *("Asia/Almaty", "Asia/Tashkent", "Asia/Bishkek", "Asia/Dushanbe", "Asia/Baku", "Asia/Tbilisi", "Asia/Yerevan"),
    *("Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Novosibirsk", "Asia/Irkutsk"),
    *("Asia/Vladivostok", "Asia/Ulaanbaatar", "Asia/Shanghai", "Asia/Seoul", "Asia/Tokyo", "Asia/Bangkok"),
    *("Asia/Dubai", "Europe/Istanbul", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles"),
)
"""Where this newsroom's readers are likely to live; the newsroom's own zone comes before them."""
TYPED = "typed"
"""In a button: the zone that was typed, as long as it is the reader's."""


def zone_code(zone: str) -> str:
    """A zone as a button carries it: `asia_almaty`."""
    return zone.lower().replace("/", "_")


def wanted(what: str, to: str, reader: Reader, *, home: Choices, languages: tuple[str, ...]) -> dict[str, object]:
    """The choices, by their names, that a button asks for with `what` and the wanted state `to`; {} when no such
    thing can be chosen. `home` are the newsroom's own choices, `languages` those of its interface."""
    number = int(to) if to.isascii() and to.isdecimal() and len(to) < 5 else None
    item, _, on = to.rpartition("_")
    match what:
        case "volume":
            volume = {"all": ALL, "digest": DIGESTS}.get(to, number)
            return {"volume": volume} if volume in (*VOLUMES, home.volume) else {}
        case "quiet":
            return {"quiet": Quiet(to)} if to in set(Quiet) else {}
        case "from" | "to" if number is not None and number < DAY_MINUTES:
            other = reader.quiet_to if what == "from" else reader.quiet_from
            return {f"quiet_{what}": number} if number != other else {}
        case "main" | "ring" | "rates" if to in ("0", "1"):
            name = {"main": "main_only", "ring": "night_breaking", "rates": "rates"}[what]
            return {name: to == "1"}
        case "at" if on in ("0", "1") and item.isascii() and item.isdecimal() and int(item) < DAY_MINUTES:
            return _times(reader, int(item), on == "1")
        case "day" if on in ("0", "1") and item in tuple("0123456"):
            days = reader.digest_days or EVERY_DAY
            days = days | 1 << int(item) if on == "1" else days & ~(1 << int(item))
            return {"digest_days": days} if days else {}
        case "news":
            return _news(reader, to, languages)
        case "region" if to == "all":
            return {"regions": 0}
        case "region" if on in ("0", "1") and item in {str(bit) for bit in range(len(REGIONS))}:
            bit = 1 << int(item)
            return {"regions": reader.regions | bit if on == "1" else reader.regions & ~bit}
        case "zone":
            named = {"home": "", TYPED: reader.zone}
            found = named[to] if to in named else next((zone for zone in ZONES if zone_code(zone) == to), None)
            return {} if found is None else {"zone": found}
    return {}


def _times(reader: Reader, minute: int, on: bool) -> dict[str, object]:
    times = {*reader.digest_at, minute} if on else {*reader.digest_at} - {minute}
    return {"digest_at": tuple(sorted(times))} if times else {}


def _news(reader: Reader, to: str, languages: tuple[str, ...]) -> dict[str, object]:
    if to == "auto":
        return {"news_languages": ()}
    code, _, on = to.rpartition("_")
    if code not in languages or on not in ("0", "1"):
        return {}
    named = {*news_of(reader), code} if on == "1" else {*news_of(reader)} - {code}
    return {"news_languages": tuple(one for one in languages if one in named)} if named else {}


def news_of(reader: Reader) -> tuple[str, ...]:
    """The languages in which the reader gets news, as far as the newsroom has them."""
    return reader.news_languages or (reader.language,)


def clock(minute: int) -> str:
    """A minute of the day as «08:00»."""
    return f"{minute // 60:02}:{minute % 60:02}"


def clocks(minutes: tuple[int, ...] | list[int], t: Lang) -> str:
    """Several times of the day: «08:00 и 19:00»."""
    return t.list(map(clock, minutes))


def volume(choices: Choices, t: Lang) -> str:
    """How much comes: «до 8 в день»."""
    if choices.volume == ALL:
        return t("each story at once")
    if choices.volume == DIGESTS:
        return t("digests only")
    return t.n("up to {n} a day", "up to {n} a day", choices.volume)


def quiet(choices: Choices, t: Lang) -> str:
    """What happens at night: «23:00–07:30, без звука»."""
    hours = f"{clock(choices.quiet_from)}–{clock(choices.quiet_to)}"
    match choices.quiet:
        case Quiet.OFF:
            return t("off")
        case Quiet.SILENT:
            return t("{hours}, without a sound", hours=hours)
        case Quiet.HOLD:
            return t("{hours}, kept for the morning", hours=hours)


def digest(choices: Choices, t: Lang) -> str:
    """When lists come, and on which days: «08:00 и 19:00, каждый день»."""
    if not has_lists(choices):
        return t("not needed, everything comes at once")
    if choices.volume == ALL:
        return t("in the morning at {time}", time=clock(morning(choices)))
    times = clocks(sorted(choices.digest_at) or [choices.quiet_to], t)
    return t("{times}, {days}", times=times, days=days(choices, t))


def morning(choices: Choices) -> int:
    """At which minute of the day the list comes that has what the night kept."""
    chosen = choices.digest_days or EVERY_DAY
    times = list_times(choices, (chosen & -chosen).bit_length() - 1)
    return next((minute for minute in times if 0 <= minute - choices.quiet_to < MORNING), choices.quiet_to)


def days(choices: Choices, t: Lang) -> str:
    """On which days digests come."""
    some = choices.digest_days or EVERY_DAY
    if some == EVERY_DAY:
        return t("every day")
    if some == WORKING_DAYS:
        return t("on working days")
    return t.list(t.weekday(day) for day in range(7) if some >> day & 1)


def breaking(choices: Choices, t: Lang) -> str:
    """Whether breaking news comes, and rings at night."""
    if not choices.breaking:
        return t("Breaking news: off")
    if choices.quiet is Quiet.OFF:
        return t("Breaking news: on")
    return (
        t("Breaking news: on, rings at night too")
        if choices.night_breaking
        else t("Breaking news: on, never rings at night")
    )


def regions(choices: Choices, t: Lang) -> str:
    """The regions chosen, by name; everywhere when none is."""
    names = [
        region.name.get(t.code) or region.name["en"] for n, region in enumerate(REGIONS) if choices.regions >> n & 1
    ]
    return t.list(names) if names else t("everywhere")


def news(reader: Reader, t: Lang) -> str:
    """In which languages news comes."""
    if not reader.news_languages:
        return t("as the menus")
    return t.list(map(name_of, reader.news_languages))


def first_news(reader: Reader, now: int, home: str, t: Lang) -> str:
    """When the first news comes to whoever subscribes at that moment, "" when that is any time now."""
    zone = zone_of(reader.zone, home)
    due = next_list(reader, now, home)
    if reader.volume == DIGESTS and due:
        return t("• the first digest comes on {moment}", moment=t.datetime(due, zone))
    if not moment(Night.of(reader), now, home).quiet:
        return ""
    if reader.quiet is Quiet.HOLD and due:
        return t("• it is night now: the first news comes at {time}", time=t.time(due, zone))
    return t("• it is night now: news comes without a sound until {time}", time=clock(reader.quiet_to))


def promises(reader: Reader, t: Lang) -> list[str]:
    """How much comes, and what happens at night, as lines of a welcome."""
    lines = [t("• {volume}", volume=volume(reader, t))]
    if reader.volume != ALL:
        lines = [t("• {volume}; lists: {times}", volume=volume(reader, t), times=digest(reader, t))]
    if reader.quiet is not Quiet.OFF:
        lines.append(t("• at night: {quiet}", quiet=quiet(reader, t)))
    return lines
