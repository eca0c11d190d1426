"""What a channel gets next, and when: single posts with a gap between them, lists of what would be too many. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.channel import Channel, Manner

HOUR = 3600


class Turn(NamedTuple):
    """The posts that go now, several as one list; none when there is nothing to do before the moment `at`."""

    posts: tuple[int, ...]
    at: float


def turn(queue: Sequence[tuple[int, int]], posted: Sequence[int], manner: Manner, now: float) -> Turn | None:
    """The next message. `queue` are posts with the moment since which they wait, `posted` the moments of the last two
    hours in which the channel got something; None when nothing waits.

    The first `per_hour` of each hour go by themselves, the rest of it as one list when it is over. What could not go
    for an hour (the bot was off, or had lost its rights) is a list, too. One thing alone is no list.
    """
    if not queue:
        return None
    if posted and now < posted[-1] + manner.gap:
        return Turn((), posted[-1] + manner.gap)
    began = now - now % HOUR
    before, since = sum(at < began for at in posted if at >= began - HOUR), sum(at >= began for at in posted)
    left = [post for post, at in queue if at < (began if before >= manner.per_hour else now - HOUR)]
    if len(left) > 1:
        return Turn(tuple(left), now)
    if since >= manner.per_hour:
        return Turn((), began + HOUR)
    return Turn((queue[0][0],), now)


def concerns(channel: Channel, sections: int, languages: Sequence[str]) -> bool:
    """Whether something goes to a channel that is for these sections (0 for everybody) and for readers with these
    languages (empty for all); a channel that leaves each story its own has every language."""
    if sections and not sections & channel.sections:
        return False
    return not channel.manner.language or not languages or channel.manner.language in languages
