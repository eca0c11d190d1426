"""How long a search takes among 100,000 articles: run by hand, prints milliseconds.

    .venv/bin/python -m benchmarks.search                     SQLite
    .venv/bin/python -m benchmarks.search postgresql://…      that server, too, own database

Words of the articles are as unevenly frequent as those of a language (the n-th most frequent one 1/n as often, the
frequent ones short), and each stands in several forms. Readers ask for one to three words, frequent and rare ones, in
any form; a question is timed from its text to the ranked posts. NEWSDESK_EVIDENCE=1 puts the figures on record.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence

from benchmarks import evidence
from benchmarks.bookkeeping import postgres_database
from bot.domain.article import Article
from bot.domain.feed import Found, Poll
from bot.readers.search import find
from storage import Storage, open_storage

NOW = 1_763_874_000
QUESTIONS = 2000
_WORDS = 20_000
_ENDINGS = ("", "а", "ов", "ами", "ның", "дар", "да", "у")
_SYLLABLES = """ба ве го ди ка ле мо ну пра рес та шым қаз өң гор нов сти мир бюд жет тур кон пол сул"""


class Language:
    """Made-up words, the frequent ones first."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        made: dict[str, None] = {}
        while len(made) < _WORDS:
            made["".join(rng.choices(_SYLLABLES.split(), k=rng.randint(1, 4)))] = None
        self.roots = sorted(made, key=len)
        total, self._sums = 0.0, []
        for n in range(_WORDS):
            total += 1 / (n + 1)
            self._sums.append(total)

    def text(self, length: int) -> str:
        """So many words in any form."""
        roots = self._rng.choices(self.roots, cum_weights=self._sums, k=length)
        return " ".join(root + self._rng.choice(_ENDINGS) for root in roots)


async def fill(storage: Storage, language: Language, articles: int) -> None:
    """Articles with headlines of 9 words and leads of 25, as polls bring them, an article every five minutes."""
    (feed,) = await storage.feeds.watch(["https://news.example/rss"])
    for first in range(0, articles, 500):
        found = []
        for n in range(first, min(first + 500, articles)):
            link, at = f"https://news.example/{n}", NOW - (articles - n) * 300
            title, lead = language.text(9).capitalize(), language.text(25)
            article = Article(0, feed.id, title, lead, link, ("ru", "kk")[n % 2], 1 << n % 8, at, published_at=at)
            found.append(Found(article, (link,), False))
        await storage.feeds.save_poll(Poll(feed, tuple(found)), now=NOW)
    await storage.engine.write("ANALYZE")


async def ask(storage: Storage, language: Language) -> tuple[float, float]:
    """Ask, and print how long the answers took. The p95 of questions, and of the letters that take longest."""
    waits: dict[str, list[float]] = {"all": []}
    for number in range(QUESTIONS):
        length = number % 3 + 1
        question = language.text(length)
        began = time.perf_counter()
        found = await find(storage, question, "ru", NOW)
        took = 1000 * (time.perf_counter() - began)
        kinds = ("all", f"{length} words" if length > 1 else "1 word", "nothing found" if not found else "found")
        for kind in kinds:
            waits.setdefault(kind, []).append(took)
    for kind, took_ms in waits.items():
        print(f"  {kind:14} {len(took_ms):5} questions  " + percentiles(took_ms))
    letters_p95 = 0.0
    for letters in range(1, 5):
        typed = [language.text(1)[:letters] for _ in range(200)]
        took_ms = []
        for question in typed:
            began = time.perf_counter()
            await find(storage, question, "ru", NOW)
            took_ms.append(1000 * (time.perf_counter() - began))
        print(f"  {letters} letters typed                 " + percentiles(took_ms))
        letters_p95 = max(letters_p95, p95(took_ms))
    return p95(waits["all"]), letters_p95


def p95(took_ms: Sequence[float]) -> float:
    """What 95 of 100 do not exceed."""
    return sorted(took_ms)[int(len(took_ms) * 0.95)]


def percentiles(took_ms: Sequence[float]) -> str:
    """Median, p95 and the worst."""
    ordered = sorted(took_ms)
    return f"p50 {ordered[len(ordered) // 2]:5.1f}  p95 {p95(ordered):5.1f}  worst {ordered[-1]:5.1f} ms"


async def measure(url: str, articles: int) -> list[evidence.Figure]:
    """Fill the database at `url` and ask."""
    language = Language(random.Random(5))
    storage = await open_storage(url)
    try:
        await fill(storage, language, articles)
        print(f"{storage.engine.dialect.name}, {articles:,} articles")
        words, letters = await ask(storage, language)
    finally:
        await storage.close()
    engine, size = storage.engine.dialect.name, f"{articles:,} articles, {storage.engine.dialect.name}"
    return [
        evidence.Figure(engine, f"A search of one to three words, p95 ({size})", words, "ms", wanted="<= 30"),
        evidence.Figure(f"{engine} letters", f"… of one to four letters, p95 ({size})", letters, "ms", wanted="<= 30"),
    ]


async def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--articles", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="search-") as folder:
        figures = await measure(f"sqlite:///{folder}/newsdesk.db", options.articles)
    if options.url:
        url = await postgres_database(options.url)
        try:
            figures += await measure(url, options.articles)
        finally:
            await postgres_database(options.url, drop=url.rsplit("/", 1)[1])
    evidence.save("search", *figures)


if __name__ == "__main__":
    asyncio.run(main())
