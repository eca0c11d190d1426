"""Who is let in where: real people in their own private chats, by the role they have now; and screens that fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram.types import CallbackQuery, Chat, InaccessibleMessage, InlineQuery, Message, TelegramObject, User
from talking import START, labels
from talking import Chat as Talk

from bot.desk import room
from bot.domain.article import Section
from bot.domain.desk import Role
from bot.domain.reader import Reader, ReaderState
from bot.posts.richtext import units
from handlers.middleware import AtDesk, HasRole, InGroup, InPrivate, person, speaker
from handlers.subscriptions import sections_screen
from handlers.views import VIEWS, WORDED
from handlers.views.account import goodbye_screen
from handlers.wording import MOST
from storage.terms import Chosen

USER = User(id=7, is_bot=False, first_name="Ада")
PRIVATE = Chat(id=7, type="private")
GROUP = Chat(id=-100, type="supergroup")
CHANNEL = Chat(id=-200, type="channel")


def message(chat: Chat = PRIVATE, **fields: Any) -> Message:
    """A message of USER."""
    return Message(message_id=1, date=datetime.now(UTC), chat=chat, **{"from_user": USER, "text": "/x", **fields})


def press(on: TelegramObject | None, user: User = USER) -> CallbackQuery:
    """A press of USER."""
    return CallbackQuery(id="1", from_user=user, chat_instance="1", message=on, data="x")


PEOPLE = [message(), press(message()), press(InaccessibleMessage(chat=PRIVATE, message_id=1))]
IN_GROUPS = [message(GROUP), press(message(GROUP)), press(InaccessibleMessage(chat=GROUP, message_id=1))]
NOBODY = [
    message(GROUP, from_user=User(id=1087968824, is_bot=True, first_name="Group"), sender_chat=GROUP),
    message(PRIVATE, sender_chat=CHANNEL),
    message(CHANNEL, from_user=None),
    message(PRIVATE, from_user=None),
    message(PRIVATE, from_user=User(id=7, is_bot=True, first_name="Bot")),
    message(Chat(id=8, type="private")),
    press(None),
    press(message(), User(id=8, is_bot=False, first_name="Чужой")),
    InlineQuery(id="1", from_user=USER, query="", offset=""),
]


@pytest.mark.parametrize("event", PEOPLE)
async def test_people_pass_by_the_role_they_have_now(chat: Talk, event: TelegramObject) -> None:
    assert person(event) == USER
    for held in Role:
        if held:
            await chat.storage.editors.add(USER.id, held, "Ада", by=0, now=START)
        for asked in Role:
            assert await HasRole(asked)(event, chat.ctx) is (held >= asked)
    await chat.storage.editors.remove(USER.id)
    assert not await HasRole(Role.EDITOR)(event, chat.ctx)


@pytest.mark.parametrize("event", NOBODY)
async def test_nobody_passes_in_anothers_name(chat: Talk, event: TelegramObject) -> None:
    await chat.storage.editors.add(USER.id, Role.OWNER, "Ада", by=0, now=START)
    assert person(event) is speaker(event) is None
    for door in (InPrivate(), InGroup()):
        assert not await door(event)
    await room.choose(chat.storage, GROUP.id, {})
    assert not await AtDesk()(event, chat.ctx)
    assert not await HasRole(Role.READER)(event, chat.ctx)


@pytest.mark.parametrize("event", IN_GROUPS)
async def test_in_groups_people_are_heard_at_the_desk_only(chat: Talk, event: TelegramObject) -> None:
    assert (person(event), speaker(event)) == (None, USER)
    assert (await InPrivate()(event), await InGroup()(event)) == (False, True)
    assert not await AtDesk()(event, chat.ctx), "there is no desk's group"
    await room.choose(chat.storage, GROUP.id, {})
    assert await AtDesk()(event, chat.ctx)
    await room.choose(chat.storage, GROUP.id - 1, {})
    assert not await AtDesk()(event, chat.ctx)


async def test_every_screen_fits_in_every_language_with_62_long_sections(chat: Talk) -> None:
    names = [{code: f"{code} {'Очень длинное имя раздела' * 2} {n}" for code in ("ru", "kk", "en")} for n in range(62)]
    sections = [Section(f"s{n}", n, names[n]) for n in range(62)]
    ctx = replace(chat.ctx, sections=sections)
    for language in ctx.words.languages:
        reader = Reader(1, 7, language, ReaderState.NEW, 2**62 - 1, START)
        words = [Chosen(n, "Очень длинное выражение из слов " * 2, bool(n % 2)) for n in range(MOST)]
        drawn = [view(ctx, reader) for view in VIEWS.values()]
        drawn += [view(ctx, reader, words) for view in WORDED.values()]
        drawn += [goodbye_screen(ctx, reader), sections_screen(ctx, reader, first_line="x" * 200, only=True)]
        for text, keyboard in drawn:
            assert 0 < units(text.text) <= 4096
            buttons = [button for row in keyboard.inline_keyboard for button in row]
            assert len(buttons) <= 100
            assert all(len((button.callback_data or "").encode()) <= 64 for button in buttons)


async def test_one_language_needs_no_row_of_others(chat: Talk) -> None:
    reader = Reader(1, 7, "ru", ReaderState.NEW, 0, START)
    words = chat.ctx.words
    alone = replace(chat.ctx, words=type(words)({"ru": words["ru"]}))
    _, keyboard = sections_screen(alone, reader)
    assert labels({"reply_markup": keyboard.model_dump()})[-1] == ["Готово"]
