"""Paid broadcast of breaking news: faster than free, never above the cap, free at once when Telegram will not have it.

See `tests/delivery/crew.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from bot.delivery.pacing import Pacer, Paying
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane
from bot.domain.post import PostKind
from bot.sandbox.flood import FloodRule
from bot.sandbox.http import Call
from bot.sandbox.model import ApiError
from storage import Storage
from tests.delivery.crew import Crew, crew_on, people

FREE, PAID = 5, 50
"""A second; so little that a busy machine keeps up with it."""
STARS = [
    "not_enough_stars",
    ApiError(400, "Bad Request: words nobody knows"),
    ApiError(402, "Payment Required"),
    ApiError(403, "Forbidden: paid broadcasts are not allowed"),
]


class NotingPacer(Pacer):
    """Says when it let a message go: how late that arrives is the machine's affair."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.moments: list[float] = []

    def take(self, now: float) -> None:
        self.moments.append(now)
        super().take(now)


def pays(crew: Crew, messages: int = 10_000) -> NotingPacer:
    """From now on breaking news may be paid for; Telegram's own limits are in force. The pacer of the free budget."""
    crew.pacer, crew.paying = NotingPacer(FREE), Paying(Pacer(PAID), messages)
    crew.sandbox.machine.flood = FloodRule()
    return crew.pacer


async def urgent(crew: Crew, *, image: str = "") -> int:
    """A breaking broadcast."""
    kind = PostKind.ARTICLE if image else PostKind.BREAKING
    post = await crew.post("Важное", kind=kind, image=image)
    return await crew.broadcast(post, lane=Lane.BREAKING, audience=Audience(breaking=True))


async def stored(crew: Crew, broadcast: int) -> Broadcast:
    """The broadcast as storage has it."""
    found = await crew.storage.broadcasts.get(broadcast)
    assert found
    return found


def calls(crew: Crew, *, paid: bool, words: str = "") -> list[Call]:
    """The calls that were taken."""
    return [
        call
        for call in crew.sandbox.calls
        if bool(call.params.get("allow_paid_broadcast")) is paid
        and words in str(call.params.get("text"))
        and call.answer
        and call.answer["ok"]
    ]


def rate(times: list[float]) -> float:
    """Messages a second."""
    times = sorted(times)
    return (len(times) - 1) / (times[-1] - times[0])


@pytest.fixture
async def unhurried(storage: Storage) -> AsyncIterator[Crew]:
    """A crew whose rates are those of the wall, twice: what a busy machine is too slow for is less than a paid rate."""
    async with crew_on(storage, speed=2) as made:
        yield made


async def test_breaking_goes_at_the_paid_rate_and_the_rest_at_the_free_one(unhurried: Crew) -> None:
    crew = unhurried
    chats = await people(crew, 100)
    pays(crew)
    regular = await crew.broadcast(await crew.post("Обычное"))
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) >= 3)
        breaking = await urgent(crew)
        sender.wake()
        await crew.done(breaking)
        meanwhile = (await crew.progress(regular)).sent
    assert crew.received("Важное") == Counter(dict.fromkeys(chats, 1))
    paid = calls(crew, paid=True)
    assert len(paid) == len(calls(crew, paid=True, words="Важное")) == 100
    assert 1.3 * FREE < rate([call.time for call in paid]) <= PAID * 1.03
    assert rate([call.time for call in calls(crew, paid=False)]) <= FREE * 1.03
    assert 3 <= meanwhile < 100, "regular sending goes on"
    assert crew.sandbox.machine.flood.refused == 0
    found = await stored(crew, breaking)
    assert (found.paid, found.unpaid, (await stored(crew, regular)).paid) == (100, "", 0)


async def test_without_it_nothing_is_paid_for(crew: Crew) -> None:
    await people(crew, 5)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking)
    assert (len(calls(crew, paid=False)), len(calls(crew, paid=True))) == (5, 0)
    assert (await stored(crew, breaking)).paid == 0


async def test_at_the_cap_it_goes_on_at_the_free_rate(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 110)
    free = pays(crew, 100)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking)
    assert crew.received("Важное") == Counter(dict.fromkeys(chats, 1))
    assert len(calls(crew, paid=True)) == 100
    assert len(free.moments) == len(calls(crew, paid=False)) == 10
    assert rate(free.moments) <= FREE * 1.03
    found = await stored(crew, breaking)
    assert (found.paid, found.unpaid) == (100, "cap")


async def test_exactly_the_cap_says_nothing_of_it(crew: Crew) -> None:
    await people(crew, 30)
    pays(crew, 30)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking)
    found = await stored(crew, breaking)
    assert (found.paid, found.unpaid) == (30, "")


