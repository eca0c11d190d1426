"""Corrections on their way: who holds a copy below the wanted version, and whether anybody does still.

A correction raises its post's version and becomes one broadcast per broadcast that has carried the post, and one over
the copies shown outside any (`follow`). Its audience are no readers' choices but receipts and copies that hold a
message id; it is walked in the same leased blocks, and written down in receipts of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from bot.domain.delivery import BLOCK_BITS, Broadcast, Copy, Kind, Lane, Result
from bot.domain.recipient import Recipient
from storage.engine import Connection, Engine, Row
from storage.recipients import COLUMNS, recipient

SETTLING = 30
"""Seconds after a broadcast was stopped in which answers to its last sends may still come."""
_OPEN = "('countdown', 'running', 'paused')"
_NOT_MINE = (
    "NOT EXISTS (SELECT 1 FROM receipt AS mine WHERE mine.broadcast_id = :id AND mine.reader_id = held.reader_id)"
)


def carries(column: str, post: str) -> str:
    """The condition that a stored list of posts holds one: «[4, 15]» holds 15 and not 5."""
    number = f"CAST(CAST({post} AS BIGINT) AS TEXT)"
    return f"REPLACE(REPLACE(REPLACE({column}, '[', ' '), ']', ' '), ',', ' ') LIKE '% ' || {number} || ' %'"


_SENT_BELOW = (
    "held.broadcast_id = :target AND held.message_id IS NOT NULL"
    f" AND (held.version < :version AND held.carried IS NULL OR {carries('held.carried', ':post')})"
)
_SHOWN_BELOW = "held.post_id = :post AND held.version < :version"


_SENDS = (
    "FROM receipt AS held JOIN broadcast AS sends ON sends.id = held.broadcast_id JOIN broadcast_post AS mine"
    " ON mine.broadcast_id = sends.id WHERE mine.post_id = :post AND sends.kind = 'send' AND held.message_id IS NOT"
    f" NULL AND (held.carried IS NULL OR {carries('held.carried', ':post')})"
)
"""Receipts of messages with the post `:post`."""
HOLDS = (
    f"EXISTS (SELECT 1 {_SENDS} AND held.reader_id = reader.id AND COALESCE(sends.started_at, sends.due_at) +"
    " held.took_ms / 1000 <= :until) OR EXISTS (SELECT 1 FROM copy WHERE copy.post_id = :post"
    " AND copy.reader_id = reader.id AND copy.shown_at <= :until)"
)
"""The condition on `reader` that it got a copy of the post `:post` by `:until`."""


_LOST = "(lost.outcome = :uncertain OR lost.outcome = 1 AND (lost.message_id IS NULL OR lost.reason IS NOT NULL))"
"""Receipts behind which a copy may be under an unknown message id."""


class Reach(NamedTuple):
    """What a correction of a post has before it: `copies` with a known message id, those of them that are `old`, too
    old to be deleted, and readers who may have one under an unknown message id."""

    copies: int
    old: int
    unreached: int


class Rest(NamedTuple):
    """What is left of a correction: `copies` that it has not tried, and whether its target is `closed` for good."""

    copies: bool
    closed: bool


class Corrections:
    """Receipts and copies as an audience."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def read(self, broadcast: Broadcast, block: int, after: int, limit: int) -> list[tuple[Recipient, Copy]]:
        """The next holders in a block, above reader id `after`, whom this correction has not tried."""
        span = {
            "after": max(after, (block << BLOCK_BITS) - 1),
            "last": min(broadcast.horizon, ((block + 1) << BLOCK_BITS) - 1),
            "limit": limit,
        }
        among = f"held.reader_id > :after AND held.reader_id <= :last AND {_NOT_MINE}"
        return await self._held(broadcast, among, {**span, "id": broadcast.id})

    async def holders(self, broadcast: Broadcast, readers: Iterable[int]) -> list[tuple[Recipient, Copy]]:
        """Those of these readers who hold a copy still to be changed, tried before or not."""
        among = f"held.reader_id IN ({self._db.dialect.numbers_of('readers')})"
        ids = list(readers)
        return await self._held(broadcast, among, {"readers": json.dumps(ids), "limit": len(ids)})

    async def _held(self, broadcast: Broadcast, among: str, span: dict[str, object]) -> list[tuple[Recipient, Copy]]:
        below, params = _below(broadcast)
        if broadcast.target_id:
            sql = (
                f"SELECT held.message_id, held.version, held.carried, began.at + held.took_ms / 1000, {COLUMNS}"
                " FROM receipt AS held JOIN reader ON reader.id = held.reader_id"
                " JOIN (SELECT id, COALESCE(started_at, due_at) AS at FROM broadcast) AS began"
                " ON began.id = held.broadcast_id"
                f" WHERE {below} AND {among} ORDER BY held.reader_id LIMIT :limit"
            )
        else:
            sql = (
                f"SELECT copy.message_id, copy.version, NULL, copy.shown_at, {COLUMNS} FROM copy"
                " JOIN reader ON reader.id = copy.reader_id"
                " WHERE copy.post_id = :post AND copy.version < :version AND copy.reader_id IN"
                f" (SELECT DISTINCT held.reader_id FROM copy AS held WHERE {below} AND {among}"
                " ORDER BY held.reader_id LIMIT :limit) ORDER BY copy.reader_id, copy.message_id"
            )
        rows = await self._db.tuples(sql, **params, **span)
        return [_holder(list(of_reader)) for _, of_reader in groupby(rows, key=lambda row: row[4])]

    async def rest(self, broadcast: Broadcast, *, now: int) -> Rest:
        """What is left, as of one moment: of a closed target without copies left nothing more can come."""
        below, params = _below(broadcast)
        table = "receipt" if broadcast.target_id else "copy"
        # A stopped target's last sends are still under way; its leases stay, so only time tells.
        rows = await self._db.fetch(
            f"SELECT EXISTS (SELECT 1 FROM {table} AS held JOIN reader ON reader.id = held.reader_id"
            f" WHERE {below} AND {_NOT_MINE}),"
            " NOT EXISTS (SELECT 1 FROM broadcast AS sends WHERE sends.id = :sends AND (sends.state IN"
            f" {_OPEN} OR sends.state = 'stopped' AND sends.finished_at > :settled))",
            sends=broadcast.target_id or 0,
            settled=now - SETTLING,
            id=broadcast.id,
            **params,
        )
        return Rest(bool(rows[0][0]), bool(rows[0][1]))

    async def walk_again(self, broadcast_id: int) -> None:
        """Take the blocks once more, once nobody holds any: a target that runs has sent the old text meanwhile."""
        await self._db.write(
            "UPDATE broadcast SET cursor = 0 WHERE id = :id AND state = 'running'"
            " AND NOT EXISTS (SELECT 1 FROM lease WHERE broadcast_id = :id)",
            id=broadcast_id,
        )

    async def count(self, broadcast: Broadcast) -> tuple[int, int]:
        """Copies that it has not tried, and those of its target that may be out there without a known message id."""
        below, params = _below(broadcast)
        held = "COUNT(*) FROM receipt" if broadcast.target_id else "COUNT(DISTINCT held.reader_id) FROM copy"
        rows = await self._db.fetch(
            f"SELECT (SELECT {held} AS held WHERE {below} AND {_NOT_MINE}),"
            f" (SELECT COUNT(*) FROM receipt AS lost WHERE lost.broadcast_id = :sends AND {_LOST})",
            sends=broadcast.target_id or 0,
            uncertain=int(Result.UNCERTAIN),
            id=broadcast.id,
            **params,
        )
        return int(rows[0][0]), int(rows[0][1])

    async def reach(self, post_id: int, *, before: int) -> Reach:
        """Whom a correction of the post would reach; `old` are copies sent before that moment."""
        rows = await self._db.fetch(
            f"SELECT COUNT(*), COUNT(*) FILTER (WHERE COALESCE(sends.started_at, sends.due_at) + held.took_ms / 1000"
            f" < :before) {_SENDS}",
            post=post_id,
            before=before,
        )
        shown = await self._db.fetch(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE shown_at < :before) FROM copy WHERE post_id = :post",
            post=post_id,
            before=before,
        )
        lost = await self._db.fetch(
            "SELECT COUNT(*) FROM receipt AS lost WHERE lost.broadcast_id IN (SELECT broadcast_id FROM broadcast_post"
            f" WHERE post_id = :post) AND {_LOST}",
            post=post_id,
            uncertain=int(Result.UNCERTAIN),
        )
        return Reach(rows[0][0] + shown[0][0], rows[0][1] + shown[0][1], lost[0][0])

    async def copies_of(self, post_id: int, readers: Sequence[int]) -> dict[int, int]:
        """The message in which each of these readers has the post, the newest; without those who have none."""
        ids = f"held.reader_id IN ({self._db.dialect.numbers_of('readers')})"
        rows = await self._db.tuples(
            f"SELECT held.reader_id, held.message_id {_SENDS} AND {ids} UNION"
            f" SELECT held.reader_id, held.message_id FROM copy AS held WHERE held.post_id = :post AND {ids}"
            " ORDER BY 1, 2",
            post=post_id,
            readers=json.dumps(list(readers)),
        )
        return {row[0]: row[1] for row in rows}


