"""The HTTP front: every way to send a request, envelopes, long polls and their conflicts, the file server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramConflictError

from bot.clock import RealClock, SteppableClock
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox

Api = Callable[..., Awaitable[dict[str, Any]]]


def form(**fields: str) -> aiohttp.FormData:
    made = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        made.add_field(name, value)
    return made


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT"])
@pytest.mark.parametrize(
    "request_parts",
    [
        {"params": {"chat_id": "100", "text": "привет"}},
        {"data": {"chat_id": "100", "text": "привет"}},
        {"json": {"chat_id": 100, "text": "привет"}},
        {"json": {"chat_id": "100"}, "params": {"text": "привет"}},
        {"multipart": {"chat_id": "100", "text": "привет"}},
    ],
)
async def test_every_kind_of_request(
    sandbox: Sandbox, reader: Person, http: aiohttp.ClientSession, verb: str, request_parts: dict[str, Any]
) -> None:
    parts = dict(request_parts)
    if "multipart" in parts:
        parts = {"data": form(**parts["multipart"])}
    url = f"{sandbox.url}/bot{sandbox.token}/SENDmessage"
    async with http.request(verb, url, **parts) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert (await response.json())["result"]["text"] == "привет"


async def test_lenient_values_and_method_in_arguments(
    sandbox: Sandbox, reader: Person, http: aiohttp.ClientSession
) -> None:
    url = f"{sandbox.url}/bot{sandbox.token}/"
    given = {"method": "sendMessage", "chat_id": "100", "text": "x", "disable_notification": " Yes "}
    async with http.post(url, data=given) as response:
        assert (await response.json())["ok"]
    assert reader.chat()[-1]["silent"] is True
    async with http.get(f"{sandbox.url}/bot{sandbox.token}/test/getMe") as response:
        me = (await response.json())["result"]
        assert (me["is_bot"], me["can_join_groups"], me["can_manage_bots"]) == (True, True, False)


@pytest.mark.parametrize(
    ("path", "status", "description"),
    [
        ("/", 404, "Not Found"),
        ("/bot1", 404, "Not Found"),
        ("/bot1/getMe", 401, "Unauthorized: invalid token specified"),
        ("/bot0:x/getMe", 401, "Unauthorized: invalid token specified"),
        ("/bot5:" + "x" * 90 + "/getMe", 401, "Unauthorized: invalid token specified"),
        ("/bot5:short/getMe", 401, "Unauthorized"),
        ("/bot5:" + "x" * 35 + "/getMe", 401, "Unauthorized"),
        ("/file/bot5:" + "x" * 35 + "/photos/x", 401, "Unauthorized"),
    ],
)
async def test_paths_and_tokens(
    sandbox: Sandbox, http: aiohttp.ClientSession, path: str, status: int, description: str
) -> None:
    async with http.get(sandbox.url + path) as response:
        assert response.status == status
        assert await response.json() == {"ok": False, "error_code": status, "description": description}


@pytest.mark.parametrize(
    ("kind", "body", "description"),
    [
        ("application/json", b"[1]", "JSON object expected"),
        ("application/json", b"{", None),
        ("application/json", b'{"chat_id": 100, "text": "\\ud800"}', "strings must be encoded in UTF-8"),
        ("application/json", b'{"text": "\xff"}', "strings must be encoded in UTF-8"),
        ("application/x-www-form-urlencoded", b"chat_id=100&text=%ff", "strings must be encoded in UTF-8"),
        ("multipart/form-data", b"x", None),
    ],
)
async def test_broken_bodies(
    sandbox: Sandbox, http: aiohttp.ClientSession, kind: str, body: bytes, description: str | None
) -> None:
    url = f"{sandbox.url}/bot{sandbox.token}/sendMessage"
    async with http.post(url, data=body, headers={"Content-Type": kind}) as response:
        answer = await response.json()
        assert response.status == answer["error_code"] == 400
        assert answer["description"].startswith(f"Bad Request: {description or chr(99) + 'an'}")


async def test_too_many_parameters(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    url = f"{sandbox.url}/bot{sandbox.token}/sendMessage"
    async with http.post(url, data=form(text="x" * 600_000, caption="x" * 600_000)) as response:
        assert response.status == 413
    async with http.get(f"{sandbox.url}/file/bot{sandbox.token}/photos/none.png") as response:
        assert response.status == 404


async def test_offsets(sandbox: Sandbox, reader: Person, api: Api) -> None:
    for i in range(5):
        await reader.send(str(i))

    async def ids(**params: Any) -> list[int]:
        return [u["update_id"] for u in (await api("getUpdates", **params))["result"]]

    first = (await ids())[0]
    assert await ids(limit=2) == [first, first + 1]
    assert await ids(offset=first + 2) == [first + 2, first + 3, first + 4]
    assert await ids() == [first + 2, first + 3, first + 4], "what is confirmed is forgotten"
    assert await ids(offset=first + 100_000) == [first + 2, first + 3, first + 4], "an offset from the future is none"
    assert await ids(offset=-1) == [first + 4]
    assert await ids(offset=first + 5) == []
    await reader.send("next")
    assert await ids(offset=first + 5) == [first + 5]


async def test_allowed_updates_filter_when_created(sandbox: Sandbox, reader: Person, api: Api) -> None:
    sent = await api("sendMessage", chat_id=100, text="x")

    async def kinds(**params: Any) -> list[str]:
        found = (await api("getUpdates", **params))["result"]
        return [next(k for k in u if k != "update_id") for u in found]

    assert await kinds(allowed_updates=["message_reaction"]) == []
    await reader.send("не дойдёт")
    reader.react(sent["result"], "👍")
    assert await kinds() == ["message_reaction"], "kept from the call before"
    assert await kinds(allowed_updates=[]) == ["message_reaction"]
    reader.react(sent["result"], None)
    await reader.send("дойдёт")
    assert await kinds() == ["message_reaction", "message"]


async def test_updates_expire(sandbox: Sandbox, clock: SteppableClock, reader: Person, api: Api) -> None:
    markup = {"inline_keyboard": [[{"text": "⋯", "callback_data": "m"}]]}
    sent = await api("sendMessage", chat_id=100, text="x", reply_markup=markup)
    await reader.send("долго")
    await reader.tap(sent["result"], "⋯", wait=False)
    assert len((await api("getUpdates"))["result"]) == 2
    await clock.advance(151)
    assert len((await api("getUpdates"))["result"]) == 1
    await clock.advance(86_400)
    assert (await api("getUpdates"))["result"] == []


async def test_waiting_poll_is_woken(sandbox: Sandbox, reader: Person, bot: Bot) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(bot.get_updates(timeout=30))
        await sandbox.until(lambda: sandbox._poll._waiting)
        await reader.send("привет")
    assert [u.message.text for u in poll.result() if u.message] == ["привет"]


async def test_older_poll_gets_the_conflict(sandbox: Sandbox, reader: Person, bot: Bot, api: Api) -> None:
    async with asyncio.TaskGroup() as tasks:
        older = tasks.create_task(api("getUpdates", timeout=30))
        await sandbox.until(lambda: sandbox._poll._waiting)
        newer = tasks.create_task(bot.get_updates(timeout=30))
        conflict = await older
        await reader.send("привет")
    assert conflict["error_code"] == 409
    assert conflict["description"].startswith("Conflict: terminated by other getUpdates request; make sure")
    assert len(newer.result()) == 1
    await reader.send("ещё")
    assert len(await bot.get_updates(timeout=30)) == 2, "a call that can answer at once disturbs nobody"


async def test_webhook_and_polling_exclude_each_other(sandbox: Sandbox, bot: Bot, api: Api) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(api("getUpdates", timeout=30))
        await sandbox.until(lambda: sandbox._poll._waiting)
        was_set = await api("setWebhook", url="http://127.0.0.1:9/hook")
    assert was_set["description"] == "Webhook was set"
    assert (await poll)["description"] == "Conflict: terminated by setWebhook request"
    with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    assert (await api("setWebhook", url="http://127.0.0.1:9/hook"))["description"] == "Webhook is already set"
    assert (await api("setWebhook", url="http://127.0.0.1:9/other"))["parameters"] == {"retry_after": 1}
    assert (await api("deleteWebhook"))["description"] == "Webhook was deleted"
    assert (await api("deleteWebhook"))["description"] == "Webhook is already deleted"


async def test_empty_poll_and_anti_spin(http: aiohttp.ClientSession) -> None:
    async with Sandbox(RealClock()) as sandbox:
        person = sandbox.people.add(100)
        url = f"{sandbox.url}/bot{sandbox.token}/getUpdates"

        async def poll() -> int:
            async with http.get(url) as response:
                return len((await response.json())["result"])

        assert await poll() == 0
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(poll())
            await sandbox.until(lambda: sandbox._poll._waiting)
            await person.send("a")
            await person.send("b")
        assert second.result() == 1, "asked again at once with the same offset: made to wait, limit 1"


async def test_flood_header(sandbox: Sandbox, reader: Person, http: aiohttp.ClientSession) -> None:
    sandbox.fail("flood_chat", seconds=7)
    url = f"{sandbox.url}/bot{sandbox.token}/sendMessage"
    async with http.post(url, json={"chat_id": 100, "text": "x"}) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
        answer = json.loads(await response.read())
    assert list(answer) == ["ok", "error_code", "description", "parameters"]
    assert answer["description"] == "Too Many Requests: retry after 7"


async def test_a_taken_port_leaves_nothing_behind(sandbox: Sandbox, clock: SteppableClock) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await Sandbox(clock, port=sandbox.port).__aenter__()
