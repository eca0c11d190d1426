"""Words, dates and numbers in three languages, and what happens when a catalogue is damaged."""

from __future__ import annotations

import logging
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.i18n import LOCALES, Words, mark, negotiate

LANGUAGES = ("ru", "kk", "en")
WORDS = Words.load(LANGUAGES)
ZONE = ZoneInfo("Asia/Almaty")
AT = 1669286880  # 24 November 2022, 10:48 UTC


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("ru", "ru"),
        ("kk", "kk"),
        ("kz", "kk"),
        ("KK-KZ", "kk"),
        ("en_US", "en"),
        ("en-gb", "en"),
        ("uz-latn", "ru"),
        ("zh-hant-raw", "ru"),
        ("", "ru"),
        (None, "ru"),
        ("-", "ru"),
    ],
)
def test_every_language_code_finds_a_language(code: str | None, language: str) -> None:
    assert negotiate(code, LANGUAGES) == language
    assert WORDS.negotiate(code).code == language


def test_an_exact_code_goes_before_its_base() -> None:
    assert negotiate("kk-latn", ("kk", "kk-latn")) == "kk-latn"


@settings(max_examples=50)
@given(st.text())
def test_any_code_is_survived(code: str) -> None:
    assert negotiate(code, LANGUAGES) in LANGUAGES


def test_an_unknown_language_answers_with_the_default() -> None:
    assert WORDS["uz"] is WORDS.default is WORDS["ru"]
    assert [(t.code, t.default) for t in WORDS] == [("ru", "ru"), ("kk", "ru"), ("en", "ru")]
    assert repr(WORDS["kk"]) == "Lang('kk')"
    assert mark("News") == "News"


@pytest.mark.parametrize(
    ("code", "full", "day", "moment"),
    [
        ("ru", "24 ноября 2022", "24 ноября", "24 ноября 2022, 16:48"),
        ("kk", "2022 ж. 24 қараша", "24 қараша", "2022 ж. 24 қараша, 16:48"),
        ("en", "24 November 2022", "24 November", "24 November 2022, 16:48"),
    ],
)
def test_dates_stand_in_the_newsrooms_zone(code: str, full: str, day: str, moment: str) -> None:
    t = WORDS[code]
    assert (t.date(AT, ZONE), t.day(AT, ZONE), t.datetime(AT, ZONE)) == (full, day, moment)
    assert t.date(date(2022, 11, 24), ZONE) == full
    assert t.day(date(2022, 11, 24), ZONE) == day
    assert t.time(AT, ZONE) == "16:48"


def test_the_hour_that_almaty_had_twice() -> None:
    assert [WORDS["ru"].time(ts, ZONE) for ts in (1709227800, 1709231400)] == ["23:30", "23:30"]


@pytest.mark.parametrize(
    ("code", "number", "rate", "share"),
    [
        ("ru", "12\u00a0840", "1\u00a0498,34", "99,6\u00a0%"),
        ("kk", "12\u00a0840", "1\u00a0498,34", "99,6\u00a0%"),
        ("en", "12,840", "1,498.34", "99.6%"),
    ],
)
def test_numbers(code: str, number: str, rate: str, share: str) -> None:
    t = WORDS[code]
    assert (t.number(12840), t.decimal(Decimal("1498.339")), t.percent(0.996)) == (number, rate, share)
    assert t.number(-5) == "\N{MINUS SIGN}5"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("1.04", 2, "+1,04"),
        ("-2.15", 2, "\N{MINUS SIGN}2,15"),
        ("0.0049", 2, "0,00"),
        ("-0.001", 2, "0,00"),
        ("0.0012", 4, "+0,0012"),
        ("7", 0, "+7"),
    ],
)
def test_changes_carry_a_real_sign(value: str, places: int, text: str) -> None:
    assert WORDS["ru"].signed(Decimal(value), places) == text


@pytest.mark.parametrize(
    ("seconds", "ru", "en"),
    [
        (0, "0 с", "0 s"),
        (-3, "0 с", "0 s"),
        (17.4, "17 с", "17 s"),
        (197, "3 мин 17 с", "3 min 17 s"),
        (180, "3 мин", "3 min"),
        (3600, "1 ч", "1 h"),
        (3661, "1 ч 1 мин", "1 h 1 min"),
        (86400 * 12 + 4 * 3600, "12 дн. 4 ч", "12 d 4 h"),
    ],
)
def test_durations_name_the_two_largest_units(seconds: float, ru: str, en: str) -> None:
    assert (WORDS["ru"].duration(seconds), WORDS["en"].duration(seconds)) == (ru, en)


