"""`newsdesk move` both ways: `python -m benchmarks.move postgresql://user@host:5432/db [--readers 1000000]`.

A SQLite database with readers and one broadcast's receipts goes to a new database of that server and back, each time by
the command itself, in a process of its own; printed are its seconds, rows a second, and the most memory it took.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import evidence
from benchmarks.bookkeeping import Bookkeeper, fill, launch, postgres_database
from storage import open_storage

ROOT = Path(__file__).parents[1]


async def prepare(url: str, readers: int) -> None:
    """Readers, each with a receipt."""
    storage = await open_storage(url)
    await fill(storage, readers)
    keeper = Bookkeeper(storage, await launch(storage))
    while not await storage.broadcasts.finish(keeper.broadcast, now=200):
        await keeper.run()
    await storage.close()


def move(source: str, target: str, folder: str) -> tuple[float, str]:
    """The command; its seconds and what it says."""
    began = time.monotonic()
    command = [sys.executable, "-m", "bot", "move", source, target]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True)
    return time.monotonic() - began, done.stdout.splitlines()[0]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--readers", type=int, default=1_000_000)
    options = parser.parse_args()
    url = asyncio.run(postgres_database(options.url))
    try:
        with tempfile.TemporaryDirectory(prefix="move-") as folder:
            asyncio.run(prepare(f"sqlite:///{folder}/here.db", options.readers))
            there, said = move("sqlite:///here.db", url, folder)
            back, again = move(url, "sqlite:///back.db", folder)
            megabytes = (Path(folder) / "back.db").stat().st_size / 1e6
    finally:
        asyncio.run(postgres_database(options.url, drop=url.rsplit("/", 1)[1]))
    assert said == again, (said, again)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    table = f"{said}\nto PostgreSQL {there:.0f} s, back {back:.0f} s ({megabytes:.0f} MB), memory {memory:.0f} MB"
    print(table)
    words = f"{options.readers:,} readers with a receipt each"
    evidence.save(
        "move",
        evidence.Figure("there", f"{words}, SQLite to PostgreSQL", there, "s", note=f"{megabytes:.0f} MB"),
        evidence.Figure("back", f"{words}, PostgreSQL to SQLite", back, "s"),
        evidence.Figure("memory", "the most memory that it took", memory, "MB", wanted="<= 200"),
        table=table,
    )


if __name__ == "__main__":
    main()
