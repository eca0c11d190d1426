"""`newsdesk trace`: why a reader got or did not get an article; the same answer as /why gives, for operators."""

from __future__ import annotations

import re

from bot.clock import RealClock
from bot.domain.errors import NewsdeskError
from bot.domain.post import Post
from bot.domain.reader import Reader, ReaderState
from bot.feeds.identity import canonical_link
from bot.i18n import Lang, Words
from bot.ops.moving import opened
from bot.posts.compose import headline
from bot.readers.why import explain
from bot.settings import Settings
from storage import Storage


async def trace(settings: Settings, article: str, reader: str, language: str = "") -> list[str]:
    """The answer, line by line, in that language or the newsroom's first.

    Raises NewsdeskError when the article or the reader is not known here.
    """
    code = language or settings.newsroom.languages[0]
    t = Words.load((code,), settings.overlay)[code]
    async with opened(settings) as (storage, sections):
        who = await _reader(storage, reader, t)
        post = await _post(storage, article, t)
        about = t("post {post}, reader {reader}, {state}", post=post.id, reader=reader, state=_state(who.state, t))
        head = f"{headline(post, t, sections).text}  [{about}]"
        said = await explain(storage, settings, sections, who, post, int(RealClock().now()), t)
        return [head, t("What /why tells this reader:"), *(f"• {one}" for one in said)]


def _state(state: ReaderState, t: Lang) -> str:
    """Whether somebody gets news, in a word."""
    match state:
        case ReaderState.NEW:
            return t("has not subscribed yet")
        case ReaderState.ACTIVE:
            return t("subscribed")
        case ReaderState.PAUSED:
            return t("on pause")
        case ReaderState.LEFT:
            return t.p("one reader", "unsubscribed")
        case ReaderState.DORMANT:
            return t.p("one reader", "blocked the bot")


async def _reader(storage: Storage, said: str, t: Lang) -> Reader:
    found = re.fullmatch(r"(-?\d{1,18})(?:/(\d{1,18}))?", said)
    known = await storage.readers.get(int(found[1]), int(found[2] or 0)) if found else None
    if known is None:
        raise NewsdeskError(
            t("There is no reader '{reader}' here: give a chat id, or CHAT/TOPIC for a forum's topic.", reader=said)
        )
    return known


async def _post(storage: Storage, said: str, t: Lang) -> Post:
    posts = []
    if re.fullmatch(r"p\d{1,18}", said):
        posts = await storage.posts.get([int(said[1:])])
    elif re.fullmatch(r"\d{1,18}", said):
        posts = await storage.posts.of_article(int(said))
    elif canonical := canonical_link(said):
        for known in (await storage.articles.known([f"u:{canonical}"])).values():
            posts += await storage.posts.of_article(known.id)
    if not posts:
        raise NewsdeskError(
            t(
                "There is no article '{article}' here: give its link, its number, or p and a post's number.",
                article=said,
            )
        )
    return posts[0]
