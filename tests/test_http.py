"""The HTTP port, health and the log: what a monitor and a log collector see."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest
from aiohttp import ClientSession, web

from bot.domain.errors import ConfigError
from bot.ops import http, log
from bot.ops.health import INBOX_AFTER, LATE_AFTER, SILENT_AFTER, WAITING_AFTER, WRITTEN_AFTER, Health
from bot.ops.http import MAX_BODY, HttpPort

LOOPBACK = ("127.0.0.1", 0)
TOKEN = "4242424242:" + "A" * 35


def well(now: float = 1000.0) -> Health:
    return Health(lambda: now, database="", telegram="")


def url(port: HttpPort, path: str) -> str:
    assert port.address
    return f"http://{port.address[0]}:{port.address[1]}{path}"


def test_a_new_copy_is_not_ready() -> None:
    assert len(Health(lambda: 0.0).ready()) == 2
    assert well().ready() == []


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("heard_at", SILENT_AFTER),
        ("written_at", WRITTEN_AFTER),
        ("inbox_since", INBOX_AFTER),
        ("watch_due_at", LATE_AFTER),
        ("waiting_since", WAITING_AFTER),
    ],
)
def test_what_is_late_is_a_problem(field: str, most: float) -> None:
    health = well(now=100_000.0)
    setattr(health, field, 100_000.0 - most)
    assert health.ready() == []
    setattr(health, field, 100_000.0 - most - 1)
    assert str(round(most + 1)) in health.ready()[0]


def test_a_service_can_add_a_problem() -> None:
    health = well()
    health.notes["disk"] = "The disk is full."
    assert health.ready() == ["The disk is full."]
    health.notes["disk"] = ""
    assert health.ready() == []


async def test_alive_and_ready_are_two_questions() -> None:
    health = well()
    async with HttpPort(LOOPBACK, health) as port, ClientSession() as session:
        health.database = "The disk is full."
        async with session.get(url(port, "/healthz")) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.get(url(port, "/readyz")) as answer:
            assert answer.status == 503
            assert await answer.json() == {"ready": False, "problems": ["The disk is full."]}
        health.database = ""
        async with session.get(url(port, "/readyz")) as answer:
            assert (answer.status, (await answer.json())["ready"]) == (200, True)
    assert port.address is None


async def test_others_hang_routes_into_it_within_its_limits() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    port = HttpPort(LOOPBACK, well())
    port.add_route("POST", "/hook", echo)
    async with port, ClientSession() as session:
        async with session.post(url(port, "/hook"), data=b"x") as answer:
            assert await answer.read() == b"x"
        async with session.post(url(port, "/hook"), data=io.BytesIO(b"x" * (MAX_BODY + 1))) as answer:
            assert answer.status == 413
        async with session.get(url(port, "/healthz"), headers={"X-Long": "x" * 20_000}) as answer:
            assert answer.status == 400


async def test_an_idle_connection_is_not_kept_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert http.KEEPALIVE <= 75
    monkeypatch.setattr(http, "KEEPALIVE", 0.05)
    async with HttpPort(LOOPBACK, well()) as port:
        assert port.address
        reader, writer = await asyncio.open_connection(*port.address)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await reader.readline()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_rubbish_gets_an_answer() -> None:
    async with HttpPort(LOOPBACK, well()) as port:
        assert port.address
        reader, writer = await asyncio.open_connection(*port.address)
        writer.write(b"\x16\x03\x01 not HTTP\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_off_means_off() -> None:
    async with HttpPort(None, well()) as port:
        assert port.address is None


async def test_a_taken_port_is_a_clear_mistake() -> None:
    async with HttpPort(LOOPBACK, well()) as first:
        with pytest.raises(ConfigError, match="HTTP_LISTEN"):
            async with HttpPort(first.address, well()):
                pass


def _complain() -> None:
    try:
        raise ValueError(f"at https://x/bot{TOKEN}/getMe")
    except ValueError:
        logging.getLogger("t").exception("postgresql://u:hunter2@h/d %s", TOKEN)


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("form", ["console", "json"])
def test_no_log_line_holds_a_secret(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(form, "warning")
    _complain()
    logging.getLogger("t").info("too quiet to be seen")
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert TOKEN not in said
    assert "hunter2" not in said
    assert "quiet" not in said


def test_secrets_of_every_shape_are_taken_out() -> None:
    quoted = TOKEN.replace(":", "%3A")
    assert log.redact(f"POST /bot{TOKEN}/x /bot{quoted}/x") == "POST /bot<token>/x /bot<token>/x"
    assert log.redact("postgresql://u:hunter2@h/d") == "postgresql://u:***@h/d"
    said = log.redact("Flood control exceeded on method 'SendMessage' in chat 777000111. Retry in 5 seconds.")
    assert log.anon(777_000_111) in said
    assert "777000111" not in said
    assert "Retry in 5 seconds" in said
    assert "1001" not in log.redact("migrated to a supergroup with id -1001")


@pytest.mark.usefixtures("root_logger")
def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    logging.getLogger("bot.feeds").info("Лента %s", 1)
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["level"], line["logger"]) == ("Лента 1", "info", "bot.feeds")
    assert line["time"].endswith("+00:00")


@pytest.mark.usefixtures("root_logger")
def test_chats_are_anonymous_but_the_same() -> None:
    log.configure(secret=TOKEN)
    one = log.anon(777_000_111)
    assert one == log.anon(777_000_111) != log.anon(777_000_112)
    assert "777" not in one or len(one) == 10
    log.configure(secret="other")
    assert log.anon(777_000_111) != one
