"""Services apart, as real processes on one PostgreSQL: who leads, who takes over and when, and nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from time import monotonic

import pytest

from bot.delivery.sender import MOST_IN_FLIGHT
from bot.sandbox.http import Sandbox
from tests.factories import FeedSite, free_port
from tests.processes import SECRET, House, balancer, house

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])
COMMIT_GROUP = 256


async def everybody(made: House, words: str, chats: range, timeout: float = 90) -> list[int]:
    """Wait until each of these readers has it; how often."""
    await made.sandbox.until(lambda: all(made.copies(words, chats)), timeout=timeout)
    return made.copies(words, chats)


async def test_a_newsroom_of_six_processes(sandbox: Sandbox, site: FeedSite, database_url: str, tmp_path: Path) -> None:
    """Two watch, two send, two talk behind a balancer; one of each is killed, and everything goes on."""
    chats, ports = range(1, 41), (free_port(), free_port())
    async with (
        house(sandbox, site, database_url, tmp_path, readers=40, stride=300, lease=1) as made,
        balancer(*(f"http://127.0.0.1:{port}" for port in ports)) as front,
    ):
        for n, port in enumerate(ports):
            await made.start(f"watch{n}", "watch")
            await made.start(f"send{n}", "send")
            await made.start(
                f"talk{n}", "talk",
                HTTP_LISTEN=f"127.0.0.1:{port}", WEBHOOK_URL=f"{front.url}/tg", WEBHOOK_SECRET=SECRET,
            )  # fmt: skip
        people = [sandbox.people.add(chat, lang="ru") for chat in range(1001, 1021)]
        await sandbox.until(lambda: sandbox.machine.webhook.url, timeout=30)
        for person in people:
            await person.send("/start sport")
            await person.send("/help")
        for person in people:
            await person.next("/settings", timeout=20)
        assert min(front.answered.values()) >= 5, "both take their share"
        for person in people:
            said = [message.get("text") or "" for message in person.chat()]
            assert sum("Вы подписаны" in text for text in said) == 1, "each update is handled once"
            assert [n for n, text in enumerate(said) if "Вы подписаны" in text] < [
                n for n, text in enumerate(said) if "/settings" in text and "Вы подписаны" not in text
            ], "in their order"
        site.publish("Финал кубка")
        assert await everybody(made, "Финал", chats) == [1] * 40, "nobody twice"
        for service, name in (("watch", "watch"), ("publish", "send"), ("desk", "talk")):
            killed = await made.led(service)
            assert killed.startswith(name)
            at = await made.kill(killed)
            other = await made.led(service, other_than=killed)
            assert other.startswith(name)
            assert monotonic() - at < made.lease + 2
        site.publish("После обмена")
        assert all(count == 1 for count in await everybody(made, "После", chats))
        await people[0].send("/start sport")
        await people[0].next("Вы подписаны", timeout=20)


@pytest.mark.prove
async def test_a_sender_that_stood_still_sends_nothing_twice(
    sandbox: Sandbox, database_url: str, tmp_path: Path
) -> None:
    """SIGSTOP for longer than its lease, while another takes its readers over, then SIGCONT."""
    chats = range(1, 241)
    async with house(sandbox, None, database_url, tmp_path, readers=240, stride=60, rate=60, lease=1) as made:
        for name in ("a", "b"):
            await made.start(name, "send")
        await made.publish("Финал кубка")
        await sandbox.until(lambda: sum(made.copies("Финал", chats)) > 40, timeout=30)
        await made.until(lambda: made.leased(made.pids["a"]))
        os.kill(made.pids["a"], signal.SIGSTOP)
        await asyncio.sleep(3 * made.lease)
        os.kill(made.pids["a"], signal.SIGCONT)
        copies = await everybody(made, "Финал", chats)
        await made.done()
        copies = made.copies("Финал", chats)
    assert sum(copies) - len(copies) <= 60, "no more than what it had in flight and had not written"


@pytest.mark.prove
async def test_takeovers_by_the_clock(sandbox: Sandbox, site: FeedSite, database_url: str, tmp_path: Path) -> None:
    """Each service killed several times: the other one begins within the lease and a second."""
    lease, rounds, took = 3, 4, dict[str, list[float]]()
    async with house(sandbox, site, database_url, tmp_path, readers=10, lease=lease) as made:
        for n in range(2):
            await made.start(f"watch{n}", "watch")
            await made.start(f"send{n}", "send")
            await made.start(f"talk{n}", "talk")
        for n in range(2, 2 + rounds):
            for service in ("watch", "publish", "poll", "desk"):
                killed = await made.led(service)
                at = await made.kill(killed)
                await made.led(service, other_than=killed)
                took.setdefault(service, []).append(monotonic() - at)
                await made.start(f"{killed[:5].rstrip('0123456789')}{n}{service}", killed[:5].rstrip("0123456789"))
                await asyncio.sleep(2)
        person = sandbox.people.add(5000, lang="ru")
        await person.send("/start sport")
        await person.next("Вы подписаны", timeout=30)
    for service, seconds in took.items():
        print(f"{service}: lease {lease} s, taken over after {', '.join(f'{one:.1f}' for one in seconds)} s")
        assert max(seconds) <= lease + 1


@pytest.mark.prove
async def test_a_killed_senders_readers_come_within_its_lease(
    sandbox: Sandbox, database_url: str, tmp_path: Path
) -> None:
    lease, chats = 3, range(1, 3001)
    async with house(sandbox, None, database_url, tmp_path, readers=3000, stride=40, rate=200, lease=lease) as made:
        for n in range(3):
            await made.start(f"s{n}", "send")
        await made.publish("Финал кубка")
        took = []
        for n in range(3):
            await sandbox.until(lambda n=n: sum(made.copies("Финал", chats)) > 400 * (n + 1), timeout=60)
            pid = made.pids[f"s{n}"]

            held = await made.leased(pid)
            at = await made.kill(f"s{n}")
            await made.start(f"s{n + 3}", "send")

            async def taken(pid: int = pid, held: int = held) -> object:
                return not held or await made.leased(pid) < held

            await made.until(taken)
            took.append(monotonic() - at)
        copies = await everybody(made, "Финал", chats, timeout=120)
        await made.done()
        copies = made.copies("Финал", chats)
    repeats = sum(copies) - len(copies)
    print(
        f"lease {lease} s, taken over after {', '.join(f'{one:.1f}' for one in took)} s; missing 0, repeats {repeats}"
    )
    assert max(took) <= lease + 1
    assert repeats <= 3 * (MOST_IN_FLIGHT + COMMIT_GROUP)
