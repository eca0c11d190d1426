"""What was sent, to how many, how soon, and who came and went: counted as it ends, told by week and month."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.desk.audit import cell
from bot.desk.tallies import BREAKING, PROMO, day_of
from bot.domain.article import Section
from bot.domain.post import RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from storage import Storage
from storage.stats import CHANNEL, SOURCE, STEPS

WEEK, MONTH = 7, 30
_FIGURES = ("delivered", "blocked", "failed", "lost", "joined", "left", "misled")


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of a section: words to numbers; `p50` and `p95` are seconds to a reader, None without one."""

    section: str
    figures: Mapping[str, int]
    p50: float | None = None
    p95: float | None = None

    def __getitem__(self, what: str) -> int:
        return self.figures.get(what, 0)


@dataclass(frozen=True, slots=True)
class Growth:
    """Who came within the days: `new` readers and `sources` (code, new readers; the largest first), how many `returned`
    who had blocked the bot; of each channel its title, members now, and before (None where it was not counted)."""

    new: int = 0
    returned: int = 0
    sources: Sequence[tuple[str, int]] = ()
    channels: Sequence[tuple[str, int, int | None]] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The days `first` to `last` (ordinals): all of the newsroom, its sections, and what was delivered each day."""

    first: int
    last: int
    all: Line
    sections: Sequence[Line]
    days: Sequence[int] = field(default=())
    growth: Growth = field(default=Growth())


def date_of(day: int) -> str:
    """«2022-11-24»."""
    return date.fromordinal(day).isoformat()


async def figures(
    storage: Storage, sections: Sequence[Section], zone: ZoneInfo, days: int, now: int
) -> list[tuple[int, str, str, int]]:
    """The counts of the last `days`, today included: day, section, word, number. Presses are counted as asked."""
    last = day_of(now, zone)
    misled: Counter[tuple[int, str]] = Counter()
    for at, mask in await storage.stats.taps("misled", since=now - (days + 1) * 86_400):
        if (day := day_of(at, zone)) > last - days:
            misled.update((day, place) for place in ("", *(one.id for one in sections if one.mask & mask)))
    told = [(day, place, "misled", n) for (day, place), n in misled.items()]
    rows = await storage.stats.rows(last - days + 1, last)
    return sorted([*(row for row in rows if ":" not in row[1]), *told])


async def report(storage: Storage, sections: Sequence[Section], zone: ZoneInfo, days: int, now: int) -> Report:
    """The figures of the last `days`, today included."""
    last = day_of(now, zone)
    first = last - days + 1
    rows = await figures(storage, sections, zone, days, now)
    by_place: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_day: Counter[int] = Counter()
    for day, place, what, n in rows:
        by_place[place][what] += n
        if not place and what == "delivered":
            by_day[day] += n
    order = [*(section.id for section in sections), BREAKING, PROMO]
    lines = [line(place, by_place[place]) for place in order if by_place[place]]
    grown = growth(await storage.stats.rows(first - 1, last), first, await _titles(storage))
    return Report(first, last, line("", by_place[""]), lines, [by_day[day] for day in range(first, last + 1)], grown)


async def _titles(storage: Storage) -> dict[str, str]:
    return {f"{CHANNEL}{one.reader_id}": one.title for one in await storage.channels.all()}


def growth(rows: Sequence[tuple[int, str, str, int]], first: int, titles: Mapping[str, str]) -> Growth:
    """Who came since the day `first`; `rows` begin the day before, `titles` are those of channels by place."""
    sums: Counter[tuple[str, str]] = Counter()
    members: defaultdict[str, list[int]] = defaultdict(list)
    for day, place, what, n in sorted(rows):
        if what == "members":
            members[place].append(n)
        elif day >= first:
            sums[place, what] += n
    sources = [(place.removeprefix(SOURCE), n) for (place, _), n in sums.items() if place.startswith(SOURCE)]
    channels = [
        (titles[place], counts[-1], counts[0] if len(counts) > 1 else None)
        for place, counts in members.items()
        if place in titles
    ]
    return Growth(
        sums["", "new"], sums["", "returned"], sorted(sources, key=lambda one: (-one[1], one[0])), sorted(channels)
    )


def line(section: str, counts: Mapping[str, int]) -> Line:
    """The figures of a section from its counts."""
    figures = {what: counts[what] for what in _FIGURES if counts.get(what)}
    return Line(section, figures, percentile(counts, 0.5), percentile(counts, 0.95))


def percentile(counts: Mapping[str, int], share: float) -> float | None:
    """Seconds within which that share had it, from the counts by step: within a step readers are taken to be spread
    evenly. None when nobody had it; the longest step when it took longer than all."""
    total = sum(n for what, n in counts.items() if what.startswith("t:"))
    reached, before = 0, 0
    for step in STEPS:
        n = counts.get(f"t:{step}", 0)
        if n and reached + n >= total * share:
            return before + (step - before) * (total * share - reached) / n
        reached, before = reached + n, step
    return float(STEPS[-1]) if total else None


def name_of(place: str, sections: Sequence[Section], t: Lang) -> str:
    """What a line of the report is called."""
    if place == BREAKING:
        return t("Breaking news")
    if place == PROMO:
        return t("Partner posts")
    return next((section.name(t.code) for section in sections if section.id == place), place) or t("All")


def text(t: Lang, found: Report, sections: Sequence[Section], zone: ZoneInfo) -> RichText:
    """The report as a message."""
    lines: list[str | RichText] = [bold("📊 " + title(t, found, zone))]
    for one in (found.all, *found.sections):
        lines += ["", bold(name_of(one.section, sections, t)), *_figures(t, one)]
    lines += _growth(t, found.growth)
    lines += [
        "",
        t("A message with posts of several sections counts for each. What is still being sent is not in yet."),
    ]
    return join("\n", [part or "\u200b" for part in lines])


_SOURCES = 6


def _growth(t: Lang, grown: Growth) -> list[str | RichText]:
    lines: list[str | RichText] = []
    if grown.new:
        lines.append(t("New readers: {n}", n=t.number(grown.new)))
    for code, n in grown.sources[:_SOURCES]:
        lines.append(f"• {code or t('without a code')}: {t.number(n)}")
    if rest := sum(n for _, n in grown.sources[_SOURCES:]):
        lines.append(f"• {t('other codes')}: {t.number(rest)}")
    if grown.returned:
        lines.append(t("Back after they had blocked the bot: {n}", n=t.number(grown.returned)))
    for name, members, before in grown.channels:
        more = "" if before is None else f" ({t.signed(Decimal(members - before), 0)})"
        lines.append(t("Channel “{name}”: members {n}", name=name, n=t.number(members)) + more)
    return ["", bold(t("Growth")), *lines] if lines else []


def growth_csv(rows: Sequence[tuple[int, str, str, int]], titles: Mapping[str, str]) -> bytes:
    """By day: new readers by source, who came back after a block, members of channels."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["day", "what", "name", "n"])
    for day, place, what, n in sorted(rows):
        if what in ("new", "returned", "members"):
            name = titles.get(place, "") if what == "members" else place.removeprefix(SOURCE)
            kind = "new_by_source" if place.startswith(SOURCE) else what
            table.writerow([date_of(day), kind, cell(name or ("" if place else "all")), n])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


