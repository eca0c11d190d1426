"""What a partner is told of a partner post: how many were reached, how soon, and nothing that nobody can know."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.desk.audit import cell
from bot.desk.stats import Line, line
from bot.desk.tallies import day_of, place_of
from bot.domain.article import Section
from bot.domain.delivery import Broadcast, BroadcastState
from bot.domain.post import Post, RichText
from bot.i18n import Lang
from bot.posts.compose import headline, label
from bot.posts.richtext import bold, join
from storage import Storage

SHOWN = 8
"""Partner posts that `/promo` lists."""
_COLUMNS = ("audience", "delivered", "blocked", "failed", "lost")


@dataclass(frozen=True, slots=True)
class Figures:
    """A partner post and what became of it. `figures` stay when its receipts are forgotten; `last` is whether they are
    the last word.
    """

    broadcast: Broadcast
    post: Post
    figures: Line
    last: bool


async def figures(storage: Storage, broadcast: Broadcast, zone: ZoneInfo) -> Figures:
    """What is known of a partner post now: as it was counted when it ended, before that from its receipts."""
    (post,) = await storage.posts.get(broadcast.posts)
    place, day = place_of(broadcast), day_of(broadcast.started_at or broadcast.due_at, zone)
    counted = {what: n for _, section, what, n in await storage.stats.rows(day, day) if section == place}
    last = bool(counted) or broadcast.state in (BroadcastState.DONE, BroadcastState.STOPPED)
    if counted:
        return Figures(broadcast, post, line(place, counted), last)
    far = await storage.broadcasts.progress(broadcast.id)
    now = {"delivered": far.sent, "blocked": far.gone, "failed": far.rejected, "lost": far.uncertain}
    return Figures(broadcast, post, Line(place, now, far.p50, far.p95), last)


def text(t: Lang, found: Figures, sections: Sequence[Section], zone: ZoneInfo) -> RichText:
    """The figures in words that can be passed on as they are."""
    cast, one = found.broadcast, found.figures
    into = [section.name(t.code) for section in sections if section.mask & cast.audience.sections]
    lines: list[str | RichText] = [
        bold(t("Partner post: what became of it")),
        headline(found.post, t, sections),
        t("Went out {when}", when=t.datetime(cast.started_at or cast.due_at, zone)),
        t("Into: {sections}", sections=t.list(into)) if into else t("To readers of all sections"),
        t("delivered {n}", n=t.number(one["delivered"])) + " · " + t("blocked {n}", n=t.number(one["blocked"])),
    ]
    if one["failed"]:
        lines.append(t("failed {n}", n=t.number(one["failed"])))
    if one["lost"]:
        lines.append(t("answer lost {n}", n=t.number(one["lost"])))
    if one.p50 is not None and one.p95 is not None:
        half, most = (t.duration(max(1, round(share))) for share in (one.p50, one.p95))
        lines.append(t("Half had it within {half}, 95% within {most}.", half=half, most=most))
    if not found.last:
        lines.append(t("It is still being sent."))
    lines.append(t("Telegram does not tell bots who has read it."))
    return join("\n", lines)


def as_csv(found: Iterable[Figures], sections: Sequence[Section], t: Lang, zone: ZoneInfo) -> bytes:
    """The same as a table, a line a post; times are the newsroom's."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["id", "label", "post", "sections", "from", "to", *_COLUMNS, "p50_seconds", "p95_seconds", "last"])
    for one in found:
        cast, said = one.broadcast, one.figures
        into = " ".join(section.id for section in sections if section.mask & cast.audience.sections)
        table.writerow(
            [
                cast.id,
                label(one.post, sections, t),
                cell(headline(one.post, t).text),
                into or "all",
                _moment(cast.started_at, zone),
                _moment(cast.finished_at, zone),
                cast.total,
                *(said[what] for what in _COLUMNS[1:]),
                *("" if share is None else f"{share:.1f}" for share in (said.p50, said.p95)),
                int(one.last),
            ]
        )
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _moment(at: int | None, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat() if at else ""
