"""News in a group: who brings it there, who may set it up, and what becomes of it when something is lost."""

from __future__ import annotations

from typing import Any

import pytest
from talking import Chat, labels, last

from bot.domain.reader import Quiet, Reader, ReaderKind, ReaderState
from bot.sandbox.client import Person
from bot.sandbox.model import Chat as Place
from bot.sandbox.model import Member

AIDA, BEK, GROUP = 501, 502, -1_001_500_000_001
TOPICS = {"can_manage_topics": True}


async def brought(chat: Chat, *, forum: bool = False, rights: dict[str, bool] | None = None) -> tuple[Person, Place]:
    """An administrator has brought the bot into a group and sees its settings."""
    aida = chat.people.add(AIDA, started=True)
    place = chat.people.group(GROUP, "Соседи", forum=forum, admins=[aida], bot_rights=rights)
    await aida.next("👥 Соседи")
    return aida, place


async def living(chat: Chat, place: int = GROUP) -> list[Reader]:
    """The group's readers that have not left."""
    return [one for one in await chat.storage.readers.living(place) if one.state is not ReaderState.LEFT]


async def pressed(chat: Chat, person: Person, *names: str) -> list[str]:
    """Press one after the other; what the bot answered."""
    answers = []
    for name in names:
        answer = await person.tap(last(person), name)
        await chat.idle()
        answers.append((answer or {}).get("text", ""))
    return answers


def said(chat: Chat, place: int = GROUP) -> list[str]:
    """What the bot said in the group."""
    return [message["text"] for message in chat.sandbox.sent(place)]


async def test_whoever_brings_it_chooses_in_private_and_the_group_hears_nothing(chat: Chat) -> None:
    aida, _ = await brought(chat)
    assert labels(last(aida))[-3:] == [["Язык: Русский"], ["Готово"], ["‹ Мои группы"]]
    assert await pressed(chat, aida, "Готово") == [""], "breaking news alone is a choice"
    await pressed(chat, aida, "Спорт", "Культура", "Срочное", "Ночью", "Язык", "Культура")
    (group,) = await living(chat)
    sport = next(section for section in chat.ctx.sections if section.id == "sport")
    assert (group.state, group.kind, group.sections) == (ReaderState.ACTIVE, ReaderKind.GROUP, sport.mask)
    assert (group.breaking, group.quiet, group.language) == (False, Quiet.OFF, "kk")
    assert "Разделы: Спорт" in last(aida)["text"]
    await aida.send("Всем привет! Что нового?", GROUP)
    await aida.send("/latest", GROUP)
    await chat.idle()
    assert said(chat) == []
    await pressed(chat, aida, "Больше ничего не присылать")
    assert await living(chat) == []
    assert await pressed(chat, aida, "Спорт", "Готово") == ["", "Отметьте хотя бы один раздел."]


async def test_without_a_private_chat_one_line_in_the_group_leads_there(chat: Chat) -> None:
    bek = chat.people.add(BEK)
    chat.people.group(GROUP, "Соседи", admins=[bek])
    await chat.sandbox.until(lambda: said(chat))
    (offer,) = chat.sandbox.sent(GROUP)
    found = await bek.tap(offer, "Настроить")
    assert (found or {})["url"] == f"https://t.me/newsdesk_demo_bot?start=g_{-GROUP}"
    await bek.send(f"/start g_{-GROUP}")
    await bek.next("👥 Соседи")


async def test_only_administrators_of_now_set_it_up(chat: Chat) -> None:
    aida, place = await brought(chat)
    screen = last(aida)
    bek = chat.people.add(BEK, started=True)
    bek.join(place)
    await bek.send(f"/start g_{-GROUP}")
    assert "Настроить группу могут только её администраторы" in (await bek.next())["text"]
    before = await living(chat)
    answer = await bek.press(last(bek), f"g:add:{GROUP}:0:4")
    assert "только её администраторы" in (answer or {})["text"]
    place.members[AIDA] = Member(chat.sandbox.machine.users[AIDA])
    answer = await aida.press(screen, f"g:add:{GROUP}:0:4")
    assert "только её администраторы" in (answer or {})["text"]
    await aida.send("/groups")
    assert labels(await aida.next("Мои группы")) == [["Добавить меня в группу"]]
    for data in (f"g:add:{-(2**62)}:0:4", "g:add:5:0:4", f"g:nothing:{GROUP}:0:4"):
        await aida.press(screen, data)
    assert await living(chat) == before


@pytest.mark.parametrize("refusal", ["CHAT_ADMIN_REQUIRED", "user not found"])
async def test_telegram_may_not_tell_who_administers(chat: Chat, refusal: str) -> None:
    aida, _ = await brought(chat)
    chat.sandbox.fail(replace_error(refusal), "getChatMember")
    answer = await aida.tap(last(aida), "Спорт")
    wanted = "Сделайте меня администратором" if refusal.isupper() else "только её администраторы"
    assert wanted in (answer or {})["text"]


def replace_error(text: str) -> Any:
    """A refusal of Telegram's in these words."""
    from bot.sandbox.model import ApiError

    return ApiError(400, f"Bad Request: {text}")


