"""What does not go out by itself: why, until when, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.domain.post import Post


class Why(StrEnum):
    """Why a post is held. countdown: it goes by itself after a while in which it can be taken off; manual: its section
    goes by hand only; silence: a silence is in force; embargo: a draft says that nothing of it leaves yet; flood: its
    feed brought too much at once.
    """

    COUNTDOWN = "countdown"
    MANUAL = "manual"
    SILENCE = "silence"
    EMBARGO = "embargo"
    FLOOD = "flood"


class Decision(StrEnum):
    """What became of it. sent: on its way; listed: on its way as one list with others; taken: off, nobody gets it;
    kept: nobody gets it, searches find it; expired: nobody decided in time, so it is kept.
    """

    NONE = ""
    SENT = "sent"
    LISTED = "listed"
    TAKEN = "taken"
    KEPT = "kept"
    EXPIRED = "expired"


class Hold(NamedTuple):
    """A post is to be held. `until` (epoch seconds): when it goes by itself, or when the silence ends; None for
    something that only the desk ends."""

    post_id: int
    why: Why
    until: int | None = None


class Said(NamedTuple):
    """What was said of a post that waits: it may go to these `sections`, and no silence counts before `loud_until`."""

    sections: int = 0
    loud_until: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A held post, or one that was. `served` are the sections whose readers have it, `decided_by` is 0 for time itself;
    it is open while `decided_at` is None.
    """

    post: Post
    why: Why
    at: int
    until: int | None = None
    served: int = 0
    decision: Decision = Decision.NONE
    decided_by: int = 0
    decided_at: int | None = None


@dataclass(frozen=True, slots=True)
class Flood:
    """`n` articles that a feed brought at once, and what was decided."""

    id: int
    feed_id: int
    n: int
    at: int
    decision: Decision = Decision.NONE
    decided_by: int = 0
    decided_at: int | None = None
