"""The words of a send: countdown, progress, report. Pure; what it tells of comes from storage."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.delivery import budget
from bot.desk.cards import Keyboard, buttons
from bot.domain.delivery import CAP, Broadcast, BroadcastState, Lane, Progress
from bot.domain.post import RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, join

_REASONS = 3


def card(
    t: Lang, broadcast: Broadcast, progress: Progress, *, now: float, rate: float = 0.0, left: int | None = None
) -> tuple[RichText, Keyboard | None]:
    """The card's text and buttons. `rate` is the deliveries per second lately, 0 while unknown; `left` is how many left
    within the hour after, None while it lasts.
    """
    id_ = broadcast.id
    cancel, stop = f"cast:cancel:{id_}", f"cast:stop:{id_}"
    match broadcast.state:
        case BroadcastState.COUNTDOWN:
            wait = span(t, broadcast.due_at - now)
            return bold(t("Sending in {span}…", span=wait)), buttons([(t("⛔ Call off"), cancel)], danger=cancel)
        case BroadcastState.RUNNING:
            keys = buttons([(t("⏸ Pause"), f"cast:pause:{id_}"), (t("⛔ Stop"), stop)], danger=stop)
            return _lines("📤 " + way(t, progress, rate), results(t, progress)), keys
        case BroadcastState.PAUSED:
            keys = buttons([(t("▶️ Go on"), f"cast:resume:{id_}"), (t("⛔ Stop"), stop)], danger=stop)
            return _lines(t("⏸ Paused: {way}", way=way(t, progress)), results(t, progress)), keys
        case BroadcastState.CANCELLED:
            return _lines(t("⛔ Called off: nobody got it."), t("Begin again: /breaking")), None
        case BroadcastState.STOPPED:
            head = t("⛔ Stopped: {way}", way=way(t, progress))
            return _lines(head, *_report(t, broadcast, progress, left)), _after(t, broadcast)
        case BroadcastState.DONE:
            took = (broadcast.finished_at or now) - (broadcast.started_at or now)  # in whole seconds, so it may be less
            took = max(took, progress.p95 or 0)
            head = t("✅ Sent in {span}.", span=span(t, took))
            return _lines(head, *_report(t, broadcast, progress, left)), _after(t, broadcast)


def _after(t: Lang, broadcast: Broadcast) -> Keyboard | None:
    keys = again(t, broadcast.posts)
    if keys and broadcast.lane is Lane.PROMO:
        client = {"text": t("📊 Figures for the partner"), "callback_data": f"client:text:{broadcast.id}"}
        keys["inline_keyboard"].append([client])
    return keys


def again(t: Lang, posts: Sequence[int]) -> Keyboard | None:
    """The buttons below a report: what to do when something in it is wrong."""
    return buttons(*([(t("✏️ Correct"), f"fix:{id_}"), (t("↩️ Withdraw"), f"pull:{id_}")] for id_ in posts[:1]))


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


def _report(t: Lang, broadcast: Broadcast, progress: Progress, left: int | None) -> list[str]:
    lines = [*details(t, progress), *_paid(t, broadcast)]
    if left is not None:
        share = t.percent(left / progress.sent if progress.sent else 0)
        lines.append(t("Left within the hour: {n} ({share})", n=t.number(left), share=share))
    return [*lines, t("Telegram does not tell bots who has read it.")]


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
