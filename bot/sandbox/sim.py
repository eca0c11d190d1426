"""The page of `newsdesk demo`: its files, and `/sim/`, the JSON API through which it plays people.

The page takes nothing from elsewhere and has a strict policy. The API is there for loopback only, without CORS: a
POST must be application/json and the Host a loopback one, so that no foreign page can reach it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .client import Person
from .model import ApiError, Chat, Json, Msg, User, to_int
from .text import TextError

if TYPE_CHECKING:
    from .http import Sandbox

PAGE = Path(__file__).parent / "page"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_ANSWER_WITHIN = 10.0  # real seconds that the page waits for the bot
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_page(app: web.Application) -> None:
    """Put the page at `/` and its files beside it."""
    files = {f"/{path.name}": path for path in PAGE.iterdir() if path.suffix in _KINDS}
    files["/"] = files.pop("/index.html")

    async def send(request: web.Request) -> web.Response:
        path = files[request.path]
        return web.Response(body=path.read_bytes(), content_type=_KINDS[path.suffix], charset="utf-8", headers=_HEADERS)

    for address in files:
        app.router.add_get(address, send)


def add_routes(sandbox: Sandbox) -> None:
    """Put the API on the stand-in's application."""
    api = _Sim(sandbox)
    acts = "POST /sim/{act:send|tap|block|join|leave|react|forward|inline}"
    rows: dict[str, Handler] = {acts: api.act, "POST /sim/clock": api.clock, "GET /sim/file/{file_id}": api.file}
    rows |= {"POST /sim/fault": api.fault, "DELETE /sim/fault": api.clear, "GET /sim/events": api.events}
    rows |= {"GET /sim/state": api.state, "GET /sim/chat/{chat_id}": api.chat, "GET /sim/log": api.log}
    for row, handler in rows.items():
        method, path = row.split(" ")
        sandbox.app.router.add_route(method, path, _guarded(handler))


