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
from .model import REFUSALS, ApiError, Member, Params, refuse, to_int

Match = Mapping[str, Any] | Callable[[Params], bool] | None

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
        self, what: str | ApiError, method: str | None = None, match: Match = None,
        times: int | None = 1, after: int = 0, seconds: float = 5.0
    ) -> Fault:  # fmt: skip
        """Arm a fault by its name or with an error of your own; ValueError for a name that does not exist.

        `match`: parameter values, or a function of the parameters. `seconds` is for latency and the floods.
        """
        error = what if isinstance(what, ApiError) else REFUSALS.get(what)
        name = what if isinstance(what, str) else what.description
        if error is None and name not in WIRE and name not in _DEEDS:
            raise ValueError(f"no fault {name!r}; there are {', '.join((*REFUSALS, *WIRE, *_DEEDS))}")
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


def _target(machine: Machine, params: Params) -> int:
    ref = str(params.get("chat_id") or "")
    return machine.usernames.get(ref[1:].lower(), 0) if ref.startswith("@") else to_int(ref)


def _kick(machine: Machine, chat_id: int, seconds: float) -> None:
    chat = machine.chats[chat_id]
    machine.set_member(chat, Member(machine.bot, "kicked"), by=chat.creator() or machine.bot)


def _close_topics(machine: Machine, chat_id: int, seconds: float) -> None:
    for topic in machine.chats[chat_id].topics.values():
        topic.closed = True


_DEEDS: dict[str, Callable[[Machine, int, float], object]] = {
    "block": lambda machine, chat_id, _: machine.block(chat_id, True),
    "kick": _kick,
    "deactivate": lambda machine, chat_id, _: setattr(machine.users[chat_id], "deactivated", True),
    "migrate": lambda machine, chat_id, _: machine.chats[chat_id].migrated_to or machine.migrate(chat_id),
    "close_topic": _close_topics,
    "flood_chat": lambda machine, chat_id, seconds: machine.flood.pause(chat_id, seconds, machine.clock.now()),
    "flood_bot": lambda machine, _, seconds: machine.flood.pause(None, seconds, machine.clock.now()),
}


def token_error(token: str, own: str) -> ApiError | None:
    """What is wrong with the token in a request's path, if anything."""
    head, colon, secret = token.partition(":")
    if len(token) > 80 or not colon or not re.fullmatch(r"[1-9]\d{0,16}", head) or int(head) >= 2**54:
        return refuse("Unauthorized: invalid token specified", 401)
    if token != own or not re.fullmatch(r"[\w-]{24,}", secret):
        return refuse("Unauthorized", 401)
    return None
