"""Everything a handler may use, in one value. aiogram hands it over as the argument `ctx`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.domain.article import Section
from bot.i18n import Words
from bot.settings import Settings
from storage import Storage


async def _unknown(url: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Context:
    """`sections` are the newsroom's in button order, with their bits. `wake` tells the senders that there is
    something new (a hint: they look by themselves every second). `username` is the bot's, without @. `link_problem`
    says what is wrong with an address, "" for nothing. `born_at` is when it first listened (epoch seconds), 0 when that
    is not known."""

    storage: Storage
    settings: Settings
    words: Words
    clock: Clock
    sections: Sequence[Section]
    newsroom: str
    username: str
    wake: Callable[[], None]
    link_problem: Callable[[str], Awaitable[str]] = _unknown
    born_at: int = 0

    @property
    def zone(self) -> ZoneInfo:
        """The newsroom's time zone."""
        return self.settings.newsroom.zone

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return int(self.clock.now())
