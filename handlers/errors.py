"""What went wrong on the way to an answer: told to the person in words, to the log without theirs."""

from __future__ import annotations

import logging
import traceback

from aiogram import Bot, Router
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError
from aiogram.types import CallbackQuery, ErrorEvent, Message, Update

from bot.domain.errors import NewsdeskError, StorageError, StorageFull, TelegramStopped, UserError
from bot.i18n import Lang
from handlers import screen
from handlers.context import Context
from handlers.middleware import language, person

router = Router(name="errors")
_log = logging.getLogger(__name__)


@router.error()
async def failed(event: ErrorEvent, bot: Bot, ctx: Context) -> object:
    """The one error handler. A failing answer never hides the first error; a refused token is the program's end."""
    error, update = event.exception, event.update
    if isinstance(error, TelegramStopped):
        return UNHANDLED
    if isinstance(error, TelegramForbiddenError):
        _log.info("update %s: the chat cannot be answered", update.update_id)  # my_chat_member tells the rest
        return True
    if not isinstance(error, UserError):
        _report(update, error)
    try:
        await _tell(bot, update, _words(await _lang(ctx, update), error))
    except (TelegramAPIError, OSError, TimeoutError) as second:
        _log.warning("update %s: no answer either: %s", update.update_id, type(second).__name__)
    return True


def _report(update: Update, error: Exception) -> None:
    """Log where it happened. Foreign exceptions may quote the message that broke them: only their type is told."""
    known = isinstance(error, NewsdeskError | TelegramAPIError)
    where = "".join(traceback.format_tb(error.__traceback__))
    user = person(update.event)
    who = f" in chat {user.id}" if user else ""  # which the log makes a word that tells nobody who it is
    what = f"{type(error).__name__}: {error}" if known else type(error).__name__
    _log.error("update %s%s failed: %s\n%s", update.update_id, who, what, where)


def _words(t: Lang, error: Exception) -> str:
    match error:
        case UserError():
            return t(error.key, **error.values)
        case StorageFull():
            return t("We cannot save anything right now. Try again later.")
        case _:
            return t("That didn't work. Try again in a minute.")


async def _lang(ctx: Context, update: Update) -> Lang:
    user = person(update.event)
    try:
        reader = await ctx.storage.readers.get(user.id) if user else None
    except StorageError:
        reader = None
    return language(ctx, reader, user)


async def _tell(bot: Bot, update: Update, text: str) -> None:
    match update.event:
        case CallbackQuery() as query:
            await query.answer(text[:200], show_alert=True)
        case Message() as message if person(message):
            await screen.say(bot, message.chat.id, text)
        case _:
            return
