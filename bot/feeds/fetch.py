"""Fetching feeds, rates and pictures over HTTP, from servers that may be slow, broken or hostile. The edge.

The guard stands where a socket is made, after every name has been resolved: literal addresses, odd digits and
redirects cannot get around it. Bytes are counted while they stream, before and after decompression.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.domain.errors import ConfigError, FeedError
from bot.feeds.decode import is_wall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from bot.clock import Clock

WIRE_LIMIT, BODY_LIMIT = 5_000_000, 10_000_000
DEADLINE = 20.0
REDIRECTS = 5
PER_HOST = 2

_WALLED = (401, 403, 429, 503)
_PERMANENT, _TEMPORARY = (301, 308), (300, 302, 303, 307)
# `is_global` lets these through, and each can carry a private IPv4 address or leads nowhere public
_TUNNELS = tuple(
    IPv6Network(net)
    for net in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10")
)
_ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
_MAX_AGE = re.compile(r"\bmax-age\s*=\s*\"?(\d{1,9})", re.I)
_LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1", re.I)


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered. `status` is 200 or 304; with 304 `body` is empty.

    `etag` and `last_modified` are to be sent next time, as they are. `permanent_to` is the last address when
    every redirect on the way was permanent, else "". `max_age` in seconds, 0 when not said. `wire_bytes` counts
    the body as it was transferred.
    """

    status: int
    body: bytes
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    final_url: str = ""
    permanent_to: str = ""
    max_age: int = 0
    wire_bytes: int = 0


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; what is no address does not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    return isinstance(ip, IPv4Address) or not any(ip in net for net in _TUNNELS)


