"""Partner posts: what their partners are told of them, and the reader's switch. They are written as drafts are."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.types import BufferedInputFile, CallbackQuery

from bot.desk import promo
from bot.desk.promo import SHOWN
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.richtext import bold, clip
from handlers import screen
from handlers.context import Context
from handlers.keyboards import ADS, CLIENT, button, keyboard
from handlers.settings import redraw

router = Router(name="promo")
readers = Router(name="promo readers")

_LABEL_LIMIT = 40


@router.callback_query(CLIENT)
async def told(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int) -> None:
    """The list of partner posts; of one of them the figures, as words or as a table."""
    if query.message is None:
        return await screen.outdated(query, t)
    place, thread = query.message.chat.id, screen.thread_of(query.message)
    if act == "list":
        await _list(bot, ctx, t, place, thread)
        return await screen.answer(query)
    cast = await ctx.storage.broadcasts.get(id)
    if cast is None or not cast.audience.promo or act not in ("text", "csv"):
        return await screen.outdated(query, t)
    found = await promo.figures(ctx.storage, cast, ctx.zone)
    if act == "text":
        table = keyboard([button("CSV", CLIENT.pack(act="csv", id=id))])
        await screen.say(bot, place, promo.text(t, found, ctx.sections, ctx.zone), table, message_thread_id=thread)
    else:
        file = BufferedInputFile(promo.as_csv([found], ctx.sections, t, ctx.zone), f"promo-{id}.csv")
        await bot.send_document(place, file, message_thread_id=thread)
    return await screen.answer(query)


async def _list(bot: Bot, ctx: Context, t: Lang, place: int, thread: int | None) -> None:
    casts = await ctx.storage.broadcasts.promos(SHOWN)
    posts = {post.id: post for post in await ctx.storage.posts.get([one.posts[0] for one in casts])}
    lines = [
        [
            button(
                f"{t.datetime(one.started_at or one.due_at, ctx.zone)} · "
                + clip(headline(posts[one.posts[0]], t), _LABEL_LIMIT).text,
                CLIENT.pack(act="text", id=one.id),
            )
        ]
        for one in casts
    ]
    text = bold(t("Which partner post?")) if casts else t("No partner post has gone out yet.")
    await screen.say(bot, place, text, keyboard(*lines), message_thread_id=thread)


@readers.callback_query(ADS)
async def switched(query: CallbackQuery, ctx: Context, reader: Reader | None, wanted: bool, view: str, t: Lang) -> None:
    """Partner posts or none, from below such a post or in the settings."""
    changed = reader and await ctx.storage.readers.change(reader.id, now=ctx.now, partner=wanted)
    if changed is None:
        return await screen.outdated(query, t)
    if view == "settings":
        return await redraw(query, ctx, changed, t, "settings")
    return await screen.answer(query, t("No more partner posts. To have them back: /settings"))
