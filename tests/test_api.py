"""The newsroom's API over real HTTP: the key, one line for each refusal, each call once under its name."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bot.clock import SteppableClock
from bot.domain.errors import StorageBusy
from bot.ops.api import BURST, Answer, Api, Refusal
from bot.ops.contract import check, resolve
from bot.ops.health import Health
from bot.ops.http import HttpPort
from bot.settings_file import Secret
from storage import Storage

NOW = 1_795_000_000
KEY = "k3y-that-nobody-guesses"
BREAKING = {"texts": {"ru": "Мост закрыт"}}


@dataclass
class Served:
    """An API whose work notes what it was asked."""

    url: str
    client: aiohttp.ClientSession
    clock: SteppableClock
    done: list[tuple[str, Any]] = field(default_factory=list)
    fail: Exception | None = None

    async def post(self, path: str, body: Any, name: str = "", **headers: str) -> tuple[int, Any, Any]:
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        sent |= {"Idempotency-Key": name} if name else {}
        async with self.client.post(self.url + path, data=data, headers=sent | headers) as answer:
            return answer.status, await answer.json(), answer.headers

    async def work(self, body: Any, name: str) -> Answer:
        if self.fail:
            raise self.fail
        self.done.append((name, body))
        return Answer(202, {"draft": len(self.done), "state": "countdown"})


@asynccontextmanager
async def serving(storage: Storage) -> AsyncIterator[Served]:
    clock = SteppableClock(NOW)
    served = Served("", aiohttp.ClientSession(), clock)
    work = {"breaking": served.work, "articles": served.work}
    port = HttpPort(("127.0.0.1", 0), Health(clock.now))
    for route in Api(storage, Secret(KEY), clock, work).routes():
        port.add_route(*route)
    async with port, served.client:
        assert port.address
        served.url = f"http://127.0.0.1:{port.address[1]}"
        yield served


@pytest.fixture
async def api(sqlite_storage: Storage) -> AsyncIterator[Served]:
    async with serving(sqlite_storage) as served:
        yield served


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", "Bearer ключ", "bearer\t"]
)
async def test_nobody_without_the_key(api: Served, sent: str) -> None:
    status, body, headers = await api.post("/api/v1/breaking", BREAKING, "a", Authorization=sent)
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    check(body, resolve("#/components/schemas/Error"))
    assert not api.done


async def test_each_call_is_done_once_under_its_name(api: Served) -> None:
    both = await asyncio.gather(*(api.post("/api/v1/breaking", BREAKING, "a") for _ in range(5)))
    assert len(api.done) == 1
    assert {status for status, _, _ in both} <= {202, 409}
    again = await api.post("/api/v1/breaking", {"texts": {"ru": "Мост закрыт"}}, "a")
    assert again[:2] == (202, {"draft": 1, "state": "countdown"})
    other = await api.post("/api/v1/breaking", {"texts": {"ru": "Мост открыт"}}, "a")
    assert other[:2] == (409, {"error": "This Idempotency-Key was used for another call."})
    assert (await api.post("/api/v1/breaking", BREAKING, "b"))[1]["draft"] == 2


async def test_what_was_refused_may_be_tried_again(api: Served) -> None:
    api.fail = Refusal(422, "texts.ru is too long: cut 5 characters.")
    assert (await api.post("/api/v1/breaking", BREAKING, "a"))[:2] == (422, {"error": str(api.fail)})
    api.fail = StorageBusy("locked")
    status, body, headers = await api.post("/api/v1/breaking", BREAKING, "a")
    assert (status, body, headers["Retry-After"]) == (503, {"error": "The database is busy. Try again."}, "5")
    api.fail = None
    assert (await api.post("/api/v1/breaking", BREAKING, "a"))[0] == 409, "nobody knows yet how it ended"
    await api.clock.advance(61)
    assert (await api.post("/api/v1/breaking", BREAKING, "a"))[0] == 202


@pytest.mark.parametrize(
    ("path", "body", "name", "headers", "status", "words"),
    [
        ("/api/v1/breaking", BREAKING, "", {}, 400, "Idempotency-Key is missing"),
        ("/api/v1/breaking", BREAKING, "a b", {}, 400, "printable ASCII"),
        ("/api/v1/breaking", BREAKING, "a" * 201, {}, 400, "printable ASCII"),
        ("/api/v1/breaking", BREAKING, "a", {"Content-Type": "text/plain"}, 415, "application/json"),
        ("/api/v1/breaking", b"{", "a", {}, 400, "no JSON"),
        ("/api/v1/breaking", b"\xff", "a", {}, 400, "no JSON"),
        ("/api/v1/breaking", b"[" * 100_000, "a", {}, 400, "no JSON"),
        ("/api/v1/breaking", {"texts": {"ru": 1}}, "a", {}, 400, "texts.ru must be a string."),
        ("/api/v1/articles", b'"' + b"x" * (1 << 20) + b'"', "", {}, 413, "larger than"),
        ("/api/v1/feeds/check", {}, "", {}, 503, "starting"),
    ],
)
async def test_refusals_are_one_line(
    api: Served, path: str, body: Any, name: str, headers: dict[str, str], status: int, words: str
) -> None:
    found, answer, _ = await api.post(path, body, name, **headers)
    assert (found, words in answer["error"]) == (status, True), answer
    assert not api.done


async def test_no_name_is_needed_where_twice_does_no_harm(api: Served) -> None:
    articles = {"articles": [{"url": "https://dala.example/1", "title": "Мост"}]}
    for _ in range(2):
        assert (await api.post("/api/v1/articles", articles))[0] == 202
    assert [name for name, _ in api.done] == ["", ""]


async def test_too_many_calls(api: Served) -> None:
    for _ in range(BURST):
        await api.post("/api/v1/breaking", BREAKING, "a")
    status, body, headers = await api.post("/api/v1/breaking", BREAKING, "a")
    assert (status, body, headers["Retry-After"]) == (429, {"error": "Too many calls."}, "1")
    await api.clock.advance(1)
    assert (await api.post("/api/v1/breaking", BREAKING, "a"))[0] == 202


async def test_the_document_is_served(api: Served) -> None:
    async with api.client.get(api.url + "/api/v1/openapi.json") as answer:
        document = await answer.json()
    assert set(document["paths"]) == {"/api/v1/breaking", "/api/v1/articles", "/api/v1/feeds/check"}
