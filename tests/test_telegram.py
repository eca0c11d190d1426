"""The edge to Telegram over real HTTP: every fault becomes its outcome, the pace holds, the token stays hidden."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import InputMediaPhoto, MessageEntity
from aiohttp import web

from bot import wire
from bot.clock import RealClock, SteppableClock
from bot.delivery.pacing import Pacer
from bot.delivery.renderings import Address
from bot.demo.picture import draw
from bot.domain.delivery import Gone, Moved, Rejected, Sent, Uncertain, Wait
from bot.domain.errors import TelegramStopped
from bot.domain.post import Rendering
from bot.sandbox.client import Person
from bot.sandbox.http import TOKEN, Sandbox
from bot.telegram import Telegram, close, connect
from tests.factories import free_port

SECRET = TOKEN.partition(":")[2]
TEXT = {"text": "Новость", "entities": [{"type": "bold", "offset": 0, "length": 7}]}
PHOTO = "https://dala.example/p.jpg"


@asynccontextmanager
async def connected(
    base: str, *, clock: Any = None, pacer: Pacer | None = None, **options: Any
) -> AsyncIterator[Telegram]:
    telegram = connect(TOKEN, base, pacer or Pacer(1000), clock or RealClock(), **options)
    try:
        yield telegram
    finally:
        await close(telegram)


@pytest.fixture(autouse=True)
def _canary(caplog: pytest.LogCaptureFixture) -> Any:
    """The token never stands in a log line, however it went."""
    caplog.set_level(logging.DEBUG)
    yield
    assert SECRET not in caplog.text


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(RealClock(), anti_spin=False) as server:
        server.machine.web[PHOTO] = draw("sport", 1)
        yield server
    assert not server.violations


@pytest.fixture
async def telegram(sandbox: Sandbox) -> AsyncIterator[Telegram]:
    async with connected(sandbox.url) as made:
        yield made


@pytest.fixture
def reader(sandbox: Sandbox) -> Person:
    return sandbox.people.add(100, started=True)


def body(chat_id: int = 100, **more: Any) -> bytes:
    return json.dumps({**TEXT, "chat_id": chat_id, **more}, ensure_ascii=False).encode()


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A server that answers everything in its own way."""
    server = web.Application()
    server.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# --- the fast path ------------------------------------------------------------------------------------------


def _alike(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("message_id", "date", "media_group_id")}


