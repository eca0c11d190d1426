"""CPU per delivery, from the lease of a block to its written receipts, beside plain aiogram and bare aiohttp.

    python -m benchmarks.delivery [deliveries]

All three send the same post with 64 in flight to the same stub (its own process), in one run. Then newsdesk and
aiohttp send at 1,000 a second, each message at its own moment. Readers of newsdesk have quiet hours, volumes and mutes
(`benchmarks.choices`), which it minds; who wants digests only gets nothing.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from benchmarks import evidence
from benchmarks.choices import choose
from bot.app import spare_the_collector
from bot.clock import RealClock
from bot.delivery.audience import Offer
from bot.delivery.lanes import Lanes
from bot.delivery.pacing import Pacer
from bot.delivery.renderings import Renderings
from bot.delivery.sender import Sender
from bot.domain.article import Article, Section
from bot.domain.delivery import Audience, Lane
from bot.domain.feed import Found, Poll
from bot.i18n import Words
from bot.posts.compose import PostStyle
from bot.telegram import close, connect
from storage import Storage, open_storage

TOKEN = "777000123:AAbenchmark-benchmark-benchmark-00"
IN_FLIGHT = 64
RATE = 1000
ZONE = ZoneInfo("Asia/Almaty")
SECTION = Section("sport", 0, {"ru": "Спорт"})
_LEAD = "Команда области обыграла гостей в дополнительное время и впервые за девять лет вышла в финал турнира. " * 2


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(work: Callable[[], Awaitable[None]], number: int) -> float:
    """Microseconds of CPU per delivery."""
    gc.collect()
    before = cpu()
    await work()
    return (cpu() - before) / number * 1e6


async def prepared(folder: str, readers: int) -> Storage:
    """A database with readers and one running broadcast."""
    storage = await open_storage(f"sqlite:///{folder}/bench.db")
    await storage.engine.many(
        "INSERT INTO reader (chat_id, language, state, sections, breaking, joined_at, consent_at, changed_at)"
        " VALUES (:chat, 'ru', 'active', 1, 1, 0, 0, 0)",
        [(1_000_000 + n,) for n in range(readers)],
    )
    await choose(storage, RealClock().now(), ZONE.key)
    (feed,) = await storage.feeds.watch(["https://dala.example/rss"])
    article = Article(0, feed.id, "Финал областного кубка", _LEAD, "https://dala.example/1", "ru", 1, 0, published_at=1)
    await storage.feeds.save_poll(Poll(feed, (Found(article, ("k",), True),)), now=0)
    ((post, _),) = await storage.posts.waiting()
    await storage.broadcasts.publish(
        [post], Audience(sections=1), key="bench", lane=Lane.REGULAR, total=readers, start=0.3, now=0
    )
    return storage


def renderings() -> Renderings:
    """The formatter as the bot uses it."""
    return Renderings(Words.load(("ru",)), [SECTION], lambda post: PostStyle(), ZONE, "Дала")


async def ours(url: str, readers: int, rate: float = 1e9) -> float:
    """The whole road: lease, read, send, receipt; at most `rate` a second."""
    with tempfile.TemporaryDirectory() as folder:
        storage = await prepared(folder, readers)
        clock, pacer = RealClock(), Pacer(rate)
        telegram = connect(TOKEN, url, pacer, clock)
        lanes = Lanes(storage, clock, "bench", rate=pacer.allowed, offer=Offer(("ru",), ("ru",)), home="Asia/Almaty")
        sender = Sender(storage, telegram, pacer, renderings(), lanes, clock, worker="bench", most=IN_FLIGHT + 4)

        async def work() -> None:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sender.run(stop))
                while await storage.broadcasts.open():
                    await clock.sleep(0.05)
                stop.set()

        await telegram.call("getMe", {})  # connections and imports are not what is measured
        thresholds = gc.get_threshold()
        spare_the_collector()  # as the bot does when it has started; the others get the defaults back
        audience = await storage.readers.count(Audience(sections=1))
        used = await measured(work, audience)
        assert (await storage.broadcasts.progress(1)).sent == audience
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        await close(telegram)
        await storage.close()
    return used


async def in_flight(number: int, send: Callable[[int], Awaitable[object]]) -> None:
    """Call `send` for 0 … number-1 with 64 workers."""
    numbers = iter(range(number))

    async def worker() -> None:
        for n in numbers:
            await send(n)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(worker())


async def plain_aiogram(url: str, number: int) -> float:
    """`Bot.send_message` in a loop: what bots of this field do."""
    rendering = (await _sample()).payload
    session = AiohttpSession(api=TelegramAPIServer.from_base(url), limit=IN_FLIGHT)
    async with Bot(TOKEN, session=session) as bot:
        await bot.send_message(1, **rendering)
        return await measured(lambda: in_flight(number, lambda n: bot.send_message(1_000_000 + n, **rendering)), number)


async def paced(number: int, send: Callable[[int], Awaitable[object]], rate: float) -> None:
    """Call `send` for 0 … number-1, each at its own moment, however long they take."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for n in range(number):
            await asyncio.sleep(max(0.0, began + n / rate - loop.time()))
            tasks.create_task(send(n))  # type: ignore[arg-type]


