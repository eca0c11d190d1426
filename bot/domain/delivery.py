"""Broadcasts, receipts and everything Telegram can answer to a send."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Lane(IntEnum):
    """What a message is sent for; stored. Replies go before breaking news and the desk's corrections, these before
    all else; the rest share by weight (`pacing.Shares`). `EDITS` are automatic ones, of a feed's own changes. What goes
    to a channel is a message for thousands: it goes before everything that goes to one reader. `PROMO` is what a
    partner pays for: no lost answer repeats it, and no list carries it."""

    REPLY = 0
    BREAKING = 1
    REGULAR = 2
    DIGEST = 3
    EDITS = 4
    PROMO = 5
    CHANNEL = 6


class Kind(StrEnum):
    """What a broadcast does: sends, or follows up what an earlier one has sent."""

    SEND = "send"
    EDIT = "edit"
    DELETE = "delete"


class BroadcastState(StrEnum):
    """The life of a broadcast. `countdown` may still be called off; `stopped` keeps its receipts."""

    COUNTDOWN = "countdown"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets a broadcast: a rule over readers, never a list of them.

    `sections` is a bitmask that a reader's choice must touch, 0 for no such demand; `besides` are sections
    whose readers have been served by an earlier broadcast; `breaking` asks for readers who have breaking news
    on; `languages` are the readers' languages that fit, empty for all. `language` is the story's own, for readers who
    chose theirs ("" when they are of several). `main` stories go to those too who want no others, to these alone with
    `stars`. Whoever chose regions gets the story of the section `regional` (a mask) only from one of `regions`.
    With `only` it is that one reader: a channel, or (with `due`) who asked for a list; without, channels are not meant.
    `holders` is a post of which a reader must have got a copy before `until` (epoch seconds), 0 for no such demand.
    Readers who follow a word in one of the posts `followed` belong to it whatever their sections, those who hide one in
    the post `hidden` do not. `due` (epoch seconds) asks for nothing but a list that is due by then.
    `promo` is a partner post's day: for people who want such posts and have got none on that day, 0 for no such post.
    """

    sections: int = 0
    besides: int = 0
    breaking: bool = False
    languages: tuple[str, ...] = ()
    language: str = ""
    main: bool = False
    stars: bool = False
    regional: int = 0
    regions: int = 0
    holders: int = 0
    until: int = 0
    only: int = 0
    followed: tuple[int, ...] = ()
    hidden: int = 0
    due: int = 0
    promo: int = 0


LATE = "late:"
"""How the key of a late list begins."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One send, edit or delete to an audience. Blocks of 1,024 readers are taken from `start_block` on, round.

    Breaking news goes round twice: first to readers who were active in the last week, then to the others.
    `horizon` is the highest reader id that existed when it began; `cursor` counts the blocks taken so far;
    `total` is the audience as counted at the start.
    An edit or delete goes to the holders of copies below `version`: those that broadcast `target_id` has sent, or
    (0) that were shown outside one.
    It replies to the reader's copy of the post `reply_to`, where there is one; 0: it does not reply.
    `serial` is its place in the order in which sends of posts began, 0 before that and for all others.
    `paid` messages were paid for with Stars, and `unpaid` says why no more of them were: `CAP`, or Telegram's reason.
    """

    id: int
    key: str
    lane: Lane
    state: BroadcastState
    audience: Audience
    horizon: int
    start_block: int
    cursor: int
    total: int
    due_at: int
    created_at: int
    started_at: int | None = None
    finished_at: int | None = None
    posts: tuple[int, ...] = field(default=())
    kind: Kind = Kind.SEND
    target_id: int | None = None
    version: int = 0
    paid: int = 0
    unpaid: str = ""
    serial: int = 0
    reply_to: int = 0

    @property
    def blocks(self) -> int:
        """How many blocks the audience spans."""
        return (self.horizon >> BLOCK_BITS) + 1 if self.horizon else 0

    @property
    def turns(self) -> int:
        """How many blocks are taken until it has been everywhere; a block of the second time round is numbered on."""
        if self.audience.only:
            return 1
        return self.blocks * (2 if self.lane is Lane.BREAKING and self.kind is Kind.SEND else 1)

    @property
    def late(self) -> bool:
        """Whether it is the list of what earlier broadcasts could not bring in time."""
        return self.key.startswith(LATE)

    @property
    def again(self) -> bool:
        """Whether readers may have some of it already."""
        return self.late or bool(self.audience.besides) or self.audience.stars

    @property
    def place(self) -> float:
        """Where in the circle of readers its next block is, 0..1."""
        return ((self.start_block + self.cursor) % self.blocks + 0.5) / self.blocks if self.blocks else 0.0

    @property
    def left(self) -> int:
        """About how many readers are still to come, from the blocks not taken yet: counting a million receipts each
        second would cost more than it tells."""
        return self.total * (self.turns - self.cursor) // self.turns if self.turns else 0


