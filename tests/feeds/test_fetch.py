"""Fetching over real HTTP from servers that behave, drip, lie and attack."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from bot.clock import RealClock, SteppableClock
from bot.domain.errors import ConfigError, FeedError
from bot.feeds.fetch import Fetcher, is_public

AGENT = "Newsdesk/1 (+https://news.test/contact)"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server on this machine that answers every path with `handler`."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def fetcher(**options: object) -> Fetcher:
    return Fetcher(RealClock(), user_agent=AGENT, **{"allow_private": True} | options)  # type: ignore[arg-type] # test options


def answer(body: bytes = b"<rss/>", status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return handler


async def fails(handler: Handler, **options: object) -> FeedError:
    async with serving(handler) as url, fetcher(**options) as client:
        with pytest.raises(FeedError) as caught:
            await client.fetch(url)
    return caught.value


async def test_an_answer_with_everything() -> None:
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.update(request.headers)
        headers = {"ETag": 'W/"a\'b"', "Last-Modified": "yesterday, perhaps", "Cache-Control": "public, max-age=300"}
        return web.Response(body=b"<rss/>", headers=headers, content_type="text/xml")

    async with serving(handler) as url, fetcher() as client:
        got = await client.fetch(url + "/rss")
    assert (got.status, got.body, got.wire_bytes, got.max_age) == (200, b"<rss/>", 6, 300)
    assert (got.etag, got.last_modified, got.content_type) == ('W/"a\'b"', "yesterday, perhaps", "text/xml")
    assert (got.final_url, got.permanent_to) == (url + "/rss", "")
    assert seen["User-Agent"] == AGENT
    assert "If-None-Match" not in seen


async def test_validators_go_back_as_they_came_and_stay() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.headers["If-None-Match"] == 'W/"odd'
        assert request.headers["If-Modified-Since"] == "Sometime"
        return web.Response(status=304)

    async with serving(handler) as url, fetcher() as client:
        got = await client.fetch(url, etag='W/"odd', last_modified="Sometime")
    assert (got.status, got.body, got.etag, got.last_modified) == (304, b"", 'W/"odd', "Sometime")


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait"),
    [
        (404, {}, "http", 0.0),
        (410, {}, "gone", 0.0),
        (304, {}, "http", 0.0),
        (302, {}, "http", 0.0),
        (429, {"Retry_After": "120"}, "http", 120.0),
        (503, {"Retry_After": "Thu, 01 Jan 1970 00:01:00 GMT"}, "http", 60.0),
        (503, {"Retry_After": "soon"}, "http", 0.0),
    ],
)
async def test_refusals(status: int, headers: dict[str, str], kind: str, wait: float) -> None:
    async with (
        serving(answer(b"", status, **headers)) as url,
        Fetcher(SteppableClock(0.0), user_agent=AGENT, allow_private=True) as client,
    ):
        with pytest.raises(FeedError) as caught:
            await client.fetch(url)
    assert (caught.value.kind, caught.value.status, caught.value.retry_after) == (kind, status, wait)


@pytest.mark.parametrize(
    ("statuses", "moved"), [((301, 308), True), ((301, 302), False), ((307,), False), ((301,) * 5, True)]
)
async def test_redirects(statuses: tuple[int, ...], moved: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        n = int(request.path.strip("/") or 0)
        if n == len(statuses):
            return web.Response(body=b"<rss/>")
        return web.Response(status=statuses[n], headers={"Location": f"/{n + 1}"})

    async with serving(handler) as url, fetcher() as client:
        got = await client.fetch(url)
    assert got.final_url == f"{url}/{len(statuses)}"
    assert got.permanent_to == (got.final_url if moved else "")


@pytest.mark.parametrize("location", ["/", "file:///etc/passwd", "ftp://news.test/", "http://[bad", "http://:0/"])
async def test_redirects_that_lead_nowhere(location: str) -> None:
    error = await fails(answer(b"", 302, Location=location))
    assert error.kind == "redirect"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw"])
async def test_compressed_answers(encoding: str) -> None:
    body = b"<rss>" + b"news " * 5000 + b"</rss>"
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(body, mtime=0),
        "deflate": zlib.compress(body),
        "raw": raw.compress(body) + raw.flush(),
    }
    named = "deflate" if encoding == "raw" else encoding
    async with serving(answer(packed[encoding], Content_Encoding=named)) as url, fetcher() as client:
        got = await client.fetch(url)
    assert got.body == body
    assert got.wire_bytes == len(packed[encoding])


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (b"not packed", "gzip", "network"),
        (b"\xff\xff\xff", "deflate", "network"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-12], "gzip", "network"),
        (b"x", "br", "network"),
        (b"x" * 3000, "identity", "too_big"),
        (gzip.compress(b"\0" * 50_000_000, mtime=0), "gzip", "too_big"),
    ],
)
async def test_answers_that_are_damaged_or_too_big(body: bytes, encoding: str, kind: str) -> None:
    error = await fails(answer(body, Content_Encoding=encoding), wire_limit=100_000, body_limit=2000)
    assert error.kind == kind


async def test_an_announced_or_endless_length_is_refused_at_once() -> None:
    assert (await fails(answer(b"x" * 2000), wire_limit=1000)).kind == "too_big"

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    assert (await fails(endless)).kind == "too_big"


async def test_a_dripping_server_is_cut_while_others_go_on() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.path == "/drip":
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    async with serving(drip) as url, fetcher(deadline=0.3) as client:
        slow, quick = await asyncio.gather(client.fetch(url + "/drip"), client.fetch(url), return_exceptions=True)
    assert isinstance(slow, FeedError)
    assert slow.kind == "timeout"
    assert not isinstance(quick, BaseException)


async def test_connections_that_fail_say_how() -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    assert (await fails(hang_up)).kind == "network"
    async with serving(answer()) as url, fetcher() as client:
        with pytest.raises(FeedError, match="the request failed"):
            await client.fetch(url, etag="never\nmine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with fetcher(host_gap=0) as client:
            for url, words in (
                (f"http://127.0.0.1:{free.getsockname()[1]}/", "no connection"),
                ("http://no-such-host.invalid/", "unknown"),
                ("ftp://127.0.0.1/", "only http"),
                ("http://[bad/", "only http"),
            ):
                with pytest.raises(FeedError, match=words) as caught:
                    await client.fetch(url)
                assert caught.value.kind == "network"


async def test_bytes_that_are_no_http() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-surprise\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server, fetcher() as client:
        with pytest.raises(FeedError, match="not proper HTTP"):
            await client.fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "①②⑦.⓪.⓪.①", "2130706433", "0x7f.1"])
async def test_private_addresses_are_refused_however_written(host: str) -> None:
    touched = False

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal touched
        touched = True
        return web.Response()

    async with serving(handler) as url, fetcher(allow_private=False) as client:
        with pytest.raises(FeedError) as caught:
            await client.fetch(url.replace("127.0.0.1", host))
    assert caught.value.kind in ("private", "network")
    assert not touched


async def test_a_redirect_into_the_private_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # the first hop is let through as if it were public, the second is judged as it is
    judged: list[str] = []
    monkeypatch.setattr("bot.feeds.fetch.is_public", lambda address: judged.append(address) or len(judged) == 1)
    async with (
        serving(answer(b"", 302, Location="http://127.0.0.2:9/")) as url,
        fetcher(allow_private=False) as client,
    ):
        with pytest.raises(FeedError) as caught:
            await client.fetch(url)
    assert caught.value.kind == "private"
    assert judged == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::1", False),
        ("2002:a00:1::", False),
        ("2001:0:1::", False),
        ("fc00::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("news.test", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_few_at_once_and_a_second_apart_per_host(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[float] = []
    clock = SteppableClock(0.0)
    together = most = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal together, most
        starts.append(clock.monotonic())
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.05)
        together -= 1
        return web.Response(body=b"<rss/>")

    async with serving(handler) as url, Fetcher(clock, user_agent=AGENT, allow_private=True, host_gap=1.0) as client:
        await asyncio.gather(*(client.fetch(url) for _ in range(3)))
        assert (starts, most) == ([0.0] * 3, 2)
        starts.clear()
        monkeypatch.setattr("bot.feeds.fetch._LOOPBACK", re.compile("none is"))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(client.fetch(url)) for _ in range(3)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.02)
                await clock.advance(0.25)
    assert [round(b - a) for a, b in pairwise(starts)] == [1, 1]


async def test_a_redirect_to_another_host_waits_for_its_turn_there(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, starts = SteppableClock(0.0), []

    async def target(request: web.Request) -> web.StreamResponse:
        starts.append(clock.monotonic())
        return web.Response(body=b"<rss/>")

    async with serving(target) as url:
        port = url.rpartition(":")[2]
        async with (
            serving(answer(b"", 301, Location=f"http://127.0.0.3:{port}/")) as away,
        ):
            hosts = [away.replace("127.0.0.1", f"127.0.0.{n}") for n in (4, 5, 6)]
            monkeypatch.setattr("bot.feeds.fetch._LOOPBACK", re.compile(r"127\.0\.0\.[456]"))
            async with Fetcher(clock, user_agent=AGENT, allow_private=True, host_gap=1.0, deadline=0.5) as client:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(client.fetch(host)) for host in hosts]
                    while not all(task.done() for task in tasks):
                        await asyncio.sleep(0.02)
                        await clock.advance(0.25)
                assert {task.result().permanent_to for task in tasks} == {f"http://127.0.0.3:{port}/"}
    assert [round(b - a) for a, b in pairwise(starts)] == [1, 1]


async def test_a_proxy_is_used_only_when_named_and_literals_are_still_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.StreamResponse:
        asked.append(str(request.url))
        return web.Response(body=b"<rss/>")

    async with serving(proxy) as url:
        monkeypatch.setenv("http_proxy", url)
        async with fetcher(proxy=url, allow_private=False) as client:
            assert (await client.fetch("http://news.test/rss")).body == b"<rss/>"
            for private in ("http://10.0.0.1/", "http://localhost/", "http://[::1]/"):
                with pytest.raises(FeedError, match="private"):
                    await client.fetch(private)
        assert asked == ["http://news.test/rss"]
        async with fetcher() as client:
            with pytest.raises(FeedError):
                await client.fetch("http://no-such-host.invalid/")
        assert len(asked) == 1


async def test_certificates_are_checked_and_an_authority_can_be_added(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    async with serving(answer(), tls) as url:
        async with fetcher() as client:
            with pytest.raises(FeedError, match="certificate is not trusted") as caught:
                await client.fetch(url)
            assert caught.value.kind == "certificate"
        async with fetcher(ca_file=str(cert)) as client:
            assert (await client.fetch(url)).status == 200
    async with serving(answer()) as url, fetcher() as client:
        with pytest.raises(FeedError, match="TLS"):
            await client.fetch(url.replace("http:", "https:"))
    with pytest.raises(ConfigError, match="ca_file"):
        async with fetcher(ca_file="/no/such.pem"):
            pass


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (403, b"<html><title>Just a moment...</title></html>", {}, "wall"),
        (503, b"<html><script src='/.well-known/ddos-guard/check'></script></html>", {}, "wall"),
        (403, b"", {"cf_mitigated": "challenge"}, "wall"),
        (403, b"<html>not for you</html>", {}, "http"),
        (403, b"broken", {"Content_Encoding": "gzip"}, "http"),
        (404, b"<html>captcha</html>", {}, "http"),
    ],
)
async def test_walls_are_told_from_other_refusals(status: int, body: bytes, headers: dict[str, str], kind: str) -> None:
    error = await fails(answer(body, status, **headers))
    assert (error.kind, error.status) == (kind, status)
