"""Small facts about this installation, by name; and the sections' bits."""

from __future__ import annotations

from collections.abc import Sequence

from storage.engine import Engine


class Meta:
    """Named values and the table of sections."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def get(self, key: str) -> str | None:
        """The value, None when there is none."""
        rows = await self._db.fetch("SELECT value FROM meta WHERE key = :key", key=key)
        return str(rows[0][0]) if rows else None

    async def put(self, key: str, value: str) -> None:
        """Set a value."""
        await self._db.write(
            "INSERT INTO meta (key, value) VALUES (:key, :value)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key=key,
            value=value,
        )

    async def time(self) -> float:
        """The database's own time in epoch seconds, to which all its processes keep."""
        return float((await self._db.fetch(f"SELECT {self._db.dialect.now}"))[0][0])

    async def size(self) -> int:
        """The database's bytes on the disk; of SQLite without its log."""
        return int((await self._db.fetch(self._db.dialect.size))[0][0])

    async def section_bits(self, ids: Sequence[str]) -> dict[str, int]:
        """Each section's bit, given for ever at first sight. Raises ValueError when bits 0..61 are used up."""
        async with self._db.transaction() as db:
            # Holds the row: two processes that start at once must not give the same bit.
            await db.write("UPDATE meta SET value = value WHERE key = 'schema_version'")
            bits = {row[0]: row[1] for row in await db.fetch("SELECT id, bit FROM section")}
            for id_ in ids:
                if id_ not in bits:
                    bit = max(bits.values(), default=-1) + 1
                    if bit > 61:
                        raise ValueError("more than 62 sections in this database's life")
                    await db.write("INSERT INTO section (id, bit) VALUES (:id, :bit)", id=id_, bit=bit)
                    bits[id_] = bit
        return {id_: bits[id_] for id_ in ids}
