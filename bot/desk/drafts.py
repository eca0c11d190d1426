"""Breaking news from an editor's message to a broadcast: what is taken, how it is judged, how it is launched."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.delivery import budget
from bot.delivery.budget import Estimate
from bot.domain.delivery import Audience, Lane
from bot.domain.desk import Draft
from bot.domain.post import Post, PostKind, Rendering, RichText
from bot.posts.compose import CAPTION_LIMIT, TEXT_LIMIT
from bot.posts.richtext import strip, units
from storage import Storage

OPEN_SECONDS = 3 * 3600
"""How long a draft takes its editor's messages; afterwards they are a reader's words again."""
TWICE_SECONDS = 24 * 3600
"""The same text within this time is warned about."""
AUDIENCE = Audience(breaking=True)
_COMMAND = re.compile(r"/\w+(?:@\w+)?")
_STYLES = frozenset(("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "date_time"))
_KEPT = _STYLES | {"text_link", "url", "text_mention", "custom_emoji", "blockquote", "expandable_blockquote"}
"""Entities that carry what the editor did; Telegram finds mentions, hashtags and the like by itself."""

_MARGIN = 2
"""What the formatter leaves free between text and tags, in UTF-16 units."""

Render = Callable[[Post, str], Rendering]
"""A post in a language as the call that the fan-out makes."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What sending would mean now: `total` of `active` readers, `off` have breaking news switched off, the
    `seconds` it takes at the free rate, what it takes by paid broadcast (None: not used), and when the same text went
    out lately (epoch seconds, None if it did not)."""

    total: int
    active: int
    off: int
    seconds: float
    twice_at: int | None
    paid: Estimate | None = None


def typed(text: str, entities: Sequence[dict[str, Any]], *, command: bool = False) -> RichText:
    """An editor's words as typed; entities as the Bot API gives them. `command`: the words after the one they begin
    with.
    """
    begins = _COMMAND.match(text) if command else None
    if begins:
        text = " " * begins.end() + text[begins.end() :]  # the same length, so that every entity stays in place
    return strip(RichText(text, tuple(entity for entity in entities if entity["type"] in _KEPT)))


def as_post(draft: Draft, language: str, now: int) -> Post:
    """The post that the draft would become; `language` is the newsroom's first, under which the text is kept."""
    return Post(
        id=0,
        kind=PostKind.BREAKING,
        version=1,
        sections=0,
        created_at=now,
        texts={language: draft.text},
        media=draft.media,
        media_kind=draft.media_kind,
    )


def seal(draft: Draft) -> str:
    """Eight signs that stand for exactly this content: a button sends what its card was shown for, or nothing."""
    content = [draft.text.text, draft.text.entities, draft.media, draft.media_kind]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def surplus(post: Post, languages: Sequence[str], render: Render) -> int:
    """How many characters must go before the post fits in every language; 0 when it does."""
    return max(_surplus(post, language, render) for language in languages)


def _surplus(post: Post, language: str, render: Render) -> int:
    written = strip(next(iter(post.texts.values())))
    limit = CAPTION_LIMIT if post.media else TEXT_LIMIT
    if _words(render(post, language)).endswith(written.text):
        return 0
    begun = replace(post, texts={language: RichText("x")})
    around = units(_words(render(begun, language))) - 1 + _MARGIN
    return max(1, units(written.text) + around - limit)


def _words(rendering: Rendering) -> str:
    return str(rendering.payload.get("text") or rendering.payload.get("caption") or "")


async def forecast(
    storage: Storage, draft: Draft, rate: int, now: int, *, paid_rate: int = 0, cap: int = 0
) -> Forecast:
    """What the card says before the press; rates are in messages per second, `cap` is in Stars, 0: never paid."""
    total = await storage.readers.count(AUDIENCE)
    tally = await storage.readers.tally()
    return Forecast(
        total=total,
        active=tally.get("active", 0),
        off=tally["breaking_off"],
        seconds=total / rate,
        twice_at=await _twice(storage, draft, now),
        paid=budget.paid(total, rate, paid_rate=paid_rate, cap=cap) if cap else None,
    )


async def _twice(storage: Storage, draft: Draft, now: int) -> int | None:
    """When the same words or the same picture alone went out in the last day."""
    for other in await storage.editors.sent_drafts(since=now - TWICE_SECONDS):
        if other.id != draft.id and _said(other) == _said(draft):
            return other.created_at
    return None


def _said(draft: Draft) -> str:
    words = re.sub(r"\W+", " ", unicodedata.normalize("NFKC", draft.text.text)).casefold().strip()
    return words or draft.text.text or draft.media


async def launch(
    storage: Storage, draft: Draft, language: str, *, countdown: int, start: float, now: int
) -> int | None:
    """Start the countdown: the broadcast's id, None when the draft was sent or dropped before. `start` is 0..1."""
    return await storage.broadcasts.launch(
        draft.id,
        as_post(draft, language, now),
        AUDIENCE,
        lane=Lane.BREAKING,
        total=await storage.readers.count(AUDIENCE),
        start=start,
        due=now + countdown,
        now=now,
    )