def test_lists() -> None:
    assert [t.list(["A", "B"]) for t in WORDS] == ["A и B", "A және B", "A and B"]
    assert WORDS["ru"].list([]) == ""


def write(folder: Path, code: str, body: str, plural: str = "nplurals=2; plural=(n != 1);") -> Path:
    """A catalogue of this test."""
    path = folder / code / "LC_MESSAGES/messages.po"
    path.parent.mkdir(parents=True)
    header = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {plural}\\n"\n\n'
    path.write_text(header + body, "utf-8")
    return path


def test_plurals_contexts_and_placeholders(tmp_path: Path) -> None:
    write(
        tmp_path,
        "ru",
        'msgid "{n} story for {name}"\nmsgid_plural "{n} stories for {name}"\nmsgstr[0] "{n} новость: {name}"\n'
        'msgstr[1] "{n} новости: {name}"\nmsgstr[2] "{n} новостей: {name}"\n\n'
        'msgctxt "button"\nmsgid "Save"\nmsgstr "Сохранить"\n',
        plural="nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);",
    )
    t = Words.load(["ru"], root=tmp_path)["ru"]
    counted = [t.n("{n} story for {name}", "{n} stories for {name}", n, name="А{n}") for n in (1, 2, 5, 11, 21, 1000)]
    assert [text.split(":")[0] for text in counted] == [
        "1 новость",
        "2 новости",
        "5 новостей",
        "11 новостей",
        "21 новость",
        "1\u00a0000 новостей",
    ]
    assert counted[0].endswith("А{n}"), "a value is not read for placeholders again"
    assert (t.p("button", "Save"), t.p("noun", "Save"), t("Save {x}", y=1)) == ("Сохранить", "Save", "Save {x}")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"\xff\xfe\x00garbage"),
        lambda path: path.write_text('msgid "a\nmsgstr'),
        lambda path: path.write_text(path.read_text().replace("n != 1", "import os")),
    ],
    ids=["missing", "bytes", "syntax", "plural"],
)
def test_a_damaged_catalogue_leaves_english_and_a_warning(damage, tmp_path, caplog) -> None:  # type: ignore[no-untyped-def]
    damage(write(tmp_path, "ru", 'msgid "News"\nmsgstr "Новость"\n'))
    with caplog.at_level(logging.WARNING):
        t = Words.load(["ru"], root=tmp_path)["ru"]
    assert t("News") == "News"
    assert "messages.po" in caplog.text
    assert t.day(AT, ZONE) == "24 ноября"


def test_a_new_language_needs_no_more_than_a_catalogue(tmp_path: Path) -> None:
    write(tmp_path, "uz", 'msgid "News"\nmsgstr "Yangilik"\n')
    write(tmp_path, "qx", 'msgid "News"\nmsgstr "Xx"\n')
    words = Words.load(["uz", "qx"], root=tmp_path)
    assert words["uz"]("News") == "Yangilik"
    assert words["qx"].day(AT, ZONE) == "24 November"


def test_a_newsroom_rewords_single_messages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    overlay = tmp_path / "ru.po"
    overlay.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "News"\nmsgstr "Весть"\n\nmsgid "Read in full"\nmsgstr ""\n\n'
        'msgid "Read on {newsroom}"\nmsgstr "{site}"\n\nmsgid "No such message"\nmsgstr "Нет"\n',
        "utf-8",
    )
    words = Words.load(LANGUAGES, tmp_path)
    t = words["ru"]
    assert (t("News"), t("Read in full"), t("No such message")) == ("Весть", "Читать полностью", "No such message")
    assert t("Read on {newsroom}", newsroom="A") == "Читать на A"
    assert "unknown placeholders" in caplog.text
    assert words["kk"]("News") == "Жаңалық"


def test_a_damaged_overlay_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "ru.po").write_text('msgid "News')
    assert Words.load(LANGUAGES, tmp_path)["ru"]("News") == "Новость"


def test_the_catalogues_are_packed_with_the_program() -> None:
    assert all((LOCALES / code / "LC_MESSAGES/messages.po").is_file() for code in LANGUAGES)
