"""Watched feeds; what a poll brings is saved whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from bot.domain.article import Article
from bot.domain.delivery import Kind, Lane
from bot.domain.feed import Added, FeedState, Found, Met, Poll
from bot.domain.post import Post, PostKind, PostState
from storage.alarms import raised
from storage.corrections import follow
from storage.engine import Connection, Dialect, Engine
from storage.posts import content, insert_post, post

_STATE = [field.name for field in fields(FeedState)]
_WORDS = ("title", "lead", "link", "image")
_ARTICLE = [field.name for field in fields(Article) if field.name != "id"]
_INSERT_ARTICLE = f"INSERT INTO article ({', '.join(_ARTICLE)}) VALUES (:{', :'.join(_ARTICLE)})"
_INSERT_ALIAS = (
    "INSERT INTO alias (key, article_id, seen_at) VALUES (:key, {article}, :now)"
    " ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at"
)
Work = tuple[str, Sequence[tuple[object, ...]]]


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

    async def added(self) -> list[Added]:
        """The feeds that editors added, in the order in which they did."""
        rows = await self._db.fetch(
            "SELECT id, url, section, paused_at FROM feed WHERE added_at IS NOT NULL ORDER BY added_at, id"
        )
        return [Added(*row) for row in rows]

    async def ask(self, urls: Sequence[str], *, now: int) -> list[str]:
        """Have these feeds looked at now, whichever process watches them; those of them that are known."""
        rows = await self._db.write(
            f"UPDATE feed SET asked_at = :now WHERE url IN ({self._db.dialect.values_of('urls')}) AND gone_at IS NULL"
            " RETURNING url",
            now=now,
            urls=json.dumps(list(urls)),
        )
        return sorted(row[0] for row in rows)

    async def asked(self) -> list[int]:
        """Feeds that are to be looked at now; from then on they are not asked for any more."""
        if not await self._db.fetch("SELECT 1 FROM feed WHERE asked_at IS NOT NULL LIMIT 1"):
            return []
        rows = await self._db.write("UPDATE feed SET asked_at = NULL WHERE asked_at IS NOT NULL RETURNING id")
        return [row[0] for row in rows]

    async def add(self, url: str, section: str, *, now: int) -> bool:
        """Watch a feed from now on, as if it had never been watched; False when an editor has added it before."""
        async with self._db.transaction() as db:
            await db.write("INSERT INTO feed (url) VALUES (:url) ON CONFLICT (url) DO NOTHING", url=url)
            rows = await db.write(
                "UPDATE feed SET added_at = :now, section = :section, paused_at = NULL, gone_at = NULL,"
                " primed_at = NULL, failures = 0, problem = '', next_at = 0, etag = '', last_modified = '',"
                " body_hash = ''"
                " WHERE url = :url AND added_at IS NULL RETURNING id",
                url=url,
                section=section,
                now=now,
            )
        return bool(rows)

    async def pause(self, id_: int, paused_at: int | None) -> bool:
        """Let an added feed rest, or go on with it (None); False when that is so already."""
        rows = await self._db.write(
            "UPDATE feed SET paused_at = :at WHERE id = :id AND added_at IS NOT NULL"
            f" AND paused_at IS {'NULL' if paused_at else 'NOT NULL'} RETURNING id",
            id=id_,
            at=paused_at,
        )
        return bool(rows)

    async def remove(self, id_: int) -> bool:
        """Stop watching an added feed; its articles stay. False when it was not one."""
        rows = await self._db.write(
            "UPDATE feed SET added_at = NULL, paused_at = NULL WHERE id = :id AND added_at IS NOT NULL RETURNING id",
            id=id_,
        )
        return bool(rows)

    async def save_poll(self, poll: Poll, *, now: int) -> None:
        """Save what a poll brought: articles, aliases, waiting posts and the feed's state, which may be all.

        What is only added goes to the database in one piece. Raises `StorageError` when another process has saved a
        poll of this feed since `poll.since`.
        """
        work = [
            *_guard(poll, self._db.dialect),
            *_added(poll, self._db.dialect, now),
            *_aliases(poll, now),
            _state(poll.state),
        ]
        work += [raised(poll.alarms, now)] if poll.alarms else []
        work += _flooded(poll, self._db.dialect, now)
        work += _kept(poll, self._db.dialect, now)
        work += _missing(poll, self._db.dialect, now)
        if not poll.edited and not any(met.sections for met in poll.seen):
            await self._db.batch(work)
            return
        async with self._db.transaction() as db:
            for found in poll.edited:
                await _edit(db, found, now)
            for met in poll.seen:
                if met.sections:
                    await _more_sections(db, met, flood=bool(poll.flood))
            for sql, rows in work:
                await db.many(sql, rows)


def _guard(poll: Poll, dialect: Dialect) -> Iterator[Work]:
    """Statements that fail (no two feeds have one id) where the feed is not as the poll found it, or somebody else has
    brought one of its new articles meanwhile."""
    if poll.fresh:
        taken = f"SELECT 1 FROM alias WHERE key IN ({dialect.values_of('keys')})"
        sql = f"INSERT INTO feed (id, url) SELECT id, url FROM feed WHERE id = :id AND EXISTS ({taken})"
        yield sql, [(poll.state.id, json.dumps(poll.fresh))]
    if poll.since is not None:
        yield (
            "INSERT INTO feed (id, url) SELECT id, url FROM feed WHERE id = :id AND COALESCE(checked_at, 0) <> :since",
            [(poll.state.id, poll.since)],
        )


def _state(state: FeedState) -> Work:
    names = [name for name in _STATE if name not in ("id", "url")]
    assignments = ", ".join(f"{name} = :{name}" for name in names)
    return f"UPDATE feed SET {assignments} WHERE id = :id", [(*(getattr(state, name) for name in names), state.id)]


def _added(poll: Poll, dialect: Dialect, now: int) -> Iterator[Work]:
    """Each article with its aliases and its post, one after the other: they are tied by the id given last."""
    last, sorted_ = dialect.last_id("article"), PostState.HELD if poll.flood else PostState.WAITING
    for found in poll.new:
        article = found.article
        yield _INSERT_ARTICLE, [tuple(getattr(article, name) for name in _ARTICLE)]
        yield _INSERT_ALIAS.format(article=last), [(key, now) for key in found.keys]
        state = sorted_ if article.sections else PostState.UNSORTED
        state = state if found.publish else PostState.STORED
        yield insert_post(_post(article, now, found.everybody), state, article=last)


def _flooded(poll: Poll, dialect: Dialect, now: int) -> Iterator[Work]:
    """What a flood holds, as one thing to be decided: every held post that nothing else holds."""
    if poll.flood:
        yield "INSERT INTO flood (feed_id, n, at) VALUES (:feed, :n, :now)", [(poll.state.id, poll.flood, now)]
        yield (
            f"INSERT INTO held (post_id, why, flood_id, at) SELECT post.id, 'flood', {dialect.last_id('flood')},"
            " CAST(:now AS BIGINT) FROM post WHERE state = 'held' AND NOT EXISTS"
            " (SELECT 1 FROM held AS other WHERE other.post_id = post.id AND decided_at IS NULL)"
            " ON CONFLICT (post_id) DO UPDATE SET why = excluded.why, flood_id = excluded.flood_id, at = excluded.at,"
            " until = NULL, decision = '', decided_by = 0, decided_at = NULL",
            [(now,)],
        )


def _kept(poll: Poll, dialect: Dialect, now: int) -> Iterator[Work]:
    """Aliases that a feed still holds are as good as new, however long nothing has changed."""
    if poll.kept:
        sql = f"UPDATE alias SET seen_at = :now WHERE key IN ({dialect.values_of('keys')})"
        yield sql, [(now, json.dumps(poll.kept))]


def _missing(poll: Poll, dialect: Dialect, now: int) -> Iterator[Work]:
    """What is back is forgotten; what is missing is remembered, or proposed to the desk."""
    if poll.missing is None:
        return
    ids = json.dumps([one.article_id for one in poll.missing])
    yield (
        "DELETE FROM vanished WHERE feed_id = :feed AND proposed_at IS NULL"
        f" AND article_id NOT IN ({dialect.numbers_of('ids')})",
        [(poll.state.id, ids)],
    )
    yield (
        "INSERT INTO vanished (article_id, feed_id, since, proposed_at) VALUES (:article, :feed, :since, :proposed)"
        " ON CONFLICT (article_id) DO UPDATE SET proposed_at = excluded.proposed_at",
        [
            (one.article_id, poll.state.id, one.since, now if one.article_id in poll.proposed else None)
            for one in poll.missing
        ],
    )


def _aliases(poll: Poll, now: int) -> Iterator[Work]:
    """What known articles are called besides."""
    known = [*((met.article_id, met.keys) for met in poll.seen), *((f.article.id, f.keys) for f in poll.edited)]
    rows = [(key, article_id, now) for article_id, keys in known for key in keys]
    if rows:
        yield _INSERT_ALIAS.format(article=":article_id"), rows


async def _edit(db: Connection, found: Found, now: int) -> None:
    """The post's version rises, so whoever is still to come gets the new text; its copies follow if they are to.

    What the desk has corrected stays wherever the feed says the same as before. Whoever edits an article is its feed.
    """
    article = found.article
    before = (await db.fetch(f"SELECT {', '.join(_WORDS)} FROM article WHERE id = :id", id=article.id))[0]
    names = ["feed_id", *_WORDS, "author", "body", "fingerprint", "edits", "edited_at"]
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
        version, to_readers = known.version + 1, found.publish
        await follow(db, known.id, Kind.EDIT, version=version, lane=Lane.EDITS, now=now, private=to_readers)


async def _more_sections(db: Connection, met: Met, *, flood: bool) -> None:
    """The article stands in more sections: to be sent to readers of those, or (silently) as if they had it. Of a
    `flood` it is held first."""
    rows = await db.write(
        "UPDATE article SET sections = sections | :more WHERE id = :id AND (sections & :more) <> :more RETURNING id",
        more=met.sections,
        id=met.article_id,
    )
    if rows:
        goes = "'held'" if flood else "'waiting'"
        states = f"WHEN 'unsorted' THEN {goes} WHEN 'published' THEN {goes}"
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


def _post(article: Article, now: int, everybody: bool) -> Post:
    return Post(
        id=0,
        kind=PostKind.ARTICLE,
        version=1,
        sections=article.sections,
        created_at=now,
        everybody=everybody,
        language=article.language,
        title=article.title,
        lead=article.lead,
        link=article.link,
        image=article.image,
        published_at=article.published_at,
    )
