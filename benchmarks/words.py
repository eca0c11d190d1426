"""How well words are recognised in their other forms: precision and recall per language over `words.toml`.

    .venv/bin/python -m benchmarks.words            and the pairs that are missed or confused with --pairs

Each word asks for every other one of its language, as a search would. Right is what stands in the same family; the
families are chosen to be confused, so a newsroom's own words do better.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bot.posts.stems import beginning, words

LABELLED = Path(__file__).with_name("words.toml")


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


def judged(families: Iterable[str], language: str) -> Judged:
    """Every word of these families against every other: found is what begins with its beginning."""
    known = [(word, number) for number, family in enumerate(families) for word in words(family)]
    right, confused, missed = 0, [], []
    for asked, family in known:
        start = beginning(asked, language)
        for other, its_family in known:
            if other == asked:
                continue
            found = other.startswith(start)
            if found and family == its_family:
                right += 1
            elif found:
                confused.append((asked, other))
            elif family == its_family:
                missed.append((asked, other))
    return Judged(right, confused, missed)


def labelled() -> dict[str, Judged]:
    """All languages of the labelled set."""
    table = tomllib.loads(LABELLED.read_text("utf-8"))
    return {language: judged(entry["families"], language) for language, entry in table.items()}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    for language, found in labelled().items():
        print(f"{language}: precision {found.precision:.3f}, recall {found.recall:.3f}, {found.right} pairs found")
        if options.pairs:
            print("  confused:", ", ".join(map(" → ".join, found.confused)))
            print("  missed:", ", ".join(map(" → ".join, found.missed)))


if __name__ == "__main__":
    main()
