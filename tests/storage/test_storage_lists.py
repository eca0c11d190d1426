"""Lists: when they are due, what they may hold, and what a reader has already."""

from __future__ import annotations

from typing import Any

import pytest
from storage_help import article, receipt, saved, settled_down, subscribed

from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Marks, Receipt, Result
from bot.domain.post import Post
from bot.domain.reader import ALL, DIGESTS, Choices, Quiet
from storage import Storage

LISTS = Choices(volume=DIGESTS)


async def send(
    storage: Storage, posts: list[Post], key: str, *, lane: Lane = Lane.REGULAR, now: int = 10, **more: Any
) -> Broadcast:
    """A running broadcast of waiting posts."""
    id_ = await storage.broadcasts.publish(
        posts, Audience(sections=1), key=key, lane=lane, total=7, start=0.0, now=now, **more
    )
    made = await storage.broadcasts.get(id_)
    assert made
    return made


async def three(storage: Storage) -> list[Post]:
    await saved(storage, *(article(n, 1) for n in range(1, 4)))
    return [post for post, _ in await storage.posts.waiting()]


async def mark(storage: Storage, *receipts: Receipt, **marks: list[tuple[int, ...]]) -> None:
    await storage.deliveries.settle(list(receipts), [], worker="w", until=41, now=12, marks=Marks(**marks))


async def test_what_a_reader_had_or_cannot_have_is_in_no_list(storage: Storage) -> None:
    """Got, refused for good or lost for good, shown, in a list: not again. Still to be tried, or skipped: yes."""
    await settled_down(storage, range(1, 10))
    first, second, third = await three(storage)
    one, two = await send(storage, [first], "a"), await send(storage, [second], "b")
    lists = await send(storage, [], "list:1", lane=Lane.DIGEST)
    await storage.lists.carry(lists.id, [first.id, second.id, third.id])
    await storage.posts.shown(second.id, 9, 77, 1, now=12)
    await mark(
        storage,
        receipt(one, 1),
        receipt(two, 1),
        receipt(two, 2),
        receipt(one, 3, Result.REJECTED, message_id=None),
        receipt(one, 4, Result.UNCERTAIN, message_id=None),
        receipt(one, 5, Result.UNCERTAIN, message_id=None, due_at=90),
        receipt(one, 6, Result.WAITING, message_id=None, due_at=90),
        receipt(one, 7, Result.SKIPPED, message_id=None),
        receipt(lists, 8, carried=(first.id, third.id)),
    )
    late = await send(storage, [third], "late:1,2", rest_of=[one.id, two.id])
    assert late.posts == (first.id, second.id, third.id)
    assert await storage.lists.had(range(1, 10), late.posts) == {
        1: {first.id, second.id},
        2: {second.id},
        3: {first.id},
        4: {first.id},
        8: {first.id, third.id},
        9: {second.id},
    }
    assert await storage.lists.carried(lists.id, 8) == (first.id, third.id)
    assert await storage.lists.carried(lists.id, 1) == await storage.lists.carried(one.id, 1) == ()


async def test_sends_of_posts_are_numbered_as_they_begin(storage: Storage) -> None:
    first, second, third = await three(storage)
    one = await send(storage, [first], "a")
    breaking = await send(storage, [], "b", lane=Lane.BREAKING)
    two, three_ = await send(storage, [second], "c"), await send(storage, [third], "d")
    assert [item.serial for item in (one, breaking, two, three_)] == [1, 0, 2, 3]
    assert await storage.lists.lately(1) == (3, [(2, second.id, True), (3, third.id, True)])
    running, paused = [BroadcastState.RUNNING], [BroadcastState.PAUSED]
    await storage.broadcasts.change(two.id, BroadcastState.PAUSED, among=running, now=11)
    assert await storage.lists.lately(0) == (3, [(1, first.id, True), (3, third.id, True)]), (
        "a paused send waits for the desk"
    )
    await storage.broadcasts.change(two.id, BroadcastState.RUNNING, among=paused, now=12)
    assert await storage.lists.lately(3) == (4, [(4, second.id, True)]), "and counts anew when it goes on"
    await storage.broadcasts.change(three_.id, BroadcastState.STOPPED, among=running, now=12)
    assert await storage.lists.lately(0) == (4, [(1, first.id, True), (4, second.id, True)])


async def test_a_list_that_is_done_with_has_its_next_time_reckoned(storage: Storage) -> None:
    ids = [(await subscribed(storage, chat, choices=LISTS)).id for chat in (1, 2, 3)]
    plain = await subscribed(storage, 4)
    assert [reader.list_at for reader in await storage.lists.unreckoned(9)] == [0, 0, 0]
    await storage.lists.reckon([(100, 0, ids[0]), (100, 0, ids[1]), (None, 0, ids[2])], [(5, 3, ids[0])])
    assert await storage.lists.unreckoned(9) == []
    assert [await storage.lists.due(now=now) for now in (99, 100)] == [0, 2]
    await storage.readers.unreachable(2, now=1)
    assert await storage.lists.due(now=100) == 1
    await storage.lists.reckon([(200, 7, ids[0])], [])
    assert await storage.lists.due(now=100) == 1, "chosen anew meanwhile"
    await mark(storage, put_off=[(150, 100, ids[0]), (150, 100, plain.id)])
    assert [await storage.lists.due(now=now) for now in (149, 150)] == [0, 1]
    await mark(storage, put_off=[(190, 100, ids[0])], listed=[(4, 100, ids[0])])
    assert await storage.lists.due(now=150) == 1, "a list of before the choices changed leaves the next one its time"
    six = (6, 150, ids[0])
    await mark(storage, listed=[six, six, (5, 150, ids[0])], counted=[(5, ids[0]), (5, ids[0])])
    (reader,) = await storage.lists.unreckoned(9)
    assert (reader.id, reader.list_at) == (ids[0], -150)
    rows = await storage.engine.fetch("SELECT listed, day, n FROM reader JOIN pace ON reader_id = id")
    assert [tuple(row) for row in rows] == [(6, 5, 5)]
    await mark(storage, counted=[(6, ids[0])])
    rows = await storage.engine.fetch("SELECT day, n FROM pace")
    assert [tuple(row) for row in rows] == [(6, 1)]


