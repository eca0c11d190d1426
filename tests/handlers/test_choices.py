"""The settings, choice by choice, as a reader presses them: one message that edits itself and says what is in force."""

from __future__ import annotations

from typing import Any

import pytest
from talking import START, Chat, labels, last

from bot.domain.reader import ALL, DIGESTS, Quiet, Reader, ReaderState
from bot.sandbox.client import Person

READER = 512


async def known(chat: Chat) -> Reader:
    """The reader as stored."""
    await chat.idle()
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    return reader


async def opened(chat: Chat, start: str = "/start sport") -> tuple[Person, dict[str, Any]]:
    """A subscribed reader with the settings on the screen."""
    person = chat.people.add(READER)
    await person.send(start)
    await person.next()
    await person.send("/settings")
    return person, await person.next("Настройки")


async def test_a_zone_without_a_button_is_typed(chat: Chat) -> None:
    person, _ = await opened(chat)
    await person.tap(last(person), "Часовой пояс")
    await person.tap(await person.next("Часовой пояс"), "Другой город")
    question = await person.next("🕓 Где вы живёте?")
    await person.send("за углом", reply_to=question)
    again = await person.next("🕓 Не знаю такого места")
    await person.send("Токио", reply_to=again)
    screen = await person.next("Сейчас: 14:00 Токио")
    assert (await known(chat)).zone == "Asia/Tokyo"
    assert "✅ 14:00 Токио" in str(labels(screen))
    await person.send("utc -3", reply_to=again)  # not one of ours: it has a button of its own
    screen = await person.next("Сейчас: 02:00 UTC−3")
    await person.tap(screen, "UTC−3")
    assert (await known(chat)).zone == "Etc/GMT+3"
    await person.tap(screen, "Алматы")
    assert (await known(chat)).zone == ""
    assert "UTC" not in str(labels(last(person)))
    await person.send("Астана", reply_to=again)
    await person.next("Сейчас: 10:00 Алматы")
    assert (await known(chat)).zone == "", "the newsroom's own"
    await person.send("Токио")
    await person.next("Ничего не нашлось")


async def test_a_question_that_does_not_exist_is_outdated(chat: Chat) -> None:
    person, shown = await opened(chat)
    answer = await person.press(shown, "ask:moon")
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")


async def test_every_choice_is_pressed_in_one_message(chat: Chat) -> None:
    person, shown = await opened(chat)

    async def press(*path: str, says: str) -> dict[str, Any]:
        for label in path:
            await person.tap(last(person), label)
            await chat.idle()
        now = last(person)
        assert now["message_id"] == shown["message_id"]
        assert says in now["text"], now["text"]
        return now

    await press("Сколько", "До 8", says="Сейчас: до 8 в день")
    assert "✅ До 8 в день" in [row[0] for row in labels(last(person))]
    await press("‹ Настройки", says="Обзор: 08:00 и 19:00, каждый день")
    await press("Обзор", "07:00", "19:00", "сб", "вс", "Курсы", says="07:00 и 08:00, по будням")
    await press("‹ Настройки", "Тихо", "Копить", "с 22:00", "до 08:00", says="22:00–08:00, до утреннего списка")
    await press("Срочное", says="ночью со звуком")
    await press("‹ Настройки", "Ночью", says="Срочное: включено, ночью без звука")
    await press("Главное", says="Только главные новости")
    await press("Новости", "Қазақша", says="Русский и Қазақша")
    await press("Русский", says="Сейчас: Қазақша")
    await press("‹ Настройки", "Часовой пояс", "Москва", says="Часовой пояс")
    await press("‹ Настройки", says="Время: Москва, сейчас 08:00")
    await press("Срочное", says="Срочное: выключено")
    reader = await known(chat)
    assert (reader.volume, reader.quiet, reader.quiet_from, reader.quiet_to) == (8, Quiet.HOLD, 1320, 480)
    assert (reader.digest_at, reader.digest_days, reader.rates) == ((420, 480), 0b11111, True)
    assert (reader.breaking, reader.night_breaking, reader.main_only) == (False, False, True)
    assert (reader.news_languages, reader.zone) == (("kk",), "Europe/Moscow")


async def test_a_double_tap_and_an_old_keyboard_ask_for_the_same(chat: Chat) -> None:
    person, shown = await opened(chat)
    for _ in range(2):
        await person.press(shown, "c:volume:15")
    assert (await known(chat)).volume == 15
    for data in ("c:volume:7", "c:nothing:1", "c:zone:mars", "w:else:1", "first:7"):
        answer = await person.press(shown, data)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела"), data
    await person.press(shown, "c:at:480_0")
    answer = await person.press(shown, "c:at:1140_0")
    assert answer is not None
    assert answer["text"] == "Хотя бы одно должно остаться."


