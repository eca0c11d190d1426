"""/find, page by page, and questions typed in any chat."""

from __future__ import annotations

from dataclasses import replace

import pytest
from talking import Chat, labels, last

from bot.settings import Posts, Settings

FOLLOW = ["👀 Следить за этим"]
READER = 507


async def test_find_takes_words_and_asks_for_them(chat: Chat) -> None:
    await chat.publish("Стадион открыт", "sport")
    reader = chat.people.add(READER)
    await reader.send("/find стадионы")
    found = await reader.next()
    assert found["text"] == "🔎 стадионы\n• Стадион открыт"
    assert labels(found) == [FOLLOW]
    await reader.send("/FIND")
    assert (await reader.next())["text"].startswith("Что найти?")
    await reader.send("/find дирижабль")
    assert (await reader.next())["text"].startswith("Ничего не нашлось")


async def test_pages_are_turned_in_place(chat: Chat) -> None:
    for n in range(12):
        await chat.publish(f"Матч {n}", "sport")
    reader = chat.people.add(READER)
    await reader.send("матчи")
    found = await reader.next()
    assert labels(found) == [["ещё 7 →"], FOLLOW]
    seen = found["text"].splitlines()[1:]
    for rows in ([["‹ Назад", "ещё 2 →"], FOLLOW], [["‹ Назад"], FOLLOW]):
        await reader.tap(found, "ещё")
        shown = await reader.next("Матч")
        assert shown["message_id"] == found["message_id"]
        assert labels(shown) == rows
        seen += shown["text"].splitlines()[1:]
    assert seen == [f"• Матч {n}" for n in reversed(range(12))]
    await reader.tap(found, "Назад")
    assert labels(await reader.next("Матч")) == [["‹ Назад", "ещё 2 →"], FOLLOW]
    await reader.press(found, "f:30")
    assert (await reader.next())["text"] == "🔎 матчи\nБольше ничего нет."


async def test_pages_of_another_message_are_out_of_date(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start")
    shown = await reader.next()
    for data in ("f:0", "f:1", "f:-1", "f:99"):
        answer = await reader.press(shown, data)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела"), data


async def test_inline_words_give_articles_to_share(chat: Chat) -> None:
    await chat.publish("Опера в Астане", "culture", lead="Подробно.")
    await chat.publish("Матч", "sport")
    answer = await chat.people.add(READER).inline("опера")
    assert answer is not None
    (result,) = answer["results"]
    assert (result["title"], result["description"]) == ("Опера в Астане", "Подробно.")
    assert result["url"] == "https://news.example/0"
    content = result["input_message_content"]
    assert content["message_text"].startswith("Опера в Астане\n\nПодробно.")
    assert content["link_preview_options"]["url"] == "https://news.example/0"
    assert (answer["next_offset"], answer["cache_time"]) == ("", 30)


async def test_inline_without_words_gives_the_newest_of_the_readers_sections(chat: Chat) -> None:
    for n in range(23):
        await chat.publish(f"Матч {n}", "sport")
    await chat.publish("Опера", "culture")
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    await reader.next("Матч 22")
    first = await reader.inline("")
    assert first is not None
    assert [result["title"] for result in first["results"]] == [f"Матч {n}" for n in range(22, 2, -1)]
    assert first["next_offset"] == "20"
    second = await reader.inline("", first["next_offset"])
    assert second is not None
    assert [result["title"] for result in second["results"]] == ["Матч 2", "Матч 1", "Матч 0"]
    assert second["next_offset"] == ""
    stranger = await chat.people.add(READER + 1).inline(" ")
    assert stranger is not None
    assert stranger["results"][0]["title"] == "Опера"
    assert (await stranger_asks(chat, "x" * 9))["results"] == []


async def stranger_asks(chat: Chat, offset: str) -> dict:
    """An answer to somebody with a made-up offset and words that nothing holds."""
    answer = await chat.people.known(READER + 1).inline("дирижабль", offset)
    assert answer is not None
    return answer


class TestPictures:
    """Sections whose posts are photos."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """See the class."""
        photo = Posts(picture="photo")
        return replace(settings, sections=tuple(replace(one, posts=photo) for one in settings.sections))

    async def test_inline_results_are_texts_all_the_same(self, chat: Chat) -> None:
        await chat.publish("Опера", "culture")
        answer = await chat.people.add(READER).inline("опера")
        assert answer is not None
        assert answer["results"][0]["input_message_content"]["message_text"].startswith("Опера")


async def test_a_search_answers_in_the_readers_language(chat: Chat) -> None:
    await chat.publish("Матч", "sport")
    reader = chat.people.add(READER, lang="kk")
    await reader.send("/find")
    assert "/find сөздер" in (await reader.next())["text"]
    await reader.send("матч")
    await reader.next()
    assert last(reader)["text"] == "🔎 матч\n• Матч"


async def test_what_was_looked_for_can_be_followed(chat: Chat) -> None:
    await chat.publish("Матч в Шымкенте", "sport")
    reader = chat.people.add(READER)
    await reader.send("/start culture")
    await reader.next()
    await reader.send("матч")
    answer = await reader.tap(await reader.next("🔎 матч"), "Следить")
    assert answer is not None
    assert answer["text"] == "Теперь вы следите: матч. Отменить: /settings"
    known = await chat.storage.readers.get(READER)
    assert known is not None
    assert [(one.word, one.follows) for one in await chat.storage.terms.of(known.id)] == [("матч", True)]
    await reader.send("/settings")
    answer = await reader.press(await reader.next("Настройки"), "fw")
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")
