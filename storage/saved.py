"""Posts that readers saved for later."""

from __future__ import annotations

from bot.domain.post import Post
from storage.engine import Engine
from storage.posts import post


class Saved:
    """The saved table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def keep(self, reader_id: int, post_id: int, *, now: int) -> None:
        """Save a post; one that is saved already stays where it was."""
        await self._db.write(
            "INSERT INTO saved (reader_id, post_id, saved_at) VALUES (:reader, :post, :now) ON CONFLICT DO NOTHING",
            reader=reader_id,
            post=post_id,
            now=now,
        )

    async def drop(self, reader_id: int, post_id: int) -> None:
        """Save it no longer."""
        await self._db.write(
            "DELETE FROM saved WHERE reader_id = :reader AND post_id = :post", reader=reader_id, post=post_id
        )

    async def holds(self, reader_id: int, post_id: int) -> bool:
        """Whether the reader saved that post."""
        return bool(
            await self._db.fetch(
                "SELECT 1 FROM saved WHERE reader_id = :reader AND post_id = :post", reader=reader_id, post=post_id
            )
        )

    async def newest(self, reader_id: int, limit: int, *, skip: int = 0) -> list[Post]:
        """What the reader saved, the latest first; posts that were withdrawn are left out."""
        rows = await self._db.fetch(
            "SELECT post.* FROM saved JOIN post ON post.id = saved.post_id"
            " WHERE saved.reader_id = :reader AND post.state <> 'withdrawn'"
            " ORDER BY saved.saved_at DESC, post.id DESC LIMIT :limit OFFSET :skip",
            reader=reader_id,
            limit=limit,
            skip=skip,
        )
        return [post(row) for row in rows]
