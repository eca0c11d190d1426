"""From the bytes of a feed to clean UTF-8, whatever the feed says about itself. Pure.

Feeds lie about their encoding in both directions, and one bad byte must not turn a whole page into mojibake. The
order here: byte order mark, strict UTF-8 over every declaration, UTF-8 with a few bytes repaired, the prolog,
the HTTP charset, a guess among Cyrillic code pages. An `override` of the configuration goes before them all.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from bot.domain.errors import FeedError

LONGEST_TAG = 65_536
"""Bytes of one tag; thousands of attributes on one tag cost the parser quadratic time."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_HIGH = bytes(range(128, 256))
_CONTROL = bytes(c for c in range(32) if c not in b"\t\n\r")
_DECLARATION = re.compile(rb"<\?xml\b[^<>]*>")
_DECLARED = re.compile(rb"""encoding\s*=\s*["']?([\w.:-]+)""", re.I)
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.I)
_START = re.compile(rb"<\?xml\b|<(?:[\w.-]+:)?(?:rss|feed|rdf)\b", re.I)
_HTML = re.compile(rb"<html\b|<!doctype\s+html", re.I)
_ROOT = re.compile(rb"<([A-Za-z_][\w:.-]*)")
_ASIDE = re.compile(rb"[^<]*(?:<!--.*?-->|<\?.*?\?>)", re.S)
_DOCTYPE = re.compile(rb"<!doctype", re.I)
_QUOTED = rb""""[^"]*+"|'[^']*+'"""
_WHOLE_DOCTYPE = re.compile(
    rb"(?is)<!doctype(?:[^\[>\"']|" + _QUOTED + rb")*+"
    rb"(?:\[(?:[^\]\"'<]|" + _QUOTED + rb"|<!--.*?-->|<)*+\]\s*+)?>"
)
_WALL = re.compile(
    rb"cf-chl|challenge-platform|just a moment|ddos-guard|__ddg|qrator|servicepipe|captcha|checking your browser"
    rb"|enable javascript",
    re.I,
)
MOST_ATTRIBUTES = 512
"""Expat's time grows with the square of the attributes of one tag: 6,500 of them take half a second."""

_LONG = re.compile(rb"<[A-Za-z_:][^<]{%d}" % LONGEST_TAG)
_MANY = re.compile(rb"<[A-Za-z_:][^<>]{2048}[^<>]*")
_TAG = re.compile(rb"<(?:[^<>\"']|" + _QUOTED + rb")*+>")
_REFERENCE = re.compile(rb"&#(?:x([0-9a-f]{1,12})|([0-9]{1,12}));", re.I)
_ENDLESS = re.compile(rb"&#x?[0-9a-f]{13,};?", re.I)
_CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5")
_FREQUENT = frozenset("оеаинтсрвлкмдпу")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A feed in UTF-8: its prolog says so, it has no DOCTYPE, no control characters and no endless tag.

    `encoding` is what the bytes were in, `repaired` how many replacement characters (U+FFFD) had to be put in,
    `prolog` the XML declaration as it came, empty when there was none.
    """

    text_bytes: bytes
    encoding: str
    repaired: int
    prolog: bytes


def decode(body: bytes, *, content_type: str = "", override: str = "") -> Decoded:
    """Turn a feed's body into UTF-8. `content_type` is the HTTP header, `override` the configured encoding.

    Raises FeedError("parse") for a DOCTYPE without an end, and for a tag longer than `LONGEST_TAG` or with more than
    `MOST_ATTRIBUTES`.
    """
    utf8, encoding, repaired = _to_utf8(body, content_type, override)
    text = _legal(utf8.translate(None, _CONTROL))
    if is_json(text):
        return Decoded(text, encoding, repaired, b"")
    text = _from_start(text)
    found = _DECLARATION.match(text)
    prolog = found.group() if found else b""
    if found:
        text = b'<?xml version="1.0" encoding="utf-8"?>' + text[found.end() :]
    text = _without_doctype(text)
    _refuse_long_tags(text)
    return Decoded(text, encoding, repaired, prolog)


def root(text: bytes) -> bytes:
    """The name of the document's first tag, empty without one: what stands in comments is none."""
    found = _ROOT.search(text, _beginning(text))
    return found[1] if found else b""


def _beginning(text: bytes) -> int:
    """Where comments and processing instructions in front end."""
    start = 0
    while aside := _ASIDE.match(text, start):
        start = aside.end()
    return start


def is_wall(page: bytes) -> bool:
    """Whether a page asks for a browser, or for a human being."""
    return bool(_WALL.search(page[:200_000]))


def is_json(text: bytes) -> bool:
    """Whether a document can only be JSON, whatever stands in its strings."""
    return text[:1_000].lstrip()[:1] == b"{"


