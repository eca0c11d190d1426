"""What is kept about a chat: exported whole, erased whole, and gone from the files too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storage_help import article, receipt, running, saved, subscribed, tables

from bot.domain.place import Place
from bot.domain.post import Post
from bot.domain.reader import ReaderKind
from storage import Storage, open_storage
from storage.privacy import _MINE

WHO = 5_555_007
ELSEWHERE = {"reader": "chat_id", "inbox": "chat", "hold": "chat_id", "place": "chat_id", "place_admin": "user_id"}
DESK = {"editor", "draft", "approval", "awaited", "card", "audit", "invitation", "erratum"}
"""Who works there is on record; docs/privacy say so."""


async def columns(storage: Storage, table: str) -> set[str]:
    """The names of a table's columns."""
    if storage.engine.dialect.name == "sqlite":
        return {row["name"] for row in await storage.engine.fetch(f"PRAGMA table_info({table})")}
    rows = await storage.engine.fetch(
        "SELECT CAST(column_name AS text) FROM information_schema.columns WHERE table_name = :table", table=table
    )
    return {row[0] for row in rows}


async def kept(storage: Storage, chat: int) -> Post:
    """A reader of whom every table knows something; the post they have."""
    reader = await subscribed(storage, chat)
    broadcast = await running(storage)
    await storage.deliveries.settle([receipt(broadcast, reader.id)], [], worker="w", until=9, now=9)
    (post,) = await storage.posts.get(broadcast.posts)
    await storage.posts.shown(post.id, reader.id, 55, 1, now=8)
    await storage.readers.mute(reader.id, [3], until=50, now=8)
    await storage.saved.keep(reader.id, post.id, now=8)
    await storage.posts.tapped(post.id, reader.id, "read", now=8)
    await storage.terms.choose(reader.id, f"имя {chat}", [f"=имя ={chat}", "=общее"], follows=True, since=0, now=8)
    await storage.terms.read([(post, [number for number, _ in await storage.terms.known(["=имя"])])])
    await storage.inbox.store([(10 * chat, chat, f'{{"m": {chat}}}'), (10 * chat + 1, chat, "{}")], 4)
    await storage.inbox.done([10 * chat + 1], 5)
    await storage.deliveries.hold(chat, 99)
    await storage.places.keep(Place(-900, ReaderKind.GROUP, "Соседи"), by=chat, now=9)
    return post


async def test_no_table_that_knows_a_reader_is_left_out(storage: Storage) -> None:
    for table in await tables(storage.engine):
        names = await columns(storage, table)
        assert ("reader_id" in names) == (table in _MINE), table
        if names & {"chat_id", "chat", "user_id"} and table not in DESK:
            assert table in ELSEWHERE, f"storage/privacy.py erases nothing of {table}"


async def test_export_holds_all_and_erase_leaves_none_of_it(storage: Storage) -> None:
    await saved(storage, article(1, 1))
    await kept(storage, WHO)
    await kept(storage, WHO + 1)
    met = await storage.readers.get(WHO)
    assert met
    exported = await storage.privacy.export(WHO)
    assert {name: len(rows) for name, rows in exported.items()} == dict.fromkeys(exported, 1)
    assert exported["deliveries"][0]["message_id"] == 77
    assert exported["words"][0]["word"] == f"имя {WHO}"
    before = await storage.privacy.export(WHO + 1)
    await storage.privacy.erase(WHO, now=9)
    assert not any((await storage.privacy.export(WHO)).values())
    assert await storage.privacy.export(WHO + 1) == before
    known = await storage.terms.known(["=имя", "=общее"])
    assert [key for _, key in known] == ["=общее", f"=имя ={WHO + 1}"], "nobody else had chosen that word"
    assert len(await storage.engine.fetch("SELECT * FROM post_term")) == 1
    assert WHO not in await storage.deliveries.holds(now=1)
    waiting, _ = await storage.inbox.recover(3, 9)
    assert [update.chat for update in waiting] == [WHO + 1]
    fresh = await storage.readers.meet(WHO, language="ru", now=9)
    assert fresh.id > met.id, "a reused id would send an edit to a stranger"


def traces(folder: Path) -> int:
    """How often the chat's id stands in the database and its log, as text and as SQLite stores numbers."""
    files = b"".join(file.read_bytes() for file in folder.iterdir() if file.name != "n.db-shm")
    return files.count(str(WHO).encode()) + files.count(WHO.to_bytes(3, "big")) + files.count(WHO.to_bytes(4, "big"))


async def test_an_erased_chat_leaves_no_bytes_in_the_files_while_the_bot_runs(tmp_path: Path) -> None:
    storage = await open_storage(f"sqlite:///{tmp_path}/n.db")
    for chat in range(WHO - 7, WHO + 43):
        await subscribed(storage, chat, source=f"канал-{chat}")
    await kept(storage, WHO)
    assert traces(tmp_path) > 5
    await storage.privacy.erase(WHO, now=9)
    assert traces(tmp_path) == 0
    await storage.close()
    assert traces(tmp_path) == 0
    with sqlite3.connect(tmp_path / "n.db") as plain:
        assert plain.execute("SELECT COUNT(*) FROM reader").fetchone() == (49,)
    plain.close()
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs here
    assert f"канал-{WHO - 1}".encode() in files
    assert f"канал-{WHO}".encode() not in files


async def test_whoever_reads_meanwhile_keeps_the_log_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    storage = await open_storage(f"sqlite:///{tmp_path}/n.db")
    await subscribed(storage, WHO)
    monkeypatch.setattr("storage.sqlite._SHRED_TRIES", 1)
    with closing(sqlite3.connect(tmp_path / "n.db", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM reader").fetchall()
        await storage.privacy.erase(WHO, now=9)
        assert "somebody is reading it" in caplog.text
    await storage.engine.shred()
    assert traces(tmp_path) == 0
    await storage.close()
    await storage.engine.shred()
    assert "could not be cut off" in caplog.text
