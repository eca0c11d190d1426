"""When something breaks: the person is told, the log knows where, and no first error is hidden."""

from __future__ import annotations

import logging

import pytest
from talking import Chat

from bot.domain.errors import StorageBusy, StorageFull, TelegramStopped, UserError
from bot.ops.log import redact
from bot.sandbox.http import TOKEN

READER = 504
SECRET = "мой секрет"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StorageBusy("locked"), "Не получилось, попробуйте ещё раз через минуту."),
        (StorageFull("disk"), "Сейчас ничего не получается сохранить. Попробуйте позже."),
        (ValueError(f"{SECRET} {TOKEN}"), "Не получилось, попробуйте ещё раз через минуту."),
        (UserError("Nothing has come out in your sections yet."), "В ваших разделах пока ничего не вышло."),
    ],
)
async def test_errors_are_told_in_words(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, said: str
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(chat.storage.posts, "search", broken)
    monkeypatch.setattr(chat.storage.readers, "change", broken)
    reader = chat.people.add(READER)
    await reader.send("/settings")
    shown = await reader.next()
    with caplog.at_level(logging.DEBUG, "handlers"):
        await reader.send(SECRET)
        assert (await reader.next())["text"] == said
        answer = await reader.tap(shown, "Срочное")
        assert answer is not None
        assert answer["text"] == said
    assert SECRET not in caplog.text
    assert TOKEN not in caplog.text
    assert str(READER) not in redact(caplog.text)
    assert (type(error).__name__ in caplog.text) is not isinstance(error, UserError)


async def test_a_database_that_cannot_even_be_read_still_gets_an_answer(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise StorageBusy("locked")

    monkeypatch.setattr(chat.storage.readers, "get", broken)
    reader = chat.people.add(READER, lang="en")
    await reader.send("/start")
    assert (await reader.next())["text"] == "That didn't work. Try again in a minute."


async def test_a_failing_answer_hides_nothing(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    reader = chat.people.add(READER)
    chat.sandbox.fail("server_error", "sendMessage", times=2)
    with caplog.at_level(logging.INFO, "handlers"):
        await reader.send("/help")
        await chat.idle()
    assert "TelegramServerError" in caplog.text
    assert "no answer either" in caplog.text
    await reader.send("/help")
    await reader.next("Что умеет бот")


async def test_a_reader_who_blocked_meanwhile_is_no_error(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    reader = chat.people.add(READER)
    chat.sandbox.fail("blocked", "sendMessage")
    with caplog.at_level(logging.WARNING, "handlers"):
        await reader.send("/help")
        await chat.idle()
    assert not caplog.records


async def test_an_error_outside_of_a_talk_is_only_logged(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise StorageBusy("locked")

    reader = chat.people.add(READER)
    await reader.send("/help")
    await reader.next()
    monkeypatch.setattr(chat.storage.readers, "unreachable", broken)
    reader.block()
    await chat.idle()
    assert "StorageBusy" in caplog.text


async def test_a_refused_token_reaches_those_who_end_the_program(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise TelegramStopped("no")

    monkeypatch.setattr(chat.storage.readers, "get", broken)
    await chat.people.add(READER).send("/start")
    await chat.idle()
    assert [type(error) for error in chat.errors] == [TelegramStopped]
    chat.errors.clear()
