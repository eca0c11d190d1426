"""Updates nobody expects: whatever Bot API 10.3 allows is handled or left alone, and never breaks a handler."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest
from aiogram.types import Update
from pydantic import ValidationError
from talking import Chat

from bot.domain.desk import Role
from bot.sandbox.schema import TABLE, check_update
from handlers.keyboards import READER_CALLBACKS

SEED = 2026
READER, EDITOR, OWNER, GROUP, CHANNEL = 505, 506, 507, -1002, -1003
_IDS = (READER, EDITOR, OWNER, GROUP, CHANNEL, 0, 1, 2, 3, 404, 2**52, -(2**52))
_TEXTS = (
    *("/start", "/start sport", "/start a_1", "/start g_-1002", "/start own_x", "/sections", "/latest", "/rates"),
    *("/settings", "/language", "/privacy", "/stop", "/help", "/digest", "/saved", "/find мост", "/why"),
    *("/breaking Мост", "/breaking", "/queue", "/drafts", "/stats", "/feeds", "/editors", "/status", "/audit"),
    *("/cancel", "/promo", "/corrections", "/nothing", "мост", "https://news.example/1", "#срочно", ""),
    *("usd 100", "\x00", "🙂" * 20, "<b>&amp;</b>", "-1", "9" * 30, "23:00-07:30", "Новый текст\nв две строки"),
)
_WORDS = ("sports", "settings", "language", "sport", "send", "drop", "x", "ru", "07_00")
_KINDS = ("message", "callback_query", "inline_query", "my_chat_member", "channel_post", "edited_channel_post")
_SOME = {
    ("Chat", "type"): ("private", "group", "supergroup", "channel"),
    ("MessageEntity", "type"): ("bold", "bot_command", "text_link", "url", "hashtag", "mention"),
    ("MessageEntity", "offset"): range(40),
    ("MessageEntity", "length"): range(40),
    ("Message", "message_id"): range(1, 20),
    ("User", "language_code"): ("ru", "kk", "kz", "en_US", "zh-hant-raw", "", "\ud7ff", "x" * 99),
}
_SOME |= {
    (f"ChatMember{kind}", "status"): (status,)
    for kind, status in {
        "Owner": "creator",
        "Administrator": "administrator",
        "Member": "member",
        "Restricted": "restricted",
        "Left": "left",
        "Banned": "kicked",
    }.items()
}
_DEEP = 4


class Odd:
    """Things of the Bot API's schema, made at random."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def update(self) -> dict[str, Any]:
        """An update of a kind that the bot asks for."""
        kind = self._rng.choice(_KINDS)
        body = self.value(TABLE["types"]["Update"][kind].lstrip("!"), 0)
        if self._rng.random() < 0.8:  # what strangers say in odd places ends at the door
            self._at_home(body)
        return {"update_id": 1, kind: body}

    def _at_home(self, body: dict[str, Any]) -> None:
        """Somebody says or presses it in the own chat."""
        message, sender = body.get("message", body), body.get("from")
        if sender and "chat" in message:
            sender |= {"id": self._rng.choice((READER, EDITOR, OWNER)), "is_bot": False}
            message["chat"] |= {"id": sender["id"], "type": "private"}
            body.pop("sender_chat", None)

    def value(self, kind: str, depth: int) -> Any:
        """Something of that kind; LookupError where it would nest too deep."""
        pick = self._rng.choice
        match kind:
            case "Integer":
                return pick(_IDS)
            case "String":
                return pick(_TEXTS)
            case "Float":
                return self._rng.uniform(-1e9, 1e9)
            case "Boolean":
                return pick((True, False))
            case "True" | "False":
                return kind == "True"
            case _ if "|" in kind or kind in TABLE["unions"]:
                return self.value(pick(TABLE["unions"].get(kind) or kind.split("|")), depth)
            case _ if kind.startswith("[]"):
                return [self.value(kind[2:], depth) for _ in range(self._rng.randrange(3))]
            case _ if depth >= _DEEP:
                raise LookupError(kind)
            case _:
                return self._thing(kind, depth)

    def _thing(self, name: str, depth: int) -> dict[str, Any]:
        made = {}
        for field, kind in TABLE["types"][name].items():
            must = kind.startswith("!")
            if not must and self._rng.random() > (0.5 if field in ("from", "text", "data", "message") else 0.1):
                continue
            try:
                made[field] = self._field(name, field, kind.lstrip("!"), depth)
            except LookupError:
                if must:
                    raise
        return made

    def _field(self, name: str, field: str, kind: str, depth: int) -> Any:
        if (name, field) == ("CallbackQuery", "data") and self._rng.random() < 0.9:
            return self._press()
        if field.endswith("date"):
            return self._rng.randrange(2**31)
        if field == "id" and kind == "String":
            return str(self._rng.randrange(2**63))
        if (name, field) in _SOME:
            return self._rng.choice(_SOME[name, field])
        return self.value(kind, depth + 1)

    def _press(self) -> str:
        button = self._rng.choice(READER_CALLBACKS)
        numbers = (0, 1, 2, 4, 7, 404, GROUP, 2**62)
        choices: dict[type, tuple[object, ...]] = {int: numbers, bool: (0, 1), str: _WORDS}
        return ":".join([button.name, *(str(self._rng.choice(choices[of])) for of in button.fields.values())])


async def _play(chat: Chat, caplog: pytest.LogCaptureFixture, seed: int, number: int) -> None:
    """No exception escapes, and none of ours is caught: what Telegram refuses is about chats that do not exist."""
    person = chat.people.add(READER)
    await person.send("/start sport")
    await chat.editor(EDITOR)
    await chat.editor(OWNER, Role.OWNER)
    chat.people.group(GROUP, "Группа", admins=[person], bot_rights={})
    chat.people.channel(CHANNEL, "Канал")
    await chat.publish("Мост открыт раньше срока")
    await chat.idle()
    caplog.set_level(logging.ERROR)
    rng, reached = Random(seed), 0
    while reached < number:
        state = rng.getstate()
        try:
            update = Odd(rng).update()
            parsed = Update.model_validate(update, context={"bot": chat.bot})
        except (LookupError, ValidationError):  # words where aiogram knows the few that may stand there
            continue
        assert not check_update(update), (update, state)
        reached += 1
        caplog.clear()
        await chat.dispatcher.feed_update(chat.bot, parsed)
        broken = [one for one in caplog.messages if "failed: Telegram" not in one]
        assert not broken, (reached, update, broken)


async def test_odd_updates(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    await _play(chat, caplog, SEED, 250)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(20))
async def test_20000_odd_updates(chat: Chat, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    await _play(chat, caplog, seed, 1000)
