"""From a decoded feed to entries. Pure apart from feedparser, which gets bytes only and never fetches.

feedparser finds the elements, or `quick` in plain RSS; texts, links, pictures, dates and languages are read here,
because feeds escape twice, write dates in their own way and put tracking pixels where a picture is expected.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.entities import html5
from typing import Any
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from bot.domain.article import Entry
from bot.domain.errors import FeedError
from bot.feeds.dates import AHEAD, read_date
from bot.feeds.decode import is_json, is_wall, root
from bot.feeds.quick import quick
from bot.feeds.slices import cut
from bot.feeds.sources import other_source

TITLE_LIMIT, LEAD_LIMIT, BODY_LIMIT = 1_000, 2_000, 200_000
EARLIEST = 946_684_800
"""The year 2000: an earlier date is an unset field, not a date."""

_CLOSED = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf|urlset)\s*>", re.I)
_LAST_ITEM = re.compile(rb"</(?:[\w.-]+:)?(?:item|entry)\s*>")
_FIRST_ITEM = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]")
_ALTERNATE = re.compile(rb"<link\b[^<>]*\btype\s*=\s*[\"']?application/(?:(?:rss|atom)\+xml|feed\+json)[^<>]*>", re.I)
_TOMBSTONE = re.compile(rb"<(?:[\w-]+:)?deleted-entry\b[^<>]*\bref\s*=\s*[\"']([^\"'<>]+)", re.I)
_OG_IMAGE = re.compile(rb"<meta\b[^<>]*\b(?:property|name)\s*=\s*[\"']og:image(?::(?:secure_)?url)?[\"'][^<>]*>", re.I)
_CONTENT = re.compile(rb"\bcontent\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')", re.I)
_HREF = re.compile(rb"\bhref\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)'|([^\s<>\"']+))", re.I)
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_TAGS = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|br|center|cite|code|dd|del|div|dl|dt|em|embed|figcaption|figure"
    "|font|footer|form|h[1-6]|header|hr|i|iframe|img|input|ins|kbd|label|li|link|main|mark|meta|nav|nobr|noscript|object|ol|p"
    "|param|path|picture|pre|q|s|script|section|small|source|span|strike|strong|style|sub|sup|svg|table|tbody|td|th|thead"
    "|time|tr|tt|u|ul|var|video|wbr|button"
)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:[\s/][^<>]*)?>", re.I)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|iframe|noscript|svg)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_BREAK = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|tr|table|blockquote|figure|figcaption|hr)\b[^<>]*>", re.I)
_BOILERPLATE = re.compile(
    r"(?i)the post\b.{0,400}\b(?:appeared first|first appeared) on\b"
    r"|der beitrag\b.{0,400}\berschien zuerst auf\b"
    r"|(?:запись|сообщение)\b.{0,400}\bвпервые появил(?:ась|ось)\b"
    r"|(?:читать (?:далее|полностью|дальше)|подробнее|read more|continue reading|толығырақ|толық оқу)[\s.…→»>\]]*\Z"
)
_CUT = re.compile(r"([.!?…])?(?:\s*\[(?:…|\.\.\.)\](?=\n|\Z)|\s*&(?:#\w*)?\Z)")
"""Where a CMS cut its text: «[…]», or half an entity; perhaps after a whole sentence."""
_IMG = re.compile(r"<img\b[^<>]*>", re.I)
_ATTRIBUTE = re.compile(r"\b(src|data-src|width|height)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I)
_PIXEL = re.compile(
    r"mc\.yandex|counter\.yadro|top\.mail\.ru|top-fwz|doubleclick|google-analytics|feedsportal|feedburner\.com/~|"
    r"stats\.wordpress|pixel\.|/pixel|1x1|(?:blank|spacer|transparent)\.(?:gif|png)|/emoji/|gravatar\.com|tns-counter",
    re.I,
)
_ABSOLUTE = re.compile(r"https?://[a-z0-9][\w.-]*(?:/[\w/.~%,@!$'()*+:-]*)?(?:\?[\w&=/.~%,@!$'()*+:-]+)?", re.A)
"""An address that is absolute already, and in its own usual form."""
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)(?:$|[?#])", re.I)
_MAIL = re.compile(r"\S+@\S+")
_LATIN = re.compile(r"[a-z\u00c0-\u024f]+")
_CYRILLIC_WORD = re.compile(r"[\u0400-\u04ff]+")
_KAZAKH = re.compile("[әғқңөұүһі]")
_RUSSIAN_WORDS = "в на и с по не что для из о за от к у до во со об как при он она они это"
_RUSSIAN = frozenset(_RUSSIAN_WORDS.split())
_TELLING = 400
"""Characters by which a language is told."""
_OTHER_CYRILLIC = ("uk", "be", "bg", "sr", "mk", "ky", "tg", "mn", "tt", "ba")
_BODIES = ("yandex_full-text", "rbc_news_full-text", "turbo_content")
_PERIODS = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as read. `language` is the feed's own claim; `ttl` the seconds it asks for between two polls.

    `bozo`: not well-formed. `complete`: False when its end is missing, then keep no validators. `kind` is
    feedparser's version word (rss20, atom10 …). `unread_dates` are samples of dates that could not be read, `future`
    how many lay ahead, `dropped` a reason for each entry left out, `deleted` guids that the feed says are withdrawn.
    """

    entries: tuple[Entry, ...]
    title: str = ""
    language: str = ""
    ttl: int | None = None
    bozo: bool = False
    complete: bool = True
    kind: str = ""
    unread_dates: tuple[str, ...] = ()
    future: int = 0
    dropped: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        """How many items were read, with those left out."""
        return len(self.entries) + len(self.dropped)


