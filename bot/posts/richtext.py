"""Text with entities: building, joining, clipping, and reading the HTML of feeds. Pure.

Offsets and lengths count UTF-16 units, as in the Bot API. A limit here is a number of UTF-16 units: never fewer
than code points, so both ways of counting stay below it.
"""

from __future__ import annotations

import html as markup
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from bot.domain.post import RichText
from bot.posts.links import is_http

MAX_ENTITIES = 100
"""Telegram loses what is beyond, silently."""

Entity = dict[str, Any]

_DROPPED = re.compile("[\r\u202a-\u202e\u0333\u033f\u030a]")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LONE = re.compile("[\ud800-\udfff]")
_ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u0333\u033f\u030a\u2028-\u202e\ud800-\udfff]")
"""What may have to go; most texts hold nothing of it."""
_TRAILING = ' \t\n\N{NO-BREAK SPACE},;:–—-(«“"'  # what must not stand before «…»


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(text: str) -> RichText:
    """Foreign text, NFC and without what Telegram would remove or refuse: controls, overrides, lone surrogates."""
    text = unicodedata.normalize("NFC", text)
    if not _ODD.search(text):
        return RichText(text)
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return RichText(_LONE.sub("\ufffd", _CONTROL.sub(" ", _DROPPED.sub("", text))))


def styled(content: str | RichText, kind: str, **extra: Any) -> RichText:
    """The whole content under one entity of that type; empty content stays without."""
    rich = _rich(content)
    if not rich:
        return rich
    whole: Entity = {"type": kind, "offset": 0, "length": units(rich.text), **extra}
    return RichText(rich.text, (whole, *rich.entities))


def bold(content: str | RichText) -> RichText:
    """The content in bold."""
    return styled(content, "bold")


def link(content: str | RichText, url: str) -> RichText:
    """The content as a link; the content alone where the address is none that Telegram would take."""
    return styled(content, "text_link", url=url) if is_http(url) else _rich(content)


def concat(*parts: str | RichText) -> RichText:
    """The parts one after the other, entities shifted; at most 100 of them are kept, the first ones."""
    return join("", parts)


def join(separator: str, parts: Iterable[str | RichText]) -> RichText:
    """The parts that are not empty, with the separator between them."""
    texts: list[str] = []
    entities: list[Entity] = []
    offset = 0
    for part in filter(None, map(_rich, parts)):
        if texts:
            texts.append(separator)
            offset += units(separator)
        texts.append(part.text)
        entities += [{**entity, "offset": entity["offset"] + offset} for entity in part.entities]
        offset += units(part.text)
    return RichText("".join(texts), ordered(entities))