async def growth_table(storage: Storage, zone: ZoneInfo, days: int, now: int) -> bytes:
    """The same of the last `days`, today included."""
    last = day_of(now, zone)
    return growth_csv(await storage.stats.rows(last - days + 1, last), await _titles(storage))


def title(t: Lang, found: Report, zone: ZoneInfo) -> str:
    """«17 ноября — 23 ноября 2022»."""
    first, last = date.fromordinal(found.first), date.fromordinal(found.last)
    return f"{t.day(first, zone)} — {t.date(last, zone)}"


def _figures(t: Lang, one: Line) -> list[str]:
    sent = [t("delivered {n}", n=t.number(one["delivered"])), t("blocked {n}", n=t.number(one["blocked"]))]
    if one["failed"]:
        sent.append(t("failed {n}", n=t.number(one["failed"])))
    lines = [" · ".join(sent)]
    if one.section not in (BREAKING, PROMO):  # which nobody joins as a section
        lines.append(t("joined {joined}, left {left}", joined=t.number(one["joined"]), left=t.number(one["left"])))
    if one.p50 is not None and one.p95 is not None:
        lines.append(t("Half had it within {half}, 95% within {most}.", half=_span(t, one.p50), most=_span(t, one.p95)))
    if one["misled"]:
        lines.append(t("“Misleading headline”: {n}", n=t.number(one["misled"])))
    return lines


def _span(t: Lang, seconds: float) -> str:
    return t.duration(max(1, round(seconds)))


def as_csv(found: Sequence[tuple[int, str, str, int]]) -> bytes:
    """The counts by day and section as a table; the sign at its beginning tells spreadsheets that it is UTF-8."""
    by_line: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for day, place, what, n in found:
        by_line[day, place][what] += n
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["day", "section", *_FIGURES, "p50_seconds", "p95_seconds"])
    for (day, place), counts in sorted(by_line.items()):
        one = line(place, counts)
        times = ["" if share is None else f"{share:.1f}" for share in (one.p50, one.p95)]
        table.writerow([date_of(day), place or "all", *(one[what] for what in _FIGURES), *times])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
