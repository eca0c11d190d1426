"""When something is to go out: times to choose from, and times as editors type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_TYPED = re.compile(r"(?:(\d{1,2})\.(\d{1,2})(?:\.(\d{4}))?[ ,]+)?(\d{1,2})[:.](\d{2})")
FARTHEST = 366 * 86_400
"""Seconds; nobody plans further."""
_AT = ((18, 0), (8, 0))
"""Times of day that are offered: the next of each."""
_SOON = (15 * 60, 3600)
_NEAR = 2 * 3600
"""A time of day that is nearer than that is not offered beside the short spans."""


def choices(now: int, zone: ZoneInfo) -> list[int]:
    """Moments to choose from (epoch seconds), the nearest first."""
    times = [found for hour, minute in _AT if (found := read(f"{hour}:{minute:02}", now, zone))]
    return [now + seconds for seconds in _SOON] + sorted(at for at in times if at > now + _NEAR)


def read(text: str, now: int, zone: ZoneInfo) -> int | None:
    """The moment (epoch seconds) that «18:30», «25.11 18:30» or «25.11.2026 18:30» means in that zone; None when it
    means none, or one that is over or more than a year away. A time of day alone is its next occurrence.
    """
    found = _TYPED.fullmatch(text.strip())
    if not found:
        return None
    day, month, year, hour, minute = (int(part) if part else None for part in found.groups())
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    try:
        at = here.replace(
            year=year or here.year,
            month=month or here.month,
            day=day or here.day,
            hour=hour or 0,
            minute=minute or 0,
            second=0,
            microsecond=0,
            fold=0,
        )
        if day is None and at <= here:
            at += timedelta(days=1)
        elif day is not None and year is None and at <= here:
            at = at.replace(year=here.year + 1)
    except ValueError:
        return None
    moment = int(at.timestamp())
    return moment if now < moment <= now + FARTHEST else None
