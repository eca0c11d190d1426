"""Who may use the desk, their invitations and drafts, and the book of who did what."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, NamedTuple

from bot.domain.desk import Draft, DraftState, Editor, Role
from bot.domain.post import RichText
from storage.engine import Engine, Row


class Entry(NamedTuple):
    """A line of the audit: who did what to which thing, when (epoch seconds), and its text as it was then."""

    at: int
    user_id: int
    action: str
    subject: str
    text: str
    id: int


class Editors:
    """Editors, invitations, drafts and the audit."""

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

    async def new_draft(self, author_id: int, chat_id: int, language: str, *, now: int) -> Draft:
        """Begin a draft; older ones that were not sent are dropped: an editor has one open draft."""
        async with self._db.transaction() as db:
            await db.write(
                "UPDATE draft SET state = 'dropped' WHERE author_id = :author AND state IN ('compose', 'preview')",
                author=author_id,
            )
            rows = await db.write(
                "INSERT INTO draft (author_id, chat_id, state, language, content, created_at)"
                " VALUES (:author, :chat, 'compose', :language, '{}', :now) RETURNING *",
                author=author_id,
                chat=chat_id,
                language=language,
                now=now,
            )
        return _draft(rows[0])

    async def draft(self, id_: int) -> Draft | None:
        """One draft."""
        rows = await self._db.fetch("SELECT * FROM draft WHERE id = :id", id=id_)
        return _draft(rows[0]) if rows else None

    async def open_draft(self, author_id: int, *, since: int) -> Draft | None:
        """The draft begun after `since` that takes this editor's next message: awaited, or shown and not yet sent."""
        rows = await self._db.fetch(
            "SELECT * FROM draft WHERE author_id = :id AND state IN ('compose', 'preview') AND created_at > :since"
            " ORDER BY id DESC LIMIT 1",
            id=author_id,
            since=since,
        )
        return _draft(rows[0]) if rows else None

    async def sent_drafts(self, *, since: int) -> list[Draft]:
        """Drafts begun after `since` that went out, newest first; those called off in time are left out."""
        rows = await self._db.fetch(
            "SELECT draft.* FROM draft JOIN broadcast ON broadcast.id = draft.broadcast_id"
            " WHERE draft.created_at > :since AND broadcast.state <> 'cancelled' ORDER BY draft.id DESC",
            since=since,
        )
        return [_draft(row) for row in rows]

    async def cards(self) -> list[Draft]:
        """Drafts that became broadcasts and whose card does not show the final report yet, oldest first."""
        rows = await self._db.fetch(
            "SELECT * FROM draft WHERE state = 'sent' AND reported_at IS NULL AND card_id <> 0 ORDER BY id"
        )
        return [_draft(row) for row in rows]

    async def card_of(self, broadcast_id: int) -> Draft | None:
        """The draft that became this broadcast."""
        rows = await self._db.fetch("SELECT * FROM draft WHERE broadcast_id = :id", id=broadcast_id)
        return _draft(rows[0]) if rows else None

    async def card_done(self, id_: int, *, now: int) -> None:
        """The draft's card says how it ended; nobody edits it any more."""
        await self._db.write("UPDATE draft SET reported_at = :now WHERE id = :id", now=now, id=id_)

    async def fill_draft(self, id_: int, text: RichText, media: str, media_kind: str) -> Draft | None:
        """Put the editor's text in; the draft is now to be previewed. None when it waits for none."""
        content = json.dumps({"text": asdict(text), "media": media, "media_kind": media_kind}, ensure_ascii=False)
        rows = await self._db.write(
            "UPDATE draft SET content = :content, state = 'preview'"
            " WHERE id = :id AND state IN ('compose', 'preview') RETURNING *",
            id=id_,
            content=content,
        )
        return _draft(rows[0]) if rows else None

    async def draft_card(self, id_: int, card_id: int) -> None:
        """Remember the message that carries the draft's buttons."""
        await self._db.write("UPDATE draft SET card_id = :card WHERE id = :id", card=card_id, id=id_)

    async def drop_draft(self, id_: int) -> bool:
        """Give an unsent draft up; False when it was sent or dropped before."""
        rows = await self._db.write(
            "UPDATE draft SET state = 'dropped' WHERE id = :id AND state IN ('compose', 'preview') RETURNING id", id=id_
        )
        return bool(rows)

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


def rich_text(value: dict[str, Any]) -> RichText:
    """A RichText from its stored form."""
    return RichText(value.get("text", ""), tuple(value.get("entities", ())))


def _draft(row: Row) -> Draft:
    content = json.loads(row["content"])
    return Draft(
        id=row["id"],
        author_id=row["author_id"],
        chat_id=row["chat_id"],
        state=DraftState(row["state"]),
        language=row["language"],
        text=rich_text(content.get("text", {})),
        created_at=row["created_at"],
        card_id=row["card_id"],
        media=content.get("media", ""),
        media_kind=content.get("media_kind", ""),
        broadcast_id=row["broadcast_id"],
    )
