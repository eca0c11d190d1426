"""The inbox: updates stored before they are confirmed, handled once."""

from __future__ import annotations

from storage_help import BIG, GROUP, TEXT, subscribed

from storage import Storage


async def test_an_update_is_fresh_once(storage: Storage) -> None:
    assert await storage.inbox.next_offset() == 0
    assert await storage.inbox.oldest_waiting() is None
    assert await storage.inbox.store([], 5) == []
    assert await storage.inbox.store([(7, GROUP, TEXT), (BIG - 1, 2, "{}"), (7, 3, "other")], 5) == [7, BIG - 1]
    assert await storage.inbox.store([(7, 3, "other"), (8, 3, "{}")], 9) == [8]
    assert await storage.inbox.next_offset() == BIG
    assert await storage.inbox.oldest_waiting() == 5
    (first, *_), hopeless = await storage.inbox.recover(3, 10)
    assert (first.update_id, first.chat, first.body, first.attempts, hopeless) == (7, GROUP, TEXT, 0, 0)


async def test_what_kills_the_process_is_given_up_after_some_tries(storage: Storage) -> None:
    await storage.inbox.store([(n, 1, "{}") for n in (3, 1, 2)], 5)
    await storage.inbox.done([2, 404], 6)
    for tries in (0, 1):
        waiting, hopeless = await storage.inbox.recover(2, 7)
        assert [(update.update_id, update.attempts) for update in waiting] == [(1, tries), (3, 0)]
        assert hopeless == 0
        await storage.inbox.attempted(1)  # and this is what kills it; 3 waits behind
    waiting, hopeless = await storage.inbox.recover(2, 9)
    assert ([update.update_id for update in waiting], hopeless) == ([3], 1)
    await storage.inbox.done([3], 9)
    await storage.inbox.done([], 9)
    assert await storage.inbox.recover(2, 10) == ([], 0)


async def test_several_processes_share_it(storage: Storage) -> None:
    turn = storage.inbox.turn
    await storage.inbox.store([(1, 5, "{}"), (3, 6, "{}")], 1, worker="a", until=2000)
    await storage.inbox.store([(2, 5, "{}")], 1, worker="b", until=2000)
    assert [await turn(1, 5, "a"), await turn(2, 5, "b"), await turn(1, 5, "b")] == [
        True,
        False,
        None,
    ]
    assert await storage.inbox.take_over("b", 3, now=1999, until=5000) == ([], 0)
    await storage.inbox.prolong("a", [3, 2], 4000)
    taken, _ = await storage.inbox.take_over("b", 3, now=2000, until=5000)
    assert [update.update_id for update in taken] == [1, 2], "3 was prolonged, and 2 had run out, too"
    assert [await turn(1, 5, "a"), await turn(1, 5, "b"), await turn(2, 5, "b")] == [
        None,
        True,
        False,
    ]
    await storage.inbox.done([1], 3)
    assert [await turn(1, 5, "b"), await turn(2, 5, "b")] == [None, True]
    await storage.inbox.attempted(3)
    await storage.inbox.release("a")
    assert await storage.inbox.take_over("b", 1, now=2001, until=5000) == ([], 1), "it was tried often enough"


async def test_what_is_handled_is_forgotten_but_for_its_number(storage: Storage) -> None:
    await storage.inbox.store([(1, GROUP, TEXT)], 5)
    await storage.inbox.done([1], 6)
    (row,) = await storage.engine.fetch("SELECT chat, body FROM inbox")
    assert tuple(row) == (0, "")


async def test_the_offset_survives_tidying(storage: Storage) -> None:
    await storage.inbox.store([(n, 1, "{}") for n in range(1, 5)], 5)
    await storage.inbox.done([1, 2, 4], 10)
    await storage.inbox.prune(10)
    assert len(await storage.engine.fetch("SELECT 1 FROM inbox")) == 4
    await storage.inbox.prune(11)
    assert [row[0] for row in await storage.engine.fetch("SELECT update_id FROM inbox ORDER BY 1")] == [3, 4]
    assert await storage.inbox.next_offset() == 5


async def test_who_says_something_is_active_that_day(storage: Storage) -> None:
    day = 86_400
    for chat in (5, 6):
        await subscribed(storage, chat)
    await storage.readers.meet(7, language="ru", now=30 * day)

    async def days() -> list[int]:
        rows = await storage.engine.fetch("SELECT active_day FROM reader ORDER BY chat_id")
        return [row[0] for row in rows]

    assert await days() == [0, 0, 30]
    await storage.inbox.store([(1, 5, "{}"), (2, 5, "{}"), (3, 404, "{}")], 40 * day + 9)
    assert await days() == [40, 0, 30]
    await storage.inbox.store([(4, 5, "{}")], 39 * day)
    assert await days() == [40, 0, 30], "a clock set back makes nobody older"