def _below(broadcast: Broadcast) -> tuple[str, dict[str, object]]:
    """The condition on `held` that it is a copy to be changed, and its parameters."""
    params: dict[str, object] = {"post": broadcast.posts[0], "version": broadcast.version}
    if broadcast.target_id:
        return _SENT_BELOW, {**params, "target": broadcast.target_id}
    return _SHOWN_BELOW, params


def _holder(rows: list[Row]) -> tuple[Recipient, Copy]:
    """A reader with all messages; their lowest version and the earliest moment count."""
    carried = tuple(json.loads(rows[0][2])) if rows[0][2] else ()
    messages = tuple(row[0] for row in rows)
    return recipient(rows[0][4:]), Copy(messages, min(row[1] for row in rows), min(row[3] for row in rows), carried)


async def follow(
    db: Connection, post_id: int, kind: Kind, *, version: int, lane: Lane, now: int, private: bool = True
) -> list[int]:
    """Start the broadcasts that bring `version` of a post to its copies, inside a transaction; their ids. Channels come
    first; without `private` they alone are meant.

    Older corrections of the post stop: these go to everybody whom they have not reached.
    """
    meant = "" if private else f" AND lane = {int(Lane.CHANNEL)}"
    await db.write(
        f"UPDATE broadcast SET state = 'stopped', finished_at = :now WHERE kind <> 'send' AND state IN {_OPEN}{meant}"
        " AND id IN (SELECT broadcast_id FROM broadcast_post WHERE post_id = :post)",
        post=post_id,
        now=now,
    )
    targets = await db.fetch(
        f"SELECT id, horizon, start_block, total, lane, audience FROM broadcast WHERE kind = 'send'{meant}"
        " AND id IN (SELECT broadcast_id FROM broadcast_post WHERE post_id = :post)"
        " AND (state IN ('running', 'paused') OR state = 'stopped' AND finished_at > :settled"
        " OR EXISTS (SELECT 1 FROM receipt WHERE broadcast_id = broadcast.id)) ORDER BY id DESC",
        post=post_id,
        settled=now - SETTLING,
    )
    started = [await _start(db, post_id, kind, tuple(row), version=version, lane=lane, now=now) for row in targets]
    return started + (await follow_shown(db, post_id, kind, version=version, lane=lane, now=now) if private else [])


