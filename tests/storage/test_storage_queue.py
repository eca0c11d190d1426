"""The feed desk's queue on each engine: one decision for each thing that is held, whoever comes second is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from storage_help import article, saved

from bot.domain.delivery import Audience, Lane
from bot.domain.desk import Content, DraftState
from bot.domain.feed import Found, Met, Poll
from bot.domain.held import Decision, Hold, Said, Why
from storage import Storage
from storage.queue import PATIENCE
from tests.factories import drafted

NOW = 1000


async def state(storage: Storage, post_id: int) -> str:
    """How a post stands."""
    return str((await storage.engine.fetch("SELECT state FROM post WHERE id = :id", id=post_id))[0][0])


async def waiting(storage: Storage) -> list[int]:
    return [post.id for post, _ in await storage.posts.waiting()]


async def flooded(storage: Storage, count: int = 3) -> int:
    """A flood of so many articles; its id."""
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    new = tuple(Found(article(n, feed.id, published_at=n), (f"k{n}",), True) for n in range(1, count + 1))
    await storage.feeds.save_poll(Poll(feed, new, flood=count), now=NOW)
    return (await storage.queue.floods())[-1].id


async def test_a_held_post_goes_once(storage: Storage) -> None:
    await saved(storage, article(1, 1), article(2, 1))
    one, two = await waiting(storage)
    queue = storage.queue
    assert await queue.hold([Hold(one, Why.MANUAL), Hold(999, Why.MANUAL)], now=NOW) == [one]
    assert await queue.hold([Hold(one, Why.MANUAL)], now=NOW) == []
    assert await waiting(storage) == [two]
    assert await storage.posts.latest(1, [], 9) == await storage.posts.get([two])
    assert [item.id for item in await storage.posts.search([["заголовок"]], 9)] == [two]
    (held,) = await queue.open()
    assert (held.post.id, held.why, held.at, held.until, held.decided_at) == (one, Why.MANUAL, NOW, None, None)
    assert await queue.decide(one, Decision.SENT, by=7, loud_until=50, now=NOW + 5)
    assert not await queue.decide(one, Decision.TAKEN, by=8, now=NOW + 6)
    assert await waiting(storage) == [one, two]
    assert (await storage.posts.get([one]))[0].created_at == NOW + 5, "it could not have been sent before"
    assert await queue.said() == {one: Said(1, 50)}
    assert await queue.open() == []
    decided = await queue.get(one)
    assert decided
    assert (decided.decision, decided.decided_by, decided.decided_at) == (Decision.SENT, 7, NOW + 5)
    await queue.hold([Hold(one, Why.SILENCE, 99)], now=NOW + 9)
    assert await queue.decide(one, Decision.SENT, by=7, passed=False, loud_until=20, now=NOW + 9)
    assert await queue.said() == {one: Said(1, 50)}, "what was said before holds"
    await queue.prune(NOW + 10)
    assert await queue.get(one) is None


async def test_what_is_taken_off_can_be_brought_back(storage: Storage) -> None:
    await saved(storage, article(1, 1))
    (post,) = await waiting(storage)
    queue = storage.queue
    assert not await queue.restore(post, now=NOW)
    await queue.hold([Hold(post, Why.COUNTDOWN, NOW + 9)], now=NOW)
    assert await queue.decide(post, Decision.TAKEN, by=7, now=NOW)
    assert await state(storage, post) == "withdrawn"
    assert await queue.restore(post, now=NOW + 50)
    assert not await queue.restore(post, now=NOW + 50)
    await queue.ripen(now=NOW + 99)
    (held,) = await queue.open()
    assert (held.why, held.until) == (Why.MANUAL, None), "from then on somebody decides, not time"
    assert await queue.decide(post, Decision.KEPT, by=7, now=NOW)
    assert await state(storage, post) == "stored"


async def test_what_some_readers_have_is_not_taken_from_them(storage: Storage) -> None:
    (article_id,) = await saved(storage, article(1, 1))
    ((post, _),) = await storage.posts.waiting()
    await storage.broadcasts.publish([post], Audience(), key="k", lane=Lane.REGULAR, total=1, start=0, now=1)
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    await storage.feeds.save_poll(Poll(feed, seen=(Met(article_id, (), 4, publish=True),)), now=NOW)
    await storage.queue.hold([Hold(post.id, Why.MANUAL)], now=NOW)
    (held,) = await storage.queue.open()
    assert (held.post.sections, held.served) == (5, 1)
    assert await storage.queue.decide(post.id, Decision.TAKEN, by=7, now=NOW)
    assert await state(storage, post.id) == "published"
    assert not await storage.queue.restore(post.id, now=NOW)


async def test_time_decides(storage: Storage) -> None:
    await saved(storage, *(article(n, 1) for n in range(1, 4)))
    soon, later, never = await waiting(storage)
    queue = storage.queue
    holds = [Hold(soon, Why.COUNTDOWN, NOW + 60), Hold(later, Why.SILENCE, NOW + 90), Hold(never, Why.MANUAL)]
    await queue.hold(holds, now=NOW)
    await queue.ripen(now=NOW + 59)
    assert await waiting(storage) == []
    await queue.ripen(now=NOW + 60)
    assert await waiting(storage) == [soon]
    assert await queue.said() == {soon: Said(1)}
    await queue.ripen(now=NOW + PATIENCE)
    assert await state(storage, never) == "stored"
    assert await state(storage, later) == "held", "two days after the end of the silence"
    await queue.ripen(now=NOW + 90 + PATIENCE)
    assert await state(storage, later) == "stored"
    expired = await queue.get(later)
    assert expired
    assert (expired.decision, expired.decided_by) == (Decision.EXPIRED, 0)


async def test_an_embargo_holds_what_it_is_about_until_it_ends_or_is_given_up(storage: Storage) -> None:
    await saved(storage, article(1, 1), article(2, 1))
    one, two = await waiting(storage)
    draft = replace(await drafted(storage, author=8), embargo_at=NOW + 500)
    kept = await storage.drafts.write(draft, DraftState.DRAFT, keys=["https://e.kz/1"], now=NOW)
    assert kept
    queue = storage.queue
    assert await queue.embargoes(now=NOW) == {one: NOW + 500}
    assert await queue.embargoes(now=NOW + 500) == {}
    wanted = ["https://e.kz/1", "other"]
    assert await storage.drafts.embargoed(wanted, besides=kept.id, now=NOW) == 0, "its own"
    assert await storage.drafts.embargoed(wanted, besides=kept.id + 1, now=NOW + 499) == NOW + 500
    assert await storage.drafts.embargoed(wanted, besides=kept.id + 1, now=NOW + 500) == 0
    assert await storage.drafts.embargoed([], besides=0, now=NOW) == 0
    await queue.hold([Hold(one, Why.EMBARGO, NOW + 500)], now=NOW)
    await queue.ripen(now=NOW + 499)
    assert await waiting(storage) == [two]
    await storage.drafts.write(replace(kept, embargo_at=None, content=Content()), DraftState.DRAFT, now=NOW)
    await queue.ripen(now=NOW + 499)
    assert await waiting(storage) == [one, two]
    assert await queue.said() == {one: Said()}, "its section may still hold it"


@pytest.mark.parametrize("wanted", [Decision.SENT, Decision.LISTED, Decision.KEPT])
async def test_a_flood_is_decided_once(storage: Storage, wanted: Decision) -> None:
    flood = await flooded(storage)
    queue = storage.queue
    held = await queue.of_flood(flood)
    ids = [one.post.id for one in held]
    assert [one.post.published_at for one in held] == [3, 2, 1]
    assert await queue.open() == [], "a flood is one thing to decide"
    assert not await queue.decide(ids[0], Decision.SENT, by=7, now=NOW)
    chosen = [] if wanted is Decision.KEPT else ids[:2]
    assert await queue.settle(flood, wanted, chosen, by=7, now=NOW + 1)
    assert not await queue.settle(flood, Decision.KEPT, [], by=8, now=NOW + 2)
    assert sorted(await waiting(storage)) == sorted(chosen)
    assert await queue.listed() == (dict.fromkeys(chosen, flood) if wanted is Decision.LISTED else {})
    assert await state(storage, ids[2]) == "stored"
    assert (await queue.floods(), await queue.of_flood(flood)) == ([], [])
    settled = await queue.flood(flood)
    assert settled
    assert (settled.decision, settled.decided_by, settled.n) == (wanted, 7, 3)
    await queue.prune(NOW + 2)
    assert await queue.flood(flood) is None


async def test_a_second_flood_is_another_and_an_old_one_ends(storage: Storage) -> None:
    first = await flooded(storage, 2)
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    (known,) = [one.id for one in await storage.articles.newest(1)]
    new = (Found(article(9, feed.id), ("k9",), True),)
    await storage.feeds.save_poll(Poll(feed, new, seen=(Met(known, (), 2, publish=True),), flood=2), now=NOW + 9)
    second = (await storage.queue.floods())[-1].id
    assert second != first
    assert len(await storage.queue.of_flood(first)) == 2, "what an open flood holds stays in it"
    assert len(await storage.queue.of_flood(second)) == 1
    await storage.queue.ripen(now=NOW + PATIENCE)
    assert [one.id for one in await storage.queue.floods()] == [second]
    assert await waiting(storage) == []


async def test_an_article_gets_its_section_once(storage: Storage) -> None:
    await saved(storage, article(1, 1, sections=0), article(2, 1, sections=0))
    newest, oldest = await storage.queue.unsorted(since=0)
    assert await storage.queue.unsorted(since=NOW) == []
    assert await storage.queue.sort(oldest.id, 4, now=NOW)
    assert not await storage.queue.sort(oldest.id, 2, now=NOW)
    assert await waiting(storage) == [oldest.id]
    assert (await storage.articles.newest(2))[1].sections == 4
    assert await storage.queue.sort(newest.id, 0, now=NOW)
    assert await state(storage, newest.id) == "withdrawn"
