"""What is being sent, in memory: open broadcasts, their blocks, a job per reader, and who has to wait."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field

from bot.delivery.audience import concerns
from bot.delivery.pacing import Purse
from bot.delivery.renderings import Address
from bot.domain.delivery import BLOCK_BITS, Audience, Broadcast, Copy, Kind, Lane
from bot.domain.post import Post
from bot.domain.recipient import Recipient

Pairs = Collection[tuple[int, int]]
"""Of reader and post."""


@dataclass(slots=True)
class Block:
    """A leased block: how far it has been read, and how many of its readers are not settled."""

    number: int
    fresh: bool
    after: int = 0
    outstanding: int = 0
    exhausted: bool = False


@dataclass(slots=True)
class Run:
    """An open broadcast in memory. `began` is its start on the monotonic clock; `unsettled` counts sends whose
    receipt is not written yet; `again` are readers who had to wait and are here once more; a `closing` run (paused,
    stopped) hands out nobody any more, and nobody of a run and behind it in its lane is handed out before its
    `held_until` (monotonic). `purse` is there for a send that may be paid for.

    Of a correction `posts` are those of the broadcast that it follows, and `look_at` (monotonic) is when its target is
    asked again whether it has sent more of the old. `listing`: what it sends or changes are readers' lists; `words` are
    the posts that hold words of anybody's."""

    broadcast: Broadcast
    carried: Sequence[int]
    began: float
    posts: Sequence[Post] = ()
    audiences: Sequence[Audience] = ()
    listing: bool = False
    words: frozenset[int] = frozenset()
    reading: list[Block] = field(default_factory=list)
    leased: set[int] = field(default_factory=set)
    again: set[int] = field(default_factory=set)
    all_taken: bool = False
    closing: bool = False
    unsettled: int = 0
    held_until: float = 0.0
    look_at: float = 0.0
    patience: float = 1.0
    purse: Purse | None = None

    @property
    def blocks(self) -> set[int]:
        """The blocks whose readers are here."""
        return {n % self.broadcast.blocks for n in self.leased} | {reader_id >> BLOCK_BITS for reader_id in self.again}

    @property
    def regular(self) -> bool:
        """Whether it sends posts that readers may have less of."""
        return self.broadcast.lane is Lane.REGULAR and self.broadcast.kind is Kind.SEND

    @property
    def asked(self) -> bool:
        """Whether it is the list of one reader who asked for it and waits."""
        return bool(self.listing and self.broadcast.audience.only)

    def choose(self, reader: Recipient, had: Container[int], follows: Pairs, hides: Pairs) -> tuple[int, ...] | None:
        """Which of its posts concern this reader, who `had` some of them before; None for all, as a channel gets."""
        if not self.audiences:
            return () if self.carried[0] in had else None
        return tuple(
            post.id
            for post, audience in zip(self.posts, self.audiences, strict=True)
            if post.id not in had
            and concerns(audience, reader, follows=(reader.id, post.id) in follows, hides=(reader.id, post.id) in hides)
        )

    def posts_of(self, copy: Copy) -> Sequence[Post]:
        """What a copy carries, in the versions of now."""
        return [post for post in self.posts if post.id in (copy.carried or self.broadcast.posts)]


@dataclass(slots=True)
class Job:
    """One reader of one broadcast. `block` is None for a reader who had to wait; `copy`: what a correction changes;
    `posts`: which of its run's posts (None: all); `upto`: the number of the last send that its list knows, `rest`:
    whether it has to be looked for more; `reply`: the reader's message to reply to. `paid` goes by paid broadcast,
    `refused` is why Telegram would not have it so: then it goes free. `silent` makes no sound. `noted`: it stands in
    the ledger. `read_at` (monotonic) is when the reader was.
    """

    run: Run
    reader: Recipient
    block: Block | None
    attempts: int = 0
    copy: Copy | None = None
    posts: tuple[int, ...] | None = None
    upto: int = 0
    rest: bool = False
    reply: int = 0
    paid: bool = False
    refused: str = ""
    silent: bool = False
    noted: bool = False
    read_at: float = math.inf

    @property
    def contents(self) -> Sequence[Post]:
        """The posts that it brings, in the versions of now."""
        posts = self.run.posts
        return posts if self.posts is None else [post for post in posts if post.id in self.posts]

    @property
    def address(self) -> Address:
        """Where it goes, and how."""
        return Address(self.reader.chat_id, self.reader.thread_id, self.silent, self.reply, self.paid)


class Owed:
    """Sends that wait, by lane and chat, so that no later broadcast overtakes them. Due times in epoch seconds."""

    def __init__(self) -> None:
        self._chats: dict[tuple[Lane, int], dict[int, int]] = {}
        self._blocks: dict[int, set[tuple[Lane, int]]] = {}

    def add(self, lane: Lane, chat_id: int, broadcast_id: int, due_at: int, block: int) -> None:
        """A send to a reader of that block waits until `due_at`."""
        self._chats.setdefault((lane, chat_id), {})[broadcast_id] = due_at
        self._blocks.setdefault(block, set()).add((lane, chat_id))

    def forget(self, block: int) -> None:
        """The block is another worker's: what waits there is written down."""
        for key in self._blocks.pop(block, ()):
            self._chats.pop(key, None)

    def done(self, lane: Lane, chat_id: int, broadcast_id: int) -> None:
        """A send waits no more."""
        if waiting := self._chats.get((lane, chat_id)):
            waiting.pop(broadcast_id, None)
            if not waiting:
                del self._chats[lane, chat_id]

    def before(self, lane: Lane, chat_id: int, broadcast_id: int) -> int | None:
        """When the latest of the earlier sends is due; None when none waits."""
        waiting = self._chats.get((lane, chat_id))
        return max((due for id_, due in waiting.items() if id_ < broadcast_id), default=None) if waiting else None

    def keep(self, open_: Container[int]) -> None:
        """Forget broadcasts that have ended."""
        for key, waiting in list(self._chats.items()):
            left = {id_: due for id_, due in waiting.items() if id_ in open_}
            if left:
                self._chats[key] = left
            else:
                del self._chats[key]
        for block, keys in list(self._blocks.items()):
            keys &= self._chats.keys()
            if not keys:
                del self._blocks[block]
