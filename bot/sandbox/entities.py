"""What Telegram finds by itself in a text, and which links it lets stand.

    text -> find_automatic -> [Entity]          mentions, hashtags, cashtags, commands, addresses, phones
    link -> check_link     -> the link in its canonical spelling, or TextError

Pure but for the names of top-level domains, package data read once (tlds.json; the parser said yes to each).
The rules are the official parser's (TDLib 1.8.69); the `oracle` test compares with it. Offsets and lengths
of an `Entity` are UTF-16 code units, as everywhere in the Bot API.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from itertools import takewhile
from pathlib import Path
from unicodedata import category

from .model import lowered

Found = tuple[int, int, str]  # first character, the one after the last, kind of entity

MAX_USER_ID = (1 << 40) - 1
SPLITTABLE = ("bold", "italic", "underline", "strikethrough", "spoiler")
_PRIORITY = {"blockquote": 0, "expandable_blockquote": 0, "pre": 11, "code": 20, "date_time": 30, "text_link": 49}
_PRIORITY |= {"text_mention": 49, "custom_emoji": 99} | {kind: 90 + i for i, kind in enumerate(SPLITTABLE)}


class TextError(Exception):
    """A text was refused; `description` is what follows "Bad Request: " in Telegram's answer."""

    def __init__(self, message: str) -> None:
        self.reason, self.description = message, lowered(message)
        super().__init__(self.description)


@dataclass(frozen=True, slots=True)
class Entity:
    """One marked range of a text: Bot API `MessageEntity`, offset and length in UTF-16 code units.

    Only the fields of its type are set: `url` (text_link), `language` (pre), `user_id` (text_mention),
    `custom_emoji_id` (custom_emoji), `unix_time` in seconds and `date_time_format` (date_time; "" is the
    clients' default).
    """

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    user_id: int | None = None
    custom_emoji_id: str | None = None
    unix_time: int | None = None
    date_time_format: str | None = None

    @property
    def end(self) -> int:
        """The offset just after the entity."""
        return self.offset + self.length

    def to_json(self, user: Mapping[str, object] | None = None) -> dict[str, object]:
        """The MessageEntity object; `user` is the User of a text_mention, a nameless one if not given."""
        result: dict[str, object] = {"offset": self.offset, "length": self.length, "type": self.type}
        for name in ("url", "language", "custom_emoji_id", "unix_time", "date_time_format"):
            if (value := getattr(self, name)) is not None:
                result[name] = value
        if self.user_id is not None:
            result["user"] = dict(user or {"id": self.user_id, "is_bot": False, "first_name": ""})
        return result


def utf16_length(text: str) -> int:
    """How many UTF-16 code units the text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def in_order(entities: Iterable[Entity]) -> list[Entity]:
    """Sorted by offset, the longer first, then by kind, as Telegram stores them."""

    def key(entity: Entity) -> tuple[int, int, int]:
        with_language = entity.type == "pre" and entity.language is not None
        return entity.offset, -entity.length, _PRIORITY.get(entity.type, 50) - with_language

    return sorted(entities, key=key)


def encode(text: str, what: str) -> bytes:
    """UTF-8; raises TextError, saying `what` is not, for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise TextError(f"{what} must be encoded in UTF-8") from None


# -- Links -------------------------------------------------------------------------------------------

_URL_HEAD = re.compile(r"(?:([^:/?#@\[\]]*)://)?([^/?#]*)", re.DOTALL)
_URL_SIGN = r"(?:[A-Za-z0-9._!$,~*'();&+=\u0080-\U0010ffff{}-]|%[0-9A-Fa-f]{{2}})*"
_URL_PARTS = {"host": re.compile(_URL_SIGN.format("")), "userinfo": re.compile(_URL_SIGN.format(":"))}
_OWN_SCHEME = re.compile(r"(tg|tonsite|ton):(?://)?", re.IGNORECASE | re.ASCII)


