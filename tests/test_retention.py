"""What is old goes, what is young stays, on both engines; a broadcast outlives its receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.clock import SteppableClock
from bot.domain.article import Article
from bot.domain.delivery import Audience, BroadcastState, Lane, Receipt, Result
from bot.domain.errors import StorageBusy
from bot.domain.feed import Found, Poll
from bot.domain.post import Picture
from bot.domain.reader import Choices
from bot.ops import retention
from bot.ops.retention import ARTICLE_DAYS, DAY, INBOX_DAYS, MEDIA_DAYS, RECEIPT_DAYS, keep_tidy, tidy
from storage import Storage
from tests.factories import subscribe

NOW = 1_795_000_000


async def arrive(storage: Storage, key: str, seen_at: int) -> None:
    """An article with its waiting post and its alias, all of that moment."""
    (feed,) = await storage.feeds.watch(["https://dala.example/rss"])
    article = Article(0, feed.id, key, "", f"https://dala.example/{key}", "ru", 1, seen_at)
    await storage.feeds.save_poll(Poll(feed, (Found(article, (key,), True),)), now=seen_at)


async def deliver(storage: Storage, ended: int | None) -> int:
    """The newest waiting post is published, one reader has it, and the broadcast ends then (None: never)."""
    began = NOW - 30 * DAY
    (post, _) = (await storage.posts.waiting())[-1]
    key, audience = f"post:{post.id}/0", Audience(sections=1)
    id_ = await storage.broadcasts.publish([post], audience, key=key, lane=Lane.REGULAR, total=1, start=0, now=began)
    receipts = [Receipt(id_, 1, Result.SENT, 5, message_id=id_)]
    await storage.deliveries.settle(receipts, [], worker="w", until=0, now=began)
    if ended is not None:
        stopped, running = BroadcastState.STOPPED, BroadcastState.RUNNING
        assert await storage.broadcasts.change(id_, stopped, among=[running], now=ended)
    return id_


async def test_receipts_go_a_week_after_their_broadcast_ended(storage: Storage) -> None:
    await subscribe(storage, range(1, 2), 1)
    ids = []
    for n, ended in enumerate((NOW - RECEIPT_DAYS * DAY - 1, NOW - RECEIPT_DAYS * DAY + 1, None)):
        await arrive(storage, f"a{n}", NOW)
        ids.append(await deliver(storage, ended))
    await tidy(storage, NOW)
    assert [(await storage.broadcasts.progress(id_)).sent for id_ in ids] == [0, 1, 1]
    assert len(await storage.broadcasts.open()) == 1, "what is not over keeps its receipts however old it is"


async def test_what_a_weekly_list_asks_for_is_kept_until_it_has_come(storage: Storage) -> None:
    weekly = await storage.readers.meet(1, language="ru", choices=Choices(volume=3, digest_days=1), now=1)
    await storage.readers.consent(weekly.id, "w", now=1)
    ids = []
    for n, days in enumerate((8, 8, 15)):
        await arrive(storage, f"a{n}", NOW)
        ids.append(await deliver(storage, NOW - days * DAY))
    await storage.engine.write("UPDATE reader SET listed = 1")
    await tidy(storage, NOW)
    assert [(await storage.broadcasts.progress(id_)).sent for id_ in ids] == [0, 1, 0]


async def test_forgetting_never_stops_the_sending(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two portions of what is forgotten there is always room for what is sent just now."""
    await subscribe(storage, range(1, 8001), 1)
    for n in range(2):
        await arrive(storage, f"a{n}", NOW)
    old, fresh = await deliver(storage, NOW - 8 * DAY), await deliver(storage, None)
    receipts = [Receipt(old, reader, Result.SENT, 5, message_id=reader) for reader in range(2, 8001)]
    await storage.deliveries.settle(receipts, [], worker="w", until=0, now=NOW)
    log, engine, write = list[str](), storage.engine, storage.engine.write

    async def noted(sql: str, **params: object) -> Sequence[object]:
        rows = await write(sql, **params)
        if sql.startswith("DELETE FROM receipt"):
            log.append("portion")
        return rows

    monkeypatch.setattr(engine, "write", noted)
    forgetting = asyncio.create_task(tidy(storage, NOW))
    reader = 1
    while not forgetting.done():
        reader += 1
        await storage.deliveries.settle(
            [Receipt(fresh, reader, Result.SENT, 5, message_id=1)], [], worker="w", until=0, now=NOW
        )
        log.append("sent")
    await forgetting
    assert log.count("portion") >= 8
    longest = max(len(run) for run in "".join(word[0] for word in log).split("s"))
    if storage.engine.dialect.name == "sqlite":
        assert longest <= 2, "at most two portions go before a waiting send"
    else:  # there nobody waits for the other, only for the machine
        assert longest < log.count("portion")
    assert (await storage.broadcasts.progress(old)).sent == 0
    assert (await storage.broadcasts.progress(fresh)).sent == reader


