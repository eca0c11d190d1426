"""The sample newsroom «Дала жаңалықтары / Steppe Times»: invented articles and feeds that never stop.

What is published when is a pure function of the clock, so that the demo, a restart and a test see the same
newsroom:

    number n → language n % 3, article n // 3 of that language's pool, again and again with a new part
    n < 30 were out before the newsroom opened; from then on one more every 30 s or so, day and night

The shapes (the source phrase that ends a lead, the headline and the date repeated in the body, the partner
block after it) are those of a real newspaper's feed, because the bot has to cope with them.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from .picture import draw

SAMPLES = Path(__file__).parent / "samples"
LANGUAGES = ("ru", "kk", "en")
ZONE = ZoneInfo("Asia/Almaty")
OLDER = 10 * len(LANGUAGES)  # articles that are out when the newsroom opens
PACE = 30.0  # seconds from one article to the next
IN_FEED = 25  # a feed shows its newest articles only
CORRECTED_AFTER = 180.0  # seconds until a headline with a mistake is put right
TABLES = tomllib.loads((SAMPLES / "site.toml").read_text(encoding="utf-8"))
SITE, PARTNERS, PART, SECTIONS = (TABLES[name] for name in ("site", "partners", "part", "sections"))
RATES = TABLES["rates"]  # code → tenge for so many units, and how many units
CSP = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"}


class Clock(Protocol):
    """The part of a clock that a newsroom needs."""

    def now(self) -> float:
        """Epoch seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Article:
    """One published article as it stands at a moment; `published` and `edited` are epoch seconds."""

    number: int
    language: str
    section: str
    slug: str
    headline: str
    lead: str
    body: tuple[str, ...]
    author: str
    image: bool
    published: float
    edited: float

    @property
    def category(self) -> str:
        """The section's name as the site of this language prints it."""
        return str(SECTIONS[self.section][LANGUAGES.index(self.language)])


@cache
def _pool(language: str) -> tuple[dict[str, Any], ...]:
    """The invented articles of a language, in the order of their file."""
    with (SAMPLES / f"{language}.toml").open("rb") as file:
        return tuple(tomllib.load(file)["article"])


def _hash(value: object) -> int:
    return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:4], "big")


def published_at(number: int, opened: float) -> float:
    """When article `number` comes out, in epoch seconds, for a newsroom that opened at `opened`."""
    if number < OLDER:
        return opened - 900.0 - (OLDER - 1 - number) * 1500.0 + _hash(number) % 600
    return opened + (number - OLDER + 1) * PACE + _hash(number) % 9 - 4


def article(number: int, opened: float, now: float) -> Article | None:
    """Article `number` as a visitor sees it at `now`; None when it is not out (yet)."""
    published = published_at(number, opened) if number >= 0 else math.inf
    if published > now:
        return None
    language = LANGUAGES[number % len(LANGUAGES)]
    pool = _pool(language)
    again, index = divmod(number // len(LANGUAGES), len(pool))
    data = pool[index]
    corrected = "fixed" in data and now >= published + CORRECTED_AFTER
    headline, lead = data["fixed"] if corrected else data["headline"], data["lead"]
    if again:
        headline = PART[language][0].format(headline, again + 1)
        lead = PART[language][1].format(again + 1, lead)
    return Article(
        number,
        language,
        data["section"],
        f"{data['slug']}-{10000 + number}",
        headline,
        lead,
        tuple(data["body"].strip().splitlines()),
        data["author"],
        data["image"],
        published,
        published + CORRECTED_AFTER if corrected else published,
    )


def newest(language: str, opened: float, now: float) -> list[Article]:
    """What the feed of `language` holds at `now`: the newest `IN_FEED` articles, newest first."""
    top = OLDER + max(0, math.ceil((now - opened) / PACE)) + 1
    first = LANGUAGES.index(language)
    numbers = [n for n in range(top, -1, -1) if n % len(LANGUAGES) == first][: IN_FEED + 2]
    found = [item for n in numbers if (item := article(n, opened, now)) is not None]
    return sorted(found, key=lambda a: -a.published)[:IN_FEED]


def body_html(item: Article) -> str:
    """The article's text as the site's editor stores it: date and headline first, partner block last."""
    local = datetime.fromtimestamp(item.published, ZONE)
    parts = [f"<p>{local:%d.%m.%Y, %H:%M}</p>", f"<h1>{escape(item.headline)}</h1>"]
    parts.append(f"<p>{escape(item.lead)}</p>")
    parts += (_block(line) for line in item.body)
    title, teaser = PARTNERS[item.language]
    parts.append(f"<h4>{title}</h4><p>{teaser}</p><p>×</p>")
    return "".join(parts)


def _block(line: str) -> str:
    return f"<h3>{escape(line[2:])}</h3>" if line.startswith("# ") else f"<p>{escape(line)}</p>"


def feed_xml(language: str, items: list[Article], origin: str) -> str:
    """RSS 2.0 of one language; `origin` is scheme and host that the links begin with."""
    entries = "".join(_entry(item, origin) for item in items)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{SITE[language]}</title><link>{escape(origin)}/newsroom/{language}/rss.xml</link>"
        f"<description>{SITE[language]}</description><language>{language}</language>{entries}</channel></rss>"
    )


