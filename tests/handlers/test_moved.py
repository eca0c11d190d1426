"""Readers of an earlier bot: its buttons and its keyboard lead to our menu, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from talking import START, Chat, labels, last

from bot.delivery.renderings import ASK
from bot.domain.reader import Choices, Subscriber

READER = 501


@pytest.mark.parametrize("known", [True, False])
async def test_a_button_of_the_earlier_bot_leads_to_our_menu(chat: Chat, known: bool) -> None:
    chat.dispatcher["ctx"] = replace(chat.ctx, born_at=START + 1)
    aigerim = chat.people.add(READER, started=True)
    if known:
        await chat.storage.readers.bring([Subscriber(READER, "ru", 3, START)], Choices(), now=START)
    old = await chat.bot.send_message(READER, "Меню прежнего бота")
    for data in ("news_1", "s:4:1"):
        await aigerim.press(old.model_dump(), data)
        await chat.idle()
    reader = await chat.storage.readers.get(READER)
    assert reader
    assert (reader.sections, reader.ask) == (3 if known else 0, False), "whatever the data mean, it was not ours"
    assert "Что вам присылать?" in last(aigerim)["text"]


async def test_words_of_an_old_keyboard_are_no_search(chat: Chat) -> None:
    aigerim = chat.people.add(READER, started=True)
    await chat.storage.readers.bring([Subscriber(READER, "kk", 3, START)], Choices(), now=START)
    await aigerim.send("📰 Новости")
    moved = await aigerim.next("көштік")
    assert moved["reply_markup"] == {"remove_keyboard": True}
    assert labels(await aigerim.next())[-1] == ["Русский", "English"]
    await aigerim.send("📰 Новости")
    await chat.idle()
    assert "көштік" not in last(aigerim)["text"], "once"


async def test_the_question_below_a_post_opens_the_choices(chat: Chat) -> None:
    aigerim = chat.people.add(READER, started=True)
    await chat.storage.readers.bring([Subscriber(READER, "ru", 3, START)], Choices(), now=START)
    post = await chat.bot.send_message(READER, "Новость")
    await aigerim.press(post.model_dump(), ASK)
    await aigerim.next("Мы переехали")
    await aigerim.next("Что вам присылать?")
