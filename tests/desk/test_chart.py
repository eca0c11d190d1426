"""The picture of /stats: a whole PNG in each language, all letters there, nothing beyond its edges."""

from __future__ import annotations

import re
import struct
import zlib
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from bot.desk.chart import Canvas, breadth, draw, fitted
from bot.desk.make_glyphs import ALPHABET, SIZES
from bot.desk.stats import Report, line
from bot.domain.article import Section
from bot.i18n import LOCALES, Words
from bot.settings import DEFAULT_SECTIONS

ZONE = ZoneInfo("Asia/Almaty")
WORDS = Words.load(["ru", "kk", "en"])
SECTIONS = [Section(one.id, bit, one.name) for bit, one in enumerate(DEFAULT_SECTIONS)]
LAST = date(2022, 11, 24).toordinal()


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and the rows of a PNG; every chunk's checksum is right."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(png[at + 4 : at + 8 + size])
        chunks[kind], at = png[at + 8 : at + 8 + size], at + 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == height * (1 + width * 3)
    return width, height, rows


def report(days: int, scale: int = 1) -> Report:
    lines = [line(one.id, {"delivered": 100 * scale * n, "joined": n}) for n, one in enumerate(DEFAULT_SECTIONS)]
    lines.append(line("breaking", {"delivered": 5}))
    return Report(LAST - days + 1, LAST, line("", {"delivered": 9 * scale}), lines, [scale * n for n in range(days)])


@pytest.mark.parametrize("code", ["ru", "kk", "en"])
@pytest.mark.parametrize(("days", "scale"), [(7, 1), (30, 10**9), (7, 0)])
def test_a_picture_in_each_language(code: str, days: int, scale: int) -> None:
    width, height, rows = pixels(draw(WORDS[code], report(days, scale), SECTIONS, ZONE, "Дала " * 40))
    assert (width, height) == (1080, 430 + 90 + 68 * 9 + 48)
    assert rows.count(b"\x2f\x6f\xb2") > 100, "bars"
    stride = 1 + width * 3
    edge = b"".join(rows[n * stride + 1 : n * stride + 1 + 3 * 20] for n in range(height))
    assert set(edge) == {255}, "the left edge is free"


def test_an_empty_newsroom_has_a_picture() -> None:
    pixels(draw(WORDS["ru"], Report(LAST, LAST, line("", {}), [], []), SECTIONS, ZONE, ""))


def test_the_letters_of_all_texts_are_there() -> None:
    """Whatever a catalogue says has its letters in the atlas, but for the signs that pictures do not show."""
    assert set("әғқңөұүһіӘҒҚҢӨҰҮҺІёЁ") <= set(ALPHABET)
    for code in ("ru", "kk", "en"):
        said = (LOCALES / code / "LC_MESSAGES/messages.po").read_text("utf-8")
        letters = {char for char in "".join(re.findall(r'"(.*)"', said)) if char.isalpha()}
        assert letters <= set(ALPHABET), (code, letters - set(ALPHABET))
    for font, _ in SIZES:
        assert breadth("ә", font) > 0
        assert breadth("漢", font) == breadth("?", font)


def test_what_is_too_wide_is_cut_and_what_is_outside_is_left_out() -> None:
    assert fitted("Спорт", 300) == "Спорт"
    cut = fitted("Қазақстан жаңалықтары " * 3, 200)
    assert cut.endswith("…")
    assert breadth(cut) <= 200
    assert fitted("Ж", 1) == "…"
    sheet = Canvas(20, 40)
    sheet.write(-5, 5, "ЖЖЖЖЖ")
    sheet.box(-5, -5, 100, 8)
    sheet.write(10, 5, "\u0438\u0306", side="middle")
    pixels(sheet.png())
