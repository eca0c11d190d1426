"""Searching our own articles: words in any form, ranked by how well and how freshly they fit."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.post import Post
from bot.posts.stems import beginning, words
from storage import Storage

LOOKED_AT = 200
"""So many of the newest posts that hold all words are ranked: the cost of a search has a bound, and what is older
than two hundred others is not what anybody looks for."""

_MOST_WORDS = 8
_HALF_WORTH = 90 * 86_400.0  # seconds after which an article counts for half
_FOREIGN = 0.5  # what an article in another language counts for


async def find(storage: Storage, text: str, language: str, now: int) -> list[Post]:
    """Posts of articles that hold all the words of `text`, best first; at most `LOOKED_AT`."""
    asked = wanted(text, language)
    if not asked:
        return []
    found = await storage.posts.search([spellings(start) for _, start in asked], LOOKED_AT)
    return ranked(found, asked, language, now)


def wanted(text: str, language: str) -> list[tuple[str, str]]:
    """The words to look for, each with the beginning that stands for its other forms.

    Single letters («в», «и») say nothing beside words.
    """
    said = list(dict.fromkeys(words(text)))
    said = [word for word in said if len(word) > 1] or said
    return [(word, beginning(word, language)) for word in said[:_MOST_WORDS]]


def spellings(start: str) -> list[str]:
    """The beginning as it may stand in an article: ё is written or not, once in a word."""
    return [start, *(start[:n] + "ё" + start[n + 1 :] for n, letter in enumerate(start) if letter == "е")]


def ranked(posts: Sequence[Post], asked: Sequence[tuple[str, str]], language: str, now: int) -> list[Post]:
    """Best first: the very word before another form, the headline before the lead, fresh before old, and the
    reader's language before others."""

    def worth(post: Post) -> float:
        title, lead = set(words(post.title)), set(words(post.lead))
        fit = sum(_fit(word, start, title, lead) for word, start in asked)
        age = max(0, now - (post.published_at or post.created_at))
        return fit / (1 + age / _HALF_WORTH) * (1.0 if post.language in ("", language) else _FOREIGN)

    return sorted(posts, key=worth, reverse=True)


def _fit(word: str, start: str, title: set[str], lead: set[str]) -> int:
    if word in title:
        return 4
    if any(other.startswith(start) for other in title):
        return 3
    return 2 if word in lead else 1
