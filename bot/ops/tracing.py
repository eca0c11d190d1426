"""`newsdesk trace`: why a reader got or did not get an article; the same answer as /why gives, for operators."""

from __future__ import annotations

import re

from bot.clock import RealClock
from bot.domain.errors import NewsdeskError
from bot.domain.post import Post
from bot.domain.reader import Reader
from bot.feeds.identity import canonical_link
from bot.i18n import Words
from bot.ops.moving import opened
from bot.posts.compose import headline
from bot.readers.why import explain
from bot.settings import Settings
from storage import Storage

_LANGUAGE = "en"  # as all that is said in the terminal


async def trace(settings: Settings, article: str, reader: str) -> list[str]:
    """The answer, line by line. Raises NewsdeskError when the article or the reader is not known here."""
    async with opened(settings) as (storage, sections):
        who = await _reader(storage, reader)
        post = await _post(storage, article)
        t = Words.load((_LANGUAGE,))[_LANGUAGE]
        head = f"{headline(post, t, sections).text}  [post {post.id}, reader {reader}, {who.state.value}]"
        return [head, *await explain(storage, settings, sections, who, post, int(RealClock().now()), t)]


async def _reader(storage: Storage, said: str) -> Reader:
    found = re.fullmatch(r"(-?\d{1,18})(?:/(\d{1,18}))?", said)
    known = await storage.readers.get(int(found[1]), int(found[2] or 0)) if found else None
    if known is None:
        raise NewsdeskError(f"There is no reader {said!r} here: give a chat id, or CHAT/TOPIC for a forum's topic.")
    return known


async def _post(storage: Storage, said: str) -> Post:
    posts = []
    if re.fullmatch(r"p\d{1,18}", said):
        posts = await storage.posts.get([int(said[1:])])
    elif re.fullmatch(r"\d{1,18}", said):
        posts = await storage.posts.of_article(int(said))
    elif canonical := canonical_link(said):
        for known in (await storage.articles.known([f"u:{canonical}"])).values():
            posts += await storage.posts.of_article(known.id)
    if not posts:
        raise NewsdeskError(f"There is no article {said!r} here: give its link, its number, or p and a post's number.")
    return posts[0]
