"""What matters for readiness, noted by the services and judged here. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SILENT_AFTER = 180.0
"""Seconds without an answer from Telegram: more than three long polls."""

LATE_AFTER = 300.0
"""Seconds that a due feed may wait for its check."""

WRITTEN_AFTER = 90.0
"""Seconds since the database last took a write: six beats, more than a statement may take."""

INBOX_AFTER = 120.0
"""Seconds that a person's message may wait for its answer."""

WAITING_AFTER = 4 * 3600.0
"""Seconds that a post may wait: two rounds to 200,000 readers at 29/s are just below."""


@dataclass(slots=True)
class Health:
    """What the services know of themselves. All times are of `now` (epoch seconds).

    A problem is a short sentence for the operator, "" for none. `heard_at` is when a poll was last answered,
    None where updates come by webhook; `written_at` is when the database last took a write, `inbox_since` when the
    oldest update came that nobody has handled; `watch_due_at` is the earliest moment at which a feed not yet checked
    should have been; `waiting_since` is when the oldest unsent post came.
    """

    now: Callable[[], float]
    database: str = "The database is not open yet."
    telegram: str = "Telegram has not answered yet."
    heard_at: float | None = None
    written_at: float | None = None
    inbox_since: float | None = None
    watch_due_at: float | None = None
    waiting_since: float | None = None
    notes: dict[str, str] = field(default_factory=dict)

    def ready(self) -> list[str]:
        """The problems that make this copy unfit for its work; an empty list when it is ready."""
        problems = [p for p in (self.database, self.telegram, *self.notes.values()) if p]
        ages = (
            (self.heard_at, SILENT_AFTER, "Telegram has not answered for {} s."),
            (self.written_at, WRITTEN_AFTER, "The database has taken nothing for {} s."),
            (self.inbox_since, INBOX_AFTER, "A message has been waiting for its answer for {} s."),
            (self.watch_due_at, LATE_AFTER, "A feed should have been checked {} s ago."),
            (self.waiting_since, WAITING_AFTER, "A post has been waiting for {} s."),
        )
        for since, most, sentence in ages:
            age = self.now() - since if since is not None else 0.0
            if age > most:
                problems.append(sentence.format(round(age)))
        return problems
