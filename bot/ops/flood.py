"""Nobody keeps others waiting: what one person may say at once, how fast a chat is answered. Pure but for its memory.

Up to a burst everything goes, then one a second. Above it a person is asked for patience once, and what else they say
is not even stored: ten thousand presses cost no more than being read.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

HEARD_BURST, ANSWERED_BURST = 60, 20
_INTERVAL = 1.0
_TELL_AGAIN = 600.0
_SWEEP = 4096
_LIMITED = ("message", "edited_message", "callback_query", "inline_query")


class Admission(Enum):
    """heard: as ever; told: too fast, and to be asked for patience; refused: has been asked."""

    HEARD = auto()
    TOLD = auto()
    REFUSED = auto()


class Bucket:
    """`burst` at once and then one each second, for each key by itself (the generic cell rate algorithm)."""

    def __init__(self, burst: int) -> None:
        self._span = burst * _INTERVAL
        self._taken: dict[int, float] = {}
        self._sweep_at = _SWEEP

    def take(self, key: int, now: float) -> float:
        """Take a place and return 0.0, or the seconds until there is one."""
        rested = now - self._span
        place = max(self._taken.get(key, rested), rested) + _INTERVAL
        if place > now:
            return place - now
        self._taken[key] = place
        if len(self._taken) > self._sweep_at:
            self._taken = {known: taken for known, taken in self._taken.items() if taken > rested}
            self._sweep_at = max(_SWEEP, 2 * len(self._taken))
        return 0.0


class Door:
    """Who is heard."""

    def __init__(self) -> None:
        self._bucket = Bucket(HEARD_BURST)
        self._told: dict[int, float] = {}

    def admit(self, person: int, now: float) -> Admission:
        """One more update of that person, 0 for nobody in particular: those are always heard."""
        if not person or not self._bucket.take(person, now):
            return Admission.HEARD
        if now - self._told.get(person, -_TELL_AGAIN) < _TELL_AGAIN:
            return Admission.REFUSED
        self._told = {known: at for known, at in self._told.items() if now - at < _TELL_AGAIN} | {person: now}
        return Admission.TOLD


def talker(update: Mapping[str, Any]) -> int:
    """Who says it, for what people say by hand; 0 for what happens to a chat, which must never be lost."""
    for kind in _LIMITED:
        said = update.get(kind)
        if isinstance(said, dict):
            for who in (said.get("sender_chat"), said.get("from")):
                if isinstance(who, dict) and type(who.get("id")) is int:
                    return int(who["id"])
    return 0
