"""Who is heard, and who is asked for patience."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ops.flood import _SWEEP, HEARD_BURST, Admission, Bucket, Door, talker


def test_a_bucket_lets_a_burst_go_and_then_one_a_second() -> None:
    bucket = Bucket(3)
    assert [bucket.take(1, 10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]
    assert bucket.take(2, 10.0) == 0.0, "others have their own"
    assert bucket.take(1, 10.5) == 0.5
    assert [bucket.take(1, 11.0) for _ in range(2)] == [0.0, 1.0]
    assert [bucket.take(1, 99.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_whoever_is_silent_is_forgotten() -> None:
    bucket = Bucket(1)
    for key in range(_SWEEP + 2):
        bucket.take(key, float(key))
    assert len(bucket._taken) < 5


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5))
def test_no_span_holds_more_than_its_seconds_and_a_burst(gaps: list[float], burst: int) -> None:
    bucket, now, gone = Bucket(burst), 0.0, []
    for gap in gaps:
        now += gap
        if not bucket.take(7, now):
            gone.append(now)
    for first, begin in enumerate(gone):
        for last, end in enumerate(gone[first:], first):
            assert last - first + 1 <= burst + (end - begin) + 1e-6


def test_the_first_one_above_the_burst_is_told_and_the_others_are_not_heard() -> None:
    door = Door()
    said = [door.admit(5, 0.0) for _ in range(HEARD_BURST + 3)]
    assert said == [Admission.HEARD] * HEARD_BURST + [Admission.TOLD] + [Admission.REFUSED] * 2
    assert door.admit(6, 0.0) is door.admit(5, 1.0) is Admission.HEARD
    assert door.admit(5, 1.0) is Admission.REFUSED
    for second in range(2, 700):
        door.admit(5, float(second))
    assert door.admit(5, 699.0) is Admission.TOLD, "ten minutes later it is said again"
    assert [door.admit(0, 0.0) for _ in range(200)] == [Admission.HEARD] * 200


@pytest.mark.parametrize(
    ("update", "who"),
    [
        ({"message": {"from": {"id": 5}, "chat": {"id": -7}}}, 5),
        ({"message": {"from": {"id": 1087968824}, "sender_chat": {"id": -7}}}, -7),
        ({"callback_query": {"from": {"id": 5}}}, 5),
        ({"inline_query": {"from": {"id": 5}}}, 5),
        ({"my_chat_member": {"from": {"id": 5}}}, 0),
        ({"channel_post": {"sender_chat": {"id": -9}}}, 0),
        ({"message": {"from": {"id": "5"}}}, 0),
        ({"message": {"from": "5"}}, 0),
        ({"message": 5}, 0),
        ({}, 0),
    ],
)
def test_only_what_people_say_by_hand_is_limited(update: dict[str, Any], who: int) -> None:
    assert talker(update) == who
