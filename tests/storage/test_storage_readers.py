"""Readers: every chat that subscribed, and what it chose."""

from __future__ import annotations

import pytest
from storage_help import ALL_SECTIONS, BIG, GROUP, TEXT, article, running, saved, subscribed

from bot.delivery.hours import silent
from bot.domain.delivery import Audience
from bot.domain.reader import Choices, Quiet, ReaderKind, ReaderState, Subscriber
from storage import Storage


@pytest.mark.parametrize("chat", [1, BIG, -BIG - 1, GROUP, 2**31, -(2**31) - 1])
async def test_a_chat_of_any_size_is_met_once(sqlite_storage: Storage, chat: int) -> None:
    first = await sqlite_storage.readers.meet(chat, language="kk", choices=Choices(breaking=False), now=10, source=TEXT)
    again = await sqlite_storage.readers.meet(chat, language="en", now=20)
    assert again == first == await sqlite_storage.readers.get(chat)
    assert (first.chat_id, first.language, first.breaking, first.joined_at, first.source) == (
        chat,
        "kk",
        False,
        10,
        TEXT,
    )
    assert first.state is ReaderState.NEW


async def test_ids_and_masks_keep_all_their_bits(storage: Storage) -> None:
    for chat in (BIG, GROUP):
        reader = await storage.readers.meet(chat, language="ru", now=BIG)
        everything = await storage.readers.choose(reader.id, ALL_SECTIONS, True, now=2)
        assert everything
        assert everything.sections == ALL_SECTIONS
        less = await storage.readers.choose(reader.id, 1 << 61, False, now=2)
        assert less
        assert less.sections == ALL_SECTIONS - (1 << 61)
        assert await storage.readers.choose(reader.id, 1 << 61, False, now=2) == less
    assert await storage.readers.get(12345) is None


async def test_topics_of_one_forum_are_readers_of_their_own(storage: Storage) -> None:
    topics = [await storage.readers.meet(GROUP, language="ru", now=1, thread_id=thread) for thread in (0, 5, 6)]
    assert len({topic.id for topic in topics}) == 3
    assert (await storage.readers.get(GROUP, 6)) == topics[2]
    await storage.readers.consent(topics[1].id, "w", now=1)
    await storage.readers.unreachable(GROUP, now=2)
    assert [(await storage.readers.get(GROUP, n)).state for n in (0, 5, 6)] == ["new", "dormant", "new"]  # type: ignore[union-attr]


async def test_choices_carry_the_wanted_state_and_survive_leaving(storage: Storage) -> None:
    reader = await storage.readers.meet(1, language="ru", now=1)
    await storage.readers.choose(reader.id, 0b101, True, now=2)
    await storage.readers.change(reader.id, breaking=False, now=3)
    await storage.readers.set_language(reader.id, "kk", now=4)
    yes = await storage.readers.consent(reader.id, "words-1", now=5)
    assert yes
    assert (yes.state, yes.consent_at, yes.sections, yes.breaking, yes.language) == ("active", 5, 0b101, False, "kk")
    left = await storage.readers.leave(reader.id, now=6)
    assert left
    assert (left.state, left.sections) == ("left", 0b101)
    back = await storage.readers.consent(reader.id, "words-2", now=7)
    assert back
    assert (back.state, back.consent_at) == ("active", 5)
    assert (await storage.privacy.export(1))["readers"][0]["consent_text"] == "words-1"


async def test_nobody_is_changed_under_an_unknown_id(storage: Storage) -> None:
    readers = storage.readers
    assert await readers.choose(404, 1, True, now=1) is None
    assert await readers.change(404, breaking=True, now=1) is None
    assert await readers.set_language(404, "kk", now=1) is None
    assert await readers.consent(404, "", now=1) is None
    assert await readers.leave(404, now=1) is None
    await readers.unreachable(404, now=1)
    await readers.move(404, 405)
    await storage.privacy.erase(404, now=9)
    assert await readers.tally() == {"breaking_off": 0}


