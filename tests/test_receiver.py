"""The receive loop: stored before confirmed, handled at least once and in order, whatever happens between."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import Clock, RealClock, SteppableClock
from bot.delivery.pacing import Pacer
from bot.domain.delivery import Sent
from bot.domain.errors import StorageBusy, TelegramStopped
from bot.ops.flood import ANSWERED_BURST, HEARD_BURST
from bot.ops.health import Health
from bot.ops.http import MAX_BODY, HttpPort
from bot.ops.receiver import HURRIED, Receiver, chat_of
from bot.sandbox.http import TOKEN, Sandbox
from bot.telegram import Telegram, connect
from storage import Storage

KINDS = ["message", "callback_query", "my_chat_member"]
SECRET = "s3cret-secret"
Handle = Callable[[dict[str, Any]], Awaitable[object]]


class Desk:
    """A receiver that notes what it handled: (chat, text) in order. `trouble` runs inside the handler."""

    def __init__(self, storage: Any, telegram: Any, clock: Clock, trouble: Handle | None = None) -> None:
        self.handled: list[tuple[int, str]] = []
        self.heard = 0
        self._trouble = trouble
        self._changed = asyncio.Condition()
        self.receiver = Receiver(storage, telegram, self._handle, clock, kinds=KINDS, heard=self._hear)

    def _hear(self) -> None:
        self.heard += 1

    async def _handle(self, update: dict[str, Any]) -> None:
        if self._trouble:
            await self._trouble(update)
        message = update["message"]
        self.handled.append((message["chat"]["id"], message["text"]))
        async with self._changed:
            self._changed.notify_all()

    async def count(self, number: int) -> None:
        """Wait until that many were handled."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(self.handled) >= number)

    async def said(self, chat: int, text: str) -> None:
        """Wait until this was handled."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: (chat, text) in self.handled)


@asynccontextmanager
async def working(desk: Desk, *, polling: bool = True, kill: bool = False) -> AsyncIterator[asyncio.Task[None]]:
    """The receiver at work; at the end it is stopped gracefully, or killed."""
    stop = asyncio.Event()
    task = asyncio.create_task(desk.receiver.run(stop, polling=polling))
    try:
        yield task
    finally:
        stop.set()
        if kill:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def telegram(sandbox: Sandbox) -> AsyncIterator[Telegram]:
    telegram = connect(TOKEN, sandbox.url, Pacer(1000), RealClock())
    yield telegram
    if telegram._session._session:
        await telegram._session._session.close()


async def asleep(clock: SteppableClock) -> float:
    """Seconds until the poller, which sleeps, wakes."""
    async with asyncio.timeout(60):
        while (at := clock.next_wake()) is None:  # noqa: ASYNC110 - the clock has no signal for "somebody sleeps"
            await asyncio.sleep(0.001)
    return at - clock.monotonic()


# --- stored before confirmed --------------------------------------------------------------------------------


class Death:
    """Comes at the n-th step: whoever takes it never returns from it."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.came = asyncio.Event()

    async def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.came.set()
            await asyncio.get_running_loop().create_future()

    def wrap(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The same call with a step before and a step after it."""

        async def call(*args: Any, **options: Any) -> Any:
            await self.step()
            result = await function(*args, **options)
            await self.step()
            return result

        return call


def mortal(death: Death, storage: Storage, telegram: Telegram) -> Desk:
    names = ("recover", "next_offset", "store", "done")
    inbox = SimpleNamespace(**{name: death.wrap(getattr(storage.inbox, name)) for name in names})

    async def trouble(update: dict[str, Any]) -> None:
        await death.step()

    fake = SimpleNamespace(call=death.wrap(telegram.call))
    return Desk(SimpleNamespace(inbox=inbox), fake, RealClock(), trouble)


async def test_killed_at_any_step_it_loses_nothing(storage: Storage, sandbox: Sandbox, telegram: Telegram) -> None:
    people = [sandbox.people.add(user_id, started=True) for user_id in (5, 6)]
    step = 0
    while True:
        step += 1
        wanted = {5: [f"{step}: a", f"{step}: b"], 6: [f"{step}: a", f"{step}: b"]}
        death = Death(step)
        first = mortal(death, storage, telegram)
        for person in people:
            for text in wanted[person.id]:
                await person.send(text)
        async with working(first, kill=True):
            ways = [
                asyncio.create_task(death.came.wait()),
                asyncio.create_task(first.count(4)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        second = Desk(storage, telegram, RealClock())
        async with working(second):
            for person in people:
                if (person.id, f"{step}: b") not in first.handled:
                    await second.said(person.id, f"{step}: b")
        seen: dict[int, list[str]] = defaultdict(list)
        for chat, text in first.handled + second.handled:
            if text not in seen[chat]:
                seen[chat].append(text)
        assert seen == wanted, f"killed at step {step}"
        assert len(first.handled + second.handled) <= 4 + 2, "at most what was in hand comes twice"
        if not death.came.is_set():
            break
    assert step > 15


async def test_what_is_handled_stays_handled(sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram) -> None:
    person = sandbox.people.add(5, started=True)
    for n in range(3):
        desk = Desk(sqlite_storage, telegram, RealClock())
        async with working(desk):
            await person.send(f"{n}")
            await desk.count(1)
        assert desk.handled == [(5, f"{n}")]
        assert desk.heard
    assert await sqlite_storage.inbox.oldest_waiting() is None


# --- poison and the chatty ----------------------------------------------------------------------------------


async def test_an_update_that_fails_does_not_stop_the_line(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, caplog: pytest.LogCaptureFixture
) -> None:
    async def trouble(update: dict[str, Any]) -> None:
        if update["message"]["text"] == "яд":
            raise ValueError("cannot")

    person = sandbox.people.add(5, started=True)
    desk = Desk(sqlite_storage, telegram, RealClock(), trouble)
    await person.send("яд")
    await person.send("вода")
    async with working(desk):
        await desk.count(1)
    assert desk.handled == [(5, "вода")]
    assert "could not be handled" in caplog.text
    assert await sqlite_storage.inbox.oldest_waiting() is None, "it is not tried for ever"


async def test_an_update_that_kills_is_given_up(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, caplog: pytest.LogCaptureFixture
) -> None:
    struck = asyncio.Event()

    async def trouble(update: dict[str, Any]) -> None:
        if update["message"]["text"] == "смерть":
            struck.set()
            await asyncio.get_running_loop().create_future()

    poison, other = (sandbox.people.add(user_id, started=True) for user_id in (5, 6))
    await poison.send("смерть")
    deaths = 0
    for n in range(6):
        struck.clear()
        desk = Desk(sqlite_storage, telegram, RealClock(), trouble)
        await other.send(f"{n}")
        async with working(desk, kill=True):
            await desk.said(6, f"{n}")
        deaths += struck.is_set()
    assert deaths == 4, "once, and three tries more"
    assert "given up" in caplog.text
    desk = Desk(sqlite_storage, telegram, RealClock(), trouble)
    await poison.send("жив")
    async with working(desk):
        await desk.said(5, "жив")


async def test_a_chatty_person_keeps_nobody_waiting(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram
) -> None:
    """Even one who had ten thousand updates with Telegram before the other came."""
    chatty, other = (sandbox.people.add(user_id, started=True) for user_id in (5, 6))
    hurried = []

    async def trouble(update: dict[str, Any]) -> None:
        hurried.append(update.get(HURRIED, False))
        await asyncio.sleep(0.003)  # a handler reads the database and answers

    desk = Desk(sqlite_storage, telegram, RealClock(), trouble)
    for n in range(10_000):
        await chatty.send(f"{n}")
    async with working(desk, kill=True):
        await desk.count(1)
        await other.send("привет")
        await desk.said(6, "привет")
    answered = [text for chat, text in desk.handled if chat == 5]
    assert answered == [str(n) for n in range(len(answered))], "and in order"
    assert len(answered) <= ANSWERED_BURST + 10
    ((waiting,),) = await sqlite_storage.engine.fetch("SELECT COUNT(*) FROM inbox WHERE handled_at IS NULL")
    assert waiting <= HEARD_BURST + 10, "the rest is not even stored"


async def test_whoever_is_too_fast_is_told_once_and_answered_at_a_pace(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram
) -> None:
    clock = SteppableClock(0.0)
    told = []

    async def trouble(update: dict[str, Any]) -> None:
        if update.get(HURRIED):
            told.append(update["message"]["text"])

    person = sandbox.people.add(5, started=True)
    for n in range(HEARD_BURST + 5):
        await person.send(f"{n}")
    desk = Desk(sqlite_storage, telegram, clock, trouble)
    async with working(desk):
        await desk.count(ANSWERED_BURST)
        assert told == []
        while len(desk.handled) < HEARD_BURST + 1:
            seen = len(desk.handled)
            await clock.advance(await asleep(clock))
            await desk.count(seen + 1)
        assert clock.monotonic() == pytest.approx(HEARD_BURST + 1 - ANSWERED_BURST, abs=1.1)
    assert told == [str(HEARD_BURST)]


async def test_too_many_at_once_are_left_with_telegram(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def trouble(update: dict[str, Any]) -> None:
        await gate.wait()

    monkeypatch.setattr("bot.ops.receiver._MOST_PENDING", 150)
    people = [sandbox.people.add(100 + n, started=True) for n in range(50)]
    for n in range(10):
        for person in people:
            await person.send(f"{n}")
    desk = Desk(sqlite_storage, telegram, RealClock(), trouble)
    async with working(desk):
        await sandbox.until(lambda: sum(call.method == "getUpdates" for call in sandbox.calls) == 2)
        async with asyncio.timeout(60):
            while desk.receiver._pending < 200:  # noqa: ASYNC110 - the second batch is being stored
                await asyncio.sleep(0.001)
        assert desk.receiver._pending == 200
        gate.set()
        await desk.count(500)
    assert [text for chat, text in desk.handled if chat == 100] == [str(n) for n in range(10)]


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 404])
async def test_a_refused_token_stops(sqlite_storage: Storage, status: int) -> None:
    async def call(*args: Any, **options: Any) -> tuple[int, dict[str, Any]]:
        return status, {"ok": False, "error_code": status, "description": "…"}

    desk = Desk(sqlite_storage, SimpleNamespace(call=call), SteppableClock(0.0))
    with pytest.raises(BaseExceptionGroup) as caught:
        await desk.receiver.run(asyncio.Event(), polling=True)
    assert caught.group_contains(TelegramStopped, match="401")


async def test_a_token_refused_to_a_handler_stops(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram
) -> None:
    async def trouble(update: dict[str, Any]) -> None:
        raise TelegramStopped("refused")

    await sandbox.people.add(5, started=True).send("раз")
    desk = Desk(sqlite_storage, telegram, RealClock(), trouble)
    with pytest.raises(BaseExceptionGroup) as caught:
        await desk.receiver.run(asyncio.Event(), polling=True)
    assert caught.group_contains(TelegramStopped)
    assert await sqlite_storage.inbox.oldest_waiting() is not None, "its update is handled after the next start"


async def test_another_copy_is_named_and_sending_goes_on(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, caplog: pytest.LogCaptureFixture
) -> None:
    clock, person = SteppableClock(0.0), sandbox.people.add(5, started=True)
    desk = Desk(sqlite_storage, telegram, clock)
    sandbox.fail("conflict", "getUpdates", times=5)
    await person.send("раз")
    async with working(desk):
        pauses = []
        for _ in range(5):
            pauses.append(await asleep(clock))
            assert isinstance(await telegram.deliver("sendMessage", b'{"chat_id":5,"text":"x"}'), Sent)
            await clock.advance(pauses[-1])
        await desk.count(1)
    assert pauses == [5, 5, 5, 8, 16]
    assert "another copy is running" in caplog.text


async def test_a_webhook_in_the_way_is_named(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, caplog: pytest.LogCaptureFixture
) -> None:
    clock, person = SteppableClock(0.0), sandbox.people.add(5, started=True)
    desk = Desk(sqlite_storage, telegram, clock)
    async with working(desk):
        await sandbox.until(lambda: sandbox._poll._waiting)
        status, _ = await telegram.call("setWebhook", {"url": "http://127.0.0.1:9/hook"})
        assert status == 200
        assert await asleep(clock) == 5
        assert "this token has a webhook" in caplog.text, "terminated by setWebhook request"
        await clock.advance(5)
        assert await asleep(clock) == 5
        assert "another copy" not in caplog.text
        await telegram.call("deleteWebhook", {})
        await clock.advance(5)
        await person.send("раз")
        await desk.count(1)


async def test_a_429_is_obeyed(sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram) -> None:
    clock, person = SteppableClock(0.0), sandbox.people.add(5, started=True)
    desk = Desk(sqlite_storage, telegram, clock)
    sandbox.fail("request_lost", "getUpdates")
    await person.send("раз")
    async with working(desk):
        assert await asleep(clock) == 5
        await clock.advance(5)
        await desk.count(1)


async def test_a_network_in_trouble_is_asked_less_and_less(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram
) -> None:
    clock, person = SteppableClock(0.0), sandbox.people.add(5, started=True)
    desk = Desk(sqlite_storage, telegram, clock)
    for n, fault in enumerate(("drop_before", "html_body", "drop_after", "server_error")):
        sandbox.fail(fault, "getUpdates", after=n)
    sandbox.fail("drop_before", "getUpdates", after=5)
    await person.send("раз")
    async with working(desk):
        for pause in (1, 2, 4, 8):
            assert await asleep(clock) == pause
            await clock.advance(pause)
        await desk.count(1)
        await person.send("два")
        assert await asleep(clock) == 1, "one answer, and the patience is fresh"
        await clock.advance(1)
        await desk.count(2)


async def test_what_cannot_be_stored_is_not_confirmed(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, person = SteppableClock(0.0), sandbox.people.add(5, started=True)
    store, asked = sqlite_storage.inbox.store, 0

    async def busy(*args: Any, **kwargs: Any) -> list[int]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise StorageBusy("locked")
        return await store(*args, **kwargs)

    monkeypatch.setattr(sqlite_storage.inbox, "store", busy)
    desk = Desk(sqlite_storage, telegram, clock)
    await person.send("раз")
    async with working(desk):
        for pause in (1, 2):
            assert await asleep(clock) == pause
            await clock.advance(pause)
        await desk.count(1)
    assert desk.handled == [(5, "раз")]


async def test_what_cannot_be_marked_is_handled_again_after_a_start(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*args: Any) -> None:
        raise StorageBusy("locked")

    desk = Desk(sqlite_storage, telegram, RealClock())
    await sandbox.people.add(5, started=True).send("раз")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_storage.inbox, "done", busy)
        async with working(desk):
            await desk.count(1)
    again = Desk(sqlite_storage, telegram, RealClock())
    async with working(again):
        await again.count(1)


@pytest.mark.parametrize("result", [{}, {"result": None}, {"result": [{"no": "id"}]}, {"result": ["x"]}])
async def test_an_answer_that_is_none_is_asked_again(sqlite_storage: Storage, result: dict[str, Any]) -> None:
    clock, forever = SteppableClock(0.0), asyncio.get_running_loop().create_future()
    update = {"update_id": 7, "message": {"chat": {"id": 5}, "text": "раз"}}
    answers = [{"ok": True, **result}, {"ok": True, "result": [update]}]

    async def call(*args: Any, **options: Any) -> tuple[int, dict[str, Any]]:
        return (200, answers.pop(0)) if answers else await forever

    desk = Desk(sqlite_storage, SimpleNamespace(call=call), clock)
    async with working(desk):
        await clock.advance(await asleep(clock))
        await desk.count(1)


# --- webhook ------------------------------------------------------------------------------------------------


def update(update_id: int, text: str = "раз", chat: int = 5) -> dict[str, Any]:
    return {"update_id": update_id, "message": {"message_id": 1, "chat": {"id": chat}, "text": text}}


@asynccontextmanager
async def hooked(desk: Desk, host: str = "127.0.0.1") -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """`await post(body, secret=…)` gives the status of a call of the webhook."""
    port = HttpPort((host, 0), Health(lambda: 0.0))
    port.add_route("POST", "/hook", desk.receiver.webhook(SECRET))
    async with port, aiohttp.ClientSession() as session:
        assert port.address
        place = f"[{host}]" if ":" in host else host

        async def post(body: Any, secret: str | None = SECRET, **headers: str) -> int:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if secret is not None:
                headers["X-Telegram-Bot-Api-Secret-Token"] = secret
            url = f"http://{place}:{port.address[1]}/hook"  # type: ignore[index]
            async with session.post(url, data=io.BytesIO(data), headers=headers) as answer:
                return answer.status

        yield post


async def test_the_webhook_takes_each_update_once(storage: Storage) -> None:
    desk = Desk(storage, None, RealClock())
    async with working(desk, polling=False), hooked(desk) as post:
        assert [await post(update(n, str(n))) for n in (1, 2, 2, 1, 3)] == [200] * 5
        await desk.count(3)
        assert await post(update(2, "2")) == 200
        assert await post(update(4, "4")) == 200
        await desk.count(4)
    assert desk.handled == [(5, "1"), (5, "2"), (5, "3"), (5, "4")]
    assert desk.heard == 0, "silence of a webhook is no sign of trouble: readiness must not wait for updates"


async def test_who_does_not_know_the_secret_learns_nothing(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage, None, RealClock())
    async with working(desk, polling=False), hooked(desk) as post:
        for secret in (None, "", "wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), "\u00e9\u044f"):
            assert await post(update(1), secret) == 401
            assert await post(b"not JSON", secret) == 401
    assert desk.handled == []
    assert await sqlite_storage.inbox.next_offset() == 0


async def test_a_header_of_raw_bytes_is_refused(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage, None, RealClock())
    port = HttpPort(("127.0.0.1", 0), Health(lambda: 0.0))
    port.add_route("POST", "/hook", desk.receiver.webhook(SECRET))
    async with port:
        assert port.address
        for value in (b"\xff\xfe\x80", "ключ".encode(), b"\xed\xa0\x80"):
            reader, writer = await asyncio.open_connection(*port.address)
            writer.write(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n")
            writer.write(b"X-Telegram-Bot-Api-Secret-Token: " + value + b"\r\n\r\n{}")
            assert (await reader.readline()).split()[1] in (b"400", b"401")
            writer.close()
            await writer.wait_closed()


RUBBISH = [
    b"",
    b"not JSON",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"1e999",
    b'"text"',
    b"{}",
    b'{"update_id":null}',
    b'{"update_id":true}',
    b'{"update_id":"7"}',
    b'{"update_id":7.5}',
    b'{"update_id":-1}',
    b'{"update_id":9007199254740992}',
    b'{"update_id":' + b"9" * 5000 + b"}",
    b'{"update_id":7,"message":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b'{"update_id":7,"message":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
]


async def test_rubbish_is_refused_and_never_an_error_of_ours(sqlite_storage: Storage) -> None:
    desk = Desk(sqlite_storage, None, RealClock())
    async with working(desk, polling=False), hooked(desk) as post:
        for body in RUBBISH:
            assert await post(body) == 400, body[:60]
        assert await post(b" " * (MAX_BODY + 1)) == 413
        for depth in range(100, 1200, 7):
            assert await post(b'{"update_id":7,"x":' + b"[" * depth + b"]" * depth + b"}") in (200, 400)
        assert await post(b"not gzip", **{"Content-Encoding": "gzip"}) == 400
    assert desk.handled == []


async def test_strange_but_whole_updates_are_taken(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    desk = Desk(storage, None, RealClock())
    strange = [
        b'{"update_id":1}',
        b'{"update_id":2,"message":null}',
        b'{"update_id":3,"message":{"chat":{"id":1e400},"from":[]}}',
        b'{"update_id":4,"message":{"chat":{"id":99999999999999999999}}}',
        b'{"update_id":5,"message":{"chat":{"id":5},"text":"half a pair: \\ud83d"}}',
        b'{"update_id":6,"message":{"chat":{"id":5},"text":"\\u0000 zero"}}',
        b'{"update_id":7,"message":{"chat":{"id":5},"text":NaN}}',
    ]
    async with working(desk, polling=False), hooked(desk) as post:
        assert [await post(body) for body in strange] == [200] * len(strange)
        assert await post(update(8, "конец")) == 200
        await desk.said(5, "конец")
    assert [text for _, text in desk.handled][:2] == ["half a pair: ?", "\0 zero"]
    assert await storage.inbox.oldest_waiting() is None


async def test_what_cannot_be_stored_is_sent_again(
    sqlite_storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def busy(*args: Any, **kwargs: Any) -> list[int]:
        raise StorageBusy("locked")

    desk = Desk(sqlite_storage, None, RealClock())
    async with working(desk, polling=False), hooked(desk) as post:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_storage.inbox, "store", busy)
            assert await post(update(1)) == 503
        assert "locked" in caplog.text
        assert await post(update(1)) == 200
        await desk.count(1)
    assert desk.handled == [(5, "раз")]


async def test_what_comes_before_the_start_is_handled_once(sqlite_storage: Storage) -> None:
    """Telegram repeats what it could not deliver as soon as the port is open."""
    desk = Desk(sqlite_storage, None, RealClock())
    await sqlite_storage.inbox.store([(1, 5, json.dumps(update(1, "вчера")))], 0)
    async with hooked(desk) as post, asyncio.TaskGroup() as tasks:
        early = tasks.create_task(post(update(2, "сегодня")))
        await asyncio.sleep(0.05)
        assert not early.done()
        async with working(desk, polling=False):
            assert await early == 200
            await desk.count(2)
    assert desk.handled == [(5, "вчера"), (5, "сегодня")]


async def test_telegram_pushes_through_the_webhook(
    sqlite_storage: Storage, sandbox: Sandbox, telegram: Telegram
) -> None:
    desk = Desk(sqlite_storage, None, RealClock())
    port = HttpPort(("127.0.0.1", 0), Health(lambda: 0.0))
    port.add_route("POST", "/hook", desk.receiver.webhook(SECRET))
    person = sandbox.people.add(5, started=True)
    async with port, working(desk, polling=False):
        assert port.address
        url = f"http://127.0.0.1:{port.address[1]}/hook"
        await telegram.call("setWebhook", {"url": url, "secret_token": SECRET})
        for text in ("раз", "два", "три"):
            await person.send(text)
        await desk.count(3)
        await telegram.call("deleteWebhook", {})
    assert desk.handled == [(5, "раз"), (5, "два"), (5, "три")]


async def test_a_peer_with_a_new_address(sqlite_storage: Storage) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 on this machine")
    desk = Desk(sqlite_storage, None, RealClock())
    async with working(desk, polling=False), hooked(desk, "::1") as post:
        assert await post(update(1)) == 200
        assert await post(b"[]") == 400
        assert await post(update(2), "wrong") == 401


# --- whose order --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "owner"),
    [
        ("message", {"chat": {"id": -7}, "from": {"id": 5}}, -7),
        ("callback_query", {"id": "1", "from": {"id": 5}, "message": {"chat": {"id": -7}}}, -7),
        ("callback_query", {"id": "1", "from": {"id": 5}}, 5),
        ("inline_query", {"id": "1", "from": {"id": 5}}, 5),
        ("my_chat_member", {"chat": {"id": 5}, "from": {"id": 5}}, 5),
        ("poll_answer", {"user": {"id": 5}}, 5),
        ("poll", {"id": "1"}, 0),
    ],
)
def test_an_update_belongs_to_its_chat(kind: str, value: dict[str, Any], owner: int) -> None:
    assert chat_of({"update_id": 1, kind: value}) == owner


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "chat", "from", "user", "id", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["update_id", "message", "callback_query", "x"]), JSON, max_size=4))
def test_any_update_belongs_somewhere(anything: dict[str, Any]) -> None:
    owner = chat_of(anything)
    assert type(owner) is int
    assert abs(owner) < 2**53
