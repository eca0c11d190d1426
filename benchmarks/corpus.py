"""Foreign test data through our reading, beside feedparser's own: `python -m benchmarks.corpus FOLDER...`.

For each folder: how many documents gave entries here and with feedparser alone, whether anything but a FeedError came
out, which documents only one of the two could read, and how many were read without feedparser (`bot.feeds.quick`), each
of them to be found the same when it is read by feedparser. Bring your own folders: test data of feedparser, gofeed or
miniflux, or feeds saved from the network. NEWSDESK_EVIDENCE=1 puts the sums on record.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from unittest import mock
from zoneinfo import ZoneInfo

import feedparser

from benchmarks import evidence
from bot.domain.article import Section
from bot.domain.errors import FeedError
from bot.domain.post import Post, PostKind
from bot.feeds import parse as parsing
from bot.feeds.decode import decode
from bot.feeds.identity import document_keys, recognise
from bot.feeds.parse import Document, parse
from bot.feeds.quick import quick
from bot.feeds.slices import cut
from bot.i18n import Words
from bot.posts.compose import PostStyle, compose
from bot.posts.lead import clean_lead

ZONE, NOW = ZoneInfo("Asia/Almaty"), 1_790_000_000.0
SECTION, WORDS = Section("world", 0, {"ru": "Мир"}), Words.load(("ru", "kk", "en"))


@dataclass
class Tally:
    """What became of a folder's documents."""

    files: int = 0
    ours: int = 0
    theirs: int = 0
    bare: int = 0
    crashes: list[str] = field(default_factory=list)
    only_ours: list[str] = field(default_factory=list)
    only_theirs: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    quick: int = 0
    different: list[str] = field(default_factory=list)


def through(body: bytes) -> int:
    """Everything from bytes to posts; how many entries became one."""
    decoded = decode(body)
    cut(decoded.text_bytes)
    document = parse(decoded.text_bytes, base="https://news.test/rss", zone=ZONE, language="", now=NOW)
    keys = document_keys(document.entries, host="news.test")
    recognise(document.entries, keys, {}, NOW)
    for entry in document.entries:
        lead = clean_lead(entry.lead, entry.title)
        fields = {"title": entry.title, "lead": lead, "link": entry.link, "published_at": entry.published}
        post = Post(1, PostKind.ARTICLE, 1, 1, 0, language="ru", image=entry.image, **fields)
        compose(post, lang=WORDS["ru"], sections=[SECTION], style=PostStyle(), zone=ZONE, newsroom="Дала")
    return len(document.entries)


def both_ways(body: bytes) -> bool | None:
    """Whether a document that is read without feedparser is the same as with it; None when it is not."""
    try:
        text = decode(body).text_bytes
        if quick(text) is None:
            return None
        here = _read(text)
        with mock.patch.object(parsing, "quick", return_value=None):
            return here == _read(text)
    except FeedError:
        return None


def _read(text: bytes) -> Document:
    return parse(text, base="https://news.test/rss", zone=ZONE, language="", now=NOW)


def files(folder: Path) -> Iterator[Path]:
    """Whatever may be a feed."""
    kinds = {".xml", ".rss", ".atom", ".rdf", ".json", ".feed"}
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix.lower() in kinds)


def look(folder: Path) -> Tally:
    """Read all of a folder."""
    tally = Tally()
    for path in files(folder):
        body = path.read_bytes()
        tally.files += 1
        began = process_time()
        try:
            ours = through(body)
        except FeedError as error:
            ours = 0
            tally.refused[error.kind] += 1
        except Exception as error:  # noqa: BLE001  # a crash is what this looks for
            ours = 0
            tally.crashes.append(f"{path}: {type(error).__name__}: {error}")
        tally.slowest = max(tally.slowest, process_time() - began)
        if (same := both_ways(body)) is not None:
            tally.quick += 1
            tally.different += [str(path)] * (not same)
        try:
            entries = feedparser.parse(io.BytesIO(body)).entries
        except Exception:  # noqa: BLE001  # whatever feedparser stumbles over
            entries = []
        theirs = sum(any(entry.get(part) for part in ("title", "summary", "content")) for entry in entries)
        tally.ours += ours > 0
        tally.theirs += theirs > 0
        tally.bare += bool(entries) and not theirs
        if bool(ours) != bool(theirs):
            (tally.only_ours if ours else tally.only_theirs).append(str(path))
    return tally


def main(folders: list[str]) -> None:
    """Print a paragraph for each folder."""
    warnings.simplefilter("ignore")
    figures, table = [], []
    for name in folders:
        tally = look(Path(name))
        table.append(
            f"{name}: {tally.files} documents; with entries that say something {tally.ours} here, {tally.theirs} with"
            f" feedparser alone (and {tally.bare} whose entries have neither title nor text);"
            f" crashes {len(tally.crashes)}; slowest {tally.slowest * 1000:.0f} ms;"
            f" refused {dict(tally.refused.most_common())}; read without feedparser {tally.quick}, of them"
            f" otherwise than with it {len(tally.different)}"
        )
        print(table[-1])
        for title, found in (
            ("crash", tally.crashes),
            ("different", tally.different),
            ("only here", tally.only_ours),
            ("only feedparser", tally.only_theirs),
        ):
            for line in found[:400]:
                print(f"  {title}: {line}")
        what = f"{tally.files} documents of {name}"
        here, there = 100 * tally.ours / max(1, tally.files), 100 * tally.theirs / max(1, tally.files)
        figures += [
            evidence.Figure(f"{name}/crashes", f"{what}: crashes", len(tally.crashes), "", wanted="<= 0"),
            evidence.Figure(f"{name}/share", f"{what}: share with entries", here, "%", "feedparser alone", there),
            evidence.Figure(
                f"{name}/different",
                f"{what}: read otherwise without feedparser than with it",
                len(tally.different),
                "",
                wanted="<= 0",
                note=f"of {tally.quick} read without",
            ),
        ]
    evidence.save("corpus", *figures, table="\n".join(table))


if __name__ == "__main__":
    main(sys.argv[1:])
