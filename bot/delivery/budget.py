"""What sending takes, in time, in Stars and of the day: one source for cards, `/status` and metrics. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MESSAGES_PER_STAR = 10
"""Paid broadcast costs 0.1 Star a message. Telegram asks for each message that is sent with it; what it leaves
uncharged below its free rate is not told to bots, so sums are what it costs at most."""
MOST_PAID = 1000
"""The most that Telegram takes of paid broadcasts, messages a second."""
TIGHT = 0.9
"""The share of the budget above which posts come late on any day that is busier than most."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a send would take: `seconds`, and the `stars` that it costs at most."""

    seconds: float
    stars: int


@dataclass(frozen=True, slots=True)
class Load:
    """Messages on an ordinary day (`planned`) and how many the rate allows while readers are awake (`budget`)."""

    planned: int
    budget: int

    @property
    def share(self) -> float:
        """1.0 when the day is full."""
        return self.planned / self.budget

    @property
    def tight(self) -> bool:
        """Whether it is time to send less, or otherwise."""
        return self.share > TIGHT


def load_of(days: Sequence[int], *, rate: float, quiet_hours: str) -> Load:
    """The load of the last `days`, messages of each, newest first.

    Planned is the median of the days: one great day is no reason to change a newsroom, and a week of them is. Days
    are the 24 hours before now, the 24 hours before those, and so on back to the first send, a week at most; so the
    first day counts what there was until now.
    """
    return Load(planned=int(median(days)) if days else 0, budget=max(1, int(rate * waking_seconds(quiet_hours))))


def waking_seconds(quiet_hours: str) -> int:
    """How long a day is without its quiet hours («23:00-07:30» or «off»)."""
    if quiet_hours == "off":
        return DAY
    begin, end = (60 * int(time[:2]) + int(time[3:]) for time in quiet_hours.split("-"))
    return DAY - (end - begin) % (24 * 60) * 60


def stars(messages: int) -> int:
    """What so many paid messages cost, in whole Stars."""
    return math.ceil(messages / MESSAGES_PER_STAR)


def free(readers: int, rate: float) -> Estimate:
    """A send at the rate that costs nothing."""
    return Estimate(readers / rate, 0)


def paid(readers: int, rate: float, *, paid_rate: float, cap: int | None = None) -> Estimate:
    """A send by paid broadcast, the rest at the free `rate` once `cap` Stars are spent (None: no end)."""
    messages = readers if cap is None else min(readers, cap * MESSAGES_PER_STAR)
    return Estimate(messages / paid_rate + (readers - messages) / rate, stars(messages))