def parse(body_utf8: bytes, *, base: str, zone: ZoneInfo, language: str, now: float, limit: int = 500) -> Document:
    """Read a document that `decode` made. `base` absolutises links, `zone` is for dates without one.

    `language` is the configured one, "" to tell by the letters of each entry. Dates before 2000 or more than ten
    minutes ahead of `now` are left out. At most `limit` items are read. Raises FeedError: empty, not_feed (with
    the address of the page's feed where it names one), wall or parse.
    """
    kind = _refuse_pages(body_utf8, base)
    complete = _whole(body_utf8)
    if other := other_source(body_utf8, kind):
        complete = True  # or it would not have been read
        cut_off = (f"{len(other.entries) - limit} items beyond the first {limit}",) * (len(other.entries) > limit)
        found = {"feed": other.feed, "entries": other.entries, "version": other.kind, "bozo": False}
    else:
        body, cut_off = _shorten(body_utf8, limit, complete)
        found = quick(body) or _feedparser(body)
    if not found.get("version") and not found["entries"]:
        raise FeedError("not_feed", "the document is XML but neither RSS nor Atom")
    reader = _Reader(base, zone, language, now, _language_tag(found["feed"]))
    return _document(body_utf8, found, reader, cut_off, complete, limit)


def parse_plain(
    body_utf8: bytes, *, base: str, zone: ZoneInfo, language: str, now: float, limit: int = 500
) -> Document | None:
    """The same where the document is whole and plain RSS, None where it is not: that takes a time in proportion to its
    length, whatever stands in it.
    """
    if not _whole(body_utf8):
        return None
    body, cut_off = _shorten(body_utf8, limit, complete=True)
    if (found := quick(body)) is None:
        return None
    reader = _Reader(base, zone, language, now, _language_tag(found["feed"]))
    return _document(body_utf8, found, reader, cut_off, True, limit)


def _whole(body: bytes) -> bool:
    """Whether the document's end is there."""
    return bool(_CLOSED.search(body, max(0, len(body) - 4096)))


def _document(
    body: bytes, found: dict[str, Any], reader: _Reader, cut_off: tuple[str, ...], complete: bool, limit: int
) -> Document:
    """What was found, as we read it."""
    read = [reader.entry(raw) for raw in found["entries"][:limit]]
    return Document(
        entries=tuple(entry for entry in read if isinstance(entry, Entry)),
        title=plain_title(_text(found["feed"], "title")),
        language=reader.feed_language,
        ttl=_ttl(found["feed"]),
        bozo=bool(found["bozo"]),
        complete=complete,
        kind=str(found.get("version", "")),
        unread_dates=tuple(dict.fromkeys(reader.unread))[:10],
        future=reader.future,
        dropped=tuple(reason for reason in read if isinstance(reason, str)) + cut_off,
        deleted=tuple(unescape(ref.decode("utf-8", "replace")) for ref in _TOMBSTONE.findall(body)[:limit]),
    )


