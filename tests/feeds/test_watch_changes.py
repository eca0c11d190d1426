"""What becomes of published articles: edits, withdrawals, pictures, and what the desk is told of a feed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from aiohttp import web

from bot.domain.delivery import Audience, Broadcast, Kind, Lane
from bot.domain.post import PostState
from bot.feeds.watch import WatchedFeed
from tests.factories import subscribe
from tests.feeds.watching import NOW, ZONE, Desk, served_by


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
