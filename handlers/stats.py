"""`/stats`: what was sent, how soon, who came and went; as words, a picture and a table."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardMarkup, Message

from bot.desk import chart, stats, tallies
from bot.domain.post import RichText
from bot.i18n import Lang
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard

router = Router(name="stats")

STATS = Callback("stats", act=str, days=int)
_MONTH = ("mon", "мес", "ай", "30")
"""How editors ask for a month, in three languages."""


@router.message(Command("stats", ignore_case=True))
async def asked(message: Message, command: CommandObject, ctx: Context, t: Lang) -> None:
    """`/stats` tells of the last week, `/stats month` of the last thirty days."""
    month = (command.args or "").strip().casefold().startswith(_MONTH)
    await screen.reply(message, *await _report(ctx, t, stats.MONTH if month else stats.WEEK))


async def _report(ctx: Context, t: Lang, days: int) -> tuple[RichText, InlineKeyboardMarkup]:
    await tallies.roll_up(ctx.storage, ctx.sections, ctx.zone, ctx.now)
    found = await stats.report(ctx.storage, ctx.sections, ctx.zone, days, ctx.now)
    spans = ((stats.WEEK, t("Week")), (stats.MONTH, t("Month")))
    choice = [button(("✅ " if n == days else "") + label, STATS.pack(act="show", days=n)) for n, label in spans]
    files = [
        button(t("🖼 Picture"), STATS.pack(act="picture", days=days)),
        button("CSV", STATS.pack(act="csv", days=days)),
        button(t("CSV: growth"), STATS.pack(act="growth", days=days)),
    ]
    return stats.text(t, found, ctx.sections, ctx.zone), keyboard(choice, files)


@router.callback_query(STATS)
async def pressed(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, days: int) -> None:
    """Another span, the picture, the table."""
    if days not in (stats.WEEK, stats.MONTH) or query.message is None:
        await screen.outdated(query, t)
        return
    chat_id, thread_id = query.message.chat.id, screen.thread_of(query.message)
    last = tallies.day_of(ctx.now, ctx.zone)
    name = f"stats-{stats.date_of(last)}-{days}"
    if act == "show":
        await screen.show(query, *await _report(ctx, t, days))
    elif act == "picture":
        found = await stats.report(ctx.storage, ctx.sections, ctx.zone, days, ctx.now)
        drawn = chart.draw(t, found, ctx.sections, ctx.zone, ctx.newsroom)
        await bot.send_photo(chat_id, BufferedInputFile(drawn, f"{name}.png"), message_thread_id=thread_id)
    elif act == "csv":
        table = stats.as_csv(await stats.figures(ctx.storage, ctx.sections, ctx.zone, days, ctx.now))
        await bot.send_document(chat_id, BufferedInputFile(table, f"{name}.csv"), message_thread_id=thread_id)
    elif act == "growth":
        table = await stats.growth_table(ctx.storage, ctx.zone, days, ctx.now)
        await bot.send_document(chat_id, BufferedInputFile(table, f"growth-{name}.csv"), message_thread_id=thread_id)
    await screen.answer(query)
