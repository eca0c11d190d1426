"""Whether two texts tell the same story: words in common, in whatever form. Pure."""

from __future__ import annotations

from bot.posts.stems import beginning, words

_TELLING = 4
"""Letters; shorter words say little about a subject. Numbers always do."""
_LEAST_COMMON = 3
_ALIKE = 0.5


def gist(text: str, language: str) -> frozenset[str]:
    """The words of a text that tell what it is about, without their endings."""
    return frozenset(
        beginning(word, language) for word in words(text) if len(word) >= _TELLING or any(map(str.isdigit, word))
    )


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether these gists share half the words of the shorter one, and three at least."""
    common = len(one & other)
    return common >= _LEAST_COMMON and common >= _ALIKE * min(len(one), len(other))
