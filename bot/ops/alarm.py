"""A database that takes no writes is told to the owners where they are: in the chat, once, and once when it is over."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiogram.exceptions import AiogramError

from bot.clock import Clock
from bot.domain.desk import Role
from bot.domain.errors import StorageError
from bot.i18n import Lang, Words
from bot.ops.health import Health
from storage import Storage

_log = logging.getLogger(__name__)

AFTER = 60.0
"""Seconds without a write: shorter troubles mend themselves before anybody could do something."""
_LOOK_SECONDS = 15.0

Say = Callable[[int, str], Awaitable[object]]


class DatabaseAlarm:
    """Watches `health.database` and `written_at`; `say` sends a text to a chat."""

    def __init__(self, storage: Storage, health: Health, words: Words, clock: Clock, say: Say) -> None:
        self._storage = storage
        self._health = health
        self._words = words
        self._clock = clock
        self._say = say
        self._owners: list[tuple[int, Lang]] = []
        self._told = False

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            await self._clock.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Tell the owners when it has begun or ended."""
        with suppress(StorageError):  # then those known from before
            self._owners = [
                (person.user_id, await self._language(person.user_id))
                for person in await self._storage.editors.all()
                if person.role is Role.OWNER
            ]
        written_at = self._health.written_at
        long_ago = written_at is not None and self._clock.now() - written_at > AFTER
        bad = long_ago and bool(self._health.database)  # a clock that has leapt is no disk that is full
        if bad is self._told:
            return
        self._told = bad
        for user_id, t in self._owners:
            text = (
                t("⚠️ Nothing can be saved: is the disk full? What readers choose and new articles wait. Make room.")
                if bad
                else t("✅ Saving works again.")
            )
            try:
                await self._say(user_id, text)
            except (AiogramError, OSError, TimeoutError) as error:
                _log.warning("an owner could not be told of the database: %s", type(error).__name__)

    async def _language(self, user_id: int) -> Lang:
        reader = await self._storage.readers.get(user_id)
        return self._words[reader.language if reader else ""]
