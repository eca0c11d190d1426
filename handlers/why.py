"""/why: why did I get this, why not that. By ⋯, a reply, a link, a forward, or chosen from the last few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject, Filter
from aiogram.types import CallbackQuery, InlineKeyboardButton, Message

from bot.desk.corrections import of_link
from bot.domain.post import Post, PostKind, RichText
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.links import is_http
from bot.posts.richtext import bold, clip, join, link
from bot.readers import search
from bot.readers.choices import news_of
from bot.readers.why import explain
from handlers import screen
from handlers.context import Context
from handlers.keyboards import WHY, button, keyboard

router = Router(name="why")
linked = Router(name="links of readers")
"""What readers who are no editors forward or send as a link: to an editor that is a draft."""

_SHOWN = 5
_LABEL_LIMIT = 48


@router.message(Command("why", ignore_case=True))
async def asked(
    message: Message, command: CommandObject, bot: Bot, ctx: Context, reader: Reader | None, t: Lang
) -> None:
    """`/why` as a reply, `/why LINK`, `/why WORDS`, or `/why` alone for the last few."""
    words = (command.args or "").strip()
    if reader is None:
        await screen.say(bot, message.chat.id, t("You are not subscribed at the moment: /start"))
        return
    posts = await _meant(ctx, reader, message, words, t)
    if len(posts) == 1 and (words or message.reply_to_message):
        await tell(bot, ctx, reader, posts[0], t)
    elif posts:
        head = join("\n", [bold(t("About which one?")), t("✓ came to you, – did not.")])
        await screen.say(bot, reader.chat_id, head, keyboard(*[[one] for one in await _choice(ctx, reader, posts, t)]))
    else:
        await screen.say(
            bot, reader.chat_id, t("I know no such post. Answer one with /why, or send: /why and its link")
        )


async def _meant(ctx: Context, reader: Reader, message: Message, words: str, t: Lang) -> Sequence[Post]:
    answered = message.reply_to_message
    if answered:
        found = await ctx.storage.traces.of_message(reader.id, answered.message_id)
        return (await ctx.storage.posts.get(found))[:_SHOWN] or await _of_links(ctx, answered)
    if is_http(words):
        return await of_link(ctx.storage, words)
    if words:
        return (await search.find(ctx.storage, words, t.code, ctx.now))[:_SHOWN]
    had = await ctx.storage.posts.get(await ctx.storage.traces.latest(reader.id, _SHOWN))
    newest = [post for post in await ctx.storage.posts.newest(8 * _SHOWN) if post.kind is not PostKind.CORRECTION]
    others = [post for post in newest if post.id not in {one.id for one in had}]
    readable = [post for post in others if post.language in ("", *news_of(reader))]
    others = (readable or others)[:_SHOWN]
    return sorted([*had, *others], key=lambda post: -post.id)


async def _choice(ctx: Context, reader: Reader, posts: Sequence[Post], t: Lang) -> list[InlineKeyboardButton]:
    had = (await ctx.storage.lists.had([reader.id], [post.id for post in posts])).get(reader.id, frozenset())
    return [
        button(
            ("✓ " if post.id in had else "– ") + clip(headline(post, t, ctx.sections), _LABEL_LIMIT).text,
            WHY.pack(post=post.id),
        )
        for post in posts
    ]


@router.callback_query(WHY)
async def pressed(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, post: int) -> None:
    """Under a post, or one of the last few."""
    found = await ctx.storage.posts.get([post]) if reader else []
    if reader is None or not found:
        return await screen.outdated(query, t)
    await screen.answer(query)
    await tell(bot, ctx, reader, found[0], t)
    return None


async def tell(bot: Bot, ctx: Context, reader: Reader, post: Post, t: Lang) -> None:
    """The answer, as a message of its own."""
    why = await explain(ctx.storage, ctx.settings, ctx.sections, reader, post, ctx.now, t)
    title = headline(post, t, ctx.sections)
    named = link(title, post.link) if is_http(post.link) else bold(title)
    lines: list[str | RichText] = [named, *(f"• {one}" for one in why), t("Change it: /settings")]
    await screen.say(bot, reader.chat_id, join("\n", lines))


class NamesOurs(Filter):
    """Lets through a forward, or a link and nothing else, that leads to one of our articles: its post is `ours`."""

    async def __call__(self, message: Message, ctx: Context) -> bool | dict[str, Any]:
        """See the class."""
        text = (message.text or "").strip()
        if message.forward_origin is not None:
            found = await _of_links(ctx, message)
        elif is_http(text) and " " not in text:
            found = await of_link(ctx.storage, text)
        else:
            return False
        return {"ours": found[0]} if found else False


@linked.message(NamesOurs())
async def named(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, ours: Post) -> None:
    """A reader shows us an article: what became of it."""
    if reader is None:
        await screen.say(bot, message.chat.id, t("You are not subscribed at the moment: /start"))
        return
    await tell(bot, ctx, reader, ours, t)


async def _of_links(ctx: Context, message: Message) -> list[Post]:
    """The posts of our articles that a message links to."""
    entities = [*(message.entities or ()), *(message.caption_entities or ())]
    urls = [entity.url or "" for entity in entities if entity.type == "text_link"]
    found = []
    for url in urls[:_SHOWN]:
        found += await of_link(ctx.storage, url)
    return list({post.id: post for post in found}.values())
