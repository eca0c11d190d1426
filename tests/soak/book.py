"""What is published in the soak, and what each chat holds of it, as the stand-in accepted it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from email.utils import formatdate
from html import escape
from typing import Any

from bot.domain.errors import FeedError
from bot.feeds.fetch import Response
from bot.sandbox.model import Msg

FIRST = 100_000
"""The first reader's chat."""
CHANNEL = -1_001_600_000_001
MARK = re.compile(r"№(\d+)\.(\d+)")


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    readers: int = 50_000
    feeds: int = 40
    hours: float = 6.0
    stories: int = 90

    @property
    def lively(self) -> int:
        """Readers who do something; the others only read."""
        return min(300, self.readers // 4)

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.hours * 3600


@dataclass
class Story:
    """A story and how it stands now: of a site, or `breaking`, by an editor's hand and for everybody."""

    number: int
    section: str
    language: str
    at: float
    version: int = 1
    changed_at: float = 0.0
    breaking: bool = False

    @property
    def title(self) -> str:
        """Each version has a headline of its own."""
        words = {"ru": "Новость о деле", "kk": "Бір іс туралы жаңалық", "en": "News about a matter"}
        return f"№{self.number}.{self.version} {words[self.language]} {self.number * 7919 % 9973}"


@dataclass
class Site:
    """A feed of one section and language."""

    url: str
    section: str
    language: str
    stories: list[Story] = field(default_factory=list)
    broken: str = ""

    def document(self) -> bytes:
        """What it serves."""
        items = "".join(
            f'<item><guid isPermaLink="false">{self.url}-{story.number}</guid><link>{self.url}/{story.number}</link>'
            f"<title>{escape(story.title)}</title><description>Коротко о деле {story.number}.</description>"
            f"<pubDate>{formatdate(story.at)}</pubDate></item>"
            for story in self.stories[:30]
        )
        head = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Дала</title>'
        return f"{head}{items}</channel></rss>".encode()

    def answer(self) -> Response:
        """As it stands, or broken."""
        match self.broken:
            case "":
                return Response(200, self.document(), content_type="application/rss+xml", final_url=self.url)
            case "html":
                return Response(200, b"<html><body>503</body></html>", content_type="text/html", final_url=self.url)
            case "cut":
                return Response(200, self.document()[:-200], content_type="application/rss+xml", final_url=self.url)
            case "empty":
                return Response(200, b"", final_url=self.url)
            case kind:
                raise FeedError(kind, "made to fail", status=500)


@dataclass(slots=True)
class Plan:
    """What a reader has chosen, as far as the soak decided it. `steady`: nobody touches it, and every story comes."""

    language: str
    sections: frozenset[str]
    steady: bool
    since: float


class Book:
    """What each chat holds: story → version and message. `tame` is the first reader who never asks for anything.

    `seen` are the newest versions that any tame reader had, `taken` what was withdrawn from one.
    """

    def __init__(self, tame: int) -> None:
        self.tame = tame
        self.held: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        self.seen: dict[int, int] = {}
        self.taken: set[int] = set()
        self.delivered = self.repeats = self.lists = self.edits = self.deleted = 0

    def heard(self, kind: str, chat_id: int, payload: Any) -> None:
        """The stand-in's listener."""
        if kind not in ("message", "edit", "delete") or not isinstance(payload, Msg) or not payload.out:
            return
        if chat_id < FIRST and chat_id != CHANNEL:
            return
        held, tame = self.held[chat_id], chat_id >= self.tame or chat_id == CHANNEL
        gone = (
            {number for number, (_, message) in held.items() if message == payload.id} if kind != "message" else set()
        )
        for number in gone:
            del held[number]
        text = payload.json.get("text") or payload.json.get("caption") or ""
        found: dict[int, int] = {}
        if kind != "delete":
            for number, version in MARK.findall(text):  # a visible correction quotes the older words
                found[int(number)] = max(int(version), found.get(int(number), 0))
        if tame:
            self.taken |= gone - found.keys()
            self.seen |= {number: max(version, self.seen.get(number, 0)) for number, version in found.items()}
        self.deleted += kind == "delete"
        self.lists += kind == "message" and len(found) > 1
        self.edits += kind == "edit"
        if kind == "message":
            self.delivered += len(found)
            self.repeats += tame and not found.keys().isdisjoint(held)
        held |= {number: (version, payload.id) for number, version in found.items()}
