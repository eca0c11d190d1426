"""Reading the dates that feeds write: RFC 822, ISO and what people type, in Russian, Kazakh and English. Pure.

A date without a zone is in the feed's own zone (as a place, so that Almaty is +6 until 2024-03-01 and +5 since);
feedparser would read it as UTC or not at all.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

DAY = 86_400
OLDEST = 30 * DAY
AHEAD = 600

_MONTHS = {
    prefix: number
    for names in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "янв фев мар апр май июн июл авг сен окт ноя дек",
        "янв фев мар апр мая июн июл авг сен окт ноя дек",
        "қаң ақп нау сәу мам мау шіл там қыр қаз қар жел",
    )
    for number, prefix in enumerate(names.split(), 1)
}
_HOURS = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "MSD": 4, "SAMT": 4, "YEKT": 5, "QYZT": 5, "AQTT": 5, "ORAT": 5, "UZT": 5, "TMT": 5, "OMST": 6, "KGT": 6,
    "NOVT": 7, "KRAT": 7, "IRKT": 8, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7,
    "PDT": -7, "PST": -8,
}  # fmt: skip
_PLACES = {"ALMT": "Asia/Almaty", "ALMST": "Asia/Almaty", "ASTT": "Asia/Almaty", "МСК": "Europe/Moscow"}
_EPOCH = re.compile(r"(\d{9,10})(?:\.\d+)?|(\d{12,13})", re.A)
_NAMES = "|".join(sorted((*_HOURS, *_PLACES), key=len, reverse=True))
_TIME = re.compile(
    r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?(?![\d:])\s*(?:([ap])\.?m\b\.?)?"
    r"\s*(?:\(?((?:GMT|UTC|UT|Z)?\s?[+\-\u2212]\d{1,2}(?::?\d{2})?|(?:" + _NAMES + r")(?![A-Za-z]))\)?)?",
    re.A | re.I,
)
_OFFSET = re.compile(r"([+\-\u2212])(\d{1,2}):?(\d{2})?$", re.A)
_YEAR_FIRST = re.compile(
    r"(?<!\d)(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?!\d)|(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?!\d)", re.A
)
_USUAL = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)"
    r" (?:([+-])(\d\d)([0-5]\d)|GMT|UTC|Z)",
    re.A,
)
"""RFC 822 as most feeds write it."""
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})[-./](\d{1,2})[-./](\d{4}|\d{2})(?!\d)", re.A)
_WORDS = re.compile(r"[^\W\d_]{3,}")
_NUMBERS = re.compile(r"(?<!\d)\d{1,4}(?!\d)", re.A)


def read_date(text: str, zone: ZoneInfo, now: float) -> int | None:
    """Epoch seconds of a date as a feed writes it; None when it cannot be read.

    `zone` is where the feed lives, for dates without a zone. Of an hour that happened twice the later one counts
    when it lies within the day before `now` (a fresh feed shows fresh news), else the first.
    """
    if usual := _USUAL.fullmatch(text):
        return _usual(usual)
    text = " ".join(text.split())[:100]
    if epoch := _EPOCH.fullmatch(text):
        return int(epoch[1]) if epoch[1] else int(epoch[2]) // 1000
    # "2022-11-24T16:48" glues date and time together
    text = re.sub(r"(?<=\d)T(?=\d)", " ", text)
    found = _TIME.search(text)
    day = _day(text[: found.start()] + " " + text[found.end() :] if found else text)
    if not day:
        return None
    try:
        if not found:
            return _epoch(datetime(*day, tzinfo=zone), now)
        hour, minute, second = int(found[1]), int(found[2]), min(int(found[3] or 0), 59)
        if found[4]:
            hour = hour % 12 + (12 if found[4].lower() == "p" else 0)
        return _epoch(datetime(*day, hour, minute, second, tzinfo=_zone(found[5] or "", zone)), now)
    except (ValueError, OverflowError):
        return None


def believable(ts: int | None, now: float) -> int | None:
    """That date when it lies between 30 days ago and ten minutes ahead of `now`, else None: take the first sight."""
    return ts if ts is not None and now - OLDEST <= ts <= now + AHEAD else None


def _usual(found: re.Match[str]) -> int | None:
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    try:
        moment = datetime(
            int(year),
            _MONTHS.get(month.casefold(), 0),
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    shift = (int(hours) * 60 + int(minutes)) * 60 if hours else 0
    return int(moment.timestamp()) - (shift if sign == "+" else -shift) if shift < DAY else None


def _epoch(moment: datetime, now: float) -> int:
    if isinstance(moment.tzinfo, timezone):
        return int(moment.timestamp())
    first, later = (int(moment.replace(fold=fold).timestamp()) for fold in (0, 1))
    return later if now - DAY <= later <= now + AHEAD else first


def _day(text: str) -> tuple[int, int, int] | None:
    """(year, month, day) of the date in a text whose time has been cut out."""
    if found := _YEAR_FIRST.search(text):
        year, month, day = (int(part) for part in found.groups() if part)
        return year, month, day
    if found := _DAY_FIRST.search(text):
        return _full_year(found[3]), int(found[2]), int(found[1])
    return _named_day(text)


def _named_day(text: str) -> tuple[int, int, int] | None:
    words = [word.casefold() for word in _WORDS.findall(text)]
    # «сенбі» is Saturday in Kazakh and begins like September
    months = [_MONTHS[word[:3]] for word in words if word[:3] in _MONTHS and not word.startswith("сенб")]
    numbers = _NUMBERS.findall(text)
    if not months or len(numbers) < 2:
        return None
    first, second = numbers[:2]
    if len(first) == 4:
        return int(first), months[0], int(second)
    return _full_year(second), months[0], int(first)


def _full_year(digits: str) -> int:
    """RFC 822 allows two digits; «0001» is what some programs write for no date at all."""
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year < 70 else 1900)


def _zone(name: str, home: ZoneInfo) -> tzinfo:
    """The zone that a feed names; `home` when it names none or one that nobody knows."""
    name = name.upper().strip()
    if offset := _OFFSET.search(name):
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(shift if offset[1] == "+" else -shift)
    if name in _PLACES:
        return ZoneInfo(_PLACES[name])
    if name in _HOURS:
        return timezone(timedelta(hours=_HOURS[name])) if _HOURS[name] else UTC
    return home
