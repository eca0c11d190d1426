"""Newsdesk on one screen: who does what, in which order, and what they share.

    feeds ──watch──▶ articles + waiting posts ──publish──▶ broadcasts ──lanes──▶ send ──settle──▶ receipts
      feeds/watch        storage/feeds        delivery/publish      delivery/sender     storage/deliveries

    Telegram ──receive──▶ inbox ──handle──▶ readers' choices, editors' drafts ──launch──▶ broadcasts
              ops/receiver      handlers/         storage/readers, editors

Stages hand over through rows in storage only; the `wake`s are hints. This module opens storage (or says that another
copy has it) and starts one task group of services; what must run once is led by one process. A service runs until the
stop event and cleans up after itself; whatever it loses by dying, a restart or another process finds in storage.
What sends and talks is put together in `bot/sending.py` and `bot/talking.py`, over what all share (`bot/house.py`).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.desk.tallies import roll_up
from bot.domain.article import Section
from bot.domain.errors import NewsdeskError, StorageError
from bot.feeds.fetch import Fetcher
from bot.feeds.watch import WatchedFeed, Watcher
from bot.house import House, until
from bot.ops.health import Health
from bot.ops.http import HttpPort
from bot.ops.leadership import Leadership, agree, take_over
from bot.ops.metrics import Metrics
from bot.ops.retention import keep_tidy
from bot.ops.supervisor import tell
from bot.settings import Settings
from storage import Storage, open_storage

if TYPE_CHECKING:
    from handlers.context import Context

_log = logging.getLogger(__name__)

SERVICES = frozenset({"watch", "send", "talk"})
_BEAT_SECONDS = 15.0


async def run(
    settings: Settings,
    *,
    only: frozenset[str] = SERVICES,
    clock: Clock,
    stop: asyncio.Event | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the services in `only` until SIGTERM, SIGINT or `stop`; `ready` is called once they run.

    Raises `AnotherCopyRuns`, `TelegramStopped`, `ConfigError` or `StorageError`; nothing else on purpose.
    """
    stop = stop or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(RuntimeError, ValueError, NotImplementedError):  # not in the main thread: the caller stops us
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    storage = await open_storage(settings.env.database_url, small=only == {"watch"})
    try:
        while not await agree(storage, clock):
            pass
        health = Health(clock.now, telegram="" if only == {"watch"} else "Telegram has not answered yet.")
        metrics = Metrics(
            health,
            clock.now(),
            settings.delivery.messages_per_second,
            settings.readers.quiet_hours,
            [feed.url for feed in settings.feeds],
        )
        worker = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        house = House(
            settings=settings,
            clock=clock,
            storage=storage,
            stop=stop,
            health=health,
            metrics=metrics,
            http=HttpPort(settings.env.http_listen, health, metrics.text),
            sections=await _sections(settings, storage),
            worker=worker,
            leadership=Leadership(storage, clock, worker, stop),
        )
        await storage.meta.put("started_at", str(int(clock.now())))
        await take_over(storage)
        await _serve(house, only, ready)
    except BaseExceptionGroup as group:
        raise _purposeful(group) from None
    finally:
        await storage.close()


