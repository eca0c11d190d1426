"""The desk's own service: each second, and when something has happened, its parts look at what there is to do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from bot.clock import Clock
from bot.domain.errors import StorageError

BEAT = 1.0
"""Seconds between two looks."""
_log = logging.getLogger(__name__)


class Part(Protocol):
    """A part of the desk."""

    async def beat(self) -> None:
        """One look at everything that concerns it."""
        ...


class Board:
    """Runs the parts, one after the other."""

    def __init__(self, parts: Sequence[Part], clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._look = asyncio.Event()

    def wake(self) -> None:
        """Something has happened: look at once."""
        self._look.set()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            self._look.clear()
            for part in self._parts:
                try:
                    await part.beat()
                except StorageError as error:
                    _log.warning("the desk waits for the database: %s", error)
            await self._clock.wait(self._look, BEAT)
