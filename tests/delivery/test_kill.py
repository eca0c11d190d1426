"""kill -9 in mid-broadcast: nobody without the post, and hardly anybody twice. On both databases."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import evidence
from bot.clock import RealClock
from bot.delivery.sender import MOST_IN_FLIGHT
from bot.domain.article import Article
from bot.domain.feed import Found, Poll
from bot.sandbox.http import Sandbox
from storage import Storage, open_storage
from tests.factories import gone, subscribe, zygote

SEED = int(os.environ.get("KILL_SEED", "2026"))
COMMIT_GROUP = 256
"""More than what comes in within a commit's time at 1,000 messages a second."""


async def prepare(database_url: str, readers: int) -> None:
    """Readers of one section, and a first post."""
    storage = await open_storage(database_url)
    await storage.meta.section_bits(["sport"])
    await subscribe(storage, range(1, readers + 1), 1)
    await publish(storage, "Финал")
    await storage.close()


async def publish(storage: Storage, title: str) -> None:
    """A post that waits for them."""
    (feed,) = await storage.feeds.watch(["https://dala.example/rss"])
    now = int(RealClock().now())
    article = Article(0, feed.id, title, "Коротко.", "https://dala.example/1", "ru", 1, now, published_at=now)
    await storage.feeds.save_poll(Poll(feed, (Found(article, (title,), publish=True, everybody=True),)), now=now)


async def all_out(database_url: str) -> Storage:
    """Wait until nothing waits and nothing is on its way; the storage is open."""
    storage = await open_storage(database_url, exclusive=False)
    async with asyncio.timeout(120):
        while await storage.broadcasts.open() or await storage.posts.waiting():
            await RealClock().sleep(0.2)
    return storage


async def killed_and_restarted(
    database_url: str, folder: Path, *, readers: int, kills: int, rate: int, seed: int
) -> list[int]:
    """Send to everybody with that many kills at random moments; how often each reader got the post."""
    rng = random.Random(seed)
    config = f"[delivery]\nmessages_per_second = {rate}\n"
    await prepare(database_url, readers)
    async with Sandbox(RealClock()) as sandbox, zygote() as forks:
        sends = Counter()
        sandbox.machine.listeners.append(lambda kind, chat_id, payload: sends.update([kind]))
        for chat in range(1, readers + 1):
            sandbox.people.add(chat, started=True)
        for _ in range(kills):
            pid = await forks.bot(sandbox, database_url, folder, config, lease=1)
            more = rng.uniform(0.3, 1.2) * readers / (kills + 2)
            goal = sends["message"] + more
            await sandbox.until(lambda goal=goal: sends["message"] >= goal, timeout=60)
            os.kill(pid, signal.SIGKILL)
            await gone(pid)
        pid = await forks.bot(sandbox, database_url, folder, config, lease=1)
        storage = await all_out(database_url)
        sent = (await storage.broadcasts.progress(1)).sent
        await storage.close()
        os.kill(pid, signal.SIGTERM)
        assert sent == readers
        return [len(sandbox.sent(chat)) for chat in range(1, readers + 1)]


async def check(database_url: str, folder: Path, engine: str, **run: int) -> tuple[int, int, str]:
    """Run, judge, and print the figures: readers without the post, repeats, in words."""
    copies = await killed_and_restarted(database_url, folder, **run)
    missing, repeats = copies.count(0), sum(copies) - len(copies)
    told = (
        f"{engine}: {run['kills']} kills, {run['readers']} readers, missing {missing}, repeats {repeats}"
        f" ({repeats / run['kills']:.1f} per kill), most copies at one reader {max(copies)}, seed {run['seed']}"
    )
    print(told, flush=True)
    assert missing == 0
    assert repeats <= run["kills"] * (MOST_IN_FLIGHT + COMMIT_GROUP)
    return missing, repeats, told


async def test_twelve_kills(tmp_path: Path) -> None:
    await check(f"sqlite:///{tmp_path}/newsdesk.db", tmp_path, "sqlite", readers=800, kills=12, rate=600, seed=1)


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_eight_kills(database_url: str, engine_name: str, tmp_path: Path) -> None:
    await check(database_url, tmp_path, engine_name, readers=400, kills=8, rate=600, seed=1)


_on_record: list[tuple[int, int, str]] = []


@pytest.mark.prove
async def test_two_hundred_kills(database_url: str, engine_name: str, tmp_path: Path) -> None:
    """Both databases stand in one record."""
    readers, kills = 20_000, 200
    found = await check(database_url, tmp_path, engine_name, readers=readers, kills=kills, rate=1000, seed=SEED)
    _on_record.append(found)
    missing, repeats = (sum(of[n] for of in _on_record) for n in (0, 1))
    per_kill = repeats / kills / len(_on_record)
    each = f"{kills} kills, {readers:,} readers, {len(_on_record)} databases"
    evidence.save(
        "kills",
        evidence.Figure("lost", "Readers left without the post", missing, "readers", wanted="<= 0", note=each),
        evidence.Figure(
            "repeats", "Readers who get it again, a kill", per_kill, "readers",
            wanted=f"<= {MOST_IN_FLIGHT + COMMIT_GROUP}",
        ),
        table="\n".join(words for _, _, words in _on_record),
    )  # fmt: skip


@pytest.mark.prove
async def test_twenty_kills_in_five_thousand(database_url: str, engine_name: str, tmp_path: Path) -> None:
    await check(database_url, tmp_path, engine_name, readers=5000, kills=20, rate=1000, seed=SEED)


@pytest.mark.parametrize("every", [14, pytest.param(1, marks=pytest.mark.prove)])
async def test_a_kill_at_the_nth_call(database_url: str, engine_name: str, tmp_path: Path, every: int) -> None:
    """For each n a life that ends at its n-th call of the database or of Telegram, with a new post each."""
    readers, lives = range(1, 9), list(range(1, 43, every))
    config = "[delivery]\nmessages_per_second = 300\n"
    await prepare(database_url, len(readers))
    async with Sandbox(RealClock()) as sandbox, zygote() as forks:
        for chat in readers:
            sandbox.people.add(chat, started=True)
        for n in lives:
            await gone(await forks.bot(sandbox, database_url, tmp_path, config, lease=1, die=f"call {n}"))
            storage = await open_storage(database_url, exclusive=False)
            await publish(storage, f"Пост {n}.")
            await storage.close()
        pid = await forks.bot(sandbox, database_url, tmp_path, config, lease=1)
        await (await all_out(database_url)).close()
        os.kill(pid, signal.SIGTERM)
        await gone(pid)
        heads = [Counter(message["text"].split("\n")[0] for message in sandbox.sent(chat)) for chat in readers]
    repeats = sum(count - 1 for head in heads for count in head.values())
    print(f"{engine_name}: {len(lives)} kills, one at every {every}. call; repeats {repeats}")
    wanted = {"Финал", *(f"Пост {n}." for n in lives)}
    assert all(set(head) == wanted for head in heads)
    assert repeats <= len(lives) * len(readers)
