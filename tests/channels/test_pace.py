"""What a channel gets next: single posts with a gap, a list of the rest of an hour, a list after a silence."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.pace import HOUR, Turn, concerns, turn
from bot.domain.channel import Channel, Manner
from bot.domain.reader import ReaderState

NOON = 1_795_410_000 - 1_795_410_000 % HOUR
MANNER = Manner(gap=60, per_hour=3)


def test_one_after_the_other_with_a_gap() -> None:
    assert turn([], [], MANNER, NOON) is None
    assert turn([(1, NOON), (2, NOON)], [], MANNER, NOON + 1) == Turn((1,), NOON + 1)
    assert turn([(2, NOON)], [NOON + 1], MANNER, NOON + 60) == Turn((), NOON + 61)
    assert turn([(2, NOON)], [NOON + 1], MANNER, NOON + 61) == Turn((2,), NOON + 61)


def test_the_rest_of_an_hour_is_one_list_when_it_is_over() -> None:
    full = [NOON, NOON + 100, NOON + 200]
    waiting = [(4, NOON + 300), (5, NOON + 900)]
    assert turn(waiting, full, MANNER, NOON + 1000) == Turn((), NOON + HOUR)
    assert turn([*waiting, (6, NOON + HOUR)], full, MANNER, NOON + HOUR) == Turn((4, 5), NOON + HOUR)
    assert turn([(6, NOON + HOUR)], [*full, NOON + HOUR], MANNER, NOON + HOUR + 60) == Turn((6,), NOON + HOUR + 60)
    assert turn(waiting[:1], full, MANNER, NOON + HOUR) == Turn((4,), NOON + HOUR), "one alone is no list"


def test_what_could_not_go_for_an_hour_is_a_list() -> None:
    waiting = [(1, NOON - 9000), (2, NOON - HOUR - 1), (3, NOON - 5)]
    assert turn(waiting, [], MANNER, NOON) == Turn((1, 2), NOON)
    assert turn(waiting[1:], [], MANNER, NOON) == Turn((2,), NOON)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 3 * HOUR), min_size=1, max_size=60).map(sorted),
    st.integers(1, 6),
    st.sampled_from([1, 60, 300]),
)
def test_nothing_is_lost_nothing_comes_twice_and_no_hour_is_too_full(moments: list[int], most: int, gap: int) -> None:
    manner, queue, posted, got = Manner(gap=gap, per_hour=most), list[tuple[int, int]](), list[int](), list[int]()
    for second in range(0, 6 * HOUR, 60):
        now = NOON + second
        queue += [(n, NOON + at) for n, at in enumerate(moments) if second - 60 < at <= second]
        next_ = turn(queue, [at for at in posted if at >= now - 2 * HOUR], manner, now)
        if next_ and next_.posts:
            got += next_.posts
            queue = [(post, at) for post, at in queue if post not in next_.posts]
            posted.append(now)
        assert next_ is None or next_.posts or next_.at > now
    assert sorted(got) == list(range(len(moments)))
    assert all(later - earlier >= gap for earlier, later in pairwise(posted))
    assert all(sum(at // HOUR == hour for at in posted) <= most for hour in {at // HOUR for at in posted})


@pytest.mark.parametrize(
    ("sections", "mask", "language", "fits", "wanted"),
    [
        (0b10, 0b10, "ru", (), True),
        (0b10, 0b01, "ru", (), False),
        (0, 0b01, "ru", (), True),
        (0b1, 0b1, "kk", ("ru",), False),
        (0b1, 0b1, "", ("ru",), True),
        (0b1, 0b1, "kk", ("kk", "en"), True),
    ],
)
def test_what_goes_to_a_channel(sections: int, mask: int, language: str, fits: tuple[str, ...], wanted: bool) -> None:
    channel = Channel(1, -1, "Дала", "", ReaderState.ACTIVE, mask, Manner(language=language))
    assert concerns(channel, sections, fits) is wanted
