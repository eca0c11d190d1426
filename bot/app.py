"""Newsdesk on one screen: who does what, in which order, and what they share.

    feeds ──watch──▶ articles + waiting posts ──publish──▶ broadcasts ──lanes──▶ send ──settle──▶ receipts
      feeds/watch        storage/feeds        delivery/publish      delivery/sender     storage/deliveries

    Telegram ──receive──▶ inbox ──handle──▶ readers' choices, editors' drafts ──launch──▶ broadcasts
              ops/receiver      handlers/         storage/readers, editors

Stages hand over through rows in storage only; the `wake`s are hints. This module opens storage (or says that another
copy has it) and starts one task group of services; what must run once is led by one process. A service runs until the
stop event and cleans up after itself; whatever it loses by dying, a restart or another process finds in storage.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.clock import Clock
from bot.delivery.budget import MESSAGES_PER_STAR
from bot.delivery.pacing import Pacer, Paying
from bot.delivery.shared import SharedBudget
from bot.desk.stats import roll_up
from bot.domain.article import Section
from bot.domain.desk import Role
from bot.domain.errors import NewsdeskError, StorageError, TelegramStopped
from bot.feeds.fetch import DEADLINE, Fetcher
from bot.feeds.watch import WatchedFeed, Watcher
from bot.i18n import Words
from bot.ops.api import Api
from bot.ops.api import Work as ApiWork
from bot.ops.backlog import born
from bot.ops.health import Health
from bot.ops.http import Handler, HttpPort
from bot.ops.leadership import Leadership, Work, agree, take_over
from bot.ops.metrics import Counted, Metrics
from bot.ops.retention import keep_tidy
from bot.ops.supervisor import tell
from bot.readers.mutes import end_mutes
from bot.readers.rates import RatesService, foot
from bot.settings import Settings
from storage import Storage, open_storage

if TYPE_CHECKING:
    from aiogram import Bot

    from bot.desk.room import Seat
    from bot.telegram import Telegram
    from handlers.context import Context

_log = logging.getLogger(__name__)

SERVICES = frozenset({"watch", "send", "talk"})
DRAIN_SECONDS = 25.0
Start = Callable[[Coroutine[None, None, object]], object]
"""Starts a service in a task group."""
_BEAT_SECONDS = 15.0
_WEBHOOK_RETRY = 30.0
_WEBHOOK = "webhook"


@dataclass(slots=True)
class _House:
    """What the services share."""

    settings: Settings
    clock: Clock
    storage: Storage
    stop: asyncio.Event
    health: Health
    metrics: Metrics
    http: HttpPort
    sections: list[Section]
    worker: str
    leadership: Leadership
    wakers: list[Callable[[], None]] = field(default_factory=list)
    webhook: Handler | None = None
    work: dict[str, ApiWork] = field(default_factory=dict)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Telegram's webhook; until somebody listens, Telegram is asked to come again."""
        return await self.webhook(request) if self.webhook else web.Response(status=503)

    def wake(self) -> None:
        """Something new is in storage."""
        for waker in self.wakers:
            waker()

    def once(self, name: str, work: Work) -> Coroutine[None, None, None]:
        """A service that runs in one process only, however many there are; `work()` ends at the stop event."""
        return self.leadership.once(name, work)

    def once_until_stop(self, name: str, work: Work) -> Coroutine[None, None, None]:
        """The same for work that has no end of its own."""
        return self.once(name, lambda: _until(self.stop, work()))

    @property
    def fed(self) -> list[str]:
        """The languages in which feeds publish."""
        return sorted({feed.language for feed in self.settings.feeds if feed.language})


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
    storage = await open_storage(settings.env.database_url)
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
        house = _House(
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


async def _serve(house: _House, only: frozenset[str], ready: Callable[[], None]) -> None:
    env = house.settings.env
    if env.webhook_url and "talk" in only:
        house.http.add_route("POST", urlsplit(env.webhook_url).path or "/", house.receive)
    if env.api_key and "talk" in only:
        for method, path, handler in Api(house.storage, env.api_key, house.clock, house.work).routes():
            house.http.add_route(method, path, handler)
    async with house.http, _fetcher(house) as fetcher, asyncio.TaskGroup() as services:
        services.create_task(_beat(house))

        def watch() -> None:
            if "watch" in only:
                services.create_task(house.once("watch", lambda: _watch(house, fetcher)))
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
    house: _House, only: frozenset[str], fetcher: Fetcher, watch: Callable[[], None], ready: Callable[[], None]
) -> None:
    """Sending and talking; the only services that load aiogram (2.4 s and 165 MiB).

    Feeds are watched once Telegram has taken the token: a wrong one is the only thing worth saying then.
    """
    from bot.delivery.media import FETCH_SECONDS
    from bot.ops.introduction import introduce
    from bot.telegram import close, connect

    settings = house.settings
    pacer = house.metrics.pacer = Pacer(settings.delivery.messages_per_second, shared=house.storage.shared)
    budget = SharedBudget(house.storage, house.clock, pacer, house.worker) if house.storage.shared else None
    env = settings.env
    turn = budget.reply if budget else None
    telegram = connect(env.bot_token, env.bot_api_url, pacer, house.clock, proxy=env.telegram_proxy, turn=turn)
    try:
        async with _fetcher(house, deadline=FETCH_SECONDS) as pictures, asyncio.TaskGroup() as services:
            username = await introduce(telegram, house.storage, house.clock, house.health, house.stop)
            if house.health.telegram:
                again = introduce(telegram, house.storage, house.clock, house.health, house.stop, patient=True)
                services.create_task(_until(house.stop, again))
            watch()
            ctx = await _context(house, fetcher, pictures, username)
            if "send" in only:
                await _start_sending(house, ctx, telegram, pacer, budget, pictures, services.create_task)
            if "talk" in only:
                await _start_talking(house, ctx, telegram, services.create_task)
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


