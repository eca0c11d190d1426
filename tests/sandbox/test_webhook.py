"""Pushing updates: the secret, order per chat, chats in parallel, retries until taken, calls in the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from bot.clock import SteppableClock
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox

Api = Callable[..., Awaitable[dict[str, Any]]]


class Hook:
    """A bot's webhook whose answers a test decides."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.headers: list[str | None] = []
        self.status: list[int] = []
        self.reply: dict[str, Any] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.Response:
        update = await request.json()
        self.headers.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        async with self.arrived:
            self.got.append((update["message"]["chat"]["first_name"], update["message"]["text"]))
            self.arrived.notify_all()
        await self.gate.wait()
        if self.status:
            return web.Response(status=self.status.pop(0))
        return web.json_response(self.reply) if self.reply else web.Response()

    async def until(self, count: int) -> list[tuple[str, str]]:
        async with asyncio.timeout(60), self.arrived:
            await self.arrived.wait_for(lambda: len(self.got) >= count)
        return self.got


@asynccontextmanager
async def serving(hook: Hook) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", hook.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def test_secret_order_and_parallel_chats(sandbox: Sandbox, api: Api) -> None:
    anna, olga = sandbox.people.add(1, name="Анна"), sandbox.people.add(2, name="Ольга")
    await anna.send("до")
    hook = Hook()
    hook.gate.clear()
    async with serving(hook) as url:
        await api("setWebhook", url=url, secret_token="s-1")
        await anna.send("раз")
        await olga.send("сама")
        assert sorted(await hook.until(2)) == [("Анна", "до"), ("Ольга", "сама")], "one in flight per chat"
        hook.gate.set()
        assert (await hook.until(3))[2] == ("Анна", "раз")
        await sandbox.until(lambda: not sandbox.machine.updates)
        assert set(hook.headers) == {"s-1"}
        info = (await api("getWebhookInfo"))["result"]
        assert (info["url"], info["pending_update_count"], info["max_connections"]) == (url, 0, 40)
        await api("deleteWebhook")


async def test_retries_until_taken(sandbox: Sandbox, clock: SteppableClock, reader: Person, api: Api) -> None:
    hook = Hook()
    hook.status = [502, 500, 503]
    async with serving(hook) as url:
        await api("setWebhook", url=url)
        await reader.send("важное")
        await reader.send("второе")
        await hook.until(2)  # the first repetition comes at once, the next after 1 s of the clock
        await _sleeping(clock)
        info = (await api("getWebhookInfo"))["result"]
        assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"
        assert info["pending_update_count"] == 2
        await clock.advance(1)
        await hook.until(3)
        await _sleeping(clock)
        await clock.advance(2)
        said = [text for _, text in await hook.until(5)]
        assert said == ["важное"] * 4 + ["второе"]
        await api("deleteWebhook")


async def test_gives_up_when_the_update_is_old(
    sandbox: Sandbox, clock: SteppableClock, reader: Person, api: Api
) -> None:
    await api("setWebhook", url="http://127.0.0.1:9/nobody")
    await reader.send("пропадёт")
    await _sleeping(clock)
    assert (await api("getWebhookInfo"))["result"]["last_error_message"] == "Webhook connection closed"
    await clock.advance(86_500)
    await sandbox.until(lambda: not sandbox.machine.updates)
    await api("deleteWebhook")


async def test_a_call_in_the_answer_is_executed(sandbox: Sandbox, reader: Person, api: Api) -> None:
    hook = Hook()
    hook.reply = {"method": "sendMessage", "chat_id": 100, "text": "сразу"}
    async with serving(hook) as url:
        await api("setWebhook", url=url, allowed_updates=["message"])
        await reader.send("привет")
        assert (await reader.next())["text"] == "сразу"
        hook.reply = {"method": "deleteWebhook"}
        await reader.send("ещё")
        await sandbox.until(lambda: not sandbox.machine.updates)
        info = (await api("getWebhookInfo"))["result"]
        assert (info["url"], info["allowed_updates"]) == (url, ["message"])
        await api("deleteWebhook", drop_pending_updates=True)


async def test_gone_for_a_day_removes_the_webhook(
    sandbox: Sandbox, clock: SteppableClock, reader: Person, api: Api
) -> None:
    hook = Hook()
    hook.status = [410] * 10_000
    async with serving(hook) as url:
        await api("setWebhook", url=url)
        await reader.send("x")
        await _sleeping(clock)
        await clock.advance(23 * 3600 + 1)
        await sandbox.until(lambda: not sandbox.machine.webhook.url)


async def _sleeping(clock: SteppableClock) -> None:
    """Until the pusher waits for its next attempt (its connection attempt is real I/O)."""
    async with asyncio.timeout(60):
        while clock.next_wake() is None:  # noqa: ASYNC110 - the clock has no signal for "somebody sleeps"
            await asyncio.sleep(0.01)