def _to_utf8(body: bytes, content_type: str, override: str) -> tuple[bytes, str, int]:
    """The body in UTF-8, the name of its encoding, the number of characters replaced."""
    bom = next(((mark, name) for mark, name in _BOMS if body.startswith(mark)), None)
    if override and (known := _codec(override)):
        return _convert(body[len(bom[0]) :] if bom and bom[1] == known else body, known)
    if bom:
        return _convert(body[len(bom[0]) :], bom[1])
    if wide := next((name for mark, name in _WIDE if body.startswith(mark)), ""):
        return _convert(body, wide)
    try:
        body.decode()
    except UnicodeDecodeError:
        return _not_quite_utf8(body, _names(body, content_type))
    return body, "utf-8", 0


def _names(body: bytes, content_type: str) -> list[str]:
    """The encodings that prolog and HTTP header claim, in this order, as far as they exist."""
    declaration = _DECLARATION.search(body[:4096])
    claimed = _DECLARED.search(declaration.group()) if declaration else None
    charset = _CHARSET.search(content_type)
    names = [claimed.group(1).decode("ascii", "replace") if claimed else "", charset.group(1) if charset else ""]
    return [codec for name in names if (codec := _codec(name))]


def _codec(name: str) -> str:
    """Python's own name of a text encoding, "" when there is none such."""
    try:
        return codecs.lookup(name).name if name and "".encode(name) is not None else ""
    except (LookupError, UnicodeError, ValueError):
        return ""


def _not_quite_utf8(body: bytes, names: list[str]) -> tuple[bytes, str, int]:
    high = len(body) - len(body.translate(None, _HIGH))
    repaired = _convert(body, "utf-8")
    # A code page read as UTF-8 is broken nearly everywhere; a UTF-8 feed with some broken bytes is not. Short
    # feeds have few high bytes, so one that says it is UTF-8 may be broken in more of them.
    allowed = 0.25 if "utf-8" in names else 0.02
    if repaired[2] < allowed * high:
        return repaired
    claimed = next((name for name in names if not name.startswith(("utf", "ascii"))), "")
    return _convert(body, claimed or _guess(body))


def _convert(body: bytes, encoding: str) -> tuple[bytes, str, int]:
    text = body.decode(encoding, "replace")
    before = body.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0
    return text.encode("utf-8", "replace"), encoding, text.count("\ufffd") - before


def _guess(body: bytes) -> str:
    """The code page in which the text reads most like Cyrillic; cp1252 when high bytes stand alone in words."""
    runs = re.findall(rb"[\x80-\xff]+", body[:262_144])
    if sum(len(run) for run in runs if len(run) > 1) * 2 < sum(map(len, runs)):
        return "cp1252"
    sample = b" ".join(runs)
    return max(_CYRILLIC, key=lambda name: sum(c in _FREQUENT for c in sample.decode(name, "replace")))


def _legal(text: bytes) -> bytes:
    """Replace references to code points that no XML may hold; feedparser dies of some of them."""
    if b"&#" not in text:
        return text
    return _REFERENCE.sub(_legal_reference, _ENDLESS.sub(b"\xef\xbf\xbd", text))


def _legal_reference(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] else int(match[2])
    legal = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF
    return match[0] if legal else b"\xef\xbf\xbd"


def _from_start(text: bytes) -> bytes:
    """Cut blank lines and warnings of the server in front of the document."""
    found = _START.search(text, 0, 65_536)
    if not found or not found.start():
        return text.lstrip()
    junk = text[: found.start()]
    return text if _HTML.search(junk) or b"<!DOCTYPE" in junk or b"<!--" in junk else text[found.start() :]


def _without_doctype(text: bytes) -> bytes:
    """Cut the DOCTYPE: entities declared there are only ever an attack or those of HTML."""
    start = _beginning(text)
    first = _ROOT.search(text, start)
    found = _DOCTYPE.search(text, start, first.start() if first else len(text))
    if not found:
        return text
    whole = _WHOLE_DOCTYPE.match(text, found.start())
    if not whole:
        raise FeedError("parse", "the DOCTYPE has no end")
    return text[: found.start()] + text[whole.end() :]


def _refuse_long_tags(text: bytes) -> None:
    """Refuse a tag longer than `LONGEST_TAG`; inside CDATA it is text (pictures as data: links) and may stay."""
    for found in _LONG.finditer(text) if len(text) > LONGEST_TAG else ():
        at = found.start()
        if text.rfind(b"<![CDATA[", 0, at) > text.rfind(b"]]>", 0, at):
            continue
        tag = _TAG.match(text, at)
        if not tag or tag.end() - at > LONGEST_TAG:
            raise FeedError("parse", f"a tag of more than {LONGEST_TAG} bytes")
    for found in _MANY.finditer(text) if text.count(b"=") > MOST_ATTRIBUTES else ():
        if found.group().count(b"=") > MOST_ATTRIBUTES:
            raise FeedError("parse", f"a tag of more than {MOST_ATTRIBUTES} attributes")
