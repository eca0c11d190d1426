"""Serves the page of `newsdesk demo`: a handful of files, nothing from elsewhere, a strict policy for the browser."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_page(app: web.Application) -> None:
    """Put the page at `/` and its files beside it."""
    files = {f"/{path.name}": path for path in PAGE.iterdir() if path.suffix in KINDS}
    files["/"] = files.pop("/index.html")

    async def send(request: web.Request) -> web.Response:
        path = files[request.path]
        return web.Response(body=path.read_bytes(), content_type=KINDS[path.suffix], charset="utf-8", headers=HEADERS)

    for address in files:
        app.router.add_get(address, send)
