"""A newsroom of several real processes on one PostgreSQL, and a balancer before those that talk."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from aiohttp import web

from bot.domain.article import Article
from bot.domain.feed import Found, Poll
from bot.sandbox.http import Sandbox
from storage import Storage, open_storage
from tests.factories import FeedSite, Zygote, gone, subscribe, zygote

SECRET = "s3cret-secret"


@dataclass
class Balancer:
    """Brings each request to the next process that takes it; each fourth to two, as when an answer is lost."""

    url: str = ""
    targets: list[str] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    _n: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._n += 1
        wanted, answers = 2 if self._n % 4 == 0 else 1, []
        async with aiohttp.ClientSession() as session:
            for n in range(len(self.targets)):
                target = self.targets[(self._n + n) % len(self.targets)]
                with suppress(aiohttp.ClientError):
                    async with session.post(target + request.path, data=body, headers=request.headers) as answer:
                        answers.append(answer.status)
                        self.answered[target] += answer.status == 200
                if answers.count(200) >= wanted:
                    break
        return web.Response(status=200 if 200 in answers else 503)


@asynccontextmanager
async def balancer(*targets: str) -> AsyncIterator[Balancer]:
    made = Balancer(targets=list(targets))
    server = web.Application()
    server.router.add_post("/{tail:.*}", made.answer)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


@dataclass
class House:
    """The newsroom: `start` forks a process with some services, and knows it by a name of the test's."""

    sandbox: Sandbox
    url: str
    folder: Path
    config: str
    forks: Zygote
    storage: Storage
    lease: int
    pids: dict[str, int] = field(default_factory=dict)

    async def start(self, name: str, only: str, url: str = "", **options: Any) -> int:
        pid = await self.forks.bot(
            self.sandbox, url or self.url, self.folder, self.config, only=only.split(","), lease=self.lease, **options
        )
        self.pids[name] = pid
        return pid

    async def up(self, name: str) -> bool:
        """Wait until its services run; whether it has not ended before that."""
        pid = self.pids[name]
        async with asyncio.timeout(60):
            while not (self.folder / f"ready-{pid}").exists():
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    return False
                await asyncio.sleep(0.05)
        return True

    async def kill(self, name: str) -> float:
        """kill -9; the moment at which that was."""
        pid = self.pids.pop(name)
        os.kill(pid, signal.SIGKILL)
        at = monotonic()
        await gone(pid)
        return at

    async def stop(self) -> None:
        """End all of them well."""
        for pid in self.pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
        for pid in self.pids.values():
            await gone(pid)
        self.pids.clear()

    async def leader(self, name: str) -> str:
        """The worker that leads this, "" for none."""
        now = int(await self.storage.meta.time() * 1000)
        rows = await self.storage.engine.fetch("SELECT owner, until FROM leader WHERE name = :name", name=name)
        return str(rows[0][0]) if rows and rows[0][1] > now else ""

    def named(self, worker: str) -> str:
        """The test's name of a worker: its name begins with its pid."""
        return next((name for name, pid in self.pids.items() if worker.partition("-")[0] == str(pid)), "")

    async def until(self, condition: Callable[[], Awaitable[object]], timeout: float = 20.0) -> float:
        """Ask the database until it is so; the moment at which that was."""
        async with asyncio.timeout(timeout):
            while not await condition():  # noqa: ASYNC110 - another process can only be asked
                await asyncio.sleep(0.02)
        return monotonic()

    async def led(self, name: str, *, other_than: str = "") -> str:
        """Wait until a process that runs here leads this; its name."""
        found = ""

        async def is_led() -> bool:
            nonlocal found
            found = self.named(await self.leader(name))
            return bool(found) and found != other_than

        await self.until(is_led)
        return found

    async def leased(self, pid: int) -> int:
        """How many blocks a process's leases are of."""
        rows = await self.storage.engine.fetch("SELECT COUNT(*) FROM lease WHERE worker LIKE :who", who=f"{pid}-%")
        return int(rows[0][0])

    async def publish(self, title: str) -> None:
        """A post that waits for all readers."""
        (feed,) = await self.storage.feeds.watch(["https://dala.example/rss"])
        now = int(await self.storage.meta.time())
        article = Article(0, feed.id, title, "Коротко.", f"{feed.url}/{title}", "ru", 1, now, published_at=now)
        await self.storage.feeds.save_poll(
            Poll(feed, (Found(article, (title,), publish=True, everybody=True),)), now=now
        )

    async def done(self, timeout: float = 60.0) -> None:
        """Wait until nothing waits and nothing is on its way."""

        async def is_done() -> bool:
            return not await self.storage.broadcasts.open() and not await self.storage.posts.waiting()

        await self.until(is_done, timeout)

    def copies(self, words: str, chats: range) -> list[int]:
        """How often each of these readers has it."""
        return [sum(words in (message.get("text") or "") for message in self.sandbox.sent(chat)) for chat in chats]


@asynccontextmanager
async def house(
    sandbox: Sandbox, site: FeedSite | None, url: str, folder: Path, *, readers: int, lease: int = 2, rate: int = 300,
    stride: int = 0,
) -> AsyncIterator[House]:  # fmt: skip
    """A newsroom on PostgreSQL with so many readers, whose ids lie `stride` apart: several blocks of a few."""
    storage = await open_storage(url)
    await storage.meta.section_bits(["sport"])
    await subscribe(storage, range(1, readers + 1), 1)
    if stride:
        await storage.engine.write(f"UPDATE reader SET id = -chat_id * {stride}")
        await storage.engine.write("UPDATE reader SET id = -id")
    for chat in range(1, readers + 1):
        sandbox.people.add(chat, started=True)
    feed = f'[[feeds]]\nurl = "{site.url}/rss"\nlanguage = "ru"\ninterval = 1\n' if site else ""
    config = (
        f'[newsroom]\nname = "Дала"\nowners = [9001]\n[delivery]\nmessages_per_second = {rate}\n[rates]\nurl = ""\n'
    )
    sections = '[[sections]]\nid = "sport"\nname = { ru = "Спорт" }\nmatch = ["спорт"]\n'
    async with zygote() as forks:
        made = House(sandbox, url, folder, config + sections + feed, forks, storage, lease)
        try:
            yield made
        finally:
            await made.stop()
            await storage.close()
