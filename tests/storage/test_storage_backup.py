"""Backups: whole while the bot writes, refused when damaged, and nothing of an erased reader in them."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from time import time

import asyncpg
import pytest
from storage_help import ALL_SECTIONS, TEXT, article, breaking, everything, plain, receipt, running, saved, subscribed

from bot.__main__ import main
from bot.domain.delivery import Audience, BroadcastState
from bot.domain.errors import StorageError, StorageFull
from storage import Storage, open_storage
from storage.backup import backup, restore
from tests.factories import launched, subscribe

WHO = 712_345_678_901
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commands run here, on `newsdesk.db`."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("BOT_", "NEWSDESK_", "DATABASE_")):
            monkeypatch.delenv(name)
    return tmp_path


async def filled(folder: Path) -> None:
    """A database with three readers, closed."""
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    await subscribe(storage, range(1, 4), 1)
    await storage.close()


def names(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def chats(folder: Path, name: str = "newsdesk.db") -> list[int]:
    storage = await open_storage(f"sqlite:///{folder}/{name}")
    try:
        return [row[0] for row in await storage.engine.fetch("SELECT chat_id FROM reader ORDER BY id")]
    finally:
        await storage.close()


async def test_a_backup_by_another_process_is_whole_while_this_one_writes(database_url: str, tmp_path: Path) -> None:
    storage = await open_storage(database_url)
    await subscribe(storage, range(1, 20_000), 1)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": database_url}
    command = (sys.executable, "-m", "bot", "backup", "copy.db")
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=env)
    written, ended = 0, asyncio.ensure_future(process.wait())
    async with asyncio.timeout(60):
        while not ended.done():
            # Two tables in one transaction: a copy has both rows or none.
            async with storage.engine.transaction() as db:
                await db.write("INSERT INTO hold (chat_id, until) VALUES (:n, 1)", n=written)
                await db.write("INSERT INTO meta (key, value) VALUES (:key, '')", key=f"n{written}")
            written += 1
    await storage.close()
    assert ended.result() == 0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (held,), (named,) = (copy.execute(f"SELECT COUNT(*) FROM {t}").fetchone() for t in ("hold", "meta"))
        assert 0 < held == named - 1 < written
        assert copy.execute("SELECT COUNT(*) FROM reader").fetchone() == (19_999,)
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0, "it holds people's data"


async def test_there_and_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await filled(folder)
    assert main(["backup", "copy.db"]) == 0
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    await subscribe(storage, range(50, 60), 1)
    await storage.close()
    assert main(["restore", "copy.db"]) == 0
    said = capsys.readouterr().out
    assert "3 readers" in said
    assert "sends" not in said
    assert await chats(folder) == [1, 2, 3]
    (aside,) = names(folder, "newsdesk.db.2*")
    assert aside in said
    assert len(await chats(folder, aside)) == 13


async def test_ids_go_on_after_a_restore(folder: Path) -> None:
    """A reader's id is never given again: a correction would edit a stranger's message."""
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    await subscribe(storage, range(1, 10), 1)
    await storage.privacy.erase(9, now=9)
    await storage.close()
    assert main(["backup", "copy.db"]) == main(["restore", "copy.db"]) == 0
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    met = await storage.readers.meet(77, language="ru", now=1)
    await storage.close()
    assert met.id == 10


async def test_what_was_under_way_is_not_sent_again(
    sqlite_storage: Storage, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await subscribed(sqlite_storage, 1)
    open_one = await running(sqlite_storage)
    await sqlite_storage.deliveries.claim(open_one, "w", 1, now=1, until=2)
    due = await launched(sqlite_storage, breaking(), Audience(), total=1, due=9, now=1)
    assert main(["backup", "copy.db"]) == 0
    await sqlite_storage.close()
    assert main(["restore", "copy.db"]) == 0
    assert "2 sends" in capsys.readouterr().out
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    try:
        assert await storage.broadcasts.open() == []
        states = [(await storage.broadcasts.get(id_)).state for id_ in (open_one.id, due)]  # type: ignore[union-attr,arg-type]
        assert states == [BroadcastState.STOPPED, BroadcastState.CANCELLED]
    finally:
        await storage.close()


@pytest.mark.parametrize("where", ["middle", "end", "cut", "not ours", "empty"])
async def test_a_damaged_backup_is_refused(folder: Path, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    await filled(folder)
    assert main(["backup", "copy.db"]) == 0
    file = folder / "copy.db"
    whole = file.read_bytes()
    half = len(whole) // 2
    file.write_bytes(
        {
            "middle": whole[:half] + b"x" * 500 + whole[half + 500 :],
            "end": whole[:-9] + b"01234567\n",
            "cut": whole[:half],
            "not ours": (folder / "newsdesk.db").read_bytes(),
            "empty": b"",
        }[where]
    )
    capsys.readouterr()
    assert main(["restore", "copy.db"]) == 1
    said = capsys.readouterr().err
    assert "checksum" in said
    assert said.count("\n") == 1
    assert names(folder) == ["copy.db", "newsdesk.db", "newsdesk.db.lock"]
    assert await chats(folder) == [1, 2, 3]


async def test_a_database_in_use_is_not_replaced(sqlite_storage: Storage, folder: Path) -> None:
    await subscribe(sqlite_storage, range(3), 1)
    assert main(["backup", "copy.db"]) == 0
    assert main(["restore", "copy.db"]) == 75
    assert await sqlite_storage.meta.get("schema_version")
    assert not names(folder, "*.restoring")


async def test_a_backup_of_a_newer_version_is_refused(folder: Path) -> None:
    await filled(folder)
    with closing(sqlite3.connect(folder / "newsdesk.db")) as db, db:
        db.execute("UPDATE meta SET value = '9999' WHERE key = 'schema_version'")
    assert main(["backup", "copy.db"]) == 0
    assert main(["restore", "copy.db"]) == 2


async def test_restoring_where_there_is_nothing_or_only_rubble(folder: Path) -> None:
    await filled(folder)
    assert main(["backup", "copy.db"]) == 0
    for name in names(folder, "newsdesk.db*"):
        (folder / name).unlink()
    assert main(["restore", "copy.db"]) == 0
    assert not names(folder, "newsdesk.db.2*")
    (folder / "newsdesk.db").write_bytes(b"rubble" * 1000)
    (folder / "newsdesk.db-wal").write_bytes(b"rubble" * 1000)
    assert main(["restore", "copy.db"]) == 0
    assert await chats(folder) == [1, 2, 3]
    assert {(folder / name).read_bytes()[:6] for name in names(folder, "newsdesk.db.2*")} == {b"rubble"}


async def test_mistakes_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "copy.db"]) == 2, "no database"
    (folder / "newsdesk.db").write_bytes(b"")
    assert main(["backup", "copy.db"]) == 1, "an empty one"
    (folder / "newsdesk.db").write_bytes(b"rubble" * 1000)
    assert main(["backup", "copy.db"]) == 1, "none of ours"
    (folder / "newsdesk.db").unlink()
    await filled(folder)
    assert main(["backup", "no/where.db"]) == 2
    assert main(["restore", "nothing.db"]) == 2
    (folder / "there.db").touch()
    assert main(["backup", "there.db"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 6
    assert "Traceback" not in said.err
    assert not names(folder, "*.part")


async def test_a_full_disk_is_said_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(folder)
    url = f"sqlite:///{folder}/newsdesk.db"
    backup(url, folder / "copy.db")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFull):
        backup(url, folder / "second.db")
    with pytest.raises(StorageFull):
        restore(url, folder / "copy.db", now=1)
    assert names(folder) == ["copy.db", "newsdesk.db", "newsdesk.db.lock"]


def traces(file: Path) -> int:
    """How often the chat's id stands in a file, as text and as SQLite stores numbers."""
    data = file.read_bytes()
    return data.count(str(WHO).encode()) + data.count(WHO.to_bytes(6, "big"))


