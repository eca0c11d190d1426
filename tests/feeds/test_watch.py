"""The watcher over real HTTP and real databases: what becomes a post, what stays silent, and what a fault repeats."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp import web

from bot.clock import SteppableClock
from bot.domain.delivery import Audience, Broadcast, Kind, Lane
from bot.domain.errors import StorageBusy
from bot.domain.post import PostState
from bot.feeds import watch
from bot.feeds.watch import WatchedFeed
from bot.feeds.worker import FeedReader
from storage import Storage, open_storage
from tests.factories import feed_site, subscribe
from tests.feeds.watching import CULTURE, NOW, SPORT, WORLD, ZONE, Desk, desk_on, served_by

NEVER = 10.0**9
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def both(storage: Storage) -> AsyncIterator[Desk]:
    """On each engine."""
    async with desk_on(storage) as desk:
        yield desk


@pytest.fixture
async def desk(sqlite_storage: Storage) -> AsyncIterator[Desk]:
    """Where the database is not the subject."""
    async with desk_on(sqlite_storage) as desk:
        yield desk


async def test_the_first_poll_primes_and_then_news_wait_in_their_sections(both: Desk) -> None:
    both.site.publish("Вчерашняя новость", at=NOW - 3600)
    state = await both.poll()
    assert (await both.titles(PostState.STORED), both.woken) == (["Вчерашняя новость"], 0)
    assert (state.primed_at, state.title, state.problem) == (NOW + 60, "Дала", "")

    both.site.publish("Сборная выиграла", lead="Об этом сообщает Дала. Счёт 3:1, сообщает Reuters.")
    both.site.publish("Открылась выставка", category="Культура")
    both.site.publish("Неизвестно о чём", category="Разное")
    await both.poll()
    assert both.woken == 1
    sport, culture = await both.posts(PostState.WAITING)
    assert (sport.title, sport.sections, sport.language, sport.everybody) == ("Сборная выиграла", SPORT, "ru", False)
    assert sport.lead == "Счёт 3:1, сообщает Reuters."
    assert (culture.title, culture.sections) == ("Открылась выставка", CULTURE)
    assert await both.titles(PostState.UNSORTED) == ["Неизвестно о чём"]


async def test_a_feed_of_one_section_and_without_a_language(desk: Desk) -> None:
    await desk.restart(WatchedFeed(f"{desk.site.url}/rss", ZONE, section="world"))
    await desk.poll()
    desk.site.publish("Бүгін Алматыда жаңа көпір ашылды", lead="Қала әкімдігі хабарлады.")
    await desk.poll()
    (post,) = await desk.posts()
    assert (post.sections, post.language, post.everybody) == (SPORT | WORLD, "kk", True)


async def test_304_and_equal_bytes_change_nothing_but_the_schedule(desk: Desk) -> None:
    desk.site.publish("Матч")
    before = await desk.poll()
    with patch.object(desk.reader, "read", side_effect=AssertionError("nothing is to be read")):
        after = await desk.poll()
        assert desk.site.requests[-1]["If-None-Match"] == before.etag
        assert after == replace(before, checked_at=NOW + 120, ok_at=NOW + 120, next_at=NOW + 180)
    assert (len(await desk.posts()), desk.woken) == (1, 0)


@pytest.mark.parametrize("status", [200, 304])
async def test_a_validator_that_rotates_is_the_one_to_send_next(desk: Desk, status: int) -> None:
    sent: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        sent.append(request.headers.get("If-None-Match", ""))
        answer = status if sent[-1] else 200
        return web.Response(
            status=answer, body=desk.site.document() if answer == 200 else None, headers={"ETag": f'"{len(sent)}"'}
        )

    async with served_by(handler) as url:
        await desk.restart(WatchedFeed(f"{url}/rss", ZONE, "ru"))
        for _ in range(3):
            await desk.poll()
    assert sent == ["", '"1"', '"2"']


async def test_an_edit_raises_the_version_and_the_next_one_waits_its_turn(both: Desk) -> None:
    await both.poll()
    guid = both.site.publish("Мост открыт", at=NOW)
    await both.poll()
    both.site.items.clear()
    both.site.publish("Мост наконец открыт", guid=guid, at=NOW)
    await both.poll()
    (post,) = await both.posts()
    assert (post.title, post.version) == ("Мост наконец открыт", 2)

    both.site.items.clear()
    both.site.publish("Мост закрыт снова", guid=guid, at=NOW)
    state = await both.poll()
    assert (state.etag, state.body_hash) == ("", "")  # look again although the document stays the same
    assert (await both.posts())[0].version == 2
    await both.poll()
    await both.poll()
    (post,) = await both.posts()
    assert (post.title, post.version) == ("Мост закрыт снова", 3)
    assert both.woken == 1


async def test_one_article_in_two_feeds_at_the_same_moment_is_one_post_in_both_sections(both: Desk) -> None:
    await both.restart(*(WatchedFeed(f"{both.site.url}/{s}", ZONE, "ru", s, 60) for s in ("sport", "culture")))
    await asyncio.gather(both.poll(0), both.poll(1))
    both.site.publish("Балет на льду", category="", at=NOW)
    await asyncio.gather(both.poll(0), both.poll(1))
    (post,) = await both.posts()
    assert (post.sections, post.version) == (SPORT | CULTURE, 1)
    assert [(post.id, 0)] == [(post.id, served) for post, served in await both.storage.posts.waiting()]


async def test_twice_in_one_document_is_one_post_in_both_sections(desk: Desk) -> None:
    await desk.poll()
    guid = desk.site.publish("Балет на льду", category="Спорт")
    desk.site.publish("Балет на льду", guid=guid, category="Культура")
    await desk.poll()
    assert [post.sections for post in await desk.posts()] == [SPORT | CULTURE]


async def test_a_section_gained_later_is_sent_to_that_sections_readers_only(both: Desk) -> None:
    await both.poll()
    guid = both.site.publish("Балет на льду", at=NOW)
    await both.poll()
    await both.served()
    both.site.items.clear()
    both.site.publish("Балет на льду: видео", guid=guid, category="Культура", at=NOW)  # edited and moved at once
    await both.poll()
    ((post, served),) = await both.storage.posts.waiting()
    assert (post.sections, served, post.version, both.woken) == (SPORT | CULTURE, SPORT, 2, 2)


async def test_a_feed_added_later_and_old_articles_gain_their_sections_silently(both: Desk) -> None:
    await both.poll()
    for n in range(3):
        both.site.publish(f"Балет на льду, часть {n}", at=NOW)
    both.site.publish("Чья-то тайна", category="", at=NOW)
    await both.poll()
    await both.served()
    await both.restart(*both.configs, WatchedFeed(f"{both.site.url}/culture", ZONE, "ru", "culture", 60))
    await both.poll(1)
    assert not await both.storage.posts.waiting()
    rows = await both.storage.engine.fetch("SELECT sections, served, state FROM post ORDER BY id")
    assert [tuple(row) for row in rows] == [(3, 3, "published")] * 3 + [(2, 0, "stored")]
    await both.restart(replace(both.configs[0], section="world"))
    both.site.publish("Свежее", at=NOW + 90_000)
    await both.poll(after=90_000)  # now all the others are older than a day
    assert [post.title for post, _ in await both.storage.posts.waiting()] == ["Свежее"]


async def test_a_flood_is_held_for_the_desk(desk: Desk) -> None:
    await desk.poll()
    for n in range(10):
        desk.site.publish(f"Спорт: событие номер {n}", at=NOW - 1000 + n)
        desk.site.publish(f"Культура: событие номер {n}", category="Культура", at=NOW - 1000 + n)
    desk.site.publish("Неизвестно о чём", category="Разное")
    await desk.poll()
    assert await desk.titles(PostState.WAITING) == []
    assert await desk.titles(PostState.UNSORTED) == ["Неизвестно о чём"]
    (flood,) = await desk.storage.queue.floods()
    assert (flood.n, len(await desk.storage.queue.of_flood(flood.id))) == (20, 20)
    desk.site.publish("Обычная новость", at=NOW + 100)
    await desk.poll()
    assert await desk.titles(PostState.WAITING) == ["Обычная новость"]


async def test_a_section_feed_that_was_away_brings_a_flood_for_its_section(desk: Desk) -> None:
    await desk.restart(desk.configs[0], WatchedFeed(f"{desk.site.url}/culture", ZONE, "ru", "culture", 60))
    await desk.poll(0)
    await desk.poll(1)
    for n in range(20):
        desk.site.publish(f"Событие номер {n}", at=NOW - 1000 + n)
        await desk.poll(0, after=1)
    await desk.served()
    await desk.poll(1)
    assert await desk.storage.posts.waiting() == []
    (flood,) = await desk.storage.queue.floods()
    held = await desk.storage.queue.of_flood(flood.id)
    assert [one.post.title for one in held] == [f"Событие номер {n}" for n in reversed(range(20))]
    assert {(one.post.sections, one.served) for one in held} == {(SPORT | CULTURE, SPORT)}


async def test_undated_items_keep_the_order_of_events(desk: Desk) -> None:
    await desk.poll()
    for title in ("первая", "вторая", "третья"):
        desk.site.publish(f"Новость {title}")
    await desk.poll()
    assert await desk.titles(PostState.WAITING) == ["Новость первая", "Новость вторая", "Новость третья"]


async def test_failures_back_off_and_recovery_is_at_once(desk: Desk) -> None:
    await desk.poll()
    desk.site.status = 500
    waits = []
    for _ in range(3):
        state = await desk.poll()
        waits.append(state.next_at - desk.clock.now())
        assert state.problem == "http: the server answered 500"
    assert [round(wait / 60) for wait in waits] == pytest.approx([2, 4, 8], rel=0.25)
    desk.site.status = 200
    desk.site.publish("Снова здесь")
    state = await desk.poll()
    assert (state.failures, state.problem, state.next_at - desk.clock.now()) == (0, "", 60)
    assert await desk.titles(PostState.WAITING) == ["Снова здесь"]


async def test_retry_after_is_obeyed(desk: Desk) -> None:
    desk.site.status, desk.site.headers = 429, {"Retry-After": "1000"}
    state = await desk.poll()
    assert 1000 <= state.next_at - desk.clock.now() <= 1101


async def test_the_hint_of_a_document_outlives_a_304(desk: Desk) -> None:
    await desk.restart(replace(desk.configs[0], interval=None))
    desk.site.body = b"<rss version='2.0'><channel><title>x</title><ttl>20</ttl></channel></rss>"
    await desk.poll()
    state = await desk.poll(after=4000)
    assert state.next_at - desk.clock.now() == 20 * 60


async def test_410_stops_for_good_even_after_a_restart(desk: Desk) -> None:
    desk.site.status = 410
    await asyncio.wait_for(
        desk.watcher._keep_asking(desk.feeds[0], {one.config: one for one in desk.feeds}, desk.reader), 5
    )
    await desk.restart()
    await asyncio.wait_for(
        desk.watcher._keep_asking(desk.feeds[0], {one.config: one for one in desk.feeds}, desk.reader), 5
    )
    assert (len(desk.site.requests), desk.feeds[0].state.problem) == (1, "gone: the server answered 410")


async def test_a_permanent_move_is_believed_after_three_polls(desk: Desk) -> None:
    asked: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/old":
            return web.Response(status=301, headers={"Location": "/new"})
        return web.Response(body=desk.site.document())

    async with served_by(handler) as url:
        await desk.restart(WatchedFeed(f"{url}/old", ZONE, "ru", interval=60))
        for _ in range(3):
            await desk.poll()
        assert asked == ["/old", "/new"] * 3
        await desk.restart()
        desk.site.publish("С нового места")
        state = await desk.poll()
        assert (asked[6:], state.moved_to, state.url) == (["/new"], f"{url}/new", f"{url}/old")
    assert await desk.titles(PostState.WAITING) == ["С нового места"]


@pytest.mark.parametrize(("status", "failures"), [(404, 3), (410, 1)])
async def test_a_move_that_leads_to_nothing_any_more_is_forgotten(desk: Desk, status: int, failures: int) -> None:
    asked: list[str] = []
    dead = False

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/new" and dead:
            return web.Response(status=status)
        if request.path == "/new" or dead:
            return web.Response(body=desk.site.document())
        return web.Response(status=301, headers={"Location": "/new"})

    async with served_by(handler) as url:
        await desk.restart(WatchedFeed(f"{url}/old", ZONE, "ru", interval=60))
        for _ in range(4):
            await desk.poll()
        dead, asked[:] = True, []
        for _ in range(failures):
            assert (await desk.poll()).gone_at is None
        desk.site.publish("На старом месте")
        state = await desk.poll()
    assert (asked, state.moved_to, state.problem) == (["/new"] * failures + ["/old"], "", "")
    assert await desk.titles(PostState.WAITING) == ["На старом месте"]


async def test_a_truncated_document_gives_its_whole_entries_and_is_read_again(desk: Desk) -> None:
    before = await desk.poll()
    desk.site.publish("Вторая половина")
    desk.site.publish("Первая половина")
    whole = desk.site.document()
    desk.site.body = whole[: whole.rindex(b"<item>") + 60]
    state = await desk.poll()
    assert (state.etag, state.body_hash) == (before.etag, before.body_hash)
    assert await desk.titles(PostState.WAITING) == ["Первая половина"]
    desk.site.body = None
    await desk.poll()
    assert await desk.titles(PostState.WAITING) == ["Первая половина", "Вторая половина"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty: "),
        (b"<html><head><title>x</title></head><body>soon</body></html>", "not_feed: "),
        (b'<!DOCTYPE html><html><link rel="alternate" type="application/rss+xml" href="/feed"></html>', "/feed"),
        (b"\x00\xff" * 1000, "not_feed: "),
        (b"<rss version='2.0'><channel><item" + b" a=''" * 20_000 + b"/></channel></rss>", "parse: "),
    ],
)
async def test_what_is_no_feed_is_a_problem_and_keeps_the_state(desk: Desk, body: bytes, problem: str) -> None:
    desk.site.publish("Первая")
    before = await desk.poll()
    desk.site.body = body
    state = await desk.poll()
    assert problem in state.problem
    assert (state.etag, state.body_hash, state.primed_at, state.failures) == (
        before.etag,
        before.body_hash,
        before.primed_at,
        1,
    )
    desk.site.body = None
    desk.site.publish("Вторая")
    await desk.poll()
    assert await desk.titles(PostState.WAITING) == ["Вторая"]


@contextmanager
def at_statement(storage: Storage, n: int, deed: Callable[[], None]) -> Iterator[list[int]]:
    """Do the deed before the n-th statement that the storage runs; the list holds how many it ran."""
    count = [0]
    kind = type(storage.engine)
    statements: Any = sys.modules[kind.__module__]._Statements  # both engines have it

    def counting(inner: Any) -> Any:
        async def statement(connection: Any, *args: Any, **params: Any) -> Any:
            count[0] += 1
            if count[0] == n:
                deed()
            return await inner(connection, *args, **params)

        return statement

    with ExitStack() as patches:
        for name in ("fetch", "write", "many"):
            patches.enter_context(patch.object(statements, name, counting(getattr(statements, name))))
        patches.enter_context(patch.object(kind, "batch", counting(kind.batch)))
        yield count


def busy() -> None:
    raise StorageBusy("database is busy: injected")


def cancelled() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()


@pytest.mark.parametrize("deed", [busy, cancelled])
async def test_a_fault_at_any_statement_loses_nothing_and_doubles_nothing(both: Desk, deed: Callable[[], None]) -> None:
    await both.poll()
    edited = both.site.publish("Новость до правки", at=NOW)
    await both.poll()
    for n in itertools.count(1):
        both.site.items.pop()
        both.site.publish(f"Правка номер {n}", guid=edited, at=NOW)
        both.site.items.append(both.site.items.pop(0))  # the edited one stays the last
        both.site.publish(f"Первая из пары {n}", at=NOW + n)
        both.site.publish(f"Вторая из пары {n}", category="Культура", at=NOW + n)
        with at_statement(both.storage, n, deed) as count, suppress(asyncio.CancelledError):
            await both.poll(after=180)
        if deed is cancelled:
            await both.restart()
        for _ in range(2):
            await both.poll(after=180)
        posts = await both.posts()
        assert sorted(post.title for post in posts[1:]) == sorted(
            f"{name} из пары {m}" for name in ("Первая", "Вторая") for m in range(1, n + 1)
        )
        assert posts[0].title.startswith("Правка номер")
        if count[0] < n:
            break
    assert n > 3  # so many statements there were


async def test_cancelled_anywhere_in_fetching_and_reading(desk: Desk) -> None:
    """Steps of the loop instead of statements: the poll is cancelled ever later until it gets through."""
    await desk.poll()
    desk.site.publish("Единственная", lead="слово " * 20_000)  # read by the worker process
    for steps in itertools.chain(range(1, 40, 3), range(40, 400, 40)):
        task = asyncio.get_running_loop().create_task(desk.poll())
        for _ in range(steps):
            await asyncio.sleep(0)  # steps of the loop, not time
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await desk.restart()
    await desk.poll()
    assert await desk.titles() == ["Единственная"]


async def test_a_bug_that_one_document_brings_out_stops_no_other_feed(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.restart(*(WatchedFeed(f"{desk.site.url}/{n}", ZONE, "ru", interval=60) for n in range(2)))
    with patch.object(watch, "recognise", side_effect=ZeroDivisionError):
        state = await desk.poll(0)
    assert (state.next_at - desk.clock.now(), "brought out a bug" in caplog.text) == (3600, True)
    desk.site.publish("Дальше")
    assert (await desk.poll(1)).primed_at
    assert (await desk.poll(0)).primed_at


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


async def sent_to_one_reader(desk: Desk) -> None:
    """What waits has gone to a reader as message 77."""
    await subscribe(desk.storage, [1], 1)
    posts = await desk.posts(PostState.WAITING)
    now = int(desk.clock.now())
    id_ = await desk.storage.broadcasts.publish(
        posts, Audience(sections=1), key="k", lane=Lane.REGULAR, total=1, start=0, now=now
    )
    await desk.storage.deliveries.settle([], [], worker="w", until=now, now=now, sent=[(id_, 1, 77, 1, 0)])


async def edits(desk: Desk) -> list[Broadcast]:
    return [one for one in await desk.storage.broadcasts.open() if one.kind is Kind.EDIT]


@pytest.mark.parametrize(
    ("setting", "title", "followed"),
    [
        ("material", "Шесть раненых", True),
        ("material", "«Пять» раненых", False),
        ("all", "ПЯТЬ раненых", True),
        ("channels", "Шесть раненых", False),
    ],
)
async def test_which_edits_of_an_article_readers_copies_follow(
    desk: Desk, setting: str, title: str, followed: bool
) -> None:
    desk.edits = setting
    await desk.poll()
    guid = desk.site.publish("Пять раненых", at=NOW)
    await desk.poll()
    await sent_to_one_reader(desk)
    desk.site.items.clear()
    desk.site.publish(title, guid=guid, at=NOW)
    await desk.poll()
    assert [post.title for post in await desk.posts()] == [title], "whoever is still to come gets it anyway"
    assert [(edit.lane, edit.version) for edit in await edits(desk)] == ([(Lane.EDITS, 2)] if followed else [])


async def test_a_hectic_newsroom_edits_copies_two_minutes_apart_and_five_times(both: Desk) -> None:
    await both.poll()
    guid = both.site.publish("Версия 0", at=NOW)
    await both.poll()
    await sent_to_one_reader(both)
    versions = []
    for n in range(1, 13):  # each minute another headline
        both.site.items.clear()
        both.site.publish(f"Версия {n}", guid=guid, at=NOW)
        await both.poll(after=60)
        (edit,) = await edits(both)
        versions.append(edit.version)
    assert versions == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 6, 6], "the first at once"


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


async def test_what_a_poll_shows_the_desk_is_told(desk: Desk) -> None:
    async def told() -> dict[str, dict[str, Any]]:
        return {one.cause: one.detail for one in await desk.storage.alarms.take(now=int(desk.clock.now()))}

    for n in range(12):
        desk.site.publish(f"Вчерашняя новость {n}", at=NOW - 90_000 - n)
    await desk.poll()
    assert await told() == {}
    desk.site.publish("Неизвестно о чём", category="Разное")
    desk.site.publish("Из будущего", at=NOW + 90_000)
    desk.site.body = desk.site.document().replace("Разное".encode(), "Раз".encode() + b"\xff")
    await desk.poll()
    assert await told() == {
        "repaired": {"n": 1}, "future": {"n": 1}, "unsorted": {"n": 1, "title": "Неизвестно о чём"},
    }  # fmt: skip
    desk.site.body = None
    desk.site.items[:] = desk.site.items[-2:]
    await desk.poll()
    assert await told() == {"shrank": {"items": 2, "usual": 14}}
    for n in range(20):
        desk.site.publish(f"После перерыва {n}", at=NOW + n)
    await desk.poll()
    assert await told() == {}
    desk.site.status = 410
    await desk.poll()
    assert await told() == {"gone": {"kind": "gone", "status": 410}}


def issue(desk: Desk, numbers: Iterable[int]) -> None:
    """The feed as it is now: those articles, a higher number is newer."""
    desk.site.items.clear()
    for n in sorted(numbers):
        desk.site.publish(f"Сегодня в городе событие номер {n}", guid=f"news-{n}", at=NOW - 3000 + n)


async def proposed(desk: Desk) -> list[str]:
    return [one.title.rpartition(" ")[2] for one in await desk.storage.articles.proposals()]


async def test_an_article_that_is_taken_out_is_proposed_to_be_withdrawn(both: Desk) -> None:
    issue(both, range(20))
    await both.poll()
    issue(both, range(10, 30))
    await both.poll()
    await both.served()
    issue(both, [*range(9, 25), *range(26, 30)])  # 25 is gone, and what had slid off is back
    state = await both.poll()
    assert (state.etag, state.body_hash) == ("", ""), "look again although the document stays the same"
    assert await proposed(both) == []
    issue(both, range(9, 31))
    await both.poll(after=700)
    await both.served()
    issue(both, [*range(9, 25), *range(26, 31)])
    await both.poll()
    assert await proposed(both) == [], "it was back meanwhile"
    await both.poll(after=300)
    state = await both.poll(after=301)
    assert await proposed(both) == ["25"]
    assert state.etag
    (alarm,) = await both.storage.alarms.take(now=int(both.clock.now()))
    assert (alarm.cause, alarm.detail["title"][-2:]) == ("vanished", "25")
    await both.poll(after=3600)
    assert await both.storage.alarms.take(now=int(both.clock.now())) == []


@pytest.mark.parametrize(
    "left",
    [range(29, 30), [*range(10, 20), *range(24, 30)], range(15, 30), [0, 1, *range(12, 31)]],
    ids=["a cache cut it", "many at once", "the bottom slid off", "two old ones are pinned"],
)
async def test_what_only_looks_like_a_withdrawal(desk: Desk, left: Iterable[int]) -> None:
    issue(desk, range(20))
    await desk.poll()
    issue(desk, range(10, 30))
    await desk.poll()
    await desk.served()
    issue(desk, left)
    for _ in range(3):
        await desk.poll(after=700)
    assert await proposed(desk) == []


async def test_a_tombstone_is_believed_at_once(desk: Desk) -> None:
    def atom(*entries: str, dead: str = "") -> bytes:
        found = "".join(
            f"<entry><id>urn:{one}</id><title>Сегодня {one} открылся мост</title><link href='https://n.test/{one}'/>"
            f"<category term='Спорт'/></entry>"
            for one in entries
        )
        stone = f"<at:deleted-entry ref='urn:{dead}' when='2025-11-23T05:00:00Z'/>" if dead else ""
        head = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:at='http://purl.org/atompub/tombstones/1.0'><title>Д</title>"
        return (head + stone + found + "</feed>").encode()

    desk.site.body = atom("a")
    await desk.poll()
    desk.site.body = atom("b", "a")
    await desk.poll()
    await desk.served()
    desk.site.body = atom("a", dead="b")
    await desk.poll()
    (alarm,) = await desk.storage.alarms.take(now=int(desk.clock.now()))
    assert alarm.detail["title"] == "Сегодня b открылся мост"
    assert len(await desk.storage.articles.proposals()) == 1


async def test_what_stands_in_a_feed_for_more_than_a_year_is_never_forgotten(both: Desk) -> None:
    both.site.publish("О редакции и о том, как с ней связаться")
    await both.poll()
    for month in range(1, 15):
        await both.poll(after=29 * 86_400)
        both.watcher._rng.random()
        await both.storage.articles.prune(int(both.clock.now()) - 365 * 86_400)
        assert len(await both.posts()) == 1, month
    await both.restart()
    both.site.publish("Первая новость за год", at=both.clock.now())
    await both.poll()
    assert await both.titles(PostState.WAITING) == ["Первая новость за год"]
    assert len([one for one in both.site.requests if "If-None-Match" not in one]) == 15


async def test_a_picture_of_the_page_for_an_article_that_has_none(desk: Desk) -> None:
    page = b"<html><head><meta property='og:image' content='/most.jpg'></head></html>"
    pages: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/rss":
            return web.Response(body=desk.site.document())
        pages.append(request.path)
        return web.Response(body=page, status=200 if "most" in request.path else 404)

    async with served_by(handler) as url:
        desk.site.url = url
        await desk.restart(WatchedFeed(f"{url}/rss", ZONE, "ru", interval=60))
        desk.watcher._pictured = lambda section: section == "sport"
        desk.site.publish("Старая новость", guid="old", at=NOW)
        await desk.poll()
        desk.site.publish("Мост открыт", guid="most", at=NOW)
        desk.site.publish("Страницы нет", guid="nothing", at=NOW)
        await desk.poll()
        assert pages == ["/nothing", "/most"] or pages == ["/nothing"], pages
        images = {post.title: post.image for post in await desk.posts()}
        desk.site.publish("Мост открыт снова", guid="most-2", at=NOW)
        await desk.poll()
        images |= {post.title: post.image for post in await desk.posts()}
        assert images["Мост открыт снова"] == f"{url}/most.jpg"
        desk.site.items[0] = desk.site.items[0].replace("снова", "в третий раз")
        await desk.poll(after=180)
        edited = next(post for post in await desk.posts() if post.version == 2)
        assert (edited.title, edited.image) == ("Мост открыт в третий раз", f"{url}/most.jpg")
        assert pages.count("/most-2") == 1


async def test_a_redirect_to_another_host_is_told_even_of_equal_bytes(desk: Desk) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/old":
            return web.Response(
                status=302, headers={"Location": str(request.url.with_host("localhost").with_path("/new"))}
            )
        return web.Response(body=desk.site.document())

    async with served_by(handler) as url:
        await desk.restart(WatchedFeed(f"{url}/old", ZONE, "ru", interval=60))
        for _ in range(2):
            await desk.poll()
            (alarm,) = await desk.storage.alarms.take(now=int(desk.clock.now()))
            assert (alarm.cause, alarm.detail) == ("redirect", {"host": "localhost"})
            await desk.storage.alarms.give_back(alarm)
