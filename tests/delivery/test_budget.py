"""What sending takes: the load of a day, and time and Stars of a send, free and paid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery import budget
from bot.delivery.budget import Estimate, Load


@pytest.mark.parametrize(
    ("quiet", "hours"), [("off", 24), ("23:00-07:30", 15.5), ("01:00-06:00", 19), ("07:30-23:00", 8.5)]
)
def test_the_waking_day_is_what_quiet_hours_leave(quiet: str, hours: float) -> None:
    assert budget.waking_seconds(quiet) == hours * 3600


def test_the_budget_is_what_the_rate_allows_while_readers_are_awake() -> None:
    load = budget.load_of([1_149_000], rate=29, quiet_hours="23:00-07:30")
    assert (load.budget, round(load.share, 2), load.tight) == (1_618_200, 0.71, False)
    assert budget.load_of([1_500_000], rate=29, quiet_hours="23:00-07:30").tight


@pytest.mark.parametrize(
    ("days", "planned"),
    [([], 0), ([40], 40), ([900, 40], 470), ([9_000_000, 40, 50], 50), ([0, 0, 70, 80, 90, 100, 110], 80)],
)
def test_an_ordinary_day_is_neither_the_great_one_nor_the_idle_one(days: list[int], planned: int) -> None:
    assert budget.load_of(days, rate=29, quiet_hours="off").planned == planned


def test_a_load_is_tight_above_nine_tenths_only() -> None:
    assert not Load(90, 100).tight
    assert Load(91, 100).tight


def test_paying_buys_time() -> None:
    assert budget.free(12_840, 29) == Estimate(12_840 / 29, 0)
    assert budget.paid(12_840, 29, paid_rate=970) == Estimate(12_840 / 970, 1_284)
    assert budget.paid(1, 29, paid_rate=970).stars == 1, "a tenth of a Star is asked for as a whole one at most"


def test_what_the_cap_does_not_pay_for_goes_at_the_free_rate() -> None:
    assert budget.paid(12_900, 30, paid_rate=1000, cap=1_000) == Estimate(10_000 / 1000 + 2_900 / 30, 1_000)
    assert budget.paid(50, 30, paid_rate=1000, cap=1_000) == Estimate(0.05, 5)


@given(st.integers(0, 10**7), st.integers(1, 30), st.integers(31, 1000), st.integers(0, 10**6))
def test_paying_is_never_slower_and_never_above_the_cap(readers: int, rate: int, paid_rate: int, cap: int) -> None:
    estimate = budget.paid(readers, rate, paid_rate=paid_rate, cap=cap)
    assert estimate.stars <= cap
    assert estimate.seconds <= budget.free(readers, rate).seconds
