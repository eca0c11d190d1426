"""Posts by hand: whole albums when nothing changes any more, one post of each, one draft, and edits that come later."""

from __future__ import annotations

from dataclasses import replace

from storage_help import breaking, receipt, running, saved, subscribed

from bot.domain.channel import Hand, Manner
from bot.domain.delivery import Kind, Result
from bot.domain.desk import Content, DraftState
from bot.domain.place import Place
from bot.domain.post import Post, PostKind, RichText
from bot.domain.reader import ReaderKind
from storage import Storage

SAID = RichText("Победа", ({"type": "bold", "offset": 0, "length": 6},))
ONE = Hand(1, 10, SAID)
ALBUM = [Hand(1, 20, SAID, "a", "photo", "f1"), Hand(1, 21, RichText(), "a", "photo", "f2")]


def post(**changes: object) -> Post:
    """What becomes of them."""
    return breaking(kind=PostKind.WRITTEN, sections=1, texts={"ru": SAID}, **changes)


async def test_a_message_waits_until_it_is_whole_and_again_when_it_changes(storage: Storage) -> None:
    for hand, now in ((ALBUM[1], 5), (ALBUM[0], 4), (ONE, 3)):
        await storage.hands.keep(hand, now=now)
    assert await storage.hands.waiting(before=4) == [[ONE]]
    assert await storage.hands.waiting(before=5) == [[ONE], ALBUM]
    await storage.hands.settle([ONE], before=5)
    await storage.hands.keep(ONE, now=6)
    assert await storage.hands.waiting(before=6) == [ALBUM], "nothing has changed"
    await storage.hands.keep(replace(ONE, said=RichText("Разгром")), now=7)
    await storage.hands.settle([ONE], before=6)
    assert [items[0].said.text for items in await storage.hands.waiting(before=7)] == ["Разгром", "Победа"]
    await storage.hands.settle(ALBUM, before=7)
    await storage.hands.keep(replace(ALBUM[0], said=RichText("Фото")), now=8)
    (whole,) = [items for items in await storage.hands.waiting(before=8) if items[0].album]
    assert [item.message_id for item in whole] == [20, 21]
    assert await storage.hands.of(1, 21) == whole
    assert await storage.hands.of(2, 21) == []
    await storage.hands.prune(8)
    assert await storage.hands.of(1, 10) == []


async def test_one_post_of_it_which_its_own_channel_has_had(storage: Storage) -> None:
    for hand in ALBUM:
        await storage.hands.keep(hand, now=1)
    id_ = await storage.hands.publish(ALBUM, post(), now=2)
    assert id_
    assert await storage.hands.publish(ALBUM, post(), now=2) is None
    assert [item.post_id for item in await storage.hands.of(1, 20)] == [id_, id_]
    await storage.channels.offer([(1, id_), (2, id_)], now=3)
    assert await storage.channels.queue(1) == []
    assert await storage.channels.queue(2) == [(id_, 3)]


async def test_an_edit_follows_every_copy_and_goes_on_to_new_sections(storage: Storage) -> None:
    await storage.hands.keep(ONE, now=1)
    id_ = await storage.hands.publish([ONE], post(), now=2)
    assert id_
    (known,) = await storage.posts.get([id_])
    reader = await subscribed(storage, 500)
    await storage.posts.shown(id_, reader.id, 77, 1, now=3)
    await storage.engine.write("UPDATE post SET state = 'published', served = 1")
    edited = replace(known, texts={"ru": RichText("Разгром")})
    assert await storage.hands.revise(edited, 3, now=4)
    assert not await storage.hands.revise(edited, 3, now=4), "somebody was faster"
    ((now, served),) = await storage.posts.waiting()
    assert (now.version, now.sections, now.texts["ru"].text, served) == (2, 3, "Разгром", 1)
    assert [one.kind for one in await storage.broadcasts.open()] == [Kind.EDIT]
    await storage.engine.write("UPDATE post SET state = 'published', served = 3")
    assert await storage.hands.revise(replace(now, texts={"ru": SAID}), 1, now=5)
    assert await storage.posts.waiting() == [], "nobody new is concerned"


async def test_one_draft_of_it_until_it_is_dropped_and_then_its_post(storage: Storage) -> None:
    await storage.hands.keep(ONE, now=1)
    first, second = [
        await storage.drafts.begin(9, 9 + n, Content(texts={"ru": SAID}), DraftState.DRAFT, now=1) for n in (0, 1)
    ]
    assert await storage.hands.take(ONE, first.id)
    assert not await storage.hands.take(ONE, second.id)
    assert await storage.drafts.drop(first.id)
    assert await storage.hands.take(ONE, second.id)
    broadcast = await running(storage)
    await storage.hands.sent(broadcast.id, broadcast.posts[0], now=5)
    assert (await storage.hands.of(1, 10))[0].post_id is None
    await storage.engine.write("UPDATE draft SET broadcast_id = :b WHERE id = :id", b=broadcast.id, id=second.id)
    await storage.hands.sent(broadcast.id, broadcast.posts[0], now=5)
    assert (await storage.hands.of(1, 10))[0].post_id == broadcast.posts[0]
    assert await storage.channels.send(1, broadcast.posts, now=6) is None, "it stands there already"


async def test_what_the_bot_has_posted_is_known_by_its_message(storage: Storage) -> None:
    reader = await subscribed(storage, -1001, kind=ReaderKind.CHANNEL)
    await storage.channels.keep(reader.id, Place(-1001, ReaderKind.CHANNEL, "К"), Manner("ru"), now=1)
    await saved(storage)
    told = await running(storage)
    id_ = await storage.channels.send(reader.id, told.posts, now=5)
    assert id_
    sent = await storage.broadcasts.get(id_)
    assert sent
    await storage.deliveries.settle([receipt(sent, reader.id, Result.SENT)], [], worker="w", until=9, now=6)
    assert await storage.hands.ours(reader.id, 77)
    assert not await storage.hands.ours(reader.id, 78)
