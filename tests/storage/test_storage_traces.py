"""Traces: what sends, receipts and copies say of one post at one reader."""

from __future__ import annotations

from storage_help import article, receipt, saved, settled_down

from bot.domain.delivery import Audience, Broadcast, Lane, Marks, Result
from bot.domain.post import PostState
from storage import Storage


async def sent(storage: Storage, posts: list[int], key: str, lane: Lane = Lane.REGULAR) -> Broadcast:
    """A running broadcast with these posts."""
    waiting = [post for post, _ in await storage.posts.waiting() if post.id in posts]
    id_ = await storage.broadcasts.publish(
        waiting, Audience(sections=1), key=key, lane=lane, total=7, start=0.0, now=100
    )
    made = await storage.broadcasts.get(id_)
    assert made
    return made


async def test_the_ways_of_a_post_to_a_reader(storage: Storage) -> None:
    await settled_down(storage, range(1, 6))
    await saved(storage, *(article(n, 1) for n in range(1, 5)))
    assert await storage.traces.state(1) is PostState.WAITING
    assert await storage.traces.state(99) is None
    alone, round_ = await sent(storage, [1], "a"), await sent(storage, [2, 3], "b")
    list_, other = await sent(storage, [], "l", Lane.DIGEST), await sent(storage, [], "m", Lane.DIGEST)
    await storage.lists.carry(list_.id, [1, 2])
    await storage.lists.carry(other.id, [1])
    receipts = [
        receipt(alone, 1, message_id=11),
        receipt(alone, 2, Result.REJECTED, message_id=None),
        receipt(round_, 1, message_id=12, carried=(3,)),
        receipt(round_, 3, message_id=13),
        receipt(list_, 4, message_id=14, carried=(1, 2)),
    ]
    await storage.deliveries.settle(receipts, [], worker="w", until=41, now=12, marks=Marks())
    await storage.posts.shown(4, 1, 15, 1, now=130)

    (passage,) = await storage.traces.passages(1, 1)
    assert (passage.lane, passage.result, passage.began, passage.together) == (Lane.REGULAR, Result.SENT, 100, False)
    assert [one.result for one in await storage.traces.passages(1, 2)] == [Result.REJECTED]
    assert [one.result for one in await storage.traces.passages(1, 5)] == [None]
    assert await storage.traces.passages(2, 1) == [], "the round's message brought another"
    assert [one.together for one in await storage.traces.passages(3, 1)] == [True]
    assert [(one.lane, one.result) for one in await storage.traces.passages(1, 4)] == [
        (Lane.REGULAR, None),
        (Lane.DIGEST, Result.SENT),
    ], "of lists the reader's own"
    assert (await storage.traces.shown(4, 1), await storage.traces.shown(4, 2)) == (130, None)
    assert await storage.traces.of_message(1, 11) == [1]
    assert await storage.traces.of_message(1, 12) == [3]
    assert await storage.traces.of_message(3, 13) == [2, 3]
    assert await storage.traces.of_message(1, 15) == [4]
    assert await storage.traces.of_message(2, 11) == [], "another's message"
    assert await storage.traces.latest(1, 5) == [1]


async def test_words_and_mutes_that_concern_a_post(sqlite_storage: Storage) -> None:
    storage = sqlite_storage
    await settled_down(storage, [1, 2])
    await saved(storage, article(1, 1))
    for word, follows in (("мост", True), ("река", False)):
        await storage.terms.choose(1, word, [f"={word}"], follows=follows, since=0, now=1)
    (post,) = await storage.posts.get([1])
    known = dict(await storage.terms.known(["=мост", "=река"]))
    await storage.terms.read([(post, list(known))])
    assert await storage.traces.words(1, 1) == [("мост", True), ("река", False)]
    assert await storage.traces.words(1, 2) == []
    await storage.readers.mute(1, [0, 3], until=50, now=1)
    assert await storage.traces.muted_until(1, 0b1001) == 50
    assert await storage.traces.muted_until(1, 0b0010) is None
