"""Terms: the words and phrases that readers hide or follow, and which of them a text holds. Pure.

A term is compared by keys, so that the databases only join: `=порт` stands for a Russian or English word by its root,
`~мектеп` for a Kazakh one by what is left without endings; a phrase is its words' keys in a row. A word whose letters
could be of either language has both keys, and the language of the text decides which of them it can meet. `#12` is no
word but a story, that of the post 12: what goes on with it holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.post import Post
from bot.posts.stems import KAZAKH, LATIN, peeled, peelings, root, words

MOST_WORDS = 4
"""Words of a phrase."""


def keys(text: str) -> tuple[str, ...]:
    """The keys of a term, none when it is no word or a phrase too long."""
    said = words(text)
    if not 0 < len(said) <= MOST_WORDS or len(text) > 64 or len("".join(said)) < 2:
        return ()
    russian, kazakh = " ".join(_key(word, "ru") for word in said), " ".join(_key(word, "kk") for word in said)
    return tuple(dict.fromkeys((russian, kazakh)))


def story(post: Post) -> str:
    """The key of the story that a post belongs to, or begins."""
    return f"#{post.story_id or post.id}"


def _key(word: str, language: str) -> str:
    if LATIN.search(word):
        return "=" + root(word, "en")
    if language == "kk" or KAZAKH.search(word):
        return "~" + peeled(word)
    return "=" + root(word, "ru")


class Held:
    """What a post says, ready to be asked for terms."""

    def __init__(self, post: Post) -> None:
        texts = [(post.title, post.language), (post.lead, post.language)]
        texts += [(text.text, language) for language, text in post.texts.items()]
        self._words: list[frozenset[str]] = []
        for text, language in texts:  # a phrase ends with the headline
            self._words += [*(_answers(word, language) for word in words(text)), frozenset()]
        self._story = story(post)

    @property
    def heads(self) -> frozenset[str]:
        """With which words the terms begin that may be in it."""
        return frozenset([self._story]).union(*self._words)

    def holds(self, key: str) -> bool:
        """Whether the term's words stand in it, one after the other."""
        asked = key.split(" ")
        return key == self._story or any(
            self._at(start, asked) for start, answers in enumerate(self._words) if asked[0] in answers
        )

    def _at(self, start: int, asked: Sequence[str]) -> bool:
        return len(self._words) - start >= len(asked) and all(
            word in answers for word, answers in zip(asked, self._words[start:], strict=False)
        )

    def which(self, known: Iterable[tuple[int, str]]) -> list[int]:
        """The ids of the terms (id, key) that it holds."""
        return [id_ for id_, key in known if self.holds(key)]


def _answers(word: str, language: str) -> frozenset[str]:
    """The keys that a word of a text in that language answers to."""
    if LATIN.search(word):
        return frozenset(["=" + root(word, "en")])
    kazakh = {"~" + left for left in peelings(word)} if language != "ru" or KAZAKH.search(word) else set()
    return frozenset(kazakh if language == "kk" else kazakh | {"=" + root(word, "ru")})
