"""The card of a breaking send: countdown, progress, report. All of it is derived from storage.

Handlers show a card at once after a press; the service keeps it true afterwards, across restarts.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any, Protocol

from bot.clock import Clock
from bot.delivery import budget
from bot.domain.delivery import CAP, Broadcast, BroadcastState, Progress, pace
from bot.domain.desk import Draft
from bot.domain.errors import StorageError
from bot.domain.post import RichText
from bot.i18n import Lang, Words
from bot.posts.richtext import bold, join
from storage import Storage

BEAT = 1.0
"""Seconds between two looks."""
EDIT_EVERY = 3.0
"""Seconds between two edits of a card that stays in one state; a new state is shown at the next look."""
SETTLING = 2
"""Seconds after the end in which answers and edits under way may still come."""
_RETRY = 30.0
_GIVE_UP = 3600
_COST = 10
"""Counting receipts may take a tenth of the time at most: a card of a million readers is edited less often."""
_REASONS = 3
_ENDED = (BroadcastState.DONE, BroadcastState.STOPPED, BroadcastState.CANCELLED)

Keyboard = dict[str, Any]
_log = logging.getLogger(__name__)


class Messenger(Protocol):
    """What the cards need of Telegram."""

    async def edit(
        self, chat_id: int, message_id: int, text: str, entities: list[dict[str, Any]], keyboard: Keyboard | None
    ) -> None:
        """Change a message; one that says so already, or is gone, is no error."""
        ...


def buttons(*rows: list[tuple[str, str]], danger: str = "") -> Keyboard:
    """An inline keyboard of (label, data); the button whose data is `danger` is red."""
    return {
        "inline_keyboard": [
            [
                {"text": label, "callback_data": data} | ({"style": "danger"} if data == danger else {})
                for label, data in row
            ]
            for row in rows
        ]
    }


def card(
    t: Lang, broadcast: Broadcast, progress: Progress, *, now: float, rate: float = 0.0
) -> tuple[RichText, Keyboard | None]:
    """The card's text and buttons. `rate` is the deliveries per second lately, 0 while unknown."""
    id_ = broadcast.id
    cancel, stop = f"cast:cancel:{id_}", f"cast:stop:{id_}"
    match broadcast.state:
        case BroadcastState.COUNTDOWN:
            left = span(t, broadcast.due_at - now)
            return bold(t("Sending in {span}…", span=left)), buttons([(t("⛔ Call off"), cancel)], danger=cancel)
        case BroadcastState.RUNNING:
            keys = buttons([(t("⏸ Pause"), f"cast:pause:{id_}"), (t("⛔ Stop"), stop)], danger=stop)
            return _lines("📤 " + way(t, progress, rate), results(t, progress)), keys
        case BroadcastState.PAUSED:
            keys = buttons([(t("▶️ Go on"), f"cast:resume:{id_}"), (t("⛔ Stop"), stop)], danger=stop)
            return _lines(t("⏸ Paused: {way}", way=way(t, progress)), results(t, progress)), keys
        case BroadcastState.CANCELLED:
            return _lines(t("⛔ Called off: nobody got it."), t("Begin again: /breaking")), None
        case BroadcastState.STOPPED:
            return _lines(t("⛔ Stopped: {way}", way=way(t, progress)), *_report(t, broadcast, progress)), None
        case BroadcastState.DONE:
            took = (broadcast.finished_at or now) - (broadcast.started_at or now)
            return _lines(t("✅ Sent in {span}.", span=span(t, took)), *_report(t, broadcast, progress)), None


def _lines(head: str, *more: str) -> RichText:
    return join("\n", [bold(head), *more])


def way(t: Lang, progress: Progress, rate: float = 0.0) -> str:
    """«7 310 из 12 840 (57 %) · 28/с · осталось ≈ 3 мин 17 с», without what is not known."""
    done, total = t.number(progress.settled), t.number(progress.total)
    parts = [t("{done} of {total} ({share})", done=done, total=total, share=t.percent(progress.share))]
    if rate > 0:
        parts.append(t("{n} a second", n=t.number(max(1, round(rate)))))
    if (left := progress.seconds_left(rate)) is not None:
        parts.append(t("about {span} left", span=span(t, left)))
    return " · ".join(parts)


def results(t: Lang, progress: Progress) -> str:
    """«доставлено 7 288 · заблокировали 19 · не удалось 3», and what is rare only where it happened."""
    parts = [
        t("delivered {n}", n=t.number(progress.sent)),
        t("blocked {n}", n=t.number(progress.gone)),
        t("failed {n}", n=t.number(progress.rejected)),
    ]
    if progress.uncertain:
        parts.append(t("answer lost {n}", n=t.number(progress.uncertain)))
    if progress.repeated:
        parts.append(t("perhaps twice {n}", n=t.number(progress.repeated)))
    if progress.unreached:
        parts.append(t("out of reach {n}", n=t.number(progress.unreached)))
    if progress.waiting:
        parts.append(t("waiting {n}", n=t.number(progress.waiting)))
    return " · ".join(parts)


