"""The reader's own day: when it is quiet, how much of it is gone, when the next list is due. Pure."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.reader import ALL, Choices, Night, Quiet

DAY_MINUTES = 24 * 60
MORNING = 6 * 60
"""Minutes after the end of quiet hours within which a digest is the morning's list."""


class Moment(NamedTuple):
    """A `minute` of a reader's `day` (since 1970): whether it is quiet, how many posts the volume allows until now."""

    day: int
    minute: int
    quiet: bool
    allowed: int


@lru_cache(maxsize=256)
def zone_of(name: str, home: str) -> ZoneInfo:
    """The reader's zone; the newsroom's where none is chosen or nobody knows it any more."""
    try:
        return ZoneInfo(name or home)
    except (KeyError, ValueError):
        return ZoneInfo(home)


def in_quiet(begin: int, end: int, minute: int) -> bool:
    """Whether a minute of the day is within quiet hours, which may go over midnight."""
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _waking(begin: int, end: int, minute: int) -> int:
    """How many minutes of the day before `minute` are not quiet."""
    spans = [(begin, end)] if begin < end else [(begin, DAY_MINUTES), (0, end)]
    return minute - sum(max(0, min(minute, last) - first) for first, last in spans)


def allowance(night: Night, minute: int) -> int:
    """Posts that the volume allows from the beginning of the day to this minute, spread over the waking day."""
    if night.volume <= 0:
        return 0
    if night.quiet == Quiet.OFF:
        return math.ceil(night.volume * minute / DAY_MINUTES)
    begin, end = night.quiet_from, night.quiet_to
    return math.ceil(night.volume * _waking(begin, end, minute) / _waking(begin, end, DAY_MINUTES))


class Hours:
    """Moments, kept for the minute: a million readers have a few hundred different nights."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._minute = -1
        self._known: dict[Night, Moment] = {}

    def at(self, night: Night, now: float) -> Moment:
        """The moment of whoever has these choices."""
        minute = int(now // 60)
        if minute != self._minute:
            self._known.clear()
            self._minute = minute
        found = self._known.get(night)
        if found is None:
            found = self._known[night] = moment(night, now, self.home)
        return found


def moment(night: Night, now: float, home: str) -> Moment:
    """What that time is to whoever has these choices."""
    here = datetime.fromtimestamp(now, zone_of(night.zone, home))
    minute = here.hour * 60 + here.minute
    quiet = night.quiet != Quiet.OFF and in_quiet(night.quiet_from, night.quiet_to, minute)
    return Moment(here.toordinal() - _EPOCH, minute, quiet, allowance(night, minute))


_EPOCH = date(1970, 1, 1).toordinal()


def silent(night: Night, now: float, home: str, *, breaking: bool) -> bool:
    """Whether a message that comes now makes no sound."""
    return moment(night, now, home).quiet and not (breaking and night.night_breaking)


def has_lists(choices: Choices) -> bool:
    """Whether anything may wait for a list."""
    return choices.volume != ALL or choices.quiet is Quiet.HOLD


def list_times(choices: Choices, weekday: int) -> list[int]:
    """The minutes of such a day (Monday: 0) at which a list comes.

    Whoever has the night kept gets no list in it, and one in the morning: with the first digest, or at the end of the
    night where none is near.
    """
    if not has_lists(choices):
        return []
    hold, end = choices.quiet is Quiet.HOLD, choices.quiet_to
    days = choices.digest_days or 127
    times = set(choices.digest_at or (end,)) if days >> weekday & 1 else set()
    if hold:
        times = {end if in_quiet(choices.quiet_from, end, minute) else minute for minute in times}
        if not any(end <= minute < end + MORNING for minute in times):
            times.add(end)
    return sorted(times)


def next_list(choices: Choices, after: float, home: str) -> int | None:
    """When the first list after that moment is due (epoch seconds); None when none comes.

    By the clocks of the reader's zone: an hour that they skip is the one after it, one that they show twice counts
    once.
    """
    zone = zone_of(choices.zone, home)
    today = datetime.fromtimestamp(after, zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        for minute in list_times(choices, day.weekday()):
            at = datetime.combine(day, time(minute // 60, minute % 60), zone).timestamp()
            if at > after:
                return int(at)
    return None


def is_morning(night: Night, at: float, home: str) -> bool:
    """Whether a list of that time is the one after a night that was kept."""
    here = datetime.fromtimestamp(at, zone_of(night.zone, home))
    return night.quiet == Quiet.HOLD and 0 <= here.hour * 60 + here.minute - night.quiet_to < MORNING
