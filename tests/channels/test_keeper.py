"""Channels of the file, rights, pins and the line of exchange rates."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from bot.domain.channel import EVERYTHING, RIGHTS
from bot.domain.delivery import Receipt, Result
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.domain.reader import Quiet, ReaderKind, ReaderState
from bot.sandbox.model import Member
from bot.settings import ChannelConfig, Posts, Readers
from storage.posts import add_post
from storage.rates import Rate
from tests.channels.conftest import CHANNEL, NOW, House


async def test_a_channel_of_the_file_is_met_and_kept_as_it_says(house: House) -> None:
    await house.keeper.look()
    channel = await house.channel()
    assert (channel.chat_id, channel.title, channel.username, channel.listed) == (
        CHANNEL,
        "Дала",
        "dala_kz",
        "@dala_kz",
    )
    assert (channel.state, channel.sections, channel.rights) == (ReaderState.ACTIVE, EVERYTHING, RIGHTS)
    reader = await house.storage.readers.get(CHANNEL)
    assert reader
    assert (reader.kind, reader.language, reader.quiet, reader.quiet_from) == (
        ReaderKind.CHANNEL,
        "ru",
        Quiet.SILENT,
        1380,
    )
    own = ChannelConfig(
        CHANNEL,
        sections=("sport", "world"),
        language="kk",
        quiet_hours="22:00-07:00",
        source=True,
        pin_breaking=60,
        posts=Posts(picture="photo", footer="@dala_kz"),
        own_posts=("footer", "picture", "valid_for"),
    )
    house.configure(own)
    await house.keeper.look()
    channel = await house.channel()
    assert (channel.listed, channel.manner.source, channel.manner.pin_breaking) == (str(CHANNEL), True, 60)
    assert channel.manner.posts == {"footer": "@dala_kz", "picture": "photo"}
    reader = await house.storage.readers.get(CHANNEL)
    assert reader
    assert (reader.language, reader.quiet_from, bin(reader.sections).count("1")) == ("kk", 1320, 2)
    house.configure()
    await house.keeper.look()
    assert await house.storage.channels.all() == []


@pytest.mark.parametrize("quiet_hours", ["off", "23:00-07:30"])
async def test_nights_are_those_of_readers_and_never_held(house: House, quiet_hours: str) -> None:
    house.configure(ChannelConfig("@dala_kz"), readers=Readers(quiet_hours=quiet_hours, quiet="hold", volume=3))
    await house.keeper.look()
    reader = await house.storage.readers.get(CHANNEL)
    assert reader
    assert (reader.quiet, reader.volume) == (Quiet.OFF if quiet_hours == "off" else Quiet.SILENT, -1)


async def test_what_is_no_channel_or_unknown_is_told(house: House) -> None:
    house.sandbox.people.group(-1_002, "Группа").username = "gruppa"
    house.sandbox.machine.usernames["gruppa"] = -1_002
    house.configure(ChannelConfig("@gruppa"), ChannelConfig("@nobody_here"))
    await house.keeper.look()
    assert await house.storage.channels.all() == []
    alarms = await house.storage.alarms.take(now=NOW)
    assert [alarm.detail["name"] for alarm in alarms] == ["@gruppa", "@nobody_here"]


async def test_rights_taken_while_nobody_looked_are_found(house: House) -> None:
    await house.keeper.look()
    machine = house.sandbox.machine
    house.place.members[machine.bot.id] = Member(machine.bot, "left")
    for _ in range(2):
        await house.keeper.look()
        channel = await house.channel()
        assert (channel.state, channel.rights) == (ReaderState.DORMANT, ())
    house.place.members[machine.bot.id] = Member.lead(machine.bot)
    await house.keeper.look()
    assert (await house.channel()).state is ReaderState.ACTIVE


async def breaking(house: House, text: str) -> int:
    """A breaking post that the channel has got; its message's id there."""
    channel = await house.channel()
    post = Post(0, PostKind.BREAKING, 1, 0, NOW, texts={"ru": RichText(text)})
    async with house.storage.engine.transaction() as db:
        id_ = await add_post(db, post, article_id=None, state=PostState.PUBLISHED)
    broadcast = await house.storage.channels.send(channel.reader_id, [id_], now=int(house.clock.now()))
    assert broadcast
    sent = house.sandbox.machine.call("sendMessage", {"chat_id": CHANNEL, "text": text})
    receipt = Receipt(broadcast, channel.reader_id, Result.SENT, 9, message_id=sent["message_id"])
    await house.storage.deliveries.settle([receipt], [], worker="w", until=NOW, now=NOW)
    return int(sent["message_id"])


