"""Messages at the desk that always say how a thing stands: posted once in each place, edited when they would say
something else.

What is posted where stands in storage: after a restart, or by another process, the same messages go on.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any, Protocol

from bot.clock import Clock
from bot.desk.room import Seat
from bot.domain.desk import Card
from bot.domain.errors import StorageError
from bot.domain.post import Rendering, RichText
from storage import Storage

EDIT_EVERY, GROUP_EVERY = 3.0, 6.0
"""Seconds between two edits of a card that stays in one state. A group takes 20 messages and edits a minute."""
_RETRY = 30.0

Keyboard = dict[str, Any]
_log = logging.getLogger(__name__)


class Messenger(Protocol):
    """What cards need of Telegram."""

    async def show(self, chat_id: int, rendering: Rendering, *, thread_id: int = 0) -> int:
        """Post a message; its id."""
        ...

    async def edit(
        self, chat_id: int, message_id: int, text: str, entities: list[dict[str, Any]], keyboard: Keyboard | None
    ) -> None:
        """Change a message; one that says so already, or is gone, is no error."""
        ...


def buttons(*rows: list[tuple[str, str]], danger: str = "") -> Keyboard | None:
    """An inline keyboard of (label, data); the button whose data is `danger` is red. None without a button."""
    found = [
        [
            {"text": label, "callback_data": data} | ({"style": "danger"} if data == danger else {})
            for label, data in row
        ]
        for row in rows
        if row
    ]
    return {"inline_keyboard": found} if found else None


def message(text: RichText, keyboard: Keyboard | None) -> Rendering:
    """The call that posts such a text."""
    payload: dict[str, Any] = {"text": text.text, "link_preview_options": {"is_disabled": True}}
    if text.entities:
        payload["entities"] = list(text.entities)
    return Rendering("sendMessage", payload | ({"reply_markup": keyboard} if keyboard else {}))


def said(text: RichText, keyboard: Keyboard | None) -> str:
    """A short word for what a card says, buttons included."""
    whole = json.dumps([text.text, text.entities, keyboard], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Pace:
    """What this process last did with a card; `next_at` is monotonic."""

    state: str
    next_at: float


class Cards:
    """Posts and edits cards. What Telegram refuses is tried again after a while, and others go on."""

    def __init__(self, storage: Storage, messenger: Messenger, clock: Clock) -> None:
        self._storage = storage
        self._messenger = messenger
        self._clock = clock
        self._paces: dict[tuple[str, int, int], _Pace] = {}

    def due(self, kind: str, subject: int, seat: Seat, state: str) -> bool:
        """Whether that card may be touched now: in a new state at once, else not too often."""
        pace = self._paces.get((kind, subject, seat.chat_id))
        return pace is None or pace.state != state or self._clock.monotonic() >= pace.next_at

    async def show(
        self, kind: str, subject: int, seat: Seat, text: RichText, keyboard: Keyboard | None, *, state: str = "",
        pause: float = 0.0,
    ) -> bool:  # fmt: skip
        """Make the card of a thing say that there; whether it does. `pause`: the least seconds until the next look."""
        if not self.due(kind, subject, seat, state):
            return False
        now, word = self._clock.monotonic(), said(text, keyboard)
        gap = EDIT_EVERY if seat.chat_id > 0 else GROUP_EVERY
        pace = self._paces[kind, subject, seat.chat_id] = _Pace(state, now + max(pause, gap))
        card = next((one for one in await self._storage.cards.of(kind, subject) if one.chat_id == seat.chat_id), None)
        if card and card.said == word:
            return True
        try:
            if card is None:
                await self._post(kind, subject, seat, text, keyboard, word)
            else:
                await self._edit(card, text, keyboard, word)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever Telegram or the network says about one card, others go on
            _log.warning("card %s %d: %s", kind, subject, error)
            pace.next_at = now + _RETRY
            return False
        return True

    async def _post(
        self, kind: str, subject: int, seat: Seat, text: RichText, keyboard: Keyboard | None, word: str
    ) -> None:
        if not await self._storage.cards.claim(kind, subject, seat.chat_id, now=int(self._clock.now())):
            return
        rendering = message(text, keyboard)
        try:
            id_ = await self._messenger.show(seat.chat_id, rendering, thread_id=seat.thread_id)
        except Exception as error:
            if not seat.thread_id or "thread not found" not in str(error):
                raise
            id_ = await self._messenger.show(seat.chat_id, rendering)  # somebody has deleted the topic
        await self._storage.cards.put(Card(kind, subject, seat.chat_id, id_, word), now=int(self._clock.now()))

    async def _edit(self, card: Card, text: RichText, keyboard: Keyboard | None, word: str) -> None:
        await self._messenger.edit(card.chat_id, card.message_id, text.text, list(text.entities), keyboard)
        kept = Card(card.kind, card.subject, card.chat_id, card.message_id, word)
        await self._storage.cards.put(kept, now=int(self._clock.now()))

    async def end(self, card: Card, text: RichText, keyboard: Keyboard | None = None) -> None:
        """Say the last word on a card and leave it alone from now on."""
        self._paces.pop((card.kind, card.subject, card.chat_id), None)
        await self._storage.cards.forget(card.kind, card.subject, card.chat_id)
        try:
            await self._messenger.edit(card.chat_id, card.message_id, text.text, list(text.entities), keyboard)
        except Exception as error:  # noqa: BLE001  # as above; a card that cannot be edited any more does no harm
            _log.warning("card %s %d: %s", card.kind, card.subject, error)
