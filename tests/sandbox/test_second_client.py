"""Ten scenarios with python-telegram-bot: what two unrelated client libraries understand is no private dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter

from bot.demo.picture import draw
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox

PNG = draw("culture", 3)
KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Готово", callback_data="done")]])


@pytest.fixture
async def ptb(sandbox: Sandbox) -> AsyncIterator[Bot]:
    base = {"base_url": f"{sandbox.url}/bot", "base_file_url": f"{sandbox.url}/file/bot"}
    async with Bot(sandbox.token, **base) as bot:
        yield bot


async def test_get_me(ptb: Bot, sandbox: Sandbox) -> None:
    assert (await ptb.get_me()).username == "newsdesk_demo_bot"


async def test_revoked_token(ptb: Bot, sandbox: Sandbox) -> None:
    sandbox.fail("unauthorized")
    with pytest.raises(InvalidToken):
        await ptb.get_me()


async def test_updates_and_reply(ptb: Bot, reader: Person) -> None:
    await reader.send("/start sport")
    (update,) = await ptb.get_updates(timeout=1)
    assert update.message
    answer = await update.message.reply_html("<b>Привет</b>", do_quote=True)
    assert answer.reply_to_message
    assert answer.reply_to_message.message_id == update.message.message_id
    assert answer.parse_entities() == {answer.entities[0]: "Привет"}


async def test_buttons(ptb: Bot, sandbox: Sandbox, reader: Person) -> None:
    sent = await ptb.send_message(100, "x", reply_markup=KEYBOARD)
    await reader.tap(sent.to_dict(), "Готово", wait=False)
    (update,) = await ptb.get_updates(timeout=1)
    assert update.callback_query
    assert await update.callback_query.answer("да", show_alert=True)
    await update.callback_query.edit_message_text("стало")
    assert sandbox.sent(100)[-1]["text"] == "стало"


async def test_photo_album_and_download(ptb: Bot, reader: Person) -> None:
    sent = await ptb.send_photo(100, BytesIO(PNG), caption="c")
    assert bytes(await (await sent.photo[-1].get_file()).download_as_bytearray()) == PNG
    album = await ptb.send_media_group(100, [InputMediaPhoto(PNG), InputMediaPhoto(sent.photo[-1].file_id)])
    assert album[0].media_group_id == album[1].media_group_id


async def test_edit_and_delete(ptb: Bot, reader: Person) -> None:
    sent = await ptb.send_message(100, "x")
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_text("x")
    await sent.edit_reply_markup(KEYBOARD)
    assert await sent.delete()
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await sent.delete()


async def test_blocked(ptb: Bot, reader: Person) -> None:
    reader.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await ptb.send_message(100, "x")
    (update,) = await ptb.get_updates(timeout=1)
    assert update.my_chat_member
    assert update.my_chat_member.new_chat_member.status == "kicked"


async def test_flood_and_migration(ptb: Bot, sandbox: Sandbox, reader: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # its own deprecation warning otherwise
    sandbox.fail("flood_bot", seconds=9)
    with pytest.raises(RetryAfter):
        await ptb.send_message(100, "x")
    group = sandbox.people.group(-7, "Г", admins=[reader], basic=True)
    new = sandbox.people.migrate(group)
    with pytest.raises(ChatMigrated) as caught:
        await ptb.send_message(group.id, "x")
    assert caught.value.new_chat_id == new.id


async def test_channel_post_edit_and_member(ptb: Bot, sandbox: Sandbox, reader: Person) -> None:
    sandbox.people.channel(-100, "К", "liter_kz", admins=[reader])
    post = await ptb.send_message("@liter_kz", "новость", disable_notification=True)
    edited = await post.edit_text("новость, исправлено")
    assert edited.edit_date is not None
    assert sandbox.sent(-100)[0]["history"][0]["text"] == "новость"
    assert (await ptb.get_chat_member("@liter_kz", ptb.id)).status == "administrator"


async def test_webhook_info_and_commands(ptb: Bot, sandbox: Sandbox) -> None:
    assert await ptb.set_webhook("http://127.0.0.1:9/x", secret_token="s")
    assert (await ptb.get_webhook_info()).url == "http://127.0.0.1:9/x"
    assert await ptb.delete_webhook(drop_pending_updates=True)
    await ptb.set_my_commands([("start", "Начать")], language_code="ru")
    assert [c.command for c in await ptb.get_my_commands(language_code="ru")] == ["start"]
    assert await ptb.get_my_commands() == ()
