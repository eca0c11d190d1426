"""The newsroom's HTTP API for its CMS: breaking news, articles, and «look at the feed now».

    request → key → rate → JSON → the document's schema → under its name once → the work → answer

What it may ask stands in `openapi.json`, which is served and enforced. Nothing a client sends ends in a 500: what
cannot be is refused in one line, and trouble of ours asks it to come again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from bot.clock import Clock
from bot.domain.errors import StorageError
from bot.ops.contract import DOCUMENT, Mismatch, check, schema_of
from bot.ops.flood import Bucket
from bot.ops.http import MAX_BODY
from bot.settings_file import Secret
from storage import Storage

BURST = 60
"""Calls at once; then one a second."""
_BUSY_SECONDS = 5
_LOST = 60
"""Seconds after which a call without an answer is taken for dead."""
_NAME = re.compile(r"[!-~]{1,200}")
_log = logging.getLogger(__name__)


class Refusal(Exception):
    """The call cannot be done; the message is one line for the client."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Answer(NamedTuple):
    """What a call is answered."""

    status: int
    body: Mapping[str, Any]


Work = Callable[[Any, str], Awaitable[Answer]]
"""Does what a checked body asks; the second argument is the call's name, "" for none."""


class Api:
    """The routes. `work` does each operation of the document by its id; without an entry it is not there yet (503)."""

    def __init__(self, storage: Storage, key: Secret, clock: Clock, work: Mapping[str, Work]) -> None:
        self._storage = storage
        self._key = key.encode()
        self._clock = clock
        self._work = work
        self._bucket = Bucket(BURST)

    def routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]]:
        """Method, path and handler of all that is served."""
        found = [("POST", path, self._handler(operations["post"])) for path, operations in DOCUMENT["paths"].items()]
        return [*found, ("GET", "/api/v1/openapi.json", self._document)]

    async def _document(self, request: web.Request) -> web.Response:
        return web.json_response(DOCUMENT)

    def _handler(self, operation: Mapping[str, Any]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        name, schema = str(operation["operationId"]), schema_of(str(operation["operationId"]))
        needs_key = operation["parameters"][0]["$ref"].endswith("/Key")

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request)
                body = await _body(request)
                check(body, schema)
                answer = await self._once(name, body, _name_of(request, needed=needs_key))
            except Mismatch as mismatch:
                return _refused(400, str(mismatch))
            except Refusal as refusal:
                return _refused(refusal.status, str(refusal))
            except web.HTTPRequestEntityTooLarge:
                return _refused(413, f"The body is larger than {MAX_BODY} bytes.")
            except StorageError as error:
                _log.warning("the API waits for the database: %s", error)
                return _refused(503, "The database is busy. Try again.", _BUSY_SECONDS)
            except _TooFast as error:
                return _refused(429, "Too many calls.", math.ceil(error.seconds))
            return web.json_response(answer.body, status=answer.status)

        return handle

    def _admit(self, request: web.Request) -> None:
        """Whoever has the key; compared as bytes and in constant time. Guesses are slowed down with everybody else."""
        if wait := self._bucket.take(0, self._clock.monotonic()):
            raise _TooFast(wait)
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._key)
        if scheme.lower() != "bearer" or not right:
            raise Refusal(401, "Send Authorization: Bearer and the key.")

    async def _once(self, operation: str, body: Any, name: str) -> Answer:
        """Do it; under a name only once, and the same answer for each repetition."""
        work = self._work.get(operation)
        if work is None:
            raise Refusal(503, "The bot is starting. Try again.")
        if not name:
            return await work(body, "")
        digest = hashlib.sha256(json.dumps([operation, body], sort_keys=True).encode()).hexdigest()
        now = int(self._clock.now())
        known = await self._storage.calls.begin(name, digest, now=now, lost=now - _LOST)
        if known and known.digest != digest:
            raise Refusal(409, "This Idempotency-Key was used for another call.")
        if known and not known.status:
            raise Refusal(409, "The same call is still under way.")
        if known:
            return Answer(known.status, json.loads(known.answer))
        try:
            answer = await work(body, name)
        except Refusal:
            await self._storage.calls.give_up(name)
            raise
        await self._storage.calls.end(name, answer.status, json.dumps(answer.body))
        return answer


class _TooFast(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def _name_of(request: web.Request, *, needed: bool) -> str:
    name = request.headers.get("Idempotency-Key", "")
    if needed and not name:
        raise Refusal(400, "The header Idempotency-Key is missing.")
    if name and not _NAME.fullmatch(name):
        raise Refusal(400, "The header Idempotency-Key must be 1 to 200 printable ASCII characters.")
    return name


async def _body(request: web.Request) -> Any:
    if request.content_type != "application/json":
        raise Refusal(415, "Send Content-Type: application/json.")
    try:
        return json.loads((await request.read()).decode())
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is no JSON in UTF-8.") from None


def _refused(status: int, message: str, again: int = 0) -> web.Response:
    headers = {"Retry-After": str(again)} if again else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.json_response({"error": message}, status=status, headers=headers)
