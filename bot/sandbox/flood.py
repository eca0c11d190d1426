"""Telegram's flood control as far as it is known from outside; each decision costs the same, however many chats."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from .model import flood

_BOT = 0  # the key of the pause that holds the whole bot
_PAID = 1_000  # what `allow_paid_broadcast` raises the overall rate to, messages a second
_GRACE = 0.25  # seconds in which calls already under way when a pause began are not punished


@dataclass(slots=True)
class FloodRule:
    """Limits on messages and edits. `overall` a second, `per_chat` a second with `burst`, `per_group` a minute.

    None means no such limit. With `punish`, a call made during a pause lengthens it by `penalty` seconds.
    """

    overall: int | None = 30
    per_chat: float | None = 1.0
    burst: int = 3
    per_group: int | None = 20
    punish: bool = True
    penalty: float = 3.0
    refused: int = 0  # how many 429s were given
    _recent: deque[float] = field(default_factory=deque)
    _paid: deque[float] = field(default_factory=deque)
    _groups: dict[int, deque[float]] = field(default_factory=dict)
    _tat: dict[int, float] = field(default_factory=dict)  # per chat: when its bucket is full again
    _pauses: dict[int, tuple[float, float]] = field(default_factory=dict)  # key -> (began, until)

    @classmethod
    def off(cls) -> FloodRule:
        """No limits; pauses can still be imposed by `pause`."""
        return cls(None, None, 1, None)

    def pause(self, chat_id: int | None, seconds: float, now: float) -> None:
        """Hold one chat, or (None) the whole bot, for that long."""
        self._pauses[chat_id or _BOT] = (now, now + seconds)

    def admit(self, chat_id: int, now: float, *, count: int = 1, group: bool = False, paid: bool = False) -> None:
        """Let `count` messages to a chat pass, or raise the 429."""
        for key in (_BOT, chat_id):
            if key in self._pauses:
                self._held(key, now)
        wait = self._chat_wait(chat_id, now, count) if self.per_chat else 0.0
        if group and self.per_group:
            recent = self._groups.setdefault(chat_id, deque())
            wait = max(wait, _window(recent, now, 60.0, self.per_group, count))
        if wait > 0:
            self._refuse(chat_id, wait, now)
        window, top = (self._paid, _PAID) if paid else (self._recent, self.overall)
        if top:
            wait = _window(window, now, 1.0, top, count)
            if wait > 0:
                self._refuse(_BOT, wait, now)
            window.extend([now] * count)
        if group and self.per_group:
            self._groups[chat_id].extend([now] * count)
        if self.per_chat:
            self._tat[chat_id] = max(self._tat.get(chat_id, now), now) + count / self.per_chat

    def _held(self, key: int, now: float) -> None:
        began, until = self._pauses[key]
        if now >= until:
            del self._pauses[key]
            return
        late = self.punish and now >= began + _GRACE
        self._refuse(key, until + (self.penalty if late else 0.0) - now, now, began)

    def _chat_wait(self, chat_id: int, now: float, count: int) -> float:
        assert self.per_chat
        full_at = max(self._tat.get(chat_id, now), now) + count / self.per_chat
        return full_at - now - max(self.burst, count) / self.per_chat

    def _refuse(self, key: int, wait: float, now: float, began: float | None = None) -> None:
        """The 429; who is punished is held for that long, whoever is held already (since `began`) in any case."""
        seconds = max(1, math.ceil(wait))
        if began is not None:
            self._pauses[key] = (began, now + wait)
        elif self.punish:
            self._pauses[key] = (now, now + seconds)
        self.refused += 1
        raise flood(seconds)


def _window(recent: deque[float], now: float, span: float, top: int, count: int) -> float:
    """Seconds until `count` more fit among the `top` of any `span`; entries that are past are dropped."""
    while recent and recent[0] <= now - span:
        recent.popleft()
    if len(recent) + count <= top:
        return 0.0
    return recent[min(len(recent) - 1, max(0, len(recent) + count - top - 1))] + span - now
