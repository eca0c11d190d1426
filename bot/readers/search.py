"""Searching our own articles: words in any form, ranked by how well and how freshly they fit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.post import Post
from bot.posts.stems import beginning, folded, standing, words
from storage import Storage

LOOKED_AT = 200
"""So many of the newest posts that hold all words are ranked: the cost of a search has a bound, and what is older
than two hundred others is not what anybody looks for."""

_MOST_WORDS = 8
_RELATED = 50  # of the newest posts with a word of the headline
_TELLING = 4  # letters; shorter words say little about a subject
_HALF_WORTH = 90 * 86_400.0  # seconds after which an article counts for half
_FOREIGN = 0.5  # what an article in another language counts for


async def find(storage: Storage, text: str, language: str, now: int) -> list[Post]:
    """Posts of articles that hold all the words of `text`, best first; at most `LOOKED_AT`."""
    asked = wanted(text, language)
    if not asked:
        return []
    found = await storage.posts.search([spellings(start) for _, start in asked], LOOKED_AT)
    return ranked(found, asked, language, now)


async def related(storage: Storage, post: Post, language: str, now: int, limit: int) -> list[Post]:
    """Other posts that share at least two words of this one's headline, those with rare ones in common first."""
    shared: dict[int, float] = {}
    hits: dict[int, int] = {}
    posts: dict[int, Post] = {}
    for word, start in wanted(post.title, post.language or language):
        found = await storage.posts.search([spellings(start)], _RELATED) if len(word) >= _TELLING else []
        for other in found:
            posts[other.id] = other
            hits[other.id] = hits.get(other.id, 0) + 1
            shared[other.id] = shared.get(other.id, 0.0) + 1 / len(found)
    near = [other for id_, other in posts.items() if hits[id_] >= 2 and id_ != post.id]
    return sorted(near, key=lambda other: shared[other.id] * _freshness(other, now), reverse=True)[:limit]


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

    signs = [(standing(word, whole=True), standing(start, whole=False)) for word, start in asked]

    def worth(post: Post) -> float:
        title, lead = folded(post.title), folded(post.lead)
        fit = sum(_fit(word, start, title, lead) for word, start in signs)
        return fit * _freshness(post, now) * (1.0 if post.language in ("", language) else _FOREIGN)

    return sorted(posts, key=worth, reverse=True)


def _freshness(post: Post, now: int) -> float:
    return 1 / (1 + max(0, now - (post.published_at or post.created_at)) / _HALF_WORTH)


def _fit(word: re.Pattern[str], start: re.Pattern[str], title: str, lead: str) -> int:
    if word.search(title):
        return 4
    if start.search(title):
        return 3
    return 2 if word.search(lead) else 1
