"""A reader: any chat that subscribed, and what it chose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class ReaderState(StrEnum):
    """new: has not said yes yet; active: gets news; paused: gets nothing until a day of its own choice;
    dormant: unreachable, choices kept; left: unsubscribed."""

    NEW = "new"
    ACTIVE = "active"
    PAUSED = "paused"
    DORMANT = "dormant"
    LEFT = "left"


class ReaderKind(StrEnum):
    """What kind of chat reads. A topic is a forum's thread, a channel the newsroom's own."""

    PERSON = "person"
    GROUP = "group"
    TOPIC = "topic"
    CHANNEL = "channel"


class Quiet(StrEnum):
    """What quiet hours mean: posts come without a sound, wait for the morning's list, or (off) there are none."""

    SILENT = "silent"
    HOLD = "hold"
    OFF = "off"


ALL, DIGESTS = -1, 0
"""The two volumes that are no number of posts a day: each post by itself, and nothing but digests."""
EVERY_DAY = 0b1111111
"""`digest_days` with all of the week; Monday is its lowest bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a reader may set apart from sections and language. Times of day are minutes since midnight in the reader's
    `zone`, "" for the newsroom's.

    `volume` is a number of posts a day, `ALL` or `DIGESTS`; what goes beyond it waits for the next list. Breaking news
    is not counted, and comes without a sound in quiet hours unless `night_breaking`. `news_languages` are those of the
    stories, empty for whatever the newsroom has for the interface's language. `main_only`: main stories and no others.
    `regions` is a bitmask (`domain.regions`), 0 for all. `rates`: lists end with exchange rates. `partner`: partner
    posts may come, one a day at most.
    """

    breaking: bool = True
    night_breaking: bool = False
    volume: int = ALL
    quiet: Quiet = Quiet.SILENT
    quiet_from: int = 23 * 60
    quiet_to: int = 7 * 60 + 30
    digest_at: tuple[int, ...] = (8 * 60, 19 * 60)
    digest_days: int = EVERY_DAY
    news_languages: tuple[str, ...] = ()
    main_only: bool = False
    regions: int = 0
    rates: bool = False
    zone: str = ""
    partner: bool = True


@dataclass(frozen=True, slots=True)
class Reader(Choices):
    """A person, group, forum topic (chat id, thread id) or channel with its choices. `sections` is a bitmask.

    `language` is the language of the interface. `consent_at` is when the reader said yes. `muted` are sections that say
    nothing for a while, though they stay chosen. `list_at` is when the next list is due, 0 while that is still to be
    reckoned, None when none comes. `ask`: came with a file, and was not asked yet what to send.
    """

    id: int
    chat_id: int
    language: str
    state: ReaderState
    sections: int
    joined_at: int
    thread_id: int = 0
    kind: ReaderKind = ReaderKind.PERSON
    consent_at: int | None = None
    source: str = ""
    muted: int = 0
    paused_until: int | None = None
    list_at: int | None = None
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A reader as a file carries it from bot to bot. `blocked`: was not reachable when last seen."""

    chat_id: int
    language: str
    sections: int
    since: int
    blocked: bool = False
    breaking: bool = True
    thread_id: int = 0

    @property
    def place(self) -> tuple[int, int]:
        """Chat and topic: who it is."""
        return self.chat_id, self.thread_id


class Night(NamedTuple):
    """What of a reader's choices tells whether a message comes now, and how; see `Choices`."""

    volume: int
    quiet: str
    quiet_from: int
    quiet_to: int
    night_breaking: int
    zone: str

    @classmethod
    def of(cls, choices: Choices) -> Night:
        """The same choices as senders read them."""
        quiet = choices.quiet.value, choices.quiet_from, choices.quiet_to
        return cls(choices.volume, *quiet, int(choices.night_breaking), choices.zone)
