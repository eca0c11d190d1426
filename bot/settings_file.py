"""Reading a configuration strictly: one TOML table against one dataclass, one `.env` file, one check per value.

A check takes what stands in the file and gives the value to use, or raises `Wrong` with the problem and the
remedy; `read` adds the place. Nothing here knows the settings themselves, those are in `bot/settings.py`.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, fields, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from bot.domain.errors import ConfigError

T = TypeVar("T")
Check = Callable[[object], T]


class Wrong(Exception):
    """A value cannot be used: what is the matter and what to write instead."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(problem)


class Secret(str):
    """A text that must not be printed: `repr` hides it, so that no log line or test failure shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret()" if not self else "Secret(…)"


def key(default: T, check: Check[T], *, name: str = "", required: bool = False) -> T:
    """A dataclass field that stands in the file as `name` (the field's own by default)."""
    about = {"check": check, "name": name, "required": required}
    if isinstance(default, dict):
        return field(default_factory=lambda: default, metadata=about)
    return field(default=default, metadata=about)


def keys(cls: type) -> dict[str, Any]:
    """The keys of a dataclass as they stand in the file, with their fields."""
    return {f.metadata["name"] or f.name: f for f in fields(cls) if f.metadata}


def read(table: object, base: T, place: str) -> T:
    """`base` with what the table says. Raises `ConfigError` at the first mistake."""
    known = keys(type(base))
    if not isinstance(table, Mapping):
        raise ConfigError(place, "is not a table.", "Write its keys below a line with this name.")
    for name in table:
        if name not in known:
            raise ConfigError(f"{place} {name}", "unknown key.", nearest(name, known))
    values: dict[str, Any] = {}
    for name, one in known.items():
        if name not in table:
            if one.metadata["required"]:
                raise ConfigError(f"{place} {name}", "is missing.", "Add it.")
            continue
        values[one.name] = checked(one.metadata["check"], table[name], f"{place} {name}")
    return replace(base, **values)  # type: ignore[type-var]  # every `base` is a dataclass, see `keys`


def checked(check: Check[T], value: object, place: str) -> T:
    """The value as the check gives it; `ConfigError` with that place where it refuses."""
    try:
        return check(value)
    except Wrong as wrong:
        raise ConfigError(place, wrong.problem, wrong.remedy) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the name that was probably meant, else with all of them."""
    known = sorted(known)
    close = get_close_matches(name, known, 1)
    return f"Did you mean '{close[0]}'?" if close else "Known here: " + ", ".join(known) + "."


# --- files ---------------------------------------------------------------------------------------------------


def file_text(path: Path, shown: str) -> str:
    """The file's text, a UTF-8 mark at its head dropped (editors on Windows write one)."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigError(shown, f"cannot be read ({error.strerror}).", "Check path and rights.") from None
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(shown, "is UTF-16.", "Save it as UTF-8.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}, line {line}", "is not UTF-8.", "Save the file as UTF-8.") from None


def toml(path: Path, shown: str) -> dict[str, Any]:
    """The tables of a TOML file; `ConfigError` names the line of a mistake."""
    try:
        return tomllib.loads(file_text(path, shown).replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        place = f"{shown}, {where.rstrip(')')}" if where else shown
        raise ConfigError(place, f"not TOML: {what}.", "Texts need quotes, tables a [name].") from None


_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_VALUE = re.compile(r"""'([^']*)'\s*(?:#.*)?|"([^"]*)"\s*(?:#.*)?|([^'"].*)?""")


def dotenv(path: Path, shown: str) -> dict[str, str]:
    """The variables of a `.env` file: `NAME=value` lines, quotes and `#` comments allowed, nothing expanded."""
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(file_text(path, shown).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        pair = _ASSIGNMENT.fullmatch(line)
        value = _VALUE.fullmatch(pair[2]) if pair else None
        if not pair or not value:
            raise ConfigError(f"{shown}, line {number}", "is not NAME=value.", "Mend or remove the line.")
        plain = re.sub(r"(^|\s+)#.*", "", value[3] or "").strip()
        found[pair[1]] = value[1] or value[2] or plain
    return found


# --- checks --------------------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """A value as it may stand in an error line: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def text(most: int = 500) -> Check[str]:
    """A text of at most `most` characters."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"{shown(value)} is not a text.", "Put it in quotes.")
        if len(value) > most:
            raise Wrong(f"is longer than {most} characters.", "Shorten it.")
        return value.strip()

    return check


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Wrong(f"{shown(value)} is neither true nor false.", "Write true or false, without quotes.")
    return value


def whole(least: int, most: int) -> Check[int]:
    """A whole number between the two, both included."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"{shown(value)} will not do.", f"Write a whole number from {least} to {most}.")
        return value

    return check


def one_of(*choices: str) -> Check[str]:
    """One of these words."""

    def check(value: object) -> str:
        if value not in choices:
            raise Wrong(f"{shown(value)} is not known.", "Write one of: " + ", ".join(choices) + ".")
        return str(value)

    return check


def matching(pattern: str, remedy: str) -> Check[str]:
    """A text of that form; `remedy` describes the form."""
    form = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise Wrong(f"{shown(value)} will not do.", remedy)
        return value

    return check


def either(first: Check[str], second: Check[int]) -> Check[Any]:
    """A number that passes `second`, else what passes `first`: an int or a str."""

    def check(value: object) -> Any:
        return second(value) if isinstance(value, int) else first(value)

    return check


def list_of(item: Check[T], *, least: int = 0) -> Check[tuple[T, ...]]:
    """A list without repetitions, of at least `least` items."""

    def check(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Wrong(f"{shown(value)} is not a list.", "Write it in [square brackets].")
        items = tuple(item(one) for one in value)
        if len(items) < least:
            raise Wrong("is empty.", f"Give at least {least}.")
        twice = next((one for n, one in enumerate(items) if one in items[:n]), None)
        if twice is not None:
            raise Wrong(f"{shown(twice)} stands there twice.", "Remove one.")
        return items

    return check


def address(*schemes: str, empty: bool = False) -> Check[str]:
    """An absolute address with one of the schemes; "" only where `empty`."""

    def check(value: object) -> str:
        written = text(2000)(value)
        if empty and not written:
            return ""
        try:
            parts = urlsplit(written)
            fine = parts.scheme in schemes and parts.hostname and parts.port != 0
        except ValueError:
            fine = False
        if not fine or any(c.isspace() for c in written):
            raise Wrong(f"{shown(_without_password(written))} is not an address.", f"It begins with {schemes[-1]}://.")
        return written

    return check


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", url)


_FIXED = re.compile(
    r"(Etc/.*|(UTC|GMT|UCT)?\s*[+-−]?\d[\d:]*|GMT[+-]\d+|UTC|GMT|UCT|Zulu|Universal|Greenwich|EST|MST|HST)"
)


def zone(value: object) -> str:
    """The name of an IANA time zone, never a fixed offset: those are wrong after each change of the law."""
    name = text(64)(value)
    if _FIXED.fullmatch(name):
        raise Wrong(f"{shown(name)} is a fixed offset.", "Name the zone of a city, such as 'Asia/Almaty'.")
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise Wrong(f"{shown(name)} is no time zone.", _nearest_zone(name)) from None


def feed_zone(value: object) -> str:
    """Like `zone`, and "UTC", which a feed may well mean by dates without a zone; "" is the newsroom's."""
    return str(value) if value in ("", "UTC") else zone(value)


def _nearest_zone(name: str) -> str:
    close = get_close_matches(name, available_timezones(), 1)
    return f"Did you mean '{close[0]}'?" if close else "Write an IANA name such as 'Asia/Almaty'."


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: object) -> int:
    """A length of time such as "90s", "10m", "6h" or "2d"; gives seconds."""
    written = matching(r"[1-9]\d{0,5}[smhd]", "Write a number with s, m, h or d: '6h'.")(value)
    return int(written[:-1]) * _UNITS[written[-1]]


_TIME = r"([01]\d|2[0-3]):[0-5]\d"
time_of_day = matching(_TIME, "Write hours and minutes: '08:00'.")


def minutes(time: str) -> int:
    """Since midnight: "07:30" is 450."""
    return 60 * int(time[:2]) + int(time[3:])


def quiet_hours(value: object) -> str:
    """ "23:00-07:30" or "off"."""
    written = matching(rf"off|{_TIME}-{_TIME}", "Write '23:00-07:30', or 'off'.")(value)
    if written != "off" and written[:5] == written[6:]:
        raise Wrong(f"{shown(written)} begins when it ends.", "Write 'off' for no quiet hours.")
    return written


def encoding(value: object) -> str:
    """ "" or the name of an encoding that Python knows."""
    name = text(40)(value)
    try:
        return name and codecs.lookup(name) and name
    except (LookupError, ValueError):
        raise Wrong(f"{shown(name)} is no encoding.", "Write a name such as 'windows-1251'.") from None


def local_time(value: object) -> datetime:
    """A date with a time, without an offset: newsroom time."""
    if not isinstance(value, datetime) or value.tzinfo:
        raise Wrong(f"{shown(value)} is not a date with a time.", "Write newsroom time, unquoted: 2026-11-21T00:00:00.")
    return value


def by_language(value: object) -> dict[str, str]:
    """A table language → name, such as `{ ru = "Спорт", en = "Sport" }`."""
    if not isinstance(value, dict) or not value:
        raise Wrong(f"{shown(value)} is not a name per language.", 'Write { ru = "Спорт", en = "Sport" }.')
    for language, name in value.items():
        if not re.fullmatch(r"[a-z]{2,3}", language) or not text(64)(name):
            raise Wrong(f"{language} = {shown(name)} will not do.", "Write a name for a two-letter language.")
    return {language: name.strip() for language, name in value.items()}
