"""Broadcasts: one row per send, whatever its audience."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from storage_help import ALL_SECTIONS, article, breaking, receipt, running, saved, settled_down

from bot.domain.delivery import Audience, BroadcastState, Lane, Result
from bot.domain.desk import DraftState, Role
from bot.domain.errors import StorageError
from storage import Storage
from tests.factories import drafted, launched, withdraw

AUDIENCE = Audience(sections=ALL_SECTIONS, besides=1 << 61, breaking=True, languages=("ru", "kk"))


async def test_a_round_carries_its_posts_in_order(storage: Storage) -> None:
    await saved(storage, article(1, 1), article(2, 1), article(3, 1))
    await settled_down(storage, [3000])
    posts = [post for post, _ in await storage.posts.waiting()][::-1]
    id_ = await storage.broadcasts.publish(posts, AUDIENCE, key="k", lane=Lane.REGULAR, total=7, start=0.999, now=50)
    broadcast = await storage.broadcasts.get(id_)
    assert broadcast
    assert broadcast.posts == tuple(post.id for post in posts)
    assert (broadcast.audience, broadcast.lane, broadcast.total) == (AUDIENCE, Lane.REGULAR, 7)
    assert (broadcast.horizon, broadcast.blocks, broadcast.start_block, broadcast.cursor) == (3000, 3, 2, 0)
    assert (broadcast.state, broadcast.started_at, broadcast.due_at) == (BroadcastState.RUNNING, 50, 50)
    assert [item.id for item in await storage.broadcasts.open()] == [id_]
    assert await storage.broadcasts.get(404) is None


async def test_a_list_carries_on_what_others_leave(storage: Storage) -> None:
    """With the posts that nobody has withdrawn; it is all or nothing."""
    await saved(storage, *(article(n, 1) for n in range(1, 5)))
    await settled_down(storage, [1])
    posts = [post for post, _ in await storage.posts.waiting()]
    publish, rest = storage.broadcasts.publish, {"lane": Lane.REGULAR, "total": 1, "start": 0.0}
    second = await publish(posts[1:3], AUDIENCE, key="a", now=50, **rest)  # type: ignore[arg-type]
    first = await publish(posts[:1], AUDIENCE, key="b", now=50, **rest)  # type: ignore[arg-type]
    assert await withdraw(storage, posts[1], lane=Lane.REGULAR, now=51)
    id_ = await publish(posts[3:], AUDIENCE, key="late:1", now=60, rest_of=[first, second], **rest)  # type: ignore[arg-type]
    made = await storage.broadcasts.get(id_)
    assert made
    assert made.posts == (posts[0].id, posts[2].id, posts[3].id)
    for stopped in [await storage.broadcasts.get(first), await storage.broadcasts.get(second)]:
        assert stopped
        assert (stopped.state, stopped.finished_at) == (BroadcastState.STOPPED, 60)
    with pytest.raises(StorageError, match="does not run any more"):
        await publish([], AUDIENCE, key="late:2", now=61, rest_of=[id_, first], **rest)  # type: ignore[arg-type]
    again = await storage.broadcasts.get(id_)
    assert again
    assert again.state is BroadcastState.RUNNING


async def test_whether_anybody_has_got_it(storage: Storage) -> None:
    await settled_down(storage, [1, 2])
    broadcast = await running(storage)
    lost = receipt(broadcast, 1, Result.UNCERTAIN, message_id=None, due_at=20)
    await storage.deliveries.settle([lost], [], worker="w", until=41, now=12)
    assert not await storage.broadcasts.arrived(broadcast.id)
    await storage.deliveries.settle([receipt(broadcast, 2)], [], worker="w", until=41, now=12)
    assert await storage.broadcasts.arrived(broadcast.id)


async def test_one_press_one_send(storage: Storage) -> None:
    draft = await drafted(storage)
    arguments: dict[str, Any] = {
        "by": 0,
        "solo": False,
        "lane": Lane.BREAKING,
        "total": 1,
        "start": 0.0,
        "due": 60,
        "now": 55,
    }
    launch = storage.broadcasts.launch
    assert await launch(replace(draft, rev=1), breaking(), AUDIENCE, **arguments) is None, "it has changed"
    assert await launch(draft, breaking(), AUDIENCE, **arguments | {"by": 9}) is None, "nobody with rights sends it"
    id_ = await launch(draft, breaking(), AUDIENCE, **arguments)
    assert id_
    cast = await storage.broadcasts.get(id_)
    assert cast
    hidden = 0 if AUDIENCE.breaking else cast.posts[0]
    assert cast.audience == replace(AUDIENCE, followed=cast.posts, hidden=hidden), (
        "those who follow a word or story too"
    )
    assert await launch(draft, breaking(), AUDIENCE, **arguments) is None
    assert await launch(replace(draft, state=DraftState.SENT), breaking(), AUDIENCE, **arguments) is None
    assert await launch(replace(draft, id=404), breaking(), AUDIENCE, **arguments) is None
    broadcast = await storage.broadcasts.get(id_)
    assert broadcast
    assert (broadcast.state, broadcast.due_at, broadcast.started_at) == (BroadcastState.COUNTDOWN, 60, None)
    sent = await storage.drafts.get(draft.id)
    assert sent
    assert (sent.state, sent.broadcast_id, sent.sent_by, sent.solo) == (DraftState.SENT, id_, 0, False)


async def test_who_sends_must_have_rights_when_it_begins(storage: Storage) -> None:
    await storage.editors.add(9, Role.EDITOR, "Ада", by=0, now=1)
    id_ = await launched(storage, breaking(), AUDIENCE, by=9)
    assert await storage.broadcasts.entitled(id_)
    await storage.editors.remove(9)
    assert not await storage.broadcasts.entitled(id_)
    assert await storage.broadcasts.entitled(await launched(storage, breaking(), AUDIENCE, now=6))


async def test_who_left_after_it_is_counted(storage: Storage) -> None:
    await settled_down(storage, range(1, 8))
    broadcast = await running(storage, Audience(breaking=True))
    receipts = [receipt(broadcast, id_) for id_ in range(1, 7)] + [receipt(broadcast, 7, Result.GONE, gone=True)]
    await storage.deliveries.settle(receipts, [], worker="w", until=41, now=12)
    await storage.readers.leave(1, now=20)
    await storage.readers.change(2, breaking=False, now=30)
    await storage.readers.unreachable(7_000_003, now=40)
    await storage.readers.leave(4, now=3700)
    assert [await storage.broadcasts.left(broadcast, until=until) for until in (10, 25, 3600, 4000)] == [0, 1, 3, 4]


async def test_only_the_first_change_counts(storage: Storage) -> None:
    change = storage.broadcasts.change
    for wanted in BroadcastState:
        id_ = (await running(storage)).id
        assert not await change(id_, wanted, among=[BroadcastState.COUNTDOWN, BroadcastState.PAUSED], now=20)
        assert await change(id_, wanted, among=[BroadcastState.RUNNING], now=20)
        changed = await storage.broadcasts.get(id_)
        assert changed
        assert (changed.state, changed.started_at) == (wanted, 10)
        assert (changed.finished_at == 20) == (wanted in ("stopped", "cancelled"))
        still_open = wanted in ("countdown", "running", "paused")
        assert (id_ in [item.id for item in await storage.broadcasts.open()]) == still_open
        assert not await change(404, wanted, among=list(BroadcastState), now=20)


async def test_it_ends_when_nothing_is_left(storage: Storage) -> None:
    await settled_down(storage, [1, 2])
    broadcast = await running(storage)
    finish = storage.broadcasts.finish
    settle = storage.deliveries.settle
    assert not await finish(broadcast, now=11), "a block was never taken"
    assert await storage.deliveries.claim(broadcast, "w", 1, now=11, until=41) == (0, True)
    assert not await finish(broadcast, now=11), "a lease is out"
    waits = receipt(broadcast, 1, Result.WAITING, due_at=15)
    await settle([waits, receipt(broadcast, 2)], [(broadcast.id, 0)], worker="w", until=41, now=12)
    assert not await finish(broadcast, now=13), "a reader waits"
    await settle([receipt(broadcast, 1)], [], worker="w", until=41, now=15)
    assert await finish(broadcast, now=16)
    assert not await finish(broadcast, now=17)
    done = await storage.broadcasts.get(broadcast.id)
    assert done
    assert (done.state, done.finished_at) == (BroadcastState.DONE, 16)


async def test_nobody_to_send_to_ends_at_once(storage: Storage) -> None:
    broadcast = await running(storage)
    assert broadcast.blocks == 0
    assert await storage.deliveries.claim(broadcast, "w", 1, now=11, until=41) is None
    assert await storage.broadcasts.finish(broadcast, now=11)


async def test_progress_and_refusals_are_counted_from_receipts(storage: Storage) -> None:
    broadcast = await running(storage, total=3)
    empty = await storage.broadcasts.progress(broadcast.id)
    assert (empty.total, empty.settled, empty.p50, empty.p95) == (3, 0, None, None)
    sent = [receipt(broadcast, n, took_ms=100 * n) for n in range(1, 101)]
    other = [
        receipt(broadcast, 201, Result.GONE, reason="blocked"),
        receipt(broadcast, 202, Result.GONE, reason="blocked"),
        receipt(broadcast, 203, Result.REJECTED, reason="bad"),
        *(receipt(broadcast, n, Result.REJECTED, reason="worse") for n in (208, 209)),
        receipt(broadcast, 204, Result.UNCERTAIN, reason="lost"),
        receipt(broadcast, 205, Result.UNCERTAIN, reason="lost", due_at=9),
        receipt(broadcast, 206, Result.WAITING, due_at=9),
        receipt(broadcast, 207, Result.SKIPPED),
    ]
    await storage.deliveries.settle(sent + other, [], worker="w", until=9, now=9)
    now = await storage.broadcasts.progress(broadcast.id)
    assert (now.sent, now.gone, now.rejected, now.uncertain, now.waiting) == (100, 2, 3, 1, 2)
    assert (now.total, now.settled, now.left, now.share) == (109, 106, 3, 0.97)
    assert (now.seconds_left(1.5), now.seconds_left(0)) == (2.0, None)
    assert (now.p50, now.p95) == (5.0, 9.5)
    assert await storage.broadcasts.refusals(broadcast.id) == [("worse", 2), ("bad", 1)]
    assert now.refusals == (("worse", 2), ("bad", 1))
    nothing = await storage.broadcasts.progress(404)
    assert (nothing.total, nothing.settled) == (0, 0)
    assert await storage.broadcasts.refusals(404) == []


async def test_the_last_days_are_counted_back_from_now(storage: Storage) -> None:
    day, now = 86_400, 30 * 86_400
    assert await storage.broadcasts.daily(now=now) == []
    for started, total in ((now, 5), (now - day + 1, 7), (now - 2 * day, 11), (now - 9 * day, 13), (now + 60, 17)):
        cast = await running(storage, total=total)
        await storage.engine.write("UPDATE broadcast SET started_at = :at WHERE id = :id", at=started, id=cast.id)
    waits = await running(storage, total=19)
    await storage.engine.write("UPDATE broadcast SET started_at = NULL WHERE id = :id", id=waits.id)
    assert await storage.broadcasts.daily(now=now) == [12, 0, 11]


async def test_percentiles_of_many_are_looked_up_in_a_part(sqlite_storage: Storage) -> None:
    broadcast = await running(sqlite_storage)
    receipts = [receipt(broadcast, n, took_ms=10 * n) for n in range(1, 20_001)]
    await sqlite_storage.deliveries.settle(receipts, [], worker="w", until=9, now=9)
    progress = await sqlite_storage.broadcasts.progress(broadcast.id)
    assert progress.sent == 20_000
    assert progress.p50 == pytest.approx(100, abs=1)
    assert progress.p95 == pytest.approx(190, abs=1)


async def test_partner_posts_and_who_has_had_one_that_day(storage: Storage) -> None:
    await settled_down(storage, [1, 2, 3])
    audience = Audience(promo=738_000)
    ids = []
    for n in range(3):
        await saved(storage, article(n, 1))
        ((post, _),) = await storage.posts.waiting()
        ids.append(
            await storage.broadcasts.publish([post], audience, key=f"k{n}", lane=Lane.PROMO, total=3, start=0, now=50)
        )
    assert await storage.broadcasts.change(ids[1], BroadcastState.CANCELLED, among=[BroadcastState.RUNNING], now=51)
    found = await storage.broadcasts.promos(5)
    assert [(one.id, one.audience) for one in found] == [(ids[2], audience), (ids[0], audience)]
    assert [one.id for one in await storage.broadcasts.promos(1)] == [ids[2]]
    made = [receipt(found[1], 1), receipt(found[1], 2, result=Result.GONE)]
    await storage.deliveries.settle(made, [], worker="w", until=0, now=60)
    assert await storage.readers.count(audience) == 2
    assert await storage.readers.count(Audience(promo=738_001)) == 3
