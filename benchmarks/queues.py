"""Bookkeeping beside message queues: two processes claim and acknowledge the same number of messages, each its own way.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install asyncpg pgqueuer taskiq taskiq-redis nats-py
    python -m benchmarks.queues postgresql://user@host:5432/db --peers /tmp/peers/bin/python [--messages 100000]

Everything waits already when the clock starts, and it stops with the last acknowledgement. Ours: readers without a
receipt are claimed in blocks, read with their choices, and their receipts written in groups and counted for who has a
volume, durably, as `bot/delivery` does. pgqueuer:
its own queue manager on the same server, in its largest batches. taskiq: its own receiver over a Redis stream. NATS: a
JetStream pull consumer with explicit acknowledgements, in batches, on files. redis-server and nats-server are started
here if they are installed; what is not is named and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import evidence
from benchmarks.bookkeeping import Bookkeeper, fill, launch, postgres_database
from bot.app import spare_the_collector
from bot.domain.delivery import Lane
from storage import open_storage

PROCESSES = 2
CONCERNED = 82  # of 100 readers: the others get digests only
TELEGRAM = 1000
"""Messages a second: the most that Telegram lets a bot send, paid for."""

_HEAD = """
import asyncio, json, sys, time
url, messages, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
done, last = 0, 0.0
def one():
    global done, last
    done, last = done + 1, time.monotonic()
def go():
    print("ready", flush=True)
    sys.stdin.readline()
def tell():
    print(json.dumps([done, last]), flush=True)
"""
_PGQUEUER = """
import asyncpg
from datetime import timedelta
from pgqueuer import AsyncpgPoolDriver, PgQueuer
from pgqueuer.types import QueueExecutionMode
async def main():
    async with asyncpg.create_pool(url) as pool:
        pgq = PgQueuer(AsyncpgPoolDriver(pool))
        if name == "fill":
            await pgq.qm.queries.install()
            for first in range(0, messages, 10_000):
                n = min(10_000, messages - first)
                await pgq.qm.queries.enqueue(["send"] * n, [b'{"chat": %d}' % (first + k) for k in range(n)], [0] * n)
            return
        @pgq.entrypoint("send")
        async def send(job):
            one()
        go()
        await pgq.qm.run(batch_size=1000, mode=QueueExecutionMode.drain, dequeue_timeout=timedelta(seconds=1))
        tell()
asyncio.run(main())
"""
_TASKIQ = """
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker
broker = RedisStreamBroker(url, consumer_name=name, consumer_id="0", xread_count=1000, xread_block=500)
@broker.task(task_name="send")
async def send(chat):
    return None
async def main():
    if name == "fill":
        await broker.startup()
        for first in range(0, messages, 500):
            await asyncio.gather(*(send.kiq(first + k) for k in range(min(500, messages - first))))
        await broker.shutdown()
        return
    broker.is_worker_process = True
    await broker.startup()
    listen = broker.listen
    async def counted():
        async for message in listen():
            acknowledge = message.ack
            async def ack(acknowledge=acknowledge):
                await acknowledge()
                one()
            message.ack = ack
            yield message
    broker.listen = counted
    go()
    task = asyncio.create_task(run_receiver_task(broker, max_async_tasks=1000, max_prefetch=1000))
    while not last or time.monotonic() - last < 2:
        await asyncio.sleep(0.1)
    task.cancel()
    tell()
asyncio.run(main())
"""
_NATS = """
import nats
from nats.js.api import ConsumerConfig, AckPolicy, StorageType
async def main():
    client = await nats.connect(url)
    stream = client.jetstream(publish_async_max_pending=4000)
    if name == "fill":
        await stream.add_stream(name="send", subjects=["send"], storage=StorageType.FILE)
        await stream.add_consumer("send", ConsumerConfig(
            durable_name="senders", ack_policy=AckPolicy.EXPLICIT, max_ack_pending=10_000))
        for first in range(0, messages, 1000):
            await asyncio.gather(*(stream.publish("send", b'{"chat": %d}' % (first + k))
                                   for k in range(min(1000, messages - first))))
        await client.close()
        return
    consumer = await stream.pull_subscribe_bind("senders", "send")
    go()
    while True:
        try:
            batch = await consumer.fetch(1000, timeout=2)
        except nats.errors.TimeoutError:
            break
        for message in batch:
            await message.ack()
            one()
        await client.flush()
    tell()
    await client.close()
