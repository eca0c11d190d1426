"""Nobody is slowed by somebody who never stops: the whole bot in virtual time, with and without three who hammer it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bot.domain.desk import Role
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.settings import DEFAULT_SECTIONS, Delivery
from storage import open_storage
from tests.factories import OWNER, running, settings_for, subscribe
from tests.virtual import LoopClock, edges, play

READERS = range(10_000, 10_300)
CHATTY = (601, 602, 603)
ASKED = 8


async def nowhere(url: str, etag: str, modified: str) -> object:
    raise AssertionError("no feed is watched here")


async def answered(sandbox: Sandbox, person: Person, text: str) -> float:
    """Seconds from what somebody says until the answer is there."""
    began, before = sandbox.machine.clock.monotonic(), len(person.chat())
    await person.send(text)
    while len(person.chat()) < before + 2:  # noqa: ASYNC110 - in virtual time
        await asyncio.sleep(0.01)
    return sandbox.machine.clock.monotonic() - began


async def hammer(person: Person, stop: asyncio.Event) -> int:
    """Thirty updates a second: messages, presses and inline questions; how many."""
    await person.send("/start")
    await asyncio.sleep(2)
    screen, said = person.chat()[-1], 0
    while not stop.is_set():
        for _ in range(3):
            said += 1
            match said % 3:
                case 0:
                    await person.send("/find мост")
                case 1:
                    await person.press(screen, f"s:4:{said % 2}", wait=False)
                case _:
                    person.sandbox.machine.inline(person.id, f"мост {said}", "")
        await asyncio.sleep(0.1)
    return said


class Lived(NamedTuple):
    """How long a quiet reader waited for each of some answers, how long breaking news took to everybody else, how
    many updates the chatty had meanwhile, and how many messages and edits came of those in one second."""

    waits: list[float]
    took: float
    said: int
    rate: float


def lived(folder: Path, chatty: tuple[int, ...]) -> Lived:
    """A few minutes of the whole bot."""
    waits: list[float] = []

    async def whole(clock: LoopClock, rng: random.Random) -> Lived:
        sandbox = Sandbox(clock, anti_spin=False)
        sandbox.machine.listeners.append(sandbox._poll.heard)
        url = f"sqlite:///{folder}/newsdesk.db"
        settings = settings_for(sandbox, None, url, delivery=Delivery(messages_per_second=20))
        settings = replace(settings, path=folder / "newsdesk.toml")
        owner, quiet = sandbox.people.add(OWNER, lang="ru", started=True), sandbox.people.add(500, lang="ru")
        talkers = [sandbox.people.add(user, lang="ru") for user in chatty]
        for chat in READERS:
            sandbox.people.add(chat, started=True)
        with edges(sandbox, nowhere, lambda: rng.uniform(0.06, 0.1)):  # type: ignore[arg-type]
            storage = await open_storage(url)
            bits = await storage.meta.section_bits([one.id for one in DEFAULT_SECTIONS])
            await subscribe(storage, READERS, 1 << bits["sport"])
            await storage.editors.add(OWNER, Role.OWNER, "Ия", by=0, now=1)
            await storage.close()
            async with running(settings, clock=clock), asyncio.TaskGroup() as tasks:
                stop = asyncio.Event()
                hammers = [tasks.create_task(hammer(one, stop)) for one in talkers]
                await asyncio.sleep(5)
                for n in range(ASKED):
                    waits.append(await answered(sandbox, quiet, ("/start", "/settings", "/latest", "/help")[n % 4]))
                    await asyncio.sleep(2)
                await owner.send("/breaking Мост закрыт")
                await asyncio.sleep(3)
                await owner.tap(owner.chat()[-1], "Разослать", wait=False)
                began = clock.monotonic()
                while not all(sandbox.sent(chat) for chat in READERS):  # noqa: ASYNC110 - in virtual time
                    await asyncio.sleep(0.05)
                took = clock.monotonic() - began
                stop.set()
                said = [await one for one in hammers]
        assert not sandbox.violations
        theirs = [call for call in sandbox.calls if str(call.params.get("chat_id")) in map(str, chatty)]
        return Lived(waits, took, sum(said), len(theirs) / clock.monotonic())

    return play(7, whole)


def test_three_who_never_stop_slow_nobody(tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "loud").mkdir()
    calm, loud = lived(tmp_path / "calm", ()), lived(tmp_path / "loud", CHATTY)
    assert loud.said > 2_000
    assert len(calm.waits) == len(loud.waits) == ASKED
    assert max(loud.waits) < max(calm.waits) + 0.1
    assert sum(loud.waits) / ASKED < sum(calm.waits) / ASKED + 0.05
    assert 0 < loud.rate < len(CHATTY) * 1.5, "each is answered once a second, after a burst"
    assert loud.took < calm.took * 20 / (20 - len(CHATTY)), "and only that is missing in the budget of all"
