"""The picture of /stats, drawn without any imaging library: bars, and letters from `glyphs.bin`.

A bare machine has no fonts, so the letters come along: Latin and Cyrillic with the Kazakh ones, drawn once from DejaVu
Sans (`make_glyphs.py`). What they lack is shown as «?».
"""

from __future__ import annotations

import json
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.desk.stats import WEEK, Report, name_of, title
from bot.desk.tallies import BREAKING, PROMO
from bot.domain.article import Section
from bot.i18n import Lang

WIDTH = 1080
_PAPER, _INK, _FAINT, _BAR = b"\xff\xff\xff", b"\x1d\x26\x30", b"\x6b\x76\x82", b"\x2f\x6f\xb2"
_EDGE, _ROW, _DAYS_HIGH = 48, 68, 240
_NAME_WIDE, _MOVES_WIDE = 350, 210


class Canvas:
    """A white sheet in RGB."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(_PAPER * width) for _ in range(height)]

    def box(self, x: int, y: int, wide: int, high: int, colour: bytes = _BAR) -> None:
        """A filled rectangle; what is outside the sheet is left out."""
        left, right = max(0, x), min(self.width, x + wide)
        for row in self._rows[max(0, y) : max(0, y + high)]:
            row[left * 3 : right * 3] = colour * max(0, right - left)

    def write(
        self, x: int, y: int, text: str, colour: bytes = _INK, *, font: str = "regular", side: str = "left"
    ) -> None:
        """A line of text below `y` that begins at `x`, ends there ("right") or is around it ("middle")."""
        letters, pixels = _letters(font)
        text = _plain(text)
        x -= {"left": 0, "middle": breadth(text, font) // 2, "right": breadth(text, font)}[side]
        for letter in text:
            wide, high, left, top, advance, at = letters.get(letter) or letters["?"]
            for line in range(high):
                row = self._rows[y + top + line]
                for n, shade in enumerate(pixels[at + line * wide : at + (line + 1) * wide], x + left):
                    if shade and 0 <= n < self.width:
                        place = slice(n * 3, n * 3 + 3)
                        row[place] = bytes(p + (c - p) * shade // 240 for p, c in zip(row[place], colour, strict=True))
            x += advance

    def png(self) -> bytes:
        """The sheet as a file."""
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)  # 8 bits, RGB
        data = zlib.compress(b"".join(b"\0" + row for row in self._rows), 6)
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def breadth(text: str, font: str = "regular") -> int:
    """How wide a line of text is, in pixels."""
    letters, _ = _letters(font)
    return sum((letters.get(letter) or letters["?"])[4] for letter in _plain(text))


def fitted(text: str, wide: int, font: str = "regular") -> str:
    """The text, cut with «…» where it is wider than that."""
    if breadth(text, font) <= wide:
        return text
    while text and breadth(text + "…", font) > wide:
        text = text[:-1]
    return text.rstrip() + "…"


def draw(t: Lang, found: Report, sections: Sequence[Section], zone: ZoneInfo, newsroom: str) -> bytes:
    """A report as a PNG: what was delivered each day, then each section with who came and went."""
    below = 190 + _DAYS_HIGH
    sheet = Canvas(WIDTH, below + 90 + _ROW * len(found.sections) + _EDGE)
    sheet.write(_EDGE, 36, fitted(newsroom or t("News"), WIDTH - 2 * _EDGE, "bold"), font="bold")
    sheet.write(_EDGE, 82, title(t, found, zone), _FAINT)
    sheet.write(_EDGE, 128, t("Delivered: {n}", n=t.number(found.all["delivered"])))
    _days(sheet, found, 168, t)
    sheet.write(_EDGE, below + 30, t("Delivered by section"))
    sheet.write(WIDTH - _EDGE, below + 30, t("joined, left"), _FAINT, side="right")
    most = max((one["delivered"] for one in found.sections), default=0)
    room = WIDTH - 2 * _EDGE - _NAME_WIDE - _MOVES_WIDE
    for n, one in enumerate(found.sections):
        y = below + 90 + _ROW * n
        amount = t.number(one["delivered"])
        wide = (room - breadth(amount) - 12) * one["delivered"] // most if most else 0
        sheet.write(_EDGE, y + 4, fitted(name_of(one.section, sections, t), _NAME_WIDE - 16))
        sheet.box(_EDGE + _NAME_WIDE, y, max(2, wide), 36)
        sheet.write(_EDGE + _NAME_WIDE + max(2, wide) + 12, y + 4, amount)
        if one.section not in (BREAKING, PROMO):  # which nobody joins as a section
            moves = "  ".join(t.signed(Decimal(n), 0) for n in (one["joined"], -one["left"]))
            sheet.write(WIDTH - _EDGE, y + 4, moves, _FAINT, side="right")
    return sheet.png()


def _days(sheet: Canvas, found: Report, top: int, t: Lang) -> None:
    """A bar for each day. Of many days each seventh is named, and the greatest number is told."""
    count, most = len(found.days), max(found.days, default=0)
    step, ground = (WIDTH - 2 * _EDGE) / max(1, count), top + _DAYS_HIGH - 40
    sheet.box(_EDGE, ground, WIDTH - 2 * _EDGE, 2, _FAINT)
    for n, amount in enumerate(found.days):
        left, right = round(_EDGE + n * step + step / 8), round(_EDGE + (n + 1) * step - step / 8)
        high = (_DAYS_HIGH - 90) * amount // most if most else 0
        sheet.box(left, ground - high, right - left, high)
        middle = (left + right) // 2
        few = count <= WEEK
        if few or (count - 1 - n) % WEEK == 0:
            sheet.write(middle, ground + 8, str(date.fromordinal(found.first + n).day), _FAINT, side="middle")
        if amount and (few or n == found.days.index(most)):
            half = breadth(t.number(amount)) // 2
            middle = min(max(middle, _EDGE + half), WIDTH - _EDGE - half)
            sheet.write(middle, ground - high - 34, t.number(amount), side="middle")


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split(" ")).replace("\N{NO-BREAK SPACE}", " ")


@lru_cache(maxsize=2)
def _letters(font: str) -> tuple[dict[str, list[int]], bytes]:
    """By letter its width, height, place on the line (left, top), advance and where its pixels begin; the pixels."""
    head, pixels = _atlas()
    return head[font]["letters"], pixels


@lru_cache(maxsize=1)
def _atlas() -> tuple[dict[str, Any], bytes]:
    data = zlib.decompress(Path(__file__).with_name("glyphs.bin").read_bytes())
    size = int.from_bytes(data[:4], "big")
    return json.loads(data[4 : 4 + size]), data[4 + size :]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
