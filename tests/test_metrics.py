"""What a monitor reads: documented, in the right format, counted rightly, and alerted on by names that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bot.delivery.pacing import Pacer
from bot.domain.delivery import Gone, Lane, Moved, Rejected, Sent, Uncertain, Wait
from bot.domain.feed import FeedState, Poll
from bot.domain.post import Rendering
from bot.ops.health import Health
from bot.ops.metrics import METRICS, MOST_REASONS, Counted, Metrics
from storage import Storage
from tests.storage.storage_help import article, running, saved, subscribed

ROOT = Path(__file__).parent.parent
NOW = 1000


def metrics(**changes: object) -> Metrics:
    health = Health(lambda: float(NOW), database="", telegram="")
    return Metrics(health, 900.0, 29, "off", **changes)  # type: ignore[arg-type]


def samples(text: str) -> dict[str, float]:
    """The format, read strictly: each name with its labels once, below the line that gives its type."""
    found: dict[str, float] = {}
    kind = ""
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, kind, _ = line.split(" ")
            continue
        match = re.fullmatch(r'((\w+)(?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (\S+)', line)
        assert match, line
        assert match[2] == kind
        assert match[1] not in found, "a scrape with two samples of one name is refused whole"
        found[match[1]] = float(match[3])
    return found


def names(text: str) -> list[str]:
    return re.findall(r"^# TYPE (\w+) (?:gauge|counter)$", text, re.MULTILINE)


def test_every_metric_is_documented_and_nothing_else() -> None:
    page = (ROOT / "docs/operating.md").read_text("utf-8")
    assert re.findall(r"^\| `(newsdesk_\w+)` \|", page, re.MULTILINE) == list(METRICS) == names(metrics().text())


def test_alerts_ask_for_metrics_that_exist_and_have_a_remedy() -> None:
    rules = (ROOT / "deploy/alerts.yml").read_text("utf-8")
    used = set(re.findall(r"newsdesk_\w+", rules))
    assert used
    assert used <= METRICS.keys()
    page = (ROOT / "docs/operating.md").read_text("utf-8")
    assert re.findall(r"alert: (\w+)", rules) == re.findall(r"^\| `(Newsdesk\w+)` \|", page, re.MULTILINE)


async def test_what_the_database_knows(storage: Storage) -> None:
    await subscribed(storage, 1)
    ok, bad = await storage.feeds.watch(["https://user:pw@e.kz/rss?key=secret", "https://e.kz/rss"])
    await storage.feeds.watch(["https://forgotten.kz/rss"])
    await storage.feeds.save_poll(Poll(FeedState(ok.id, ok.url, ok_at=990)), now=990)
    await storage.feeds.save_poll(Poll(FeedState(bad.id, bad.url, failures=3)), now=990)
    await saved(storage, article(1, ok.id))
    one = await running(storage, total=7, lane=Lane.BREAKING)  # since 10
    shown = metrics(feeds=[ok.url, bad.url], pacer=Pacer(29))
    await shown.look(storage, NOW)
    text = shown.text()
    assert not re.search("secret|pw|user|forgotten", text)
    found = samples(text)
    assert found[f'newsdesk_feed_last_success_timestamp_seconds{{id="{ok.id}",feed="e.kz/rss"}}'] == 990
    assert found[f'newsdesk_feed_failures{{id="{bad.id}",feed="e.kz/rss"}}'] == 3
    assert found['newsdesk_delivery_lag_seconds{lane="breaking"}'] == NOW - 10
    assert found['newsdesk_delivery_lag_seconds{lane="regular"}'] == 0
    assert found['newsdesk_delivery_readers_left{lane="breaking"}'] == one.left == 7
    assert found["newsdesk_database_bytes"] > 10_000
    assert found["newsdesk_day_messages_planned"] == 7
    assert found["newsdesk_day_messages_budget"] == 29 * 86_400
    assert found["newsdesk_rate_now"] == found["newsdesk_rate_allowed"] == 29


def test_ages_are_ages() -> None:
    shown = metrics()
    assert samples(shown.text())["newsdesk_ready"] == 1
    shown.health.heard_at, shown.health.inbox_since, shown.health.waiting_since = 999.5, 400, 700
    shown.health.watch_due_at, shown.health.database = 1010, "full"
    found = samples(shown.text())
    assert found["newsdesk_telegram_silence_seconds"] == 0.5
    assert found["newsdesk_inbox_age_seconds"] == 600
    assert found["newsdesk_post_waiting_seconds"] == 300
    assert found["newsdesk_watcher_lag_seconds"] == 0, "it is not due yet"
    assert found["newsdesk_ready"] == found["newsdesk_database_writable"] == 0


async def test_answers_are_counted_by_reason_up_to_a_number() -> None:
    class Telegram:
        outcomes = [Sent(1), Sent(2), Wait(3, "flood"), Gone('say "no"\n\\'), Moved(-5), Uncertain("OSError")]

        async def deliver(self, method: str, body: bytes) -> object:
            return self.outcomes.pop()

        async def upload(self, rendering: Rendering, to: dict[str, Any], data: bytes) -> object:
            return self.outcomes.pop(), "AgAC"

    shown = metrics()
    counted = Counted(Telegram(), shown)  # type: ignore[arg-type]
    assert await counted.upload(Rendering("sendPhoto", {}), {"chat_id": 1}, b"") == (Uncertain("OSError"), "AgAC")
    while Telegram.outcomes:
        await counted.deliver("sendMessage", b"")
    for n in range(MOST_REASONS):
        shown.count(Rejected(f"reason {n}"))
    found = samples(shown.text())
    assert found['newsdesk_answers_total{outcome="sent",reason=""}'] == 2
    assert found['newsdesk_answers_total{outcome="wait",reason="flood"}'] == 1
    assert found['newsdesk_answers_total{outcome="gone",reason="say \\"no\\"\\n\\\\"}'] == 1
    assert found['newsdesk_answers_total{outcome="rejected",reason="other"}'] == 5
    assert sum(name.startswith("newsdesk_answers_total") for name in found) == MOST_REASONS + 1
