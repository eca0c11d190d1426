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


class Inbox:
    """The inbox table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def store(self, updates: Sequence[tuple[int, int, str]], now: int) -> None:
        """Keep updates (id, chat, JSON); one that is already here is not kept twice."""
        await self._db.many(
            "INSERT INTO inbox (update_id, chat, body, received_at) VALUES (:update_id, :chat, :body, :now)"
            " ON CONFLICT (update_id) DO NOTHING",
            [(*update, now) for update in updates],
        )

    async def waiting(self, after: int, limit: int = 200) -> list[Waiting]:
        """Unhandled updates with ids above `after`, oldest first."""
        rows = await self._db.fetch(
            "SELECT update_id, chat, body, attempts FROM inbox"
            " WHERE handled_at IS NULL AND update_id > :after ORDER BY update_id LIMIT :limit",
            after=after,
            limit=limit,
        )
        return [Waiting(*row) for row in rows]

    async def done(self, update_ids: Sequence[int], now: int) -> None:
        """Mark updates as handled."""
        await self._db.many(
            "UPDATE inbox SET handled_at = :now WHERE update_id = :id", [(now, update_id) for update_id in update_ids]
        )

    async def attempted(self, update_id: int) -> int:
        """Count a try before it is made, so that an update that kills the process is seen; the number of tries."""
        rows = await self._db.write(
            "UPDATE inbox SET attempts = attempts + 1 WHERE update_id = :id RETURNING attempts", id=update_id
        )
        return int(rows[0][0]) if rows else 0

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
