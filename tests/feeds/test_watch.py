"""The watcher over real HTTP and real databases: what becomes a post, what stays silent, and what a fault repeats."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from unittest.mock import patch

import pytest
from aiohttp import web

from bot.domain.post import PostState
from bot.feeds import watch
from bot.feeds.watch import WatchedFeed
from tests.feeds.watching import CULTURE, NOW, SPORT, WORLD, ZONE, Desk, at_statement, busy, served_by


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