asyncio.run(main())
"""


async def child(url: str, name: str) -> None:
    """Ours: one of the processes; how many it has settled, and when the last."""
    storage = await open_storage(url)
    (broadcast,) = await storage.broadcasts.open()
    keeper = Bookkeeper(storage, broadcast, worker=name)
    spare_the_collector()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await keeper.run()
    print(json.dumps([keeper.done, time.monotonic()]), flush=True)
    await storage.close()


async def together(commands: list[list[str]]) -> tuple[float, list[int]]:
    """Start them, let them go at once; messages a second, and how many were each's."""
    running = [await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1) for command in commands]
    for process in running:
        assert process.stdout
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("a process ended before it began")
    began = time.monotonic()
    told = await asyncio.gather(*(process.communicate(b"go\n") for process in running))
    results = [json.loads(out) for out, _ in told]
    counts = [int(count) for count, _ in results]
    return sum(counts) / (max(last for count, last in results if count) - began), counts


async def ours(base: str, messages: int) -> tuple[float, list[int]]:
    """Two of our bookkeepers on a new database."""
    url = await postgres_database(base)
    try:
        storage = await open_storage(url)
        await fill(storage, messages * 100 // CONCERNED)
        await launch(storage, Lane.REGULAR)
        await storage.close()
        command = [sys.executable, "-m", "benchmarks.queues", url, "--child"]
        return await together([[*command, f"w{n}"] for n in range(PROCESSES)])
    finally:
        await postgres_database(base, drop=url.rsplit("/", 1)[1])


async def peer(python: str, script: str, url: str, messages: int) -> tuple[float, list[int]]:
    """Two processes of a peer, over what a third has put into its queue."""

    def command(name: str) -> list[str]:
        return [python, "-c", _HEAD + script, url, str(messages), name]

    filling = await asyncio.create_subprocess_exec(*command("fill"))
    if await filling.wait():
        raise RuntimeError("the queue could not be filled")
    return await together([command(f"w{n}") for n in range(PROCESSES)])


@asynccontextmanager
async def server(program: str, *options: str) -> AsyncIterator[str]:
    """redis-server or nats-server on a port and a folder of its own; its address without the scheme."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="queues-") as folder:
        words = [word.format(port=port, folder=folder) for word in options]
        process = await asyncio.create_subprocess_exec(program, *words, stdout=-3, stderr=-3, cwd=folder)
        try:
            for _ in range(200):
                await asyncio.sleep(0.05)
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def run(base: str, python: str, messages: int) -> dict[str, tuple[float, list[int]]]:
    """Everybody in turn."""
    found = {"newsdesk": await ours(base, messages)}
    url = await postgres_database(base)
    try:
        found["pgqueuer"] = await peer(python, _PGQUEUER, url, messages)
    finally:
        await postgres_database(base, drop=url.rsplit("/", 1)[1])
    if program := shutil.which("redis-server"):
        options = ("--port", "{port}", "--dir", "{folder}", "--appendonly", "yes", "--save", "")
        async with server(program, *options) as at:
            found["taskiq, Redis"] = await peer(python, _TASKIQ, f"redis://{at}", messages)
    if program := shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin"):
        async with server(program, "-js", "-sd", "{folder}", "-p", "{port}", "-a", "127.0.0.1") as at:
            found["NATS JetStream"] = await peer(python, _NATS, f"nats://{at}", messages)
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--peers", type=Path, help="the python of an environment with the peers")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(child(options.url, options.child))
        return
    found = asyncio.run(run(options.url, str(options.peers), options.messages))
    lines = [f"{options.messages:,} messages, {PROCESSES} processes", f"{'messages a second':>34}  each"]
    for name, (rate, counts) in found.items():
        lines.append(f"{name:<16}{rate:>18,.0f}  {' + '.join(f'{count:,}' for count in counts)}")
    table = "\n".join(lines)
    print(table)
    rate = found.pop("newsdesk")[0]
    best = max(found, key=lambda name: found[name][0])
    versions = asyncio.run(_versions(str(options.peers)))
    evidence.save(
        "queues",
        evidence.Figure("peers", "claim and acknowledge, two processes", rate, "/s", best, found[best][0], ">= 1"),
        evidence.Figure("telegram", "… beside what Telegram takes", rate, "/s", "Telegram", TELEGRAM, ">= 30"),
        table=f"{table}\n{versions}",
    )


async def _versions(python: str) -> str:
    names = "asyncpg pgqueuer taskiq taskiq-redis nats-py"
    text = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in '{names}'.split()))"
    process = await asyncio.create_subprocess_exec(python, "-c", text, stdout=-1)
    out, _ = await process.communicate()
    return out.decode().strip()


if __name__ == "__main__":
    main()
