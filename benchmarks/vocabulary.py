"""What hidden and followed words cost with many readers: run by hand, prints milliseconds and a ratio.

    .venv/bin/python -m benchmarks.vocabulary [--readers 200000] [--words 5]

Each reader follows some words and hides others, frequent ones more often, as those of a language. Measured is what the
words add to a post: looking up which of them it holds (once for all readers), counting its audience, and walking
through its readers in blocks as the senders do, beside the same post and readers without words.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from dataclasses import replace

from benchmarks.search import Language
from bot.delivery.vocabulary import read_words
from bot.domain.article import Article
from bot.domain.delivery import BLOCK_BITS, Audience, Lane
from bot.domain.feed import Found, Poll
from bot.domain.reader import Choices, Subscriber
from bot.posts.terms import head, keys
from storage import Storage, open_storage

NOW = 1_763_874_000
POSTS = 50
_SECTION = 1


async def fill(storage: Storage, language: Language, readers: int, words: int, rng: random.Random) -> int:
    """Half of the readers have the section; the number of terms that all have chosen together."""
    for first in range(0, readers, 10_000):
        some = [Subscriber(n + 1, "ru", n % 2, NOW) for n in range(first, min(first + 10_000, readers))]
        await storage.readers.bring(some, Choices(), now=NOW)
    terms: dict[str, int] = {}
    chosen = []
    for reader in range(1, readers + 1):
        for word in {language.text(1) for _ in range(words)}:
            follows = int(rng.random() < 0.6)
            chosen += [(reader, terms.setdefault(key, len(terms) + 1), follows, word) for key in keys(word)]
    await storage.engine.batch(
        [
            ("INSERT INTO term (id, key, head) VALUES (:id, :key, :head)", [(n, k, head(k)) for k, n in terms.items()]),
            (
                "INSERT INTO reader_term (reader_id, term_id, follows, word, chosen_at) VALUES (:r, :t, :f, :w, 0)"
                " ON CONFLICT DO NOTHING",
                chosen,
            ),
        ]
    )
    await storage.engine.write("ANALYZE")
    return len(terms)


async def publish(storage: Storage, language: Language) -> None:
    """Posts of the section, with headlines of 9 words and leads of 25."""
    (feed,) = await storage.feeds.watch(["https://news.example/rss"])
    found = []
    for n in range(POSTS):
        link = f"https://news.example/{n}"
        article = Article(0, feed.id, language.text(9), language.text(25), link, "ru", _SECTION, NOW, published_at=NOW)
        found.append(Found(article, (link,), True))
    await storage.feeds.save_poll(Poll(feed, tuple(found)), now=NOW)


async def walk(storage: Storage, audience: Audience, name: str) -> tuple[float, int]:
    """Milliseconds and readers of one walk through an audience, in the senders' own blocks and statements."""
    cast = await storage.broadcasts.publish([], audience, key=name, lane=Lane.REGULAR, total=0, start=0.0, now=NOW)
    broadcast = await storage.broadcasts.get(cast)
    assert broadcast
    began, met = time.perf_counter(), 0
    for block in range(broadcast.blocks):
        after = 0
        while readers := await storage.deliveries.read(broadcast, block, after, 512, fresh=True):
            met, after = met + len(readers), readers[-1].id
            if len(readers) < 512 or after & ((1 << BLOCK_BITS) - 1) == (1 << BLOCK_BITS) - 1:
                break
    return 1000 * (time.perf_counter() - began), met


async def measure(storage: Storage, readers: int, words: int) -> None:
    """Fill, ask, print."""
    rng = random.Random(5)
    language = Language(rng)
    terms = await fill(storage, language, readers, words, rng)
    print(f"{storage.engine.dialect.name}: {readers:,} readers with {words} words each, {terms:,} different terms")
    await publish(storage, language)
    began = time.perf_counter()
    await read_words(storage)
    print(f"  looking up the words of a post      {1000 * (time.perf_counter() - began) / POSTS:8.1f} ms, once for all")
    plain = Audience(sections=_SECTION)
    bare, counted, walked, worst, more = [], [], [], 0.0, 0
    for post, _ in (await storage.posts.waiting())[:10]:
        audience = replace(plain, followed=(post.id,), hidden=post.id)
        began = time.perf_counter()
        await storage.readers.count(audience)
        counted.append(1000 * (time.perf_counter() - began))
        took, met = await walk(storage, audience, f"words:{post.id}")
        walked.append(took / max(1, met))
        took, without = await walk(storage, plain, f"plain:{post.id}")
        bare.append(took / max(1, without))
        more, worst = more + met - without, max(worst, walked[-1])
    each, alone = 1000 * sum(walked) / len(walked), 1000 * sum(bare) / len(bare)
    print(f"  counting a post's audience          {sum(counted) / len(counted):8.1f} ms, once for all")
    print(
        f"  reading a reader before the send    {each:8.2f} µs, without words {alone:.2f} µs: {each / alone:.1f} times"
    )
    print(f"  the dearest of ten posts            {1000 * worst:8.2f} µs a reader")
    print(f"  by its words a post has             {more / 10:+8,.0f} readers")


async def main() -> None:
    """Measure on SQLite in a temporary folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--words", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{folder}/words.db")
        try:
            await measure(storage, asked.readers, asked.words)
        finally:
            await storage.close()


if __name__ == "__main__":
    asyncio.run(main())
