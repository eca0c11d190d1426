"""The first start on a token that a bot lived on before: what waits for it is answered once per person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage import Storage

_BORN = "born_at"


class Backlog:
    """What people said before this bot began, up to a day of it. The first thing of each chat is heard, the rest is
    passed over; whoever comes, goes or is moved is always heard."""

    def __init__(self, born_at: int = 0) -> None:
        self._born_at = born_at
        self._heard: set[str] = set()

    def passes(self, update: Mapping[str, Any]) -> bool:
        """Whether an update is to be heard. Survives any shape."""
        message = update.get("message")
        if not isinstance(message, dict) or type(date := message.get("date")) is not int or date >= self._born_at:
            return True
        chat = message["chat"].get("id") if isinstance(message.get("chat"), dict) else None
        before = len(self._heard)
        self._heard.add(str(chat))
        return len(self._heard) > before


async def born(storage: Storage, now: int) -> int:
    """When this bot first began to listen (epoch seconds); 0 for one that did before this was asked."""
    known = await storage.meta.get(_BORN)
    if known is None:
        known = str(0 if await storage.inbox.next_offset() else now)
        await storage.meta.put(_BORN, known)
    return int(known)
