"""What people write when they are asked where they live."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.i18n import Words
from bot.readers.zones import _names, zone_named

ZONES = {
    "Asia/Almaty": ("Алматы", "алма-ата", "Almaty", "г. Караганда", "Қарағанды қаласы", "Астана", " asia/almaty "),
    "Asia/Aqtau": ("Ақтау", "Актау", "Aktau"),
    "Asia/Tokyo": ("Токио", "TOKYO", "Asia/Tokyo"),
    "America/New_York": ("Нью-Йорк", "нью йорк", "New York", "America/New_York"),
    "Europe/Moscow": ("Москва", "Мәскеу", "Санкт-Петербург", "Moscow city"),
    "Asia/Calcutta": ("Калькутта", "Kolkata", "Asia/Kolkata", "+5:30", "UTC+05:30"),
    "America/Buenos_Aires": ("Буэнос-Айрес", "Buenos Aires", "America/Buenos_Aires"),
    "Etc/GMT-5": ("UTC+5", "utc + 5", "GMT+05", "+5", "+05:00", "+0500", "Etc/GMT-5"),
    "Etc/GMT+3": ("UTC-3", "UTC−3", "–3"),
    "Etc/GMT-14": ("+14",),
    "Etc/UTC": ("UTC", "gmt", "+0", "-00:00"),
    "Asia/Katmandu": ("+05:45",),
}
UNKNOWN = (
    "",
    " ",
    "5",
    "абракадабра",
    "+15",
    "-13",
    "+5:99",
    "+4:90",
    "+5:10",
    "Asia",
    "/settings",
    "½",
    "٣",
)


@pytest.mark.parametrize(("zone", "text"), [(zone, text) for zone, texts in ZONES.items() for text in texts])
def test_what_is_understood(zone: str, text: str) -> None:
    assert zone_named(text) == zone


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not(text: str) -> None:
    assert zone_named(text) is None


@given(st.text(max_size=60))
def test_any_text_is_survived(text: str) -> None:
    zone = zone_named(text)
    assert zone is None or ZoneInfo(zone)


def test_every_zone_that_can_be_named_has_a_name_in_every_language() -> None:
    zones = {*_names(("ru", "kk", "en")).values(), "Etc/UTC", *(f"Etc/GMT{n:+}" for n in range(-14, 13) if n)}
    assert len(zones) > 400
    for zone in zones:
        for t in Words.load(["ru", "kk", "en"]):
            name = t.city(ZoneInfo(zone))
            assert name
            assert zone.startswith("Etc/") or zone_named(name) is not None, (zone, name)


def test_an_offset_is_written_as_people_count_it() -> None:
    t = Words.load(["ru"])["ru"]
    said = [t.city(ZoneInfo(zone)) for zone in ("Etc/GMT-5", "Etc/GMT+3", "Etc/UTC", "Asia/Qostanay", "Asia/Kolkata")]
    assert said == ["UTC+5", "UTC−3", "UTC", "Костанай", "Калькутта"]
