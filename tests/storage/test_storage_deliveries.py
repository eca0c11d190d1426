"""Leases and receipts: who is served by whom, and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from storage_help import BIG, GROUP, TEXT, receipt, running, settled_down, subscribed

from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Result
from bot.domain.recipient import Recipient
from storage import Storage


async def claimed(storage: Storage, broadcast: Broadcast, worker: str, now: int = 11) -> int | None:
    claim = await storage.deliveries.claim(broadcast, worker, 1, now=now, until=now + 30)
    return claim.block if claim else None


async def test_blocks_go_round_from_the_start_block(storage: Storage) -> None:
    await settled_down(storage, [1, 1023, 1024, 4095])
    broadcast = await running(storage, start=0.6)
    assert [await claimed(storage, broadcast, "w") for _ in range(5)] == [2, 3, 0, 1, None]
    others = await running(storage, start=1.0)
    assert await claimed(storage, others, "w") == 0


async def test_breaking_goes_to_the_recently_active_first_and_then_to_the_others(storage: Storage) -> None:
    await settled_down(storage, [1, 2, 1024, 1025])
    day, execute = 86_400, storage.engine.write
    await execute("UPDATE reader SET active_day = 100 WHERE id IN (2, 1025)")
    broadcast = await running(storage, start=0.5, lane=Lane.BREAKING)
    await execute("UPDATE broadcast SET created_at = :now", now=107 * day + 5)
    (broadcast,) = await storage.broadcasts.open()

    async def block(worker: str) -> tuple[int, list[int]] | None:
        claim = await storage.deliveries.claim(broadcast, worker, 1, now=11, until=41)
        if claim is None:
            return None
        readers = await storage.deliveries.read(broadcast, claim.block, 0, 9, fresh=claim.fresh)
        return claim.block, [reader.id for reader in readers]

    async def settle(number: int, *readers: int) -> None:
        sent = [(broadcast.id, reader, 77, 1, 9) for reader in readers]
        await storage.deliveries.settle([], [(broadcast.id, number)], worker="a", until=41, now=12, sent=sent)

    assert await block("a") == (1, [1025])
    assert await block("a") == (0, [2])
    await execute("UPDATE reader SET active_day = 107 WHERE id = 1")  # too late to be among the first
    await settle(1, 1025)
    assert await block("b") is None, "the first time round is not over: reader 2 may be under way"
    assert not await storage.broadcasts.finish(broadcast, now=12)
    await settle(0, 2)
    assert await block("a") == (3, [1024])
    assert not await storage.broadcasts.finish(broadcast, now=12)
    assert await block("a") == (2, [1])
    assert await block("a") is None
    await settle(3, 1024)
    await settle(2, 1)
    assert await storage.broadcasts.finish(broadcast, now=13)


async def test_the_second_round_waits_for_all_workers(storage: Storage) -> None:
    await settled_down(storage, [1])
    broadcast = await running(storage, lane=Lane.BREAKING)
    blocks = await asyncio.gather(*(claimed(storage, broadcast, f"w{n}") for n in range(8)))
    assert [block for block in blocks if block is not None] == [0]
    first = f"w{blocks.index(0)}"
    await storage.deliveries.settle([], [(broadcast.id, 0)], worker=first, until=41, now=12)
    blocks = await asyncio.gather(*(claimed(storage, broadcast, f"w{n}") for n in range(8)))
    assert blocks[int(first[1])] == 1 or await claimed(storage, broadcast, first) == 1
    assert [block for block in blocks if block is not None] in ([], [1])


async def test_all_broadcasts_of_a_block_belong_to_one_worker(storage: Storage) -> None:
    await settled_down(storage, [1, 1024])
    first, second, third = [await running(storage) for _ in range(3)]
    other = await running(storage, lane=Lane.EDITS)
    assert await claimed(storage, first, "a") == 0
    assert await claimed(storage, second, "b") == 1, "block 0 is another's"
    assert await claimed(storage, second, "a") == 0, "whose is it"
    await storage.deliveries.settle([], [(second.id, 0)], worker="a", until=60, now=12, blocks=[0])
    assert await claimed(storage, third, "b", now=59) == 1
    assert await claimed(storage, third, "b", now=59) is None, "it stays the same worker's for a while"
    assert await storage.deliveries.owned("a") == {0}
    assert await claimed(storage, third, "b", now=60) is None, "the first is not through here"
    assert await claimed(storage, other, "b", now=60) == 0, "in another lane that does not matter"
    assert await storage.deliveries.owned("a") == set()
    assert await claimed(storage, first, "b", now=61) == 0, "the other one is dead: its lease has run out"
    assert await claimed(storage, third, "b", now=61) == 0
    await storage.deliveries.release("b")
    assert await claimed(storage, third, "c", now=62) is None, "still that order"
    assert await claimed(storage, first, "c", now=62) == 0, "who stops gives all back"


async def test_only_lost_blocks_are_taken_when_asked_so(storage: Storage) -> None:
    await settled_down(storage, [1, 1024])
    broadcast = await running(storage)
    claim = storage.deliveries.claim
    assert await claim(broadcast, "a", 1, now=1, until=9, lost=True) is None
    assert await claim(broadcast, "a", 1, now=1, until=9) == (0, True)
    assert await claim(broadcast, "b", 1, now=8, until=20, lost=True) is None
    assert await claim(broadcast, "b", 1, now=9, until=20, lost=True) == (0, False)


async def test_waiting_readers_are_left_to_whose_block_it_is(storage: Storage) -> None:
    await settled_down(storage, [1, 1024])
    broadcast = await running(storage)
    waits = [receipt(broadcast, id_, Result.WAITING, due_at=20) for id_ in (1, 1024)]
    assert await claimed(storage, broadcast, "a", now=29_000) == 0
    mine = {"leases": [(broadcast.id, 0)], "blocks": [0]}
    await storage.deliveries.settle(waits, [], worker="a", until=35_000, now=9, **mine)
    found = await storage.deliveries.due("b", now=34, again=90, until=44_000, limit=9)
    assert [reader.id for _, _, reader in found] == [1024]
    assert await storage.deliveries.owned("b") == {1}
    assert await claimed(storage, broadcast, "a", now=34_000) is None, "block 1 is another's now"
    found = await storage.deliveries.due("b", now=40, again=90, until=50_000, limit=9)
    assert [reader.id for _, _, reader in found] == [1], "its time is over"


async def test_what_a_stopped_broadcast_has_under_way(storage: Storage) -> None:
    await settled_down(storage, [1])
    broadcast = await running(storage)
    await claimed(storage, broadcast, "a", now=11)
    assert not await storage.deliveries.unsettled(now=12)
    await storage.broadcasts.change(broadcast.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=12)
    assert await storage.deliveries.unsettled(now=12)
    assert not await storage.deliveries.unsettled(now=41), "a dead worker keeps nobody waiting"
    await storage.deliveries.release("a", broadcast.id)
    assert not await storage.deliveries.unsettled(now=12)


async def test_workers_at_once_get_different_blocks(storage: Storage) -> None:
    await settled_down(storage, [1024 * n for n in range(1, 13)])
    broadcast = await running(storage)
    names = [f"w{n}" for n in range(16)]
    blocks = await asyncio.gather(*(claimed(storage, broadcast, name) for name in names))
    assert sorted(block for block in blocks if block is not None) == list(range(13))
    again = await asyncio.gather(*(claimed(storage, broadcast, name, now=60) for name in names))
    assert sorted(block for block in again if block is not None) == sorted(set(again) - {None})


async def test_a_lease_returns_when_it_runs_out_or_is_released(storage: Storage) -> None:
    await settled_down(storage, [5])
    broadcast = await running(storage)
    assert await claimed(storage, broadcast, "dead") == 0
    assert await claimed(storage, broadcast, "b", now=40) is None
    assert await claimed(storage, broadcast, "b", now=41) == 0
    await storage.deliveries.settle([], [(broadcast.id, 0)], worker="dead", until=99, now=42)
    assert not await storage.broadcasts.finish(broadcast, now=42), "a stranger gives no lease back"
    await storage.deliveries.release("b", broadcast.id + 1)
    assert await claimed(storage, broadcast, "c", now=43) is None
    await storage.deliveries.release("b", broadcast.id)
    assert await claimed(storage, broadcast, "c", now=43) is None, "its readers stay b's for a while"
    assert await claimed(storage, broadcast, "c", now=71) == 0
    await storage.deliveries.release("c")
    assert await claimed(storage, broadcast, "d", now=72) == 0
    mine = {"leases": [(broadcast.id, 0), (99, 9)], "blocks": [0, 9]}
    await storage.deliveries.settle([], [], worker="d", until=200, now=72, **mine)
    assert await claimed(storage, broadcast, "e", now=199) is None, "settling prolongs"


async def test_a_new_sender_takes_all_leases_over(storage: Storage) -> None:
    await settled_down(storage, [5])
    broadcast = await running(storage)
    assert await claimed(storage, broadcast, "dead") == 0
    await storage.deliveries.take_over()
    assert await claimed(storage, broadcast, "new") == 0


async def test_nothing_is_leased_of_what_does_not_run(storage: Storage) -> None:
    await settled_down(storage, [5, 2000])
    broadcast = await running(storage)
    assert await claimed(storage, broadcast, "a") == 0
    await storage.broadcasts.change(broadcast.id, BroadcastState.PAUSED, among=[BroadcastState.RUNNING], now=12)
    assert await claimed(storage, broadcast, "b", now=999) is None
    await storage.broadcasts.change(broadcast.id, BroadcastState.RUNNING, among=[BroadcastState.PAUSED], now=12)
    assert await claimed(storage, broadcast, "b", now=999) == 0


async def test_reading_gives_whom_it_concerns_and_nobody_twice(storage: Storage) -> None:
    ids = [(await subscribed(storage, chat, 1 << n)).id for n, chat in enumerate((GROUP, 5, BIG))]
    topic = await subscribed(storage, GROUP, 1, thread_id=44, language="kk")
    broadcast = await running(storage, Audience(sections=0b101))
    read = storage.deliveries.read
    everybody = await read(broadcast, 0, 0, 10)
    assert everybody == [
        Recipient(ids[0], GROUP, 0, "ru", 1),
        Recipient(ids[2], BIG, 0, "ru", 4),
        Recipient(topic.id, GROUP, 44, "kk", 1),
    ]
    assert await read(broadcast, 0, 0, 1) == everybody[:1]
    assert await read(broadcast, 0, ids[0], 10) == everybody[1:]
    assert await read(broadcast, 1, 0, 10) == []
    await subscribed(storage, 99, 1)  # came after the beginning: beyond the horizon
    await storage.readers.leave(topic.id, now=12)
    await storage.deliveries.settle([receipt(broadcast, ids[0])], [], worker="w", until=9, now=9)
    assert await read(broadcast, 0, 0, 10) == everybody[1:2]


async def test_blocks_do_not_overlap(storage: Storage) -> None:
    await settled_down(storage, [1, 1023, 1024, 2047, 2048])
    broadcast = await running(storage)
    found = [[reader.id for reader in await storage.deliveries.read(broadcast, n, 0, 100)] for n in range(3)]
    assert found == [[1, 1023], [1024, 2047], [2048]]


async def test_a_receipt_is_replaced_while_due_and_final_afterwards(storage: Storage) -> None:
    await settled_down(storage, [1])
    broadcast = await running(storage)

    async def settle(result: Result, **changes: object) -> tuple[object, ...]:
        one = receipt(broadcast, 1, result, **changes)
        await storage.deliveries.settle([one], [], worker="w", until=9, now=9)
        (row,) = await storage.engine.fetch(
            "SELECT outcome, message_id, version, carried, attempts, due_at, took_ms, reason FROM receipt"
        )
        return tuple(row)

    assert await settle(Result.WAITING, message_id=None, due_at=BIG) == (2, None, 1, None, 1, BIG, 1500, None)
    sent = await settle(Result.SENT, message_id=BIG, version=3, carried=(4, 5), took_ms=2**40, reason=TEXT)
    assert sent == (1, BIG, 3, "[4, 5]", 2, None, 2**40, TEXT)
    assert await settle(Result.WAITING, message_id=None, due_at=20) == sent, "a slower worker reopens nothing"
    assert await settle(Result.GONE, message_id=None) == sent


async def test_what_was_sent_settles_for_good(storage: Storage) -> None:
    broadcast = await running(storage)
    before = [
        receipt(broadcast, 1, Result.UNCERTAIN, due_at=20, reason="lost"),
        receipt(broadcast, 2, Result.GONE, reason="blocked"),
        receipt(broadcast, 3, carried=(4, 5)),
    ]
    await storage.deliveries.settle(before, [], worker="w", until=9, now=9)
    sent = [(broadcast.id, reader, BIG - reader, 2, 2**40) for reader in (1, 2, 3, 4)]
    await storage.deliveries.settle([], [], worker="w", until=9, now=9, sent=sent)
    await storage.deliveries.settle([receipt(broadcast, 4, Result.WAITING, due_at=9)], [], worker="w", until=9, now=9)
    rows = await storage.engine.fetch("SELECT * FROM receipt ORDER BY reader_id")
    assert [tuple(row) for row in rows] == [
        (broadcast.id, reader, 1, BIG - reader, 2, None, 1 if reader == 4 else 2, None, 2**40, reason)
        for reader, reason in ((1, "lost"), (2, None), (3, None), (4, None))
    ]
    progress = await storage.broadcasts.progress(broadcast.id)
    assert (progress.sent, progress.repeated) == (4, 1), "who was gone has it once"


async def test_gone_readers_sleep_and_the_other_topics_of_their_chat_do_not(storage: Storage) -> None:
    gone = [await subscribed(storage, -7, 1, thread_id=n) for n in (0, 1)]
    broadcast = await running(storage)
    receipts = [
        receipt(broadcast, gone[0].id, Result.GONE, gone=True, reason="blocked"),
        receipt(broadcast, 404, Result.GONE, gone=True),
    ]
    await storage.deliveries.settle(receipts, [], worker="w", until=9, now=9)
    assert [one.state for one in await storage.readers.living(-7)] == ["dormant", "active"]


async def test_a_group_of_any_size_is_settled(storage: Storage) -> None:
    broadcast = await running(storage)
    number = 0
    for size in (0, 1, 31, 32, 33, 512):
        sent = [(broadcast.id, number + n + 1, n, 1, 1500) for n in range(size)]
        await storage.deliveries.settle([], [], worker="w", until=9, now=9, sent=sent)
        number += size
        assert (await storage.broadcasts.progress(broadcast.id)).sent == number
    rows = await storage.engine.fetch("SELECT message_id FROM receipt WHERE reader_id > 97 ORDER BY reader_id")
    assert [row[0] for row in rows] == list(range(512))


async def test_waiting_readers_come_back_once_in_the_order_of_broadcasts(storage: Storage) -> None:
    readers = [await subscribed(storage, chat) for chat in (1, 2, 3)]
    first, second, paused, stopped = [await running(storage) for _ in range(4)]
    waits = [
        receipt(second, readers[0].id, Result.WAITING, due_at=20),
        receipt(first, readers[0].id, Result.WAITING, due_at=21),
        receipt(first, readers[1].id, Result.WAITING, due_at=500),
        receipt(first, readers[2].id, Result.WAITING, due_at=20),
        receipt(paused, readers[0].id, Result.WAITING, due_at=20),
        receipt(stopped, readers[0].id, Result.WAITING, due_at=20),
    ]
    await storage.deliveries.settle(waits, [], worker="w", until=9, now=9)
    change = storage.broadcasts.change
    await change(paused.id, BroadcastState.PAUSED, among=[BroadcastState.RUNNING], now=12)
    await change(stopped.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=12)
    await storage.readers.leave(readers[2].id, now=12)
    due_now = storage.deliveries.due
    assert await due_now("w", now=19, again=90, until=40_000, limit=10) == []
    taken = await asyncio.gather(*(due_now(w, now=30, again=90, until=40_000, limit=10) for w in "wwvv"))
    due = [item for part in taken for item in part]
    assert sorted((id_, attempts, reader.id) for id_, attempts, reader in due) == [
        (first.id, 1, readers[0].id),
        (second.id, 1, readers[0].id),
    ]
    for part in taken:
        assert [item[0] for item in part] == sorted(item[0] for item in part)
    assert await due_now("w", now=89, again=99, until=0, limit=10) == []
    assert len(await due_now("w", now=90, again=99, until=0, limit=1)) == 1
    assert await storage.deliveries.owed(1) == []
    owed = await storage.deliveries.owed(0)
    assert sorted(item[:3] for item in owed) == [
        (2, 1, first.id),
        (2, 1, second.id),
        (2, 1, paused.id),
        (2, 2, first.id),
    ]
    assert sorted(item[3] for item in owed) == [20, 90, 99, 500]
    assert (await storage.broadcasts.progress(stopped.id)).waiting == 0
    assert (await storage.broadcasts.progress(paused.id)).waiting == 1
    assert (await storage.broadcasts.progress(first.id)).waiting == 2


async def test_holds_only_grow_and_end(storage: Storage) -> None:
    assert await storage.deliveries.holds(now=0) == {}
    for chat in (GROUP, BIG):
        await subscribed(storage, chat)
    for chat, until in ((0, 50), (GROUP, 60), (GROUP, 40), (BIG, 10)):
        await storage.deliveries.hold(chat, until)
    assert await storage.deliveries.holds(now=10) == {0: 50, GROUP: 60}
    assert await storage.deliveries.holds(now=50) == {GROUP: 60}


async def test_old_receipts_and_copies_go_the_others_stay(storage: Storage) -> None:
    old, late, still = [await running(storage) for _ in range(3)]
    sent = [(item.id, n, 77, 1, 1500) for item in (old, late, still) for n in range(1, 1101)]
    await storage.deliveries.settle([], [], worker="w", until=9, now=9, sent=sent)
    change = storage.broadcasts.change
    await change(old.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=100)
    await change(late.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=200)
    for moment in (100, 200):
        await storage.posts.shown(1, 1, moment, 1, now=moment)
    await storage.deliveries.prune(200)
    counts = [(await storage.broadcasts.progress(item.id)).sent for item in (old, late, still)]
    assert counts == [0, 1100, 1100]
    assert [row[0] for row in await storage.engine.fetch("SELECT message_id FROM copy")] == [200]


async def test_what_was_paid_adds_up_and_the_first_reason_stays(storage: Storage) -> None:
    broadcast, other = await running(storage), await running(storage)
    for spent in (
        [(2**40, "", broadcast.id)],
        [(2, TEXT, broadcast.id), (1, "", other.id)],
        [(1, "cap", broadcast.id)],
        [],
    ):
        await storage.deliveries.settle([], [], worker="w", until=9, now=9, spent=spent)
    found = [await storage.broadcasts.get(one.id) for one in (broadcast, other)]
    assert [(one.paid, one.unpaid) for one in found if one] == [(2**40 + 3, TEXT), (1, "")]


@pytest.mark.parametrize("given_back", ["release", "take_over"])
async def test_a_lease_given_back_is_not_prolonged_with_the_others(storage: Storage, given_back: str) -> None:
    """A broadcast that is paused and goes on: the receipts of others, written in between, must not keep its block."""
    broadcast = await running(storage)
    await settled_down(storage, [1])
    broadcast = replace(broadcast, horizon=1)
    claim = storage.deliveries.claim
    first = await claim(broadcast, "w", 1, now=10, until=40)
    if given_back == "release":
        await storage.deliveries.release("w", broadcast.id)
    else:
        await storage.deliveries.take_over()
    await storage.deliveries.settle([], [], worker="w", until=60, now=30)
    again = await claim(broadcast, "w", 1, now=30, until=60)
    assert first
    assert again == first._replace(fresh=False)
