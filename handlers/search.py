"""/find, inline questions, and the end of the line: words search our articles, what leads nowhere says so kindly."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    Message,
)

from bot.domain.post import Post, RichText
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.links import is_http
from bot.posts.richtext import bold, clip, concat, join, link, plain
from bot.posts.terms import keys
from bot.readers.search import find
from handlers import screen
from handlers.context import Context
from handlers.keyboards import FOLLOW, FOUND, button, keyboard
from handlers.subscriptions import chosen, newest_of

PAGE, INLINE_PAGE = 5, 20
_MOST_PAGES = 40
_QUESTION_LIMIT = 100
_DESCRIPTION_LIMIT = 200
_INLINE_SECONDS = 30  # Telegram may repeat an answer for so long
_SIGN = "🔎 "
_WORDLESS = frozenset(
    (
        "photo",
        "video",
        "animation",
        "audio",
        "voice",
        "video_note",
        "document",
        "sticker",
        "contact",
        "location",
        "poll",
    )
)

router = Router(name="search")
finding = Router(name="finding")
"""What must be heard before words in general."""
stale = Router(name="stale")
"""Presses that nobody else has taken."""


@finding.message(Command("find", ignore_case=True))
async def find_by_command(message: Message, command: CommandObject, bot: Bot, ctx: Context, t: Lang) -> None:
    """/find WORDS, the same as the words alone."""
    if command.args:
        await answer_with_articles(bot, ctx, message.chat.id, command.args, t)
    else:
        await screen.say(bot, message.chat.id, t("What shall I look for? Write it after the command: /find words"))


@finding.callback_query(FOUND)
async def turn(query: CallbackQuery, ctx: Context, t: Lang, page: int) -> None:
    """Another page of what was found; the question stands in the first line of our own message."""
    question = asked_for(query)
    if not question or not 0 <= page < _MOST_PAGES:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *_page(ctx, question, await find(ctx.storage, question, t.code, ctx.now), page, t))


def asked_for(query: CallbackQuery) -> str:
    """What was looked for, as the message says whose button was pressed; "" when it is no answer to a search."""
    text = query.message.text or "" if isinstance(query.message, Message) else ""
    first = text.partition("\n")[0]
    return first.removeprefix(_SIGN) if first.startswith(_SIGN) else ""


@finding.inline_query()
async def inline(query: InlineQuery, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """`@bot words` in any chat: articles to share. Without words the newest of the reader's sections."""
    first = int(query.offset) if query.offset.isdecimal() and len(query.offset) < 4 else 0
    if query.query.strip():
        posts = await find(ctx.storage, query.query, t.code, ctx.now)
    else:
        sections = chosen(ctx, reader) if reader else []
        posts = await newest_of(ctx, sections or ctx.sections, t.code, first + INLINE_PAGE + 1)
    last = first + INLINE_PAGE
    await query.answer(
        [_result(ctx, post, t) for post in posts[first:last]],
        cache_time=_INLINE_SECONDS,
        is_personal=True,
        next_offset=str(last) if len(posts) > last else "",
        button=InlineQueryResultsButton(text=t("Choose sections"), start_parameter="s_inline"),
    )


def _result(ctx: Context, post: Post, t: Lang) -> InlineQueryResultArticle:
    return InlineQueryResultArticle(
        id=f"{post.id}-{post.version}",
        title=headline(post, t, ctx.sections).text,
        description=clip(plain(" ".join(post.lead.split())), _DESCRIPTION_LIMIT).text or None,
        url=post.link if is_http(post.link) else None,
        thumbnail_url=post.image if is_http(post.image) else None,
        input_message_content=InputTextMessageContent(**screen.shared(ctx, post, t.code)),
    )


@router.message(F.text.startswith("/"))
async def unknown_command(message: Message, bot: Bot, t: Lang) -> None:
    """A command that nobody knows, or not from this person."""
    await screen.say(bot, message.chat.id, t("There is no such command. What I can do: /help"))


@router.message(F.text)
async def search(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """Look for the words in our articles."""
    await answer_with_articles(bot, ctx, message.chat.id, message.text or "", t)


async def answer_with_articles(bot: Bot, ctx: Context, chat_id: int, question: str, t: Lang) -> None:
    """What our articles have on that."""
    question = clip(plain(" ".join(question.split())), _QUESTION_LIMIT).text
    found = await find(ctx.storage, question, t.code, ctx.now)
    if found:
        await screen.say(bot, chat_id, *_page(ctx, question, found, 0, t))
    else:
        await screen.say(bot, chat_id, t("Nothing found. Try other words, or see the latest: /latest"))


def _page(
    ctx: Context, question: str, found: list[Post], page: int, t: Lang
) -> tuple[RichText, InlineKeyboardMarkup | None]:
    posts, left = found[page * PAGE : (page + 1) * PAGE], len(found) - (page + 1) * PAGE
    lines = [concat("• ", link(headline(post, t, ctx.sections), post.link)) for post in posts]
    row = [button(t("‹ Back"), FOUND.pack(page=page - 1))] if page else []
    row += [button(t.n("{n} more →", "{n} more →", left), FOUND.pack(page=page + 1))] if left > 0 else []
    text = join("\n", [bold(_SIGN + question), *lines, "" if posts else t("Nothing more.")])
    follow = [button(t("👀 Follow these words"), FOLLOW.pack())] if keys(question) else []
    return text, keyboard(row, follow) if row or follow else None


@router.message(F.content_type.in_(_WORDLESS))
async def wordless(message: Message, bot: Bot, t: Lang) -> None:
    """Pictures, voices and the like say nothing to us."""
    await screen.say(bot, message.chat.id, t("I understand only text. What I can do: /help"))


@stale.callback_query()
async def outdated(query: CallbackQuery, t: Lang) -> None:
    """Old keyboards and forged data."""
    await screen.outdated(query, t)
