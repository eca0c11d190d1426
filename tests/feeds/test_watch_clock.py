"""When feeds are asked: the watcher at work on a clock that jumps, its schedule, restarts and what hangs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiohttp import web

from bot.clock import SteppableClock
from bot.domain.post import PostState
from bot.feeds import watch
from bot.feeds.watch import WatchedFeed
from bot.feeds.worker import FeedReader
from storage import open_storage
from tests.factories import feed_site
from tests.feeds.watching import CULTURE, NOW, ZONE, Desk, at_statement, busy, served_by

NEVER = 10.0**9
ROOT = Path(__file__).resolve().parents[2]


HUNG = "127.0.0.2"
"""The host of a server that does not answer: time goes on without it."""


async def until(desk: Desk, done: Callable[[], bool]) -> None:
    """Let time jump from sleeper to sleeper until it is so. It stands still while a feed is asked and read, however
    slow the machine is: what is asked, and when, depends on the clock only."""
    clock = desk.clock
    async with asyncio.timeout(60):
        while not done():
            wake = clock.next_wake()
            if wake is not None and wake - clock.monotonic() < NEVER / 2:
                await clock.advance(wake - clock.monotonic())
            for _ in range(20):
                await asyncio.sleep(0)  # whoever woke gets as far as asking
            await asyncio.sleep(0.001)
            while any(HUNG not in url for url in desk.asking) and not done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[list[float]]:
    """The watcher at work; the list gets what it notices."""
    noticed: list[float] = []
    desk.watcher._noticed = noticed.append
    check, stop = desk.watcher.check, asyncio.Event()

    async def counted(feed: Any, reader: FeedReader) -> None:
        desk.asking.append(feed.config.url)
        try:
            await check(feed, reader)
        finally:
            desk.asking.remove(feed.config.url)

    # what editors add is looked up when woken only: the time between two looks is no time of the feeds
    with patch.object(watch, "LOOK", NEVER), patch.object(desk.watcher, "check", counted):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(desk.watcher.run(stop))
            try:
                yield noticed
            finally:
                stop.set()


async def test_an_interval_is_kept_exactly_and_a_restart_keeps_the_next_check(desk: Desk) -> None:
    asked: list[float] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(desk.clock.now() - NOW)
        return web.Response(body=desk.site.document(), headers={"Cache-Control": "max-age=900"})

    async with served_by(handler) as url:
        await desk.restart(WatchedFeed(f"{url}/rss", ZONE, "ru", interval=7))
        async with running(desk) as noticed:
            await until(desk, lambda: len(asked) >= 4)
        assert asked == [0, 7, 14, 21]
        assert noticed == [NOW + second for second in asked]
        await desk.restart()
        async with running(desk):
            await until(desk, lambda: len(asked) >= 6)
    assert asked == [0, 7, 14, 21, 28, 35]


async def test_no_herd_after_a_restart(desk: Desk) -> None:
    configs = [WatchedFeed(f"{desk.site.url}/{n}", ZONE, "ru", interval=600 + 60 * n) for n in range(20)]
    await desk.restart(*configs)
    await asyncio.gather(*(desk.poll(n, after=0) for n in range(20)))
    await desk.restart()
    async with running(desk):
        await until(desk, lambda: len(desk.site.requests) >= 23)
    assert [at - NOW for at in desk.site.moments[20:23]] == [600, 660, 720]


async def test_no_herd_after_a_night_off(desk: Desk) -> None:
    configs = [WatchedFeed(f"{desk.site.url}/{n}", ZONE, "ru", interval=600) for n in range(40)]
    await desk.restart(*configs)
    assert [feed.state.next_at - NOW for feed in desk.feeds] == [0] * 16 + [1] * 16 + [2] * 8
    await desk.poll(39, after=0)
    await desk.clock.advance(86_400)
    await desk.restart()
    assert [feed.state.next_at - NOW - 86_400 for feed in desk.feeds] == [0] * 15 + [1] * 16 + [2] * 8 + [0]


async def test_after_the_clock_went_back_feeds_are_asked_at_once(desk: Desk) -> None:
    await desk.poll(after=86_400)
    desk.clock = SteppableClock(NOW)
    await desk.restart()
    assert desk.feeds[0].state.next_at == NOW


async def test_a_hanging_server_delays_nobody_else(desk: Desk) -> None:
    hold = asyncio.Event()
    asked: list[str] = []

    async def hanging(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        answer = web.StreamResponse()
        await answer.prepare(request)
        while not hold.is_set():  # dripping
            await answer.write(b" ")
            with suppress(TimeoutError):
                await asyncio.wait_for(hold.wait(), 0.05)
        return answer

    async with served_by(hanging, HUNG) as bad:
        good = WatchedFeed(f"{desk.site.url}/rss", ZONE, "ru", interval=5)
        await desk.restart(*(WatchedFeed(f"{bad}/{n}", ZONE, "ru") for n in range(watch.PARALLEL + 4)), good)
        async with running(desk):
            await until(desk, lambda: len(asked) == 2 and len(desk.site.requests) >= 1)
            desk.site.publish("Без задержки")
            published = len(desk.site.requests)
            await until(desk, lambda: len(desk.site.requests) >= published + 2)
            assert await desk.titles() == ["Без задержки"]
            assert len(asked) == 2  # two at once to one host
            hold.set()


async def test_a_start_waits_for_the_database(desk: Desk) -> None:
    desk.site.publish("Потом")
    with at_statement(desk.storage, 1, busy):
        async with running(desk):
            await until(desk, lambda: bool(desk.site.requests))
    assert desk.site.moments[0] == NOW + 10


async def test_kill_9_repeats_polls_only(tmp_path: Path) -> None:
    """The real program, killed whenever a new document has left the server, then left alone."""
    async with feed_site() as site:
        (tmp_path / "newsdesk.toml").write_text(f'[[feeds]]\nurl = "{site.url}/rss"\nlanguage = "ru"\ninterval = 1\n')
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "FETCH_ALLOW_PRIVATE": "1", "HTTP_LISTEN": ""}

        async def start() -> asyncio.subprocess.Process:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", "--only", "watch", cwd=tmp_path, env=env, stderr=-3
            )

        for n in range(3):
            program = await start()
            await site.polls(2 if n == 0 else 1)
            site.publish(f"Новость номер {n}")
            await site.polls(1)
            program.kill()
            await program.wait()
        program = await start()
        await site.polls(2)
        program.terminate()
        assert await asyncio.wait_for(program.wait(), 20) == 0
    storage = await open_storage(f"sqlite:///{tmp_path}/newsdesk.db")
    try:
        assert [post.title for post, _ in await storage.posts.waiting()] == [f"Новость номер {n}" for n in range(3)]
    finally:
        await storage.close()


async def test_a_feed_that_an_editor_adds_is_watched_at_once_and_one_that_is_paused_rests(desk: Desk) -> None:
    asked: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=desk.site.document())

    async with served_by(handler) as url, running(desk):
        await desk.storage.feeds.add(f"{url}/added", "culture", now=NOW)
        desk.watcher.wake()
        await until(desk, lambda: len(asked) >= 2)
        desk.site.publish("Балет на льду", category="")
        published = len(asked)
        await until(desk, lambda: len(asked) >= published + 2)
        (added,) = await desk.storage.feeds.added()
        await desk.storage.feeds.pause(added.id, NOW)
        desk.watcher.wake()
        polled = len(desk.site.requests) + 3
        await until(desk, lambda: len(desk.site.requests) >= polled)
        resting = len(asked)
        await until(desk, lambda: len(desk.site.requests) >= polled + 3)
        assert len(asked) == resting
        await desk.storage.feeds.pause(added.id, None)
        desk.watcher.wake()
        await until(desk, lambda: len(asked) > resting)
    assert ("Балет на льду", CULTURE) in [(post.title, post.sections) for post in await desk.posts(PostState.WAITING)]
