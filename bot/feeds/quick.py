"""Plain RSS 2.0 straight from expat, in an eighth of feedparser's time. Pure.

Most news feeds are the same dozen elements. `quick` reads those and gives what `parse` would find in feedparser's own
result, to the letter; at anything else (another format, an error, an attribute that changes a meaning, a text that
comes twice) it gives None, and feedparser reads the document. `tests/feeds/test_quick.py` compares the two.

feedparser keeps what it has no handler for under the element's name. Nobody here looks at that, so such elements are
passed over; elements with a handler are read below, or are known to do nothing to what is read, or end this way.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import Any
from xml.parsers import expat

from bot.feeds.names import HANDLED, SPACES

_ATOM = "http://www.w3.org/2005/atom"
_STARTS = (b'<?xml version="1.0" encoding="utf-8"?>', b"<rss")

_FEED_TEXTS = frozenset(("title", "language", "ttl", "sy_updateperiod", "sy_updatefrequency"))
_FEED_SILENT = frozenset((
    "description", "copyright", "managingeditor", "webmaster", "generator", "pubdate", "lastbuilddate", "category",
    "cloud", "link", "atom:link",
))  # fmt: skip
_IMAGE = frozenset(("url", "title", "link", "description", "width", "height"))
_TEXTS = {
    "title": "title", "description": "summary", "content_encoded": "content", "pubdate": "published",
    "dc_date": "updated", "yandex_full-text": "yandex_full-text", "rbc_news_full-text": "rbc_news_full-text",
    "turbo_content": "turbo_content",
}  # fmt: skip
_OTHERS = frozenset((
    "link", "guid", "author", "dc_creator", "category", "dc_subject", "atom:link", "enclosure", "media_content",
    "media_thumbnail",
))  # fmt: skip
_SILENT = frozenset(("source", "media_credit", "media_group"))
_KEPT = frozenset((
    "id", "title", "summary", "content", "link", "links", "published", "updated", "guidislink", "tags", "author",
    "authors", "media_content", "media_thumbnail", "language", "ttl",
))  # fmt: skip
"""Names under which `parse` looks: an element called so by chance is not passed over."""
_HOLDERS = frozenset(("item", "media_group", "media_content"))

_SLASHES = re.compile(r"^([A-Za-z][A-Za-z0-9+-.]*://)(/*)")
_CHARACTER = re.compile(r"&([A-Za-z0-9_]+);")
_BEYOND_LATIN = re.compile(r"[^\x00-\xff]")
_C1 = re.compile(r"[\x80-\x9f]")
_WINDOWS = {code: char for code in range(0x80, 0xA0) if (char := bytes((code,)).decode("cp1252", "ignore"))}


class _UnusualError(Exception):
    """This is for feedparser."""


def quick(body_utf8: bytes) -> dict[str, Any] | None:
    """Feed and entries in feedparser's shape, None when feedparser itself has to read the document."""
    if not body_utf8.startswith(_STARTS):
        return None
    reading = _Reading()
    try:
        reading.parser.Parse(body_utf8, True)
    except (expat.ExpatError, _UnusualError, UnicodeError):
        return None
    return {"feed": reading.feed, "entries": reading.entries, "version": "rss20", "bozo": False}


