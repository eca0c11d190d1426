"""Pictures by the address they came from: Telegram's name for them, or when and why they could not be had."""

from __future__ import annotations

import hashlib

from bot.domain.post import Picture
from storage.engine import Engine


class Media:
    """The media table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def get(self, url: str) -> Picture | None:
        """What is known of a picture; None when nobody has asked for it yet."""
        rows = await self._db.fetch("SELECT * FROM media WHERE key = :key", key=_key(url))
        return Picture(rows[0]["url"], rows[0]["file_id"], rows[0]["failed_at"], rows[0]["reason"]) if rows else None

    async def claim(self, url: str, *, now: int, until: int) -> bool:
        """Become the one who uploads it, for a while; False while somebody else is, or when it is uploaded."""
        rows = await self._db.write(
            "INSERT INTO media (key, url, changed_at, claimed_until) VALUES (:key, :url, :now, :until)"
            " ON CONFLICT (key) DO UPDATE SET claimed_until = excluded.claimed_until"
            " WHERE media.file_id = '' AND media.claimed_until <= :now RETURNING key",
            key=_key(url),
            url=url,
            now=now,
            until=until,
        )
        return bool(rows)

    async def give_back(self, url: str) -> None:
        """Let somebody else upload it: this chat could not take it, which says nothing of the picture."""
        await self._db.write("UPDATE media SET claimed_until = 0 WHERE key = :key", key=_key(url))

    async def settle(self, picture: Picture, *, now: int) -> None:
        """Keep what became of it: a file, or a failure with its reason."""
        await self._db.write(
            "INSERT INTO media (key, url, file_id, failed_at, reason, changed_at)"
            " VALUES (:key, :url, :file, :failed, :reason, :now)"
            " ON CONFLICT (key) DO UPDATE SET file_id = excluded.file_id, failed_at = excluded.failed_at,"
            " reason = excluded.reason, changed_at = excluded.changed_at, claimed_until = 0",
            key=_key(picture.url),
            url=picture.url,
            file=picture.file_id,
            failed=picture.failed_at,
            reason=picture.reason,
            now=now,
        )

    async def prune(self, before: int) -> None:
        """Forget what has not changed since that moment."""
        await self._db.write("DELETE FROM media WHERE changed_at < :before", before=before)


def _key(url: str) -> str:
    """Addresses can be longer than an index of PostgreSQL takes."""
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()
