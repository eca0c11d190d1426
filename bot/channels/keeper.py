"""Channels kept as they should be: those of the file known, rights looked at, breaking news pinned, rates quoted.

What should be is read from storage each time, so whatever a restart or a refusal left undone is done then.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Any, Protocol

from bot.channels.rights import allow, complain, rights_of
from bot.clock import Clock
from bot.domain.article import Section
from bot.domain.channel import EVERYTHING, RIGHTS, Channel, Manner
from bot.domain.errors import StorageError
from bot.domain.place import Place
from bot.domain.reader import Choices, Reader, ReaderKind, ReaderState
from bot.i18n import Words
from bot.posts.compose import PostStyle
from bot.readers import rates
from bot.settings import ChannelConfig, Settings
from storage import Storage

_log = logging.getLogger(__name__)

LOOK_SECONDS, MISSING_SECONDS = 900.0, 60.0
_PATIENCE = 30.0


class RefusedError(Exception):
    """Telegram refuses a call, in its words."""


class Caller(Protocol):
    """The edge to Telegram."""

    async def call(self, method: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A raw call: status and envelope. Raises `OSError` or `TimeoutError` without one."""
        ...


def manner_of(config: ChannelConfig) -> Manner:
    """The manner in which the file wants a channel kept."""
    own = {field.name for field in fields(PostStyle)} & set(config.own_posts)
    return Manner(
        language=config.language,
        source=config.source,
        pin_breaking=config.pin_breaking,
        pin_silent=config.pin_silent,
        gap=config.gap,
        per_hour=config.per_hour,
        rates=config.rates,
        posts={name: getattr(config.posts, name) for name in sorted(own)},
    )


