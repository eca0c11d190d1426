"""What happens to a sender in a bad hour, each time judged by the same invariants: nobody without the post, repeats
within what was in flight, the order kept."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest

from bot.delivery.audience import Offer
from bot.delivery.pacing import Pacer
from bot.delivery.publish import Publisher
from bot.domain.delivery import Audience, Lane, Outcome
from bot.domain.post import PostKind
from bot.sandbox.flood import FloodRule
from storage import Storage
from tests.delivery.crew import Crew, people
from tests.factories import subscribe
from tests.storage.storage_help import Failing

OUTAGES = {
    "5xx": ("server_error", 0),
    "HTML": ("html_body", 0),
    "resets": ("drop_before", 0),
    "silence": ("hang", 1),
}


@pytest.mark.parametrize("kind", OUTAGES)
async def test_five_minutes_without_telegram(crew: Crew, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await _outage(crew, kind, 5, monkeypatch)


@pytest.mark.prove
@pytest.mark.parametrize("kind", OUTAGES)
async def test_half_an_hour_without_telegram(crew: Crew, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await _outage(crew, kind, 30, monkeypatch)


async def _outage(crew: Crew, kind: str, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries go on at least every four minutes (the test's time leaps while a call is under way); afterwards all of the
    queue is there, in order and once."""
    fault, patience = OUTAGES[kind]
    if patience:
        monkeypatch.setattr("bot.wire.ANSWER_SECONDS", 0.3)
        monkeypatch.setattr("bot.wire._SWEEP_SECONDS", 0.05)
    chats = await people(crew, 30)
    tried, deliver = asyncio.Event(), crew.telegram.deliver

    async def watched(method: str, body: bytes) -> Outcome:
        tried.set()
        return await deliver(method, body)

    monkeypatch.setattr(crew.telegram, "deliver", watched)
    first = await crew.broadcast(await crew.post("Первый"))
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) > 5)
        crew.sandbox.faults.fail(fault, times=None)
        second = await crew.broadcast(await crew.post("Второй"))
        for _ in range(minutes):
            tried.clear()
            knocked_within = crew.clock.monotonic() + 240
            while not tried.is_set():
                assert crew.clock.monotonic() < knocked_within
                await crew.clock.advance(3)
                await crew.clock.sleep(0.1)
        crew.sandbox.faults.clear()
        sender.wake()
        await crew.clock.advance(60)
        await crew.done(first, second, within=30)
    for chat in chats:
        heads = [text.split()[0] for text in crew.texts(chat)]
        if kind == "silence":  # a send without an answer in time may have arrived: it is repeated
            heads = list(dict.fromkeys(heads))
        assert heads == ["Первый", "Второй"]
    for broadcast in (first, second):
        assert (await crew.progress(broadcast)).sent == 30


async def test_after_seven_hours_without_telegram_old_news_is_one_list(crews: Crew) -> None:
    """What is older than six hours comes in one message, once and without what a reader has; the rest as it is."""
    crew = crews
    chats = await people(crew, 30)
    crew.pacer = Pacer(10)
    publisher = Publisher(
        crew.storage,
        crew.clock,
        rate=10,
        offer=Offer(("ru",), ("ru",)),
        home="Asia/Almaty",
        valid_for=lambda mask: 6 * 3600,
        started=lambda: None,
    )
    first = await crew.broadcast(await crew.post("Первый"))
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.received("Первый")) > 5)
        crew.sandbox.faults.fail("server_error", times=None)
        for title in ("Второй", "Третий"):
            await crew.post(title)
            await publisher.step()
        breaking = await crew.broadcast(
            await crew.post("Срочно", kind=PostKind.BREAKING), lane=Lane.BREAKING, audience=Audience(breaking=True)
        )
        tried = len(crew.sandbox.calls)
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) > tried + 1)
        for title in ("Четвёртый", "Свежий"):
            await crew.clock.advance(3.5 * 3600)
            await crew.post(title)
            await publisher.step()
        open_ = [item.id for item in await crew.storage.broadcasts.open()]
        assert (breaking in open_, first in open_, len(open_)) == (True, False, 4)
        await crew.clock.sleep(2)  # the sender looks every second
        crew.sandbox.faults.clear()
        sender.wake()
        await crew.clock.advance(120)
        await crew.done(*open_, within=40)
    listed = 0
    for chat in chats:
        texts = crew.texts(chat)
        for word in ("Первый", "Второй", "Третий", "Четвёртый", "Свежий", "Срочно"):
            assert sum(word in text for text in texts) == 1, (chat, word)
        (late,) = [text for text in texts if "Второй" in text]
        assert "Третий" in late
        listed += "Первый" in late
        assert len(texts) == 5 - ("Первый" in late), "the list, breaking news, two that are fresh, what came before"
    assert 0 < listed < 25


