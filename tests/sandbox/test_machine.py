"""The machine by itself: whatever people and the bot do, no update is lost and no history is forgotten."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.clock import SteppableClock
from bot.sandbox.methods import Machine
from bot.sandbox.model import ApiError, Chat, Member, to_bool, to_int
from bot.sandbox.schema import check_request, check_result, check_update

PEOPLE = (1, 2, 3)
GROUP, CHANNEL = -1007, -1008
CHATS = st.sampled_from((*PEOPLE, GROUP, CHANNEL))
TEXTS = st.sampled_from(("a", "b", "<b>c</b>", "<p>", "", " ", "x" * 4097, "#тег liter.kz", "/start"))


class Time:
    """A clock without a loop."""

    at = 1_795_000_000.0

    def now(self) -> float:
        return self.at


class World(RuleBasedStateMachine):
    """People and a bot at random; the invariants are what the bot and its tests rely on."""

    @initialize()
    def start(self) -> None:
        self.time = Time()
        self.machine = Machine(self.time, bot_id=7, name="B", username="b_bot")
        for user_id in PEOPLE:
            self.machine.add_user(user_id, "П")
        self.machine.add_chat(Chat(GROUP, "supergroup", "Г"), [1], None)
        self.machine.add_chat(Chat(CHANNEL, "channel", "К", "kanal"), [1], None)
        self.heard = [(u.kind, u.payload) for u in self.machine.updates]
        self.machine.listeners.append(self.listen)
        self.offset, self.last = 0, 0
        self.refused: set[int] = set()
        self.got: list[dict[str, Any]] = []
        self.said: dict[tuple[int, int], list[str]] = {}

    def listen(self, kind: str, chat_id: int, payload: Any) -> None:
        if kind == "update":
            self.heard.append((payload.kind, payload.payload))
        if kind in ("message", "edit"):
            self.said.setdefault((chat_id, payload.id), []).append(payload.json.get("text", ""))

    def call(self, method: str, **params: Any) -> Any:
        assert check_request(method, params, set()) == ([], [])
        try:
            result = self.machine.call(method, params)
        except ApiError as error:
            self.refused.add(error.code)
            return None
        assert check_result(method, result) == []
        return result

    @rule(user=st.sampled_from(PEOPLE), chat=CHATS, text=TEXTS.filter(lambda t: 0 < len(t.strip()) < 4096))
    def says(self, user: int, chat: int, text: str) -> None:
        place = user if chat in PEOPLE else chat
        member = self.machine.chats[place].members.get(user)
        if place == user or (member and member.inside and (place == GROUP or member.status == "creator")):
            self.machine.receive(user, place, text=text)

    @rule(chat=CHATS, text=TEXTS, html=st.booleans())
    def bot_sends(self, chat: int, text: str, html: bool) -> None:
        before = self.machine.chats[chat].last_id
        mode = {"parse_mode": "HTML"} if html else {}
        sent = self.call("sendMessage", chat_id=chat, text=text, **mode)
        assert self.machine.chats[chat].last_id == (sent["message_id"] if sent else before), "refused: no trace"

    @rule(chat=CHATS, message=st.integers(1, 12), text=TEXTS)
    def bot_edits(self, chat: int, message: int, text: str) -> None:
        self.call("editMessageText", chat_id=chat, message_id=message, text=text)

    @rule(chat=CHATS, message=st.integers(1, 12))
    def bot_deletes(self, chat: int, message: int) -> None:
        self.call("deleteMessage", chat_id=chat, message_id=message)

    @rule(user=st.sampled_from(PEOPLE), blocked=st.booleans())
    def blocks(self, user: int, blocked: bool) -> None:
        self.machine.block(user, blocked)

    @rule(user=st.sampled_from(PEOPLE[1:]), status=st.sampled_from(("member", "left")))
    def joins_or_leaves(self, user: int, status: str) -> None:
        someone = self.machine.users[user]
        self.machine.set_member(self.machine.chats[GROUP], Member(someone, status), by=someone)

    @precondition(lambda self: any(chat.messages for chat in self.machine.chats.values()))
    @rule(user=st.sampled_from(PEOPLE), pick=st.randoms(use_true_random=False))
    def presses_and_is_answered(self, user: int, pick: random.Random) -> None:
        chat = pick.choice([chat for chat in self.machine.chats.values() if chat.messages])
        query = self.machine.press(user, chat.id, pick.choice(list(chat.messages)), "data")
        assert self.call("answerCallbackQuery", callback_query_id=query.id)
        assert self.call("answerCallbackQuery", callback_query_id=query.id) is None, "only once"

    @rule(limit=st.integers(1, 5))
    def bot_polls(self, limit: int) -> None:
        found = self.machine.call("getUpdates", {"offset": self.offset, "limit": limit})
        for update in found:
            assert check_update(update) == []
            assert update["update_id"] > self.last
            self.last = update["update_id"]
        self.offset = self.last + 1
        self.got += found

    @rule(seconds=st.sampled_from((1, 100)))
    def time_passes(self, seconds: int) -> None:
        waiting = {u.kind for u in self.machine.updates}
        self.time.at += 0 if "callback_query" in waiting else seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        seen = [(k, u[k]) for u in self.got for k in u if k != "update_id"]
        waiting = [(u.kind, u.payload) for u in self.machine.updates if u.id > self.last]
        assert seen + waiting == self.heard

    @invariant()
    def refusals_are_telegrams(self) -> None:
        assert self.refused <= {400, 403}

    @invariant()
    def every_text_is_remembered(self) -> None:
        for (chat_id, message_id), texts in self.said.items():
            msg = self.machine.chats[chat_id].messages[message_id]
            assert [*(past.get("text", "") for past in msg.history), msg.json.get("text", "")] == texts


World.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWorld = World.TestCase


@pytest.fixture
def machine() -> Machine:
    clock = SteppableClock(1_795_000_000.0)
    made = Machine(clock, bot_id=7, name="B", username="b_bot")
    made.add_user(1, "П")
    made.chats[1].started = True
    return made


def refused(machine: Machine, method: str, **params: Any) -> str:
    with pytest.raises(ApiError) as caught:
        machine.call(method, params)
    return caught.value.description.removeprefix("Bad Request: ")


def test_channel_posts_can_be_edited_for_two_days_without_the_edit_right(machine: Machine) -> None:
    time = machine.clock = Time()
    chat = machine.add_chat(Chat(-100, "channel", "К"), [1], {"can_post_messages": True})
    markup = {"inline_keyboard": [[{"text": "b", "callback_data": "x"}]]}
    post = machine.call("sendMessage", {"chat_id": -100, "text": "x"})
    time.at += 172_800 + 300
    assert machine.call("editMessageText", {"chat_id": -100, "message_id": post["message_id"], "text": "y"})
    time.at += 1
    edit = {"chat_id": -100, "message_id": post["message_id"]}
    assert refused(machine, "editMessageText", **edit, text="z") == "message can't be edited"
    assert machine.call("editMessageReplyMarkup", {**edit, "reply_markup": markup})
    machine.set_member(chat, Member(machine.bot, "administrator", {"can_edit_messages": True}), machine.bot)
    hers = machine.receive(1, -100, text="руками")
    assert machine.call("editMessageText", {"chat_id": -100, "message_id": hers.id, "text": "z"})
    assert refused(machine, "deleteMessage", chat_id=-100, message_id=hers.id) == "message can't be deleted"


def test_deleting_in_groups(machine: Machine) -> None:
    machine.add_chat(Chat(-7, "group", "Г"), [1], None)
    hers = machine.receive(1, -7, text="/x")
    why = refused(machine, "deleteMessage", chat_id=-7, message_id=hers.id)
    assert why == "message can't be deleted for everyone"
    own = machine.call("sendMessage", {"chat_id": -7, "text": "x"})
    assert machine.call("deleteMessage", {"chat_id": -7, "message_id": own["message_id"]})


def test_the_rest_of_the_rules(machine: Machine) -> None:
    group = machine.add_chat(Chat(-7, "group", "Г"), [1], None)
    group.dead = True
    assert refused(machine, "sendMessage", chat_id=-7, text="x") == "Forbidden: the group chat was deleted"
    forum = machine.add_chat(Chat(-1007, "supergroup", "Ф", is_forum=True), [1], None)
    assert refused(machine, "createForumTopic", chat_id=-1007, name="x") == "not enough rights to create a topic"
    machine.set_member(forum, Member(machine.bot, "administrator", {"can_manage_topics": True}), machine.bot)
    assert refused(machine, "createForumTopic", chat_id=-1007, name="x" * 129) == "TOPIC_TITLE_TOO_LONG"
    machine.web["https://a.kz/b"] = b"x" * 20_971_520
    sent = machine.call("sendVideo", {"chat_id": 1, "video": "https://a.kz/b", "protect_content": True})
    assert sent["has_protected_content"]
    machine.files[sent["video"]["file_id"]].data += b"x"
    assert refused(machine, "getFile", file_id=sent["video"]["file_id"]) == "file is too big"
    late = {"chat_id": 1, "message_id": machine.call("sendMessage", {"chat_id": 1, "text": "x"})["message_id"]}
    assert refused(machine, "editMessageText", **late, text="x" * 4097) == "message is too long"
    with pytest.raises(ApiError, match="own private chat"):
        machine.receive(7, 1, text="x")


def test_card_and_webhook_state(machine: Machine) -> None:
    commands = [{"command": "/start", "description": " Начать "}]
    scope = {"type": "chat", "chat_id": 1}
    assert machine.call("setMyCommands", {"commands": commands, "scope": scope})
    assert machine.call("getMyCommands", {"scope": scope}) == [{"command": "start", "description": "Начать"}]
    assert machine.call("deleteMyCommands", {"scope": scope})
    assert machine.call("getMyCommands", {"scope": scope}) == []
    machine.receive(1, 1, text="x")
    machine.call("setWebhook", {"url": "https://a.kz/", "drop_pending_updates": True, "allowed_updates": "{"})
    assert not machine.updates
    assert machine.call("setWebhook", {"url": ""})
    assert machine.call("getWebhookInfo", {})["url"] == ""


def test_lenient_values() -> None:
    assert [to_int(v) for v in ("5", " 7 ", "x", None, True, 3.5)] == [5, 7, 0, 0, 1, 0]
    assert [to_bool(v) for v in ("TRUE", " yes", "1", 1, True, "on", None, 0)] == [True] * 5 + [False] * 3
