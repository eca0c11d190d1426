"""A newsroom's whole day on simulated time: how late news is with us, and with what bots of this field do.

    python -m benchmarks.day                                  10 thousand, 200 thousand, 1 million readers
    python -m benchmarks.day --readers 50000 --seed 3         another newsroom, another day
    python -m benchmarks.day --penalty 0                      a Telegram that pauses and does not punish

A hundred articles in eight sections, two breaking items, automatic edits, and readers with sections, volumes, quiet
hours, digests and hidden topics; at 29 messages a second of 30 that Telegram lets pass, and at 970 of 1,000. The same
day, readers and choices for all; what differs is the order and the pace:

* **newsdesk**: the product's own decisions (`bot.delivery.audience`, `Pacer`, `Shares`): rounds, lanes, spacing.
* **no rounds**: the same, but each post is a broadcast of its own.
* **sleep loop**: one reader after another, a sleep of 1/rate after each answer: the broadcast example of aiogram's
  documentation (2.25, `broadcast_example.py`, there with 0.05 s) and most bots after it.
* **aiolimiter**: `AsyncLimiter(rate, 1)` around the call and `asyncio.gather` over the readers. Its documentation says
  under "bursting" that a rested bucket lets `rate` calls through at once. A task that meets a 429 sleeps it out
  (aiogram's `TelegramRetryAfter`); the others go on and are punished. **unpunished** is the same where a call during a
  pause is refused and nothing more.
* **PTB**: `telegram.ext.AIORateLimiter` of python-telegram-bot 22 as its source has it: buckets of 30 (and 1,000 for
  paid broadcasts) a second, a pause after a 429 that the end of any request under way ends early. Its default is not to
  try again (`max_retries=0`): each 429 is then a lost message. Here it tries until it gets through.

The last three send everything in the order in which it came, breaking news too. Their pace and their 429s are measured
against the stand-in's own flood rule (`bot/sandbox/flood.py`), each call an event, on a backlog of the size of a post;
the day takes the pace from there. Telegram does not publish what its rule does with calls during a pause: the stand-in
lengthens it by three seconds for each; `--penalty` changes that.

Pace: in a backlog, of what Telegram allows. On time: a post that the reader's choices let come at once is there within
ten minutes. Lists: the morning's and the digests, within ten minutes of their hour. Breaking: the slower of the two
items. Messages: what half and 95 % of the readers have at most; lists count as one, edits as none. Budget: messages
and edits that the day asks for, of what the rate carries in a waking day of 16½ hours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import evidence
from benchmarks.simulator import flood, newsroom
from benchmarks.simulator.engine import ON_TIME, Delivery, Demand, Record, Way

RATES = ((29, 30), (970, 1000))
WAKING = newsroom.SLEEPS - newsroom.WAKES
READERS = (10_000, 200_000, 1_000_000)
GRAIN = 10_000
"""Readers of the model at most; above, each stands for several."""
_HEAD = ("", "pace", "on time", "half / 95 % within", "breaking 50 / 95 / 100 %", "lists", "429s", "messages", "budget")


@dataclass(frozen=True, slots=True)
class Strategy:
    """A row of the table. `asks` is the rate that it is set to, given ours and Telegram's."""

    name: str
    way: flood.Way
    asks: Callable[[int, int], int] = lambda planned, allowed: planned
    rounds: bool = False
    lanes: bool = False
    punished: bool = True


STRATEGIES = (
    Strategy("newsdesk", flood.own_pacer, rounds=True, lanes=True),
    Strategy("no rounds", flood.own_pacer, lanes=True),
    Strategy("sleep loop", flood.sleep_loop),
    Strategy("aiolimiter", flood.gather_bucket),
    Strategy("aiolimiter, unpunished", flood.gather_bucket, punished=False),
    Strategy("PTB", flood.ptb_limiter, lambda planned, allowed: allowed),
)