def plain_title(text: str) -> str:
    """A title as one line of plain text: tags out, entities read once more, «Цена <100 тенге» left alone."""
    return _shortened(_line(unescape(_TAG.sub(" " if "<br" in text else "", text))), TITLE_LIMIT)


def plain_text(html: str) -> str:
    """HTML as plain text, a line for each block, without scripts, comments and feed boilerplate."""
    if not _TAG.search(html) and _TAG.search(again := unescape(html)):
        html = again  # a CMS that escapes twice
    text = _TAG.sub("", _BREAK.sub("\n", _HIDDEN.sub(" ", html))) if "<" in html else html
    text = "\n".join(filter(None, map(_line, unescape(text).split("\n"))))
    if "[" in text or "&" in text[-16:]:
        text = _CUT.sub(lambda found: found[1] or "…", text)
    return "\n".join(line for line in text.split("\n") if line and not _BOILERPLATE.match(line))


def unescape(text: str) -> str:
    """Read the entities that HTML knows, once; «&тест;» and «AT&T» stay text."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def item_language(text: str, feed_language: str = "") -> str:
    """ru, kk or what the feed says of itself, told by letters; "" when there is nothing to tell by.

    Mostly Cyrillic text is Kazakh when every fifth word has a Kazakh letter and hardly a Russian particle stands
    in it: Russian text with Kazakh names stays Russian.
    """
    text = text[:_TELLING].casefold()
    if not _KAZAKH.search(text) and not _LATIN.search(text):  # most texts: nothing to weigh
        as_said = feed_language in _OTHER_CYRILLIC or not _CYRILLIC_WORD.search(text)
        return feed_language if as_said else "ru"
    words = _CYRILLIC_WORD.findall(text)
    cyrillic, latin = len("".join(words)), len("".join(_LATIN.findall(text)))
    if latin > cyrillic:
        return feed_language if feed_language not in ("", "ru", *_OTHER_CYRILLIC) else "en"
    kazakh = sum(bool(_KAZAKH.search(word)) for word in words) if _KAZAKH.search(text) else 0
    if kazakh * 5 >= len(words) and kazakh >= 5 * sum(word in _RUSSIAN for word in words):
        return feed_language if feed_language in _OTHER_CYRILLIC else "kk"
    return feed_language if feed_language in _OTHER_CYRILLIC else "ru"


class _Reader:
    """Reads the entries of one document and gathers what could not be read."""

    def __init__(self, base: str, zone: ZoneInfo, language: str, now: float, feed_language: str) -> None:
        self._base, self._zone, self._language, self._now = base, zone, language, now
        self.feed_language = feed_language
        self.unread: list[str] = []
        self.future = 0

    def entry(self, raw: Any) -> Entry | str:
        """The entry, or the reason why it is none."""
        guid, title = _text(raw, "id"), plain_title(_text(raw, "title"))
        link = self._link(raw, guid)
        if "rss in offline mode" in title.lower() and not guid and not link:
            return "DataLife's placeholder"
        body, lead = _body(raw), _lead(raw)
        lead = lead or ("" if title else plain_text(body)[:LEAD_LIMIT])
        if not title and not lead:
            return "neither title nor text"
        published, updated = self._date(raw, "published"), self._date(raw, "updated")
        return Entry(
            guid=_clean(guid)[:1_000],
            link=link,
            title=title,
            lead=lead,
            body=body,
            author=_author(raw),
            image=self._image(raw, body),
            categories=tuple(dict.fromkeys(_categories(raw)))[:32],
            published=published if published is not None else updated,
            updated=updated,
            language=self._language or item_language(f"{title} {lead}", self.feed_language),
        )

    def _link(self, raw: Any, guid: str) -> str:
        """The first alternate link that is an address; a guid serves only when it says it is one."""
        links = [link for link in _dicts(raw, "links") if link.get("rel", "alternate") == "alternate"]
        links.sort(key=lambda link: link.get("type", "text/html") != "text/html")
        candidates = [str(link.get("href", "")) for link in links] + [_text(raw, "link")]
        if dict.get(raw, "guidislink"):
            candidates.append(guid)
        return next((found for href in candidates if (found := absolute(self._base, href))), "")

    def _date(self, raw: Any, name: str) -> int | None:
        text = _text(raw, name)
        if not text:
            return None
        date = read_date(text, self._zone, self._now)
        if date is None:
            self.unread.append(text[:100])
        elif date > self._now + AHEAD and name == "published":
            self.future += 1
        return date if date is not None and EARLIEST <= date <= self._now + AHEAD else None

    def _image(self, raw: Any, body: str) -> str:
        found = (absolute(self._base, href) for href in _pictures(raw, body))
        return next((href for href in found if href and not _PIXEL.search(href)), "")


def absolute(base: str, href: str) -> str:
    """The absolute http(s) address of a link, "" for anything else (javascript:, data:, no host, too long)."""
    if len(href) <= 2_000 and _ABSOLUTE.fullmatch(href):
        return href
    href = re.sub(r"[\x00-\x20\x7f]+", "%20", href.strip())
    try:
        url = urljoin(base, href) if href else ""
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= 2_000
        return url if usable and parts.port != 0 else ""
    except ValueError:
        return ""


def page_picture(page: bytes, base: str) -> str:
    """The picture that an article's page names for being shown elsewhere (og:image), "" without one."""
    for tag in _OG_IMAGE.findall(page[:500_000]):
        found = _CONTENT.search(tag)
        href = unescape((found[1] or found[2] or b"").decode("utf-8", "replace")) if found else ""
        if (url := absolute(base, href)) and not _PIXEL.search(url):
            return url
    return ""


