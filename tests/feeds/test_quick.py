"""Plain RSS read without feedparser gives the same document as with it, to the letter."""

from __future__ import annotations

import re
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from feedparser.mixin import _FeedParserMixin
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import FeedError
from bot.feeds import names
from bot.feeds import parse as parsing
from bot.feeds.decode import decode
from bot.feeds.identity import canonical_link
from bot.feeds.quick import quick

NOW = 1_795_500_000.0
PROLOG = '<?xml version="1.0" encoding="utf-8"?>'
SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:yandex="http://news.yandex.ru" '
    'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:a10="http://www.w3.org/2005/Atom" '
    'xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:own="https://news.test/own"'
)
WORDS = (
    "", " ", "Мост открыт", "Цена &lt;100 тенге", "<![CDATA[<p>Мост &amp; <b>рынок</b></p><img src='/a.jpg'>]]>",
    "AT&amp;amp;T", "caf\u00e9", "caf\u00c3\u00a9", "\u0096 тире \u0080", "&#150; &#x41f;", "a <!-- нет --> b",
    "http:////news.test/1", "https://news.test/a?b=1&amp;c=2", "/a/б?x=&amp;copy;", "javascript:alert(1)",
    "Tue, 24 Nov 2026 10:00:00 +0500", "2026-11-24", "А/Б", "editor@news.test (Ред.)", "(Ред.)", "40",
)  # fmt: skip
TEXTS = (
    "title", "link", "guid", "description", "content:encoded", "pubDate", "PubDate", "dc:date", "author",
    "dc:creator", "category", "dc:subject", "yandex:full-text", "yandex:genre", "own:content", "own:item",
    "slash:comments",
    "comments", "source", "image", "media:credit", "media:title", "media:description", "media:keywords", "a10:updated",
    "summary", "published", "tags", "links", "language", "ttl",
    "turbo",
)  # fmt: skip
ATTRIBUTES = (
    "", "", "", "", "", "isPermaLink='false'", "isPermaLink='true'", "ispermalink='no'", "domain='http://news.test/'",
    "url='http://news.test/a.jpg' type='Image/JPEG' length='1'", "url='' href='b.png'", "href='http:///news.test/feed'",
    "rel='self' href='http:///news.test/feed'", "rel='Alternate' href='/x'", "type='html'", "mode='base64'",
    "xml:lang='kk'", "lang='kk'",
    "xmlns='com-wordpress:feed-additions:1'", "xmlns='http://purl.org/rss/1.0/'",
    "xml:base='http://else.test/'", "base='http://else.test/'", "label='Спорт'",
    "url='http://news.test/b.jpg' width='600' HEIGHT='40'", "media:url='/c.jpg'",
)  # fmt: skip
EMPTY = ("enclosure", "media:content", "media:thumbnail", "a10:link", "link", "category", "own:mark", "guid")
CHANNEL = (
    "", "<title>Дала</title>", "<language>ru-KZ</language>", "<ttl>30</ttl>", "<title>Өзге</title>",
    "<ttl a='b'>9</ttl>",
    "<image><url>/i.png</url><title>И</title><link>/</link></image>", "<image><x/><title>И</title></image>",
    "<a10:link rel='self' href='/rss'/>",
    "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
    "<description>О нас</description>", "<dc:language>kk</dc:language>", "<dc:title>Т</dc:title>", "<own:x>1</own:x>",
    "<textInput><title>П</title></textInput>", "<category>Спорт</category>", "<link>/</link>",
    "<skipDays><day>1</day></skipDays>",
    "<managingEditor>a@b.test</managingEditor>", "<lastBuildDate>Tue, 24 Nov 2026 10:00:00 +0500</lastBuildDate>",
)  # fmt: skip


def read(text: bytes) -> object:
    """The document, or how it was refused."""
    try:
        return parsing.parse(text, base="https://news.test/rss", zone=ZoneInfo("Asia/Almaty"), language="", now=NOW)
    except FeedError as error:
        return str(error)


def same(text: bytes) -> bool:
    """Compare both ways; whether the quick one was taken."""
    here = read(text)
    with mock.patch.object(parsing, "quick", return_value=None):
        assert here == read(text)
    return quick(text) is not None


def rss(*items: str, channel: str = "", root: str = f'version="2.0" {SPACES}') -> bytes:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f"{PROLOG}<rss {root}><channel>{channel}{inside}</channel></rss>".encode()


leaves = st.builds(
    lambda name, attributes, text: f"<{name} {attributes}>{text}</{name}>",
    st.sampled_from(TEXTS), st.sampled_from(ATTRIBUTES), st.sampled_from(WORDS),
)  # fmt: skip
marks = st.builds("<{} {}/>".format, st.sampled_from(EMPTY), st.sampled_from(ATTRIBUTES))
holders = st.builds(
    lambda name, inside: f"<{name}>{inside}</{name}>",
    st.sampled_from(("media:group", "media:content", "own:box", "image", "author", "title")),
    st.lists(leaves | marks, max_size=2).map("".join),
)
plain_leaves = st.builds(
    lambda name, text: f"<{name}>{text}</{name}>", st.sampled_from(TEXTS[:21]), st.sampled_from(WORDS)
)
items = st.lists(plain_leaves | plain_leaves | leaves | marks | holders, max_size=6).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(items, max_size=2), st.lists(st.sampled_from(CHANNEL), max_size=3).map("".join))
def test_whatever_an_item_is_made_of_both_ways_are_one(found: list[str], channel: str) -> None:
    same(rss(*found, channel=channel))


