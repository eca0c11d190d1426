"""Schema versions: numbered SQL files, forward only, one transaction each.

`schema_version` holds the highest number applied. A database written by a newer version is refused. Two
processes that start at once take turns: SQLite by its write lock, PostgreSQL by a transaction's advisory lock.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import SchemaTooNew
from storage.engine import Dialect, Engine

_LOCK = 7_219_884_016  # any number that nobody else uses for an advisory lock in this database


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All steps that this version knows, in order."""
    found = []
    for file in (Path(__file__).parent / "migrations").iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda step: step.number))


def statements(sql: str, dialect: Dialect) -> Iterator[str]:
    """The statements of a step for one engine: `{{token}}`s filled, `-- only: engine` statements left to it."""
    for token, text in dialect.tokens.items():
        sql = sql.replace("{{" + token + "}}", text)
    pending = ""
    for line in sql.splitlines():
        pending += line + "\n"
        if not sqlite3.complete_statement(pending):
            continue
        only = re.search(r"^-- only: (\w+)$", pending, re.MULTILINE)
        if only is None or only[1] == dialect.name:
            yield pending.strip()
        pending = ""


async def migrate(engine: Engine, *, upto: int | None = None) -> tuple[int, int]:
    """Bring the database to this version (or to step `upto`); returns the versions before and after.

    Raises `SchemaTooNew` when a newer version of the program has written it.
    """
    known = [step for step in migrations() if upto is None or step.number <= upto]
    newest = known[-1].number
    await _first_table(engine)
    before = current = await version(engine)
    if current > newest and upto is None:
        raise SchemaTooNew(
            f"the database has schema {current}, this version knows {newest}: install the newer newsdesk again"
        )
    for step in known:
        if step.number > current:
            await _apply(engine, step)
            current = step.number
    return before, current


async def version(engine: Engine) -> int:
    """The schema's version, 0 for an empty database."""
    rows = await engine.fetch("SELECT value FROM meta WHERE key = 'schema_version'")
    return int(rows[0][0]) if rows else 0


async def _first_table(engine: Engine) -> None:
    async with engine.transaction() as db:
        if engine.dialect.name == "postgres":
            await db.fetch("SELECT CAST(pg_advisory_xact_lock(:lock) AS text)", lock=_LOCK)
        await db.write("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")


async def _apply(engine: Engine, step: Migration) -> None:
    async with engine.transaction() as db:
        if engine.dialect.name == "postgres":
            await db.fetch("SELECT CAST(pg_advisory_xact_lock(:lock) AS text)", lock=_LOCK)
        done = await db.fetch("SELECT value FROM meta WHERE key = 'schema_version'")
        if done and int(done[0][0]) >= step.number:
            return  # the other process was faster
        for statement in statements(step.sql, engine.dialect):
            await db.write(statement)
        await db.write(
            "INSERT INTO meta (key, value) VALUES ('schema_version', :number)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            number=str(step.number),
        )