def _refuse_pages(body: bytes, base: str) -> bytes:
    """The name of the first tag; a page is refused with the address of its feed where it names one."""
    if not body.strip():
        raise FeedError("empty", "the server sent nothing")
    if is_json(body):
        return b""
    name = root(body)
    if not name:
        raise FeedError("not_feed", "this is not XML")
    if name.lower() not in (b"html", b"head", b"body", b"div", b"script", b"p"):
        return name
    page = body[:200_000]
    links = (_HREF.search(link) for link in _ALTERNATE.findall(page))
    href = next((next(part for part in found.groups() if part is not None) for found in links if found), b"")
    if feed := absolute(base, unescape(href.decode("utf-8", "replace"))) if href else "":
        raise FeedError("not_feed", f"this is a web page; its feed: {feed}", feed=feed)
    if is_wall(page):
        raise FeedError("wall", "the server sent a page that asks for a browser instead of the feed")
    raise FeedError("not_feed", "this is a web page, not a feed")


def _shorten(body: bytes, limit: int, complete: bool) -> tuple[bytes, tuple[str, ...]]:
    """The part that may be parsed: no half item at a missing end, at most `limit` items."""
    if not complete:
        first = _FIRST_ITEM.search(body)
        end = max((found.end() for found in _LAST_ITEM.finditer(body)), default=first.start() if first else len(body))
        return body[:end], ()
    slices = cut(body) if body.count(b"item") + body.count(b"entry") > limit else None
    if slices and len(slices.items) > limit:
        return slices.only(range(limit)), (f"{len(slices.items) - limit} items beyond the first {limit}",)
    return body, ()


def _feedparser(body: bytes) -> dict[str, Any]:
    """feedparser's result. It meets hostile input with whatever exception it stumbles over."""
    feedparser = _loaded()
    try:
        found: dict[str, Any] = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    except RecursionError as error:
        raise FeedError("parse", "nested too deep") from error
    except Exception as error:  # any of its handlers may fail on any input
        raise FeedError("parse", f"feedparser failed: {type(error).__name__}") from error
    return found


@cache
def _loaded() -> Any:
    """feedparser, once a document needs it: 2 MB that plain RSS never asks for."""
    import feedparser

    feedparser.api.PREFERRED_XML_PARSERS.clear()  # it looks on the disk for one that there is not, at each document
    return feedparser


def _text(raw: Any, name: str) -> str:
    """A text field as it is stored; feedparser's own lookup warns and answers with other fields."""
    value = dict.get(raw, name)
    return _clean(value) if isinstance(value, str) else ""


