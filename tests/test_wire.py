"""The fan-out's HTTP client: answers in any form and in any pieces, connections kept, dropped and timed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import wire as module
from bot.wire import NotConnected, Wire, read_answer

COUNTED = b'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 11\r\nConnection: keep-alive\r\n\r\n{"ok":true}'
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5;name=value\r\n{\"ok\"\r\n6\r\n:true}\r\n0\r\nX-Later: 1\r\n\r\n"
)  # fmt: skip
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + COUNTED
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
CLOSING = COUNTED.replace(b"keep-alive", b"close")
OLD = b"HTTP/1.0 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n{\"ok\":true}"  # fmt: skip
BODY = b'{"ok":true}'

FORMS = {
    COUNTED: (200, BODY, True),
    CHUNKED: (200, BODY, True),
    INTERIM: (200, BODY, True),
    EMPTY: (204, b"", True),
    CLOSING: (200, BODY, False),
    OLD: (502, b"no", False),
}


@pytest.mark.parametrize("data", FORMS)
def test_answers_of_every_form_are_read(data: bytes) -> None:
    answer = read_answer(data + b"HTTP/1.1")
    assert answer
    assert (answer.status, answer.body, answer.keep) == FORMS[data]
    assert answer.size == len(data), "what follows belongs to another answer"


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_no_part_of_an_answer_is_taken_for_the_whole(whole: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_answer(whole[:cut]) is None


def test_without_a_length_the_end_of_the_connection_is_the_end() -> None:
    assert read_answer(ENDLESS) is None
    answer = read_answer(ENDLESS, ended=True)
    assert answer
    assert (answer.status, answer.body, answer.keep) == (200, BODY, False)
    assert read_answer(COUNTED[:-1], ended=True) is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"x" * ((1 << 20) + 1),
    ],
)
def test_what_is_no_answer_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"answer|length|chunk"):
        read_answer(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_not(data: bytes) -> None:
    for text in (data, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data):
        try:
            answer = read_answer(text)
        except ValueError:
            continue
        assert answer is None or answer.size <= len(text)


# --- connections --------------------------------------------------------------------------------------------

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Counts connections and requests; each connection is served by `talk`."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.connections = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader) -> None:
        """Read one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))


@asynccontextmanager
async def talking(*pieces: bytes, after: bytes = b"", close: bool = False) -> AsyncIterator[tuple[Server, Wire]]:
    """A server that answers each request with these pieces, and a client for it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if close:
                return
            if after:
                writer.write(after)

    async with served(talk) as (server, wire):
        yield server, wire


@asynccontextmanager
async def served(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Server, Wire]]:
    server = Server(talk)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    wire = Wire(f"http://127.0.0.1:{port}/botX/", ssl.create_default_context())
    try:
        yield server, wire
    finally:
        wire.close()
        listening.close()
        await asyncio.sleep(0)


def url(wire: Wire) -> str:
    return f"http://127.0.0.1:{wire._port}/botX/sendMessage"


async def happens(condition: Callable[[], object]) -> None:
    """Wait for what nothing signals."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_a_request_as_servers_expect_it() -> None:
    async with talking(COUNTED) as (server, wire):
        assert await wire.post(url(wire), b"{}") == (200, BODY)
    head = server.requests[0].decode()
    assert head.startswith(f"POST /botX/sendMessage HTTP/1.1\r\nHost: 127.0.0.1:{wire._port}\r\n")
    assert head.endswith("Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("answer", [COUNTED, CHUNKED, INTERIM])
async def test_connections_are_kept(answer: bytes) -> None:
    async with talking(*(answer[n : n + 7] for n in range(0, len(answer), 7))) as (server, wire):
        for _ in range(5):
            assert await wire.post(url(wire), b"{}") == (200, BODY)
        assert server.connections == 1
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(wire.post(url(wire), b"{}"))
        assert server.connections <= 4
        assert len(server.requests) == 9


@pytest.mark.parametrize(
    ("pieces", "more"),
    [((CLOSING,), {}), ((ENDLESS,), {"close": True}), ((COUNTED,), {"close": True}), ((COUNTED, b"?"), {})],
)
async def test_a_connection_that_ends_is_not_used_again(pieces: tuple[bytes, ...], more: dict[str, Any]) -> None:
    async with talking(*pieces, **more) as (server, wire):
        for number in (1, 2, 3):
            assert (await wire.post(url(wire), b"{}"))[0] == 200
            await happens(lambda: not wire._idle)
            assert server.connections == number


async def test_an_answer_cut_short_is_an_error() -> None:
    async with talking(COUNTED[:-3], close=True) as (_, wire):
        with pytest.raises(ConnectionResetError):
            await wire.post(url(wire), b"{}")
        assert not wire._busy


async def test_what_is_no_http_is_an_error() -> None:
    async with talking(b"220 smtp.example ESMTP\r\n\r\n") as (_, wire):
        with pytest.raises(ConnectionError, match="no HTTP"):
            await wire.post(url(wire), b"{}")
        assert not wire._busy


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await reader.read()


async def test_an_answer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.01)
    async with served(silent) as (_, wire):
        with pytest.raises(TimeoutError):
            await wire.post(url(wire), b"{}")
        assert not wire._busy


async def test_connections_that_nobody_uses_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.01)
    async with talking(COUNTED) as (server, wire):
        for number in (1, 2):
            await wire.post(url(wire), b"{}")
            await happens(lambda: wire._sweeper is None)
            assert server.connections == number
            assert not wire._idle


async def test_a_cancelled_post_leaves_no_answer_for_the_next() -> None:
    async with served(silent) as (server, wire):
        task = asyncio.get_running_loop().create_task(wire.post(url(wire), b"{}"))
        await happens(lambda: server.connections)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not wire._busy
        assert not wire._idle


async def test_cancelled_at_the_last_moment_another_keeps_the_connection() -> None:
    """The answer is there and the connection already carries the next request: it must not be cut."""
    async with talking(COUNTED) as (server, wire):
        await wire.post(url(wire), b"{}")
        (connection,) = wire._idle
        first = asyncio.get_running_loop().create_task(wire.post(url(wire), b"{}"))
        await asyncio.sleep(0)
        connection.data_received(COUNTED)
        second = asyncio.get_running_loop().create_task(wire.post(url(wire), b"{}"))
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        assert await second == (200, BODY)
        assert server.connections == 1


async def test_without_a_connection_nothing_was_sent() -> None:
    async with served(silent) as (_, wire):
        pass
    with pytest.raises(NotConnected):
        await wire.post(url(wire), b"{}")
    with pytest.raises(NotConnected):
        await Wire("http://нет.такого.invalid/", ssl.create_default_context()).post("http://x/", b"{}")


async def test_certificates_are_checked(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(COUNTED)
        await writer.drain()

    async with served(talk, tls) as (server, wire):
        base = f"https://127.0.0.1:{wire._port}/"
        suspicious, trusting = (Wire(base, ssl.create_default_context(cafile=file)) for file in (None, str(cert)))
        with pytest.raises(NotConnected):
            await suspicious.post(base, b"secret")
        assert await trusting.post(base, b"{}") == (200, BODY)
        trusting.close()
        assert len(server.requests) == 1
