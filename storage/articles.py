"""Articles and the many names under which feeds bring them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields

from bot.domain.article import Article
from bot.domain.feed import KnownArticle, Missing
from storage.engine import Engine, Row

_COLUMNS = ", ".join(f"article.{field.name}" for field in fields(Article))
_KNOWN = ", ".join(f"article.{field.name}" for field in fields(KnownArticle))


class Articles:
    """The article and alias tables; they are written by `Feeds.save_poll`."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def known(self, keys: Sequence[str]) -> dict[str, KnownArticle]:
        """The stored article behind each alias key that is known."""
        rows = await self._db.fetch(
            f"SELECT alias.key, {_KNOWN} FROM alias JOIN article ON article.id = alias.article_id"
            f" WHERE alias.key IN ({self._db.dialect.values_of('keys')})",
            keys=json.dumps(list(keys)),
        )
        return {row[0]: KnownArticle(*row[1:]) for row in rows}

    async def get(self, article_id: int) -> Article | None:
        """One article."""
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM article WHERE id = :id", id=article_id)
        return _article(rows[0]) if rows else None

    async def keep_body(self, article_id: int, body: str) -> None:
        """Keep the text that an article's page has."""
        await self._db.write("UPDATE article SET body = :body WHERE id = :id", body=body, id=article_id)

    async def missing(
        self, feed_id: int, present: Sequence[int], *, after: int, recent: int, now: int
    ) -> list[Missing]:
        """Articles of that feed, published after that moment and first seen after `recent`, that readers have and that
        are not among those `present`; without those that were proposed to be withdrawn."""
        rows = await self._db.fetch(
            "SELECT article.id, post.id, article.title, COALESCE(article.published_at, article.seen_at),"
            " COALESCE(vanished.since, :now) FROM article"
            " JOIN post ON post.article_id = article.id LEFT JOIN vanished ON vanished.article_id = article.id"
            " WHERE article.feed_id = :feed AND article.seen_at > :recent"
            " AND COALESCE(article.published_at, article.seen_at) > :after"
            " AND post.state IN ('waiting', 'published') AND vanished.proposed_at IS NULL"
            f" AND article.id NOT IN ({self._db.dialect.numbers_of('present')}) ORDER BY article.id",
            feed=feed_id,
            recent=recent,
            after=after,
            now=now,
            present=json.dumps(list(present)),
        )
        return [Missing(*row) for row in rows]

    async def proposals(self) -> list[Missing]:
        """Articles that vanished from their feeds and about which the desk has not decided, oldest first."""
        rows = await self._db.fetch(
            "SELECT article.id, post.id, article.title, COALESCE(article.published_at, article.seen_at),"
            " vanished.since FROM vanished"
            " JOIN article ON article.id = vanished.article_id JOIN post ON post.article_id = article.id"
            " WHERE proposed_at IS NOT NULL AND decided_at IS NULL AND post.state <> 'withdrawn' ORDER BY proposed_at"
        )
        return [Missing(*row) for row in rows]

    async def leave(self, article_id: int, *, now: int) -> bool:
        """The desk lets a vanished article stand; False when that is so already, or it never vanished."""
        rows = await self._db.write(
            "UPDATE vanished SET decided_at = :now WHERE article_id = :id AND proposed_at IS NOT NULL"
            " AND decided_at IS NULL RETURNING article_id",
            id=article_id,
            now=now,
        )
        return bool(rows)

    async def oldest(self, feed_id: int) -> int | None:
        """When the oldest article came out that this feed brought first; None without a dated one."""
        rows = await self._db.fetch("SELECT MIN(published_at) FROM article WHERE feed_id = :feed_id", feed_id=feed_id)
        return None if rows[0][0] is None else int(rows[0][0])

    async def newest(self, limit: int) -> list[Article]:
        """The newest articles of all sections."""
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM article ORDER BY id DESC LIMIT :limit", limit=limit)
        return [_article(row) for row in rows]

    async def prune(self, before: int) -> None:
        """Forget articles first seen before that moment and in no feed since, with their posts, aliases and taps."""
        async with self._db.transaction() as db:
            old = "seen_at < :before AND NOT EXISTS (SELECT 1 FROM alias WHERE article_id = article.id)"
            await db.write("DELETE FROM alias WHERE seen_at < :before", before=before)
            await db.write("DELETE FROM tap WHERE at < :before", before=before)
            for table in ("saved", "post_term", "held"):
                await db.write(
                    f"DELETE FROM {table} WHERE post_id IN (SELECT id FROM post WHERE article_id IN"
                    f" (SELECT id FROM article WHERE {old}))",
                    before=before,
                )
            await db.write(f"DELETE FROM post WHERE article_id IN (SELECT id FROM article WHERE {old})", before=before)
            await db.write(
                f"DELETE FROM vanished WHERE article_id IN (SELECT id FROM article WHERE {old})", before=before
            )
            await db.write(f"DELETE FROM article WHERE {old}", before=before)


def _article(row: Row) -> Article:
    return Article(**{field.name: row[index] for index, field in enumerate(fields(Article))})
