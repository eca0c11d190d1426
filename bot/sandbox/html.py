"""Telegram's HTML parse mode: tags out, entities in, mistakes refused in the original's words.

Works on UTF-8 bytes, because its errors count bytes. Pure; compared with the official parser by the
`oracle` test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .entities import Entity, TextError, check_link, encode, in_order, link_user_id, to_integer, utf16_length

_TAGS = {"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline"}
_TAGS |= {"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler"}
_TAGS |= {"span": "spoiler", "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote"}
_TAGS |= {"tg-emoji": "custom_emoji", "tg-time": "date_time"}

_TEXT = re.compile(rb"[^&<]+")
_SPACE = rb"[ \t\r\n\v]*"
_NAME = re.compile(rb"[^ \t\r\n\0\v>]*")
_END = re.compile(rb"</([^ \t\r\n\0\v>]*)" + _SPACE)
_ATTRIBUTE = re.compile(rb"([^ \t\r\n\0\v=>/\"']*)" + _SPACE + b"(=?)" + _SPACE)
_TOKEN = re.compile(rb"([A-Za-z0-9.-]*)")
_GAP = re.compile(_SPACE)
_REFERENCE = re.compile(rb"&(?:#(?:x([0-9A-Fa-f]*)|([0-9]*))|([A-Za-z]*))")
_NAMED = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"'}


def parse_html(text: str) -> tuple[str, list[Entity]]:
    """The text without its tags and the entities they stood for, sorted, neither cleaned nor merged.

    Raises TextError `can't parse entities: ... at byte offset N`, N counting UTF-8 bytes of `text`.
    """
    return _Html(encode(text, "Text")).run()


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
        self.at = self.offset = 0
        self.out = bytearray()
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    def run(self) -> tuple[str, list[Entity]]:
        while self.at < len(self.data) - 1:
            begin = self.at
            if self.data[begin] == ord("<"):
                (self._end_tag if self.data[begin + 1] == ord("/") else self._start_tag)(begin)
                continue
            run = self._reference() or self._take(_TEXT)[0] or self.data[begin : begin + 1]
            self.at = max(self.at, begin + 1)
            self.out += run
            self.offset += utf16_length(run.decode("utf-8", "surrogatepass"))
        if self.open:
            raise _bad(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        plain = [replace(entity, language=None) if entity.type == "code" else entity for entity in self.entities]
        try:
            return self.out.decode(), in_order(plain)
        except UnicodeDecodeError:
            reason = "Text contains invalid Unicode characters after decoding HTML entities, "
            raise _bad(reason + "check for unmatched surrogate code units") from None

    def _take(self, pattern: re.Pattern[bytes]) -> tuple[bytes, ...]:
        """What the pattern finds here: its groups, or all of it where it has none; `at` steps over it."""
        found = pattern.match(self.data, self.at, len(self.data) - 1)
        if found is None:
            return (b"",)
        self.at = found.end()
        return found.groups() or (found[0],)

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
        tag = self._take(_NAME)[0].lower().decode()
        if self.data[self.at] == 0:
            raise _bad(f"Unclosed start tag at byte offset {begin}")
        if tag not in _TAGS:
            raise _bad(f'Unsupported start tag "{tag}" at byte offset {begin}')
        opened = _Open(tag, self.offset, len(self.out))
        self._take(_GAP)
        while self.data[self.at] != ord(">"):
            self._attribute(opened, begin)
            self._take(_GAP)
        self.at += 1
        if tag == "span" and opened.argument != "spoiler":
            raise _bad(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.open.append(opened)

    def _attribute(self, opened: _Open, begin: int) -> None:
        name, equals = self._take(_ATTRIBUTE)
        if not name:
            raise _bad(f'Empty attribute name in the tag "{opened.tag}" at byte offset {begin}')
        if self.data[self.at] == 0:
            raise _bad(f'Unclosed start tag "{opened.tag}" at byte offset {begin}')
        value = self._value() if equals else b""
        if self.data[self.at] == 0:
            raise _bad(f"Unclosed start tag at byte offset {begin}")
        if equals or name == b"expandable":
            _note(opened, name, value.decode("utf-8", "surrogatepass"))

    def _value(self) -> bytes:
        quote, begin = self.data[self.at : self.at + 1], self.at
        if quote not in (b"'", b'"'):
            token = self._take(_TOKEN)[0].lower()
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
        found = self._take(_END)[0].lower().decode()
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
        match entity.type:
            case "text_link":
                link = opened.argument or self.out[opened.position :].decode("utf-8", "surrogatepass")
                self.entities += _linked(entity, link)
            case "custom_emoji":
                if not to_integer(opened.argument, 64):
                    raise _bad("Invalid custom emoji identifier specified")
                self.entities.append(replace(entity, custom_emoji_id=opened.argument))
            case "date_time":
                if (form := date_format(opened.argument, last=False)) is None:
                    raise _bad("Invalid date format used")
                dated = replace(entity, unix_time=opened.date, date_time_format=form)
                self.entities += [dated] if opened.date > 0 else []
            case "pre" if inside and inside.type == "code" and inside.language:
                self.entities[-1] = replace(inside, type="pre")
            case "code" if inside and inside.type == "pre" and not inside.language and opened.argument:
                self.entities[-1] = replace(inside, language=opened.argument)
            case "code":
                self.entities.append(replace(entity, language=opened.argument))
            case "blockquote" if opened.argument:
                self.entities.append(replace(entity, type="expandable_blockquote"))
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
    sign, digits = re.findall("^(-?)([0-9]*)", value)[0]
    number = int(sign + (digits[-32:] or "0"))  # 10**32 is a multiple of 2**32
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


def date_format(given: str, *, last: bool) -> str | None:
    """The format in Telegram's own spelling, None for a wrong one.

    Of a short and a long form of one part HTML takes the short one, explicit entities the `last`.
    """
    if given in ("r", "R"):
        return "r"
    if given.strip("tTdDwW"):
        return None
    order = given[::-1] if last else "dtDT"
    parts = [next((sign for sign in order if sign in pair and sign in given), "") for pair in ("dD", "tT")]
    return ("w" if "w" in given.lower() else "") + "".join(parts)
