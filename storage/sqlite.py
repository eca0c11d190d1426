"""SQLite through aiosqlite: one writing connection, separate readers, WAL.

Measured reasons (docs/architecture.md): on one shared connection another task's write vanishes in a
stranger's rollback; a deferred transaction that turns into a writer fails at once, so each begins IMMEDIATE.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any

import aiosqlite

from bot.domain.errors import AnotherCopyRuns, StorageBusy, StorageError, StorageFull
from storage.engine import Connection, Dialect, Row, bound, compiled

DIALECT = Dialect(
    name="sqlite",
    tokens={
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "clustered": " WITHOUT ROWID",
    },
    values_of=lambda name: f"SELECT value FROM json_each(:{name})",
    numbers_of=lambda name: f"SELECT value FROM json_each(:{name})",
)
_READERS = 2
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8000",
    "PRAGMA journal_size_limit=67108864",
)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT")):
            raise StorageBusy(f"database is busy: {error}") from error
        if name.startswith("SQLITE_FULL") or "IOERR_WRITE" in name:
            raise StorageFull(f"database cannot grow: {error}") from error
        raise StorageError(f"database: {error}") from error


class _Statements:
    """Statements on one aiosqlite connection."""

    dialect = DIALECT

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        text, names = compiled(sql, "?")
        with _translated():
            return list(await self._connection.execute_fetchall(text, bound(names, params)))

    write = fetch

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        with _translated():
            await self._connection.executemany(compiled(sql, "?")[0], rows)


class SQLiteEngine:
    """See `storage.engine.Engine`. Made by `open_sqlite`."""

    dialect = DIALECT

    def __init__(self, writer: aiosqlite.Connection, readers: list[aiosqlite.Connection], lock: IO[str] | None) -> None:
        self._writer = writer
        self._statements = _Statements(writer)
        self._readers = readers
        self._turn = itertools.cycle([_Statements(reader) for reader in readers])
        self._write_lock = asyncio.Lock()
        self._file_lock = lock

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        return await next(self._turn).fetch(sql, **params)

    async def write(self, sql: str, **params: object) -> Sequence[Row]:
        async with self._write_lock:
            return await self._statements.write(sql, **params)

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        async with self.transaction() as connection:
            await connection.many(sql, rows)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._write_lock:
            try:
                with _translated():
                    await self._writer.execute("BEGIN IMMEDIATE")
                yield self._statements
                with _translated():
                    await self._writer.execute("COMMIT")
            except BaseException:
                # A cancelled await leaves its statement running in the connection's thread; the rollback
                # queues behind it, and must itself outlive a second cancellation.
                await _finish(self._rollback())
                raise

    async def _rollback(self) -> None:
        try:
            await self._writer.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if "no transaction is active" not in str(error):  # BEGIN itself failed, or SQLite has rolled back
                raise StorageError(f"rollback failed: {error}") from error

    async def backup_to(self, path: str) -> None:
        """Copy the database while it is in use; from the writer's own connection, where it finishes."""
        async with self._write_lock:
            with _translated():
                async with aiosqlite.connect(path) as target:
                    await self._writer.backup(target)

    async def close(self) -> None:
        for connection in [*self._readers, self._writer]:
            await connection.close()
        if self._file_lock:
            self._file_lock.close()


async def _finish(work: Any) -> None:
    """Await `work` to its end even if this task is cancelled meanwhile (the cancellation is not lost)."""
    task = asyncio.get_running_loop().create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def open_sqlite(path: str, *, exclusive: bool) -> SQLiteEngine:
    """Open (or create) a database file. `exclusive`: only one process may, else `AnotherCopyRuns`.

    The lock is an OS file lock beside the database: freed by the kernel however this process ends.
    """
    lock = _take_lock(path) if exclusive else None
    try:
        with _translated():
            writer = await _connect(path)
            readers = [await _connect(path, query_only=True) for _ in range(_READERS)]
    except BaseException:
        if lock:
            lock.close()
        raise
    return SQLiteEngine(writer, readers, lock)


async def _connect(path: str, *, query_only: bool = False) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in _PRAGMAS:
            await connection.execute(pragma)
        if query_only:
            await connection.execute("PRAGMA query_only=1")
    except BaseException:
        await connection.close()
        raise
    return connection


def _take_lock(path: str) -> IO[str]:
    try:
        # The lock lives as long as the engine; closing the file frees it.
        lock = open(f"{path}.lock", "a+", encoding="ascii")  # noqa: SIM115
    except OSError as error:
        raise StorageError(f"database {path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AnotherCopyRuns(f"another copy is running on {os.path.basename(path)}") from None
    return lock