@pytest.mark.prove
@settings(max_examples=20_000, deadline=None)
@given(st.lists(items, max_size=2), st.lists(st.sampled_from(CHANNEL), max_size=3).map("".join))
def test_of_twenty_thousand_documents_both_ways_are_one(found: list[str], channel: str) -> None:
    same(rss(*found, channel=channel))


WHOLE = (
    "<title>Мост</title><link>https://news.test/1</link><guid isPermaLink='false'>17</guid><description>"
    "<![CDATA[<p>Открыт</p>]]></description><content:encoded>Полностью</content:encoded>"
    "<pubDate>Tue, 24 Nov 2026 10:00:00 +0500</pubDate><dc:creator>Айгүл</dc:creator><dc:creator/>"
    "<category domain='d'>Спорт</category><category>А/Б</category><category>Спорт</category><comments>3</comments>"
    "<enclosure url='https://news.test/1.jpg' type='image/jpeg'/><slash:comments>2</slash:comments>"
    "<media:group><media:content url='/2.jpg' width='9'><media:title type='plain'>К</media:title>"
    "</media:content></media:group>"
    "<post-id xmlns='com-wordpress:feed-additions:1'>7</post-id>"
    "<media:thumbnail url='/3.jpg'/><a10:link rel='related' href='/4'/>"
    "<own:mark of='x'>1</own:mark>"
    "<yandex:full-text>Ещё длиннее текст</yandex:full-text><source url='/5'>Ақпарат</source>"
)


def test_the_table_of_names_is_that_of_feedparser() -> None:
    assert {uri.lower(): prefix.lower() for uri, prefix in _FeedParserMixin.namespaces.items()} == names.SPACES
    named = (name.split("_", 2) for name in dir(_FeedParserMixin))
    assert {
        name[2] for name in named if name[0] == "" and name[1] in ("start", "end") and len(name) == 3
    } == names.HANDLED


def test_what_most_feeds_hold_is_read_without_feedparser() -> None:
    head = "".join(CHANNEL[1:4]) + CHANNEL[6] + CHANNEL[8] + CHANNEL[9] + CHANNEL[15]
    with mock.patch.object(parsing, "_feedparser", side_effect=AssertionError):
        read(rss(WHOLE, channel=head))
    assert same(rss(WHOLE, "<content:encoded>Текст</content:encoded><description>Лид</description>", channel=head))
    assert same(rss("<content:encoded>Текст</content:encoded>", "<guid>/7</guid><link>/8</link>", "<guid>/9</guid>"))
    assert same(b"<rss version='2.0'><channel><item><title>A</title></item></channel></rss>")


def test_an_enclosure_without_an_address_is_read_alike() -> None:
    assert same(rss("<title>Т</title><enclosure length='1' type='image/png'/>"))


@pytest.mark.parametrize(
    "text",
    [
        rss(WHOLE + "<link>/2</link>"),
        rss("<title>Т</title><guid>1</guid><guid>2</guid>"),
        rss("<title xml:base='http://else.test/'>Т</title><link>/2</link>"),
        rss("<title>Т</title><author>editor@news.test (Ред.)</author>"),
        rss("<title>Рынок&nbsp;1</title>"),
        rss("<title>Т</title><foo:bar/>"),
        rss("<title>Т</title><a10:link href='/2'/>"),
        rss("<title>Т</title><xml:bar>1</xml:bar>"),
        rss("<title>Т</title><media:thumbnail>https://news.test/1.jpg</media:thumbnail>"),
        rss("<title>Т</title><own:x xmlns:own='https://else.test/'>1</own:x>"),
        rss("<title>Т</title>", root='version="2.0" xmlns="http://www.w3.org/2005/Atom"'),
        rss("<title>Т</title>", root='version="2.0" xmlns:media="https://news.test/own"'),
        rss("<title>Т</title>", root='version="2.0" xmlns:m="http://purl.org/dc/terms/" xmlns:dc="http://x.test/"'),
        rss("<title>Т</title>", root='version="0.91"'),
        rss("<title>Т</title>").replace(b"<rss", b"<!DOCTYPE rss [<!ENTITY a 'b'>]><rss"),
        rss("<title>Т</title>").replace(b"</channel>", b""),
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>T</title></entry></feed>",
        rss("<title>Т</title>").decode().replace("utf-8", "utf-16").encode("utf-16"),
    ],
    ids=str,
)
def test_what_is_unusual_is_left_to_feedparser(text: bytes) -> None:
    assert not same(text)


def test_entities_and_attacks_reach_neither_way() -> None:
    bomb = b"<!DOCTYPE rss [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>" + rss("<title>&b;</title>")
    assert quick(bomb) is None
    text = decode(bomb).text_bytes
    assert b"ENTITY" not in text
    same(text)


@given(st.lists(st.sampled_from([*list("ab1/.?&=#;:%@_~-"), "amp", "www.", "//", "utm_x", "%D0", "т"]), max_size=8))
def test_the_short_way_to_an_address_leads_to_the_same(parts: list[str]) -> None:
    """Addresses that are usual already skip the work; `(?!)` matches nothing and sends all the long way."""
    never = re.compile("(?!)")
    for start in ("http://", "https://www.", "https://news.test", "/", "HTTP://X"):
        url = start + "".join(parts)
        canonical_link.cache_clear()
        here = parsing.absolute("https://news.test/rss", url), canonical_link(url)
        canonical_link.cache_clear()
        with (
            mock.patch.object(parsing, "_ABSOLUTE", never),
            mock.patch("bot.feeds.identity._CANONICAL", never),
        ):
            assert here == (parsing.absolute("https://news.test/rss", url), canonical_link(url))
    canonical_link.cache_clear()
