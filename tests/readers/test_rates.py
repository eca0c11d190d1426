"""The National Bank's feed in both shapes, the calendar of asking, and the words of the rates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import SteppableClock
from bot.domain.errors import FeedError
from bot.feeds.fetch import Fetcher
from bot.i18n import Words
from bot.readers.rates import SIZE_LIMIT, RatesService, line, next_check, parse, screen
from storage import Storage
from storage.rates import Rate

ALMATY = ZoneInfo("Asia/Almaty")
WORDS = Words.load(["ru", "kk", "en"])
SHOW = ("USD", "EUR", "RUB", "UZS", "ATS")


def at(text: str) -> float:
    """Epoch seconds of a moment in Almaty."""
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY).timestamp()


def item(code: str, value: str, quant: str = "1", day: str = "") -> str:
    """One row of the feed."""
    date = f"<pubDate>{day}</pubDate>" if day else ""
    return (
        f"<item>{date}<title>{code}</title><description>{value}</description><quant>{quant}</quant>"
        "<index/><change>0.00</change></item>"
    )


def rss(*items: str) -> bytes:
    """The shape with a date in each item."""
    return f'<?xml version="1.0" encoding="utf-8"?><rss><channel>{"".join(items)}</channel></rss>'.encode()


def table(day: str, *items: str) -> bytes:
    """The shape with one date."""
    return f"<rates><date>{day}</date>{''.join(items)}</rates>".encode()


USD = Rate("2026-11-20", "USD", Decimal("498.34"), 1)


@pytest.mark.parametrize(
    "body",
    [
        rss(item("USD", "498.34", day="20.11.2026")),
        table("20.11.2026", item("USD", "498.34")),
        table(" 20.11.2026\n", item(" usd ", "\n498,34 ", " 1 ")),
        '<?xml version="1.0" encoding="windows-1251"?><rates><date>20.11.2026</date><item><fullname>ДОЛЛАР</fullname>'
        "<title>USD</title><description>498.34</description></item></rates>".encode("cp1251"),
    ],
)
def test_both_shapes_give_the_same(body: bytes) -> None:
    assert parse(body) == [USD]


def test_quant_is_kept_and_bad_rows_are_left_out() -> None:
    rows = [
        item("UZS", "4.12", "100"),
        item("US", "1"),
        item("EUR", "abc"),
        item("EUR", "-5"),
        item("EUR", "0.00"),
        item("EUR", "5", "0"),
        item("EUR", "5", "1.5"),
        item("RUB", "5", day="31.02.2026"),
        item("CNY", "9" * 40),
    ]
    assert parse(table("20.11.2026", *rows)) == [Rate("2026-11-20", "UZS", Decimal("4.12"), 100)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "parse"),
        (b"<html><p>busy</html>", "parse"),
        (b"<html></html>", "empty"),
        (table("today", item("USD", "5")), "empty"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]>' + table("20.11.2026", item("USD", "5")), "not_feed"),
        (table("20.11.2026", item("USD", "5")).decode().encode("utf-16"), "not_feed"),
        (b'<?xml version="1.0" encoding="nothing"?><rates/>', "parse"),
        (b" " * (SIZE_LIMIT + 1), "too_big"),
    ],
)
def test_what_is_no_table_of_rates_says_why(body: bytes, kind: str) -> None:
    with pytest.raises(FeedError) as caught:
        parse(body)
    assert caught.value.kind == kind


@given(st.one_of(st.binary(max_size=300), st.text(alphabet="<>/&;itemrates![]\"' 0.,", max_size=200).map(str.encode)))
@settings(max_examples=100)
def test_parsing_raises_nothing_else(body: bytes) -> None:
    with suppress(FeedError):
        assert parse(body)


@pytest.mark.parametrize(
    ("now", "changed", "due"),
    [
        ("2026-11-23T08:00", None, "2026-11-23T09:00"),  # a Monday: the morning check
        ("2026-11-23T09:00", None, "2026-11-23T15:45"),
        ("2026-11-23T15:45", None, "2026-11-23T15:55"),
        ("2026-11-23T16:05", "2026-11-20T16:00", "2026-11-23T16:15"),
        ("2026-11-23T16:15", "2026-11-23T16:05", "2026-11-24T09:00"),  # changed: enough for today
        ("2026-11-23T18:30", None, "2026-11-24T09:00"),
        ("2026-11-27T23:00", None, "2026-11-28T09:00"),
        ("2026-11-28T16:00", None, "2026-11-29T09:00"),  # a Saturday
    ],
)
def test_the_calendar_of_asking(now: str, changed: str | None, due: str) -> None:
    assert next_check(at(now), ALMATY, changed_at=at(changed) if changed else 0, failures=0) == at(due)


def test_failures_are_asked_again_ever_less_often() -> None:
    waits = [next_check(1000, ALMATY, changed_at=0, failures=n) - 1000 for n in (1, 2, 3, 7, 999)]
    assert waits == [60, 120, 240, 3600, 3600]


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(0, 20))
@settings(max_examples=100)
def test_the_next_check_is_always_ahead(now: int, changed: int, failures: int) -> None:
    assert 0 < next_check(now, ALMATY, changed_at=changed, failures=failures) - now <= 86400


TODAY = [
    Rate("2026-11-20", "EUR", Decimal("519.72"), 1),
    Rate("2026-11-20", "RUB", Decimal("4.85"), 1),
    USD,
    Rate("2026-11-20", "UZS", Decimal("0.4120"), 10),
]
BEFORE = [
    Rate("2026-11-19", "EUR", Decimal("521.87"), 1),
    Rate("2026-11-19", "RUB", Decimal("4.85"), 1),
    Rate("2026-11-19", "USD", Decimal("497.30"), 1),
    Rate("2026-11-19", "UZS", Decimal("4.10"), 100),  # another number of units than today
]


def test_the_line_and_the_screen_in_words() -> None:
    ru = WORDS["ru"]
    said = line([TODAY, BEFORE], SHOW, ru).replace("\u00a0", " ")
    assert said == "$ 498,34 ₸ ▲ +1,04 · € 519,72 ₸ ▼ −2,15 · ₽ 4,85 ₸ · 10 UZS 0,4120 ₸ ▲ +0,0020"
    shown = screen([TODAY, BEFORE], SHOW, ru, ALMATY, at("2026-11-22T12:00"))
    assert shown is not None
    assert shown.text.replace("\u00a0", " ").splitlines() == [
        "💱 Курс Нацбанка на 20 ноября",
        "$ 1 — 498,34 ₸ ▲ +1,04",
        "€ 1 — 519,72 ₸ ▼ −2,15",
        "₽ 1 — 4,85 ₸",
        "10 UZS — 0,4120 ₸ ▲ +0,0020",
        "В обменниках курс другой.",
    ]
    assert shown.entities[0]["type"] == "bold"


def test_old_rates_say_so_and_a_first_day_has_no_change() -> None:
    shown = screen([[USD]], SHOW, WORDS["en"], ALMATY, at("2027-01-10T12:00"))
    assert shown is not None
    assert "20 November 2026" in shown.text
    assert "the last one known" in shown.text
    assert "▲" not in shown.text
    assert screen([], SHOW, WORDS["kk"], ALMATY, 0) is None
    assert screen([[USD]], ["EUR"], WORDS["kk"], ALMATY, 0) is None
    assert line([], SHOW, WORDS["ru"]) == ""


class Bank:
    """A bank over HTTP whose answers a test sets."""

    def __init__(self) -> None:
        self.body = table("20.11.2026", item("USD", "497.30"))
        self.status = 200
        self.asked = asyncio.Queue[float]()
        self.clock = SteppableClock(at("2026-11-23T10:00"))
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Serve the table."""
        self.asked.put_nowait(self.clock.now())
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def bank() -> AsyncIterator[Bank]:
    """A bank on this machine."""
    bank = Bank()
    app = web.Application()
    app.router.add_get("/rates.xml", bank.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bank.url = f"http://127.0.0.1:{runner.addresses[0][1]}/rates.xml"
    yield bank
    await runner.cleanup()


async def test_the_service_keeps_days_and_survives_failures(bank: Bank, sqlite_storage: Storage) -> None:
    async with Fetcher(bank.clock, user_agent="test", allow_private=True) as fetcher:
        service = RatesService(sqlite_storage, fetcher, bank.url, ALMATY, bank.clock)
        await service.check()
        bank.body = table("24.11.2026", item("USD", "498.34"))
        await service.check()
        bank.status = 500
        await service.check()
        bank.status, bank.body = 200, table("24.11.2030", item("USD", "1"))
        await service.check()
    days = await sqlite_storage.rates.newest(9)
    assert [(day[0].day, day[0].value) for day in days] == [
        ("2026-11-24", Decimal("498.34")),
        ("2026-11-20", Decimal("497.30")),
    ]


async def test_the_service_asks_at_once_and_then_by_the_calendar(bank: Bank, sqlite_storage: Storage) -> None:
    clock = bank.clock

    async def asleep_until(moment: str) -> None:
        while clock.next_wake() is None:  # noqa: ASYNC110  # the clock tells nobody that somebody fell asleep
            await asyncio.sleep(0.005)
        assert clock.now() + clock.next_wake() - clock.monotonic() == at(moment)  # type: ignore[operator]
        await clock.advance(at(moment) - clock.now())

    async with Fetcher(clock, user_agent="test", allow_private=True) as fetcher, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(RatesService(sqlite_storage, fetcher, bank.url, ALMATY, clock).run())
        assert await bank.asked.get() == at("2026-11-23T10:00")
        await asleep_until("2026-11-23T15:45")
        assert await bank.asked.get() == at("2026-11-23T15:45")
        bank.status = 503
        await asleep_until("2026-11-23T15:55")
        assert await bank.asked.get() == at("2026-11-23T15:55")
        bank.status, bank.body = 200, table("24.11.2026", item("USD", "498.34"))
        await asleep_until("2026-11-23T15:56")
        assert await bank.asked.get() == at("2026-11-23T15:56")
        await asleep_until("2026-11-24T09:00")
        running.cancel()
