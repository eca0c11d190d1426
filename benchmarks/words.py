"""How well words are recognised in their other forms: precision and recall per language over `words.toml`.

    .venv/bin/python -m benchmarks.words            and the pairs that are missed or confused with --pairs

Each word asks for every other one of its language: as a search would, by beginnings, and as a hidden or followed word
does, by roots. Beside them the two things that other bots do: the very letters, and the letters anywhere in a word.
Right is what stands in the same family; families are chosen to be confused, so a newsroom's own words do better.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from bot.domain.post import Post, PostKind
from bot.posts.stems import beginning, words
from bot.posts.terms import Held, keys

LABELLED = Path(__file__).with_name("words.toml")
Finds = Callable[[str, str, str], bool]
_keys = lru_cache(maxsize=None)(keys)


class Judged(NamedTuple):
    """What came of all pairs of a language: rightly found, wrongly found, missed."""

    right: int
    confused: list[tuple[str, str]]
    missed: list[tuple[str, str]]

    @property
    def precision(self) -> float:
        """How much of what is found is meant."""
        return self.right / (self.right + len(self.confused))

    @property
    def recall(self) -> float:
        """How much of what is meant is found."""
        return self.right / (self.right + len(self.missed))


def _search(asked: str, other: str, language: str) -> bool:
    return other.startswith(beginning(asked, language))


@cache
def _held(text: str, language: str) -> Held:
    return Held(Post(1, PostKind.ARTICLE, 1, 1, 0, language=language, title=text))


def _term(asked: str, other: str, language: str) -> bool:
    return any(map(_held(other, language).holds, _keys(asked)))


RULES: dict[str, Finds] = {
    "search": _search,
    "hidden": _term,
    "(very letters)": lambda asked, other, language: asked == other,
    "(anywhere)": lambda asked, other, language: asked in other,
}


def judged(families: Iterable[str], language: str, finds: Finds = _search) -> Judged:
    """Every word of these families against every other, itself included: whoever asks for it means it."""
    known = [(word, number) for number, family in enumerate(families) for word in words(family)]
    right, confused, missed = 0, [], []
    for asked, family in known:
        for other, its_family in known:
            found = finds(asked, other, language)
            if found and family == its_family:
                right += 1
            elif found:
                confused.append((asked, other))
            elif family == its_family:
                missed.append((asked, other))
    return Judged(right, confused, missed)


def labelled(rule: str = "search") -> dict[str, Judged]:
    """All languages of the labelled set."""
    table = tomllib.loads(LABELLED.read_text("utf-8"))
    return {language: judged(entry["families"], language, RULES[rule]) for language, entry in table.items()}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    for rule in RULES:
        for language, found in labelled(rule).items():
            print(f"{rule:15} {language}: precision {found.precision:.3f}, recall {found.recall:.3f}")
            if options.pairs:
                print("  confused:", ", ".join(map(" → ".join, found.confused)))
                print("  missed:", ", ".join(map(" → ".join, found.missed)))


if __name__ == "__main__":
    main()
