"""Reading bodies in place and in the worker: same result, killed when too slow, alive after every attack."""

from __future__ import annotations

import asyncio
import io
import pickle
import struct
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.clock import RealClock
from bot.domain.errors import FeedError
from bot.feeds.decode import decode
from bot.feeds.parse import Document, parse, parse_plain
from bot.feeds.serve import serve
from bot.feeds.slices import SliceMemory
from bot.feeds.worker import PLAIN, SMALL, FeedReader, Job, ParseWorker

ALMATY = ZoneInfo("Asia/Almaty")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
OPTIONS = {"base": "https://news.test/rss", "zone": ALMATY, "language": "", "now": NOW}


def job(body: bytes) -> Job:
    return Job(body, "https://news.test/rss", ALMATY, "", NOW)


def rss(*numbers: int, size: int = 10) -> bytes:
    item = "<item><guid>%d</guid><title>Новость %d</title><description>" + "слово " * size + "</description></item>"
    items = "".join(item % (n, n) for n in numbers)
    return f"<rss version='2.0'><channel><title>Т</title>{items}</channel></rss>".encode()


async def read_in(worker: ParseWorker, *numbers: int) -> Document:
    return await worker.call(parse, rss(*numbers), **OPTIONS)


def titles(document: Document | None) -> list[str]:
    assert document
    return [entry.title for entry in document.entries]


async def test_only_what_is_new_is_parsed() -> None:
    memory = SliceMemory()
    async with FeedReader(RealClock()) as reader:
        first = await reader.read(job(rss(1, 2, 3)), memory)
        assert (titles(first.document), first.partial, first.total) == (
            ["Новость 1", "Новость 2", "Новость 3"],
            False,
            3,
        )
        second = await reader.read(job(rss(4, 1, 2)), memory)
        assert (titles(second.document), second.partial, second.total) == (["Новость 4"], True, 3)
        third = await reader.read(job(rss(4, 1, 2)), memory)
        assert (third.document, third.total, third.encoding, third.repaired) == (None, 3, "utf-8", 0)


async def test_a_part_that_does_not_come_out_as_cut_is_read_whole() -> None:
    memory = SliceMemory()
    async with FeedReader(RealClock()) as reader:
        await reader.read(job(rss(1, 2)), memory)
        broken = rss(3, 1, 2).replace("Новость 3".encode(), "Новость 3 & ещё".encode())
        got = await reader.read(job(broken), memory)
        assert (titles(got.document), got.partial) == (["Новость 3 & ещё", "Новость 1", "Новость 2"], False)
        assert memory == SliceMemory(_planned=memory._planned)


async def test_a_document_that_cannot_be_cut_and_one_that_fails() -> None:
    memory = SliceMemory()
    async with FeedReader(RealClock()) as reader:
        got = await reader.read(job(rss(1, 2)[:-60]), memory)
        assert (titles(got.document), got.total) == (["Новость 1"], 1)
        await reader.read(job(rss(1, 2)), memory)
        with pytest.raises(FeedError, match="not_feed"):
            await reader.read(job(b"<html></html>"), memory)
        assert not memory.seen


async def test_shared_guids_are_told_from_the_whole_document() -> None:
    memory = SliceMemory()
    async with FeedReader(RealClock()) as reader:
        await reader.read(job(rss(1, 2)), memory)
        got = await reader.read(job(rss(3, 1, 2).replace(b"<guid>3", b"<guid>1")), memory)
        assert got.repeated == {"1", "https://news.test/1"}


async def test_large_ones_and_waiting_ones_are_read_in_the_worker_alike() -> None:
    async with FeedReader(RealClock()) as reader:
        large = rss(*range(20), size=1000)
        assert len(large) > SMALL
        got = await reader.read(job(large), SliceMemory())
        here = parse(decode(large).text_bytes, base="https://news.test/rss", zone=ALMATY, language="", now=NOW)
        assert got.document == here
        several = await asyncio.gather(*(reader.read(job(rss(n, size=3000)), SliceMemory()) for n in (7, 8, 9)))
        assert [titles(reading.document) for reading in several] == [["Новость 7"], ["Новость 8"], ["Новость 9"]]
        with pytest.raises(FeedError, match="not_feed"):
            await reader.read(job(b"<html>" + b" " * SMALL + b"</html>"), SliceMemory())


