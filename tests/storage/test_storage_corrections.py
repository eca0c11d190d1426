"""Corrections: a version that rises, and the broadcasts that carry it to every copy there is."""

from __future__ import annotations

from dataclasses import replace

from storage_help import BIG, article, breaking, receipt, running, saved, settled_down, subscribed

from bot.domain.delivery import Audience, Broadcast, BroadcastState, Copy, Kind, Lane, Result
from bot.domain.feed import Found, Poll
from bot.domain.post import Post, RichText
from bot.domain.recipient import Recipient
from storage import Storage
from storage.corrections import SETTLING
from tests.factories import correct, launched, withdraw


async def post_of(storage: Storage, broadcast: Broadcast) -> Post:
    """What it carries, as of now."""
    (post,) = await storage.posts.get(broadcast.posts[:1])
    return post


async def sent(storage: Storage, broadcast: Broadcast, *readers: int, **changes: object) -> None:
    """These readers have a copy under message id 1000 + reader."""
    receipts = [receipt(broadcast, n, **{"message_id": 1000 + n, **changes}) for n in readers]
    await storage.deliveries.settle(receipts, [], worker="x", until=9, now=9)


async def corrected(storage: Storage, broadcast: Broadcast, text: str = "Новое", *, now: int = 50) -> list[Broadcast]:
    """The broadcasts that a correction of its post starts."""
    post = replace(await post_of(storage, broadcast), texts={"ru": RichText(text)})
    ids = await correct(storage, post, lane=Lane.BREAKING, now=now)
    assert ids is not None
    return [one for one in await storage.broadcasts.open() if one.id in ids]


async def end(storage: Storage, broadcast: Broadcast, wanted: BroadcastState = BroadcastState.DONE) -> None:
    assert await storage.broadcasts.change(broadcast.id, wanted, among=[BroadcastState.RUNNING], now=60)


async def test_a_correction_goes_to_every_known_copy_whoever_holds_it(storage: Storage) -> None:
    readers = [await subscribed(storage, chat) for chat in range(1, 7)]
    ids = [reader.id for reader in readers]
    sending = await running(storage, Audience(sections=1), total=6)
    await sent(storage, sending, ids[0], ids[1], ids[2])
    lost = receipt(sending, ids[3], Result.UNCERTAIN, message_id=None, reason="lost")
    waits = receipt(sending, ids[4], Result.WAITING, message_id=None, due_at=BIG)
    await storage.deliveries.settle([lost, waits], [], worker="w", until=9, now=9)
    await storage.readers.leave(ids[0], now=10)
    await storage.readers.unreachable(2, now=10)
    await storage.readers.choose(ids[2], 1, False, now=10)
    (edit,) = await corrected(storage, sending)
    assert (edit.kind, edit.target_id, edit.version, edit.lane) == (Kind.EDIT, sending.id, 2, Lane.BREAKING)
    assert (edit.posts, edit.horizon, edit.start_block) == (sending.posts, sending.horizon, sending.start_block)
    held = await storage.corrections.read(edit, 0, 0, 10)
    assert held == [
        (Recipient(id_, chat, 0, "ru", sections), Copy((1000 + id_,), 1, 11))
        for id_, chat, sections in ((ids[0], 1, 1), (ids[1], 2, 1), (ids[2], 3, 0))
    ]
    assert await storage.corrections.read(edit, 0, ids[0], 1) == held[1:2]
    assert await storage.corrections.holders(edit, [ids[2], ids[3], 404]) == held[2:]
    assert await storage.corrections.count(edit) == (3, 1)
    progress = await storage.broadcasts.progress(edit.id)
    assert (progress.total, progress.settled, progress.unreached) == (3, 0, 1)


