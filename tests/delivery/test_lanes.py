"""Who goes first, and when: breaking news beside rounds, order per chat, holds. Without HTTP, on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from bot.domain.delivery import LATE, Audience, Lane, Receipt, Result
from bot.domain.post import PostKind
from storage import Storage, open_storage
from tests.delivery.crew import Crew, on_the_wire, people
from tests.factories import sqlite_at, subscribe
from tests.virtual import LoopClock, at_once, play

T = TypeVar("T")


def lived(folder: Path, story: Callable[[Storage, LoopClock], Awaitable[T]]) -> T:
    """A story in virtual time: what the machine needs for its work takes none of it."""

    async def whole(clock: LoopClock, _: object) -> T:
        storage = await open_storage(sqlite_at(folder / "newsdesk.db"))
        try:
            return await story(storage, clock)
        finally:
            await storage.close()

    with at_once():
        return play(1, whole)


@pytest.mark.parametrize(("rate", "seconds"), [(29, 0.08), (970, 0.08), (29, 15.0)])
def test_breaking_leaves_at_once_whatever_is_under_way(tmp_path: Path, rate: float, seconds: float) -> None:
    """Within what the rate lets go in 250 ms, while a round runs, even with all connections kept by slow answers. In
    virtual time: what the machine needs for its work is measured by `benchmarks.breaking`."""

    async def story(storage: Storage, clock: LoopClock) -> tuple[int, float]:
        await subscribe(storage, range(1, 5001), 1)
        crew, wire = on_the_wire(storage, rate=rate, seconds=seconds, clock=clock)
        await crew.broadcast(await crew.post("Обычное"))
        async with crew.sending() as sender:
            await wire.until(lambda: len(wire.log) >= (4 if seconds > 1 else rate / 4))
            urgent = await crew.post("Важное", kind=PostKind.BREAKING)
            before, began = len(wire.log), clock.monotonic()
            await crew.broadcast(urgent, lane=Lane.BREAKING, audience=Audience(breaking=True))
            sender.wake()
            await wire.until(lambda: any("Важное" in text for _, _, text in wire.log))
            others = next(n for n, (_, _, text) in enumerate(wire.log[before:]) if "Важное" in text)
            left = wire.log[before + others][0] - began
        return others, left

    others, left = lived(tmp_path, story)
    assert others <= rate * 0.25
    assert left <= 0.25


def test_breaking_is_the_next_message_in_a_chat_that_others_wait_for(tmp_path: Path) -> None:
    """Ten posts wait for their second in each chat; breaking news takes the very next one."""

    async def story(storage: Storage, clock: LoopClock) -> None:
        chats = range(1, 6)
        await subscribe(storage, chats, 1)
        crew, wire = on_the_wire(storage, rate=500, clock=clock)
        regular = [await crew.broadcast(await crew.post(f"Пост {n}")) for n in range(8)]
        async with crew.sending() as sender:
            await wire.until(lambda: len(wire.log) >= 4 * len(chats))
            before = len(wire.log)
            urgent = await crew.post("Важное", kind=PostKind.BREAKING)
            last = await crew.broadcast(urgent, lane=Lane.BREAKING, audience=Audience(breaking=True))
            sender.wake()
            await crew.done(last, *regular)
        for chat in chats:
            texts = [text.split("\n")[0] for _, to, text in wire.log[before:] if to == chat]
            assert texts[0].endswith("Важное")
            posts = [text for _, to, text in wire.log if to == chat and "Пост" in text]
            assert [text[:6] for text in posts] == [f"Пост {n}" for n in range(8)]

    lived(tmp_path, story)


async def test_order_survives_a_clock_that_jumps(sqlite_storage: Storage) -> None:
    """Posts that wait for their second in a chat all come due in one jump, and still go in their order."""
    await subscribe(sqlite_storage, range(1, 4), 1)
    crew, wire = on_the_wire(sqlite_storage, rate=500, speed=1)
    posts = [await crew.broadcast(await crew.post(f"Пост {n}")) for n in range(8)]
    async with crew.sending():
        await wire.until(lambda: len(wire.log) >= 9)
        for _ in range(20):
            await crew.clock.advance(60.0)
            await asyncio.sleep(0.02)
        await crew.done(*posts)
    for chat in range(1, 4):
        assert [text[:6] for _, to, text in wire.log if to == chat] == [f"Пост {n}" for n in range(8)]


def test_a_jump_of_the_clock_is_soon_forgotten(tmp_path: Path) -> None:
    """Answers that seem to take an hour raise how many are in flight to the limit and no further, and not for long."""

    async def story(storage: Storage, clock: LoopClock) -> None:
        await subscribe(storage, range(1, 1001), 1)
        crew, wire = on_the_wire(storage, rate=200, clock=clock)
        broadcast = await crew.broadcast(await crew.post("Финал"))
        async with crew.sending() as sender:
            await wire.until(lambda: len(wire.log) >= 100)
            clock.leap(3600.0)
            await wire.until(lambda: len(wire.log) >= 200)
            assert sender._limit <= 256
            await crew.done(broadcast)
            assert sender._limit < 100
        assert sorted(chat for _, chat, _ in wire.log) == list(range(1, 1001))

    lived(tmp_path, story)


def test_holds_survive_a_restart(tmp_path: Path) -> None:
    async def story(storage: Storage, clock: LoopClock) -> None:
        await subscribe(storage, range(1, 4), 1)
        crew, wire = on_the_wire(storage, rate=500, clock=clock)
        now = crew.now
        await storage.deliveries.hold(0, now + 20)
        await storage.deliveries.hold(2, now + 40)
        broadcast = await crew.broadcast(await crew.post("Финал"))
        async with crew.sending():
            await crew.done(broadcast, within=100)
        start = crew.clock.now() - crew.clock.monotonic()
        left = {chat: start + at for at, chat, _ in wire.log}
        assert min(left.values()) >= now + 20
        assert left[2] >= now + 40
        assert max(left[1], left[3]) < now + 40

    lived(tmp_path, story)


def test_breaking_goes_to_the_recently_active_first(tmp_path: Path) -> None:
    """And still to everybody, once, over several blocks, while a round runs beside it."""

    async def story(storage: Storage, clock: LoopClock) -> None:
        chats = range(1, 2501)
        await subscribe(storage, chats, 1)
        crew, wire = on_the_wire(storage, rate=2000, clock=clock)
        today = crew.now // 86_400
        await storage.engine.write("UPDATE reader SET active_day = :day WHERE id % 5 = 0", day=today - 7)
        await storage.engine.write("UPDATE reader SET active_day = :day WHERE id % 5 = 1", day=today - 8)
        urgent = await crew.post("Важное", kind=PostKind.BREAKING)
        broadcast = await crew.broadcast(urgent, lane=Lane.BREAKING, audience=Audience(breaking=True))
        async with crew.sending():
            await crew.done(broadcast)
        told = [chat for _, chat, _ in wire.log]
        assert sorted(told) == list(chats)
        assert {chat % 5 for chat in told[:500]} == {0}

    lived(tmp_path, story)


def test_a_late_list_waits_for_what_is_in_flight(tmp_path: Path) -> None:
    """Who is being sent one of its posts just now has it, and gets only the others."""

    async def story(storage: Storage, clock: LoopClock) -> None:
        crew, wire = on_the_wire(storage, rate=100, clock=clock, seconds=6)
        await subscribe(storage, range(1, 5), 1)
        first = await crew.broadcast(await crew.post("Первый"))
        async with crew.sending():
            await wire.until(lambda: len(wire.log) == 4)
            second = await crew.broadcast(await crew.post("Второй"))
            late = await _late_list(crew, first, second)
            await crew.done(late)
        got = [(chat, title) for _, chat, text in wire.log for title in ("Первый", "Второй") if title in text]
        assert sorted(got) == sorted((chat, title) for chat in range(1, 5) for title in ("Первый", "Второй"))

    lived(tmp_path, story)


async def test_a_late_list_that_had_to_wait_still_knows_what_was_brought(crew: Crew) -> None:
    (chat,) = await people(crew, 1)
    first, second = await crew.post("Первый"), await crew.post("Второй")
    broadcasts = [await crew.broadcast(first), await crew.broadcast(second)]
    reader = await crew.storage.readers.get(chat)
    assert reader
    receipt = Receipt(broadcasts[0], reader.id, Result.SENT, 1, message_id=5)
    await crew.storage.deliveries.settle([receipt], [], worker="w", until=0, now=crew.now)
    late = await _late_list(crew, *broadcasts)
    crew.sandbox.faults.fail("flood_chat", "sendMessage", times=1, seconds=20)
    async with crew.sending():
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) == 1)
        await crew.clock.advance(30)
        await crew.done(late)
    (text,) = crew.texts(chat)
    assert "Второй" in text
    assert "Первый" not in text


async def _late_list(crew: Crew, *broadcasts: int) -> int:
    return await crew.storage.broadcasts.publish(
        [],
        Audience(sections=1),
        key=f"{LATE}{broadcasts}",
        lane=Lane.REGULAR,
        total=4,
        start=0.0,
        now=crew.now,
        rest_of=broadcasts,
    )