@pytest.mark.parametrize("seed", [3, 4])
async def test_readers_change_while_it_is_sent(crews: Crew, seed: int) -> None:
    """They block, leave, move and change their mind: who is there and wants it gets it once, who does not, does not."""
    crew, rng = crews, random.Random(seed)
    chats = await people(crew, 150)
    crew.pacer = Pacer(10)  # so slow that all of it happens in the middle, however busy the machine
    groups = [
        crew.sandbox.people.group(-600 - n, f"Г{n}", admins=[crew.sandbox.people.known(1001)], basic=True)
        for n in range(4)
    ]
    for group in groups:
        await subscribe(crew.storage, range(group.id, group.id + 1), 1)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    muted: dict[int, int] = {}
    blocked: set[int] = set()
    async with crew.sending():
        for chat in rng.sample(chats, 40):
            await crew.clock.sleep(0.05)
            if rng.random() < 0.5:
                crew.sandbox.people.known(chat).block()
                blocked.add(chat)
            else:
                reader = await crew.storage.readers.get(chat)
                assert reader
                await crew.storage.readers.choose(reader.id, 1, False, now=crew.now)
                muted[chat] = len(crew.sandbox.calls)
        moved = [crew.sandbox.people.migrate(group).id for group in groups[:2]]
        crew.pacer.rate = 30
        await crew.done(broadcast, within=40)
    got = crew.received("Финал")
    assert max(got.values()) == 1
    assert set(chats) - blocked - set(muted) <= set(got)
    assert {*moved, *(group.id for group in groups[2:])} <= set(got)
    progress = await crew.progress(broadcast)
    assert progress.waiting == progress.uncertain == progress.rejected == 0
    assert progress.sent == got.total()
    late = [chat for chat, calls in muted.items() if calls + 60 < _position(crew, chat)]
    assert not late, "read again just before the send: who said no is not written to a second later"


def _position(crew: Crew, chat: int) -> int:
    """The number of the call that reached a chat, 0 when none did."""
    calls = enumerate(crew.sandbox.calls)
    return next((n for n, call in calls if str(call.params.get("chat_id")) == str(chat)), 0)


async def test_a_storm_of_429s(crew: Crew) -> None:
    """Both scopes again and again under the rule that punishes: nothing is lost, and nobody knocks in a pause."""
    chats = await people(crew, 30)
    crew.pacer = Pacer(28)
    crew.sandbox.machine.flood = FloodRule()
    crew.sandbox.faults.fail("flood_bot", "sendMessage", times=3, after=10, seconds=5)
    for chat in chats[::5]:
        crew.sandbox.faults.fail("flood_chat", "sendMessage", {"chat_id": chat}, times=1, seconds=10)
    broadcasts = [await crew.broadcast(await crew.post(f"Пост {n}")) for n in range(2)]
    async with crew.sending():
        await crew.done(*broadcasts, within=60)
    for chat in chats:
        assert [text[:6] for text in crew.texts(chat)] == ["Пост 0", "Пост 1"]
    assert crew.sandbox.machine.flood.refused <= 3 + 6 + 3, "one 429 a pause, and what was under way when it began"


async def test_who_must_wait_for_an_hour_keeps_no_younger_news_from_others(crew: Crew) -> None:
    patient, *others = await people(crew, 6)
    crew.sandbox.fail("flood_chat", match={"chat_id": patient}, seconds=3600)

    async def everybody_else_has(title: str) -> None:
        await crew.sandbox.until(lambda: all(title in str(crew.texts(chat)) for chat in others), timeout=20)

    async with crew.sending():
        for number in range(4):
            post = await crew.post(f"Новость {number}")
            await crew.broadcast(post)
            await everybody_else_has(post.title)
    assert not crew.sandbox.sent(patient)


async def test_a_full_disk_stops_neither_reading_nor_sending(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    """What was sent is kept in memory until the disk has room again; then nothing is repeated."""
    chats = await people(crew, 450)
    crew.pacer = Pacer(200)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    full = "database cannot grow"
    async with crew.sending():
        await crew.sandbox.until(lambda: len(crew.received("Финал")) > 20)
        (pages,) = (await crew.storage.engine.fetch("PRAGMA page_count"))[0]
        await crew.storage.engine.write(f"PRAGMA max_page_count = {pages}")
        await crew.sandbox.until(lambda: len(crew.received("Финал")) == 450, timeout=20)
        await crew.storage.engine.write("PRAGMA max_page_count = 1000000")
        await crew.done(broadcast, within=30)
    assert full in caplog.text
    assert crew.received("Финал") == Counter(dict.fromkeys(chats, 1))
    assert (await crew.progress(broadcast)).sent == 450


async def test_a_clock_set_back_two_hours(crews: Crew) -> None:
    """Delays run on; whoever waited for a moment of the old time gets the post all the same."""
    crew = crews
    chats = await people(crew, 120)
    crew.pacer = Pacer(20)
    crew.sandbox.faults.fail("server_error", "sendMessage", times=2, after=4)
    broadcast = await crew.broadcast(await crew.post("Финал"))
    async with crew.sending():
        await crew.sandbox.until(lambda: len(crew.received("Финал")) > 20)
        crew.clock.back = 7200
        await crew.sandbox.until(lambda: len(crew.received("Финал")) >= 118, timeout=20)
        await crew.clock.advance(7200)
        await crew.done(broadcast, within=30)
    assert crew.received("Финал") == Counter(dict.fromkeys(chats, 1))


async def _n_th_call_fails(crew: Crew, n: int, people_: range) -> bool:
    """One post to a few readers while the n-th database call from now fails; whether there were that many."""
    title = f"Пост {n}."
    broadcast = await crew.broadcast(await crew.post(title))
    failing = Failing(crew.storage.engine, n)
    async with replace(crew, storage=Storage(failing)).sending():
        await crew.done(broadcast, within=30)
    got = crew.received(title)
    assert set(got) == set(people_), f"call {n}"
    assert (await crew.progress(broadcast)).sent == len(people_)
    assert max(got.values()) == 1, "a database that hiccups is no reason to send twice"
    return failing.fired


async def test_any_third_database_call_may_fail(crews: Crew) -> None:
    await _failures(crews, 3)


@pytest.mark.prove
async def test_any_database_call_may_fail(crews: Crew) -> None:
    await _failures(crews, 1)


async def _failures(crews: Crew, step: int) -> None:
    """The n-th call of a sender's life fails once, for each n: it waits, goes on, loses and repeats nothing."""
    chats, n = await people(crews, 5), 1
    while await _n_th_call_fails(crews, n, chats):
        n += step
    assert n > 8
