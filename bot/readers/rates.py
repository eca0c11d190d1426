"""Official exchange rates: the National Bank's feed read, kept day by day, and shown in words.

    feed ─parse→ Rate ─save→ storage ─newest→ line | screen

The rate is the official one and always carries the date that the feed gives it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from bot.clock import Clock
from bot.domain.errors import FeedError, StorageError
from bot.domain.post import RichText
from bot.feeds.fetch import Fetcher
from bot.posts.richtext import bold, join
from storage import Storage
from storage.rates import Rate

if TYPE_CHECKING:
    from bot.i18n import Lang

SIZE_LIMIT = 1024 * 1024
_SYMBOLS = {"USD": "$", "EUR": "€", "RUB": "₽", "GBP": "£", "CNY": "¥"}
_NBSP = "\N{NO-BREAK SPACE}"
_TENGE = f"{_NBSP}₸"
_DATE = re.compile(r"(\d{2})\.(\d{2})\.(\d{4})")
_VALUE = re.compile(r"\d{1,9}(?:[.,]\d{1,6})?")
_STALE = timedelta(days=4)  # longer than a weekend with a holiday beside it
_FAR = timedelta(days=14)  # a date further ahead is a mistake, and would hide every true one

_MORNING, _OPENS, _CLOSES = time(9, 0), time(15, 45), time(18, 30)
_STEP, _BACKOFF, _BACKOFF_LIMIT = 600, 60, 3600
_log = logging.getLogger(__name__)


def parse(body: bytes) -> list[Rate]:
    """The rates in either shape of the feed: `<rates>` with one date, or RSS with a date in each item.

    Rows that cannot be read are left out. Raises FeedError (too_big, not_feed, parse, empty).
    """
    if len(body) > SIZE_LIMIT:
        raise FeedError("too_big", f"{len(body)} bytes of exchange rates")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\0" in body:
        raise FeedError("not_feed", "the document declares entities")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  # entities are refused above, the size is limited
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise FeedError("parse", f"not XML: {type(error).__name__}") from error
    common = root.findtext("date") or ""
    rates = [rate for item in root.iter("item") if (rate := _rate(item, common))]
    if not rates:
        raise FeedError("empty", "no exchange rate in the document")
    return rates


def _rate(item: ElementTree.Element, common: str) -> Rate | None:
    def said(name: str) -> str:
        return (item.findtext(name) or "").strip()

    code, value, quant = said("title").upper(), said("description"), said("quant") or "1"
    day = _day(said("pubDate") or said("date") or common.strip())
    well = re.fullmatch("[A-Z]{3}", code) and _VALUE.fullmatch(value) and re.fullmatch(r"[1-9]\d{0,6}", quant, re.ASCII)
    if not well or day is None:
        return None
    tenge = Decimal(value.replace(",", "."))
    return Rate(day.isoformat(), code, tenge, int(quant)) if tenge else None


def _day(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def next_check(now: float, zone: tzinfo, *, changed_at: float, failures: int) -> float:
    """When to ask again (epoch seconds): each morning, and from 15:45 on weekdays every ten minutes until the
    date has changed; after failures sooner, ever less so. The bank sets the next working day's rates from 15:30."""
    if failures:
        return now + min(_BACKOFF << min(failures - 1, 10), _BACKOFF_LIMIT)
    here = datetime.fromtimestamp(now, zone)
    opens, closes = (datetime.combine(here, at, zone) for at in (_OPENS, _CLOSES))
    tomorrow = datetime.combine(here + timedelta(days=1), _MORNING, zone).timestamp()
    ahead: list[float] = [datetime.combine(here, _MORNING, zone).timestamp(), tomorrow]
    if here.weekday() < 5:
        ahead.append(opens.timestamp())
        if opens <= here < closes and changed_at < opens.timestamp():
            ahead.append(now + _STEP)
    return min(moment for moment in ahead if moment > now)


