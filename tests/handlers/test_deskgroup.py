"""«Make this group the desk», as an owner does it and as everybody else does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from talking import Chat

from bot.desk import room
from bot.desk.room import Group, Topic
from bot.domain.desk import Role
from bot.sandbox.client import Person
from bot.sandbox.model import Chat as Place
from bot.sandbox.model import Member
from bot.settings import Desk, Settings

OWNER, BEK, GROUP = 9001, 502, -1_001_500_000_000
ADMIN = {"can_manage_topics": True}


def said(chat: Chat, place: int = GROUP) -> list[dict[str, Any]]:
    """What the bot said in the group, as it stands now."""
    return chat.sandbox.sent(place)


async def offered(chat: Chat, owner: Person, **group: Any) -> tuple[Place, dict[str, Any]]:
    """A group into which the owner has brought the bot."""
    place = chat.people.group(GROUP, "Дала: редакция", admins=[owner], **group)
    await chat.sandbox.until(lambda: said(chat))
    return place, said(chat)[-1]


async def test_a_forum_becomes_the_desk_with_its_topics(chat: Chat) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    _, offer = await offered(chat, owner, forum=True, bot_rights=ADMIN)
    await owner.tap(offer, "Сделать эту группу редакцией")
    await chat.idle()
    topics = chat.sandbox.machine.chats[GROUP].topics
    assert [topic.name for topic in topics.values()] == ["Срочное", "Очередь", "Тревоги"]
    assert "Редакция теперь здесь." in said(chat)[-1]["text"]
    assert await room.group(chat.storage, 0) == Group(GROUP, dict(zip(Topic, topics, strict=True)))
    assert [(row[1], row[2], row[3]) for row in await chat.storage.editors.audit()] == [
        (OWNER, "desk founded", str(GROUP))
    ]
    answer = await owner.press(offer, "desk:here")
    assert (answer or {})["text"] == "Редакция уже здесь."
    assert len(chat.sandbox.machine.chats[GROUP].topics) == 3


async def test_without_the_right_to_topics_and_with_it_later(chat: Chat) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    place, offer = await offered(chat, owner, forum=True)
    await owner.tap(offer, "Сделать эту группу")
    await chat.idle()
    assert "управлять темами" in said(chat)[-1]["text"]
    assert await room.group(chat.storage, 0) == Group(GROUP)
    chat.people.promote_bot(place, ADMIN)
    await owner.press(offer, "desk:here")
    await chat.idle()
    assert len(chat.sandbox.machine.chats[GROUP].topics) == 3


@pytest.mark.parametrize("role", [Role.READER, Role.EDITOR])
async def test_only_owners_decide(chat: Chat, role: Role) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    bek = await chat.editor(BEK, role) if role else chat.people.add(BEK, started=True)
    place, offer = await offered(chat, owner)
    bek.join(place)
    await bek.send("/desk", place)
    await bek.press(offer, "desk:here", wait=False)
    await chat.idle()
    assert await room.group(chat.storage, 0) is None
    assert len(said(chat)) == 1


async def test_brought_by_somebody_else_it_is_silent_until_an_owner_asks(chat: Chat) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    stranger = chat.people.add(BEK, started=True)
    place = chat.people.group(GROUP, "Чужая", admins=[stranger])
    await chat.idle()
    assert said(chat) == []
    owner.join(place)
    await owner.send("/desk", place)
    await chat.idle()
    assert "Сделать эту группу" in str(said(chat)[-1]["reply_markup"])


async def test_thrown_out_the_owners_are_told_and_are_the_desk(chat: Chat) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    place, offer = await offered(chat, owner)
    await owner.tap(offer, "Сделать эту группу")
    machine = chat.sandbox.machine
    machine.set_member(place, Member(machine.bot, "kicked"), by=machine.users[OWNER])
    await owner.next("больше нет в группе редакции")
    seats = await room.seats(chat.storage, 0, chat.ctx.words, Topic.ALARMS)
    assert [seat.chat_id for seat in seats] == [OWNER]


async def test_a_supergroup_is_followed(chat: Chat) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    place = chat.people.group(-500, "Дала", basic=True, admins=[owner])
    await room.choose(chat.storage, -500, {})
    chat.people.migrate(place)
    await chat.idle()
    known = await room.group(chat.storage, 0)
    assert known is not None
    assert (known.chat_id, known.was) == (chat.sandbox.machine.chats[-500].migrated_to, -500)


class TestChosenInTheFile:
    """`[desk] chat`: another group is refused, this one may get its topics."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, desk=Desk(chat=GROUP))

    async def test_the_file_wins(self, chat: Chat) -> None:
        owner = await chat.editor(OWNER, Role.OWNER)
        _, offer = await offered(chat, owner, forum=True, bot_rights=ADMIN)
        await owner.tap(offer, "Сделать эту группу")
        await chat.idle()
        assert len((await room.group(chat.storage, GROUP) or Group(0)).topics) == 3
        other = chat.people.group(GROUP - 1, "Другая", admins=[owner])
        await owner.send("/desk", other)
        await chat.sandbox.until(lambda: said(chat, GROUP - 1))
        answer = await owner.tap(said(chat, GROUP - 1)[-1], "Сделать эту группу")
        assert "[desk] chat" in (answer or {})["text"]
        assert (await room.group(chat.storage, GROUP) or Group(0)).chat_id == GROUP


async def test_at_the_desk_editors_are_heard_and_others_are_not(chat: Chat) -> None:
    owner, bek = await chat.editor(OWNER, Role.OWNER), chat.people.add(BEK)
    await room.choose(chat.storage, GROUP, {Topic.QUEUE: 9})
    place = chat.people.group(GROUP, "Дала", forum=True, admins=[owner], bot_rights=ADMIN)
    bek.join(place)
    thread = chat.people.topic(place, "Разное")
    await owner.send("/status", place, thread_id=thread)
    await chat.sandbox.until(lambda: said(chat))
    assert said(chat)[-1]["message_thread_id"] == thread
    for words in ("/status", "/breaking Мост закрыт", "просто разговор", "/help", "/start"):
        await bek.send(words, place)
    await owner.send("просто разговор", place)
    await chat.idle()
    assert len(said(chat)) == 1
    assert await chat.storage.readers.get(GROUP) is None
