"""Pictures for the sample articles: a sky, a motif per section, drawn without any imaging library.

Everything is a polygon filled row by row. `draw` is a pure function of its arguments; about 30 ms a picture.
"""

from __future__ import annotations

import colorsys
import math
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache

WIDTH, HEIGHT = 960, 540
Point = tuple[float, float]
Colour = tuple[int, int, int]
HUES = {"kazakhstan": 0.53, "world": 0.60, "interview": 0.08, "lifestyle": 0.36}
HUES |= {"sport": 0.03, "culture": 0.78, "regions": 0.45, "amanat": 0.12}


class Canvas:
    """RGB rows, painted from the back to the front."""

    def __init__(self, top: Colour, bottom: Colour) -> None:
        self.rows = [bytearray(bytes(_mix(top, bottom, y / HEIGHT)) * WIDTH) for y in range(HEIGHT)]

    def fill(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon (even-odd rule), clipped to the canvas."""
        edges = list(zip(points, points[1:] + points[:1], strict=True))
        low, high = min(y for _, y in points), max(y for _, y in points)
        paint = bytes(colour)
        for row in range(max(0, int(low)), min(HEIGHT, int(high) + 1)):
            y = row + 0.5
            cuts = sorted(
                x1 + (y - y1) * (x2 - x1) / (y2 - y1) for (x1, y1), (x2, y2) in edges if (y1 <= y) != (y2 <= y)
            )
            for left, right in zip(cuts[::2], cuts[1::2], strict=False):
                start, stop = max(0, round(left)), min(WIDTH, round(right))
                if stop > start:
                    self.rows[row][start * 3 : stop * 3] = paint * (stop - start)

    def png(self) -> bytes:
        """The picture as a PNG file, 8-bit RGB."""
        raw = b"".join(b"\0" + row for row in self.rows)
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, 6)) + _chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _tone(hue: float, light: float, strength: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, light, strength)
    return round(red * 255), round(green * 255), round(blue * 255)


def ellipse(x: float, y: float, a: float, b: float | None = None, turn: float = 0.0) -> list[Point]:
    """A circle, or an ellipse with half-axes `a` and `b` turned by `turn` radians."""
    b = a if b is None else b
    cos, sin = math.cos(turn), math.sin(turn)
    round_ = [(math.cos(i * math.pi / 40) * a, math.sin(i * math.pi / 40) * b) for i in range(80)]
    return [(x + u * cos - v * sin, y + u * sin + v * cos) for u, v in round_]


def bar(x1: float, y1: float, x2: float, y2: float, width: float) -> list[Point]:
    """A straight stroke of the given width."""
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (y1 - y2) / length * width / 2, (x2 - x1) / length * width / 2
    return [(x1 + dx, y1 + dy), (x2 + dx, y2 + dy), (x2 - dx, y2 - dy), (x1 - dx, y1 - dy)]


def hills(level: float, height: float, phase: float, wave: float = 260.0) -> list[Point]:
    """A soft ridge from the left edge to the right, closed at the bottom."""
    line = [
        (float(x), level - height * (math.sin(x / wave + phase) + 0.4 * math.sin(x / wave * 2.3 + phase * 2)))
        for x in range(0, WIDTH + 16, 16)
    ]
    return [*line, (WIDTH, HEIGHT), (0, HEIGHT)]


Motif = Callable[[Canvas, float, float], None]


def _kazakhstan(c: Canvas, hue: float, phase: float) -> None:
    for ray in range(16):
        angle = ray * math.pi / 8 + phase
        x, y = math.cos(angle), math.sin(angle)
        c.fill(bar(480 + x * 128, 230 + y * 128, 480 + x * 168, 230 + y * 168, 12), _tone(0.13, 0.72, 0.9))
    c.fill(ellipse(480, 230, 104), _tone(0.13, 0.66, 0.95))


def _world(c: Canvas, hue: float, phase: float) -> None:
    c.fill(ellipse(480, 250, 182), _tone(hue, 0.86, 0.5))
    c.fill(ellipse(480, 250, 172), _tone(hue, 0.46, 0.5))
    for x, y, a, b in ((410, 190, 66, 40), (560, 240, 58, 70), (440, 330, 50, 38), (520, 140, 38, 18)):
        c.fill(ellipse(x, y, a, b, phase), _tone(0.36, 0.62, 0.4))


def _interview(c: Canvas, hue: float, phase: float) -> None:
    for x, y, tail, light in ((390, 210, -1, 0.93), (580, 300, 1, 0.44)):
        colour = _tone(hue if light < 0.5 else hue + 0.02, light, 0.55)
        c.fill(ellipse(x, y, 168, 112), colour)
        c.fill([(x + tail * 120, y + 40), (x + tail * 176, y + 150), (x + tail * 40, y + 96)], colour)
        for dot in (-58, 0, 58):
            c.fill(ellipse(x + dot, y, 15), _tone(hue, 0.44 if light > 0.5 else 0.9, 0.5))


def _lifestyle(c: Canvas, hue: float, phase: float) -> None:
    c.fill(ellipse(480, 438, 250, 26), _tone(hue, 0.30, 0.35))
    c.fill(ellipse(652, 320, 66, 60), _tone(hue, 0.95, 0.3))
    c.fill(ellipse(652, 320, 40, 34), _tone(hue, 0.62, 0.35))
    c.fill([(310, 240), (650, 240), (620, 390), (560, 432), (400, 432), (340, 390)], _tone(hue, 0.95, 0.3))
    c.fill(ellipse(480, 240, 170, 30), _tone(0.07, 0.42, 0.5))
    for x in (410, 480, 550):
        wave = [(x + 12 * math.sin(y / 22 + phase), float(y)) for y in range(196, 90, -6)]
        c.fill(wave + [(u + 13, v) for u, v in reversed(wave)], _tone(hue, 0.90, 0.25))


def _sport(c: Canvas, hue: float, phase: float) -> None:
    for step, light in enumerate((0.50, 0.93, 0.54, 0.93, 0.58)):
        c.fill(ellipse(480, 760, 700 - step * 62, 420 - step * 46), _tone(hue, light, 0.55))
    c.fill(ellipse(480, 240, 118), _tone(0.1, 0.96, 0.4))
    for corner in range(5):
        angle = corner * math.tau / 5 + phase
        x, y = 480 + 80 * math.cos(angle), 240 + 80 * math.sin(angle)
        c.fill(bar(480, 240, x, y, 9), _tone(0.6, 0.22, 0.3))
        c.fill(ellipse(x, y, 25), _tone(0.6, 0.22, 0.3))
    c.fill(ellipse(480, 240, 38), _tone(0.6, 0.22, 0.3))


def _culture(c: Canvas, hue: float, phase: float) -> None:
    c.fill(bar(560, 270, 800, 96, 26), _tone(0.07, 0.32, 0.5))
    c.fill(bar(786, 92, 842, 82, 46), _tone(0.07, 0.28, 0.5))
    c.fill(ellipse(440, 356, 190, 108, -0.62), _tone(0.08, 0.48, 0.6))
    c.fill(ellipse(440, 356, 172, 92, -0.62), _tone(0.09, 0.60, 0.6))
    c.fill(ellipse(476, 330, 30), _tone(0.07, 0.24, 0.5))
    for shift in (-5, 5):
        c.fill(bar(370, 408 + shift, 810, 90 + shift, 3), _tone(0.12, 0.93, 0.6))


def _regions(c: Canvas, hue: float, phase: float) -> None:
    for x, peak, wide in ((250, 190, 300), (700, 150, 340), (480, 96, 330)):
        c.fill([(x - wide, 540), (x, peak), (x + wide, 540)], _tone(hue + 0.1, 0.40 + peak / 1500, 0.25))
        cap = [
            (x - 74, peak + 100),
            (x - 34, peak + 74),
            (x, peak + 104),
            (x + 36, peak + 72),
            (x + 74, peak + 100),
        ]
        c.fill([(x, peak), *reversed(cap)], _tone(hue, 0.95, 0.3))


def _amanat(c: Canvas, hue: float, phase: float) -> None:
    c.fill(bar(480, 300, 480, 540, 16), _tone(0.34, 0.36, 0.4))
    for side in (-1, 1):
        c.fill(ellipse(480 + side * 74, 420, 96, 26, side * -0.75), _tone(0.34, 0.42, 0.4))
        c.fill(ellipse(480 + side * 56, 226, 50, 112, side * 0.22), _tone(0.99, 0.55, 0.7))
    c.fill(ellipse(480, 230, 58, 118), _tone(0.01, 0.64, 0.8))


MOTIFS: dict[str, Motif] = {
    "kazakhstan": _kazakhstan,
    "world": _world,
    "interview": _interview,
    "lifestyle": _lifestyle,
    "sport": _sport,
    "culture": _culture,
    "regions": _regions,
    "amanat": _amanat,
}


@lru_cache(maxsize=64)
def draw(section: str, seed: int) -> bytes:
    """A PNG for an article of `section`; `seed` varies colours and shapes, equal seeds give equal bytes."""
    hue = HUES[section] + (seed * 37 % 11 - 5) / 90
    phase = seed * 1.7 % math.tau
    canvas = Canvas(_tone(hue, 0.80, 0.55), _tone(hue + 0.06, 0.93, 0.6))
    far, near = _tone(hue, 0.66, 0.32), _tone(hue - 0.03, 0.50, 0.34)
    canvas.fill(hills(430, 26, phase), far)
    if section in ("regions", "amanat", "sport"):  # the motif stands behind the ground
        MOTIFS[section](canvas, hue, phase)
        canvas.fill(hills(500, 16, phase + 2, 180), near)
    else:
        canvas.fill(hills(490, 18, phase + 2, 180), near)
        MOTIFS[section](canvas, hue, phase)
    return canvas.png()