async def test_breaking_is_pinned_until_the_next_or_its_time_is_over(house: House) -> None:
    await house.keeper.look()
    await house.keeper.pin(await house.channel())
    assert house.place.pinned == []
    first = await breaking(house, "Первое")
    await house.keeper.pin(await house.channel())
    assert (house.place.pinned, (await house.channel()).pinned_id) == ([first], first)
    await house.keeper.pin(await house.channel())
    await house.clock.advance(3600)
    second = await breaking(house, "Второе")
    await house.keeper.pin(await house.channel())
    assert house.place.pinned == [second]
    assert [call["disable_notification"] for call in house.calls("pinChatMessage")] == [True, True]
    await house.clock.advance(6 * 3600 + 1)
    await house.keeper.pin(await house.channel())
    assert (house.place.pinned, (await house.channel()).pinned_id) == ([], 0)


async def test_a_pin_that_telegram_refuses_is_not_tried_for_ever(house: House) -> None:
    await house.keeper.look()
    first = await breaking(house, "Первое")
    house.place.messages[first].deleted = True
    for _ in range(3):
        await house.keeper.pin(await house.channel())
    assert len(house.calls("pinChatMessage")) == 1
    await house.storage.channels.allow((await house.channel()).reader_id, RIGHTS[:1])
    await breaking(house, "Второе")
    await house.keeper.pin(await house.channel())
    assert len(house.calls("pinChatMessage")) == 1, "without the right nothing is tried"


async def test_rates_are_one_pinned_message_that_is_edited(house: House) -> None:
    await house.storage.rates.save([Rate("2026-11-23", "USD", Decimal("498.34"), 1)], NOW)
    house.configure(ChannelConfig("@dala_kz", language="ru", rates=True))
    await house.keeper.look()
    for _ in range(2):
        await house.keeper.quote(await house.channel())
    (sent,) = house.sandbox.sent(CHANNEL)
    assert (sent["silent"], house.place.pinned) == (True, [sent["message_id"]])
    await house.storage.rates.save([Rate("2026-11-24", "USD", Decimal("499.00"), 1)], NOW)
    await house.keeper.quote(await house.channel())
    (edited,) = house.sandbox.sent(CHANNEL)
    assert "499,00" in edited["text"]
    house.place.messages[sent["message_id"]].deleted = True
    await house.storage.rates.save([Rate("2026-11-25", "USD", Decimal("500.00"), 1)], NOW)
    await house.keeper.quote(await house.channel())
    (anew,) = house.sandbox.sent(CHANNEL)
    assert anew["message_id"] != sent["message_id"]
    house.configure(ChannelConfig("@dala_kz", language="ru"))
    await house.keeper.look()
    await house.keeper.quote(await house.channel())
    assert house.place.pinned == [sent["message_id"]], "of those that are gone only Telegram knows"


async def test_the_keeper_waits_while_telegram_is_away(house: House) -> None:
    house.sandbox.fail("server_error", times=None)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(house.keeper.run())
        await house.sandbox.until(lambda: house.calls("getChat"))
        house.sandbox.faults.clear()
        while not await house.storage.channels.all():
            await house.clock.advance(1)
            await asyncio.sleep(0)
        running.cancel()


async def test_members_are_counted_once_a_day(house: House) -> None:
    house.place.crowd = 40
    for _ in range(2):
        await house.keeper.look()
    assert len(house.calls("getChatMemberCount")) == 1
    await house.clock.advance(86_400)
    house.place.crowd = 45
    await house.keeper.look()
    counted = await house.storage.stats.rows(0, 10**6)
    assert [(what, n) for _, _, what, n in counted] == [("members", 42), ("members", 47)]
    assert counted[1][0] - counted[0][0] == 1
