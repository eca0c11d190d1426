"""What is kept about a chat: handed over whole, or forgotten whole."""

from __future__ import annotations

import json
from typing import Any

from storage.engine import Connection, Engine
from storage.terms import forget

_POSTS, _CASTS = "post_id IN (SELECT id FROM post)", "broadcast_id IN (SELECT id FROM broadcast)"
_KEPT = {
    "deliveries": ("receipt", "broadcast_id, outcome, message_id, took_ms", _CASTS),
    "shown": ("copy", "post_id, message_id, shown_at", _POSTS),
    "muted": ("mute", "bit AS section_bit, until AS ends_at", ""),
    "saved": ("saved", "post_id, saved_at", ""),
    "pressed": ("tap", "post_id, kind, at", ""),
    "pace": ("pace", "day, n", ""),
    "words": ("reader_term", "word, follows, chosen_at", ""),
}
"""Every table with a `reader_id`: its name in the export, what is exported, and the beginning of its key, by which a
reader's rows are found without reading all (tests/storage/test_storage_privacy.py wants them all)."""

_MINE = {
    table: "reader_id IN (SELECT id FROM reader WHERE chat_id = :chat)" + (f" AND {among}" if among else "")
    for table, _, among in _KEPT.values()
}
"""By table: the rows of a chat's readers."""


class Privacy:
    """All tables that know a chat."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def export(self, chat_id: int) -> dict[str, Any]:
        """Everything kept about a chat, in plain values."""
        readers = await self._db.fetch("SELECT * FROM reader WHERE chat_id = :chat ORDER BY id", chat=chat_id)
        kept = {"readers": [dict(row) for row in readers]}
        for name, (table, columns, _) in _KEPT.items():
            rows = await self._db.fetch(
                f"SELECT DISTINCT {columns} FROM {table} WHERE {_MINE[table]} ORDER BY 1, 2", chat=chat_id
            )
            kept[name] = [dict(row) for row in rows]
        groups = await self._db.fetch(
            "SELECT title FROM place WHERE chat_id IN (SELECT chat_id FROM place_admin WHERE user_id = :chat)"
            " ORDER BY 1",
            chat=chat_id,
        )
        kept["groups"] = [dict(row) for row in groups]
        updates = await self._db.fetch(
            "SELECT body, received_at FROM inbox WHERE chat = :chat ORDER BY update_id", chat=chat_id
        )
        return {**kept, "messages": [dict(row) for row in updates]}

    async def erase(self, chat_id: int, *, now: int) -> None:
        """Forget a chat, in the files too: readers and all that is theirs, words that only they had chosen, and its
        updates, the one that asks for it included."""
        async with self._db.transaction() as db:
            await db.write(
                "INSERT INTO meta (key, value) VALUES ('erased_at', CAST(CAST(:now AS BIGINT) AS TEXT))"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                now=now,
            )
            terms = await db.fetch(f"SELECT term_id FROM reader_term WHERE {_MINE['reader_term']}", chat=chat_id)
            for table, mine in _MINE.items():
                await db.write(f"DELETE FROM {table} WHERE {mine}", chat=chat_id)
            await forget(db, [row[0] for row in terms])
            await db.write(
                "INSERT INTO departed (counted) SELECT counted FROM reader WHERE chat_id = :chat AND counted > 0",
                chat=chat_id,
            )
            for (reader_id,) in await db.fetch("SELECT id FROM reader WHERE chat_id = :chat", chat=chat_id):
                await _forget_sends(db, reader_id, now)
            await db.write("DELETE FROM reader WHERE chat_id = :chat", chat=chat_id)
            for mine in (
                "hold WHERE chat_id",
                "place WHERE chat_id",
                "place_admin WHERE chat_id",
                "place_admin WHERE user_id",
            ):
                await db.write(f"DELETE FROM {mine} = :chat", chat=chat_id)
            await db.write(
                "UPDATE inbox SET handled_at = :now, chat = 0, body = '' WHERE chat = :chat", chat=chat_id, now=now
            )
        await self._db.shred()

    async def strays(self, broadcast_id: int, after: int, upto: int) -> None:
        """Forget the receipts of a send that came in for readers (ids above `after` up to `upto`) who had erased
        themselves while it was on its way to them: those that `Deliveries.settle` could not see gone, because both
        happened in the same moment, or more than a day apart."""
        among = "broadcast_id = :id AND reader_id > :after AND reader_id <= :upto"
        gone = "NOT EXISTS (SELECT 1 FROM reader WHERE reader.id = receipt.reader_id)"
        where: dict[str, object] = {"id": broadcast_id, "after": after, "upto": upto}
        if await self._db.fetch(f"SELECT 1 FROM receipt WHERE {among} AND {gone} LIMIT 1", **where):
            await self._db.write(f"DELETE FROM receipt WHERE {among} AND {gone}", **where)
            await self._db.shred()


_OVER = "state NOT IN ('countdown', 'running', 'paused')"
_BLOCK = 1024


async def _forget_sends(db: Connection, reader_id: int, now: int) -> None:
    """Lists that were that one reader's alone, and what corrected them, are nobody's; where a walk over copies ends
    with that reader, it ends with the one before."""
    rows = await db.fetch(
        "SELECT id, audience FROM broadcast WHERE horizon = :reader AND audience <> ''", reader=reader_id
    )
    for id_ in (row[0] for row in rows if json.loads(row[1]).get("only") == reader_id):
        await db.write(
            "UPDATE broadcast SET key = CASE WHEN id = :id THEN :key ELSE key END, audience = :nobody, horizon = 0,"
            " start_block = 0, cursor = 0, finished_at = COALESCE(finished_at, :now),"
            f" state = CASE WHEN {_OVER} THEN state ELSE 'stopped' END WHERE id = :id OR target_id = :id",
            id=id_,
            key=f"asked:{id_}",
            nobody='{"only": -1}',
            now=now,
        )
        await db.write("DELETE FROM lease WHERE broadcast_id = :id", id=id_)
    await db.write(
        "UPDATE broadcast SET horizon = horizon - 1 WHERE horizon = :reader AND kind <> 'send'"
        f" AND (horizon % {_BLOCK} <> 0 OR {_OVER})",
        reader=reader_id,
    )
