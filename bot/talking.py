"""The services that talk: updates to handlers, the desk, alarms, and the newsroom's API for its CMS."""

from __future__ import annotations

import logging
from functools import partial
from urllib.parse import urlsplit

from aiogram import Bot, Dispatcher
from aiogram.exceptions import AiogramError, TelegramUnauthorizedError
from aiogram.types import InlineKeyboardMarkup

from bot.channels.intake import Intake as Hands
from bot.desk.alarms import Alarms
from bot.desk.board import Board
from bot.desk.invitations import claim_link
from bot.desk.queue import QueueCards
from bot.desk.room import Seat
from bot.desk.sends import Sends
from bot.domain.desk import Role
from bot.domain.errors import TelegramStopped
from bot.house import House, Start, until
from bot.ops.alarm import DatabaseAlarm
from bot.ops.intake import Intake as CmsIntake
from bot.ops.receiver import HURRIED, Receiver
from bot.telegram import REFUSED, Telegram
from handlers import build_router
from handlers.commands import sync_profile
from handlers.context import Context
from handlers.newsroom import gathered
from handlers.screen import render, say

_log = logging.getLogger(__name__)
_WEBHOOK_RETRY = 30.0
_WEBHOOK = "webhook"


async def start_talking(house: House, ctx: Context, telegram: Telegram, start: Start) -> None:
    """Start them; who owns the newsroom is settled by then."""
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
        start(until(house.stop, _set_webhook(house, telegram, dispatcher.resolve_used_update_types())))
    start(receiver.run(house.stop, polling=not env.webhook_url))
    _start_desk(house, ctx, telegram, start)
    start(until(house.stop, sync_profile(telegram.bot, ctx)))
    alarms = Alarms(house.storage, house.settings, ctx.words, house.clock, partial(say_at, telegram.bot))
    start(house.once_until_stop("alarms", alarms.run))
    alarm = DatabaseAlarm(house.storage, house.health, ctx.words, house.clock, telegram.bot.send_message)
    start(until(house.stop, alarm.run()))
    await _owners(house, ctx)
    if env.api_key:
        _serve_cms(house, ctx)


def _serve_cms(house: House, ctx: Context) -> None:
    """The newsroom's API has something to do its work with from now on."""

    intake = CmsIntake(
        house.storage,
        house.settings,
        house.sections,
        house.clock,
        wake=house.wake,
        render=lambda post, code: render(ctx, post, code),
    )
    house.work |= {"breaking": intake.breaking, "articles": intake.articles, "check": intake.check}


async def say_at(bot: Bot, seat: Seat, text: str, keyboard: dict[str, object] | None) -> None:
    """Tell the desk something, where it sits."""

    try:
        keys = InlineKeyboardMarkup.model_validate(keyboard) if keyboard else None
        await say(bot, seat.chat_id, text, keys, message_thread_id=seat.thread_id or None)
    except AiogramError as refusal:
        raise OSError(str(refusal)) from refusal


def _start_desk(house: House, ctx: Context, telegram: Telegram, start: Start) -> None:

    sends = Sends(
        house.storage,
        telegram,
        house.settings,
        ctx.words,
        house.clock,
        launched=house.wake,
        gathered=partial(gathered, telegram.bot, ctx),
        sections=house.sections,
    )
    hands = Hands(house.storage, telegram, house.settings, ctx.words, house.sections, house.clock, published=house.wake)
    queue = QueueCards(house.storage, telegram, house.settings, ctx.words, house.sections, house.clock)
    board = Board([sends, queue, hands], house.clock)
    house.wakers.append(board.wake)
    start(house.once_until_stop("desk", board.run))


async def _set_webhook(house: House, telegram: Telegram, kinds: list[str]) -> None:
    """Tell Telegram where to bring updates; a refusal is said and tried again."""

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


async def _owners(house: House, ctx: Context) -> None:
    """Owners are what the file says; without any, whoever opens the claim link becomes one."""

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
