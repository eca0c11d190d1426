"""Groups and channels, and who has set them up."""

from __future__ import annotations

from bot.domain.place import Place
from bot.domain.reader import ReaderKind
from storage.engine import Engine, Row


class Places:
    """The place tables."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def keep(self, place: Place, *, by: int = 0, now: int) -> None:
        """Remember a place as it is now; `by` has it in the own list from now on. How topics are used stays."""
        async with self._db.transaction() as db:
            await db.write(
                "INSERT INTO place (chat_id, kind, title, username, is_forum, by_topic, added_at) VALUES (:chat, :kind,"
                " :title, :username, :forum, 0, :now) ON CONFLICT (chat_id) DO UPDATE SET title = excluded.title,"
                " username = excluded.username, is_forum = excluded.is_forum",
                chat=place.chat_id,
                kind=place.kind.value,
                title=place.title,
                username=place.username,
                forum=int(place.is_forum),
                now=now,
            )
            if by:
                await db.write(
                    "INSERT INTO place_admin (chat_id, user_id) VALUES (:chat, :user) ON CONFLICT DO NOTHING",
                    chat=place.chat_id,
                    user=by,
                )

    async def get(self, chat_id: int) -> Place | None:
        """One place."""
        rows = await self._db.fetch("SELECT * FROM place WHERE chat_id = :chat", chat=chat_id)
        return _place(rows[0]) if rows else None

    async def of(self, user_id: int, kind: ReaderKind) -> list[Place]:
        """The places in somebody's list, by title. Whether they still may set them up is Telegram's to say."""
        rows = await self._db.fetch(
            "SELECT place.* FROM place JOIN place_admin ON place_admin.chat_id = place.chat_id"
            " WHERE user_id = :user AND kind = :kind ORDER BY title, place.chat_id",
            user=user_id,
            kind=kind.value,
        )
        return [_place(row) for row in rows]

    async def use_topics(self, chat_id: int, wanted: bool) -> None:
        """A topic of its own for each section, or everything in one place."""
        await self._db.write(
            "UPDATE place SET by_topic = :wanted WHERE chat_id = :chat", wanted=int(wanted), chat=chat_id
        )


def _place(row: Row) -> Place:
    return Place(
        chat_id=row["chat_id"],
        kind=ReaderKind(row["kind"]),
        title=row["title"],
        username=row["username"],
        is_forum=bool(row["is_forum"]),
        by_topic=bool(row["by_topic"]),
    )
