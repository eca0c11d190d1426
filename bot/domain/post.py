"""A post: what goes out, apart from who gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class RichText:
    """Text with Telegram's message entities (offsets and lengths in UTF-16 units, as the Bot API counts)."""

    text: str = ""
    entities: tuple[dict[str, Any], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text)


class PostKind(StrEnum):
    """Where a post comes from: a feed, or an editor who wrote it as breaking news, for a section or for a
    partner. `correction`: the message that tells the readers of another one what was wrong in it.
    """

    ARTICLE = "article"
    BREAKING = "breaking"
    WRITTEN = "written"
    PROMO = "promo"
    CORRECTION = "correction"


class PostState(StrEnum):
    """stored: known, never sent (first poll, old); unsorted: no section yet; held: the desk decides, or a moment is
    waited for; waiting: not yet in a broadcast; published: carried by one; withdrawn: taken back."""

    STORED = "stored"
    UNSORTED = "unsorted"
    HELD = "held"
    WAITING = "waiting"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Target(StrEnum):
    """Kinds of target with renderings of their own."""

    PRIVATE = "private"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Note:
    """A visible correction: when (epoch seconds), and what was wrong in the text of each language that it concerns, ""
    where nothing is quoted. An article has one text, under "".
    """

    at: int
    wrong: dict[str, str]


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent, in a version that rises with each correction.

    An article's post carries the story's fields; an editor's carries `texts` by language. `language` is the
    story's own; with `everybody` readers of all languages get it. `main` is the desk's star. `media` is a Telegram
    file_id or an URL, "" for none, with `media_kind` photo, video or document; of kind "copy" it is a message that can
    only be copied, as chat/id. An `album` has several, (kind, file_id).
    `label` names what the law wants said of paid material, `silent` posts come without a sound. `notes` are its visible
    corrections, oldest first; it says that it is `updating` once news was put into it. It goes on with the post
    `reply_to` in the story whose first post is `story_id`, 0 for none. `withdrawn` for the `reason` that its readers
    are told, by language.
    """

    id: int
    kind: PostKind
    version: int
    sections: int
    created_at: int
    article_id: int | None = None
    language: str = ""
    everybody: bool = False
    main: bool = False
    title: str = ""
    lead: str = ""
    link: str = ""
    image: str = ""
    published_at: int | None = None
    texts: dict[str, RichText] = field(default_factory=dict)
    media: str = ""
    media_kind: str = ""
    album: tuple[tuple[str, str], ...] = ()
    label: str = ""
    silent: bool = False
    notes: tuple[Note, ...] = ()
    updating: bool = False
    reply_to: int = 0
    story_id: int = 0
    reason: dict[str, str] = field(default_factory=dict)
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Rendering:
    """A Bot API call without its recipient: preview, channel copy and fan-out are these same bytes."""

    method: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture at an address: Telegram's `file_id`, "" while there is none; when and why it could
    not be had (`failed_at` in epoch seconds).
    """

    url: str
    file_id: str = ""
    failed_at: int | None = None
    reason: str = ""

    def given_up(self, now: int) -> bool:
        """Whether it failed so lately (an hour) that there is no use in trying again."""
        return self.failed_at is not None and now - self.failed_at < 3600