@dataclass(slots=True)
class _Gate:
    """Lets few requests at once to a host, and not in the same second."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_HOST))
    next_start: float = 0.0


@dataclass(slots=True)
class _Way:
    """Where a request has come to."""

    url: str
    host: str
    hops: int = 0
    permanent: bool = True
    first: str = ""

    @property
    def moved_to(self) -> str:
        """The last address when every redirect on the way was permanent."""
        return self.url if self.hops and self.permanent and self.url != self.first else ""

    def goes_on(self, location: str, *, permanent: bool) -> bool:
        """Follow a redirect; whether it stays on this host."""
        self.first = self.first or self.url
        self.hops, self.permanent = self.hops + 1, self.permanent and permanent
        if self.hops > REDIRECTS:
            raise FeedError("redirect", f"more than {REDIRECTS} redirects")
        before = self.host
        self.url = _joined(self.url, location)
        self.host = _checked(self.url)
        return self.host == before


class Fetcher:
    """An HTTP client for foreign servers; an async context manager. Raises FeedError only.

    `user_agent` names us with a contact. `allow_private` opens loopback and private networks. With a `proxy` the
    proxy resolves names and has to guard its network itself. `ca_file` adds a certificate authority. `host_gap`
    are the seconds between two requests to one host (none to loopback when that is allowed).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        user_agent: str,
        allow_private: bool = False,
        proxy: str = "",
        ca_file: str = "",
        host_gap: float = 1.0,
        deadline: float = DEADLINE,
        wire_limit: int = WIRE_LIMIT,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._clock, self._allow_private, self._proxy = clock, allow_private, proxy
        self._user_agent, self._ca_file = user_agent, ca_file
        self._host_gap, self._deadline = host_gap, deadline
        self._wire_limit, self._body_limit = wire_limit, body_limit
        self._gates: dict[str, _Gate] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Fetcher:
        # trust_env: an ambient proxy would go around the guard; cookies would carry one server's state to the next
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(socket_factory=self._socket, ssl=self._tls(), limit=64),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": self._user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session
        await self._session.close()

    async def fetch(self, url: str, *, etag: str = "", last_modified: str = "") -> Response:
        """GET an address, sending the validators of the last answer as they came.

        Raises FeedError: network, certificate, timeout, http (with status and retry_after), gone (410), too_big,
        private, redirect.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {name: value for name, value in headers.items() if value}
        way, left = _Way(url, _checked(url)), self._deadline
        loop = asyncio.get_running_loop()
        try:
            while True:
                # a redirect to another host waits for its turn there, without a place at this one
                async with self._turn(way.host):
                    begun = loop.time()
                    async with asyncio.timeout(left):
                        if response := await self._follow(way, headers):
                            return response
                    left -= loop.time() - begun
        except TimeoutError as error:
            raise FeedError("timeout", f"no complete answer within {self._deadline:g} s") from error
        except aiohttp.ClientError as error:
            raise _network_error(error) from error
        except (OSError, ValueError) as error:
            raise FeedError("network", f"the request failed ({type(error).__name__})") from error

    async def _follow(self, way: _Way, headers: dict[str, str]) -> Response | None:
        """Go on until there is an answer, or None when the way leads to another host."""
        while True:
            self._check_literal(way.url)
            async with self._get(way.url, headers) as answer:
                location = answer.headers.get("Location", "")
                if answer.status not in _PERMANENT + _TEMPORARY or not location:
                    fields = await self._read(answer, headers)
                    return Response(**fields, final_url=way.url, permanent_to=way.moved_to)
            if not way.goes_on(location, permanent=answer.status in _PERMANENT):
                return None

    def _get(self, url: str, headers: dict[str, str]) -> Any:
        assert self._session, "use `async with`"
        timeout = aiohttp.ClientTimeout(total=self._deadline)
        return self._session.get(
            url, headers=headers, allow_redirects=False, timeout=timeout, proxy=self._proxy or None
        )

    async def _read(self, answer: aiohttp.ClientResponse, sent: dict[str, str]) -> dict[str, Any]:
        """The fields of the Response; raises for every status without a usable body."""
        if not (answer.status == 200 or (answer.status == 304 and sent)):
            raise await self._refusal(answer)
        age = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
        fields: dict[str, Any] = {
            "status": answer.status,
            "body": b"",
            "etag": answer.headers.get("ETag", ""),
            "last_modified": answer.headers.get("Last-Modified", ""),
            "content_type": answer.headers.get("Content-Type", ""),
            "max_age": int(age[1]) if age else 0,
        }
        if answer.status == 304:
            fields["etag"] = fields["etag"] or sent.get("If-None-Match", "")
            fields["last_modified"] = fields["last_modified"] or sent.get("If-Modified-Since", "")
            return fields
        fields["body"], fields["wire_bytes"] = await self._stream(answer)
        return fields

    async def _stream(self, answer: aiohttp.ClientResponse) -> tuple[bytes, int]:
        """(the body, its bytes on the wire), counted as they come."""
        if (answer.content_length or 0) > self._wire_limit:
            raise FeedError("too_big", f"{answer.content_length} bytes announced")
        unpack = _Unpacker(answer.headers.get("Content-Encoding", ""), self._body_limit)
        wire = 0
        async for chunk in answer.content.iter_any():
            wire += len(chunk)
            if wire > self._wire_limit:
                raise FeedError("too_big", f"more than {self._wire_limit} bytes sent")
            unpack.feed(chunk)
        return unpack.close(), wire

    async def _refusal(self, answer: aiohttp.ClientResponse) -> FeedError:
        kind = "gone" if answer.status == 410 else "http"
        if answer.status in _WALLED and await self._walled(answer):
            kind = "wall"
        after = self._retry_after(answer.headers.get("Retry-After", ""))
        return FeedError(kind, f"the server answered {answer.status}", status=answer.status, retry_after=after)

    async def _walled(self, answer: aiohttp.ClientResponse) -> bool:
        """Whether a refusal is meant for programs; what cannot be read tells nothing."""
        if "cf-mitigated" in answer.headers:
            return True
        try:
            return is_wall((await self._stream(answer))[0])
        except (FeedError, aiohttp.ClientError):
            return False

    def _retry_after(self, text: str) -> float:
        """Seconds, from seconds or an HTTP date; 0 when not said or unreadable."""
        if text.strip().isdecimal():
            return float(text.strip()[:9])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._clock.now())
        except (ValueError, OverflowError):
            return 0.0

    @asynccontextmanager
    async def _turn(self, host: str) -> AsyncIterator[None]:
        gate = self._gates.setdefault(host, _Gate())
        async with gate.places:
            if self._host_gap and not (self._allow_private and _LOOPBACK.fullmatch(host)):
                start = max(gate.next_start, self._clock.monotonic())
                gate.next_start = start + self._host_gap
                await self._clock.sleep_until(start)
            yield

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's way to a socket: the address is what the connection will really go to."""
        if not self._allow_private and not self._proxy:
            _refuse_private(str(info[4][0]))
        return socket.socket(info[0], info[1], info[2])

    def _check_literal(self, url: str) -> None:
        """Behind a proxy the socket guard sees the proxy only; literal addresses can still be judged."""
        host = urlsplit(url).hostname or ""
        if self._proxy and not self._allow_private and (":" in host or re.fullmatch(r"[\d.]+|localhost", host)):
            _refuse_private(host)

    def _tls(self) -> ssl.SSLContext | bool:
        """The authorities of the machine, which aiohttp has loaded already, and `ca_file`'s."""
        if not self._ca_file:
            return True
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(self._ca_file)
        except OSError as error:
            raise ConfigError("ca_file", f"cannot read {self._ca_file}: {error}.") from error
        return context