class _Reading:
    """One document at work: what is open, and the text and attributes of the innermost element."""

    def __init__(self) -> None:
        self.feed: dict[str, Any] = {}
        self.entries: list[dict[str, Any]] = []
        self._into = self.feed
        self._open: list[str] = []
        self._keys: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        self._text: list[str] = []
        self._attributes: list[dict[str, str]] = []
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 65_536
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append

    def _refuse(self, *_: object) -> None:
        raise _UnusualError

    def _namespace(self, prefix: str | None, uri: str) -> None:
        """Names are told by feedparser's own prefix of a namespace, of a foreign one by the document's."""
        known = SPACES.get(uri.lower())
        if uri.lower() == _ATOM:
            known = "atom:"
        name = (prefix or "").lower()
        # feedparser would take another namespace for the one that the prefix usually stands for
        taken = bool(name) and known != name and name in SPACES.values()
        again = self._prefixes.get(uri, name) != name or (self._open and name)
        if again or known == "" or taken or (known and not name) or "backend.userland" in uri.lower():
            raise _UnusualError
        self._prefixes[uri] = known or name

    def _key(self, name: str) -> str:
        """feedparser's name of an element: «media_content», «pubdate»; «atom:link» apart from RSS's own."""
        space, _, local = name.rpartition(" ")
        prefix = self._prefixes.get(space) if space else ""
        if prefix is None:
            raise _UnusualError
        key = f"{prefix}{'_' * (prefix not in ('', 'atom:'))}{local.lower()}"
        self._keys[name] = key
        return key

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        key = self._keys.get(name) or self._key(name)
        if attributes:
            attributes = _plain(attributes)
        match len(self._open):
            case 0:
                usual = key == "rss" and attributes.keys() == {"version"} and attributes["version"].startswith("2.")
            case 1:
                usual = key == "channel" and not attributes and not self.entries and not self.feed
            case 2 if key == "item":
                usual = not attributes
                self._into = {}
                self.entries.append(self._into)
            case 2:
                usual = key == "image" or _passes(key, _FEED_SILENT) or (key in _FEED_TEXTS and not attributes)
            case 3 if self._open[2] == "image":
                usual = key in _IMAGE
            case _:
                usual = self._open[-1] in _HOLDERS and (_passes(key, _SILENT) or self._is_read(key, attributes))
        if not usual:
            raise _UnusualError
        self._open.append(key)
        self._attributes.append(attributes)
        self._text.clear()

    def _is_read(self, key: str, attributes: dict[str, str]) -> bool:
        if key in _TEXTS or key in ("link", "author", "dc_creator", "dc_subject"):
            return not attributes and len(self._open) == 3
        if key == "media_title":
            return len(self._open) > 3 and "title" in self._into  # then feedparser keeps the item's own
        allowed = {"guid": ("ispermalink",), "category": ("domain",)}.get(key)
        if allowed is not None:
            return attributes.keys() <= {*allowed} and len(self._open) == 3
        return key in _OTHERS and (key, self._open[-1]) != ("media_content", "media_content")

    def _end(self, name: str) -> None:
        key, attributes, depth = self._open.pop(), self._attributes.pop(), len(self._open)
        if depth == 2:
            if key in _FEED_TEXTS:
                self._once(key, self._said())
            if key == "item" and "content" in self._into:
                self._into.setdefault("summary", self._into["content"][0]["value"])
            self._into = self.feed
        elif depth > 2 and self._open[2] == "item":
            if key in _TEXTS:
                self._once(_TEXTS[key], self._said())
            elif key in _OTHERS:
                self._other(key, attributes)

    def _said(self) -> str:
        """The element's text."""
        return _repaired("".join(self._text).strip())

    def _once(self, name: str, text: str) -> None:
        if name in self._into:
            raise _UnusualError
        self._into[name] = [{"value": text}] if name == "content" else text

    def _other(self, key: str, attributes: dict[str, str]) -> None:
        """What is not just a text under a name."""
        entry = self._into
        match key:
            case "link":
                self._link("".join(self._text).strip())
            case "guid":
                self._guid("".join(self._text).strip(), attributes.get("ispermalink", "true") == "true")
            case "author" | "dc_creator":
                name = self._said()
                if "@" in name:
                    raise _UnusualError
                entry["author"] = name
                entry.setdefault("authors", []).append({"name": name} if name else {})
            case "category" | "dc_subject":
                self._category(self._said(), attributes.get("domain"))
            case "atom:link":
                usual = "href" in attributes and "url" not in attributes
                if not usual or attributes.get("rel", "alternate") == "alternate":
                    raise _UnusualError
                kind = "application/atom+xml" if attributes["rel"] == "self" else "text/html"
                href = _SLASHES.sub(r"\1", attributes["href"])
                entry.setdefault("links", []).append({"type": kind, **attributes, "href": href})
            case "enclosure":
                if attributes.get("url"):
                    attributes["href"] = attributes.pop("url")
                entry.setdefault("links", []).append({**attributes, "rel": "enclosure"})
            case "media_thumbnail" if "url" not in attributes and "".join(self._text).strip():
                raise _UnusualError
            case _:
                entry.setdefault(key, []).append(attributes)

    def _link(self, text: str) -> None:
        entry, link = self._into, {"rel": "alternate", "type": "text/html"}
        if any(other["rel"] == "alternate" for other in entry.get("links", ())):
            raise _UnusualError
        href = _CHARACTER.sub(r"&\1", _repaired(_SLASHES.sub(r"\1", text)).replace("&amp;", "&"))
        entry["link"] = href
        entry.setdefault("links", []).append({**link, "href": href} if href else link)

    def _guid(self, text: str, is_link: bool) -> None:
        entry = self._into
        if "id" in entry:
            raise _UnusualError
        entry["id"] = guid = _repaired(_SLASHES.sub(r"\1", text) if is_link else text)
        entry["guidislink"] = is_link and "link" not in entry
        if is_link:
            entry.setdefault("link", guid)

    def _category(self, text: str, domain: str | None) -> None:
        tags: list[dict[str, str | None]] = self._into.setdefault("tags", [])
        for term, scheme in ((None, domain), (text, None)):
            if term and tags and not tags[-1]["term"]:
                tags[-1]["term"] = term
            elif (term or scheme) and (tag := {"term": term, "scheme": scheme, "label": None}) not in tags:
                tags.append(tag)


@lru_cache(maxsize=512)
def _passes(key: str, silent: frozenset[str]) -> bool:
    """Whether an element does nothing to what is read."""
    if key in silent:
        return True
    return key not in HANDLED and key not in _KEPT and key not in _TEXTS and key not in _FEED_TEXTS and ":" not in key


def _plain(attributes: dict[str, str]) -> dict[str, str]:
    """Attributes as feedparser sees them."""
    small = {name.lower(): value for name, value in attributes.items()}
    if any(" " in name or name in ("base", "uri") for name in small):
        raise _UnusualError
    return {name: value.lower() if name in ("rel", "type") else value for name, value in small.items()}


def _repaired(text: str) -> str:
    """What feedparser does to texts that were encoded twice, or are windows-1252 by their control characters."""
    if text.isascii():
        return text
    if not _BEYOND_LATIN.search(text):
        with suppress(UnicodeDecodeError):
            text = text.encode("iso-8859-1").decode()
    return text.translate(_WINDOWS) if _C1.search(text) else text