async def test_what_was_edited_is_not_edited_again(storage: Storage) -> None:
    await settled_down(storage, [1, 2, 3])
    sending = await running(storage)
    await sent(storage, sending, 1, 2, 3)
    (edit,) = await corrected(storage, sending)
    tried = [
        receipt(edit, 1, version=2, amends=sending.id, message_id=0),
        receipt(
            edit, 2, Result.REJECTED, version=2, amends=sending.id, message_id=None, reason="message can't be edited"
        ),
    ]
    await storage.deliveries.settle(tried, [], worker="w", until=9, now=9)
    assert [reader.id for reader, _ in await storage.corrections.read(edit, 0, 0, 9)] == [3]
    assert [reader.id for reader, _ in await storage.corrections.holders(edit, [1, 2, 3])] == [2, 3]
    versions = await storage.engine.fetch(
        "SELECT version FROM receipt WHERE broadcast_id = :id ORDER BY reader_id", id=sending.id
    )
    assert [row[0] for row in versions] == [2, 1, 1]
    progress = await storage.broadcasts.progress(edit.id)
    assert (progress.total, progress.sent, progress.rejected) == (3, 1, 1)


async def test_it_rests_when_its_target_can_send_no_more_of_the_old(storage: Storage) -> None:
    await settled_down(storage, [1, 2])
    sending = await running(storage)
    rest, again = storage.corrections.rest, storage.corrections.walk_again
    (edit,) = await corrected(storage, sending)
    assert await rest(edit, now=50) == (False, False)
    assert await storage.deliveries.claim(edit, "w", 1, now=50, until=80) == (0, True)
    await sent(storage, sending, 1)  # it was on its way with the old text
    assert await rest(edit, now=51) == (True, False)
    await again(edit.id)
    assert await storage.deliveries.claim(edit, "b", 1, now=51, until=81) is None, "its block is still out"
    await storage.deliveries.settle([], [(edit.id, 0)], worker="w", until=99, now=9)
    await again(edit.id)
    assert await storage.deliveries.claim(edit, "w", 1, now=51, until=81) == (0, True)
    await storage.deliveries.settle(
        [receipt(edit, 1, version=2, amends=sending.id)], [(edit.id, 0)], worker="w", until=9, now=9
    )
    assert await rest(edit, now=52) == (False, False)
    await end(storage, sending, BroadcastState.STOPPED)  # at 60
    assert await rest(edit, now=60 + SETTLING - 1) == (False, False)
    assert await rest(edit, now=60 + SETTLING) == (False, True)
    assert await storage.broadcasts.finish(edit, now=99)
    assert (await storage.broadcasts.get(edit.id)).state is BroadcastState.DONE  # type: ignore[union-attr]


async def test_a_newer_correction_stops_the_older_of_the_same_post_only(storage: Storage) -> None:
    await settled_down(storage, [1])
    sending, other = await running(storage), await running(storage)
    await sent(storage, sending, 1)
    await sent(storage, other, 1)
    (first,), (beside,) = await corrected(storage, sending, "Раз"), await corrected(storage, other, "Иное")
    (second,) = await corrected(storage, sending, "Два", now=55)
    states = {one.id: one for one in [await storage.broadcasts.get(n.id) for n in (first, beside, second)] if one}
    assert [states[one.id].state for one in (first, beside, second)] == ["stopped", "running", "running"]
    assert (states[first.id].finished_at, second.version) == (55, 3)


async def test_only_the_version_that_was_read_can_be_corrected(storage: Storage) -> None:
    sending = await running(storage)
    seen = await post_of(storage, sending)
    assert await correct(storage, replace(seen, media="file", media_kind="photo"), lane=Lane.EDITS, now=9)
    assert await correct(storage, seen, lane=Lane.EDITS, now=9) is None
    assert await withdraw(storage, seen, lane=Lane.EDITS, now=9) is None
    newer = await post_of(storage, sending)
    assert (newer.version, newer.media, newer.withdrawn) == (2, "file", False)
    assert await withdraw(storage, replace(newer, reason={"ru": "Ошибка"}), lane=Lane.EDITS, now=9)
    gone = await post_of(storage, sending)
    assert (gone.version, gone.reason, gone.withdrawn) == (3, {"ru": "Ошибка"}, True)
    assert await correct(storage, gone, lane=Lane.EDITS, now=9) is None


