"""What entries are made of: texts, links, pictures, dates, languages, and documents that are none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Entry
from bot.domain.errors import FeedError
from bot.feeds.decode import decode
from bot.feeds.parse import Document, absolute, item_language, page_picture, parse, plain_text, plain_title

ALMATY = ZoneInfo("Asia/Almaty")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
SPACES = (
    "xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:media='http://search.yahoo.com/mrss/' "
    "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:yandex='http://news.yandex.ru' "
    "xmlns:turbo='http://turbo.yandex.ru' "
    "xmlns:rbc_news='https://www.rbc.ru' xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' "
    "xmlns:atom='http://www.w3.org/2005/Atom'"
)


def read(document: str | bytes, language: str = "", limit: int = 500) -> Document:
    body = document if isinstance(document, bytes) else document.encode()
    text = decode(body).text_bytes
    return parse(text, base="https://news.test/rss/all", zone=ALMATY, language=language, now=NOW, limit=limit)


def rss(*items: str, channel: str = "") -> str:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f"<?xml version='1.0'?><rss version='2.0' {SPACES}><channel>{channel}{inside}</channel></rss>"


def item(inside: str, channel: str = "") -> Entry:
    (entry,) = read(rss("<title>Мост открыт</title>" + inside, channel=channel)).entries
    return entry


def title(xml: str) -> str:
    (entry,) = read(rss(f"<title>{xml}</title><link>https://news.test/1</link><description>d</description>")).entries
    return entry.title


def test_a_whole_item() -> None:
    got = read(
        rss(
            "<guid isPermaLink='false'>a-1</guid><title>Мост открыт</title><link>/most?a=1&amp;b=2</link>"
            "<description><![CDATA[<p>Движение пустили утром.</p>]]></description><dc:creator>А. Ким</dc:creator>"
            "<category>Регионы/Восток/</category><category>Город</category><pubDate>24.11.2026, 16:48</pubDate>"
            "<yandex:full-text>Полный текст о мосте, длиннее анонса.</yandex:full-text>",
            channel="<title>Город &amp;amp; люди</title><language>ru-RU</language><ttl>15</ttl>",
        )
    )
    assert got == Document(
        entries=(
            Entry(
                guid="a-1",
                link="https://news.test/most?a=1&b=2",
                title="Мост открыт",
                lead="Движение пустили утром.",
                body="Полный текст о мосте, длиннее анонса.",
                author="А. Ким",
                categories=("Регионы", "Восток", "Город"),
                published=int(datetime(2026, 11, 24, 11, 48, tzinfo=UTC).timestamp()),
                language="ru",
            ),
        ),
        title="Город & люди",
        language="ru",
        ttl=900,
        kind="rss20",
    )
    assert got.items == 1


def test_atom() -> None:
    (entry,) = read(
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>tag:x,1</id><title>Bridge</title>"
        "<link rel='self' href='/self'/><link type='application/json' href='/j'/><link rel='alternate' href='/a'/>"
        "<author><name>Ann</name><email>ann@news.test</email></author><category term='x' label='City'/>"
        "<updated>2026-11-24T10:00:00Z</updated><content type='html'>&lt;p&gt;Long&lt;/p&gt;</content></entry></feed>"
    ).entries
    assert (entry.link, entry.author, entry.categories) == ("https://news.test/a", "Ann", ("City",))
    assert (entry.lead, entry.body, entry.language) == ("", "<p>Long</p>", "en")
    assert entry.published == entry.updated == int(datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        ("AT&amp;amp;T", "AT&T"),
        ("&amp;laquo;Мост&amp;raquo; &amp;#8212; открыт", "«Мост» — открыт"),
        ("<![CDATA[&laquo;Мост&raquo;]]>", "«Мост»"),
        ("Цена &lt;100 тенге", "Цена <100 тенге"),
        ("<![CDATA[Цена <100 тенге]]>", "Цена <100 тенге"),
        ("A &lt;и&gt; B", "A <и> B"),
        ("&lt;b&gt;Мост&lt;/b&gt; открыт", "Мост открыт"),
        ("<![CDATA[Мост<br/>открыт]]>", "Мост открыт"),
        ("Q&amp;A: &amp;unknown; &amp;#0;", "Q&A: &unknown; \ufffd"),
        ("  Мост\n\n от\u00adкрыт\u00a0се\u200bгодня ", "Мост открыт сегодня"),
        ("и\u0306од", "йод"),
    ],
)
def test_titles(xml: str, wanted: str) -> None:
    assert title(xml) == wanted


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<p>Раз.</p><p>Два &amp; три</p>", "Раз.\nДва & три"),
        ("a<script>evil()</script>b<style>x</style><!-- no -->c", "a b c"),
        ("text<script>never closed", "text"),
        ("&lt;p&gt;Дважды&lt;/p&gt; кодировано", "Дважды\nкодировано"),
        ("<p>Тег &lt;b&gt; в тексте</p>", "Тег <b> в тексте"),
        ("<p>Анонс.</p><p>The post <a href='x'>Мост</a> appeared first on <a>Город</a>.</p>", "Анонс."),
        ("<p>Анонс.</p><p>Запись Мост впервые появилась Город.</p>", "Анонс."),
        ("Анонс […]", "Анонс…"),
        ("Анонс обрезан на &amp;", "Анонс обрезан на…"),
        ("Новости о «R&amp;D»", "Новости о «R&D»"),
        ("<p>Анонс.</p><p>The post Мост first appeared on Город.</p>", "Анонс."),
        ("<link rel='stylesheet' href='/a.css'><p>Анонс.</p>", "Анонс."),
        ("<p>Анонс.</p><a>Читать далее →</a>", "Анонс."),
        ("Он просил читать далее", "Он просил читать далее"),
        ("", ""),
    ],
)
def test_leads(html: str, wanted: str) -> None:
    assert plain_text(html) == wanted


def test_a_copied_text_is_no_lead() -> None:
    entry = item("<content:encoded><![CDATA[<p>Весь текст.</p>]]></content:encoded>")
    assert (entry.lead, entry.body) == ("", "<p>Весь текст.</p>")


def test_without_a_title_the_text_has_to_say_it() -> None:
    got = read(rss("<content:encoded>Весь текст.</content:encoded>", "<link>https://news.test/2</link>"))
    assert [(e.title, e.lead) for e in got.entries] == [("", "Весь текст.")]
    assert got.dropped == ("neither title nor text",)
    assert got.items == 2


def test_a_long_lead_is_cut_at_a_word() -> None:
    entry = item("<description>" + "слово " * 2000 + "</description>")
    assert len(entry.lead) <= 4000
    assert entry.lead.endswith("слово…")


@pytest.mark.parametrize("name", ["content:encoded", "yandex:full-text", "turbo:content", "rbc_news:full-text"])
def test_every_full_text_counts_and_the_longest_wins(name: str) -> None:
    other = "yandex:full-text" if name == "content:encoded" else "content:encoded"
    xml = f"<description>Анонс</description><{other}>кратко</{other}><{name}>&lt;p&gt;Полный текст&lt;/p&gt;</{name}>"
    assert item(xml).body == "<p>Полный текст</p>"


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        ("<link/><link>https://news.test/a</link>", "https://news.test/a"),
        ("<atom:link rel='self' href='/self'/><link>/a</link>", "https://news.test/a"),
        ("<guid>https://news.test/g</guid>", "https://news.test/g"),
        ("<guid isPermaLink='false'>https://news.test/g</guid>", ""),
        ("<guid>17</guid>", "https://news.test/rss/17"),
        ("<link>javascript:alert(1)</link>", ""),
        ("<link>//other.test/a b</link>", "https://other.test/a%20b"),
        ("<link>http://[bad/</link>", ""),
    ],
)
def test_links(xml: str, wanted: str) -> None:
    assert item(xml).link == wanted


PICTURE = "https://i.test/p.jpg"


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        (
            "<media:content url='https://i.test/s.jpg' type='image/jpeg' width='100' height='50'/>"
            f"<media:content url='{PICTURE}' medium='image' width='900' height='500'/>"
            "<media:content url='https://i.test/v.mp4' type='video/mp4' width='9000' height='500'/>"
            "<enclosure url='https://i.test/e.jpg' type='image/jpeg'/>",
            PICTURE,
        ),
        (
            "<enclosure url='https://i.test/a.mp3' type='audio/mpeg'/>"
            f"<enclosure url='{PICTURE}' type='image/jpeg' length='1'/><media:thumbnail url='https://i.test/t.jpg'/>",
            PICTURE,
        ),
        (f"<media:thumbnail url='{PICTURE}'/>", PICTURE),
        (f"<media:content url='{PICTURE}'/>", PICTURE),
        ("<media:content url='https://i.test/player'/>", ""),
        ("<enclosure url='/up/e.jpg' type='image/jpeg'/>", "https://news.test/up/e.jpg"),
        ("<enclosure url='data:image/png;base64,xx' type='image/png'/>", ""),
        (
            "<description><![CDATA[<img src='https://mc.yandex.test/watch/1'><img width=1 src='https://i.test/c.gif'>"
            "<img src='https://i.test/1x1.gif'><img data-src='/lazy.jpg?a=1&amp;b=2'>]]></description>",
            "https://news.test/lazy.jpg?a=1&b=2",
        ),
        (f"<content:encoded><![CDATA[<p><img alt='x' src=\"{PICTURE}\"></p>]]></content:encoded>", PICTURE),
        ("<description>no picture</description>", ""),
    ],
)
def test_pictures(xml: str, wanted: str) -> None:
    assert item(xml.replace("mc.yandex.test", "mc.yandex.ru")).image == wanted


@pytest.mark.parametrize(
    ("text", "feed", "wanted"),
    [
        ("Мост через реку открыли для машин", "", "ru"),
        ("Астанада жаңа мектеп ашылды", "", "kk"),
        ("Қала күні басталды, көшеде ән шырқалды", "ru", "kk"),
        ("Концерт группы «Қайрат» и ансамбля «Жастар рухы» прошёл в субботу", "kk", "ru"),
        ("В Өскемен приехал Қанат", "", "ru"),
        ("The bridge is open", "", "en"),
        ("The bridge is open", "ru", "en"),
        ("Die Brücke ist offen", "de", "de"),
        ("Міст відкрили для машин", "uk", "uk"),
        ("Мост открыли", "uk", "uk"),
        ("24:0 — 17", "kk", "kk"),
        ("24:0", "", ""),
    ],
)
def test_languages_by_letters(text: str, feed: str, wanted: str) -> None:
    assert item_language(text, feed) == wanted


def test_a_configured_language_counts() -> None:
    assert read(rss("<title>Мост открыт</title>"), language="kk").entries[0].language == "kk"


@pytest.mark.parametrize(
    ("author", "wanted"), [("desk@news.test (Айгүл)", "Айгүл"), ("desk@news.test", ""), ("Айгүл К.", "Айгүл К.")]
)
def test_authors_without_addresses(author: str, wanted: str) -> None:
    assert item(f"<author>{author}</author>").author == wanted


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        ("<ttl>5</ttl>", 300),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 900),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", 86_400),
        ("<ttl>soon</ttl>", None),
    ],
)
def test_hints(xml: str, wanted: int | None) -> None:
    assert read(rss("<title>x</title>", channel=xml)).ttl == wanted


def test_dates_nobody_can_believe_or_read() -> None:
    dates = ("завтра", "завтра", "24.11.2027 10:00", "01.01.1970 00:00", "24.11.2023 10:00")
    got = read(rss(*(f"<title>{n}</title><pubDate>{date}</pubDate>" for n, date in enumerate(dates))))
    assert [entry.published is None for entry in got.entries] == [True, True, True, True, False]
    assert got.unread_dates == ("завтра",)


def test_the_placeholder_of_datalife_is_no_news() -> None:
    got = read(rss("<title>RSS in offline mode</title><description>x</description>", "<title>Мост</title>"))
    assert [entry.title for entry in got.entries] == ["Мост"]
    assert got.dropped == ("DataLife's placeholder",)


def test_a_truncated_document_gives_its_whole_items() -> None:
    whole = rss("<title>Первая</title>", "<title>Вторая новость дня</title>")
    got = read(whole[: whole.index("новость")])
    assert [entry.title for entry in got.entries] == ["Первая"]
    assert not got.complete
    assert read(whole).complete
    assert read(whole[: whole.index("<item>")]).entries == ()
    assert read(whole[: whole.index("Первая") + 3]).entries == ()


def test_at_most_so_many_items() -> None:
    got = read(rss(*(f"<title>{n}</title>" for n in range(12))), limit=5)
    assert len(got.entries) == 5
    assert got.dropped == ("7 items beyond the first 5",)


def test_entities_of_html_and_bare_ampersands() -> None:
    got = read(rss("<title>Мост&nbsp;открыт & всё</title>"))
    assert [entry.title for entry in got.entries] == ["Мост открыт & всё"]
    assert got.bozo


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("", "empty", "nothing"),
        (" \n ", "empty", "nothing"),
        ("plain words", "not_feed", "not XML"),
        ("<opml><body/></opml>", "not_feed", "neither"),
        ("<!DOCTYPE html><html><body>hi</body></html>", "not_feed", "a web page, not a feed"),
        (
            "<html><head><link rel=alternate type='application/rss+xml' title=x href='/rss.xml'></head></html>",
            "not_feed",
            "its feed: https://news.test/rss.xml",
        ),
        (
            "<html><link type=application/atom+xml href=/a rel=alternate></html>",
            "not_feed",
            "its feed: https://news.test/a",
        ),
        ("<html><link type=application/atom+xml></html>", "not_feed", "not a feed"),
        ("<html><link type=application/atom+xml href='javascript:x'></html>", "not_feed", "not a feed"),
        ("<html><body>Just a moment... checking your browser</body></html>", "wall", "asks for a browser"),
    ],
)
def test_what_is_no_feed_says_why(body: str, kind: str, words: str) -> None:
    with pytest.raises(FeedError, match=words) as caught:
        read(body)
    assert caught.value.kind == kind


def test_a_parser_that_fails_is_a_parse_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for failure in (RecursionError(), OverflowError()):
        monkeypatch.setattr("feedparser.parse", lambda *_, error=failure, **__: (_ for _ in ()).throw(error))
        with pytest.raises(FeedError, match="parse:"):
            read("<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>x</title></entry></feed>")


def test_absolute() -> None:
    assert absolute("https://news.test/a/", "b") == "https://news.test/a/b"
    assert absolute("https://news.test/", "mailto:x@y") == absolute("", "x") == absolute("https://a/", "") == ""
    assert absolute("https://news.test/", "http://x:0/") == absolute("https://news.test/", "x" * 2001) == ""


tags = st.sampled_from(
    ["title", "link", "guid", "description", "pubDate", "category", "author", "media:content", "ttl"]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(tags, st.text(max_size=40), st.booleans()), max_size=8), st.integers(0, 400))
def test_no_text_breaks_the_reader_and_entries_are_clean(parts: list[tuple[str, str, bool]], cut: int) -> None:
    items = "".join(f"<{t}>{escape(text) if safe else text}</{t}>" for t, text, safe in parts)
    body = rss(items).encode("utf-8", "replace")
    for document in (body, body[:-cut] if cut else body):
        try:
            got = read(document)
        except FeedError:
            continue
        for entry in got.entries:
            assert entry.title == plain_title(entry.title) or "&" in entry.title or "<" in entry.title
            assert not entry.link or entry.link.startswith("http")
            repr(replace(entry)).encode()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="<>!-/pbrscript&lt;amp; ", max_size=120))
def test_plain_text_has_no_blank_lines(text: str) -> None:
    assert all(line.strip() for line in plain_text(text).split("\n")) or not plain_text(text)


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        ("<meta property='og:image' content='/a.jpg'>", "https://news.test/a.jpg"),
        (
            '<meta content="https://cdn.test/a.jpg?x=1&amp;y=2" property="og:image:secure_url">',
            "https://cdn.test/a.jpg?x=1&y=2",
        ),
        (
            "<meta property='og:image:width' content='1200'><meta name='og:image' content='b.png'>",
            "https://news.test/b.png",
        ),
        ("<meta property='og:image' content='https://mc.yandex.ru/pixel/1'>", ""),
        ("<meta property='og:image'><meta property='og:image' content='javascript:x'>", ""),
        ("", ""),
    ],
)
def test_the_picture_of_a_page(page: str, wanted: str) -> None:
    assert page_picture(page.encode(), "https://news.test/article") == wanted
