"""Whoever is too fast is asked for patience instead of being answered."""

from __future__ import annotations

from typing import Any

from talking import Chat

READER = 511


async def test_a_hurried_person_is_told_so_and_nothing_is_done(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start")
    shown = await reader.next()

    async def hurried(**update: Any) -> None:
        raw = {"update_id": 1, **update}
        await chat.dispatcher.feed_raw_update(chat.bot, raw, hurried=True)

    message = {k: shown[k] for k in ("message_id", "date", "chat")}
    who = {"id": READER, "is_bot": False, "first_name": "Ася", "language_code": "ru"}
    await hurried(message={**message, "from": who, "text": "/latest"})
    assert (await reader.next())["text"].startswith("Так быстро")
    said = len(reader.chat())
    press = {"id": "1", "from": who, "chat_instance": "1", "message": message, "data": "s:4:1"}
    await hurried(callback_query=press)
    await hurried(inline_query={"id": "1", "from": who, "query": "", "offset": ""})
    group = {"id": -5, "type": "supergroup", "title": "Группа"}
    await hurried(message={**message, "chat": group, "from": who, "text": "/latest"})
    assert len(reader.chat()) == said
    known = await chat.storage.readers.get(READER)
    assert known is not None
    assert known.sections == 0