def _guarded(handler: Handler) -> Handler:
    """Refuse foreign hosts and forms; turn refusals and missing things into JSON errors."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if not _LOOPBACK.fullmatch(request.host):
            return _wrong("this address answers on loopback only", 403)
        if request.method == "POST" and request.content_type != "application/json":
            return _wrong("Content-Type must be application/json", 415)
        try:
            return await handler(request)
        except ApiError as error:
            return _wrong(error.description)
        except TextError as error:
            return _wrong(error.description)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            return _wrong(f"bad request: {error!r}")
        except AssertionError as error:
            return _wrong(str(error), 504)

    return answer


def _wrong(why: str, status: int = 400) -> web.Response:
    return web.json_response({"error": why}, status=status)


class _Sim:
    """The handlers; each is named like its path."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.machine = sandbox, sandbox.machine

    async def state(self, request: web.Request) -> web.Response:
        """Everything but the messages; `note` says why nothing arrives at `user_id`."""
        machine = self.machine
        texts: dict[str, Json] = {}
        for (what, lang), text in machine.texts.items():
            texts.setdefault(lang or "default", {})[what] = text
        commands: dict[str, Json] = {}
        for (scope, lang), listed in machine.commands.items():
            commands.setdefault(scope, {})[lang or "default"] = listed
        shown = {"now": machine.clock.now(), "bot": machine.get_me({}), "bot_texts": texts, "commands": commands}
        shown["people"] = [self._person(user) for user in machine.users.values() if not user.is_bot]
        shown["chats"] = [self._chat(chat) for chat in machine.chats.values()]
        shown["note"] = await self.sandbox.note(to_int(request.query.get("user_id")))
        return web.json_response({**shown, "faults": self.sandbox.faults.to_json()})

    def _person(self, user: User) -> Json:
        known = {name: getattr(user, name) for name in ("id", "name", "lang", "username")}
        return {**known, "blocked": self.machine.chats[user.id].blocked}

    def _chat(self, chat: Chat) -> Json:
        shown: Json = {name: getattr(chat, name) for name in ("id", "type", "title", "username", "is_forum")}
        shown["topics"] = [asdict(topic) for topic in chat.topics.values()]
        inside = [user_id for user_id, member in chat.members.items() if member.inside]
        return {**shown, "members": [chat.id, self.machine.bot.id] if chat.type == "private" else inside}

    async def chat(self, request: web.Request) -> web.Response:
        """A chat from its beginning."""
        chat = self.machine.chats[int(request.match_info["chat_id"])]
        messages = [msg.transcript() for msg in chat.messages.values()]
        return web.json_response({"messages": messages})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events of each change, until the page goes."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[Json] = asyncio.Queue(maxsize=10_000)

        def heard(kind: str, chat_id: int, payload: Any) -> None:
            if kind != "queue" and not queue.full():
                queue.put_nowait(self._event(kind, chat_id, payload))

        self.machine.listeners.append(heard)
        try:
            await response.write(b": hello\n\n")
            while not self.sandbox.closing.is_set():
                data = json.dumps(await queue.get(), ensure_ascii=False)
                await response.write(f"data: {data}\n\n".encode())
        except ConnectionError:
            pass  # the page is gone
        finally:
            self.machine.listeners.remove(heard)
        return response

    def _event(self, kind: str, chat_id: int, payload: Any) -> Json:
        event: Json = {"type": kind, "chat_id": chat_id, "now": self.machine.clock.now()}
        if isinstance(payload, Msg):
            return {**event, "message": payload.transcript()}
        if isinstance(payload, dict):
            return {**event, **payload}
        return {**event, "type": "state" if kind == "update" else kind}

    async def act(self, request: web.Request) -> web.Response:
        """A person does what the path says; answers the message, the bot's answer, or {"ok": true}."""
        p = await request.json()
        done = await self._do(request.match_info["act"], self.sandbox.people.known(p["user_id"]), p)
        return web.json_response({"ok": True} if done is None else done)

    async def _do(self, what: str, person: Person, p: Json) -> Json | None:
        place = p.get("chat_id") or person.id
        match what:
            case "send":
                photo = base64.b64decode(p["photo"].rpartition(",")[2], validate=True) if p.get("photo") else None
                replies = {"reply_to": p.get("reply_to"), "thread_id": p.get("thread_id")}
                return await person.send(p.get("text") or "", place, photo=photo, **replies)
            case "forward":
                source = {"chat": {"id": p["from_chat_id"]}, "message_id": p["message_id"]}
                return await person.send(chat=place, forward_from=source)
            case "tap":
                return await person.press(_named(p), p["data"], timeout=_ANSWER_WITHIN)
            case "inline":
                return await person.inline(p.get("query") or "", timeout=_ANSWER_WITHIN)
            case "react":
                person.react(_named(p), p.get("emoji"))
            case "block":
                self.machine.block(person.id, bool(p["blocked"]))
            case "join" | "leave":
                (person.join if what == "join" else person.leave)(p["chat_id"])
        return None

    async def clock(self, request: web.Request) -> web.Response:
        """Move the clock forward by that many seconds."""
        seconds = float((await request.json())["advance"])
        if self.sandbox.advance is None or not 0 <= seconds <= 400 * 86_400:
            raise ValueError("this clock cannot be moved so")
        await self.sandbox.advance(seconds)
        self.machine.emit("clock", 0)
        return web.json_response({"now": self.machine.clock.now()})

    async def fault(self, request: web.Request) -> web.Response:
        """Arm a fault by name."""
        p = await request.json()
        given = {name: p[name] for name in ("method", "match", "times", "after", "seconds") if name in p}
        self.sandbox.faults.fail(p["name"], **given)
        return self._armed()

    async def clear(self, request: web.Request) -> web.Response:
        """Disarm all faults."""
        self.sandbox.faults.clear()
        return self._armed()

    def _armed(self) -> web.Response:
        self.machine.emit("state", 0)
        return web.json_response({"faults": self.sandbox.faults.to_json()})

    async def log(self, request: web.Request) -> web.Response:
        """The newest calls of the bot, oldest first."""
        limit = to_int(request.query.get("limit")) or 100
        return web.json_response({"calls": [asdict(call) for call in list(self.sandbox.calls)[-limit:]]})

    async def file(self, request: web.Request) -> web.Response:
        """The bytes of a file, by its file_id."""
        file = self.machine.files.get(request.match_info["file_id"])
        if file is None:
            return _wrong("no such file", 404)
        headers = {"X-Content-Type-Options": "nosniff"}
        if not file.mime.startswith(("image/", "video/")):
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=file.data, content_type=file.mime, headers=headers)


def _named(p: Json) -> Json:
    return {"chat": {"id": p["chat_id"]}, "message_id": p["message_id"]}
