"""What there is to send, in order: open broadcasts become lanes of readers, read from storage just before.

A block of 1,024 readers is leased, read half a second ahead of sending (at least 20 readers, at most
512) and given back when all of them are settled. Readers who had to wait come back by their receipt's due time.
Several workers share the blocks: one belongs to whoever leased it last, for all broadcasts, until its time is over.
Within a lane the older broadcast goes first, so that a reader gets the posts in their order; between lanes
`pacing.Shares` decides.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
from collections import deque
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from bot.clock import Clock
from bot.delivery.audience import Offer, audience_of
from bot.delivery.limits import Limits
from bot.delivery.lists import Selection
from bot.delivery.pacing import Paying, Purse, Shares
from bot.delivery.runs import Block, Job, Owed, Run
from bot.domain.delivery import BLOCK_BITS, Broadcast, BroadcastState, Copy, Kind, Lane
from bot.domain.recipient import Recipient
from storage import Storage

_log = logging.getLogger(__name__)

_AHEAD_SECONDS = 0.53  # at 970 a second two readings a block
_FEWEST, _MOST = 20, 512
_LAST = (1 << BLOCK_BITS) - 1  # where a block ends
_DUE_CHUNK = 100
_DUE_AGAIN = 90
_PATIENCE = 30.0
_LEDGER_SECONDS = 10.0
_CHANNEL_SECONDS = 1.0
_BULK = tuple(lane for lane in Lane if lane is not Lane.REPLY)
_NO_COPY = Copy((), 2**31, 0)  # it is gone, or of the newest version already


class Lanes:
    """Open broadcasts and the readers that are next. `home` is the newsroom's zone; with `paying` breaking news goes by
    paid broadcast.

    A worker goes by its leases until `sure_until` (monotonic), a little less than they last: others may have them then.
    """

    lease = 10.0
    """Seconds that leases last, unless they are prolonged."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        worker: str,
        *,
        rate: float,
        offer: Offer,
        home: str,
        paying: Paying | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._worker = worker
        self._chunk = _ahead(rate)
        self._paid_chunk = _ahead(paying.pacer.allowed) if paying else self._chunk
        self._low_water = _low(self._chunk)
        self.paying = paying
        self._offer = offer
        self._selection = Selection(storage, offer, clock)
        self.limits = Limits(clock, home)
        self._runs: dict[int, Run] = {}
        self._jobs: dict[Lane, deque[Job]] = {lane: deque() for lane in _BULK}
        self._shares = Shares()
        self._wait_until = 0.0
        self._later: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self._mine: set[int] = set()
        self.epoch = 0
        self.sure_until = math.inf
        self.owed = Owed()
        self.finished: list[tuple[int, int]] = []

    @property
    def listing(self) -> bool:
        """Whether readers' lists are sent or changed."""
        return any(run.listing for run in self._runs.values())

    @property
    def busy(self) -> bool:
        """Whether any broadcast is open."""
        return bool(self._runs)

    @property
    def leases(self) -> list[tuple[int, int]]:
        """Broadcast and block of each lease."""
        return [(id_, number) for id_, run in self._runs.items() for number in run.leased]

    @property
    def blocks(self) -> set[int]:
        """The blocks whose readers are here."""
        return set[int]().union(*(run.blocks for run in self._runs.values() if not run.closing))

    def prolonged(self, asked: float) -> None:
        """All leases were prolonged by what was asked then (monotonic). SQLite's file lock needs no such care."""
        if self._storage.shared:
            self.sure_until = asked + self.lease * 0.9

    def lapse(self, blocks: Container[int] | None = None) -> None:
        """These blocks (None: all) may be another worker's by now: nobody in them is handed out any more. What is under
        way comes to its end, then they are asked for again."""
        for run in self._runs.values():
            if not run.closing and any(blocks is None or block in blocks for block in run.blocks):
                _log.warning("leases of broadcast %d ran out: its readers are asked for again", run.broadcast.id)
                self._close(run)

    async def refresh(self) -> None:
        """Meet new broadcasts, close those that were paused or have ended, take in new versions of posts."""
        running = {
            found.id: found for found in await self._storage.broadcasts.open() if found.state is BroadcastState.RUNNING
        }
        if self._storage.shared:
            await self._look_after()
        for id_, run in list(self._runs.items()):
            if id_ not in running and not run.closing:
                self._close(run)
            if run.closing and not run.unsettled:
                await self._storage.deliveries.release(self._worker, id_)
                del self._runs[id_]
        for id_, broadcast in running.items():
            if broadcast.late and id_ not in self._runs and await self._unsettled():
                continue  # whose rest it carries may still be sending
            run = self._runs.get(id_) or self._runs.setdefault(id_, await self._begin(broadcast))
            if not run.closing:
                await self._learn(run)
                if self._storage.shared and (block := await self._claim(run, lost=True)):
                    run.reading.append(block)
                await self._finish(run)
        self.owed.keep(self._runs)
        now = self._clock.monotonic()
        waiting = (job.read_at for jobs in self._jobs.values() for job in jobs)
        later = (job.read_at for _, _, job in self._later)
        self.limits.forget(min([now - _LEDGER_SECONDS, *waiting, *later]))

    async def _learn(self, run: Run, more: Iterable[int] = ()) -> None:
        """The posts of a run, and more that a list carries, in the versions of now."""
        run.carried = sorted({*run.carried, *more}) if more else run.carried
        posts = await self._storage.posts.get(run.carried)
        run.posts = [post for post in posts if run.broadcast.kind is not Kind.SEND or not post.withdrawn]
        if run.regular and len(run.carried) > 1:
            run.audiences = [audience_of(post, 0, self._offer) for post in run.posts]
            run.words = await self._storage.terms.held(run.carried)

    async def _unsettled(self) -> bool:
        """Whether something is under way of broadcasts that have been stopped."""
        here = any(run.closing for run in self._runs.values())
        return here or await self._storage.deliveries.unsettled(now=int(self._clock.now() * 1000))

    async def _look_after(self) -> None:
        """What is known of blocks that others have had since is not true any more."""
        owned = await self._storage.deliveries.owned(self._worker)
        for block in self._mine - owned:
            self.owed.forget(block)
        self.lapse(self._mine - owned)
        self._mine &= owned

    async def _begin(self, broadcast: Broadcast) -> Run:
        ago = max(0.0, self._clock.now() - (broadcast.started_at or broadcast.due_at))
        sends = await self._storage.broadcasts.get(broadcast.target_id) if broadcast.target_id else broadcast
        carried = sends.posts if sends else broadcast.posts
        listing = sends is not None and sends.lane is Lane.DIGEST
        run = Run(broadcast, carried, self._clock.monotonic() - ago, listing=listing)
        if self.paying and broadcast.lane is Lane.BREAKING and broadcast.kind is Kind.SEND and not broadcast.unpaid:
            run.purse = Purse(max(0, self.paying.messages - broadcast.paid))
        return run

    def _close(self, run: Run) -> None:
        run.closing = True
        for lane, jobs in self._jobs.items():
            self._jobs[lane] = deque(job for job in jobs if job.run is not run)
        self._later = [item for item in self._later if item[2].run is not run]
        heapq.heapify(self._later)

    async def _finish(self, run: Run) -> None:
        """A broadcast of which nothing is left here may be over; leases of others that ran out are looked for."""
        if run.all_taken and not run.leased and not run.unsettled:
            if run.broadcast.kind is not Kind.SEND and not await self._followed(run):
                run.all_taken = False
            elif await self._storage.broadcasts.finish(run.broadcast, now=int(self._clock.now())):
                del self._runs[run.broadcast.id]
            else:
                run.all_taken = False

    async def _followed(self, run: Run) -> bool:
        """Whether a correction may end: its target can send no more of the old, and all that it has sent was tried."""
        now = self._clock.monotonic()
        if now < run.look_at:
            return False
        rest = await self._storage.corrections.rest(run.broadcast, now=int(self._clock.now()))
        if rest.copies:
            await self._storage.corrections.walk_again(run.broadcast.id)
            run.patience = 1.0
        elif not rest.closed:  # a look may cost a walk over a million receipts
            run.look_at, run.patience = now + run.patience, min(_PATIENCE, 2 * run.patience)
        return rest.closed and not rest.copies

    async def take_due(self) -> None:
        """Readers who had to wait and whose time has come."""
        now, until = int(self._clock.now()), self._until()
        due = await self._storage.deliveries.due(
            self._worker, now=now, again=now + _DUE_AGAIN, until=until, limit=_DUE_CHUNK
        )
        await self._settle_in({reader.id >> BLOCK_BITS for _, _, reader in due})
        for broadcast_id, of_run in itertools.groupby(due, key=lambda item: item[0]):
            run = self._runs.get(broadcast_id)
            # Who is still here since the last time (a long pause) must not get it twice.
            if run and not run.closing:
                waited = [(reader, attempts) for _, attempts, reader in of_run if reader.id not in run.again]
                for job in await self._jobs_again(run, waited):
                    run.again.add(job.reader.id)
                    self._jobs[run.broadcast.lane].appendleft(job)

    async def _jobs_again(self, run: Run, waited: Sequence[tuple[Recipient, int]]) -> list[Job]:
        """Jobs for readers who had to wait, with their attempts so far; for a correction with what they hold now."""
        if run.broadcast.kind is Kind.SEND:
            tries = {reader.id: attempts for reader, attempts in waited}
            jobs = await self._sends(run, [reader for reader, _ in waited], None, self._clock.monotonic())
            return [replace(job, attempts=tries[job.reader.id]) for job in jobs]
        held = await self._storage.corrections.holders(run.broadcast, [reader.id for reader, _ in waited])
        await self._know(run, held)
        copies = {reader.id: copy for reader, copy in held}
        return [Job(run, reader, None, attempts, copies.get(reader.id, _NO_COPY)) for reader, attempts in waited]

    async def _know(self, run: Run, held: Sequence[tuple[Recipient, Copy]]) -> None:
        """The posts of lists that are corrected while more of them are sent."""
        if run.listing and (more := {post for _, copy in held for post in copy.carried} - set(run.carried)):
            await self._learn(run, more)

    async def fill(self) -> bool:
        """Read the next readers into each lane that runs low; False when there was nothing to read.

        The oldest broadcast that has any: one whose last readers have to wait keeps no younger one waiting. Whoever
        asked for a list waits for no other lists.
        """
        added = False
        for lane, jobs in self._jobs.items():
            if len(jobs) < _low(self._paid_chunk):
                readable = [run for run in self._runs.values() if _readable(run, lane)]
                for run in sorted(readable, key=lambda run: not run.asked):
                    if len(jobs) >= _low(self._chunk_of(run)):
                        break
                    if await self._read(run):
                        added = True
                        break
        return added

    def _chunk_of(self, run: Run) -> int:
        return self._paid_chunk if run.purse and run.purse.open else self._chunk

    async def _read(self, run: Run) -> bool:
        if not run.reading:
            claimed = await self._claim(run)
            if claimed is None:
                return False
            run.reading.append(claimed)
        block = run.reading[-1]
        await self._settle_in({block.number % run.broadcast.blocks})
        number, after, chunk, now = block.number, block.after, self._chunk_of(run), self._clock.monotonic()
        if run.broadcast.kind is Kind.SEND:
            readers = await self._storage.deliveries.read(run.broadcast, number, after, chunk, fresh=block.fresh)
            jobs = [job for job in await self._sends(run, readers, block, now) if self.limits.passes(job)]
        else:
            held = await self._storage.corrections.read(run.broadcast, number, after, chunk)
            await self._know(run, held)
            jobs = [Job(run, reader, block, copy=copy) for reader, copy in held]
            readers = [reader for reader, _ in held]
        if run.closing:
            return True
        block.outstanding += len(jobs)
        queue = self._jobs[run.broadcast.lane]
        (queue.extendleft if run.asked else queue.extend)(jobs)
        if readers:
            block.after = readers[-1].id
        if len(readers) < chunk or block.after & _LAST == _LAST:
            block.exhausted = True
            run.reading.remove(block)
            self._give_back(run, block)
        return True

    async def _sends(self, run: Run, readers: Sequence[Recipient], block: Block | None, read_at: float) -> list[Job]:
        """A job for each of these readers, without what they have had of it, and with what it replies to."""
        if run.listing:
            return await self._lists(run, readers, block, read_at)
        had: dict[int, frozenset[int]] = {}
        replies: dict[int, int] = {}
        follows, hides = set[tuple[int, int]](), set[tuple[int, int]]()
        ids = [reader.id for reader in readers]
        if run.broadcast.again and ids:
            had = await self._storage.lists.had(ids, run.carried)
        if run.broadcast.reply_to and ids:
            replies = await self._storage.corrections.copies_of(run.broadcast.reply_to, ids)
        if run.words:
            follows, hides = await self._storage.terms.met(run.words, ids)
        return [
            Job(
                run,
                reader,
                block,
                posts=run.choose(reader, had.get(reader.id, ()), follows, hides),
                reply=replies.get(reader.id, 0),
                read_at=read_at,
            )
            for reader in readers
        ]

    async def _lists(self, run: Run, readers: Sequence[Recipient], block: Block | None, read_at: float) -> list[Job]:
        """The same of a broadcast of lists: each reader has one of its own."""
        if not readers:
            return []
        chosen = await self._selection.of(readers)
        if more := {post for one in chosen for post in one.posts} - set(run.carried):
            await self._storage.lists.carry(run.broadcast.id, more)
            await self._learn(run, more)
        return [
            Job(run, reader, block, posts=one.posts, upto=one.upto, rest=one.under_way, read_at=read_at)
            for reader, one in zip(readers, chosen, strict=True)
        ]

    async def _claim(self, run: Run, *, lost: bool = False) -> Block | None:
        """The next block; with `lost` only one whose lease ran out, so that no dead worker's readers wait."""
        now, until = int(self._clock.now() * 1000), self._until()
        claim = await self._storage.deliveries.claim(
            run.broadcast, self._worker, self.epoch, now=now, until=until, lost=lost
        )
        if claim is None:
            run.all_taken = run.all_taken or not lost
            return None
        if claim.block in run.leased:  # our own lease had run out while its readers wait here: now it is prolonged
            return None
        run.leased.add(claim.block)
        run.all_taken = False
        return Block(claim.block, claim.fresh)

    def _until(self) -> int:
        """How long blocks taken now are ours (milliseconds); the first of them begins the time of being sure."""
        if not self.blocks:
            self.prolonged(self._clock.monotonic())
        return int((self._clock.now() + self.lease) * 1000)

    async def _settle_in(self, blocks: set[int]) -> None:
        """Learn who waits in blocks that were another worker's, or an earlier life's."""
        for block in blocks - self._mine:
            for lane, chat_id, broadcast_id, due_at in await self._storage.deliveries.owed(block):
                self.owed.add(Lane(lane), chat_id, broadcast_id, due_at, block)
            self._mine.add(block)

    def payable(self, now: float) -> bool:
        """Whether the breaking message that is next may be paid for: then it waits for the paid budget only."""
        jobs = self._jobs[Lane.BREAKING]
        if not jobs or jobs[0].refused or jobs[0].run.held_until > now:
            return False
        purse = jobs[0].run.purse
        return purse is not None and purse.open

    def others(self, now: float) -> bool:
        """Whether something else than breaking news is here."""
        lanes = self._jobs.items()
        return any(jobs and jobs[0].run.held_until <= now for lane, jobs in lanes if lane is not Lane.BREAKING)

    def next(self, now: float, *, paid: bool = False) -> Job | None:
        """The job that goes next, by the free or the paid budget; None when nothing is here."""
        if now >= self.sure_until:
            self.lapse()
        if self._later and self._later[0][0] <= now:
            self._return_later(now)
        ready = [lane for lane in self._open(now) if self._jobs[lane] and self._jobs[lane][0].run.held_until <= now]
        if self.paying and self.payable(now):
            ready = [lane for lane in ready if (lane is Lane.BREAKING) is paid]
        elif paid:
            return None
        lane = self._shares.turn(ready)
        if lane is None:
            return None
        job = self._jobs[lane].popleft()
        job.run.unsettled += 1
        if lane is Lane.CHANNEL:
            self._wait_until = now + _CHANNEL_SECONDS
        return job

    def _open(self, now: float) -> Sequence[Lane]:
        """The lanes that may go: while a message to a channel is under way the others wait, for a second at most."""
        runs = self._runs.values() if now < self._wait_until else ()
        first = any(run.unsettled for run in runs if run.broadcast.lane is Lane.CHANNEL)
        return (Lane.CHANNEL,) if first else _BULK

    def _return_later(self, now: float) -> None:
        back = []
        while self._later and self._later[0][0] <= now:
            back.append(heapq.heappop(self._later)[2])
        for job in reversed(back):  # after a long pause several of one chat may be due: in their order
            self._jobs[job.run.broadcast.lane].appendleft(job)

    def postpone(self, job: Job, until: float) -> None:
        """Bring the job back at that moment of the monotonic clock."""
        job.run.unsettled -= 1
        heapq.heappush(self._later, (until, next(self._order), job))

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Jobs that were handed out while their chat was busy: they are next, in their order."""
        for job in reversed(jobs):
            job.run.unsettled -= 1
            if not job.run.closing:
                self._jobs[job.run.broadcast.lane].appendleft(job)

    def ready_in(self, now: float) -> float | None:
        """Seconds until a job is here: 0.0 now, None when none is known."""
        open_ = self._open(now)
        times = [self._jobs[lane][0].run.held_until for lane in open_ if self._jobs[lane]]
        if open_ is not _BULK and any(self._jobs.values()):
            times.append(self._wait_until)
        if self._later:
            times.append(self._later[0][0])
        return max(0.0, min(times) - now) if times else None

    @property
    def urgent(self) -> bool:
        """Whether breaking news waits here, or something for a channel."""
        return bool(self._jobs[Lane.BREAKING] or self._jobs[Lane.CHANNEL])

    @property
    def low(self) -> bool:
        """Whether some lane could use more readers."""
        return any(len(jobs) < self._low_water for jobs in self._jobs.values())

    def spent(self) -> list[tuple[int, str, int]]:
        """What is to be written of paid broadcasts: messages, why it ended, broadcast."""
        purses = [(run.purse.unwritten(), id_) for id_, run in self._runs.items() if run.purse]
        return [(*news, id_) for news, id_ in purses if any(news)]

    def written(self, job: Job) -> None:
        """The job's receipt is in storage, or it needs none."""
        self.limits.written(job)
        job.run.unsettled -= 1
        job.run.again.discard(job.reader.id)

    def settled(self, job: Job) -> None:
        """The job's result is known; its block is given back when it was the last one."""
        if job.block:
            job.block.outstanding -= 1
            self._give_back(job.run, job.block)

    def _give_back(self, run: Run, block: Block) -> None:
        if block.exhausted and not block.outstanding and not run.closing:
            run.leased.discard(block.number)
            self.finished.append((run.broadcast.id, block.number))


def _ahead(rate: float) -> int:
    return max(_FEWEST, min(_MOST, int(rate * _AHEAD_SECONDS)))


def _low(chunk: int) -> int:
    return max(_FEWEST, chunk // 2)


def _readable(run: Run, lane: Lane) -> bool:
    return run.broadcast.lane is lane and not run.all_taken and not run.closing
