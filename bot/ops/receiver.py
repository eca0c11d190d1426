"""The receive loop: updates are stored before they are confirmed, then handled once and in order per chat.

aiogram's own polling confirms update 11 while 10 is still in its handler and goes on through 401, 409 and 429.
Here polling and webhook are two feeders of one inbox; a kill -9 loses no press of a button.

Several processes may share the inbox (`worker` names this one): one polls, or each takes what a balancer brings it.
What one has stored it handles, in the order of the chat, wherever the older ones are; what a dead one leaves behind is
taken over when its time is over, and what is another's by now is left to that one.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from bot.clock import Clock
from bot.domain.errors import StorageError, TelegramStopped
from bot.ops.backlog import Backlog
from bot.ops.flood import ANSWERED_BURST, Admission, Bucket, Door, talker
from bot.ops.leadership import Work
from bot.telegram import REFUSED, Telegram
from storage import Storage
from storage.inbox import Waiting

_log = logging.getLogger(__name__)

POLL_SECONDS = 25
_AT_ONCE = 32
_MOST_PENDING = 20_000  # a chatty person's thousands must not keep the others' updates out
_TRIES = 3
_LOOK_SECONDS = 1.0
_OLDER_SECONDS = 0.05  # until an older update of the chat is asked for again, which another process has
_LONGEST_PAUSE = 60.0
_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name, not a secret
_LAST_ID = 2**53
HURRIED = "hurried"
"""The field of an update whose person is to be asked for patience instead of being answered."""

Handle = Callable[[dict[str, Any]], Awaitable[object]]
Once = Callable[[str, Work], Coroutine[Any, Any, None]]
"""Runs work of that name in one process at a time."""


async def alone(name: str, work: Work) -> None:
    """Where there is only one process."""
    await work()


class Receiver:
    """Feeds stored updates to `handle`. `heard` is called whenever Telegram answered a poll; `born_at` is that of
    `Backlog`. `worker` is empty where no other process shares the inbox; `once` lets one of them poll."""

    lease = 10.0
    """Seconds that an update is this process's, unless that is prolonged."""

    def __init__(
        self,
        storage: Storage,
        telegram: Telegram,
        handle: Handle,
        clock: Clock,
        *,
        kinds: Sequence[str],
        heard: Callable[[], None] = lambda: None,
        born_at: int = 0,
        worker: str = "",
        once: Once = alone,
    ) -> None:
        self._storage = storage
        self._telegram = telegram
        self._handle = handle
        self._clock = clock
        self._kinds = list(kinds)
        self._heard = heard
        self._worker = worker
        self._once = once
        self._here: set[int] = set()
        self._chats: dict[int, deque[Waiting]] = {}
        self._ready: asyncio.Queue[int] = asyncio.Queue()
        self._pending = 0
        self._recovered = asyncio.Event()
        self._left_behind: set[int] = set()
        self._door = Door()
        self._backlog = Backlog(born_at)
        self._hurried: set[int] = set()
        self._pace = Bucket(ANSWERED_BURST)
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, stop: asyncio.Event, *, polling: bool) -> None:
        """Handle updates until `stop` is set; what is in a handler then is finished.

        Raises `TelegramStopped` when the token is refused.
        """
        if not self._worker:
            self._left_over(*await self._storage.inbox.recover(_TRIES, int(self._clock.now())))
        self._recovered.set()
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._work(tasks)) for _ in range(_AT_ONCE)]
            if self._worker:
                workers.append(tasks.create_task(self._look_after()))
            poll = tasks.create_task(self._once("poll", self._poll)) if polling else None
            await stop.wait()
            if poll:
                poll.cancel()
            self._stopping.set()
            await self._clock.wait(self._idle, 20.0)
            for worker in workers:
                worker.cancel()
        if self._worker:
            with suppress(StorageError):  # then it runs out by itself
                await self._storage.inbox.release(self._worker)

    def _left_over(self, waiting: Sequence[Waiting], hopeless: int) -> None:
        """What an earlier life or another process has left behind."""
        waiting = [update for update in waiting if update.update_id not in self._here]
        self._left_behind.update(update.update_id for update in waiting)
        if hopeless:
            _log.error("%d updates were given up after %d tries each", hopeless, _TRIES)
        self._enqueue(waiting)

    async def _look_after(self) -> None:
        """Keep what waits here, and take over what is nobody's any more."""
        prolonged = self._clock.monotonic()
        while True:
            now = int(self._clock.now() * 1000)
            until = now + int(self.lease * 1000)
            try:
                if self._here and self._clock.monotonic() - prolonged >= self.lease / 3:
                    await self._storage.inbox.prolong(self._worker, self._here, until)
                    prolonged = self._clock.monotonic()
                self._left_over(*await self._storage.inbox.take_over(self._worker, _TRIES, now=now, until=until))
            except StorageError as error:
                _log.warning("the inbox is out of reach: %s", error)
            await self._clock.sleep(min(_LOOK_SECONDS, self.lease / 3))

    def _enqueue(self, updates: Iterable[Waiting]) -> None:
        for update in updates:
            self._pending += 1
            self._here.add(update.update_id)
            queue = self._chats.get(update.chat)
            if queue is None:
                self._chats[update.chat] = deque([update])
                self._ready.put_nowait(update.chat)
            elif queue[-1].update_id < update.update_id:
                queue.append(update)
            else:  # a dead process had it
                self._chats[update.chat] = deque(sorted([*queue, update], key=lambda one: one.update_id))
        if self._pending:
            self._idle.clear()

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        """One chat at a time; a chat with more updates goes to the end of the line, so nobody waits for the chatty,
        and one that is answered too fast for Telegram rests without keeping a worker."""
        while True:
            chat = await self._ready.get()
            update = self._chats[chat][0]
            rest = await self._turn(update)
            if rest == 0.0 and not self._stopping.is_set():
                rest = self._pace.take(chat, self._clock.monotonic())
            if rest:
                tasks.create_task(self._rest(chat, rest))
                continue
            if rest is not None:
                await self._one(update)
            queue = self._chats[chat]
            queue.remove(update)
            self._here.discard(update.update_id)
            self._pending -= 1
            if queue:
                self._ready.put_nowait(chat)
            else:
                del self._chats[chat]
            self._room.set()
            if not self._pending:
                self._idle.set()

    async def _turn(self, update: Waiting) -> float | None:
        """Seconds until it is worth asking whether it is this one's turn; None when it is not ours to handle."""
        if not self._worker:
            return 0.0
        try:
            turn = await self._storage.inbox.turn(update.update_id, update.chat, self._worker)
        except StorageError as error:
            _log.warning("update %d has to wait: %s", update.update_id, error)
            return None if self._stopping.is_set() else 1.0
        if turn is False and not self._stopping.is_set():
            return _OLDER_SECONDS
        return 0.0 if turn else None

    async def _rest(self, chat: int, seconds: float) -> None:
        await self._clock.wait(self._stopping, seconds)
        self._ready.put_nowait(chat)

    async def _one(self, update: Waiting) -> None:
        if update.update_id in self._left_behind:
            self._left_behind.discard(update.update_id)
            with suppress(StorageError):  # then the try is not counted, which does no harm
                await self._storage.inbox.attempted(update.update_id)
        said = json.loads(update.body)
        if update.update_id in self._hurried:
            self._hurried.discard(update.update_id)
            said[HURRIED] = True
        try:
            await self._handle(said)
        except TelegramStopped:
            raise
        except Exception:  # noqa: BLE001 - the handlers' error router answers people; the rest must not stop others
            _log.exception("update %d of chat %d could not be handled", update.update_id, update.chat)
        try:
            await self._storage.inbox.done([update.update_id], int(self._clock.now()))
        except StorageError as error:
            _log.warning("update %d is handled but could not be marked so: %s", update.update_id, error)

    async def _accept(self, updates: Sequence[object]) -> int:
        """Store updates and hand the new ones on; the id after the last. Raises `StorageError`: then they were not
        taken, and `ValueError` for what is no update."""
        rows = list(map(_row, updates))
        await self._recovered.wait()  # else what a webhook brings meanwhile would be recovered too: handled twice
        heard = [row for row, update in zip(rows, updates, strict=True) if self._admits(row[0], update)]
        until = int((self._clock.now() + self.lease) * 1000) if self._worker else 0
        fresh = set(await self._storage.inbox.store(heard, int(self._clock.now()), worker=self._worker, until=until))
        self._enqueue(Waiting(id_, chat, body, 0) for id_, chat, body in heard if id_ in fresh)
        return rows[-1][0] + 1

    def _admits(self, update_id: int, update: Any) -> bool:
        """Whether it is heard; the first one that is not is, too, so that its person is told why."""
        if isinstance(update, dict) and not self._backlog.passes(update):
            return False
        admission = self._door.admit(talker(update), self._clock.monotonic())
        if admission is Admission.TOLD:
            self._hurried.add(update_id)
        return admission is not Admission.REFUSED

    async def _poll(self) -> None:
        offset = await self._storage.inbox.next_offset()
        failures = 0
        while True:
            while self._pending > _MOST_PENDING:
                self._room.clear()
                await self._room.wait()
            try:
                status, envelope = await self._telegram.call(
                    "getUpdates",
                    {"offset": offset, "timeout": POLL_SECONDS, "allowed_updates": self._kinds},
                    seconds=POLL_SECONDS + 10.0,
                )
                updates = envelope.get("result")
                if envelope.get("ok") is True and isinstance(updates, list):
                    if updates:
                        offset = await self._accept(updates)
                    failures = 0
                    self._heard()
                    continue
                pause = self._refused(status, envelope, failures)
            except (OSError, TimeoutError, StorageError, ValueError) as error:
                pause = _doubling(failures)
                _log.warning("updates cannot be fetched (%s); next try in %.0f s", error or type(error).__name__, pause)
            failures += 1
            await self._clock.sleep(pause)

    def _refused(self, status: int, envelope: Mapping[str, Any], failures: int) -> float:
        """Seconds to wait after a refusal. Raises `TelegramStopped` on a 401."""
        description = str(envelope.get("description", status))
        if status in (401, 404):
            raise TelegramStopped(REFUSED)
        if status == 429:
            pause = float((envelope.get("parameters") or {}).get("retry_after", 1))
            _log.warning("Telegram asks the receive loop for %.0f s of patience (429)", pause)
            return pause
        pause = max(5.0, _doubling(failures))
        if status == 409 and "webhook" in description.lower():
            _log.error(
                "this token has a webhook, so polling is refused: newsdesk init removes it, after asking, or set"
                " WEBHOOK_URL. %s",
                description,
            )
        elif status == 409:
            _log.error(
                "another copy is running with this token; sending goes on, updates are tried again in %.0f s", pause
            )
        else:
            _log.warning("updates cannot be fetched: %s; next try in %.0f s", description, pause)
        return pause

    def webhook(self, secret: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The HTTP handler for Telegram's webhook. Whoever does not know the secret learns nothing."""

        async def receive(request: web.Request) -> web.StreamResponse:
            given = request.headers.get(_SECRET_HEADER, "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, secret.encode()):
                return web.Response(status=401)
            try:
                await self._accept([json.loads(await request.read())])
            except (ValueError, RecursionError, web.RequestPayloadError):
                return web.Response(status=400)
            except StorageError as error:
                _log.warning("an update was not taken, Telegram will repeat it: %s", error)
                return web.Response(status=503)
            return web.Response(status=200)

        return receive


def chat_of(update: Mapping[str, Any]) -> int:
    """Whose order an update belongs to: its chat, else its sender, else 0. Survives any shape."""
    for value in update.values():
        if not isinstance(value, dict):
            continue
        inner = value.get("message")
        chat = inner.get("chat") if isinstance(inner, dict) else value.get("chat")
        for owner in (chat, value.get("from"), value.get("user")):
            if isinstance(owner, dict) and type(owner.get("id")) is int and abs(owner["id"]) < _LAST_ID:
                return int(owner["id"])
    return 0


def _row(update: object) -> tuple[int, int, str]:
    """An update as it is stored; half a surrogate pair, which no database takes, becomes a question mark.

    Raises `ValueError` for what is no update.
    """
    if not isinstance(update, dict) or type(id_ := update.get("update_id")) is not int or not 0 <= id_ < _LAST_ID:
        raise ValueError("not an update")
    return id_, chat_of(update), json.dumps(update, ensure_ascii=False).encode("utf-8", "replace").decode()


def _doubling(failures: int) -> float:
    return min(_LONGEST_PAUSE, 2.0 ** min(failures, 10))
