"""Editors and their drafts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from bot.domain.post import RichText


class Role(IntEnum):
    """Rights, each containing the lower ones."""

    READER = 0
    EDITOR = 1
    OWNER = 2


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the desk should know. `subject` is what it is about (`feed:7`, `channel:-100…`), `cause` a stable word, and
    `detail` the values of its sentence (plain ones: they are stored as JSON).
    """

    subject: str
    cause: str
    detail: dict[str, Any] = field(default_factory=dict)


class DraftState(StrEnum):
    """compose: the text is awaited; preview: shown to its author; sent: became a broadcast; dropped: given up."""

    COMPOSE = "compose"
    PREVIEW = "preview"
    SENT = "sent"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Draft:
    """An editor's unsent text. `chat_id` is where it is written, `card_id` the message with its buttons."""

    id: int
    author_id: int
    chat_id: int
    state: DraftState
    language: str
    text: RichText
    created_at: int
    card_id: int = 0
    media: str = ""
    media_kind: str = ""
    broadcast_id: int | None = None


@dataclass(frozen=True, slots=True)
class Editor:
    """A person with rights at the desk; `name` is what the desk shows, nothing else is kept."""

    user_id: int
    role: Role
    name: str
    added_at: int
    added_by: int


class Gravity(StrEnum):
    """How grave a mistake is. typo: a silent edit; fact: an edit with a visible line; serious: that, and a message to
    whoever has the wrong one; withdrawal: the post is taken back."""

    TYPO = "typo"
    FACT = "fact"
    SERIOUS = "serious"
    WITHDRAWAL = "withdrawal"


class ErratumState(StrEnum):
    """compose: the words are awaited; preview: shown to its author; sent: on its way or done; dropped: given up."""

    COMPOSE = "compose"
    PREVIEW = "preview"
    SENT = "sent"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Erratum:
    """A correction of a post or its withdrawal, made for the `version` that its author has read.

    `texts` are the new words by language, or the reasons; with `quote` readers are told what was wrong. `wrong` is
    that, by language, once it is sent. `broadcasts` bring it to the copies.
    """

    id: int
    post_id: int
    version: int
    gravity: Gravity
    state: ErratumState
    author_id: int
    chat_id: int
    created_at: int
    card_id: int = 0
    texts: dict[str, RichText] = field(default_factory=dict)
    quote: bool = True
    wrong: dict[str, str] = field(default_factory=dict)
    broadcasts: tuple[int, ...] = ()
    sent_at: int | None = None
