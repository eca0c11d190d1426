"""kill -9 in mid-broadcast: nobody without the post, and hardly anybody twice. On both databases."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from bot.clock import RealClock
from bot.delivery.sender import MOST_IN_FLIGHT
from bot.domain.article import Article
from bot.domain.feed import Found, Poll
from bot.sandbox.http import Sandbox
from storage import open_storage
from tests.factories import subscribe, zygote

COMMIT_GROUP = 256
"""More than what comes in within a commit's time at 1,000 messages a second."""


async def prepare(database_url: str, readers: int) -> None:
    """Readers of one section, and a post that waits for them."""
    storage = await open_storage(database_url)
    await storage.meta.section_bits(["sport"])
    await subscribe(storage, range(1, readers + 1), 1)
    (feed,) = await storage.feeds.watch(["https://dala.example/rss"])
    now = int(RealClock().now())
    article = Article(0, feed.id, "Финал", "Коротко.", "https://dala.example/1", "ru", 1, now, published_at=now)
    await storage.feeds.save_poll(Poll(feed, (Found(article, ("k",), publish=True, everybody=True),)), now=now)
    await storage.close()


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
            pid = await forks.bot(sandbox, database_url, folder, config)
            more = rng.uniform(0.3, 1.2) * readers / (kills + 2)
            goal = sends["message"] + more
            await sandbox.until(lambda goal=goal: sends["message"] >= goal, timeout=60)
            os.kill(pid, signal.SIGKILL)
        pid = await forks.bot(sandbox, database_url, folder, config)
        storage = await open_storage(database_url, exclusive=False)
        async with asyncio.timeout(120):
            while await storage.broadcasts.open() or await storage.posts.waiting():
                await RealClock().sleep(0.2)
        sent = (await storage.broadcasts.progress(1)).sent
        await storage.close()
        os.kill(pid, signal.SIGTERM)
        assert sent == readers
        return [len(sandbox.sent(chat)) for chat in range(1, readers + 1)]


async def check(database_url: str, folder: Path, engine: str, **run: int) -> None:
    """Run, judge, and print the figures."""
    copies = await killed_and_restarted(database_url, folder, **run)
    missing, repeats = copies.count(0), sum(copies) - len(copies)
    print(
        f"{engine}: {run['kills']} kills, {run['readers']} readers, missing {missing}, repeats {repeats}"
        f" ({repeats / run['kills']:.1f} per kill), most copies at one reader {max(copies)}, seed {run['seed']}"
    )
    assert missing == 0
    assert repeats <= run["kills"] * (MOST_IN_FLIGHT + COMMIT_GROUP)


async def test_a_few_kills(database_url: str, engine_name: str, tmp_path: Path) -> None:
    await check(database_url, tmp_path, engine_name, readers=400, kills=3, rate=300, seed=1)


@pytest.mark.prove
async def test_twenty_kills_in_five_thousand(database_url: str, engine_name: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "2026"))
    await check(database_url, tmp_path, engine_name, readers=5000, kills=20, rate=1000, seed=seed)
