"""The end of the line: words search our articles, and what leads nowhere says so kindly."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, Message

from bot.domain.article import Article
from bot.domain.post import RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, clip, concat, join, link, plain
from handlers import screen
from handlers.context import Context

FOUND, _LOOKED_AT = 5, 25
_HEADLINE_LIMIT = 200
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


@router.message(F.text.startswith("/"))
async def unknown_command(message: Message, bot: Bot, t: Lang) -> None:
    """A command that nobody knows, or not from this person."""
    await screen.say(bot, message.chat.id, t("There is no such command. What I can do: /help"))


@router.message(F.text)
async def search(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """Look for the words in our articles; those in the reader's language come first."""
    found = await ctx.storage.articles.search(message.text or "", _LOOKED_AT)
    articles = sorted(found, key=lambda article: article.language not in ("", t.code))[:FOUND]
    if not articles:
        await screen.say(bot, message.chat.id, t("Nothing found. Try other words, or see the latest: /latest"))
        return
    heading = bold(t("From our articles:"))
    lines = [concat("• ", _headline(article, t)) for article in articles]
    await screen.say(bot, message.chat.id, join("\n", [heading, *lines]))


def _headline(article: Article, t: Lang) -> RichText:
    title = clip(plain(" ".join(article.title.split()) or t("News")), _HEADLINE_LIMIT)
    return link(title, article.link)


@router.message(F.content_type.in_(_WORDLESS))
async def wordless(message: Message, bot: Bot, t: Lang) -> None:
    """Pictures, voices and the like say nothing to us."""
    await screen.say(bot, message.chat.id, t("I understand only text. What I can do: /help"))


@router.callback_query()
async def outdated(query: CallbackQuery, t: Lang) -> None:
    """Old keyboards and forged data."""
    await screen.outdated(query, t)
