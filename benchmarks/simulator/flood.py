"""Ways of sending against the stand-in's flood rule: every call an event, on simulated time.

A backlog of messages to as many chats is there at once. A call takes 80±20 ms and reaches Telegram in the middle of
it. What is measured is the pace that lasts and the 429s; a message that was refused is tried again without end.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.delivery.pacing import Pacer, concurrency
from bot.sandbox.flood import FloodRule
from bot.sandbox.model import ApiError

Answer = Callable[[float, int, float], None]  # when, which message, seconds of patience (0.0: it is sent)
HORIZON = 12 * 3600.0


@dataclass
class Telegram:
    """The far side: a clock of events, calls under way, and when messages got through."""

    rule: FloodRule
    rng: random.Random
    sent: list[float] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, when: float, then: Callable[[float], None]) -> None:
        """Do that at that time."""
        heapq.heappush(self._events, (when, next(self._order), then))

    def call(self, now: float, message: int, answer: Answer) -> None:
        """Send a message to a chat of its own."""
        half = self.rng.uniform(0.06, 0.1) / 2

        def arrive(when: float) -> None:
            patience = 0.0
            try:
                self.rule.admit(message + 1, when)
                self.sent.append(when)
            except ApiError as error:
                patience = float((error.parameters or {})["retry_after"])
            self.at(when + half, lambda later: answer(later, message, patience))

        self.at(now + half, arrive)

    def run(self) -> None:
        """Until nothing is under way, or half a day has passed."""
        while self._events and self._events[0][0] < HORIZON:
            when, _, then = heapq.heappop(self._events)
            then(when)


def sleep_loop(telegram: Telegram, rate: float, backlog: int) -> None:
    """A call, its answer, a sleep of 1/rate, the next call. A 429 is slept out."""

    def answer(now: float, message: int, patience: float) -> None:
        if patience:
            telegram.at(now + patience, lambda later: telegram.call(later, message, answer))
        elif message + 1 < backlog:
            telegram.at(now + 1 / rate, lambda later: telegram.call(later, message + 1, answer))

    telegram.call(0.0, 0, answer)


class LeakyBucket:
    """aiolimiter's rule: as many as `rate` at once, then one whenever so much has leaked out."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._empty_at = 0.0

    def acquire(self, now: float) -> float:
        """When whoever asks now gets its place; askers are served in their order."""
        self._empty_at = max(self._empty_at, now) + 1 / self._rate
        return max(now, self._empty_at - 1.0)


def gather_bucket(telegram: Telegram, rate: float, backlog: int) -> None:
    """A task per message, each waiting for the bucket; one that meets a 429 sleeps it out, the others go on."""
    bucket = LeakyBucket(rate)

    def ask(now: float, message: int) -> None:
        telegram.at(bucket.acquire(now), lambda later: telegram.call(later, message, answer))

    def answer(now: float, message: int, patience: float) -> None:
        if patience:
            telegram.at(now + patience, lambda later: ask(later, message))

    for message in range(backlog):
        ask(0.0, message)


def ptb_limiter(telegram: Telegram, rate: float, backlog: int) -> None:
    """The same with a gate behind the bucket: a 429 shuts it for that long and a tenth more, and the end of any
    request, its own or another's, opens it again."""
    bucket, gate, parked = LeakyBucket(rate), [True], deque[int]()

    def ask(now: float, message: int) -> None:
        telegram.at(bucket.acquire(now), lambda later: enter(later, message))

    def enter(now: float, message: int) -> None:
        if gate[0]:
            telegram.call(now, message, answer)
        else:
            parked.append(message)

    def open_gate(now: float) -> None:
        gate[0] = True
        while parked:
            telegram.call(now, parked.popleft(), answer)

    def answer(now: float, message: int, patience: float) -> None:
        if not patience:
            open_gate(now)
            return
        gate[0] = False

        def again(later: float) -> None:
            open_gate(later)
            ask(later, message)

        telegram.at(now + patience + 0.1, again)

    for message in range(backlog):
        ask(0.0, message)


def own_pacer(telegram: Telegram, rate: float, backlog: int) -> None:
    """The product's `Pacer`, with as many calls under way as `concurrency` allows; a 429 holds all of them."""
    pacer, limit = Pacer(rate), concurrency(rate, 0.1)
    left, under_way, turn_set = deque(range(backlog)), [0], [False]

    def look(now: float) -> None:
        if left and under_way[0] < limit and not turn_set[0]:
            turn_set[0] = True
            telegram.at(now + pacer.delay(now), turn)

    def turn(now: float) -> None:
        turn_set[0] = False
        if pacer.delay(now) == 0.0:
            pacer.take(now)
            under_way[0] += 1
            telegram.call(now, left.popleft(), answer)
        look(now)

    def answer(now: float, message: int, patience: float) -> None:
        under_way[0] -= 1
        if patience:
            left.appendleft(message)
            pacer.hold_bulk(patience, now, slower=True)
        look(now)

    look(0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a way of sending makes of a backlog: messages a second in the long run, their `share` of what Telegram
    allows; 429s at each start after a rest and for each message. `stuck`: it never came out of the pauses again."""

    rate: float
    share: float
    refused_at_start: float
    refused: float
    stuck: bool = False


Way = Callable[[Telegram, float, int], None]


def measure(way: Way, rate: float, allowed: int, backlog: int, *, penalty: float, seed: int) -> Pace:
    """Let one way send its backlog, and one twice as long, against `allowed` messages in any second."""
    short, long = (
        _send(way, rate, allowed, backlog, penalty, seed),
        _send(way, rate, allowed, 2 * backlog, penalty, seed),
    )
    if len(short.sent) < backlog:
        return Pace(0.0, 0.0, 0.0, 0.0, stuck=True)
    pace = backlog / (long.sent[-1] - short.sent[-1])
    each = (long.rule.refused - short.rule.refused) / backlog
    return Pace(pace, pace / allowed, max(0.0, short.rule.refused - each * backlog), each)


def _send(way: Way, rate: float, allowed: int, backlog: int, penalty: float, seed: int) -> Telegram:
    telegram = Telegram(FloodRule(overall=allowed, penalty=penalty), random.Random(seed))
    way(telegram, rate, backlog)
    telegram.run()
    return telegram
