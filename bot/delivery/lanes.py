"""What there is to send, in order: open broadcasts become lanes of readers, read from storage just before.

A block of 1,024 readers is leased, read a quarter of a second ahead of sending (at least 20 readers, at most
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
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

from bot.clock import Clock
from bot.delivery.audience import Offer, audience_of, concerns
from bot.delivery.hours import Hours
from bot.delivery.pacing import Paying, Purse, Shares
from bot.delivery.renderings import Address
from bot.domain.delivery import (
    BLOCK_BITS,
    Audience,
    Broadcast,
    BroadcastState,
    Copy,
    Kind,
    Lane,
    Recipient,
)
from bot.domain.post import Post
from storage import Storage

_log = logging.getLogger(__name__)

_AHEAD_SECONDS = 0.256
_FEWEST, _MOST = 20, 512
_LAST = (1 << BLOCK_BITS) - 1  # where a block ends
_DUE_CHUNK = 100
_DUE_AGAIN = 90
_PATIENCE = 30.0
_NOTHING: frozenset[int] = frozenset()
_NO_COPY = Copy((), 2**31, 0)  # it is gone, or of the newest version already


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
    asked again whether it has sent more of the old."""

    broadcast: Broadcast
    carried: Sequence[int]
    began: float
    posts: Sequence[Post] = ()
    audiences: Sequence[Audience] = ()
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

    def posts_for(self, reader: Recipient, settled: Container[int] = ()) -> Sequence[Post]:
        """What of a round concerns this reader, without the posts `settled` by earlier broadcasts."""
        if len(self.carried) == 1:
            return self.posts
        pairs = zip(self.posts, self.audiences, strict=True)
        return [post for post, audience in pairs if post.id not in settled and concerns(audience, reader)]

    def posts_of(self, copy: Copy) -> Sequence[Post]:
        """What a copy carries, in the versions of now."""
        return [post for post in self.posts if post.id in (copy.carried or self.broadcast.posts)]


