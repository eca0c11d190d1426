"""What a correction does to one copy, and when one is due at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from bot.domain.delivery import Copy, Outcome, Rejected, Sent
from bot.domain.post import Post

DELETABLE = 48 * 3600 - 60
"""Seconds for which Telegram deletes a message; a minute less, because clocks differ."""


class Deed(Enum):
    """Nothing: it says so already. Edit: into the words of now, or a notice of what was withdrawn. Delete: as told."""

    NOTHING = auto()
    EDIT = auto()
    DELETE = auto()


def edition(posts: Sequence[Post]) -> int:
    """The version of a message that carries these posts: the sum of theirs, which any correction raises."""
    return sum(post.version for post in posts)


def decide(copy: Copy, posts: Sequence[Post], *, now: float) -> Deed:
    """What to do with a copy of these `posts`, the newest versions of all that its message carries.

    A copy of nothing but withdrawn posts is deleted while Telegram allows it, and turned into a notice afterwards;
    from a list of which something is left they only drop out.
    """
    if copy.version >= edition(posts):
        return Deed.NOTHING
    withdrawn = all(post.withdrawn for post in posts)
    return Deed.DELETE if withdrawn and now - copy.sent_at < DELETABLE else Deed.EDIT


def meaning(outcome: Outcome) -> Outcome:
    """What the answer means: a copy that says so already, or is to go and has gone, is done."""
    match outcome:
        case Rejected(reason) if "message is not modified" in reason or "message to delete not found" in reason:
            return Sent(0)
        case _:
            return outcome
