"""The n-th call of the database, or of Telegram, fails: whoever spoke is told, tries again, and all is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

import pytest
from storage_help import Failing
from talking import Chat

from bot.domain.reader import ReaderState
from bot.sandbox.client import Person
from storage import Storage

Act = Callable[[], Awaitable[object]]
Flow = Callable[[Chat, int], AsyncIterator[Act]]
SORRY = "Не получилось"


async def _press(person: Person, label: str) -> None:
    """Press the newest button with that label; an alert is an answer, too."""
    for message in reversed(person.chat()):
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        if any(label in button["text"] for row in rows for button in row):
            await person.tap(message, label, wait=False)
            return
    raise LookupError(label)


async def subscribing(chat: Chat, id_: int) -> AsyncIterator[Act]:
    """A reader picks a section, another one besides, and gets news."""
    person = chat.people.add(id_, lang="ru")
    yield lambda: person.send("/start")
    yield lambda: _press(person, "Спорт")
    yield lambda: _press(person, "Готово")
    reader = await chat.storage.readers.get(id_)
    assert reader is not None
    assert (reader.state, reader.sections) == (ReaderState.ACTIVE, 1 << 4)
    yield lambda: person.send("/stop")
    left = await chat.storage.readers.get(id_)
    assert left is not None
    assert left.state is ReaderState.LEFT


async def breaking(chat: Chat, id_: int) -> AsyncIterator[Act]:
    """An editor sends one piece of breaking news, once."""
    person = await chat.editor(id_, lang="ru")
    before = len(await chat.storage.broadcasts.open())
    yield lambda: person.send(f"/breaking Мост {id_} открыт")
    yield lambda: _press(person, "Разослать")
    assert len(await chat.storage.broadcasts.open()) == before + 1


async def erasing(chat: Chat, id_: int) -> AsyncIterator[Act]:
    """A reader comes by a link and has everything forgotten."""
    person = chat.people.add(id_, lang="ru")
    yield lambda: person.send("/start sport")
    yield lambda: person.send("/privacy")
    yield lambda: _press(person, "Удалить")
    yield lambda: _press(person, "Да, удалить")
    assert await chat.storage.readers.get(id_) is None


FLOWS = (subscribing, breaking, erasing)


async def _reader_of_breaking(chat: Chat) -> None:
    await chat.people.add(99, lang="ru").send("/start sport")
    await chat.publish("Новость спорта")
    await chat.idle()


async def _acted(chat: Chat, act: Act, *, again: bool = False) -> bool:
    """Do it; whether the bot asked to have it done again. What was done before its answer failed has no button left."""
    heard = len(chat.sandbox.calls)
    with suppress(LookupError) if again else nullcontext():
        await act()
    await chat.idle()
    return any(SORRY in str(call.params.get("text")) for call in list(chat.sandbox.calls)[heard:])


@pytest.mark.parametrize("flow", FLOWS)
async def test_any_call_of_the_database_may_fail(chat: Chat, flow: Flow) -> None:
    await _reader_of_breaking(chat)
    whole, n, failing = chat.ctx, 0, None
    while failing is None or failing.fired:
        n, failing = n + 1, Failing(chat.storage.engine, n + 1)
        async for act in flow(chat, 1000 + n):
            chat.dispatcher["ctx"] = whole if failing.fired else replace(whole, storage=Storage(failing))
            again = await _acted(chat, act)
            chat.dispatcher["ctx"] = whole
            if again:
                assert not await _acted(chat, act, again=True)
    assert n > 10


@pytest.mark.parametrize("flow", FLOWS)
async def test_any_call_of_telegram_may_fail(chat: Chat, flow: Flow) -> None:
    await _reader_of_breaking(chat)
    n, fault = 0, None
    while fault is None or fault.times == 0:
        n += 1
        chat.sandbox.faults.clear()
        fault = chat.sandbox.fail("server_error", match=_answers, after=n - 1)
        async for act in flow(chat, 2000 + n):
            armed = fault.times
            await _acted(chat, act)
            if fault.times != armed:
                assert not await _acted(chat, act, again=True)
    chat.sandbox.faults.clear()
    assert n > 3


def _answers(params: dict[str, Any]) -> bool:
    return "offset" not in params  # all but getUpdates
