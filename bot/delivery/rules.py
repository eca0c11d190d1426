"""What a reader's choices make of a post just before the send: it comes now, or waits for the list. Pure."""

from __future__ import annotations

from enum import Enum, auto

from bot.delivery.hours import Moment
from bot.domain.reader import ALL, DIGESTS, Quiet
from bot.domain.recipient import Recipient


class Verdict(Enum):
    """now: the post is sent; digests, night, volume: it waits for the next list, because of that; listed: a list has
    been made since its send began, which has it or may not have it."""

    NOW = auto()
    DIGESTS = auto()
    NIGHT = auto()
    VOLUME = auto()
    LISTED = auto()


def verdict(reader: Recipient, moment: Moment, *, serial: int, listed: int, sent: int) -> Verdict:
    """Whether a post, whose send has that `serial` number, comes now. `listed` is the last number that the reader's
    lists know of, `sent` how many posts came today."""
    if serial <= listed:
        return Verdict.LISTED
    ways = reader.ways
    if ways.volume == DIGESTS:
        return Verdict.DIGESTS
    if moment.quiet and ways.quiet == Quiet.HOLD:
        return Verdict.NIGHT
    if ways.volume != ALL and sent >= moment.allowed:
        return Verdict.VOLUME
    return Verdict.NOW


def is_silent(reader: Recipient, moment: Moment, *, breaking: bool) -> bool:
    """Whether a message makes no sound."""
    return moment.quiet and not (breaking and reader.ways.night_breaking)


def sent_today(reader: Recipient, moment: Moment) -> int:
    """How many posts came today. Of a volume that was chosen a moment ago all of the allowance: it is spread over the
    rest of the day."""
    if reader.pace is None:
        return moment.allowed
    return reader.pace & 0xFFFF if reader.pace >> 16 == moment.day else 0
