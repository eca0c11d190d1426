"""/why as a reader asks it: under a post, as a reply, with a link or words, by forwarding, or of the last few."""

from __future__ import annotations

from typing import Any

from talking import Chat, labels, last

from bot.sandbox.client import Person

READER = 514
CHANGE = "• У вас отмечен её раздел: Спорт."


async def reading(chat: Chat) -> tuple[Person, dict[str, Any]]:
    """A reader of sport who was shown a post of it, beside one of culture."""
    await chat.publish("Опера открыла сезон", "culture")
    await chat.publish("Матч в Шымкенте", "sport")
    person = chat.people.add(READER)
    await person.send("/start sport")
    return person, await person.next("Матч")


async def test_under_a_post(chat: Chat) -> None:
    person, post = await reading(chat)
    await person.tap(post, "⋯")
    await person.next()
    await person.tap(post, "Почему")
    said = (await person.next("Матч в Шымкенте"))["text"].splitlines()
    assert said[0] == "Матч в Шымкенте"
    assert said[1].startswith("• Я показал её, когда вы")
    assert said[2:] == [CHANGE, "Изменить: /settings"]


async def test_as_a_reply_with_a_link_or_with_words(chat: Chat) -> None:
    person, post = await reading(chat)
    await person.send("/why", reply_to=post)
    assert CHANGE in (await person.next("Изменить"))["text"]
    await person.send("/why https://www.news.example/0?utm_source=telegram")
    assert "• Её раздел у вас не отмечен: Культура." in (await person.next("Изменить"))["text"]
    await person.send("/why опера")
    await person.next("Опера открыла сезон")
    await person.send("/why https://elsewhere.example/1")
    await person.next("Такого сообщения не знаю")
    await person.send("/why", reply_to=last(person))
    await person.next("Такого сообщения не знаю")


async def test_alone_it_offers_the_last_few(chat: Chat) -> None:
    person, _ = await reading(chat)
    await chat.publish("Спорт жаңалығы", "sport", language="kk")
    await person.send("/why")
    offered = await person.next("О какой новости?")
    assert labels(offered) == [["✓ Матч в Шымкенте"], ["– Опера открыла сезон"]]
    await person.tap(offered, "Опера")
    await person.next("Её раздел у вас не отмечен")
    answer = await person.press(offered, "why:99")
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")


async def test_a_link_alone_or_a_forward_is_a_question_too(chat: Chat) -> None:
    person, post = await reading(chat)
    await person.send("https://news.example/1")
    assert CHANGE in (await person.next("Изменить"))["text"]
    await person.send(forward_from=post)
    assert CHANGE in (await person.next("Изменить"))["text"]
    await person.send("https://elsewhere.example/1")
    await person.next("Ничего не нашлось")


async def test_a_stranger_is_shown_the_way_in(chat: Chat) -> None:
    await chat.publish("Матч", "sport")
    person = chat.people.add(READER + 1)
    for words in ("/why", "https://news.example/0"):
        await person.send(words)
        await person.next("Сейчас вы не подписаны: /start")
