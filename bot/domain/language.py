"""The languages of the interface. A new one is a line here and a catalogue beside the others in `bot/locales`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """Its name in its own words, a Babel locale, and patterns written out: CLDR's own abbreviate or add «г.»."""

    name: str
    locale: str
    date: str = "d MMMM y"
    day: str = "d MMMM"
    percent: str = "#,##0.#%"


LANGUAGES = {
    "ru": Language("Русский", "ru_KZ", percent="#,##0.#\N{NO-BREAK SPACE}%"),
    "kk": Language("Қазақша", "kk", date="y 'ж'. d MMMM", percent="#,##0.#\N{NO-BREAK SPACE}%"),
    "en": Language("English", "en_GB"),
}


def name_of(code: str) -> str:
    """A language in its own words; the code itself where it is none of ours (a feed's)."""
    return LANGUAGES[code].name if code in LANGUAGES else code.upper()
