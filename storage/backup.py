"""Backups: a file that is whole by itself, made while the bot runs, and the way back.

It is a plain SQLite database, whichever engine it was made of, with one more line at its end, the checksum of all
before it: SQLite ignores that line, and its own `quick_check` calls a file well of which 500 bytes were overwritten.
Of SQLite, `VACUUM INTO` reads one snapshot, so it ends however much is written meanwhile (116 MB in 0.5 s from a second
process, measured), and it takes over nothing that was deleted. Of PostgreSQL it is one REPEATABLE READ transaction.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from bot.domain.errors import AnotherCopyRuns, ConfigError, NewsdeskError, SchemaTooNew, StorageError, StorageFull
from storage.migrate import migrate, migrations, version
from storage.rows import is_empty, postgres, pulled, pushed, schema, sqlite_file
from storage.sqlite import take_lock, translated

_MARK = b"\nnewsdesk backup, sha256 "
_SEAL = len(_MARK) + 64 + 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: where the database of before is kept (None: there was none), how many sends that were under
    way when the backup was made are stopped now, and what the backup holds."""

    aside: Path | None
    stopped: int
    readers: int
    articles: int


def backup(url: str, target: Path) -> int:
    """Copy the database behind a `DATABASE_URL` into the new file `target`; its size in bytes.

    Raises `ConfigError` or a `StorageError`; then nothing is left of it.
    """
    part = target.with_name(f"{target.name}.part")
    with files(target):
        if target.exists():
            raise ConfigError(str(target), "is there already.", "Name another file: a backup replaces nothing.")
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL, 0o600))  # it holds people's data
        try:
            if database := sqlite_file(url):
                _from_sqlite(database, part)
            else:
                asyncio.run(_from_postgres(url, part))
            with part.open("rb+") as file:
                checksum = _copied(file, None, part.stat().st_size)
                file.write(_MARK + checksum + b"\n")
                _flush(file)
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return target.stat().st_size


def restore(url: str, source: Path, *, now: int) -> Restored:
    """Put a backup in the database's place and keep the old one beside it; PostgreSQL must be given an empty database.

    Raises `AnotherCopyRuns` while the database is in use, `ConfigError` for one that is not empty, `StorageError` for a
    damaged file, `SchemaTooNew`; then everything stays as it was.
    """
    database = sqlite_file(url)
    part = (database or source).with_name(f"{(database or source).name}.restoring")
    with files(source), closing(take_lock(str(database))) if database else nullcontext():
        try:
            found = _checked(source, part, now)
            if not database:
                asyncio.run(_into_postgres(url, part, now))
                return found
            found = replace(found, aside=_aside(database, now))
            part.rename(database)
        finally:
            part.unlink(missing_ok=True)
    return found


def _from_sqlite(database: Path, part: Path) -> None:
    if not database.exists():
        raise ConfigError("DATABASE_URL", f"there is no database {database}.", "newsdesk run makes one.")
    with translated(), closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as source:
        source.execute("PRAGMA busy_timeout=5000")
        file_version(source, database)
        source.execute("VACUUM INTO ?", (str(part),))


async def _from_postgres(url: str, part: Path) -> None:
    async with postgres(url) as source:
        number = await version(source)
        if number > migrations()[-1].number:
            raise SchemaTooNew("the database is of a newer version: install the newer newsdesk first")
        await schema(part, upto=number)
        with translated(), closing(sqlite3.connect(part)) as target:
            async with source.transaction() as db:
                await db.write("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                await pulled(db, target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself


async def _into_postgres(url: str, part: Path, now: int) -> None:
    async with postgres(url) as target:
        await migrate(target)
        await schema(part)
        if await target.fetch("SELECT 1 FROM leader WHERE until > :now", now=now * 1000):
            raise AnotherCopyRuns("another copy is running on this database")
        with translated(), closing(sqlite3.connect(part)) as source:
            async with target.transaction() as db:
                if not await is_empty(db, source):
                    raise ConfigError("DATABASE_URL", "names a database that is not empty.", "Make a new one.")
                await pushed(source, db)


@contextmanager
def files(path: Path) -> Iterator[None]:
    """Files that cannot be read or written are a wrong argument, a full disk is not."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"{path}: {error.strerror}") from error
        raise ConfigError(
            str(error.filename or path), f"cannot be used ({error.strerror}).", "Mend the path."
        ) from error


def file_version(connection: sqlite3.Connection, where: Path) -> int:
    """The schema's version in a SQLite file; raises `StorageError` for a file that is none of ours."""
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB):
            row = None
        else:
            raise
    if row is None:
        raise StorageError(f"{where} is no database of newsdesk")
    return int(row[0])


def _copied(source: IO[bytes], target: IO[bytes] | None, size: int) -> bytes:
    """Read so many bytes, write them on, and give their checksum."""
    seen = hashlib.sha256()
    while size and (chunk := source.read(min(_CHUNK, size))):
        seen.update(chunk)
        size -= len(chunk)
        if target:
            target.write(chunk)
    return seen.hexdigest().encode()


def _checked(source: Path, part: Path, now: int) -> Restored:
    """The database in a backup as `part`, fit to be used, and what it holds."""
    _unsealed(source, part)
    with translated(), closing(sqlite3.connect(part)) as copy:
        if file_version(copy, source) > migrations()[-1].number:
            raise SchemaTooNew(f"{source} was made by a newer version: install the newer newsdesk first")
        stopped = _calm(copy, now)
        readers, articles = (copy.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in ("reader", "article"))
    return Restored(None, stopped, readers, articles)


def _unsealed(source: Path, part: Path) -> None:
    """The database in a backup, once its checksum has been found right."""
    part.unlink(missing_ok=True)
    with source.open("rb") as file, open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy:
        size = max(0, source.stat().st_size - _SEAL)
        checksum = _copied(file, copy, size)
        if file.read() != _MARK + checksum + b"\n":
            raise StorageError(
                f"{source} is damaged or no backup of newsdesk: its checksum does not fit. Take another."
            )
        _flush(copy)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _calm(connection: sqlite3.Connection, now: int) -> int:
    """Stop the sends that were under way: whoever had them after the backup would get them once more."""
    with connection:
        connection.execute("DELETE FROM lease")
        return connection.execute(
            "UPDATE broadcast SET state = CASE state WHEN 'countdown' THEN 'cancelled' ELSE 'stopped' END,"
            " finished_at = :now WHERE state IN ('countdown', 'running', 'paused')",
            {"now": now},
        ).rowcount


def _aside(database: Path, now: int) -> Path | None:
    """Rename the database with its log; where a crash falls between, no old log stands beside a new database."""
    if not database.exists():
        return None
    with suppress(sqlite3.Error, NewsdeskError), closing(sqlite3.connect(database)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = database.with_name(f"{database.name}.{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}")
    for end in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            database.with_name(database.name + end).rename(aside.with_name(aside.name + end))
    return aside