def ordered(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Sorted as Telegram sorts, outer before inner, and cut to what it keeps."""
    return tuple(sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))[:MAX_ENTITIES])


def strip(rich: RichText) -> RichText:
    """Without white space at both ends; entities shrink with it and vanish when nothing is left of them."""
    text = rich.text.lstrip()
    start = units(rich.text) - units(text)
    text = text.rstrip()
    return RichText(text, _window(rich.entities, start, units(text)))


def clip(rich: RichText, limit: int) -> RichText:
    """The text within `limit` UTF-16 units, cut at a word where one ends near and closed with «…».

    An entity that the cut goes through ends after the «…», except a custom emoji, which cannot be halved.
    """
    if units(rich.text) <= limit:
        return rich
    if limit < 1:
        return RichText()
    head = rich.text.encode("utf-16-le", "replace")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    head = _at_word(head, rich.text[len(head)])
    size = units(head)
    kept = [
        {**entity, "length": min(entity["length"], size + 1 - entity["offset"])}
        for entity in rich.entities
        if entity["offset"] < size and (entity["type"] != "custom_emoji" or entity["offset"] + entity["length"] <= size)
    ]
    return RichText(head + "…", tuple(kept))


def _at_word(head: str, following: str) -> str:
    """Shorten `head`, which `following` continued, to the end of a word or at least of a letter with its marks."""
    if not following.isspace():
        space = max(head.rfind(" "), head.rfind("\n"))
        if space > len(head) - 60 and space > 0:
            head = head[:space]
        else:
            end = len(head)
            while end and len(head) - end < 60 and _joins(head[end - 1], following):
                end, following = end - 1, head[end - 1]
            head = head[:end]
    return head.rstrip(_TRAILING)


def _joins(before: str, after: str) -> bool:
    """Whether the two belong to one visible sign: marks, joiners, skin tones, flags."""
    return (
        unicodedata.category(after)[0] == "M"
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U0001f1e6" <= min(before, after) <= max(before, after) <= "\U0001f1ff"
    )


def window(rich: RichText, start: int, end: int) -> RichText:
    """The characters from `start` to `end` (code points, as Python counts) with their entities."""
    before, text = rich.text[:start], rich.text[start:end]
    return RichText(text, _window(rich.entities, units(before), units(text)))


def paragraphs(rich: RichText) -> list[RichText]:
    """The lines that hold something, each with its entities."""
    found, at = [], 0
    for line in rich.text.split("\n"):
        found.append(strip(window(rich, at, at + len(line))))
        at += len(line) + 1
    return list(filter(None, found))


def _window(entities: Iterable[Entity], start: int, length: int) -> tuple[Entity, ...]:
    """The entities as seen through a window of the text."""
    seen = []
    for entity in entities:
        first = max(entity["offset"] - start, 0)
        last = min(entity["offset"] + entity["length"] - start, length)
        if first < last:
            seen.append({**entity, "offset": first, "length": last - first})
    return tuple(seen)


def _rich(content: str | RichText) -> RichText:
    return content if isinstance(content, RichText) else plain(content)


# The HTML of feeds ------------------------------------------------------------------------------------------

_ENTITY_OF = {
    **dict.fromkeys(("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    "a": "text_link",
    "blockquote": "blockquote",
    "code": "code",
    "pre": "pre",
}
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "table", "figure"}
_LINES = {"div", "li", "tr", "br", "hr", "section", "article", "header", "footer", "dt", "dd", "figcaption"}
_SKIPPED = {"script", "style", "iframe", "noscript", "template", "svg", "math", "object", "audio", "video"}
_NAME = re.compile(r"/?[A-Za-z][A-Za-z0-9:-]*")
_MARK = re.compile("[\"'>]")
_HREF = re.compile(r"""(?<![\w-])href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SPACES = re.compile(r"[\s\N{ZERO WIDTH SPACE}]+")
_DEPTH = 32


def from_html(html: str, base: str = "") -> RichText:
    """What a reader would see of a feed's HTML: paragraphs, lists, links, emphasis and quotes; never raises.

    Scripts, pictures and unknown tags go, the words inside unknown tags stay; `Цена <100` is text. Links are
    made absolute with `base`. Time is linear in the length, whatever the input.
    """
    html = plain(html).text
    reader = _Reader(base)
    position = 0
    scanner = _Scanner(html)
    while position < len(html):
        opening = html.find("<", position)
        if opening < 0:
            reader.words(html[position:])
            break
        reader.words(html[position:opening])
        position = scanner.step(opening, reader)
    return reader.finish()


def to_plain(html: str) -> str:
    """The words of a feed's HTML without any formatting."""
    return from_html(html).text


class _Scanner:
    """Finds where a piece of markup ends. What was once searched in vain is never searched again: linear time."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._quotes = True
        self._ends = True

    def step(self, opening: int, reader: _Reader) -> int:
        """Hand the markup at `opening` to the reader; return where to go on."""
        html = self._html
        if html.startswith("<!--", opening):
            return self._past("-->", opening + 4)
        if html.startswith("<![CDATA[", opening):
            end = html.find("]]>", opening)
            reader.words(html[opening + 9 : end if end >= 0 else len(html)])
            return end + 3 if end >= 0 else len(html)
        if html.startswith(("<!", "<?"), opening):
            return self._past(">", opening)
        name = _NAME.match(html, opening + 1)
        end = self._tag_end(name.end()) if name else -1
        if name is None or end < 0:
            reader.words("<")
            return opening + 1
        tag = name[0].lower()
        if tag in _SKIPPED:
            return self._past_element(tag, end + 1)
        reader.tag(tag, html[name.end() : end])
        return end + 1

    def _past(self, closing: str, start: int) -> int:
        end = self._html.find(closing, start)
        return end + len(closing) if end >= 0 else len(self._html)

    def _past_element(self, tag: str, start: int) -> int:
        closing = re.compile(rf"</{tag}[^>]*>?", re.IGNORECASE).search(self._html, start)
        return closing.end() if closing else len(self._html)

    def _tag_end(self, start: int) -> int:
        """The `>` that ends the tag, with regard to quotes while they close; -1 when there is none."""
        position = start
        while self._quotes:
            found = _MARK.search(self._html, position)
            if found and found[0] == ">":
                return found.start()
            closing = self._html.find(found[0], found.end()) if found else -1
            self._quotes = closing >= 0
            position = closing + 1
        end = self._html.find(">", start) if self._ends else -1
        self._ends = end >= 0
        return end


@dataclass(slots=True)
class _Open:
    tag: str
    kind: str
    url: str
    start: int


@dataclass(slots=True)
class _Reader:
    """Collects words, breaks and entities."""

    base: str
    text: list[str] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    offset: int = 0
    breaks: int = 0
    space: bool = False
    prefix: str = ""

    def words(self, raw: str) -> None:
        """Take text between tags."""
        if not raw:
            return
        text = plain(markup.unescape(raw)).text if "&" in raw else raw
        if any(element.kind == "pre" for element in self.stack):
            if text.strip():
                self._put(text.strip("\n"))
            return
        words = _SPACES.sub(" ", text)
        if words.startswith(" "):
            self.space = True
        if words.strip():
            self._put(words.strip())
            self.space = words.endswith(" ")

    def tag(self, name: str, attributes: str) -> None:
        """Take a start tag, or an end tag when its name begins with a slash."""
        bare = name.removeprefix("/")
        if bare in _PARAGRAPHS:
            self.breaks = max(self.breaks, 2)
        elif bare in _LINES:
            self.breaks = 2 if bare == "br" and self.breaks else max(self.breaks, 1)
        elif bare in ("td", "th"):
            self.space = True
        if bare == "li":
            self.prefix = "" if name != bare else "• "
        if name != bare:
            self._close(bare)
        elif bare in _ENTITY_OF and len(self.stack) < _DEPTH:
            self._open(bare, attributes)

    def finish(self) -> RichText:
        """Everything that was read."""
        while self.stack:
            self._end(self.stack.pop())
        return strip(RichText("".join(self.text), ordered(self.entities)))

    def _put(self, text: str) -> None:
        """Write what was put off, then the text; entities opened meanwhile begin at the text."""
        lead = "\n" * self.breaks if self.breaks else " " * self.space
        lead = (lead if self.text else "") + self.prefix
        if lead:
            waiting = self.offset
            self.offset += len(lead)
            for element in self.stack:
                if element.start == waiting:
                    element.start = self.offset
            self.text.append(lead)
        self.breaks, self.space, self.prefix = 0, False, ""
        self.text.append(text)
        self.offset += units(text)

    def _open(self, tag: str, attributes: str) -> None:
        kind = _ENTITY_OF[tag]
        if kind == "text_link":
            self._close("a")  # links do not nest
        url = self._target(attributes) if kind == "text_link" else ""
        self.stack.append(_Open(tag, kind, url, self.offset))

    def _target(self, attributes: str) -> str:
        found = _HREF.search(attributes)
        href = markup.unescape(next(filter(None, found.groups()), "")).strip() if found else ""
        if not href or href.startswith("#"):
            return ""
        try:
            url = href if href.startswith("tg://") else urljoin(self.base, href)
        except ValueError:
            return ""
        return url if url.startswith("tg://") or is_http(url) else ""

    def _close(self, tag: str) -> None:
        """Close that element and what was left open inside; an end tag of nothing is ignored."""
        if any(element.tag == tag for element in self.stack):
            while (element := self.stack.pop()).tag != tag:
                self._end(element)
            self._end(element)

    def _end(self, element: _Open) -> None:
        kinds = {outer.kind for outer in self.stack}
        length = self.offset - element.start
        useless = element.kind in kinds or "code" in kinds or "pre" in kinds
        if length <= 0 or useless or (element.kind == "text_link" and not element.url):
            return
        entity: Entity = {"type": element.kind, "offset": element.start, "length": length}
        self.entities.append({**entity, "url": element.url} if element.url else entity)