async def test_a_broadcast_without_its_receipts_can_still_be_asked(storage: Storage) -> None:
    await subscribe(storage, range(1, 2), 1)
    await arrive(storage, "a", NOW)
    id_ = await deliver(storage, NOW - 8 * DAY)
    await tidy(storage, NOW)
    broadcast, progress = await storage.broadcasts.get(id_), await storage.broadcasts.progress(id_)
    assert broadcast is not None
    assert (broadcast.state, broadcast.finished_at) == (BroadcastState.STOPPED, NOW - 8 * DAY)
    assert (progress.total, progress.sent, progress.p50) == (1, 0, None)
    assert [post.title for post in await storage.posts.get(broadcast.posts)] == ["a"]
    assert await storage.broadcasts.refusals(id_) == []
    assert await storage.broadcasts.open() == []


async def test_copies_updates_and_articles(storage: Storage) -> None:
    await arrive(storage, "old", NOW - ARTICLE_DAYS * DAY - 1)
    await arrive(storage, "young", NOW - ARTICLE_DAYS * DAY + 1)
    for n, age in enumerate((RECEIPT_DAYS * DAY + 1, RECEIPT_DAYS * DAY - 1)):
        await storage.posts.shown(2, 1, 100 + n, 1, now=NOW - age)
    before = NOW - INBOX_DAYS * DAY
    await storage.inbox.store([(n, 5, "{}") for n in (1, 2, 3, 4)], before - 10)
    await storage.inbox.done([1, 4], before - 1)
    await storage.inbox.done([2], before + 1)
    await tidy(storage, NOW)
    await tidy(storage, NOW)
    assert [article.title for article in await storage.articles.newest(9)] == ["young"]
    assert [post.title for post, _ in await storage.posts.waiting()] == ["young"]
    assert set(await storage.articles.known(["old", "young"])) == {"young"}
    assert [article.title for article in await storage.posts.search([["old"]], 5)] == []
    assert [row[0] for row in await storage.engine.fetch("SELECT message_id FROM copy")] == [101]
    kept = [row[0] for row in await storage.engine.fetch("SELECT update_id FROM inbox ORDER BY update_id")]
    assert kept == [2, 3, 4], "2 is young, 3 is not handled, 4 carries the offset"
    assert await storage.inbox.next_offset() == 5


async def test_it_is_done_each_hour_and_again_after_trouble(
    sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, stop, asked, begun = SteppableClock(NOW), asyncio.Event(), [], asyncio.Event()

    async def busy(storage: Storage, now: int) -> None:
        asked.append(now)
        begun.set()
        raise StorageBusy("locked")

    monkeypatch.setattr(retention, "tidy", busy)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_tidy(sqlite_storage, clock, stop))
        for _ in range(3):
            async with asyncio.timeout(60):
                await begun.wait()
                while clock.next_wake() is None:  # noqa: ASYNC110 - no signal for "asleep"
                    await asyncio.sleep(0)
            begun.clear()
            await clock.advance(3600)
        stop.set()
    assert [at - NOW for at in asked[:3]] == [0, 3600, 7200]
    assert "locked" in caplog.text


async def test_names_of_pictures_are_kept_for_a_month(storage: Storage) -> None:
    for age in (MEDIA_DAYS * DAY + 1, MEDIA_DAYS * DAY - 1):
        await storage.media.settle(Picture(f"https://dala.example/{age}.jpg", "AgAC"), now=NOW - age)
    await tidy(storage, NOW)
    kept = await storage.engine.fetch("SELECT url FROM media")
    assert [row[0] for row in kept] == [f"https://dala.example/{MEDIA_DAYS * DAY - 1}.jpg"]
