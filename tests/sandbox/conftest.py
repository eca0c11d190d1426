"""A stand-in on a clock that stands still, a raw caller and an aiogram Bot for it. Violations fail a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from bot.clock import SteppableClock
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox

Api = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def clock() -> SteppableClock:
    return SteppableClock(1_795_000_000.0)


@pytest.fixture
async def sandbox(clock: SteppableClock, request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Mark a test `@pytest.mark.usefixtures("wrong_on_purpose")` when it breaks the schema itself."""
    async with Sandbox(clock, anti_spin=False) as sandbox:
        yield sandbox
        if "wrong_on_purpose" not in request.fixturenames:
            assert sandbox.violations == []


@pytest.fixture
def wrong_on_purpose() -> None:
    """The test sends what no client library would."""


@pytest.fixture
def reader(sandbox: Sandbox) -> Person:
    return sandbox.people.add(100, started=True)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def api(sandbox: Sandbox, http: aiohttp.ClientSession) -> Api:
    """`await api("sendMessage", chat_id=1, text="x")` -> the envelope; the status must equal the code."""

    async def call(method: str, **params: Any) -> dict[str, Any]:
        async with http.post(f"{sandbox.url}/bot{sandbox.token}/{method}", json=params) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == answer.get("error_code", 200)
            return answer

    return call


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url))
    yield Bot(sandbox.token, session=session)
    if session._session:
        await session._session.close()  # session.close() sleeps a quarter of a second
