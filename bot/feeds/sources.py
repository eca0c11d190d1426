"""What feedparser does not read: JSON Feed, sitemaps for Google News. Pure.

Both become what feedparser gives for RSS, so that one reader of entries serves all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.domain.errors import FeedError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CHILD = re.compile(rb"<loc>\s*(?:<!\[CDATA\[)?([^<\s]+)", re.I)


@dataclass(frozen=True, slots=True)
class Found:
    """Entries and feed in feedparser's shape; `kind` as its version word."""

    feed: dict[str, Any]
    entries: list[dict[str, Any]]
    kind: str


def other_source(body: bytes, root: bytes) -> Found | None:
    """The document when it is JSON Feed or a news sitemap, None for whatever feedparser is to read.

    `root` is the name of the document's first tag, empty for JSON. Raises FeedError: parse, not_feed.
    """
    if not root:
        return _json_feed(body)
    name = root.rpartition(b":")[2].lower()
    if name == b"sitemapindex":
        child = _CHILD.search(body)
        address = child[1].decode("utf-8", "replace") if child else ""
        raise FeedError("not_feed", f"this is a list of sitemaps; the first: {address}", feed=address)
    return _sitemap(body) if name == b"urlset" else None


def _json_feed(body: bytes) -> Found:
    try:
        feed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FeedError("parse", f"not JSON: {type(error).__name__}") from error
    items = feed.get("items")
    if not str(feed.get("version", "")).startswith("https://jsonfeed.org/version/1") or not isinstance(items, list):
        raise FeedError("not_feed", "this is JSON but no JSON Feed")
    return Found(_texts(feed, "title", "language"), [_json_item(i) for i in items if isinstance(i, dict)], "json1")


def _json_item(item: dict[str, Any]) -> dict[str, Any]:
    texts = _texts(item, "id", "url", "title", "summary", "content_html", "content_text")
    texts |= _texts(item, "image", "banner_image", "date_published", "date_modified")
    number = item.get("id")
    guid = str(number) if isinstance(number, int | float) else texts.get("id", "")
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    picture = texts.get("image") or texts.get("banner_image")
    attached = (a for a in _list(item, "attachments") if isinstance(a, dict))
    return {
        "id": guid,
        "guidislink": "url" not in texts,
        "links": [{"rel": "alternate", "href": texts.get("url", "")}]
        + [{"rel": "enclosure", "href": a.get("url"), "type": a.get("mime_type")} for a in attached],
        "title": texts.get("title", ""),
        "summary": texts.get("summary") or texts.get("content_text", ""),
        "content": [{"value": texts.get("content_html", "")}],
        "published": texts.get("date_published", ""),
        "updated": texts.get("date_modified", ""),
        "tags": [{"term": tag} for tag in _list(item, "tags") if isinstance(tag, str)],
        "authors": [author for author in authors or () if isinstance(author, dict)],
        "media_content": [{"url": picture, "medium": "image"}] if picture else [],
    }


def _list(item: dict[str, Any], name: str) -> list[Any]:
    value = item.get(name)
    return value if isinstance(value, list) else []


def _texts(item: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: value for name in names if isinstance(value := item.get(name), str)}


def _sitemap(body: bytes) -> Found:
    urls = [dict(_leaves(url)) for url in _xml(body) if _name(url) == "url"]
    language = next((url["language"] for url in urls if "language" in url), "")
    name = next((url["name"] for url in urls if "name" in url), "")
    return Found({"title": name, "language": language}, [_url(url) for url in urls if "title" in url], "sitemap")


def _url(url: dict[str, str]) -> dict[str, Any]:
    """An address with a headline; a sitemap has no lead."""
    return {
        "links": [{"rel": "alternate", "href": url.get("loc", "")}],
        "title": url["title"],
        "published": url.get("publication_date") or url.get("lastmod", ""),
        "tags": [{"term": word.strip()} for word in url.get("keywords", "").split(",")],
        "media_content": [{"url": url["image"], "medium": "image"}] if "image" in url else [],
    }


def _leaves(element: Element) -> Iterator[tuple[str, str]]:
    """(local name, text) of everything inside, the first of each name last so that it wins in a dict."""
    found = [("image" if _space(e) == "image" and _name(e) == "loc" else _name(e), e) for e in element.iter()]
    for name, leaf in reversed(found):
        if not len(leaf) and leaf.text and not (_space(leaf) == "image" and name != "image"):
            yield name, leaf.text.strip()


def _xml(body: bytes) -> Element:
    from xml.etree import ElementTree

    try:
        return ElementTree.fromstring(body)  # noqa: S314 (without DOCTYPE, so without entities: decode cut it)
    except ElementTree.ParseError as error:
        raise FeedError("parse", f"not well-formed: {error}") from error


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2].lower()


def _space(element: Element) -> str:
    """ "image" for elements of the image extension."""
    return "image" if "sitemap-image" in element.tag else ""
