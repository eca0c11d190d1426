"""Readers' limits just before each send, and what they were sent since they were read: storage did not know it then."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.delivery.hours import DAY_MINUTES, Hours, Moment, is_morning
from bot.delivery.renderings import Look
from bot.delivery.rules import Verdict, is_silent, sent_today, verdict
from bot.delivery.runs import Job
from bot.domain.delivery import Lane, Marks
from bot.domain.reader import Quiet


@dataclass(slots=True)
class Entry:
    """What a reader has got: how many posts on that `day`, a list that knows sends up to `listed`, the `posts`.
    `written` is when the last of it stood in storage, infinite before that; `unwritten` how much does not."""

    day: int = 0
    n: int = 0
    listed: int = 0
    posts: set[int] = field(default_factory=set)
    unwritten: int = 0
    written: float = math.inf


_NONE = Entry()


class Ledger:
    """Entries by reader, kept while somebody is here who was read before they were written."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}

    def of(self, reader_id: int) -> Entry:
        """What was sent to the reader lately."""
        return self._entries.get(reader_id, _NONE)

    def sent(self, reader_id: int, posts: Collection[int], *, day: int = 0, n: int = 0, listed: int = 0) -> None:
        """A message has gone to the reader, the n-th of that day (0: not counted)."""
        entry = self._entries.setdefault(reader_id, Entry())
        if n:
            entry.day, entry.n = day, n
        entry.listed = max(entry.listed, listed)
        entry.posts.update(posts)
        entry.unwritten += 1
        entry.written = math.inf

    def written(self, reader_id: int, now: float) -> None:
        """A receipt of the reader's is in storage."""
        entry = self._entries.get(reader_id)
        if entry and entry.unwritten:
            entry.unwritten -= 1
            if not entry.unwritten:
                entry.written = now

    def forget(self, before: float) -> None:
        """Everybody who is here was read after that moment."""
        self._entries = {id_: entry for id_, entry in self._entries.items() if entry.written >= before}


_PUT_OFF_SECONDS = 600


class Limits:
    """What a reader's choices make of each job, and the marks that sends leave on readers. `home` is the newsroom's
    zone."""

    def __init__(self, clock: Clock, home: str) -> None:
        self._clock = clock
        self._hours = Hours(home)
        self._ledger = Ledger()
        self._marks = Marks()
        self._asked: set[int] = set()

    @property
    def marked(self) -> bool:
        """Whether there are marks to be written."""
        return bool(self._marks)

    def marks(self) -> Marks:
        """The marks since this was asked last."""
        marks, self._marks = self._marks, Marks()
        return marks

    def passes(self, job: Job) -> bool:
        """Whether the job's message goes now. Of a list, what else happens to it is marked."""
        a_list = job.run.listing and job.copy is None
        if a_list:
            job.posts = self._not_sent(job)
        if job.posts == ():
            if a_list:
                self.listed(job, None)
            return False
        if job.reader.limited and job.run.broadcast.lane is Lane.PROMO and job.copy is None:
            return not (self._moment(job).quiet and job.reader.ways.quiet == Quiet.HOLD)  # no list will bring it
        if not job.reader.limited or not (a_list or job.run.regular):
            return True
        found = self.verdict(job)
        if found is Verdict.NIGHT and job.run.asked:
            return True
        if a_list and found is Verdict.NIGHT:
            self._until_morning(job)
        return found is Verdict.NOW

    def verdict(self, job: Job) -> Verdict:
        """What the reader's choices make of a post or a list."""
        reader, run = job.reader, job.run
        moment, entry = self._moment(job), self._ledger.of(reader.id)
        if run.regular:
            listed = max(reader.listed, entry.listed)
            return verdict(reader, moment, serial=run.broadcast.serial, listed=listed, sent=self._sent(job, moment))
        if entry.listed >= job.upto:
            return Verdict.LISTED
        return Verdict.NIGHT if moment.quiet and reader.ways.quiet == Quiet.HOLD else Verdict.NOW

    def is_silent(self, job: Job) -> bool:
        """Whether its message makes no sound."""
        return is_silent(job.reader, self._moment(job), breaking=job.run.broadcast.lane is Lane.BREAKING)

    def _not_sent(self, job: Job) -> tuple[int, ...]:
        """The posts of a list that have not come by themselves since it was put together."""
        sent = self._ledger.of(job.reader.id).posts
        return tuple(post for post in job.posts or () if post not in sent)

    def sent(self, job: Job, posts: Collection[int]) -> None:
        """Telegram has the job's message with these posts."""
        if self.asks(job):
            self._asked.add(job.reader.id)
            self._marks.asked.append((job.reader.id,))
        reader, run = job.reader, job.run
        if not reader.limited or not (run.regular or run.listing):
            return
        moment, n = self._moment(job), 0
        if run.regular and reader.ways.volume > 0:
            n = self._sent(job, moment) + 1
            self._marks.counted.append((moment.day, reader.id))
        self._ledger.sent(reader.id, posts, day=moment.day, n=n, listed=job.upto)
        job.noted = True

    def asks(self, job: Job) -> bool:
        """Whether its reader, who came with a file, is asked below the message what to send. Once."""
        return bool(job.reader.ways.ask) and job.copy is None and job.reader.id not in self._asked

    def look(self, job: Job, at: float) -> Look | None:
        """How the job's list of that time looks; None when it is no reader's own list."""
        if not job.run.listing:
            return None
        broadcast, reader = job.run.broadcast, job.reader
        morning = is_morning(reader.night, at, self._hours.home)
        return Look(morning, bool(reader.ways.rates), broadcast.target_id or broadcast.id)

    def listed(self, job: Job, due_at: int | None) -> None:
        """The job's list is done with, or (`due_at`, epoch seconds) comes later: then no other takes its place."""
        if due_at is None:
            self._marks.listed.append((job.upto, job.reader.list_at or 0, job.reader.id))
            if job.rest:
                again = int(self._clock.now()) + _PUT_OFF_SECONDS
                self._marks.rest.append((again, job.reader.list_at or 0, job.reader.id))
        else:
            self._marks.put_off.append((due_at + _PUT_OFF_SECONDS, job.reader.list_at or 0, job.reader.id))

    def _until_morning(self, job: Job) -> None:
        """The job's list comes when the reader's night is over."""
        left = (job.reader.ways.quiet_to - self._moment(job).minute) % DAY_MINUTES
        now = int(self._clock.now())
        self._marks.put_off.append((now - now % 60 + left * 60, job.reader.list_at or 0, job.reader.id))

    def written(self, job: Job) -> None:
        """The job's receipt is in storage."""
        if job.noted:
            self._ledger.written(job.reader.id, self._clock.monotonic())

    def forget(self, before: float) -> None:
        """All readers here were read after that moment (monotonic)."""
        self._ledger.forget(before)

    def _moment(self, job: Job) -> Moment:
        return self._hours.at(job.reader.night, self._clock.now())

    def _sent(self, job: Job, moment: Moment) -> int:
        """How many posts the reader has got today. Whoever was read after it was written has it, or a
        volume chosen since then, which begins anew."""
        entry = self._ledger.of(job.reader.id)
        unknown = entry.day == moment.day and job.read_at <= entry.written
        return max(sent_today(job.reader, moment), entry.n if unknown else 0)
