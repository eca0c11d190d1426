"""A feed's week: how many articles each of its 168 hours brings, in the newsroom's zone. Pure.

A newsroom is silent at night and on Sundays; its usual gap is that of the hours in which it has been silent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

HOUR, WEEK = 3600, 7 * 86_400
_HOURS = 168
_MEMORY = 8 * WEEK
"""After so long a feed's habits count half."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Articles by hour of the week (Monday's first hour is 0), counted since the epoch second `since`."""

    since: int
    counts: tuple[float, ...] = (0,) * _HOURS

    @classmethod
    def load(cls, text: str, now: int) -> Rhythm:
        """From its stored form; one that begins now without any."""
        if not text:
            return cls(now)
        since, *counts = json.loads(text)
        return cls(since, tuple(counts))

    def dump(self) -> str:
        """As it is stored."""
        return json.dumps([self.since, *self.counts], separators=(",", ":"))

    def learn(self, new: int, now: int, zone: ZoneInfo) -> Rhythm:
        """With so many articles that came just now."""
        counts = list(self.counts)
        counts[_hour(now, zone)] += new
        if now - self.since < _MEMORY:
            return Rhythm(self.since, tuple(counts))
        return Rhythm(now - _MEMORY // 2, tuple(round(count / 2, 2) for count in counts))

    def known(self, now: int) -> bool:
        """Whether a whole week has been seen."""
        return now - self.since >= WEEK and sum(self.counts) > 0

    def expected(self, begin: int, end: int, zone: ZoneInfo) -> float:
        """How many articles would have come between two moments, as a rule."""
        weeks = max(1.0, (end - self.since) / WEEK)
        whole, rest = divmod(end - begin, WEEK)
        found, at = whole * sum(self.counts), end - rest
        while at < end:
            until = min(end, (at // HOUR + 1) * HOUR)
            found += self.counts[_hour(at, zone)] * (until - at) / HOUR
            at = until
        return found / weeks


def _hour(at: int, zone: ZoneInfo) -> int:
    """The hour of the week; zones with half hours are half an hour off."""
    moment = datetime.fromtimestamp(at - at % HOUR, zone)
    return moment.weekday() * 24 + moment.hour
