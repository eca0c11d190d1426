"""When a feed is asked next. Pure.

A configured interval is kept exactly; without one the bot looks as often as the feed publishes, between one and
thirty minutes, each minute in the first hour. Retry-After and back-off always count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

SHORTEST, LONGEST = 60.0, 1800.0
LONGEST_BACKOFF = 6 * 3600.0
FIRST_HOUR = 3600.0
LOOKS_PER_GAP = 4
"""How often to look in the usual time between two articles: the delay is then an eighth of it on average."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of a feed's rhythm. Times are epoch seconds, 0 when unknown.

    `interval` is the configured one in seconds, None when it adapts; `gap` the smoothed seconds between articles.
    """

    interval: float | None = None
    first_at: float = 0.0
    last_new_at: float = 0.0
    gap: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """How a poll went. `new`: unknown articles; `hint`: seconds that the feed asks for (ttl, max-age, sy:*).

    `error` is a kind of FeedError, "" when all was well (a 304 too).
    """

    new: int = 0
    hint: float = 0.0
    error: str = ""
    retry_after: float = 0.0


def learn(pace: Pace, outcome: Checked, now: float) -> Pace:
    """The pace after a poll: failures in a row counted, the rhythm smoothed by what was new."""
    if outcome.error:
        return replace(pace, first_at=pace.first_at or now, failures=pace.failures + 1)
    pace = replace(pace, first_at=pace.first_at or now, failures=0)
    if not outcome.new:
        return pace
    gap = pace.gap
    if pace.last_new_at:
        sample = max(1.0, now - pace.last_new_at) / outcome.new
        gap = 0.7 * gap + 0.3 * sample if gap else sample
    return replace(pace, gap=gap, last_new_at=now)


def next_check(pace: Pace, outcome: Checked, now: float, rng: Random) -> float | None:
    """The epoch second of the next poll, given the pace that `learn` returned; None: never again (410)."""
    if outcome.error == "gone":
        return None
    delay = pace.interval if pace.interval is not None else _adaptive(pace, outcome, now, rng)
    if pace.failures:
        delay = min(LONGEST_BACKOFF, delay * 2.0 ** min(pace.failures, 20) * rng.uniform(0.8, 1.2))
    if outcome.retry_after > 0:
        # never before the server's time, and not all clients in the same second
        delay = max(delay, min(outcome.retry_after, LONGEST_BACKOFF) * rng.uniform(1.0, 1.1))
    return now + delay


def _adaptive(pace: Pace, outcome: Checked, now: float, rng: Random) -> float:
    if now - pace.first_at < FIRST_HOUR:
        return SHORTEST
    quiet = now - (pace.last_new_at or pace.first_at)
    delay = max(pace.gap, quiet / LOOKS_PER_GAP) / LOOKS_PER_GAP
    # feeds that were begun together drift apart
    delay = min(LONGEST, delay) * rng.uniform(0.9, 1.0)
    return min(LONGEST, max(SHORTEST, delay, outcome.hint))
