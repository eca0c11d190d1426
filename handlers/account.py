"""/stop, pauses, and what is kept about a chat: taken along or forgotten."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Command
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.readers import privacy
from handlers import screen
from handlers.context import Context
from handlers.keyboards import ERASE, EXPORT, LIST, OPEN, PAUSE, RESUME, STOP, UNMUTE, button, keyboard
from handlers.settings import redraw
from handlers.views import screen_of
from handlers.views.account import PAUSES, goodbye_screen

router = Router(name="account")
_DAY = 86_400


@router.callback_query(PAUSE)
async def pause(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, days: int) -> None:
    """Nothing for some days; the choices stay."""
    if reader and days in PAUSES:
        reader = await ctx.storage.readers.pause(reader.id, until=ctx.now + days * _DAY, now=ctx.now)
    else:
        reader = None
    await redraw(query, ctx, reader, t, "settings")


@router.callback_query(RESUME)
async def resume(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """The pause is over before its time."""
    changed = reader and await ctx.storage.readers.resume(reader.id, now=ctx.now)
    await redraw(query, ctx, changed, t, "settings")


@router.callback_query(UNMUTE)
async def unmute(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """All muted sections speak again."""
    changed = reader and await ctx.storage.readers.unmute(reader.id, now=ctx.now)
    await redraw(query, ctx, changed, t, "settings")


@router.message(Command("stop", ignore_case=True))
async def stop_by_command(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Unsubscribe from everything."""
    left = reader and await ctx.storage.readers.leave(reader.id, now=ctx.now)
    if left is None:
        await screen.say(bot, message.chat.id, t("You are not subscribed at the moment: /start"))
    else:
        await screen.say(bot, message.chat.id, *goodbye_screen(ctx, left))


@router.callback_query(STOP)
async def stop_by_button(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Unsubscribe from everything: one tap, no questions."""
    left = reader and await ctx.storage.readers.leave(reader.id, now=ctx.now)
    if left is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *goodbye_screen(ctx, left))


@router.callback_query(LIST)
async def below_a_list(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, view: str) -> None:
    """What is pressed below a digest is answered in a message of its own: the digest stays to be read."""
    left = reader and await ctx.storage.readers.leave(reader.id, now=ctx.now) if view == "stop" else reader
    if left is None or view not in ("stop", "times"):
        return await screen.outdated(query, t)
    await screen.answer(query)
    shown = goodbye_screen(ctx, left) if view == "stop" else await screen_of(ctx, left, "digest")
    assert shown is not None
    await screen.say(bot, left.chat_id, *shown)
    return None


@router.callback_query(EXPORT)
async def export(query: CallbackQuery, bot: Bot, ctx: Context) -> None:
    """Hand over everything that is kept about this chat."""
    await screen.answer(query)
    document = privacy.document(await ctx.storage.privacy.export(query.from_user.id), ctx.sections)
    await bot.send_document(query.from_user.id, BufferedInputFile(document, privacy.FILE_NAME))


@router.callback_query(ERASE)
async def erase(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, sure: bool) -> None:
    """Forget this chat, after a second tap."""
    await screen.answer(query)
    if not sure:
        buttons = keyboard(
            [button(t("Yes, delete everything"), ERASE.pack(sure=True), "danger")],
            [button(t("‹ Back"), OPEN.pack(view="privacy"))] if reader else [],
        )
        lines = [t("Delete your choices and everything we keep about this chat? There is no way back.")]
        if await ctx.storage.editors.on_record(query.from_user.id):
            lines.append(t("What you did at the newsroom's desk stays in its journal."))
        return await screen.show(query, "\n".join(lines), buttons)
    await ctx.storage.privacy.erase(query.from_user.id, now=ctx.now)
    return await screen.show(query, t("Everything is deleted, you will get nothing more from us. Begin anew: /start"))
