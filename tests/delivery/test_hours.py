"""The reader's own day: quiet hours, a volume spread over the waking day, the times of lists; zones, summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery.hours import (
    Hours,
    allowance,
    has_lists,
    in_quiet,
    is_morning,
    list_times,
    moment,
    next_list,
    zone_of,
)
from bot.domain.reader import ALL, DIGESTS, Choices, Night, Quiet

HOME = "Asia/Almaty"
BERLIN = "Europe/Berlin"
minutes = st.integers(0, 1439)


def at(text: str, zone: str = HOME, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def night(**changes: Any) -> Night:
    return Night.of(Choices(**changes))


@pytest.mark.parametrize(
    ("hours", "quiet", "loud"),
    [
        ((1380, 450), [1380, 1439, 0, 449], [450, 720, 1379]),
        ((60, 120), [60, 119], [59, 120, 0]),
        ((0, 480), [0, 479], [480, 1439]),
        ((1380, 0), [1380, 1439], [0, 1379]),
    ],
)
def test_quiet_hours_may_go_over_midnight(hours: tuple[int, int], quiet: list[int], loud: list[int]) -> None:
    assert all(in_quiet(*hours, minute) for minute in quiet)
    assert not any(in_quiet(*hours, minute) for minute in loud)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 100), minutes, minutes, st.booleans())
def test_a_volume_is_spread_over_the_waking_day(volume: int, begin: int, end: int, off: bool) -> None:
    if begin == end:
        return
    of = night(volume=volume, quiet=Quiet.OFF if off else Quiet.HOLD, quiet_from=begin, quiet_to=end)
    day = [allowance(of, minute) for minute in range(1440)]
    awake = [off or not in_quiet(begin, end, minute) for minute in range(1440)]
    gone = [0, *accumulate(awake)]
    slow = [-(-volume * gone[minute] // sum(awake)) for minute in range(1440)]
    assert day == slow
    assert day[0] == 0
    assert allowance(of, 1440) == volume


def test_no_number_no_allowance() -> None:
    assert allowance(night(volume=ALL), 700) == allowance(night(volume=DIGESTS), 700) == 0


def test_a_moment_is_of_the_readers_zone() -> None:
    now = at("2026-11-20 23:30")
    assert moment(night(), now, HOME).quiet
    assert not moment(night(zone=BERLIN), now, HOME).quiet  # half past seven in the evening
    assert moment(night(zone="Asia/Tokyo"), now, HOME).day == moment(night(), now, HOME).day + 1
    assert not moment(night(quiet=Quiet.OFF), now, HOME).quiet
    assert zone_of("Mars/Olympus", HOME) == zone_of("", HOME) == zone_of("../etc/passwd", HOME) == ZoneInfo(HOME)


def test_moments_are_kept_for_their_minute() -> None:
    hours, mine = Hours(HOME), night(volume=8)
    for now in (at("2026-11-20 22:59"), at("2026-11-20 22:59") + 59, at("2026-11-20 23:00"), at("2026-11-20 12:00")):
        for _ in range(2):
            assert hours.at(mine, now) == moment(mine, now, HOME)


EVENING = {"digest_at": (8 * 60, 19 * 60)}


@pytest.mark.parametrize(
    ("choices", "monday"),
    [
        (Choices(), []),
        (Choices(volume=8), [480, 1140]),
        (Choices(volume=DIGESTS, digest_days=0b1000000), []),  # Sundays only
        (Choices(volume=DIGESTS, digest_days=0), [480, 1140]),  # no day at all: every day, or nothing would ever come
        (Choices(volume=DIGESTS, digest_at=()), [450]),
        (Choices(quiet=Quiet.HOLD), [480, 1140]),  # the night's posts come with the first digest
        (Choices(quiet=Quiet.HOLD, digest_at=(1140,)), [450, 1140]),
        (Choices(quiet=Quiet.HOLD, digest_at=(60, 1140)), [450, 1140]),  # none in the night
        (Choices(quiet=Quiet.SILENT, volume=3, digest_at=(60, 1140)), [60, 1140]),
        (Choices(quiet=Quiet.HOLD, digest_days=0b1000000), [450]),
    ],
)
def test_lists_of_a_monday(choices: Choices, monday: list[int]) -> None:
    assert list_times(choices, 0) == monday
    assert has_lists(choices) == (choices.volume != ALL or choices.quiet is Quiet.HOLD)


def test_the_next_list() -> None:
    friday = at("2026-11-20 07:59")
    assert next_list(Choices(), friday, HOME) is None
    assert next_list(Choices(volume=3), friday, HOME) == at("2026-11-20 08:00")
    assert next_list(Choices(volume=3), at("2026-11-20 08:00"), HOME) == at("2026-11-20 19:00")
    assert next_list(Choices(volume=3, digest_days=0b0000001), friday, HOME) == at("2026-11-23 08:00")
    assert next_list(Choices(volume=3, digest_days=0b0010000), at("2026-11-20 19:00"), HOME) == at("2026-11-27 08:00")
    assert next_list(Choices(volume=3, zone=BERLIN), friday, HOME) == at("2026-11-20 08:00", BERLIN)


def test_clocks_that_change_neither_skip_a_list_nor_double_it() -> None:
    """Berlin: 02:00–03:00 is missing on 29 March 2026 and comes twice on 25 October; Almaty: 23:00 on 29.02.2024."""
    lists = Choices(volume=DIGESTS, digest_at=(150,), zone=BERLIN)
    for day, due in [
        ("2026-03-29 00:30", at("2026-03-29 03:30", BERLIN)),
        ("2026-10-25 00:30", at("2026-10-25 02:30", BERLIN)),
    ]:
        first = next_list(lists, at(day, BERLIN), HOME)
        assert first == due
        again = next_list(lists, first, HOME)
        assert again
        assert datetime.fromtimestamp(again, UTC).date() == datetime.fromtimestamp(first, UTC).date() + timedelta(1)
    late = Choices(volume=DIGESTS, digest_at=(23 * 60 + 30,))
    first = next_list(late, at("2024-02-29 12:00"), HOME)
    assert first == at("2024-02-29 23:30")
    assert next_list(late, first, HOME) == at("2024-03-01 23:30")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(minutes, max_size=4, unique=True),
    st.integers(0, 127),
    st.sampled_from(Quiet),
    st.sampled_from([ALL, DIGESTS, 8]),
    st.sampled_from([HOME, BERLIN, "America/St_Johns", "Australia/Lord_Howe"]),
    st.integers(1_700_000_000, 1_900_000_000),
)
def test_lists_go_on_for_ever_one_after_the_other(
    times: list[int], days: int, quiet: Quiet, volume: int, zone: str, start: int
) -> None:
    choices = Choices(
        quiet=quiet, volume=volume, digest_at=tuple(sorted(times)), digest_days=days, zone=zone, quiet_from=1400
    )
    found = [start]
    while len(found) < 20 and (due := next_list(choices, found[-1], HOME)):
        found.append(due)
    assert (len(found) == 20) == has_lists(choices)
    assert all(earlier < later <= earlier + 8 * 86_400 for earlier, later in pairwise(found))


def test_a_morning_list_comes_after_a_night_that_was_kept() -> None:
    kept = night(quiet=Quiet.HOLD)
    assert [is_morning(kept, at(f"2026-11-20 {time}"), HOME) for time in ("07:29", "07:30", "13:29", "13:30")] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not is_morning(night(), at("2026-11-20 08:00"), HOME)
