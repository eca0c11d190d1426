"""A keeper of channels over real HTTP to the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.channels.keeper import Keeper
from bot.clock import SteppableClock
from bot.delivery.pacing import Pacer
from bot.domain.article import Section
from bot.domain.channel import Channel
from bot.i18n import Words
from bot.sandbox.http import Sandbox
from bot.sandbox.model import Chat
from bot.settings import DEFAULT_SECTIONS, ChannelConfig, Settings
from bot.telegram import close, connect
from storage import Storage

NOW = 1_795_410_000
CHANNEL = -1_001_600_000_001


@dataclass
class House:
    """What a keeper needs, and the keeper."""

    storage: Storage
    sandbox: Sandbox
    clock: SteppableClock
    keeper: Keeper
    place: Chat

    async def channel(self) -> Channel:
        """The one channel as it is known now."""
        (channel,) = await self.storage.channels.all()
        return channel

    def configure(self, *channels: ChannelConfig, **changes: Any) -> None:
        """Let the file list these channels."""
        self.keeper._settings = replace(self.keeper._settings, channels=channels, **changes)

    def calls(self, method: str) -> list[dict[str, Any]]:
        """The parameters of these calls."""
        return [call.params for call in self.sandbox.calls if call.method == method]


@pytest.fixture
async def house(sqlite_storage: Storage) -> AsyncIterator[House]:
    """A newsroom whose file lists one channel, @dala_kz; nobody has looked at it yet."""
    clock = SteppableClock(NOW)
    settings = Settings(sections=DEFAULT_SECTIONS, channels=(ChannelConfig("@dala_kz", language="ru"),))
    bits = await sqlite_storage.meta.section_bits([section.id for section in DEFAULT_SECTIONS])
    sections = [Section(one.id, bits[one.id], one.name, one.match) for one in DEFAULT_SECTIONS]
    async with Sandbox(clock) as sandbox:
        sandbox.people.add(7, started=True)
        place = sandbox.people.channel(CHANNEL, "Дала", "dala_kz", admins=[7])
        telegram = connect(sandbox.token, sandbox.url, Pacer(500), clock)
        me = sandbox.machine.bot.id
        keeper = Keeper(sqlite_storage, telegram, clock, settings, sections, Words.load(("ru", "kk", "en")), me)
        yield House(sqlite_storage, sandbox, clock, keeper, place)
        await close(telegram)
    assert sandbox.violations == []
