"""The watcher beside its peers, over the same feeds on loopback: `python -m benchmarks.peers [feeds] [kB] [plain]`.

Each peer runs in a process of its own; printed is its CPU time for a poll of one feed, the server's CPU apart, and the
most memory that it took. What is not installed is named and left out: reader and rss2email in the environment `PEERS`
(a folder with venv/bin/ or bin/), rss-parser in `PEERS`/node_modules, newsboat on the path.

rss2email and newsboat start anew for each round, as they do in life; the others go on. `here` is the watcher with its
database; its memory is that of the real program, `newsdesk run --only watch`, with the process that parses where one is
started. Memory is what was resident at most, shared libraries counted with each process. NEWSDESK_EVIDENCE=1 puts
the run on record.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.request import urlopen

import benchmarks.feeds as ours
from benchmarks import evidence

ROOT = Path(__file__).parents[1]
ROUNDS = ("cold", "one new", "unchanged", "cold etag", "304")
PEERS = Path(os.environ.get("PEERS", "/nowhere"))

USUAL = """
import asyncio, io, sys, time
import aiohttp, feedparser
async def main():
    urls, loop = [], asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.startswith("feeds"):
                urls = line.split()[1:]
            began, queue = time.process_time(), list(urls)
            async def take():
                while queue:
                    async with session.get(queue.pop()) as response:
                        feedparser.parse(io.BytesIO(await response.read()))
            await asyncio.gather(*(take() for _ in range(16)))
            print(time.process_time() - began, flush=True)
asyncio.run(main())
"""
READER = """
import sys, time, reader
db, urls = sys.argv[1], sys.argv[2:]
r = reader.make_reader(db, feed_root="")
for line in sys.stdin:
    if line.startswith("feeds"):
        for url in line.split()[1:]:
            r.add_feed(url)
    began = time.process_time()
    r.update_feeds(workers=16, scheduled=False)
    print(time.process_time() - began, flush=True)
"""
NODE = """
const Parser = require(process.argv[1] + '/node_modules/rss-parser');
const parser = new Parser({timeout: 60000});
let urls = [];
require('readline').createInterface({input: process.stdin}).on('line', async (line) => {
  if (line.startsWith('feeds')) urls = line.split(' ').slice(1);
  const began = process.cpuUsage(), queue = [...urls];
  await Promise.all(Array.from({length: 16}, async () => { while (queue.length) await parser.parseURL(queue.pop()); }));
  const used = process.cpuUsage(began);
  console.log((used.user + used.system) / 1e6);
});
"""


def asked(kind: str, port: int, feeds: int) -> list[str]:
    """The addresses of a round's feeds."""
    path = "etag" if kind in ("cold etag", "304") else "feed"
    return [f"http://127.0.0.1:{port}/{path}/{n}" for n in range(feeds)]


async def turn(port: int, number: int) -> None:
    """From now on every feed has so many new entries."""
    await asyncio.to_thread(lambda: urlopen(f"http://127.0.0.1:{port}/round/{number}").read())


async def spoken(command: list[str], port: int, feeds: int) -> AsyncIterator[tuple[str, float]]:
    """Rounds of a peer that goes on: it reads a line for each and answers with its seconds."""
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-3, limit=2**24, cwd=ROOT)
    assert process.stdin
    assert process.stdout
    for kind in ROUNDS:
        await turn(port, int(kind in ("one new", "unchanged")))
        new = f"feeds {' '.join(asked(kind, port, feeds))}" if kind.startswith("cold") else "again"
        process.stdin.write(f"{new}\n".encode())
        seconds = await process.stdout.readline()
        if not seconds:
            raise RuntimeError(f"{command[0]} ended")
        yield kind, float(seconds)
    process.stdin.close()
    yield "memory", await ended(process)


async def ended(process: asyncio.subprocess.Process) -> float:
    """MB that it and what it has started took at most, read before they are gone."""
    peak = sum(map(highest, (process.pid, *children(process.pid)))) if process.returncode is None else 0
    process.kill()
    await process.wait()
    return peak / 1024


def children(pid: int) -> list[int]:
    """The processes that it has started and that live still."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def highest(pid: int) -> int:
    """KB of resident memory that a process had at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0"))


async def started(command: Callable[[str], list[str]], port: int, feeds: int) -> AsyncIterator[tuple[str, float]]:
    """Rounds of a peer that starts anew for each."""
    memory = 0.0
    for kind in ROUNDS:
        await turn(port, int(kind in ("one new", "unchanged")))
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/env", "python3", "-c", MEASURE, *command(kind), stdout=-1, stderr=-3
        )
        out, _ = await process.communicate()
        seconds, peak = json.loads(out.splitlines()[-1])
        memory = max(memory, peak / 1024)
        yield kind, seconds
    yield "memory", memory


MEASURE = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


