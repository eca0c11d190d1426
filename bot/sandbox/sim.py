"""`/sim/`: the JSON API through which the page of `newsdesk demo` plays people. Loopback only, no CORS.

A POST must be application/json and the Host a loopback one, so that no foreign page can reach it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .client import transcript
from .content import media_fields, new_file
from .methods import origin
from .model import ApiError, Chat, Json, Member, Msg, to_int
from .picture import draw

if TYPE_CHECKING:
    from .http import Sandbox

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ANSWER_WITHIN = 10.0  # real seconds that the page waits for the bot
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(sandbox: Sandbox) -> None:
    """Put the API on the stand-in's application."""
    api = _Sim(sandbox)
    router = sandbox.app.router
    posts = ("send", "tap", "block", "join", "leave", "react", "forward", "inline", "clock", "fault")
    for name in posts:
        router.add_post(f"/sim/{name}", _guarded(getattr(api, name)))
    router.add_delete("/sim/fault", _guarded(api.clear))
    for path, handler in {
        "/sim/state": api.state,
        "/sim/chat/{chat_id}": api.chat,
        "/sim/events": api.events,
        "/sim/log": api.log,
        "/sim/file/{file_id}": api.file,
    }.items():
        router.add_get(path, _guarded(handler))


def _guarded(handler: Handler) -> Handler:
    """Refuse foreign hosts and forms; turn refusals and missing things into JSON errors."""

    async def answer(request: web.Request) -> web.StreamResponse:
        host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
        if host not in _LOOPBACK:
            return web.json_response({"error": "this address answers on loopback only"}, status=403)
        if request.method == "POST" and request.content_type != "application/json":
            return web.json_response({"error": "Content-Type must be application/json"}, status=415)
        try:
            return await handler(request)
        except ApiError as error:
            return web.json_response({"error": error.description}, status=400)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            return web.json_response({"error": f"bad request: {error!r}"}, status=400)
        except AssertionError as error:
            return web.json_response({"error": str(error)}, status=504)

    return answer


