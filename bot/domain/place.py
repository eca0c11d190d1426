"""A group or channel that the bot was brought into."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.reader import ReaderKind


@dataclass(frozen=True, slots=True)
class Place:
    """A chat of many. What goes there is the choice of its readers: the chat itself and, in a forum, its topics.

    `kind` is group or channel; `by_topic`: each section has a topic of its own.
    """

    chat_id: int
    kind: ReaderKind
    title: str
    username: str = ""
    is_forum: bool = False
    by_topic: bool = False
