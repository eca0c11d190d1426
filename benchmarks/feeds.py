"""What a poll costs, against aiohttp and feedparser as they come: `python -m benchmarks.feeds [feeds] [kB] [plain]`.

One run measures both sides over the same local server, whose processor time is not counted, and prints ratios. Each
feed has 30 entries; "one new" means that every feed has one new entry since the last poll, and is the mean of three
rounds. Both sides are warm. An entry is so many kB of paragraphs with a link and an emphasis each, as most feeds have
it; `plain` leaves the markup away, which makes feedparser's own cleaning of HTML cheap.
"""

from __future__ import annotations

import asyncio
import io
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from time import process_time
from zoneinfo import ZoneInfo

import aiohttp
import feedparser
from aiohttp import web

from benchmarks import evidence
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
    "<description><![CDATA[<p>Лента {feed}, запись {n}: {text}</p>]]></description></item>"
)
WANTED = {"cold": "<= 1.1", "one new": "<= 0.25", "unchanged": "<= 0.1", "304": ""}
Work = Callable[[], Awaitable[object]]


def text(kilobytes: int, plain: bool) -> str:
    """So much to read."""
    if plain:
        return " ".join(f"слово{n} просто речь" for n in range(26 * kilobytes))
    said = "слово{n} и <a href='http://news.test/{n}'>ссылка</a>, просто речь о том, что <strong>мост</strong> открыт"
    return "</p>\n<p>".join(said.format(n=n) + " и стоит" * 8 for n in range(4 * kilobytes))


def document(feed: int, newest: int, kilobytes: int = 1, plain: bool = False) -> bytes:
    """A feed whose newest entry has that number."""
    numbers, said = range(newest + ENTRIES, newest, -1), text(kilobytes, plain)
    items = "".join(ITEM.format(feed=feed, n=n, minute=n % 60, text=said) for n in numbers)
    head = f"<title>Лента {feed}</title><lastBuildDate>{newest}</lastBuildDate>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


async def serve(kilobytes: int, plain: bool) -> None:
    """Serve /feed/N in the round that was last put to /round/R; /etag/N with a validator."""
    state = {"round": 0}

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        kind, number = request.path.strip("/").split("/")
        if kind == "round":
            state["round"] = int(number)
            return web.Response()
        headers = {"ETag": f'"{state["round"]}"'} if kind == "etag" else {}
        if headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        body = document(int(number), state["round"], kilobytes, plain)
        return web.Response(body=body, content_type="text/xml", headers=headers)

    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def cost(works: Iterable[Work]) -> float:
    """Seconds of processor time, so many works at a time, the parsing process included."""
    queue = list(works)

    async def take() -> None:
        while queue:
            await queue.pop()()

    before = process_time()
    await asyncio.gather(*(take() for _ in range(PARALLEL)))
    return process_time() - before


class Bench(AsyncExitStack):
    """Both sides, ready to poll."""

    async def __aenter__(self) -> Bench:
        self.folder = self.enter_context(tempfile.TemporaryDirectory())
        self.storage = await open_storage(f"sqlite:///{self.folder}/bench.db")
        self.push_async_callback(self.storage.close)
        self.session = await self.enter_async_context(aiohttp.ClientSession())
        self.fetcher = await self.enter_async_context(Fetcher(RealClock(), user_agent="bench", allow_private=True))
        self.reader = await self.enter_async_context(FeedReader(RealClock()))
        return self

    async def here(self, urls: list[str]) -> list[Work]:
        """Polls of our watcher."""
        zone = ZoneInfo("Asia/Almaty")
        configs = [WatchedFeed(url, zone) for url in urls]
        watcher = Watcher(self.storage, self.fetcher, configs, [], RealClock(), zone=zone)
        states = await self.storage.feeds.watch(urls)
        watched = [_Feed(config, state) for config, state in zip(configs, states, strict=True)]
        return [lambda f=feed: watcher.check(f, self.reader) for feed in watched]

    def usual(self, urls: list[str]) -> list[Work]:
        """Polls as most bots do them."""
        return [lambda u=url: self._usual(u) for url in urls]

    async def _usual(self, url: str) -> None:
        async with self.session.get(url) as response:
            feedparser.parse(io.BytesIO(await response.read()))


def parsing_took() -> float:
    """Seconds of the worker processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


async def measure(port: int, feeds: int, size: str) -> None:
    """Print what a poll costs on both sides, in milliseconds, and the ratios."""
    base = f"http://127.0.0.1:{port}"
    urls = [f"{base}/feed/{n}" for n in range(feeds)]
    costs: dict[str, float] = {}
    async with Bench() as bench:
        await cost(bench.usual(urls[:20]))
        before = parsing_took()
        polls = await bench.here(urls)
        cold = await cost(polls)
        await bench.reader.__aexit__()  # its worker ends, and is counted
        costs["cold"] = cold + parsing_took() - before
        costs["one new"] = costs["baseline"] = 0.0
        for number in range(1, 4):
            await bench.session.get(f"{base}/round/{number}")
            costs["one new"] += await cost(polls) / 3
            costs["baseline"] += await cost(bench.usual(urls)) / 3
        costs["unchanged"] = await cost(polls)
        tagged = await bench.here([f"{base}/etag/{n}" for n in range(feeds)])
        await cost(tagged)
        costs["304"] = await cost(tagged)
    told = f"{feeds} feeds of {ENTRIES} entries of {size}"
    print(told)
    figures, baseline = [], costs.pop("baseline")
    for name, seconds in costs.items():
        print(f"{name:10} {seconds / feeds * 1000:7.2f} ms a poll   {seconds / baseline:.3f} of the baseline")
        id_, what = name.removeprefix("one "), f"CPU of a poll, {name}; {told}"
        ours, theirs = seconds / feeds * 1000, baseline / feeds * 1000
        figures.append(evidence.Figure(id_, what, ours, "ms", "aiohttp + feedparser", theirs, WANTED[name]))
    print(f"baseline   {baseline / feeds * 1000:7.2f} ms a poll: aiohttp + feedparser")
    evidence.save("feeds" if size == "1 kB" else f"feeds {size}".replace(",", "").replace(" ", "-"), *figures)


async def rounds() -> None:
    """For benchmarks.peers: a line "feeds ADDRESS…" or "again" is a round; the answer is its seconds."""
    loop, polls = asyncio.get_running_loop(), []
    async with Bench() as bench:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.startswith("feeds"):
                urls = line.split()[1:]
                polls = await bench.here(urls)
            before = parsing_took()
            seconds = await cost(polls)
            await bench.reader.__aexit__()
            print(seconds + parsing_took() - before, flush=True)


async def main(feeds: int, kilobytes: int = 1, plain: bool = False) -> None:
    """Measure against a server in a process of its own."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.feeds", "serve", str(kilobytes), *["plain"] * plain, stdout=-1
    )
    assert server.stdout
    try:
        await measure(int(await server.stdout.readline()), feeds, f"{kilobytes} kB" + ", plain" * plain)
    finally:
        server.kill()
        await server.wait()


if __name__ == "__main__":
    plain = "plain" in sys.argv
    match [word for word in sys.argv[1:] if word != "plain"]:
        case ["serve", size]:
            asyncio.run(serve(int(size), plain))
        case ["rounds"]:
            asyncio.run(rounds())
        case given:
            asyncio.run(main(*map(int, given or ["500"]), plain=plain))
