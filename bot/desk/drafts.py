"""From an editor's message to a broadcast: what is taken, what it becomes, who must agree, how it is launched."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from bot.desk import corrections
from bot.domain.delivery import Audience, Lane
from bot.domain.desk import Content, Draft, Gravity, Way
from bot.domain.post import Post, PostKind, Rendering, RichText
from bot.feeds.identity import canonical_link
from bot.posts.compose import CAPTION_LIMIT, TEXT_LIMIT, words_of
from bot.posts.richtext import bold, join, plain, strip, units
from bot.settings import Settings
from storage import Storage

OPEN_SECONDS = 3 * 3600
"""How long a draft takes its editor's messages; afterwards they begin another one."""
REVIEW_SECONDS = 600
SOLO_SECONDS = 60
"""The countdown of what goes out without the second person that the rules ask for."""
LATE_SECONDS = 900
"""What could not go out at its time is not sent later than this."""
_COMMAND = re.compile(r"/\w+(?:@\w+)?")
_STYLES = frozenset(("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "date_time"))
_KEPT = _STYLES | {"text_link", "url", "text_mention", "custom_emoji", "blockquote", "expandable_blockquote"}
"""Entities that carry what the editor did; Telegram finds mentions, hashtags and the like by itself."""
PARTNER = "partner"
"""The label of a partner's post unless its editor chooses another of the law's."""
_RULE = "approvals"
_MARGIN = 2
"""What the formatter leaves free between text and tags, in UTF-16 units."""

Render = Callable[[Post, str], Rendering]
"""A post in a language as the call that the fan-out makes."""


def typed(text: str, entities: Sequence[dict[str, Any]], *, command: bool = False) -> RichText:
    """An editor's words as typed; entities as the Bot API gives them. `command`: the words after the one they begin
    with.
    """
    begins = _COMMAND.match(text) if command else None
    if begins:
        text = " " * begins.end() + text[begins.end() :]  # the same length, so that every entity stays in place
    return strip(RichText(text, tuple(entity for entity in entities if entity["type"] in _KEPT)))


def keys_of(link: str) -> list[str]:
    """Under what an article with that link is known."""
    canonical = canonical_link(link)
    return [f"u:{canonical}"] if canonical else []


async def of_article(storage: Storage, link: str, language: str) -> Content | None:
    """What an article of ours says, as the content of a draft; None when no feed has brought that link."""
    known = next(iter((await storage.articles.known(keys_of(link))).values()), None)
    article = await storage.articles.get(known.id) if known else None
    if article is None:
        return None
    text = join("\n", [bold(plain(article.title)), plain(article.lead)])
    language = article.language or language
    return Content(
        language=language,
        texts={language: text},
        link=article.link,
        image=article.image,
        article_id=article.id,
        sections=article.sections,
    )


def as_post(draft: Draft, now: int) -> Post:
    """The post that the draft would become."""
    content = draft.content
    kind, media = content.media[0] if len(content.media) == 1 else ("", "")
    return Post(
        id=0,
        kind=_KINDS.get(content.way, PostKind.BREAKING),
        version=1,
        sections=content.sections,
        created_at=now,
        main=content.main,
        texts=content.texts,
        link=content.link,
        image=content.image,
        media=media,
        media_kind=kind,
        album=content.media if len(content.media) > 1 else (),
        silent=content.silent,
        reply_to=content.updates,
        label=(content.label or PARTNER) if content.way is Way.PROMO else "",
    )


_KINDS = {Way.REGULAR: PostKind.WRITTEN, Way.PROMO: PostKind.PROMO}


def seal(draft: Draft) -> str:
    """Eight signs for exactly this content and time: a button does what its card was shown for, or nothing."""
    said = [asdict(replace(draft.content, album="")), draft.due_at, draft.embargo_at]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


def surplus(post: Post, languages: Sequence[str], render: Render) -> int:
    """How many characters must go before the post fits in every language; 0 when it does."""
    return max(_surplus(post, language, render) for language in languages)


def _surplus(post: Post, language: str, render: Render) -> int:
    written = strip(post.texts.get(language) or next(iter(post.texts.values())))
    post = replace(post, texts={language: written})
    limit = CAPTION_LIMIT if post.media or post.album or post.image else TEXT_LIMIT
    if written.text in _words(render(post, language)):
        return 0
    begun = replace(post, texts={language: RichText("x")})
    around = units(_words(render(begun, language))) - 1 + _MARGIN
    return max(1, units(written.text) + around - limit)


def _words(rendering: Rendering) -> str:
    said = words_of(rendering)
    return str(said.get("text") or said.get("caption") or "")


def lacking(content: Content, languages: Sequence[str]) -> list[str]:
    """The newsroom's languages in which it says nothing."""
    return [language for language in languages if language not in content.texts]


def missing(content: Content, settings: Settings) -> str:
    """What readers get in whose language there is no text: "default", "skip", or "ask" while that is to be decided."""
    return content.missing or settings.desk.missing_language


def audience(content: Content, settings: Settings, at: int) -> Audience:
    """Who gets it when it goes out at that moment."""
    languages = settings.newsroom.languages
    some = tuple(content.texts) if missing(content, settings) == "skip" and lacking(content, languages) else ()
    if content.way is Way.BREAKING:
        return Audience(breaking=True, languages=some)
    if content.way is Way.PROMO:
        day = datetime.fromtimestamp(at, settings.newsroom.zone).toordinal()
        return Audience(sections=content.sections, languages=some, promo=day)
    return Audience(sections=content.sections, languages=some)


async def approvals(storage: Storage, settings: Settings) -> int:
    """How many second persons breaking news needs: as the file says, else as an owner chose."""
    return settings.desk.approvals or int(await storage.meta.get(_RULE) or 0)


async def require_approvals(storage: Storage, number: int) -> None:
    """An owner chooses that rule where the file has none."""
    await storage.meta.put(_RULE, str(number))


async def needed(storage: Storage, draft: Draft, settings: Settings) -> int:
    """How many more persons must agree before this draft goes out; a correction is as grave as what it corrects, and
    what is paid for is looked at by as many as breaking news."""
    return await approvals(storage, settings) if draft.content.way is not Way.REGULAR else 0


def deed(content: Content, *, solo: bool) -> str:
    """What the audit calls its going out."""
    match content.way:
        case Way.FIX:
            return _FIXED.get(content.gravity, "message corrected")
        case Way.BREAKING:
            return "breaking launched alone" if solo else "breaking launched"
        case Way.PROMO:
            return "partner post launched"
    return "post launched"


_FIXED: dict[str, str] = {Gravity.WITHDRAWAL: "message withdrawn", Gravity.UPDATE: "message updated"}


async def launch(storage: Storage, draft: Draft, settings: Settings, *, by: int, solo: bool, now: int) -> int | None:
    """Start the countdown of a draft whose time has come: the broadcast's id.

    None when it has changed, was sent or dropped meanwhile, or who sends it has no rights any more. A correction goes
    at once, and the id is its erratum's.
    """
    if draft.content.way is Way.FIX:
        return await corrections.launch(storage, draft, settings, by=by, solo=solo, now=now)
    due = max(now + (SOLO_SECONDS if solo else settings.desk.countdown), draft.leaves_at(now))
    wanted = audience(draft.content, settings, due)
    return await storage.broadcasts.launch(
        draft,
        as_post(draft, now),
        wanted,
        by=by,
        solo=solo,
        lane=_LANES.get(draft.content.way, Lane.REGULAR),
        total=await storage.readers.count(wanted),
        start=random.random(),
        due=due,
        now=now,
    )


_LANES = {Way.BREAKING: Lane.BREAKING, Way.PROMO: Lane.PROMO}