def _dicts(raw: Any, name: str) -> list[Any]:
    value = dict.get(raw, name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _clean(text: str) -> str:
    """NFC and stripped, without lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", text).strip()


def _line(text: str) -> str:
    """One line, spaces collapsed (no-break ones become plain), invisible characters out."""
    return _clean(" ".join(text.replace("\u00ad", "").replace("\u200b", "").replace("\ufeff", "").split()))


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return html5.get(match[3] + ";", match[0])
    code = int(match[1]) if match[1] else int(match[2], 16)
    legal = 32 <= code < 0xD800 or 0xE000 <= code < 0x110000 or code in (9, 10, 13)
    return chr(code) if legal else "\ufffd"


def _contents(raw: Any) -> list[str]:
    values = (content.get("value") for content in _dicts(raw, "content"))
    return [_clean(value) for value in values if isinstance(value, str)]


def _body(raw: Any) -> str:
    """The longest full text, as HTML."""
    return max((*_contents(raw), *(_text(raw, name) for name in _BODIES)), key=len, default="")[:BODY_LIMIT]


def _lead(raw: Any) -> str:
    """The summary as plain text; where feedparser only copied the whole text there, there is no lead."""
    summary = _text(raw, "summary")
    if summary in _contents(raw):
        return ""
    written = LEAD_LIMIT * (20 if "<" in summary or "&" in summary else 2)
    return _shortened(plain_text(summary[:written]), LEAD_LIMIT)


def _shortened(text: str, limit: int) -> str:
    """Cut at a word where there is one, with an ellipsis."""
    return text if len(text) <= limit else (text[: limit - 1].rpartition(" ")[0] or text[: limit - 1]) + "…"


def _author(raw: Any) -> str:
    """The author's name, without the mail address that RSS asks for."""
    names = [author["name"] for author in _dicts(raw, "authors") if isinstance(author.get("name"), str)]
    return _MAIL.sub("", plain_title(names[0] if names else _text(raw, "author"))).strip(" ()<>")[:200]


def _categories(raw: Any) -> Iterator[str]:
    """Each category's words; a path `A/B/` gives its parts."""
    for tag in _dicts(raw, "tags"):
        term = tag.get("label") or tag.get("term") or ""
        for part in str(term).split("/") if "/" in str(term) and "://" not in str(term) else [str(term)]:
            if name := plain_title(part)[:100]:
                yield name


def _pictures(raw: Any, body: str) -> Iterator[str]:
    """Addresses in the order of trust: media:content (largest), enclosure, media:thumbnail, first in the text."""
    media = [m for m in _dicts(raw, "media_content") if _is_picture(m)]
    yield from (m["url"] for m in sorted(media, key=_area, reverse=True))
    enclosures = [link for link in _dicts(raw, "links") if link.get("rel") == "enclosure"]
    yield from (str(link.get("href", "")) for link in enclosures if _is_picture({**link, "url": link.get("href")}))
    yield from (t["url"] for t in _dicts(raw, "media_thumbnail") if isinstance(t.get("url"), str) and not _tiny(t))
    for html in (body, _text(raw, "summary")):
        for tag in _IMG.findall(html):
            values = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(tag)}
            if not _tiny(values):
                yield unescape(values.get("src") or values.get("data-src") or "")


def _is_picture(media: Any) -> bool:
    url, kind = media.get("url"), str(media.get("type") or media.get("medium") or "")
    if not isinstance(url, str) or _tiny(media):
        return False
    return kind.startswith("image") or (not kind and bool(_PICTURE.search(url)))


def _tiny(media: Any) -> bool:
    return any(0 <= size <= 2 for name in ("width", "height") if (size := _size(media.get(name))) is not None)


def _area(media: Any) -> int:
    return (_size(media.get("width")) or 0) * (_size(media.get("height")) or 1)


def _size(value: object) -> int | None:
    digits = re.match(r"\d{1,5}", str(value or ""), re.A)
    return int(digits.group()) if digits else None


def _language_tag(feed: Any) -> str:
    return _text(feed, "language").replace("_", "-").split("-")[0].lower()[:3]


def _ttl(feed: Any) -> int | None:
    """Seconds between two polls that the feed asks for, by ttl (minutes) or sy:updatePeriod."""
    minutes = _size(_text(feed, "ttl"))
    if minutes:
        return minutes * 60
    period = _PERIODS.get(_text(feed, "sy_updateperiod").lower())
    return period // max(1, _size(_text(feed, "sy_updatefrequency")) or 1) if period else None