async def test_where_nobody_waits_plain_rss_is_read_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    call = ParseWorker.call

    async def counting(self: ParseWorker, work: Any, *args: Any, **options: Any) -> Any:
        called.append(work)
        return await call(self, work, *args, **options)

    monkeypatch.setattr(ParseWorker, "call", counting)
    plain = rss(*range(20), size=1000).replace(b"<rss version='2.0'>", b'<rss version="2.0">')
    unusual = plain.replace(b"<channel>", b"<channel><textInput/>")
    assert SMALL < len(plain) < PLAIN
    async with FeedReader(RealClock()) as reader:
        there = [await reader.read(job(body), SliceMemory()) for body in (plain, unusual, plain[:-30])]
    assert called == [parse] * 3
    called.clear()
    async with FeedReader(RealClock(), alone=True) as reader:
        assert await reader.read(job(plain), SliceMemory()) == there[0]
        assert not called
        assert [await reader.read(job(body), SliceMemory()) for body in (unusual, plain[:-30])] == there[1:]
        assert called == [parse] * 2
        await reader.read(job(rss(*range(60), size=1000)), SliceMemory())
    assert called == [parse] * 3, "one that is longer than that goes to the worker"


FILLERS = (
    "<",
    "<p",
    "<!--",
    "<script>",
    "<svg><",
    "&a",
    "&amp;",
    "&#",
    "[",
    "/",
    "A/",
    " ",
    "<img src='a' ",
    "Ã©",
)


@pytest.mark.parametrize("filler", FILLERS)
def test_plain_rss_takes_a_time_in_proportion_whatever_stands_in_it(filler: str) -> None:
    """What is read in place has no killer behind it."""
    text = f"<![CDATA[{filler * (100_000 // len(filler.encode()))}]]>"
    parts = "".join(f"<{name}>{text}</{name}>" for name in ("title", "description", "author", "category", "link"))
    body = f"<rss version='2.0'><channel><item>{parts}</item></channel></rss>".encode()
    began = process_time()
    assert parse_plain(decode(body).text_bytes, **OPTIONS)
    assert process_time() - began < 5  # 0.5 s; what takes the square of it would take minutes


async def test_what_is_slow_to_decode_is_decoded_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    body = rss(*range(40), size=500).decode().encode("cp1251")
    assert len(body) > SMALL
    monkeypatch.setattr("bot.feeds.worker._labour", lambda body: 0)
    async with FeedReader(RealClock()) as reader:
        here = await reader.read(job(body), SliceMemory())
    monkeypatch.undo()
    called: list[object] = []
    call = ParseWorker.call

    async def counting(self: ParseWorker, work: Any, *args: Any, **options: Any) -> Any:
        called.append(work)
        return await call(self, work, *args, **options)

    monkeypatch.setattr(ParseWorker, "call", counting)
    async with FeedReader(RealClock()) as reader:
        assert await reader.read(job(body), SliceMemory()) == here
        assert called == [decode, parse]
        await reader.read(job(rss(1)), SliceMemory())
        await reader.read(job(rss(*range(20), size=1000)), SliceMemory())  # UTF-8 is soon checked
    assert called == [decode, parse, parse]
    assert here.encoding == "cp1251"


async def test_a_slow_document_is_killed_and_the_next_one_read() -> None:
    worker = ParseWorker(limit=0.02)
    with pytest.raises(FeedError, match="took more than"):
        await read_in(worker, 1)
    worker = ParseWorker()
    assert titles(await read_in(worker, 1)) == ["Новость 1"]
    process = worker._process
    assert process
    process.kill()
    await process.wait()
    with pytest.raises(FeedError, match="died"):
        await read_in(worker, 2)
    assert titles(await read_in(worker, 3)) == ["Новость 3"]
    await worker.close()