class _Sim:
    """The handlers; each is named like its path."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.machine = sandbox, sandbox.machine

    async def state(self, request: web.Request) -> web.Response:
        """Everything but the messages."""
        machine = self.machine
        people = [user for user in machine.users.values() if not user.is_bot]
        texts: dict[str, Json] = {}
        for (what, lang), text in machine.texts.items():
            texts.setdefault(lang or "default", {})[what] = text
        commands: dict[str, Json] = {}
        for (scope, lang), listed in machine.commands.items():
            commands.setdefault(scope, {})[lang or "default"] = listed
        return web.json_response(
            {
                "now": machine.clock.now(),
                "bot": machine.get_me({}),
                "bot_texts": texts,
                "people": [self._person(user.id) for user in people],
                "chats": [self._chat(chat) for chat in machine.chats.values()],
                "commands": commands,
                "faults": self.sandbox.faults.to_json(),
                "note": self.sandbox.note(),
            }
        )

    def _person(self, user_id: int) -> Json:
        user, chat = self.machine.users[user_id], self.machine.chats[user_id]
        known = {"id": user.id, "name": user.name, "lang": user.lang, "username": user.username}
        return {**known, "blocked": chat.blocked}

    def _chat(self, chat: Chat) -> Json:
        members = [user_id for user_id, member in chat.members.items() if member.inside]
        return {
            "id": chat.id,
            "type": chat.type,
            "title": chat.title,
            "username": chat.username,
            "is_forum": chat.is_forum,
            "topics": [asdict(topic) for topic in chat.topics.values()],
            "members": [chat.id, self.machine.bot.id] if chat.type == "private" else members,
        }

    async def chat(self, request: web.Request) -> web.Response:
        """A chat from its beginning."""
        chat = self.machine.chats[int(request.match_info["chat_id"])]
        messages = [transcript(msg) for msg in chat.messages.values()]
        return web.json_response({"messages": messages, "pinned": chat.pinned})

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
            return {**event, "message": transcript(payload)}
        if isinstance(payload, dict):
            return {**event, **payload}
        return {**event, "type": "state" if kind == "update" else kind}

    async def send(self, request: web.Request) -> web.Response:
        """A person says something; answers the message."""
        p = await request.json()
        media = self._photo(p["photo"]) if p.get("photo") else None
        msg = self.machine.receive(
            p["user_id"],
            p.get("chat_id") or p["user_id"],
            text=p.get("text") or "",
            media=media,
            reply_to=p.get("reply_to"),
            thread=p.get("thread_id") or 0,
        )
        return web.json_response(transcript(msg))

    def _photo(self, given: str) -> Json:
        """Base64 of an image, or a section's name for a sample picture."""
        try:
            data = base64.b64decode(given.rpartition(",")[2], validate=True)
            file = new_file("Photo", data, "photo.jpg")
        except (binascii.Error, ApiError):
            file = new_file("Photo", draw(given, 1), f"{given}.png")
        return media_fields(file, self.machine.files)

    async def tap(self, request: web.Request) -> web.Response:
        """A person presses a callback button; answers what the bot answered, or null in time."""
        p = await request.json()
        query = self.machine.press(p["user_id"], p["chat_id"], p["message_id"], p["data"])
        await self.sandbox.until(lambda: query.answer is not None, _ANSWER_WITHIN)
        return web.json_response(query.answer)

    async def inline(self, request: web.Request) -> web.Response:
        """A person types `@bot query`."""
        p = await request.json()
        query = self.machine.inline(p["user_id"], p.get("query") or "")
        await self.sandbox.until(lambda: query.answer is not None, _ANSWER_WITHIN)
        return web.json_response(query.answer)

    async def block(self, request: web.Request) -> web.Response:
        """A person blocks or unblocks the bot."""
        p = await request.json()
        self.machine.block(p["user_id"], bool(p["blocked"]))
        return web.json_response({"ok": True})

    async def join(self, request: web.Request) -> web.Response:
        """A person enters a group or channel."""
        return self._become(await request.json(), "member")

    async def leave(self, request: web.Request) -> web.Response:
        """A person leaves a group or channel."""
        return self._become(await request.json(), "left")

    def _become(self, p: Json, status: str) -> web.Response:
        user = self.machine.users[p["user_id"]]
        self.machine.set_member(self.machine.chats[p["chat_id"]], Member(user, status), by=user)
        return web.json_response({"ok": True})

    async def react(self, request: web.Request) -> web.Response:
        """A person reacts to a message."""
        p = await request.json()
        self.machine.react(p["user_id"], p["chat_id"], p["message_id"], p.get("emoji"))
        return web.json_response({"ok": True})

    async def forward(self, request: web.Request) -> web.Response:
        """A person forwards a message to a chat."""
        p = await request.json()
        msg = self.machine.chats[p["from_chat_id"]].messages[p["message_id"]]
        extra = {**self.machine.content_of(msg).fields, "forward_origin": origin(msg)}
        sent = self.machine.receive(p["user_id"], p.get("chat_id") or p["user_id"], extra=extra)
        return web.json_response(transcript(sent))

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
        self.machine.emit("state", 0)
        return web.json_response({"faults": self.sandbox.faults.to_json()})

    async def clear(self, request: web.Request) -> web.Response:
        """Disarm all faults."""
        self.sandbox.faults.clear()
        self.machine.emit("state", 0)
        return web.json_response({"faults": []})

    async def log(self, request: web.Request) -> web.Response:
        """The newest calls of the bot, oldest first."""
        limit = to_int(request.query.get("limit")) or 100
        return web.json_response({"calls": [asdict(call) for call in list(self.sandbox.calls)[-limit:]]})

    async def file(self, request: web.Request) -> web.Response:
        """The bytes of a file, by its file_id."""
        file = self.machine.files.get(request.match_info["file_id"])
        if file is None:
            return web.json_response({"error": "no such file"}, status=404)
        inline = file.mime.startswith(("image/", "video/"))
        headers = {"X-Content-Type-Options": "nosniff"}
        if not inline:
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=file.data, content_type=file.mime, headers=headers)
