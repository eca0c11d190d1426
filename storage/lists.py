"""Lists: when the next one of a reader is due, what it may hold, and what the reader has already.

A list is derived: nothing is written for a post that waits. Sends of posts are numbered in the order in which they
began; `reader.listed` is the last number that a list has taken into account. What began since then, and is not in the
reader's hands, is the next list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from bot.domain.delivery import Lane, Result
from bot.domain.reader import Reader
from bot.domain.recipient import Recipient
from storage.engine import Connection, Engine
from storage.readers import NEWEST, YESTERDAYS, reader_of
from storage.recipients import COLUMNS, recipient


async def one_at_a_time(db: Connection) -> None:
    """Until the transaction ends nobody else gives a number: whoever has seen one has seen all before it."""
    await db.write("INSERT INTO meta (key, value) VALUES ('serial', '') ON CONFLICT (key) DO UPDATE SET value = ''")


class Lists:
    """What reader, broadcast and receipt tables say about lists."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def unreckoned(self, limit: int) -> list[Reader]:
        """Readers whose next list is to be reckoned: they have changed their choices (`list_at` 0), or have got one
        (the negative of when it was due)."""
        rows = await self._db.fetch(
            "SELECT * FROM reader WHERE list_at <= 0 AND state = 'active' ORDER BY list_at LIMIT :limit", limit=limit
        )
        return [reader_of(row) for row in rows]

    async def reckon(self, times: Sequence[tuple[int | None, int, int]], paces: Sequence[tuple[int, int, int]]) -> None:
        """When lists are due: time (None: no more lists), `list_at` as it was read, reader. And of readers with a new
        volume: the day, how many posts count as sent on it, reader."""
        await self._db.batch(
            [
                ("UPDATE reader SET list_at = :at WHERE list_at = :was AND id = :id", times),
                (
                    "INSERT INTO pace (reader_id, day, n) SELECT id, CAST(:day AS BIGINT), CAST(:n AS BIGINT)"
                    " FROM reader WHERE id = :id ON CONFLICT (reader_id) DO NOTHING",
                    paces,
                ),
            ]
        )

    async def due(self, *, now: int) -> int:
        """How many readers wait for a list; 0 while lists are on their way, who gets one is not due any more."""
        rows = await self._db.fetch(
            "SELECT COUNT(*) FROM reader WHERE list_at > 0 AND list_at <= :now AND state = 'active' AND NOT EXISTS"
            f" (SELECT 1 FROM lease JOIN broadcast ON broadcast.id = broadcast_id WHERE lane = {int(Lane.DIGEST)})",
            now=now,
        )
        return int(rows[0][0])

    async def lately(self, after: int) -> tuple[int, list[tuple[int, int, bool]]]:
        """The newest serial number, and the posts of sends after that one which were not called off: number, post, and
        whether it is still being sent."""
        newest = await self._db.fetch(f"SELECT {NEWEST}")
        rows = await self._db.tuples(
            "SELECT MAX(serial), post_id, MAX(state) = 'running' FROM broadcast"
            " JOIN broadcast_post ON broadcast_id = broadcast.id"
            " WHERE serial > :after AND serial <= :upto AND state IN ('running', 'done') GROUP BY post_id"
            " ORDER BY post_id",
            after=after,
            upto=newest[0][0],
        )
        return int(newest[0][0]), [(row[0], row[1], bool(row[2])) for row in rows]

    async def asking(self, reader_id: int, *, now: int) -> Recipient | None:
        """An active reader as a list that is asked for now would find it: whoever has none otherwise looks back a day
        at most. None for others."""
        rows = await self._db.tuples(f"SELECT {COLUMNS} FROM reader WHERE id = :id AND state = 'active'", id=reader_id)
        if not rows:
            return None
        reader: Recipient = recipient(rows[0])
        if reader.list_at is not None:
            return reader
        yesterdays = await self._db.fetch(f"SELECT {YESTERDAYS}", now=now)
        return reader._replace(listed=max(reader.listed, int(yesterdays[0][0])))

    async def had(self, readers: Iterable[int], posts: Iterable[int]) -> dict[int, frozenset[int]]:
        """Which of these posts each of these readers has got, by itself or in a list, or cannot get."""
        dialect = self._db.dialect
        params = {"readers": json.dumps(list(readers)), "posts": json.dumps(list(posts))}
        alone = await self._db.tuples(
            "SELECT receipt.reader_id, post_id FROM broadcast_post JOIN broadcast ON broadcast.id ="
            " broadcast_post.broadcast_id JOIN receipt ON receipt.broadcast_id = broadcast.id"
            f" WHERE post_id IN ({dialect.numbers_of('posts')}) AND kind = 'send'"
            f" AND lane <> {int(Lane.DIGEST)}"
            f" AND receipt.reader_id IN ({dialect.numbers_of('readers')}) AND {_SETTLED} AND carried IS NULL"
            " UNION SELECT reader_id, post_id FROM copy"
            f" WHERE post_id IN ({dialect.numbers_of('posts')}) AND reader_id IN ({dialect.numbers_of('readers')})",
            **params,
        )
        together = await self._db.tuples(
            f"SELECT reader_id, carried FROM receipt WHERE reader_id IN ({dialect.numbers_of('readers')})"
            f" AND carried IS NOT NULL AND {_SETTLED}",
            readers=params["readers"],
        )
        found: dict[int, set[int]] = {}
        for reader_id, post_id in alone:
            found.setdefault(reader_id, set()).add(post_id)
        for reader_id, carried in together:
            found.setdefault(reader_id, set()).update(json.loads(carried))
        return {reader_id: frozenset(had) for reader_id, had in found.items()}

    async def carry(self, broadcast_id: int, posts: Iterable[int]) -> None:
        """A list is going to bring these posts to somebody: corrections made from now on follow it."""
        await self._db.many(
            "INSERT INTO broadcast_post (broadcast_id, post_id, n) VALUES (:broadcast, :post, :n)"
            " ON CONFLICT (broadcast_id, post_id) DO NOTHING",
            [(broadcast_id, post_id, post_id) for post_id in posts],
        )

    async def carried(self, broadcast_id: int, reader_id: int) -> tuple[int, ...]:
        """The posts of a list that a reader has got, those beyond its end included."""
        rows = await self._db.fetch(
            "SELECT carried FROM receipt WHERE broadcast_id = :id AND reader_id = :reader AND message_id IS NOT NULL",
            id=broadcast_id,
            reader=reader_id,
        )
        return tuple(json.loads(rows[0][0])) if rows and rows[0][0] else ()


_SETTLED = f"receipt.due_at IS NULL AND receipt.outcome <> {int(Result.SKIPPED)}"
