"""A post becomes a Bot API call: one rendering per language and kind of target, the same bytes for everybody.

Signatures first; see `compose`, `compose_list`, `encode`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.article import Section
from bot.domain.post import Post, Rendering, Target
from bot.i18n import Lang

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class PostStyle:
    """How posts look: the `[posts]` table of the configuration, its defaults included."""

    picture: str = "preview-above"
    order: tuple[str, ...] = ("headline", "lead", "link", "tags", "time")
    footer: str = ""
    utm: str = ""
    buttons: tuple[str, ...] = ("more",)


def compose(
    post: Post,
    *,
    lang: Lang,
    sections: Sequence[Section],
    style: PostStyle,
    zone: ZoneInfo,
    newsroom: str,
    target: Target = Target.PRIVATE,
    keyboard: dict[str, Any] | None = None,
) -> Rendering:
    """The post in that language."""
    return Rendering("sendMessage", {"text": post.title or newsroom})


def compose_list(
    posts: Sequence[Post],
    *,
    lang: Lang,
    sections: Sequence[Section],
    style: PostStyle,
    newsroom: str,
    title: str,
    more_url: str = "",
    target: Target = Target.PRIVATE,
    keyboard: dict[str, Any] | None = None,
) -> Rendering:
    """Several posts as one message."""
    return Rendering("sendMessage", {"text": title})


def encode(rendering: Rendering) -> bytes:
    """The body of the call as UTF-8 JSON without its closing brace: a sender appends `,"chat_id":…}`."""
    return json.dumps(rendering.payload, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
