"""The sample newsroom: what is out when, the shapes of its feeds, conditional GET, pictures, previews."""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime

import feedparser
import pytest
from aiohttp import ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import SteppableClock
from bot.demo import newsroom, picture

MONDAY = datetime(2026, 11, 23, 10, tzinfo=newsroom.ZONE).timestamp()


@pytest.fixture
async def site() -> AsyncIterator[tuple[SteppableClock, ClientSession]]:
    """A newsroom on loopback, and a client whose paths start at it."""
    clock = SteppableClock(MONDAY)
    app = web.Application()
    newsroom.Newsroom(clock).routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
        yield clock, client
    await runner.cleanup()


async def feed(client: ClientSession, language: str) -> feedparser.FeedParserDict:
    async with client.get(f"/newsroom/{language}/rss.xml") as answer:
        assert answer.content_type == "application/rss+xml"
        parsed = feedparser.parse(await answer.read())
        assert not parsed.bozo
        return parsed


def test_the_pools_are_whole() -> None:
    for language, least in (("ru", 24), ("kk", 12), ("en", 12)):
        pool = newsroom._pool(language)
        assert len(pool) >= least
        assert set(Counter(item["section"] for item in pool)) == set(newsroom.SECTIONS)
        assert len({item["slug"] for item in pool}) == len(pool)
        for item in pool:
            assert set(item) <= {"slug", "section", "author", "image", "headline", "fixed", "lead", "body"}
            assert 3 <= len([x for x in item["body"].strip().splitlines() if x[0] != "#"]) <= 6, item["slug"]
            assert item.get("fixed") != item["headline"]
        assert not all(item["image"] for item in pool)
        assert any("fixed" in item for item in pool)
    assert any(line.endswith(", – сказал он.") for i in newsroom._pool("ru") for line in i["body"].splitlines())


@given(st.floats(0, 10 * 86400), st.sampled_from(newsroom.LANGUAGES))
@settings(max_examples=60)
def test_publication_depends_on_the_clock_alone(passed: float, language: str) -> None:
    items = newsroom.newest(language, MONDAY, MONDAY + passed)
    assert items == newsroom.newest(language, MONDAY, MONDAY + passed)
    assert 10 <= len(items) <= newsroom.IN_FEED
    assert all(item.published <= MONDAY + passed and item.language == language for item in items)
    assert items[0].published > MONDAY + passed - 3 * newsroom.PACE - 10 or passed < 120
    assert len({item.slug for item in items}) == len({item.headline for item in items}) == len(items)


def test_ten_are_out_at_first_and_none_in_the_future() -> None:
    for language in newsroom.LANGUAGES:
        items = newsroom.newest(language, MONDAY, MONDAY)
        assert len(items) == 10
        assert all(MONDAY - 24 * 3600 < item.published < MONDAY for item in items)
        later = newsroom.newest(language, MONDAY, MONDAY + 95)
        assert (len(later), later[1:]) == (10, items[:9])


def test_a_used_up_pool_goes_on_in_parts() -> None:
    again = newsroom.article(2 + 3 * 16, MONDAY, MONDAY + 86400)
    assert again
    assert again.headline.endswith("(continued, part 2)")
    assert again.lead.startswith("We return to the story, part 2. ")
    assert newsroom.article(-1, MONDAY, MONDAY) is None


async def test_a_feed_looks_like_a_newspapers(site: tuple[SteppableClock, ClientSession]) -> None:
    _, client = site
    parsed = await feed(client, "ru")
    first = parsed.entries[0]
    assert parsed.feed.language == "ru"
    assert first.category in {names[0] for names in newsroom.SECTIONS.values()}
    assert first.published.endswith(" +0500")
    body = first.content[0].value
    assert re.search(r"<p>\d\d\.\d\d\.2026, \d\d:\d\d</p><h1>", body)
    assert first.title in body
    assert body.endswith("<p>×</p>")
    assert "Новости партнёров" in body
    assert first.summary in body
    assert any(entry.summary.endswith("Steppe Times.") for entry in parsed.entries)
    pictures = [e.enclosures[0].href for e in parsed.entries if e.enclosures]
    assert 0 < len(pictures) <= len(parsed.entries)


