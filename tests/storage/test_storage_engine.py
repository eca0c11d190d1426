"""The traps that shared connections lay, and the lock beside a SQLite file."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.domain.errors import AnotherCopyRuns, StorageBusy, StorageError
from storage import Storage, open_engine, open_storage
from storage.engine import compiled, widened
from storage.sqlite import _checkpoint

HOLDER = """
import asyncio, sys
from storage import open_storage
async def main():
    storage = await open_storage(sys.argv[1])
    print("open", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n WHERE x < :zero",
    "postgres": "SELECT CAST(pg_sleep(60 + CAST(:zero AS BIGINT)) AS text)",
}


async def test_a_strangers_write_survives_a_rollback(storage: Storage) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        async with storage.engine.transaction() as db:
            await db.write("INSERT INTO meta (key, value) VALUES ('mine', '1')")
            begun.set()
            await go.wait()
            raise ZeroDivisionError

    async def stranger() -> None:
        await begun.wait()
        writing = asyncio.ensure_future(storage.meta.put("strange", "1"))
        await asyncio.sleep(0.01)
        go.set()
        await writing

    failed, _ = await asyncio.gather(fails(), stranger(), return_exceptions=True)
    assert isinstance(failed, ZeroDivisionError)
    assert await storage.meta.get("strange") == "1"
    assert await storage.meta.get("mine") is None


async def test_a_cancelled_transaction_is_rolled_back(storage: Storage) -> None:
    begun = asyncio.Event()

    async def transaction() -> None:
        async with storage.engine.transaction() as db:
            await db.write("INSERT INTO meta (key, value) VALUES ('half', '1')")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(transaction())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # again, while it rolls back
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await storage.meta.get("half") is None
    await storage.meta.put("next", "1")
    assert await storage.meta.get("next") == "1"


async def test_a_cancelled_statement_is_broken_off(storage: Storage) -> None:
    begun = asyncio.Event()

    async def transaction() -> None:
        async with storage.engine.transaction() as db:
            await db.write("INSERT INTO meta (key, value) VALUES ('half', '1')")
            begun.set()
            await db.fetch(ENDLESS[storage.engine.dialect.name], zero=0)

    task = asyncio.ensure_future(transaction())
    await begun.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await storage.meta.get("half") is None
        await storage.meta.put("next", "1")


async def test_writers_take_turns(storage: Storage) -> None:
    await storage.meta.put("n", "0")

    async def add() -> None:
        async with storage.engine.transaction() as db:
            await db.write("UPDATE meta SET value = value WHERE key = 'n'")
            rows = await db.fetch("SELECT value FROM meta WHERE key = 'n'")
            await asyncio.sleep(0)
            await db.write("UPDATE meta SET value = :value WHERE key = 'n'", value=str(int(rows[0][0]) + 1))

    await asyncio.gather(*(add() for _ in range(25)))
    assert await storage.meta.get("n") == "25"


async def test_readers_see_what_is_committed_and_nothing_else(storage: Storage) -> None:
    async with storage.engine.transaction() as db:
        await db.write("INSERT INTO meta (key, value) VALUES ('k', '1')")
        assert len(await db.fetch("SELECT 1 FROM meta WHERE key = 'k'")) == 1
        async with asyncio.timeout(60):
            assert await storage.meta.get("k") is None
    assert await storage.meta.get("k") == "1"


async def test_a_batch_is_kept_whole_or_not_at_all(storage: Storage) -> None:
    sql = "INSERT INTO meta (key, value) VALUES (:key, :value)"
    rows = [(f"k{n}", "v") for n in range(40)]
    with pytest.raises(StorageError):
        await storage.engine.batch([(sql, rows), (sql, [("x", "1"), ("k39", "2")])])
    with pytest.raises(StorageError):
        await storage.engine.many(sql, [*rows, ("k0", "v")])
    assert await storage.meta.get("k0") is None
    await storage.engine.batch([(sql, rows), (sql, []), ("DELETE FROM meta WHERE key = :key", [("k1",), ("k2",)])])
    assert len(await storage.engine.fetch("SELECT 1 FROM meta WHERE key LIKE 'k%'")) == 38


async def test_a_slow_reading_makes_no_other_reading_wait(sqlite_storage: Storage) -> None:
    sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT COUNT(*) FROM n"
    slow = asyncio.ensure_future(sqlite_storage.engine.fetch(sql))
    await asyncio.sleep(0)
    for _ in range(6):
        await sqlite_storage.meta.get("k")
    assert not slow.done()
    assert (await slow)[0][0] == 3_000_000


def test_names_become_numbers_and_rows_wide() -> None:
    assert compiled("SELECT :a, :b_c, :a, x::int, '12:30'", "$") == ("SELECT $1, $2, $1, x::int, '12:30'", ("a", "b_c"))
    assert widened("INSERT INTO t (a, b) VALUES (:a, 1) ON CONFLICT DO NOTHING", 2, "$") == (
        "INSERT INTO t (a, b) VALUES ($1, 1),($2, 1) ON CONFLICT DO NOTHING"
    )
    assert widened("UPDATE t SET a = :a WHERE b = :b", 2, "?") is None
    assert widened("INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET a = :b", 2, "?") is None
    assert widened("INSERT INTO t (a, b) VALUES (:a, :a)", 2, "?") is None, "a row has one value for both"


