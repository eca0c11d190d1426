"""Migrations: the schema as it stands, reached from every earlier version, whatever interrupts the way.

`UPDATE_SCHEMA=1 pytest tests/storage/test_storage_migrations.py` writes the readable schemas anew.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from storage_help import tables

from bot.domain.errors import SchemaTooNew
from storage import Storage, open_engine, open_storage
from storage.engine import Engine
from storage.migrate import Migration, migrate, migrations, statements, version
from storage.postgres import DIALECT as POSTGRES
from storage.sqlite import DIALECT as SQLITE

migrating = import_module("storage.migrate")  # the package has a function of that name
HALF = """
import asyncio, importlib, sys, time
from storage import open_storage
migrate = importlib.import_module("storage.migrate")
whole = migrate.statements
def half(sql, dialect):
    for number, statement in enumerate(whole(sql, dialect)):
        if number == int(sys.argv[2]):
            print("half", flush=True)
            time.sleep(60)
        yield statement
migrate.statements = half
asyncio.run(open_storage(sys.argv[1]))
"""


async def schema(engine: Engine) -> str:
    """The whole schema in a form that people read and git compares."""
    if engine.dialect.name == "sqlite":
        rows = await engine.fetch(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
            " AND name NOT LIKE 'article_words^_%' ESCAPE '^' OR type = 'trigger' ORDER BY type DESC, name"
        )
        return "".join(row[0] + ";\n" for row in rows)
    text = ""
    for name in await tables(engine):
        columns = await engine.fetch(
            "SELECT CAST(column_name AS text), CAST(data_type AS text), CAST(is_nullable AS text),"
            " CAST(COALESCE(column_default, CASE WHEN is_identity = 'YES' THEN 'identity' END, generation_expression,"
            " '') AS text) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = :name"
            " ORDER BY ordinal_position",
            name=name,
        )
        text += f"TABLE {name}\n"
        for column, kind, nullable, default in columns:
            line = f"    {column} {kind}{'' if nullable == 'YES' else ' NOT NULL'} {default}"
            text += line.rstrip() + "\n"
        indexes = await engine.fetch(
            "SELECT CAST(indexdef AS text) FROM pg_indexes WHERE schemaname = 'public' AND tablename = :name"
            " ORDER BY 1",
            name=name,
        )
        text += "".join(f"    {row[0]}\n" for row in indexes)
    return text


async def test_the_schema_is_the_one_on_paper(database_url: str) -> None:
    storage = await open_storage(database_url)
    try:
        found = await schema(storage.engine)
        paper = Path(__file__).with_name(f"schema_{storage.engine.dialect.name}.sql")
        if os.environ.get("UPDATE_SCHEMA"):
            paper.write_text(found, encoding="utf-8")
        assert found == paper.read_text(encoding="utf-8")
    finally:
        await storage.close()


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> Migration:
    """A version after the newest."""
    real = migrations()
    step = Migration(
        real[-1].number + 1,
        "next",
        "CREATE TABLE extra (id {{id}}, a TEXT);\n-- only: sqlite\nCREATE INDEX extra_a ON extra (a);\n"
        "-- only: postgres\nCREATE INDEX extra_b ON extra (a);\nINSERT INTO extra (a) VALUES ('; -- no end');\n",
    )
    monkeypatch.setattr(migrating, "migrations", lambda: (*real, step))
    return step


async def fill(engine: Engine) -> None:
    """A row in each table that has none: what a step does to rows, it must be able to do."""
    for name in await tables(engine):
        if name == "meta" or await engine.fetch(f"SELECT 1 FROM {name} LIMIT 1"):
            continue
        if engine.dialect.name == "sqlite":
            # A name, a type, and whether a value is wanted: what is part of a key is, but for an id that makes itself.
            found = await engine.fetch(
                'SELECT name, type, ("notnull" OR pk) AND dflt_value IS NULL FROM pragma_table_info(:name)', name=name
            )
        else:
            found = await engine.fetch(
                "SELECT CAST(column_name AS text), CAST(data_type AS text), is_nullable = 'NO'"
                " AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'"
                " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = :name",
                name=name,
            )
        wanted = [(row[0], "'1'" if row[1].lower() == "text" else "1") for row in found if row[2]]
        columns, values = (", ".join(part) for part in zip(*wanted, strict=True))
        await engine.write(f"INSERT INTO {name} ({columns}) VALUES ({values})")


async def test_every_earlier_version_arrives_at_the_same_schema(database_url: str, one_more: Migration) -> None:
    """Step by step with rows in every table, so that each version is left as it was in use; and from one of them to
    the newest at once."""
    engine = await open_engine(database_url)
    newest = one_more.number - 1
    for step in migrating.migrations()[:-1]:
        assert await migrate(engine, upto=step.number) == (step.number - 1, step.number)
        await fill(engine)
    paper = Path(__file__).with_name(f"schema_{engine.dialect.name}.sql")
    assert await schema(engine) == paper.read_text(encoding="utf-8")
    assert await migrate(engine) == (newest, one_more.number)
    assert await migrate(engine) == (one_more.number, one_more.number)
    assert (await engine.fetch("SELECT a FROM extra"))[0][0] == "; -- no end"
    wanted = await schema(engine)
    for name in await tables(engine):
        await engine.write(f"DROP TABLE {name}")
    if engine.dialect.name == "sqlite":
        await engine.write("DROP TABLE article_words")
    assert await migrate(engine, upto=7) == (0, 7)
    await fill(engine)
    assert await migrate(engine) == (7, one_more.number)
    assert await schema(engine) == wanted
    await engine.close()


async def test_a_newer_schema_is_refused_in_one_line(database_url: str) -> None:
    storage = await open_storage(database_url)
    await storage.meta.put("schema_version", "9999")
    await storage.close()
    with pytest.raises(SchemaTooNew) as caught:
        await open_storage(database_url)
    assert "9999" in str(caught.value)
    assert "\n" not in str(caught.value)
    engine = await open_engine(database_url)  # the refusal has left no lock
    assert await version(engine) == 9999
    await engine.close()


async def test_copies_that_start_at_once_migrate_once(database_url: str) -> None:
    opened = await asyncio.gather(*(open_storage(database_url, exclusive=False) for _ in range(4)))
    try:
        assert {await version(storage.engine) for storage in opened} == {migrations()[-1].number}
    finally:
        for storage in opened:
            await storage.close()


@pytest.mark.parametrize("after", [0, 12])
async def test_kill_9_in_mid_migration_is_survived(database_url: str, after: int) -> None:
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HALF, database_url, str(after), stdout=subprocess.PIPE
    )
    assert killed.stdout
    assert await killed.stdout.readline() == b"half\n"
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    async with asyncio.timeout(60):
        storage: Storage = await open_storage(database_url)
    try:
        paper = Path(__file__).with_name(f"schema_{storage.engine.dialect.name}.sql")
        assert await schema(storage.engine) == paper.read_text(encoding="utf-8")
        await storage.meta.section_bits(["a"])
    finally:
        await storage.close()


def test_steps_are_numbered_without_gaps_and_are_whole() -> None:
    steps = migrations()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        for dialect in (SQLITE, POSTGRES):
            found = list(statements(step.sql, dialect))
            assert all(statement.endswith(";") for statement in found)
            assert not re.search(r"\{\{|\}\}", "".join(found)), "a token that this engine does not know"
        assert step.sql.rstrip().endswith(";"), "what follows the last semicolon would never run"
