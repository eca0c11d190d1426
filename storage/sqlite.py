"""SQLite through aiosqlite: one writing connection, separate readers, one that tidies the write-ahead log.

Measured reasons (docs/architecture.md): on one shared connection another task's write vanishes in a
stranger's rollback; a deferred transaction that turns into a writer fails at once, so each begins IMMEDIATE.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any, TypeVar

import aiosqlite

from bot.domain.errors import AnotherCopyRuns, StorageBusy, StorageError, StorageFull
from storage.engine import Connection, Dialect, Row, Steps, bound, compiled, portions

_log = logging.getLogger(__name__)

DIALECT = Dialect(
    name="sqlite",
    tokens={
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "key": "INTEGER PRIMARY KEY",
        "clustered": " WITHOUT ROWID",
        "unlogged": "",
    },
    values_of=lambda name: f"SELECT value FROM json_each(:{name})",
    numbers_of=lambda name: f"SELECT value FROM json_each(:{name})",
    last_id=lambda table: f"(SELECT MAX(id) FROM {table})",
    size="SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    now="((julianday('now') - 2440587.5) * 86400.0)",
)
_T = TypeVar("_T")
_READERS = 2
_CACHE, _SMALL_CACHE = 8_000, 1_000  # KB a connection; the operating system keeps the pages besides
_COPY_AFTER = 3000  # changed rows; seldom enough that a hot page is not copied back again and again
_LOG_PAGES = 16_384  # 64 MB: more than that is not waited for
_SHRED_TRIES = 25  # of 0.2 s
_PRAGMAS = (
    "PRAGMA synchronous=NORMAL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA wal_autocheckpoint=0",  # see `SQLiteEngine._wrote`
)


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors become ours."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT")):
            raise StorageBusy(f"database is busy: {error}") from error
        if name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"):
            raise StorageFull(f"database cannot grow: {error}") from error
        raise StorageError(f"database: {error}") from error
    except (ValueError, OverflowError) as error:  # a closed connection; a value that SQLite cannot hold
        raise StorageError(f"database: {error}") from error


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that can also run a function of ours in its thread."""

    async def run(self, function: Callable[..., _T], *args: object) -> _T:
        result: _T = await self._execute(function, self._conn, *args)  # type: ignore[no-untyped-call]  # has no types
        return result


