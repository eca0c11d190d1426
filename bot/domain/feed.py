"""A watched feed and what one poll of it brings."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.article import Article
from bot.domain.desk import Alarm


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is remembered of a feed between polls. Times are epoch seconds.

    Validators are kept verbatim. `gap` is the usual time in seconds between new items, 0 while unknown; `items` how
    many it holds as a rule; `rhythm` its week (`feeds/rhythm.py`); `read_at` when all its items were recognised last;
    `primed_at` is None until the first good poll; `gone_at` is set when the server said 410.
    """

    id: int
    url: str
    title: str = ""
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    primed_at: int | None = None
    next_at: int = 0
    checked_at: int | None = None
    ok_at: int | None = None
    new_at: int | None = None
    gap: float = 0.0
    failures: int = 0
    problem: str = ""
    moved_to: str = ""
    moved_times: int = 0
    gone_at: int | None = None
    items: int = 0
    rhythm: str = ""
    read_at: int | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """A feed that an editor added in the chat; `section` "" sorts its articles by their categories."""

    id: int
    url: str
    section: str = ""
    paused_at: int | None = None


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """What recognition needs of a stored article. Times are epoch seconds, `sections` a bitmask."""

    id: int
    fingerprint: str
    title: str
    lead: str
    published_at: int | None
    seen_at: int
    link: str = ""
    edits: int = 0
    edited_at: int | None = None
    feed_id: int = 0
    sections: int = 0
    image: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """An article that a poll brought, with its alias keys.

    `publish`: a post is to be made of it; otherwise it is stored silently (first poll, too old, unsorted). Of an
    edited one: the copies that readers have are edited, too, not only those in channels.
    `everybody`: readers of every language get it, because the feed does not say its own.
    """

    article: Article
    keys: tuple[str, ...]
    publish: bool
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """A known article met again: with `keys` and in `sections` that are new to it.

    `publish`: readers of those sections are still to get it; otherwise it only stands there from now on.
    """

    article_id: int
    keys: tuple[str, ...] = ()
    sections: int = 0
    publish: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """An article that readers have and that is not in its feed any more `since` then, although older ones are."""

    article_id: int
    post_id: int
    title: str
    published_at: int
    since: int = 0


@dataclass(frozen=True, slots=True)
class Poll:
    """Everything that one poll changes; saved in one transaction. `edited` are stored articles in their new form.

    `kept` are alias keys that are in use still. `missing` are the articles that are not in the feed, None where not all
    of it was read; those of `proposed` are for the desk to withdraw. `since`: when the feed had been asked last as the
    poll began; None saves whatever happened meanwhile. `fresh` are keys of new articles that nobody had then. `flood`:
    so many would go out at once, which is for the desk to decide; 0 for an ordinary poll.
    """

    state: FeedState
    new: tuple[Found, ...] = ()
    edited: tuple[Found, ...] = ()
    seen: tuple[Met, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    kept: tuple[str, ...] = ()
    missing: tuple[Missing, ...] | None = None
    proposed: frozenset[int] = frozenset()
    since: int | None = None
    fresh: tuple[str, ...] = ()
    flood: int = 0
