"""A PgBouncer of the test's own, in transaction mode, before the PostgreSQL of the tests."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.factories import free_port

PROGRAM = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
ABSENT = "PgBouncer is not installed (Debian: apt-get install pgbouncer)"


@asynccontextmanager
async def pgbouncer(url: str, *, servers: int = 2, clients: int = 200, **options: object) -> AsyncIterator[str]:
    """It runs with so many connections to PostgreSQL and takes so many of ours; the address through it. It does not
    know prepared statements, as before its version 1.21."""
    assert PROGRAM
    behind = urlsplit(url)
    database, port = behind.path[1:], free_port()
    folder = Path(tempfile.mkdtemp(prefix="newsdesk-pgbouncer-"))
    settings: dict[str, object] = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": servers,
        "max_client_conn": clients,
        **options,
    }
    target = f"host={behind.hostname or '127.0.0.1'} port={behind.port or 5432} user={behind.username or 'postgres'}"
    if behind.password:
        target += f" password={behind.password}"
    text = f"[databases]\n{database} = {target} dbname={database}\n[pgbouncer]\n"
    (folder / "pgbouncer.ini").write_text(text + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    as_whom = []
    if os.geteuid() == 0:  # it refuses to run as root
        whom = next((one.pw_name for one in pwd.getpwall() if one.pw_name in ("postgres", "nobody")), "nobody")
        as_whom = ["-u", whom]
        for path in (folder, folder / "pgbouncer.ini"):
            shutil.chown(path, whom)
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "-q", *as_whom, str(folder / "pgbouncer.ini"), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while not _listens(port):
                assert process.returncode is None, "PgBouncer has ended"
                await asyncio.sleep(0.02)
        yield f"postgresql://{behind.username or 'postgres'}@127.0.0.1:{port}/{database}?prepare=0"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
