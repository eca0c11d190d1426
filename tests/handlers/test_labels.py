"""The labels that scripts press: on one message exactly one button contains each, and no other one does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from talking import START, Chat, labels

from bot.desk.progress import card
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Progress
from bot.domain.desk import Role
from bot.domain.reader import Reader, ReaderState
from bot.sandbox.client import Person
from handlers.subscriptions import sections_screen
from handlers.views.account import privacy_screen
from handlers.views.choices import digest_screen, news_screen, quiet_screen, volume_screen
from handlers.views.main import settings_screen

SETTINGS = ["Тихо", "Сколько", "Обзор", "Срочное", "Отписаться", "Главное"]
SECTIONS = ["Новости Казахстана", "Новости мира", "Интервью", "Life style", "Спорт", "Культура", "Регионы", "Amanat"]
STEERING = {
    BroadcastState.COUNTDOWN: ["Отменить"],
    BroadcastState.RUNNING: ["Пауза", "Стоп"],
    BroadcastState.PAUSED: ["Продолжить", "Стоп"],
}


def assert_single(wanted: list[str], rows: list[list[str]]) -> None:
    """Each label is contained, whatever the case, in the text of one button only."""
    texts = [text.casefold() for row in rows for text in row]
    for label in wanted:
        assert len([text for text in texts if label.casefold() in text]) == 1, (label, texts)


@pytest.mark.parametrize("state", [ReaderState.NEW, ReaderState.ACTIVE])
@pytest.mark.parametrize("all_", [False, True])
async def test_what_readers_press(chat: Chat, state: ReaderState, all_: bool) -> None:
    ticked = sum(section.mask for section in chat.ctx.sections) if all_ else 0
    reader = Reader(1, 501, "ru", state, ticked, START)
    screens = [
        (sections_screen(chat.ctx, reader), [*SECTIONS, "Готово", "Қазақша", "English", "Срочное"]),
        (sections_screen(chat.ctx, reader, only=True), [*SECTIONS, "Готово", "Қазақша", "English"]),
        (settings_screen(chat.ctx, reader), [*SETTINGS, "Разделы", "Язык", "Поделиться"]),
        (volume_screen(chat.ctx, reader), ["До 8", "До 15", "сразу", "Только обзоры"]),
        (quiet_screen(chat.ctx, reader), ["Без звука", "Копить", "Как днём", "до 07:30", "с 23:00"]),
        (digest_screen(chat.ctx, replace(reader, volume=0)), ["08:00", "19:00", "пн", "вс", "Курсы"]),
        (news_screen(chat.ctx, reader), ["Қазақша", "English", "На языке меню"]),
        (privacy_screen(chat.ctx, reader), ["Скачать", "Удалить"]),
    ]
    for (_, keyboard), wanted in screens:
        assert_single(wanted, labels({"reply_markup": keyboard.model_dump()}))


async def test_what_editors_press(chat: Chat) -> None:
    reader = await chat.storage.readers.meet(700, language="ru", now=START)
    await chat.storage.readers.consent(reader.id, "v1", now=START)
    ada: Person = await chat.editor(501, Role.OWNER)
    await ada.send("/breaking Мост закрыт.")
    shown = await ada.next("Так увидят")
    assert_single(["Разослать", "Себе на пробу", "Отмена"], labels(shown))
    t = chat.ctx.words["ru"]
    for state, wanted in STEERING.items():
        cast = Broadcast(1, "draft:1", Lane.BREAKING, state, Audience(), 0, 0, 0, 10, START + 5, START, START)
        _, keyboard = card(t, cast, Progress(10, 3, 0, 0, 0, 0), now=START)
        assert keyboard is not None
        assert_single(wanted, labels({"reply_markup": keyboard}))
