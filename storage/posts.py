"""Posts: what goes out, in versions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from bot.domain.delivery import Kind, Lane
from bot.domain.post import Note, Post, PostKind, PostState, RichText
from storage.corrections import follow, follow_shown
from storage.engine import Connection, Engine, Row

_TERM = re.compile("[^\\W_\u19b0-\u19c9\u1cf2\u1cf3]+")
"""A word for us that is one for SQLite, too."""
_FIELDS = (
    "updating",
    "title",
    "lead",
    "link",
    "image",
    "published_at",
    "media",
    "media_kind",
    "album",
    "label",
    "silent",
    "reason",
)


class Posts:
    """The post table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def get(self, ids: Sequence[int]) -> list[Post]:
        """Posts by id, in the order of their ids, in their newest version."""
        rows = await self._db.fetch(
            f"SELECT * FROM post WHERE id IN ({self._db.dialect.numbers_of('ids')}) ORDER BY id",
            ids=json.dumps(list(ids)),
        )
        return [post(row) for row in rows]

    async def of_article(self, article_id: int) -> list[Post]:
        """The post of an article, in a list; empty without one."""
        rows = await self._db.fetch("SELECT * FROM post WHERE article_id = :id", id=article_id)
        return [post(row) for row in rows]

    async def waiting(self) -> list[tuple[Post, int]]:
        """Posts that no broadcast carries yet, oldest first, each with the sections already served."""
        rows = await self._db.fetch("SELECT * FROM post WHERE state = 'waiting' ORDER BY id LIMIT 500")
        return [(post(row), row["served"]) for row in rows]

    async def newest(self, limit: int) -> list[Post]:
        """The last posts that readers get or may get, editors' own included, newest first."""
        rows = await self._db.fetch(
            "SELECT * FROM post WHERE state IN ('held', 'waiting', 'published') ORDER BY id DESC LIMIT :limit",
            limit=limit,
        )
        return [post(row) for row in rows]

    async def oldest_waiting(self) -> int | None:
        """When the oldest post was made that no broadcast carries yet (epoch seconds)."""
        rows = await self._db.fetch("SELECT created_at FROM post WHERE state = 'waiting' ORDER BY id LIMIT 1")
        return rows[0][0] if rows else None

    async def latest(self, sections: int, languages: Sequence[str], limit: int) -> list[Post]:
        """The newest published article posts in any of these sections, newest first; languages empty for all."""
        rows = await self._db.fetch(
            "SELECT post.* FROM post JOIN article ON article.id = post.article_id"
            " WHERE post.state NOT IN ('withdrawn', 'held') AND (post.sections & :sections) <> 0"
            " AND (:languages = '' OR :languages LIKE '%,' || post.language || ',%')"
            " ORDER BY COALESCE(article.published_at, article.seen_at) DESC, post.id DESC LIMIT :limit",
            sections=sections,
            languages=f",{','.join(languages)}," if languages else "",
            limit=limit,
        )
        return [post(row) for row in rows]

    async def search(self, words: Sequence[Sequence[str]], limit: int) -> list[Post]:
        """Posts of the newest articles that hold each of the words in one of its spellings, newest first.

        A spelling of two letters or more is the beginning of what is looked for; signs in it mean nothing.
        """
        terms = [[term for one in spellings for term in _TERM.findall(one.casefold())] for spellings in words]
        if not terms or not all(terms):
            return []
        if self._db.dialect.name == "sqlite":
            either, both, any_ = " OR ", " AND ", '"{}"*'
            found = (
                "SELECT rowid AS id FROM article_words WHERE article_words MATCH :query"
                " ORDER BY rowid DESC LIMIT :limit"
            )
        else:
            either, both, any_ = " | ", " & ", "'{}':*"
            found = "SELECT id FROM article WHERE words @@ to_tsquery('simple', :query) ORDER BY id DESC LIMIT :limit"
        rows = await self._db.fetch(
            f"SELECT post.* FROM ({found}) AS found JOIN post ON post.article_id = found.id"
            " WHERE post.state NOT IN ('withdrawn', 'held') ORDER BY found.id DESC",
            query=both.join(f"({either.join(_beginning(term, any_) for term in known)})" for known in terms),
            limit=limit,
        )
        return [post(row) for row in rows]

    async def tapped(self, post_id: int, reader_id: int, kind: str, *, now: int) -> None:
        """A reader pressed something under a post; counted once."""
        await self._db.write(
            "INSERT INTO tap (reader_id, post_id, kind, at) VALUES (:reader, :post, :kind, :now)"
            " ON CONFLICT DO NOTHING",
            reader=reader_id,
            post=post_id,
            kind=kind,
            now=now,
        )

    async def star(self, post_id: int, wanted: bool = True) -> None:
        """A main story, or no longer one. One that has gone out goes on to those who want main stories only."""
        await self._db.write(
            "UPDATE post SET main = :main, state = CASE WHEN :main = 1 AND state = 'published' AND served <> 0"
            " THEN 'waiting' ELSE state END WHERE id = :id AND main <> :main",
            main=int(wanted),
            id=post_id,
        )

    async def shown(self, post_id: int, reader_id: int, message_id: int, version: int, *, now: int) -> None:
        """A copy shown outside a broadcast (welcome, /latest): corrections reach it too, one made meanwhile as well."""
        async with self._db.transaction() as db:
            await db.write(
                "INSERT INTO copy (post_id, reader_id, message_id, version, shown_at)"
                " VALUES (:post, :reader, :message, :version, :now) ON CONFLICT DO NOTHING",
                post=post_id,
                reader=reader_id,
                message=message_id,
                version=version,
                now=now,
            )
            rows = await db.fetch("SELECT version, state FROM post WHERE id = :id", id=post_id)
            if rows and rows[0][0] > version:
                kind = Kind.DELETE if rows[0][1] == "withdrawn" else Kind.EDIT
                for id_ in await follow_shown(db, post_id, kind, version=rows[0][0], lane=Lane.EDITS, now=now):
                    await db.write(
                        "DELETE FROM receipt WHERE broadcast_id = :id AND reader_id = :reader", id=id_, reader=reader_id
                    )