def details(t: Lang, progress: Progress) -> list[str]:
    """The results, Telegram's reasons for refusals, and how soon readers had it: a line each."""
    lines = [results(t, progress)]
    if progress.refusals:
        reasons = [f"{reason} ({t.number(n)})" for reason, n in progress.refusals[:_REASONS]]
        lines.append(t("Telegram's reasons: {reasons}", reasons=", ".join(reasons)))
    if progress.p50 is not None and progress.p95 is not None:
        half, most = span(t, progress.p50), span(t, progress.p95)
        if half != most:
            lines.append(t("Half had it within {half}, 95% within {most}.", half=half, most=most))
    return lines


def _report(t: Lang, broadcast: Broadcast, progress: Progress) -> list[str]:
    return [*details(t, progress), *_paid(t, broadcast), t("Telegram does not tell bots who has read it.")]


def _paid(t: Lang, broadcast: Broadcast) -> list[str]:
    """What was spent, and why not more."""
    lines = []
    if broadcast.paid:
        n, price = broadcast.paid, stars(t, budget.stars(broadcast.paid))
        lines.append(
            t.n("Paid broadcast: {n} message, {stars}.", "Paid broadcast: {n} messages, {stars}.", n, stars=price)
        )
    if broadcast.unpaid == CAP:
        lines.append(t("The Stars cap was reached: the rest went at the free rate."))
    elif broadcast.unpaid:
        lines.append(t("Telegram refused paid broadcast ({reason}): sent at the free rate.", reason=broadcast.unpaid))
    return lines


def stars(t: Lang, number: int) -> str:
    """A sum that paid broadcasting costs at most."""
    return t.n("up to {n} Star", "up to {n} Stars", number)


def span(t: Lang, seconds: float) -> str:
    """A time that something takes: whole seconds, one at least."""
    return t.duration(max(1, math.ceil(seconds)))


@dataclass(slots=True)
class _Shown:
    """What this process last did with a card; times are monotonic."""

    text: RichText
    next_at: float
    settled: int = 0
    counted_at: float = 0.0
    state: BroadcastState | None = None


class ProgressCards:
    """The service that keeps the cards of sends true until each shows its report."""

    def __init__(self, storage: Storage, messenger: Messenger, words: Words, clock: Clock) -> None:
        self._storage = storage
        self._messenger = messenger
        self._words = words
        self._clock = clock
        self._shown: dict[int, _Shown] = {}

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            try:
                await self.beat()
            except StorageError as error:
                _log.warning("progress cards wait for the database: %s", error)
            await self._clock.sleep(BEAT)

    async def beat(self) -> None:
        """One look at all cards that owe something."""
        drafts = await self._storage.editors.cards()
        self._shown = {draft.id: self._shown[draft.id] for draft in drafts if draft.id in self._shown}
        for draft in drafts:
            await self._look(draft, self._shown.setdefault(draft.id, _Shown(RichText(), self._clock.monotonic())))

    async def _look(self, draft: Draft, shown: _Shown) -> None:
        broadcast = await self._storage.broadcasts.get(draft.broadcast_id or 0)
        if broadcast is None:
            await self._storage.editors.card_done(draft.id, now=int(self._clock.now()))
            return
        if broadcast.state is shown.state and self._clock.monotonic() < shown.next_at:
            return
        since = self._clock.now() - (broadcast.finished_at or 0) if broadcast.state in _ENDED else -1
        try:
            await self._show(draft, broadcast, shown)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever Telegram or the network says about one card, others go on
            _log.warning("card of draft %d: %s", draft.id, error)
            shown.next_at = self._clock.monotonic() + _RETRY
            if since < _GIVE_UP:
                return
        if since >= SETTLING:
            await self._storage.editors.card_done(draft.id, now=int(self._clock.now()))

    async def _show(self, draft: Draft, broadcast: Broadcast, shown: _Shown) -> None:
        """Edit the card if it would say something else; the next edit comes after `EDIT_EVERY`."""
        begun = self._clock.monotonic()
        progress = await self._storage.broadcasts.progress(broadcast.id)
        cost = self._clock.monotonic() - begun
        reader = await self._storage.readers.get(draft.chat_id)
        t = self._words[reader.language if reader else ""]
        rate = self._rate(broadcast, progress, shown)
        text, keyboard = card(t, broadcast, progress, now=self._clock.now(), rate=rate)
        shown.next_at = begun + cost * _COST
        if text != shown.text:
            shown.next_at = begun + max(EDIT_EVERY, cost * _COST)
            await self._messenger.edit(draft.chat_id, draft.card_id, text.text, list(text.entities), keyboard)
            shown.text = text

    def _rate(self, broadcast: Broadcast, progress: Progress, shown: _Shown) -> float:
        """Deliveries per second since the last count, at first since the start."""
        now = self._clock.monotonic()
        if broadcast.state is not BroadcastState.RUNNING:
            shown.state = broadcast.state
            return 0.0
        if shown.state is BroadcastState.RUNNING:
            done, span = progress.settled - shown.settled, now - shown.counted_at
        else:
            done, span = progress.settled, self._clock.now() - (broadcast.started_at or self._clock.now())
        shown.settled, shown.counted_at, shown.state = progress.settled, now, broadcast.state
        return pace(done, span)
