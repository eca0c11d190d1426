"""Feeds of all kinds that are read, each from a document as sites write them; lists of feeds in and out."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Entry
from bot.domain.errors import FeedError
from bot.feeds.decode import decode
from bot.feeds.parse import Document, parse

NOW = 1_795_521_600.0
DATE, TS = "2026-11-24T10:00:00+05:00", 1_795_496_400


def read(body: str, limit: int = 500) -> Document:
    text = decode(body.encode()).text_bytes
    return parse(text, base="https://news.test/feed", zone=ZoneInfo("Asia/Almaty"), language="", now=NOW, limit=limit)


RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
ITEM = "<title>Мост открыт</title><link>https://news.test/1</link><description>Лента разрезана.</description>"
KINDS = {
    "rss090": f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>Д</title></channel>'
    f"<item>{ITEM}</item></rdf:RDF>",
    "rss091u": f'<rss version="0.91"><channel><title>Д</title><item>{ITEM}</item></channel></rss>',
    "rss092": f'<rss version="0.92"><channel><title>Д</title><item>{ITEM}</item></channel></rss>',
    "rss093": f'<rss version="0.93"><channel><title>Д</title><item>{ITEM}</item></channel></rss>',
    "rss094": f'<rss version="0.94"><channel><title>Д</title><item>{ITEM}</item></channel></rss>',
    "rss10": f'<rdf:RDF {RDF} xmlns="http://purl.org/rss/1.0/"><channel><title>Д</title></channel>'
    f'<item rdf:about="https://news.test/1">{ITEM}</item></rdf:RDF>',
    "rss20": f'<rss version="2.0"><channel><title>Д</title><item>{ITEM}</item></channel></rss>',
    "atom03": '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Д</title><entry><title>Мост открыт</title>'
    '<link rel="alternate" href="https://news.test/1"/><summary>Лента разрезана.</summary></entry></feed>',
    "atom10": '<feed xmlns="http://www.w3.org/2005/Atom"><title>Д</title><entry><title>Мост открыт</title>'
    '<link href="https://news.test/1"/><summary>Лента разрезана.</summary></entry></feed>',
    "json1": json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "Д",
            "items": [
                {"id": "1", "url": "https://news.test/1", "title": "Мост открыт", "content_text": "Лента разрезана."}
            ],
        }
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_feed_is_read(kind: str) -> None:
    document = read(KINDS[kind])
    assert (document.kind, document.title, document.complete, document.bozo) == (kind, "Д", True, False)
    (entry,) = document.entries
    assert (entry.title, entry.link, entry.lead) == ("Мост открыт", "https://news.test/1", "Лента разрезана.")


def json_feed(*items: Any, **feed: Any) -> Document:
    return read(json.dumps({"version": "https://jsonfeed.org/version/1", "items": items} | feed))


def test_json_feed_with_everything() -> None:
    item = {
        "id": 17,
        "url": "/1",
        "title": "«Мост» &amp; река",
        "summary": "Лента разрезана.",
        "content_html": "<p>Утром.</p><img src='/b.jpg'>",
        "date_published": DATE,
        "date_modified": DATE,
        "tags": ["Город", 5],
        "authors": [{"name": "Айгүл"}, "nobody"],
        "image": "/a.jpg",
        "attachments": [{"url": "/sound.mp3", "mime_type": "audio/mpeg"}, "none"],
    }
    document = json_feed(item, language="kk", title="Дала")
    assert (document.language, document.title) == ("kk", "Дала")
    assert document.entries == (
        Entry(
            guid="17", link="https://news.test/1", title="«Мост» & река", lead="Лента разрезана.",
            body="<p>Утром.</p><img src='/b.jpg'>", author="Айгүл", image="https://news.test/a.jpg",
            categories=("Город",), published=TS, updated=TS, language="ru",
        ),
    )  # fmt: skip


def test_json_feed_with_little() -> None:
    entries = json_feed(
        {"id": "https://news.test/2", "title": "Раз", "author": {"name": "Б"}, "authors": "x", "tags": "y"},
        {"content_text": "Только текст", "banner_image": "https://news.test/c.png"},
        {"title": None, "id": []},
        "nothing",
    ).entries
    assert [(e.link, e.title or e.lead, e.author) for e in entries] == [
        ("https://news.test/2", "Раз", "Б"),
        ("", "Только текст", ""),
    ]
    assert entries[1].image == "https://news.test/c.png"


def test_half_a_surrogate_is_no_letter() -> None:
    (entry,) = read(
        '{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", "title": "Мост\\ud800 открыт"}]}'
    ).entries
    assert entry.title == "Мост? открыт"


def test_json_feed_of_too_many_items() -> None:
    items = [{"id": str(n), "title": f"Новость {n}"} for n in range(5)]
    document = read(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}), limit=3)
    assert (len(document.entries), document.dropped) == (3, ("2 items beyond the first 3",))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{", "parse"),
        ('{"a": ' + "[" * 50_000, "parse"),
        ('{"version": "1"}', "not_feed"),
        ('{"version": "https://jsonfeed.org/version/1", "items": 3}', "not_feed"),
        ("<sitemapindex><sitemap><loc>https://news.test/news.xml</loc></sitemap></sitemapindex>", "not_feed"),
        ("<sitemapindex/>", "not_feed"),
        ("<urlset><url>", "parse"),
    ],
)
def test_what_is_none_of_them(body: str, kind: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(body)
    assert caught.value.kind == kind
    assert caught.value.feed == ("https://news.test/news.xml" if "<loc>" in body else "")


SITEMAP = (
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'
    ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
    "<url><loc>https://news.test/plain</loc><lastmod>2026-11-24</lastmod></url>"
    "<url><loc>https://news.test/1</loc><n:news><n:publication><n:name>Дала</n:name><n:language>kk</n:language>"
    f"</n:publication><n:publication_date>{DATE}</n:publication_date><n:title>Көпір ашылды</n:title>"
    "<n:keywords>Қала, Көпір</n:keywords></n:news><image:image><image:loc>https://news.test/1.jpg</image:loc>"
    "<image:title>сурет</image:title></image:image></url>"
    "<url><loc>https://news.test/2</loc><lastmod>%s</lastmod><n:news><n:title>Мост открыт</n:title></n:news></url>"
    "</urlset>"
) % DATE


def test_a_news_sitemap() -> None:
    document = read('<?xml version="1.0"?>' + SITEMAP)
    assert (document.kind, document.title, document.language, document.complete) == ("sitemap", "Дала", "kk", True)
    first, second = document.entries
    assert (first.link, first.title, first.published) == ("https://news.test/1", "Көпір ашылды", TS)
    assert (first.categories, first.image, first.language) == (("Қала", "Көпір"), "https://news.test/1.jpg", "kk")
    assert (second.link, second.published, second.image, second.categories) == ("https://news.test/2", TS, "", ())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_ITEM_KEYS = ["id", "url", "title", "summary", "content_html", "authors", "author", "tags", "attachments", "image"]


@settings(max_examples=80, deadline=None)
@given(st.lists(_VALUES | st.dictionaries(st.sampled_from(_ITEM_KEYS), _VALUES), max_size=3), _VALUES)
def test_any_json_is_survived(items: list[Any], title: Any) -> None:
    json_feed(*items, title=title)
