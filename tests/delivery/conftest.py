"""`crew` works on SQLite, `crews` on each database in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage import Storage
from tests.delivery.crew import Crew, crew_on


@pytest.fixture
async def crew(sqlite_storage: Storage) -> AsyncIterator[Crew]:
    """A crew with SQLite."""
    async with crew_on(sqlite_storage) as made:
        yield made


@pytest.fixture
async def crews(storage: Storage) -> AsyncIterator[Crew]:
    """A crew with each database in turn."""
    async with crew_on(storage) as made:
        yield made
