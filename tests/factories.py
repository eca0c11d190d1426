"""Things that several tests need: a feed site over real HTTP, readers by the thousand, a running bot."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cache
from hashlib import md5
from html import escape
from pathlib import Path
from time import process_time
from typing import Any

from aiohttp import web

from bot import app
from bot.clock import Clock, RealClock
from bot.domain.delivery import Audience, Kind, Lane
from bot.domain.desk import Content, Draft, DraftState, Way
from bot.domain.post import Post, RichText
from bot.sandbox.http import Sandbox
from bot.settings import DEFAULT_SECTIONS, Desk, FeedConfig, Newsroom, Rates, Settings
from bot.settings_env import NO_ENV
from bot.settings_file import Secret
from storage import Storage, open_storage
from storage.posts import change

OWNER = 9001
_ready: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on, below those that Linux gives to connections: one of these may be taken the moment
    after."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class FeedSite:
    """A newsroom's site: `publish` puts items into its feed, `fail` makes it answer with that status."""

    url: str = ""
    items: list[str] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    """When each request came, by the clock of `now`."""
    now: Callable[[], float] = RealClock().now
    polled: asyncio.Condition = field(default_factory=asyncio.Condition)

    def publish(
        self, title: str, *, category: str = "Спорт", guid: str = "", lead: str = "Коротко о главном.", at: float = 0
    ) -> str:
        """Put an item at the top of the feed; its guid."""
        guid = guid or f"id-{len(self.items)}-{md5(title.encode()).hexdigest()[:6]}"
        date = f"<pubDate>{formatdate(at)}</pubDate>" if at else ""
        self.items.insert(
            0,
            f'<item><guid isPermaLink="false">{guid}</guid><link>{self.url}/{guid}</link><title>{escape(title)}</title>'
            f"<description>{escape(lead)}</description><category>{category}</category>{date}</item>",
        )
        return guid

    def document(self) -> bytes:
        """The feed as it is now."""
        head = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Дала</title>'
        return (head + "".join(self.items) + "</channel></rss>").encode()

    async def answer(self, request: web.Request) -> web.Response:
        """A feed with an ETag."""
        self.requests.append(dict(request.headers))
        self.moments.append(self.now())
        async with self.polled:
            self.polled.notify_all()
        if self.status != 200:
            return web.Response(status=self.status, headers=self.headers)
        body = self.document() if self.body is None else self.body
        etag = f'"{md5(body).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=body, content_type="application/rss+xml", headers={"ETag": etag, **self.headers})

    async def polls(self, more: int = 1) -> None:
        """Wait until the feed has been asked that many more times."""
        wanted = len(self.requests) + more
        async with asyncio.timeout(60), self.polled:
            await self.polled.wait_for(lambda: len(self.requests) >= wanted)

    async def primed(self) -> None:
        """Wait until the bot comes back with what it has stored of a first look: from now on news are sent."""
        async with asyncio.timeout(60), self.polled:
            await self.polled.wait_for(lambda: any("If-None-Match" in headers for headers in self.requests))


@asynccontextmanager
async def feed_site() -> AsyncIterator[FeedSite]:
    """A site on loopback whose every address is its feed."""
    site = FeedSite()
    server = web.Application()
    server.router.add_get("/{tail:.*}", site.answer)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()


def settings_for(sandbox: Sandbox, site: FeedSite | None, database_url: str, **changes: Any) -> Settings:
    """A newsroom with the eight sections, whose owner is `OWNER`, asking its one Russian feed each second."""
    base = Settings(
        newsroom=Newsroom(name="Дала", url="https://dala.example", owners=(OWNER,), self_credits=("Дала",)),
        rates=Rates(url=""),
        desk=Desk(countdown=1),
        sections=DEFAULT_SECTIONS,
        feeds=(FeedConfig(f"{site.url}/rss", language="ru", interval=1),) if site else (),
        env=replace(
            NO_ENV,
            bot_token=Secret(sandbox.token),
            bot_api_url=sandbox.url,
            database_url=Secret(database_url),
            http_listen=None,
            fetch_allow_private=True,
        ),
        path=Path("/nowhere/newsdesk.toml"),
    )
    return replace(base, **changes)


