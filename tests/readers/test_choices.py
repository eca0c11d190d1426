"""What buttons may ask for, and the words for what is in force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.reader import ALL, DIGESTS, Choices, Quiet, Reader, ReaderState
from bot.i18n import Words
from bot.readers import choices as said

WORDS = Words.load(["ru", "kk", "en"])
HOME = "Asia/Almaty"
MORNING, NIGHT = 1_763_874_000, 1_763_928_000  # 2025-11-23 10:00, 2025-11-24 01:00 in Almaty
DEFAULTS = Choices()
READER = Reader(1, 7, "ru", ReaderState.ACTIVE, 1, 0)


def wanted(what: str, to: str, reader: Reader = READER, home: Choices = DEFAULTS) -> dict[str, object]:
    return said.wanted(what, to, reader, home=home, languages=("ru", "kk", "en"))


@pytest.mark.parametrize(
    ("what", "to", "changes"),
    [
        ("volume", "all", {"volume": ALL}),
        ("volume", "8", {"volume": 8}),
        ("volume", "digest", {"volume": DIGESTS}),
        ("quiet", "hold", {"quiet": Quiet.HOLD}),
        ("from", "1320", {"quiet_from": 1320}),
        ("to", "480", {"quiet_to": 480}),
        ("main", "1", {"main_only": True}),
        ("ring", "0", {"night_breaking": False}),
        ("rates", "1", {"rates": True}),
        ("at", "720_1", {"digest_at": (480, 720, 1140)}),
        ("at", "480_0", {"digest_at": (1140,)}),
        ("day", "5_0", {"digest_days": 0b1011111}),
        ("day", "5_1", {"digest_days": 0b1111111}),
        ("news", "kk_1", {"news_languages": ("ru", "kk")}),
        ("news", "auto", {"news_languages": ()}),
        ("region", "2_1", {"regions": 4}),
        ("region", "all", {"regions": 0}),
        ("zone", "europe_moscow", {"zone": "Europe/Moscow"}),
        ("zone", "home", {"zone": ""}),
    ],
)
def test_a_button_asks_for_a_state(what: str, to: str, changes: dict[str, object]) -> None:
    assert wanted(what, to) == changes


@pytest.mark.parametrize(
    ("what", "to"),
    [
        *(("volume", "7"), ("volume", "none"), ("quiet", "loud"), ("from", "1440"), ("from", "450"), ("to", "1380")),
        *(("to", "x"), ("main", "2"), ("at", "1440_1"), ("at", "x_1"), ("at", "480_2"), ("day", "7_1"), ("day", "5_x")),
        *(("news", "de_1"), ("news", "ru_0"), ("news", "kk"), ("region", "20_1"), ("region", "1_2"), ("region", "x")),
        *(("zone", "mars_base"), ("nothing", "1"), ("at", "٤_1"), ("volume", "٨")),
    ],
)
def test_what_cannot_be_chosen_changes_nothing(what: str, to: str) -> None:
    assert wanted(what, to) == {}


def test_the_last_of_several_stays() -> None:
    one = replace(READER, digest_at=(480,), digest_days=1, news_languages=("kk",), regions=4)
    assert not wanted("at", "480_0", one)
    assert not wanted("day", "0_0", one)
    assert not wanted("news", "kk_0", one)
    assert wanted("region", "2_0", one) == {"regions": 0}


def test_the_newsrooms_own_volume_can_be_chosen() -> None:
    assert wanted("volume", "6", home=Choices(volume=6)) == {"volume": 6}


@pytest.mark.parametrize(
    ("choices", "lines"),
    [
        (Choices(), ["каждая новость сразу", "23:00–07:30, без звука", "не нужен, всё приходит сразу"]),
        (Choices(quiet=Quiet.OFF), ["каждая новость сразу", "выкл.", "не нужен, всё приходит сразу"]),
        (
            Choices(quiet=Quiet.HOLD),
            ["каждая новость сразу", "23:00–07:30, до утреннего списка", "утром в 08:00"],
        ),
        (
            Choices(quiet=Quiet.HOLD, digest_at=(1140,), digest_days=2),
            ["каждая новость сразу", "23:00–07:30, до утреннего списка", "утром в 07:30"],
        ),
        (Choices(volume=8), ["до 8 в день", "23:00–07:30, без звука", "08:00 и 19:00, каждый день"]),
        (
            Choices(volume=DIGESTS, digest_at=(), digest_days=0b11111, quiet=Quiet.OFF),
            ["только обзоры", "выкл.", "07:30, по будням"],
        ),
        (
            Choices(volume=DIGESTS, digest_at=(600,), digest_days=0b1100001),
            ["только обзоры", "23:00–07:30, без звука", "10:00, пн, сб и вс"],
        ),
    ],
)
def test_what_is_in_force_is_said(choices: Choices, lines: list[str]) -> None:
    t = WORDS["ru"]
    assert [said.volume(choices, t), said.quiet(choices, t), said.digest(choices, t)] == lines


def test_breaking_regions_and_languages_are_said() -> None:
    t = WORDS["ru"]
    assert said.breaking(Choices(breaking=False), t) == "Срочное: выключено"
    assert said.breaking(Choices(quiet=Quiet.OFF), t) == "Срочное: включено"
    assert said.breaking(Choices(), t) == "Срочное: включено, ночью без звука"
    assert said.breaking(Choices(night_breaking=True), t) == "Срочное: включено, ночью со звуком"
    assert said.regions(Choices(), t) == "отовсюду"
    assert said.regions(Choices(regions=0b101), t) == "Астана и Шымкент"
    assert said.news(READER, t) == "на языке меню"
    assert said.news(replace(READER, news_languages=("kk",)), t) == "Қазақша"


@pytest.mark.parametrize(
    ("reader", "now", "line"),
    [
        (READER, MORNING, ""),
        (READER, NIGHT, "• сейчас ночь: до 07:30 новости приходят без звука"),
        (replace(READER, quiet=Quiet.OFF), NIGHT, ""),
        (replace(READER, quiet=Quiet.HOLD), NIGHT, "• сейчас ночь: первые новости придут в 08:00"),
        (replace(READER, volume=DIGESTS), MORNING, "• первый обзор придёт 23 ноября 2025, 19:00"),
        (replace(READER, volume=DIGESTS, zone="Europe/London"), MORNING, "• первый обзор придёт 23 ноября 2025, 08:00"),
    ],
)
def test_who_has_to_wait_is_told_until_when(reader: Reader, now: int, line: str) -> None:
    assert said.first_news(reader, now, HOME, WORDS["ru"]) == line


def test_every_zone_has_a_city_and_a_code_of_its_own() -> None:
    codes = {said.zone_code(zone) for zone in said.ZONES}
    assert len(codes) == len(said.ZONES)
    assert all(wanted("zone", code) for code in codes)
