"""What an editor's post by hand is for: its tags, and what it says without them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.article import Section
from bot.domain.channel import Hand
from bot.domain.post import Post, PostKind, RichText
from bot.feeds.sections import fold, section_mask
from bot.posts.richtext import strip, units

_TAG = re.compile(r"#(\w+)")
_FIRST, _LAST = re.compile(r"\s*#(\w+)(?!\S)"), re.compile(r"(?<!\S)#(\w+)\s*\Z")
_URGENT = {fold(word) for word in ("срочно", "шұғыл", "breaking")}


def meaning(text: str, sections: Sequence[Section]) -> tuple[int, bool]:
    """The sections that its hashtags name (a mask), and whether one of them says that it is breaking news."""
    tags = _TAG.findall(text)
    return section_mask(tags, sections), any(fold(tag) in _URGENT for tag in tags)


def words(items: Sequence[Hand], sections: Sequence[Section]) -> RichText:
    """What a message or an album says, without the tags at its edges that say where it goes: posts have their own."""
    said = next((item.said for item in items if item.said), RichText())
    text, begin = said.text, 0
    while (found := _FIRST.match(text, begin)) and any(meaning(found[0], sections)):
        begin = found.end()
    end = len(text)
    while (found := _LAST.search(text, begin, end)) and any(meaning(found[0], sections)):
        end = found.start()
    return strip(RichText(_blank(text[:begin]) + text[begin:end] + _blank(text[end:]), said.entities))


def _blank(text: str) -> str:
    """As much room, so that every entity stays in place."""
    return " " * units(text)


def files(items: Sequence[Hand]) -> tuple[tuple[str, str], ...]:
    """Kind and file of each of them that has one."""
    return tuple((item.kind, item.file) for item in items if item.kind)


def written(items: Sequence[Hand], said: RichText, sections: int, language: str, now: int) -> Post:
    """The post that readers of those sections get: the same words, formatting and media."""
    media = files(items)
    kind, file = media[0] if len(media) == 1 else ("", "")
    return Post(
        id=0,
        kind=PostKind.WRITTEN,
        version=1,
        sections=sections,
        created_at=now,
        language=language,
        texts={language: said},
        media_kind=kind,
        media=file,
        album=media if len(media) > 1 else (),
    )
