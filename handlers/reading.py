"""What a reader asks for: the latest posts, exchange rates, help."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Command
from aiogram.types import Message

from bot.delivery.audience import offer_of
from bot.delivery.lists import Selection
from bot.domain.reader import Reader, ReaderState
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from bot.readers import rates
from handlers import screen
from handlers.commands import commands
from handlers.context import Context
from handlers.subscriptions import chosen, newest

LATEST = 5

router = Router(name="reading")


@router.message(Command("latest", ignore_case=True))
async def latest(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """The newest posts of the reader's sections, the newest one nearest to the input line."""
    if reader is None or not chosen(ctx, reader):
        await screen.say(bot, message.chat.id, t("Choose your sections first: /sections"))
        return
    posts = await newest(ctx, reader, LATEST)
    if not posts:
        await screen.say(bot, message.chat.id, t("Nothing has come out in your sections yet."))
    for post in reversed(posts):
        await screen.send_post(bot, ctx, reader, post)


@router.message(Command("digest", ignore_case=True))
async def digest(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """What the reader has not yet got, as one list at once; it does not come again later. The senders bring it."""
    if reader and reader.state is ReaderState.PAUSED and reader.paused_until:
        until = t.datetime(reader.paused_until, ctx.zone)
        await screen.say(bot, message.chat.id, t("Paused until {moment}: nothing comes.", moment=until))
        return
    asking = await ctx.storage.lists.asking(reader.id, now=ctx.now) if reader else None
    if asking is None:
        await screen.say(bot, message.chat.id, t("You are not subscribed at the moment: /start"))
        return
    fed = {feed.language for feed in ctx.settings.feeds if feed.language}
    offer = offer_of(ctx.words.languages, fed, ctx.sections)
    (chosen,) = await Selection(ctx.storage, offer, ctx.clock).of([asking])
    if chosen.posts:
        await ctx.storage.broadcasts.ask(asking.id, listed=asking.listed, now=ctx.now)
        ctx.wake()
    else:
        await screen.say(
            bot, message.chat.id, t("Nothing waits for you: you have what has come out. The last: /latest")
        )


@router.message(Command("rates", ignore_case=True))
async def exchange_rates(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """The last known official rates with their date."""
    known = await ctx.storage.rates.newest(2) if ctx.settings.rates.url else []
    text = rates.screen(known, ctx.settings.rates.show, t, ctx.zone, ctx.now)
    await screen.say(bot, message.chat.id, text or t("There are no exchange rates here at the moment."))


@router.message(Command("help", ignore_case=True))
async def help_(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """What one can say."""
    role = await ctx.storage.editors.role(message.chat.id)
    lines = [f"/{command.command} — {command.description}" for command in commands(ctx, t, role)]
    last = t("Any other words search our articles.")
    await screen.say(bot, message.chat.id, join("\n", [bold(t("What this bot can do")), *lines, last]))