@asynccontextmanager
async def running(
    settings: Settings, *, clock: Clock | None = None, **options: Any
) -> AsyncIterator[asyncio.Task[None]]:
    """The whole bot in this process; stopped gracefully at the end."""
    stop, ready = asyncio.Event(), asyncio.Event()
    work = app.run(settings, clock=clock or RealClock(), stop=stop, ready=ready.set, **options)
    task = asyncio.get_running_loop().create_task(work)
    waiting = asyncio.get_running_loop().create_task(ready.wait())
    try:
        await asyncio.wait((task, waiting), timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield task
    finally:
        waiting.cancel()
        stop.set()
        await asyncio.wait((task,), timeout=30)
        if not task.cancelled() and task.done() and task.exception():
            raise task.exception()  # type: ignore[misc]


@cache
def _template() -> bytes:
    """A SQLite database of this version with nothing in it: migrating one costs as much as ten copies."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        path = Path(folder) / "newsdesk.db"

        async def make() -> None:
            await (await open_storage(f"sqlite:///{path}")).close()

        thread.submit(lambda: asyncio.run(make())).result()  # a fixture is asked for while the test's own loop runs
        return path.read_bytes()


def sqlite_at(path: Path) -> str:
    """The address of a migrated, empty SQLite database, made there."""
    path.write_bytes(_template())
    return f"sqlite:///{path}"


async def drafted(
    storage: Storage, text: str = "Мост закрыт", *, author: int = 9, now: int = 1, **changes: Any
) -> Draft:
    """A whole draft, breaking news unless `changes` (of its content) say otherwise."""
    content = replace(Content(Way.BREAKING, "ru", {"ru": RichText(text)}), **changes)
    return await storage.drafts.begin(author, author, content, DraftState.DRAFT, now=now)


async def launched(
    storage: Storage, post: Post, audience: Audience, *, now: int = 5, due: int = 10, **changes: Any
) -> int:
    """A broadcast that counts down, as the newsroom's own system may start it; its id."""
    wanted = {"by": 0, "solo": False, "lane": Lane.BREAKING, "total": 0, "start": 0.0, **changes}
    draft = await drafted(storage, now=now)
    id_ = await storage.broadcasts.launch(draft, post, audience, due=due, now=now, **wanted)
    assert id_
    return id_


async def subscribe(storage: Storage, chats: range, sections: int, *, language: str = "ru") -> None:
    """Readers by the thousand: active, with these sections and breaking news on."""
    await storage.engine.many(
        "INSERT INTO reader (chat_id, language, state, sections, breaking, joined_at, consent_at, changed_at)"
        " VALUES (:chat, :language, 'active', :sections, 1, 0, 0, 0)",
        [(chat, language, sections) for chat in chats],
    )


async def correct(storage: Storage, post: Post, *, lane: Lane = Lane.BREAKING, now: int) -> list[int] | None:
    """Give a post the words that it has here; the broadcasts that follow."""
    async with storage.engine.transaction() as db:
        return await change(db, post, Kind.EDIT, lane, now)


async def withdraw(storage: Storage, post: Post, *, lane: Lane = Lane.BREAKING, now: int) -> list[int] | None:
    """Take a post back; the broadcasts that follow."""
    async with storage.engine.transaction() as db:
        return await change(db, post, Kind.DELETE, lane, now)


@dataclass
class Zygote:
    """The forking process, and the bots that it made."""

    process: subprocess.Popen[bytes]
    bots: list[int] = field(default_factory=list)

    async def bot(
        self,
        sandbox: Sandbox,
        database_url: str,
        folder: Path,
        config: str,
        *,
        only: Sequence[str] = ("send",),
        lease: int = 4,
        die: str = "",
        skew: float = 0.0,
        **environ: str,
    ) -> int:
        """Start a bot; its pid. `die` is "before|after noun.method": it kills itself at that storage call;
        "call N": at its N-th call of the database or of Telegram. `skew`: by how many seconds its machine's clock is
        ahead."""
        (folder / "newsdesk.toml").write_text(config, encoding="utf-8")
        environ = {
            **environ,
            "BOT_TOKEN": sandbox.token,
            "BOT_API_URL": sandbox.url,
            "DATABASE_URL": database_url,
            "NEWSDESK_CONFIG": "newsdesk.toml",
            "HTTP_LISTEN": environ.get("HTTP_LISTEN", ""),
            "FETCH_ALLOW_PRIVATE": "1",
        }
        request = {"environ": environ, "cwd": str(folder), "only": only, "lease": lease, "die": die, "skew": skew}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        self.bots.append(int(await asyncio.to_thread(self.process.stdout.readline)))
        return self.bots[-1]


@cache
def _imported() -> subprocess.Popen[bytes]:
    """One for all tests of this process: its imports take three seconds. It is not measured, since who is killed tells
    nothing of its lines; it ends when its input does."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.zygote"], stdin=-1, stdout=-1, cwd=Path(__file__).parents[1], env=environ
    )
    assert process.stdin
    atexit.register(process.wait)
    atexit.register(process.stdin.close)
    return process


@asynccontextmanager
async def zygote() -> AsyncIterator[Zygote]:
    """Everything imported, ready to fork. No bot outlives the test, whatever becomes of it."""
    process = _imported()
    if process.pid not in _ready:
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
        _ready.add(process.pid)
    made = Zygote(process)
    try:
        yield made
    finally:
        for pid in made.bots:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    async with asyncio.timeout(90):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.02)


def growth(work: Callable[[str], object], bait: str) -> float:
    """How many times the processor time grows when hostile text gets eight times as long."""

    def cost(length: int) -> float:
        text = bait * (length // len(bait))
        began = process_time()
        work(text)
        return process_time() - began

    return cost(48_000) / max(0.0005, *(cost(6_000) for _ in range(3)))
