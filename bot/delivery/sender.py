"""Sending: from leased readers to receipts, at the pace that Telegram allows.

    open broadcasts → lanes → workers at the pacer's pace → Telegram → outcome → receipts, written in groups

Kill -9 at any moment loses nothing and repeats at most what was in flight plus one commit group; a graceful
stop repeats nothing. The Bot API knows no idempotency key, so nothing here claims "exactly once".
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from bot.clock import Clock
from bot.delivery.amend import Amender, Deliverer
from bot.delivery.copies import edition
from bot.delivery.lanes import Lanes
from bot.delivery.media import Media
from bot.delivery.outcomes import back_off, unpaid
from bot.delivery.pacing import Pacer, Purse, concurrency
from bot.delivery.renderings import Address, Body, Renderings, place_of
from bot.delivery.runs import Job
from bot.delivery.shared import SharedBudget
from bot.domain.delivery import (
    BLOCK_BITS,
    CAP,
    Copy,
    Delivered,
    Gone,
    Lane,
    Marks,
    Moved,
    Outcome,
    Receipt,
    Rejected,
    Result,
    Sent,
    Uncertain,
    Wait,
)
from bot.domain.errors import StorageError
from bot.domain.post import Post
from storage import Storage

_log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 256
_MOST_UNWRITTEN = 512
_COMMIT_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 2.5
_SHORT_WAIT = 5.0
_PICTURE_SECONDS = 0.5
_TRIES = 50
_SPARE = 4  # workers that only breaking news may use, when slow answers keep all others
_T = TypeVar("_T")


class Sender:
    """Sends what open broadcasts hold; see the module. `sent` counts messages, `most` limits those in flight."""

    def __init__(
        self,
        storage: Storage,
        deliverer: Deliverer,
        pacer: Pacer,
        renderings: Renderings,
        lanes: Lanes,
        clock: Clock,
        *,
        worker: str,
        media: Media | None = None,
        shared: SharedBudget | None = None,
        most: int = MOST_IN_FLIGHT,
        rng: random.Random | None = None,
    ) -> None:
        self._storage = storage
        self._deliverer = deliverer
        self._pacer = pacer
        self._paid = lanes.paying.pacer if lanes.paying else None
        self._renderings = renderings
        self._lanes = lanes
        self._amender = Amender(storage, deliverer, pacer, renderings, clock)
        self._clock = clock
        self._worker = worker
        self._media = media
        self._shared = shared
        self._rng = rng or random.Random()
        self._in_flight = 0
        self._busy_chats: dict[int, list[Job]] = {}
        self._parked: deque[asyncio.Future[None]] = deque()
        self._round_trips: deque[float] = deque([0.1], maxlen=100)
        self._most = most
        self._limit = self._least_of(concurrency(pacer.allowed, 0.1))
        self._settled: list[Job] = []
        self._sends: list[Delivered] = []
        self._receipts: list[Receipt] = []
        self._writing = 0
        self._outages = 0
        self._stopping = False
        self._look = asyncio.Event()
        self._looked_at = -_LOOK_SECONDS
        self._ready = asyncio.Event()
        self._result = asyncio.Event()
        self._quiet = asyncio.Event()
        self.sent = 0

    def wake(self) -> None:
        """Something new is there: look at once instead of within a second."""
        self._looked_at = -_LOOK_SECONDS
        self._look.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, then let what is in flight finish, write its receipts, give leases back."""
        self._lanes.epoch = int(self._clock.now())
        await self._stored(self._restore_holds)
        async with asyncio.TaskGroup() as tasks:
            services = (self._feed(), self._pace(), self._write_results(), *(self._work() for _ in range(self._most)))
            running = [tasks.create_task(service) for service in services]
            try:
                await stop.wait()
                self._stopping = True
                while self._in_flight or self._settled or self._writing:
                    self._quiet.clear()
                    await self._clock.wait(self._quiet, 0.1)
            finally:
                for task in running:
                    task.cancel()
        try:
            await self._storage.deliveries.release(self._worker)
        except StorageError as error:
            _log.warning("leases could not be given back, they run out in %s s: %s", self._lanes.lease, error)

    async def _restore_holds(self) -> None:
        wall, now = self._clock.now(), self._clock.monotonic()
        for chat_id, until in (await self._storage.deliveries.holds(now=int(wall))).items():
            if chat_id:
                self._pacer.hold_chat(chat_id, until - wall, now)
            else:
                self._hold_bulk(until - wall, now)

    async def _feed(self) -> None:
        """Keep the lanes filled when they run low; look for what is new every second and when woken."""
        while not self._stopping:
            self._look.clear()
            try:
                if self._clock.monotonic() - self._looked_at >= _LOOK_SECONDS:
                    self._looked_at = self._clock.monotonic()
                    if self._shared:  # others have met 429s
                        await self._restore_holds()
                    await self._lanes.refresh()
                    self._renderings.dress(await self._storage.channels.all())
                    if self._lanes.listing:
                        self._renderings.quote(await self._storage.rates.newest())
                    if self._clock.monotonic() >= self._pacer.held_until:
                        await self._lanes.take_due()
                while await self._lanes.fill() and not self._stopping:
                    self._ready.set()
            except StorageError as error:
                _log.warning("sending waits for the database: %s", error)
                if self._storage.shared:  # others write first what they have sent, before we take what was theirs
                    await self._clock.sleep(_GRACE_SECONDS)
            self._ready.set()
            if self._lanes.finished or self._lanes.limits.marked:
                self._result.set()
            await self._clock.wait(self._look, _LOOK_SECONDS)

    async def _pace(self) -> None:
        """Wake a parked worker whenever the pacer lets a message go."""
        while True:
            now = self._clock.monotonic()
            due = self._lanes.ready_in(now)
            if due != 0.0 or not self._parked or not self._room():
                self._ready.clear()
                await self._clock.wait(self._ready, min(1.0, due or 1.0))
                continue
            delay = self._delay(now)
            if delay > 0:
                await self._clock.sleep(delay)
                continue
            parked = self._parked.pop()
            if not parked.done():
                parked.set_result(None)
            await self._clock.sleep(0)

    def _delay(self, now: float) -> float:
        """Seconds until a budget lets something go that is here."""
        if self._paid is None or not self._lanes.payable(now):
            return self._pacer.delay(now)
        paid = self._paid.delay(now)
        return min(paid, self._pacer.delay(now)) if self._lanes.others(now) else paid

    def _least_of(self, wanted: int) -> int:
        return min(wanted, max(1, self._most - _SPARE))

    def _room(self) -> bool:
        return (
            not self._stopping
            and self._in_flight < (self._most if self._lanes.urgent else self._limit)
            and len(self._settled) + self._writing < _MOST_UNWRITTEN
        )

    async def _work(self) -> None:
        """One of the workers: a finished one serves itself, an idle one is parked."""
        loop = asyncio.get_running_loop()
        while True:
            job = self._take()
            if job is None:
                parked = loop.create_future()
                self._parked.append(parked)
                self._ready.set()
                await parked
                continue
            self._in_flight += 1
            try:
                await self._send(job)
            finally:
                self._in_flight -= 1
                self._quiet.set()

    def _take(self) -> Job | None:
        """The next job if one may go now; its place in the budget is then used up."""
        now = self._clock.monotonic()
        if not self._room():
            return None
        paid = self._paid is not None and self._lanes.payable(now) and self._paid.delay(now) <= 0
        if not paid and self._pacer.delay(now) > 0:
            return None
        while job := self._lanes.next(now, paid=paid):
            if self._lanes.low:
                self._look.set()
            if (queue := self._busy_chats.get(job.reader.chat_id)) is not None:
                queue.append(job)  # one message per chat at a time: that keeps the order
                continue
            if not self._lanes.limits.passes(job):
                self._pass_over(job)
                continue
            due = self._lanes.owed.before(job.run.broadcast.lane, job.reader.chat_id, job.run.broadcast.id)
            if due is not None:
                self._record(job, Wait(max(0.0, due - self._clock.now()), "order"))
                continue
            until = self._pacer.enter_chat(job.reader.chat_id, now)
            if until > now + _SHORT_WAIT:
                self._record(job, Wait(until - now))
            elif until:
                self._lanes.postpone(job, until)
            else:
                if job.run.purse:
                    self._book(job, job.run.purse, now, paid=paid)
                else:
                    self._pacer.take(now)
                self._busy_chats[job.reader.chat_id] = []
                job.silent = self._lanes.limits.is_silent(job)
                return job
        return None

    def _book(self, job: Job, purse: Purse, now: float, *, paid: bool) -> None:
        """Use up the place in a budget of a job that may be paid for."""
        job.paid = paid
        if paid and self._paid:
            self._paid.take(now)
            purse.take()
            return
        self._pacer.take(now)
        if purse.left <= 0:
            purse.end(CAP)

    async def _send(self, job: Job) -> None:
        chat_id = job.reader.chat_id
        again: list[Job] = []
        try:
            if job.copy is not None:
                await self._amend(job, job.copy)
                return
            posts = job.contents
            if not posts:  # all of them were withdrawn
                self._unpay(job)
                self._pass_over(job)
                return
            look, ask = self._lanes.limits.look(job, self._clock.now()), self._lanes.limits.asks(job)
            body = self._renderings.body(posts, job.reader.language, look, at=place_of(job.reader), ask=ask)
            began = self._clock.monotonic()
            if body.picture and job.paid:  # an upload goes free
                self._unpay(job)
                self._pacer.take(began)
            if body.picture and self._media:
                carried = await self._carry(job, posts, body, self._media)
                if carried is None:
                    again.append(job)
                    return
                outcome, body = carried
            else:
                outcome, form = await self._deliver(job.address, body)
                if job.paid and (reason := unpaid(outcome)):
                    job.refused = reason
                    self._unpay(job)
                    again.append(job)
                    return
                if job.refused and job.run.purse and form is body and isinstance(outcome, Sent):
                    _log.warning("Telegram refuses paid broadcast, going on at the free rate: %s", job.refused)
                    job.run.purse.end(job.refused)
            self._measure(self._clock.monotonic() - began)
            await self._heed(outcome, chat_id, job.run.purse if job.paid else None)
            together = len(job.run.carried) > 1 or job.run.listing
            self._record(job, outcome, body.version, tuple(post.id for post in posts) if together else ())
        except (ValueError, TypeError, KeyError) as error:
            # A post that cannot be rendered must not stop the line.
            _log.exception("post cannot be rendered")
            self._record(job, Rejected(f"rendering failed: {type(error).__name__}"))
        finally:
            self._lanes.put_back(again + self._busy_chats.pop(chat_id))

    async def _carry(self, job: Job, posts: Sequence[Post], body: Body, media: Media) -> tuple[Outcome, Body] | None:
        """A message whose picture is still to be uploaded, and what was sent in the end. The others of its broadcast
        wait for what becomes of it; None when this one has to wait, too.
        """
        run, reader, hold = job.run, job.reader, 0.0
        run.held_until = math.inf
        try:
            data = await media.turn(body.picture)
            if data is None:
                hold = self._clock.monotonic() + _PICTURE_SECONDS
                return None
            if data:
                outcome = await self._upload(job.address, body, data, media)
                if not isinstance(outcome, Rejected):
                    return outcome, body
            at, ask = place_of(reader), self._lanes.limits.asks(job)
            settled = self._renderings.body(posts, reader.language, at=at, ask=ask)  # lists have no picture
            if settled.picture:  # still to be uploaded: it was this chat that took none
                settled = body.simpler() or body
            return await self._deliver(job.address, settled)
        finally:
            run.held_until = hold
            self._ready.set()

    async def _upload(self, address: Address, body: Body, data: bytes, media: Media) -> Outcome:
        """The message with its picture's bytes, at a new address if need be."""
        outcome = await media.upload(body, address, data)
        if isinstance(outcome, Moved):
            await self._stored(partial(self._storage.readers.move, address.chat_id, outcome.chat_id))
            outcome = await media.upload(body, address._replace(chat_id=outcome.chat_id), data)
        return outcome

    async def _amend(self, job: Job, copy: Copy) -> None:
        """A reader's copy of a corrected post."""
        posts = job.run.posts_of(copy)
        outcome = await self._amender.amend(job.reader, copy, posts, self._lanes.limits.look(job, copy.sent_at))
        self.sent += 1
        await self._heed(outcome, job.reader.chat_id)
        self._record(job, outcome, edition(posts))

    async def _deliver(self, address: Address, body: Body) -> tuple[Outcome, Body]:
        """One reader's message, in simpler forms (a paid one is not) and at a new address if need be; what was sent."""
        while True:
            outcome = await self._deliverer.deliver(body.method, body.to(address))
            match outcome:
                case Moved(new_id) if new_id != address.chat_id:
                    await self._stored(partial(self._storage.readers.move, address.chat_id, new_id))
                    address = address._replace(chat_id=new_id)
                case Rejected() if not address.paid and (simpler := body.simpler()):
                    body = simpler
                case _:
                    return outcome, body

    def _unpay(self, job: Job) -> None:
        """The job is not paid for after all."""
        if job.paid and job.run.purse:
            job.paid = False
            job.run.purse.settle(taken=False)

    def _measure(self, seconds: float) -> None:
        self._round_trips.append(seconds)
        self.sent += 1
        if self.sent % 50 == 0:
            p95 = sorted(self._round_trips)[int(len(self._round_trips) * 0.95)]
            self._limit = self._least_of(concurrency(self._pacer.allowed, p95))

    def _hold_bulk(self, seconds: float, now: float, *, slower: Pacer | None = None) -> float:
        """Hold both budgets; the seconds it lasts. `slower`: whose message was too much."""
        if self._paid:
            self._paid.hold_bulk(seconds, now, slower=slower is self._paid)
        return self._pacer.hold_bulk(seconds, now, slower=slower is self._pacer)

    async def _heed(self, outcome: Outcome, chat_id: int, purse: Purse | None = None) -> None:
        """Hold whom the outcome says to hold; a hold of Telegram's survives a restart. `purse`: it was paid for."""
        now, wall = self._clock.monotonic(), self._clock.now()
        match outcome:
            case Wait(seconds, "flood"):
                _log.warning("Telegram asks for %.0f s of patience (429)", seconds)
                self._pacer.hold_chat(chat_id, seconds, now)
                holds = {chat_id: seconds}
                if chat_id > 0:  # a group's 429 is about its own 20 a minute
                    if purse and now >= self._pacer.held_until:
                        purse.pause("Too Many Requests")
                    holds[0] = self._hold_bulk(seconds, now, slower=self._paid if purse else self._pacer)
                    if self._shared:
                        await self._stored(partial(self._shared.hold, holds[0], slower=not purse))
                for held, pause in holds.items():
                    await self._stored(partial(self._storage.deliveries.hold, held, int(wall + pause) + 1))
            case Wait(_, "outage") | Uncertain():
                if now >= self._pacer.held_until:
                    self._outages += 1
                    self._hold_bulk(back_off(self._outages, self._rng), now)
            case Sent():
                self._outages = 0

    def _record(self, job: Job, outcome: Outcome, version: int = 1, carried: tuple[int, ...] = ()) -> None:
        """The receipt of an outcome."""
        broadcast, reader = job.run.broadcast, job.reader
        message_id: int | None = None
        due_at: int | None = None
        reason: str | None = None
        match outcome:
            case Sent(message_id):
                result = Result.SENT
            case Gone(reason):
                result = Result.GONE
            case Rejected(reason):
                result = Result.REJECTED
            case Moved():
                result, reason = Result.REJECTED, "moved twice"
            case Uncertain(reason):
                result = Result.UNCERTAIN
                once = broadcast.lane is Lane.PROMO and job.copy is None
                if not once and job.attempts < _TRIES:
                    due_at = self._again(back_off(job.attempts + 1, self._rng))
            case Wait(seconds, scope):
                result = Result.WAITING
                due_at = self._again(seconds if scope != "outage" else back_off(job.attempts + 1, self._rng))
        if job.run.listing and job.copy is None:
            self._lanes.limits.listed(job, due_at)
        if isinstance(outcome, Sent):
            self._lanes.limits.sent(job, carried or job.run.carried)
        if due_at is None:
            self._lanes.owed.done(broadcast.lane, reader.chat_id, broadcast.id)
        else:
            self._lanes.owed.add(broadcast.lane, reader.chat_id, broadcast.id, due_at, reader.id >> BLOCK_BITS)
        if job.paid and job.run.purse:
            job.run.purse.settle(taken=isinstance(outcome, Sent | Uncertain))
        took = max(0, int((self._clock.monotonic() - job.run.began) * 1000))
        gone = isinstance(outcome, Gone)
        if message_id is not None and not carried and broadcast.target_id is None:
            self._sends.append((broadcast.id, reader.id, message_id, version, took))
        else:
            self._receipts.append(
                Receipt(
                    broadcast.id,
                    reader.id,
                    result,
                    took,
                    version,
                    message_id,
                    carried,
                    due_at,
                    reason,
                    gone,
                    broadcast.target_id,
                )
            )
        self._settle(job)

    def _pass_over(self, job: Job) -> None:
        """The job's message does not come. Only a reader who had to wait has a receipt that says so."""
        if job.block is None:
            broadcast, reader = job.run.broadcast, job.reader
            self._lanes.owed.done(broadcast.lane, reader.chat_id, broadcast.id)
            self._receipts.append(Receipt(broadcast.id, reader.id, Result.SKIPPED, 0))
            self._settle(job)
            return
        self._lanes.settled(job)
        self._lanes.written(job)
        self._result.set()

    def _again(self, seconds: float) -> int:
        """When to try again, in epoch seconds."""
        return int(self._clock.now() + seconds) + 1

    def _settle(self, job: Job) -> None:
        self._settled.append(job)
        self._result.set()

    async def _write_results(self) -> None:
        """Write receipts in groups of what has come in meanwhile, and prolong the leases."""
        while True:
            await self._clock.wait(self._result, self._lanes.lease / 3)
            self._result.clear()
            jobs, self._settled = self._settled, []
            for job in jobs:
                self._lanes.settled(job)
            if jobs or self._lanes.finished or self._lanes.limits.marked or self._lanes.busy:
                self._writing = len(jobs)
                finished, self._lanes.finished = self._lanes.finished, []
                spent, marks = self._lanes.spent(), self._lanes.limits.marks()
                work = partial(self._write, self._receipts, self._sends, finished, spent, marks)
                self._receipts, self._sends = [], []
                await self._stored(work)
                for job in jobs:
                    self._lanes.written(job)
                self._writing = 0
                self._quiet.set()
                self._ready.set()
                if finished:
                    self.wake()
                await self._clock.sleep(_COMMIT_SECONDS)

    async def _write(
        self,
        receipts: list[Receipt],
        sends: list[Delivered],
        finished: list[tuple[int, int]],
        spent: list[tuple[int, str, int]],
        marks: Marks,
    ) -> None:
        asked, now = self._clock.monotonic(), self._clock.now()
        await self._storage.deliveries.settle(
            receipts,
            finished,
            worker=self._worker,
            until=int((now + self._lanes.lease) * 1000),
            now=int(now),
            sent=sends,
            spent=spent,
            leases=self._lanes.leases,
            blocks=self._lanes.blocks,
            marks=marks,
        )
        self._lanes.prolonged(asked)

    async def _stored(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Until the database takes it: what was sent or said must not be forgotten."""
        while True:
            try:
                return await work()
            except StorageError as error:
                _log.error("sending waits for the database: %s", error)
                await self._clock.sleep(1.0)