@dataclass(slots=True)
class Job:
    """One reader of one broadcast. `block` is None for a reader who had to wait; `copy`: what a correction changes;
    `settled`: what of a late list an earlier broadcast has brought; `reply`: the reader's message to reply to. `paid`
    goes by paid broadcast, `refused` is why Telegram would not have it so: then it goes free. `silent` makes no sound.
    """

    run: Run
    reader: Recipient
    block: Block | None
    attempts: int = 0
    copy: Copy | None = None
    settled: frozenset[int] = _NOTHING
    reply: int = 0
    paid: bool = False
    refused: str = ""
    silent: bool = False

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
        self._hours = Hours(home)
        self._runs: dict[int, Run] = {}
        self._jobs: dict[Lane, deque[Job]] = {lane: deque() for lane in Lane if lane is not Lane.REPLY}
        self._shares = Shares()
        self._later: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self._mine: set[int] = set()
        self.epoch = 0
        self.sure_until = math.inf
        self.owed = Owed()
        self.finished: list[tuple[int, int]] = []

    @property
    def busy(self) -> bool:
        """Whether any broadcast is open."""
        return bool(self._runs)

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
            if not run.closing:  # its posts may have a new version
                posts = await self._storage.posts.get(run.carried)
                run.posts = [post for post in posts if broadcast.kind is not Kind.SEND or not post.withdrawn]
                run.audiences = [audience_of(post, 0, self._offer) for post in run.posts]
                if self._storage.shared and (block := await self._claim(run, lost=True)):
                    run.reading.append(block)
                await self._finish(run)
        self.owed.keep(self._runs)

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
        run = Run(broadcast, carried, self._clock.monotonic() - ago)
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
            jobs = await self._sends(run, [reader for reader, _ in waited], None)
            return [replace(job, attempts=tries[job.reader.id]) for job in jobs]
        held = await self._storage.corrections.holders(run.broadcast, [reader.id for reader, _ in waited])
        copies = {reader.id: copy for reader, copy in held}
        return [Job(run, reader, None, attempts, copies.get(reader.id, _NO_COPY)) for reader, attempts in waited]

    async def fill(self) -> bool:
        """Read the next readers into each lane that runs low; False when there was nothing to read."""
        added = False
        for lane, jobs in self._jobs.items():
            if len(jobs) < _low(self._paid_chunk):
                run = next((run for run in self._runs.values() if _readable(run, lane)), None)
                if run and len(jobs) < _low(self._chunk_of(run)):
                    added = await self._read(run) or added
        return added

    def _chunk_of(self, run: Run) -> int:
        return self._paid_chunk if run.purse and run.purse.open else self._chunk

    async def _read(self, run: Run) -> bool:
        if not run.reading:
            claimed = await self._claim(run)
            if claimed is None:
                return not run.all_taken
            run.reading.append(claimed)
        block = run.reading[-1]
        number, after, chunk = block.number, block.after, self._chunk_of(run)
        if run.broadcast.kind is Kind.SEND:
            readers = await self._storage.deliveries.read(run.broadcast, number, after, chunk, fresh=block.fresh)
            jobs = await self._sends(run, readers, block)
        else:
            held = await self._storage.corrections.read(run.broadcast, number, after, chunk)
            jobs = [Job(run, reader, block, copy=copy) for reader, copy in held]
            readers = [reader for reader, _ in held]
        if run.closing:
            return True
        block.outstanding += len(jobs)
        self._jobs[run.broadcast.lane].extend(jobs)
        if readers:
            block.after = readers[-1].id
        if len(readers) < chunk or block.after & _LAST == _LAST:
            block.exhausted = True
            run.reading.remove(block)
            self._give_back(run, block)
        return True

    async def _sends(self, run: Run, readers: Sequence[Recipient], block: Block | None) -> list[Job]:
        """A job for each of these readers, with what they have had of it, or of what it replies to."""
        settled: dict[int, frozenset[int]] = {}
        replies: dict[int, int] = {}
        ids = [reader.id for reader in readers]
        if run.broadcast.late and ids:
            settled = await self._storage.deliveries.settled(run.broadcast, ids)
        if run.broadcast.reply_to and ids:
            replies = await self._storage.corrections.copies_of(run.broadcast.reply_to, ids)
        return [
            Job(run, reader, block, settled=settled.get(reader.id, _NOTHING), reply=replies.get(reader.id, 0))
            for reader in readers
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
        await self._settle_in({claim.block % run.broadcast.blocks})
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
        ready = [lane for lane, jobs in self._jobs.items() if jobs and jobs[0].run.held_until <= now]
        if self.paying and self.payable(now):
            ready = [lane for lane in ready if (lane is Lane.BREAKING) is paid]
        elif paid:
            return None
        lane = self._shares.turn(ready)
        if lane is None:
            return None
        job = self._jobs[lane].popleft()
        job.run.unsettled += 1
        return job

    def _return_later(self, now: float) -> None:
        back = []
        while self._later and self._later[0][0] <= now:
            back.append(heapq.heappop(self._later)[2])
        for job in reversed(back):  # after a long pause several of one chat may be due: in their order
            self._jobs[job.run.broadcast.lane].appendleft(job)

    def silent(self, job: Job) -> bool:
        """Whether its message makes no sound now."""
        reader = job.reader
        if not self._hours.at(reader.night, self._clock.now()).quiet:
            return False
        return job.run.broadcast.lane is not Lane.BREAKING or not reader.night_breaking

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
        times = [jobs[0].run.held_until for jobs in self._jobs.values() if jobs]
        if self._later:
            times.append(self._later[0][0])
        return max(0.0, min(times) - now) if times else None

    @property
    def urgent(self) -> bool:
        """Whether breaking news waits here."""
        return bool(self._jobs[Lane.BREAKING])

    @property
    def low(self) -> bool:
        """Whether some lane could use more readers."""
        return any(len(jobs) < self._low_water for jobs in self._jobs.values())

    def spent(self) -> list[tuple[int, str, int]]:
        """What is to be written of paid broadcasts: messages, why it ended, broadcast."""
        purses = [(run.purse.unwritten(), id_) for id_, run in self._runs.items() if run.purse]
        return [(*news, id_) for news, id_ in purses if any(news)]

    def written(self, job: Job) -> None:
        """The job's receipt is in storage."""
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
