"""The counting behind the statistics: each send once it is over, and who came and went. It runs beside the watcher, so
it knows nothing of how figures are told (`desk/stats`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.domain.article import Section
from bot.domain.delivery import Broadcast, Lane, Result
from bot.domain.post import Post
from storage import Storage
from storage.stats import Tally

BREAKING = "breaking"
"""Breaking news in the place of a section."""
PROMO = "promo"
"""Partner posts in the place of a section; each of them has a place of its own, too (`promo:<broadcast>`)."""
_PORTION = 50_000  # reader ids that are counted at once
_ANY = 1 << 62
_READERS = 1000
_WORDS = {Result.SENT: "delivered", Result.GONE: "blocked", Result.REJECTED: "failed", Result.UNCERTAIN: "lost"}


def day_of(at: float, zone: ZoneInfo) -> int:
    """The day of a moment in that zone, as an ordinal."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date().toordinal()


async def roll_up(storage: Storage, sections: Sequence[Section], zone: ZoneInfo, now: int) -> None:
    """Count whatever is over and not counted yet; what dies meanwhile is counted by the next one."""
    for broadcast_id in await storage.stats.uncounted(now=now):
        broadcast = await storage.broadcasts.get(broadcast_id)
        assert broadcast is not None  # broadcasts are never deleted
        posts = {post.id: post for post in await storage.posts.get(broadcast.posts)}
        counts: Counter[tuple[str, str]] = Counter()
        for after in range(0, broadcast.horizon, _PORTION):
            counts += tally(
                await storage.stats.receipts(broadcast.id, after, after + _PORTION), broadcast, posts, sections
            )
            await storage.privacy.strays(broadcast.id, after, after + _PORTION)
        if not broadcast.horizon:  # the list of one reader, who has erased everything since
            await storage.privacy.strays(broadcast.id, 0, _ANY)
        day = day_of(broadcast.started_at or broadcast.due_at, zone)
        await storage.stats.add(broadcast.id, day, counts, now=now)
    bits, today, after = {section.bit: section.id for section in sections}, day_of(now, zone), 0
    while moved := await storage.stats.moved(after, _READERS):
        await storage.stats.count_readers(today, bits, moved)
        after = moved[-1]
    await storage.stats.count_readers(today, bits, ())


def tally(
    tallies: Iterable[Tally], broadcast: Broadcast, posts: Mapping[int, Post], sections: Sequence[Section]
) -> Counter[tuple[str, str]]:
    """A send's receipts by section and word: a message counts for each section of which it carries a post."""
    counts: Counter[tuple[str, str]] = Counter()
    for carried, outcome, step, n in tallies:
        if outcome not in _WORDS:
            continue
        held = [posts[id_] for id_ in _ids(carried) if id_ in posts] if carried else list(posts.values())
        mask = 0
        for post in held:
            mask |= post.sections
        places = ["", *(section.id for section in sections if section.mask & mask)]
        if broadcast.lane is Lane.PROMO:
            places = ["", PROMO, place_of(broadcast)]
        elif broadcast.lane is Lane.BREAKING:
            places.append(BREAKING)
        for place in places:
            counts[place, _WORDS[Result(outcome)]] += n
            if outcome == Result.SENT:
                counts[place, f"t:{step}"] += n
    return counts


def place_of(broadcast: Broadcast) -> str:
    """Under which name the figures of a partner post stand."""
    return f"{PROMO}:{broadcast.id}"


@lru_cache(maxsize=4096)
def _ids(carried: str) -> tuple[int, ...]:
    return tuple(json.loads(carried))