class RatesService:
    """Keeps the rates up to date. The storage is all that others need of it."""

    def __init__(self, storage: Storage, fetcher: Fetcher, url: str, zone: tzinfo, clock: Clock) -> None:
        self._storage, self._fetcher, self._url, self._zone, self._clock = storage, fetcher, url, zone, clock
        self._newest = ""
        self._changed_at = 0.0
        self._failures = 0

    async def run(self) -> None:
        """Ask at once, then by the bank's calendar, until cancelled."""
        while True:
            await self.check()
            now = self._clock.now()
            due = next_check(now, self._zone, changed_at=self._changed_at, failures=self._failures)
            await self._clock.sleep(due - now)

    async def check(self) -> None:
        """Ask once and keep what came; a failure is logged, and what was known stays."""
        try:
            await self._save((await self._fetcher.fetch(self._url)).body)
            self._failures = 0
        except (FeedError, StorageError) as error:
            self._failures += 1
            _log.warning("exchange rates: %s", error)

    async def _save(self, body: bytes) -> None:
        now = self._clock.now()
        horizon = (datetime.fromtimestamp(now, UTC) + _FAR).date().isoformat()
        rates = [rate for rate in parse(body) if rate.day <= horizon]
        if not rates:
            raise FeedError("parse", "exchange rates of a far future")
        await self._storage.rates.save(rates, int(now))
        newest = max(rate.day for rate in rates)
        if newest != self._newest:
            # The first answer after a start tells nothing about when the date changed.
            self._changed_at = now if self._newest else 0.0
            self._newest = newest


def line(days: Sequence[Sequence[Rate]], show: Sequence[str], t: Lang) -> str:
    """«$ 498,34 ₸ ▲ +1,04 · € 519,72 ₸»: the newest day in one line; "" when nothing is known."""
    return " · ".join(f"{_unit(rate)} {_tenge(rate, before, t)}" for rate, before in _pairs(days, show))


def foot(days: Sequence[Sequence[Rate]], show: Sequence[str], t: Lang, zone: tzinfo) -> RichText:
    """The end of a list: the newest day and its rates; nothing when none is known."""
    rates = line(days, show, t)
    if not rates:
        return RichText()
    day = date.fromisoformat(_pairs(days, show)[0][0].day)
    return join("\n", [bold(t("💱 National Bank rate for {day}", day=t.day(day, zone))), rates])


def screen(days: Sequence[Sequence[Rate]], show: Sequence[str], t: Lang, zone: tzinfo, now: float) -> RichText | None:
    """The newest day with its date, a currency a line; None when nothing is known."""
    pairs = _pairs(days, show)
    if not pairs:
        return None
    day = date.fromisoformat(pairs[0][0].day)
    today = datetime.fromtimestamp(now, zone).date()
    words = t.day(day, zone) if day.year == today.year else t.date(day, zone)
    old = today - day > _STALE
    lines = [f"{_amount(rate)} — {_tenge(rate, before, t)}" for rate, before in pairs]
    return join(
        "\n",
        [
            bold(t("💱 National Bank rate for {day}", day=words)),
            t("This is the last one known: the source has no newer one.") if old else "",
            *lines,
            t("Exchange offices set their own."),
        ],
    )


def _pairs(days: Sequence[Sequence[Rate]], show: Sequence[str]) -> list[tuple[Rate, Rate | None]]:
    """The shown currencies of the newest day in the order of `show`, each with its rate of the day before."""
    newest, before = ({rate.code: rate for rate in day} for day in (*days[:2], (), ())[:2])
    return [(newest[code], before.get(code)) for code in show if code in newest]


def _unit(rate: Rate) -> str:
    name = _SYMBOLS.get(rate.code, rate.code)
    return name if rate.quant == 1 else f"{rate.quant}{_NBSP}{name}"


def _amount(rate: Rate) -> str:
    """«$ 1», «100 UZS»."""
    symbol = _SYMBOLS.get(rate.code)
    return f"{symbol}{_NBSP}{rate.quant}" if symbol else f"{rate.quant}{_NBSP}{rate.code}"


def _tenge(rate: Rate, before: Rate | None, t: Lang) -> str:
    """The value, with its change for as many units; quants may differ between the days."""
    places = 2 if rate.value >= 1 else 4
    text = t.decimal(rate.value, places) + _TENGE
    if before is None:
        return text
    change = round(rate.value - before.value / before.quant * rate.quant, places)
    if not change:
        return text
    return f"{text} {'▲' if change > 0 else '▼'}{_NBSP}{t.signed(change, places)}"