async def _watch(house: _House, fetcher: Fetcher) -> None:
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
    )
    house.wakers.append(watcher.wake)
    await watcher.run(house.stop)


async def _tidy(house: _House) -> None:
    async def count(now: int) -> None:
        await roll_up(house.storage, house.sections, house.settings.newsroom.zone, now)

    await keep_tidy(house.storage, house.clock, house.stop, count=count)


async def _rates(house: _House) -> None:
    rates = house.settings.rates
    if rates.url:
        async with _fetcher(house, rates.ca_file) as fetcher:
            await RatesService(house.storage, fetcher, rates.url, house.settings.newsroom.zone, house.clock).run()


async def _start_sending(
    house: _House,
    ctx: Context,
    telegram: Telegram,
    pacer: Pacer,
    budget: SharedBudget | None,
    pictures: Fetcher,
    start: Start,
) -> None:
    from bot.channels.keeper import Keeper
    from bot.channels.publish import Channels
    from bot.delivery.audience import audience_of, offer_of
    from bot.delivery.lanes import Lanes
    from bot.delivery.media import Media
    from bot.delivery.publish import Publisher
    from bot.delivery.renderings import Renderings
    from bot.delivery.sender import Sender
    from handlers.screen import style_of

    newsroom = house.settings.newsroom
    offer = offer_of(newsroom.languages, house.fed, house.sections)
    renderings = Renderings(
        ctx.words,
        house.sections,
        lambda post: style_of(house.settings, house.sections, post),
        ctx.zone,
        ctx.newsroom,
        f"https://t.me/{ctx.username}",
        lambda days, t: foot(days, house.settings.rates.show, t, ctx.zone),
    )
    delivery, paying = house.settings.delivery, None
    if delivery.paid:
        paying = Paying(Pacer(delivery.paid_messages_per_second), delivery.paid_stars_cap * MESSAGES_PER_STAR)
    lanes = Lanes(
        house.storage,
        house.clock,
        house.worker,
        rate=pacer.allowed,
        offer=offer,
        home=newsroom.timezone,
        paying=paying,
    )
    counted = Counted(telegram, house.metrics)
    media = Media(house.storage, pictures, counted, renderings, house.clock)
    sender = Sender(
        house.storage,
        counted,
        pacer,
        renderings,
        lanes,
        house.clock,
        worker=house.worker,
        media=media,
        shared=budget,
    )
    if budget:
        budget.urgent, budget.stood_still = (lambda: lanes.urgent), lanes.lapse
        start(_until(house.stop, budget.run()))
    publisher = Publisher(
        house.storage,
        house.clock,
        rate=pacer.allowed,
        offer=offer,
        home=newsroom.timezone,
        valid_for=lambda mask: house.settings.valid_for([one.id for one in house.sections if one.mask & mask]),
        started=sender.wake,
        channels=Channels(house.storage, house.clock, lambda post: audience_of(post, 0, offer).languages),
    )
    me = telegram.bot.id
    keeper = Keeper(house.storage, telegram, house.clock, house.settings, house.sections, ctx.words, me)
    house.wakers += [publisher.wake, sender.wake]
    start(_drained(house, sender.run(house.stop)))
    start(house.once("publish", lambda: publisher.run(house.stop)))
    start(house.once_until_stop("channels", keeper.run))
    start(house.once_until_stop("mutes", lambda: end_mutes(house.storage, house.clock)))