def ascii_lower(text: str) -> str:
    """Lower-cases A-Z only, as the parser does for schemes and hosts."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def to_integer(text: str, bits: int) -> int | None:
    """The signed integer of so many bits that `text` spells canonically (no +, spaces, leading zeros)."""
    value = int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else None
    return value if str(value) == text and value is not None and -1 << bits - 1 <= value < 1 << bits - 1 else None


def link_user_id(link: str) -> int | None:
    """The user that a `tg://user?id=N` link means, None for every other link."""
    found = re.match(r"tg:(?://)?user/?\?([^#]*)", ascii_lower(link), re.DOTALL)
    values = [part[3:] for part in found[1].split("&") if part.startswith("id=")] if found else []
    user_id = to_integer(values[0], 64) if values else None
    return user_id if user_id is not None and 0 < user_id <= MAX_USER_ID else None


def check_link(link: str) -> str:
    """The link as Telegram stores it: scheme added, host lower-cased, a bare host closed by a slash.

    Raises TextError whose `reason` is Telegram's bare reason ("Wrong HTTP URL"), for the caller to wrap.
    """
    own = _OWN_SCHEME.match(link)
    rest = link[own.end() :] if own else link
    scheme, user, host, port, query = _split_url(rest)
    if own is None:
        if "." not in host and not host.startswith("["):
            raise TextError("Wrong HTTP URL")
        return f"{scheme}://{user and user + '@'}{host}{port and ':' + port}{query}"
    kind = own[1].lower()
    if ascii_lower(rest[:7]) == "http://" or scheme == "https" or user or port or host.startswith("["):
        raise TextError("Wrong tg URL" if kind == "tg" else "Wrong ton URL")
    if not re.fullmatch(r"[a-z0-9_.-]*" if kind == "tonsite" else r"[a-z0-9_-]*", host):
        raise TextError("Unallowed characters in URL host")
    return f"{kind}://{host}{query[1:] if query.startswith('/?') else query}"


def _split_url(url: str) -> tuple[str, str, str, str, str]:
    """Scheme (http or https), user part, lower-case host, port ("" if none) and path with query."""
    head = _URL_HEAD.match(url)
    scheme, place = (head[1], head[2]) if head else (None, "")
    scheme = "http" if scheme is None else ascii_lower(scheme)
    if scheme not in ("http", "https"):
        raise TextError("Unsupported URL protocol")
    place, port = _split_port(place)
    user, _, host = place.rpartition("@")
    if host in ("", "."):
        raise TextError("Host is invalid" if host else "URL host is empty")
    if host.startswith("[") and host.endswith("]"):
        try:
            IPv6Address(host[1:-1].replace("%", "?"))  # no scope ids
        except AddressValueError:
            raise TextError("Wrong IPv6 address specified in the URL") from None
    else:
        _check_signs(host, "host")
        _check_signs(user, "userinfo")
    query = url[head.end() if head else 0 :].rstrip(" \t\r\n\0\v") or "/"
    query = re.sub(r"[\0- ]", lambda sign: f"%{ord(sign[0]):02X}", query)
    return scheme, user, ascii_lower(host), port, query if query.startswith("/") else "/" + query


def _split_port(place: str) -> tuple[str, str]:
    """`user@host` and the port of `user@host:port`, "" when none is given."""
    found = re.fullmatch(r"(.+):([^:\]@]*)", place, re.DOTALL)
    if found is None:
        return place, ""
    port = to_integer(found[2].lstrip("0"), 32) or 0
    if not 0 < port <= 65535:
        raise TextError("Wrong port number specified in the URL")
    return found[1], str(port)


def _check_signs(part: str, name: str) -> None:
    found = _URL_PARTS[name].match(part)
    wrong = part[found.end() if found else 0 :]
    if wrong:
        what = "Wrong percent-encoded symbol" if wrong[0] == "%" else "Disallowed character"
        raise TextError(f"{what} in URL {name}")


# -- Words with a sign -------------------------------------------------------------------------------

_NAME = "[A-Za-z0-9_]"
_SHORT_NAMES = "[Gg][Ii][Ff]|[Nn][Ff][Tt]|[Pp][Ii][Cc]|[Uu][Ff][Cc]|[Vv][Ii][Dd]"
_MENTION = re.compile(rf"(?<!\w)@(?:{_NAME}{{4,32}}|{_SHORT_NAMES})(?!\w)")
_COMMAND = re.compile(rf"(?<![\w/<>])/{_NAME}{{1,64}}(?:@{_NAME}{{3,32}}|(?!@))(?![\w/<>])")
_CASHTAG = re.compile(rf"\$(?>1INCH|[A-Z]{{1,8}}(?![A-Z]))(?:@{_NAME}{{3,32}}(?!{_NAME}))?+")
_TAG_RUN = re.compile("#([\\w\u200c\u00b7\u0d80-\u0dff]+)")
_TAG_CHAT = re.compile(f"@{_NAME}{{3,32}}")
# Telegram looks for phone numbers on its servers only, by rules nobody published: whole numbers in the
# international form are enough for a stand-in.
_PHONE = re.compile(r"(?<![\w+.,-])\+[1-9](?:[ ()-]{0,2}[0-9]){9,14}(?![\w-])", re.ASCII)
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo"})


def _is_tag_letter(sign: str) -> bool:
    # Sinhala counts whole, with its vowel signs; the middle dot and the joiner stand inside words.
    return sign in ("_", "\u200c", "\u00b7") or "\u0d80" <= sign <= "\u0dff" or category(sign) in {*_LETTERS, "Nd"}


def _hashtags(text: str) -> Iterator[Found]:
    for found in _TAG_RUN.finditer(text):
        start = found.start()
        tag = "".join(takewhile(_is_tag_letter, found[1]))
        end = start + 1 + len(tag)
        chat = _TAG_CHAT.match(text, end) if len(tag) <= 256 else None
        end = chat.end() if chat else end
        apart = not (start and _is_tag_letter(text[start - 1])) and text[end : end + 1] != "#"
        if apart and any(category(sign) in _LETTERS for sign in tag[:256]):
            yield start, end if chat else start + 1 + len(tag[:256]), "hashtag"


def _cashtags(text: str) -> Iterator[Found]:
    for found in _CASHTAG.finditer(text):
        start, end = found.span()
        around = text[max(start - 1, 0) : start] + text[end : end + 1]
        if not any(sign == "$" or _is_tag_letter(sign) for sign in around):
            yield start, end, "cashtag"


# -- Addresses ---------------------------------------------------------------------------------------

_GAPS = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NO_URL = " \u00a0\u1680\u2000-\u200b\u200e\u200f\u2016-\u206f\u3000"
_DOMAIN_SIGN = re.compile(rf"[^\0-,/:-@\[-^`{{-}}\x7f-\xbf{_NO_URL}]")
_DOMAIN = re.compile(rf"[^\0-,/:-?\[-^`{{-}}\x7f-\xbf{_NO_URL}]*")
_USER_SIGN = re.compile(rf"[^\n/\[\]{{}}()'`<>\"@«»{_NO_URL}]")
_PROTOCOL_SIGN = re.compile(rf"[^\0-*,./:-@\[-`{{-\x7f{_GAPS}]")
_PORT = re.compile(r":0*([1-9][0-9]{0,4})(?![0-9])")
_PATH = re.compile(rf"[/?#][^\n<>\"«»{_NO_URL}]*")
_PATH_TAIL = ".:;,('?!`"
# A slip of Telegram's own that readers would see: tonsite://name without a dot is marked from "ite://".
_OWN_URL = re.compile(r"(?:tg|ton|(?<=tons)ite)://[a-z0-9_-]{1,253}", re.IGNORECASE | re.ASCII)
_EMAIL = re.compile(
    r"(?:[A-Za-z0-9_-]{0,26}[.+]){0,10}[A-Za-z0-9_-]{1,35}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,28}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,8}"
)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_WITH_SCHEME = re.compile("(?:https?|ftp|tonsite)://", re.IGNORECASE | re.ASCII)


@functools.cache
def tlds() -> frozenset[str]:
    """The names after which a bare domain is an address, in lower case."""
    return frozenset(json.loads(Path(__file__).with_name("tlds.json").read_text("utf-8")))


def _back(text: str, position: int, low: int, sign: re.Pattern[str]) -> int:
    """Where the run of signs that ends at `position` begins, not before `low`."""
    while position > low and sign.match(text, position - 1):
        position -= 1
    return position


def _path_end(text: str, position: int) -> int:
    """The end of the path at `position`; a sentence's own punctuation at its end is no part of it."""
    path = _PATH.match(text, position)
    tail = path[0][1:].rstrip(_PATH_TAIL) if path else ""
    return position + 1 + len(tail) if tail or (path and path[0][0] == "/") else position


