"""The whole program's ways in and out: tokens, networks, signals, ports, owners, and what it does not load."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import app
from bot.clock import RealClock
from bot.domain.desk import Role
from bot.domain.errors import ConfigError, NewsdeskError, TelegramStopped
from bot.ops.log import anon, configure
from bot.sandbox.http import Sandbox
from bot.sending import DRAIN_SECONDS
from bot.settings import Settings, load
from bot.settings_file import Secret
from storage import open_storage
from tests.factories import OWNER, feed_site, free_port, running, settings_for

ROOT = Path(__file__).parent.parent
TALK = frozenset({"talk"})


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/newsdesk.db"


def with_env(settings: Settings, **env: Any) -> Settings:
    return replace(settings, env=replace(settings.env, **env))


def owned_by(settings: Settings, *owners: int) -> Settings:
    return replace(settings, newsroom=replace(settings.newsroom, owners=owners))


async def role_of(url: str, user_id: int) -> Role:
    storage = await open_storage(url, exclusive=False)
    try:
        return await storage.editors.role(user_id)
    finally:
        await storage.close()


async def http(port: int, path: str) -> tuple[int, str]:
    """Status and text; (0, "") while nobody listens."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, await answer.text()
    except aiohttp.ClientConnectionError:
        return 0, ""


async def becomes(port: int, path: str, status: int, seconds: float = 20) -> str:
    """Wait until the port answers so; the answer's text."""
    async with asyncio.timeout(seconds):
        while (answer := await http(port, path))[0] != status:  # noqa: ASYNC110 - a monitor can only ask
            await asyncio.sleep(0.02)
    return answer[1]


# --- tokens and networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["777000123:AArevoked-revoked-revoked-revoked", "no token at all"])
async def test_a_refused_token_ends_it(sandbox: Sandbox, url: str, token: str) -> None:
    settings = with_env(settings_for(sandbox, None, url), bot_token=Secret(token))
    with pytest.raises(TelegramStopped) as caught:
        await app.run(settings, only=TALK, clock=RealClock())
    assert token not in str(caught.value)
    assert isinstance(caught.value, NewsdeskError)


async def test_a_token_revoked_meanwhile_ends_it(sandbox: Sandbox, url: str) -> None:
    ready = asyncio.Event()
    running = asyncio.create_task(
        app.run(settings_for(sandbox, None, url), only=TALK, clock=RealClock(), ready=ready.set)
    )
    async with asyncio.timeout(60):
        await ready.wait()
        sandbox.fail("unauthorized", "getUpdates", times=None)
        await sandbox.people.add(5, lang="ru").send("/start")
        with pytest.raises(TelegramStopped):
            await running


async def test_without_a_network_it_waits_for_its_name(
    sandbox: Sandbox, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.fail("drop_before", "getMe", times=1)
    began = asyncio.get_running_loop().time()
    async with running(settings_for(sandbox, None, url), only=TALK):
        person = sandbox.people.add(5, lang="ru")
        await person.send("/start")
        await person.next("Что вам присылать")
    assert "out of reach" in caplog.text
    assert asyncio.get_running_loop().time() - began >= 1


async def test_without_a_network_it_stops_when_told(url: str, sandbox: Sandbox) -> None:
    settings = with_env(settings_for(sandbox, None, url), bot_api_url=f"http://127.0.0.1:{free_port()}")
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, stop.set)
    async with asyncio.timeout(60):
        await app.run(settings, only=TALK, clock=RealClock(), stop=stop)


async def test_with_a_known_name_it_runs_without_a_network_and_catches_up(sandbox: Sandbox, url: str) -> None:
    port = free_port()
    settings = with_env(settings_for(sandbox, None, url), http_listen=("127.0.0.1", port))
    async with running(settings, only=TALK):
        await becomes(port, "/readyz", 200)
    sandbox.fail("drop_before", "getMe", times=3)
    sandbox.fail("drop_before", "getUpdates", times=1)
    async with running(settings, only=TALK):
        assert (await http(port, "/healthz"))[0] == 200
        status, text = await http(port, "/readyz")
        assert status == 503
        assert "out of reach" in text
        person = sandbox.people.add(5, lang="ru")
        await person.send("/start")
        await person.next("Что вам присылать")
        await becomes(port, "/readyz", 200, seconds=5)


