"""Honesty: what is not Bot API 10.3 is refused and recorded, in requests and in our own answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.sandbox.make_schema import build, compact, dump
from bot.sandbox.model import METHODS
from bot.sandbox.schema import TABLE, check_result, check_update

Api = Callable[..., Awaitable[dict[str, Any]]]


def test_table_covers_exactly_the_known_methods() -> None:
    assert set(TABLE["methods"]) == set(METHODS)
    assert TABLE["version"] == "10.3"


@pytest.mark.usefixtures("wrong_on_purpose")
@pytest.mark.parametrize(
    ("params", "violation"),
    [
        ({"disable_web_page_preview": True}, "sendMessage: unknown parameter 'disable_web_page_preview'"),
        ({"message_thread_id": "x"}, "sendMessage.message_thread_id: 'x' is no Integer"),
        ({"disable_notification": 5}, "sendMessage.disable_notification: 5 is no Boolean"),
        ({"link_preview_options": {"is_off": True}}, "LinkPreviewOptions has no field 'is_off'"),
        ({"reply_markup": {"remove_keyboard": "yes"}}, "'yes' is no True"),
        ({"entities": {}}, "sendMessage.entities: {} is no array"),
        ({"entities": "[5"}, "sendMessage.entities: '[5' is no []MessageEntity"),
    ],
)
async def test_violation_is_refused_and_recorded(
    sandbox: Sandbox, reader: Person, api: Api, params: dict[str, Any], violation: str
) -> None:
    answer = await api("sendMessage", chat_id=100, text="x", **params)
    assert not answer["ok"]
    assert violation in " ".join(sandbox.violations)
    sandbox.strict = False
    assert (await api("sendMessage", chat_id=100, text="x", **params))["ok"]
    assert len(sandbox.violations) >= 2


@pytest.mark.usefixtures("wrong_on_purpose")
async def test_missing_required_parameter_gets_telegrams_own_words(sandbox: Sandbox, api: Api) -> None:
    assert (await api("sendMessage", text="x"))["description"] == "Bad Request: chat_id is empty"
    assert sandbox.violations == ["sendMessage: required parameter 'chat_id' is missing"]


def test_wrong_answers_are_found() -> None:
    user = {"id": 1, "is_bot": False, "first_name": "x"}
    assert check_result("getMe", user) == []
    assert check_result("getMe", {**user, "age": 5}) == ["getMe -> result: User has no field 'age'"]
    assert check_result("getMe", {**user, "username": None}) == ["getMe -> result.username: None is no String"]
    assert check_result("deleteMessage", 1) == ["deleteMessage -> result: 1 is no True"]
    assert check_result("getUpdates", [5]) == ["getUpdates -> result[0]: 5 is no Update"]
    assert check_update({"update_id": 1}) == []
    press = {"id": "1", "from": user, "chat_instance": "1", "message": {"date": 0, "message_id": 5, "chat": {"id": 1}}}
    lacks = "update.callback_query.message.chat: Chat lacks 'type'"  # under the alternative that fits best
    assert check_update({"update_id": 1, "callback_query": press}) == [lacks]


def test_generator() -> None:
    assert compact("Array of A, B and C") == "[]A|[]B|[]C"
    assert compact("Array of Array of A") == "[][]A"
    assert compact("A or B") == "A|B"
    names = {name: {"name": name, "annotations": [], "description": "Returns True on success."} for name in METHODS}
    one = {"name": "x", "type": "Integer", "required": True}
    union = {"name": "Update", "annotations": [], "description": "One of\n - A\n - B"}
    parts = [{"name": name, "annotations": [one], "description": "x"} for name in "AB"]
    made = build({"api": {"version": "1"}, "items": [{"children": [*names.values(), union, *parts]}]})
    assert made["unions"] == {"Update": ["A", "B"]}
    assert made["types"] == {"A": {"x": "!Integer"}, "B": {"x": "!Integer"}}
    assert '"A": {"x": "!Integer"}' in dump(made)
