"""A text on its way into a message, as Telegram takes it.

    raw text -> parse_html | entities JSON -> finish (normalise -> automatic entities -> caps -> length)

Pure. Entities count UTF-16 units, limits code points. The official parser is the judge (`oracle` test).
Knowing differences: Markdown is refused, bank card numbers are not looked for (bots never see them),
phone numbers are found in the international form only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from .entities import (
    MAX_USER_ID,
    SPLITTABLE,
    Entity,
    TextError,
    check_link,
    encode,
    find_automatic,
    in_order,
    link_user_id,
    to_integer,
    utf16_length,
)
from .html import date_format, parse_html

__all__ = ["Entity", "TextError", "What", "finish", "format_text", "normalise", "parse_html", "read_text"]

What = Literal["message", "message caption"]
MAX_RAW_BYTES = 32768
MAX_USER_ENTITIES = 100

_QUOTES = ("blockquote", "expandable_blockquote")
_CLOSED = ("code", "pre", "date_time")  # nothing else lives inside these
_AUTOMATIC = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")

# -- Order among entities ----------------------------------------------------------------------------


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
        parts[0 if entity.type in SPLITTABLE else 1 if entity.type in _QUOTES else 2].append(entity)
    return parts


def _arranged(entities: Iterable[Entity]) -> list[Entity]:
    """Nested and merged as Telegram does: the earlier, then the longer of two clashing ones wins."""
    splittable, quotes, continuous = _apart(in_order(entities))
    quotes = _without_overlaps(quotes)
    continuous = [entity for entity in _without_overlaps(continuous) if _spares_quotes(entity, quotes)]
    return _resplit(splittable, in_order(continuous + quotes))


def _with_automatic(entities: list[Entity], found: list[Entity]) -> list[Entity]:
    """Adds what was found in the text wherever no entity of the sender's stands in its way."""
    splittable, quotes, continuous = _apart(entities)
    for entity in found:
        apart = all(entity.end <= other.offset or other.end <= entity.offset for other in continuous)
        if apart and _spares_quotes(entity, quotes):
            continuous.append(entity)
    return _resplit(splittable, in_order(continuous + quotes))


def _resplit(splittable: list[Entity], others: list[Entity]) -> list[Entity]:
    return in_order([*others, *_Splitter(splittable).split(others)])


class _Splitter:
    """Merges touching entities of one splittable kind and cuts them where others begin and end."""

    def __init__(self, entities: list[Entity]) -> None:
        self.waiting = entities[::-1]
        self.begin = dict.fromkeys(SPLITTABLE, 0)
        self.end = dict.fromkeys(SPLITTABLE, 0)
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
        for kind in SPLITTABLE:
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
_ALL_BLANK = re.compile(f"[{_BLANK}]*")


def _cleaned(text: str) -> str:
    """Without control characters, line separators, direction overrides and stacked direction marks."""
    return _MARKS.sub(lambda run: "\u200c" * len(run[0]), text.translate(_CLEAN))


def normalise(text: str, entities: Iterable[Entity], *, trim: bool) -> tuple[str, list[Entity]]:
    """Cleans the text and arranges the entities; `trim` takes the white space off the ends too.

    A text of white space alone becomes "". Raises TextError for an entity that does not fit the text.
    """
    raw = encode(text, "Strings").decode()
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
        encode(entity.language, "MessageEntityPreCode.language")
        return replace(entity, language=_cleaned(entity.language))
    if entity.type == "custom_emoji" and entity.custom_emoji_id == "0":
        raise TextError("Invalid custom emoji identifier specified")
    if entity.type == "date_time" and (entity.unix_time or 0) <= 0:
        raise TextError("Invalid date specified")
    if entity.type == "text_mention" and not 0 < (entity.user_id or 0) <= MAX_USER_ID:
        return replace(entity, length=0)
    if entity.type != "text_link":
        return entity
    encode(entity.url or "", "MessageEntityTextUrl.url")
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
    places: dict[int, int] = {}  # UTF-16 offset of each character in the text: its offset in the cleaned one
    unit = clean = 0
    for sign in text:
        places[unit] = clean
        unit += (size := 2 if sign > "\uffff" else 1)
        clean += 0 if ord(sign) in _REMOVED else size
    places[unit] = clean
    faults = [fault for number, entity in enumerate(entities) for fault in _misfits(entity, number, places, unit)]
    if faults:
        _, _, _, message, middle = min(faults)
        before = text.encode("utf-16-le")[: (middle + 1) * 2].decode("utf-16-le")
        raise TextError(message.format(len(before.encode())))
    return [replace(e, offset=places[e.offset], length=places[e.end] - places[e.offset]) for e in entities]