def _entry(item: Article, origin: str) -> str:
    link = f"{escape(origin)}/newsroom/article/{item.slug}"
    image = f"{escape(origin)}/newsroom/image/{item.slug}.png"
    enclosure = f'<enclosure url="{image}" type="image/png" length="0"/>' if item.image else ""
    date = format_datetime(datetime.fromtimestamp(item.published, ZONE))
    body = body_html(item).replace("]]>", "]]&gt;")
    return (
        f"<item><title>{escape(item.headline)}</title><link>{link}</link>"
        f'<guid isPermaLink="false">steppe-times-{10000 + item.number}</guid><pubDate>{date}</pubDate>'
        f"<dc:creator>{escape(item.author)}</dc:creator><category>{escape(item.category)}</category>"
        f"<description>{escape(item.lead)}</description>{enclosure}"
        f"<content:encoded><![CDATA[{body}]]></content:encoded></item>\n"
    )


def _rate(code: str, base: float, day: int) -> float:
    """Tenge for the currency on a day: a calm wave around `base`, the same for everybody who asks."""
    return round(base * (1 + 0.012 * math.sin(day / 9 + _hash(code) % 7) + (_hash((code, day)) % 60 - 30) / 1e4), 2)


def rates_xml(now: float) -> str:
    """The National Bank's list for the newsroom's day of `now`; on a weekend it is still Friday's."""
    today = datetime.fromtimestamp(now, ZONE).date()
    day = today - timedelta(days=max(0, today.weekday() - 4))
    before = day - timedelta(days=3 if day.weekday() == 0 else 1)
    rows = []
    for code, (base, quant) in RATES.items():
        value = _rate(code, base, day.toordinal())
        change = round(value - _rate(code, base, before.toordinal()), 2)
        index = "UP" if change > 0 else "DOWN" if change < 0 else ""
        rows.append(
            f"<item><title>{code}</title><pubDate>{day:%d.%m.%Y}</pubDate><description>{value:.2f}</description>"
            f"<quant>{quant}</quant><index>{index}</index><change>{change:+.2f}</change></item>\n"
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
        f"<title>Exchange rates</title><description>Invented</description>{''.join(rows)}</channel></rss>"
    )


def page_html(item: Article) -> str:
    """The article's page; the share metadata is what a link preview shows."""
    image = f"/newsroom/image/{item.slug}.png"
    picture = f'<img src="{image}" alt="" width="960" height="540">' if item.image else ""
    body = body_html(item).split("</h1>", 1)[1]
    local = datetime.fromtimestamp(item.published, ZONE)
    return (
        f'<!doctype html><html lang="{item.language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(item.headline)}</title><meta property="og:title" content="{escape(item.headline)}">'
        f'<meta property="og:description" content="{escape(item.lead)}">'
        + (f'<meta property="og:image" content="{image}">' if item.image else "")
        + '<link rel="stylesheet" href="/newsroom/style.css">'
        f"<header>{SITE[item.language]}</header><main><small>{escape(item.category)} · "
        f"{local:%d.%m.%Y, %H:%M} · {escape(item.author)}</small><h1>{escape(item.headline)}</h1>"
        f"{picture}{body}</main></html>"
    )


