"""All or nothing: the n-th statement of a unit of work fails, n = 1, 2, 3 … until a run passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from storage_help import Failing, article, breaking, everything, receipt, running, saved, settled_down

from bot.domain.delivery import Audience, Broadcast, Lane, Result
from bot.domain.desk import Role
from bot.domain.errors import StorageBusy
from bot.domain.feed import Found, Met, Poll
from storage import Storage
from tests.factories import drafted

Work = Callable[[Storage], Awaitable[object]]


async def all_or_nothing(storage: Storage, work: Work) -> int:
    """Run `work` with ever later failures; how many statements could fail. It then passes and changes something."""
    before = await everything(storage)
    for n in range(1, 60):
        failing = Failing(storage.engine, n)
        if not await _survives(work, Storage(failing)):
            assert failing.fired
            assert await everything(storage) == before, f"statement {n} failed and something stayed"
            continue
        assert not failing.fired, f"the failure of statement {n} was swallowed"
        assert await everything(storage) != before
        return n - 1
    raise AssertionError("never passes")


async def _survives(work: Work, storage: Storage) -> bool:
    try:
        await work(storage)
    except StorageBusy:
        return False
    return True


async def test_a_poll(storage: Storage) -> None:
    edited, seen = await saved(storage, article(1, 1), article(2, 1))
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    poll = Poll(
        feed,
        new=(Found(article(3, feed.id), ("k3", "k3b"), True), Found(article(4, feed.id), ("k4",), False)),
        edited=(Found(article(1, feed.id, id=edited, title="Новый"), ("k1",), False),),
        seen=(Met(seen, ("k2",), 4, publish=True),),
    )
    assert await all_or_nothing(storage, lambda failing: failing.feeds.save_poll(poll, now=200)) >= 12


async def test_a_publication(storage: Storage) -> None:
    await saved(storage, article(1, 1), article(2, 1))
    posts = [post for post, _ in await storage.posts.waiting()]

    async def publish(failing: Storage) -> None:
        await failing.broadcasts.publish(posts, Audience(), key="k", lane=Lane.REGULAR, total=1, start=0, now=1)

    assert await all_or_nothing(storage, publish) >= 6


async def test_a_launch(storage: Storage) -> None:
    draft = await drafted(storage)

    async def launch(failing: Storage) -> None:
        await failing.broadcasts.launch(
            draft, breaking(), Audience(), by=0, solo=False, lane=Lane.BREAKING, total=1, start=0, due=9, now=1
        )

    assert await all_or_nothing(storage, launch) >= 7


@pytest.mark.parametrize("what", ["claim", "again", "settle", "due"])
async def test_a_delivery(storage: Storage, what: str) -> None:
    await settled_down(storage, [1, 2, 3])
    broadcast: Broadcast = await running(storage)
    deliveries = storage.deliveries
    waits = receipt(broadcast, 3, Result.WAITING, due_at=20)
    receipts = [
        receipt(broadcast, 1),
        receipt(broadcast, 2, Result.GONE, gone=True),
        receipt(broadcast, 3, carried=(1, 2)),
    ]
    if what != "claim":
        await deliveries.claim(broadcast, "w", 1, now=11, until=41)
        await deliveries.settle([waits, receipt(broadcast, 404, due_at=20)], [], worker="w", until=41, now=12)
    works: dict[str, Work] = {
        "claim": lambda failing: failing.deliveries.claim(broadcast, "w", 1, now=11, until=41),
        "again": lambda failing: failing.deliveries.claim(broadcast, "b", 2, now=99, until=141),
        "settle": lambda failing: failing.deliveries.settle(
            receipts, [(broadcast.id, 0)], worker="w", until=50, now=15, sent=[(broadcast.id, 4, 77, 1, 9)]
        ),
        "due": lambda failing: failing.deliveries.due("w", now=30, again=90, until=1, limit=9),
    }
    least = {"claim": 5, "again": 3, "settle": 6, "due": 6}
    assert await all_or_nothing(storage, works[what]) >= least[what]


async def test_an_update_a_move_and_an_erasure(storage: Storage) -> None:
    reader = await storage.readers.meet(5, language="ru", now=1)
    await storage.deliveries.settle([receipt(await running(storage), reader.id)], [], worker="w", until=1, now=1)
    updates = [(n, 5, "{}") for n in range(3)]
    assert await all_or_nothing(storage, lambda failing: failing.inbox.store(updates, 1)) >= 5
    assert await all_or_nothing(storage, lambda failing: failing.inbox.recover(0, 1)) >= 4
    assert await all_or_nothing(storage, lambda failing: failing.readers.mute(reader.id, [1, 2], until=9, now=1)) >= 4
    assert await all_or_nothing(storage, lambda failing: failing.readers.end_mutes(now=9)) >= 4
    await storage.readers.mute(reader.id, [1], until=9, now=1)
    assert await all_or_nothing(storage, lambda failing: failing.readers.unmute(reader.id, now=1)) >= 4
    assert await all_or_nothing(storage, lambda failing: failing.readers.move(5, -10055)) >= 4
    assert await all_or_nothing(storage, lambda failing: failing.privacy.erase(-10055, now=9)) >= 6
    assert await all_or_nothing(storage, lambda failing: drafted(failing)) >= 3
    draft = replace(await drafted(storage, author=8), embargo_at=99)
    assert (
        await all_or_nothing(storage, lambda failing: failing.drafts.write(draft, draft.state, keys="ab", now=2)) >= 6
    )
    draft = replace(draft, rev=1)
    await storage.drafts.ask(draft, "s", until=99, now=3)
    await storage.editors.add(8, Role.EDITOR, "a", by=0, now=1)
    await storage.editors.add(7, Role.EDITOR, "b", by=0, now=1)

    async def approve(failing: Storage) -> None:
        await failing.drafts.approve(draft.id, 7, "s", needed=1, now=4)

    assert await all_or_nothing(storage, approve) >= 5
    assert await all_or_nothing(storage, lambda failing: failing.drafts.back(draft.id, now=5)) >= 3
    assert await all_or_nothing(storage, lambda failing: failing.drafts.drop(draft.id)) >= 3
    assert await all_or_nothing(storage, lambda failing: failing.drafts.prune(99)) >= 3
    assert await all_or_nothing(storage, lambda failing: failing.meta.section_bits(["a", "b"])) >= 6
