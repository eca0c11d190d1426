"""What attacks on the watcher cost: `python -m benchmarks.hostile`. One line each: verdict, seconds, memory.

Every row runs in a process of its own, worker included; "memory" is what the two grew by above an idle pair. The wire
rows are served from loopback, so private addresses are allowed there; the guard itself is asked in the address rows.
NEWSDESK_EVIDENCE=1 puts the table on record.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import resource
import subprocess
import sys
import zlib
from collections.abc import Awaitable, Callable
from functools import cache
from time import monotonic, process_time
from zoneinfo import ZoneInfo

from aiohttp import web

from benchmarks import evidence
from bot.clock import RealClock
from bot.domain.errors import FeedError
from bot.feeds.fetch import DEADLINE, Fetcher
from bot.feeds.slices import SliceMemory
from bot.feeds.worker import FeedReader, Job
from tests.feeds.test_worker import ATTACKS
from tests.feeds.watching import served_by

ADDRESSES = {
    "address: 127.0.0.1": "http://127.0.0.1/", "address: ①②⑦.⓪.⓪.①": "http://①②⑦.⓪.⓪.①/",
    "address: 2130706433": "http://2130706433/", "address: [::ffff:10.0.0.1]": "http://[::ffff:10.0.0.1]/",
    "address: NAT64": "http://[64:ff9b::a00:1]/", "address: 169.254.169.254": "http://169.254.169.254/",
    "address: localhost": "http://localhost/", "address: file:": "file:///etc/passwd",
}  # fmt: skip


@cache
def squeezed(megabytes: int) -> bytes:
    """So many zeros, a thousandth of that in size."""
    squeeze = zlib.compressobj(9, wbits=31)
    return b"".join(squeeze.compress(b"\0" * 1_000_000) for _ in range(megabytes)) + squeeze.flush()


async def bomb(request: web.BaseRequest) -> web.StreamResponse:
    """300 kB that unpack to 300 MB."""
    return web.Response(body=squeezed(300), headers={"Content-Encoding": "gzip"})


async def nested_bomb(request: web.BaseRequest) -> web.StreamResponse:
    """A bomb in a bomb: unpacked once, it is no XML."""
    return web.Response(body=gzip.compress(squeezed(300)), headers={"Content-Encoding": "gzip"})


async def endless(request: web.BaseRequest) -> web.StreamResponse:
    """A body that never ends."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"<rss>" * 20_000)


async def drip(request: web.BaseRequest) -> web.StreamResponse:
    """A byte every second."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"<")
        await asyncio.sleep(1)


async def circle(request: web.BaseRequest) -> web.StreamResponse:
    """A redirect to itself."""
    return web.Response(status=302, headers={"Location": str(request.url)})


WIRE: dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
    "wire: gzip bomb, 300 MB": bomb, "wire: bomb in a bomb": nested_bomb, "wire: endless body": endless,
    f"wire: a byte a second ({DEADLINE:.0f} s)": drip, "wire: redirects in a circle": circle,
}  # fmt: skip
ROWS = ["nothing", *ATTACKS, *ADDRESSES, *WIRE]


async def attack(name: str) -> str:
    """Meet one; the verdict."""
    clock = RealClock()
    try:
        if name in ADDRESSES:
            async with Fetcher(clock, user_agent="x") as http:
                await http.fetch(ADDRESSES[name])
        elif name in WIRE:
            async with served_by(WIRE[name]) as url, Fetcher(clock, user_agent="x", allow_private=True) as http:
                await http.fetch(f"{url}/rss")
        else:
            body = ATTACKS.get(name, b"<rss version='2.0'><channel><item><title>t</title></item></channel></rss>")
            async with FeedReader(clock) as reader:
                job = Job(body, "https://news.test/rss", ZoneInfo("UTC"), "", clock.now())
                document = (await reader.read(job, SliceMemory())).document
                return f"read, {len(document.entries)} entries" if document else "nothing"
    except FeedError as error:
        return f"refused: {error.kind}"
    return "fetched"


def one(name: str) -> None:
    """Run a row and print its figures."""
    squeezed(300)  # made before anything is measured
    began, cpu = monotonic(), process_time()
    verdict = asyncio.run(attack(name))
    took = process_time() - cpu + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([verdict, took, monotonic() - began, memory]))


def main() -> None:
    """Print the table."""
    idle, slowest, largest = 0, 0.0, 0.0
    table = [f"{'attack':38} {'verdict':24} {'CPU s':>7} {'s':>7} {'MB':>6}"]
    print(table[0])
    for name in ROWS:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.hostile", name]
        out = subprocess.run(command, capture_output=True, check=True).stdout
        verdict, cpu, took, memory = json.load(io.BytesIO(out))
        idle = idle or memory
        grown = (memory - idle) / 1024
        slowest, largest = max(slowest, cpu), max(largest, grown)
        table.append(f"{name:38} {verdict:24} {cpu:7.2f} {took:7.2f} {grown:6.0f}")
        print(table[-1], flush=True)
    evidence.save(
        "hostile",
        evidence.Figure("cpu", "CPU of the dearest attack", slowest, "s", wanted="<= 0.5"),
        evidence.Figure("memory", "memory that the largest attack takes", largest, "MB"),
        table="\n".join(table),
    )


if __name__ == "__main__":
    one(sys.argv[1]) if len(sys.argv) > 1 else main()
