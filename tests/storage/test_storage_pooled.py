"""Behind PgBouncer in transaction mode, over TLS, and when there are no connections left."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from storage_help import ALL_SECTIONS, everything, receipt, running
from test_storage_contract import READS, WRITES, filled

from bot.domain.errors import StorageBusy, StorageError
from storage import Storage, open_storage
from storage import postgres as engine
from tests.factories import subscribe
from tests.faults import SERVER, own_server
from tests.pgbouncer import ABSENT, PROGRAM, pgbouncer

pytestmark = [
    pytest.mark.parametrize("engine_name", ["postgres"]),
    pytest.mark.skipif(PROGRAM is None, reason=ABSENT),
]


@pytest.fixture
async def behind(database_url: str) -> AsyncIterator[Storage]:
    """A storage that has two connections of the server for its twenty."""
    async with pgbouncer(database_url) as url:
        storage = await open_storage(f"{url}&pool=20")
        try:
            yield storage
        finally:
            await storage.close()


async def test_every_call_works_behind_it(behind: Storage) -> None:
    await filled(behind)
    for name, call in {**READS, **WRITES}.items():
        try:
            await call(behind)
        except StorageError as error:
            pytest.fail(f"{name}: {error}")


async def test_many_at_once_get_in_nobodys_way(behind: Storage) -> None:
    """Transactions, groups of rows, portions of a cursor, on two connections of the server."""
    await subscribe(behind, range(1, 2001), ALL_SECTIONS)
    broadcast = await running(behind)

    async def settle(first: int) -> None:
        receipts = [receipt(broadcast, reader) for reader in range(first, first + 100)]
        await behind.deliveries.settle(receipts, [], worker="w", until=1, now=1)

    async def count(n: int) -> None:
        async with behind.engine.transaction() as db:
            rows = await db.fetch("SELECT value FROM meta WHERE key = 'n' FOR UPDATE")
            await db.write("UPDATE meta SET value = :value WHERE key = 'n'", value=str(int(rows[0][0]) + 1))

    await behind.meta.put("n", "0")
    async with asyncio.TaskGroup() as tasks:
        for n in range(20):
            tasks.create_task(settle(1 + 100 * n))
            tasks.create_task(count(n))
            tasks.create_task(behind.readers.get(n + 1))
    assert await behind.meta.get("n") == "20"
    assert len((await everything(behind))["receipt"]) == 2000


async def test_two_that_start_at_once_migrate_once(database_url: str) -> None:
    """The advisory lock is the transaction's, not the session's."""
    async with pgbouncer(database_url) as url:
        opened = await asyncio.gather(*(open_storage(url) for _ in range(4)))
        assert len({await one.meta.get("schema_version") for one in opened}) == 1
        for one in opened:
            await one.close()


async def test_no_connection_left_is_waited_for(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else has them all: at a start, and in the middle of the work."""
    async with pgbouncer(database_url, servers=1, clients=3) as url:
        first = await open_storage(f"{url}&pool=2")
        others = [await asyncpg.connect(url.partition("?")[0], statement_cache_size=0) for _ in range(2)]
        opening = asyncio.create_task(open_storage(f"{url}&pool=1"))
        await asyncio.sleep(0.3)
        assert not opening.done()
        # One is here already; the second that is wanted at once has to wait, and so does the process that starts.
        both = asyncio.gather(
            *(first.engine.fetch("SELECT 1 FROM meta WHERE pg_sleep(0.05) IS NOT NULL") for _ in "ab")
        )
        await both
        for other in others:
            await other.close()
        await both
        second = await opening
        assert await second.meta.get("schema_version")
        await second.close()
        others = [await asyncpg.connect(url.partition("?")[0], statement_cache_size=0) for _ in range(2)]
        monkeypatch.setattr(engine, "_PATIENCE", 0.2)
        with pytest.raises(StorageBusy):
            await open_storage(f"{url}&pool=1")
        for other in others:
            await other.close()
        await first.close()


async def test_our_own_connections_are_waited_for(database_url: str) -> None:
    storage = await open_storage(f"{database_url}{'&' if '?' in database_url else '?'}pool=1")
    async with asyncio.TaskGroup() as tasks:
        for n in range(30):
            tasks.create_task(storage.meta.put(f"k{n}", "v"))
    assert await storage.meta.get("k29") == "v"
    await storage.close()


@pytest.fixture
def public(certificate: tuple[Path, Path]) -> Iterator[tuple[Path, Path]]:
    """The certificate and its key where the server's own user can read them."""
    folder = Path(tempfile.mkdtemp(prefix="newsdesk-tls-"))
    folder.chmod(0o755)
    cert, key = (Path(shutil.copy(path, folder)) for path in certificate)
    for path in (cert, key):
        path.chmod(0o644)
    yield cert, key
    shutil.rmtree(folder)


async def test_tls(database_url: str, public: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = public
    monkeypatch.setattr(engine, "_PATIENCE", 0.2)
    tls = {"client_tls_sslmode": "require", "client_tls_cert_file": cert, "client_tls_key_file": key}
    async with pgbouncer(database_url, **tls) as url:
        for mode in ("require", f"verify-full&sslrootcert={cert}"):
            storage = await open_storage(f"{url}&sslmode={mode}")
            assert await storage.meta.get("schema_version")
            await storage.close()
        for mode in ("disable", "verify-full&sslrootcert=/nowhere.pem"):
            with pytest.raises(StorageError):
                await open_storage(f"{url}&sslmode={mode}")


@pytest.mark.skipif(SERVER is None, reason="Debian's PostgreSQL server is not installed")
async def test_tls_of_the_server_itself(engine_name: str, certificate: tuple[Path, Path]) -> None:
    async with own_server(tls=certificate) as server:
        for mode in ("require", f"verify-full&sslrootcert={certificate[0]}"):
            storage = await open_storage(f"{server.url}?sslmode={mode}")
            rows = await storage.engine.fetch("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert rows[0][0] is True
            await storage.close()
        with pytest.raises(StorageError):
            await open_storage(f"{server.url}?sslmode=verify-full&sslrootcert=/nowhere.pem")
