"""Editors and their drafts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bot.domain.post import RichText


class Role(IntEnum):
    """Rights, each containing the lower ones."""

    READER = 0
    EDITOR = 1
    OWNER = 2


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