async def follow_shown(db: Connection, post_id: int, kind: Kind, *, version: int, lane: Lane, now: int) -> list[int]:
    """The same for copies shown outside a broadcast, where there are any."""
    rows = await db.fetch(
        "SELECT MAX(reader_id), COUNT(DISTINCT reader_id) FROM copy WHERE post_id = :post AND version < :version",
        post=post_id,
        version=version,
    )
    horizon, readers = rows[0]
    if not readers:
        return []
    shown = (0, horizon, 0, readers, int(lane), "")
    return [await _start(db, post_id, kind, shown, version=version, lane=lane, now=now)]


async def _start(
    db: Connection, post_id: int, kind: Kind, target: tuple[Any, ...], *, version: int, lane: Lane, now: int
) -> int:
    target_id, horizon, start, total, sent_in, audience = target
    to_channel = sent_in == Lane.CHANNEL  # its copies are that channel's
    rows = await db.write(
        "INSERT INTO broadcast (key, kind, lane, state, sections, breaking, languages, audience, horizon, start_block,"
        " total, due_at, created_at, started_at, target_id, version) VALUES (:key, :kind, :lane, 'running', 0, 0, '',"
        " :audience, :horizon, :start, :total, :now, :now, :now, :target, :version)"
        " ON CONFLICT (key) DO UPDATE SET state = 'running', cursor = 0, horizon = excluded.horizon, finished_at = NULL"
        " RETURNING id",
        key=f"{kind.value}:{post_id}/{version}:{target_id}",
        kind=kind.value,
        lane=int(Lane.CHANNEL if to_channel else lane),
        audience=audience if to_channel else "",
        horizon=horizon,
        start=start,
        total=total,
        now=now,
        target=target_id,
        version=version,
    )
    id_ = int(rows[0][0])
    await db.write(
        "INSERT INTO broadcast_post (broadcast_id, post_id, n) VALUES (:id, :post, 0) ON CONFLICT DO NOTHING",
        id=id_,
        post=post_id,
    )
    return id_
