"""Posts by hand in channels that are a source: `events` keeps them, here an editor makes a draft of breaking news."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.enums import ContentType
from aiogram.types import CallbackQuery, Message, MessageOriginChannel

from bot.channels.hand import files, words
from bot.domain.channel import Channel, Hand
from bot.domain.desk import Content, DraftState, Way
from bot.i18n import Lang
from handlers import draftcard, screen
from handlers.context import Context
from handlers.draftcard import words_in
from handlers.keyboards import HAND
from handlers.newsroom import file_of

router = Router(name="posts by hand")
events = Router(name="channel posts")

_COPIED = (ContentType.ANIMATION, ContentType.AUDIO, ContentType.VOICE)
_DAY = 86_400


@events.channel_post()
@events.edited_channel_post()
async def posted(message: Message, bot: Bot, ctx: Context) -> None:
    """An editor has posted something by hand, or changed it, in a channel that is a source. Our own posts are none, and
    what was changed long after is no news."""
    channel = await ctx.storage.channels.get(message.chat.id)
    if channel is None or not channel.manner.source or await _ours(message, bot, ctx, channel):
        return
    kind, file = next(iter(file_of(message)), ("", ""))
    if not kind and message.content_type in _COPIED:
        kind, file = "copy", f"{message.chat.id}/{message.message_id}"
    said = words_in(message)
    if not said and not kind:
        return
    known = await ctx.storage.hands.of(channel.reader_id, message.message_id)
    if known or message.date.timestamp() > ctx.now - _DAY:
        hand = Hand(channel.reader_id, message.message_id, said, message.media_group_id or "", kind, file)
        await ctx.storage.hands.keep(hand, now=ctx.now)


async def _ours(message: Message, bot: Bot, ctx: Context, channel: Channel) -> bool:
    """Posted by the bot, through it, or forwarded from a channel of the newsroom."""
    origin = message.forward_origin
    if isinstance(origin, MessageOriginChannel) and await ctx.storage.channels.get(origin.chat.id):
        return True
    if message.via_bot and message.via_bot.id == bot.id:
        return True
    return await ctx.storage.hands.ours(channel.reader_id, message.message_id)


@router.callback_query(HAND)
async def taken(query: CallbackQuery, bot: Bot, ctx: Context, t: Lang, channel: int, message: int) -> None:
    """A post that somebody has tagged as breaking news becomes the draft of whoever presses."""
    items = await ctx.storage.hands.of(channel, message)
    if not items or not isinstance(query.message, Message):
        return await screen.outdated(query, t)
    code = next((one.manner.language for one in await ctx.storage.channels.all() if one.reader_id == channel), "")
    code = code or ctx.words.default.code
    texts = {code: words(items, ctx.sections)}
    content = Content(Way.BREAKING, code, texts, files(items))
    place = {"thread_id": screen.thread_of(query.message) or 0, "now": ctx.now}
    draft = await ctx.storage.drafts.begin(
        query.from_user.id, query.message.chat.id, content, DraftState.DRAFT, **place
    )
    if too_long := draftcard.surplus(draft, ctx, t):
        await ctx.storage.drafts.drop(draft.id)
        return await screen.answer(query, too_long, alert=True)
    if not await ctx.storage.hands.take(items[0], draft.id):
        await ctx.storage.drafts.drop(draft.id)
        return await screen.answer(query, t("Somebody has made a draft of it already."), alert=True)
    await ctx.storage.editors.log(
        query.from_user.id, "breaking begun", str(draft.id), text=texts[code].text, now=ctx.now
    )
    await screen.answer(query)
    return await draftcard.present(bot, ctx, draft, t)
