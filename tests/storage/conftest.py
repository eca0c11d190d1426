"""One PostgreSQL database for all storage tests, emptied before each: creating one costs more than most tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import Storage, open_storage

EMPTY = """DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'meta' LOOP
        EXECUTE format('DELETE FROM %I', found.name);
    END LOOP;
    FOR found IN SELECT sequencename AS name FROM pg_sequences LOOP
        PERFORM setval(CAST(found.name AS regclass), 1, false);
    END LOOP;
    DELETE FROM meta WHERE key <> 'schema_version';
END $$"""
"""Several times faster than TRUNCATE of two dozen tables that hold a row or none."""


async def _admin(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def shared_database(postgres_url: str) -> Iterator[str]:
    """The address of a PostgreSQL database that lives as long as this run."""
    name = f"newsdesk_{uuid.uuid4().hex[:12]}"
    head, _, query = postgres_url.partition("?")
    with ThreadPoolExecutor(1) as thread:  # a fixture is asked for while the test's own loop runs

        def run(statement: str) -> None:
            thread.submit(lambda: asyncio.run(_admin(postgres_url, statement))).result()

        run(f'CREATE DATABASE "{name}" TEMPLATE template0')
        run(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        yield f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
        run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def storage(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """An open, migrated, empty storage on each engine."""
    if engine_name == "sqlite":
        url = f"sqlite:///{tmp_path}/newsdesk.db"
    else:
        url = request.getfixturevalue("shared_database")
    opened = await open_storage(url)
    try:
        if engine_name == "postgres":
            await opened.engine.write(EMPTY)
        yield opened
    finally:
        await opened.close()
