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
import re
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.clock import Clock
from bot.demo.picture import draw

SAMPLES = Path(__file__).parent / "samples"
LANGUAGES = ("ru", "kk", "en")
ZONE = ZoneInfo("Asia/Almaty")
OLDER = 10 * len(LANGUAGES)  # articles that are out when the newsroom opens
PACE = 30.0  # seconds from one article to the next
IN_FEED = 10  # a feed shows its newest articles only: no leap of the clock brings so many that the desk is asked
CORRECTED_AFTER = 180.0  # seconds until a headline with a mistake is put right
TABLES = tomllib.loads((SAMPLES / "site.toml").read_text(encoding="utf-8"))
SITE, PARTNERS, PART, SECTIONS = (TABLES[name] for name in ("site", "partners", "part", "sections"))
RATES = TABLES["rates"]  # code → tenge for so many units, and how many units
CSP = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"}


@dataclass(frozen=True, slots=True)
class Article:
    """One published article as it stands at a moment; `published` and `edited` are epoch seconds."""

    number: int
    language: str
    headline: str
    lead: str
    published: float
    edited: float
    stored: dict[str, Any]  # the article in its pool: section, author, image, body

    @property
    def slug(self) -> str:
        """The last part of its address."""
        return f"{self.stored['slug']}-{10000 + self.number}"

    @property
    def local(self) -> datetime:
        """When it came out, as the newsroom's clocks showed it."""
        return datetime.fromtimestamp(self.published, ZONE)

    @property
    def picture(self) -> str:
        """The path of its picture."""
        return f"/newsroom/image/{self.slug}.png"

    @property
    def category(self) -> str:
        """The section's name as the site of this language prints it."""
        return str(SECTIONS[self.stored["section"]][LANGUAGES.index(self.language)])


@cache
def _pool(language: str) -> tuple[dict[str, Any], ...]:
    with (SAMPLES / f"{language}.toml").open("rb") as file:
        return tuple(tomllib.load(file)["article"])


@cache
def _template(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


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
    edited = published + CORRECTED_AFTER if corrected else published
    return Article(number, language, headline, lead, published, edited, data)


def newest(language: str, opened: float, now: float) -> list[Article]:
    """What the feed of `language` holds at `now`: the newest `IN_FEED` articles, newest first."""
    top = OLDER + max(0, math.ceil((now - opened) / PACE)) + 1
    first = LANGUAGES.index(language)
    numbers = [n for n in range(top, -1, -1) if n % len(LANGUAGES) == first][: IN_FEED + 2]
    found = [item for n in numbers if (item := article(n, opened, now)) is not None]
    return sorted(found, key=lambda a: -a.published)[:IN_FEED]


def _body(item: Article) -> str:
    """The article's text as the site's editor stores it: date and headline first, partner block last."""
    title, teaser = PARTNERS[item.language]
    head = f"<p>{item.local:%d.%m.%Y, %H:%M}</p><h1>{escape(item.headline)}</h1><p>{escape(item.lead)}</p>"
    lines = item.stored["body"].strip().splitlines()
    blocks = (f"<h3>{escape(line[2:])}</h3>" if line[:2] == "# " else f"<p>{escape(line)}</p>" for line in lines)
    return f"{head}{''.join(blocks)}<h4>{title}</h4><p>{teaser}</p><p>×</p>"


def _fields(item: Article) -> dict[str, Any]:
    said = {name: escape(getattr(item, name)) for name in ("headline", "lead", "category", "language", "slug")}
    said["author"] = escape(item.stored["author"])
    return {**said, "site": SITE[item.language], "time": item.local, "id": 10000 + item.number}


def feed_xml(language: str, items: list[Article], origin: str) -> str:
    """RSS 2.0 of one language; `origin` is scheme and host that the links begin with."""
    entries, origin = [], escape(origin)
    for item in items:
        image = f'<enclosure url="{origin}{item.picture}" type="image/png" length="0"/>' if item.stored["image"] else ""
        more = {"origin": origin, "enclosure": image, "date": format_datetime(item.local)}
        entries.append(_template("item.xml").format(**_fields(item), **more, body=_body(item).replace("]]>", "]]&gt;")))
    names = {"site": SITE[language], "origin": origin, "language": language}
    return _template("feed.xml").format(**names, items="".join(entries))


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
        fields = {"index": "UP" if change > 0 else "DOWN" if change < 0 else "", "change": change}
        rows.append(_template("rate.xml").format(code=code, day=day, value=value, quant=quant, **fields))
    return _template("rates.xml").format(items="".join(rows))


def page_html(item: Article) -> str:
    """The article's page; the share metadata is what a link preview shows."""
    shown = {"shared": "", "picture": ""}
    if item.stored["image"]:
        shown["shared"] = f'<meta property="og:image" content="{item.picture}">'
        shown["picture"] = f'<img src="{item.picture}" alt="" width="960" height="540">'
    return _template("article.html").format(**_fields(item), **shown, body=_body(item).split("</h1>", 1)[1])


class Newsroom:
    """The newsroom over HTTP. It opens at the moment it is made; `clock` is anything with `now()`."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._opened = clock, clock.now()

    def routes(self, app: web.Application) -> None:
        """Add the newsroom's pages, all below `/newsroom/`."""
        pages = {"{language:ru|kk|en}/rss.xml": self._feed, "rates.xml": self._rates, "article/{slug}": self._article}
        pages |= {"image/{slug}.png": self._image, "preview": self._preview, "style.css": self._style}
        for path, handler in pages.items():
            app.router.add_get(f"/newsroom/{path}", handler)

    def _find(self, slug: str) -> Article:
        """The article that an address names; 404 when there is none or it is not out yet."""
        number = re.search(r"-(\d{1,9})$", slug, re.ASCII)
        found = article(int(number[1]) - 10000, self._opened, self._clock.now()) if number else None
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
        return web.Response(body=draw(item.stored["section"], item.number), content_type="image/png", headers=headers)

    async def _preview(self, request: web.Request) -> web.Response:
        """What a messenger would show under a link to `?url=`: only the newsroom's own articles."""
        item = self._find(urlsplit(request.query.get("url", "")).path.removeprefix("/newsroom/article/"))
        shown = {"site": SITE[item.language], "title": item.headline, "description": item.lead}
        return web.json_response({**shown, "image": item.picture if item.stored["image"] else ""})

    async def _style(self, request: web.Request) -> web.Response:
        return web.Response(text=_template("article.css"), content_type="text/css")


def _conditional(request: web.Request, text: str, kind: str, changed: float | None) -> web.Response:
    """200 with validators, or 304 when the asker already has this; `changed` is epoch seconds."""
    body = text.encode()
    response = web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"})
    response.etag = tag = hashlib.sha256(body).hexdigest()[:20]
    response.last_modified = changed
    known, since = request.if_none_match, request.if_modified_since
    if known is not None:  # RFC 9110, 13.2.2: where it is given it decides alone
        fresh = tag in {other.value for other in known}
    else:
        fresh = bool(since and response.last_modified and response.last_modified <= since)
    if fresh:
        response.set_status(304)
        response.body = None
    return response