async def bare_aiohttp(url: str, number: int, rate: float = 0.0) -> float:
    """A POST of ready bytes and nothing else: the floor for this HTTP client; at `rate` a second where given."""
    body = json.dumps({**(await _sample()).payload, "chat_id": 1_000_000}, ensure_ascii=False).encode()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:

        async def post(n: int) -> None:
            async with session.post(
                f"{url}/bot{TOKEN}/sendMessage", data=body, headers={"Content-Type": "application/json"}
            ) as answer:
                await answer.read()

        await post(0)
        work = (lambda: paced(number, post, rate)) if rate else (lambda: in_flight(number, post))
        return await measured(work, number)


async def _sample():  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        storage = await prepared(folder, 1)
        (post,) = await storage.posts.get([1])
        await storage.close()
    return renderings().render(post, "ru")


async def main(number: int) -> None:
    """Three rounds, each client in turn; the medians and their ratios."""
    server = subprocess.Popen([sys.executable, Path(__file__).with_name("stub.py")], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        clients: dict[str, Callable[[str, int], Awaitable[float]]] = {
            "newsdesk": ours,
            "plain aiogram": plain_aiogram,
            "bare aiohttp": bare_aiohttp,
            "newsdesk, 1000/s": lambda url, number: ours(url, number, RATE),
            "bare aiohttp, 1000/s": lambda url, number: bare_aiohttp(url, number, RATE),
        }
        found: dict[str, list[float]] = {name: [] for name in clients}
        for _ in range(3):
            for name, client in clients.items():
                found[name].append(await client(url, number))
    finally:
        server.kill()
        server.wait()
    middle = {name: sorted(values)[1] for name, values in found.items()}
    print(f"{number} deliveries, {IN_FLIGHT} in flight, CPU of the sending process per delivery, median of 3:")
    for name, value in middle.items():
        print(f"  {name:20} {value:7.0f} µs")
    figures = []
    for id_, one, other, wanted in (
        ("aiogram", "newsdesk", "plain aiogram", "<= 0.30"),
        ("aiohttp", "newsdesk", "bare aiohttp", "<= 1.25"),
        ("paced", "newsdesk, 1000/s", "bare aiohttp, 1000/s", "<= 1.25"),
    ):
        what = f"CPU of a delivery, lease to receipt ({one})"
        figures.append(evidence.Figure(id_, what, middle[one], "µs", other, middle[other], wanted))
        print(f"  {one} / {other} = {middle[one] / middle[other]:.2f}")
    evidence.save("delivery", *figures)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
