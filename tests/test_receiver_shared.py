"""Several processes on one inbox: each update is handled by one, in its chat's order, whoever dies or stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bot.clock import SteppableClock
from bot.domain.errors import StorageBusy
from bot.ops.receiver import Receiver
from storage import Storage
from storage.inbox import Inbox

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])


class Process:
    """A receiver that notes what it handled, and whose handler waits until it is `free`."""

    def __init__(self, storage: Storage, clock: SteppableClock, name: str, handled: list[tuple[str, int]]) -> None:
        self.name, self.handled = name, handled
        self.free, self.began = asyncio.Event(), asyncio.Event()
        self.free.set()
        self.receiver = Receiver(storage, None, self._handle, clock, kinds=[], worker=name)  # type: ignore[arg-type]

    async def _handle(self, update: dict[str, Any]) -> None:
        self.began.set()
        await self.free.wait()
        self.handled.append((self.name, update["update_id"]))

    async def hear(self, *ids: int, chat: int = 5) -> None:
        """Updates arrive here."""
        updates = [{"update_id": id_, "message": {"chat": {"id": chat}, "text": "x"}} for id_ in ids]
        await self.receiver._accept(json.loads(json.dumps(updates)))


@pytest.fixture
def clock() -> SteppableClock:
    return SteppableClock(1e9, running=True, speed=10)


@asynccontextmanager
async def working(*processes: Process, dead: Sequence[Process] = ()) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.receiver.run(stop, polling=False)) for one in processes]
    try:
        yield
    finally:
        stop.set()
        for one, task in zip(processes, tasks, strict=True):
            one.free.set()
            if one in dead:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(handled: list[tuple[str, int]], number: int) -> None:
    async with asyncio.timeout(60):
        while len(handled) < number:  # noqa: ASYNC110 - what another process does can only be looked at
            await asyncio.sleep(0.01)


async def test_a_chats_order_holds_across_processes(storage: Storage, clock: SteppableClock) -> None:
    handled: list[tuple[str, int]] = []
    a, b = Process(storage, clock, "a", handled), Process(storage, clock, "b", handled)
    async with working(a, b):
        a.free.clear()
        await a.hear(1)
        await a.began.wait()
        await b.hear(1, 2)
        await b.hear(3, chat=6)
        await until(handled, 1)
        assert handled == [("b", 3)], "another chat waits for nobody, and 2 waits for 1"
        await clock.sleep(1.5 * Receiver.lease)
        assert len(handled) == 1, "what takes long is prolonged"
        a.free.set()
        await until(handled, 3)
    assert handled == [("b", 3), ("a", 1), ("b", 2)]


async def test_what_a_dead_one_leaves_is_taken_over_in_order(storage: Storage) -> None:
    clock = SteppableClock(1e9, running=True, speed=2)  # the two seconds beyond the lease are a machine's time, too
    handled: list[tuple[str, int]] = []
    a, b = Process(storage, clock, "a", handled), Process(storage, clock, "b", handled)
    a.free.clear()
    async with working(a, dead=[a]):
        await a.hear(1, 2)
        await a.began.wait()
    async with working(b):
        await b.hear(3)
        died = clock.monotonic()
        await until(handled, 3)
        assert clock.monotonic() - died < Receiver.lease + 2
    assert handled == [("b", 1), ("b", 2), ("b", 3)]
    assert not await storage.engine.fetch("SELECT 1 FROM inbox WHERE handled_at IS NULL")


async def test_who_stood_still_leaves_alone_what_others_have_by_now(
    storage: Storage, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[tuple[str, int]] = []
    a, b = Process(storage, clock, "a", handled), Process(storage, clock, "b", handled)
    real = Inbox.prolong

    async def cut_off(self: Inbox, worker: str, ids: Any, until: int) -> None:
        if worker == "a":
            raise StorageBusy("cut off")
        await real(self, worker, ids, until)

    monkeypatch.setattr(Inbox, "prolong", cut_off)
    a.free.clear()
    async with working(a, b):
        await a.hear(1, 2)
        await a.began.wait()
        await until(handled, 2)
        assert handled == [("b", 1), ("b", 2)]
        a.free.set()
        await until(handled, 3)
        await clock.sleep(3)
    assert handled == [("b", 1), ("b", 2), ("a", 1)], "what was in a handler is finished, what waited behind it is not"


async def test_a_stop_leaves_the_rest_to_others_at_once(
    storage: Storage, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Receiver, "lease", 3600.0)  # longer than anybody waits here
    handled: list[tuple[str, int]] = []
    a, b = Process(storage, clock, "a", handled), Process(storage, clock, "b", handled)
    await storage.inbox.store([(1, 5, "{}")], 1, worker="elsewhere", until=int(clock.now() * 1000) + 3_600_000)
    async with working(a):
        await a.hear(2)
    assert not handled
    await storage.inbox.done([1], 1)
    async with working(b):
        await until(handled, 1)
    assert handled == [("b", 2)]
