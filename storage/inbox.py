"""Updates from Telegram: stored before they are confirmed, handled once, in order per chat."""

from __future__ import annotations

from collections.abc import Sequence
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

    async def store(self, updates: Sequence[tuple[int, int, str]], now: int) -> list[int]:
        """Keep updates (id, chat, JSON); the ids of those that were not here before. Their chats are active today."""
        fresh = []
        async with self._db.transaction() as db:
            for update_id, chat, body in updates:
                rows = await db.write(
                    "INSERT INTO inbox (update_id, chat, body, received_at) VALUES (:id, :chat, :body, :now)"
                    " ON CONFLICT (update_id) DO NOTHING RETURNING update_id",
                    id=update_id,
                    chat=chat,
                    body=body,
                    now=now,
                )
                fresh += [row[0] for row in rows]
            await db.many(
                "UPDATE reader SET active_day = :today WHERE chat_id = :chat AND active_day < :today",
                [(now // 86_400, chat) for chat in {chat for _, chat, _ in updates}],
            )
        return fresh

    async def recover(self, most: int, now: int) -> tuple[list[Waiting], int]:
        """At a start: unhandled updates, oldest first.

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
