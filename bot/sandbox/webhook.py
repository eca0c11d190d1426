"""Pushes updates to the bot's webhook: one at a time per chat, many chats at once, again until it is taken."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from .methods import Machine
from .model import Clock, Params, Update

_TIMEOUT = aiohttp.ClientTimeout(total=60)
_MUTE = ("deletewebhook", "setwebhook", "get")  # not obeyed
_GONE_FOR = 23 * 3600.0  # answers of 410 for this long remove the webhook


class Pusher:
    """Delivers while a webhook is set. `call` runs a method that stands in a response's body."""

    def __init__(
        self, machine: Machine, clock: Clock, tasks: asyncio.TaskGroup, call: Callable[[str, Params], Awaitable[Any]]
    ) -> None:
        self.machine, self.clock, self.tasks, self.call = machine, clock, tasks, call
        self._queues: dict[tuple[str, int], deque[Update]] = {}
        self._slots = asyncio.Semaphore(1)  # as many as the webhook takes connections
        self._busy: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._url = ""
        self._gone_since: float | None = None
        self._session: aiohttp.ClientSession | None = None

    def heard(self, kind: str, chat_id: int, payload: Any) -> None:
        """The machine's listener: a new update, or perhaps another webhook."""
        if self.machine.webhook.url != self._url:
            self._restart()
        elif kind == "update" and self._url:
            self._offer(payload)

    def _restart(self) -> None:
        hook = self.machine.webhook
        self._url, self._gone_since = hook.url, None
        for task in self._busy.values():
            task.cancel()
        self._queues, self._busy, self._slots = {}, {}, asyncio.Semaphore(hook.max_connections)
        for update in self.machine.pending() if hook.url else ():
            self._offer(update)

    def _offer(self, update: Update) -> None:
        queue = self._queues.setdefault(update.key, deque())
        queue.append(update)
        if update.key not in self._busy:
            self._busy[update.key] = self.tasks.create_task(self._work(update.key, queue))

    async def _work(self, key: tuple[str, int], queue: deque[Update]) -> None:
        while queue:
            async with self._slots:
                await self._push(queue[0])
            self.machine.settle(queue.popleft())
        del self._queues[key], self._busy[key]

    async def _push(self, update: Update) -> None:
        """Until taken, or until its lifetime is over."""
        delay = 0.0
        while self.clock.now() < update.expires:
            done, wait = await self._attempt(update)
            if done:
                return
            await self.clock.sleep(delay if wait is None else min(wait, 3600.0))
            delay = min(max(1.0, delay * 2), self.machine.random.uniform(60, 120))

    async def _attempt(self, update: Update) -> tuple[bool, float | None]:
        hook = self.machine.webhook
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"}
        headers |= {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        body = json.dumps(update.to_json(), ensure_ascii=False).encode()
        self._session = self._session or aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.post(hook.url, data=body, headers=headers) as response:
                said = await response.read()
        except (aiohttp.ClientError, TimeoutError):
            hook.last_error = (self.clock.now(), "Webhook connection closed")
            return False, None
        self._gone_since = (self._gone_since or self.clock.now()) if response.status == 410 else None
        if 200 <= response.status < 300:
            await self._obey(said)
            return True, None
        hook.last_error = (self.clock.now(), f"Wrong response from the webhook: {response.status} {response.reason}")
        if self._gone_since and self.clock.now() - self._gone_since > _GONE_FOR:
            self.machine.delete_webhook({})
        after = response.headers.get("Retry-After", "")
        return False, float(after) if after.isdigit() else None

    async def _obey(self, body: bytes) -> None:
        """A method call in the response is executed; its result is seen by nobody."""
        try:
            asked = json.loads(body) if body.strip() else None
        except ValueError:
            return
        asked = asked if isinstance(asked, dict) else {}
        method = str(asked.pop("method", ""))
        if method and not method.lower().startswith(_MUTE):
            await self.call(method, asked)

    async def close(self) -> None:
        """Stop delivering."""
        for task in self._busy.values():
            task.cancel()
        if self._session:
            await self._session.close()
