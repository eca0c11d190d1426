"""What a reader silenced for a while speaks again when its time is over: sections, or everything."""

from __future__ import annotations

import logging

from bot.clock import Clock
from bot.domain.errors import StorageError
from storage import Storage

_log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0


async def end_mutes(storage: Storage, clock: Clock) -> None:
    """Look every half a minute, for ever."""
    while True:
        try:
            await storage.readers.end_mutes(now=int(clock.now()))
            await storage.readers.end_pauses(now=int(clock.now()))
        except StorageError as error:
            _log.warning("what was silenced for a while waits for the database: %s", error)
        await clock.sleep(LOOK_SECONDS)
