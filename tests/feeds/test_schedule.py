"""When the next poll comes."""

from __future__ import annotations

from random import Random

import pytest

from bot.feeds.schedule import Checked, Pace, learn, next_check

NOW = 1_800_000_000.0
DAY = 86_400.0


class Latest(Random):
    """The end of every range: an adaptive delay without its jitter."""

    def uniform(self, a: float, b: float) -> float:
        return b


def delay(pace: Pace, outcome: Checked | None = None, now: float = NOW) -> float:
    at = next_check(pace, outcome or Checked(), now, Latest() if pace.interval is None else Random(1))
    assert at is not None
    return at - now


def test_a_configured_interval_is_kept_exactly() -> None:
    pace = Pace(interval=7.0, first_at=NOW - DAY)
    assert delay(pace, Checked(hint=3600.0)) == 7.0
    assert delay(Pace(interval=7.0, first_at=NOW)) == 7.0


def test_retry_after_counts_always_but_not_for_ever() -> None:
    refused = Checked(error="http", retry_after=120.0)
    assert 120 <= delay(Pace(interval=7.0), refused) <= 132
    assert delay(Pace(interval=7.0), Checked(error="http", retry_after=1e9)) <= 6.6 * 3600


@pytest.mark.parametrize("failures", [1, 3, 5])
def test_back_off_doubles_with_jitter(failures: int) -> None:
    usual = 60 * 2**failures
    assert usual * 0.8 <= delay(Pace(interval=60.0, failures=failures)) <= usual * 1.2


def test_back_off_ends_at_six_hours() -> None:
    assert delay(Pace(interval=60.0, failures=500)) == 6 * 3600


def test_gone_is_never_asked_again() -> None:
    assert next_check(Pace(interval=1.0), Checked(error="gone"), NOW, Random(1)) is None


def test_each_minute_in_the_first_hour() -> None:
    assert delay(Pace(first_at=NOW - 3599), Checked(hint=900.0)) == 60


@pytest.mark.parametrize(("gap", "wanted"), [(10.0, 60), (600.0, 150), (3600.0, 900), (DAY, 1800)])
def test_adapts_to_how_often_the_feed_publishes(gap: float, wanted: float) -> None:
    assert delay(Pace(first_at=NOW - DAY, last_new_at=NOW, gap=gap)) == wanted


def test_a_silent_feed_is_asked_less_and_less_but_each_half_hour() -> None:
    delays = [delay(Pace(first_at=1.0, last_new_at=NOW - quiet, gap=60.0)) for quiet in (0, 3_200, 9_600, 90_000)]
    assert delays == [60, 200, 600, 1800]


def test_hints_raise_an_adaptive_interval_within_its_bounds() -> None:
    pace = Pace(first_at=NOW - DAY, last_new_at=NOW, gap=600.0)
    assert [delay(pace, Checked(hint=h)) for h in (10.0, 300.0, 1e6)] == [150, 300, 1800]


def test_feeds_begun_together_drift_apart_within_the_bounds() -> None:
    pace, rng = Pace(first_at=NOW - DAY, last_new_at=NOW, gap=DAY), Random(1)
    delays = [(next_check(pace, Checked(), NOW, rng) or 0) - NOW for _ in range(50)]
    assert 1600 < min(delays) < max(delays) <= 1800
    assert len({round(delay) for delay in delays}) > 30


def test_learning() -> None:
    pace = learn(Pace(), Checked(new=30), NOW)
    assert pace == Pace(first_at=NOW, last_new_at=NOW)
    pace = learn(pace, Checked(new=2), NOW + 600)
    assert pace.gap == 300
    pace = learn(pace, Checked(new=1), NOW + 1600)
    assert pace.gap == pytest.approx(510)
    failed = learn(learn(pace, Checked(error="http"), NOW + 1700), Checked(error="timeout"), NOW + 1800)
    assert failed.failures == 2
    assert learn(failed, Checked(), NOW + 1900) == pace
    assert learn(Pace(), Checked(error="http"), NOW) == Pace(first_at=NOW, failures=1)
