"""Watched feeds; what a poll brings is saved whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from bot.domain.article import Article
from bot.domain.delivery import Kind, Lane
from bot.domain.feed import FeedState, Found, Met, Poll
from bot.domain.post import Post, PostKind, PostState
from storage.corrections import follow
from storage.engine import Connection, Engine
from storage.posts import add_post, content, post

_STATE = [field.name for field in fields(FeedState)]
_WORDS = ("title", "lead", "link", "image")
_ARTICLE = [field.name for field in fields(Article) if field.name != "id"]


class Feeds:
    """The feed table, and the one transaction of a poll."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def watch(self, urls: Sequence[str]) -> list[FeedState]:
        """The state of these feeds, in their order; unknown ones begin now."""
        async with self._db.transaction() as db:
            await db.many("INSERT INTO feed (url) VALUES (:url) ON CONFLICT (url) DO NOTHING", [(url,) for url in urls])
            rows = await db.fetch(f"SELECT {', '.join(_STATE)} FROM feed")
        states = {row["url"]: FeedState(*row) for row in rows}
        return [states[url] for url in urls]

    async def states(self) -> list[FeedState]:
        """All feeds that were ever watched."""
        rows = await self._db.fetch(f"SELECT {', '.join(_STATE)} FROM feed ORDER BY id")
        return [FeedState(*row) for row in rows]

    async def save_poll(self, poll: Poll, *, now: int) -> list[int]:
        """Save what a poll brought: articles, aliases, waiting posts and the feed's state; new articles' ids."""
        async with self._db.transaction() as db:
            ids = [await _add(db, found, now) for found in poll.new]
            for found in poll.edited:
                await _edit(db, found, now)
            for met in poll.seen:
                await _aliases(db, met.article_id, met.keys, now)
                if met.sections:
                    await _more_sections(db, met)
            await _save_state(db, poll.state)
        return ids

    async def save_state(self, state: FeedState) -> None:
        """Save a feed's state alone: nothing new, or a failure."""
        await _save_state(self._db, state)


async def _save_state(db: Connection, state: FeedState) -> None:
    names = [name for name in _STATE if name not in ("id", "url")]
    assignments = ", ".join(f"{name} = :{name}" for name in names)
    await db.write(
        f"UPDATE feed SET {assignments} WHERE id = :id", id=state.id, **{name: getattr(state, name) for name in names}
    )


async def _add(db: Connection, found: Found, now: int) -> int:
    article = found.article
    rows = await db.write(
        f"INSERT INTO article ({', '.join(_ARTICLE)}) VALUES (:{', :'.join(_ARTICLE)}) RETURNING id",
        **{name: getattr(article, name) for name in _ARTICLE},
    )
    article_id = int(rows[0][0])
    await _aliases(db, article_id, found.keys, now)
    state = PostState.WAITING if article.sections else PostState.UNSORTED
    await add_post(
        db,
        replace(_post(article, now), everybody=found.everybody),
        article_id=article_id,
        state=state if found.publish else PostState.STORED,
    )
    return article_id


async def _edit(db: Connection, found: Found, now: int) -> None:
    """The post's version rises, so whoever is still to come gets the new text; its copies follow if they are to.

    What the desk has corrected stays wherever the feed says the same as before.
    """
    article = found.article
    before = (await db.fetch(f"SELECT {', '.join(_WORDS)} FROM article WHERE id = :id", id=article.id))[0]
    names = ["title", "lead", "link", "image", "author", "body", "fingerprint", "edits", "edited_at"]
    await db.write(
        f"UPDATE article SET {', '.join(f'{name} = :{name}' for name in names)} WHERE id = :id",
        id=article.id,
        **{name: getattr(article, name) for name in names},
    )
    changed = {name: new for name in _WORDS if (new := getattr(article, name)) != before[name]}
    rows = await db.fetch("SELECT * FROM post WHERE article_id = :id AND state <> 'withdrawn'", id=article.id)
    for known in map(post, rows):
        await db.write(
            "UPDATE post SET content = :content, version = version + 1 WHERE id = :id",
            content=content(replace(known, **changed)),
            id=known.id,
        )
        if found.publish:
            await follow(db, known.id, Kind.EDIT, version=known.version + 1, lane=Lane.EDITS, now=now)
    await _aliases(db, article.id, found.keys, now)


async def _aliases(db: Connection, article_id: int, keys: Sequence[str], now: int) -> None:
    await db.many(
        "INSERT INTO alias (key, article_id, seen_at) VALUES (:key, :article_id, :now)"
        " ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at",
        [(key, article_id, now) for key in keys],
    )


async def _more_sections(db: Connection, met: Met) -> None:
    """The article stands in more sections: to be sent to readers of those, or (silently) as if they had it."""
    rows = await db.write(
        "UPDATE article SET sections = sections | :more WHERE id = :id AND (sections & :more) <> :more RETURNING id",
        more=met.sections,
        id=met.article_id,
    )
    if rows:
        states = "WHEN 'unsorted' THEN 'waiting' WHEN 'published' THEN 'waiting'"
        served = "served"
        if not met.publish:
            states = "WHEN 'unsorted' THEN 'stored'"
            served = "CASE state WHEN 'published' THEN served | :more ELSE served END"
        await db.write(
            f"UPDATE post SET sections = sections | :more, served = {served},"
            f" state = CASE state {states} ELSE state END WHERE article_id = :id",
            more=met.sections,
            id=met.article_id,
        )


def _post(article: Article, now: int) -> Post:
    return Post(
        id=0,
        kind=PostKind.ARTICLE,
        version=1,
        sections=article.sections,
        created_at=now,
        language=article.language,
        title=article.title,
        lead=article.lead,
        link=article.link,
        image=article.image,
        published_at=article.published_at,
    )
