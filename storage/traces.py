"""What became of a post at one reader: read only, for whoever asks why."""

from __future__ import annotations

import json

from bot.domain.delivery import BroadcastState, Lane, Passage, Result
from bot.domain.post import PostState
from storage.engine import Engine

_NEWEST = 400
"""So many sends back a reader's own message is looked for."""


class Traces:
    """What posts, broadcasts, receipts and copies say of a reader and a post together."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def state(self, post_id: int) -> PostState | None:
        """Where a post is on its way."""
        rows = await self._db.fetch("SELECT state FROM post WHERE id = :id", id=post_id)
        return PostState(rows[0][0]) if rows else None

    async def passages(self, post_id: int, reader_id: int) -> list[Passage]:
        """The sends that carried a post, oldest first, with what became of each at the reader. Of lists only the
        reader's own are among them."""
        rows = await self._db.fetch(
            "SELECT lane, broadcast.state AS state, started_at, created_at, outcome, took_ms, receipt.due_at AS due_at,"
            " receipt.reason AS reason, carried FROM broadcast_post JOIN broadcast ON broadcast.id ="
            " broadcast_post.broadcast_id LEFT JOIN receipt ON receipt.broadcast_id = broadcast.id"
            " AND receipt.reader_id = :reader"
            " WHERE broadcast_post.post_id = :post AND kind = 'send'"
            f" AND (lane NOT IN ({int(Lane.DIGEST)}, {int(Lane.CHANNEL)}) OR receipt.outcome IS NOT NULL)"
            " ORDER BY broadcast.id",
            post=post_id,
            reader=reader_id,
        )
        found = []
        for row in rows:
            carried = json.loads(row["carried"]) if row["carried"] else None
            if carried is not None and post_id not in carried:
                continue  # that message brought others
            began = row["started_at"] or row["created_at"]
            found.append(
                Passage(
                    lane=Lane(row["lane"]),
                    state=BroadcastState(row["state"]),
                    began=began,
                    result=None if row["outcome"] is None else Result(row["outcome"]),
                    at=began + (row["took_ms"] or 0) // 1000,
                    due_at=None if row["due_at"] is None else row["due_at"] // 1000,
                    reason=row["reason"] or "",
                    together=carried is not None,
                )
            )
        return found

    async def shown(self, post_id: int, reader_id: int) -> int | None:
        """When a copy was shown to the reader outside a broadcast (epoch seconds)."""
        rows = await self._db.fetch(
            "SELECT MIN(shown_at) FROM copy WHERE post_id = :post AND reader_id = :reader",
            post=post_id,
            reader=reader_id,
        )
        return rows[0][0] if rows else None

    async def words(self, post_id: int, reader_id: int) -> list[tuple[str, bool]]:
        """The reader's words that the post holds, and whether each is followed."""
        rows = await self._db.fetch(
            "SELECT DISTINCT word, follows FROM post_term JOIN reader_term ON reader_term.term_id = post_term.term_id"
            " WHERE post_id = :post AND reader_id = :reader ORDER BY word",
            post=post_id,
            reader=reader_id,
        )
        return [(row[0], bool(row[1])) for row in rows]

    async def muted_until(self, reader_id: int, sections: int) -> int | None:
        """When the last of these sections (a mask) speaks again to the reader, None when none is muted."""
        rows = await self._db.fetch("SELECT bit, until FROM mute WHERE reader_id = :reader", reader=reader_id)
        return max((row[1] for row in rows if sections >> row[0] & 1), default=None)

    async def of_message(self, reader_id: int, message_id: int) -> list[int]:
        """The posts that a message of the bot brought to a reader, as far as it is known yet."""
        rows = await self._db.fetch(
            f"SELECT broadcast_id, carried FROM receipt WHERE {_LATELY} AND reader_id = :reader"
            " AND message_id = :message",
            reader=reader_id,
            message=message_id,
        )
        posts = [post for row in rows for post in json.loads(row[1] or "[]")]
        for row in rows:
            if not row[1]:
                of = await self._db.fetch(
                    "SELECT post_id FROM broadcast_post WHERE broadcast_id = :id ORDER BY n", id=row[0]
                )
                posts += [one[0] for one in of]
        copies = await self._db.fetch(
            "SELECT post_id FROM copy WHERE post_id IN (SELECT id FROM post) AND reader_id = :reader"
            " AND message_id = :message",
            reader=reader_id,
            message=message_id,
        )
        return list(dict.fromkeys(posts + [row[0] for row in copies]))

    async def latest(self, reader_id: int, limit: int) -> list[int]:
        """The posts that the reader got last in sends of their own, newest first."""
        rows = await self._db.fetch(
            "SELECT MAX(broadcast_post.broadcast_id), post_id FROM broadcast_post"
            " JOIN receipt ON receipt.broadcast_id = broadcast_post.broadcast_id"
            f" WHERE receipt.{_LATELY} AND reader_id = :reader AND outcome = {int(Result.SENT)} AND carried IS NULL"
            " GROUP BY post_id ORDER BY 1 DESC, 2 DESC LIMIT :limit",
            reader=reader_id,
            limit=limit,
        )
        return [row[1] for row in rows]


_LATELY = f"broadcast_id IN (SELECT id FROM broadcast WHERE kind = 'send' ORDER BY id DESC LIMIT {_NEWEST})"
