"""Desks with a feed, for the tests of the watcher."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage import Storage
from tests.feeds.watching import Desk, desk_on


@pytest.fixture
async def both(storage: Storage) -> AsyncIterator[Desk]:
    """On each engine."""
    async with desk_on(storage) as desk:
        yield desk


@pytest.fixture
async def desk(sqlite_storage: Storage) -> AsyncIterator[Desk]:
    """Where the database is not the subject."""
    async with desk_on(sqlite_storage) as desk:
        yield desk
