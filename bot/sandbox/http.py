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
from .client import People, transcript
from .faults import Fault, Faults, token_error
from .flood import FloodRule
from .methods import METHODS, Machine
from .model import ApiError, Clock, Json, Params, clamp, refuse, to_int
from .schema import check_request, check_result
from .webhook import Pusher

TOKEN = "777000123:AAsandbox-sandbox-sandbox-sandbox00"  # noqa: S105 - it opens nothing
_BODY_MAX = 60 * 1024 * 1024
_PARAMETERS_MAX = 1024 * 1024
_KNOWN = {name.lower(): name for name in METHODS}

Uploads = dict[str, tuple[str, bytes]]


@dataclass(slots=True)
class Call:
    """One line of the call log; `answer` is the envelope, None where the connection was dropped."""

    method: str
    params: Params
    time: float
    answer: Json | None


class Sandbox:
    """A Bot API server with a world behind it, as an async context manager.

    `validate=False` switches the schema checks off (load tests); `strict=False` records violations without
    refusing. `advance` moves the clock when the page asks for it. Routes may be added to `app` before entering.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        token: str = TOKEN,
        host: str = "127.0.0.1",
        port: int = 0,
        strict: bool = True,
        validate: bool = True,
        flood: FloodRule | None = None,
        name: str = "Newsdesk",
        username: str = "newsdesk_demo_bot",
        advance: Callable[[float], Awaitable[None]] | None = None,
        anti_spin: bool = True,
    ) -> None:
        self.clock, self.token, self.host, self.port = clock, token, host, port
        self.strict, self.validate, self.advance = strict, validate, advance
        self.machine = Machine(clock, bot_id=int(token.partition(":")[0]), name=name, username=username)
        self.machine.flood = flood or FloodRule.off()
        self.faults = Faults(self.machine)
        self.fail = self.faults.fail
        self.violations: list[str] = []
        self.calls: deque[Call] = deque(maxlen=10_000)
        self.people = People(self)
        self.note: Callable[[], str] = self._why_silent
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
        return [transcript(msg) for msg in found if msg.out and not msg.deleted and msg.kind != "service"]

    async def until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
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
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def _why_silent(self) -> str:
        if self.faults.armed:
            return f"faults are armed: {', '.join(fault.name for fault in self.faults.armed)}"
        if not self.machine.webhook.url and not self._poll.ever:
            return "the bot has not called yet"
        return ""

    # --- a request --------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            wrong = token_error(request.match_info["token"], self.token)
            if wrong:
                raise wrong
            params, uploads = await _arguments(request)
            method = request.match_info["method"] or str(params.pop("method", ""))
            return respond(await self.call(method, params, uploads))
        except ApiError as error:
            return respond(refusal(error))
        except _HtmlBodyError:
            body = "<html><body><h1>502 Bad Gateway</h1></body></html>"
            return web.Response(status=502, text=body, content_type="text/html")
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
            answer = refusal(error)
        finally:
            self.calls.append(Call(method, params, started, answer))
            self._changed("call", 0, None)
        return answer

    async def _answer(self, method: str, params: Params, uploads: Uploads) -> Json:
        wrong = self._check_request(method, params, uploads) if self.validate else []
        struck = self.faults.strike(method, params) if self.faults.armed else []
        for fault in struck:
            await self._suffer(fault)
        hook = self.machine.webhook.url
        if method == "getUpdates":
            result = await self._poll.call(params)
        else:
            result = self.machine.call(method, params, uploads)
        if self.validate:
            found = check_result(method, result)
            self.violations += found
            if (wrong or found) and self.strict:
                raise ApiError(400, f"Bad Request: stand-in: {(wrong + found)[0]}")
        if any(fault.name == "drop_after" for fault in struck):
            raise _DroppedError
        described = _webhook_words(method, hook, self.machine.webhook.url)
        return {"ok": True, "result": result, **described}

    def _check_request(self, method: str, params: Params, uploads: Uploads) -> list[str]:
        """Unknown names are refused at once; for the rest Telegram's own words, if it has some, come first."""
        if method not in METHODS:
            self.violations.append(f"unknown method {method!r}")
            return []
        unknown, wrong = check_request(method, params, set(uploads))
        self.violations += unknown + wrong
        if unknown and self.strict:
            raise ApiError(400, f"Bad Request: stand-in: {unknown[0]}")
        return wrong

    async def _suffer(self, fault: Fault) -> None:
        if fault.error:
            raise fault.error
        if fault.name == "drop_before":
            raise _DroppedError
        if fault.name == "html_body":
            raise _HtmlBodyError
        if fault.name == "latency":
            await self.clock.sleep(fault.seconds)
        if fault.name == "hang":
            await asyncio.get_running_loop().create_future()  # until the caller gives up

    async def _file(self, request: web.Request) -> web.StreamResponse:
        wrong = token_error(request.match_info["token"], self.token)
        if wrong:
            return respond(refusal(wrong))
        path = request.match_info["path"]
        for file in self.machine.files.values():
            if file.path == path:
                return web.Response(body=file.data, content_type="application/octet-stream")
        return respond(refusal(ApiError(404, "Not Found")))


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class _HtmlBodyError(Exception):
    """A proxy's error page is to be answered instead of JSON."""


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
            if self._waiting is mine:
                self._waiting = None
        return list(self.machine.call("getUpdates", p))

    def _end_older(self, loop: asyncio.AbstractEventLoop) -> None:
        older = self._waiting
        if older is None:
            return
        text = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        delay = 3.0 if loop.time() - self._conflict_at < 3 else 0.0
        self._conflict_at = loop.time()
        loop.call_later(delay, _fail, older, ApiError(409, text))

    def heard(self, kind: str, chat_id: int, payload: Any) -> None:
        """The machine's listener: updates wake the waiting call, a webhook ends it."""
        if self._waiting is None:
            return
        if kind == "update":
            loop = asyncio.get_running_loop()
            loop.call_later(0.001, _finish, self._waiting)  # Telegram gathers for a moment too
        elif kind == "state" and self.machine.webhook.url:
            _fail(self._waiting, ApiError(409, "Conflict: terminated by setWebhook request"))

    def close(self) -> None:
        """Let a waiting call go, so that the server can stop."""
        if self._waiting:
            _finish(self._waiting)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: ApiError) -> None:
    if not future.done():
        future.set_exception(error)