async def test_a_withdrawn_post_goes_to_nobody_any_more(storage: Storage) -> None:
    await settled_down(storage, [1])
    sending = await running(storage)
    counting = await launched(storage, breaking(), Audience(), due=99)
    await saved(storage, article(1, 1), article(2, 1))
    posts = [post for post, _ in await storage.posts.waiting()]
    pair = await storage.broadcasts.publish(posts, Audience(), key="k", lane=Lane.REGULAR, total=1, start=0, now=5)
    await sent(storage, sending, 1)
    started = []
    for id_ in (sending.id, counting, pair):
        broadcast = await storage.broadcasts.get(id_)
        assert broadcast
        started.append(await withdraw(storage, await post_of(storage, broadcast), lane=Lane.BREAKING, now=9))
    states = [(await storage.broadcasts.get(id_)).state for id_ in (sending.id, counting, pair)]  # type: ignore[union-attr]
    assert states == ["stopped", "cancelled", "running"], "the pair has one post left"
    assert [len(ids or ()) for ids in started] == [1, 0, 1]
    delete = await storage.broadcasts.get((started[0] or [0])[0])
    assert delete
    assert (delete.kind, delete.target_id) == (Kind.DELETE, sending.id)
    assert await storage.posts.latest(1, (), 9) == posts[1:]


async def test_lists_are_found_by_what_they_carry(storage: Storage) -> None:
    await settled_down(storage, [1, 2, 3, 4])
    await saved(storage, *(article(n, 1) for n in range(1, 16)))
    posts = [post for post, _ in await storage.posts.waiting()]
    id_ = await storage.broadcasts.publish(posts, Audience(), key="k", lane=Lane.REGULAR, total=4, start=0, now=5)
    sending = await storage.broadcasts.get(id_)
    assert sending
    one, fifteen = posts[0].id, posts[14].id
    for reader, carried in ((1, (one, fifteen)), (2, (fifteen,)), (3, (one,)), (4, (posts[1].id, posts[2].id))):
        await sent(storage, sending, reader, carried=carried, version=len(carried))
    (edit_id,) = await correct(storage, replace(posts[0], title="Иначе"), lane=Lane.EDITS, now=9) or []
    edit = await storage.broadcasts.get(edit_id)
    assert edit
    held = await storage.corrections.read(edit, 0, 0, 9)
    assert [(reader.id, copy.carried, copy.version) for reader, copy in held] == [
        (1, (one, fifteen), 2),
        (3, (one,), 1),
    ]


async def test_copies_shown_outside_a_broadcast_are_followed_too(storage: Storage) -> None:
    first, second, third = [await subscribed(storage, chat) for chat in (1, 2, 3)]
    await saved(storage, article(1, 1), publish=False)
    ((post_id,),) = await storage.engine.fetch("SELECT id FROM post")
    for reader, message in ((first, 11), (first, 12), (second, 21), (third, 31)):
        await storage.posts.shown(post_id, reader.id, message, 1, now=message)
    (post,) = await storage.posts.get([post_id])
    (id_,) = await correct(storage, replace(post, title="Иначе"), lane=Lane.EDITS, now=99) or []
    edit = await storage.broadcasts.get(id_)
    assert edit
    assert (edit.target_id, edit.total, edit.horizon) == (0, 3, third.id)
    held = await storage.corrections.read(edit, 0, 0, 2)
    assert [(reader.chat_id, copy) for reader, copy in held] == [(1, Copy((11, 12), 1, 11)), (2, Copy((21,), 1, 21))]
    done = receipt(edit, first.id, version=2, amends=0)
    failed = receipt(edit, second.id, Result.REJECTED, version=2, amends=0, message_id=None, reason="no")
    await storage.deliveries.settle([done, failed], [], worker="w", until=9, now=9)
    assert [reader.chat_id for reader, _ in await storage.corrections.read(edit, 0, 0, 9)] == [3]
    assert await storage.corrections.count(edit) == (1, 0)
    assert await storage.corrections.rest(edit, now=99) == (True, True)
    assert [reader.chat_id for reader, _ in await storage.corrections.holders(edit, [first.id, third.id])] == [3]


