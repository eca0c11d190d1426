"""HTTP/1.1 as far as a fan-out needs it: POSTs of ready bytes over kept connections.

For a thousand messages a second aiohttp's request, response and timers cost four times what the message itself does
(benchmarks/delivery.py). Answers of any length are understood: counted, in chunks, or up to the connection's end.
Proxies are left to aiohttp.
"""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_address
from ssl import SSLContext
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECT_SECONDS, ANSWER_SECONDS, IDLE_SECONDS = 10.0, 20.0, 15.0
_SWEEP_SECONDS = 1.0
_MOST = 1 << 20
_STATUS = re.compile(rb"http/1\.([01]) (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,6})[ \t]*(?:;[^\r\n]*)?\r\n")
_PORTS = {"http": 80, "https": 443}


class NotConnected(ConnectionError):
    """Nothing was sent: there is no connection."""


class Answer(NamedTuple):
    """A whole answer; `keep`: the connection may be used again; `size` is how many bytes it took."""

    status: int
    body: bytes
    keep: bool
    size: int


def read_answer(data: bytes, *, ended: bool = False) -> Answer | None:
    """The answer at the start of `data`, None while it is not all there. `ended`: nothing will follow.

    Raises `ValueError` for what is no HTTP/1.x answer, or one of more than a megabyte.
    """
    end = data.find(b"\r\n\r\n")
    if len(data) > _MOST:
        raise ValueError("an answer of more than a megabyte")
    if end < 0:
        return None
    head = data[: end + 2].lower()
    match = _STATUS.match(head)
    if match is None:
        raise ValueError("no HTTP answer")
    status, begin = int(match[2]), end + 4
    if status < 200:  # "go on", "early hints": the answer follows
        later = read_answer(data[begin:], ended=ended)
        return later and later._replace(size=begin + later.size)
    keep = match[1] == b"1" and b"\r\nconnection: close" not in head
    if status in (204, 304):
        return Answer(status, b"", keep, begin)
    if b"\r\ntransfer-encoding:" in head:
        found = _chunks(data, begin)
        return found and Answer(status, found[0], keep, found[1])
    lengths = set(_LENGTH.findall(head))
    if len(lengths) > 1:
        raise ValueError("two lengths")
    if not lengths:
        return Answer(status, data[begin:], False, len(data)) if ended else None
    size = begin + int(lengths.pop())
    return Answer(status, data[begin:size], keep, size) if len(data) >= size else None


def _chunks(data: bytes, at: int) -> tuple[bytes, int] | None:
    """The body from its chunks, and where it ends; None while it is not all there."""
    parts: list[bytes] = []
    while match := _CHUNK.match(data, at):
        size, at = int(match[1], 16), match.end()
        if not size:
            if data[at : at + 2] == b"\r\n":
                return b"".join(parts), at + 2
            end = data.find(b"\r\n\r\n", at)  # fields after the body: of no interest
            return (b"".join(parts), end + 4) if end >= 0 else None
        if data[at + size : at + size + 2] not in (b"\r\n", b"\r", b""):
            raise ValueError("chunks that do not fit")
        parts.append(data[at : at + size])
        at += size + 2
    if b"\r\n" in data[at:]:
        raise ValueError("no length of a chunk")
    return None


class Wire:
    """Connections to one server, as many as there are POSTs at once. `tls` is used where `url` says https."""

    def __init__(self, url: str, tls: SSLContext) -> None:
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", tls if parts.scheme == "https" else None
        self._port = parts.port or _PORTS[parts.scheme]
        self._address = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        self._eyeballs = None if _is_literal(self._host) else 0.25
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._heads: dict[str, bytes] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    async def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises `NotConnected` when nothing was sent, and `TimeoutError` or another
        `OSError` when nobody knows."""
        head = self._heads.get(url) or self._heads.setdefault(url, self._head(url))
        connection = self._idle.pop() if self._idle else await self._connect()
        self._busy.add(connection)
        waiting = connection.ask(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        try:
            answer = await waiting
        finally:
            if connection.waiting is waiting:  # cancelled: what still comes would belong to nobody
                connection.drop()
        return answer.status, answer.body

    def close(self) -> None:
        """Cut all connections; who waits for an answer gets an error."""
        for connection in [*self._idle, *self._busy]:
            connection.drop()
        if self._sweeper:
            self._sweeper.cancel()

    def _head(self, url: str) -> bytes:
        return (
            f"POST {urlsplit(url).path} HTTP/1.1\r\nHost: {self._address}\r\nUser-Agent: newsdesk\r\nAccept: */*\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode("ascii")

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    happy_eyeballs_delay=self._eyeballs,
                )
        except (OSError, TimeoutError, UnicodeError) as error:
            raise NotConnected(f"no connection: {type(error).__name__}") from None
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)
        return connection

    def answered(self, connection: _Connection, keep: bool) -> None:
        """Its answer is there: it may be used again, or not."""
        self._busy.discard(connection)
        if keep:
            self._idle.append(connection)
        else:
            connection.drop()

    def gone(self, connection: _Connection) -> None:
        """It is closed."""
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all: answers that take too long, connections that nobody uses."""
        now = loop.time()
        for late in [one for one in self._busy if now - one.since > ANSWER_SECONDS]:
            late.fail(TimeoutError("no answer in time"))
        for unused in [one for one in self._idle if now - one.since > IDLE_SECONDS]:
            unused.drop()
        more = self._busy or self._idle
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop) if more else None


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class _Connection(asyncio.Protocol):
    """One connection; at most one POST is under way on it. `since`: its last question or answer (loop's time)."""

    def __init__(self, wire: Wire, loop: asyncio.AbstractEventLoop) -> None:
        self._wire = wire
        self._loop = loop
        self._data = b""
        self._transport: asyncio.Transport
        self.waiting: asyncio.Future[Answer] | None = None
        self.since = 0.0

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a request; its answer."""
        self.waiting = waiting = self._loop.create_future()
        self.since = self._loop.time()
        self._transport.write(request)
        return waiting

    def drop(self) -> None:
        """Close it at once."""
        self._transport.abort()
        self._wire.gone(self)

    def fail(self, error: Exception) -> None:
        """Whoever waits gets the error; what still comes would belong to nobody."""
        waiting, self.waiting = self.waiting, None
        if waiting and not waiting.done():
            waiting.set_exception(error)
        self.drop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._data:
            data = self._data + data
        self._read(data, ended=False)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`: the server says no more, and asyncio closes the connection."""
        if not self.waiting:
            self._wire.gone(self)

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self.waiting:
            self._read(self._data, ended=True)
        self._wire.gone(self)

    def _read(self, data: bytes, *, ended: bool) -> None:
        waiting = self.waiting
        try:
            answer = read_answer(data, ended=ended) if waiting else None
        except ValueError as error:
            self.fail(ConnectionError(str(error)))
            return
        if waiting and answer:
            self.waiting, self._data = None, b""
            self.since = self._loop.time()
            if not waiting.done():
                waiting.set_result(answer)
            self._wire.answered(self, answer.keep and answer.size == len(data) and not ended)
        elif ended or not waiting:  # cut short; or something that nobody asked for
            self.fail(ConnectionResetError("the connection was closed"))
        else:
            self._data = data