async def here(port: int, feeds: int, folder: str) -> AsyncIterator[tuple[str, float]]:
    """The watcher as a peer that goes on; then the real program's memory."""
    command = [sys.executable, "-m", "benchmarks.feeds", "rounds"]
    async for found in spoken(command, port, feeds):
        if found[0] != "memory":
            yield found
    Path(folder, "newsdesk.toml").write_text(
        "\n".join(f'[[feeds]]\nurl = "{url}"\ninterval = 5' for url in asked("feed", port, feeds))
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "FETCH_ALLOW_PRIVATE": "1", "HTTP_LISTEN": ""}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", "--only", "watch", cwd=folder, env=env, stderr=-3
    )
    for number in range(3):
        await turn(port, number)
        await asyncio.sleep(20)
    yield "memory", await ended(process)


def candidates(port: int, feeds: int, folder: str) -> dict[str, AsyncIterator[tuple[str, float]] | None]:
    """Every peer; None where it is not installed."""
    bin_ = PEERS / "bin" if (PEERS / "bin").is_dir() else PEERS / "venv/bin"
    python, r2e = bin_ / "python", bin_ / "r2e"
    urls, home = Path(folder, "urls"), Path(folder, "r2e")
    home.mkdir()

    def newsboat(kind: str) -> list[str]:
        urls.write_text("\n".join(asked(kind, port, feeds)) + "\n")
        config = Path(folder, "config")
        config.write_text("reload-threads 16\n")
        return [
            "newsboat",
            "-x",
            "reload",
            "-u",
            str(urls),
            "-c",
            f"{folder}/cache-{'e' in kind[5:]}.db",
            "-C",
            str(config),
        ]

    def rss2email(kind: str) -> list[str]:
        config, data = home / "rss2email.cfg", home / "rss2email.json"
        sections = "".join(f"[feed.f{n}]\nurl = {url}\n" for n, url in enumerate(asked(kind, port, feeds)))
        config.write_text(
            f"[DEFAULT]\nfrom = a@b.c\nto = a@b.c\nemail-protocol = smtp\nsmtp-server = 127.0.0.1:1\n{sections}"
        )
        return [str(r2e), "-c", str(config), "-d", str(data), "run", "--no-send"]

    return {
        "here": here(port, feeds, folder),
        "aiohttp + feedparser": spoken([sys.executable, "-c", USUAL], port, feeds),
        "rss-parser (node)": spoken(["node", "-e", NODE, str(PEERS)], port, feeds)
        if (PEERS / "node_modules/rss-parser").is_dir()
        else None,
        "newsboat": started(newsboat, port, feeds) if shutil.which("newsboat") else None,
        "rss2email": started(rss2email, port, feeds) if r2e.exists() else None,
        # the last one: it takes its time
        "reader": spoken([str(python), "-c", READER, f"{folder}/reader.db"], port, feeds) if python.exists() else None,
    }


async def main(feeds: int, size: int = 1, plain: bool = False) -> None:
    """Print a line for each peer: milliseconds of CPU a poll in each round, MB."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.feeds", "serve", str(size), *["plain"] * plain, stdout=-1, cwd=ROOT
    )
    assert server.stdout
    port = int(await server.stdout.readline())
    shown = [kind for kind in ROUNDS if kind != "cold etag"]
    what = f"{feeds} feeds of {ours.ENTRIES} entries of {size} kB{', plain' * plain}"
    table = [f"{what}; ms of CPU a poll", f"{'':22}" + "".join(f"{kind:>11}" for kind in (*shown, "MB"))]
    all_found: dict[str, dict[str, float]] = {}
    print(*table, sep="\n")
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, rounds in candidates(port, feeds, folder).items():
                if rounds is None:
                    print(f"{name:22} is not installed")
                    continue
                found = {kind: value async for kind, value in rounds}
                all_found[name] = {kind: found[kind] / feeds * 1000 for kind in shown} | {"memory": found["memory"]}
                costs = "".join(f"{all_found[name][kind]:11.2f}" for kind in shown)
                table.append(f"{name:22}{costs}{found['memory']:11.0f}")
                print(table[-1], flush=True)
    finally:
        server.kill()
        await server.wait()
    if len(all_found) > 1:
        evidence.save(f"peers {size} kB".replace(" ", "-"), *compared(all_found, what), table="\n".join(table))


def compared(found: dict[str, dict[str, float]], what: str) -> list[evidence.Figure]:
    """Ours beside the peer that is best, beside the usual way, beside the median peer's memory."""
    here, peers = found["here"], {name: costs for name, costs in found.items() if name != "here"}
    figures = []
    for kind, wanted in (("one new", "<= 1"), ("304", "<= 1"), ("unchanged", ""), ("cold", "")):
        best = min(peers, key=lambda name: peers[name][kind])
        told = f"CPU of a poll, {kind}; {what}, beside the best peer"
        figures.append(evidence.Figure(kind.split()[-1], told, here[kind], "ms", best, peers[best][kind], wanted))
    by_memory = sorted(peers, key=lambda name: peers[name]["memory"])
    middle = by_memory[len(by_memory) // 2]
    told = f"memory of `run --only watch`; {what}, beside the median of {len(peers)} peers"
    memory = evidence.Figure("memory", told, here["memory"], "MB", middle, peers[middle]["memory"], "<= 1")
    return [*figures, memory]


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:] if word != "plain"]
    asyncio.run(main(*(given or [500]), plain="plain" in sys.argv))
