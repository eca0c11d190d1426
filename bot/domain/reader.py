"""A reader: any chat that subscribed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReaderState(StrEnum):
    """new: has not said yes yet; active: gets news; paused: gets nothing until a day of its own choice;
    dormant: unreachable, choices kept; left: unsubscribed."""

    NEW = "new"
    ACTIVE = "active"
    PAUSED = "paused"
    DORMANT = "dormant"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Reader:
    """A person, group or forum topic (chat id, thread id) with its choices. `sections` is a bitmask.

    `language` is the language of the interface. `consent_at` is when the reader said yes. `muted` are sections that say
    nothing for a while, though they stay chosen.
    """

    id: int
    chat_id: int
    language: str
    state: ReaderState
    sections: int
    breaking: bool
    joined_at: int
    thread_id: int = 0
    consent_at: int | None = None
    source: str = ""
    muted: int = 0
    paused_until: int | None = None