async def test_a_headline_is_corrected(site: tuple[SteppableClock, ClientSession]) -> None:
    clock, client = site
    await clock.advance(100)
    before = {e.id: e.title for e in (await feed(client, "kk")).entries}
    await clock.advance(newsroom.CORRECTED_AFTER)
    after = {e.id: e.title for e in (await feed(client, "kk")).entries}
    changed = {(before[key], after[key]) for key in before.keys() & after.keys() if before[key] != after[key]}
    pool = newsroom._pool("kk")[10]
    assert changed == {(pool["headline"], pool["fixed"])}


async def test_conditional_get(site: tuple[SteppableClock, ClientSession]) -> None:
    clock, client = site
    async with client.get("/newsroom/en/rss.xml") as answer:
        tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]

    async def status(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with client.get("/newsroom/en/rss.xml", headers=sent) as answer:
            assert answer.headers["ETag"]
            return answer.status

    assert await status(If_None_Match=tag) == 304
    assert await status(If_None_Match=f'"other", W/{tag}') == 304
    assert await status(If_Modified_Since=date) == 304
    assert await status(If_None_Match='"other"', If_Modified_Since=date) == 200
    assert await status(If_Modified_Since="yesterday") == 200
    assert await status() == 200
    await clock.advance(100)
    assert await status(If_None_Match=tag) == 200
    assert await status(If_Modified_Since=date) == 200


async def test_rates_have_the_banks_shape(site: tuple[SteppableClock, ClientSession]) -> None:
    clock, client = site

    async def rates() -> dict[str, tuple[str, ...]]:
        async with client.get("/newsroom/rates.xml") as answer:
            text = await answer.text()
        fields = ("title", "pubDate", "description", "quant", "index", "change")
        rows = re.findall("".join(rf"<{name}>([^<]*)</{name}>" for name in fields), text)
        return {row[0]: row[1:] for row in rows}

    monday = await rates()
    assert set(monday) == set(newsroom.RATES)
    day, value, quant, index, change = monday["USD"]
    assert (day, quant) == ("23.11.2026", "1")
    assert 480 < float(value) < 515
    assert index == ("UP" if float(change) > 0 else "DOWN" if float(change) < 0 else "")
    assert monday["UZS"][2] == "100"
    await clock.advance(86400)
    tuesday = await rates()
    assert float(tuesday["USD"][1]) == pytest.approx(float(value) + float(tuesday["USD"][4]))
    await clock.advance(5 * 86400)
    assert (await rates())["USD"][0] == "27.11.2026", "a Sunday shows Friday's rates"


async def test_articles_pictures_and_previews(site: tuple[SteppableClock, ClientSession]) -> None:
    _, client = site
    entries = (await feed(client, "en")).entries
    entry = next(e for e in entries if e.enclosures)
    async with client.get(entry.link.split("/", 3)[3].join(("/", ""))) as answer:
        page = await answer.text()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert entry.title in page
    assert page.count("<h1>") == 1
    async with client.get("/newsroom/preview", params={"url": entry.link}) as answer:
        preview = await answer.json()
    assert (preview["title"], preview["description"]) == (entry.title, entry.summary)
    async with client.get(preview["image"]) as answer:
        data = await answer.read()
    assert answer.content_type == "image/png"
    assert struct.unpack(">II", data[16:24]) == (picture.WIDTH, picture.HEIGHT)
    bare = next(e for e in entries if not e.enclosures) if not all(e.enclosures for e in entries) else None
    assert bare is None or "<img" not in bare.content[0].value
    async with client.get("/newsroom/style.css") as answer:
        assert answer.content_type == "text/css"


@pytest.mark.parametrize(
    "path", ["article/no-such", "article/x-99999999", "image/x-1.png", "preview?url=http://x/y", "xx/rss.xml"]
)
async def test_what_is_not_there_is_404(site: tuple[SteppableClock, ClientSession], path: str) -> None:
    _, client = site
    async with client.get(f"/newsroom/{path}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("section", list(newsroom.SECTIONS))
def test_each_section_has_a_picture(section: str) -> None:
    data = picture.draw(section, 7)
    assert data == picture.draw.__wrapped__(section, 7) != picture.draw(section, 8)
    start = data.index(b"IDAT") + 4
    raw = zlib.decompress(data[start : data.index(b"IEND") - 8])
    assert len(raw) == (picture.WIDTH * 3 + 1) * picture.HEIGHT
