"""Updates from Telegram: stored before they are confirmed, handled once, in order per chat.

Where several processes take them, an update is handled by the one that has stored it, after whatever is older in its
chat, wherever that is. Who has it does not have it for ever: what is not prolonged is another's after a while.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from storage.engine import Engine


@dataclass(frozen=True, slots=True)
class Waiting:
    """An update that nobody has handled yet. `chat` groups updates whose order matters; `body` is its JSON."""

    update_id: int
    chat: int
    body: str
    attempts: int


_HANDLED = "handled_at = :now, chat = 0, body = ''"


class Inbox:
    """The inbox table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def store(
        self, updates: Sequence[tuple[int, int, str]], now: int, *, worker: str = "", until: int = 0
    ) -> list[int]:
        """Keep updates (id, chat, JSON); the ids of those that were not here before. Their chats are active today.

        Where several processes take updates, they are `worker`'s until then (milliseconds).
        """
        fresh = []
        async with self._db.transaction() as db:
            for update_id, chat, body in updates:
                rows = await db.write(
                    "INSERT INTO inbox (update_id, chat, body, received_at, worker, until)"
                    " VALUES (:id, :chat, :body, :now, :worker, :until)"
                    " ON CONFLICT (update_id) DO NOTHING RETURNING update_id",
                    id=update_id,
                    chat=chat,
                    body=body,
                    now=now,
                    worker=worker,
                    until=until,
                )
                fresh += [row[0] for row in rows]
            await db.many(
                "UPDATE reader SET active_day = :today WHERE chat_id = :chat AND active_day < :today",
                [(now // 86_400, chat) for chat in {chat for _, chat, _ in updates}],
            )
        return fresh

    async def recover(self, most: int, now: int) -> tuple[list[Waiting], int]:
        """At the start of the one process there is: unhandled updates, oldest first.

        Those tried `most` times since a start are marked as handled instead (their number is the second value): an
        update that kills the process must not do so for ever.
        """
        async with self._db.transaction() as db:
            hopeless = await db.write(
                f"UPDATE inbox SET {_HANDLED} WHERE handled_at IS NULL AND attempts >= :most RETURNING update_id",
                most=most,
                now=now,
            )
            rows = await db.fetch(
                "SELECT update_id, chat, body, attempts FROM inbox WHERE handled_at IS NULL ORDER BY update_id"
            )
        return [Waiting(*row) for row in rows], len(hopeless)

    async def take_over(self, worker: str, most: int, *, now: int, until: int) -> tuple[list[Waiting], int]:
        """Unhandled updates that are nobody's any more become `worker`'s, oldest first; as with `recover`, those tried
        `most` times are given up. Times are milliseconds.
        """
        async with self._db.transaction() as db:
            hopeless = await db.write(
                f"UPDATE inbox SET {_HANDLED} WHERE handled_at IS NULL AND until <= :moment AND attempts >= :most"
                " RETURNING update_id",
                most=most,
                moment=now,
                now=now // 1000,
            )
            rows = await db.write(
                "UPDATE inbox SET worker = :worker, until = :until WHERE handled_at IS NULL AND until <= :now"
                " RETURNING update_id, chat, body, attempts",
                worker=worker,
                until=until,
                now=now,
            )
        return sorted((Waiting(*row) for row in rows), key=lambda waiting: waiting.update_id), len(hopeless)

    async def turn(self, update_id: int, chat: int, worker: str) -> bool | None:
        """Whether `worker` may handle the update now; None when it is not its any more, or handled."""
        rows = await self._db.fetch(
            "SELECT EXISTS (SELECT 1 FROM inbox AS older WHERE older.chat = :chat AND older.update_id < :id"
            " AND older.handled_at IS NULL) FROM inbox WHERE update_id = :id AND worker = :worker"
            " AND handled_at IS NULL",
            id=update_id,
            chat=chat,
            worker=worker,
        )
        return not rows[0][0] if rows else None

    async def prolong(self, worker: str, update_ids: Collection[int], until: int) -> None:
        """These updates, as far as they are still `worker`'s, are so until then (milliseconds)."""
        await self._db.write(
            "UPDATE inbox SET until = :until WHERE worker = :worker AND handled_at IS NULL"
            f" AND update_id IN ({self._db.dialect.numbers_of('ids')})",
            until=until,
            worker=worker,
            ids=json.dumps(sorted(update_ids)),
        )

    async def release(self, worker: str) -> None:
        """What `worker` leaves unhandled is anybody's at once."""
        await self._db.write("UPDATE inbox SET until = 0 WHERE worker = :worker AND handled_at IS NULL", worker=worker)

    async def attempted(self, update_id: int) -> None:
        """Count a try of an update that an earlier life left behind, before it is made."""
        await self._db.write("UPDATE inbox SET attempts = attempts + 1 WHERE update_id = :id", id=update_id)

    async def done(self, update_ids: Sequence[int], now: int) -> None:
        """Mark updates as handled. What was said and by whom is forgotten with it: only the number is needed on."""
        await self._db.many(
            f"UPDATE inbox SET {_HANDLED} WHERE update_id = :id", [(now, update_id) for update_id in update_ids]
        )

    async def next_offset(self) -> int:
        """The id above everything stored: what polling asks for next. 0 when nothing was ever stored."""
        rows = await self._db.fetch("SELECT MAX(update_id) FROM inbox")
        return int(rows[0][0]) + 1 if rows[0][0] is not None else 0

    async def oldest_waiting(self) -> int | None:
        """When the oldest unhandled update arrived (epoch seconds)."""
        rows = await self._db.fetch("SELECT MIN(received_at) FROM inbox WHERE handled_at IS NULL")
        return rows[0][0]  # type: ignore[no-any-return]

    async def prune(self, before: int) -> None:
        """Forget handled updates older than `before`; the newest one stays, it carries the offset."""
        await self._db.write(
            "DELETE FROM inbox WHERE handled_at < :before AND update_id < (SELECT MAX(update_id) FROM inbox)",
            before=before,
        )
