"""What /stats costs where a million readers have got a post: run by hand.

    .venv/bin/python -m benchmarks.stats [--readers 1000000]

A send to everybody is counted from its receipts, then all readers from their choices (as at the first count ever: later
ones look at who has changed); meanwhile another task taps, as readers do, and the longest wait for the database counts.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks import evidence
from benchmarks.evidence import Figure
from bot.desk.chart import draw
from bot.desk.stats import WEEK, report
from bot.desk.tallies import roll_up
from bot.domain.article import Section
from bot.i18n import Words
from storage import Storage, open_storage

SECTIONS = (Section("sport", 0, {"ru": "Спорт"}), Section("world", 1, {"ru": "Мир"}))
ZONE = ZoneInfo("Asia/Almaty")
NOW = 1_795_000_000
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :readers)"


async def fill(storage: Storage, readers: int) -> None:
    """A send that is over, and a receipt of it for each reader."""
    db = storage.engine
    await db.write(
        f"{_NUMBERS} INSERT INTO reader (chat_id, language, state, sections, joined_at, changed_at)"
        " SELECT i, 'ru', 'active', 1 + i % 3, 1, 1 FROM n",
        readers=readers,
    )
    await db.write(
        "INSERT INTO post (kind, version, state, sections, language, content, created_at)"
        " VALUES ('article', 1, 'published', 1, 'ru', '{}', 1)"
    )
    await db.write(
        "INSERT INTO broadcast (key, lane, state, sections, breaking, languages, horizon, start_block, total, due_at,"
        " created_at, started_at, finished_at)"
        " VALUES ('k', 2, 'done', 1, 0, '', :readers, 0, :readers, 1, 1, :at, :at)",
        readers=readers,
        at=NOW - 3600,
    )
    await db.write("INSERT INTO broadcast_post (broadcast_id, post_id, n) VALUES (1, 1, 0)")
    await db.write(
        f"{_NUMBERS} INSERT INTO receipt (broadcast_id, reader_id, outcome, message_id, version, attempts, took_ms)"
        " SELECT 1, i, CASE WHEN i % 97 = 0 THEN 3 ELSE 1 END, i, 1, 1, i * 7 % 600000 FROM n",
        readers=readers,
    )


async def tapping(storage: Storage, worst: list[float]) -> None:
    """A reader who mutes and unmutes; how long the database let it wait."""
    while True:
        begun = time.perf_counter()
        await storage.readers.set_language(1, "ru", now=NOW)
        worst.append(time.perf_counter() - begun)
        await asyncio.sleep(0.005)


async def main(readers: int) -> None:
    """Count, tell, draw."""
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{Path(folder)}/newsdesk.db")
        await fill(storage, readers)
        waits: list[float] = []
        tapper = asyncio.create_task(tapping(storage, waits))
        begun = time.perf_counter()
        (broadcast,) = await storage.stats.uncounted(now=NOW)
        await roll_up(storage, SECTIONS, ZONE, NOW)
        took = time.perf_counter() - begun
        begun = time.perf_counter()
        await roll_up(storage, SECTIONS, ZONE, NOW)
        again = time.perf_counter() - begun
        tapper.cancel()
        await asyncio.gather(tapper, return_exceptions=True)
        begun = time.perf_counter()
        found = await report(storage, SECTIONS, ZONE, WEEK, NOW)
        told = time.perf_counter() - begun
        assert found.all["delivered"] + found.all["blocked"] == readers
        assert found.all["joined"] == readers
        begun = time.perf_counter()
        draw(Words.load(["ru"])["ru"], found, SECTIONS, ZONE, "Дала")
        drawn = time.perf_counter() - begun
        await storage.close()
    lines = [
        f"send {broadcast} and {readers:,} readers counted for the first time: {took:.1f} s",
        f"nothing new: {again * 1000:.0f} ms; report {told * 1000:.1f} ms; picture {drawn * 1000:.0f} ms",
        f"a tap meanwhile: p50 {sorted(waits)[len(waits) // 2] * 1000:.1f} ms, worst {max(waits) * 1000:.0f} ms",
    ]
    print("\n".join(lines))
    evidence.save(
        "stats",
        Figure("stats/count", f"a send to {readers:,} and all readers counted", round(took, 1), "s"),
        Figure("stats/tap", "a tap meanwhile, worst", round(max(waits) * 1000), "ms"),
        table="\n".join(lines),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().readers))