async def test_nothing_of_an_erased_reader_is_in_the_next_backup(sqlite_storage: Storage, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/newsdesk.db"
    reader = await sqlite_storage.readers.meet(WHO, language="ru", now=1)
    await subscribe(sqlite_storage, range(2000), 1)
    await sqlite_storage.readers.consent(reader.id, "2026-11", now=1)
    await sqlite_storage.inbox.store([(1, WHO, f'{{"chat": {WHO}}}')], 1)
    await sqlite_storage.deliveries.hold(WHO, 99)
    broadcast = await running(sqlite_storage)
    await sqlite_storage.deliveries.settle([receipt(broadcast, reader.id)], [], worker="w", until=1, now=1)
    backup(url, tmp_path / "before.db")
    await sqlite_storage.inbox.done([1], 2)
    await sqlite_storage.privacy.erase(WHO, now=9)
    backup(url, tmp_path / "after.db")
    assert traces(tmp_path / "before.db") >= 3
    assert traces(tmp_path / "after.db") == 0
    with closing(sqlite3.connect(tmp_path / "after.db")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM receipt WHERE reader_id = ?", (reader.id,)).fetchone() == (0,)


async def test_search_works_in_what_was_restored(folder: Path) -> None:
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    await saved(storage, article(1, 1, title="Снег в Алматы"))
    await storage.close()
    assert main(["backup", "copy.db"]) == main(["restore", "copy.db"]) == 0
    storage = await open_storage(f"sqlite:///{folder}/newsdesk.db")
    try:
        assert [found.title for found in await storage.posts.search([["снег"]], 5)] == ["Снег в Алматы"]
    finally:
        await storage.close()
    with pytest.raises(StorageError):
        restore(f"sqlite:///{folder}/newsdesk.db", folder / "newsdesk.db", now=1)


async def command(*words: str) -> int:
    """A command beside a running loop: for PostgreSQL it starts one of its own."""
    return await asyncio.to_thread(main, list(words))


async def other(database_url: str) -> str:
    """The address of a second, empty database beside this one."""
    name = f"{database_url.partition('?')[0].rsplit('/', 1)[1]}_2"
    admin = await asyncpg.connect(database_url)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    finally:
        await admin.close()
    return re.sub(r"/[^/?]+(?=\?|$)", f"/{name}", database_url)


async def dropped(database_url: str, url: str) -> None:
    name = url.partition("?")[0].rsplit("/", 1)[1]
    admin = await asyncpg.connect(database_url)
    try:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.mark.parametrize("engine_name", ["postgres"], indirect=True)
async def test_postgres_there_and_back_and_over_to_sqlite(
    database_url: str, engine_name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = await open_storage(database_url)
    await saved(storage, article(1, 1, title="Снег в Алматы", lead=TEXT))
    await subscribe(storage, range(1, 12_000), ALL_SECTIONS)
    reader = await storage.readers.get(11_999)
    assert reader
    await storage.deliveries.settle(
        [receipt(await running(storage), 7), receipt(await running(storage), 8, carried=(1, 2), reason=TEXT)],
        [], worker="w", until=1, now=1,
    )  # fmt: skip
    for broadcast in await storage.broadcasts.open():
        assert await storage.broadcasts.change(broadcast.id, BroadcastState.STOPPED, among=list(BroadcastState), now=9)
    await storage.privacy.erase(11_999, now=9)
    before = await everything(storage)
    await storage.close()
    second = await other(database_url)
    try:
        for step, (source, target) in enumerate(
            [(database_url, "sqlite:///over.db"), ("sqlite:///over.db", second), (second, "sqlite:///again.db")]
        ):
            monkeypatch.setenv("DATABASE_URL", source)
            assert await command("backup", f"{step}.db") == 0
            monkeypatch.setenv("DATABASE_URL", target)
            assert await command("restore", f"{step}.db") == 0
            storage = await open_storage(target.replace("sqlite:///", f"sqlite:///{folder}/"))
            try:
                after = await everything(storage)
                assert {name: plain(rows) for name, rows in after.items()} == {
                    name: plain(rows) for name, rows in before.items()
                }
                assert [post.title for post in await storage.posts.search([["снег"]], 5)] == ["Снег в Алматы"]
            finally:
                await storage.close()
        monkeypatch.setenv("DATABASE_URL", second)
        assert await command("restore", "0.db") == 2, "it is not empty any more"
        storage = await open_storage(second)
        assert (await storage.readers.meet(1, language="ru", now=1)).id == 1
        met = await storage.readers.meet(99_999, language="ru", now=1)
        await storage.leaders.acquire("send", "w", now=int(time() * 1000), ttl=60_000)
        await storage.close()
        assert met.id > reader.id, "the id of who was erased is not given again"
        assert await command("restore", "0.db") == 75
        assert not names(folder, "*.restoring*")
    finally:
        await dropped(database_url, second)


@pytest.mark.parametrize("engine_name", ["postgres"], indirect=True)
async def test_a_postgres_that_is_not_ours_is_one_line(
    database_url: str,
    engine_name: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert await command("backup", "copy.db") == 1, "an empty database"
    storage = await open_storage(database_url)
    await storage.meta.put("schema_version", "9999")
    await storage.close()
    assert await command("backup", "copy.db") == 2, "a newer version"
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:9/d")
    assert await command("backup", "copy.db") == 1, "nobody there"
    said = capsys.readouterr().err
    assert said.count("\n") == 3
    assert "hunter2" not in said
    assert names(folder) == []