async def test_many_rows_are_written_as_one_by_one(storage: Storage) -> None:
    sql = (
        "INSERT INTO pace (day, reader_id, n) VALUES (:day, :id, 1)"
        " ON CONFLICT (reader_id) DO UPDATE SET n = pace.n + 1, day = excluded.day"
    )
    for n in (1, 7, 8, 41, 300):
        await storage.engine.many(sql, [(n, id_) for id_ in range(n)])
    await storage.engine.many(sql, [(400 + id_, id_ % 20) for id_ in range(40)])  # each of them twice
    rows = await storage.engine.tuples("SELECT reader_id, day, n FROM pace ORDER BY reader_id")
    expected = [
        (id_, 420 + id_ if id_ < 20 else 300, sum(n > id_ for n in (1, 7, 8, 41, 300)) + 2 * (id_ < 20))
        for id_ in range(300)
    ]
    assert [tuple(row) for row in rows] == expected


async def test_a_second_copy_is_told_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/n.db"
    first = await open_storage(url)
    with pytest.raises(AnotherCopyRuns, match=r"n\.db"):
        await open_storage(url)
    looking = await open_storage(url, exclusive=False)
    await looking.close()
    await first.close()
    await (await open_storage(url)).close()


async def test_kill_9_frees_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/n.db"
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, url, stdout=subprocess.PIPE)
    assert holder.stdout
    assert await holder.stdout.readline() == b"open\n"
    with pytest.raises(AnotherCopyRuns):
        await open_storage(url)
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    await (await open_storage(url)).close()


@pytest.mark.parametrize("content", [b"not a database at all" * 99, None])
async def test_what_is_no_database_is_refused_and_nothing_left_open(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "n.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(StorageError, match="database"):
            await open_engine(f"sqlite:///{path}")
    with pytest.raises(StorageError, match="does not exist"):
        await open_engine(f"sqlite:///{tmp_path}/nowhere/n.db")


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@127.0.0.1:1/x", "postgresql://u@127.0.0.1:1/x?pool=many", "mysql://x"]
)
async def test_a_server_that_is_not_there_is_a_storage_error(url: str) -> None:
    with pytest.raises(StorageError):
        await open_engine(url)


async def test_postgres_options_of_ours_are_taken_out_of_the_address(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        return
    mark = "&" if "?" in database_url else "?"
    storage = await open_storage(f"{database_url}{mark}prepare=0&pool=1")
    try:
        await asyncio.gather(*(storage.meta.put("k", str(n)) for n in range(5)))
        async with storage.engine.transaction() as db:
            await db.write("UPDATE meta SET value = 'x' WHERE key = 'k'")
        assert await storage.meta.get("k") == "x"
    finally:
        await storage.close()


async def _many_rows(engine: Any, times: int = 1) -> None:
    sql = "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    for turn in range(times):
        await engine.many(sql, [(f"k{n}", f"{turn}" * 1000) for n in range(3000)])


async def test_the_log_is_copied_back_while_writing_goes_on(sqlite_storage: Storage, tmp_path: Path) -> None:
    engine: Any = sqlite_storage.engine
    held = threading.Event()
    copying = asyncio.ensure_future(engine._copier.run(lambda _: held.wait(30)))  # a disk that takes its time

    def size() -> int:
        return (tmp_path / "newsdesk.db-wal").stat().st_size

    await _many_rows(engine)
    once = size()
    await _many_rows(engine, 4)
    assert size() > 3 * once
    held.set()
    await copying
    await engine._copying
    grown = size()
    for _ in range(12):
        await _many_rows(engine)
        await engine._copying
    assert size() < 2 * grown, "the log is used again from its beginning"


async def test_a_log_that_is_too_long_stops_the_writing_for_a_moment(
    sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = sqlite_storage.engine
    monkeypatch.setattr("storage.sqlite._LOG_PAGES", 0)
    monkeypatch.setattr(engine._copier, "run", lambda _: asyncio.sleep(0, (2, 1)))
    await _many_rows(engine)
    await engine._copying
    pages, copied = await engine._writer.run(_checkpoint)
    assert pages == copied > 0


async def test_a_log_that_cannot_be_copied_back_is_said_and_tried_again(
    sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine: Any = sqlite_storage.engine

    async def full(*_: object) -> tuple[int, int]:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(engine._copier, "run", full)
        await _many_rows(engine)
        await engine._copying
    assert "grows until it can: database: disk I/O error" in caplog.text
    await _many_rows(engine)
    await engine._copying
    pages, copied = await engine._copier.run(_checkpoint)
    assert pages == copied > 0


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_a_server_that_ends_connections_is_busy_for_a_moment(database_url: str) -> None:
    """Whatever is under way on them, or is just about to be, and at once they are good again."""
    storage, other = await open_storage(database_url), await asyncpg.connect(database_url)

    async def work(n: int) -> None:
        for _ in range(10):
            with suppress(StorageBusy):
                await (storage.meta.get("k") if n % 2 else storage.meta.section_bits([f"s{n}"]))

    async with asyncio.TaskGroup() as tasks:
        for n in range(12):
            tasks.create_task(work(n))
        for _ in range(15):
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
    await storage.meta.put("k", "v")
    assert await storage.meta.get("k") == "v"
    await other.close()
    await storage.close()
