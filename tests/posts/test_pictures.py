"""Which bytes Telegram takes as a photo: measured, or left to it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.picture import draw
from bot.posts.pictures import MOST_BYTES, size_of, unfit


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG, which is all that is read."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\0\0\0"


def jpeg(width: int, height: int, *, before: bytes = b"") -> bytes:
    """The beginning of a JPEG: an application segment, a Huffman table, then the frame."""
    tables = b"\xff\xe0" + struct.pack(">H", 2 + 14) + b"JFIF\0" + b"\0" * 9 + b"\xff\xc4\x00\x04\0\0" + before
    return b"\xff\xd8" + tables + b"\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width) + b"\x03"


def gif(width: int, height: int) -> bytes:
    """The beginning of a GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height)


@pytest.mark.parametrize("make", [png, jpeg, gif])
def test_sizes_are_read_from_the_head(make: object) -> None:
    assert callable(make)
    for size in ((1, 1), (640, 360), (9_000, 999)):
        assert size_of(make(*size)) == size
        assert unfit(make(*size)) == ""


@pytest.mark.parametrize("make", [png, jpeg, gif])
@pytest.mark.parametrize("size", [(0, 5), (5_001, 5_000), (2_001, 100), (100, 2_001)])
def test_sizes_that_telegram_refuses_are_not_sent(make: object, size: tuple[int, int]) -> None:
    assert callable(make)
    assert unfit(make(*size)) == f"{size[0]}×{size[1]} is no size for a photo"


def test_the_limits_themselves_are_taken() -> None:
    assert unfit(png(5_000, 5_000)) == unfit(png(2_000, 100)) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body>404</body></html>",
        b"\n<!doctype html>",
        b"%PDF-1.7",
        b"<svg/>",
        b"RIFF\0\0\0\0WAVE",
        b"\xff\xd8",
    ],
)
def test_what_is_no_picture_is_not_sent(data: bytes) -> None:
    assert unfit(data) == "not a picture"


def test_what_is_too_big_is_not_sent() -> None:
    assert unfit(png(10, 10).ljust(MOST_BYTES, b"\0")) == ""
    assert unfit(png(10, 10).ljust(MOST_BYTES + 1, b"\0")) == "10485761 bytes are too many for a photo"


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"BM" + b"\0" * 20,
        png(9, 9)[:20],
        jpeg(9, 9)[:22],
        jpeg(9, 9, before=b"\xff\xe1\x00\x00"),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xc0\x00\x11\x08",
    ],
)
def test_what_cannot_be_measured_is_left_to_telegram(data: bytes) -> None:
    assert unfit(data) == ""


def test_a_drawn_picture_fits() -> None:
    assert (size_of(draw("sport", 1)), unfit(draw("sport", 1))) == ((960, 540), "")


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"RIFF", b""]))
def test_any_bytes_are_survived(data: bytes, head: bytes) -> None:
    assert isinstance(unfit(head + data), str)
