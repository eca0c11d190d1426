"""Faults by name: what Telegram, the network and people do to a bot at the worst moment.

Three sorts: refusals (an error instead of the call), wire faults (the connection, the body or the time goes wrong)
and deeds (the world changes just before the call, which then meets the consequence by the ordinary rules).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .methods import Machine
from .model import ApiError, Member, Params, flood, refuse, to_int

Match = Mapping[str, Any] | Callable[[Params], bool] | None

_CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
REFUSALS: dict[str, ApiError] = {
    "unauthorized": ApiError(401, "Unauthorized"),
    "restart": refuse("restart", 500),
    "server_error": ApiError(500, "Internal Server Error"),
    "conflict": ApiError(409, _CONFLICT),
    "blocked": refuse("bot was blocked by the user", 403),
    "deactivated": refuse("user is deactivated", 403),
    "not_initiated": refuse("bot can't initiate conversation with a user", 403),
    "to_bot": refuse("the bot can't send messages to the bot", 403),
    "kicked": refuse("bot was kicked from the supergroup chat", 403),
    "kicked_group": refuse("bot was kicked from the group chat", 403),
    "kicked_channel": refuse("bot was kicked from the channel chat", 403),
    "not_member": refuse("bot is not a member of the supergroup chat", 403),
    "not_member_channel": refuse("bot is not a member of the channel chat", 403),
    "group_deleted": refuse("the group chat was deleted", 403),
    "migrated": refuse("group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1_001_000_000_001),
    "no_post_right": refuse("need administrator rights in the channel chat"),
    "no_text_right": refuse("not enough rights to send text messages to the chat"),
    "no_photo_right": refuse("not enough rights to send photos to the chat"),
    "no_write_access": refuse("have no write access to the chat"),
    "write_forbidden": refuse("CHAT_WRITE_FORBIDDEN"),
    "admin_required": refuse("CHAT_ADMIN_REQUIRED"),
    "restricted": refuse("CHAT_RESTRICTED"),
    "no_pin_right": refuse("not enough rights to manage pinned messages in the chat"),
    "chat_not_found": refuse("chat not found"),
    "user_not_found": refuse("user not found"),
    "reply_not_found": refuse("message to be replied not found"),
    "thread_not_found": refuse("message thread not found"),
    "topic_closed": refuse("TOPIC_CLOSED"),
    "topic_deleted": refuse("TOPIC_DELETED"),
    "edit_not_found": refuse("message to edit not found"),
    "not_modified": refuse(_NOT_MODIFIED),
    "cant_edit": refuse("message can't be edited"),
    "no_text": refuse("there is no text in the message to edit"),
    "no_caption": refuse("there is no caption in the message to edit"),
    "delete_not_found": refuse("message to delete not found"),
    "cant_delete": refuse("message can't be deleted"),
    "cant_delete_for_everyone": refuse("message can't be deleted for everyone"),
    "empty": refuse("message text is empty"),
    "blank": refuse("text must be non-empty"),
    "too_long": refuse("message is too long"),
    "caption_too_long": refuse("message caption is too long"),
    "parse_error": refuse('can\'t parse entities: Unsupported start tag "x" at byte offset 0'),
    "button_data": refuse("BUTTON_DATA_INVALID"),
    "button_url": refuse("BUTTON_URL_INVALID"),
    "button_type": refuse("BUTTON_TYPE_INVALID"),
    "markup_too_long": refuse("reply markup is too long"),
    "wrong_file": refuse("wrong file identifier/HTTP URL specified"),
    "wrong_remote_file": refuse("wrong remote file identifier specified: can't unserialize it. Wrong last symbol"),
    "url_failed": refuse("failed to get HTTP URL content"),
    "url_wrong_type": refuse("wrong type of the web page content"),
    "image": refuse("IMAGE_PROCESS_FAILED"),
    "dimensions": refuse("PHOTO_INVALID_DIMENSIONS"),
    "album_item": refuse('failed to send message #1 with the error message "WEBPAGE_CURL_FAILED"'),
    "album": refuse("group send failed"),
    "stale_query": refuse("query is too old and response timeout expired or query ID is invalid"),
    "request_lost": flood(5),
}
WIRE = ("drop_before", "drop_after", "html_body", "latency", "hang")


@dataclass(slots=True)
class Fault:
    """One armed fault: skips `after` matching calls, then strikes `times` of them (None: until cleared)."""

    name: str
    method: str | None
    match: Match
    times: int | None
    after: int
    seconds: float
    error: ApiError | None = None

    def hits(self, method: str, params: Params) -> bool:
        """Whether this call is meant."""
        if self.method and self.method.lower() != method.lower():
            return False
        if callable(self.match):
            return self.match(params)
        return all(str(params.get(name)) == str(value) for name, value in (self.match or {}).items())


class Faults:
    """The armed faults of one stand-in."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.armed: list[Fault] = []

    def fail(
        self,
        what: str | ApiError,
        method: str | None = None,
        match: Match = None,
        times: int | None = 1,
        after: int = 0,
        seconds: float = 5.0,
    ) -> Fault:
        """Arm a fault by its name or with an error of your own; ValueError for a name that does not exist.

        `match`: parameter values, or a function of the parameters. `seconds` is for latency and the floods.
        """
        error = what if isinstance(what, ApiError) else REFUSALS.get(what)
        name = what if isinstance(what, str) else what.description
        if error is None and name not in WIRE and name not in _DEEDS:
            raise ValueError(f"no fault {name!r}; there are {', '.join(names())}")
        fault = Fault(name, method, match, times, after, seconds, error)
        self.armed.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm all."""
        self.armed.clear()

    def strike(self, method: str, params: Params) -> list[Fault]:
        """The faults that this call meets now; counts them down. Deeds are done at once."""
        struck = []
        for fault in [fault for fault in self.armed if fault.hits(method, params)]:
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.armed.remove(fault)
            if fault.name in _DEEDS:
                _DEEDS[fault.name](self.machine, _target(self.machine, params), fault.seconds)
            else:
                struck.append(fault)
        return struck

    def to_json(self) -> list[dict[str, Any]]:
        """The armed faults for the page."""
        names = ("name", "method", "times", "after")
        return [{name: getattr(fault, name) for name in names} for fault in self.armed]


def names() -> list[str]:
    """Every fault name."""
    return [*REFUSALS, *WIRE, *_DEEDS]


def _target(machine: Machine, params: Params) -> int:
    ref = str(params.get("chat_id") or "")
    return machine.usernames.get(ref[1:].lower(), 0) if ref.startswith("@") else to_int(ref)


def _kick(machine: Machine, chat_id: int, seconds: float) -> None:
    chat = machine.chats[chat_id]
    by = next((m.user for m in chat.members.values() if m.status == "creator"), machine.bot)
    machine.set_member(chat, Member(machine.bot, "kicked"), by=by)


def _deactivate(machine: Machine, chat_id: int, seconds: float) -> None:
    machine.users[chat_id].deactivated = True


def _close_topics(machine: Machine, chat_id: int, seconds: float) -> None:
    for topic in machine.chats[chat_id].topics.values():
        topic.closed = True


def _migrate(machine: Machine, chat_id: int, seconds: float) -> None:
    if machine.chats[chat_id].migrated_to is None:
        machine.migrate(chat_id)


_DEEDS: dict[str, Callable[[Machine, int, float], None]] = {
    "block": lambda machine, chat_id, _: machine.block(chat_id, True),
    "kick": _kick,
    "deactivate": _deactivate,
    "migrate": _migrate,
    "close_topic": _close_topics,
    "flood_chat": lambda m, chat_id, seconds: m.flood.pause(chat_id, seconds, m.clock.now()),
    "flood_bot": lambda m, _, seconds: m.flood.pause(None, seconds, m.clock.now()),
}


def token_error(token: str, own: str) -> ApiError | None:
    """What is wrong with the token in a request's path, if anything."""
    head, colon, secret = token.partition(":")
    if len(token) > 80 or not colon or not re.fullmatch(r"[1-9]\d{0,16}", head) or int(head) >= 2**54:
        return ApiError(401, "Unauthorized: invalid token specified")
    if token != own or not re.fullmatch(r"[\w-]{24,}", secret):
        return ApiError(401, "Unauthorized")
    return None
