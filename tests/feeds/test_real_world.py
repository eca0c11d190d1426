"""Feeds in the shapes that publishers' programs really give them, all the way to the post; the texts are invented."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from bot.clock import SteppableClock
from bot.domain.article import Section
from bot.domain.post import Post, PostKind
from bot.feeds.slices import SliceMemory
from bot.feeds.worker import FeedReader, Job
from bot.i18n import Words
from bot.posts.compose import PostStyle, compose
from bot.posts.lead import clean_lead

NOW = 1_763_874_000
ZONE = ZoneInfo("Asia/Almaty")
SECTION = Section("world", 0, {"ru": "Мир"})
WORDS = Words.load(("ru", "kk", "en"))


async def posts(document: str, base: str = "https://news.test/blog/feed") -> list[str]:
    """What a reader would see of each entry, without the link and the tag."""
    async with FeedReader(SteppableClock(NOW)) as reader:
        reading = await reader.read(Job(document.encode(), base, ZONE, "", NOW), SliceMemory())
    assert reading.document
    shown = []
    for entry in reading.document.entries:
        post = Post(
            0, PostKind.ARTICLE, 1, SECTION.mask, NOW, title=entry.title, lead=clean_lead(entry.lead, entry.title),
            link=entry.link, published_at=entry.published,
        )  # fmt: skip
        rendering = compose(post, lang=WORDS["ru"], sections=[SECTION], style=PostStyle(), zone=ZONE, newsroom="Дала")
        shown.append(str(rendering.payload["text"]).replace("\n\nЧитать на Дала", "").replace("\n#Мир", ""))
    return shown


def rss(*items: str) -> str:
    channel = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>Степь</title>{channel}</channel></rss>'


TITLE = "<title>Журавли вернулись</title><link>https://news.test/1</link>"


@pytest.mark.parametrize(
    ("description", "lead"),
    [
        # WordPress, with and without its plug-ins
        ("&lt;p&gt;Стая села у озера и [&amp;#8230;]&lt;/p&gt;", "Стая села у озера и…"),
        (
            "<![CDATA[<p>The flock is back.</p>\n"
            "<p>The post <a href='x'>Cranes</a> first appeared on <a>Steppe</a>.</p>]]>",
            "The flock is back.",
        ),
        (
            "<![CDATA[<p>Die Kraniche sind da.</p><p>Der Beitrag <a>Kraniche</a> erschien zuerst auf Steppe.</p>]]>",
            "Die Kraniche sind da.",
        ),
        (
            "<![CDATA[The flock rested by the lake and &#8230; "
            "<a>Continue reading <span>Cranes are back</span> &#8594;</a>]]>",
            "The flock rested by the lake and…",
        ),
        # Blogger cuts in the middle of an entity
        ("Стая села у озера.&amp;", "Стая села у озера."),
        ("Стая села у озера. " * 20 + "Теперь она,", "Стая села у озера. " * 20 + "Теперь она…"),
        # Hugo escapes a whole page
        (
            "&lt;link rel=&#39;stylesheet&#39; href=&#39;/a.css&#39;&gt;&#xA;&lt;p&gt;Стая села у озера.&lt;/p&gt;",
            "Стая села у озера.",
        ),
        (
            "<![CDATA[<p>Стая села у озера.</p><h2>Содержание</h2><ul>" + "<li>Птица</li>" * 9 + "</ul>]]>",
            "Стая села у озера.",
        ),
        # a page builder
        ("<![CDATA[<div><style>.a{color:red}</style><h2></h2><p>&nbsp;</p>Стая села.</div>]]>", "Стая села."),
        # placeholders are text
        ("Введите &amp;lt;имя файла&amp;gt; и ждите", "Введите <имя файла> и ждите"),
    ],
)  # fmt: skip
async def test_leads(description: str, lead: str) -> None:
    assert await posts(rss(f"{TITLE}<description>{description}</description>")) == [f"Журавли вернулись\n\n{lead}"]


async def test_pages_without_a_date_have_none() -> None:
    """A site generator dates its static pages with the first day of all."""
    zero = f"{TITLE}<pubDate>Mon, 01 Jan 0001 00:00:00 +0000</pubDate>"
    short = f"{TITLE}<pubDate>Sat, 22 Nov 25 10:00:00 GMT</pubDate>"
    assert await posts(rss(zero, short)) == ["Журавли вернулись", "Журавли вернулись · 22 ноября 2025, 15:00"]


async def test_videos_have_their_description_as_a_lead() -> None:
    got = await posts(
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><title>Степь</title>'
        '<entry><id>yt:video:a1</id><title>Танец журавлей</title><link rel="alternate" href="https://tv.test/a1"/>'
        "<published>2025-11-22T10:00:00+00:00</published><media:group><media:title>Танец журавлей</media:title>"
        '<media:thumbnail url="https://tv.test/a1.jpg" width="480" height="360"/>'
        "<media:description>Снято у озера на рассвете.</media:description></media:group></entry></feed>"
    )
    assert got == ["Танец журавлей\n\nСнято у озера на рассвете. · 22 ноября 2025, 15:00"]


async def test_items_beside_the_channel() -> None:
    got = await posts(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://news.test"><title>Степь</title>'
        "</channel><item rdf:about='https://news.test/1'><title>Журавли вернулись</title><link>https://news.test/1"
        "</link><description>Стая села.</description><dc:date>2025-11-22T10:00:00Z</dc:date></item></rdf:RDF>"
    )
    assert got == ["Журавли вернулись\n\nСтая села. · 22 ноября 2025, 15:00"]


async def test_notes_without_titles_are_told_by_their_text() -> None:
    html = "&lt;p&gt;Утро у озера. Туман.&lt;/p&gt;&lt;img src='/mist.jpg'/&gt;"
    assert await posts(rss(f"<link>/notes/1</link><description>{html}</description>")) == ["Утро у озера. Туман."]


async def test_a_comment_on_a_page_keeps_its_own_address() -> None:
    async with FeedReader(SteppableClock(NOW)) as reader:
        document = rss(*(f"<title>Ответ</title><link>https://news.test/1#comment-{n}</link>" for n in range(2)))
        job = Job(document.encode(), "https://news.test", ZONE, "", NOW)
        reading = await reader.read(job, SliceMemory())
    assert reading.document
    assert [entry.link[-1] for entry in reading.document.entries] == ["0", "1"]