class _Unpacker:
    """Undoes Content-Encoding piece by piece and refuses more than `limit` bytes."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding, self._limit = encoding.strip().lower(), limit
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FeedError("network", f"Content-Encoding {encoding[:40]!r} was not asked for")
        self._zlib = zlib.decompressobj(47) if self._encoding not in ("", "identity") else None
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Take bytes from the wire. Raises FeedError: too_big, or network when they are damaged."""
        piece = self._inflate(chunk) if self._zlib else chunk
        self._size += len(piece)
        if self._size > self._limit:
            raise FeedError("too_big", f"more than {self._limit} bytes")
        self._pieces.append(piece)

    def close(self) -> bytes:
        """The whole body."""
        if self._zlib and not self._zlib.eof and self._pieces:
            raise FeedError("network", "the compressed answer was cut off")
        return b"".join(self._pieces)

    def _inflate(self, chunk: bytes) -> bytes:
        assert self._zlib
        room = self._limit - self._size + 1
        try:
            return self._zlib.decompress(chunk, room)
        except zlib.error:
            if self._encoding != "deflate" or self._size:
                raise FeedError("network", "the compressed answer is damaged") from None
        # half of the world's servers mean raw deflate
        self._zlib = zlib.decompressobj(-15)
        try:
            return self._zlib.decompress(chunk, room)
        except zlib.error:
            raise FeedError("network", "the compressed answer is damaged") from None


def _joined(url: str, location: str) -> str:
    """Where a redirect leads, as far as it is an address that may be fetched."""
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    _checked(target, "redirect")
    return target


def _checked(url: str, kind: str = "network") -> str:
    """The host of an http(s) address; FeedError(kind) for anything else."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = None
    if not usable:
        raise FeedError(kind, "only http and https addresses are fetched")
    return (parts.hostname or "").lower()


def _refuse_private(address: str) -> None:
    if not is_public(address):
        raise FeedError("private", f"{address} is not on the public internet")


def _network_error(error: aiohttp.ClientError) -> FeedError:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return FeedError("certificate", f"the server's certificate is not trusted: {error.certificate_error}")
        case aiohttp.ClientSSLError():
            return FeedError("network", "no secure connection could be agreed on (TLS)")
        case aiohttp.ClientConnectorDNSError():
            return FeedError("network", "the host name is unknown")
        case aiohttp.ClientConnectorError():
            return FeedError("network", f"no connection: {error.strerror or error.os_error}")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return FeedError("network", "the server hung up in the middle of its answer")
        case _:
            # its own text may hold the address with a password in it
            return FeedError("network", f"the answer is not proper HTTP ({type(error).__name__})")
