"""A time zone that no button offers: typed in answer to a question."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Filter
from aiogram.types import CallbackQuery, ForceReply, Message

from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.readers.zones import zone_named
from handlers import screen
from handlers.context import Context
from handlers.keyboards import QUESTION
from handlers.middleware import said_to_us
from handlers.subscriptions import met
from handlers.views.choices import zone_screen

router = Router(name="zones")
_SIGN = "🕓"


class AnswersAZone(Filter):
    """Lets through what replies to our question for a zone."""

    async def __call__(self, message: Message) -> bool:
        """See the class."""
        asked = message.reply_to_message
        ours = bool(asked and asked.from_user and message.bot and asked.from_user.id == message.bot.id)
        return bool(asked and ours and (asked.text or "").startswith(_SIGN) and said_to_us(message))


@router.callback_query(QUESTION)
async def ask(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, what: str) -> None:
    """Ask for it."""
    if reader is None or what != "zone":
        return await screen.outdated(query, t)
    await screen.answer(query)
    question = t("Where do you live? Answer this message with a large city, a zone (Asia/Almaty) or an offset (UTC+5).")
    await screen.say(bot, reader.chat_id, f"{_SIGN} {question}", _answer(t))
    return None


def _answer(t: Lang) -> ForceReply:
    return ForceReply(force_reply=True, input_field_placeholder=t("A city or UTC+5"))


@router.message(AnswersAZone())
async def typed(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """The zone itself; what is not understood is asked for again."""
    reader, zone = await met(ctx, reader, message, t), zone_named(message.text or "")
    if zone is None:
        problem = t(
            "I don't know this place. Answer with a large city that has the same time, or with an offset: UTC+5."
        )
        await screen.say(bot, message.chat.id, f"{_SIGN} {problem}", _answer(t))
        return
    home = ctx.settings.newsroom.timezone
    changed = await ctx.storage.readers.change(reader.id, now=ctx.now, zone="" if zone == home else zone)
    await screen.say(bot, message.chat.id, *zone_screen(ctx, changed or reader))
