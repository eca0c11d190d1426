"""Channels: kept as they are now; each post once, in turn or at once; what a channel could not get waits again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from storage_help import article, receipt, running, saved, subscribed

from bot.domain.channel import Channel, Manner
from bot.domain.delivery import Audience, Kind, Lane, Result
from bot.domain.desk import Erratum, Gravity, Role
from bot.domain.errors import StorageError
from bot.domain.place import Place
from bot.domain.post import PostKind, RichText
from bot.domain.reader import ReaderKind
from storage import Storage
from tests.factories import drafted

HERE = Place(-1001, ReaderKind.CHANNEL, "Новости", "novosti")
MANNER = Manner("kk", gap=5, posts={"image": "none"})


async def channel(storage: Storage) -> Channel:
    """A channel that has begun."""
    reader = await subscribed(storage, HERE.chat_id, kind=ReaderKind.CHANNEL)
    await storage.channels.keep(reader.id, HERE, MANNER, listed="@novosti", now=1)
    found = await storage.channels.get(HERE.chat_id)
    assert found
    return found


async def posts(storage: Storage, n: int) -> list[int]:
    """So many posts that wait."""
    await saved(storage, *(article(i, 1) for i in range(1, n + 1)))
    return [post.id for post, _ in await storage.posts.waiting()]


async def test_a_channel_is_as_it_was_kept_last_and_remembers_what_it_shows(storage: Storage) -> None:
    first = await channel(storage)
    assert (first.title, first.username, first.manner, first.listed) == ("Новости", "novosti", MANNER, "@novosti")
    assert (first.sections, first.rights, first.pinned_id, first.rates_id) == (1, None, 0, 0)
    await storage.channels.allow(first.reader_id, ["can_post_messages"])
    await storage.channels.pin(first.reader_id, 7)
    await storage.channels.quote(first.reader_id, 8, "USD 500")
    await storage.channels.keep(first.reader_id, replace(HERE, title="Жаңалықтар"), Manner("ru"), now=2)
    shown = {"rights": ("can_post_messages",), "pinned_id": 7, "rates_id": 8, "rates_text": "USD 500"}
    now = replace(first, title="Жаңалықтар", manner=Manner("ru"), listed="", **shown)
    assert await storage.channels.all() == [now]
    await storage.channels.allow(first.reader_id, [])
    assert (await storage.channels.all())[0].rights == ()
    await storage.readers.leave(first.reader_id, now=3)
    assert await storage.channels.all() == []
    assert await storage.channels.get(HERE.chat_id) is None


async def test_each_post_once_in_turn_and_not_what_was_taken_back(storage: Storage) -> None:
    id_ = (await channel(storage)).reader_id
    one, two, three = await posts(storage, 3)
    await storage.channels.offer([(id_, two), (id_, one)], now=10)
    await storage.channels.offer([(id_, one), (id_, three)], now=11)
    assert await storage.channels.queue(id_) == [(one, 10), (two, 10), (three, 11)]
    await storage.channels.post(id_, [one], now=20)
    await storage.engine.write("UPDATE post SET state = 'withdrawn' WHERE id = :id", id=two)
    assert await storage.channels.queue(id_) == [(three, 11)]
    assert await storage.channels.posted(id_, 20) == [20]
    assert await storage.channels.posted(id_, 21) == []
    with pytest.raises(StorageError, match="do not wait"):
        await storage.channels.post(id_, [one, three], now=30)
    assert await storage.channels.queue(id_) == [(three, 11)]
    broadcast = await storage.channels.post(id_, [three], now=30)
    assert broadcast is not None
    (last, *_) = [one for one in await storage.broadcasts.open() if one.id == broadcast]
    assert (last.lane, last.audience, last.posts) == (Lane.CHANNEL, Audience(only=id_), (three,))
    await storage.channels.prune(11)
    await storage.channels.offer([(id_, one), (id_, three)], now=40)
    assert await storage.channels.queue(id_) == [(one, 40)]


async def test_what_goes_at_once_goes_once_and_the_newest_is_known_by_its_message(storage: Storage) -> None:
    id_ = (await channel(storage)).reader_id
    told = await running(storage)
    broadcast = await storage.channels.send(id_, told.posts, now=5)
    assert broadcast
    assert await storage.channels.send(id_, told.posts, now=6) is None
    assert await storage.channels.newest_breaking(id_, 0) == 0
    sent = await storage.broadcasts.get(broadcast)
    assert sent
    await storage.deliveries.settle([receipt(sent, id_, message_id=77)], [], worker="w", until=9, now=6)
    assert await storage.channels.newest_breaking(id_, 4) == 77
    assert await storage.channels.newest_breaking(id_, 5) == 0


async def test_what_a_channel_could_not_get_waits_for_its_turn_again(storage: Storage) -> None:
    id_ = (await channel(storage)).reader_id
    one, two = await posts(storage, 2)
    await storage.channels.offer([(id_, one), (id_, two)], now=10)
    for post, result in ((one, Result.SENT), (two, Result.GONE)):
        sent = await storage.broadcasts.get(await storage.channels.post(id_, [post], now=11))
        assert sent
        await storage.deliveries.settle([receipt(sent, id_, result)], [], worker="w", until=20, now=12)
    await storage.channels.requeue(id_)
    assert await storage.channels.queue(id_) == [(two, 10)]


async def test_channels_that_have_a_wrong_post_are_told_first(storage: Storage) -> None:
    id_ = (await channel(storage)).reader_id
    (one,) = await posts(storage, 1)
    await storage.channels.offer([(id_, one)], now=10)
    sent = await storage.broadcasts.get(await storage.channels.post(id_, [one], now=11))
    assert sent
    await storage.deliveries.settle([receipt(sent, id_)], [], worker="w", until=20, now=12)
    for languages in ((), ("kk",)):
        post, draft = (await storage.posts.get([one]))[0], await drafted(storage)
        await storage.editors.add(draft.author_id, Role.EDITOR, "Ада", by=0, now=1)
        erratum = Erratum(0, draft.id, one, Gravity.SERIOUS, draft.author_id)
        telling = replace(post, id=0, kind=PostKind.CORRECTION, texts={"ru": RichText("Ошибка")})
        made = await storage.errata.publish(
            draft, erratum, post, telling, audience=Audience(holders=one, languages=languages), now=13
        )
        assert made
        told = [await storage.broadcasts.get(broadcast) for broadcast in made.broadcasts]
        shown = [(found.lane, found.reply_to) for found in told if found and found.kind is Kind.SEND]
        to_channel = [] if languages else [(Lane.CHANNEL, one)]
        assert shown == [*to_channel, (Lane.BREAKING, one)]
