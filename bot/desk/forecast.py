"""What sending a draft would mean now: who gets it, how long it takes, and what its editor should know before."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.delivery import budget
from bot.delivery.budget import Estimate
from bot.delivery.gate import Window, silence
from bot.delivery.hours import silent
from bot.desk import drafts
from bot.desk.queue import rules
from bot.domain.article import Section
from bot.domain.delivery import Audience
from bot.domain.desk import Draft, Way
from bot.domain.post import Post
from bot.i18n import Lang
from bot.posts.compose import editors_text
from bot.posts.similar import alike, gist
from bot.settings import Settings
from storage import Storage

TWICE_SECONDS = 24 * 3600
"""The same text within this time is warned about."""
SIMILAR_SECONDS = 2 * 3600
_LOOKED_AT = 200
_URL = re.compile(r"https?://\S+")

LinkProblem = Callable[[str], Awaitable[str]]
"""What is wrong with an address, "" for nothing."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the card says before the press.

    `total` readers get it, `silent` of them without a sound; `left_out` says for which reasons others do not. It takes
    `seconds` at the free rate, and what `paid` says by paid broadcast (None: not used). `missing` are languages without
    a text and how many readers each has. `twice_at` is when the same text went out lately, `like` a similar post and
    when it was made. `dead` says what is wrong with a link; `barred` are sections whose posts are never breaking news.
    `quiet` is a silence that is in force now.
    """

    total: int
    left_out: dict[str, int]
    silent: int
    seconds: float
    paid: Estimate | None = None
    missing: tuple[tuple[str, int], ...] = ()
    twice_at: int | None = None
    like: tuple[Post, int] | None = None
    dead: str = ""
    barred: tuple[Section, ...] = ()
    quiet: Window | None = None


async def forecast(
    storage: Storage, draft: Draft, settings: Settings, sections: Sequence[Section], now: int, link_problem: LinkProblem
) -> Forecast:
    """Look at readers, at what went out lately, and at the links."""
    content, delivery = draft.content, settings.delivery
    wanted = drafts.audience(content, settings, draft.leaves_at(now))
    left_out, nights = await storage.readers.breakdown(wanted)
    total, home, breaking = sum(nights.values()), settings.newsroom.timezone, content.way is Way.BREAKING
    quiet = sum(number for night, number in nights.items() if silent(night, now, home, breaking=breaking))
    rate = delivery.messages_per_second
    pays = delivery.paid and breaking
    like = await _like(storage, draft, now)
    return Forecast(
        total=total,
        left_out=left_out,
        silent=total if content.silent else quiet,
        seconds=total / rate,
        paid=budget.paid(total, rate, paid_rate=delivery.paid_messages_per_second, cap=delivery.paid_stars_cap)
        if pays
        else None,
        missing=await _missing(storage, wanted, drafts.lacking(content, settings.newsroom.languages)),
        twice_at=await _twice(storage, draft, now),
        like=(like, like.created_at) if like else None,
        dead=await link_problem(url) if (url := link_of(draft)) else "",
        barred=barred(draft, sections),
        quiet=silence(rules(settings, sections), None if breaking else content.sections, now),
    )


def barred(draft: Draft, sections: Sequence[Section]) -> tuple[Section, ...]:
    """Its sections that keep it from being breaking news."""
    mask = 0 if draft.content.way in (Way.REGULAR, Way.PROMO) else draft.content.sections
    return tuple(section for section in sections if section.mask & mask and section.kind != "news")


def link_of(draft: Draft) -> str:
    """The first address that readers are led to; "" for none."""
    if draft.content.link:
        return draft.content.link
    text = draft.content.text
    urls = [str(entity["url"]) for entity in text.entities if entity.get("url")]
    found = _URL.search(text.text)
    return next(iter(urls), found[0] if found else "")


async def _missing(storage: Storage, wanted: Audience, languages: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """How many readers each of these languages has, where it has any."""
    counts = []
    for language in languages:
        audience = Audience(sections=wanted.sections, breaking=wanted.breaking, languages=(language,))
        counts.append((language, await storage.readers.count(audience)))
    return tuple((language, number) for language, number in counts if number)


async def _twice(storage: Storage, draft: Draft, now: int) -> int | None:
    """When the same words or the same picture alone went out in the last day."""
    for other in await storage.drafts.sent(since=now - TWICE_SECONDS):
        if other.id != draft.id and _said(other) == _said(draft):
            return other.created_at
    return None


def _said(draft: Draft) -> str:
    text = draft.content.text.text
    words = re.sub(r"\W+", " ", unicodedata.normalize("NFKC", text)).casefold().strip()
    return words or text or "".join(file_id for _, file_id in draft.content.media[:1])


async def _like(storage: Storage, draft: Draft, now: int) -> Post | None:
    """The newest post of the last two hours that tells the same story."""
    language = draft.content.language
    mine = gist(draft.content.text.text, language)
    for post in await storage.posts.newest(_LOOKED_AT):
        if post.created_at < now - SIMILAR_SECONDS:
            continue
        said = f"{post.title} {post.lead}" if post.title else " ".join(text.text for text in post.texts.values())
        if alike(mine, gist(said, post.language or language)):
            return post
    return None


def shown_as(post: Post, t: Lang) -> str:
    """How a warning names a post."""
    return post.title or editors_text(post, t).text.split("\n", 1)[0]
