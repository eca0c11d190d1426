"""Pictures for the sample articles without any imaging library: ellipses on a sky, read from samples/pictures.toml."""

from __future__ import annotations

import colorsys
import math
import struct
import tomllib
import zlib
from functools import lru_cache
from pathlib import Path

WIDTH, HEIGHT = 960, 540
MOTIFS = tomllib.loads((Path(__file__).parent / "samples" / "pictures.toml").read_text(encoding="utf-8"))


def _tone(hue: float, light: float, strength: float) -> bytes:
    return bytes(round(part * 255) for part in colorsys.hls_to_rgb(hue % 1, light, strength))


def _ellipse(rows: list[bytearray], shape: list[float], shift: float) -> None:
    """Paint one shape of the table. Its edge is A·dx² + 2B·dx·dy + C·dy² = 1, solved for each row."""
    x, y, a, b, degrees, hue, light, strength = shape
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    A, B, C = cos**2 / a**2 + sin**2 / b**2, sin * cos * (a**-2 - b**-2), sin**2 / a**2 + cos**2 / b**2
    paint, reach = _tone(hue + shift, light, strength), math.hypot(a * sin, b * cos)
    for row in range(max(0, math.ceil(y - reach)), min(HEIGHT, math.ceil(y + reach))):
        dy = row - y
        half = math.sqrt(max(0.0, B * B * dy * dy - A * (C * dy * dy - 1))) / A
        left, right = (min(WIDTH, max(0, round(x - B * dy / A + side))) for side in (-half, half))
        rows[row][left * 3 : right * 3] = paint * (right - left)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@lru_cache(maxsize=64)
def draw(section: str, seed: int) -> bytes:
    """A PNG for an article of `section`; `seed` varies colours and hills, equal seeds give equal bytes."""
    motif, shift, slope = MOTIFS[section], (seed * 37 % 11 - 5) / 90, seed * 61 % 400
    sky = motif["sky"]
    rows = [bytearray(_tone(sky + shift, 0.80 + 0.13 * y / HEIGHT, 0.55) * WIDTH) for y in range(HEIGHT)]
    hills = [200 + slope, 720, 760, 300, 0, sky, 0.66, 0.32], [760 - slope, 800, 820, 300, 0, sky - 0.03, 0.50, 0.34]
    for shape in (hills[0], *motif["shapes"], hills[1]) if motif.get("behind") else (*hills, *motif["shapes"]):
        _ellipse(rows, shape, shift)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)  # 8 bits, RGB
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
