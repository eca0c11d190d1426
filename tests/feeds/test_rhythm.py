"""A feed's week: what is usual at this hour, and what a silence is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.domain.article import Article
from bot.domain.errors import FeedError
from bot.domain.feed import FeedState, Found
from bot.feeds.rhythm import HOUR, WEEK, Rhythm
from bot.feeds.signs import flawed, learnt, redirected, shrunk, silent, troubled, usual

ZONE = ZoneInfo("Asia/Almaty")
MONDAY = int(datetime(2025, 11, 24, tzinfo=ZONE).timestamp())
DAYTIME = range(9, 21)


def newsroom(weeks: int = 3) -> Rhythm:
    """Four articles in each hour of the day from nine to nine, Monday to Friday."""
    rhythm = Rhythm(MONDAY - weeks * WEEK)
    for week in range(weeks):
        for day in range(5):
            for hour in DAYTIME:
                at = MONDAY + (week - weeks) * WEEK + day * 86_400 + hour * HOUR
                rhythm = rhythm.learn(4, at, ZONE)
    return rhythm


def test_the_usual_depends_on_the_hour_and_the_day() -> None:
    rhythm = newsroom()
    assert Rhythm.load(rhythm.dump(), 0) == rhythm
    tuesday_ten, sunday = MONDAY + 86_400 + 10 * HOUR, MONDAY + 6 * 86_400

    def expected(begin: int, end: int) -> float:
        return round(replace(rhythm, since=end - 3 * WEEK).expected(begin, end, ZONE), 2)

    assert expected(tuesday_ten, tuesday_ten + HOUR) == 4
    assert expected(tuesday_ten + HOUR // 2, tuesday_ten + HOUR) == 2
    assert expected(tuesday_ten + 12 * HOUR, tuesday_ten + 20 * HOUR) == 0, "at night nobody writes"
    assert expected(sunday, sunday + 86_400) == 0
    assert expected(tuesday_ten, tuesday_ten + WEEK) == 4 * 12 * 5
    assert expected(tuesday_ten, tuesday_ten + WEEK + HOUR) == 4 * 12 * 5 + 4


def test_old_habits_count_half() -> None:
    rhythm = Rhythm(0).learn(8, 10, ZONE)
    later = rhythm.learn(0, 9 * WEEK, ZONE)
    assert (sum(later.counts), later.since) == (4, 5 * WEEK)
    assert not Rhythm(0).known(10 * WEEK)
    assert not rhythm.known(WEEK - 1)
    assert rhythm.known(WEEK)


def state(**changes: object) -> FeedState:
    return FeedState(7, "https://www.news.kz/rss", **changes)  # type: ignore[arg-type] # test options


def causes(found: object) -> list[tuple[str, dict[str, object]]]:
    return [(alarm.cause, alarm.detail) for alarm in found]  # type: ignore[attr-defined] # an iterator of alarms


def test_silence_is_five_usual_gaps_of_these_hours() -> None:
    friday_evening = MONDAY + 4 * 86_400 + 20 * HOUR + 1800
    fed = state(rhythm=newsroom().dump(), new_at=friday_evening)
    next_monday = MONDAY + WEEK
    assert causes(silent(fed, next_monday + 9 * HOUR, ZONE)) == [], "a weekend is no silence"
    ((cause, detail),) = causes(silent(fed, next_monday + 10 * HOUR + 1800, ZONE))
    assert (cause, detail["span"]) == ("silent", next_monday + 10 * HOUR + 1800 - friday_evening)
    tuesday = state(rhythm=newsroom().dump(), new_at=MONDAY + 86_400 + 10 * HOUR)
    at = tuesday.new_at or 0
    assert causes(silent(tuesday, at + 4000, ZONE)) == []
    ((_, detail),) = causes(silent(tuesday, at + 100 * 60, ZONE))
    assert detail["gap"] == pytest.approx(1000, rel=0.4), "three weeks old, and a day more"
    for quiet in ({"failures": 1}, {"gone_at": 1}, {"new_at": None}):
        assert causes(silent(replace(tuesday, **quiet), at + 100 * 60, ZONE)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gap", "hours", "told"), [(600.0, 20, False), (600.0, 25, True), (9_999_999.0, 25, False), (0.0, 99, False)]
)
def test_in_the_first_week_a_day_of_silence(gap: float, hours: int, told: bool) -> None:
    fed = state(gap=gap, new_at=MONDAY)
    assert bool(causes(silent(fed, MONDAY + hours * HOUR, ZONE))) is told
    assert causes(silent(fed, MONDAY + 1799, ZONE)) == []


@pytest.mark.parametrize(
    ("kind", "failures", "cause"),
    [
        ("certificate", 0, "certificate"),
        ("wall", 0, "wall"),
        ("gone", 0, "gone"),
        ("private", 3, "private"),
        ("http", 4, "failing"),
        ("timeout", 3, ""),
    ],
)
def test_which_failures_are_worth_a_word(kind: str, failures: int, cause: str) -> None:
    found = causes(troubled(state(failures=failures), FeedError(kind, "x", status=503)))
    assert found == ([(cause, {"kind": kind, "status": 503})] if cause else [])


def test_redirects_shrinking_and_flaws() -> None:
    assert causes(redirected(state(), "https://news.kz/feed")) == []
    assert causes(redirected(state(), "https://cdn.news.kz/feed")) == [("redirect", {"host": "cdn.news.kz"})]
    assert causes(shrunk(state(items=30), 10)) == [("shrank", {"items": 10, "usual": 30})]
    assert causes(shrunk(state(items=30), 11)) == []
    assert causes(shrunk(state(items=8), 1)) == []
    assert [usual(30, 40), usual(30, 28), usual(30, 10), usual(30, 30)] == [40, 29, 28, 30]
    article = Article(0, 7, "Заголовок", "", "", "ru", 0, 1)
    new = [Found(article, (), True), Found(replace(article, sections=1), (), True), Found(article, (), False)]
    assert causes(flawed(state(), new, repaired=2, future=3)) == [
        ("repaired", {"n": 2}), ("future", {"n": 3}), ("unsorted", {"title": "Заголовок", "n": 1}),
    ]  # fmt: skip
    assert causes(flawed(state(), [], repaired=2, future=0)) == []


def test_what_a_poll_teaches() -> None:
    taught = learnt(state(), 3, 30, MONDAY, ZONE)
    assert (taught.items, sum(Rhythm.load(taught.rhythm, 0).counts)) == (30, 3)
    assert learnt(taught, 0, 30, MONDAY, ZONE) == taught