class Keeper:
    """Keeps the channels; see the module. `me` is the bot's id."""

    def __init__(
        self,
        storage: Storage,
        telegram: Caller,
        clock: Clock,
        settings: Settings,
        sections: Sequence[Section],
        words: Words,
        me: int,
    ) -> None:
        self._storage = storage
        self._telegram = telegram
        self._clock = clock
        self._settings = settings
        self._sections = sections
        self._words = words
        self._me = me
        self._look_at = 0.0
        self._counted: dict[int, int] = {}

    async def run(self) -> None:
        """Until cancelled: once a second pins and rates, now and then the rights."""
        while True:
            wait = 1.0
            try:
                if self._clock.monotonic() >= self._look_at:
                    all_met = await self.look()
                    self._look_at = self._clock.monotonic() + (LOOK_SECONDS if all_met else MISSING_SECONDS)
                for channel in await self._storage.channels.all():
                    if channel.state is ReaderState.ACTIVE:
                        await self.pin(channel)
                        await self.quote(channel)
            except (OSError, StorageError) as error:  # TimeoutError is an OSError
                _log.warning("channels wait: %s", error or type(error).__name__)
                wait = _PATIENCE
            await self._clock.sleep(wait)

    # What there is, and what the bot may do there ------------------------------------------------------------

    async def look(self) -> bool:
        """Meet the channels of the file, part from those that left it, look at all rights; whether all are met."""
        wanted = {str(config.chat): config for config in self._settings.channels}
        for channel in await self._storage.channels.all():
            if channel.listed and channel.listed not in wanted:
                await self._storage.readers.leave(channel.reader_id, now=self._now)
        met = [await self._meet(config) for config in wanted.values()]
        for channel in await self._storage.channels.all():
            await self.rights(channel)
            await self.count(channel)
        return all(met)

    @property
    def _now(self) -> int:
        return int(self._clock.now())

    async def _ask(self, method: str, **params: Any) -> Any:
        """The result; a refusal is a `RefusedError`. Raises `OSError` while Telegram is out of reach."""
        status, envelope = await self._telegram.call(method, params)
        if envelope.get("ok") is True:
            return envelope["result"]
        if status == 429 or status >= 500:
            raise OSError(f"{method}: {envelope.get('description', status)}")
        raise RefusedError(str(envelope.get("description", status)))

    async def _meet(self, config: ChannelConfig) -> bool:
        name = str(config.chat)
        try:
            chat = await self._ask("getChat", chat_id=config.chat)
        except RefusedError as refusal:
            _log.warning("channel %s: %s", name, refusal)
            chat = {"type": ""}
        if chat["type"] != "channel":
            await complain(self._storage, name, RIGHTS, now=self._now)
            return False
        ids = {section.id: section.mask for section in self._sections}
        mask = EVERYTHING if "*" in config.sections else sum(ids[one] for one in config.sections)
        place = Place(chat["id"], ReaderKind.CHANNEL, chat.get("title", ""), chat.get("username", ""))
        nights = self._settings.readers.nights(config.quiet_hours)
        reader = await keep(self._storage, self._words, place, manner_of(config), mask, nights, name, self._now)
        if reader.state in (ReaderState.NEW, ReaderState.LEFT):
            await self._storage.readers.consent(reader.id, "channel", now=self._now)
        return True

    async def rights(self, channel: Channel) -> None:
        """Ask what the bot may do in a channel."""
        try:
            member = await self._ask("getChatMember", chat_id=channel.chat_id, user_id=self._me)
        except RefusedError:
            member = {}
        await allow(self._storage, channel, rights_of(member), now=self._now)

    async def count(self, channel: Channel) -> None:
        """Once a day: how many members a channel has. Views nobody tells a bot."""
        day = datetime.fromtimestamp(self._now, self._settings.newsroom.zone).toordinal()
        if channel.state is not ReaderState.ACTIVE or self._counted.get(channel.reader_id) == day:
            return
        with suppress(RefusedError):
            members = int(await self._ask("getChatMemberCount", chat_id=channel.chat_id))
            await self._storage.stats.members(day, channel.reader_id, members)
            self._counted[channel.reader_id] = day

    # Pins and rates ------------------------------------------------------------------------------------------

    async def pin(self, channel: Channel) -> None:
        """The newest breaking post is pinned while it is new, and no older one."""
        since = self._now - channel.manner.pin_breaking
        wanted = await self._storage.channels.newest_breaking(channel.reader_id, since)
        if wanted == channel.pinned_id or RIGHTS[1] not in (channel.rights or ()):
            return
        if wanted:
            await self._pin(channel, wanted, silent=channel.manner.pin_silent)
        if channel.pinned_id:
            await self._try("unpinChatMessage", chat_id=channel.chat_id, message_id=channel.pinned_id)
        await self._storage.channels.pin(channel.reader_id, wanted)

    async def _pin(self, channel: Channel, message_id: int, *, silent: bool) -> None:
        await self._try("pinChatMessage", chat_id=channel.chat_id, message_id=message_id, disable_notification=silent)

    async def _try(self, method: str, **params: Any) -> None:
        """What Telegram refuses (the message is gone, the right is) stays undone."""
        try:
            await self._ask(method, **params)
        except RefusedError as refusal:
            _log.warning("channel %s: %s: %s", params["chat_id"], method, refusal)

    async def quote(self, channel: Channel) -> None:
        """One pinned message says the rates of now."""
        if not channel.manner.rates:
            if channel.rates_id:
                await self._try("unpinChatMessage", chat_id=channel.chat_id, message_id=channel.rates_id)
                await self._storage.channels.quote(channel.reader_id, 0, "")
            return
        t, show = self._words[channel.manner.language], self._settings.rates.show
        days = await self._storage.rates.newest()
        told = rates.screen(days, show, t, self._settings.newsroom.zone, self._clock.now())
        if told is None or told.text == channel.rates_text:
            return
        said: dict[str, Any] = {"chat_id": channel.chat_id, "text": told.text, "entities": list(told.entities)}
        said["link_preview_options"] = {"is_disabled": True}
        message_id = channel.rates_id
        try:
            if message_id:
                await self._ask("editMessageText", message_id=message_id, **said)
        except RefusedError as refusal:
            _log.warning("channel %s: the rates are told anew: %s", channel.chat_id, refusal)
            message_id = 0
        if not message_id:
            sent = await self._ask("sendMessage", disable_notification=True, **said)
            message_id = sent["message_id"]
            await self._pin(channel, message_id, silent=True)
        await self._storage.channels.quote(channel.reader_id, message_id, told.text)


async def keep(
    storage: Storage, words: Words, place: Place, manner: Manner, sections: int, nights: Choices, listed: str, now: int
) -> Reader:
    """A chat is a channel of the newsroom from now on; its reader as it was. `sections` is a mask, `nights` say when it
    is quiet."""
    language = words[manner.language].code
    readers = storage.readers
    reader = await readers.meet(place.chat_id, kind=ReaderKind.CHANNEL, language=language, choices=nights, now=now)
    await readers.set_language(reader.id, language, now=now)
    await readers.choose(reader.id, EVERYTHING & ~sections, False, now=now)
    await readers.choose(reader.id, sections, True, now=now)
    quiet = {name: getattr(nights, name) for name in ("quiet", "quiet_from", "quiet_to")}
    await readers.change(reader.id, now=now, **quiet)
    await storage.channels.keep(reader.id, place, manner, listed=listed, now=now)
    return reader