ACTIVE_DAYS = 7
"""Whoever did something within so many days is recently active."""

CAP = "cap"
"""The newsroom's own limit ended the paying of a broadcast."""

BLOCK_BITS = 10
"""A block is 1,024 consecutive reader ids: the unit that a sender leases."""


class Copy(NamedTuple):
    """What a reader holds of a post to be corrected: its messages, their version, when they were sent (epoch seconds).

    `carried` are the posts of a round's message; its version is then the sum of theirs, which any correction raises.
    """

    message_ids: tuple[int, ...]
    version: int
    sent_at: int
    carried: tuple[int, ...] = ()


class Receipt(NamedTuple):
    """What became of a broadcast at one reader. `due_at` (epoch seconds) is set while it must be tried again;
    `took_ms` counts from the broadcast's start. `gone`: the reader cannot be reached any more. `amends`: the broadcast
    whose copy has now got `version`, 0 for copies shown outside one.
    """

    broadcast_id: int
    reader_id: int
    result: Result
    took_ms: int
    version: int = 1
    message_id: int | None = None
    carried: tuple[int, ...] = ()
    due_at: int | None = None
    reason: str | None = None
    gone: bool = False
    amends: int | None = None


@dataclass(slots=True)
class Marks:
    """What sends leave on readers: a post that counts for a day's volume (day, reader); a list that is done with (the
    number of the last send it knows, when it was due as the reader was read, reader), and for the rest of which is
    looked later (epoch seconds, when it was due, reader); one that comes later (the same); who was asked what to
    send."""

    counted: list[tuple[int, int]] = field(default_factory=list)
    listed: list[tuple[int, int, int]] = field(default_factory=list)
    rest: list[tuple[int, int, int]] = field(default_factory=list)
    put_off: list[tuple[int, int, int]] = field(default_factory=list)
    asked: list[tuple[int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.counted or self.listed or self.put_off or self.asked)


Delivered = tuple[int, int, int, int, int]
"""What nearly all receipts are, one post sent: broadcast, reader, message id, version, `took_ms`. A plain tuple in the
order of the columns, because there are a million of them a send."""


class Result(IntEnum):
    """What is written in a receipt."""

    SENT = 1
    WAITING = 2
    GONE = 3
    REJECTED = 4
    UNCERTAIN = 5
    SKIPPED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One send that carried a post, and what became of it at one reader: `result` None while there is no receipt,
    which was written `at`; `due_at` is when it is tried again (all in epoch seconds). `together`: in a message with
    others."""

    lane: Lane
    state: BroadcastState
    began: int
    result: Result | None = None
    at: int = 0
    due_at: int | None = None
    reason: str = ""
    together: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has it; the copy can be edited under `message_id`."""

    message_id: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: try again after `seconds`. `scope` says whom to hold: chat, bot (a flood limit) or outage."""

    seconds: float
    scope: str = "chat"


@dataclass(frozen=True, slots=True)
class Gone:
    """The reader cannot be reached (blocked, left, deactivated): dormant, choices kept."""

    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The group became a supergroup: the same reader lives under another chat id."""

    chat_id: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Telegram refuses this content for this chat; repeating it unchanged is useless."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The answer was lost: it may have arrived or not."""

    reason: str


Outcome = Sent | Wait | Gone | Moved | Rejected | Uncertain


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a broadcast is. `total` is the audience as counted at its start; p50 and p95 are seconds from
    the start to a reader, None when nobody has it yet. `refusals`: why it was rejected, and how often. `repeated`: of
    the sent, those whose first answer was lost and who may have it twice. `unreached`: of a correction, copies that may
    be out there under an unknown message id."""

    total: int
    sent: int
    gone: int
    rejected: int
    uncertain: int
    waiting: int
    p50: float | None = None
    p95: float | None = None
    refusals: tuple[tuple[str, int], ...] = ()
    repeated: int = 0
    unreached: int = 0

    @property
    def settled(self) -> int:
        """Readers who need nothing more."""
        return self.sent + self.gone + self.rejected + self.uncertain

    @property
    def left(self) -> int:
        """Readers who are still to come."""
        return max(0, self.total - self.settled)

    @property
    def share(self) -> float:
        """How much is settled, in whole hundredths, rounded down: 1.0 is the end and nothing else."""
        return 100 * self.settled // self.total / 100 if self.total else 1.0

    def seconds_left(self, rate: float) -> float | None:
        """How long the rest takes at `rate` deliveries a second; None when nothing is left or the rate unknown."""
        return self.left / rate if self.left and rate > 0 else None


def pace(deliveries: int, seconds: float) -> float:
    """Deliveries a second over that time; 0.0 while it is too short to tell."""
    return deliveries / seconds if seconds >= 1 else 0.0
