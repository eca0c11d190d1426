"""Faults by name: refusals, broken wires, and deeds that the ordinary rules then answer for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError, TelegramRetryAfter, TelegramServerError

from bot.clock import SteppableClock
from bot.sandbox import faults
from bot.sandbox.client import Person
from bot.sandbox.flood import FloodRule
from bot.sandbox.http import Sandbox
from bot.sandbox.model import ApiError

Api = Callable[..., Awaitable[dict[str, Any]]]


@pytest.mark.parametrize("name", list(faults.REFUSALS))
async def test_each_refusal_once(sandbox: Sandbox, reader: Person, api: Api, name: str) -> None:
    sandbox.fail(name)
    answer = await api("sendMessage", chat_id=100, text="x")
    expected = faults.REFUSALS[name]
    assert (answer["error_code"], answer["description"]) == (expected.code, expected.description)
    assert answer.get("parameters") == expected.parameters
    assert (await api("sendMessage", chat_id=100, text="x"))["ok"]


async def test_method_match_after_times(sandbox: Sandbox, reader: Person, api: Api) -> None:
    sandbox.people.add(101, started=True)
    sandbox.fail("chat_not_found", "sendMessage", {"chat_id": 101}, times=2, after=1)
    sandbox.fail(ApiError(400, "Bad Request: own"), match=lambda p: p.get("text") == "own")

    async def send(chat_id: int, text: str = "x") -> bool:
        return bool((await api("sendMessage", chat_id=chat_id, text=text))["ok"])

    assert [await send(100), await send(101), await send(101), await send(101)] == [True, True, False, False]
    assert not await send(100, "own")
    assert await send(101)
    assert sandbox.faults.armed == []
    with pytest.raises(ValueError, match="no fault 'nonsense'; there are"):
        sandbox.fail("nonsense")


async def test_lost_before_and_after(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    sandbox.fail("drop_before")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(100, "раз")
    assert sandbox.sent(100) == []
    sandbox.fail("drop_after")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(100, "два")
    assert [m["text"] for m in sandbox.sent(100)] == ["два"], "accepted, but the bot cannot know"
    assert [call.answer for call in sandbox.calls] == [None, None]


async def test_server_trouble(sandbox: Sandbox, reader: Person, bot: Bot, http: aiohttp.ClientSession) -> None:
    sandbox.fail("server_error")
    with pytest.raises(TelegramServerError):
        await bot.send_message(100, "x")
    sandbox.fail("html_body")
    async with http.get(f"{sandbox.url}/bot{sandbox.token}/getMe") as response:
        assert (response.status, response.content_type) == (502, "text/html")


async def test_latency_and_hang(sandbox: Sandbox, clock: SteppableClock, reader: Person, bot: Bot) -> None:
    sandbox.fail("latency", seconds=3)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(bot.send_message(100, "x"))
        while clock.next_wake() is None:  # noqa: ASYNC110 - the clock has no signal for "somebody sleeps"
            await asyncio.sleep(0.005)
        assert not sending.done()
        await clock.advance(3)
    sandbox.fail("hang")
    with pytest.raises(TelegramNetworkError, match="timeout"):
        await bot.send_message(100, "x", request_timeout=1)
    assert len(sandbox.sent(100)) == 1


async def test_deeds(sandbox: Sandbox, reader: Person, api: Api) -> None:
    group = sandbox.people.group(-7, "Редакция", admins=[reader], basic=True)
    forum = sandbox.people.group(-1007, "Форум", forum=True, admins=[reader])
    topic = sandbox.people.topic(forum, "Срочное")

    async def why(**params: Any) -> str:
        return str((await api("sendMessage", text="x", **params)).get("description"))

    sandbox.fail("block", after=1)
    assert [await why(chat_id=100) for _ in range(3)] == ["None"] + ["Forbidden: bot was blocked by the user"] * 2
    reader.unblock()
    sandbox.fail("migrate", match={"chat_id": -7})
    assert await why(chat_id=-7) == "Bad Request: group chat was upgraded to a supergroup chat"
    assert group.migrated_to
    assert await why(chat_id=group.migrated_to) == "None"
    sandbox.fail("close_topic")
    assert await why(chat_id=-1007, message_thread_id=topic) == "Bad Request: TOPIC_CLOSED"
    sandbox.fail("kick")
    assert await why(chat_id=-1007) == "Forbidden: bot was kicked from the supergroup chat"
    sandbox.fail("deactivate")
    assert await why(chat_id=100) == "Forbidden: user is deactivated"
    changes = [u.payload["new_chat_member"]["status"] for u in sandbox.machine.updates if u.kind == "my_chat_member"]
    assert changes[-3:] == ["kicked", "member", "kicked"]


async def test_flood_of_one_chat_spares_the_others(
    sandbox: Sandbox, clock: SteppableClock, reader: Person, bot: Bot
) -> None:
    sandbox.people.add(101, started=True)
    sandbox.fail("flood_chat", match={"chat_id": 100}, seconds=4)
    with pytest.raises(TelegramRetryAfter):
        await bot.send_message(100, "x")
    await bot.send_message(101, "x")
    await clock.advance(4)
    await bot.send_message(100, "x")


def sends(rule: FloodRule, per_second: float, seconds: float, chats: int, *, obedient: bool) -> int:
    """How many messages pass when a sender goes at an even rate, stopping or not when told to."""
    passed, now, step, hold = 0, 1000.0, 1 / per_second, 0.0
    for i in range(int(per_second * seconds)):
        now += step
        if obedient and now < hold:
            continue
        try:
            rule.admit(i % chats, now)
            passed += 1
        except ApiError as error:
            hold = now + (error.parameters or {})["retry_after"]
    return passed


def test_flood_rule() -> None:
    def fresh() -> FloodRule:
        return FloodRule(30, 1.0, 3, 20)

    assert sends(fresh(), 29, 60, 5000, obedient=True) == 29 * 60
    assert 0 < sends(fresh(), 60, 60, 5000, obedient=True) <= 30 * 60
    assert sends(fresh(), 60, 60, 5000, obedient=False) <= 60, "whoever goes on sending is held for good"
    assert sends(fresh(), 1, 60, 1, obedient=True) == 60
    group, passed = fresh(), 0
    for i in range(60):
        try:
            group.admit(-7, 1000.0 + i, group=True)
            passed += 1
        except ApiError:
            pass
    assert passed <= 21
    paid = FloodRule(30, None, 1, None)
    for i in range(500):
        paid.admit(i, 1000.0, paid=True)
    album = FloodRule(None, 1.0, 3, None)
    album.admit(1, 1000.0, count=10)
    with pytest.raises(ApiError, match="retry after"):
        album.admit(1, 1001.0)