async def change(db: Connection, post: Post, kind: Kind, lane: Lane, now: int) -> list[int] | None:
    """Give a post the words that it has here, or (`DELETE`) take it back for its `reason`: it goes to nobody any more.

    Its version rises, and what brings that to all its copies starts; the ids of those broadcasts.

    None when it is no longer the version that `post` was made from, or withdrawn: somebody was faster.
    """
    rows = await db.write(
        "UPDATE post SET content = :content, version = version + 1,"
        " state = CASE WHEN :kind = 'delete' THEN 'withdrawn' ELSE state END"
        " WHERE id = :id AND version = :version AND state <> 'withdrawn' RETURNING version",
        content=content(post),
        kind=kind.value,
        id=post.id,
        version=post.version,
    )
    if not rows:
        return None
    started = await follow(db, post.id, kind, version=int(rows[0][0]), lane=lane, now=now)
    if kind is Kind.DELETE:
        await db.write(_STOP_SENDING, post=post.id, now=now)
    return started


_STOP_SENDING = (
    "UPDATE broadcast SET state = CASE state WHEN 'countdown' THEN 'cancelled' ELSE 'stopped' END, finished_at = :now"
    " WHERE kind = 'send' AND state IN ('countdown', 'running', 'paused')"
    " AND id IN (SELECT broadcast_id FROM broadcast_post WHERE post_id = :post)"
    " AND NOT EXISTS (SELECT 1 FROM broadcast_post AS carried JOIN post ON post.id = carried.post_id"
    " WHERE carried.broadcast_id = broadcast.id AND post.state <> 'withdrawn')"
)
"""A broadcast none of whose posts is left has nothing more to send."""


def _beginning(term: str, form: str) -> str:
    return form.format(term) if len(term) > 1 else form.format(term).rstrip(":*")


async def add_post(db: Connection, value: Post, *, article_id: int | None, state: PostState) -> int:
    """Insert a post inside a transaction; its id. What it goes on with is of its story from then on."""
    if value.reply_to:
        rows = await db.write(
            "UPDATE post SET story_id = CASE story_id WHEN 0 THEN id ELSE story_id END WHERE id = :id"
            " RETURNING story_id",
            id=value.reply_to,
        )
        value = replace(value, story_id=int(rows[0][0]) if rows else 0)
    rows = await db.write(
        _INSERT.format(article=":article") + " RETURNING id", article=article_id, **_columns(value, state)
    )
    return int(rows[0][0])


def insert_post(value: Post, state: PostState, *, article: str) -> tuple[str, list[tuple[object, ...]]]:
    """The statement and its row that insert a post; `article` is an expression for its article's id."""
    return _INSERT.format(article=article), [tuple(_columns(value, state).values())]


_INSERT = (
    "INSERT INTO post (kind, article_id, version, state, sections, served, language, everybody, main, content,"
    " created_at, reply_to, story_id) VALUES (:kind, {article}, 1, :state, :sections, 0, :language, :everybody, :main,"
    " :content, :now, :reply_to, :story_id)"
)


def _columns(value: Post, state: PostState) -> dict[str, object]:
    """In the order in which the statement names them."""
    return {
        "kind": value.kind.value,
        "state": state.value,
        "sections": value.sections,
        "language": value.language,
        "everybody": int(value.everybody),
        "main": int(value.main),
        "content": content(value),
        "now": value.created_at,
        "reply_to": value.reply_to,
        "story_id": value.story_id,
    }


def content(value: Post) -> str:
    """A post's own text as stored."""
    kept: dict[str, Any] = {name: getattr(value, name) for name in _FIELDS if getattr(value, name)}
    if value.texts:
        kept["texts"] = {language: asdict(text) for language, text in value.texts.items()}
    if value.notes:
        kept["notes"] = [asdict(note) for note in value.notes]
    return json.dumps(kept, ensure_ascii=False)


def post(row: Row) -> Post:
    """A post from its row."""
    kept = json.loads(row["content"])
    album = tuple((kind, file_id) for kind, file_id in kept.pop("album", ()))
    texts = {
        language: RichText(text["text"], tuple(text["entities"])) for language, text in kept.pop("texts", {}).items()
    }
    notes = tuple(Note(**note) for note in kept.pop("notes", ()))
    return Post(
        id=row["id"],
        kind=PostKind(row["kind"]),
        version=row["version"],
        sections=row["sections"],
        created_at=row["created_at"],
        article_id=row["article_id"],
        language=row["language"],
        everybody=bool(row["everybody"]),
        main=bool(row["main"]),
        texts=texts,
        notes=notes,
        album=album,
        reply_to=row["reply_to"],
        story_id=row["story_id"],
        withdrawn=row["state"] == PostState.WITHDRAWN,
        **kept,
    )
