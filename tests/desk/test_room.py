"""Where the desk is: what the file says, what an owner chose, and what Telegram does to groups."""

from __future__ import annotations

import pytest

from bot.desk import room
from bot.desk.room import Group, Topic
from bot.domain.desk import Role
from bot.i18n import Words
from storage import Storage

NOW, OLD, NEW, OTHER = 1_763_874_000, -50, -1_001_000_000_050, -77
WORDS = Words.load(("ru", "kk", "en"))


async def _seats(storage: Storage, configured: int = 0, topic: Topic = Topic.QUEUE) -> list[tuple[int, int, str]]:
    found = await room.seats(storage, configured, WORDS, topic)
    return [(seat.chat_id, seat.thread_id, seat.t.code) for seat in found]


async def test_owners_are_the_desk_until_it_has_a_group(sqlite_storage: Storage) -> None:
    for user_id, role in ((1, Role.OWNER), (2, Role.EDITOR), (3, Role.OWNER)):
        await sqlite_storage.editors.add(user_id, role, "x", by=0, now=NOW)
    await sqlite_storage.readers.meet(3, language="kk", now=NOW)
    assert await _seats(sqlite_storage) == [(1, 0, "ru"), (3, 0, "kk")]
    await room.choose(sqlite_storage, OLD, {Topic.QUEUE: 8})
    assert await _seats(sqlite_storage) == [(OLD, 8, "ru")]
    assert await _seats(sqlite_storage, topic=Topic.ALARMS) == [(OLD, 0, "ru")]


async def test_the_file_wins(sqlite_storage: Storage) -> None:
    assert await _seats(sqlite_storage, OTHER) == [(OTHER, 0, "ru")]
    await room.choose(sqlite_storage, OLD, {Topic.QUEUE: 8})
    assert await _seats(sqlite_storage, OTHER) == [(OTHER, 0, "ru")]
    await room.choose(sqlite_storage, OTHER, {Topic.QUEUE: 9})
    assert await _seats(sqlite_storage, OTHER) == [(OTHER, 9, "ru")], "its topics are known"


@pytest.mark.parametrize("configured", [0, OLD])
async def test_a_supergroup_is_followed(sqlite_storage: Storage, configured: int) -> None:
    await room.choose(sqlite_storage, OLD, {})
    await room.moved(sqlite_storage, configured, OTHER, -1)
    assert await room.group(sqlite_storage, configured) == Group(OLD)
    await room.moved(sqlite_storage, configured, OLD, NEW)
    assert await room.group(sqlite_storage, configured) == Group(NEW, was=OLD)
    await room.choose(sqlite_storage, NEW, {Topic.QUEUE: 5})
    assert await _seats(sqlite_storage, configured) == [(NEW, 5, "ru")], "the file names the old id"


@pytest.mark.parametrize("configured", [0, OLD])
async def test_out_of_the_group_and_back(sqlite_storage: Storage, configured: int) -> None:
    if not configured:
        await room.choose(sqlite_storage, OLD, {})
    assert not await room.present(sqlite_storage, configured, OTHER, False)
    assert not await room.present(sqlite_storage, configured, OLD, True), "it was never away"
    assert await room.present(sqlite_storage, configured, OLD, False)
    assert not await room.present(sqlite_storage, configured, OLD, False)
    assert await room.group(sqlite_storage, configured) is None
    assert await room.present(sqlite_storage, configured, OLD, True)
    assert await room.group(sqlite_storage, configured) == Group(OLD)
