"""Readers of the bot that had this token before: asked once what they want, and led to our menu by its buttons."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Filter
from aiogram.types import CallbackQuery, Message, ReplyKeyboardRemove

from bot.domain.reader import Reader
from bot.i18n import Lang
from handlers import screen
from handlers.context import Context
from handlers.keyboards import ASKED
from handlers.subscriptions import met, sections_screen

router = Router(name="moved")


class Earlier(Filter):
    """Lets presses through under messages of a time before this bot: whatever their data mean, it was not ours."""

    async def __call__(self, query: CallbackQuery, ctx: Context) -> bool:
        """See the class."""
        return isinstance(query.message, Message) and query.message.date.timestamp() < ctx.born_at


async def _unasked(message: Message, reader: Reader | None) -> bool:
    """Words of an imported reader who was not asked yet: most of them are buttons of an old keyboard."""
    return bool(reader and reader.ask and message.text and not message.text.startswith("/"))


@router.callback_query(ASKED)
@router.callback_query(Earlier())
async def pressed(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Our question below a post, or a button of the earlier bot."""
    await screen.answer(query)
    if isinstance(query.message, Message):
        await _ask(bot, ctx, await met(ctx, reader, query.message, t))


@router.message(_unasked)
async def said(message: Message, bot: Bot, ctx: Context, reader: Reader) -> None:
    """A button of the earlier bot's keyboard."""
    await _ask(bot, ctx, reader)


async def _ask(bot: Bot, ctx: Context, reader: Reader) -> None:
    """The choices; the earlier bot's keyboard goes."""
    t = ctx.words[reader.language]
    await ctx.storage.readers.asked(reader.id)
    welcome = t("We have moved here from our earlier bot. You get the same news; choose what you want.")
    await bot.send_message(reader.chat_id, welcome, reply_markup=ReplyKeyboardRemove())
    await screen.say(bot, reader.chat_id, *sections_screen(ctx, reader))