def _webhook_words(method: str, before: str, after: str) -> Json:
    if method not in ("setWebhook", "deleteWebhook"):
        return {}
    if after:
        return {"description": "Webhook is already set" if before == after else "Webhook was set"}
    return {"description": "Webhook was deleted" if before else "Webhook is already deleted"}


def refusal(error: ApiError) -> Json:
    """The envelope of an error."""
    answer: Json = {"ok": False, "error_code": error.code, "description": error.description}
    return {**answer, "parameters": error.parameters} if error.parameters else answer


def respond(answer: Json) -> web.Response:
    """The HTTP response of an envelope: the status is the error code, a 429 has Retry-After."""
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    response = web.Response(body=body, status=answer.get("error_code", 200), content_type="application/json")
    wait = answer.get("parameters", {}).get("retry_after")
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


async def _not_found(request: web.Request) -> web.StreamResponse:
    return respond(refusal(ApiError(404, "Not Found")))


async def _arguments(request: web.Request) -> tuple[Params, Uploads]:
    """Parameters from the query string and the body, whatever its form, and the uploads of a multipart body."""
    params: Params = dict(request.query)
    uploads: Uploads = {}
    kind = request.content_type if request.can_read_body else ""
    try:
        if kind == "application/json":
            params |= _json_object(await request.read())
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
        raise ApiError(413, "Request Entity Too Large: too much data") from None
    return params, uploads


def _json_object(body: bytes) -> Params:
    try:
        value = json.loads(body) if body.strip() else {}
    except UnicodeError:
        raise
    except ValueError as error:
        raise refuse(f"can't parse parameter value: {error}") from None
    if not isinstance(value, dict):
        raise refuse("JSON object expected")
    return {name: item for name, item in value.items() if item is not None}


async def _multipart(request: web.Request, params: Params, uploads: Uploads) -> None:
    size = 0
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise refuse("can't parse nested multipart data")
            data = bytes(await part.read(decode=True))
            if part.filename is not None:
                uploads[part.name or ""] = (part.filename, data)
            else:
                params[part.name or ""] = data.decode()
                size += len(data)
            if size > _PARAMETERS_MAX or len(uploads) > 50:
                raise ApiError(413, "Request Entity Too Large: too many parameters or files")
    except UnicodeError:
        raise
    except ValueError as error:
        raise refuse(f"can't parse multipart data: {error}") from None