# --- ports, owners ------------------------------------------------------------------------------------------


async def test_a_taken_port_is_said(sandbox: Sandbox, url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = with_env(settings_for(sandbox, None, url), http_listen=taken.getsockname())
        with pytest.raises(ConfigError, match="HTTP_LISTEN"):
            await app.run(settings, only=TALK, clock=RealClock())


async def test_the_file_says_who_owns(sandbox: Sandbox, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_for(sandbox, None, url)
    async with running(owned_by(settings, OWNER, 42), only=TALK):
        pass
    assert (await role_of(url, OWNER), await role_of(url, 42)) == (Role.OWNER, Role.OWNER)
    async with running(owned_by(settings, 42), only=TALK):
        pass
    assert (await role_of(url, OWNER), await role_of(url, 42)) == (Role.READER, Role.OWNER)
    assert "Nobody owns" not in capsys.readouterr().out


async def claimed(sandbox: Sandbox, settings: Settings, capsys: pytest.CaptureFixture[str], *people: int) -> None:
    """These people open the claim link, one after the other."""
    async with running(settings, only=TALK):
        link = re.search(r"https://t\.me/newsdesk_demo_bot\?start=(own_[\w-]+)", capsys.readouterr().out)
        assert link
        for user_id in people:
            person = sandbox.people.add(user_id, lang="ru")
            await person.send(f"/start {link[1]}")
            await person.next()


async def test_who_opens_the_claim_link_first_owns(
    sandbox: Sandbox, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await claimed(sandbox, owned_by(settings_for(sandbox, None, url)), capsys, 5, 6)
    assert (await role_of(url, 5), await role_of(url, 6)) == (Role.OWNER, Role.READER)


async def test_who_claimed_goes_on_owning(sandbox: Sandbox, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = owned_by(settings_for(sandbox, None, url))
    await claimed(sandbox, settings, capsys, 5)
    async with running(settings, only=TALK):
        pass
    assert await role_of(url, 5) is Role.OWNER, "a restart takes nobody's rights away"
    assert "own_" not in capsys.readouterr().out


# --- webhook ------------------------------------------------------------------------------------------------


async def test_updates_come_by_webhook(sandbox: Sandbox, url: str) -> None:
    port = free_port()
    hook = f"http://127.0.0.1:{port}/tg"
    settings = with_env(
        settings_for(sandbox, None, url),
        webhook_url=hook,
        webhook_secret=Secret("s3cret"),
        http_listen=("127.0.0.1", port),
    )
    person = sandbox.people.add(5, lang="ru")
    async with running(settings, only=TALK):
        await sandbox.until(lambda: sandbox.machine.webhook.url)
        assert (sandbox.machine.webhook.url, sandbox.machine.webhook.secret) == (hook, "s3cret")
        await becomes(port, "/readyz", 200)
        await person.send("/start")
        await person.next("Что вам присылать")
        assert (await http(port, "/tg"))[0] == 405
    assert not any(call.method == "getUpdates" for call in sandbox.calls)


async def test_a_webhook_of_somebody_else_is_not_taken_over_unasked(
    sandbox: Sandbox, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    hook, theirs = f"http://127.0.0.1:{port}/tg", "http://127.0.0.1:9/secret-path"
    settings = with_env(
        settings_for(sandbox, None, url),
        webhook_url=hook,
        webhook_secret=Secret("s3cret"),
        http_listen=("127.0.0.1", port),
    )
    sandbox.machine.webhook.url = theirs
    async with running(settings, only=TALK):
        assert "newsdesk init" in await becomes(port, "/readyz", 503)
        assert sandbox.machine.webhook.url == theirs
    assert "secret-path" not in caplog.text
    storage = await open_storage(url)
    await storage.meta.put("webhook", theirs)  # our own of yesterday
    await storage.close()
    async with running(settings, only=TALK):
        await sandbox.until(lambda: sandbox.machine.webhook.url == hook)


# --- logs -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("root_logger")
async def test_the_log_names_nobody_and_no_secret(
    sandbox: Sandbox, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the most talkative level, through refusals, floods and errors of handlers and of the database."""
    who, secret = 712_345_678_901, "s3cret-s3cret"
    told = f"{who} Тайный"
    settings = with_env(settings_for(sandbox, None, database_url), webhook_secret=Secret(secret))
    configure("json", "debug", secret=sandbox.token)
    person = sandbox.people.add(who, lang="ru", name="Тайный Читатель")
    async with running(settings):
        await person.send("/start")
        await person.tap(await person.next("Что вам присылать"), "Спорт")
        with monkeypatch.context() as patch:

            async def broken(*_: object, **__: object) -> None:
                raise ValueError(told)

            patch.setattr("storage.posts.Posts.search", broken)
            await person.send("моё тайное слово")
            await person.next("Не получилось")
        sandbox.fail("flood_chat", "sendMessage", seconds=60)
        sandbox.calls.clear()
        await person.send("/help")
        await sandbox.until(lambda: any(call.method == "sendMessage" for call in sandbox.calls))
    said = capsys.readouterr().err
    assert '"level": "error"' in said
    assert "aiogram" in said
    assert f"in chat {anon(who)} failed" in said
    assert f"in chat {anon(who)}. Retry in" in said, "aiogram's own words"
    for word in (str(who), "Тайный", "тайное", sandbox.token, secret):
        assert word not in said


# --- other processes ----------------------------------------------------------------------------------------


async def child(*args: str, **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *args,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        cwd=Path(environ["HOME"]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_sigterm_ends_the_program_well(sandbox: Sandbox, tmp_path: Path) -> None:
    port = free_port()
    async with feed_site() as site:
        site.publish("Старая новость")
        process = await child(
            "-m",
            "bot",
            "run",
            HOME=str(tmp_path),
            BOT_TOKEN=sandbox.token,
            BOT_API_URL=sandbox.url,
            FEED_URL=f"{site.url}/rss",
            FETCH_ALLOW_PRIVATE="1",
            HTTP_LISTEN=f"127.0.0.1:{port}",
        )
        try:
            await becomes(port, "/readyz", 200, seconds=120)  # a busy machine imports for a minute
            assert (await http(port, "/healthz"))[0] == 200
            person = sandbox.people.add(5, lang="ru")
            await person.send("/start")
            await person.next("Что вам присылать", timeout=60)
            began = asyncio.get_running_loop().time()
            process.send_signal(signal.SIGTERM)
            said, complained = await asyncio.wait_for(process.communicate(), DRAIN_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, complained.decode()
    assert asyncio.get_running_loop().time() - began < 10
    assert b"start=own_" in said
    assert b"Traceback" not in complained
    assert sandbox.token.encode() not in said + complained


_WATCH = """
import asyncio, sys
from pathlib import Path
from bot import app
from bot.clock import RealClock
from bot.settings import load

stop = asyncio.Event()
settings = load({"FEED_URL": "http://127.0.0.1:9/rss", "HTTP_LISTEN": ""}, Path())
asyncio.run(app.run(settings, only=frozenset({"watch"}), clock=RealClock(), stop=stop, ready=stop.set))
print([name for name in ("aiogram", "pydantic") if name in sys.modules])
"""


async def test_a_supervisor_hears_of_its_life(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        settings = load({"DATABASE_URL": url, "HTTP_LISTEN": ""}, tmp_path)
        async with running(settings, only=frozenset({"watch"})):
            pass
        heard = [systemd.recv(99) for _ in range(3)]
        assert sorted(heard) == [b"READY=1", b"STOPPING=1", b"WATCHDOG=1"]
        assert heard[-1] == b"STOPPING=1"
    async with running(settings, only=frozenset({"watch"})):
        pass  # it has gone: nobody need hear


async def test_a_monitor_is_served(sandbox: Sandbox, url: str) -> None:
    port = free_port()
    async with feed_site() as site:
        settings = with_env(settings_for(sandbox, site, url), http_listen=("127.0.0.1", port))
        async with running(settings):
            await site.polls()
            _, text = await http(port, "/metrics")
    assert "newsdesk_ready 1\n" in text
    assert "newsdesk_rate_now 29\n" in text
    assert "newsdesk_database_bytes " in text


async def test_watching_alone_does_without_aiogram(tmp_path: Path) -> None:
    process = await child("-c", _WATCH, HOME=str(tmp_path))
    said, complained = await asyncio.wait_for(process.communicate(), 90)
    assert (process.returncode, said) == (0, b"[]\n"), complained.decode()
