"""📖 under a post: the whole article in the chat, where the newsroom allows it."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakValueDictionary

from aiogram import Bot, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery

from bot.domain.article import Article
from bot.domain.errors import FeedError
from bot.domain.post import Post, Rendering, RichText
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.ops.extract import page_text
from bot.ops.feedcheck import fetcher
from bot.posts.compose import headline, label
from bot.posts.fulltext import article
from bot.posts.richtext import join, link
from handlers import screen
from handlers.context import Context
from handlers.keyboards import READ

router = Router(name="article")
_log = logging.getLogger(__name__)
_reading: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
"""Articles whose page is being fetched: the others who ask wait for it instead of fetching it again."""


@router.callback_query(READ)
async def read(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, post: int) -> None:
    """Show it as a rich message; where there is no text, or Telegram does not take it, the link."""
    shown = next(iter(await ctx.storage.posts.get([post])), None)
    if reader is None or shown is None or shown.withdrawn or shown.article_id is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    await ctx.storage.posts.tapped(post, reader.id, "read", now=ctx.now)
    rendering = await _whole(ctx, shown, t)
    if rendering is not None:
        try:
            message = await screen.send_rendering(bot, reader.chat_id, rendering)
        except TelegramBadRequest as refusal:
            _log.warning("the whole article %s was refused: %s", shown.article_id, refusal.message)
        else:
            # a correction puts the post in its place, a withdrawal takes it away
            return await ctx.storage.posts.shown(post, reader.id, message.message_id, shown.version, now=ctx.now)
    lines: list[str | RichText] = [t("This one can be read on the site only:"), link(headline(shown, t), shown.link)]
    await screen.say(bot, reader.chat_id, join("\n", lines))
    return None


async def _whole(ctx: Context, post: Post, t: Lang) -> Rendering | None:
    """The article's own text from the feed, else from its page. None where the desk has corrected what the text may
    still say."""
    stored = await ctx.storage.articles.get(post.article_id or 0)
    if stored is None or (stored.title, stored.lead) != (post.title, post.lead):
        return None
    found = _rendered(ctx, post, t, stored.body)
    if found is None and (body := await _from_page(ctx, stored)):
        found = _rendered(ctx, post, t, body)
    return found


def _rendered(ctx: Context, post: Post, t: Lang, html: str) -> Rendering | None:
    return article(
        post,
        html,
        lang=t,
        zone=ctx.zone,
        newsroom=ctx.newsroom,
        credits=ctx.settings.newsroom.self_credits,
        sign=label(post, ctx.sections, t),
    )


async def _from_page(ctx: Context, stored: Article) -> str:
    """The text of its page, "" without any; kept, so that a page is fetched once for all readers."""
    async with _reading.setdefault(stored.id, asyncio.Lock()):
        known = await ctx.storage.articles.get(stored.id)
        if known is None or known.body != stored.body:
            return known.body if known else ""
        try:
            async with fetcher(ctx.settings, ctx.clock) as http:
                body = await page_text(http, stored.link)
        except FeedError as error:
            _log.warning("the page of article %s could not be read: %s", stored.id, error)
            return ""
        if body:
            await ctx.storage.articles.keep_body(stored.id, body)
        return body
