"""Sending over real HTTP to the stand-in: every outcome, nobody forgotten, nobody twice.

See `tests/delivery/crew.py`.`crew` works on SQLite, `crews` on each database in turn.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from bot.delivery.pacing import Pacer
from bot.domain.delivery import Audience, BroadcastState, Lane
from bot.domain.errors import StorageBusy, TelegramStopped
from bot.domain.post import PostKind
from bot.domain.reader import Choices, Subscriber
from tests.delivery.crew import Crew, people
from tests.factories import subscribe

GROUP = -100_500


async def test_everybody_once(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 250)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    assert crew.received("Финал") == Counter(dict.fromkeys(chats, 1))
    progress = await crew.progress(broadcast)
    assert (progress.sent, progress.total, progress.waiting) == (250, 250, 0)
    assert progress.p95 is not None
    assert not await crew.storage.engine.fetch("SELECT * FROM lease WHERE until > 0")


async def test_who_came_with_a_file_is_asked_once_below_the_next_post(crew: Crew) -> None:
    await people(crew, 1)
    brought = Subscriber(7, "ru", 1, 1)
    await crew.storage.readers.bring([brought], Choices(), now=crew.now)
    crew.sandbox.people.add(7, started=True)
    async with crew.sending():
        for title in ("Финал", "Матч"):
            await crew.done(await crew.broadcast(await crew.post(title)))

    def buttons(chat_id: int) -> list[bool]:
        sent = [json.dumps(message.get("reply_markup", {})) for message in crew.sandbox.sent(chat_id)]
        return ['"ask"' in one for one in sent]

    assert buttons(7) == [True, False]
    assert buttons(1001) == [False, False]
    reader = await crew.storage.readers.get(7)
    assert reader
    assert not reader.ask


async def test_several_blocks_from_a_random_start(crews: Crew) -> None:
    crew = crews
    await people(crew, 40)
    await subscribe(crew.storage, range(10_000, 12_500), 2)  # others, so that ids span four blocks
    chats = await people(crew, 40, first=20_000)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    assert len(crew.received("Финал")) == 80
    assert set(chats) <= set(crew.received("Финал"))


async def test_who_blocked_sleeps_with_choices_kept(crews: Crew) -> None:
    crew = crews
    await people(crew, 3)
    crew.sandbox.people.known(1002).block()
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    progress = await crew.progress(broadcast)
    assert (progress.sent, progress.gone) == (2, 1)
    reader = await crew.storage.readers.get(1002)
    assert reader
    assert (reader.state.value, reader.sections) == ("dormant", 1)


async def test_a_group_that_moved_is_followed(crew: Crew) -> None:
    group = crew.sandbox.people.group(-500, "Болельщики", admins=[crew.sandbox.people.add(7)], basic=True)
    await subscribe(crew.storage, range(-500, -499), 1)
    moved = crew.sandbox.people.migrate(group)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    assert crew.received("Финал") == Counter({moved.id: 1})
    assert await crew.storage.readers.get(moved.id)
    assert await crew.storage.readers.get(-500) is None


@pytest.mark.parametrize("fault", ["server_error", "html_body", "drop_before", "drop_after", "request_lost"])
async def test_trouble_delays_and_loses_nothing(crew: Crew, fault: str) -> None:
    chats = await people(crew, 12)
    crew.sandbox.faults.fail(fault, "sendMessage", times=4, after=3)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast, within=40)
    got = crew.received("Финал")
    assert set(got) == set(chats)
    lost_answers = 4 if fault == "drop_after" else 0
    assert sum(got.values()) <= 12 + lost_answers
    progress = await crew.progress(broadcast)
    assert (progress.sent, progress.waiting, progress.uncertain) == (12, 0, 0)


async def test_a_refused_form_becomes_plain_text(crew: Crew) -> None:
    await people(crew, 1)
    crew.sandbox.faults.fail("parse_error", "sendMessage", times=1)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    (message,) = crew.sandbox.sent(1001)
    assert message["text"].startswith("Финал")
    assert all(entity["type"] not in ("bold", "text_link") for entity in message.get("entities", []))


async def test_a_post_that_every_chat_refuses_does_not_stop_the_line(crew: Crew) -> None:
    await people(crew, 5)
    crew.sandbox.faults.fail("too_long", "sendMessage", lambda p: "Ядовитый" in str(p.get("text")), times=None)
    poison, good = await crew.post("Ядовитый"), await crew.post("Хороший")
    first, second = await crew.broadcast(poison), await crew.broadcast(good)
    async with crew.sending():
        await crew.done(first, second)
    assert (await crew.progress(first)).rejected == 5
    assert await crew.storage.broadcasts.refusals(first) == [("message is too long", 5)]
    assert len(crew.received("Хороший")) == 5


async def test_the_order_of_posts_is_kept_per_chat(crew: Crew) -> None:
    chats = await people(crew, 20)
    broadcasts = [await crew.broadcast(await crew.post(f"Пост {n}")) for n in range(4)]
    async with crew.sending():
        await crew.done(*broadcasts, within=30)
    for chat in chats:
        assert [text[:6] for text in crew.texts(chat)] == [f"Пост {n}" for n in range(4)]


async def test_order_survives_trouble(crew: Crew) -> None:
    chats = await people(crew, 6)
    crew.sandbox.faults.fail("server_error", "sendMessage", lambda p: "Пост 0" in str(p.get("text")), times=3)
    broadcasts = [await crew.broadcast(await crew.post(f"Пост {n}")) for n in range(2)]
    async with crew.sending():
        await crew.done(*broadcasts, within=40)
    for chat in chats:
        assert [text[:6] for text in crew.texts(chat)] == ["Пост 0", "Пост 1"]


async def test_breaking_goes_first(crew: Crew) -> None:
    await people(crew, 120)
    crew.pacer = Pacer(10)
    regular = await crew.broadcast(await crew.post("Обычное"))
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) > 20)
        urgent = await crew.broadcast(
            await crew.post("Важное", kind=PostKind.BREAKING), lane=Lane.BREAKING, audience=Audience(breaking=True)
        )
        sender.wake()
        await crew.done(urgent)
        crew.pacer.rate = 500
        await crew.done(regular)
    assert len(crew.received("Обычное")) == len(crew.received("Важное")) == 120
    order = ["Важное" in str(call.params.get("text")) for call in crew.sandbox.calls]
    last = len(order) - 1 - order[::-1].index(True)
    assert order[:last].count(False) < 60


async def test_pause_resume_and_stop(crews: Crew) -> None:
    crew = crews
    await people(crew, 300)
    crew.pacer = Pacer(15)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    change, now = crew.storage.broadcasts.change, crew.now
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) > 30)
        assert await change(broadcast, BroadcastState.PAUSED, among=[BroadcastState.RUNNING], now=now)
        sender.wake()
        await _still(crew)
        paused = len(crew.sandbox.calls)
        assert paused < 200
        assert await change(broadcast, BroadcastState.RUNNING, among=[BroadcastState.PAUSED], now=now)
        sender.wake()
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) > paused + 30)
        assert await change(broadcast, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=now)
        sender.wake()
        await _still(crew)
    got = crew.received("Финал")
    assert max(got.values()) == 1
    assert len(got) < 300
    assert (await crew.progress(broadcast)).sent == len(got)


async def _still(crew: Crew) -> None:
    """Wait until nothing has been sent for a moment."""
    async with asyncio.timeout(60):
        seen = -1
        while seen != len(crew.sandbox.calls):
            seen = len(crew.sandbox.calls)
            await asyncio.sleep(0.3)


async def test_a_graceful_stop_repeats_nothing(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 200)
    crew.pacer = Pacer(40)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    for goal in (40, 90, 140):
        async with crew.sending():
            await crew.sandbox.until(lambda goal=goal: len(crew.sandbox.calls) > goal)
    async with crew.sending():
        await crew.done(broadcast)
    assert crew.received("Финал") == Counter(dict.fromkeys(chats, 1))


async def test_a_new_version_reaches_whoever_is_still_to_come(crews: Crew) -> None:
    crew = crews
    await people(crew, 300)
    crew.pacer = Pacer(20)
    post = await crew.post("Опечатка")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) > 20)
        await crew.storage.engine.write(
            "UPDATE post SET version = 2, content = REPLACE(content, 'Опечатка', 'Исправно') WHERE id = :id", id=post.id
        )
        sender.wake()
        await crew.sandbox.until(lambda: crew.received("Исправно"), timeout=60)
        crew.pacer.rate = 500
        await crew.done(broadcast)
    versions = await crew.storage.engine.fetch("SELECT version, COUNT(*) FROM receipt GROUP BY 1 ORDER BY 1")
    assert [row[0] for row in versions] == [1, 2]
    assert len(crew.received("Исправно")) == versions[1][1]


async def test_a_round_gives_each_reader_what_concerns_him(crews: Crew) -> None:
    crew = crews
    for chat in (1001, 1002, 1003, 1004):
        crew.sandbox.people.add(chat, started=True)
    for chat, sections in ((1001, 1), (1002, 2), (1003, 3), (1004, 4)):
        await subscribe(crew.storage, range(chat, chat + 1), sections)
    first, second = await crew.post("Спортивное", sections=1), await crew.post("Культурное", sections=2)
    broadcast = await crew.broadcast(first, second, audience=Audience(sections=3))
    async with crew.sending():
        await crew.done(broadcast)
    assert crew.texts(1001)[0].startswith("Спортивное\n\nКоротко.")
    assert crew.texts(1002)[0].startswith("Культурное\n\nКоротко.")
    (together,) = crew.texts(1003)
    assert "Спортивное" in together
    assert "Культурное" in together
    assert crew.texts(1004) == []
    rows = await crew.storage.engine.fetch("SELECT carried, version FROM receipt ORDER BY reader_id")
    assert [tuple(row) for row in rows] == [
        (f"[{first.id}]", 1),
        (f"[{second.id}]", 1),
        (f"[{first.id}, {second.id}]", 2),
    ]


async def test_a_long_429_of_one_chat_holds_only_that_chat(crew: Crew) -> None:
    await people(crew, 3)
    group = crew.sandbox.people.group(GROUP, "Медленная", admins=[crew.sandbox.people.known(1001)])
    await subscribe(crew.storage, range(group.id, group.id + 1), 1)
    crew.sandbox.faults.fail("flood_chat", "sendMessage", {"chat_id": group.id}, times=1, seconds=7200)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.sandbox.until(lambda: len(crew.received("Финал")) == 3, timeout=60)
        await crew.sandbox.until(lambda: any(str(c.params.get("chat_id")) == str(group.id) for c in crew.sandbox.calls))
        async with asyncio.timeout(60):
            while not (await crew.progress(broadcast)).waiting:
                await crew.clock.sleep(0.3)
    holds = await crew.storage.deliveries.holds(now=crew.now)
    assert 7000 < holds[group.id] - crew.now <= 7210
    assert 0 not in holds


async def test_receipts_wait_for_a_database_that_is_busy(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    await people(crew, 30)
    settle, troubles = crew.storage.deliveries.settle, 2

    async def busy(*args: Any, **kwargs: Any) -> None:
        nonlocal troubles
        troubles -= 1
        if troubles >= 0:
            raise StorageBusy("locked")
        await settle(*args, **kwargs)

    monkeypatch.setattr(crew.storage.deliveries, "settle", busy)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    assert crew.received("Финал").total() == 30


@pytest.mark.parametrize("noun", ["deliveries.hold", "readers.move"])
async def test_a_database_that_is_busy_loses_no_outcome(crew: Crew, monkeypatch: pytest.MonkeyPatch, noun: str) -> None:
    await people(crew, 5)
    group = crew.sandbox.people.group(-500, "Болельщики", admins=[crew.sandbox.people.known(1001)], basic=True)
    await subscribe(crew.storage, range(-500, -499), 1)
    moved = crew.sandbox.people.migrate(group)
    crew.sandbox.faults.fail("flood_chat", "sendMessage", {"chat_id": 1002}, times=1, seconds=3)
    table, _, method = noun.partition(".")
    repository, troubles = getattr(crew.storage, table), 2
    real = getattr(repository, method)

    async def busy(*args: Any) -> None:
        nonlocal troubles
        troubles -= 1
        if troubles >= 0:
            raise StorageBusy("locked")
        await real(*args)

    monkeypatch.setattr(repository, method, busy)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.done(broadcast)
    assert troubles < 0
    assert crew.received("Финал") == Counter(dict.fromkeys([*range(1001, 1006), moved.id], 1))


async def test_a_refused_token_ends_the_service(crew: Crew) -> None:
    await people(crew, 3)
    crew.sandbox.faults.fail("unauthorized", "sendMessage", times=None)
    await crew.broadcast(await crew.post("Финал"))
    with pytest.raises(ExceptionGroup) as caught:
        async with crew.sending():
            await asyncio.sleep(10)
    assert caught.value.subgroup(TelegramStopped)