async def test_a_cancelled_reading_leaves_no_answer_behind() -> None:
    worker = ParseWorker()
    assert titles(await read_in(worker, 1)) == ["Новость 1"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await read_in(worker, *range(400))
    assert titles(await read_in(worker, 2)) == ["Новость 2"]
    await worker.close()


async def test_the_worker_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", "123:canary")
    worker = ParseWorker()
    await read_in(worker, 1)
    assert worker._process
    if sys.platform == "linux":
        assert b"canary" not in await asyncio.to_thread(Path(f"/proc/{worker._process.pid}/environ").read_bytes)
    await worker.close()


def test_serving_ends_with_its_input() -> None:
    size = struct.Struct(">Q")
    requests = [pickle.dumps((parse, body, OPTIONS)) for body in (rss(1), b"")]
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(size.pack(len(r)) + r for r in requests)), answers)
    answers.seek(0)
    got = [pickle.loads(answers.read(*size.unpack(answers.read(8)))) for _ in requests]
    assert (got[0][0], titles(got[0][1])) == (True, ["Новость 1"])
    assert (got[1][0], got[1][1][0]) == (False, "empty")


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 12)).encode()
ENTITIES = b"".join(b"<!ENTITY e%d 'x'>" % i for i in range(32_000))
HEAD = b"<rss version='2.0'><channel><item><title>"
TAIL = b"</title></item></channel></rss>"
ATTACKS = {
    "attribute bomb": b"<rss><item " + b" ".join(b"a%d=''" % i for i in range(32_000)) + b"/></rss>",
    "small attribute bomb": b"<rss><item " + b" ".join(b"a%d=''" % i for i in range(6_500)) + b"/></rss>",
    "billion laughs": b"<!DOCTYPE r [<!ENTITY l0 'ha'>" + LAUGHS + b"]>" + HEAD + b"&l11;" + TAIL,
    "external entity": b"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + HEAD + b"a&x;" + TAIL,
    "entity list": b"<!DOCTYPE r [" + ENTITIES + b"]>" + HEAD + TAIL,
    "entity list without end": b"<!DOCTYPE r [" + ENTITIES,
    "comments": HEAD + b"<!--" * 16_000,
    "comments in front": b"<!--" * 16_000 + HEAD,
    "whole comments": HEAD + b"<!--x-->" * 8_000,
    "cdata": HEAD + b"<![CDATA[" * 7_000,
    "brackets": HEAD + b"<" * 64_000,
    "ampersands": HEAD + b"&a" * 32_000,
    "references": HEAD + b"&#" * 32_000,
    "open items": HEAD + b"<item>" * 10_000,
    "depth": HEAD + b"<a>" * 20_000,
    "scripts": HEAD + b"<![CDATA[" + b"<script>" * 7_000 + b"]]>" + TAIL,
    "large": HEAD + b"<!-- <item> &a <![CDATA[" * 100_000,
}


@pytest.mark.parametrize("alone", [False, True], ids=["with readers", "alone"])
@pytest.mark.parametrize("name", ATTACKS)
async def test_hostile_documents_are_read_or_refused_quickly(name: str, alone: bool) -> None:
    began = process_time()
    async with FeedReader(RealClock(), limit=2.0, alone=alone) as reader:
        with suppress(FeedError):
            reading = await reader.read(job(ATTACKS[name]), SliceMemory())
            assert reading.document
            assert all(len(entry.title) < 1001 and "root:" not in entry.title for entry in reading.document.entries)
    assert process_time() - began < 4  # a tenth of that without coverage measuring


async def test_a_big_document_holds_up_nobody() -> None:
    """While it is read, whoever waits on the loop gets their turn again and again."""
    large = rss(*range(100), size=800)
    assert len(large) > 10 * SMALL
    turns, read = 0, asyncio.Event()

    async def others() -> None:
        nonlocal turns
        while not read.is_set():
            await asyncio.sleep(0)
            turns += 1

    async with FeedReader(RealClock()) as reader:
        await reader.read(job(rss(*range(20), size=800)), SliceMemory())  # the worker runs
        waiting = asyncio.get_running_loop().create_task(others())
        got = await reader.read(job(large), SliceMemory())
        read.set()
        await waiting
    assert got.document
    assert len(got.document.entries) == 100
    assert turns > 100, "the loop went round while the worker read"
