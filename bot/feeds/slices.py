"""Cutting a feed into its items without parsing it, so that only unseen ones reach the parser. Pure.

Most polls of a changed feed bring one new item among dozens of old ones. Reading only that one is many times
faster, and four guards keep it honest: the previous parse was clean, the prolog (the channel's head) is the same,
parsed entries and slices were as many, and every 50th poll parses everything.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise

FULL_EVERY = 50
"""Polls after which everything is parsed again as a self-check."""

_MARKS = re.compile(rb"<(?:(!--)|(!\[CDATA\[)|(\?)|(/?)((?:[\w.-]+:)?(?:item|entry))(?=[\s/>]))")
_ENDS = (b"-->", b"]]>", b"?>")
_VOLATILE = re.compile(rb"<(lastBuildDate|pubDate|updated|(?:dc:)?date|ttl)\b[^<>]*>[^<>]*</\1\s*>")
_TEXT = rb"\b[^<>]*>\s*(?:<!\[CDATA\[)?([^<]*?)(?:\]\]>)?\s*</"
_GUID = re.compile(rb"<(?:[\w.-]+:)?(?:guid|id)" + _TEXT)
_LINK = re.compile(rb"<link(?:\b[^<>]*\bhref\s*=\s*[\"']([^\"'<>]*)|" + _TEXT + rb")")
_TITLE = re.compile(rb"<title" + _TEXT)


@dataclass(frozen=True, slots=True)
class Slices:
    """A document cut up: `prolog` + `items` + `epilog`. What stands between items is blank and left out."""

    prolog: bytes
    items: tuple[bytes, ...]
    epilog: bytes

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """A 16-byte hash for each item."""
        return tuple(blake2b(item, digest_size=16).digest() for item in self.items)

    @property
    def head(self) -> bytes:
        """A hash of everything around the items, without the dates that change at each poll."""
        return blake2b(_VOLATILE.sub(b"", self.prolog) + b"\0" + self.epilog, digest_size=16).digest()

    def repeated(self, indices: Iterable[int]) -> frozenset[str]:
        """Guids and links that stand on several different items of the whole document and so name none of them.

        Empty without reading them all where nothing of the items with these indices stands anywhere else.
        """
        if not any(self._elsewhere(i) for i in indices):
            return frozenset()
        named = {(_inside(_GUID, item), _inside(_LINK, item), _inside(_TITLE, item)) for item in self.items}
        counts = [Counter(names[part] for names in named) for part in (0, 1)]
        return frozenset(name for count in counts for name, n in count.items() if n > 1 and name)

    def _elsewhere(self, index: int) -> bool:
        """Whether another item holds this one's guid or link, wherever it may stand there."""
        item = self.items[index]
        names = [name for name in (_raw(_GUID, item), _raw(_LINK, item)) if name]
        return any(name in other for n, other in enumerate(self.items) if n != index for name in names)

    def only(self, indices: Iterable[int]) -> bytes:
        """The document with these items only."""
        return self.prolog + b"\n".join(self.items[i] for i in indices) + self.epilog


def _raw(pattern: re.Pattern[bytes], item: bytes) -> bytes:
    """What the pattern finds in an item, empty without it."""
    found = pattern.search(item)
    return next((part for part in found.groups() if part), b"").strip() if found else b""


def _inside(pattern: re.Pattern[bytes], item: bytes) -> str:
    """The same as text."""
    return html.unescape(_raw(pattern, item).decode("utf-8", "replace")).strip()


def cut(body: bytes, most: int = 10_000_000) -> Slices | None:
    """Cut a feed (RSS `<item>`, Atom `<entry>`, RDF) in UTF-8; None when it is not plainly a list of items.

    Items inside items, text between them, an item without its end, more than `most` marks (tags of items, CDATA): None,
    and the whole goes to the parser.
    """
    spans: list[tuple[int, int]] = []
    name, start = b"", -1
    for closing, tag, begin, end in _item_tags(body, most):
        if name not in (b"", tag) or closing != (start >= 0):
            return None
        if closing:
            spans.append((start, end))
        name, start = tag, -1 if closing else begin
    if not spans or start >= 0 or any(body[a:b].strip() for (_, a), (b, _) in pairwise(spans)):
        return None
    return Slices(body[: spans[0][0]], tuple(body[a:b] for a, b in spans), body[spans[-1][1] :])


def _item_tags(body: bytes, most: int) -> Iterator[tuple[bool, bytes, int, int]]:
    """(closing, name, begin, end) of each item tag outside comments, CDATA and processing instructions.

    After `most` marks one that fits nothing.
    """
    at = 0
    while found := _MARKS.search(body, at):
        most -= 1
        if most < 0:
            yield True, b"", 0, 0
            return  # pragma: no cover  # nobody asks for more after that
        mark = next((i for i in range(3) if found[i + 1]), None)
        end = body.find(b">" if mark is None else _ENDS[mark], found.end())
        if end < 0:
            return
        at = end + 1
        if mark is None:
            yield found[4] == b"/", found[5], found.start(), at


@dataclass(frozen=True, slots=True)
class Full:
    """Parse the whole document."""


@dataclass(frozen=True, slots=True)
class Only:
    """Parse `slices.only(indices)`: these items are new or changed."""

    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing to parse: every item has been read before."""


@dataclass(slots=True)
class SliceMemory:
    """What is remembered of one feed between polls. `plan` decides, `read` records what came of it."""

    head: bytes = b""
    seen: frozenset[bytes] = frozenset()
    count: int = 0
    since_full: int = 0
    _planned: tuple[bytes, frozenset[bytes], int] = field(default=(b"", frozenset(), 0), repr=False)

    def plan(self, slices: Slices | None) -> Full | Only | Unchanged:
        """Decide what to parse of this document."""
        if slices is None:
            self._planned = (b"", frozenset(), 0)
            return Full()
        hashes = slices.hashes
        self._planned = (slices.head, frozenset(hashes), len(hashes))
        if slices.head != self.head or not self.seen or self.since_full + 1 >= FULL_EVERY:
            return Full()
        fresh = tuple(i for i, key in enumerate(hashes) if key not in self.seen)
        slid_back = bool(fresh) and fresh[-1] == len(hashes) - 1 and len(hashes) <= self.count
        if slid_back or len(hashes) < self.count:
            return Full()  # something was taken out: which, only the whole document tells
        return Only(fresh) if fresh else Unchanged()

    def read(self, plan: Full | Only | Unchanged, *, parsed: int, expected: int, clean: bool) -> bool:
        """Record a finished poll: `parsed` entries (dropped ones included) of `expected` items, `clean` if not bozo.

        Returns False when a part did not come out as cut: forget, and parse the whole document now.
        """
        ok = clean and parsed == expected
        if isinstance(plan, Unchanged) or ok:
            self.head, self.seen, self.count = self._planned
            self.since_full = 0 if isinstance(plan, Full) else self.since_full + 1
            return True
        self.forget()
        return isinstance(plan, Full)

    def forget(self) -> None:
        """The next poll parses everything: after an error, or when something was left for later."""
        self.head, self.seen, self.count, self.since_full = b"", frozenset(), 0, 0