async def test_an_unreachable_chat_sleeps_and_only_if_it_was_awake(storage: Storage) -> None:
    await subscribed(storage, 21, 6)
    await storage.readers.unreachable(21, now=9)
    asleep = await storage.readers.get(21)
    assert asleep
    assert (asleep.state, asleep.sections) == ("dormant", 6)
    await storage.readers.reachable(21, now=10)
    assert (await storage.readers.get(21)).state == "active"  # type: ignore[union-attr]
    left = await subscribed(storage, 22)
    await storage.readers.leave(left.id, now=9)
    await storage.readers.unreachable(22, now=10)
    await storage.readers.reachable(22, now=11)
    assert (await storage.readers.get(22)).state == "left"  # type: ignore[union-attr]


async def test_a_group_that_moves_takes_its_topics_along(storage: Storage) -> None:
    for thread in (0, 5):
        await subscribed(storage, -5, 3, thread_id=thread)
    there = await subscribed(storage, GROUP, 1, thread_id=5)
    await storage.readers.move(-5, GROUP)
    moved = await storage.readers.get(GROUP)
    assert moved
    assert (moved.state, moved.sections) == ("active", 3)
    assert await storage.readers.get(GROUP, 5) == there
    assert (await storage.readers.get(-5, 5)).state == "left"  # type: ignore[union-attr]


AUDIENCES = [
    (Audience(), 4),
    (Audience(sections=1), 2),
    (Audience(sections=3), 3),
    (Audience(sections=1 << 61), 1),
    (Audience(sections=ALL_SECTIONS), 4),
    (Audience(sections=3, besides=1), 1),
    (Audience(sections=ALL_SECTIONS, besides=1 << 61), 3),
    (Audience(breaking=True), 3),
    (Audience(languages=("kk",)), 1),
    (Audience(languages=("ru", "kk", "en")), 4),
    (Audience(languages=("%",)), 0),
    (Audience(sections=2, breaking=True, languages=("ru",)), 1),
]


async def test_who_belongs_to_an_audience(storage: Storage) -> None:
    await subscribed(storage, 1, 1)
    await subscribed(storage, 2, 3)
    await subscribed(storage, 3, 2, language="kk", choices=Choices(breaking=False))
    await subscribed(storage, 4, 1 << 61)
    gone = await subscribed(storage, 5, ALL_SECTIONS)
    await storage.readers.leave(gone.id, now=1)
    await storage.readers.meet(6, language="ru", now=1)
    for audience, wanted in AUDIENCES:
        assert await storage.readers.count(audience) == wanted, audience


async def test_tally_counts_by_state(storage: Storage) -> None:
    assert await storage.readers.tally() == {"breaking_off": 0}
    await subscribed(storage, 1)
    await subscribed(storage, 2, choices=Choices(breaking=False))
    await storage.readers.meet(3, language="ru", choices=Choices(breaking=False), now=1)
    assert await storage.readers.tally() == {"active": 2, "new": 1, "breaking_off": 1}


async def test_a_muted_section_says_nothing_until_its_time_and_stays_chosen(storage: Storage) -> None:
    reader = await subscribed(storage, 1, 0b1011)
    await subscribed(storage, 2, 0b1011)
    await storage.readers.mute(reader.id, [0], until=100, now=5)
    muted = await storage.readers.mute(reader.id, [1, 61], until=200, now=6)
    assert muted
    assert (muted.sections, muted.muted) == (0b1011, 0b11 | 1 << 61)

    async def get(sections: int) -> list[int]:
        broadcast = await running(storage, Audience(sections=sections))
        found = await storage.deliveries.read(broadcast, 0, 0, 9)
        assert len(found) == await storage.readers.count(Audience(sections=sections))
        return [recipient.id for recipient in found]

    assert await get(0b01) == [reader.id + 1]
    assert await get(0b11) == [reader.id + 1]
    assert await get(0b1001) == [reader.id, reader.id + 1], "by a section that speaks"
    broadcast = await running(storage, Audience(sections=0b1001))
    assert [one.sections for one in await storage.deliveries.read(broadcast, 0, 0, 9)] == [0b1000, 0b1011]
    await storage.readers.end_mutes(now=99)
    assert await get(0b01) == [reader.id + 1]
    await storage.readers.end_mutes(now=100)
    assert await get(0b01) == [reader.id, reader.id + 1]
    assert await get(0b10) == [reader.id + 1]
    spoken = await storage.readers.unmute(reader.id, now=101)
    assert spoken
    assert (spoken.sections, spoken.muted) == (0b1011, 0)
    await storage.readers.end_mutes(now=900)
    assert await storage.readers.get(1) == spoken
    assert await storage.readers.mute(404, [1], until=9, now=1) is None
    assert await storage.readers.unmute(404, now=1) is None


