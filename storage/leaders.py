"""Leadership: who may watch, poll and send. A row with an epoch that rises at each change of hands."""

from __future__ import annotations

from storage.engine import Engine


class Leaders:
    """Lease rows by name."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def acquire(self, name: str, owner: str, *, now: int, ttl: int) -> int | None:
        """Take or prolong the lease for `ttl` seconds; its epoch, or None while somebody else holds it."""
        rows = await self._db.write(
            "INSERT INTO leader (name, owner, epoch, until) VALUES (:name, :owner, 1, :until)"
            " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until,"
            " epoch = leader.epoch + CASE WHEN leader.owner = excluded.owner THEN 0 ELSE 1 END"
            " WHERE leader.owner = excluded.owner OR leader.until <= :now RETURNING epoch",
            name=name,
            owner=owner,
            until=now + ttl,
            now=now,
        )
        return int(rows[0][0]) if rows else None

    async def release(self, name: str, owner: str) -> None:
        """Give the lease back; nothing happens when it is not `owner`'s."""
        await self._db.write(
            "UPDATE leader SET until = 0 WHERE name = :name AND owner = :owner", name=name, owner=owner
        )

    async def take_over(self) -> None:
        """Expire every lease of the leadership: for the one process that holds SQLite's file lock."""
        await self._db.write("UPDATE leader SET until = 0")