def _own_urls(text: str) -> Iterator[Found]:
    end = 0
    while found := _OWN_URL.search(text, end):
        end = _path_end(text, found.end())
        yield found.start(), end, "url"


def _addresses(text: str) -> Iterator[Found]:
    """Addresses around a dot; each look back ends where the last one found something."""
    low = 0
    while 0 <= (dot := text.find(".", low)) < len(text) - 1:
        if text[dot + 1] == " ":
            low = dot + 2
            continue
        begin, end, good = _around(text, dot, low)
        start = begin + 7 if text.startswith("mailto:", begin) else begin
        if not good:
            end = text.rindex(".", 0, end) + 1
        elif _EMAIL.fullmatch(text, start, end):
            yield start, end, "email"
        elif end > dot + 1 and (length := _url_length(text[begin:end])):
            yield begin, begin + length, "url"
        while good and text[end : end + 1] == ".":
            end += 1
        low = max(end, dot + 1)


def _around(text: str, dot: int, low: int) -> tuple[int, int, bool]:
    """What has the outer form of an address, and whether the text before it allows one."""
    domain = _DOMAIN.match(text, dot)
    end = domain.end() if domain else dot
    with_user = "@" in text[dot:end]
    port = _PORT.match(text, end)
    end = _path_end(text, port.end() if port and int(port[1]) <= 65535 else end)
    while end > dot + 1 and text[end - 1] == ".":
        end -= 1
    begin = _back(text, dot, low, _DOMAIN_SIGN)
    begin = _back(text, begin, low, _USER_SIGN) if with_user else begin
    good = True
    if begin > low and text[begin - 1] == "@":
        user = _back(text, begin - 1, low, _USER_SIGN)
        good = not with_user and user < begin - 1
        begin = user
    scheme = _scheme_before(text, begin, low) if begin > low else ""
    return begin - len(scheme or ""), end, good and scheme is not None


