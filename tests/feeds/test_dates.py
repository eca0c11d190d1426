"""Dates as feeds write them, in the zone of the feed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds import dates
from bot.feeds.dates import believable, read_date

ALMATY = ZoneInfo("Asia/Almaty")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
STORY = int(datetime(2022, 11, 24, 10, 48, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    "text",
    [
        "24.11.2022, 16:48",
        "24.11.2022 16:48",
        "16:48, 24.11.2022",
        "24/11/2022 16:48:00",
        "24-11-2022 16:48",
        "24.11.22 16:48",
        "2022-11-24 16:48:00",
        "2022-11-24T16:48:00",
        "2022/11/24 16:48",
        "20221124T16:48:00",
        "2022-11-24T16:48:00+06:00",
        "2022-11-24T10:48:00.123Z",
        "2022-11-24T10:48:00,5Z",
        "2022-11-24 16:48 +06",
        "Thu, 24 Nov 2022 16:48:00",
        "Thu, 24 Nov 2022 16:48:00 +0600",
        "Thu, 24 Nov 22 16:48 +0600",
        "Thu, 24 Nov 2022 10:48:00 GMT",
        "Thu, 24 Nov 2022 10:48:00 Z",
        "Thu, 24 Nov 2022 10:48:00 -0000",
        "Thu, 24 Nov 2022 16:48:00 GMT+6",
        "Thu, 24 Nov 2022 16:48:00 UTC+06:00",
        "Thu, 24 Nov 2022 05:48:00 −0500",
        "Thu, 24 Nov 2022 13:48:00 MSK",
        "Thu, 24 Nov 2022 13:48:00 МСК",
        "Thu, 24 Nov 2022 16:48:00 ALMT",
        "Thu, 24 Nov 2022 05:48:00 EST",
        "Thu, 24 Nov 2022 16:48:00 XYZ",
        "Thu Nov 24 16:48:00 2022",
        "November 24, 2022 4:48 PM",
        "Nov 24, 2022, 4:48 p.m.",
        "Чт, 24 ноя 2022 16:48:00 +0600",
        "24 ноября 2022 г., 16:48",
        "24 ноября 2022 в 16:48",
        "24 қараша 2022 ж. 16:48",
        "2022 жылғы 24 қараша, 16:48",
        "  24  Қараша\n2022 16:48 ",
        str(STORY),
        f"{STORY}.5",
        str(STORY * 1000),
    ],
)
def test_the_same_moment_however_written(text: str) -> None:
    assert read_date(text, ALMATY, NOW) == STORY


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("24.11.2022", "2022-11-23T18:00:00"),
        ("сенбі, 5 қыркүйек 2026, 09:00", "2026-09-05T04:00:00"),
        ("1 мая 2026 09:00", "2026-05-01T04:00:00"),
        ("1 мамыр 2026 09:00", "2026-05-01T04:00:00"),
        ("31 Dec 99 12:00 GMT", "1999-12-31T12:00:00"),
        ("12:00 AM Jan 5 2026", "2026-01-04T19:00:00"),
        ("Tue, 24 Nov 2026 11:59:60 GMT", "2026-11-24T11:59:59"),
    ],
)
def test_others(text: str, iso: str) -> None:
    got = read_date(text, ALMATY, NOW)
    assert got is not None
    assert datetime.fromtimestamp(got, UTC).isoformat()[:19] == iso


@pytest.mark.parametrize(
    "text",
    ["", "вчера", "16:48", "24 ноября", "32.11.2022", "2022-13-01", "24.11.2022 25:00", "0000-00-00 00:00:00",
     "1234", "Nov","Thu, 24 Nov 2022 10:00 +9900"],
)  # fmt: skip
def test_unreadable(text: str) -> None:
    assert read_date(text, ALMATY, NOW) is None


def test_offset_of_almaty_changed_in_2024() -> None:
    before, after = (read_date(f"{d} 12:00", ALMATY, NOW) for d in ("29.02.2024", "02.03.2024"))
    assert before is not None
    assert after is not None
    assert (before % 86_400, after % 86_400) == (6 * 3600, 7 * 3600)


def test_of_the_hour_that_came_twice_a_fresh_feed_means_the_later() -> None:
    first = int(datetime(2024, 2, 29, 17, 30, tzinfo=UTC).timestamp())
    assert read_date("29.02.2024 23:30", ALMATY, NOW) == first
    assert read_date("29.02.2024 23:30", ALMATY, first + 60) == first
    assert read_date("29.02.2024 23:30", ALMATY, first + 3700) == first + 3600


def test_believable() -> None:
    day = 86_400
    offsets = (0, 600, 601, -30 * day, -30 * day - 1)
    assert [believable(int(NOW + off), NOW) is not None for off in offsets] == [True, True, False, True, False]
    assert believable(None, NOW) is None


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789.:,-+/ TZапнояNovGMTжсp", max_size=40) | st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    got = read_date(text, ALMATY, NOW)
    assert got is None or isinstance(got, int)


@given(st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2037, 1, 1)))
def test_iso_round_trip(moment: datetime) -> None:
    ts = int(moment.replace(tzinfo=UTC).timestamp())
    assert read_date(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), ALMATY, NOW) == ts
    assert read_date(moment.strftime("%a, %d %b %Y %H:%M:%S +0000"), ALMATY, NOW) == ts


@given(
    st.sampled_from(["Thu, ", "Mon, ", ""]),
    st.integers(0, 32),
    st.sampled_from(["Nov", "Feb", "May", "Abc"]),
    st.integers(1, 2200),
    st.tuples(st.integers(0, 25), st.integers(0, 60), st.integers(0, 61)),
    st.sampled_from(["+0600", "-0330", "+9900", "GMT", "UTC", "Z", "+0560", "MSK", ""]),
)
def test_the_short_way_to_a_date_leads_to_the_same(
    weekday: str, day: int, month: str, year: int, time: tuple[int, int, int], zone: str
) -> None:
    text = f"{weekday}{day:02} {month} {year:04} {time[0]:02}:{time[1]:02}:{time[2]:02} {zone}"
    with mock.patch.object(dates, "_USUAL", re.compile("(?!)")):
        wanted = read_date(text, ALMATY, NOW)
    assert read_date(text, ALMATY, NOW) == wanted, text