async def test_a_restart_keeps_the_count(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 120)
    pays(crew, 80)
    crew.paying = Paying(Pacer(40), 80)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) >= 20)
    before = await stored(crew, breaking)
    assert 20 <= before.paid == len(calls(crew, paid=True)) < 80
    async with crew.sending():
        await crew.done(breaking)
    assert crew.received("Важное") == Counter(dict.fromkeys(chats, 1))
    found = await stored(crew, breaking)
    assert (found.paid, found.unpaid) == (80, "cap")
    assert len(calls(crew, paid=True)) == 80


@pytest.mark.parametrize("refusal", STARS, ids=str)
async def test_a_refusal_falls_back_to_the_free_rate(crew: Crew, refusal: str | ApiError) -> None:
    chats = await people(crew, 20)
    free = pays(crew)
    crew.sandbox.faults.fail(
        refusal, "sendMessage", lambda p: bool(p.get("allow_paid_broadcast")), times=None, after=10
    )
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking)
    assert crew.received("Важное") == Counter(dict.fromkeys(chats, 1))
    assert len(free.moments) == len(calls(crew, paid=False)) == 10
    assert rate(free.moments) <= FREE * 1.03
    found, progress = await stored(crew, breaking), await crew.progress(breaking)
    assert (found.paid, progress.sent, progress.gone, progress.rejected) == (10, 20, 0, 0)
    assert found.unpaid
    assert crew.sandbox.machine.flood.refused == 0
    crew.sandbox.faults.clear()
    again = await urgent(crew)
    async with crew.sending():
        await crew.done(again)
    assert (await stored(crew, again)).paid == 20, "the next send tries again"


async def test_a_refusal_is_remembered_over_a_restart(crew: Crew) -> None:
    await people(crew, 60)
    pays(crew)
    crew.sandbox.faults.fail(
        "not_enough_stars", "sendMessage", lambda p: bool(p.get("allow_paid_broadcast")), times=None
    )
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.sandbox.until(lambda: len(calls(crew, paid=False)) >= 10)
    tried = sum(bool(call.params.get("allow_paid_broadcast")) for call in crew.sandbox.calls)
    async with crew.sending():
        await crew.done(breaking)
    assert sum(bool(call.params.get("allow_paid_broadcast")) for call in crew.sandbox.calls) == tried
    found = await stored(crew, breaking)
    assert (found.paid, found.unpaid) == (0, "BALANCE_TOO_LOW")


async def test_what_one_chat_refuses_does_not_end_it(crew: Crew) -> None:
    await people(crew, 60)
    pays(crew)
    crew.sandbox.people.known(1010).block()
    crew.sandbox.faults.fail("too_long", "sendMessage", {"chat_id": 1020}, times=None)
    crew.sandbox.faults.fail("parse_error", "sendMessage", {"chat_id": 1030}, times=2)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking)
    found, progress = await stored(crew, breaking), await crew.progress(breaking)
    assert (found.paid, found.unpaid) == (57, "")
    assert (progress.sent, progress.gone, progress.rejected) == (58, 1, 1)


async def test_a_lost_answer_is_counted_as_paid(crew: Crew) -> None:
    await people(crew, 20)
    pays(crew)
    crew.sandbox.faults.fail("drop_after", "sendMessage", {"chat_id": 1005}, times=1)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking, within=40)
    assert len(calls(crew, paid=True)) + 1 == (await stored(crew, breaking)).paid == 21


async def test_two_pauses_in_spite_of_paying_end_it(crew: Crew) -> None:
    chats = await people(crew, 60)
    pays(crew)
    crew.sandbox.faults.fail("flood_bot", "sendMessage", times=1, after=10, seconds=2)
    crew.sandbox.faults.fail("flood_bot", "sendMessage", times=1, after=30, seconds=2)
    breaking = await urgent(crew)
    async with crew.sending():
        await crew.done(breaking, within=40)
    assert crew.received("Важное") == Counter(dict.fromkeys(chats, 1))
    found = await stored(crew, breaking)
    assert (found.unpaid, found.paid) == ("Too Many Requests", len(calls(crew, paid=True)))
    assert 0 < found.paid < 60


async def test_a_pause_of_the_send_keeps_the_count(crew: Crew) -> None:
    await people(crew, 120)
    pays(crew, 90)
    breaking = await urgent(crew)
    change = crew.storage.broadcasts.change
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.sandbox.calls) >= 20)
        assert await change(breaking, BroadcastState.PAUSED, among=[BroadcastState.RUNNING], now=crew.now)
        sender.wake()
        await crew.clock.sleep(3)
        assert await change(breaking, BroadcastState.RUNNING, among=[BroadcastState.PAUSED], now=crew.now)
        sender.wake()
        await crew.done(breaking)
    found = await stored(crew, breaking)
    assert (found.paid, found.unpaid, len(calls(crew, paid=True))) == (90, "cap", 90)
