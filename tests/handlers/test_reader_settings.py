"""/settings, /language, /privacy, /stop: one message each, which edits itself."""

from __future__ import annotations

import json

import pytest
from talking import Chat, labels, last

from bot.domain.delivery import Audience
from bot.domain.reader import ReaderState
from bot.settings import DEFAULT_SECTIONS, Newsroom, Settings

READER = 502


@pytest.fixture
def settings() -> Settings:
    newsroom = Newsroom(name="Дала", privacy_url="https://news.example/privacy")
    return Settings(newsroom=newsroom, sections=DEFAULT_SECTIONS)


async def test_settings_say_what_is_in_force_and_change_in_place(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/settings")
    shown = await reader.next()
    assert "Разделы: —" in shown["text"]
    assert "Сейчас вы не подписаны" in shown["text"]
    assert labels(shown) == [
        ["Разделы", "📍 Откуда"],
        ["Сколько", "Тихо"],
        ["Обзор", "🔴 Срочное: вкл"],
        ["⭐ Главное: выкл", "🔕 Ночью: молча"],
        ["Слова", "📰 Новости: RU"],
        ["Часовой пояс", "Язык: Русский"],
        ["Поделиться"],
        ["Партнёрские: не больше 1 в день"],
        ["Мои данные", "Отписаться"],
    ]
    await reader.tap(shown, "Срочное")
    off = await reader.next("Срочное: выключено")
    assert off["message_id"] == shown["message_id"]
    await reader.tap(shown, "Язык:")
    languages = await reader.next("Выберите язык · Тілді таңдаңыз · Choose your language")
    assert labels(languages) == [["✅ Русский", "Қазақша", "English"], ["‹ Настройки"]]
    await reader.tap(shown, "English")
    assert labels(await reader.next())[0] == ["Русский", "Қазақша", "✅ English"]
    await reader.tap(shown, "Settings")
    await reader.next("Breaking news: off")
    await reader.tap(shown, "Sections")
    await reader.next("What should we send you?")


async def test_language_is_a_command_too(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/language")
    await reader.tap(await reader.next(), "Қазақша")
    await reader.send("/sections")
    await reader.next("Сізге не жіберейік?")


async def test_unsubscribing_takes_one_tap_and_deleting_two(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    await reader.next()
    await reader.send("/settings")
    shown = await reader.next("Настройки")
    await reader.tap(shown, "Отписаться")
    assert labels(await reader.next("Вы отписаны от всего")) == [["Удалить"]]
    known = await chat.storage.readers.get(READER)
    assert known is not None
    assert known.state is ReaderState.LEFT
    await reader.tap(shown, "Удалить")
    assert "журнал" not in (await reader.next("Вернуть будет нельзя"))["text"]
    assert await chat.storage.readers.get(READER) is not None
    await reader.tap(shown, "‹ Назад")
    await reader.next("Ваши данные")
    await reader.tap(shown, "Удалить всё")
    await reader.next("Вернуть будет нельзя")
    await reader.tap(shown, "Да, удалить всё")
    assert "reply_markup" not in await reader.next("Всё удалено")
    assert await chat.storage.readers.get(READER) is None
    answer = await reader.press(shown, "s:4:1")
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")
    assert await chat.storage.readers.get(READER) is None


async def test_an_editor_is_told_what_deleting_leaves(chat: Chat) -> None:
    editor = chat.people.add(READER)
    await editor.send("/start sport")
    await editor.next()
    await chat.storage.editors.log(READER, "sent", "post 1", now=5)
    await editor.send("/privacy")
    await editor.tap(await editor.next("Ваши данные"), "Удалить всё")
    assert "останется в её журнале" in (await editor.next("Вернуть будет нельзя"))["text"]


async def test_stop_without_a_subscription_is_no_riddle(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/stop")
    await reader.next("Сейчас вы не подписаны: /start")


async def test_privacy_hands_everything_over_as_a_file(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    await reader.next()
    update = '{"message": {"text": "/start sport"}}'
    await chat.storage.inbox.store([(1, READER, update)], now=5)
    await reader.send("/privacy")
    shown = await reader.next("Храним")
    assert shown["reply_markup"]["inline_keyboard"][-2][0]["url"] == "https://news.example/privacy"
    assert labels(shown)[-1] == ["‹ Настройки"]
    await reader.tap(shown, "Скачать")
    document = (await reader.next())["document"]
    assert document["file_name"] == "my-data.json"
    file = await chat.bot.get_file(document["file_id"])
    content = await chat.bot.download(file)
    assert content is not None
    kept = json.loads(content.read())
    assert kept["readers"][0]["chat_id"] == READER
    assert kept["readers"][0]["sections"] == ["sport"]
    assert kept["messages"] == [{"body": json.loads(update), "received_at": "1970-01-01T00:00:05+00:00"}]


async def test_a_screen_that_is_gone_gets_a_successor(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/settings")
    shown = await reader.next()
    await chat.bot.delete_message(READER, shown["message_id"])
    await reader.press(shown, "o:privacy")
    successor = await reader.next("Ваши данные")
    assert successor["message_id"] > shown["message_id"]
    assert last(reader)["message_id"] == successor["message_id"]


async def test_a_press_answered_too_late_still_counts(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/settings")
    shown = await reader.next()
    chat.sandbox.fail("stale_query", "answerCallbackQuery")
    await reader.tap(shown, "Срочное", wait=False)
    await reader.next("Срочное: выключено")


async def test_sharing_gives_links_to_the_bot_and_to_ones_own_sections(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    await reader.next()
    await reader.send("/settings")
    shown = await reader.next("Настройки")
    await reader.tap(shown, "Поделиться")
    shared = await reader.next("Поделиться")
    assert "https://t.me/newsdesk_demo_bot?start=s_share" in shared["text"]
    links = [entity["url"] for entity in shared["entities"] if entity["type"] == "text_link"]
    assert links == ["https://t.me/newsdesk_demo_bot?start=sport__share"]
    urls = [button["url"] for row in shared["reply_markup"]["inline_keyboard"][:-1] for button in row]
    assert len(urls) == 2
    assert urls[1].startswith(
        "https://t.me/share/url?url=https%3A%2F%2Ft.me%2Fnewsdesk_demo_bot%3Fstart%3Dsport__share&"
    )
    friend = chat.people.add(READER + 1)
    await friend.send("/start sport__share")
    await friend.next("#Спорт")
    met = await chat.storage.readers.get(READER + 1)
    assert met is not None
    assert met.source == "share"


async def test_without_sections_there_is_only_the_bots_own_link(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/settings")
    shown = await reader.next("Настройки")
    await reader.tap(shown, "Поделиться")
    assert "раздел" not in (await reader.next("Поделиться"))["text"]


async def test_a_pause_lasts_its_days_or_until_it_is_ended(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    await reader.next()
    await reader.send("/settings")
    shown = await reader.next("Настройки")
    await reader.tap(shown, "Пауза")
    asked = await reader.next("На сколько?")
    assert labels(asked) == [["1 день", "7 дней", "30 дней"], ["‹ Настройки"]]
    await reader.tap(shown, "7 дней")
    paused = await reader.next("Настройки")
    assert "Пауза до 30 ноября 2025, 10:00: ничего не приходит." in paused["text"].splitlines()
    assert await chat.storage.readers.count(Audience()) == 0
    await reader.tap(shown, "Закончить паузу")
    assert labels(await reader.next("Настройки"))[-3] == ["Пауза", "Поделиться"]
    assert await chat.storage.readers.count(Audience()) == 1
    for stale in ("resume", "pause:2", "pause:99999"):
        answer = await reader.press(shown, stale)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела"), stale


async def test_start_ends_a_pause(chat: Chat) -> None:
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    await reader.next()
    met = await chat.storage.readers.get(READER)
    assert met is not None
    await chat.storage.readers.pause(met.id, until=chat.ctx.now + 99, now=chat.ctx.now)
    await reader.send("/start")
    assert (await reader.next())["text"].startswith("С возвращением!")
    assert await chat.storage.readers.count(Audience()) == 1


async def test_below_a_digest_are_its_times_and_the_way_out(chat: Chat) -> None:
    """Each is answered in a message of its own: the digest stays to be read."""
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    digest = await reader.next()
    for data, answer in [("list:times", "Обзор"), ("list:stop", "Вы отписаны"), ("list:else", "")]:
        await reader.press(digest, data)
        if answer:
            assert (await reader.next(answer))["message_id"] > digest["message_id"]
    met = await chat.storage.readers.get(READER)
    assert met is not None
    assert met.state is ReaderState.LEFT
