"""Which article an entry is: neither guid nor link nor title alone is a name. Pure.

An article has several aliases, kept for a year; any hit means that it is known, perhaps edited. Keys:
`g:` its guid, `u:` a canonical link, and weak ones that need a second sign: `n:` the number in its path,
`t:` its title, `s:` its lead with the second of its publication; `x:` all of it where nothing else is its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote, unquote, urlsplit

from bot.domain.article import Entry
from bot.domain.feed import KnownArticle
from bot.feeds.dates import OLDEST, believable

DAY = 86_400
TITLE_WINDOW = 2 * DAY
EDITS_LIMIT, EDITS_WINDOW, EDITS_APART = 5, 2 * DAY, 120

_TRACKING = re.compile(
    r"utm_\w*|y?clid|ysclid|gclid|fbclid|dclid|msclkid|_openstat|from|mc_[ce]id|igshid|amp|_ga|rss", re.I | re.A
)
_SCHEME = re.compile(r"https?://(?:www\.)?", re.I)
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[a-z]?(\d{5,18})(?![0-9A-Za-z])", re.A)
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", re.A)
_UNIX = re.compile(r"1[4-9]\d{8}(?:\d{3})?", re.A)
_WORD = re.compile(r"\w+")
_CANONICAL = re.compile(r"https?://(?:www\.)?((?!www\.)[a-z0-9][a-z0-9.-]*(?:/[\w.~-]+)*)/?", re.A)
"""An address as most are: nothing in it changes but scheme, www and the last slash."""
_TYPOGRAPHY = (
    *((sign, '"') for sign in "«»“”„‟"), *((sign, "'") for sign in "‘’‚"), *((sign, "-") for sign in "‐‑–—−"),
    ("\u00ad", ""), ("\u200b", ""), ("\ufeff", ""), ("\u2026", "..."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class New:
    """A new article: goes out. Its date is None unless it is believable."""

    entry: Entry
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """An article we have: learn these keys and the entry's categories.

    `postponed`: it was edited less than two minutes after its last edit. Whoever polls must look again: keep
    neither validators nor hashes of this document.
    """

    article_id: int
    entry: Entry
    keys: tuple[str, ...]
    postponed: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """An article whose title, lead or image changed."""

    article_id: int
    entry: Entry
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Old:
    """Unknown but dated more than a day ago, or before what was there at first: stored silently."""

    entry: Entry
    keys: tuple[str, ...]


Verdict = New | Known | Edited | Old


@lru_cache(maxsize=1024)
def canonical_link(url: str) -> str:
    """The link without what changes while the page stays: scheme, www, tracking, /amp, fragment, last slash.

    "" for what is no http(s) address with a host. The result is its own canonical link.
    """
    if (found := _CANONICAL.fullmatch(url)) and not found[1].endswith("/amp"):
        return "https://" + found[1]
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    path = _same_escapes(re.sub(r"/{2,}", "/", parts.path)).rstrip("/")
    while path.endswith("/amp"):
        path = path.removesuffix("/amp").rstrip("/")
    fields = [field for field in parts.query.split("&") if field and not _TRACKING.fullmatch(field.split("=")[0])]
    query = "?" + _same_escapes("&".join(fields), "=&") if fields else ""
    host = f"[{host}]" if ":" in host else host
    return f"https://{host}{f':{port}' if port not in (None, 80, 443) else ''}{path}{query}"


def _same_escapes(text: str, safe: str = "/") -> str:
    """One spelling for each percent-escaped text: Cyrillic slugs come raw and escaped."""
    return quote(unquote(text, errors="surrogateescape"), safe=safe + "!$'()*+,;:@~", errors="surrogateescape")


def aliases(entry: Entry, *, host: str, unique_guids: Collection[str]) -> tuple[str, ...]:
    """All keys of an entry, the strong ones first. `host` scopes guids that are no addresses and numbers.

    `unique_guids` are the guids that name one item only in their document; others are left out.
    """
    keys: list[str] = []
    link = canonical_link(entry.link)
    if entry.guid and entry.guid in unique_guids:
        address = canonical_link(entry.guid)
        keys.append("g:" + (_SCHEME.sub("", entry.guid, count=1) if address else f"{_host(host)}:{entry.guid}"))
        if address and "#" not in entry.guid and _has_page(address):
            keys.append("u:" + address)
    if _has_page(link):
        keys.append("u:" + link)
    if number := _number(link):
        keys.append(f"n:{_host(urlsplit(link).hostname or host)}:{number}")
    title = _plain(entry.title)
    if title.count(" ") >= 3:
        keys.append("t:" + _hash(title))
    # midnight is what a date without a time becomes: no moment to recognise anything by
    if entry.published and entry.published % 3600 and (lead := _plain(entry.lead)).count(" ") >= 5:
        keys.append(f"s:{entry.published}:" + _hash(lead))
    return tuple(dict.fromkeys(keys))


def document_keys(entries: Sequence[Entry], *, host: str, repeated: Collection[str] = ()) -> list[tuple[str, ...]]:
    """The keys of each entry, without those that different entries of the document share.

    `repeated` are guids and links that repeat in the whole document, when `entries` are only a part of it. An
    article that stands in the document twice keeps its keys; an entry without guid and link of its own is known
    by its whole text (`x:`).
    """
    different = list({(e.guid, canonical_link(e.link), _plain(e.title)): e for e in entries}.values())
    guids = Counter(entry.guid for entry in different)
    unique = {guid for guid, n in guids.items() if n == 1 and guid not in repeated}
    shared = {"u:" + canonical_link(link) for link in repeated}
    names = {id(e): aliases(e, host=host, unique_guids=unique) for e in entries}
    counts = Counter(key for e in different for key in names[id(e)])
    return [_own([key for key in names[id(e)] if counts[key] == 1 and key not in shared], e) for e in entries]


def _own(keys: list[str], entry: Entry) -> tuple[str, ...]:
    if any(key[0] in "gu" for key in keys):
        return tuple(keys)
    return (*keys, "x:" + _hash("\0".join((entry.title, entry.lead, entry.link, str(entry.published)))))


def fingerprint(entry: Entry) -> str:
    """The hash of what a reader sees: title, lead and image, apart from typography and the image's query."""
    return _hash("\0".join((_typed(entry.title), _typed(entry.lead), entry.image.split("?")[0])))


