"""Hidden and followed words: what readers chose, and which posts hold it. Which words are one is not decided here."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bot.domain.post import Post
from storage.engine import Connection, Engine
from storage.posts import post


class Chosen(NamedTuple):
    """A word as the reader typed it. `term_id` names it, one of its terms' ids."""

    term_id: int
    word: str
    follows: bool


class Terms:
    """The term, reader_term and post_term tables."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def choose(
        self, reader_id: int, word: str, keys: Sequence[str], *, follows: bool, since: int, now: int
    ) -> None:
        """The reader hides that word, or follows it; what stood for it before is replaced.

        Articles seen `since` are read again for what nobody had chosen before: lists may still carry them.
        """
        async with self._db.transaction() as db:
            fresh = False
            for key in keys:
                fresh |= bool(
                    await db.write(
                        "INSERT INTO term (key, head) VALUES (:key, :head) ON CONFLICT (key) DO NOTHING RETURNING id",
                        key=key,
                        head=key.partition(" ")[0],
                    )
                )
                await db.write(
                    "INSERT INTO reader_term (reader_id, term_id, follows, word, chosen_at)"
                    " SELECT :reader, id, :follows, :word, :now FROM term WHERE key = :key"
                    " ON CONFLICT (reader_id, term_id) DO UPDATE SET follows = excluded.follows, word = excluded.word,"
                    " chosen_at = excluded.chosen_at",
                    reader=reader_id,
                    follows=int(follows),
                    word=word,
                    now=now,
                    key=key,
                )
            if fresh:
                await db.write(
                    "UPDATE post SET read_version = 0"
                    " WHERE article_id IN (SELECT id FROM article WHERE seen_at >= :since)",
                    since=since,
                )

    async def drop(self, reader_id: int, term_id: int) -> None:
        """The reader's word of that term is a word like any other again."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "DELETE FROM reader_term WHERE reader_id = :reader AND word ="
                " (SELECT word FROM reader_term WHERE reader_id = :reader AND term_id = :term) RETURNING term_id",
                reader=reader_id,
                term=term_id,
            )
            await forget(db, [row[0] for row in rows])

    async def of(self, reader_id: int) -> list[Chosen]:
        """The reader's words, as they were chosen."""
        rows = await self._db.fetch(
            "SELECT MIN(term_id), word, follows FROM reader_term WHERE reader_id = :reader"
            " GROUP BY word, follows ORDER BY MIN(chosen_at), MIN(term_id)",
            reader=reader_id,
        )
        return [Chosen(row[0], row[1], bool(row[2])) for row in rows]

    async def known(self, heads: Collection[str]) -> list[tuple[int, str]]:
        """The terms (id, key) that begin with one of these words."""
        rows = await self._db.fetch(
            f"SELECT id, key FROM term WHERE head IN ({self._db.dialect.values_of('heads')}) ORDER BY id",
            heads=json.dumps(sorted(heads)),
        )
        return [(row[0], row[1]) for row in rows]

    async def unread(self, limit: int) -> list[Post]:
        """Posts whose words have not been looked up since they were written or changed, newest first."""
        rows = await self._db.fetch(
            "SELECT * FROM post WHERE read_version < version ORDER BY id DESC LIMIT :limit", limit=limit
        )
        return [post(row) for row in rows]

    async def held(self, posts: Collection[int]) -> frozenset[int]:
        """Those of these posts that hold a term of anybody's."""
        rows = await self._db.tuples(
            f"SELECT DISTINCT post_id FROM post_term WHERE post_id IN ({self._db.dialect.numbers_of('posts')})",
            posts=json.dumps(list(posts)),
        )
        return frozenset(row[0] for row in rows)

    async def met(
        self, posts: Collection[int], readers: Collection[int]
    ) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        """The pairs (reader, post) with a word that the reader follows, and those with one that the reader hides."""
        rows = await self._db.tuples(
            "SELECT reader_id, post_id, MAX(follows), MIN(follows) FROM post_term JOIN reader_term"
            " ON reader_term.term_id = post_term.term_id"
            f" WHERE post_id IN ({self._db.dialect.numbers_of('posts')})"
            f" AND reader_id IN ({self._db.dialect.numbers_of('readers')}) GROUP BY reader_id, post_id",
            posts=json.dumps(list(posts)),
            readers=json.dumps(list(readers)),
        )
        return {(row[0], row[1]) for row in rows if row[2]}, {(row[0], row[1]) for row in rows if not row[3]}

    async def read(self, found: Sequence[tuple[Post, Sequence[int]]]) -> None:
        """Posts hold these terms and no others."""
        await self._db.batch(
            [
                ("DELETE FROM post_term WHERE post_id = :post", [(one.id,) for one, _ in found]),
                (_HOLDS, [(one.id, term) for one, terms in found for term in terms]),
                (
                    "UPDATE post SET read_version = :version WHERE id = :id",
                    [(one.version, one.id) for one, _ in found],
                ),
            ]
        )


_HOLDS = "INSERT INTO post_term (post_id, term_id) VALUES (:post, :term) ON CONFLICT DO NOTHING"


async def forget(db: Connection, terms: Sequence[int]) -> None:
    """Take those of these terms out of the dictionary that nobody has chosen any more: they may say who did."""
    for table, name in (("post_term", "term_id"), ("term", "id")):
        await db.many(
            f"DELETE FROM {table} WHERE {name} = :term"
            f" AND NOT EXISTS (SELECT 1 FROM reader_term WHERE reader_term.term_id = {table}.{name})",
            [(term,) for term in terms],
        )
