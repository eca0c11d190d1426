"""What goes wrong: one fault after the other, each for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import storage.sqlite as sqlite
from bot.domain.errors import StorageBusy, StorageFull
from tests.soak.book import CHANNEL

if TYPE_CHECKING:
    from tests.soak.world import Soak


class Trouble:
    """Faults of Telegram, of feeds, of the database, of the clock, and of the bot itself."""

    def __init__(self, soak: Soak) -> None:
        self.soak = soak
        self.storage_fault = ""

    async def go_on(self) -> None:
        """One fault after the other, none of them for long."""
        kinds: dict[str, Callable[[], Any]] = {
            "outage": lambda: self._telegram("server_error", 300),
            "pages": lambda: self._telegram("html_body", 120),
            "cut lines": lambda: self._telegram("drop_before", 120),
            "lost answers": self._lost_answers,
            "slow": lambda: self._telegram("latency", 200),
            "flood": self._flood,
            "feeds": self._feeds,
            "busy": lambda: self._storage("busy", 30),
            "full": lambda: self._storage("full", 90),
            "rights": self._rights,
            "clock": self._clock_back,
            "restart": self._restart,
            "cut off": self._cut,
        }
        while True:
            await asyncio.sleep(self.soak.rng.expovariate(1 / 420))
            name = self.soak.rng.choice(list(kinds))
            self.soak.faults[name] += 1
            await kinds[name]()

    async def _telegram(self, name: str, longest: float) -> None:
        fault = self.soak.sandbox.fail(name, times=None, match=lambda params: "offset" not in params, seconds=2.0)
        await asyncio.sleep(self.soak.rng.uniform(5, longest))
        self.soak.sandbox.faults.armed.remove(fault)

    def end(self) -> None:
        """Everything works again."""
        self.storage_fault, self.soak.clock.shift = "", 0.0
        self.soak.sandbox.faults.clear()
        for site in self.soak.sites:
            site.broken = ""
        self.soak.sandbox.people.promote_bot(self.soak.sandbox.machine.chats[CHANNEL])

    async def _lost_answers(self) -> None:
        number = self.soak.rng.randrange(1, 20)
        self.soak.lost += number
        self.soak.sandbox.fail("drop_after", times=number, match=lambda params: "offset" not in params)

    async def _flood(self) -> None:
        self.soak.sandbox.fail("flood_bot", method="sendMessage", seconds=self.soak.rng.randrange(2, 40))

    async def _feeds(self) -> None:
        broken = self.soak.rng.sample(self.soak.sites, max(1, len(self.soak.sites) // 4))
        kind = self.soak.rng.choice(("html", "cut", "empty", "http", "timeout", "network"))
        for site in broken:
            site.broken = kind
        await asyncio.sleep(self.soak.rng.uniform(60, 600))
        for site in broken:
            site.broken = ""

    async def _storage(self, kind: str, longest: float) -> None:
        self.storage_fault = kind
        await asyncio.sleep(self.soak.rng.uniform(1, longest))
        self.storage_fault = ""

    async def _rights(self) -> None:
        people, channel = self.soak.sandbox.people, self.soak.sandbox.machine.chats[CHANNEL]
        people.promote_bot(channel, {"can_edit_messages": True, "can_delete_messages": True})
        await asyncio.sleep(self.soak.rng.uniform(30, 600))
        people.promote_bot(channel)

    async def _clock_back(self) -> None:
        if self.soak.clock.monotonic() > 5400:  # not to before the feeds were met
            self.soak.clock.shift -= 3600
            await asyncio.sleep(self.soak.rng.uniform(60, 600))
            self.soak.clock.shift += 3600

    async def _restart(self) -> None:
        self.soak.stop.set()
        await asyncio.wait((self.soak.bot,))

    async def _cut(self) -> None:
        self.soak.lost += 256 + 512  # in flight, and a commit group
        self.soak.bot.cancel()
        await asyncio.wait((self.soak.bot,))

    def failing(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The database's edge: now and then it takes nothing."""

        async def failed(connection: Any, function: Callable[..., Any], *args: Any) -> Any:
            reads = function is sqlite._fetch and str(args[0]).lstrip().startswith(("SELECT", "PRAGMA", "WITH"))
            if self.storage_fault == "busy" and self.soak.rng.random() < 0.2:
                raise StorageBusy("injected")
            if self.storage_fault == "full" and not reads:
                raise StorageFull("injected")
            return await run(connection, function, *args)

        return failed
