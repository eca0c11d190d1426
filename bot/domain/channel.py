"""The newsroom's own channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.domain.post import RichText
from bot.domain.reader import ReaderState

RIGHTS = ("can_post_messages", "can_edit_messages", "can_delete_messages")
"""What the bot needs to be allowed in a channel: to post, to edit and pin, to delete. The names are Telegram's."""
EVERYTHING = (1 << 62) - 1
"""The sections of a channel that gets all of them, later ones too."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a channel is kept. Times are in seconds.

    `language` "" leaves each story its own. With `source` what editors post there by hand is news for readers. Between
    two posts lies a `gap`; beyond `per_hour` of them in an hour the rest comes as one list. `rates`: a pinned line of
    exchange rates. `posts` are the keys of [posts] that differ here.
    """

    language: str = ""
    source: bool = False
    pin_breaking: int = 6 * 3600
    pin_silent: bool = True
    gap: int = 60
    per_hour: int = 20
    rates: bool = False
    posts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel is a reader with a manner of its own. `listed`: as the file names it, "" when it was added in a chat.

    `rights` are those of `RIGHTS` that the bot has, None while nobody has looked. `pinned_id` is the breaking post that
    is pinned, `rates_id` the message with exchange rates, which says `rates_text`; 0 for none.
    """

    reader_id: int
    chat_id: int
    title: str
    username: str
    state: ReaderState
    sections: int
    manner: Manner
    listed: str = ""
    rights: tuple[str, ...] | None = None
    pinned_id: int = 0
    rates_id: int = 0
    rates_text: str = ""

    @property
    def source(self) -> str:
        """By which code readers who come from here are known."""
        return self.username or f"c{self.reader_id}"


@dataclass(frozen=True, slots=True)
class Hand:
    """A message that an editor has posted in a channel by hand. `album` is Telegram's id of the album it belongs to, ""
    for none; `kind` and `file` are its photo, video or document, and of kind "copy" is what can only be copied.
    `post_id` is the post made of it.
    """

    channel_id: int
    message_id: int
    said: RichText
    album: str = ""
    kind: str = ""
    file: str = ""
    post_id: int | None = None