def _many(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
    wide, rest = portions(sql, rows, "?")
    for statement, values in wide:
        connection.execute(statement, values)
    connection.executemany(compiled(sql, "?")[0], rest)


def _batch(connection: sqlite3.Connection, work: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, rows in work:
            _many(connection, sql, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _carry_out(connection: sqlite3.Connection, steps: Steps[_T]) -> _T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows: Sequence[Row] | None = None
        while True:
            try:
                sql, params = steps.send(rows)  # type: ignore[arg-type]  # None begins it
            except StopIteration as done:
                connection.execute("COMMIT")
                result: _T = done.value
                return result
            text, names = compiled(sql, "?")
            rows = connection.execute(text, bound(names, params)).fetchall()
    except BaseException:
        _roll_back(connection)
        raise


class _Statements:
    """Statements on one aiosqlite connection."""

    dialect = DIALECT

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self.queued = 0

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        return await self._run(_fetch, sql, params)

    async def tuples(self, sql: str, **params: object) -> Sequence[tuple[Any, ...]]:
        return await self._run(_tuples, sql, params)

    async def _run(
        self, work: Callable[[sqlite3.Connection, str, tuple[object, ...]], _T], sql: str, params: dict[str, object]
    ) -> _T:
        text, names = compiled(sql, "?")
        values = bound(names, params)
        self.queued += 1
        try:
            with translated():
                return await self._connection.run(work, text, values)
        finally:
            self.queued -= 1

    write = fetch

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            with translated():
                await self._connection.run(_many, sql, rows)


def _fetch(connection: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> Sequence[Row]:
    return connection.execute(sql, values).fetchall()


def _tuples(connection: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> Sequence[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(sql, values).fetchall()


class SQLiteEngine:
    """See `storage.engine.Engine`. Made by `open_sqlite`."""

    dialect = DIALECT

    def __init__(
        self, writer: _Connection, copier: _Connection, readers: list[_Connection], lock: IO[str] | None
    ) -> None:
        self._writer = writer
        self._copier = copier
        self._copying: asyncio.Task[None] | None = None
        self._copied_at = 0
        self._statements = _Statements(writer)
        self._readers = readers
        self._reading = [_Statements(reader) for reader in readers]
        self._write_lock = asyncio.Lock()
        self._file_lock = lock

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        idlest = min(self._reading, key=lambda reader: reader.queued)  # behind a count of all readers nobody waits
        return await idlest.fetch(sql, **params)

    async def tuples(self, sql: str, **params: object) -> Sequence[tuple[Any, ...]]:
        return await min(self._reading, key=lambda reader: reader.queued).tuples(sql, **params)

    async def write(self, sql: str, **params: object) -> Sequence[Row]:
        async with self._write_lock:
            rows = await self._statements.write(sql, **params)
        self._wrote()
        return rows

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        await self.batch([(sql, rows)])

    async def batch(self, work: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        async with self._write_lock:
            with translated():
                await self._writer.run(_batch, work)
        self._wrote()

    async def carry_out(self, steps: Steps[_T]) -> _T:
        async with self._write_lock:
            with translated():
                result: _T = await self._writer.run(_carry_out, steps)
        self._wrote()
        return result

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._write_lock:
            try:
                with translated():
                    await self._writer.execute("BEGIN IMMEDIATE")
                yield self._statements
                with translated():
                    await self._writer.execute("COMMIT")
            except BaseException as error:
                # A cancelled await leaves its statement running in the connection's thread: it is broken off.
                # The rollback queues behind it, and must itself outlive a second cancellation.
                if isinstance(error, asyncio.CancelledError):
                    await self._writer.interrupt()
                await _finish(self._rollback())
                raise
        self._wrote()

    def _wrote(self) -> None:
        """Let the log be copied back into the database now and then, from a connection of its own.

        SQLite would do it inside a commit, which then waits for the disk (fsync): on a busy one for seconds, and
        every press of a button behind it.
        """
        changes = self._writer.total_changes
        if changes - self._copied_at >= _COPY_AFTER and (self._copying is None or self._copying.done()):
            self._copied_at = changes
            self._copying = asyncio.get_running_loop().create_task(self._copy_back())

    async def _copy_back(self) -> None:
        try:
            with translated():
                for _ in range(3):  # what was written meanwhile is little: the second or third time nothing is left
                    pages, copied = await self._copier.run(_checkpoint)
                    if pages == copied:
                        return
                if pages > _LOG_PAGES:  # the writing never paused: now it has to
                    async with self._write_lock:
                        await self._writer.run(_checkpoint)
        except StorageError as error:
            _log.warning("the write-ahead log could not be copied back, it grows until it can: %s", error)

    async def _rollback(self) -> None:
        with translated():
            await self._writer.run(_roll_back)

    async def shred(self) -> None:
        """What was deleted stands in the log until it is copied back whole and cut off; readers are waited for."""
        await self._copy_back()
        try:
            for _ in range(_SHRED_TRIES):
                async with self._write_lock:
                    with translated():
                        if not await self._writer.run(_cut_off):
                            return
        except StorageError as error:
            _log.warning("the write-ahead log could not be cut off: %s", error)
        else:
            _log.warning("what was deleted stands in the write-ahead log a while longer: somebody is reading it")

    async def close(self) -> None:
        if self._copying:
            await self._copying
        for connection in [*self._readers, self._copier, self._writer]:
            await connection.close()
        if self._file_lock:
            self._file_lock.close()


def _checkpoint(connection: sqlite3.Connection) -> tuple[int, int]:
    """Copy what nobody reads any more; the pages in the log, and how many of them have been copied."""
    _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages, copied


def _cut_off(connection: sqlite3.Connection) -> bool:
    """Empty the log; whether somebody still needs it."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout=200")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    finally:
        connection.execute(f"PRAGMA busy_timeout={patience}")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # else BEGIN itself failed, or SQLite has rolled back
        connection.execute("ROLLBACK")


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


async def open_sqlite(path: str, *, exclusive: bool, small: bool = False) -> SQLiteEngine:
    """Open (or create) a database file. `exclusive`: only one process may, else `AnotherCopyRuns`. `small`: one reader,
    small caches.

    The lock is an OS file lock beside the database: freed by the kernel however this process ends.
    """
    lock = take_lock(path) if exclusive else None
    opened: list[_Connection] = []
    try:
        with translated():
            cache = _SMALL_CACHE if small else _CACHE
            opened += [await _connect(path, cache), await _connect(path, _SMALL_CACHE)]
            while len(opened) < 2 + (1 if small else _READERS):
                opened.append(await _connect(path, cache, query_only=True))
    except BaseException:
        for connection in opened:
            await connection.close()
        if lock:
            lock.close()
        raise
    return SQLiteEngine(opened[0], opened[1], opened[2:], lock)


async def _connect(path: str, cache: int, *, query_only: bool = False) -> _Connection:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, cached_statements=256)

    connection = _Connection(connect, iter_chunk_size=64)
    await connection
    try:
        connection.row_factory = sqlite3.Row
        await connection.run(_prepare)
        await connection.execute(f"PRAGMA cache_size=-{cache}")
        if query_only:
            await connection.execute("PRAGMA query_only=1")
    except BaseException:
        await connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    for _ in range(10):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            # Another process is just creating this database, and this one statement does not wait: an empty
            # transaction does.
            connection.executescript("BEGIN EXCLUSIVE; COMMIT")
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


def take_lock(path: str) -> IO[str]:
    """The lock that says a copy runs on this file, held until closed. Raises `AnotherCopyRuns`."""
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