def _scheme_before(text: str, begin: int, low: int) -> str | None:
    """The scheme with its `://` right before an address, "" if it needs none, None if it spoils it."""
    if not text[low:begin].endswith("://"):
        return None if re.match(r"[\w/#@]", text[begin - 1]) else ""
    protocol = ascii_lower(text[_back(text, begin - 3, low, _PROTOCOL_SIGN) : begin - 3])
    found = re.search("(?:https?|ftp|tonsite)$", protocol)
    return found[0] + "://" if found and protocol not in ("shttp", "tftp", "sftp") else None


def _url_length(url: str) -> int:
    """How much of a raw address Telegram marks; 0 when its host cannot be one."""
    scheme = _WITH_SCHEME.match(url)
    rest = url[scheme.end() :] if scheme else url
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    host = place.split("@", 1)[-1].rsplit(":", 1)[0]
    path = rest[len(place) :]
    return len(url) - len(path) + _balanced(path) if _good_host(host, bool(scheme)) else 0


def _balanced(path: str) -> int:
    """The length of the path up to a bracket that closes nothing, without a sentence's punctuation."""
    opened = {")": 0, "]": 0, "}": 0}
    for position, sign in enumerate(path):
        if sign in "([{":
            opened[")]}"["([{".index(sign)]] += 1
        elif sign in opened:
            opened[sign] -= 1
            if opened[sign] < 0:
                path = path[:position]
                break
    return len(path.rstrip(_PATH_TAIL))


def _good_host(host: str, with_scheme: bool) -> bool:
    labels = host.split(".")
    # teiegram.org, a look-alike used by swindlers, is never made a link.
    if len(labels) < 2 or host.lower() == "teiegram.org":
        return False
    if any(not 0 < len(label.encode()) < 64 or label.endswith("-") for label in labels):
        return False
    if _IPV4.fullmatch(host):
        return True
    tld, lower = labels[-1], labels[-1].lower()
    if "_" in labels[-2] or re.fullmatch("[0-9.]*", host):
        return False
    if tld.startswith("xn--"):
        return re.fullmatch("[A-Za-z0-9]{2,}", tld[4:]) is not None
    # "слово.Рф" is a forgotten space between sentences, "СЛОВО.РФ" an address.
    known = lower in tlds() and (tld == lower or tld[1:] != lower[1:])
    return len(tld) > 1 and not {"_", "-"} & set(tld) and (with_scheme or known)


# -- All together ------------------------------------------------------------------------------------


def find_automatic(text: str) -> list[Entity]:
    """What Telegram marks by itself in a cleaned text: sorted, without overlaps (the earlier, then the
    longer one wins; a phone number yields to everything)."""
    found = [*_hashtags(text), *_cashtags(text), *_own_urls(text), *_addresses(text)]
    for kind, pattern in (("mention", _MENTION), ("bot_command", _COMMAND)):
        found += [(*match.span(), kind) for match in pattern.finditer(text)]
    kept: list[Found] = []
    for span in sorted(found, key=lambda span: (span[0], -span[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    for start, end in (match.span() for match in _PHONE.finditer(text)):
        if all(end <= left or right <= start for left, right, _ in kept):
            kept.append((start, end, "phone_number"))
    return [Entity(kind, utf16_length(text[:a]), utf16_length(text[a:b])) for a, b, kind in sorted(kept)]
