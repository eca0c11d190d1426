"""The HTTP front of the stand-in: `/bot<token>/<method>`, `/file/bot<token>/<path>`, long poll, faults, checks.

request -> token -> parameters -> schema -> faults -> machine (or long poll) -> schema -> call log -> envelope
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from . import sim
from .client import PATIENCE, People
from .faults import Fault, Faults, token_error
from .flood import FloodRule
from .methods import Machine
from .model import METHODS, TABLES, ApiError, Clock, Json, Params, Uploads, clamp, refuse, require, to_int
from .schema import check_request, check_result, check_update
from .webhook import Pusher

TOKEN = "777000123:AAsandbox-sandbox-sandbox-sandbox00"  # noqa: S105 - it opens nothing
_BODY_MAX = 60 * 1024 * 1024
_PARAMETERS_MAX = 1024 * 1024
_CONFLICT = TABLES["refusals"]["conflict"][1]
_KNOWN = {name.lower(): name for name in METHODS}


@dataclass(slots=True)
class Call:
    """One line of the call log; `answer` is the envelope, None where the connection was dropped."""

    method: str
    params: Params
    time: float
    answer: Json | None


class Sandbox:
    """A Bot API server with a world behind it, as an async context manager.

    `advance` moves the clock when the page asks for it. Routes may be added to `app` before entering. Whoever sets
    `strict` to False has violations of the schema recorded only, not refused.
    """

    def __init__(
        self, clock: Clock, *, token: str = TOKEN, host: str = "127.0.0.1", port: int = 0,
        flood: FloodRule | None = None, name: str = "Newsdesk", username: str = "newsdesk_demo_bot",
        advance: Callable[[float], Awaitable[None]] | None = None, anti_spin: bool = True,
    ) -> None:  # fmt: skip
        self.clock, self.token, self.host, self.port = clock, token, host, port
        self.strict, self.advance = True, advance
        self.machine = Machine(clock, bot_id=int(token.partition(":")[0]), name=name, username=username)
        self.machine.flood = flood or FloodRule.off()
        self.faults = Faults(self.machine)
        self.fail = self.faults.fail
        self.violations: list[str] = []
        self.calls: deque[Call] = deque(maxlen=10_000)
        self.people = People(self)
        self.note: Callable[[int], Awaitable[str]] = self.why_silent
        self._poll = _LongPoll(self.machine, anti_spin)
        self._waiters: list[asyncio.Future[None]] = []
        self.closing = asyncio.Event()  # set when the server is about to stop: streams end
        self._stack = AsyncExitStack()
        self.app = web.Application(client_max_size=_BODY_MAX)
        for path in ("/bot{token:[^/]+}/{method:[^/]*}", "/bot{token:[^/]+}/test/{method:[^/]*}"):
            self.app.router.add_route("*", path, self._handle)
        self.app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._file)
        sim.add_routes(self)

    @property
    def url(self) -> str:
        """The base address to give a bot, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> Sandbox:
        self.app.router.add_route("*", "/{tail:.*}", _not_found)
        try:
            await self._start()
        except BaseException:  # a port that is taken must leave nothing behind
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        runner = web.AppRunner(self.app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self.host, self.port).start()
        self.port = runner.addresses[0][1]
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        pusher = Pusher(self.machine, self.clock, tasks, self.call)
        self._stack.push_async_callback(pusher.close)
        self.machine.listeners += [self._poll.heard, pusher.heard, self._changed]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._changed("state", 0, None)
        self.machine.emit("state", 0)
        self._poll.close()
        await self._stack.aclose()

    # --- what tests and the demo use --------------------------------------------------------------------

    def sent(self, chat_id: int) -> list[Json]:
        """What the bot has said in a chat, as it stands now, deleted messages left out."""
        found = self.machine.chats[chat_id].messages.values()
        return [msg.transcript() for msg in found if msg.out and not msg.deleted and msg.kind != "service"]

    async def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait (real seconds) until a condition holds; it is looked at after each change and each call."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            last = [(call.method, call.params.get("chat_id"), call.answer) for call in list(self.calls)[-5:]]
            raise AssertionError(f"not within {timeout} s; the last calls were {last}") from None

    def _changed(self, kind: str, chat_id: int, payload: Any) -> None:
        if kind == "update":
            self.violations += check_update(payload.to_json())
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _settle(waiter)

    async def why_silent(self, user_id: int) -> str:
        """Why nothing arrives at that person, as far as the stand-in knows; "" when it knows no reason."""
        if self.faults.armed:
            return f"faults are armed: {', '.join(fault.name for fault in self.faults.armed)}"
        if not self.machine.webhook.url and not self._poll.ever:
            return "the bot has not called yet"
        return ""

    # --- a request --------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            params, uploads = await _arguments(request)
            method = request.match_info["method"] or str(params.pop("method", ""))
            return respond(await self.call(method, params, uploads))
        except ApiError as error:
            return respond(error.to_json())
        except _DroppedError:
            if request.transport:
                request.transport.abort()
            return web.Response()

    async def call(self, method: str, params: Params, uploads: Uploads | None = None) -> Json:
        """Run a call with checks, faults and log, as if it had come over HTTP. Returns the envelope."""
        method = _KNOWN.get(method.lower(), method)
        started = self.clock.now()
        answer: Json | None = None
        try:
            answer = await self._answer(method, params, uploads or {})
        except ApiError as error:
            answer = error.to_json()
        finally:
            self.calls.append(Call(method, params, started, answer))
            self._changed("call", 0, None)
        return answer

    async def _answer(self, method: str, params: Params, uploads: Uploads) -> Json:
        wrong = self._check_request(method, params, uploads)
        struck = self.faults.strike(method, params) if self.faults.armed else []
        for fault in struck:
            await self._suffer(fault)
        hook, poll = self.machine.webhook.url, method == "getUpdates"
        result = await self._poll.call(params) if poll else self.machine.call(method, params, uploads)
        found = check_result(method, result)
        self.violations += found
        if (wrong or found) and self.strict:
            raise refuse(f"stand-in: {(wrong + found)[0]}")
        if any(fault.name == "drop_after" for fault in struck):
            raise _DroppedError
        return {"ok": True, "result": result, **_webhook_words(method, hook, self.machine.webhook.url)}

    def _check_request(self, method: str, params: Params, uploads: Uploads) -> list[str]:
        """Unknown names are refused at once; for the rest Telegram's own words, if it has some, come first."""
        if method not in METHODS:
            self.violations.append(f"unknown method {method!r}")
            return []
        unknown, wrong = check_request(method, params, set(uploads))
        self.violations += unknown + wrong
        require(not (unknown and self.strict), f"stand-in: {''.join(unknown[:1])}")
        return wrong

    async def _suffer(self, fault: Fault) -> None:
        if fault.error:
            raise fault.error
        match fault.name:
            case "drop_before":
                raise _DroppedError
            case "html_body":
                body = "<html><body><h1>502 Bad Gateway</h1></body></html>"
                raise web.HTTPBadGateway(text=body, content_type="text/html")
            case "latency":
                await self.clock.sleep(fault.seconds)
            case "hang":
                await asyncio.get_running_loop().create_future()  # until the caller gives up

    def _check_token(self, request: web.Request) -> None:
        wrong = token_error(request.match_info["token"], self.token)
        if wrong:
            raise wrong

    async def _file(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            path = request.match_info["path"]
            file = next((file for file in self.machine.files.values() if file.path == path), None)
            if file is None:
                raise refuse("Not Found", 404)
            return web.Response(body=file.data, content_type="application/octet-stream")
        except ApiError as error:
            return respond(error.to_json())


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class _LongPoll:
    """getUpdates with waiting. Times here are the loop's real seconds: they belong to the transport."""

    def __init__(self, machine: Machine, anti_spin: bool) -> None:
        self.machine, self.anti_spin = machine, anti_spin
        self.ever = False
        self._waiting: asyncio.Future[None] | None = None
        self._last = (0, float("-inf"))  # offset and time of the previous call
        self._conflict_at = float("-inf")

    async def call(self, p: Params) -> list[Json]:
        """The updates, at once or when there are some; [] after the timeout; 409 for an older waiting call."""
        loop = asyncio.get_running_loop()
        self.ever = True
        offset, timeout, p = to_int(p.get("offset")), clamp(to_int(p.get("timeout")), 0, 50), dict(p)
        previous, now = self._last, loop.time()
        self._last = (offset, now)
        if self.anti_spin and previous[0] == offset and timeout < 3 and now - previous[1] < 3:
            timeout = 3
            if now - previous[1] < 0.5:
                p["limit"] = 1
        result: list[Json] = self.machine.call("getUpdates", p)
        if result or not timeout:
            return result
        self._end_older(loop)
        mine = self._waiting = loop.create_future()
        self.machine.emit("queue", 0)
        try:
            async with asyncio.timeout(timeout):
                await mine
        except TimeoutError:
            return []
        finally:
            self._waiting = None if self._waiting is mine else self._waiting
        return list(self.machine.call("getUpdates", p))

    def _end_older(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting:
            delay = 3.0 if loop.time() - self._conflict_at < 3 else 0.0
            self._conflict_at = loop.time()
            loop.call_later(delay, _settle, self._waiting, refuse(_CONFLICT, 409))

    def heard(self, kind: str, chat_id: int, payload: Any) -> None:
        """The machine's listener: updates wake the waiting call, a webhook ends it."""
        if self._waiting and kind == "update":  # Telegram gathers for a moment too
            asyncio.get_running_loop().call_later(0.001, _settle, self._waiting)
        elif kind == "state" and self.machine.webhook.url:
            _settle(self._waiting, refuse("terminated by setWebhook request", 409))

    def close(self) -> None:
        """Let a waiting call go, so that the server can stop."""
        _settle(self._waiting)


def _settle(future: asyncio.Future[None] | None, error: ApiError | None = None) -> None:
    if future and not future.done():
        future.set_exception(error) if error else future.set_result(None)


def _webhook_words(method: str, before: str, after: str) -> Json:
    if method not in ("setWebhook", "deleteWebhook"):
        return {}
    words = ("is already" if before == after else "was") + (" set" if after else " deleted")
    return {"description": f"Webhook {words}"}


def respond(answer: Json) -> web.Response:
    """The HTTP response of an envelope: the status is the error code, a 429 has Retry-After."""
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    response = web.Response(body=body, status=answer.get("error_code", 200), content_type="application/json")
    wait = answer.get("parameters", {}).get("retry_after")
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


async def _not_found(request: web.Request) -> web.StreamResponse:
    return respond(refuse("Not Found", 404).to_json())


async def _arguments(request: web.Request) -> tuple[Params, Uploads]:
    """Parameters from the query string and the body, whatever its form, and the uploads of a multipart body."""
    params: Params = dict(request.query)
    uploads: Uploads = {}
    kind = request.content_type if request.can_read_body else ""
    try:
        if kind == "application/json":
            given = json.loads((await request.read()).strip() or b"{}")
            require(isinstance(given, dict), "JSON object expected")
            params |= {name: value for name, value in given.items() if value is not None}
        elif kind == "multipart/form-data":
            await _multipart(request, params, uploads)
        elif kind == "application/x-www-form-urlencoded":
            body = (await request.read()).decode()
            params |= dict(parse_qsl(body, keep_blank_values=True, errors="strict"))
        for value in params.values():
            if isinstance(value, str):
                value.encode()  # half a surrogate pair is no text either
    except UnicodeError:
        raise refuse("strings must be encoded in UTF-8") from None
    except web.HTTPRequestEntityTooLarge:
        raise refuse("too much data", 413) from None
    except ValueError as error:
        what = "multipart data" if kind.startswith("multi") else "parameter value"
        raise refuse(f"can't parse {what}: {error}") from None
    return params, uploads


async def _multipart(request: web.Request, params: Params, uploads: Uploads) -> None:
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise refuse("can't parse nested multipart data")
        data = bytes(await part.read(decode=True))
        if part.filename is not None:
            uploads[part.name or ""] = (part.filename, data)
        else:
            params[part.name or ""] = data.decode()
            size += len(data)
        require(size <= _PARAMETERS_MAX and len(uploads) <= 50, "too many parameters or files", 413)