def pace_of(strategy: Strategy, planned: int, allowed: int, post: float, *, penalty: float, seed: int) -> flood.Pace:
    """What its way of sending makes of a backlog: a post to that many readers, half a minute's at most."""
    backlog = int(max(allowed, min(30 * allowed, post / 2)))
    penalty = penalty if strategy.punished else 0.0
    return flood.measure(strategy.way, strategy.asks(planned, allowed), allowed, backlog, penalty=penalty, seed=seed)


def row(strategy: Strategy, pace: flood.Pace, demand: Demand, planned: int, weight: float, seed: int) -> Sequence[str]:
    """One strategy's day in figures."""
    if pace.stuck:
        return (strategy.name, "stuck", "0 %", "never", "never", "0 %", "without end", "0, 0", "–")
    way = Way(pace.rate, strategy.rounds, strategy.lanes)
    record = Delivery(demand, way, planned=planned, weight=weight, seed=seed).run()
    refused = record.starts * pace.refused_at_start + record.sends * weight * pace.refused
    slower = [max(_at(delays, share) for delays in record.breaking.values()) for share in (0.5, 0.95, 1.0)]
    return (
        strategy.name,
        f"{pace.share:.2f}",
        _share(sum(delay <= ON_TIME for delay in record.delays), len(record.delays)),
        f"{span(_at(record.delays, 0.5))} / {span(_at(record.delays, 0.95))}",
        " / ".join(map(span, slower)),
        _share(record.lists_on_time, record.lists),
        f"{refused:,.0f}",
        f"{_at(record.messages, 0.5):.0f}, {_at(record.messages, 0.95):.0f}",
        f"{budget(record, weight, planned):.0%}".replace("%", " %"),
    )


def budget(record: Record, weight: float, rate: float) -> float:
    """Messages and edits of the day, of what a waking day can carry."""
    return record.sends * weight / (rate * WAKING)


_at = newsroom.percentile


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}".replace("%", " %") if whole else "–"


def span(seconds: float) -> str:
    """A time in its own unit: 41 s, 7.3 min, 4.2 h, 12 d.

    >>> [span(n) for n in (0.2, 41, 438, 15_000, 1e6)]
    ['0.2 s', '41 s', '7.3 min', '4.2 h', '11.6 d']
    """
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table that Markdown reads too."""
    widths = [max(len(cells[n]) for cells in rows) for n in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |" for cells in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--readers", type=int, nargs="+", default=READERS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--penalty", type=float, default=3.0, help="seconds that a call in a pause lengthens it by")
    parser.add_argument("--grain", type=int, default=GRAIN, help="readers of the model at most")
    options = parser.parse_args(arguments)
    text = [f"seed {options.seed}; a call in a pause costs {options.penalty:g} s more"]
    print(text[0])
    figures = []
    stories = newsroom.stories(options.seed)
    for number in options.readers:
        demand = Demand(stories, newsroom.readers(options.seed, min(number, options.grain)))
        weight = number / len(demand.readers)
        for planned, allowed in RATES:
            rows: list[Sequence[str]] = [_HEAD]
            for strategy in STRATEGIES:
                pace = pace_of(
                    strategy, planned, allowed, demand.post * weight, penalty=options.penalty, seed=options.seed
                )
                rows.append(row(strategy, pace, demand, planned, weight, options.seed))
            text.append(f"\n{number:,} readers, {planned} of {allowed} messages a second\n\n{table(rows)}")
            print(text[-1], flush=True)
            figures.append(_on_time(number, planned, rows))
    evidence.save("day", *figures, table="\n".join(text))


def _on_time(number: int, planned: int, rows: Sequence[Sequence[str]]) -> evidence.Figure:
    """The share of posts on time, beside the best of what the field does (no rounds are ours, too)."""
    ours, *field = [float(cells[2].removesuffix(" %").replace("–", "0")) for cells in rows[1:]]
    what = f"Posts on time in a day, {number:,} readers at {planned}/s"
    return evidence.Figure(f"{number} {planned}", what, ours, "%", "best of the field", max(field[1:]))


if __name__ == "__main__":
    main()
