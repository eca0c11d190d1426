"""Keyboards: what Telegram accepts, drops and refuses. Three steps, because other checks stand between them."""

from __future__ import annotations

import json
from typing import Any

from .entities import TextError, check_link
from .model import Json, refuse, require

_ACTIONS = (
    *("url", "callback_data", "callback_game", "pay", "switch_inline_query", "switch_inline_query_chosen_chat"),
    *("switch_inline_query_current_chat", "login_url", "web_app", "copy_text", "disabled"),
)
_STYLES = ("", "danger", "success", "primary", "link")
_ROW, _ALL = 12, 300  # what TDLib keeps of a row and of a keyboard; the rest vanishes without an error
_MAX_BUTTONS, _MAX_BYTES = 100, 10_000  # what the servers take, as observed from outside


def parse(raw: Any) -> Json | None:
    """Syntax of `reply_markup` (JSON text or a decoded object); None when it amounts to no keyboard."""
    try:
        raw = json.loads(raw) if raw and isinstance(raw, str) else raw
    except ValueError:
        raise refuse("can't parse reply keyboard markup JSON object") from None
    if raw is None or raw == "":
        return None
    require(isinstance(raw, dict), "object expected as reply markup")
    if "keyboard" in raw:
        rows = [[_reply_button(b) for b in row] for row in _rows(raw["keyboard"], 'field "keyboard"')]
        if any(rows):
            return {**raw, "keyboard": [row for row in rows if row]}
    if "inline_keyboard" in raw:
        what = 'field "inline_keyboard" of the InlineKeyboardMarkup'
        rows = _clip([[_inline_button(b) for b in row] for row in _rows(raw["inline_keyboard"], what)])
        return {"inline_keyboard": rows} if rows else None
    return dict(raw) if raw.get("remove_keyboard") is True or raw.get("force_reply") is True else None


def _rows(value: Any, what: str) -> list[list[Any]]:
    if not isinstance(value, list):
        raise refuse(f"{what.split(' of ')[0]} must be of type Array")
    require(all(isinstance(row, list) for row in value), f"{what} must be an Array of Arrays")
    return value


def _clip(rows: list[list[Json]]) -> list[list[Json]]:
    """Nameless buttons, buttons past the row's and the keyboard's end, and empty rows go silently."""
    kept, total = [], 0
    for row in rows:
        named = [b for b in row if b["text"] or b.get("icon_custom_emoji_id")][:_ROW][: _ALL - total]
        total += len(named)
        kept += [named] if named else []
    return kept


def _reply_button(button: Any) -> Json:
    if isinstance(button, str):
        return {"text": button}
    if not isinstance(button, dict):
        raise refuse("can't parse keyboard button: KeyboardButton must be a String or an Object")
    require("text" in button, "can't parse keyboard button: Can't find field \"text\"")
    return button


def _inline_button(button: Any) -> Json:
    head = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise refuse(head + "InlineKeyboardButton must be an Object")
    require("text" in button, head + 'Can\'t find field "text"')
    for name in ("text", "url", "callback_data", "style"):
        require(isinstance(button.get(name, ""), str), f'{head}Field "{name}" must be of type String')
    require(button.get("style", "") in _STYLES, head + "invalid button style specified")
    for action in _ACTIONS:
        value = button.get(action)
        if value is None or value is False or (value == "" and action in ("url", "callback_data")):
            continue
        kept = {k: button[k] for k in ("icon_custom_emoji_id", "style") if button.get(k)}
        return {"text": button["text"], action: value, **kept}
    nameless = not button["text"] and not button.get("icon_custom_emoji_id")
    require(nameless, head + "Text buttons are unallowed in the inline keyboard")
    return {"text": ""}


def check(markup: Json | None, chat_type: str, *, inline_only: bool = False) -> Json | None:
    """What depends on the chat: reply keyboards in channels and on edits, addresses. Returns it normalised."""
    if markup is None:
        return None
    if "inline_keyboard" not in markup:
        require(not inline_only and chat_type != "channel", "inline keyboard expected")
        return markup
    return {"inline_keyboard": [[_checked(b, chat_type) for b in row] for row in markup["inline_keyboard"]]}


def _checked(button: Json, chat_type: str) -> Json:
    if "url" in button:
        return {**button, "url": _address(button["url"], "button URL")}
    for name in {"switch_inline_query", "switch_inline_query_current_chat"} & button.keys():
        reason = "because users will not be able to use the button without knowing bot's username"
        require(chat_type != "channel", f"can't use {name} button in a channel chat, {reason}")
    for name, what in (("login_url", "button login URL"), ("web_app", "button Web App URL")):
        if name in button:
            _address(button[name].get("url", ""), what, https=True)
    return button


def _address(url: str, what: str, *, https: bool = False) -> str:
    try:
        checked = check_link(url)
        if https and not checked.startswith("https://"):
            raise TextError("Only HTTPS links are allowed")
    except TextError as error:
        raise refuse(f"inline keyboard {what} '{url}' is invalid: {error.reason}") from None
    return checked


def server_check(markup: Json | None, chat_type: str) -> None:
    """What only Telegram's own servers look at: callback bytes, size, where Mini App buttons may stand."""
    buttons = [button for row in (markup or {}).get("inline_keyboard", ()) for button in row]
    for button in buttons:
        require(1 <= len(button.get("callback_data", "x").encode()) <= 64, "BUTTON_DATA_INVALID")
        require(1 <= len(button.get("copy_text", {"text": "x"}).get("text", "")) <= 256, "BUTTON_COPY_TEXT_INVALID")
        require("web_app" not in button or chat_type == "private", "BUTTON_TYPE_INVALID")
    size = sum(len(part.encode()) for b in buttons for part in b.values() if isinstance(part, str))
    require(len(buttons) <= _MAX_BUTTONS and size <= _MAX_BYTES, "reply markup is too long")
