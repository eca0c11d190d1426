"""Rows of the error catalogue, each through real HTTP, in Telegram's words and order of checks."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import BufferedInputFile, InputMediaDocument, InputMediaPhoto

from bot.clock import SteppableClock
from bot.demo.picture import draw
from bot.sandbox.client import Person
from bot.sandbox.content import image_size
from bot.sandbox.flood import FloodRule
from bot.sandbox.http import Sandbox
from bot.sandbox.model import Member, refuse

Api = Callable[..., Awaitable[dict[str, Any]]]

PNG = draw("sport", 1)
BAD = "Bad Request: "
UNMODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
WEB_APP = "inline keyboard button Web App URL"
INLINE = "can't parse inline keyboard button: "


# (method, parameters, description after "Bad Request: "); chat 100 is a reader, -100 a channel, 5 unknown
X = {"chat_id": 100, "text": "x"}
ITEM = {"type": "photo", "media": "https://a.kz/1.png"}
P_TAG = 'can\'t parse entities: Unsupported start tag "p" at byte offset 0'
REMOTE = "wrong remote file identifier specified: "
STALE = "query is too old and response timeout expired or query ID is invalid"
ITEMS = "can't parse InputMedia: "
ANIMATION = 'type "animation" can\'t be used in sendMediaGroup'
RESULT = "can't parse inline query result: "
NO_CONTENT = 'Can\'t find field "input_message_content"'
NO_FIELD = 'can\'t parse BotCommand: Can\'t find field "command" or "description"'
ARTICLE = {"type": "article", "id": "1"}


def said(text: str, result_id: str = "1") -> dict[str, Any]:
    return {**ARTICLE, "id": result_id, "title": "t", "input_message_content": {"message_text": text}}


LONG = "command description length must not exceed 256"
SENDING = [
    ("sendMessage", {"chat_id": "", "text": "x"}, "chat_id is empty"),
    ("sendMessage", {"chat_id": 5, "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": 101, "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": "@reader", "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": 5, "text": ""}, "message text is empty"),
    ("sendMessage", {"chat_id": 5, "text": "<p>"}, "chat not found"),
    (
        "sendMessage",
        {"chat_id": 5, "text": "<p>", "parse_mode": "HTML"},
        P_TAG,
    ),
    ("sendMessage", {"chat_id": 5, "text": "x" * 5000}, "chat not found"),
    ("sendMessage", {"chat_id": 100, "text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"chat_id": 100, "text": "x" * 32769}, "text is too long"),
    ("sendMessage", {"chat_id": 100, "text": " \n "}, "text must be non-empty"),
    ("sendMessage", {"chat_id": 100, "text": "<b> </b>", "parse_mode": "HTML"}, "text must be non-empty"),
    ("sendMessage", {**X, "parse_mode": "bbcode"}, "unsupported parse_mode"),
    ("sendMessage", {**X, "message_thread_id": 9}, "message thread not found"),
    (
        "sendMessage",
        {**X, "reply_parameters": '{"message_id": 99}'},
        "message to be replied not found",
    ),
    ("sendMessage", {**X, "reply_parameters": "{"}, "can't parse reply parameters JSON object"),
    ("sendPhoto", {"chat_id": 100, "photo": "nonsense!"}, REMOTE + "Wrong padding length"),
    ("sendPhoto", {"chat_id": 100, "photo": "https://a.kz/none.jpg"}, "failed to get HTTP URL content"),
    ("sendPhoto", {"chat_id": 100, "photo": "AgAC" + "x" * 60}, "wrong file identifier/HTTP URL specified"),
    ("sendPhoto", {"chat_id": 100, "photo": "https://a.kz/page"}, "wrong type of the web page content"),
    (
        "sendPhoto",
        {"chat_id": 100, "photo": ITEM["media"], "caption": "x" * 1025},
        "message caption is too long",
    ),
    ("sendMediaGroup", {"chat_id": 100, "media": "[]"}, "there are no messages to send"),
    ("sendMediaGroup", {"chat_id": 100, "media": json.dumps([ITEM] * 11)}, "too many messages to send as an album"),
    ("editMessageText", {"chat_id": 100, "message_id": 99, "text": "x"}, "message to edit not found"),
    ("editMessageText", {"chat_id": 100, "message_id": 99}, "message text is empty"),
    ("deleteMessage", {"chat_id": 100, "message_id": 99}, "message to delete not found"),
    ("deleteMessage", {"chat_id": 100, "message_id": 0}, "message identifier is not specified"),
    (
        "answerCallbackQuery",
        {"callback_query_id": "1"},
        STALE,
    ),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": []}, STALE),
    ("sendMessage", {**X, "reply_parameters": "[]"}, "object expected as reply parameters"),
    ("sendMessage", {**X, "link_preview_options": "{"}, "can't parse link preview options JSON object"),
    ("sendMessage", {**X, "link_preview_options": "[1]"}, "object expected as link preview options"),
    ("sendPhoto", {"chat_id": 100}, "there is no photo in the request"),
    ("sendPhoto", {"chat_id": 100, "photo": "http://nohost/1.png"}, "wrong HTTP URL specified"),
    ("sendMediaGroup", {"chat_id": 100}, 'parameter "media" is required'),
    ("sendMediaGroup", {"chat_id": 100, "media": "{"}, "can't parse media JSON object"),
    ("sendMediaGroup", {"chat_id": 100, "media": '{"a": 1}'}, "expected an Array of InputMedia"),
    ("sendMediaGroup", {"chat_id": 100, "media": "[1]"}, ITEMS + "expected an Object"),
    ("sendMediaGroup", {"chat_id": 100, "media": '[{"type": "animation"}]'}, ITEMS + ANIMATION),
    (
        "sendMediaGroup",
        {"chat_id": 100, "media": '[{"type": "x"}]'},
        ITEMS + "type must be photo, video or document here",
    ),
    ("sendMediaGroup", {"chat_id": 100, "media": '[{"type": "photo"}]'}, ITEMS + "media not found"),
    ("editMessageText", {"inline_message_id": "1", "text": "x"}, "MESSAGE_ID_INVALID"),
    ("deleteMessage", {"message_id": 1}, "chat identifier is not specified"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": "["}, "can't parse inline query results JSON object"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": "{1"}, "can't parse inline query results JSON object"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": '{"a": 1}'}, "expected an Array of inline query results"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": [1] * 51}, "too many inline query results specified"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": [1]}, RESULT + "object expected"),
    ("answerInlineQuery", {"inline_query_id": "1", "results": [{}]}, RESULT + 'Can\'t find field "type"'),
    ("answerInlineQuery", {"inline_query_id": "1", "results": [ARTICLE]}, RESULT + 'Can\'t find field "title"'),
    ("answerInlineQuery", {"inline_query_id": "1", "results": [{**ARTICLE, "title": "t"}]}, RESULT + NO_CONTENT),
    ("answerInlineQuery", {"inline_query_id": "1", "results": [said(" ")]}, "text must be non-empty"),
    ("setMyCommands", {"commands": "["}, "can't parse commands JSON object"),
    ("setMyCommands", {"commands": '{"a": 1}'}, "expected an Array of BotCommand"),
    ("setMyCommands", {"commands": [{"command": "a", "description": "b"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
    ("setMyCommands", {"commands": [{"command": "a"}]}, NO_FIELD),
    ("getMyCommands", {"scope": '{"type": "chat", "chat_id": 5}'}, "chat not found"),
    ("setMyName", {"name": "x" * 65}, "bot name is too long"),
    ("getChatMember", {"chat_id": -100, "user_id": 5}, "user not found"),
    ("getFile", {"file_id": "x"}, "invalid file_id"),
    ("setMyCommands", {"commands": [{"command": "/", "description": "x"}]}, "command must be non-empty"),
    ("setMyCommands", {"commands": [{"command": "Start", "description": "x"}]}, "BOT_COMMAND_INVALID"),
    ("setMyCommands", {"commands": [{"command": "a" * 33, "description": "x"}]}, "command length must not exceed 32"),
    ("setMyCommands", {"commands": [{"command": "a", "description": ""}]}, "command description must be non-empty"),
    ("setMyCommands", {"commands": [{"command": "a", "description": "x" * 257}]}, LONG),
    ("setWebhook", {"url": "ftp://a.kz"}, "invalid webhook URL specified"),
    ("setWebhook", {"url": "https://a.kz/", "secret_token": "x" * 257}, "secret token is too long"),
    ("setWebhook", {"url": "https://a.kz/", "secret_token": "пароль"}, "secret token contains unallowed characters"),
    ("createForumTopic", {"chat_id": -100, "name": "x"}, "the chat is not a forum"),
]
BUTTONS = [  # (chat, button action, description)
    (100, {"callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
    (100, {"callback_data": "я" * 33}, "BUTTON_DATA_INVALID"),
    (100, {"copy_text": {"text": ""}}, "BUTTON_COPY_TEXT_INVALID"),
    (100, {}, INLINE + "Text buttons are unallowed in the inline keyboard"),
    (100, {"callback_data": ""}, INLINE + "Text buttons are unallowed in the inline keyboard"),
    (100, {"callback_data": "x", "style": "pink"}, INLINE + "invalid button style specified"),
    (100, {"url": "http://x"}, "inline keyboard button URL 'http://x' is invalid: Wrong HTTP URL"),
    (100, {"web_app": {"url": "http://a.kz"}}, f"{WEB_APP} 'http://a.kz' is invalid: Only HTTPS links are allowed"),
    (100, {"login_url": {"url": "http://a.kz"}}, "inline keyboard button login URL 'http://a.kz' is invalid: Only"),
    (-100, {"web_app": {"url": "https://a.kz"}}, "BUTTON_TYPE_INVALID"),
    (-100, {"switch_inline_query": "x"}, "can't use switch_inline_query button in a channel chat, because users"),
]


@pytest.fixture
def world(sandbox: Sandbox, reader: Person) -> Sandbox:
    """Reader 100, stranger 101 (never wrote), a channel, two web addresses."""
    sandbox.people.add(101, username="reader")
    sandbox.people.channel(-100, "Канал", "liter_kz", admins=[reader])
    sandbox.machine.web = {"https://a.kz/1.png": PNG, "https://a.kz/page": b"<html>"}
    return sandbox


@pytest.mark.usefixtures("wrong_on_purpose")
@pytest.mark.parametrize(("method", "params", "description"), SENDING)
async def test_row(world: Sandbox, api: Api, method: str, params: dict[str, Any], description: str) -> None:
    answer = await api(method, **params)
    assert answer == {"ok": False, "error_code": 400, "description": BAD + description}
    assert not world.sent(100)


@pytest.mark.parametrize(("chat_id", "action", "description"), BUTTONS)
async def test_button(world: Sandbox, api: Api, chat_id: int, action: dict[str, Any], description: str) -> None:
    markup = {"inline_keyboard": [[{"text": "b", **action}]]}
    answer = await api("sendMessage", chat_id=chat_id, text="x", reply_markup=markup)
    assert answer["error_code"] == 400
    assert answer["description"].startswith(BAD + description)
    assert not world.sent(chat_id)


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ("{", "can't parse reply keyboard markup JSON object"),
        ("[]", "object expected as reply markup"),
        ('{"inline_keyboard": null}', 'field "inline_keyboard" must be of type Array'),
        ('{"inline_keyboard": [1]}', 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'),
        ('{"keyboard": [1]}', 'field "keyboard" must be an Array of Arrays'),
        ('{"inline_keyboard": [[{"url": "https://a.kz"}]]}', INLINE + 'Can\'t find field "text"'),
        ('{"inline_keyboard": [[{"text": 1}]]}', INLINE + 'Field "text" must be of type String'),
        ('{"keyboard": [[1]]}', "can't parse keyboard button: KeyboardButton must be a String or an Object"),
        ('{"keyboard": [[{}]]}', "can't parse keyboard button: Can't find field \"text\""),
        ('{"inline_keyboard": [["x"]]}', INLINE + "InlineKeyboardButton must be an Object"),
    ],
)
@pytest.mark.usefixtures("wrong_on_purpose")
async def test_markup_syntax(world: Sandbox, api: Api, markup: str, reason: str) -> None:
    answer = await api("sendMessage", chat_id=100, text="x", reply_markup=markup)
    assert answer["description"] == BAD + reason


async def test_keyboard_limits(world: Sandbox, api: Api) -> None:
    def keyboard(rows: int, columns: int) -> dict[str, Any]:
        return {"inline_keyboard": [[{"text": "b", "callback_data": "x" * 64}] * columns] * rows}

    kept = await api("sendMessage", chat_id=100, text="x", reply_markup=keyboard(8, 13))
    assert [len(row) for row in kept["result"]["reply_markup"]["inline_keyboard"]] == [12] * 8
    in_channel = await api("sendMessage", chat_id=-100, text="x", reply_markup={"keyboard": [[{"text": "a"}]]})
    assert in_channel["description"] == BAD + "inline keyboard expected"
    too_many = await api("sendMessage", chat_id=100, text="x", reply_markup=keyboard(101, 1))
    assert too_many["description"] == BAD + "reply markup is too long"
    nameless = {"inline_keyboard": [[{"text": "", "callback_data": "x"}], [{"text": "a", "url": "a.kz"}]]}
    kept = await api("sendMessage", chat_id=100, text="x", reply_markup=nameless)
    assert kept["result"]["reply_markup"]["inline_keyboard"] == [[{"text": "a", "url": "http://a.kz/"}]]


async def test_refusals_of_people_and_places(world: Sandbox, reader: Person, bot: Bot) -> None:
    machine = world.machine
    reader.block()
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(100, "x")
    reader.unblock()
    machine.users[100].deactivated = True
    with pytest.raises(TelegramForbiddenError, match="user is deactivated"):
        await bot.send_message(100, "x")
    group = world.people.group(-7, "Редакция", admins=[reader], basic=True)
    big = world.people.group(-1007, "Супер", admins=[reader])
    for chat, place in ((group, "group"), (big, "supergroup"), (machine.chats[-100], "channel")):
        for status, words in (("kicked", "was kicked from"), ("left", "is not a member of")):
            machine.set_member(chat, Member(machine.bot, status), by=machine.users[100])
            with pytest.raises(TelegramForbiddenError, match=f"bot {words} the {place} chat"):
                await bot.send_message(chat.id, "x")
    world.people.promote_bot(machine.chats[-100], {"can_edit_messages": True})
    with pytest.raises(TelegramBadRequest, match="need administrator rights in the channel chat"):
        await bot.send_message("@liter_kz", "x")
    machine.set_member(big, Member(machine.bot, "restricted", {"can_send_messages": True}), by=machine.users[100])
    await bot.send_message(big.id, "x")
    with pytest.raises(TelegramBadRequest, match="not enough rights to send photos to the chat"):
        await bot.send_photo(big.id, BufferedInputFile(PNG, "x.png"))


async def test_migration(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    group = sandbox.people.group(-7, "Редакция", admins=[reader], basic=True)
    old = await bot.send_message(group.id, "x")
    new = sandbox.people.migrate(group)
    with pytest.raises(TelegramMigrateToChat) as caught:
        await bot.send_message(group.id, "x")
    assert caught.value.migrate_to_chat_id == new.id
    await bot.send_message(new.id, "x")
    assert (await bot.edit_message_text("y", chat_id=-7, message_id=old.message_id)) is not None
    seen = [u.message for u in await bot.get_updates() if u.message]
    assert [m.migrate_to_chat_id or m.migrate_from_chat_id for m in seen][-2:] == [new.id, group.id]


async def test_editing(world: Sandbox, reader: Person, bot: Bot) -> None:
    sent = await bot.send_message(100, "<b>a</b>", parse_mode="HTML")
    with pytest.raises(TelegramBadRequest, match="message is not modified") as caught:
        await bot.edit_message_text("<b>a</b>", chat_id=100, message_id=sent.message_id, parse_mode="HTML")
    assert caught.value.message == BAD + UNMODIFIED
    edited = await bot.edit_message_text("b", chat_id=100, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert (edited.text, edited.entities, bool(edited.edit_date)) == ("b", None, True)
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await bot.edit_message_caption(chat_id=100, message_id=sent.message_id, caption="c")
    photo = await bot.send_photo(100, BufferedInputFile(PNG, "x.png"), caption="c")
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await bot.edit_message_text("b", chat_id=100, message_id=photo.message_id)
    await bot.edit_message_caption(chat_id=100, message_id=photo.message_id)
    hers = await reader.send("моё")
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("b", chat_id=100, message_id=hers["message_id"])
    forwarded = await reader.send(forward_from=hers)
    assert forwarded["forward_origin"]["sender_user"]["id"] == 100
    assert reader.chat()[0]["history"][0]["text"] == "a"


async def test_deleting(world: Sandbox, clock: SteppableClock, reader: Person, bot: Bot) -> None:
    first = await bot.send_message(100, "a")
    hers = await reader.send("моё")
    assert await bot.delete_message(100, hers["message_id"])
    late = await bot.send_message(100, "b")
    post = await bot.send_message(-100, "post")
    await clock.advance(172_801)
    with pytest.raises(TelegramBadRequest, match="message can't be deleted for everyone"):
        await bot.delete_message(100, late.message_id)
    fresh = await bot.send_message(100, "c")
    assert len(world.sent(100)) == 3
    assert await bot.delete_message(100, fresh.message_id)
    assert await bot.delete_message(-100, post.message_id)
    assert [m["deleted"] for m in reader.chat()] == [False, True, False, True]
    edited = await bot.edit_message_text("ещё", chat_id=100, message_id=first.message_id)
    assert edited


async def test_flood(sandbox: Sandbox, clock: SteppableClock, reader: Person, bot: Bot) -> None:
    sandbox.machine.flood = FloodRule(overall=30, per_chat=1, burst=3, per_group=20, penalty=3)
    for i in range(3):
        await bot.send_message(100, str(i))
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(100, "x")
    assert caught.value.retry_after == 1
    await clock.advance(1.0)
    await bot.send_message(100, "again")
    sandbox.fail("flood_bot", seconds=5)
    waits = []
    for _ in range(3):
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.send_message(100, "x")
        waits.append(caught.value.retry_after)
        await clock.advance(1.5)
    assert waits == [5, 7, 8]  # each call in the pause, after the first second, lengthens it


async def test_wrong_token_and_method(sandbox: Sandbox, reader: Person, bot: Bot, api: Api) -> None:
    assert (await api("sendPoll", chat_id=1))["description"] == "Not Found: method not found"
    assert sandbox.violations == ["unknown method 'sendPoll'"]
    with pytest.raises(TelegramNotFound):
        await bot.send_dice(100)
    sandbox.violations.clear()
    sandbox.fail("unauthorized")
    with pytest.raises(TelegramUnauthorizedError):
        await bot.get_me()


async def test_uploads(world: Sandbox, bot: Bot) -> None:
    async def refused(data: bytes, name: str = "x.png") -> str:
        with pytest.raises(TelegramBadRequest) as caught:
            await bot.send_photo(100, BufferedInputFile(data, name))
        return caught.value.message.removeprefix(BAD)

    header = base64.b64decode("iVBORw0KGgoAAAANSUhEUg==")
    assert await refused(b"") == "file must be non-empty"
    assert await refused(b"text") == "IMAGE_PROCESS_FAILED"
    assert await refused(PNG, "x.webm") == (
        "photo has unsupported extension. Use one of .jpg, .jpeg, .gif, .png, .tif or .bmp"
    )
    wide = header + (9000).to_bytes(4, "big") + (100).to_bytes(4, "big")
    assert await refused(wide) == "PHOTO_INVALID_DIMENSIONS"
    big = "file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes"
    assert await refused(b"x" * 10_485_761) == big
    sent = await bot.send_photo(100, BufferedInputFile(PNG, "x.png"))
    assert sent.photo
    assert [size.width for size in sent.photo] == sorted(size.width for size in sent.photo)
    again = await bot.send_photo(100, sent.photo[-1].file_id)
    assert again.photo
    assert again.photo[-1].file_id == sent.photo[-1].file_id
    with pytest.raises(TelegramBadRequest, match="can't use file of type Photo as Document"):
        await bot.send_document(100, sent.photo[-1].file_id)
    file = await bot.get_file(sent.photo[-1].file_id)
    assert file.file_path
    downloaded = await bot.download_file(file.file_path)
    assert downloaded
    assert downloaded.read() == PNG


async def test_albums(world: Sandbox, bot: Bot) -> None:
    photos = [InputMediaPhoto(media=BufferedInputFile(PNG, f"{i}.png")) for i in range(2)]
    album = await bot.send_media_group(100, photos)
    assert len({message.media_group_id for message in album}) == 1
    single = await bot.send_media_group(100, photos[:1])
    assert single[0].media_group_id is None
    item = {"chat_id": 100, "message_id": album[0].message_id}
    assert await bot.edit_message_caption(**item, caption="новая", show_caption_above_media=True)
    assert world.sent(100)[0]["show_caption_above_media"]
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.edit_message_caption(**item, caption="x" * 1025)
    mixed = [photos[0], InputMediaDocument(media=BufferedInputFile(b"x", "a.pdf"))]
    with pytest.raises(TelegramBadRequest, match="document can't be mixed with other media types"):
        await bot.send_media_group(100, mixed)


async def test_markups_that_amount_to_little(world: Sandbox, api: Api) -> None:
    async def sent(markup: Any, **params: Any) -> Any:
        return (await api("sendMessage", **X, reply_markup=markup, **params))["result"].get("reply_markup")

    world.strict = False  # plain strings as buttons are Telegram's shorthand, outside the schema
    assert await sent("null") is None
    assert await sent({}) is None
    assert await sent({"inline_keyboard": [[]]}) is None
    assert await sent({"keyboard": [[]], "inline_keyboard": [[{"text": "a", "url": "tg://x"}, {"text": ""}]]})
    assert await sent('{"keyboard": [["простая"]]}') is None
    assert await sent({"remove_keyboard": True}) is None
    world.violations.clear()
    preview = {"is_disabled": True}
    replying = {"message_id": 999, "allow_sending_without_reply": True}
    kept = await api("sendMessage", **X, link_preview_options=preview, reply_parameters=replying)
    assert kept["result"]["link_preview_options"] == preview


async def test_inline_results(world: Sandbox, reader: Person, api: Api) -> None:
    async def why(results: list[Any], **params: Any) -> str:
        query = world.machine.inline(100, "q")
        answer = await api("answerInlineQuery", inline_query_id=query.id, results=results, **params)
        return str(answer.get("description", "")).removeprefix(BAD)

    assert await why([said("a"), said("b")]) == "RESULT_ID_DUPLICATE"
    assert await why([said("a", "x" * 65)]) == "RESULT_ID_INVALID"
    assert await why([], next_offset="x" * 65) == "NEXT_OFFSET_INVALID"
    keyboard = {"inline_keyboard": [[{"text": "a", "url": "a.kz"}]]}
    assert await why([{**said("a"), "reply_markup": keyboard}]) == ""
    markup = {"inline_keyboard": [[{"text": "b", "callback_data": "x"}]]}
    message = await api("sendMessage", **X, reply_markup=markup)
    query = world.machine.press(100, 100, message["result"]["message_id"], "x")
    answer = await api("answerCallbackQuery", callback_query_id=query.id, url="https://a.kz")
    assert answer["description"] == BAD + "URL_INVALID"


def test_descriptions() -> None:
    assert refuse("Message text is empty").description == "Bad Request: message text is empty"
    assert refuse("BUTTON_DATA_INVALID").description == "Bad Request: BUTTON_DATA_INVALID"
    assert refuse("Forbidden: x", 403).description == "Forbidden: x"
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x10\x00\x20"
    assert image_size(jpeg + b"\x00" * 4) == (32, 16)
    assert image_size(b"GIF89a\x02\x00\x03\x00") == (2, 3)
    assert image_size(b"BM" + b"\x00" * 16 + b"\x05\x00\x00\x00\xfa\xff\xff\xff") == (5, 6)
