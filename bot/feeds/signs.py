"""What a poll shows that the desk should know. Pure.

Whether it is told is decided elsewhere (`storage/alarms.py`): here it is only seen, as often as it is so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.domain.desk import Alarm
from bot.domain.errors import FeedError
from bot.domain.feed import FeedState, Found, Missing
from bot.feeds.rhythm import Rhythm

GAPS = 5
"""A feed is silent when so many articles would have come since its last one."""
AT_LEAST, DAY = 1800, 86_400
FEW_ITEMS, SHARE = 9, 3
"""A feed has shrunk when it holds a third of its usual items, at least nine of them."""
FAILURES = 5
OLDER, MOST_VANISHED, PATIENCE = 5, 3, 600
_AT_ONCE = ("certificate", "wall", "gone", "private")


def subject(feed_id: int) -> str:
    """What an alarm of that feed is about."""
    return f"feed:{feed_id}"


def troubled(state: FeedState, error: FeedError) -> Iterator[Alarm]:
    """Of a poll that failed; `state` is the feed's before it. What mends itself is not worth a word."""
    if error.kind in _AT_ONCE or state.failures + 1 >= FAILURES:
        cause = error.kind if error.kind in _AT_ONCE else "failing"
        yield Alarm(subject(state.id), cause, {"kind": error.kind, "status": error.status})


def redirected(state: FeedState, final_url: str) -> Iterator[Alarm]:
    """Of an answer that came from another host."""
    hosts = [(urlsplit(url).hostname or "").removeprefix("www.") for url in (state.url, final_url)]
    if hosts[0] != hosts[1]:
        yield Alarm(subject(state.id), "redirect", {"host": hosts[1]})


def shrunk(state: FeedState, total: int) -> Iterator[Alarm]:
    """Of a document with so many items."""
    if state.items >= FEW_ITEMS and total * SHARE <= state.items:
        yield Alarm(subject(state.id), "shrank", {"items": total, "usual": state.items})


def bottom(dates: Sequence[int | None]) -> int | None:
    """The date from which on an article has to be in a document with these: `OLDER` others are older, so it did not
    just slide off the end. None where there are not as many."""
    known = sorted(date for date in dates if date is not None)
    return known[OLDER - 1] if len(known) > OLDER else None


def vanished(missing: Sequence[Missing], now: int) -> Iterator[Alarm]:
    """What is worth a question: an article that has been missing for a while. Of many at once the site knows why."""
    for one in missing if len(missing) <= MOST_VANISHED else ():
        if now - one.since >= PATIENCE:
            yield Alarm(f"article:{one.article_id}", "vanished", {"title": one.title, "post": one.post_id})


def usual(items: int, total: int) -> int:
    """How many items a feed holds as a rule, after one more document: it follows at once upwards, slowly down."""
    return total if total >= items else items - max(1, (items - total) // 10)


def flawed(state: FeedState, new: Sequence[Found], *, repaired: int, future: int) -> Iterator[Alarm]:
    """Of what new articles showed: damaged characters, dates in the future, no section."""
    about = subject(state.id)
    if new and repaired:
        yield Alarm(about, "repaired", {"n": repaired})
    if future:
        yield Alarm(about, "future", {"n": future})
    unsorted = [found.article for found in new if found.publish and not found.article.sections]
    if unsorted:
        yield Alarm(about, "unsorted", {"title": unsorted[0].title, "n": len(unsorted)})


def silent(state: FeedState, now: int, zone: ZoneInfo) -> Iterator[Alarm]:
    """Of a feed that answers and brings nothing: for `GAPS` of its usual gaps, as these hours of the week are.

    Until a week is known, its gaps on the whole and at least a day.
    """
    if state.new_at is None or state.failures or state.gone_at or now - state.new_at < AT_LEAST:
        return
    span, rhythm = now - state.new_at, Rhythm.load(state.rhythm, now)
    if rhythm.known(now):
        missing = rhythm.expected(state.new_at, now, zone)
    else:
        missing = span / state.gap if state.gap and span >= DAY else 0.0
    if missing >= GAPS:
        yield Alarm(subject(state.id), "silent", {"span": span, "gap": round(span / missing)})


def learnt(state: FeedState, new: int, total: int, now: int, zone: ZoneInfo) -> FeedState:
    """The feed's habits after a poll that brought so many new articles."""
    rhythm = state.rhythm
    if new:
        rhythm = Rhythm.load(rhythm, now).learn(new, now, zone).dump()
    return replace(state, rhythm=rhythm, items=usual(state.items, total))
