"""Owners hear of a database that takes no writes: once when it begins, once when it is over, in their language."""

from __future__ import annotations

import pytest
from aiogram.exceptions import AiogramError

from bot.clock import SteppableClock
from bot.domain.desk import Role
from bot.domain.errors import StorageBusy
from bot.i18n import Words
from bot.ops.alarm import AFTER, DatabaseAlarm
from bot.ops.health import Health
from storage import Storage


async def test_owners_are_told_once_and_once_again(sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    for user_id, role in ((1, Role.OWNER), (2, Role.EDITOR), (3, Role.OWNER), (4, Role.OWNER)):
        await sqlite_storage.editors.add(user_id, role, "", by=0, now=1)
    await sqlite_storage.readers.meet(3, language="kk", now=1)
    clock = SteppableClock(1000.0)
    health = Health(clock.now)
    said: list[tuple[int, str]] = []

    async def say(chat_id: int, text: str) -> None:
        said.append((chat_id, text))
        if chat_id == 1:
            raise AiogramError("blocked")

    alarm = DatabaseAlarm(sqlite_storage, health, Words.load(("ru", "kk"), None), clock, say)
    await alarm.look()
    assert said == [], "it is only starting"
    health.written_at, health.database = clock.now(), ""
    await clock.advance(AFTER + 1)
    await alarm.look()
    assert said == [], "a clock that has leapt"
    health.written_at, health.database = clock.now(), "locked"
    await clock.advance(AFTER)
    await alarm.look()
    assert said == []

    async def unreadable(*_: object) -> None:
        raise StorageBusy("out of reach")

    await clock.advance(1)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_storage.editors, "all", unreadable)
        await alarm.look()
        await alarm.look()
    assert [chat_id for chat_id, _ in said] == [1, 3, 4], "those known from before, the others too where one fails"
    assert "диск полон" in said[2][1]
    assert "сақталмай" in said[1][1]
    said.clear()
    health.written_at, health.database = clock.now(), ""
    await alarm.look()
    await alarm.look()
    assert [(chat_id, text[:1]) for chat_id, text in said] == [(1, "✅"), (3, "✅"), (4, "✅")]
