"""Cards: which message tells the desk how a thing stands, and what it says."""

from __future__ import annotations

from bot.domain.desk import Card
from storage.engine import Engine, Row

_ABANDONED = 60
"""Seconds after which a card that was to be posted is taken for lost with the process that meant to."""


class Cards:
    """The card table: one message per thing and chat."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def of(self, kind: str, subject: int | None = None) -> list[Card]:
        """The cards of a thing, or of all things of a kind, that are posted."""
        rows = await self._db.fetch(
            "SELECT kind, subject, chat_id, message_id, said FROM card"
            " WHERE kind = :kind AND (:any = 1 OR subject = :subject) AND message_id <> 0 ORDER BY subject, chat_id",
            kind=kind,
            any=int(subject is None),
            subject=subject or 0,
        )
        return [_card(row) for row in rows]

    async def claim(self, kind: str, subject: int, chat_id: int, *, now: int) -> bool:
        """Take it upon oneself to post a card; False when there is one, or somebody else is about to."""
        rows = await self._db.write(
            "INSERT INTO card (kind, subject, chat_id, message_id, said, at)"
            " VALUES (:kind, :subject, :chat, 0, '', :now)"
            " ON CONFLICT (kind, subject, chat_id) DO UPDATE SET at = excluded.at"
            " WHERE card.message_id = 0 AND card.at < :lost RETURNING subject",
            kind=kind,
            subject=subject,
            chat=chat_id,
            now=now,
            lost=now - _ABANDONED,
        )
        return bool(rows)

    async def put(self, card: Card, *, now: int) -> None:
        """The card is that message, and says that."""
        await self._db.write(
            "INSERT INTO card (kind, subject, chat_id, message_id, said, at)"
            " VALUES (:kind, :subject, :chat, :message, :said, :now) ON CONFLICT (kind, subject, chat_id)"
            " DO UPDATE SET message_id = excluded.message_id, said = excluded.said, at = excluded.at",
            kind=card.kind,
            subject=card.subject,
            chat=card.chat_id,
            message=card.message_id,
            said=card.said,
            now=now,
        )

    async def forget(self, kind: str, subject: int, chat_id: int) -> None:
        """Its last word is said, or it cannot be posted there."""
        await self._db.write(
            "DELETE FROM card WHERE kind = :kind AND subject = :subject AND chat_id = :chat",
            kind=kind,
            subject=subject,
            chat=chat_id,
        )

    async def leave(self, chat_id: int) -> None:
        """Forget all cards of a chat that exists no more."""
        await self._db.write("DELETE FROM card WHERE chat_id = :chat", chat=chat_id)


def _card(row: Row) -> Card:
    return Card(*row)
