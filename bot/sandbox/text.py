"""A text on its way into a message, as Telegram takes it.

    raw text -> parse_html | entities JSON -> finish (normalise -> automatic entities -> caps -> length)

Pure. `parse_html` works on UTF-8 bytes because its errors count bytes; everything after it counts
UTF-16 units in entities and code points in limits. The official parser is the judge (`oracle` test).
Knowing differences: Markdown is refused, bank card numbers are not looked for (bots never see them),
phone numbers are found in the international form only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bot.sandbox.entities import (
    MAX_USER_ID,
    Entity,
    TextError,
    check_link,
    find_automatic,
    link_user_id,
    to_integer,
    utf16_length,
)

__all__ = ["Entity", "TextError", "check_link", "finish", "format_text", "normalise", "parse_html"]

MAX_RAW_BYTES = 32768
MAX_USER_ENTITIES = 100

_SPLITTABLE = ("bold", "italic", "underline", "strikethrough", "spoiler")
_QUOTES = ("blockquote", "expandable_blockquote")
_CLOSED = ("code", "pre", "date_time")  # nothing else lives inside these
_AUTOMATIC = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")
_PRIORITY = {"blockquote": 0, "expandable_blockquote": 0, "pre": 11, "code": 20, "date_time": 30, "text_link": 49}
_PRIORITY |= {"text_mention": 49, "custom_emoji": 99} | {kind: 90 + i for i, kind in enumerate(_SPLITTABLE)}


# -- HTML --------------------------------------------------------------------------------------------

_TAGS = {"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline"}
_TAGS |= {"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler"}
_TAGS |= {"span": "spoiler", "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote"}
_TAGS |= {"tg-emoji": "custom_emoji", "tg-time": "date_time"}

_TEXT = re.compile(rb"[^&<]+")
_SPACE = re.compile(rb"[ \t\r\n\v]*")
_TAG_NAME = re.compile(rb"[^ \t\r\n\0\v>]*")
_ATTRIBUTE = re.compile(rb"[^ \t\r\n\0\v=>/\"']*")
_TOKEN = re.compile(rb"[A-Za-z0-9.-]*")
_REFERENCE = re.compile(rb"&(?:#(?:x([0-9A-Fa-f]*)|([0-9]*))|([A-Za-z]*))")
_NAMED = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"'}


def parse_html(text: str) -> tuple[str, list[Entity]]:
    """The text without its tags and the entities they stood for, neither cleaned nor merged.

    Raises TextError `can't parse entities: ... at byte offset N`, N counting UTF-8 bytes of `text`.
    """
    return _Html(_encode(text, "Text")).run()


def _encode(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise TextError(f"{what} must be encoded in UTF-8") from None


def _bad(reason: str) -> TextError:
    return TextError(f"Can't parse entities: {reason}")


@dataclass(slots=True)
class _Open:
    """A start tag waiting for its end; `offset` in UTF-16 units, `position` in bytes of the result."""

    tag: str
    offset: int
    position: int
    argument: str = ""
    date: int = 0


class _Html:
    """One reading of one text; `at` is the byte under the eye, `offset` the UTF-16 units written."""

    def __init__(self, data: bytes) -> None:
        self.data = data + b"\0"  # NUL ends whatever is being read, in mid-text too, as in the original
        self.at = 0
        self.out = bytearray()
        self.offset = 0
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    def run(self) -> tuple[str, list[Entity]]:
        """Reads everything; the entities come sorted."""
        while self.at < len(self.data) - 1:
            self._step()
        if self.open:
            raise _bad(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        plain = [replace(entity, language=None) if entity.type == "code" else entity for entity in self.entities]
        try:
            return self.out.decode(), _sorted(plain)
        except UnicodeDecodeError:
            reason = "Text contains invalid Unicode characters after decoding HTML entities, "
            raise _bad(reason + "check for unmatched surrogate code units") from None

    def _step(self) -> None:
        begin = self.at
        if self.data[begin : begin + 2] == b"</":
            self._end_tag(begin)
        elif self.data[begin] == ord("<"):
            self._start_tag(begin)
        else:
            run = self._reference() or self._take(_TEXT) or self.data[begin : begin + 1]
            self.at = max(self.at, begin + 1)
            self.out += run
            self.offset += utf16_length(run.decode("utf-8", "surrogatepass"))

    def _take(self, pattern: re.Pattern[bytes]) -> bytes:
        found = pattern.match(self.data, self.at, len(self.data) - 1)
        self.at = found.end() if found else self.at
        return found[0] if found else b""

    def _reference(self) -> bytes:
        """The character a reference at `at` stands for; nothing, and no step, if it stands for none."""
        found = _REFERENCE.match(self.data, self.at)
        if found is None:
            return b""
        if found[3] is not None:
            char = _NAMED.get(found[3], b"")
        else:
            digits, base = (found[1], 16) if found[1] is not None else (found[2], 10)
            code = int(digits or b"0", base) if len(found[0]) < 10 else 0
            char = chr(code).encode("utf-8", "surrogatepass") if 0 < code < 0x10FFFF else b""
        if char:
            self.at = found.end() + (self.data[found.end()] == ord(";"))
        return char

    def _start_tag(self, begin: int) -> None:
        self.at += 1
        tag = self._take(_TAG_NAME).lower().decode()
        if self.data[self.at] == 0:
            raise _bad(f"Unclosed start tag at byte offset {begin}")
        if tag not in _TAGS:
            raise _bad(f'Unsupported start tag "{tag}" at byte offset {begin}')
        opened = _Open(tag, self.offset, len(self.out))
        self._take(_SPACE)
        while self.data[self.at] != ord(">"):
            self._attribute(opened, begin)
            self._take(_SPACE)
        self.at += 1
        if tag == "span" and opened.argument != "spoiler":
            raise _bad(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.open.append(opened)

    def _attribute(self, opened: _Open, begin: int) -> None:
        name = self._take(_ATTRIBUTE)
        if not name:
            raise _bad(f'Empty attribute name in the tag "{opened.tag}" at byte offset {begin}')
        self._take(_SPACE)
        value = b""
        with_value = self.data[self.at] == ord("=")
        if with_value:
            self.at += 1
            self._take(_SPACE)
        if self.data[self.at] == 0:
            raise _bad(f'Unclosed start tag "{opened.tag}" at byte offset {begin}')
        if with_value:
            value = self._value()
            if self.data[self.at] == 0:
                raise _bad(f"Unclosed start tag at byte offset {begin}")
        if with_value or name == b"expandable":
            _note(opened, name, value.decode("utf-8", "surrogatepass"))

    def _value(self) -> bytes:
        quote = self.data[self.at : self.at + 1]
        if quote not in (b"'", b'"'):
            begin = self.at
            token = self._take(_TOKEN).lower()
            if self.data[self.at] not in b" \t\r\n\0\v>":
                raise _bad(f"Unexpected end of name token at byte offset {begin}")
            return token
        self.at += 1
        value = bytearray()
        while (sign := self.data[self.at : self.at + 1]) not in (quote, b"\0"):
            char = self._reference()
            value += char or sign
            self.at += not char
        self.at += sign == quote
        return bytes(value)

    def _end_tag(self, begin: int) -> None:
        if not self.open:
            raise _bad(f"Unexpected end tag at byte offset {begin}")
        self.at += 2
        found = self._take(_TAG_NAME).lower().decode()
        self._take(_SPACE)
        if self.data[self.at] != ord(">"):
            raise _bad(f"Unclosed end tag at byte offset {begin}")
        self.at += 1
        opened = self.open.pop()
        if found and found != opened.tag:
            expected = f'expected "</{opened.tag}>", found "</{found}>"'
            raise _bad(f"Unmatched end tag at byte offset {begin}, {expected}")
        if self.offset > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        """Adds what a non-empty element stands for, perhaps nothing."""
        entity = Entity(_TAGS[opened.tag], opened.offset, self.offset - opened.offset)
        last = self.entities[-1] if self.entities else None
        inside = last if last and (last.offset, last.length) == (entity.offset, entity.length) else None
        argument = opened.argument
        match entity.type:
            case "text_link":
                link = argument or self.out[opened.position :].decode("utf-8", "surrogatepass")
                self.entities += _linked(entity, link)
            case "custom_emoji":
                if not to_integer(argument, 64):
                    raise _bad("Invalid custom emoji identifier specified")
                self.entities.append(replace(entity, custom_emoji_id=argument))
            case "date_time":
                self.entities += _dated(entity, opened)
            case "pre" if inside and inside.type == "code" and inside.language:
                self.entities[-1] = replace(inside, type="pre")
            case "code" if inside and inside.type == "pre" and not inside.language and argument:
                self.entities[-1] = replace(inside, language=argument)
            case "code":
                self.entities.append(replace(entity, language=argument))
            case "blockquote":
                self.entities.append(replace(entity, type="expandable_blockquote") if argument else entity)
            case _:
                self.entities.append(entity)


def _note(opened: _Open, name: bytes, value: str) -> None:
    """Keeps an attribute that means something to its tag; the last of a name wins."""
    match opened.tag, name:
        case ("a", b"href") | ("tg-emoji", b"emoji-id") | ("tg-time", b"format"):
            opened.argument = value
        case ("code", b"class") if value.startswith("language-"):
            opened.argument = value.removeprefix("language-")
        case ("span", b"class") if value.startswith("tg-"):
            opened.argument = value.removeprefix("tg-")
        case ("blockquote", b"expandable"):
            opened.argument = "1"
        case ("tg-time", b"unix"):
            opened.date = _wrapped(value)


def _wrapped(value: str) -> int:
    """The leading integer of the value as a 32-bit machine overflows it; 0 for garbage."""
    found = re.match("(-?)0*([0-9]*)", value)
    number = 0
    for digit in found[2] if found else "":
        number = (number * 10 + int(digit)) % (1 << 32)
    number = -number if found and found[1] else number
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def _linked(entity: Entity, link: str) -> list[Entity]:
    """The link or the mention that a link means; nothing when Telegram would not follow it."""
    user_id = link_user_id(link)
    if user_id is not None:
        return [replace(entity, type="text_mention", user_id=user_id)]
    try:
        return [replace(entity, url=check_link(link))]
    except TextError:
        return []


def _dated(entity: Entity, opened: _Open) -> list[Entity]:
    if opened.argument.strip("tTdDwW") and opened.argument not in ("r", "R"):
        raise _bad("Invalid date format used")
    kinds = [next((sign for sign in pair if sign in opened.argument), "") for pair in ("dD", "tT")]
    dated = replace(entity, unix_time=opened.date, date_time_format=_date_format(opened.argument, *kinds))
    return [dated] if opened.date > 0 else []


def _date_format(given: str, date: str, time: str) -> str:
    """The format in Telegram's own spelling."""
    return "r" if given in ("r", "R") else ("w" if {"w", "W"} & set(given) else "") + date + time


