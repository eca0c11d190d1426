"""Makes `glyphs.bin`, the letters of the pictures: `python -m bot.desk.make_glyphs REGULAR.ttf BOLD.ttf`; needs Pillow.

Run by hand when an alphabet is added. The letters are those of DejaVu Sans (glyphs.license); any other font will do.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

SIZES = (("regular", 24), ("bold", 32))
ALPHABET = "".join(
    [
        *map(chr, (*range(0x20, 0x7F), *range(0xA1, 0x180), *range(0x400, 0x460))),
        "ҐґҒғҖҗҚқҢңҮүҰұҲҳҶҷҺһӘәӨөӢӣӮӯ",
        "–—−‘’“”„…•№₸€₽≈▲▼",
    ]
)


def main(*fonts: str) -> None:
    """Draw each letter in each size."""
    from PIL import ImageFont

    head: dict[str, Any] = {}
    pixels = bytearray()
    for (name, size), path in zip(SIZES, fonts, strict=True):
        font = ImageFont.truetype(path, size)
        ascent, descent = font.getmetrics()
        letters = {}
        for letter in ALPHABET:
            left, top, *_ = font.getbbox(letter)
            mask = font.getmask(letter)
            shades = bytes(mask)
            wide, high = mask.size
            letters[letter] = [wide, high, int(left), int(top), round(font.getlength(letter)), len(pixels)]
            pixels += bytes(shade >> 4 << 4 for shade in shades)
        head[name] = {"height": ascent + descent, "letters": letters}
    written = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    packed = zlib.compress(len(written).to_bytes(4, "big") + written + pixels, 9)
    Path(__file__).with_name("glyphs.bin").write_bytes(packed)
    print(len(packed), "bytes,", len(ALPHABET), "letters")


if __name__ == "__main__":
    main(*sys.argv[1:])