class Newsroom:
    """The newsroom over HTTP. It opens at the moment it is made; `clock` is anything with `now()`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opened = clock.now()

    def routes(self, app: web.Application) -> None:
        """Add the newsroom's pages, all below `/newsroom/`."""
        get = app.router.add_get
        get("/newsroom/{language:ru|kk|en}/rss.xml", self._feed)
        get("/newsroom/rates.xml", self._rates)
        get("/newsroom/article/{slug}", self._article)
        get("/newsroom/image/{slug}.png", self._image)
        get("/newsroom/preview", self._preview)
        get("/newsroom/style.css", self._style)

    def _find(self, slug: str) -> Article:
        """The article that an address names; 404 when there is none or it is not out yet."""
        number = slug.rpartition("-")[2]
        found = None
        if number.isascii() and number.isdigit() and len(number) < 10:
            found = article(int(number) - 10000, self._opened, self._clock.now())
        if found is None or found.slug != slug:
            raise web.HTTPNotFound(text="no such article")
        return found

    async def _feed(self, request: web.Request) -> web.Response:
        items = newest(language := request.match_info["language"], self._opened, self._clock.now())
        text = feed_xml(language, items, str(request.url.origin()))
        return _conditional(request, text, "application/rss+xml", max(item.edited for item in items))

    async def _rates(self, request: web.Request) -> web.Response:
        return _conditional(request, rates_xml(self._clock.now()), "application/xml", None)

    async def _article(self, request: web.Request) -> web.Response:
        item = self._find(request.match_info["slug"])
        return web.Response(text=page_html(item), content_type="text/html", headers=CSP)

    async def _image(self, request: web.Request) -> web.Response:
        item = self._find(request.match_info["slug"])
        headers = {"Cache-Control": "max-age=86400"}
        return web.Response(body=draw(item.section, item.number), content_type="image/png", headers=headers)

    async def _preview(self, request: web.Request) -> web.Response:
        """What a messenger would show under a link to `?url=`: only the newsroom's own articles."""
        path = urlsplit(request.query.get("url", "")).path
        item = self._find(path.removeprefix("/newsroom/article/"))
        image = f"/newsroom/image/{item.slug}.png" if item.image else ""
        return web.json_response(
            {"site": SITE[item.language], "title": item.headline, "description": item.lead, "image": image}
        )

    async def _style(self, request: web.Request) -> web.Response:
        return web.Response(text=(SAMPLES / "article.css").read_text(), content_type="text/css")


def _conditional(request: web.Request, text: str, kind: str, changed: float | None) -> web.Response:
    """200 with validators, or 304 when the asker already has this; `changed` is epoch seconds."""
    body = text.encode()
    tag = hashlib.sha256(body).hexdigest()[:20]
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    stamp = None if changed is None else datetime.fromtimestamp(int(changed), UTC)
    if stamp is not None:
        headers["Last-Modified"] = format_datetime(stamp, usegmt=True)
    if _unchanged(request, f'"{tag}"', stamp):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


def _unchanged(request: web.Request, tag: str, stamp: datetime | None) -> bool:
    """RFC 9110, 13.2.2: If-None-Match decides alone where it is given."""
    known = request.headers.get("If-None-Match")
    if known is not None:
        return tag in (part.strip().removeprefix("W/") for part in known.split(","))
    since = request.headers.get("If-Modified-Since")
    if since is None or stamp is None:
        return False
    try:
        return stamp <= parsedate_to_datetime(since)
    except (ValueError, TypeError):  # not a date, or one without a zone: as if it were not there
        return False
