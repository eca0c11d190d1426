"""Counts by day and section. Each receipt and each change of a reader's choice is counted once, whoever counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from storage.engine import Connection, Engine

STEPS = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)
"""Seconds to a reader are counted by the first of these that is not shorter; 0 beyond them."""
READER = 1 << 62
"""The bit that stands for being a reader at all; sections have the lower ones."""
SOURCE, CHANNEL = "source:", "channel:"
"""How the place of a source of readers begins, and that of a channel (its reader's id)."""
_SETTLED = 60  # seconds after the end of a send in which answers may still come
LEFT, BLOCKED = -1, -2
"""How somebody stands in the counts who was a reader: left by themselves, or could not be reached any more."""
_NOW = (
    f"CASE WHEN state IN ('active', 'paused') THEN sections | {READER}"
    f" WHEN state = 'dormant' THEN {BLOCKED} WHEN consent_at IS NOT NULL THEN {LEFT} ELSE 0 END"
)
_TURN = "INSERT INTO meta (key, value) VALUES ('counting', '') ON CONFLICT (key) DO UPDATE SET value = ''"
"""Whoever counts readers locks this row: two at once would count the same ones."""
_STEP = " ".join(f"WHEN took_ms <= {seconds * 1000} THEN {seconds}" for seconds in STEPS)

Counts = Mapping[tuple[str, str], int]
"""How many of what: by section and word."""


class Tally(NamedTuple):
    """Receipts that are alike: the posts of a list (None: the broadcast's own), outcome, step of the time it took."""

    carried: str | None
    outcome: int
    step: int
    n: int


class Stats:
    """The stat table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def uncounted(self, *, now: int) -> list[int]:
        """Sends that are over and not counted yet."""
        rows = await self._db.fetch(
            "SELECT id FROM broadcast WHERE counted_at IS NULL AND kind = 'send' AND state IN ('done', 'stopped')"
            " AND finished_at < :before ORDER BY id",
            before=now - _SETTLED,
        )
        return [row[0] for row in rows]

    async def receipts(self, broadcast_id: int, after: int, upto: int) -> list[Tally]:
        """What became of a send at the readers with ids above `after` up to `upto`."""
        rows = await self._db.tuples(
            f"SELECT carried, outcome, CASE WHEN outcome <> 1 THEN 0 {_STEP} ELSE 0 END, COUNT(*) FROM receipt"
            " WHERE broadcast_id = :id AND reader_id > :after AND reader_id <= :upto GROUP BY 1, 2, 3",
            id=broadcast_id,
            after=after,
            upto=upto,
        )
        return [Tally(*row) for row in rows]

    async def add(self, broadcast_id: int, day: int, counts: Counts, *, now: int) -> bool:
        """Add a send's counts to those of a day; False when somebody has done so."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE broadcast SET counted_at = :now WHERE id = :id AND counted_at IS NULL RETURNING id",
                now=now,
                id=broadcast_id,
            )
            if rows:
                await _add(db, day, counts)
        return bool(rows)

    async def moved(self, after: int, limit: int) -> list[int]:
        """Readers above that id whose choices are not those that were counted last."""
        rows = await self._db.fetch(
            f"SELECT id FROM reader WHERE kind <> 'channel' AND counted <> {_NOW} AND id > :after"
            " ORDER BY id LIMIT :limit",
            after=after,
            limit=limit,
        )
        return [row[0] for row in rows]

    async def count_readers(self, day: int, sections: Mapping[int, str], readers: Sequence[int]) -> None:
        """Count for that day which of the `sections` (ids by bit; "" is the newsroom as a whole) these readers have
        joined or left since they were counted last, and those who were erased. Who has never been one is `new`, under
        `source:<code>` too; who could not be reached before has `returned`.
        """
        async with self._db.transaction() as db:
            await db.write(_TURN)
            among = f"id IN ({db.dialect.numbers_of('ids')}) AND counted <> {_NOW}"
            ids = json.dumps(list(readers))
            rows = await db.fetch(f"SELECT counted, {_NOW}, source FROM reader WHERE {among}", ids=ids)
            await db.write(f"UPDATE reader SET counted = {_NOW} WHERE {among}", ids=ids)
            erased = await db.write("DELETE FROM departed RETURNING counted, 0, ''")
            counts: Counter[tuple[str, str]] = Counter()
            for (was, now_, source), n in Counter((row[0], row[1], row[2]) for row in (*rows, *erased)).items():
                before, after = max(was, 0), max(now_, 0)
                if after and not was:
                    counts["", "new"] += n
                    counts[f"{SOURCE}{source}", "new"] += n
                elif after and was == BLOCKED:
                    counts["", "returned"] += n
                for bit, section in ((62, ""), *sections.items()):
                    if (before ^ after) >> bit & 1:
                        counts[section, "joined" if after >> bit & 1 else "left"] += n
            await _add(db, day, counts)

    async def members(self, day: int, channel_id: int, n: int) -> None:
        """So many members a channel had on that day; the last word counts."""
        await self._db.write(
            "INSERT INTO stat (day, section, what, n) VALUES (:day, :section, 'members', :n)"
            " ON CONFLICT (day, section, what) DO UPDATE SET n = excluded.n",
            day=day,
            section=f"{CHANNEL}{channel_id}",
            n=n,
        )

    async def taps(self, kind: str, *, since: int) -> list[tuple[int, int]]:
        """Presses of such a button after that moment: when, and the sections of its post as a bitmask."""
        rows = await self._db.tuples(
            "SELECT tap.at, post.sections FROM tap JOIN post ON post.id = tap.post_id WHERE tap.kind = :kind"
            " AND tap.at > :since ORDER BY tap.at, tap.post_id",
            kind=kind,
            since=since,
        )
        return [(row[0], row[1]) for row in rows]

    async def rows(self, first: int, last: int) -> list[tuple[int, str, str, int]]:
        """The counts of these days: day, section, word, number."""
        rows = await self._db.tuples(
            "SELECT day, section, what, n FROM stat WHERE day >= :first AND day <= :last ORDER BY 1, 2, 3",
            first=first,
            last=last,
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


async def _add(db: Connection, day: int, counts: Counts) -> None:
    await db.many(
        "INSERT INTO stat (day, section, what, n) VALUES (:day, :section, :what, :n)"
        " ON CONFLICT (day, section, what) DO UPDATE SET n = stat.n + excluded.n",
        [(day, section, what, n) for (section, what), n in sorted(counts.items()) if n],
    )
