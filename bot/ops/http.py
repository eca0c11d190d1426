"""The HTTP port: health, readiness and metrics, and the routes that others hang into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bot.domain.errors import ConfigError
from bot.ops.health import Health

if TYPE_CHECKING:
    from aiohttp import web

KEEPALIVE = 60.0
"""Seconds an idle connection is kept; aiohttp's default of an hour lets strangers hold sockets."""

MAX_BODY = 1 << 20
MAX_HEADER = 8190

Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


class HttpPort:
    """Serves while the `async with` lasts; with `listen` None it does nothing, and loads no server.

    `/healthz` says that the process lives, `/readyz` whether it can work: 200 or 503 with the reasons; `/metrics` is
    what `metrics` gives.
    """

    def __init__(
        self, listen: tuple[str, int] | None, health: Health, metrics: Callable[[], str] | None = None
    ) -> None:
        self._listen = listen
        self._health = health
        self._routes: list[tuple[str, str, Handler]] = []
        self._runner: web.AppRunner | None = None
        self.add_route("GET", "/healthz", self._healthz)
        self.add_route("GET", "/readyz", self._readyz)
        if metrics:
            self._metrics = metrics
            self.add_route("GET", "/metrics", self._measured)

    def add_route(self, method: str, path: str, handler: Handler) -> None:
        """Hang a handler into the port, before it is opened."""
        self._routes.append((method, path, handler))

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that are served, None when off: the real port where 0 was asked for."""
        if self._runner is None or not self._runner.addresses:
            return None
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    async def __aenter__(self) -> Self:
        if self._listen is None:
            return self
        from aiohttp import web

        host, port = self._listen
        app = web.Application(client_max_size=MAX_BODY)
        for method, path, handler in self._routes:
            app.router.add_route(method, path, handler)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEPALIVE,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            problem = f"cannot listen on {host}:{port} ({error.strerror or error})."
            raise ConfigError("HTTP_LISTEN", problem, "Choose another, or nothing for no HTTP port.") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.Response(text="ok")

    async def _readyz(self, request: web.Request) -> web.Response:
        from aiohttp import web

        problems = self._health.ready()
        return web.json_response({"ready": not problems, "problems": problems}, status=503 if problems else 200)

    async def _measured(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.Response(body=self._metrics().encode(), headers={"Content-Type": "text/plain; version=0.0.4"})
