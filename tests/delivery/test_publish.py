"""From waiting posts to broadcasts: one by one, in rounds, after countdowns, through a database in trouble."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.clock import SteppableClock
from bot.delivery.audience import Offer
from bot.delivery.publish import Publisher
from bot.domain.article import Article
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Receipt, Result
from bot.domain.errors import StorageBusy
from bot.domain.feed import Found, Met, Poll
from bot.domain.post import Post, PostKind, RichText
from storage import Storage
from tests.factories import launched, subscribe

START = 1_795_000_000
SPORT, WORLD = 0b01, 0b10


class Desk:
    """A publisher and what is needed to see it work. `rate` decides how much fits into ten minutes."""

    def __init__(self, storage: Storage, *, rate: float = 29, fed: tuple[str, ...] = ("ru",)) -> None:
        self.storage = storage
        self.clock = SteppableClock(START)
        self.begun = 0
        self.publisher = Publisher(
            storage,
            self.clock,
            rate=rate,
            offer=Offer(("ru", "kk"), fed),
            home="Asia/Almaty",
            valid_for=lambda mask: 3600 if mask == WORLD else 6 * 3600,
            started=self.note,
            rng=random.Random(1),
        )

    def note(self) -> None:
        self.begun += 1

    async def arrive(self, *keys: str, sections: int = SPORT, language: str = "ru") -> list[int]:
        """Articles whose posts wait; their ids."""
        (feed,) = await self.storage.feeds.watch(["https://dala.example/rss"])
        found = [
            Found(Article(0, feed.id, key, "", f"https://dala.example/{key}", language, sections, START), (key,), True)
            for key in keys
        ]
        await self.storage.feeds.save_poll(Poll(feed, tuple(found)), now=int(self.clock.now()))
        return [article.id for article in reversed(await self.storage.articles.newest(len(found)))]

    async def gain(self, article: int, sections: int) -> None:
        """The article is met in further sections."""
        (feed,) = await self.storage.feeds.watch(["https://dala.example/rss"])
        await self.storage.feeds.save_poll(Poll(feed, seen=(Met(article, (), sections, True),)), now=START)

    async def step(self) -> list[Broadcast]:
        """One look; all open broadcasts after it."""
        assert 0 <= await self.publisher.step() <= 1
        return await self.storage.broadcasts.open()

    async def settle(self, broadcast: Broadcast, readers: range) -> None:
        """These readers have it."""
        receipts = [Receipt(broadcast.id, reader, Result.SENT, 1) for reader in readers]
        await self.storage.deliveries.settle(receipts, [], worker="w", until=0, now=START)

    async def end(self, broadcast: Broadcast) -> None:
        """The broadcast is over."""
        assert await self.storage.broadcasts.change(
            broadcast.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=START
        )


async def test_what_is_late_becomes_one_list(storage: Storage) -> None:
    """Sends that have not ended and posts that wait, six hours later; what came since goes as it is."""
    desk = Desk(storage)
    await subscribe(storage, range(1, 6), SPORT)
    await desk.arrive("a", "b")
    first, second = await desk.step()
    await desk.clock.advance(6 * 3600)
    await desk.arrive("c")
    found = await desk.step()
    late, third = found
    assert late.late
    assert (late.posts, late.audience, late.total) == (first.posts + second.posts, Audience(sections=SPORT), 5)
    assert not set(third.posts) & set(late.posts), "published six hours ago, but the bot has it only now"
    stopped = await storage.broadcasts.get(first.id)
    assert stopped
    assert stopped.state is BroadcastState.STOPPED
    assert await desk.step() == found, "once"


async def test_a_late_list_takes_in_what_gets_late_until_readers_get_it(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage)
    await subscribe(sqlite_storage, range(1, 6), SPORT | WORLD)
    await desk.arrive("a", "b", sections=WORLD)
    await desk.step()
    await desk.clock.advance(3600)
    (late,) = await desk.step()
    for key in "cd":
        await desk.arrive(key, sections=WORLD)
        assert len(await desk.step()) == 2
        await desk.clock.advance(3600)
        if key == "c":
            (late,) = await desk.step()
            assert (late.late, len(late.posts)) == (True, 3)
            await desk.settle(late, range(1, 3))
    assert [len(one.posts) for one in await desk.step()] == [3, 1], "readers are getting it: the rest waits for its end"


async def test_one_late_thing_goes_as_it_is(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage)
    await subscribe(sqlite_storage, range(1, 6), SPORT)
    await desk.arrive("a")
    found = await desk.step()
    await desk.clock.advance(7 * 3600)
    assert await desk.step() == found


async def test_posts_that_waited_too_long_are_listed_without_a_send_to_join(sqlite_storage: Storage) -> None:
    """The bot was off between the poll and the first send."""
    desk = Desk(sqlite_storage)
    await subscribe(sqlite_storage, range(1, 6), SPORT)
    await desk.arrive("a", "b")
    await desk.clock.advance(7 * 3600)
    (late,) = await desk.step()
    assert (late.late, len(late.posts)) == (True, 2)
    assert await sqlite_storage.posts.waiting() == []


async def test_each_post_is_its_own_broadcast(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage)
    await subscribe(sqlite_storage, range(1, 11), SPORT)
    await subscribe(sqlite_storage, range(11, 14), WORLD)
    await desk.arrive("a", "b")
    await desk.arrive("c", sections=WORLD)
    found = await desk.step()
    assert [(len(one.posts), one.total, one.audience.sections, one.lane) for one in found] == [
        (1, 10, SPORT, Lane.REGULAR),
        (1, 10, SPORT, Lane.REGULAR),
        (1, 3, WORLD, Lane.REGULAR),
    ]
    assert {one.state for one in found} == {BroadcastState.RUNNING}
    assert desk.begun == 3
    assert await desk.step() == found, "a post is published once"


async def test_languages_with_feeds_of_their_own_get_their_own(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage, fed=("ru", "kk"))
    await subscribe(sqlite_storage, range(1, 5), SPORT, language="kk")
    await subscribe(sqlite_storage, range(5, 7), SPORT)
    await desk.arrive("a")
    (found,) = await desk.step()
    assert (found.audience.languages, found.total) == (("ru",), 2)


async def test_a_post_nobody_wants_waits_no_longer(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage)
    await desk.arrive("a")
    (found,) = await desk.step()
    assert found.total == 0
    assert await sqlite_storage.posts.waiting() == []


async def test_rounds_when_ten_minutes_are_not_enough(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage, rate=0.1)  # 60 messages in ten minutes
    await subscribe(sqlite_storage, range(1, 41), SPORT | WORLD)
    await desk.arrive("a", "b")
    (first,) = await desk.step()
    assert (len(first.posts), first.total) == (2, 40), "one list for each reader, not two messages"
    await desk.arrive("c")
    await desk.arrive("d", sections=WORLD)
    assert await desk.step() == [first], "the next round waits for the end of this one"
    await desk.settle(first, range(1, 41))
    await desk.end(first)
    (second,) = await desk.step()
    assert (len(second.posts), second.audience.sections) == (2, SPORT | WORLD)


async def test_a_round_that_is_nearly_out_makes_room(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage, rate=3)  # 1,800 messages in ten minutes
    await subscribe(sqlite_storage, range(1, 1101), SPORT)
    await desk.arrive("a", "b")
    (first,) = await desk.step()
    assert (first.blocks, first.left) == (2, 1100)
    await desk.arrive("c")
    assert await desk.step() == [first]
    await sqlite_storage.deliveries.claim(first, "w", 1, now=first.due_at, until=first.due_at + 30)
    assert len(await desk.step()) == 2, "half of the old and all of the new fit into ten minutes"


async def test_a_section_gained_later_reaches_only_its_own_readers(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage)
    await subscribe(sqlite_storage, range(1, 4), SPORT)
    await subscribe(sqlite_storage, range(4, 6), SPORT | WORLD)
    await subscribe(sqlite_storage, range(6, 7), WORLD)
    (article,) = await desk.arrive("a")
    await desk.step()
    await desk.gain(article, WORLD)
    first, second = await desk.step()
    assert (first.total, second.total) == (5, 1)
    assert second.audience == Audience(sections=WORLD, besides=SPORT, language="ru")
    assert second.posts == first.posts


async def test_a_countdown_begins_when_it_is_over(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage)
    post = Post(0, PostKind.BREAKING, 1, 0, START, texts={"ru": RichText("Мост открыт")})
    await launched(sqlite_storage, post, Audience(breaking=True), due=START + 3, now=START)
    assert await desk.publisher.step() == 1.0
    await desk.clock.advance(2.5)
    assert await desk.publisher.step() == 0.5, "it is looked at on time, not a second later"
    assert (await sqlite_storage.broadcasts.open())[0].state is BroadcastState.COUNTDOWN
    await desk.clock.advance(0.5)
    (found,) = await desk.step()
    assert (found.state, found.started_at, desk.begun) == (BroadcastState.RUNNING, START + 3, 1)


async def test_rounds_start_at_random_blocks(sqlite_storage: Storage) -> None:
    """Nobody is always last."""
    await sqlite_storage.engine.many(
        "INSERT INTO reader (id, chat_id, language, state, sections, joined_at, changed_at)"
        " VALUES (:id, :chat, 'ru', 'active', 1, 0, 0)",
        [(1024 * n, n) for n in range(1, 101)],
    )
    desk = Desk(sqlite_storage)
    await desk.arrive(*"abcdef")
    starts = {found.start_block for found in await desk.step()}
    assert len(starts) > 3
    assert starts <= set(range(101))


async def test_it_looks_each_second_when_woken_and_through_trouble(
    sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk, stop, looked = Desk(sqlite_storage), asyncio.Event(), asyncio.Condition()
    looks, original = 0, desk.publisher.step

    async def step() -> float:
        nonlocal looks
        try:
            if looks == 1:
                raise StorageBusy("locked")
            return await original()
        finally:
            looks += 1
            async with looked:
                looked.notify_all()

    async def until(count: int) -> None:
        async with asyncio.timeout(60), looked:
            await looked.wait_for(lambda: looks >= count)
        while not stop.is_set() and desk.clock.next_wake() is None:  # noqa: ASYNC110 - no signal for "asleep"
            await asyncio.sleep(0)

    monkeypatch.setattr(desk.publisher, "step", step)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.publisher.run(stop))
        await until(1)
        await desk.arrive("a")
        desk.publisher.wake()
        await until(2)
        assert "locked" in caplog.text
        assert desk.begun == 0
        await desk.clock.advance(1)
        await until(3)
        assert desk.begun == 1
        stop.set()
        desk.publisher.wake()