async def test_a_forum_has_a_topic_for_each_section(chat: Chat) -> None:
    aida, place = await brought(chat, forum=True)
    await pressed(chat, aida, "Спорт", "Культура", "Готово")
    (problem,) = await pressed(chat, aida, "Тема на каждый раздел")
    assert "не могу управлять темами" in problem
    assert len(await living(chat)) == 1
    aida.add_bot(place, TOPICS)
    await pressed(chat, aida, "Тема на каждый раздел", "Новости мира", "Культура")
    assert [topic.name for topic in place.topics.values()] == ["Спорт", "Культура", "Новости мира"]
    general, *topics = await living(chat)
    ids = {section.mask: section.id for section in chat.ctx.sections}
    assert (general.sections, general.breaking) == (0, True)
    assert [(ids[one.sections], one.kind, one.state, one.breaking) for one in topics] == [
        ("sport", ReaderKind.TOPIC, ReaderState.ACTIVE, False),
        ("world", ReaderKind.TOPIC, ReaderState.ACTIVE, False),
    ]
    await pressed(chat, aida, "Культура")
    assert len(place.topics) == 3, "its topic is used again"
    await pressed(chat, aida, "Язык", "Ночью")
    assert {(one.language, one.quiet) for one in await living(chat)} == {("kk", Quiet.OFF)}
    await pressed(chat, aida, "Тема на каждый раздел")
    (general,) = await living(chat)
    assert general.sections == sum(mask for mask, id_ in ids.items() if id_ in ("sport", "world", "culture"))


async def test_a_topic_of_their_own_making_gets_what_they_choose(chat: Chat) -> None:
    aida, place = await brought(chat, forum=True)
    topic = chat.people.topic(place, "Наш спорт")
    bek = chat.people.add(BEK)
    bek.join(place)
    await bek.send("/settings", place, thread_id=topic)
    await chat.idle()
    assert said(chat) == [], "only administrators are answered"
    await aida.send("/settings", place, thread_id=topic)
    await chat.idle()
    (offer,) = chat.sandbox.sent(GROUP)
    assert offer["message_thread_id"] == topic
    found = await aida.tap(offer, "Настроить")
    await aida.send(f"/start {(found or {})['url'].partition('start=')[2]}")
    await aida.next("об одной теме")
    await pressed(chat, aida, "Спорт", "Готово")
    own = next(one for one in await living(chat) if one.thread_id == topic)
    assert (own.state, own.kind, own.breaking) == (ReaderState.ACTIVE, ReaderKind.TOPIC, False)
    chat.people.close_topic(place, topic)
    await chat.idle()
    states = {one.thread_id: one.state for one in await living(chat)}
    assert states == {0: ReaderState.NEW, topic: ReaderState.DORMANT}
    chat.people.close_topic(place, topic, closed=False)
    await chat.idle()
    assert {one.thread_id: one.state for one in await living(chat)}[topic] is ReaderState.ACTIVE
    aida.add_bot(place, TOPICS)
    chat.people.close_topic(place, topic)
    await chat.idle()
    assert {one.thread_id: one.state for one in await living(chat)}[topic] is ReaderState.ACTIVE, (
        "it writes all the same"
    )


async def test_silenced_thrown_out_and_back(chat: Chat) -> None:
    aida, place = await brought(chat)
    await pressed(chat, aida, "Спорт", "Готово")
    machine = chat.sandbox.machine
    creator = machine.users[AIDA]
    stations = [
        (Member(machine.bot, "restricted"), ReaderState.DORMANT),
        (Member(machine.bot, "restricted", {"can_send_messages": True}), ReaderState.ACTIVE),
        (Member(machine.bot, "kicked"), ReaderState.DORMANT),
        (Member(machine.bot), ReaderState.ACTIVE),
        (Member(machine.bot, "left"), ReaderState.DORMANT),
    ]
    for member, state in stations:
        machine.set_member(place, member, by=creator)
        await chat.idle()
        assert [one.state for one in await living(chat)] == [state]
    await aida.send(f"/start g_{-GROUP}")
    assert "Настроить группу могут только" in (await aida.next("Настроить группу"))["text"]


async def test_what_telegram_took_away_is_told_and_mended_by_done(chat: Chat) -> None:
    aida, _ = await brought(chat)
    await pressed(chat, aida, "Спорт", "Готово")
    await chat.storage.readers.unreachable(GROUP, now=chat.ctx.now)
    await pressed(chat, aida, "Культура")
    assert "⚠️" in last(aida)["text"]
    await pressed(chat, aida, "Готово")
    assert "⚠️" not in last(aida)["text"]
    assert [one.state for one in await living(chat)] == [ReaderState.ACTIVE]


async def test_a_group_that_becomes_a_supergroup_keeps_all(chat: Chat) -> None:
    aida = chat.people.add(AIDA, started=True)
    place = chat.people.group(-700, "Соседи", admins=[aida], basic=True)
    await aida.next("👥 Соседи")
    await pressed(chat, aida, "Спорт", "Готово")
    there = chat.people.migrate(place)
    await chat.idle()
    assert [one.state for one in await living(chat, there.id)] == [ReaderState.ACTIVE]
    assert await living(chat, -700) == []
    await aida.send("/groups")
    listed = await aida.next("Мои группы")
    await aida.tap(listed, "Соседи")
    await aida.next("👥 Соседи")
    assert await pressed(chat, aida, "‹ Мои группы") == [""]
