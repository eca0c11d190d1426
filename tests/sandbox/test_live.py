"""The same few scenarios against the stand-in and, when LIVE_BOT_TOKEN is set, against api.telegram.org itself.

The live run writes to LIVE_CHAT_ID only: a private chat that has started the bot.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import TelegramAPIError
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters

from bot.sandbox.http import Sandbox

TOKEN, CHAT = os.environ.get("LIVE_BOT_TOKEN", ""), int(os.environ.get("LIVE_CHAT_ID", "0"))

P_TAG = 'can\'t parse entities: Unsupported start tag "p" at byte offset 0'
LONE = 'can\'t parse entities: Unsupported start tag "" at byte offset 2'
REFUSED = [  # (text, how, description after "Bad Request: ")
    ("", {}, "message text is empty"),
    (" \n ", {}, "text must be non-empty"),
    ("x" * 4097, {}, "message is too long"),
    ("x", {"parse_mode": "bbcode"}, "unsupported parse_mode"),
    ("<p>x</p>", {}, P_TAG),
    ("a < b", {}, LONE),
    ("x", {"reply_parameters": ReplyParameters(message_id=2_000_000_000)}, "message to be replied not found"),
]


async def refusals(bot: Bot, chat: int) -> None:
    for text, how, description in REFUSED:
        with pytest.raises(TelegramAPIError) as caught:
            await bot.send_message(chat, text, **{"parse_mode": "HTML", **how})  # type: ignore[arg-type]
        assert caught.value.message == f"Bad Request: {description}"


async def callback_data(bot: Bot, chat: int) -> None:
    for data in ("x" * 65, "я" * 33):
        keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="b", callback_data=data)]])
        with pytest.raises(TelegramAPIError, match="BUTTON_DATA_INVALID"):
            await bot.send_message(chat, "x", reply_markup=keyboard)


async def send_edit_delete(bot: Bot, chat: int) -> None:
    text = "  <b>Жирно</b> и <i>косо<b>вместе</b></i> #тег liter.kz \n"
    sent = await bot.send_message(chat, text, parse_mode="HTML", disable_notification=True)
    assert sent.text == "Жирно и косовместе #тег liter.kz"
    assert [e.type for e in sent.entities or []] == ["bold", "italic", "bold", "italic", "hashtag", "url"]
    with pytest.raises(TelegramAPIError, match="message is not modified"):
        await bot.edit_message_text(text, chat_id=chat, message_id=sent.message_id, parse_mode="HTML")
    edited = await bot.edit_message_text("иначе", chat_id=chat, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.edit_date
    with pytest.raises(TelegramAPIError, match="there is no caption in the message to edit"):
        await bot.edit_message_caption(chat_id=chat, message_id=sent.message_id, caption="x")
    assert await bot.delete_message(chat, sent.message_id)
    with pytest.raises(TelegramAPIError, match="message to delete not found"):
        await bot.delete_message(chat, sent.message_id)
    with pytest.raises(TelegramAPIError, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=chat, message_id=sent.message_id)


@pytest.mark.usefixtures("wrong_on_purpose")
@pytest.mark.parametrize("where", ["stand-in", "live"])
@pytest.mark.parametrize("scenario", [refusals, callback_data, send_edit_delete])
async def test_scenario(sandbox: Sandbox, where: str, scenario: Callable[[Bot, int], Awaitable[None]]) -> None:
    if where == "live" and not (TOKEN and CHAT):
        pytest.skip("did not run against the real Bot API: set LIVE_BOT_TOKEN and LIVE_CHAT_ID")
    sandbox.people.add(100, started=True)
    server = PRODUCTION if where == "live" else TelegramAPIServer.from_base(sandbox.url)
    session = AiohttpSession(api=server)
    try:
        await scenario(*((Bot(TOKEN, session), CHAT) if where == "live" else (Bot(sandbox.token, session), 100)))
    finally:
        await (await session.create_session()).close()