async def test_who_pauses_gets_nothing_until_the_end_of_the_pause(storage: Storage) -> None:
    reader = await subscribed(storage, 1)
    paused = await storage.readers.pause(reader.id, until=100, now=5)
    assert paused
    assert (paused.state, paused.paused_until, paused.sections) == (ReaderState.PAUSED, 100, 1)
    assert await storage.readers.count(Audience()) == 0
    await storage.readers.pause(reader.id, until=200, now=6)
    await storage.readers.unreachable(1, now=7)
    await storage.readers.end_pauses(now=199)
    assert await storage.readers.count(Audience()) == 0
    await storage.readers.end_pauses(now=200)
    assert await storage.readers.count(Audience()) == 1
    await storage.readers.pause(reader.id, until=300, now=210)
    assert (await storage.readers.resume(reader.id, now=211)) == await storage.readers.get(1)
    assert await storage.readers.count(Audience()) == 1
    assert await storage.readers.resume(reader.id, now=212) is None, "there is no pause to end"


@pytest.mark.parametrize("way", ["leave", "consent"])
async def test_leaving_and_saying_yes_again_end_a_pause(storage: Storage, way: str) -> None:
    reader = await subscribed(storage, 1)
    await storage.readers.pause(reader.id, until=100, now=5)
    if way == "leave":
        after = await storage.readers.leave(reader.id, now=6)
        assert await storage.readers.pause(reader.id, until=100, now=7) is None, "who left gets nothing anyway"
    else:
        after = await storage.readers.consent(reader.id, "w", now=6)
    assert after
    assert after.paused_until is None
    await storage.readers.end_pauses(now=100)
    assert await storage.readers.get(1) == after


async def test_muting_again_puts_the_end_off(storage: Storage) -> None:
    reader = await subscribed(storage, 1, 3)
    await storage.readers.mute(reader.id, [0], until=100, now=5)
    await storage.readers.mute(reader.id, [0], until=300, now=6)
    await storage.readers.end_mutes(now=200)
    still = await storage.readers.get(1)
    assert still
    assert still.muted == 1


async def test_saved_posts_come_latest_first_and_go_when_taken_off_withdrawn_or_too_old(storage: Storage) -> None:
    reader = await subscribed(storage, 1)
    await saved(storage, *(article(n, 1) for n in range(4)))
    posts = [post.id for post, _ in await storage.posts.waiting()]
    for n, post_id in enumerate(posts):
        await storage.saved.keep(reader.id, post_id, now=10 + n)
    await storage.saved.keep(reader.id, posts[0], now=99)
    assert [post.id for post in await storage.saved.newest(reader.id, 9)] == posts[::-1]
    assert [post.id for post in await storage.saved.newest(reader.id, 2, skip=1)] == [posts[2], posts[1]]
    assert await storage.saved.newest(404, 9) == []
    assert await storage.saved.holds(reader.id, posts[1])
    await storage.saved.drop(reader.id, posts[1])
    assert not await storage.saved.holds(reader.id, posts[1])
    await storage.engine.write("UPDATE post SET state = 'withdrawn' WHERE id = :id", id=posts[2])
    assert [post.id for post in await storage.saved.newest(reader.id, 9)] == [posts[3], posts[0]]
    await storage.articles.prune(10**9)
    assert await storage.engine.fetch("SELECT * FROM saved") == []


