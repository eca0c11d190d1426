"""Whom a sender sends to, as little of it as is read a thousand times a second. Pure.

Most readers have left their choices as they were, and wait for no lists: a column that says so costs a third of reading
twenty (docs/architecture.md, *What a delivery costs*). What somebody did choose comes as one text, the same for all who
chose the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bot.domain.reader import ALL, Quiet, ReaderKind

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

    @property
    def text(self) -> str:
        """As a `Recipient` has it."""
        return SEPARATOR.join(map(str, self)) if self != _USUAL else ""

    @property
    def night(self) -> tuple[object, ...]:
        """The values of a `Night`."""
        return self[1:7]


class Pace(NamedTuple):
    """What is known of a reader's lists and of what came today; see `domain.reader.Reader`. `listed` is the last number
    that a list has taken into account, `sent_n` how many posts came on `sent_day`, counted for those with a volume."""

    sent_day: int = 0
    sent_n: int = 0
    listed: int = 0
    list_at: int | None = None

    @property
    def text(self) -> str:
        """As a `Recipient` has it."""
        return SEPARATOR.join("" if value is None else str(value) for value in self) if self != _NO_PACE else ""


_USUAL = Ways()
_NUMBERS = frozenset(name for name, value in Ways._field_defaults.items() if isinstance(value, int))
_NO_PACE = Pace()


@lru_cache(maxsize=4096)
def _ways(text: str) -> Ways:
    if not text:
        return _USUAL
    values = zip(Ways._fields, text.split(SEPARATOR), strict=True)
    return Ways._make(int(value) if name in _NUMBERS else value for name, value in values)


class Recipient(NamedTuple):
    """What a sender needs to know of a reader, read just before the send. `sections` are those that are not muted;
    `chosen` are its `Ways`, "" for the usual ones, and `paced` its `Pace`, "" when there is none."""

    id: int
    chat_id: int
    thread_id: int
    language: str
    sections: int
    chosen: str = ""
    paced: str = ""

    @property
    def ways(self) -> Ways:
        """What the reader chose."""
        return _ways(self.chosen)

    @property
    def pace(self) -> Pace:
        """What is known of its lists and its day."""
        if not self.paced:
            return _NO_PACE
        day, n, listed, list_at = self.paced.split(SEPARATOR)
        return Pace(int(day), int(n), int(listed), int(list_at) if list_at else None)

    @property
    def limited(self) -> bool:
        """Whether what came before decides about what comes next: it has lists."""
        return bool(self.paced) and not self.paced.endswith(SEPARATOR)
