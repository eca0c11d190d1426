"""Alarms are told once a day for one cause; feeds that editors add live in the database."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.desk import Alarm
from bot.domain.feed import Added, Poll
from storage import Storage

DAY = 86_400
SILENT = Alarm("feed:1", "silent", {"gap": 540, "имя": "Дала"})


async def test_once_a_day_and_once_a_week_in_the_same_words(storage: Storage) -> None:
    alarms = storage.alarms
    assert await alarms.take(now=DAY) == []
    wall = Alarm("feed:1", "wall")
    await alarms.raise_([SILENT, wall], now=10 * DAY)
    assert await alarms.take(now=10 * DAY + 5) == [SILENT, wall]
    longer = replace(SILENT, detail={"gap": 600})
    for after, told in ((3600, []), (DAY, [longer]), (2 * DAY, []), (7 * DAY, [wall]), (8 * DAY + 9, [longer])):
        now = 10 * DAY + after + 6
        await alarms.raise_([longer, wall], now=now)
        assert await alarms.take(now=now) == told, after


async def test_what_nobody_took_in_time_what_is_muted_and_what_could_not_be_told(storage: Storage) -> None:
    alarms = storage.alarms
    await alarms.raise_([SILENT], now=100)
    assert await alarms.take(now=100 + DAY) == [], "no news any more"
    await alarms.raise_([SILENT], now=10 * DAY)
    await alarms.mute("feed:1", until=10 * DAY + 3600)
    assert await alarms.take(now=10 * DAY + 60) == []
    assert await alarms.take(now=10 * DAY + 3600) == [SILENT]
    assert await alarms.take(now=10 * DAY + 3700) == []
    await alarms.give_back(SILENT)
    assert await alarms.take(now=10 * DAY + 3700) == [SILENT]


async def test_a_poll_brings_its_alarms(storage: Storage) -> None:
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    await storage.feeds.save_poll(Poll(feed, alarms=(SILENT,)), now=10 * DAY)
    assert await storage.alarms.take(now=10 * DAY + 1) == [SILENT]


async def test_feeds_that_editors_add(storage: Storage) -> None:
    feeds = storage.feeds
    (known,) = await feeds.watch(["https://a.kz"])
    await feeds.save_poll(Poll(replace(known, primed_at=5, failures=3, gone_at=6, etag="e", problem="p")), now=6)
    assert await feeds.added() == []
    assert await feeds.add("https://a.kz", "sport", now=10)
    assert not await feeds.add("https://a.kz", "", now=11)
    assert await feeds.add("https://b.kz", "", now=9)
    b, a = await feeds.added()
    assert (b.url, a) == ("https://b.kz", Added(known.id, "https://a.kz", "sport"))
    assert await feeds.watch(["https://a.kz"]) == [known], "as if it had never been watched"

    assert not await feeds.pause(a.id, None)
    assert await feeds.pause(a.id, 20)
    assert not await feeds.pause(a.id, 21)
    assert (await feeds.added())[1].paused_at == 20
    assert await feeds.pause(a.id, None)
    assert await feeds.remove(a.id)
    assert not await feeds.remove(a.id)
    assert not await feeds.pause(a.id, 22)
    assert await feeds.added() == [b]
