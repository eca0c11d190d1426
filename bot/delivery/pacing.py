"""How fast: one budget for the token, one per chat, and holds after a 429. Pure: time comes in as a value.

A token bucket lets a full bucket out at once and then the rate on top (59 messages within a second at 30/s,
measured with two common limiters); the generic cell rate algorithm spaces messages instead and needs one
number of state. Bot API documentation: about 30 messages a second overall, 1 a second per chat, 20 a minute
per group; edits count like sends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container
from typing import NamedTuple

from bot.domain.delivery import Lane

PRIVATE_INTERVAL, PRIVATE_BURST = 1.05, 3  # of 1.0 and 3.0: what arrives is not as evenly spaced as what is sent
GROUP_INTERVAL, GROUP_BURST = 3.1, 1
_LATE_SECONDS = 0.005  # more would let 31 through within a second at 29, with the network's own jitter
_LOST_SECONDS = 0.02  # a place that is later is lost: a second holds 2 % more at most
_MOST_PLACES, _PLACES_SECONDS, _ASK_SECONDS = 10, 0.01, 0.005
_LONGEST_HOLD = 60.0
_SLOWER, _CREEP_SECONDS, _CREEP = 0.95, 10.0, 1.01
_LOWEST_SHARE = 0.25
_SWEEP = 4096
_TURN = 20
_SHARES = {Lane.DIGEST: 7, Lane.EDITS: 2, Lane.PROMO: 1}  # of a turn, for each message that goes


class Pacer:
    """The token's budget. Times are seconds of a monotonic clock; rates are messages a second.

    Of a `shared` budget it has the places that were `granted`: `ask` is called while they are `low`.
    """

    def __init__(self, rate: float, *, shared: bool = False) -> None:
        self.allowed = rate
        self.rate = rate
        self.held_until = 0.0
        self.batch = max(1, min(_MOST_PLACES, int(rate * _PLACES_SECONDS)))
        self.ask: Callable[[], None] = lambda: None
        self._places: deque[float] | None = deque() if shared else None
        self._owing = 0
        self._next = 0.0
        self._crept = 0.0
        self._chats: dict[int, float] = {}
        self._sweep_at = _SWEEP

    def delay(self, now: float) -> float:
        """Seconds until the next bulk message may go, 0.0 for at once. Replies do not ask here."""
        if self._places is None:
            self._creep(now)
            return max(0.0, self._next - now, self.held_until - now)
        while self._places and self._places[0] < now - _LOST_SECONDS:
            self._places.popleft()
        if self.low:
            self.ask()
        place = self._places[0] if self._places else now + _ASK_SECONDS
        return max(0.0, place - now, self.held_until - now)

    @property
    def low(self) -> bool:
        """Whether more places of a shared budget are wanted."""
        return self._places is not None and len(self._places) < self.batch

    def granted(self, start: float, rate: float) -> None:
        """A batch of places from `start` on, at the rate of all processes."""
        assert self._places is not None
        self.rate = rate
        self._places.extend(start + n / rate for n in range(self._owing, self.batch))
        self._owing = max(0, self._owing - self.batch)

    def take(self, now: float) -> None:
        """Use one message of the budget now. A late wake-up is made good, up to 5 ms."""
        if self._places is not None:
            if self._places:
                self._places.popleft()
            else:
                self._owing += 1
            return
        self._next = max(self._next, now - _LATE_SECONDS) + 1 / self.rate

    def reserve(self, now: float) -> float:
        """Use one message for a reply; the seconds it has to wait. A bulk hold does not concern replies."""
        wait = max(0.0, self._next - now)
        self.take(now)
        return wait

    def enter_chat(self, chat_id: int, now: float) -> float:
        """Take the chat's place now and return 0.0, or return the moment from when it can be asked for again.

        Nothing is booked ahead: whoever asks first at that moment goes, so breaking news is before what waited longer.
        """
        place = self._place(chat_id, now)
        if place > now:
            return place
        self._chats[chat_id] = place
        if len(self._chats) > self._sweep_at:
            self._sweep(now)
        return 0.0

    def answer_chat(self, chat_id: int, now: float) -> float:
        """Take the chat's next place for a reply; the seconds until then. Bulk sending keeps its distance from it."""
        place = self._chats[chat_id] = self._place(chat_id, now)
        return max(0.0, place - now)

    def _place(self, chat_id: int, now: float) -> float:
        interval, burst = _chat_pace(chat_id)
        rested = now - interval * burst
        return max(self._chats.get(chat_id, rested), rested) + interval

    def hold_chat(self, chat_id: int, seconds: float, now: float) -> None:
        """After a 429 of this chat: its next place is not before that."""
        self._chats[chat_id] = max(self._chats.get(chat_id, 0.0), now + seconds)

    def hold_bulk(self, seconds: float, now: float, *, slower: bool) -> float:
        """Pause bulk sending; the seconds it is paused. `slower` lowers the rate once per pause.

        One chat can be told to wait for hours: after at most a minute a single message tries again.
        """
        if slower and now >= self.held_until:
            self.rate = max(self.allowed * _LOWEST_SHARE, self.rate * _SLOWER)
            self._crept = now
        pause = min(seconds, _LONGEST_HOLD)
        self.held_until = max(self.held_until, now + pause)
        return pause

    def _creep(self, now: float) -> None:
        if self.rate < self.allowed and now - self._crept >= _CREEP_SECONDS:
            self.rate = min(self.allowed, self.rate * _CREEP)
            self._crept = now

    def _sweep(self, now: float) -> None:
        """Forget chats that have their whole burst back, so that memory does not grow with the readers."""
        self._chats = {chat: taken for chat, taken in self._chats.items() if taken > now - _chat_pace(chat)[0] * 3}
        self._sweep_at = max(_SWEEP, 2 * len(self._chats))


