"""What is kept about a chat: exported whole, erased whole, and gone from the files too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from storage_help import article, everything, receipt, running, saved, subscribed, tables

from bot.desk.tallies import roll_up
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Marks
from bot.domain.place import Place
from bot.domain.post import Post
from bot.domain.reader import ReaderKind
from storage import Storage, open_storage
from storage.backup import backup
from storage.privacy import _MINE
from tests.factories import correct

WHO, NUMBER = 5_555_007, 4_987_654
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
    marks = Marks(counted=[(20_000, reader.id)])
    await storage.deliveries.settle([receipt(broadcast, reader.id)], [], worker="w", until=9, now=9, marks=marks)
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


async def holding(storage: Storage, *words: str) -> list[tuple[str, tuple[object, ...]]]:
    """The rows of all tables that hold one of the words anywhere. How many readers there were when a send began is no
    trace of the newest of them."""
    return [
        (table, row)
        for table, rows in (await everything(storage)).items()
        for row in rows
        if any(word in str(value) for value in row for word in words)
    ]


@pytest.mark.parametrize("under_way", [True, False])
async def test_the_readers_number_stands_nowhere_either(storage: Storage, under_way: bool) -> None:
    """Lists that they asked for, what corrected those, and what corrected the copies that were shown to them alone."""
    await saved(storage, article(1, 1))
    reader = await numbered(storage, WHO, NUMBER)
    await subscribed(storage, WHO + 1)  # an older number than theirs: so no send reaches as far as theirs
    await storage.engine.write("UPDATE reader SET id = 4 WHERE chat_id = :chat", chat=WHO + 1)
    assert await storage.broadcasts.ask(reader, listed=0, now=50)
    (asked,) = await storage.broadcasts.open()
    (post, _), *_ = await storage.posts.waiting()
    await storage.lists.carry(asked.id, [post.id])
    sent = receipt(asked, reader, carried=(post.id,))
    await storage.deliveries.settle([sent], [], worker="w", until=9, now=51)
    await storage.posts.shown(post.id, reader, 55, 1, now=52)
    edits = await correct(storage, replace(post, title="Иначе"), now=60)
    assert edits is not None
    assert len(edits) == 2
    if not under_way:
        for id_ in (asked.id, *edits):
            assert await storage.broadcasts.change(id_, BroadcastState.DONE, among=[BroadcastState.RUNNING], now=70)
    assert len(await holding(storage, str(NUMBER))) >= 5
    await storage.privacy.erase(WHO, now=80)
    assert await holding(storage, str(NUMBER), str(NUMBER >> 10), str(WHO)) == []
    states = {one.id: one.state for one in map(known, await whole(storage, asked.id, *edits))}
    assert states[asked.id] is (BroadcastState.STOPPED if under_way else BroadcastState.DONE)
    assert [one.id for one in await storage.broadcasts.open()] == ([edits[-1]] if under_way else []), "of the copies"
    assert await storage.readers.count(known(await storage.broadcasts.get(asked.id)).audience) == 0, "nobody's"


@pytest.mark.parametrize("late_by", [1, 90_000])
async def test_what_was_on_its_way_to_somebody_leaves_nothing_behind(storage: Storage, late_by: int) -> None:
    await saved(storage, article(1, 1))
    reader = await numbered(storage, WHO, NUMBER)
    other = await numbered(storage, WHO + 1, 77)
    (post, _), *_ = await storage.posts.waiting()
    send = known(await storage.broadcasts.get(await to_all(storage, post)))
    assert await storage.broadcasts.ask(reader, listed=0, now=50)
    asked = next(one for one in await storage.broadcasts.open() if one.id != send.id)
    await storage.privacy.erase(WHO, now=51)
    late = [receipt(send, reader), receipt(asked, reader), receipt(send, other)]
    await storage.deliveries.settle(late, [], worker="w", until=9, now=51 + late_by, sent=[(send.id, reader, 1, 1, 9)])
    if late_by < 86_400:
        assert [row[0] for row in await storage.engine.fetch("SELECT reader_id FROM receipt")] == [other]
    await storage.deliveries.hold(WHO, 2_000_000)
    await storage.deliveries.hold(WHO + 1, 2_000_000)
    await storage.deliveries.hold(0, 2_000_000)
    assert sorted(await storage.deliveries.holds(now=53)) == [0, WHO + 1]
    assert await storage.broadcasts.change(send.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=60)
    await roll_up(storage, [], ZoneInfo("Asia/Almaty"), 90_200)
    newest = [(table, row[0]) for table, row in await holding(storage, str(NUMBER), str(WHO))]
    assert newest == [("broadcast", send.id)], "so many readers there were"
    rows = await storage.engine.fetch("SELECT reader_id FROM receipt")
    assert [row[0] for row in rows] == [other]
    await storage.privacy.strays(send.id, 0, NUMBER)  # again: there are none
    counted = await storage.engine.fetch("SELECT n FROM stat WHERE what = 'delivered' AND section = ''")
    assert [row[0] for row in counted] == [1 if late_by < 86_400 else 2], "the figures know who is there"


async def numbered(storage: Storage, chat: int, number: int) -> int:
    """A reader with that very number."""
    await subscribed(storage, chat)
    await storage.engine.write("UPDATE reader SET id = :id WHERE chat_id = :chat", id=number, chat=chat)
    return number


async def to_all(storage: Storage, post: Post) -> int:
    """A send to the section's readers."""
    lane, audience = Lane.REGULAR, Audience(sections=1)
    return await storage.broadcasts.publish([post], audience, key="all", lane=lane, total=2, start=0.0, now=40)


async def whole(storage: Storage, *ids: int) -> list[Broadcast | None]:
    """Broadcasts by their ids."""
    return [await storage.broadcasts.get(id_) for id_ in ids]


def known(broadcast: Broadcast | None) -> Broadcast:
    """It is there."""
    assert broadcast is not None
    return broadcast


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
    backup(f"sqlite:///{tmp_path}/n.db", tmp_path / "copy.db")
    assert traces(tmp_path) == 0, "the next backup"
    (tmp_path / "copy.db").unlink()
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
