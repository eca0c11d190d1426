"""A whole bot in virtual time: no sockets, no threads, no waiting, and nothing that a seed does not decide.

`play(seed, story)` runs a story on a loop whose time jumps to whatever is due next. SQLite works in the loop's own
thread, calls to Telegram go to the stand-in as function calls, feeds are asked of a function (`edges`). These are the
outermost edges; all between them is the product.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

import aiosqlite
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import TelegramNetworkError
from aiohttp import web
from aiohttp.client_exceptions import ServerDisconnectedError

from bot.feeds.fetch import Fetcher, Response
from bot.sandbox.http import Sandbox, _DroppedError
from bot.telegram import Session, Telegram

_T = TypeVar("_T")
START = 1_763_863_200.0
"""2025-11-23 02:00 UTC, 07:00 in Almaty: the quiet hours are about to end."""


class _Jumping(selectors.DefaultSelector):
    """Never waits: when nothing has happened, the loop's time goes on by what it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing is due any more, and everybody waits")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of the story."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the story began."""
        return self._jumping.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """At once: a thread would finish whenever it likes."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # as an executor hands it over
            future.set_exception(error)
        return future


class LoopClock:
    """The product's clock over the loop's time; `shift` moves the wall clock alone, and `true` is everybody else's."""

    def __init__(self, start: float = START) -> None:
        self.start, self.shift = start, 0.0

    @property
    def true(self) -> LoopClock:
        """A clock that nobody has set back."""
        return LoopClock(self.start)

    def now(self) -> float:
        return self.start + self.shift + self.monotonic()

    def leap(self, seconds: float) -> None:
        """The machine slept: so much has passed when it goes on."""
        asyncio.get_running_loop()._jumping.now += seconds  # type: ignore[attr-defined]

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, deadline: float) -> None:
        await asyncio.sleep(max(0.0, deadline - self.monotonic()))

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        if event.is_set():
            return True
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await event.wait()
        except TimeoutError:
            return False

    def agree(self, now: float) -> None:
        """The story's time is nobody's but its own."""


Site = Callable[[str, str, str], Awaitable[Response]]
"""Answers an address, ETag and Last-Modified; raises `FeedError`."""


@contextmanager
def determined(seed: int) -> Iterator[None]:
    """Whatever is drawn at random in here follows from the seed, generators that were given none included."""
    source = random.Random(seed)
    seeded = random.Random.seed

    def seed_of(self: random.Random, a: Any = None, version: int = 2) -> None:
        seeded(self, source.getrandbits(64) if a is None else a, version)

    with ExitStack() as stack:
        stack.enter_context(patch.object(os, "urandom", lambda size: random.Random.randbytes(source, size)))
        stack.enter_context(patch.object(random.Random, "seed", seed_of))
        state = random.getstate()
        stack.callback(random.setstate, state)
        random.seed(source.getrandbits(64))
        yield


class _AtOnce:
    """The queue of an aiosqlite connection, whose work is done when it is handed in; others get the loop afterwards."""

    def put_nowait(self, work: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        """See `queue.SimpleQueue`."""
        future, function = work
        try:
            result = function()
            if future:
                future.get_loop().call_soon(_settle, future, result, None)
        except BaseException as error:  # noqa: BLE001  # as a thread hands it over
            if future:
                future.get_loop().call_soon(_settle, future, None, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if not future.done():
        future.set_exception(error) if error else future.set_result(result)


class _NoThread:
    """Starts nothing."""

    name = "none"

    def __init__(self, target: Any, args: Any) -> None:
        pass

    def start(self) -> None:
        """See `threading.Thread`."""


@contextmanager
def at_once() -> Iterator[None]:
    """SQLite without threads: a statement takes no time."""
    with patch.object(aiosqlite.core, "SimpleQueue", _AtOnce), patch.object(aiosqlite.core, "Thread", _NoThread):
        yield


@contextmanager
def edges(sandbox: Sandbox, site: Site, delay: Callable[[], float]) -> Iterator[None]:
    """Telegram, feeds and SQLite without sockets and threads. `delay` is a call's way there and back, in seconds."""

    async def answered(method: str, params: dict[str, Any], uploads: dict[str, tuple[str, bytes]]) -> tuple[int, bytes]:
        await asyncio.sleep(delay() / 2)
        try:
            envelope = await sandbox.call(method, params, uploads)
        except web.HTTPException as page:
            return page.status, (page.text or "").encode()
        await asyncio.sleep(delay() / 2)
        return envelope.get("error_code", 200), json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()

    async def reply(self: AiohttpSession, bot: Bot, method: Any, timeout: int | None = None) -> Any:
        files: dict[str, Any] = {}
        given = {
            name: self.prepare_value(value, bot=bot, files=files)
            for name, value in method.model_dump(warnings=False).items()
        }
        params = {name: value for name, value in given.items() if value}
        uploads = {
            name: (file.filename or "", b"".join([part async for part in file.read(bot)]))
            for name, file in files.items()
        }
        try:
            status, content = await answered(method.__api_method__, params, uploads)
        except _DroppedError:
            raise TelegramNetworkError(method=method, message="ServerDisconnectedError") from None
        checked = self.check_response(bot=bot, method=method, status_code=status, content=content.decode())
        return checked.result

    async def post(self: Session, bot: Bot, method: str, body: bytes) -> tuple[int, bytes]:
        try:
            return await answered(method, json.loads(body), {})
        except _DroppedError:
            raise ServerDisconnectedError from None

    async def call(
        self: Telegram, method: str, params: dict[str, Any], *, seconds: float = 20.0
    ) -> tuple[int, dict[str, Any]]:
        try:
            async with asyncio.timeout(seconds):
                status, content = await answered(method, params, {})
            return status, json.loads(content)
        except (_DroppedError, ValueError):
            raise OSError(f"no answer to {method}") from None

    async def fetch(self: Fetcher, url: str, *, etag: str = "", last_modified: str = "", **more: Any) -> Response:
        await asyncio.sleep(delay())
        return await site(url, etag, last_modified)

    with ExitStack() as stack:
        stack.enter_context(at_once())
        for where, name, what in (
            (AiohttpSession, "make_request", reply),
            (Session, "post", post),
            (Telegram, "call", call),
            (Fetcher, "fetch", fetch),
        ):
            stack.enter_context(patch.object(where, name, what))
        yield


async def _whole(file: Any, bot: Bot) -> bytes:
    return b"".join([part async for part in file.read(bot)])


def play(seed: int, story: Callable[[LoopClock, random.Random], Coroutine[Any, Any, _T]]) -> _T:
    """Run the story in virtual time."""
    with determined(seed), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story(LoopClock(), random.Random(seed)))
