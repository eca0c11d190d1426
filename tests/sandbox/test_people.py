"""People in tests and on the page: what they say reaches the bot, what the bot says reaches them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    KeyboardButton,
    ReplyKeyboardMarkup,
    Update,
)

from bot.clock import SteppableClock
from bot.demo.picture import draw
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.sandbox.model import Member

Api = Callable[..., Awaitable[dict[str, Any]]]
KEYBOARD = InlineKeyboardMarkup(
    inline_keyboard=[
        [
            InlineKeyboardButton(text="Спорт ✅", callback_data="s:1"),
            InlineKeyboardButton(text="Мир", callback_data="s:2"),
        ],
        [InlineKeyboardButton(text="Сайт", url="https://liter.kz")],
    ]
)


@asynccontextmanager
async def listening(bot: Bot, handle: Callable[[Update], Awaitable[Any]]) -> AsyncIterator[None]:
    """A bot of a few lines: it polls and answers."""

    async def loop() -> None:
        offset = 0
        while True:
            for update in await bot.get_updates(offset=offset, timeout=20):
                offset = update.update_id + 1
                await handle(update)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(loop())
        yield
        task.cancel()


async def updates(bot: Bot) -> list[Update]:
    found = await bot.get_updates()
    if found:
        await bot.get_updates(offset=found[-1].update_id + 1)
    return found


async def test_conversation(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    async def handle(update: Update) -> None:
        if update.message:
            await bot.send_message(update.message.chat.id, "Выберите", reply_markup=KEYBOARD, disable_notification=True)
        elif update.callback_query and update.callback_query.message:
            message = update.callback_query.message
            await bot.edit_message_text(
                f"Нажато {update.callback_query.data}", chat_id=message.chat.id, message_id=message.message_id
            )
            await bot.answer_callback_query(update.callback_query.id, text="Готово")

    async with listening(bot, handle):
        await reader.send("/start")
        menu = await reader.next("Выберите")
        assert menu["silent"]
        assert await reader.tap(menu, "Сайт") == {"url": "https://liter.kz/"}
        with pytest.raises(AssertionError, match=r"0 buttons fit 'Нет такой'; there are \['Спорт ✅', 'Мир', 'Сайт'\]"):
            await reader.tap(menu, "Нет такой")
        with pytest.raises(AssertionError, match="3 buttons fit"):
            await reader.tap(menu, "")
        answer = await reader.tap(menu, "Спорт")
        assert answer
        assert answer["text"] == "Готово"
        assert (await reader.next())["text"] == "Нажато s:1"
        assert "reply_markup" not in reader.chat()[-1]
        assert reader.chat()[-1]["history"][0]["text"] == "Выберите"
        forged = await reader.press(menu, "s:" + "9" * 80)
        assert forged
        with pytest.raises(
            AssertionError, match=r"nothing with 'тишина' arrived in 0.05 s; passed over: \['Нажато s:9"
        ):
            await reader.next("тишина", timeout=0.05)
    with pytest.raises(AssertionError, match=r"not within 0.05 s"):
        await reader.press(menu, "s:1", timeout=0.05)


async def test_kinds_of_messages(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    photo = draw("world", 1)
    post = await bot.send_message(100, "Новость")
    said = [
        await reader.send("/start regions"),
        await reader.send("подпись", photo=photo),
        await reader.send("альбом", media_group=[photo, photo]),
        await reader.send("ответ", reply_to=post.model_dump()),
        await reader.send(forward_from=reader.chat()[0]),
        await reader.send("#тег и liter.kz"),
    ]
    await reader.edit(said[-1], "исправлено")
    got = await updates(bot)
    messages = [u.message for u in got if u.message]
    assert messages[0].entities
    assert messages[0].entities[0].type == "bot_command"
    assert messages[1].photo
    assert messages[1].caption == "подпись"
    assert messages[2].media_group_id == messages[3].media_group_id
    assert messages[4].reply_to_message
    assert messages[4].reply_to_message.message_id == post.message_id
    assert messages[5].forward_origin
    assert messages[5].text == "Новость"
    assert [e.type for e in messages[6].entities or []] == ["hashtag", "url"]
    assert got[-1].edited_message
    assert got[-1].edited_message.text == "исправлено"


async def test_reply_keyboard(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    keyboard = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Меню")]])
    sent = await bot.send_message(100, "x", reply_markup=keyboard)
    assert sent.reply_markup is None
    await reader.tap(await reader.next(), "Меню")
    assert [u.message.text for u in await updates(bot) if u.message] == ["Меню"]


async def test_groups_forums_and_privacy(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    editor = sandbox.people.add(200, name="Редактор")
    group = sandbox.people.group(-1007, "Редакция", forum=True, admins=[editor])
    reader.join(group)
    own = await bot.send_message(group.id, "от бота")
    await reader.send("между собой", group)
    await reader.send("/queue", group)
    await reader.send("@newsdesk_demo_bot глянь", group)
    await reader.send("да", group, reply_to=own.message_id)
    heard = [u.message.text for u in await updates(bot) if u.message and u.message.text]
    assert heard == ["/queue", "@newsdesk_demo_bot глянь", "да"], "privacy mode"
    sandbox.people.promote_bot(group, {"can_manage_topics": True})
    topic = await bot.create_forum_topic(group.id, "Срочное")
    await reader.send("слышно", group, thread_id=topic.message_thread_id)
    posted = await bot.send_message(group.id, "в тему", message_thread_id=topic.message_thread_id)
    assert posted.is_topic_message
    got = await updates(bot)
    assert [u.message.text for u in got if u.message and u.message.text] == ["слышно"]
    assert (await bot.get_chat_member(group.id, 200)).status == "creator"
    reader.leave(group)
    assert (await bot.get_chat_member(group.id, 100)).status == "left"
    sandbox.machine.set_member(group, Member(sandbox.machine.bot, "left"), by=sandbox.machine.users[200])
    assert [u.my_chat_member.new_chat_member.status for u in await updates(bot) if u.my_chat_member] == ["left"]


async def test_channel(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    channel = sandbox.people.channel(-100, "Канал", "liter_kz", admins=[reader])
    await reader.send("руками", channel)
    post = await bot.send_message("@Liter_KZ", "роботом")
    assert post.sender_chat
    assert post.from_user is None
    assert [u.channel_post.text for u in await updates(bot) if u.channel_post] == ["руками"]
    forwarded = await reader.send(forward_from={"chat": {"id": channel.id}, "message_id": post.message_id})
    assert forwarded["forward_origin"]["type"] == "channel"
    again = await reader.send(forward_from=forwarded)
    assert again["forward_origin"] == forwarded["forward_origin"]
    assert (await bot.get_chat_member("@liter_kz", sandbox.machine.bot.id)).status == "administrator"


async def test_inline_and_card(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    article = InlineQueryResultArticle(
        id="1",
        title="Новость",
        input_message_content=InputTextMessageContent(message_text="<b>x</b>", parse_mode="HTML"),
    )

    async def handle(update: Update) -> None:
        if update.inline_query:
            await bot.answer_inline_query(update.inline_query.id, [article], cache_time=1)

    async with listening(bot, handle):
        found = await reader.inline("спорт")
    assert found
    assert found["results"][0]["message"]["entities"][0]["type"] == "bold"
    await bot.set_my_name("Дала", language_code="kk")
    assert (await bot.get_my_name(language_code="kk")).name == "Дала"
    assert (await bot.get_my_name(language_code="de")).name == "Newsdesk"
    await bot.set_my_description("о нас")
    assert (await bot.get_my_description(language_code="ru")).description == "о нас"
    await bot.set_my_short_description("кратко")
    assert (await bot.get_my_short_description()).short_description == "кратко"


# --- the page's API -------------------------------------------------------------------------------------


async def test_sim_api(
    sandbox: Sandbox, clock: SteppableClock, reader: Person, bot: Bot, http: aiohttp.ClientSession
) -> None:
    sandbox.advance = clock.advance
    await bot.set_my_commands([{"command": "start", "description": "Начать"}])  # type: ignore[list-item]
    await bot.set_my_short_description("кратко", language_code="ru")
    channel = sandbox.people.channel(-100, "Канал", "liter_kz", admins=[reader])

    async def post(path: str, **body: Any) -> Any:
        async with http.post(f"{sandbox.url}/sim/{path}", json=body) as response:
            return {"status": response.status, **(await response.json())}

    async def get(path: str) -> Any:
        async with http.get(f"{sandbox.url}/sim/{path}") as response:
            return await response.json()

    said = await post("send", user_id=100, text="привет")
    assert said["text"] == "привет"
    picture = base64.b64encode(draw("sport", 1)).decode()
    shown = await post("send", user_id=100, chat_id=-100, text="пост", photo=picture)
    assert (await post("send", user_id=100, photo="no picture"))["status"] == 400
    assert (await post("forward", user_id=100, from_chat_id=-100, message_id=shown["message_id"]))["forward_origin"]
    await post("react", user_id=100, chat_id=100, message_id=said["message_id"], emoji="👍")
    state = await get("state")
    assert state["bot"]["username"] == "newsdesk_demo_bot"
    assert state["bot_texts"] == {"ru": {"short_description": "кратко"}}
    assert state["commands"] == {"default": {"default": [{"command": "start", "description": "Начать"}]}}
    assert state["people"] == [{"id": 100, "name": "Айгерим", "lang": "ru", "username": None, "blocked": False}]
    assert {chat["id"] for chat in state["chats"]} == {100, -100}
    assert state["note"] == "the bot has not called yet"
    assert (await post("fault", name="server_error", times=2))["faults"][0]["times"] == 2
    assert (await get("state"))["note"] == "faults are armed: server_error"
    async with http.delete(f"{sandbox.url}/sim/fault") as response:
        assert await response.json() == {"faults": []}
    assert (await post("fault", name="nonsense"))["status"] == 400
    before = clock.now()
    assert (await post("clock", advance=60))["now"] == before + 60
    assert (await post("clock", advance=-1))["status"] == 400
    await post("block", user_id=100, blocked=True)
    assert (await get("state"))["people"][0]["blocked"]
    await post("block", user_id=100, blocked=False)
    assert (await post("send", user_id=100, chat_id=-5, text="x"))["status"] == 400
    sandbox.machine.add_user(200, "Гость")
    assert (await post("send", user_id=300, text="x"))["status"] == 400
    assert (await post("send", user_id=200, chat_id=-100, text="x"))["error"].startswith("Bad Request: user 200 cannot")
    await post("join", user_id=200, chat_id=-100)
    assert channel.members[200].inside
    await post("leave", user_id=200, chat_id=-100)
    assert not channel.members[200].inside
    chat = await get("chat/-100")
    assert [m["deleted"] for m in chat["messages"]] == [False]
    log = await get("log?limit=1")
    assert log["calls"][0]["method"] == "setMyShortDescription"
    async with http.get(f"{sandbox.url}/sim/file/{shown['photo'][-1]['file_id']}") as response:
        assert response.content_type == "image/png"
    async with http.get(f"{sandbox.url}/sim/file/none") as response:
        assert response.status == 404


async def test_sim_answers_of_the_bot(sandbox: Sandbox, reader: Person, bot: Bot, http: aiohttp.ClientSession) -> None:
    async def handle(update: Update) -> None:
        if update.callback_query:
            await bot.answer_callback_query(update.callback_query.id, text="да", show_alert=True)
        elif update.inline_query:
            await bot.answer_inline_query(update.inline_query.id, [])

    sent = await bot.send_message(100, "x", reply_markup=KEYBOARD)
    async with listening(bot, handle):
        body = {"user_id": 100, "chat_id": 100, "message_id": sent.message_id, "data": "s:1"}
        async with http.post(f"{sandbox.url}/sim/tap", json=body) as response:
            assert await response.json() == {"user_id": 100, "show_alert": True, "text": "да", "url": ""}
        async with http.post(f"{sandbox.url}/sim/inline", json={"user_id": 100, "query": "q"}) as response:
            assert (await response.json())["results"] == []


async def test_sim_events(sandbox: Sandbox, reader: Person, bot: Bot, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{sandbox.url}/sim/events") as stream:
        assert stream.content_type == "text/event-stream"
        await stream.content.readline()
        await stream.content.readline()
        sent = await bot.send_message(100, "раз")
        await bot.edit_message_text("два", chat_id=100, message_id=sent.message_id)
        await bot.delete_message(100, sent.message_id)
        seen = []
        while len(seen) < 3:
            line = await stream.content.readline()
            if line.startswith(b"data: "):
                seen.append(json.loads(line[6:]))
    assert [event["type"] for event in seen] == ["message", "edit", "delete"]
    assert seen[1]["message"]["text"] == "два"
    assert seen[1]["message"]["history"][0]["text"] == "раз"
    assert seen[2]["message"]["deleted"]


@pytest.mark.parametrize(
    ("host", "kind", "status"),
    [("evil.kz", "application/json", 403), ("localhost:1", "text/plain", 415), ("127.0.0.1", "application/json", 200)],
)
async def test_sim_guards(
    sandbox: Sandbox, reader: Person, http: aiohttp.ClientSession, host: str, kind: str, status: int
) -> None:
    headers = {"Host": host, "Content-Type": kind}
    body = json.dumps({"user_id": 100, "text": "x"})
    async with http.post(f"{sandbox.url}/sim/send", data=body, headers=headers) as response:
        assert response.status == status
        assert "Access-Control-Allow-Origin" not in response.headers
