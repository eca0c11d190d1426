"""The pace: never above the rate in any second, whoever asks; holds; a rate that learns; places per chat."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery import pacing
from bot.delivery.pacing import Pacer, Purse, Shares, concurrency
from bot.domain.delivery import Lane

LATE = st.sampled_from([0.0, 0.0, 0.001, 0.02, 0.2, 1.5])


def entered(pacer: Pacer, chat_id: int, now: float) -> float:
    """When a message to this chat goes that asks now and again until it may."""
    while until := pacer.enter_chat(chat_id, now):
        assert until > now
        now = until
    return now


def busiest_second(times: list[float]) -> int:
    """The most messages within any second."""
    times, most, first = sorted(times), 0, 0
    for n, at in enumerate(times):
        while at - times[first] >= 1:
            first += 1
        most = max(most, n - first + 1)
    return most


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1000), st.lists(st.tuples(LATE, st.booleans()), max_size=300))
def test_no_second_is_fuller_than_the_rate(rate: int, asks: list[tuple[float, bool]]) -> None:
    """Bulk that wakes late, replies in bursts, pauses between: in any order."""
    pacer, now, sent = Pacer(rate), 1000.0, []
    for late, reply in asks:
        if reply:
            now += late
            sent.append(now + pacer.reserve(now))
        else:
            now += pacer.delay(now) + late
            if pacer.delay(now) == 0:
                pacer.take(now)
                sent.append(now)
    assert busiest_second(sent) <= rate * 1.03 + 1


def test_an_even_pace_uses_what_is_allowed() -> None:
    pacer, now, sent = Pacer(29), 0.0, 0
    while now < 60:
        pacer.take(now)
        sent += 1
        now += pacer.delay(now) + 0.004  # an event loop wakes a little late
    assert sent >= 0.97 * 29 * 60


def test_a_bulk_hold_spares_replies() -> None:
    pacer = Pacer(10)
    assert pacer.hold_bulk(5, 0.0, slower=False) == 5
    assert pacer.delay(0.0) == 5
    assert pacer.reserve(0.0) == 0.0
    assert pacer.delay(5.0) == 0.0
    assert pacer.rate == 10, "an outage says nothing about the rate"


def test_a_shorter_hold_does_not_end_a_longer_one() -> None:
    pacer = Pacer(10)
    pacer.hold_bulk(20, 0.0, slower=False)
    pacer.hold_bulk(2, 1.0, slower=False)
    assert pacer.delay(1.0) == 19


def test_a_hold_of_hours_is_tried_again_each_minute() -> None:
    assert Pacer(10).hold_bulk(10_072, 0.0, slower=True) == 60


def test_replies_push_bulk_back() -> None:
    pacer = Pacer(10)
    waits = [pacer.reserve(100.0) for _ in range(5)]
    assert waits == pytest.approx([0.0, 0.095, 0.195, 0.295, 0.395])
    assert pacer.delay(100.0) == pytest.approx(0.495)


def test_the_rate_is_lowered_once_a_pause_and_creeps_back() -> None:
    pacer = Pacer(100)
    pacer.hold_bulk(3, 0.0, slower=True)
    pacer.hold_bulk(3, 1.0, slower=True)  # answers that were under way when the pause began
    assert pacer.rate == pytest.approx(95)
    pacer.hold_bulk(3, 5.0, slower=True)
    assert pacer.rate == pytest.approx(95 * 0.95)
    lowered, now = pacer.rate, 5.0
    while pacer.rate < 100:
        pacer.delay(now)
        assert pacer.rate <= max(lowered, 100.0)
        now += 1
    assert 5 + 100 <= now <= 5 + 200, "one per cent each ten seconds"
    assert pacer.rate == 100


def test_the_rate_has_a_floor() -> None:
    pacer = Pacer(100)
    for n in range(200):
        pacer.hold_bulk(1, n * 2.0, slower=True)
    assert pacer.rate == 25


@given(st.lists(st.tuples(st.sampled_from([5, 6, -7]), st.sampled_from([0.0, 0.1, 1.0, 4.0])), max_size=120))
def test_places_of_a_chat_keep_their_order_and_distance(asks: list[tuple[int, float]]) -> None:
    pacer, now = Pacer(29), 0.0
    places: dict[int, list[float]] = {}
    for chat, later in asks:
        now += later
        places.setdefault(chat, []).append(entered(pacer, chat, now))
    for chat, times in places.items():
        interval, burst = (1.0, 3) if chat > 0 else (3.1, 1)
        assert all(before <= after for before, after in pairwise(times))
        for n, at in enumerate(times[burst:]):
            assert at - times[n] >= interval - 1e-9, "a burst, then one each interval"
        for first in range(len(times) - 1):
            span = times[-1] - times[first]
            assert len(times) - first <= span / interval + burst + 1e-6


def test_a_group_gets_twenty_a_minute_a_person_a_burst_of_three() -> None:
    pacer = Pacer(1000)
    assert [entered(pacer, -7, 0.0) for _ in range(4)] == pytest.approx([0, 3.1, 6.2, 9.3])
    assert [entered(pacer, 7, 0.0) for _ in range(5)] == pytest.approx([0, 0, 0, 1.05, 2.1])


def test_a_held_chat_waits_and_the_others_do_not() -> None:
    pacer = Pacer(29)
    pacer.hold_chat(5, 30, 0.0)
    pacer.hold_chat(5, 10, 0.0)
    assert entered(pacer, 5, 0.0) >= 30
    assert pacer.enter_chat(6, 0.0) == 0.0


def test_what_a_chat_is_answered_keeps_bulk_away_from_it() -> None:
    pacer = Pacer(1000)
    assert [pacer.answer_chat(6, 0.0) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.0, 1.05])
    assert pacer.enter_chat(6, 0.0) == pytest.approx(2.1)
    assert pacer.enter_chat(7, 0.0) == 0.0


def test_asking_books_nothing() -> None:
    """What asks later but matters more is not behind what has asked before."""
    pacer = Pacer(1000)
    while not pacer.enter_chat(7, 0.0):
        pass
    asked = [pacer.enter_chat(7, 0.5) for _ in range(50)]
    assert asked == pytest.approx([1.05] * 50)
    assert pacer.enter_chat(7, 1.06) == 0.0


def test_memory_of_chats_does_not_grow_with_the_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_SWEEP", 100)
    pacer = Pacer(29)
    pacer._sweep_at = 100
    pacer.hold_chat(-1, 10_000, 0.0)
    for chat in range(1, 20_000):
        pacer.enter_chat(chat, chat / 29)
    assert len(pacer._chats) <= 2 * 100
    assert entered(pacer, -1, 1000.0) > 9000, "a hold is not forgotten"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from([0.0, 0.5, 3.0])), max_size=80))
def test_forgetting_a_chat_changes_nothing_for_it(asks: list[tuple[int, float]]) -> None:
    keeps, forgets, now = Pacer(29), Pacer(29), 0.0
    for chat, later in asks:
        now += later
        chat = chat if chat % 2 else -chat
        forgets._sweep(now)
        assert forgets.enter_chat(chat, now) == keeps.enter_chat(chat, now)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.5, 30.0, 86_400.0]), st.booleans()), min_size=1, max_size=200))
def test_a_clock_that_jumps_earns_nothing(asks: list[tuple[float, bool]]) -> None:
    """After hours without a message (the machine slept, a demo's clock was moved) the pace is the same."""
    pacer, now, sent = Pacer(50), 0.0, []
    for jump, flood in asks:
        now += jump
        if flood:
            before, paused = pacer.rate, now < pacer.held_until
            pacer.hold_bulk(2, now, slower=True)
            assert pacer.rate == pytest.approx(max(12.5, before if paused else before * 0.95))
        now += pacer.delay(now)
        assert now >= pacer.held_until
        pacer.take(now)
        sent.append(now)
        assert 12.5 <= pacer.rate <= 50
    assert busiest_second(sent) <= 50 * 1.03 + 1


def test_a_jump_of_the_clock_gives_back_one_step_of_the_rate() -> None:
    pacer = Pacer(100)
    for n in range(5):
        pacer.hold_bulk(1, n * 2.0, slower=True)
    low = pacer.rate
    pacer.delay(86_400.0)
    assert pacer.rate == pytest.approx(low * 1.01), "a day without sending proves nothing"


def test_concurrency_covers_the_round_trip() -> None:
    assert concurrency(29, 0.1) == 4
    assert concurrency(29, 1.0) == 44
    assert concurrency(1000, 5.0) == 256
    assert concurrency(1000, 5.0, most=64) == 64


BULK = (Lane.REGULAR, Lane.DIGEST, Lane.EDITS, Lane.PROMO)
DUE = st.lists(st.sets(st.sampled_from(BULK)), min_size=1, max_size=400)


def turns(*due: Lane, times: int = 1000) -> dict[Lane, int]:
    """How many of the messages each lane gets while these have something to send."""
    shares, got = Shares(), dict.fromkeys(due, 0)
    for _ in range(times):
        lane = shares.turn(due)
        assert lane is not None
        got[lane] += 1
    return got


def test_the_shares_while_all_are_due() -> None:
    got = turns(*BULK)
    assert got == pytest.approx({Lane.REGULAR: 500, Lane.DIGEST: 350, Lane.EDITS: 100, Lane.PROMO: 50}, abs=2)


def test_what_is_unused_is_lent() -> None:
    assert turns(Lane.PROMO) == {Lane.PROMO: 1000}
    assert turns(Lane.EDITS, Lane.PROMO) == pytest.approx({Lane.EDITS: 950, Lane.PROMO: 50}, abs=2)
    assert turns(Lane.DIGEST, Lane.EDITS) == pytest.approx({Lane.DIGEST: 900, Lane.EDITS: 100}, abs=1)
    assert turns(Lane.REGULAR, Lane.PROMO) == pytest.approx({Lane.REGULAR: 950, Lane.PROMO: 50}, abs=2)
    assert Shares().turn(()) is None


@given(DUE)
def test_replies_then_breaking_before_all_shares(due: list[set[Lane]]) -> None:
    shares = Shares()
    for lanes in due:
        assert shares.turn(lanes | {Lane.BREAKING}) is Lane.BREAKING
        assert shares.turn(lanes | {Lane.BREAKING, Lane.REPLY}) is Lane.REPLY


@given(DUE, st.integers(0, 400))
def test_shares_hold_in_any_stretch_of_time(due: list[set[Lane]], first: int) -> None:
    """Whatever comes and goes: edits never have more than a tenth beside posts or digests, a digest that is due
    is never behind its third, and nothing is idle while anybody has something to send."""
    shares = Shares()
    sent = [(lanes, shares.turn(lanes)) for lanes in due]
    assert all(lane in lanes if lanes else lane is None for lanes, lane in sent)
    beside = [lane for lanes, lane in sent[first:] if lanes & {Lane.REGULAR, Lane.DIGEST}]
    assert beside.count(Lane.EDITS) <= len(beside) / 10 + 2
    assert beside.count(Lane.PROMO) <= len(beside) / 20 + 2
    digest = [lane for lanes, lane in sent[first:] if Lane.DIGEST in lanes]
    assert digest.count(Lane.DIGEST) >= len(digest) / 3 - 2
    for lane in BULK:
        waited = [got for lanes, got in sent if lane in lanes]
        assert waited.count(lane) >= len(waited) / 20 - 2, "nobody starves"


@given(st.integers(0, 50), st.lists(st.sampled_from(["take", "taken", "refused"]), max_size=200))
def test_nothing_is_paid_for_above_the_purse(messages: int, deeds: list[str]) -> None:
    purse, under_way, paid, written = Purse(messages), 0, 0, 0
    for deed in deeds:
        if deed == "take" and purse.open:
            purse.take()
            under_way += 1
        elif deed != "take" and under_way:
            purse.settle(taken=deed == "taken")
            under_way -= 1
            paid += deed == "taken"
        if len(deeds) % 3 == 0:
            written += purse.unwritten()[0]
        assert paid + under_way + purse.left == messages
        assert purse.left >= 0
    assert written + purse.unwritten()[0] == paid
    assert purse.unwritten() == (0, "")


def test_a_purse_is_closed_once_and_says_why_once() -> None:
    purse = Purse(5)
    purse.take()
    purse.settle(taken=True)
    purse.end("BALANCE_TOO_LOW")
    purse.end("cap")
    assert (purse.open, purse.left, purse.ended) == (False, 4, "BALANCE_TOO_LOW")
    assert [purse.unwritten(), purse.unwritten()] == [(1, "BALANCE_TOO_LOW"), (0, "")]


def test_the_second_pause_in_spite_of_paying_is_the_last() -> None:
    purse = Purse(5)
    purse.pause("429")
    assert purse.open
    purse.pause("429")
    assert (purse.open, purse.unwritten()) == (False, (0, "429"))
