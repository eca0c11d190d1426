"""What a monitor reads at `/metrics`: the Prometheus text format, from what the last beat found in the database.

A scrape asks the database nothing, so it costs the same with a million readers and answers while the disk hangs. The
format is a dozen lines; a client library would bring a global registry and threads for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot import __version__
from bot.delivery.budget import Load, load_of
from bot.domain.delivery import Broadcast, BroadcastState, Gone, Lane, Outcome, Rejected, Uncertain, Wait
from bot.domain.feed import FeedState
from bot.domain.post import Rendering
from bot.ops.health import Health
from storage import Storage

if TYPE_CHECKING:
    from bot.delivery.pacing import Pacer
    from bot.telegram import Telegram

METRICS = {
    "newsdesk_info": "gauge",
    "newsdesk_ready": "gauge",
    "newsdesk_start_time_seconds": "gauge",
    "newsdesk_database_writable": "gauge",
    "newsdesk_database_bytes": "gauge",
    "newsdesk_telegram_silence_seconds": "gauge",
    "newsdesk_inbox_age_seconds": "gauge",
    "newsdesk_watcher_lag_seconds": "gauge",
    "newsdesk_feed_last_success_timestamp_seconds": "gauge",
    "newsdesk_feed_failures": "gauge",
    "newsdesk_post_waiting_seconds": "gauge",
    "newsdesk_delivery_lag_seconds": "gauge",
    "newsdesk_delivery_readers_left": "gauge",
    "newsdesk_answers_total": "counter",
    "newsdesk_rate_allowed": "gauge",
    "newsdesk_rate_now": "gauge",
    "newsdesk_day_messages_planned": "gauge",
    "newsdesk_day_messages_budget": "gauge",
}
"""Every metric with its type; docs/operating.md says what each means, and a test compares."""

MOST_REASONS = 100
"""Different answers of Telegram that are counted by themselves; what comes beyond is "other"."""

_LOAD_SECONDS = 900  # a week of sends is added up: 50 ms where 100,000 were ever made

Sample = tuple[str, dict[str, str], float]


@dataclass(slots=True)
class Metrics:
    """Collects and renders. `pacer` is set where this copy sends; `look` is called by the beat."""

    health: Health
    started_at: float
    rate: float
    quiet_hours: str
    feeds: Sequence[str] = ()
    pacer: Pacer | None = None
    size: int = 0
    states: Sequence[FeedState] = ()
    casts: Sequence[Broadcast] = ()
    load: Load | None = None
    loaded_at: int = 0
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def look(self, storage: Storage, now: int) -> None:
        """Ask the database: a few rows each, whatever the number of readers. Raises `StorageError`."""
        self.size = await storage.meta.size()
        added = {one.url for one in await storage.feeds.added() if one.paused_at is None}
        self.states = [state for state in await storage.feeds.states() if state.url in added.union(self.feeds)]
        self.casts = await storage.broadcasts.open()
        if now >= self.loaded_at + _LOAD_SECONDS:
            days = await storage.broadcasts.daily(now=now)
            self.load, self.loaded_at = load_of(days, rate=self.rate, quiet_hours=self.quiet_hours), now

    def count(self, outcome: Outcome) -> None:
        """One more answer of Telegram to a send."""
        match outcome:
            case Gone(reason) | Rejected(reason) | Uncertain(reason) | Wait(_, reason):
                key = (type(outcome).__name__.lower(), reason)
            case _:
                key = (type(outcome).__name__.lower(), "")
        if key not in self.answers and len(self.answers) >= MOST_REASONS:
            key = (key[0], "other")
        self.answers[key] += 1

    def text(self) -> str:
        """All samples in the text format, version 0.0.4."""
        samples: dict[str, list[str]] = {name: [f"# TYPE {name} {kind}"] for name, kind in METRICS.items()}
        for name, labels, value in self._samples():
            samples[name].append(f"{name}{_labels(labels)} {value:.15g}")
        return "\n".join(chain.from_iterable(samples.values())) + "\n"

    def _samples(self) -> Iterator[Sample]:
        yield "newsdesk_info", {"version": __version__}, 1
        yield "newsdesk_ready", {}, not self.health.ready()
        yield "newsdesk_start_time_seconds", {}, self.started_at
        yield "newsdesk_database_writable", {}, not self.health.database
        yield "newsdesk_database_bytes", {}, self.size
        yield "newsdesk_telegram_silence_seconds", {}, self._age(self.health.heard_at)
        yield "newsdesk_inbox_age_seconds", {}, self._age(self.health.inbox_since)
        yield "newsdesk_watcher_lag_seconds", {}, self._age(self.health.watch_due_at)
        yield from self._of_feeds()
        yield "newsdesk_post_waiting_seconds", {}, self._age(self.health.waiting_since)
        yield from self._of_lanes()
        for (outcome, reason), number in self.answers.items():
            yield "newsdesk_answers_total", {"outcome": outcome, "reason": reason}, number
        yield "newsdesk_rate_allowed", {}, self.rate
        if self.pacer:
            yield "newsdesk_rate_now", {}, self.pacer.rate
        if self.load:
            yield "newsdesk_day_messages_planned", {}, self.load.planned
            yield "newsdesk_day_messages_budget", {}, self.load.budget

    def _age(self, since: float | None) -> float:
        return max(0.0, self.health.now() - since) if since is not None else 0.0

    def _of_feeds(self) -> Iterator[Sample]:
        for state in self.states:
            labels = {"id": str(state.id), "feed": _place(state.url)}
            yield "newsdesk_feed_last_success_timestamp_seconds", labels, state.ok_at or 0
            yield "newsdesk_feed_failures", labels, state.failures

    def _of_lanes(self) -> Iterator[Sample]:
        for lane in Lane:
            if lane is not Lane.REPLY:
                casts = [c for c in self.casts if c.lane is lane and c.state is BroadcastState.RUNNING]
                began = min((c.started_at for c in casts if c.started_at is not None), default=None)
                yield "newsdesk_delivery_lag_seconds", {"lane": lane.name.lower()}, self._age(began)
                yield "newsdesk_delivery_readers_left", {"lane": lane.name.lower()}, sum(c.left for c in casts)


class Counted:
    """Bulk sends whose answers are counted."""

    def __init__(self, telegram: Telegram, metrics: Metrics) -> None:
        self._telegram = telegram
        self._metrics = metrics

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """See `Deliverer`."""
        outcome = await self._telegram.deliver(method, body)
        self._metrics.count(outcome)
        return outcome

    async def upload(self, rendering: Rendering, to: dict[str, Any], data: bytes) -> tuple[Outcome, str]:
        """See `Uploader`."""
        outcome, file_id = await self._telegram.upload(rendering, to, data)
        self._metrics.count(outcome)
        return outcome, file_id


def _place(url: str) -> str:
    """A feed's address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"


def _labels(labels: dict[str, str]) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