async def test_a_copy_of_the_old_that_comes_late_is_followed(storage: Storage) -> None:
    reader = await subscribed(storage, 1)
    await saved(storage, article(1, 1), publish=False)
    ((post_id,),) = await storage.engine.fetch("SELECT id FROM post")
    (post,) = await storage.posts.get([post_id])
    assert await correct(storage, replace(post, title="Иначе"), lane=Lane.EDITS, now=9) == []
    await storage.posts.shown(post_id, reader.id, 11, 1, now=10)  # it was on its way when the correction came
    (edit,) = await storage.broadcasts.open()
    assert (edit.kind, edit.version) == (Kind.EDIT, 2)
    await storage.deliveries.settle([receipt(edit, reader.id, version=2, amends=0)], [], worker="w", until=9, now=9)
    await end(storage, edit)
    await storage.posts.shown(post_id, reader.id, 12, 1, now=11)
    assert [one.id for one in await storage.broadcasts.open()] == [edit.id], "the same one, again"
    assert await storage.corrections.read(edit, 0, 0, 9) == [(Recipient(reader.id, 1, 0, "ru", 1), Copy((12,), 1, 11))]
    await storage.posts.shown(post_id, reader.id, 13, 2, now=12)
    (gone,) = await storage.posts.get([post_id])
    assert await withdraw(storage, gone, lane=Lane.BREAKING, now=13)
    await storage.posts.shown(post_id, reader.id, 14, 2, now=14)
    (delete,) = [one for one in await storage.broadcasts.open() if one.kind is Kind.DELETE]
    ((_, copy),) = await storage.corrections.read(delete, 0, 0, 9)
    assert copy.message_ids == (11, 12, 13, 14)


async def test_an_edited_article_is_followed_where_its_copies_are_to_be_edited(storage: Storage) -> None:
    await settled_down(storage, [1])
    (article_id,) = await saved(storage, article(1, 1))
    ((post, _),) = await storage.posts.waiting()
    id_ = await storage.broadcasts.publish([post], Audience(), key="k", lane=Lane.REGULAR, total=1, start=0, now=5)
    sending = await storage.broadcasts.get(id_)
    assert sending
    await sent(storage, sending, 1)
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])

    async def edit(title: str, *, publish: bool) -> list[Broadcast]:
        found = Found(article(1, feed.id, id=article_id, title=title), ("k",), publish)
        await storage.feeds.save_poll(Poll(feed, edited=(found,)), now=70)
        return [one for one in await storage.broadcasts.open() if one.kind is Kind.EDIT]

    assert await edit("Заголовок.", publish=False) == []
    assert (await storage.posts.get([post.id]))[0].version == 2
    (follows,) = await edit("Другой заголовок", publish=True)
    assert (follows.version, follows.lane, follows.target_id) == (3, Lane.EDITS, sending.id)
    gone = (await storage.posts.get([post.id]))[0]
    assert await withdraw(storage, gone, lane=Lane.BREAKING, now=80)
    assert await edit("Третий", publish=True) == []
    assert (await storage.posts.get([post.id]))[0].title == "Другой заголовок"


async def test_a_chat_that_moved_keeps_no_numbers_of_old_messages(storage: Storage) -> None:
    reader, other = await subscribed(storage, -5), await subscribed(storage, 6)
    sending = await running(storage)
    await sent(storage, sending, reader.id, other.id)
    await storage.posts.shown(sending.posts[0], reader.id, 7, 1, now=8)
    await storage.readers.move(-5, -100_5)
    (edit,) = await corrected(storage, sending)
    assert [held.chat_id for held, _ in await storage.corrections.read(edit, 0, 0, 9)] == [6]
    assert await storage.corrections.count(edit) == (1, 1)


async def test_a_lost_answer_that_was_repeated_is_told(storage: Storage) -> None:
    await settled_down(storage, [1, 2])
    sending = await running(storage)

    async def settle(reader: int, result: Result, **changes: object) -> None:
        await storage.deliveries.settle([receipt(sending, reader, result, **changes)], [], worker="w", until=9, now=9)

    await settle(1, Result.UNCERTAIN, message_id=None, due_at=10, reason="lost")
    await settle(1, Result.WAITING, message_id=None, due_at=20)
    await settle(1, Result.SENT)
    await settle(2, Result.WAITING, message_id=None, due_at=20)
    await settle(2, Result.SENT)
    progress = await storage.broadcasts.progress(sending.id)
    assert (progress.sent, progress.repeated, progress.uncertain) == (2, 1, 0)
    (edit,) = await corrected(storage, sending)
    assert await storage.corrections.count(edit) == (2, 1)
