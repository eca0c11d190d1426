"""Rates: official exchange rates, day by day."""

from __future__ import annotations

from decimal import Decimal

from storage import Storage
from storage.rates import Rate


async def test_the_newest_days_come_first_with_exact_values(storage: Storage) -> None:
    assert await storage.rates.newest() == []
    await storage.rates.save([], 1)
    days = ["2026-11-20", "2026-11-22", "2026-11-21"]
    rates = [Rate(day, code, Decimal("498.70"), 100) for day in days for code in ("USD", "EUR")]
    await storage.rates.save(rates, 1)
    better = Rate("2026-11-22", "USD", Decimal("0.1000000000000000000001"), 1)
    await storage.rates.save([better], 2)
    newest = await storage.rates.newest()
    assert newest == [[rates[3], better], [rates[5], rates[4]]]
    assert len(await storage.rates.newest(9)) == 3
    assert str(newest[1][0].value) == "498.70"
