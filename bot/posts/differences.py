"""What an earlier version said that a later one does not: the words for «в первой версии было «…»». Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

MOST = 160
"""Characters that are quoted at most: beyond it only the pieces that went, then a beginning."""
_FEW = 3  # a single word says nothing without its neighbours
_WORD = re.compile(r"\S+")


def wrong(old: str, new: str) -> str:
    """The words of `old` that `new` takes back, with a neighbour where they are few; "" when it only adds some."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    gone = [(start, end) for kind, start, end, *_ in codes if kind in ("replace", "delete")]
    if not gone:
        return ""
    whole = _quoted(before, gone[0][0], gone[-1][1])
    if len(whole) > MOST:
        whole = " … ".join(_quoted(before, start, end) for start, end in gone)
    return whole if len(whole) <= MOST else whole[: MOST - 1].rsplit(" ", 1)[0] + "…"


def _quoted(words: list[str], start: int, end: int) -> str:
    """These words without the marks around them; up to three where there are fewer."""
    while end - start < _FEW and (start > 0 or end < len(words)):
        if start > 0:
            start -= 1
        if end - start < _FEW and end < len(words):
            end += 1
    return " ".join(words[start:end]).strip(" .,:;!?«»“”„\"'()—–-")
