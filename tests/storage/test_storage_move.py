"""`newsdesk move`: everything arrives, both ways; what could go wrong is one line and leaves the target as it was."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from storage_help import ALL_SECTIONS, TEXT, article, everything, plain, receipt, running, saved

from bot.__main__ import main
from bot.domain.delivery import BroadcastState
from storage import Storage, move, open_storage
from tests.factories import subscribe

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commands run here."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("BOT_", "NEWSDESK_", "DATABASE_")):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
async def storage(folder: Path) -> AsyncIterator[Storage]:
    """`here.db`, with something of everything."""
    opened = await open_storage(f"sqlite:///{folder}/here.db")
    await fill(opened)
    yield opened
    await opened.close()


async def fill(storage: Storage) -> None:
    await saved(storage, article(1, 1, title="Снег в Алматы", lead=TEXT))
    await subscribe(storage, range(1, 6001), ALL_SECTIONS)
    await storage.deliveries.settle(
        [receipt(await running(storage), 7), receipt(await running(storage), 8, carried=(1, 2), reason=TEXT)],
        [], worker="w", until=1, now=1,
    )  # fmt: skip
    await storage.budgets.reserve("bulk", "w", 3, allowed=29, now=1.25)
    await storage.privacy.erase(6000, now=9)


async def command(*words: str) -> int:
    """A command beside a running loop: it starts one of its own."""
    return await asyncio.to_thread(main, list(words))


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob("*.moving*"))


async def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    opened = await open_storage(url)
    try:
        return {name: plain(rows) for name, rows in (await everything(opened)).items()}
    finally:
        await opened.close()


async def test_there_and_back(
    storage: Storage, folder: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: plain(rows) for name, rows in (await everything(storage)).items()}
    await storage.close()
    assert await command("move", "sqlite:///here.db", database_url) == 0
    assert "5,999 readers" in capsys.readouterr().out
    assert await contents(database_url) == before
    await (await open_storage(f"sqlite:///{folder}/back.db")).close()  # an empty one may be there
    assert await command("move", database_url, "sqlite:///back.db") == 0
    assert await contents(f"sqlite:///{folder}/back.db") == before
    assert (folder / "back.db").stat().st_mode & 0o077 == 0, "it holds people's data"
    assert not leftovers(folder)
    for url in (database_url, f"sqlite:///{folder}/back.db"):
        opened = await open_storage(url)
        met = await opened.readers.meet(99_999, language="ru", now=1)
        assert met.id == 6001, "the id of who was erased is not given again"
        assert [post.title for post in await opened.posts.search([["снег"]], 5)] == ["Снег в Алматы"]
        assert [one.state for one in await opened.broadcasts.open()] == [BroadcastState.RUNNING] * 2, "they go on"
        await opened.close()


async def test_a_running_bot_is_refused(
    storage: Storage, folder: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("move", "sqlite:///here.db", database_url) == 75
    other = await open_storage(database_url)
    await other.leaders.acquire("publish", "w", now=int(await other.meta.time() * 1000), ttl=60_000)
    assert await command("move", database_url, "sqlite:///back.db") == 75
    await storage.close()
    assert await command("move", "sqlite:///here.db", database_url) == 75
    await other.close()
    assert capsys.readouterr().err.count("\n") == 3
    assert not (folder / "back.db").exists()


async def test_a_bot_that_starts_meanwhile_spoils_it(
    storage: Storage, folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.close()
    assert await command("move", "sqlite:///here.db", database_url) == 0
    whole = move.read_file

    def meanwhile(file: sqlite3.Connection, seen: Any) -> None:
        async def start() -> None:
            other = await open_storage(database_url)
            await other.leaders.acquire("publish", "w", now=int(await other.meta.time() * 1000), ttl=60_000)
            await other.close()

        whole(file, seen)
        other = asyncio.to_thread(asyncio.run, start())
        asyncio.run_coroutine_threadsafe(other, loop).result(20)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(move, "read_file", meanwhile)
    assert await command("move", database_url, "sqlite:///back.db") == 75
    assert not (folder / "back.db").exists()


@pytest.mark.parametrize("lost", ["a row", "a letter"])
async def test_what_arrives_otherwise_is_no_move(
    storage: Storage, folder: Path, database_url: str, lost: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    await storage.close()
    assert await command("move", "sqlite:///here.db", database_url) == 0
    for name, change in (
        ("pushed", "DELETE FROM reader WHERE id = 77" if lost == "a row" else "UPDATE reader SET language = 'xx'"),
        ("pulled", "DELETE FROM reader WHERE id = 77" if lost == "a row" else "UPDATE reader SET language = 'xx'"),
    ):
        real = getattr(move, name)

        async def lossy(one: Any, other: Any, seen: Any, real: Any = real, change: str = change) -> None:
            await real(one, other, seen)
            if isinstance(other, sqlite3.Connection):
                other.execute(change)
            else:
                await other.write(change)

        monkeypatch.setattr(move, name, lossy)
    assert await command("move", database_url, "sqlite:///back.db") == 1
    opened = await open_storage(database_url)
    for table in await opened.engine.fetch("SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'"):
        if table[0] != "meta":
            await opened.engine.write(f"DELETE FROM {table[0]}")
    assert await command("move", "sqlite:///here.db", database_url) == 1
    assert not await opened.engine.fetch("SELECT 1 FROM article"), "nothing is left of it"
    await opened.close()
    assert not (folder / "back.db").exists()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all("table reader" in line for line in said)


async def test_mistakes_are_one_line(
    storage: Storage, folder: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await storage.close()
    assert await command("move", "sqlite:///here.db", "sqlite:///back.db") == 2, "of one kind"
    assert await command("move", "sqlite:///nothing.db", database_url) == 2
    assert await command("move", "mysql://u:hunter2@h/d", database_url) == 2
    assert await command("move", "sqlite:///here.db", "postgresql://u:hunter2@127.0.0.1:9/d") == 1, "nobody there"
    assert await command("move", database_url, "sqlite:///back.db") == 1, "none of ours"
    (folder / "rubble.db").write_bytes(b"rubble" * 1000)
    assert await command("move", "sqlite:///rubble.db", database_url) == 1
    assert await command("move", "sqlite:///here.db", database_url) == 0
    assert await command("move", "sqlite:///here.db", database_url) == 2, "not empty any more"
    assert await command("move", database_url, "sqlite:///here.db") == 2, "not empty"
    assert await command("move", database_url, "sqlite:///rubble.db") == 1, "not ours"
    assert await command("move", database_url, "sqlite:///no/folder.db") == 2
    for number, answer in ((3, 2), (9999, 2)):
        with closing(sqlite3.connect(folder / "here.db")) as db, db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(number),))
        assert await command("move", "sqlite:///here.db", database_url) == answer, "of an earlier, of a newer version"
    said = capsys.readouterr().err
    assert said.count("\n") == 12
    assert "Traceback" not in said
    assert "hunter2" not in said
    assert not leftovers(folder)
    assert not (folder / "back.db").exists()


async def test_it_says_how_far_it_is(storage: Storage, folder: Path, database_url: str) -> None:
    await storage.close()
    told: list[tuple[int, int]] = []
    done = await asyncio.to_thread(
        move.move, f"sqlite:///{folder}/here.db", database_url, lambda done, of: told.append((done, of))
    )
    assert told[-1] == (2 * done.rows, 2 * done.rows)
    assert [one[0] for one in told] == sorted({one[0] for one in told})