def _misfits(
    entity: Entity, number: int, places: Mapping[int, int], size: int
) -> Iterator[tuple[int, int, int, str, int]]:
    """What is wrong with a range: sort keys in the order a reader of the text meets the faults, then the words."""
    ends = f"Entity beginning at UTF-16 offset {entity.offset} ends"
    middle = "in a middle of a UTF-16 symbol at byte offset {}"
    after = "after the end of the text at UTF-16 offset"
    if entity.offset > size:
        yield size + 1, 0, number, f"Entity begins {after} {entity.offset}", -1
    elif entity.offset not in places:
        yield entity.offset, 1, number, f"Entity begins {middle}", entity.offset
    if entity.end > size:
        yield size + 1, 1, -number, f"{ends} {after} {entity.end}", -1
    elif entity.end not in places:
        yield entity.end, 0, -number, f"{ends} {middle}", entity.end


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at the end, and at the beginning up to the first entity."""
    text = text.rstrip(" \n")
    size = utf16_length(text)
    cut = in_order(replace(e, length=min(e.end, size) - e.offset) for e in entities if e.offset < size)
    first = cut[0].offset if cut else len(text)
    spaces = min(len(text) - len(text.lstrip(" \n")), first)
    return text[spaces:], [replace(entity, offset=entity.offset - spaces) for entity in cut]


# -- The whole road ----------------------------------------------------------------------------------


def finish(text: str, entities: Iterable[Entity], *, limit: int, what: What) -> tuple[str, list[Entity]]:
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
    counted = [entity for entity in in_order(continuous + quotes) if entity not in free][:MAX_USER_ENTITIES]
    merged = _Splitter(splittable).split([])[: MAX_USER_ENTITIES - len(counted)]
    return _resplit(merged, in_order(free + counted))


def format_text(
    text: str, *, parse_mode: str | None, entities: object | None, limit: int, what: What
) -> tuple[str, list[Entity]]:
    """What sendMessage or a caption makes of its arguments; `entities` is a JSON string or decoded JSON.

    Raises TextError with Telegram's description. Only Markdown is refused in words of our own.
    """
    parsed = read_text(text, parse_mode=parse_mode, entities=entities, what=what)
    return finish(*parsed, limit=limit, what=what)


def read_text(text: str, *, parse_mode: str | None, entities: object | None, what: What) -> tuple[str, list[Entity]]:
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
    return text, _explicit(entities)


def _explicit(given: object) -> list[Entity]:
    """Explicit entities; what is no JSON or no array is passed over, a wrong item is an error."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return []
    found = [_from_json(item) for item in given] if isinstance(given, list) else []
    return [entity for entity in found if entity is not None]


def _wrong(reason: str) -> TextError:
    return TextError(f"Can't parse MessageEntity: {reason}")


def _from_json(item: object) -> Entity | None:
    """One explicit entity; None for the kinds that Telegram finds by itself."""
    if not isinstance(item, Mapping):
        raise _wrong("expected an Object")
    offset, length = _integer(item, "offset", 32), _integer(item, "length", 32)
    entity = Entity(_field(item, "type"), offset, length)
    match entity.type:
        case "pre":
            return replace(entity, language=_field(item, "language", "") or None)
        case "text_link":
            return replace(entity, url=_field(item, "url"))
        case "text_mention":
            user = item.get("user")
            if not isinstance(user, Mapping):
                reason = 'Field "user" must be of type Object' if "user" in item else 'Can\'t find field "user"'
                raise _wrong(reason)
            return replace(entity, user_id=_integer(user, "id", 64))
        case "custom_emoji":
            return replace(entity, custom_emoji_id=str(_integer(item, "custom_emoji_id", 64)))
        case "date_time":
            date, form = _integer(item, "unix_time", 32), date_format(_field(item, "date_time_format", ""), last=True)
            if form is None:
                raise _wrong("Invalid date-time format specified")
            return replace(entity, unix_time=date, date_time_format=form)
        case kind if kind in ("code", *SPLITTABLE, *_QUOTES):
            return entity
        case kind if kind in (*_AUTOMATIC, "bank_card_number"):
            return None
        case kind:
            raise _wrong("Unsupported type specified" if kind else "Type is not specified")


def _field(item: Mapping[str, object], name: str, default: str | None = None, form: str = "of type String") -> str:
    """A field as text, numbers too; `form` is what the refusal says it must be."""
    if name not in item and default is None:
        raise _wrong(f'Can\'t find field "{name}"')
    value = item.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(f'Field "{name}" must be {form}')
    return str(value)


def _integer(item: Mapping[str, object], name: str, bits: int) -> int:
    number = to_integer(_field(item, name, form="a Number"), bits)
    if number is None:
        raise _wrong(f'Field "{name}" must be a valid Number')
    return number
