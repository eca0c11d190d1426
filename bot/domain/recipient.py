"""Whom a sender sends to, as little of it as is read a thousand times a second. Pure.

What readers chose is a dozen columns, and reading them cost more than all the rest of a reading. So it also stands in
one text, the same for all who chose the same and empty for those who left everything as it was: it is taken apart once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bot.domain.reader import ALL, Choices, Night, Quiet, ReaderKind

SEPARATOR = "|"
"""Stands between the values of a text; it is in no zone's name and in no language's code."""


class Ways(NamedTuple):
    """What a reader chose, as far as sending asks: see `domain.reader.Choices` and `Reader`. `news_languages` are
    «,ru,kk,», "" for those of the newsroom."""

    kind: str = ReaderKind.PERSON
    volume: int = ALL
    quiet: str = Quiet.SILENT
    quiet_from: int = 23 * 60
    quiet_to: int = 7 * 60 + 30
    night_breaking: int = 0
    zone: str = ""
    news_languages: str = ""
    main_only: int = 0
    regions: int = 0
    rates: int = 0
    ask: int = 0

    @classmethod
    def of(cls, kind: ReaderKind, choices: Choices) -> Ways:
        """Those of a reader who chose that."""
        languages = f",{','.join(choices.news_languages)}," if choices.news_languages else ""
        main, rates = int(choices.main_only), int(choices.rates)
        return cls(kind.value, *Night.of(choices), languages, main, choices.regions, rates)

    @property
    def text(self) -> str:
        """As a `Recipient` has it, and the database."""
        return SEPARATOR.join(map(str, self)) if self != _USUAL else ""


_USUAL = Ways()
NUMBERS = frozenset(name for name, value in Ways._field_defaults.items() if isinstance(value, int))
"""The fields of `Ways` that are no texts."""


@lru_cache(maxsize=4096)
def _ways(text: str) -> Ways:
    if not text:
        return _USUAL
    values = zip(Ways._fields, text.split(SEPARATOR), strict=True)
    return Ways._make(int(value) if name in NUMBERS else value for name, value in values)


@lru_cache(maxsize=4096)
def _night(text: str) -> Night:
    ways = _ways(text)
    return Night(ways.volume, ways.quiet, ways.quiet_from, ways.quiet_to, ways.night_breaking, ways.zone)


class Recipient(NamedTuple):
    """What a sender needs to know of a reader, read just before the send; see `domain.reader.Reader`. `sections` are
    those that are not muted, `chosen` its `Ways` as a text. `listed` is the last number that a list has taken into
    account, `pace` how many posts came on which day, of who has a volume: `day << 16 | n`, None before the first."""

    id: int
    chat_id: int
    thread_id: int
    language: str
    sections: int
    chosen: str = ""
    pace: int | None = None
    listed: int = 0
    list_at: int | None = None

    @property
    def ways(self) -> Ways:
        """What the reader chose."""
        return _ways(self.chosen)

    @property
    def night(self) -> Night:
        """What of it tells whether a message comes now, and how."""
        return _night(self.chosen)

    @property
    def limited(self) -> bool:
        """Whether what came before decides about what comes next."""
        return self.list_at is not None
