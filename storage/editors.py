"""Who may use the desk, their invitations, and the book of who did what."""

from __future__ import annotations

from typing import NamedTuple

from bot.domain.desk import Editor, Role
from storage.engine import Engine


class Entry(NamedTuple):
    """A line of the audit: who did what to which thing, when (epoch seconds), and its text as it was then."""

    at: int
    user_id: int
    action: str
    subject: str
    text: str
    id: int


class Editors:
    """Editors, invitations and the audit."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def role(self, user_id: int) -> Role:
        """The rights of a person, read anew at each press."""
        rows = await self._db.fetch("SELECT role FROM editor WHERE user_id = :id", id=user_id)
        return Role(rows[0][0]) if rows else Role.READER

    async def all(self) -> list[Editor]:
        """Everybody with rights, owners first."""
        rows = await self._db.fetch(
            "SELECT user_id, role, name, added_at, added_by FROM editor ORDER BY role DESC, added_at, user_id"
        )
        return [Editor(row[0], Role(row[1]), row[2], row[3], row[4]) for row in rows]

    async def on_record(self, user_id: int) -> bool:
        """Whether somebody works at the desk or has done so: that is kept whatever they erase as a reader."""
        rows = await self._db.fetch(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM editor WHERE user_id = :id)"
            " OR EXISTS (SELECT 1 FROM audit WHERE user_id = :id)",
            id=user_id,
        )
        return bool(rows)

    async def has_owner(self) -> bool:
        """Whether anybody owns the desk."""
        return bool(await self._db.fetch("SELECT 1 FROM editor WHERE role = :role LIMIT 1", role=int(Role.OWNER)))

    async def add(self, user_id: int, role: Role, name: str, *, by: int, now: int) -> None:
        """Give rights; more rights than before replace fewer, never the other way round."""
        await self._db.write(
            "INSERT INTO editor (user_id, role, name, added_at, added_by) VALUES (:id, :role, :name, :now, :by)"
            " ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, name = excluded.name"
            " WHERE editor.role <= excluded.role",
            id=user_id,
            role=int(role),
            name=name,
            now=now,
            by=by,
        )

    async def remove(self, user_id: int) -> bool:
        """Take all rights away; False when there were none."""
        return bool(await self._db.write("DELETE FROM editor WHERE user_id = :id RETURNING user_id", id=user_id))

    async def invite(self, hash_: str, role: Role, *, by: int, expires_at: int) -> None:
        """Keep a one-time invitation (only its hash)."""
        await self._db.write(
            "INSERT INTO invitation (hash, role, made_by, expires_at) VALUES (:hash, :role, :by, :expires)",
            hash=hash_,
            role=int(role),
            by=by,
            expires=expires_at,
        )

    async def accept(self, hash_: str, user_id: int, *, now: int) -> tuple[Role, int] | None:
        """Use an invitation up: the role and who made it, None when unknown, used or expired."""
        rows = await self._db.write(
            "UPDATE invitation SET used_by = :user WHERE hash = :hash AND used_by IS NULL AND expires_at > :now"
            " RETURNING role, made_by",
            user=user_id,
            hash=hash_,
            now=now,
        )
        return (Role(rows[0][0]), rows[0][1]) if rows else None

    async def log(self, user_id: int, action: str, subject: str, *, text: str = "", now: int) -> None:
        """Write into the audit: who did what to which thing, and what that said then. Nothing is ever changed there."""
        await self._db.write(
            "INSERT INTO audit (at, user_id, action, subject, text) VALUES (:now, :user, :action, :subject, :text)",
            now=now,
            user=user_id,
            action=action,
            subject=subject,
            text=text,
        )

    async def audit(self, limit: int = 50, *, before: int = 2**63 - 1) -> list[Entry]:
        """The newest entries, of those with ids below `before`."""
        rows = await self._db.fetch(
            "SELECT at, user_id, action, subject, text, id FROM audit WHERE id < :before ORDER BY id DESC LIMIT :limit",
            before=before,
            limit=limit,
        )
        return [Entry(*row) for row in rows]