# -- Order among entities ----------------------------------------------------------------------------


def _sorted(entities: Iterable[Entity]) -> list[Entity]:
    """By offset, the longer first, then by kind."""

    def key(entity: Entity) -> tuple[int, int, int]:
        with_language = entity.type == "pre" and entity.language is not None
        return entity.offset, -entity.length, _PRIORITY.get(entity.type, 50) - with_language

    return sorted(entities, key=key)


def _without_overlaps(entities: Iterable[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    for entity in entities:
        if not kept or entity.offset >= kept[-1].end:
            kept.append(entity)
    return kept


def _spares_quotes(entity: Entity, quotes: list[Entity]) -> bool:
    """Whether the entity lies within a quote or apart from all of them."""
    quote = next((quote for quote in quotes if quote.end > entity.offset), None)
    return quote is None or quote.offset >= entity.end or (quote.offset <= entity.offset and entity.end <= quote.end)


def _apart(entities: Iterable[Entity]) -> tuple[list[Entity], list[Entity], list[Entity]]:
    """Splittable ones, quotes, and the others, which are continuous."""
    parts: tuple[list[Entity], list[Entity], list[Entity]] = ([], [], [])
    for entity in entities:
        parts[0 if entity.type in _SPLITTABLE else 1 if entity.type in _QUOTES else 2].append(entity)
    return parts


def _arranged(entities: Iterable[Entity]) -> list[Entity]:
    """Nested and merged as Telegram does: the earlier, then the longer of two clashing ones wins."""
    splittable, quotes, continuous = _apart(_sorted(entities))
    quotes = _without_overlaps(quotes)
    continuous = [entity for entity in _without_overlaps(continuous) if _spares_quotes(entity, quotes)]
    return _resplit(splittable, _sorted(continuous + quotes))


def _with_automatic(entities: list[Entity], found: list[Entity]) -> list[Entity]:
    """Adds what was found in the text wherever no entity of the sender's stands in its way."""
    splittable, quotes, continuous = _apart(entities)
    for entity in found:
        apart = all(entity.end <= other.offset or other.end <= entity.offset for other in continuous)
        if apart and _spares_quotes(entity, quotes):
            continuous.append(entity)
    return _resplit(splittable, _sorted(continuous + quotes))


def _resplit(splittable: list[Entity], others: list[Entity]) -> list[Entity]:
    return _sorted([*others, *_Splitter(splittable).split(others)])


class _Splitter:
    """Merges touching entities of one splittable kind and cuts them where others begin and end."""

    def __init__(self, entities: list[Entity]) -> None:
        self.waiting = entities[::-1]
        self.begin = dict.fromkeys(_SPLITTABLE, 0)
        self.end = dict.fromkeys(_SPLITTABLE, 0)
        self.result: list[Entity] = []

    def split(self, others: list[Entity]) -> list[Entity]:
        """The pieces; those within code, pre and date_time are lost."""
        around: list[Entity] = []
        for offset, other in [*((other.offset, other) for other in others), (1 << 31, None)]:
            while around and offset >= around[-1].end:
                before = len(self.result)
                closed = around.pop()
                self._advance(closed.end)
                if closed.type in _CLOSED:
                    del self.result[before:]
            self._advance(offset)
            if other is not None:
                around.append(other)
        return self.result

    def _advance(self, offset: int) -> None:
        while self.waiting and self.waiting[-1].offset < offset:
            entity = self.waiting.pop()
            if 0 < self.end[entity.type] >= entity.offset:
                self.end[entity.type] = max(self.end[entity.type], entity.end)
            else:
                self._cut(entity.offset)
                self.begin[entity.type], self.end[entity.type] = entity.offset, entity.end
        self._cut(offset)

    def _cut(self, offset: int) -> None:
        for kind in _SPLITTABLE:
            begin, end = self.begin[kind], self.end[kind]
            if end and begin < offset:
                self.result.append(Entity(kind, begin, min(end, offset) - begin))
                self.begin[kind], self.end[kind] = (0, 0) if end <= offset else (offset, end)


# -- Cleaning ----------------------------------------------------------------------------------------

_CONTROLS = {code: " " for code in range(32) if code not in (10, 13)}
_REMOVED = (13, *range(0x2028, 0x202F), 0x30A, 0x333, 0x33F)
_CLEAN: dict[int, str | None] = {**_CONTROLS, **dict.fromkeys(_REMOVED)}
_MARKS = re.compile("[\u200e\u200f]+(?=[\u200e\u200f])")
_BLANK = " \n\u00a0\u1680\u180e\u2000-\u200f\u202e\u202f\u205f\u2800\u3000\ufeff\ufffc\U000e0000-\U000e007f"
_ALL_BLANK = re.compile(f"[{_BLANK}\t\r\0\v]*")


def _cleaned(text: str) -> str:
    """Without control characters, line separators, direction overrides and stacked direction marks."""
    return _MARKS.sub(lambda run: "\u200c" * len(run[0]), text.translate(_CLEAN))


def normalise(text: str, entities: Iterable[Entity], *, trim: bool) -> tuple[str, list[Entity]]:
    """Cleans the text and arranges the entities; `trim` takes the white space off the ends too.

    A text of white space alone becomes "". Raises TextError for an entity that does not fit the text.
    """
    raw = _encode(text, "Strings").decode()
    given = [_reread(entity) for entity in entities]
    for entity in given:
        for name, value in (("offset", entity.offset), ("length", entity.length)):
            if not 0 <= value <= 1_000_000:
                raise TextError(f"Receive an entity with incorrect {name} {value}")
    arranged = _moved(raw, _arranged(entity for entity in given if entity.length))
    clean = _cleaned(raw)
    if not clean.strip(" \n"):
        return "", []
    fixed = _arranged(entity for entity in arranged if entity.length)
    return _trimmed(clean, fixed) if trim else (clean, fixed)


def _reread(entity: Entity) -> Entity:
    """Checks what an entity carries once more, as its second reader does."""
    if entity.type == "pre" and entity.language is not None:
        _encode(entity.language, "MessageEntityPreCode.language")
        return replace(entity, language=_cleaned(entity.language))
    if entity.type == "custom_emoji" and entity.custom_emoji_id == "0":
        raise TextError("Invalid custom emoji identifier specified")
    if entity.type == "date_time" and (entity.unix_time or 0) <= 0:
        raise TextError("Invalid date specified")
    if entity.type == "text_mention" and not 0 < (entity.user_id or 0) <= MAX_USER_ID:
        return replace(entity, length=0)
    if entity.type != "text_link":
        return entity
    _encode(entity.url or "", "MessageEntityTextUrl.url")
    url = _cleaned(entity.url or "")
    try:
        user_id = link_user_id(url)
        if user_id is not None:
            return replace(entity, type="text_mention", url=None, user_id=user_id)
        return replace(entity, url=check_link(url))
    except TextError as error:
        raise TextError(f"Entity URL '{url}' is invalid: {error.reason}") from None


def _moved(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities where their characters stand once the removed ones are gone."""
    places: list[int | None] = []
    size = 0
    for sign in text:
        places += [size, None] if sign > "\uffff" else [size]
        size += 0 if ord(sign) in _REMOVED else 2 if sign > "\uffff" else 1
    places.append(size)
    _check_fit(text, entities, places)
    starts = [places[entity.offset] or 0 for entity in entities]
    ends = [places[entity.end] or 0 for entity in entities]
    return [replace(e, offset=a, length=b - a) for e, a, b in zip(entities, starts, ends, strict=True)]


def _check_fit(text: str, entities: list[Entity], places: list[int | None]) -> None:
    """Raises TextError for the entity whose misfit a reader of the text meets first."""
    last = len(places) - 1
    faults: list[tuple[int, int, int, str]] = []
    for number, entity in enumerate(entities):
        begin = f"Entity beginning at UTF-16 offset {entity.offset} ends"
        if entity.offset > last:
            message = f"Entity begins after the end of the text at UTF-16 offset {entity.offset}"
            faults.append((last + 1, 0, number, message))
        elif places[entity.offset] is None:
            faults.append((entity.offset, 1, number, f"Entity begins{_middle(text, entity.offset)}"))
        if entity.end > last:
            message = f"{begin} after the end of the text at UTF-16 offset {entity.end}"
            faults.append((last + 1, 1, -number, message))
        elif places[entity.end] is None:
            faults.append((entity.end, 0, -number, begin + _middle(text, entity.end)))
    if faults:
        raise TextError(min(faults)[3])


def _middle(text: str, unit: int) -> str:
    before = text.encode("utf-16-le")[: (unit + 1) * 2].decode("utf-16-le")
    return f" in a middle of a UTF-16 symbol at byte offset {len(before.encode())}"


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at the end, and at the beginning up to the first entity."""
    text = text.rstrip(" \n")
    size = utf16_length(text)
    cut = _sorted(replace(e, length=min(e.end, size) - e.offset) for e in entities if e.offset < size)
    first = cut[0].offset if cut else len(text)
    spaces = min(len(text) - len(text.lstrip(" \n")), first)
    return text[spaces:], [replace(entity, offset=entity.offset - spaces) for entity in cut]


# -- The whole road ----------------------------------------------------------------------------------


def finish(
    text: str, entities: Iterable[Entity], *, limit: int, what: Literal["message", "message caption"]
) -> tuple[str, list[Entity]]:
    """The text and entities as they are stored: trimmed, with automatic entities, capped.

    `limit` counts code points. Raises TextError for a message without text ("text must be non-empty";
    a caption may be empty), one that is too long, and for entities that do not fit.
    """
    clean, fixed = normalise(text, entities, trim=True)
    if what == "message" and _ALL_BLANK.fullmatch(clean):
        raise TextError("Text must be non-empty")
    if len(clean) > limit:
        raise TextError(f"{what} is too long")
    return clean, _capped(_with_automatic(fixed, find_automatic(clean)))


def _capped(entities: list[Entity]) -> list[Entity]:
    """At most 100 of the sender's: links, code, quotes first, then the others; the rest is dropped.

    Custom emoji and what Telegram finds itself are free (TDLib, get_input_message_entities).
    """
    if len(entities) <= MAX_USER_ENTITIES:
        return entities
    splittable, quotes, continuous = _apart(entities)
    free = [entity for entity in continuous if entity.type in (*_AUTOMATIC, "custom_emoji")]
    counted = [entity for entity in _sorted(continuous + quotes) if entity not in free][:MAX_USER_ENTITIES]
    merged = _Splitter(splittable).split([])[: MAX_USER_ENTITIES - len(counted)]
    return _resplit(merged, _sorted(free + counted))


def format_text(
    text: str,
    *,
    parse_mode: str | None,
    entities: object | None,
    limit: int,
    what: Literal["message", "message caption"],
) -> tuple[str, list[Entity]]:
    """What sendMessage or a caption makes of its arguments; `entities` is a JSON string or decoded JSON.

    Raises TextError with Telegram's description. Only Markdown is refused in words of our own.
    """
    parsed = read_text(text, parse_mode=parse_mode, entities=entities, what=what)
    return finish(*parsed, limit=limit, what=what)


def read_text(
    text: str, *, parse_mode: str | None, entities: object | None, what: Literal["message", "message caption"]
) -> tuple[str, list[Entity]]:
    """The first half of `format_text`: the checks Telegram makes before it looks for the chat."""
    if not text and what == "message":
        raise TextError("Message text is empty")
    mode = (parse_mode or "").lower()
    if len(text.encode("utf-8", "surrogatepass")) > MAX_RAW_BYTES:
        raise TextError("Text is too long")
    if text and mode not in ("", "none"):
        if mode in ("markdown", "markdownv2"):
            raise TextError("unsupported parse_mode: this stand-in reads HTML only")
        if mode != "html":
            raise TextError("Unsupported parse_mode")
        return parse_html(text)
    return text, _entities_from_json(entities)


def _entities_from_json(given: object) -> list[Entity]:
    """Explicit entities; what is no JSON or no array is passed over, a wrong item is an error."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return []
    try:
        found = [_entity_from_json(item) for item in given] if isinstance(given, list) else []
    except _FieldError as error:
        raise TextError(f"Can't parse MessageEntity: {error}") from None
    return [entity for entity in found if entity is not None]


class _FieldError(Exception):
    """A field of a MessageEntity is missing or wrong; its text is Telegram's reason."""


def _entity_from_json(item: object) -> Entity | None:
    """One explicit entity; None for the kinds that Telegram finds by itself."""
    if not isinstance(item, Mapping):
        raise _FieldError("expected an Object")
    offset, length = _integer(item, "offset", 32), _integer(item, "length", 32)
    kind = _string(item, "type")
    entity = Entity(kind, offset, length)
    match kind:
        case "bold" | "italic" | "underline" | "strikethrough" | "spoiler" | "code":
            return entity
        case "blockquote" | "expandable_blockquote":
            return entity
        case "pre":
            return replace(entity, language=_string(item, "language", "") or None)
        case "text_link":
            return replace(entity, url=_string(item, "url"))
        case "text_mention":
            return replace(entity, user_id=_integer(_object(item, "user"), "id", 64))
        case "custom_emoji":
            return replace(entity, custom_emoji_id=str(_integer(item, "custom_emoji_id", 64)))
        case "date_time":
            return replace(entity, unix_time=_integer(item, "unix_time", 32), date_time_format=_given_format(item))
        case "":
            raise _FieldError("Type is not specified")
    if kind in (*_AUTOMATIC, "bank_card_number"):
        return None
    raise _FieldError("Unsupported type specified")


def _given_format(item: Mapping[str, object]) -> str:
    given = _string(item, "date_time_format", "")
    if given.strip("tTdDwW") and given not in ("r", "R"):
        raise _FieldError("Invalid date-time format specified")
    last = [next((sign for sign in reversed(given) if sign in pair), "") for pair in ("dD", "tT")]
    return _date_format(given, *last)


def _field(item: Mapping[str, object], name: str) -> object:
    if name not in item:
        raise _FieldError(f'Can\'t find field "{name}"')
    return item[name]


def _object(item: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = _field(item, name)
    if not isinstance(value, Mapping):
        raise _FieldError(f'Field "{name}" must be of type Object')
    return value


def _integer(item: Mapping[str, object], name: str, bits: int) -> int:
    value = _field(item, name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _FieldError(f'Field "{name}" must be a Number')
    number = to_integer(str(value), bits)
    if number is None:
        raise _FieldError(f'Field "{name}" must be a valid Number')
    return number


def _string(item: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = default if default is not None and name not in item else _field(item, name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _FieldError(f'Field "{name}" must be of type String')
    return str(value)