async def test_the_fast_path_sends_what_aiogram_sends(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    """Other bytes on the wire, the same message in the chat."""
    entities = [MessageEntity(type="bold", offset=0, length=7)]
    keyboard = {"inline_keyboard": [[{"text": "Ещё", "callback_data": "more:1"}]]}
    caption = {"chat_id": 100, "photo": PHOTO, "caption": TEXT["text"], "caption_entities": TEXT["entities"]}
    outcomes = [
        await telegram.deliver("sendMessage", body(reply_markup=keyboard)),
        await telegram.deliver("sendPhoto", json.dumps(caption).encode()),
    ]
    fast = sandbox.sent(100)
    assert outcomes == [Sent(message["message_id"]) for message in fast]
    await telegram.bot.send_message(100, "Новость", entities=entities, reply_markup=keyboard)  # type: ignore[arg-type]
    await telegram.bot.send_photo(100, PHOTO, caption="Новость", caption_entities=entities)
    slow = sandbox.sent(100)[2:]
    assert [_alike(message) for message in fast] == [_alike(message) for message in slow]


async def test_an_album_is_one_send(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    media = [{"type": "photo", "media": PHOTO, "caption": "Раз"}, {"type": "photo", "media": PHOTO}]
    outcome = await telegram.deliver("sendMediaGroup", json.dumps({"chat_id": 100, "media": media}).encode())
    fast = sandbox.sent(100)
    assert outcome == Sent(fast[0]["message_id"])
    await telegram.bot.send_media_group(
        100, [InputMediaPhoto(media=PHOTO, caption="Раз"), InputMediaPhoto(media=PHOTO)]
    )
    assert [_alike(message) for message in fast] == [_alike(message) for message in sandbox.sent(100)[2:]]


async def test_a_topic_of_a_forum(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    forum = sandbox.people.group(-1007, "Форум", forum=True, admins=[reader])
    topic = sandbox.people.topic(forum, "Новости")
    assert isinstance(await telegram.deliver("sendMessage", body(-1007, message_thread_id=topic)), Sent)
    assert await telegram.deliver("sendMessage", body(-1007, message_thread_id=9999)) == Gone(
        "message thread not found"
    )


async def test_an_upload_is_the_same_message_with_its_bytes(
    telegram: Telegram, sandbox: Sandbox, reader: Person
) -> None:
    forum = sandbox.people.group(-1007, "Форум", forum=True, admins=[reader])
    topic = sandbox.people.topic(forum, "Новости")
    picture = Rendering("sendPhoto", {"photo": PHOTO, "caption": "Новость", "caption_entities": TEXT["entities"]})
    outcome, file_id = await telegram.upload(picture, Address(-1007, topic).fields(), draw("sport", 2))
    (message,) = sandbox.sent(-1007)
    assert outcome == Sent(message["message_id"])
    assert (message["message_thread_id"], message["caption"]) == (topic, "Новость")
    assert message["caption_entities"] == TEXT["entities"]
    assert message["photo"][-1]["file_id"] == file_id


# --- faults -------------------------------------------------------------------------------------------------

FAULTS = {
    "blocked": Gone("bot was blocked by the user"),
    "deactivated": Gone("user is deactivated"),
    "not_initiated": Gone("bot can't initiate conversation with a user"),
    "chat_not_found": Gone("chat not found"),
    "kicked": Gone("bot was kicked from the supergroup chat"),
    "not_member_channel": Gone("bot is not a member of the channel chat"),
    "write_forbidden": Gone("CHAT_WRITE_FORBIDDEN"),
    "topic_closed": Gone("TOPIC_CLOSED"),
    "no_text_right": Gone("not enough rights to send text messages to the chat"),
    "no_photo_right": Rejected("not enough rights to send photos to the chat"),
    "migrated": Moved(-1_001_000_000_001),
    "request_lost": Wait(5.0, "flood"),
    "server_error": Wait(1.0, "outage"),
    "restart": Wait(1.0, "outage"),
    "html_body": Wait(1.0, "outage"),
    "parse_error": Rejected('can\'t parse entities: Unsupported start tag "x" at byte offset N'),
    "too_long": Rejected("message is too long"),
    "caption_too_long": Rejected("message caption is too long"),
    "url_failed": Rejected("failed to get HTTP URL content"),
    "markup_too_long": Rejected("reply markup is too long"),
    "drop_before": Uncertain("ConnectionResetError"),
    "drop_after": Uncertain("ConnectionResetError"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_its_outcome(telegram: Telegram, sandbox: Sandbox, reader: Person, fault: str) -> None:
    sandbox.fail(fault)
    assert await telegram.deliver("sendMessage", body()) == FAULTS[fault]
    assert len(sandbox.sent(100)) == (fault == "drop_after"), "the answer was lost, not the message"
    assert isinstance(await telegram.deliver("sendMessage", body()), Sent), "and the next one goes"


async def test_deeds_of_people(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    group = sandbox.people.group(-7, "Редакция", admins=[reader], basic=True)
    sandbox.people.group(-1008, "Группа", admins=[reader])
    moved = sandbox.people.migrate(group)
    assert await telegram.deliver("sendMessage", body(-7)) == Moved(moved.id)
    sandbox.fail("kick", match={"chat_id": -1008})
    assert await telegram.deliver("sendMessage", body(-1008)) == Gone("bot was kicked from the supergroup chat")
    reader.block()
    assert await telegram.deliver("sendMessage", body()) == Gone("bot was blocked by the user")
    sandbox.fail("deactivate")
    assert await telegram.deliver("sendMessage", body()) == Gone("user is deactivated")


async def test_no_answer_in_time_is_uncertain(
    telegram: Telegram, sandbox: Sandbox, reader: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(wire, "_SWEEP_SECONDS", 0.02)
    sandbox.fail("hang")
    assert await telegram.deliver("sendMessage", body()) == Uncertain("TimeoutError")


async def test_what_never_left_is_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(f"http://127.0.0.1:{free_port()}") as telegram:
        assert await telegram.deliver("sendMessage", body()) == Wait(1.0, "outage")
        picture = Rendering("sendPhoto", {"photo": PHOTO})
        assert await telegram.upload(picture, {"chat_id": 100}, b"") == (Wait(1.0, "outage"), "")
        with pytest.raises(OSError, match="no answer to getMe") as caught:
            await telegram.call("getMe", {})
        assert SECRET not in repr(caught.value)
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 0.05)
    with socket.socket() as deaf:  # a full backlog: connecting comes to no end
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        async with connected(f"http://127.0.0.1:{port}") as telegram:
            assert await telegram.deliver("sendMessage", body()) == Wait(1.0, "outage")
        for caller in callers:
            caller.close()


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (200, "<html>welcome to the hotel's network</html>", Uncertain("answer not understood")),
        (200, '{"ok":true,"result":true}', Uncertain("answer not understood")),
        (200, '{"ok":true,"result":[]}', Uncertain("answer not understood")),
        (200, '{"result":{"date":1,"message_id":77},"ok":true}', Sent(77)),
        (200, "", Uncertain("answer not understood")),
        (404, '{"ok":false,"error_code":404,"description":"Not Found"}', Wait(1.0, "outage")),
        (404, "no such page", Wait(1.0, "outage")),
        (
            413,
            '{"ok":false,"error_code":413,"description":"Request Entity Too Large"}',
            Rejected("Request Entity Too Large"),
        ),
        (400, '{"ok":false,"error_code":400,"description":"Logged out"}', Wait(1.0, "outage")),
        (429, "slow down", Wait(1.0, "outage")),
        (400, "[]", Wait(1.0, "outage")),
        (503, "\xff\xfe", Wait(1.0, "outage")),
    ],
)
async def test_strange_answers(status: int, text: str, outcome: object) -> None:
    async def strange(request: web.Request) -> web.Response:
        return web.Response(status=status, body=text.encode("latin-1", "replace"), content_type="application/json")

    async with answering(strange) as base, connected(base) as telegram:
        got = await telegram.deliver("sendMessage", body())
    if isinstance(outcome, Rejected):
        assert isinstance(got, Rejected)
    else:
        assert got == outcome


async def test_a_refused_token_stops(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    sandbox.fail("unauthorized", times=2)
    with pytest.raises(TelegramStopped, match="401") as caught:
        await telegram.deliver("sendMessage", body())
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(TelegramUnauthorizedError) as replied:
        await telegram.bot.send_message(100, "Ответ")
    assert SECRET not in str(replied.value)


@pytest.mark.parametrize("token", ["", "nonsense", "12 34:AA"])
def test_what_cannot_be_a_token_is_said_at_once(token: str) -> None:
    with pytest.raises(TelegramStopped, match="BotFather"):
        connect(token, "https://api.telegram.org", Pacer(1), RealClock())


# --- replies ------------------------------------------------------------------------------------------------


async def sleeper(clock: SteppableClock) -> float:
    """When the one who sleeps on this clock will wake."""
    async with asyncio.timeout(60):
        while (at := clock.next_wake()) is None:  # noqa: ASYNC110 - the clock has no signal for "somebody sleeps"
            await asyncio.sleep(0.001)
    return at


async def test_replies_keep_the_pace_and_come_before_bulk(sandbox: Sandbox, reader: Person) -> None:
    clock, pacer = SteppableClock(0.0), Pacer(2)
    async with connected(sandbox.url, clock=clock, pacer=pacer) as telegram:
        await telegram.bot.send_message(100, "раз")
        assert pacer.delay(clock.monotonic()) > 0, "bulk waits for what a reply has used"
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(telegram.bot.send_message(100, "два"))
            assert await sleeper(clock) == pytest.approx(0.49, abs=0.02)
            assert pacer.delay(clock.monotonic()) > 0.9
            assert not second.done()
            await clock.advance(0.5)
        assert [message["text"] for message in sandbox.sent(100)] == ["раз", "два"]


async def test_what_shows_nothing_is_free(sandbox: Sandbox, reader: Person) -> None:
    pacer = Pacer(1)
    async with connected(sandbox.url, clock=SteppableClock(0.0), pacer=pacer) as telegram:
        for _ in range(3):
            await telegram.bot.get_me()
            await telegram.bot.get_my_commands()
        assert pacer.delay(0.0) == 0.0
        message = await telegram.bot.send_message(100, "раз")
        assert (used := pacer.delay(0.0)) > 0
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(telegram.bot.delete_message(100, message.message_id))
            await sleeper(telegram._session._clock)  # type: ignore[arg-type]
            assert pacer.delay(0.0) > used
            await telegram._session._clock.advance(2)  # type: ignore[attr-defined]


async def test_a_bulk_hold_does_not_hold_replies(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    telegram._session._pacer.hold_bulk(60, telegram._session._clock.monotonic(), slower=True)
    async with asyncio.timeout(60):
        await telegram.bot.send_message(100, "Ответ")


async def test_a_short_429_of_a_reply_is_waited_out_once(sandbox: Sandbox, reader: Person) -> None:
    clock = SteppableClock(0.0)
    async with connected(sandbox.url, clock=clock) as telegram:
        sandbox.fail("request_lost")
        async with asyncio.TaskGroup() as tasks:
            reply = tasks.create_task(telegram.bot.send_message(100, "Ответ"))
            assert await sleeper(clock) == 5
            await clock.advance(5)
        assert reply.result().text == "Ответ"
        sandbox.fail("request_lost", times=2)
        async with asyncio.TaskGroup() as tasks:
            twice = tasks.create_task(refused(telegram))
            assert await sleeper(clock) == 10
            await clock.advance(5)
        assert twice.result() == 5


async def refused(telegram: Telegram) -> int:
    with pytest.raises(TelegramRetryAfter) as caught:
        await telegram.bot.send_message(100, "Ответ")
    return caught.value.retry_after


async def test_a_long_429_of_a_reply_is_told_at_once(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    sandbox.fail("flood_bot", seconds=600)
    assert await refused(telegram) >= 599


async def test_show_is_a_reply_with_the_same_rendering(telegram: Telegram, sandbox: Sandbox, reader: Person) -> None:
    forum = sandbox.people.group(-1007, "Форум", forum=True, admins=[reader])
    topic = sandbox.people.topic(forum, "Новости")
    id_ = await telegram.show(100, Rendering("sendMessage", TEXT))
    await telegram.deliver("sendMessage", body())
    shown, fast = sandbox.sent(100)
    assert shown["message_id"] == id_
    assert _alike(shown) == _alike(fast)
    await telegram.show(-1007, Rendering("sendPhoto", {"photo": PHOTO, "caption": "К"}), thread_id=topic)
    assert sandbox.sent(-1007)[-1]["message_thread_id"] == topic
    reader.block()
    with pytest.raises(TelegramForbiddenError):
        await telegram.show(100, Rendering("sendMessage", TEXT))


async def test_cards_are_edited(
    telegram: Telegram, sandbox: Sandbox, reader: Person, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = await telegram.show(100, Rendering("sendMessage", {"text": "Было"}))
    keyboard = {"inline_keyboard": [[{"text": "Стоп", "callback_data": "cast:stop:1"}]]}
    for _ in range(2):  # the second changes nothing, which is fine
        await telegram.edit(100, id_, "Стало", [{"type": "bold", "offset": 0, "length": 5}], keyboard)
    (message,) = sandbox.sent(100)
    assert (message["text"], message["reply_markup"]["inline_keyboard"]) == ("Стало", keyboard["inline_keyboard"])
    await telegram.edit(100, 4711, "Нет такого", [], None)
    sandbox.fail("drop_before")
    await telegram.edit(100, id_, "Потом", [], None)
    assert "could not be edited" in caplog.text
    sandbox.fail("cant_edit")
    with pytest.raises(TelegramBadRequest):
        await telegram.edit(100, id_, "Никогда", [], None)


@pytest.mark.parametrize("method", ["get_me", "send_message"])
async def test_a_page_instead_of_an_answer_to_a_reply_is_an_error_of_telegrams(
    telegram: Telegram, sandbox: Sandbox, method: str
) -> None:
    sandbox.people.add(100, started=True)
    sandbox.fail("html_body")
    with pytest.raises(TelegramServerError, match="no answer of the Bot API"):
        await getattr(telegram.bot, method)(**({} if method == "get_me" else {"chat_id": 100, "text": "x"}))


# --- raw calls, proxies -------------------------------------------------------------------------------------


async def test_raw_calls_give_the_envelope(telegram: Telegram, sandbox: Sandbox) -> None:
    status, envelope = await telegram.call("getMe", {})
    assert (status, envelope["result"]["username"]) == (200, "newsdesk_demo_bot")
    sandbox.fail("conflict")
    status, envelope = await telegram.call("getMe", {})
    assert (status, envelope["ok"]) == (409, False)
    for fault in ("html_body", "drop_after"):
        sandbox.fail(fault)
        with pytest.raises(OSError, match="no answer to getMe") as caught:
            await telegram.call("getMe", {})
        assert SECRET not in repr(caught.value)
    sandbox.fail("hang")
    with pytest.raises(TimeoutError):
        await telegram.call("getMe", {}, seconds=0.05)


@pytest.mark.parametrize("text", ["", "[]", "null", '"ok"'])
async def test_an_answer_without_an_envelope_is_none(text: str) -> None:
    async def strange(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    async with answering(strange) as base, connected(base) as telegram:
        with pytest.raises(OSError, match="no answer to getUpdates"):
            await telegram.call("getUpdates", {})


async def test_a_proxy_is_used_for_everything() -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response(
            {"ok": True, "result": {"message_id": 5, "date": 1, "chat": {"id": 1, "type": "private"}}}
        )

    async with answering(proxy) as base, connected("http://telegram.example", proxy=base) as telegram:
        assert await telegram.deliver("sendMessage", body()) == Sent(5)
        await telegram.call("getMe", {})
        await telegram.bot.send_message(1, "x")
    assert [url.rpartition("/")[2] for url in asked] == ["sendMessage", "getMe", "sendMessage"]
    assert all(url.startswith("http://telegram.example/bot") for url in asked)


async def test_a_network_error_of_a_reply_hides_the_token() -> None:
    async with connected(f"http://127.0.0.1:{free_port()}") as telegram:
        with pytest.raises(TelegramNetworkError) as caught:
            await telegram.bot.send_message(100, "Ответ")
        assert SECRET not in str(caught.value)


async def test_closing_closes_the_connections(sandbox: Sandbox) -> None:
    telegram = connect(TOKEN, sandbox.url, Pacer(1000), RealClock())
    await telegram.call("getMe", {})
    sandbox.fail("hang", "sendMessage")
    session = telegram._session._session
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(60):
        sending = tasks.create_task(telegram.deliver("sendMessage", body()))
        while sandbox.faults.armed:  # noqa: ASYNC110 - nothing signals that the stand-in has begun to hang
            await asyncio.sleep(0.001)
        await close(telegram)
    assert sending.result() == Uncertain("ConnectionResetError")
    assert session is not None
    assert session.closed
