"""Whether a post that waits goes out now or is held: by its sections' mode, a silence, an embargo. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.held import Hold, Said, Why
from bot.domain.post import Post, PostKind


class Window(NamedTuple):
    """A silence: epoch seconds from `begin` until before `until`, and a mask of sections."""

    begin: int
    until: int
    sections: int


class Delay(NamedTuple):
    """How long articles of some sections (a mask) can still be taken off, in seconds."""

    sections: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Rules:
    """The newsroom's: which sections go by hand only, which after a while, and when some are silent."""

    manual: int = 0
    delays: Sequence[Delay] = ()
    silences: Sequence[Window] = ()


def silence(rules: Rules, sections: int | None, now: float) -> Window | None:
    """The silence that is in force for any of these sections (None: for any at all), the one that ends last."""
    found = [
        window
        for window in rules.silences
        if window.begin <= now < window.until and (sections is None or window.sections & sections)
    ]
    return max(found, key=lambda window: window.until, default=None)


def judge(post: Post, served: int, said: Said, rules: Rules, now: float, *, embargo: int = 0) -> Hold | None:
    """Why a waiting post is held; None when it goes.

    The strictest reason counts: an `embargo` (the moment of its end, 0 for none), then a silence, then the modes of the
    sections whose readers do not have it and for which nobody has `said` yes. What an editor wrote has no mode.
    """
    if embargo > now:
        return Hold(post.id, Why.EMBARGO, embargo)
    quiet = silence(rules, post.sections, now)
    if quiet and said.loud_until < quiet.until:
        return Hold(post.id, Why.SILENCE, quiet.until)
    fresh = post.sections & ~served & ~said.sections
    if post.kind is not PostKind.ARTICLE or not fresh:
        return None
    if fresh & rules.manual:
        return Hold(post.id, Why.MANUAL)
    seconds = max((delay.seconds for delay in rules.delays if delay.sections & fresh), default=0)
    return Hold(post.id, Why.COUNTDOWN, int(now) + seconds) if seconds else None
