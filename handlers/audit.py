"""`/audit`: who did what to which text, when; for owners."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Command
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardMarkup, Message

from bot.desk import audit
from bot.domain.post import RichText
from bot.i18n import Lang
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard

router = Router(name="audit")

AUDIT = Callback("audit", before=int)
TABLE = Callback("audit_csv")
_NEWEST = 2**63 - 1
_MOST = 100_000
"""Entries in a table: some 20 MB, less than Telegram takes."""


@router.message(Command("audit", ignore_case=True))
async def asked(message: Message, ctx: Context, t: Lang) -> None:
    """The newest entries."""
    await screen.reply(message, *await _page(ctx, t, _NEWEST))


async def _page(ctx: Context, t: Lang, before: int) -> tuple[RichText, InlineKeyboardMarkup]:
    text, older = await audit.page(ctx.storage, t, ctx.zone, before)
    turn = [button(t("‹ Newest"), AUDIT.pack(before=_NEWEST))] if before != _NEWEST else []
    turn += [button(t("Older ›"), AUDIT.pack(before=older))] if older else []
    return text, keyboard(turn, [button("CSV", TABLE.pack())])


@router.callback_query(AUDIT)
async def turned(query: CallbackQuery, ctx: Context, t: Lang, before: int) -> None:
    """Another page."""
    await screen.show(query, *await _page(ctx, t, before))
    await screen.answer(query)


@router.callback_query(TABLE)
async def exported(query: CallbackQuery, ctx: Context, bot: Bot) -> None:
    """All of it, as a table."""
    assert query.message is not None  # the door lets only messages' buttons through
    table = audit.as_csv(await ctx.storage.editors.audit(_MOST), ctx.zone)
    file = BufferedInputFile(table, "audit.csv")
    await bot.send_document(query.message.chat.id, file, message_thread_id=screen.thread_of(query.message))
    await screen.answer(query)
