"""The services that send: who gets what next, at which pace, with which pictures, and what channels need."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from bot.channels.keeper import Keeper
from bot.channels.publish import Channels
from bot.delivery.audience import audience_of, offer_of
from bot.delivery.budget import MESSAGES_PER_STAR
from bot.delivery.lanes import Lanes
from bot.delivery.media import Media
from bot.delivery.pacing import Pacer, Paying
from bot.delivery.publish import Publisher
from bot.delivery.renderings import Renderings
from bot.delivery.sender import Sender
from bot.delivery.shared import SharedBudget
from bot.desk.queue import rules
from bot.domain.errors import NewsdeskError
from bot.feeds.fetch import Fetcher
from bot.house import House, Start, until
from bot.ops.metrics import Counted
from bot.readers.mutes import end_mutes
from bot.readers.rates import foot
from bot.telegram import Telegram
from handlers.context import Context
from handlers.screen import style_of

DRAIN_SECONDS = 25.0


async def start_sending(
    house: House,
    ctx: Context,
    telegram: Telegram,
    pacer: Pacer,
    budget: SharedBudget | None,
    pictures: Fetcher,
    start: Start,
) -> None:
    """Start them; what is in flight at the stop may take `DRAIN_SECONDS`."""
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
        start(until(house.stop, budget.run()))
    publisher = Publisher(
        house.storage,
        house.clock,
        rate=pacer.allowed,
        offer=offer,
        home=newsroom.timezone,
        valid_for=lambda mask: house.settings.valid_for([one.id for one in house.sections if one.mask & mask]),
        started=sender.wake,
        rules=rules(house.settings, house.sections),
        channels=Channels(house.storage, house.clock, lambda post: audience_of(post, 0, offer).languages),
    )
    me = telegram.bot.id
    keeper = Keeper(house.storage, telegram, house.clock, house.settings, house.sections, ctx.words, me)
    house.wakers += [publisher.wake, sender.wake]
    start(_drained(house, sender.run(house.stop)))
    start(house.once("publish", lambda: publisher.run(house.stop)))
    start(house.once_until_stop("channels", keeper.run))
    start(house.once_until_stop("mutes", lambda: end_mutes(house.storage, house.clock)))


async def _drained(house: House, sending: Coroutine[None, None, object]) -> None:
    """Sending, with a limit on how long what is in flight may take after a stop."""

    async def limit() -> None:
        await house.stop.wait()
        await house.clock.sleep(DRAIN_SECONDS)
        raise NewsdeskError(f"sending did not come to its end within {DRAIN_SECONDS:.0f} s of the stop")

    async with asyncio.TaskGroup() as tasks:
        limiter = tasks.create_task(limit())
        await sending
        limiter.cancel()
