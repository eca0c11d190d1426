"""Buttons and the data behind them. Data come from strangers: what is not exactly ours is nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from aiogram.filters import Filter
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.delivery.renderings import ASK
from bot.domain.language import name_of
from bot.i18n import Lang
from handlers.context import Context

DATA_LIMIT = 64
"""Bytes of callback data that Telegram carries."""

_INT64 = 2**63
_FORMS = {int: r"(-?(?:0|[1-9][0-9]{0,18}))", bool: r"([01])", str: r"([a-z0-9_]{1,24})"}


class Callback(Filter):
    """A kind of button: `Callback("s", bit=int, wanted=bool)` writes `s:3:1` and lets only such data through.

    As a filter it hands the fields to the handler. Whole numbers stay within 64 bits, words within a-z, 0-9, _;
    other spellings of the same value (`+3`, `03`, `true`) are refused.
    """

    def __init__(self, name: str, **fields: type[int] | type[bool] | type[str]) -> None:
        self.name = name
        self.fields = fields
        self._form = re.compile(":".join([re.escape(name), *(_FORMS[kind] for kind in fields.values())]))

    def pack(self, **values: int | bool | str) -> str:
        """The data of a button; ValueError when they would not come back."""
        data = ":".join([self.name, *(_written(values[field]) for field in self.fields)])
        if len(data.encode()) > DATA_LIMIT or self.parse(data) != values:
            raise ValueError(f"not callback data: {data!r}")
        return data

    def parse(self, data: str) -> dict[str, Any] | None:
        """The fields, None when the data are not of this kind."""
        found = self._form.fullmatch(data)
        if not found:
            return None
        values = {
            field: text if kind is str else kind(int(text))
            for (field, kind), text in zip(self.fields.items(), found.groups(), strict=True)
        }
        fits = all(-_INT64 <= value < _INT64 for value in values.values() if not isinstance(value, str))
        return values if fits else None

    async def __call__(self, query: CallbackQuery) -> bool | dict[str, Any]:
        """Filter: the fields as arguments of the handler. A kind without fields answers True."""
        values = self.parse(query.data or "")
        return values or values is not None


def _written(value: int | bool | str) -> str:
    return value if isinstance(value, str) else str(int(value))


def button(text: str, data: str, style: str | None = None) -> InlineKeyboardButton:
    """A button that calls back; `style` is Telegram's primary, success or danger."""
    return InlineKeyboardButton(text=text, callback_data=data, style=style)


def rows(buttons: Iterable[InlineKeyboardButton], width: int) -> list[list[InlineKeyboardButton]]:
    """The buttons in rows of `width`."""
    row = list(buttons)
    return [row[start : start + width] for start in range(0, len(row), width)]


def keyboard(*lines: Sequence[InlineKeyboardButton]) -> InlineKeyboardMarkup:
    """The rows that have buttons, below a message."""
    return InlineKeyboardMarkup(inline_keyboard=[list(line) for line in lines if line])


SECTION = Callback("s", bit=int, wanted=bool)
BREAKING = Callback("b", wanted=bool, view=str)
LANGUAGE = Callback("l", code=str, view=str)
DONE = Callback("done")
ONLY_BREAKING = Callback("only")
OPEN = Callback("o", view=str)
ASKED = Callback(ASK)
STOP = Callback("stop")
EXPORT = Callback("export")
ERASE = Callback("erase", sure=bool)
FOUND = Callback("f", page=int)
MORE = Callback("more", post=int, opened=bool)
READ = Callback("read", post=int)
SAVE = Callback("save", post=int, wanted=bool)
MUTE = Callback("mute", post=int, week=bool)
UNMUTE = Callback("unmute")
PAUSE = Callback("pause", days=int)
RESUME = Callback("resume")
ON_THIS = Callback("on", post=int)
SAVED = Callback("saved", page=int)
UNSAVE = Callback("unsave", post=int, page=int)
LIST = Callback("list", view=str)
ADS = Callback("ads", wanted=bool, view=str)
CHOOSE = Callback("c", what=str, to=str)
FIRST = Callback("first", volume=str)
QUESTION = Callback("ask", what=str)
WORD = Callback("w", act=str, term=int)
FOLLOW = Callback("fw")
WHY = Callback("why", post=int)
PICK = Callback("pick", post=int)
HIDE = Callback("hide", post=int, version=int, n=int)
TRACK = Callback("track", post=int, wanted=bool)
"""Everything that a reader can press. Toggles carry the wanted state, so a double tap is harmless; `view` is the
one to draw again."""

DRAFT = Callback("draft", act=str, id=int, seal=str)
FIX = Callback("fix", post=int)
PULL = Callback("pull", post=int)
HAND = Callback("hand", channel=int, message=int)
STORY = Callback("story", act=str, id=int, post=int)
CLIENT = Callback("client", act=str, id=int)
"""What several rooms of the desk show."""

READER_CALLBACKS = (
    SECTION,
    BREAKING,
    LANGUAGE,
    DONE,
    ONLY_BREAKING,
    OPEN,
    ASKED,
    STOP,
    EXPORT,
    ERASE,
    FOUND,
    MORE,
    READ,
    SAVE,
    MUTE,
    UNMUTE,
    PAUSE,
    RESUME,
    ON_THIS,
    SAVED,
    UNSAVE,
    LIST,
    ADS,
    CHOOSE,
    FIRST,
    WORD,
    FOLLOW,
    WHY,
    PICK,
    HIDE,
    TRACK,
)


def language_buttons(ctx: Context, current: str, view: str, *, all_: bool = False) -> list[InlineKeyboardButton]:
    """The other languages of the newsroom, or all of them with a tick at the current one."""
    return [
        button(("✅ " if t.code == current else "") + name_of(t.code), LANGUAGE.pack(code=t.code, view=view))
        for t in ctx.words
        if all_ or t.code != current
    ]


def breaking_button(t: Lang, on: bool, view: str) -> InlineKeyboardButton:
    """Breaking news on or off; pressing asks for the opposite of what it says."""
    return button(t("🔴 Breaking: on") if on else t("🔴 Breaking: off"), BREAKING.pack(wanted=not on, view=view))
