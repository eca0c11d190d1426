"""Whether bytes are a picture that Telegram takes as a photo. Pure.

Bot API: at most 10 MB, width and height together at most 10,000, one at most 20 times the other. What cannot be
measured here (WebP, BMP) is left to Telegram.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_BYTES = 10 * 1024 * 1024
_MOST_SIDES, _MOST_RATIO = 10_000, 20
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the JPEG markers that carry the size


def unfit(data: bytes) -> str:
    """Why Telegram would not take it; "" when it would."""
    if len(data) > MOST_BYTES:
        return f"{len(data)} bytes are too many for a photo"
    if not _is_picture(data):
        return "not a picture"
    size = size_of(data)
    if size and (not min(size) or sum(size) > _MOST_SIDES or max(size) > _MOST_RATIO * min(size)):
        return f"{size[0]}×{size[1]} is no size for a photo"
    return ""


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF or JPEG; None for others and for what is cut off."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return _number(data[16:20]), _number(data[20:24])
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data.startswith(b"\xff\xd8\xff"):
        frames = (at for marker, at in _segments(data) if marker in _FRAMES and at + 9 <= len(data))
        return next(((_number(data[at + 7 : at + 9]), _number(data[at + 5 : at + 7])) for at in frames), None)
    return None


def _is_picture(data: bytes) -> bool:
    known = (b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"\xff\xd8\xff", b"BM")
    return data.startswith(known) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """A JPEG's markers and where they stand."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        yield data[at + 1], at
        at += 2 + max(2, _number(data[at + 2 : at + 4]))


def _number(part: bytes) -> int:
    return int.from_bytes(part, "big")
