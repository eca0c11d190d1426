"""`newsdesk preview --last N`: the newest items as posts, made by the same code as what is sent."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from html import escape
from pathlib import Path
from typing import Any

from bot.clock import Clock, RealClock
from bot.domain.errors import ConfigError, FeedError, NewsdeskError
from bot.domain.post import Post, PostKind, Rendering
from bot.feeds.sections import section_mask
from bot.i18n import Words
from bot.ops.botapi import call
from bot.ops.feedcheck import Reading, fetcher, read_feed, remedy, sections_of
from bot.posts.compose import PostStyle, compose
from bot.posts.lead import clean_lead
from bot.settings import Posts, Settings

BETWEEN = 1.1
"""Seconds between two messages to one chat: Telegram's limit is one a second."""

_TAGS = {"bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "code": "code", "blockquote": "blockquote"}

_PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>
body {{ background: #d9e4ec; font: 16px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 34em }}
article {{ background: #fff; border-radius: 12px; padding: .8em 1em; margin: 1em 0; white-space: pre-wrap }}
img {{ max-width: 100%; border-radius: 8px; display: block; margin-bottom: .6em }}
a {{ color: #2678b6; text-decoration: none }}</style></head><body>{posts}</body></html>
"""


async def preview(settings: Settings, last: int, *, html: Path | None = None, to: str | None = None) -> None:
    """Show the newest `last` items of all feeds: printed and written to the page `html`, or sent to the chat `to`.

    Raises ConfigError when there is nothing to read or no token to send with, NewsdeskError when sending fails.
    """
    if to and not settings.env.bot_token:
        raise ConfigError("BOT_TOKEN", "is not set.", "Sending needs it; without --to nothing is sent.")
    renderings = [one async for one in _renderings(settings, last, RealClock())]
    if to:
        await _send(settings, to, renderings, RealClock())
    else:
        for rendering in renderings:
            print(_terminal(rendering) + "\n" + "─" * 60)
    if html:
        _write(html, renderings, settings.newsroom.name)


async def _renderings(settings: Settings, last: int, clock: Clock) -> AsyncIterator[Rendering]:
    if not settings.feeds:
        raise ConfigError("[[feeds]]", "no feed is configured.", "Add one, or set FEED_URL.")
    readings = []
    async with fetcher(settings, clock) as http:
        for feed in settings.feeds:
            try:
                readings.append(await read_feed(settings, feed, http, clock))
            except FeedError as error:
                print(f"{feed.url}: {error.detail}. {remedy(error, settings.user_agent)}", file=sys.stderr)
    if not readings:
        raise NewsdeskError("No feed could be read.")
    words = Words.load(settings.newsroom.languages, settings.overlay)
    name = settings.newsroom.name or readings[0].document.title
    posts = sorted(
        (post for reading in readings for post in _posts(reading, settings)),
        key=lambda post: post.published_at or 0,
        reverse=True,
    )
    sections = sections_of(settings.sections)
    for post in posts[:last]:
        first = next((s.id for s in sections if s.mask & post.sections), "")
        yield compose(
            post,
            lang=words[post.language],
            sections=sections,
            style=style(settings.posts_for(first)),
            zone=settings.newsroom.zone,
            newsroom=name,
        )


def style(posts: Posts) -> PostStyle:
    """The `[posts]` settings as the composer takes them."""
    return PostStyle(posts.picture, posts.order, posts.footer, posts.utm, posts.buttons)


def _posts(reading: Reading, settings: Settings) -> Iterator[Post]:
    sections = sections_of(settings.sections)
    for entry in reading.document.entries:
        yield Post(
            id=0,
            kind=PostKind.ARTICLE,
            version=1,
            sections=section_mask(entry.categories, sections, reading.feed.section),
            created_at=0,
            language=entry.language,
            title=entry.title,
            lead=clean_lead(entry.lead, entry.title, settings.newsroom.self_credits),
            link=entry.link,
            image=entry.image,
            published_at=entry.published,
        )


def _content(rendering: Rendering) -> tuple[str, list[dict[str, Any]]]:
    """Text and entities, wherever the method wants them."""
    payload = rendering.payload
    if "caption" in payload:
        return str(payload["caption"]), list(payload.get("caption_entities", ()))
    return str(payload.get("text", "")), list(payload.get("entities", ()))


def _terminal(rendering: Rendering) -> str:
    """The text, links written out below it."""
    text, entities = _content(rendering)
    links = [e["url"] for e in entities if e["type"] == "text_link"]
    media = [str(rendering.payload[k]) for k in ("photo", "video", "document") if k in rendering.payload]
    return "\n".join([*(f"[{m}]" for m in media), text, *(f"  ↗ {link}" for link in links)])


def _as_html(rendering: Rendering) -> str:
    """The post as a browser shows it. Entities nest and never cross, as compose makes them."""
    text, entities = _content(rendering)
    raw = text.encode("utf-16-le")
    opens: dict[int, list[str]] = {}
    closes: dict[int, list[str]] = {}
    for entity in entities:
        tag, end = _TAGS.get(entity["type"], "span"), entity["offset"] + entity["length"]
        opening = f"<{tag}>"
        if entity["type"] == "text_link":
            tag, opening = "a", f'<a href="{escape(entity["url"])}">'
        opens.setdefault(entity["offset"], []).append(opening)
        closes.setdefault(end, []).insert(0, f"</{tag}>")
    marks = sorted({0, len(raw) // 2, *opens, *closes})
    body = []
    for at, until in zip(marks, [*marks[1:], marks[-1]], strict=True):
        piece = raw[at * 2 : until * 2].decode("utf-16-le")
        body += [*closes.get(at, ()), *opens.get(at, ()), escape(piece)]
    photo = rendering.payload.get("photo", "")
    return (f'<img src="{escape(photo)}" alt="">' if photo else "") + "".join(body)


def _write(path: Path, renderings: list[Rendering], name: str) -> None:
    posts = "".join(f"<article>{_as_html(one)}</article>" for one in renderings)
    page = _PAGE.format(title=escape(name or "Newsdesk"), posts=posts)
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise ConfigError(f"--html {path}", f"cannot be written ({error.strerror}).", "Choose another.") from None
    print(f"{len(renderings)} posts are in {path}")


async def _send(settings: Settings, chat: str, renderings: list[Rendering], clock: Clock) -> None:
    """Oldest first, as readers would get them."""
    for number, rendering in enumerate(reversed(renderings)):
        if number:
            await clock.sleep(BETWEEN)
        answer = await call(settings.env, rendering.method, **rendering.payload, chat_id=chat)
        if not answer.ok:
            raise NewsdeskError(f"Telegram did not take post {number + 1} for {chat}: {answer.problem}")
    print(f"{len(renderings)} posts were sent to {chat}")
