"""A whole article as a rich message, for readers who ask for it: the newsroom's own text, quotes as quotes. Pure.

Never an excerpt: what a politician says must not look like the newsroom's words, and news pages lose the marks of
quotes. So a paragraph that ends with «, – сказал он.» becomes a quotation again, with its credit below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.post import Post, Rendering, RichText
from bot.i18n import Lang
from bot.posts.lead import clean_lead, ends_here, key
from bot.posts.links import is_http
from bot.posts.richtext import Entity, from_html, paragraphs, plain, strip, window

MOST_BLOCKS, MOST_CHARACTERS = 500, 32_768
_SPARE_BLOCKS, _SPARE_CHARACTERS = 8, 1_000
"""For headline, dateline and footer."""
LEAST = 200
"""Characters that a text must have beyond the lead; below, it is no article but the lead again."""

_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|iframe|noscript|svg|figure|form)\b.*?(?:</\1\s*>|\Z)", re.I | re.S
)
_BLOCK = re.compile(
    r"<(/?)(p|div|h[1-6]|blockquote|ul|ol|li|table|tr|section|article|header|footer|main|body|html|hr|pre)\b[^<>]*>",
    re.I,
)
_SAID = (
    r"(?:сказал|отметил|подчеркнул|заявил|добавил|рассказал|считает|пояснил|уточнил|сообщил|написал|ответил|говорит"
    r"|отмечает|поделил)(?:[аи]|ся|ась|ись)?\b"
)
_CREDIT = re.compile(
    rf"[,.!?…»”\"] ?[–—-] ({_SAID}[^.]*|(?:деді|дейді|деп [^\W\d_]+)\b[^.]*)\.$"
    r"|,[”\"] ((?:said|says|added) [^.]{2,80}|(?:[A-Z][\w’'-]+ ){1,4}(?:said|says|added))\.$"
)
_TYPES = {
    "bold": "bold",
    "italic": "italic",
    "underline": "underline",
    "strikethrough": "strikethrough",
    "code": "code",
}

Block = dict[str, Any]


def article(
    post: Post, html: str, *, lang: Lang, zone: ZoneInfo, newsroom: str, credits: Sequence[str] = (), sign: str = ""
) -> Rendering | None:
    """The call that shows `html` as the article of that post, without its recipient; None when it is no whole text.

    `sign` is what the law wants said first of paid material. What is beyond Telegram's limits is left to the link at
    the end.
    """
    t = lang
    texts = list(_own(html, post, credits))
    said = " ".join(text.text for _, text in texts)
    if len(said) < len(post.lead) + LEAST:
        return None
    blocks: list[Block] = [{"type": "paragraph", "text": sign}] if sign else []
    blocks += [{"type": "heading", "text": post.title or newsroom, "size": 1}, *_dateline(post, t, zone)]
    if post.lead and key(post.lead) not in key(said):
        blocks.append({"type": "paragraph", "text": {"type": "bold", "text": post.lead}})
    size = sum(len(part) for part in (post.title, post.lead, newsroom, post.link))
    for block, length in _blocks(texts):
        size += length
        if size > MOST_CHARACTERS - _SPARE_CHARACTERS or len(blocks) > MOST_BLOCKS - _SPARE_BLOCKS:
            blocks.append({"type": "paragraph", "text": "…"})
            break
        blocks.append(block)
    if is_http(post.link):
        words = t("{newsroom} · open on the site", newsroom=newsroom)
        blocks.append({"type": "footer", "text": {"type": "url", "text": words, "url": post.link}})
    return Rendering("sendRichMessage", {"rich_message": {"blocks": blocks, "skip_entity_detection": True}})


def _dateline(post: Post, t: Lang, zone: ZoneInfo) -> Iterator[Block]:
    when = post.published_at
    if when is not None and 0 < when < 2**31:
        text = t.datetime(when, zone)
        moment = {"type": "date_time", "text": text, "unix_time": when, "date_time_format": "Dt"}
        yield {"type": "paragraph", "text": moment}


_MOMENT = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}(?:,? \d{1,2}:\d{2})?")


def _own(html: str, post: Post, credits: Sequence[str]) -> Iterator[tuple[str, RichText]]:
    """(kind, paragraph) up to the partners' block; without headline and date again, lines that say nothing,
    self-credits."""
    title = key(post.title)
    for kind, text in _pieces(html, post.link):
        if ends_here(text.text):
            return
        if key(text.text) and key(text.text) != title and not _MOMENT.fullmatch(text.text):
            cleaned = clean_lead(text.text, "", credits, whole=True)
            yield kind, text if cleaned == text.text else plain(cleaned)


def _pieces(html: str, base: str) -> Iterator[tuple[str, RichText]]:
    """Paragraphs as a page has them, each with what it stands in: heading, blockquote, item, or nothing."""
    html = _HIDDEN.sub(" ", html)
    quotes, heading, item, at = 0, "", False, 0
    for mark in [*_BLOCK.finditer(html), None]:  # pragma: no branch  # the last one returns
        kind = "blockquote" if quotes else heading or ("item" if item else "")
        for text in paragraphs(from_html(html[at : mark.start() if mark else len(html)], base)):
            yield kind, text
            item = False
        if mark is None:
            return
        opens, name, at = not mark[1], mark[2].lower(), mark.end()
        if name == "blockquote":
            quotes = max(0, quotes + (1 if opens else -1))
        elif name[0] == "h" and name[1:].isdigit():
            heading = name if opens else ""
        elif name == "li":
            item = opens


def _blocks(texts: Sequence[tuple[str, RichText]]) -> Iterator[tuple[Block, int]]:
    """Each block with its length; paragraphs of one quotation stand in one block."""
    quoted: list[Block] = []
    length = 0
    for kind, text in texts:
        if kind == "blockquote":
            quoted.append(_paragraph(text))
            length += len(text.text)
            continue
        if quoted:
            yield {"type": "blockquote", "blocks": quoted}, length
            quoted, length = [], 0
        yield _block(kind, text), len(text.text)
    if quoted:
        yield {"type": "blockquote", "blocks": quoted}, length


def _block(kind: str, text: RichText) -> Block:
    if kind.startswith("h"):
        return {"type": "heading", "text": text.text, "size": max(2, int(kind[1:]))}
    if kind == "item":
        return {"type": "paragraph", "text": ["• ", nested(text)]}
    found = _CREDIT.search(text.text)
    if found is None or found.start() < 10:
        return _paragraph(text)
    said = strip(window(text, 0, found.start() + (1 if text.text[found.start()] != "," else 0)))
    return {"type": "blockquote", "blocks": [_paragraph(said)], "credit": found[1] or found[2]}


def _paragraph(text: RichText) -> Block:
    return {"type": "paragraph", "text": nested(text)}


def nested(rich: RichText) -> Any:
    """Text with entities as Telegram's nested rich text: a string, or a list of strings and dressed parts."""
    raw = rich.text.encode("utf-16-le")

    def walk(start: int, end: int, entities: Sequence[Entity]) -> Any:
        parts: list[Any] = []
        at, left = start, list(entities)
        while left:
            first = left.pop(0)
            begin, stop = max(at, first["offset"]), min(end, first["offset"] + first["length"])
            inner = [one for one in left if one["offset"] < stop]
            left = left[len(inner) :]
            if begin < stop:
                parts += [raw[2 * at : 2 * begin].decode("utf-16-le"), _dressed(first, walk(begin, stop, inner))]
                at = stop
        parts = [part for part in [*parts, raw[2 * at : 2 * end].decode("utf-16-le")] if part != ""]
        return parts[0] if len(parts) == 1 else parts

    return walk(0, len(raw) // 2, rich.entities)


def _dressed(entity: Entity, inner: Any) -> Any:
    if entity["type"] == "text_link":
        return {"type": "url", "text": inner, "url": entity["url"]}
    return {"type": _TYPES[entity["type"]], "text": inner} if entity["type"] in _TYPES else inner