async def test_while_lists_are_under_way_nobody_is_due(storage: Storage) -> None:
    reader = await subscribed(storage, 1, choices=LISTS)
    await storage.lists.reckon([(100, 0, reader.id)], [])
    lists = await send(storage, [], "list:100", lane=Lane.DIGEST)
    await storage.deliveries.claim(lists, "w", 1, now=1000, until=2000)
    assert await storage.lists.due(now=100) == 0


async def test_lists_begin_with_what_begins_then(storage: Storage) -> None:
    """Nothing of before a yes, a pause's end or a return; of the last day for who begins to want lists."""

    async def listed(chat: int) -> int:
        rows = await storage.engine.fetch("SELECT listed FROM reader WHERE chat_id = :chat", chat=chat)
        return int(rows[0][0])

    first, second, third = await three(storage)
    wants, plain = await subscribed(storage, 1, choices=LISTS), await subscribed(storage, 2)
    await send(storage, [first], "a", now=100)
    assert await storage.readers.consent(wants.id, "w", now=9)
    assert [await listed(1), await listed(2)] == [0, 0], "a second yes changes nothing"
    await subscribed(storage, 3)
    assert await listed(3) == 1
    await storage.readers.pause(wants.id, until=50, now=9)
    await storage.readers.end_pauses(now=60)
    await storage.readers.unreachable(2, now=9)
    await storage.readers.reachable(2, now=9)
    assert [await listed(1), await listed(2)] == [1, 1]
    await storage.engine.write("UPDATE reader SET listed = 0")
    await send(storage, [second], "b", now=90_000)
    await storage.readers.change(plain.id, now=90_001, volume=8)
    assert await listed(2) == 1, "the send of yesterday is too old, the other one may still be on its way"
    await send(storage, [third], "c", now=200_000)
    changed = await storage.readers.change(plain.id, now=300_000, quiet=Quiet.HOLD)
    assert changed
    assert (changed.list_at, await listed(2)) == (0, 1), "what waits for a list goes on waiting"


@pytest.mark.parametrize("change", [{"volume": ALL}, {"digest_at": (60,)}, {"zone": "Asia/Tokyo"}])
async def test_whoever_has_no_lists_gets_none_by_other_choices(
    sqlite_storage: Storage, change: dict[str, object]
) -> None:
    reader = await subscribed(sqlite_storage, 1)
    changed = await sqlite_storage.readers.change(reader.id, now=9, **change)
    assert changed
    assert changed.list_at is None


async def test_a_star_sends_a_story_on_to_those_who_want_no_other(storage: Storage) -> None:
    first, second, _ = await three(storage)
    await send(storage, [first], "a")
    for post in (first, second, first):
        await storage.posts.star(post.id)
    waiting = {post.id: (post.main, served) for post, served in await storage.posts.waiting()}
    assert waiting[first.id] == (True, 1)
    assert waiting[second.id] == (True, 0)
    await storage.posts.star(second.id, wanted=False)
    ((_, post, _),) = [(0, post, 0) for post, _ in await storage.posts.waiting() if post.id == second.id]
    assert not post.main


async def test_a_list_of_one_reader_is_begun_at_once(storage: Storage) -> None:
    """Whoever has no lists otherwise looks back a day; nobody else belongs to it, and a second press begins no more."""
    await settled_down(storage, range(1, 4))
    first, second, _ = await three(storage)
    await send(storage, [first], "a", now=10)
    await send(storage, [second], "b", now=90_000)
    now = 100_000
    asking = await storage.lists.asking(2, now=now)
    assert asking is not None
    assert (asking.id, asking.listed) == (2, 1)
    assert await storage.broadcasts.ask(2, listed=1, now=now)
    assert not await storage.broadcasts.ask(2, listed=1, now=now)
    (cast,) = [one for one in await storage.broadcasts.open() if one.lane is Lane.DIGEST]
    assert (cast.audience, cast.turns) == (Audience(due=now, only=2), 1)
    assert [reader.id for reader in await storage.deliveries.read(cast, 0, 0, 9)] == [2]
    await storage.readers.leave(2, now=now)
    assert await storage.lists.asking(2, now=now) is None
    assert not await storage.broadcasts.ask(2, listed=1, now=now + 1)


async def test_who_has_a_story_is_known_while_a_list_may_bring_it_again(storage: Storage) -> None:
    """A story that went out again since the last list: its first receipts are needed, though older than all lists."""
    reader = await subscribed(storage, 1, choices=LISTS)
    first, second, _ = await three(storage)
    one, two = await send(storage, [first], "a"), await send(storage, [second], "b")
    await mark(storage, receipt(one, reader.id), receipt(two, reader.id), listed=[(two.serial, 0, reader.id)])
    await storage.posts.star(first.id)
    await send(storage, [first], "again")
    await storage.engine.write("UPDATE broadcast SET finished_at = 20")
    await storage.deliveries.prune(30)
    assert await storage.lists.had([reader.id], [first.id, second.id]) == {reader.id: {first.id}}
    await storage.deliveries.prune(30 + 8 * 86_400)
    assert not await storage.lists.had([reader.id], [first.id])
