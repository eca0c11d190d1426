"""Articles that the CMS brings: the same article as a feed's, edited by whoever knows it best; feeds looked at now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.domain.article import Entry
from bot.domain.errors import StorageError
from bot.domain.post import PostState, Rendering
from bot.ops.intake import CMS, Intake
from bot.settings import Newsroom, Settings
from storage import Storage
from tests.feeds.watching import CULTURE, NOW, SECTIONS, SPORT, Desk, desk_on


@pytest.fixture
async def desk(sqlite_storage: Storage) -> AsyncIterator[Desk]:
    async with desk_on(sqlite_storage) as made:
        yield made


def entry(desk: Desk, guid: str = "id-1", title: str = "Финал кубка прошёл в Шымкенте", **changes: object) -> Entry:
    """As the site's feed would bring it."""
    link = f"{desk.site.url}/{guid}"
    fields = {"lead": "Коротко о главном.", "categories": ("Спорт",), "published": int(desk.clock.now()) - 60}
    return Entry(guid=guid, link=link, title=title, **{**fields, **changes})  # type: ignore[arg-type]


def intake(desk: Desk) -> Intake:
    rules = Settings(newsroom=Newsroom(self_credits=("Дала",)))
    no_text = Rendering("sendMessage", {"text": ""})
    return Intake(desk.storage, rules, SECTIONS, desk.clock, wake=lambda: None, render=lambda post, code: no_text)


async def test_new_then_known_by_the_feed_too(desk: Desk) -> None:
    await desk.poll()  # the first look sends nothing
    assert await intake(desk).take(entry(desk)) == "new"
    assert await desk.titles(PostState.WAITING) == ["Финал кубка прошёл в Шымкенте"]
    assert await intake(desk).take(entry(desk)) == "known"
    desk.site.publish("Финал кубка прошёл в Шымкенте", guid="id-1", at=desk.clock.now() - 60)
    await desk.poll()
    assert len(await desk.posts()) == 1
    (post,) = await desk.posts()
    assert (post.sections, post.everybody) == (SPORT, True)


async def test_the_feed_first_and_the_cms_corrects(desk: Desk) -> None:
    """What the feed still says of it does not undo the correction."""
    await desk.poll()
    desk.site.publish("Финал кубка прошёл в Шымкенте", guid="id-1", at=desk.clock.now() - 60)
    await desk.poll()
    await desk.served()
    assert await intake(desk).take(entry(desk, title="Финал кубка прошёл в Таразе")) == "edited"
    desk.site.publish("Другое", guid="id-2", at=desk.clock.now())
    await desk.poll()
    post = (await desk.posts())[0]
    assert (post.title, post.version) == ("Финал кубка прошёл в Таразе", 2)
    assert await intake(desk).take(entry(desk, title="Финал кубка прошёл в Уральске")) == "later"
    await desk.clock.advance(120)
    assert await intake(desk).take(entry(desk, title="Финал кубка прошёл в Уральске")) == "edited"


async def test_sections_languages_and_age(desk: Desk) -> None:
    take = intake(desk).take
    assert await take(entry(desk, "id-1", "Первая новость без раздела", categories=())) == "unsorted"
    assert await take(entry(desk, "id-2", "Вторая новость про театр", categories=()), "culture", "kk") == "new"
    old = entry(desk, "id-3", "Третья новость из прошлого", published=NOW - 3 * 86_400)
    assert await take(old) == "silent"
    assert await take(replace(entry(desk, "id-2", "Вторая новость про театр"), published=NOW - 60), "sport") == "known"
    _, second, _ = await desk.posts()
    assert (second.sections, second.everybody) == (SPORT | CULTURE, False)
    states = await desk.storage.feeds.states()
    assert [state.url for state in states][-1] == CMS


async def test_a_feed_is_looked_at_now_whoever_asks(desk: Desk) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.watcher.run(stop))
        await desk.site.polls(1)
        (url,) = [config.url for config in desk.configs]
        assert await desk.storage.feeds.ask([url, "https://other.example"], now=1) == [url]
        desk.watcher.wake()
        await desk.site.polls(1)
        assert desk.clock.now() == NOW, "long before its time"
        assert await desk.storage.feeds.asked() == []
        stop.set()


async def test_a_server_that_asked_for_patience_is_given_it(desk: Desk) -> None:
    desk.site.status, desk.site.headers = 429, {"Retry-After": "900"}
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.watcher.run(stop))
        await desk.site.polls(1)
        while not (await desk.storage.feeds.states())[0].problem:  # noqa: ASYNC110 - no signal for "written down"
            await asyncio.sleep(0.01)
        await desk.storage.feeds.ask([desk.configs[0].url], now=1)
        await desk.clock.advance(20)
        assert len(desk.site.requests) == 1
        stop.set()


async def test_a_feed_and_the_cms_in_the_same_moment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both find it new; one of them saves it, the other finds it known the next time."""
    await desk.poll()
    known, other = desk.storage.articles.known, intake(desk)

    async def slower(keys: list[str]) -> object:
        found = await known(keys)
        monkeypatch.undo()
        assert await other.take(entry(desk)) == "new"
        return found

    monkeypatch.setattr(desk.storage.articles, "known", slower)
    with pytest.raises(StorageError):
        await intake(desk).take(entry(desk))
    assert await intake(desk).take(entry(desk)) == "known"
    assert len(await desk.posts()) == 1
