"""What can go wrong between processes: a network that swallows everything for a while, a server that is killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.factories import free_port

SERVER = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@dataclass
class Network:
    """A way to the database. While it is `cut`, nothing passes and nothing is refused: whoever asks just waits."""

    url: str = ""
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        self._open.clear()

    def heal(self) -> None:
        self._open.set()

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                await self._open.wait()
                target.write(data)
                await target.drain()
        with suppress(OSError):
            target.close()


@asynccontextmanager
async def network(url: str) -> AsyncIterator[Network]:
    """A TCP proxy before the database at `url`."""
    made, behind = Network(), urlsplit(url)
    made.heal()

    meeting: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me
        meeting.add(me)
        writers = [writer]
        try:
            there, back = await asyncio.open_connection(behind.hostname or "127.0.0.1", behind.port or 5432)
            writers.append(back)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(made.carry(reader, back))
                tasks.create_task(made.carry(there, writer))
        except (OSError, asyncio.CancelledError):  # it is just being restarted, or the test is over
            pass
        finally:
            for one in writers:
                one.transport.abort()
                with suppress(OSError):
                    await one.wait_closed()
            meeting.discard(me)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made.url = behind._replace(netloc=f"{behind.username or 'postgres'}@127.0.0.1:{port}").geturl()
    try:
        yield made
    finally:
        made.heal()
        server.close()
        for task in list(meeting):
            task.cancel()
        await asyncio.gather(*meeting, return_exceptions=True)


@dataclass
class OwnServer:
    """A PostgreSQL that a test may kill."""

    url: str
    _folder: Path
    _options: str

    def control(self, *words: str) -> None:
        assert SERVER
        as_whom = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_whom, str(SERVER / "pg_ctl"), "-D", str(self._folder / "data"), "-s", "-w", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)

    async def crash(self) -> None:
        """It dies without a word and comes up again, from its log."""
        await asyncio.to_thread(self.control, "stop", "-m", "immediate")
        await asyncio.to_thread(self.start)

    def start(self) -> None:
        self.control("-o", self._options, "-l", str(self._folder / "log"), "start")


@asynccontextmanager
async def own_server(*, tls: tuple[Path, Path] | None = None) -> AsyncIterator[OwnServer]:
    """Debian's server on a folder and a port of its own, with a certificate and its key or in the open."""
    assert SERVER
    folder, port = Path(tempfile.mkdtemp(prefix="newsdesk-server-")), free_port()
    as_whom = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_whom:
        shutil.chown(folder, "postgres")
    settings = f"-p {port} -k {folder} -c fsync=off"
    for what, path in zip(("cert", "key"), tls or (), strict=False):
        ours = shutil.copy(path, folder)
        os.chmod(ours, 0o600)
        if as_whom:
            shutil.chown(ours, "postgres")
        settings += f" -c ssl=on -c ssl_{what}_file={ours}"
    made = OwnServer(f"postgresql://postgres@127.0.0.1:{port}/postgres", folder, settings)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command = [*as_whom, str(SERVER / "initdb"), "-D", str(folder / "data"), *options]
    try:
        making = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, cwd="/")
        assert await making.wait() == 0
        await asyncio.to_thread(made.start)
        yield made
    finally:
        with suppress(subprocess.CalledProcessError):
            made.control("stop", "-m", "immediate")
        shutil.rmtree(folder, ignore_errors=True)
