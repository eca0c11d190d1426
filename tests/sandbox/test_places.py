"""Channels, groups and topics: pinning, copying, counting, and what their people do with the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import Bot
from aiogram.types import ChatAdministratorRights, KeyboardButton, KeyboardButtonRequestChat, ReplyKeyboardMarkup

from bot.demo.picture import draw
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox

Api = Callable[..., Awaitable[dict[str, Any]]]


async def test_a_post_is_pinned_and_unpinned_where_the_bot_may(sandbox: Sandbox, api: Api, reader: Person) -> None:
    channel = sandbox.people.channel(-1001, "Канал", "kanal", [reader], bot_rights={"can_post_messages": True})
    ids = [(await api("sendMessage", chat_id="@kanal", text=text))["result"]["message_id"] for text in "аб"]
    refused = await api("pinChatMessage", chat_id=-1001, message_id=ids[0])
    assert refused["description"] == "Bad Request: not enough rights to manage pinned messages in the chat"
    sandbox.people.promote_bot(channel)
    for id_ in ids:
        assert (await api("pinChatMessage", chat_id=-1001, message_id=id_, disable_notification=True))["result"] is True
    assert (await api("getChat", chat_id=-1001))["result"]["pinned_message"]["text"] == "б"
    *_, told = channel.messages.values()
    assert (told.json["pinned_message"]["text"], told.silent) == ("б", True)
    assert await api("unpinChatMessage", chat_id=-1001)
    assert channel.pinned == ids[:1]
    assert await api("unpinChatMessage", chat_id=-1001, message_id=ids[0])
    assert "pinned_message" not in (await api("getChat", chat_id=-1001))["result"]
    gone = await api("pinChatMessage", chat_id=-1001, message_id=999)
    assert gone["description"] == "Bad Request: message to pin not found"
    gone = await api("unpinChatMessage", chat_id=-1001)
    assert gone["description"] == "Bad Request: message to unpin not found"


async def test_members_are_counted(sandbox: Sandbox, api: Api, reader: Person) -> None:
    channel = sandbox.people.channel(-1001, "Канал", admins=[reader])
    channel.crowd = 40
    assert (await api("getChatMemberCount", chat_id=-1001))["result"] == 42
    assert (await api("getChatMemberCount", chat_id=reader.id))["result"] == 2


async def test_a_copy_says_the_same_in_the_bots_name(sandbox: Sandbox, api: Api, reader: Person) -> None:
    channel = sandbox.people.channel(-1001, "Канал", admins=[reader])
    photo = draw("sport", 1)
    said = await reader.send("Подпись #Спорт", channel, photo=photo)
    copied = await api("copyMessage", chat_id=reader.id, from_chat_id=-1001, message_id=said["message_id"])
    assert copied["result"] == {"message_id": 1}
    *_, copy = reader.chat()
    assert (copy["caption"], copy["photo"]) == ("Подпись #Спорт", said["photo"])
    assert "forward_origin" not in copy
    other = {"caption": "Иначе", "chat_id": reader.id, "from_chat_id": -1001, "message_id": said["message_id"]}
    assert (await api("copyMessage", **other))["ok"]
    assert reader.chat()[-1]["caption"] == "Иначе"
    gone = await api("copyMessage", chat_id=reader.id, from_chat_id=-1001, message_id=99)
    assert gone["description"] == "Bad Request: message to copy not found"
    channel_service = await api("pinChatMessage", chat_id=-1001, message_id=said["message_id"])
    assert channel_service["ok"]
    refused = await api("copyMessage", chat_id=reader.id, from_chat_id=-1001, message_id=channel.last_id)
    assert refused["description"] == "Bad Request: message can't be copied"


async def test_a_caption_is_edited_as_one(sandbox: Sandbox, reader: Person) -> None:
    channel = sandbox.people.channel(-1001, "Канал", admins=[reader])
    said = await reader.send("Было", channel, photo=draw("sport", 1))
    now = await reader.edit(said, "Стало #Спорт")
    assert (now["caption"], "text" in now) == ("Стало #Спорт", False)
    assert [update.kind for update in sandbox.machine.updates][-2:] == ["channel_post", "edited_channel_post"]


async def test_topics_are_closed_and_opened_again(sandbox: Sandbox, api: Api, reader: Person) -> None:
    forum = sandbox.people.group(-1002, "Форум", forum=True, admins=[reader])
    topic = sandbox.people.topic(forum, "Спорт")
    sandbox.people.close_topic(forum, topic)
    said = {"chat_id": -1002, "message_thread_id": topic, "text": "x"}
    assert (await api("sendMessage", **said))["description"] == "Bad Request: TOPIC_CLOSED"
    sandbox.people.close_topic(forum, topic, closed=False)
    assert (await api("sendMessage", **said))["ok"]
    heard = [name for update in sandbox.machine.updates for name in update.payload if name.startswith("forum_topic_")]
    assert heard == ["forum_topic_created", "forum_topic_closed", "forum_topic_reopened"], "service messages are told"
    reader.add_bot(forum, {"can_manage_topics": True})
    sandbox.people.close_topic(forum, topic)
    assert (await api("sendMessage", **said))["ok"], "who manages topics may write in closed ones"


async def test_a_chat_is_picked_with_a_button(sandbox: Sandbox, bot: Bot, reader: Person) -> None:
    channel = sandbox.people.channel(-1001, "Канал", admins=[reader])
    reader.remove_bot(channel)
    needed = {name for name, field in ChatAdministratorRights.model_fields.items() if field.is_required()}
    rights = ChatAdministratorRights(**dict.fromkeys(needed, False), can_post_messages=True)
    wanted = KeyboardButtonRequestChat(request_id=7, chat_is_channel=True, bot_administrator_rights=rights)
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Выбрать канал", request_chat=wanted)]])
    asked = await bot.send_message(reader.id, "Какой?", reply_markup=keys)
    await reader.share(asked.model_dump(exclude_none=True), "Выбрать", channel)
    standing, told = list(sandbox.machine.updates)[-2:]
    assert standing.payload["new_chat_member"]["can_post_messages"] is True
    assert standing.payload["from"]["id"] == reader.id
    assert told.payload["chat_shared"] == {"request_id": 7, "chat_id": -1001}
