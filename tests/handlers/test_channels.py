"""Channels in the chat: three ways to add one, who may, what is changed by pressing, and rights lost and regained."""

from __future__ import annotations

from dataclasses import replace

import pytest
from talking import Chat, labels, last

from bot.domain.channel import EVERYTHING, RIGHTS, Channel
from bot.domain.desk import Role
from bot.domain.place import Place as Known
from bot.domain.reader import ReaderKind, ReaderState
from bot.sandbox.client import Person
from bot.sandbox.model import Chat as Place
from bot.sandbox.model import Member

OWNER, BEK, CHANNEL = 9001, 502, -1_001_600_000_001
ALL = dict.fromkeys((*RIGHTS, "can_manage_chat"), True)


async def owning(chat: Chat) -> tuple[Person, Place]:
    """An owner who administers a channel in which the bot is nothing yet."""
    owner = await chat.editor(OWNER, Role.OWNER)
    machine = chat.sandbox.machine
    place = chat.people.channel(CHANNEL, "Дала", "dala_kz")
    place.members[OWNER] = Member.lead(machine.users[OWNER], None, "creator")
    place.members[machine.bot.id] = Member(machine.bot, "left")
    await chat.idle()
    return owner, place


async def known(chat: Chat) -> Channel:
    """The one channel."""
    (channel,) = await chat.storage.channels.all()
    return channel


async def pressed(chat: Chat, person: Person, *names: str) -> list[str]:
    """Press one after the other; what the bot answered."""
    answers = []
    for name in names:
        answer = await person.tap(last(person), name)
        await chat.idle()
        answers.append((answer or {}).get("text", ""))
    return answers


async def test_picked_with_a_button_it_gets_nothing_before_done(chat: Chat) -> None:
    owner, place = await owning(chat)
    await owner.send("/channels")
    await owner.next("Каналов пока нет")
    await pressed(chat, owner, "Добавить канал")
    asked = last(owner)
    await owner.share(asked, "Выбрать канал", place)
    await owner.next("📣 Дала")
    assert (await known(chat)).state is ReaderState.NEW
    assert await pressed(chat, owner, "Готово") == ["Отметьте хотя бы один раздел."]
    await pressed(chat, owner, "Спорт", "Культура", "Спорт", "Язык", "Картинка", "от руки", "Срочное", "Курсы")
    channel = await known(chat)
    culture = next(section.mask for section in chat.ctx.sections if section.id == "culture")
    assert (channel.sections, channel.title, channel.username) == (culture, "Дала", "dala_kz")
    manner = channel.manner
    assert (manner.language, manner.source, manner.pin_breaking, manner.rates) == ("kk", True, 0, True)
    assert manner.posts == {"picture": "preview-below"}
    await pressed(chat, owner, "Все разделы", "Готово")
    channel = await known(chat)
    assert (channel.state, channel.sections, channel.source) == (ReaderState.ACTIVE, EVERYTHING, "dala_kz")
    assert "получает новости" in last(owner)["text"]
    await pressed(chat, owner, "‹ Каналы")
    assert "• @dala_kz: получает новости" in last(owner)["text"]
    await pressed(chat, owner, "Дала", "Отключить канал")
    assert await chat.storage.channels.all() == []
    assert "channel changed" in str(await chat.storage.editors.audit())


async def test_made_administrator_by_an_owner_it_asks_in_private(chat: Chat) -> None:
    owner, place = await owning(chat)
    owner.add_bot(place, ALL)
    await owner.next("📣 Дала")
    assert (await known(chat)).state is ReaderState.NEW


async def test_a_forwarded_post_is_enough(chat: Chat) -> None:
    owner, place = await owning(chat)
    post = await owner.send("Новость", place)
    await owner.send(forward_from=post)
    await chat.idle()
    assert await chat.storage.channels.all() == [], "the bot may not post there"
    stranger = chat.people.add(BEK, started=True)
    stranger.add_bot(place, ALL)
    await chat.idle()
    assert await chat.storage.channels.all() == [], "a stranger adds nothing"
    await owner.send(forward_from=post)
    await owner.next("📣 Дала")


@pytest.mark.parametrize(
    ("rights", "administers", "problem"),
    [
        (None, True, "Меня нет в этом канале"),
        ({"can_edit_messages": True}, True, "Мне нельзя там публиковать"),
        (ALL, False, "может только его администратор"),
    ],
)
async def test_what_it_lacks_is_said(
    chat: Chat, rights: dict[str, bool] | None, administers: bool, problem: str
) -> None:
    owner, place = await owning(chat)
    other = chat.people.add(BEK)
    if rights:
        other.add_bot(place, rights)
    if not administers:
        place.members[OWNER] = Member(chat.sandbox.machine.users[OWNER])
    shared = {"request_id": 1, "chat_id": CHANNEL}
    chat.sandbox.machine.receive(OWNER, OWNER, extra={"chat_shared": shared})
    await owner.next(problem)
    assert await chat.storage.channels.all() == []


async def test_editors_change_no_channels_and_the_files_are_shown_only(chat: Chat) -> None:
    owner, place = await owning(chat)
    owner.add_bot(place, ALL)
    screen = await owner.next("📣 Дала")
    bek = await chat.editor(BEK)
    await bek.send("/channels")
    await chat.idle()
    assert "Каналы редакции" not in last(bek).get("text", "")
    await bek.press(last(bek), f"ch:all:{CHANNEL}:1")
    channel = await known(chat)
    assert channel.sections == 0
    there = Known(CHANNEL, ReaderKind.CHANNEL, "Дала")
    await chat.storage.channels.keep(channel.reader_id, there, channel.manner, listed="@dala_kz", now=1)
    await owner.press(screen, f"ch:all:{CHANNEL}:1")
    await chat.idle()
    assert (await known(chat)).sections == 0
    assert labels(last(owner)) == [["‹ Каналы"]]
    assert "newsdesk.toml" in last(owner)["text"]
    await chat.storage.readers.leave(channel.reader_id, now=2)
    await owner.press(screen, f"ch:open:{CHANNEL}:0")
    await chat.idle()
    assert "Каналов пока нет" in last(owner)["text"], "it is gone"


async def test_rights_lost_and_regained(chat: Chat) -> None:
    owner, place = await owning(chat)
    owner.add_bot(place, ALL)
    await owner.next("📣 Дала")
    await pressed(chat, owner, "Спорт", "Готово")
    owner.add_bot(place, {**ALL, "can_post_messages": False})
    await chat.idle()
    channel = await known(chat)
    assert (channel.state, channel.rights) == (ReaderState.DORMANT, RIGHTS[1:])
    (alarm,) = await chat.storage.alarms.take(now=chat.ctx.now)
    assert (alarm.cause, alarm.detail) == ("channel", {"name": "Дала", "rights": ["can_post_messages"]})
    await owner.send("/channels")
    await owner.next("мне нельзя там публиковать")
    owner.add_bot(place, ALL)
    await chat.idle()
    assert replace(await known(chat), rights=None).state is ReaderState.ACTIVE
    owner.remove_bot(place, "kicked")
    await chat.idle()
    assert (await known(chat)).rights == ()
