"""Counts: each receipt and each change of a choice once, whoever counts and however often."""

from __future__ import annotations

import asyncio

from storage_help import article, receipt, running, saved, settled_down, subscribed

from bot.domain.delivery import Audience, BroadcastState, Result
from storage import Storage
from storage.stats import BLOCKED, READER, Tally

SECTIONS = {0: "sport", 1: "world"}


async def test_a_sends_receipts_by_what_became_of_them(storage: Storage) -> None:
    await settled_down(storage, range(1, 10))
    sending = await running(storage, Audience(sections=1))
    made = [
        receipt(sending, 1, took_ms=900),
        receipt(sending, 2, took_ms=1000),
        receipt(sending, 3, took_ms=1001),
        receipt(sending, 4, took_ms=90_000_000),
        receipt(sending, 5, Result.GONE, message_id=None),
        receipt(sending, 6, carried=(4, 5), took_ms=1),
        receipt(sending, 9, took_ms=1),
    ]
    await storage.deliveries.settle(made, [], worker="w", until=9, now=9)
    assert set(await storage.stats.receipts(sending.id, 0, 8)) == {
        Tally(None, 1, 1, 2),
        Tally(None, 1, 2, 1),
        Tally(None, 1, 0, 1),
        Tally(None, 3, 0, 1),
        Tally("[4, 5]", 1, 1, 1),
    }
    assert await storage.stats.receipts(sending.id, 8, 16) == [Tally(None, 1, 1, 1)]


async def test_a_send_is_counted_once_when_it_is_over(storage: Storage) -> None:
    sending = await running(storage)
    assert await storage.stats.uncounted(now=10**6) == []
    assert await storage.broadcasts.change(sending.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=100)
    assert await storage.stats.uncounted(now=150) == [], "its last answers may still come"
    assert await storage.stats.uncounted(now=161) == [sending.id]
    counts = {("sport", "delivered"): 3, ("", "delivered"): 3, ("", "blocked"): 0}
    added = await asyncio.gather(*(storage.stats.add(sending.id, 7, counts, now=170) for _ in range(3)))
    assert sorted(added) == [False, False, True]
    assert await storage.stats.uncounted(now=999) == []
    assert await storage.stats.rows(7, 7) == [(7, "", "delivered", 3), (7, "sport", "delivered", 3)]
    other = await running(storage)
    assert await storage.stats.add(other.id, 7, {("sport", "delivered"): 2}, now=180)
    assert await storage.stats.rows(7, 9) == [(7, "", "delivered", 3), (7, "sport", "delivered", 5)]
    assert await storage.stats.rows(8, 9) == []


async def test_who_came_and_went_since_the_last_count(storage: Storage) -> None:
    readers = [await subscribed(storage, chat, sections=mask) for chat, mask in ((1, 1), (2, 3))]
    readers.append(await subscribed(storage, 3, sections=1, source="site"))
    await storage.readers.meet(9, language="ru", now=1)  # has not said yes
    moved, count = storage.stats.moved, storage.stats.count_readers
    ids = [reader.id for reader in readers]
    assert (await moved(0, 2), await moved(ids[1], 2), await moved(ids[2], 2)) == (ids[:2], ids[2:], [])
    await count(5, SECTIONS, ids)
    assert await moved(0, 9) == []
    found = await storage.stats.rows(5, 5)
    joined = {place: n for _, place, what, n in found if what == "joined"}
    assert joined == {"": 3, "sport": 3, "world": 1}
    assert {place: n for _, place, what, n in found if what == "new"} == {"": 3, "source:": 2, "source:site": 1}
    await storage.readers.choose(readers[0].id, 2, True, now=2)
    await storage.readers.choose(readers[0].id, 1, False, now=2)
    await storage.readers.pause(readers[1].id, until=99, now=2)
    await storage.readers.unreachable(3, now=2)
    await asyncio.gather(*(count(6, SECTIONS, ids) for _ in range(3)))
    assert await storage.stats.rows(6, 6) == [
        (6, "", "left", 1),
        (6, "sport", "left", 2),
        (6, "world", "joined", 1),
    ], "a pause is no leave"
    kept = await storage.engine.fetch("SELECT counted FROM reader ORDER BY id")
    assert [row[0] for row in kept] == [READER | 2, READER | 3, BLOCKED, 0]
    await storage.readers.leave(readers[0].id, now=3)
    await count(7, SECTIONS, ids)
    await storage.readers.consent(readers[0].id, "w", now=4)
    await storage.readers.reachable(3, now=4)
    await count(8, SECTIONS, ids)
    back = {what: n for _, place, what, n in await storage.stats.rows(8, 8) if not place}
    assert back == {"joined": 2, "returned": 1}, "neither is new, one had blocked the bot"


async def test_the_members_of_a_channel(storage: Storage) -> None:
    for n in (40, 42):
        await storage.stats.members(5, 3, n)
    await storage.stats.members(6, 3, 41)
    assert await storage.stats.rows(5, 6) == [(5, "channel:3", "members", 42), (6, "channel:3", "members", 41)]


async def test_whoever_was_erased_has_left_and_nothing_tells_who(storage: Storage) -> None:
    await subscribed(storage, 777, sections=1)
    await storage.stats.count_readers(5, SECTIONS, await storage.stats.moved(0, 9))
    await subscribed(storage, 778, sections=1)
    for chat in (777, 778):  # the second came and went between two counts
        await storage.privacy.erase(chat, now=9)
    await storage.stats.count_readers(6, SECTIONS, ())
    await storage.stats.count_readers(6, SECTIONS, ())
    assert await storage.stats.rows(6, 6) == [(6, "", "left", 1), (6, "sport", "left", 1)]
    assert await storage.engine.fetch("SELECT * FROM departed") == []


async def test_presses_with_the_sections_of_their_posts(storage: Storage) -> None:
    await saved(storage, article(1, 1, sections=3))
    ((post, _),) = await storage.posts.waiting()
    for reader, at in ((1, 100), (2, 200), (2, 300)):
        await storage.posts.tapped(post.id, reader, "misled", now=at)
    await storage.posts.tapped(post.id, 3, "read", now=400)
    assert await storage.stats.taps("misled", since=0) == [(100, 3), (200, 3)], "twice by one is once"
    assert await storage.stats.taps("misled", since=100) == [(200, 3)]
