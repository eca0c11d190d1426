"""The words of the product: catalogues, dates, numbers and lists in the reader's language.

The message id is the English text with brace placeholders; catalogues are .po files, read at start without a
build step. Convention of the whole project, which tests/test_catalogues.py relies on: the callable is named `t`:
`t("Text {name}", name=…)`, `t.n("{n} story", "{n} stories", n)`, `t.p("button", "Save")`. A message that is
translated elsewhere is written `mark("Text")` or `UserError("Text")`.

Kazakh suffixes follow the sound of the word before them, so inserted values stay bare: «Бөлім: {section}».
A new language is a .po file and a line in `bot/domain/language.py`.
"""

from __future__ import annotations

import gettext
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_datetime, get_day_names, get_timezone_location
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from bot.domain.language import LANGUAGES, Language

LOCALES = Path(__file__).parent / "locales"
MINUS = "\N{MINUS SIGN}"
ZONE_TWINS = {real: alias for alias, real in get_global("zone_aliases").items()} | dict(get_global("zone_aliases"))
"""Zones by another name of the same one: which of the two CLDR translates is not always the one that Babel asks for."""
When = float | date
"""Epoch seconds, or a day that has no zone."""

_log = logging.getLogger(__name__)
_FIELD = re.compile(r"\{(\w+)\}")
_FIXED = re.compile(r"Etc/(UTC|GMT([+-]\d+))")
_ALIASES = {"kz": "kk"}
"""Codes that people and phones use by mistake for a language's real one."""


def mark(msgid: str) -> str:
    """Name a message here that is translated where it is shown."""
    return msgid


def negotiate(language_code: str | None, languages: Sequence[str]) -> str:
    """The language among `languages` for what Telegram says of a person; the first one when none fits.

    Any text is survived: `kz`, `en_US`, `zh-hant-raw`, an empty one.
    """
    code = (language_code or "").strip().lower().replace("_", "-")
    base = code.split("-", 1)[0]
    for candidate in (code, base, _ALIASES.get(base, "")):
        if candidate in languages:
            return candidate
    return languages[0]


class Lang:
    """One language: call it with an English message to get the translation, ask it for numbers and dates.

    `code` is the language, `default` the newsroom's first one. Values are inserted as they are; a placeholder
    without a value stays visible rather than raising.
    """

    def __init__(self, code: str, default: str, translations: gettext.NullTranslations) -> None:
        self.code = code
        self.default = default
        self._translations = translations
        self._formats = LANGUAGES.get(code) or Language(code.upper(), _known_locale(code))
        self._locale = Locale.parse(self._formats.locale)

    def __repr__(self) -> str:
        return f"Lang({self.code!r})"

    def __call__(self, msgid: str, **values: object) -> str:
        """The message in this language with its placeholders filled."""
        return _fill(self._translations.gettext(msgid), values)

    def p(self, context: str, msgid: str, **values: object) -> str:
        """A message whose English text has several meanings; `context` tells them apart."""
        return _fill(self._translations.pgettext(context, msgid), values)

    def n(self, singular: str, plural: str, n: int, **values: object) -> str:
        """The plural form for `n`; `{n}` is the number as this language writes it."""
        return _fill(self._translations.ngettext(singular, plural, n), {"n": self.number(n), **values})

    def date(self, when: When, zone: tzinfo) -> str:
        """«24 ноября 2022» of epoch seconds in that zone, or of a date."""
        return format_date(_local(when, zone), self._formats.date, locale=self._locale)

    def day(self, when: When, zone: tzinfo) -> str:
        """«24 ноября» of epoch seconds in that zone, or of a date."""
        return format_date(_local(when, zone), self._formats.day, locale=self._locale)

    def datetime(self, ts: float, zone: tzinfo) -> str:
        """«24 ноября 2022, 16:48» of epoch seconds in that zone."""
        return format_datetime(_moment(ts, zone), self._formats.date + ", HH:mm", locale=self._locale)

    def time(self, ts: float, zone: tzinfo) -> str:
        """«16:48» of epoch seconds in that zone."""
        return _moment(ts, zone).strftime("%H:%M")

    def weekday(self, day: int) -> str:
        """A day of the week, Monday is 0: «пн»."""
        return str(get_day_names("abbreviated", "stand-alone", self._locale)[day])

    def city(self, zone: tzinfo) -> str:
        """The city that a time zone is named after: «Алматы»; of a fixed offset «UTC+5»."""
        fixed = _FIXED.fullmatch(getattr(zone, "key", ""))
        if fixed:  # POSIX counts the other way round
            return "UTC" + (fixed[2] or "").translate({ord("+"): MINUS, ord("-"): "+"})
        key = getattr(zone, "key", "")
        named = (self._locale.time_zones.get(name, {}).get("city") for name in (key, ZONE_TWINS.get(key)))
        city = next(filter(None, named), None) or get_timezone_location(zone, locale=self._locale, return_city=True)
        return city.rpartition("/")[2]

    def number(self, n: float) -> str:
        """A count with the language's own grouping: «12 840»."""
        return format_decimal(n, locale=self._locale).replace("-", MINUS)

    def decimal(self, value: Decimal, places: int = 2) -> str:
        """A value with exactly that many decimals: «498,34»."""
        pattern = f"#,##0.{'0' * places}" if places else "#,##0"
        return format_decimal(value, pattern, locale=self._locale).replace("-", MINUS)

    def signed(self, value: Decimal, places: int = 2) -> str:
        """A change with its sign, «+1,04» or «−2,15»; what rounds to zero has none."""
        rounded = round(value, places)
        return ("+" if rounded > 0 else "") + self.decimal(rounded or Decimal(0), places)

    def percent(self, share: float) -> str:
        """A share of 1 with at most one decimal: «99,6 %»."""
        return format_percent(share, self._formats.percent, locale=self._locale).replace("-", MINUS)

    def duration(self, seconds: float) -> str:
        """The two largest units of a span: «3 мин 17 с»."""
        t = self
        minutes, s = divmod(max(0, round(seconds)), 60)
        hours, m = divmod(minutes, 60)
        days, h = divmod(hours, 24)
        if days:
            parts = [(days, t("{n} d", n=t.number(days))), (h, t("{n} h", n=h))]
        elif hours:
            parts = [(h, t("{n} h", n=h)), (m, t("{n} min", n=m))]
        else:
            parts = [(m, t("{n} min", n=m)), (s, t("{n} s", n=s))]
        return " ".join(text for amount, text in parts if amount) or parts[1][1]

    def list(self, items: Iterable[str]) -> str:
        """«A, B и C»."""
        return format_list(list(items), locale=self._locale)


