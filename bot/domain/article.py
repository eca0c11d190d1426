"""What a feed says and what we keep of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed document: decoded and normalised, not yet recognised.

    Texts are NFC and stripped. `lead` is plain text; `body` keeps the feed's HTML, unsanitised. `published`
    and `updated` are epoch seconds, None when the feed gives none that can be believed.
    """

    guid: str = ""
    link: str = ""
    title: str = ""
    lead: str = ""
    body: str = ""
    author: str = ""
    image: str = ""
    categories: tuple[str, ...] = ()
    published: int | None = None
    updated: int | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """A story of the newsroom, under one id however often its guid or link changed.

    `sections` is a bitmask (see `Section`); 0 means that nobody has sorted it yet. `fingerprint` is the hash
    of what a reader would see; when it changes the article was edited. `id` 0 means not stored yet.
    """

    id: int
    feed_id: int
    title: str
    lead: str
    link: str
    language: str
    sections: int
    seen_at: int
    published_at: int | None = None
    body: str = ""
    author: str = ""
    image: str = ""
    fingerprint: str = ""
    edits: int = 0
    edited_at: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the newsroom; `bit` is its place in every bitmask and is never given to another one. What stands in
    a section of `kind` partner or politics is labelled, and never breaking news."""

    id: str
    bit: int
    names: dict[str, str] = field(default_factory=dict)
    match: tuple[str, ...] = ()
    kind: str = "news"

    @property
    def mask(self) -> int:
        """The bitmask with this section only."""
        return 1 << self.bit

    @property
    def regional(self) -> bool:
        """Whether readers may narrow it to regions of theirs."""
        return self.id == "regions"

    def name(self, language: str) -> str:
        """The section's name in that language, else in the first language it has, else its id."""
        return self.names.get(language) or next(iter(self.names.values()), self.id)