def _purposeful(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error worth telling out of a task group's bundle."""
    known = group.subgroup(NewsdeskError)
    while known is not None and isinstance(known.exceptions[0], BaseExceptionGroup):
        known = known.exceptions[0]
    return known.exceptions[0] if known else group


async def _serve(house: House, only: frozenset[str], ready: Callable[[], None]) -> None:
    env = house.settings.env
    if env.webhook_url and "talk" in only:
        house.http.add_route("POST", urlsplit(env.webhook_url).path or "/", house.receive)
    if env.api_key and "talk" in only:
        from bot.ops.api import Api

        for method, path, handler in Api(house.storage, env.api_key, house.clock, house.work).routes():
            house.http.add_route(method, path, handler)
    async with house.http, house.fetcher() as fetcher, asyncio.TaskGroup() as services:
        services.create_task(_beat(house))

        def watch() -> None:
            if "watch" in only:
                services.create_task(house.once("watch", lambda: _watch(house, fetcher, alone=only == {"watch"})))
                services.create_task(house.once_until_stop("rates", lambda: _rates(house)))
                services.create_task(house.once("tidy", lambda: _tidy(house)))

        def up() -> None:
            tell("READY=1")
            ready()

        if only & {"send", "talk"}:
            await _with_telegram(house, only, fetcher, watch, up)
        else:
            watch()
            up()
            await house.stop.wait()


async def _with_telegram(
    house: House, only: frozenset[str], fetcher: Fetcher, watch: Callable[[], None], ready: Callable[[], None]
) -> None:
    """Sending and talking; the only services that load aiogram (2.4 s and 165 MiB).

    Feeds are watched once Telegram has taken the token: a wrong one is the only thing worth saying then.
    """
    from bot.delivery.media import FETCH_SECONDS
    from bot.delivery.pacing import Pacer
    from bot.delivery.shared import SharedBudget
    from bot.ops.introduction import introduce
    from bot.telegram import close, connect

    settings = house.settings
    pacer = house.metrics.pacer = Pacer(settings.delivery.messages_per_second, shared=house.storage.shared)
    budget = SharedBudget(house.storage, house.clock, pacer, house.worker) if house.storage.shared else None
    env = settings.env
    turn = budget.reply if budget else None
    telegram = connect(env.bot_token, env.bot_api_url, pacer, house.clock, proxy=env.telegram_proxy, turn=turn)
    try:
        async with house.fetcher(deadline=FETCH_SECONDS) as pictures, asyncio.TaskGroup() as services:
            username = await introduce(telegram, house.storage, house.clock, house.health, house.stop)
            if house.health.telegram:
                again = introduce(telegram, house.storage, house.clock, house.health, house.stop, patient=True)
                services.create_task(until(house.stop, again))
            watch()
            ctx = await _context(house, fetcher, pictures, username)
            if "send" in only:
                from bot.sending import start_sending

                await start_sending(house, ctx, telegram, pacer, budget, pictures, services.create_task)
            if "talk" in only:
                from bot.talking import start_talking

                await start_talking(house, ctx, telegram, services.create_task)
            spare_the_collector()
            ready()
            await house.stop.wait()
    finally:
        await close(telegram)


def spare_the_collector() -> None:
    """What is loaded by now stays for good: the garbage collector need not look at it again and again.

    aiogram alone is 400,000 objects; walking them cost a fifth of a delivery (benchmarks/delivery.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _watch(house: House, fetcher: Fetcher, *, alone: bool) -> None:
    zone = house.settings.newsroom.zone
    feeds = [
        WatchedFeed(
            feed.url, ZoneInfo(feed.timezone) if feed.timezone else zone, feed.language, feed.section, feed.interval,
            feed.encoding,
        )
        for feed in house.settings.feeds
    ]  # fmt: skip

    def due(at: float) -> None:
        house.health.watch_due_at = at

    watcher = Watcher(
        house.storage,
        fetcher,
        feeds,
        house.sections,
        house.clock,
        zone=zone,
        credits=house.settings.newsroom.self_credits,
        edits=lambda section: house.settings.posts_for(section).edits,
        pictured=lambda section: house.settings.posts_for(section).picture == "photo",
        arrived=house.wake,
        noticed=due,
        alone=alone,
    )
    house.wakers.append(watcher.wake)
    await watcher.run(house.stop)


async def _tidy(house: House) -> None:
    async def count(now: int) -> None:
        await roll_up(house.storage, house.sections, house.settings.newsroom.zone, now)

    await keep_tidy(house.storage, house.clock, house.stop, count=count)


async def _rates(house: House) -> None:
    rates = house.settings.rates
    if rates.url:
        from bot.readers.rates import RatesService

        async with house.fetcher(rates.ca_file) as fetcher:
            await RatesService(house.storage, fetcher, rates.url, house.settings.newsroom.zone, house.clock).run()


async def _sections(settings: Settings, storage: Storage) -> list[Section]:
    bits = await storage.meta.section_bits([section.id for section in settings.sections])
    return [Section(item.id, bits[item.id], item.name, item.match, item.kind) for item in settings.sections]


async def _context(house: House, fetcher: Fetcher, quick: Fetcher, username: str) -> Context:
    from bot.desk.links import link_problem
    from bot.i18n import Words
    from bot.ops.backlog import born
    from bot.ops.introduction import newsroom_name
    from handlers.context import Context

    settings = house.settings
    return Context(
        storage=house.storage,
        settings=settings,
        words=Words.load(settings.newsroom.languages, settings.overlay),
        clock=house.clock,
        sections=house.sections,
        newsroom=settings.newsroom.name
        or await newsroom_name(settings, house.storage, fetcher, int(house.clock.now())),
        username=username,
        wake=house.wake,
        link_problem=partial(link_problem, quick),
        born_at=await born(house.storage, int(house.clock.now())),
    )


async def _beat(house: House) -> None:
    """What readiness and metrics are judged by, asked of the database; and the sign of life for who supervises us."""
    health, storage = house.health, house.storage
    while not house.stop.is_set():
        tell("WATCHDOG=1")
        try:
            await agree(storage, house.clock)
            now = int(house.clock.now())
            await storage.meta.put("alive_at", str(now))
            health.written_at, health.database = now, ""
            health.waiting_since = await storage.posts.oldest_waiting()
            health.inbox_since = await storage.inbox.oldest_waiting()
            await house.metrics.look(storage, now)
        except StorageError as error:
            health.database = f"The database cannot be written: {error}"
        await house.clock.wait(house.stop, _BEAT_SECONDS)
    tell("STOPPING=1")
