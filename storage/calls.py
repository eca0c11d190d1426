"""Calls of the newsroom's API that named themselves: each is done once, and its repetition gets the same answer."""

from __future__ import annotations

from typing import NamedTuple

from storage.engine import Engine


class Call(NamedTuple):
    """A call under its name: `digest` of what it asked, its `status` (0: under way) and `answer`; `begun_at` in epoch
    seconds."""

    digest: str
    status: int
    answer: str
    begun_at: int


class Calls:
    """The call table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def begin(self, name: str, digest: str, *, now: int, lost: int) -> Call | None:
        """Begin a call; what is known under its name where somebody has begun it. None: it is ours to do.

        One that was begun before `lost` and has no answer died with its process: it is ours, too.
        """
        rows = await self._db.write(
            "INSERT INTO api_call (name, digest, status, answer, begun_at) VALUES (:name, :digest, 0, '', :now)"
            " ON CONFLICT (name) DO UPDATE SET begun_at = excluded.begun_at"
            " WHERE api_call.status = 0 AND api_call.begun_at < :lost AND api_call.digest = excluded.digest"
            " RETURNING name",
            name=name,
            digest=digest,
            now=now,
            lost=lost,
        )
        if rows:
            return None
        known = await self._db.fetch(
            "SELECT digest, status, answer, begun_at FROM api_call WHERE name = :name", name=name
        )
        return Call(*known[0])

    async def note(self, name: str, answer: str) -> None:
        """What a call has brought about so far, for whoever goes on with it."""
        await self._db.write("UPDATE api_call SET answer = :answer WHERE name = :name", answer=answer, name=name)

    async def noted(self, name: str) -> str:
        """What was noted of a call, "" for nothing."""
        rows = await self._db.fetch("SELECT answer FROM api_call WHERE name = :name", name=name)
        return str(rows[0][0]) if rows else ""

    async def end(self, name: str, status: int, answer: str) -> None:
        """The call is answered."""
        await self._db.write(
            "UPDATE api_call SET status = :status, answer = :answer WHERE name = :name",
            status=status,
            answer=answer,
            name=name,
        )

    async def give_up(self, name: str) -> None:
        """The call did nothing and may be made again under its name."""
        await self._db.write("DELETE FROM api_call WHERE name = :name AND status = 0", name=name)

    async def prune(self, before: int) -> None:
        """Forget calls begun before that moment."""
        await self._db.write("DELETE FROM api_call WHERE begun_at < :before", before=before)
