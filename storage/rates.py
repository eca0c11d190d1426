"""Official exchange rates, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from storage.engine import Engine


@dataclass(frozen=True, slots=True)
class Rate:
    """One currency on one day: `value` tenge for `quant` units. `day` is ISO (2026-11-22)."""

    day: str
    code: str
    value: Decimal
    quant: int


class Rates:
    """The rate table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def save(self, rates: Sequence[Rate], now: int) -> None:
        """Keep a day's rates; the same day again replaces them."""
        await self._db.many(
            "INSERT INTO rate (day, code, value, quant, fetched_at) VALUES (:day, :code, :value, :quant, :now)"
            " ON CONFLICT (day, code) DO UPDATE SET value = excluded.value, quant = excluded.quant,"
            " fetched_at = excluded.fetched_at",
            [(rate.day, rate.code, str(rate.value), rate.quant, now) for rate in rates],
        )

    async def newest(self, days: int = 2) -> list[list[Rate]]:
        """The rates of the newest `days` stored days, newest day first."""
        rows = await self._db.fetch(
            "SELECT day, code, value, quant FROM rate WHERE day IN"
            " (SELECT day FROM (SELECT DISTINCT day FROM rate ORDER BY day DESC LIMIT :days) AS newest)"
            " ORDER BY day DESC, code",
            days=days,
        )
        by_day: dict[str, list[Rate]] = {}
        for day, code, value, quant in rows:
            by_day.setdefault(day, []).append(Rate(day, code, Decimal(value), quant))
        return list(by_day.values())
