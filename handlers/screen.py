"""Saying and showing: one way to answer a press, to change a screen and to show a post."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import aiogram.methods
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest
from aiogram.methods import TelegramMethod
from aiogram.types import (
    CallbackQuery,
    ForceReply,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MaybeInaccessibleMessageUnion,
    Message,
    MessageEntity,
)

from bot.delivery.renderings import Body, picture_of, with_file, without_picture
from bot.domain.article import Section
from bot.domain.post import Post, Rendering, RichText, Target
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.posts.compose import TEXT_LIMIT, PostStyle, compose
from bot.posts.richtext import clip, plain
from bot.settings import Settings
from handlers.context import Context

Keyboard = InlineKeyboardMarkup | ForceReply
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_TOAST_LIMIT = 200
_log = logging.getLogger(__name__)

Saying = Callable[..., Awaitable[Message]]
"""`reply` to a known message: takes a text and perhaps a keyboard."""


async def answer(query: CallbackQuery, text: str = "", *, alert: bool = False) -> None:
    """Answer a press. One that is too old to be answered was answered by time itself."""
    with suppress(TelegramBadRequest):
        await query.answer(text[:_TOAST_LIMIT] or None, show_alert=alert or None)


async def outdated(query: CallbackQuery, t: Lang) -> None:
    """The answer to a button that leads nowhere any more."""
    await answer(query, t("This button is out of date. Begin again: /start"))


async def say(
    bot: Bot, chat_id: int, text: str | RichText, keyboard: Keyboard | None = None, **options: Any
) -> Message:
    """Send a text of ours, without a link preview."""
    return await bot.send_message(chat_id, **_content(text), reply_markup=keyboard, **options)


async def reply(message: Message, text: str | RichText, keyboard: Keyboard | None = None) -> Message:
    """The same where that message stands: in its chat, and in a forum in its topic."""
    assert message.bot is not None
    return await say(message.bot, message.chat.id, text, keyboard, message_thread_id=thread_of(message))


def thread_of(message: MaybeInaccessibleMessageUnion) -> int | None:
    """The forum topic in which a message stands."""
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None


async def try_to_say(bot: Bot, chat_id: int, text: str | RichText, keyboard: Keyboard | None = None) -> None:
    """Tell somebody who may have blocked the bot: then it is logged and no more."""
    try:
        await say(bot, chat_id, text, keyboard)
    except TelegramAPIError as refusal:
        _log.warning("somebody at the desk could not be told: %s", refusal)


async def show(query: CallbackQuery, text: str | RichText, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Put this screen in place of the one whose button was pressed.

    What already looks so stays; a message that cannot be edited any more gets a successor below.
    """
    assert query.message is not None
    assert query.bot is not None
    chat_id = query.message.chat.id
    try:
        await query.bot.edit_message_text(
            chat_id=chat_id, message_id=query.message.message_id, **_content(text), reply_markup=keyboard
        )
    except TelegramBadRequest as refusal:
        if "message is not modified" not in refusal.message:
            await say(query.bot, chat_id, text, keyboard, message_thread_id=thread_of(query.message))


def _content(text: str | RichText) -> dict[str, Any]:
    rich = clip(text if isinstance(text, RichText) else plain(text), TEXT_LIMIT)
    entities = [MessageEntity(**entity) for entity in rich.entities]
    return {"text": rich.text, "entities": entities, "parse_mode": None, "link_preview_options": _NO_PREVIEW}


async def send_post(bot: Bot, ctx: Context, reader: Reader, post: Post) -> None:
    """Show a post outside a broadcast, and remember the copy so that corrections reach it.

    What Telegram refuses comes again with less: without its picture, then without formatting. A picture that has been
    uploaded goes as Telegram's own file, and one that could not be had is left out at once.
    """
    rendering = await pictured(ctx, post, reader.language)
    body: Body | None = Body("", b"", rendering, post.version)
    while body is not None:
        try:
            message = await send_rendering(bot, reader.chat_id, body.rendering)
        except TelegramBadRequest as refusal:
            _log.warning("post %s was refused: %s", post.id, refusal.message)
            body = body.simpler()
            continue
        await ctx.storage.posts.shown(post.id, reader.id, message.message_id, post.version, now=ctx.now)
        return


async def pictured(ctx: Context, post: Post, language: str) -> Rendering:
    """The post as it goes out now: with Telegram's own file of its picture, or without one that cannot be had."""
    rendering = render(ctx, post, language)
    if url := picture_of(rendering):
        picture = await ctx.storage.media.get(url)
        if picture and picture.file_id:
            return with_file(rendering, picture.file_id)
        if picture and picture.given_up(ctx.now):
            return render(ctx, without_picture(post), language)
    return rendering


async def send_rendering(bot: Bot, chat_id: int, rendering: Rendering, thread_id: int | None = None) -> Message:
    """Send a composed post to one chat, the same call that the fan-out makes; of an album the first message."""
    method = getattr(aiogram.methods, rendering.method[0].upper() + rendering.method[1:])
    call: TelegramMethod[Any] = method(chat_id=chat_id, message_thread_id=thread_id or None, **rendering.payload)
    sent = await bot(call)
    message: Message = sent[0] if isinstance(sent, list) else sent
    return message


def shared(ctx: Context, post: Post, language: str) -> dict[str, Any]:
    """The post as the content of an inline result: what anybody shows in any chat, as text with a preview."""
    style = style_of(ctx.settings, ctx.sections, post)
    if style.picture == "photo":
        style = replace(style, picture="preview-above")
    payload = compose(
        post,
        lang=ctx.words[language],
        sections=ctx.sections,
        style=style,
        zone=ctx.zone,
        newsroom=ctx.newsroom,
        target=Target.CHANNEL,
    ).payload
    return {"message_text": payload.pop("text"), "parse_mode": None, **payload}


def style_of(settings: Settings, sections: Sequence[Section], post: Post) -> PostStyle:
    """How this post looks: as its first section wants it, else as `[posts]` says."""
    first = next((section.id for section in sections if section.mask & post.sections), "")
    posts = settings.posts_for(first)
    return PostStyle(**{field.name: getattr(posts, field.name) for field in fields(PostStyle)})


def render(ctx: Context, post: Post, language: str) -> Rendering:
    """The post as readers of that language get it."""
    return compose(
        post,
        lang=ctx.words[language],
        sections=ctx.sections,
        style=style_of(ctx.settings, ctx.sections, post),
        zone=ctx.zone,
        newsroom=ctx.newsroom,
    )
