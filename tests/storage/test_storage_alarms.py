"""Alarms are told once a day for one cause; feeds that editors add live in the database."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.desk import Alarm
from bot.domain.feed import Added, Poll
from storage import Storage

DAY = 86_400
SILENT = Alarm("feed:1", "silent", {"gap": 540, "имя": "Дала"})


async def test_once_a_day_and_once_a_week_in_the_same_words(storage: Storage) -> None:
    assert await storage.alarms.take(now=DAY) == []
    wall = Alarm("feed:1", "wall")
    await storage.alarms.raise_([SILENT, wall], now=10 * DAY)
    assert await storage.alarms.take(now=10 * DAY + 5) == [SILENT, wall]
    longer = replace(SILENT, detail={"gap": 600})
    for after, told in ((3600, []), (DAY, [longer]), (2 * DAY, []), (7 * DAY, [wall]), (8 * DAY + 9, [longer])):
        now = 10 * DAY + after + 6
        await storage.alarms.raise_([longer, wall], now=now)
        assert await storage.alarms.take(now=now) == told, after


async def test_what_nobody_took_in_time_what_is_muted_and_what_could_not_be_told(storage: Storage) -> None:
    await storage.alarms.raise_([SILENT], now=100)
    assert await storage.alarms.take(now=100 + DAY) == [], "no news any more"
    await storage.alarms.raise_([SILENT], now=10 * DAY)
    await storage.alarms.mute("feed:1", until=10 * DAY + 3600)
    assert await storage.alarms.take(now=10 * DAY + 60) == []
    assert await storage.alarms.take(now=10 * DAY + 3600) == [SILENT]
    assert await storage.alarms.take(now=10 * DAY + 3700) == []
    await storage.alarms.give_back(SILENT)
    assert await storage.alarms.take(now=10 * DAY + 3700) == [SILENT]


async def test_a_poll_brings_its_alarms(storage: Storage) -> None:
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    await storage.feeds.save_poll(Poll(feed, alarms=(SILENT,)), now=10 * DAY)
    assert await storage.alarms.take(now=10 * DAY + 1) == [SILENT]


async def test_feeds_that_editors_add(storage: Storage) -> None:
    (known,) = await storage.feeds.watch(["https://a.kz"])
    await storage.feeds.save_poll(
        Poll(replace(known, primed_at=5, failures=3, gone_at=6, etag="e", problem="p")), now=6
    )
    assert await storage.feeds.added() == []
    assert await storage.feeds.add("https://a.kz", "sport", now=10)
    assert not await storage.feeds.add("https://a.kz", "", now=11)
    assert await storage.feeds.add("https://b.kz", "", now=9)
    b, a = await storage.feeds.added()
    assert (b.url, a) == ("https://b.kz", Added(known.id, "https://a.kz", "sport"))
    assert await storage.feeds.watch(["https://a.kz"]) == [known], "as if it had never been watched"

    assert not await storage.feeds.pause(a.id, None)
    assert await storage.feeds.pause(a.id, 20)
    assert not await storage.feeds.pause(a.id, 21)
    assert (await storage.feeds.added())[1].paused_at == 20
    assert await storage.feeds.pause(a.id, None)
    assert await storage.feeds.remove(a.id)
    assert not await storage.feeds.remove(a.id)
    assert not await storage.feeds.pause(a.id, 22)
    assert await storage.feeds.added() == [b]


async def test_a_tap_counts_once_and_goes_with_the_reader(storage: Storage) -> None:
    reader = await storage.readers.meet(700, language="ru", now=1)
    for kind in ("read", "read", "misled"):
        await storage.posts.tapped(5, reader.id, kind, now=3)
    taps = "SELECT post_id, kind, at FROM tap ORDER BY kind"
    assert [tuple(row) for row in await storage.engine.fetch(taps)] == [(5, "misled", 3), (5, "read", 3)]
    await storage.privacy.erase(700, now=4)
    assert list(await storage.engine.fetch(taps)) == []
