"""Hashtags that Telegram really links. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_HASHTAG = 64
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def hashtag(name: str) -> str:
    """«Новости Казахстана» -> `#Новости_Казахстана`; "" where no letter is left.

    Telegram ends a hashtag at the first sign that is neither letter, decimal digit nor `_`, asks for one letter,
    and knows combining marks only as part of a letter. Put a space, never a letter, before it.
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", name))
    joined = "".join(char if _allowed(char) else "_" for char in text)
    tag = re.sub("_+", "_", joined).strip("_")[:MAX_HASHTAG].rstrip("_")
    return f"#{tag}" if any(unicodedata.category(char)[0] == "L" for char in tag) else ""


def _allowed(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "L" or category == "Nd"
