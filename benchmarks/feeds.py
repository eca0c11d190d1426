"""What a poll costs, against aiohttp and feedparser as they come: `python -m benchmarks.feeds [feeds]`.

One run measures both sides over the same local server, whose processor time is not counted, and prints ratios.
Each feed has 30 entries of 1 kB; "one new" means that every feed has one new entry since the last poll. The texts
are plain: with markup in them the other side takes twice as long.
"""

from __future__ import annotations

import asyncio
import io
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from time import process_time
from zoneinfo import ZoneInfo

import aiohttp
import feedparser
from aiohttp import web

from bot.clock import RealClock
from bot.feeds.fetch import Fetcher
from bot.feeds.watch import WatchedFeed, Watcher, _Feed
from bot.feeds.worker import FeedReader
from storage import open_storage

ENTRIES, PARALLEL = 30, 16
ITEM = (
    "<item><guid>http://news.test/{feed}-{n}</guid><link>http://news.test/{feed}/{n}.html</link>"
    "<title>Новость {n} ленты {feed}: мост открыт</title><category>Город</category>"
    "<pubDate>Tue, 24 Nov 2026 10:{minute:02}:00 +0500</pubDate>"
    "<description><![CDATA[<p>{text}</p>]]></description></item>"
)
TEXT = " ".join(f"слово{n} просто речь" for n in range(26))


def document(feed: int, newest: int) -> bytes:
    """A feed whose newest entry has that number."""
    numbers = range(newest + ENTRIES, newest, -1)
    items = "".join(ITEM.format(feed=feed, n=n, minute=n % 60, text=TEXT) for n in numbers)
    head = f"<title>Лента {feed}</title><lastBuildDate>{newest}</lastBuildDate>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


async def serve() -> None:
    """Serve /feed/N in the round that was last put to /round/R; with a validator when asked with one."""
    state = {"round": 0}

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        kind, number = request.path.strip("/").split("/")
        if kind == "round":
            state["round"] = int(number)
            return web.Response()
        headers = {"ETag": f'"{state["round"]}"'} if kind == "etag" else {}
        if headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=document(int(number), state["round"]), content_type="text/xml", headers=headers)

    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def all_of(works: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Run all, so many at a time."""
    queue = list(works)

    async def take() -> None:
        while queue:
            await queue.pop()()

    await asyncio.gather(*(take() for _ in range(PARALLEL)))


async def cost(works: Iterable[Callable[[], Awaitable[object]]]) -> float:
    """Seconds of processor time."""
    before = process_time()
    await all_of(works)
    return process_time() - before


async def baseline(session: aiohttp.ClientSession, url: str) -> None:
    """A poll as most bots do it."""
    async with session.get(url) as response:
        feedparser.parse(io.BytesIO(await response.read()))


async def measure(port: int, feeds: int) -> None:
    """Print what a poll costs on both sides, in milliseconds, and the ratios."""
    base = f"http://127.0.0.1:{port}"
    zone, costs = ZoneInfo("Asia/Almaty"), {}
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{folder}/bench.db")
        async with (
            aiohttp.ClientSession() as session,
            Fetcher(RealClock(), user_agent="bench", allow_private=True) as fetcher,
            FeedReader(RealClock()) as reader,
        ):
            for kind in ("feed", "etag"):
                urls = [f"{base}/{kind}/{n}" for n in range(feeds)]
                configs = [WatchedFeed(url, zone) for url in urls]
                watcher = Watcher(storage, fetcher, configs, [], RealClock(), zone=zone)
                states = await storage.feeds.watch(urls)
                watched = [_Feed(config, state) for config, state in zip(configs, states, strict=True)]
                polls = [lambda f=feed, w=watcher: w.check(f, reader) for feed in watched]
                await session.get(f"{base}/round/0")
                await all_of(polls)
                if kind == "feed":
                    await session.get(f"{base}/round/1")
                    costs["one new"] = await cost(polls)
                    costs["baseline"] = await cost([lambda u=url: baseline(session, u) for url in urls])
                costs["unchanged" if kind == "feed" else "304"] = await cost(polls)
        await storage.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{feeds} feeds of {len(document(0, 0)) / 1000:.0f} kB; the worker took {children.ru_utime:.2f} s in all")
    for name, seconds in costs.items():
        print(f"{name:10} {seconds / feeds * 1000:7.2f} ms a poll   {seconds / costs['baseline']:.3f} of the baseline")


async def main(feeds: int) -> None:
    """Measure against a server in a process of its own."""
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.feeds", "serve", stdout=-1)
    assert server.stdout
    try:
        await measure(int(await server.stdout.readline()), feeds)
    finally:
        server.kill()
        await server.wait()


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else main(int((*sys.argv[1:], "500")[0])))