class Purse:
    """What one broadcast may pay for, in messages. What is under way is taken out first: nothing goes above it."""

    def __init__(self, messages: int) -> None:
        self.left = messages
        self.ended = ""
        self._unwritten = 0, ""
        self._paused = False

    @property
    def open(self) -> bool:
        """Whether the next message may be paid for."""
        return self.left > 0 and not self.ended

    def take(self) -> None:
        """A message goes and will be paid for when Telegram takes it."""
        self.left -= 1

    def settle(self, *, taken: bool) -> None:
        """What became of it: `taken` also when the answer was lost, so that the sum is what it costs at most."""
        if taken:
            self._unwritten = self._unwritten[0] + 1, self._unwritten[1]
        else:
            self.left += 1

    def end(self, why: str) -> None:
        """Nothing of this broadcast is paid for any more; the first reason stays."""
        if not self.ended:
            self.ended = why
            self._unwritten = self._unwritten[0], why

    def pause(self, why: str) -> None:
        """A 429 in spite of paying, once per pause. One can be chance; after two paying lifts no limit for this bot."""
        if self._paused:
            self.end(why)
        self._paused = True

    def unwritten(self) -> tuple[int, str]:
        """Messages paid for, and why it ended, since this was asked last."""
        news, self._unwritten = self._unwritten, (0, "")
        return news


class Paying(NamedTuple):
    """Paid broadcast: its budget, beside the free one, and how many messages a broadcast may pay for."""

    pacer: Pacer
    messages: int


class Shares:
    """Whose turn it is. Breaking goes first; then digests have a third while they are due, automatic edits a tenth
    and no more while posts or digests are due, partner posts a twentieth. What a lane leaves unused is lent, to the
    first in the order of `Lane`.

    A lane earns its share with each message that goes while it is due, and has a turn for each whole one. More than
    two turns are not saved up.
    """

    def __init__(self) -> None:
        self._earned = dict.fromkeys(_SHARES, 0)

    def turn(self, due: Container[Lane]) -> Lane | None:
        """The lane that sends next among those that have something to send; None when none has."""
        for lane in (Lane.REPLY, Lane.CHANNEL, Lane.BREAKING):
            if lane in due:
                return lane
        earned, first = self._earned, None
        for lane, share in _SHARES.items():
            if lane in due:
                earned[lane] = min(2 * _TURN, earned[lane] + share)
                if earned[lane] >= _TURN and (first is None or earned[lane] > earned[first]):
                    first = lane
        if first is not None:
            earned[first] -= _TURN
            return first
        return next((lane for lane in Lane if lane in due), None)


def _chat_pace(chat_id: int) -> tuple[float, int]:
    return (PRIVATE_INTERVAL, PRIVATE_BURST) if chat_id > 0 else (GROUP_INTERVAL, GROUP_BURST)


def concurrency(rate: float, p95: float, *, most: int = 256) -> int:
    """How many sends may be under way: the rate times the p95 round trip (seconds), half as much again."""
    return max(4, min(most, round(rate * p95 * 1.5)))
