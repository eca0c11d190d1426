"""All rows of a database, from either engine into the other: what backups and `newsdesk move` stand on.

One side is always a SQLite file, which tells the tables and their columns: PostgreSQL has one column more, for its
search, that it fills by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from storage.engine import Connection, Engine
from storage.migrate import migrate
from storage.sqlite import open_sqlite

_ROWS = 5000

Seen = Callable[[str, Sequence[tuple[Any, ...]]], None]
"""Told of each portion: the table, and its rows with the columns in the order of `tables`."""


def sqlite_file(url: str) -> Path | None:
    """The file of SQLite, None for PostgreSQL."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def tables(connection: sqlite3.Connection) -> list[tuple[str, list[str]]]:
    """The tables that both engines have, with their columns: not the search index, which makes itself."""
    kept = (
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'"
        " ORDER BY name"
    )
    columns = "SELECT name FROM pragma_table_info(?)"
    return [(name, [row[0] for row in connection.execute(columns, (name,))]) for (name,) in connection.execute(kept)]


async def is_empty(db: Connection, file: sqlite3.Connection) -> bool:
    """Whether PostgreSQL holds no row in any of the tables, but for its own facts."""
    for table, _ in tables(file):
        if table != "meta" and await db.fetch(f"SELECT 1 FROM {table} LIMIT 1"):
            return False
    return True


async def read(db: Connection, file: sqlite3.Connection, seen: Seen) -> None:
    """Read every row of PostgreSQL, in a transaction."""
    for table, columns in tables(file):
        await db.write(f"DECLARE all_of_{table} NO SCROLL CURSOR FOR SELECT {', '.join(columns)} FROM {table}")
        while rows := await db.fetch(f"FETCH {_ROWS} FROM all_of_{table}"):
            seen(table, list(map(tuple, rows)))


def read_file(file: sqlite3.Connection, seen: Seen) -> None:
    """Read every row of a SQLite file."""
    for table, columns in tables(file):
        rows = file.execute(f"SELECT {', '.join(columns)} FROM {table}")
        while some := rows.fetchmany(_ROWS):
            seen(table, some)


async def pulled(db: Connection, file: sqlite3.Connection, seen: Seen = lambda table, rows: None) -> None:
    """Copy PostgreSQL, in a transaction, into a SQLite file that has the tables already."""
    inserts = {
        table: f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        for table, columns in tables(file)
    }

    def take(table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        file.executemany(inserts[table], rows)
        seen(table, rows)

    await read(db, file, take)
    # Ids that were given to somebody who has gone since are not given again.
    last = await db.fetch("SELECT CAST(sequencename AS text), last_value FROM pg_sequences")
    used = [(row[0].removesuffix("_id_seq"), row[1]) for row in last if row[1]]
    file.executemany("DELETE FROM sqlite_sequence WHERE name = ?", [(table,) for table, _ in used])
    file.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", used)
    file.commit()


async def pushed(file: sqlite3.Connection, db: Connection, seen: Seen = lambda table, rows: None) -> None:
    """Copy a SQLite file into a PostgreSQL that has the tables already, in a transaction."""
    for table, columns in tables(file):
        names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        insert = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        rows = file.execute(f"SELECT {names} FROM {table}")
        while some := rows.fetchmany(_ROWS):
            await db.many(insert, some)
            seen(table, some)
    for table, last in file.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0").fetchall():
        await db.fetch("SELECT setval(CAST(:name AS regclass), :last)", name=f"{table}_id_seq", last=last)


@asynccontextmanager
async def postgres(url: str) -> AsyncIterator[Engine]:
    """PostgreSQL, for a while."""
    from storage.postgres import open_postgres

    engine = await open_postgres(url)
    try:
        yield engine
    finally:
        await engine.close()


async def schema(part: Path, upto: int | None = None) -> None:
    """Bring a SQLite file to this version or an older one."""
    engine = await open_sqlite(str(part), exclusive=False)
    try:
        await migrate(engine, upto=upto)
    finally:
        await engine.close()