async def _drained(house: _House, sending: Coroutine[None, None, object]) -> None:
    """Sending, with a limit on how long what is in flight may take after a stop."""

    async def limit() -> None:
        await house.stop.wait()
        await house.clock.sleep(DRAIN_SECONDS)
        raise NewsdeskError(f"sending did not come to its end within {DRAIN_SECONDS:.0f} s of the stop")

    async with asyncio.TaskGroup() as tasks:
        limiter = tasks.create_task(limit())
        await sending
        limiter.cancel()


async def _start_talking(house: _House, ctx: Context, telegram: Telegram, start: Start) -> None:
    from aiogram import Dispatcher

    from bot.desk.alarms import Alarms
    from bot.ops.alarm import DatabaseAlarm
    from bot.ops.receiver import HURRIED, Receiver
    from handlers import build_router
    from handlers.commands import sync_profile

    dispatcher = Dispatcher(disable_fsm=True)
    dispatcher.include_router(build_router())

    async def handle(update: dict[str, object]) -> None:
        await dispatcher.feed_raw_update(telegram.bot, update, ctx=ctx, hurried=update.pop(HURRIED, False))

    def heard() -> None:
        house.health.heard_at, house.health.telegram = house.clock.now(), ""

    env = house.settings.env
    receiver = Receiver(
        house.storage,
        telegram,
        handle,
        house.clock,
        kinds=dispatcher.resolve_used_update_types(),
        heard=heard,
        born_at=ctx.born_at,
        worker=house.worker if house.storage.shared else "",
        once=house.once,
    )
    if env.webhook_url:
        house.webhook = receiver.webhook(env.webhook_secret)
        start(_until(house.stop, _set_webhook(house, telegram, dispatcher.resolve_used_update_types())))
    start(receiver.run(house.stop, polling=not env.webhook_url))
    _start_desk(house, ctx, telegram, start)
    start(_until(house.stop, sync_profile(telegram.bot, ctx)))
    alarms = Alarms(house.storage, house.settings, ctx.words, house.clock, partial(_say_at, telegram.bot))
    start(house.once_until_stop("alarms", alarms.run))
    alarm = DatabaseAlarm(house.storage, house.health, ctx.words, house.clock, telegram.bot.send_message)
    start(_until(house.stop, alarm.run()))
    await _owners(house, ctx)
    if env.api_key:
        _serve_cms(house, ctx)


def _serve_cms(house: _House, ctx: Context) -> None:
    """The newsroom's API has something to do its work with from now on."""
    from bot.ops.intake import Intake
    from handlers.screen import render

    intake = Intake(
        house.storage,
        house.settings,
        house.sections,
        house.clock,
        wake=house.wake,
        render=lambda post, code: render(ctx, post, code),
    )
    house.work |= {"breaking": intake.breaking, "articles": intake.articles, "check": intake.check}


async def _say_at(bot: Bot, seat: Seat, text: str, keyboard: dict[str, object] | None) -> None:
    """Tell the desk something, where it sits."""
    from aiogram.exceptions import AiogramError
    from aiogram.types import InlineKeyboardMarkup

    from handlers.screen import say

    try:
        keys = InlineKeyboardMarkup.model_validate(keyboard) if keyboard else None
        await say(bot, seat.chat_id, text, keys, message_thread_id=seat.thread_id or None)
    except AiogramError as refusal:
        raise OSError(str(refusal)) from refusal


