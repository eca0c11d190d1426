"""`newsdesk move`: a whole database from SQLite to PostgreSQL, or back.

    source, where no bot runs ─rows─▶ target, which is empty ─read again─▶ the same counts and checksums, or nothing

The source is only read. The target is one transaction, or a file beside its place that is renamed at the end, so a move
that fails or is killed leaves nothing that a bot could start on. Sends that were under way go on from there.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from bot.domain.errors import AnotherCopyRuns, ConfigError, SchemaTooNew, StorageError
from storage.backup import file_version, files
from storage.engine import Connection
from storage.migrate import migrate, migrations, version
from storage.rows import Seen, is_empty, postgres, pulled, pushed, read, read_file, schema, sqlite_file, tables
from storage.sqlite import take_lock, translated

_FROM, _TO = "FROM_URL", "TO_URL"
_BITS = (1 << 64) - 1

Progress = Callable[[int, int], None]
"""Told how many rows are done, and of how many: each is written once and read again once."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved and found the same on both sides."""

    readers: int
    rows: int
    tables: int


@dataclass(slots=True)
class _Sums:
    """Rows and checksum of each table, in whatever order the rows come: a sum of each row's own."""

    of: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        count, total = self.of.get(table, (0, 0))
        for row in rows:
            total += int.from_bytes(blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest())
        self.of[table] = count + len(rows), total & _BITS


class _Checked:
    """The rows as they were read here and as they are found there."""

    def __init__(self, expected: int, progress: Progress) -> None:
        self._read, self._found = _Sums(), _Sums()
        self._done, self._expected, self._progress = 0, 2 * expected, progress

    @property
    def read(self) -> Seen:
        return self._telling(self._read)

    @property
    def found(self) -> Seen:
        return self._telling(self._found)

    def _telling(self, sums: _Sums) -> Seen:
        def seen(table: str, rows: Sequence[tuple[Any, ...]]) -> None:
            sums.add(table, rows)
            self._done += len(rows)
            self._progress(self._done, self._expected)

        return seen

    def result(self) -> Moved:
        """Raises `StorageError` when the two differ."""
        for table in sorted({*self._read.of, *self._found.of}):
            here, there = self._read.of.get(table, (0, 0)), self._found.of.get(table, (0, 0))
            if here != there:
                raise StorageError(
                    f"table {table}: {here[0]} rows were read and {there[0]} are found in the new database, or not the"
                    " same ones. Nothing was moved"
                )
        counts = {table: count for table, (count, _) in self._read.of.items()}
        return Moved(counts.get("reader", 0), sum(counts.values()), len(counts))


def move(source: str, target: str, progress: Progress) -> Moved:
    """Copy a database into an empty one of the other engine, and read it again there.

    Raises `AnotherCopyRuns` while a bot runs on either, `ConfigError` for what cannot be moved or is not empty,
    `StorageError`; then the target is as it was.
    """
    file, onto = sqlite_file(source), sqlite_file(target)
    if (file is None) == (onto is None):
        raise ConfigError(_TO, "is of the same kind as FROM_URL.", "Use newsdesk backup and newsdesk restore for that.")
    with files(file or onto or Path()):
        if file:
            if not file.exists():
                raise ConfigError(_FROM, f"there is no database {file}.", "Mend the address.")
            return asyncio.run(_to_postgres(file, target, progress))
        assert onto
        part = onto.with_name(f"{onto.name}.moving")
        try:
            with closing(take_lock(str(onto))):
                _must_be_empty(onto)
                part.unlink(missing_ok=True)
                os.close(os.open(part, os.O_CREAT | os.O_EXCL, 0o600))  # it holds people's data
                moved = asyncio.run(_from_postgres(source, part, progress))
                with part.open("rb+") as written:
                    os.fsync(written.fileno())
                part.rename(onto)
        finally:
            for end in ("", "-wal", "-shm"):
                part.with_name(part.name + end).unlink(missing_ok=True)
    return moved


async def _to_postgres(file: Path, url: str, progress: Progress) -> Moved:
    with closing(take_lock(str(file))), translated(), closing(_opened(file)) as source:
        _must_be_current(file_version(source, file))
        async with postgres(url) as target:
            await migrate(target)
            await _must_be_idle(target)
            async with target.transaction() as db:
                if not await is_empty(db, source):
                    raise _not_empty()
                await db.write("DELETE FROM meta WHERE key <> 'schema_version'")
                checked = _Checked(_rows(source), progress)
                await pushed(source, db, checked.read)
                await read(db, source, checked.found)
                moved = checked.result()
            for table, _ in tables(source):
                await target.write(f"ANALYZE {table}")
            return moved


async def _from_postgres(url: str, part: Path, progress: Progress) -> Moved:
    async with postgres(url) as source:
        try:
            number = await version(source)
        except StorageError:
            number = 0
        if not number:
            raise StorageError("FROM_URL is no database of newsdesk")
        _must_be_current(number)
        await _must_be_idle(source)
        await schema(part)
        with translated(), closing(sqlite3.connect(part)) as target:
            async with source.transaction() as db:
                await db.write("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                counts = [await db.fetch(f"SELECT COUNT(*) FROM {table}") for table, _ in tables(target)]
                checked = _Checked(sum(rows[0][0] for rows in counts), progress)
                await pulled(db, target, checked.read)
            read_file(target, checked.found)
            moved = checked.result()
            target.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
        await _must_be_idle(source)  # what a bot that was started meanwhile has written would be missing
    return moved


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)


def _rows(file: sqlite3.Connection) -> int:
    return sum(file.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table, _ in tables(file))


def _must_be_current(found: int) -> None:
    newest = migrations()[-1].number
    if found > newest:
        raise SchemaTooNew("FROM_URL is of a newer version: install the newer newsdesk first")
    if found < newest:
        raise ConfigError(_FROM, "is of an earlier version.", "Name it in DATABASE_URL and run newsdesk migrate first.")


def _must_be_empty(file: Path) -> None:
    if not file.exists():
        return
    with translated(), closing(_opened(file)) as found:
        if any(found.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchone() for t, _ in tables(found) if t != "meta"):
            raise _not_empty()


def _not_empty() -> ConfigError:
    return ConfigError(_TO, "names a database that is not empty.", "Make a new one: nothing is ever written over.")


async def _must_be_idle(db: Connection) -> None:
    """Whatever runs on PostgreSQL leads something, or somebody else does."""
    if await db.fetch(f"SELECT 1 FROM leader WHERE until > {db.dialect.now} * 1000 LIMIT 1"):
        raise AnotherCopyRuns("a bot is running on this database: stop all of its processes first")
