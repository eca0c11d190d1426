"""Editors, their drafts, and the cards by which the desk sees what goes on."""

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
    """compose: its words, or the decision what becomes of them, are awaited; draft: whole, shown to its author; review:
    a second person is asked; approved: goes out as soon as it is due; sent: became a broadcast, whose state goes on
    from here; dropped: given up.
    """

    COMPOSE = "compose"
    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    SENT = "sent"
    DROPPED = "dropped"


class Way(StrEnum):
    """How a draft goes out: not decided, to everybody who wants breaking news, to the readers of its sections, as a
    partner's post (to those who have had none that day), or to whoever has the post that it corrects."""

    OPEN = ""
    BREAKING = "breaking"
    REGULAR = "regular"
    PROMO = "promo"
    FIX = "fix"


class Gravity(StrEnum):
    """How grave a mistake is. update: there is none, but news; typo: a silent edit; fact: an edit with a visible line;
    serious: that, and a message to whoever has the wrong one; withdrawal: the post is taken back."""

    UPDATE = "update"
    TYPO = "typo"
    FACT = "fact"
    SERIOUS = "serious"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class Content:
    """What a draft says and to whom. `texts` are by language; `language` is that of the text which was written first.

    `media` are (kind, Telegram's file_id); of an `album` (Telegram's id for it) more may come. A draft made from an
    article of ours has its `link`, `image` and `article_id`. `missing` says what readers get in whose language there is
    no text: "default" another language's, "skip" nothing, "" the newsroom's setting.
    A correction is of the post `fixes` in the version `base`; `texts` are its new words, or a withdrawal's reasons, and
    readers are told what was wrong unless it is to go `unquoted`. What goes on with the post `updates` replies to it.
    A partner's post carries the `label` that the law wants (`posts.compose.LABELS`).
    """

    way: Way = Way.OPEN
    language: str = ""
    texts: dict[str, RichText] = field(default_factory=dict)
    media: tuple[tuple[str, str], ...] = ()
    album: str = ""
    link: str = ""
    image: str = ""
    article_id: int | None = None
    sections: int = 0
    main: bool = False
    silent: bool = False
    missing: str = ""
    fixes: int = 0
    base: int = 0
    gravity: str = ""
    unquoted: bool = False
    updates: int = 0
    label: str = ""

    @property
    def text(self) -> RichText:
        """What was written first."""
        return self.texts.get(self.language) or RichText()


@dataclass(frozen=True, slots=True)
class Draft:
    """An editor's work until it is sent and after. Its messages come from and its card (`card_id`) stands in
    `chat_id`, `thread_id`. `rev` rises with each change: who acts on an older one comes too late.

    It goes out at `due_at` (None: when told to) and never before `embargo_at`. In review it waits until `review_until`.
    `sent_by` let it go; `solo`: without the second person that the rules ask for, until somebody has looked at it
    (`viewed_by`). Author 0 is the newsroom's own system.
    """

    id: int
    author_id: int
    chat_id: int
    state: DraftState
    content: Content
    created_at: int
    thread_id: int = 0
    card_id: int = 0
    rev: int = 0
    touched_at: int = 0
    due_at: int | None = None
    embargo_at: int | None = None
    review_until: int | None = None
    broadcast_id: int | None = None
    sent_by: int = 0
    solo: bool = False
    viewed_by: int | None = None

    def leaves_at(self, now: int) -> int:
        """When it may go out at the earliest."""
        return max(now, self.due_at or 0, self.embargo_at or 0)


@dataclass(frozen=True, slots=True)
class Card:
    """A message at the desk that tells how a thing stands. `message_id` 0 while it is being posted; `said` stands for
    what it says.
    """

    kind: str
    subject: int
    chat_id: int
    message_id: int
    said: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """What the next message of an editor in a chat is the answer to."""

    what: str
    subject: int


@dataclass(frozen=True, slots=True)
class Editor:
    """A person with rights at the desk; `name` is what the desk shows, nothing else is kept."""

    user_id: int
    role: Role
    name: str
    added_at: int
    added_by: int


@dataclass(frozen=True, slots=True)
class Erratum:
    """A correction or withdrawal that `author_id` has sent. Readers were told what was `wrong`, or the `reason`, by
    language; `broadcasts` bring it to the copies. Id 0: it is not stored yet.
    """

    id: int
    draft_id: int
    post_id: int
    gravity: Gravity
    author_id: int
    wrong: dict[str, str] = field(default_factory=dict)
    reason: dict[str, str] = field(default_factory=dict)
    broadcasts: tuple[int, ...] = ()
    sent_at: int = 0