def material(entry: Entry, article: KnownArticle) -> bool:
    """Whether an edit changes words of the headline or the lead: not only signs, the case of letters or the image."""
    return (_plain(entry.title), _plain(entry.lead)) != (_plain(article.title), _plain(article.lead))


def recognise(
    entries: Sequence[Entry],
    keys: Sequence[tuple[str, ...]],
    known: Mapping[str, KnownArticle],
    now: float,
    *,
    feed_id: int = 0,
    since: float = 0.0,
) -> list[Verdict]:
    """Decide for each entry, in order, which article it is.

    `keys` are those that `document_keys` gives them, `known` the articles found under any. What is unknown and dated
    before `since` was in the feed before we were and slid back: it is no news. An edit counts only from the feed that
    brought the article (`feed_id`), or two feeds that word it differently would edit it for ever.
    """
    dates = [entry.published for entry in entries if entry.published is not None]
    newest = max((*dates, *(a.published_at for a in known.values() if a.published_at)), default=0)
    return [
        _known(hit, entry, of_entry, now, feed_id)
        if (hit := _hit(entry, of_entry, known, now))
        else _unknown(entry, of_entry, max(now - DAY, since), now, newest)
        for entry, of_entry in zip(entries, keys, strict=True)
    ]


def flood(new: int, total: int) -> bool:
    """Whether so much of a document of `total` items is unknown at once that the desk must be asked."""
    return new > max(10, 0.6 * total)


def _hit(entry: Entry, keys: tuple[str, ...], known: Mapping[str, KnownArticle], now: float) -> KnownArticle | None:
    return next((known[key] for key in keys if key in known and _holds(key, entry, known[key], now)), None)


def _holds(key: str, entry: Entry, article: KnownArticle, now: float) -> bool:
    """Whether a key that was found also means this article: weak keys need a second sign."""
    kind = key[0]
    if kind in "gusx":
        return True
    lead = _plain(entry.lead)
    same_lead = bool(lead) and lead == _plain(article.lead)
    same_time = entry.published is not None and entry.published == article.published_at
    if kind == "n":
        made_of_time = _UNIX.fullmatch(key.rpartition(":")[2])
        return same_lead or _alike(entry.title, article.title) or (same_time and not made_of_time)
    apart = abs((entry.published or now) - (article.published_at or article.seen_at))
    # a headline that returns each day with the same lead has another date each day
    both_dated = entry.published is not None and article.published_at is not None
    return same_time or (same_lead and apart <= (DAY // 2 if both_dated else TITLE_WINDOW))


def _known(article: KnownArticle, entry: Entry, keys: tuple[str, ...], now: float, feed_id: int) -> Known | Edited:
    foreign = feed_id and article.feed_id and feed_id != article.feed_id
    if foreign or fingerprint(entry) == article.fingerprint:
        return Known(article.id, entry, keys)
    since = now - article.edited_at if article.edited_at else None
    if since is not None and since < EDITS_APART:
        return Known(article.id, entry, keys, postponed=article.edits < EDITS_LIMIT)
    if since is not None and article.edits >= EDITS_LIMIT and since < EDITS_WINDOW:
        return Known(article.id, entry, keys)
    return Edited(article.id, entry, keys)


def _unknown(entry: Entry, keys: tuple[str, ...], fresh: float, now: float, newest: int) -> New | Old:
    """`newest` is the latest date around: where others are later, a date of months ago is true, else a broken clock.

    What came out before `fresh` is no news.
    """
    published = entry.published
    if published is not None and published < fresh and (published >= now - OLDEST or published < newest):
        return Old(entry, keys)
    believed = believable(published, now)
    return New(entry if believed == published else replace(entry, published=believed), keys)


def _number(link: str) -> str:
    """The last number of a link's path or query that looks like an article's id, "" without one."""
    found = [n for n in _NUMBER.findall(link.partition("//")[2].partition("/")[2]) if not _DATE.fullmatch(n)]
    return found[-1] if found else ""


def _has_page(link: str) -> bool:
    """Whether a canonical link leads further than to the front page."""
    return "/" in link.partition("//")[2] or "?" in link


def _alike(one: str, other: str) -> bool:
    """Whether two titles share a third of their words."""
    a, b = set(_words(one)), set(_words(other))
    return bool(a and b) and len(a & b) * 3 >= len(a | b)


def _host(host: str) -> str:
    return host.lower().removeprefix("www.")


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold().replace("ё", "е"))


def _plain(text: str) -> str:
    """A text for comparing: words only, so that quotes, dashes and spaces may change freely."""
    return " ".join(_words(text))


def _typed(text: str) -> str:
    """A text without the differences that a CMS makes by itself: spaces, quotes, dashes, soft hyphens."""
    text = unicodedata.normalize("NFC", text)
    for sign, usual in _TYPOGRAPHY:  # a long text with translate() takes ten times as long
        text = text.replace(sign, usual)
    return " ".join(text.split())


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()