def _start_desk(house: _House, ctx: Context, telegram: Telegram, start: Start) -> None:
    from bot.channels.intake import Intake
    from bot.desk.board import Board
    from bot.desk.sends import Sends
    from handlers.newsroom import gathered

    sends = Sends(
        house.storage,
        telegram,
        house.settings,
        ctx.words,
        house.clock,
        launched=house.wake,
        gathered=partial(gathered, telegram.bot, ctx),
    )
    hands = Intake(
        house.storage, telegram, house.settings, ctx.words, house.sections, house.clock, published=house.wake
    )
    board = Board([sends, hands], house.clock)
    house.wakers.append(board.wake)
    start(house.once_until_stop("desk", board.run))


async def _set_webhook(house: _House, telegram: Telegram, kinds: list[str]) -> None:
    """Tell Telegram where to bring updates; a refusal is said and tried again."""
    from aiogram.exceptions import AiogramError, TelegramUnauthorizedError

    from bot.telegram import REFUSED

    env, known = house.settings.env, await house.storage.meta.get(_WEBHOOK)
    while True:
        try:
            found = (await telegram.bot.get_webhook_info()).url
            if found not in ("", env.webhook_url, known):  # some program lives on this token
                at = urlsplit(found).hostname  # its path may be a secret
                house.health.telegram = f"The token has a webhook at {at}: newsdesk init takes it over, after asking."
                _log.error("%s", house.health.telegram)
                await house.clock.sleep(_WEBHOOK_RETRY)
                continue
            await house.storage.meta.put(_WEBHOOK, env.webhook_url)
            await telegram.bot.set_webhook(env.webhook_url, secret_token=env.webhook_secret, allowed_updates=kinds)
        except TelegramUnauthorizedError:
            raise TelegramStopped(REFUSED) from None
        except AiogramError as error:
            house.health.telegram = f"The webhook could not be set: {error}"
            _log.error("the webhook could not be set: %s", error)
            await house.clock.sleep(_WEBHOOK_RETRY)
        else:
            house.health.telegram = ""
            return


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Run work that has no end of its own until the stop."""

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        waiter = tasks.create_task(stop.wait())
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        waiter.cancel()


@asynccontextmanager
async def _fetcher(house: _House, ca_file: str = "", deadline: float = DEADLINE) -> AsyncIterator[Fetcher]:
    env = house.settings.env
    async with Fetcher(
        house.clock,
        user_agent=house.settings.user_agent,
        allow_private=env.fetch_allow_private,
        proxy=env.fetch_proxy,
        ca_file=ca_file,
        deadline=deadline,
    ) as fetcher:
        yield fetcher


async def _sections(settings: Settings, storage: Storage) -> list[Section]:
    bits = await storage.meta.section_bits([section.id for section in settings.sections])
    return [Section(item.id, bits[item.id], item.name, item.match, item.kind) for item in settings.sections]


async def _context(house: _House, fetcher: Fetcher, quick: Fetcher, username: str) -> Context:
    from bot.desk.links import link_problem
    from bot.ops.introduction import newsroom_name
    from handlers.context import Context

    settings = house.settings
    overlay = settings.path.parent / "locales" if settings.path else Path("locales")
    return Context(
        storage=house.storage,
        settings=settings,
        words=Words.load(settings.newsroom.languages, overlay if overlay.is_dir() else None),
        clock=house.clock,
        sections=house.sections,
        newsroom=settings.newsroom.name
        or await newsroom_name(settings, house.storage, fetcher, int(house.clock.now())),
        username=username,
        wake=house.wake,
        link_problem=partial(link_problem, quick),
        born_at=await born(house.storage, int(house.clock.now())),
    )


async def _owners(house: _House, ctx: Context) -> None:
    """Owners are what the file says; without any, whoever opens the claim link becomes one."""
    from bot.desk.invitations import claim_link

    editors, now = house.storage.editors, int(house.clock.now())
    listed = set(house.settings.newsroom.owners)
    owners = {person.user_id: person for person in await editors.all() if person.role is Role.OWNER}
    for user_id, person in owners.items():
        if person.added_by == 0 and user_id not in listed:
            await editors.remove(user_id)
    for user_id in listed - owners.keys():
        await editors.add(user_id, Role.OWNER, "", by=0, now=now)
    if not await editors.has_owner():
        link = await claim_link(house.storage, ctx.username, now)
        print(f"Nobody owns this newsroom yet. Open this link within an hour to become its owner:\n{link}", flush=True)


async def _beat(house: _House) -> None:
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