class Words:
    """All languages of a newsroom; an unknown code answers with the default, which is the first."""

    def __init__(self, langs: dict[str, Lang]) -> None:
        self._langs = langs
        self.languages = tuple(langs)
        self.default = langs[self.languages[0]]

    @classmethod
    def load(cls, languages: Sequence[str], overlay: Path | None = None, *, root: Path | None = None) -> Words:
        """Read the catalogues. `overlay/<language>.po` rewords single messages.

        A missing or garbled file is warned about and leaves the English texts: words never stop the bot.
        """
        return cls({code: Lang(code, languages[0], _read(code, root or LOCALES, overlay)) for code in languages})

    def __getitem__(self, code: str) -> Lang:
        return self._langs.get(code, self.default)

    def __iter__(self) -> Iterator[Lang]:
        return iter(self._langs.values())

    def negotiate(self, language_code: str | None) -> Lang:
        """The language for what Telegram says of a person."""
        return self[negotiate(language_code, self.languages)]


def _read(code: str, root: Path, overlay: Path | None) -> gettext.NullTranslations:
    return _shipped(code) if root == LOCALES and overlay is None else _translations(code, root, overlay)


@cache
def _shipped(code: str) -> gettext.NullTranslations:
    """What comes with the program is read once."""
    return _translations(code, LOCALES, None)


def _translations(code: str, root: Path, overlay: Path | None) -> gettext.NullTranslations:
    catalog = _catalog(root / code / "LC_MESSAGES/messages.po", code)
    if catalog is None:
        return gettext.NullTranslations()
    if overlay is not None and (reworded := overlay / f"{code}.po").exists():
        _reword(catalog, reworded, _catalog(reworded, code) or Catalog())
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _catalog(path: Path, code: str) -> Catalog | None:
    try:
        with path.open("rb") as file:
            catalog = read_po(file, locale=code, abort_invalid=True)  # without a locale its plural rule is lost
        gettext.c2py(catalog.plural_expr)  # GNUTranslations will ask the same
        if not len(catalog):
            raise ValueError("no messages in it")
        return catalog
    except Exception as problem:  # noqa: BLE001  # whatever a damaged file does to the parser, the bot starts
        _log.warning("%s cannot be read, its texts are left out: %s", path, problem)
        return None


def _reword(catalog: Catalog, path: Path, overlay: Catalog) -> None:
    """Take over the overlay's texts for messages that exist and have the same placeholders."""
    for message in overlay:
        known = catalog.get(message.id, message.context) if message.id and message.string else None
        if known is None:
            continue
        if fields(*_texts(message.string)) - fields(*_texts(message.id)):
            _log.warning("%s: %r has unknown placeholders and is left out", path, message.id)
        else:
            known.string = message.string


def fields(*texts: str) -> set[str]:
    """The names of the placeholders in the texts."""
    return {name for text in texts for name in _FIELD.findall(text)}


def _texts(string: str | Sequence[str] | None) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string or ())


def _fill(text: str, values: dict[str, object]) -> str:
    return _FIELD.sub(lambda found: str(values.get(found[1], found[0])), text) if values else text


def _known_locale(code: str) -> str:
    """Babel's locale for a language without a line of its own; British English where Babel knows none."""
    try:
        return str(Locale.parse(code))
    except (ValueError, UnknownLocaleError):
        return LANGUAGES["en"].locale


def _moment(ts: float, zone: tzinfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ts)).astimezone(zone)


def _local(when: When, zone: tzinfo) -> date:
    return when if isinstance(when, date) else _moment(when, zone)