async def test_regions_open_from_the_pin_and_bring_their_section(chat: Chat) -> None:
    person, shown = await opened(chat, "/start regions")
    assert ["Разделы", "📍 Откуда"] in labels(shown)
    await person.tap(shown, "📍")
    await person.tap(await person.next("отовсюду"), "Шымкент")
    await person.next("Сейчас: Шымкент")
    await person.tap(shown, "‹ Разделы")
    assert ["📍 Откуда: 1 место"] in labels(await person.next("Что вам присылать?"))
    await person.press(shown, "s:6:0")
    await person.next("Что вам присылать?")
    await person.press(shown, "c:region:0_1")
    await person.next("Астана и Шымкент")
    reader = await known(chat)
    assert (reader.sections, reader.regions) == (1 << 6, 0b101)
    await person.tap(shown, "Отовсюду")
    await person.next("Сейчас: отовсюду")


@pytest.mark.parametrize(
    ("label", "volume", "says"),
    [
        ("Всё сразу", ALL, "• каждая новость сразу"),
        ("До 8", 8, "• до 8 в день; обзоры: 08:00 и 19:00, каждый день"),
        ("2 обзора", DIGESTS, "• первый обзор придёт 23 ноября 2025, 19:00"),
    ],
)
async def test_after_done_one_question_with_three_buttons(chat: Chat, label: str, volume: int, says: str) -> None:
    person = chat.people.add(READER)
    await person.send("/start")
    shown = await person.next()
    await person.tap(shown, "Спорт")
    await person.next()
    await person.tap(shown, "Готово")
    asked = await person.next("Сколько вам присылать?")
    assert [row[0] for row in labels(asked)][:3] == ["Всё сразу", "До 8 в день", "2 обзора в день: 08:00 и 19:00"]
    await person.tap(asked, label)
    answered = await person.next("Готово!")
    assert says in answered["text"].splitlines()
    assert labels(answered) == [["Разделы", "Поделиться"]]
    assert "Сколько вам" not in answered["text"]
    assert (await known(chat)).volume == volume
    await person.send("/sections")
    await person.tap(await person.next(), "Готово")
    assert labels(await person.next("Готово!")) == [["Разделы", "Поделиться"]], "it is asked once"


async def test_who_subscribes_at_night_is_told_when_the_first_news_comes(chat: Chat) -> None:
    await chat.clock.advance(15 * 3600)  # one in the morning
    person, shown = await opened(chat)
    assert "до 07:30 новости приходят без звука" in person.chat()[-3]["text"]
    await person.press(shown, "c:quiet:hold")
    await person.send("/sections")
    await person.tap(await person.next("Что вам присылать?"), "Готово")
    assert "• сейчас ночь: первые новости придут в 08:00" in (await person.next("Готово!"))["text"]


async def test_words_are_typed_listed_and_let_go(chat: Chat) -> None:
    person, shown = await opened(chat)
    await person.tap(shown, "Слова")
    await person.tap(await person.next("Пока вы ничего не выбрали."), "Скрыть слово")
    asked = await person.next("Какое слово скрыть?")
    assert asked["reply_markup"]["force_reply"]
    await person.send("футбол", reply_to=asked)
    listed = await person.next("Нажмите на слово")
    assert ["✕ 🙈 футбол"] in labels(listed)
    await person.tap(listed, "Следить")
    asked = await person.next("За каким словом следить?")
    await person.send("!", reply_to=asked)
    again = await person.next("Такое слово не найти")
    await person.send("Новый мост", reply_to=again)
    listed = await person.next("Нажмите на слово")
    assert ["✕ 🙈 футбол", "✕ 👀 Новый мост"] in labels(listed)
    await person.send("/settings")
    settings = (await person.next("Настройки"))["text"].splitlines()
    assert "Скрытые слова: 1" in settings
    assert "Слова, за которыми следите: 1" in settings
    await person.tap(listed, "футбол")
    assert ["✕ 👀 Новый мост"] in labels(await person.next("Нажмите"))
    reader = await known(chat)
    assert [(word.word, word.follows) for word in await chat.storage.terms.of(reader.id)] == [("Новый мост", True)]


async def test_nobody_has_more_words_than_twenty(chat: Chat) -> None:
    person, shown = await opened(chat)
    reader = await known(chat)
    for n in range(20):
        await chat.storage.terms.choose(reader.id, f"слово{n}", [f"=слово{n}"], follows=True, since=START, now=START)
    await person.press(shown, "w:follow:0")
    await person.send("мост", reply_to=await person.next("За каким"))
    await person.next("У вас уже 20 слов")
    assert len(await chat.storage.terms.of(reader.id)) == 20


async def test_what_answers_no_question_of_ours_is_a_search(chat: Chat) -> None:
    person, shown = await opened(chat)
    await person.send("футбол", reply_to=shown)
    await person.next("Ничего не нашлось")


async def test_buttons_of_a_forgotten_reader_are_out_of_date(chat: Chat) -> None:
    person, shown = await opened(chat)
    await chat.storage.privacy.erase(READER, now=9)
    for data in ("c:volume:8", "first:8", "w:hide:0", "w:drop:1"):
        answer = await person.press(shown, data)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела"), data


async def test_who_left_is_not_brought_back_by_the_first_question(chat: Chat) -> None:
    person, shown = await opened(chat)
    await chat.storage.readers.leave((await known(chat)).id, now=START)
    await person.press(shown, "first:8")
    reader = await known(chat)
    assert (reader.state, reader.volume) == (ReaderState.LEFT, ALL)