async def test_where_readers_came_from(storage: Storage) -> None:
    for chat, source in enumerate(["site", "channel", "site", "", "qr"], 1):
        await storage.readers.meet(chat, language="ru", now=1, source=source)
    left = await storage.readers.get(5)
    assert left
    await storage.readers.leave(left.id, now=2)
    assert await storage.readers.sources(9) == [("site", 2), ("channel", 1)]
    assert await storage.readers.sources(1) == [("site", 2)]


async def test_readers_of_an_earlier_bot_are_brought_once_and_told_apart_by_their_place(storage: Storage) -> None:
    person, group = Subscriber(5, "kk", 3, 40), Subscriber(GROUP, "ru", 1, 50, blocked=True, breaking=False)
    topic = Subscriber(GROUP, "ru", 2, 60, thread_id=9)
    choices = Choices(volume=6, digest_at=(480,))
    for _ in range(2):
        await storage.readers.bring([person, group, topic], choices, now=99)
    assert await storage.readers.among([5, GROUP, 6]) == {(5, 0), (GROUP, 0), (GROUP, 9)}
    found = [await storage.readers.get(*one.place) for one in (person, group, topic)]
    assert [(one.kind, one.state, one.volume, one.digest_at, one.breaking) for one in found if one] == [
        (ReaderKind.PERSON, ReaderState.ACTIVE, 6, (480,), True),
        (ReaderKind.GROUP, ReaderState.DORMANT, 6, (480,), False),
        (ReaderKind.TOPIC, ReaderState.ACTIVE, 6, (480,), True),
    ]
    asked = await storage.readers.get(5)
    assert asked
    assert asked.ask
    await storage.readers.asked(asked.id)
    assert [one.ask for one in await storage.readers.living(5)] == [False]
    await storage.readers.meet(7, language="ru", now=1)
    taken = await storage.readers.every(after=0, limit=2)
    assert [one for _, one in taken] == [person, group]
    assert [one for _, one in await storage.readers.every(after=taken[-1][0], limit=9)] == [topic], "7 has not said yes"


async def test_the_forecast_names_the_reason_for_each_who_is_left_out(storage: Storage) -> None:
    now = 1_795_200_000  # an evening in Almaty, half past eleven
    readers = [
        ({}, {}),
        ({}, {}),
        ({"breaking": False}, {}),
        ({"night_breaking": True}, {}),
        ({"quiet": Quiet.OFF}, {}),
        ({"news_languages": ("kk",)}, {"sections": 2}),
        ({"main_only": True}, {}),
    ]
    for chat, (choices, more) in enumerate(readers, 1):
        reader = await storage.readers.meet(chat, language="ru", choices=Choices(**choices), now=1)
        await storage.readers.consent(reader.id, "w", now=1)
        await storage.readers.choose(reader.id, more.get("sections", 1), True, now=1)
    for chat in (8, 9):
        reader = await storage.readers.meet(chat, language="ru", now=1)
        if chat == 9:
            await storage.readers.consent(reader.id, "w", now=1)
            await storage.readers.pause(reader.id, until=99, now=1)
    await storage.readers.unreachable(2, now=1)
    left_out, nights = await storage.readers.breakdown(Audience(breaking=True))
    assert left_out == {"breaking": 1, "paused": 1, "dormant": 1}
    assert sum(nights.values()) == await storage.readers.count(Audience(breaking=True)) == 5
    quietly = sum(n for night, n in nights.items() if silent(night, now, "Asia/Almaty", breaking=True))
    assert quietly == 3, "not those who have no quiet hours, or let it ring"
    left_out, nights = await storage.readers.breakdown(Audience(sections=1, language="ru"))
    assert left_out == {"sections": 1, "main": 1, "paused": 1, "dormant": 1}
    assert sum(nights.values()) == 4
