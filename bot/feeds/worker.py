"""Reading a fetched body, in a killable process when it may take long. The edge of decode, slices and parse.

The worker is our own Python with a pipe, not multiprocessing: it never imports the program's main module (nor
aiogram), sees no secrets of the environment, gets no terminal signals, and ends with its parent.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.domain.errors import FeedError
from bot.feeds.decode import decode
from bot.feeds.parse import Document, absolute, parse, parse_plain
from bot.feeds.serve import SIZE
from bot.feeds.slices import Full, Only, SliceMemory, Slices, Unchanged, cut

SMALL = 65_536
"""Bytes that are parsed without the worker, about 10 ms of work."""
PLAIN = 500_000
"""Bytes of plain RSS that are read without the worker where nobody waits for an answer: 50 ms of work, with the worst
that may stand in them 0.5 s."""
MOST_MARKS = 20_000
"""Tags of items and the like that are looked at without the worker, about 20 ms of work."""
LIMIT = 10.0
_ROOT = str(Path(__file__).resolve().parents[2])
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Job:
    """A body to read. `content_type` is the HTTP header, `encoding` the configured override, `base` the address.

    `language` is the configured one or "". `now` in epoch seconds.
    """

    body: bytes
    base: str
    zone: ZoneInfo
    language: str
    now: float
    content_type: str = ""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body holds. `document` has only the unseen entries when `partial`, and is None when all were seen.

    `total` counts the items of the whole document, `repeated` are guids and links that several of them share.
    """

    document: Document | None
    total: int
    partial: bool
    encoding: str
    repaired: int
    repeated: frozenset[str] = frozenset()


class FeedReader:
    """Turns bodies into readings; an async context manager that owns the worker process.

    What is small is read in place. Where more than `SMALL` bytes wait at one moment, in one document or several,
    the worker does it, so that the loop stays free for readers; a worker busy with a long document holds up no
    small one. A worker that takes more than `limit` seconds is killed.

    `alone`: no reader waits for this process, which only watches. Then plain RSS is read in place up to `PLAIN` bytes:
    its reader takes a time in proportion, and a second process more memory than all the feeds.
    """

    def __init__(self, clock: Clock, *, limit: float = LIMIT, alone: bool = False) -> None:
        self._clock = clock
        self._alone = alone
        self._worker = ParseWorker(limit=limit)
        self._waiting = 0

    async def __aenter__(self) -> FeedReader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.close()

    async def read(self, job: Job, memory: SliceMemory) -> Reading:
        """Decode, cut and parse what is unseen; `memory` is the feed's own and learns. Raises FeedError."""
        try:
            decoded = await self._run(
                _labour(job.body), decode, job.body, content_type=job.content_type, override=job.encoding
            )
            slices = cut(decoded.text_bytes, MOST_MARKS)
            plan = memory.plan(slices)
            document = await self._parse(decoded.text_bytes, slices, plan, job)
            if not _remember(memory, plan, slices, document):
                plan = memory.plan(slices)
                document = await self._parse(decoded.text_bytes, slices, plan, job)
                _remember(memory, plan, slices, document)
        except FeedError:
            memory.forget()
            raise
        partial = isinstance(plan, Only)
        total = len(slices.items) if slices else len(document.entries) if document else 0
        shared = slices.repeated(plan.indices) if slices and isinstance(plan, Only) else ()
        repeated = frozenset((*shared, *(absolute(job.base, name) for name in shared)))
        return Reading(document, total, partial, decoded.encoding, decoded.repaired, repeated)

    async def _parse(
        self, text: bytes, slices: Slices | None, plan: Full | Only | Unchanged, job: Job
    ) -> Document | None:
        match plan:
            case Unchanged():
                return None
            case Only(indices) if slices:
                text = slices.only(indices)
        options: dict[str, Any] = {"base": job.base, "zone": job.zone, "language": job.language, "now": job.now}
        if self._alone and len(text) <= PLAIN and (document := parse_plain(text, **options)):
            return document
        return await self._run(len(text), parse, text, **options)

    async def _run(self, size: int, work: Callable[..., _T], text: bytes, **options: object) -> _T:
        """Do the work here or in the worker, by how many bytes wait to be worked on."""
        self._waiting += size
        try:
            # whoever came in the same moment is counted now
            await self._clock.sleep(0)
            if self._waiting <= SMALL or (size <= SMALL and self._worker.busy):
                return work(text, **options)
            return await self._worker.call(work, text, **options)
        finally:
            self._waiting -= size


def _labour(body: bytes) -> int:
    """How many bytes of parsing the decoding takes as long as: UTF-8 is soon checked, code pages are guessed."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return len(body)
    return len(body) // 16


def _remember(
    memory: SliceMemory, plan: Full | Only | Unchanged, slices: Slices | None, document: Document | None
) -> bool:
    if document is None or slices is None:
        return memory.read(plan, parsed=0, expected=0, clean=True)
    expected = len(plan.indices) if isinstance(plan, Only) else len(slices.items)
    return memory.read(plan, parsed=document.items, expected=expected, clean=not document.bozo and document.complete)


class ParseWorker:
    """One process that decodes and parses, started when first needed and replaced when it had to be killed."""

    def __init__(self, *, limit: float = LIMIT) -> None:
        self._limit = limit
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def busy(self) -> bool:
        """Whether somebody's document is in it now."""
        return self._lock.locked()

    async def call(self, work: Callable[..., _T], text: bytes, **options: object) -> _T:
        """`work(text, **options)` in the worker; a function of a module.

        Raises its FeedError, and FeedError("parse") when the worker is killed or dies.
        """
        request = pickle.dumps((work, text, options), protocol=5)
        async with self._lock:
            try:
                async with asyncio.timeout(self._limit):
                    fine, result = await self._ask(request)
            except TimeoutError:
                await self._kill()
                raise FeedError("parse", f"reading took more than {self._limit:g} s") from None
            except (OSError, EOFError):
                await self._kill()
                raise FeedError("parse", "the reading process died of this document") from None
            except BaseException:
                await self._kill()  # cancelled half-way: its answer would be taken for the next one's
                raise
        if not fine:
            kind, detail, feed = result
            raise FeedError(kind, detail, feed=feed)
        return cast(_T, result)

    async def close(self) -> None:
        """End the process."""
        async with self._lock:
            await self._kill()

    async def _ask(self, request: bytes) -> tuple[bool, Any]:
        process = self._process or await self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(SIZE.pack(len(request)) + request)
        await process.stdin.drain()
        (size,) = SIZE.unpack(await process.stdout.readexactly(SIZE.size))
        answer: tuple[bool, Any] = pickle.loads(await process.stdout.readexactly(size))  # noqa: S301 (our own process)
        return answer

    async def _start(self) -> asyncio.subprocess.Process:
        kept = ("PATH", "SYSTEMROOT", "LANG", "TZDIR", "VIRTUAL_ENV")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        env["PYTHONPATH"] = os.pathsep.join([_ROOT, *sys.path[1:]])
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.feeds.serve", stdin=-1, stdout=-1, env=env, start_new_session=True
        )  # fmt: skip
        return self._process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process and process.returncode is None:
            process.kill()
            await process.wait()
