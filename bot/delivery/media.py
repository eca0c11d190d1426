"""Pictures: fetched once, uploaded once with the first reader's message, known to all others by Telegram's file_id.

    body with an address → turn → bytes to upload, by one sender at a time ─ sent → file_id, kept
                              └→ settled: known already, or not to be had (then the post has its link preview)

Nobody but a reader's chat can take an upload, so the first message carries it while the others of its broadcast wait
for it. A chat that refuses leaves it to the next. Who uploads holds a claim in storage that runs out by itself.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.delivery.renderings import Address, Body, Renderings
from bot.domain.delivery import Outcome, Rejected, Sent
from bot.domain.errors import FeedError, StorageError
from bot.domain.post import Picture, Rendering
from bot.feeds.fetch import Fetcher
from bot.posts.pictures import unfit
from storage import Storage

_log = logging.getLogger(__name__)

FETCH_SECONDS = 8.0
"""How long a picture's server may take: the broadcast waits for it."""
_CLAIM_SECONDS = 45
_OF_THE_CHAT = re.compile(r"not enough rights|CHAT_SEND_\w+_FORBIDDEN|TOPIC_CLOSED", re.IGNORECASE)


class Uploader(Protocol):
    """The edge to Telegram: one bulk call with a file, whose place in the budget is already taken."""

    async def upload(self, rendering: Rendering, to: dict[str, Any], data: bytes) -> tuple[Outcome, str]:
        """A photo with its bytes: the outcome, and the `file_id` under which Telegram has it now, "" for none."""
        ...


class Media:
    """What the sender asks about pictures. `renderings` learn what becomes of each."""

    def __init__(
        self, storage: Storage, fetcher: Fetcher, uploader: Uploader, renderings: Renderings, clock: Clock
    ) -> None:
        self._storage = storage
        self._fetcher = fetcher
        self._uploader = uploader
        self._renderings = renderings
        self._clock = clock
        self._fetched: tuple[str, bytes] = ("", b"")

    async def turn(self, url: str) -> bytes | None:
        """The picture to upload now; b"" when it is settled, None while somebody else uploads it.

        Whoever is given bytes goes on with `upload`.
        """
        now = int(self._clock.now())
        try:
            known = await self._storage.media.get(url)
            if known and known.file_id:
                self._renderings.settle(url, known.file_id)
                return b""
            if known and known.given_up(now):
                self._renderings.settle(url, "")
                return b""
            if not await self._storage.media.claim(url, now=now, until=now + _CLAIM_SECONDS):
                return None
        except StorageError as error:
            _log.warning("a picture waits for the database: %s", error)
            return None
        if self._fetched[0] != url:  # the chat before this one could not take it
            data, problem = await self._fetch(url)
            if problem:
                await self._refused(url, problem)
                return b""
            self._fetched = (url, data)
        return self._fetched[1]

    async def _fetch(self, url: str) -> tuple[bytes, str]:
        try:
            data = (await self._fetcher.fetch(url)).body
        except FeedError as error:
            return b"", error.detail
        return data, unfit(data)

    async def upload(self, body: Body, address: Address, data: bytes) -> Outcome:
        """The message with its picture's bytes, and what became of the picture is kept."""
        outcome, file_id = await self._uploader.upload(body.rendering, address.fields(), data)
        match outcome:
            case Sent() if file_id:
                await self._settle(Picture(body.picture, file_id))
            case Sent():
                await self._refused(body.picture, "Telegram's answer names no file")
            case Rejected(reason) if not is_of_the_chat(reason):
                await self._refused(body.picture, reason)
            case _:
                await self._give_back(body.picture)
        return outcome

    async def _refused(self, url: str, reason: str) -> None:
        """It cannot be had, or Telegram does not take it: the post goes on without it."""
        _log.warning("a picture from %s is left out: %s", urlsplit(url).hostname, reason)
        await self._settle(Picture(url, failed_at=int(self._clock.now()), reason=reason))

    async def _give_back(self, url: str) -> None:
        """The chat could not take it; the next one tries."""
        try:
            await self._storage.media.give_back(url)
        except StorageError as error:
            _log.warning("a picture's claim waits to run out: %s", error)

    async def _settle(self, picture: Picture) -> None:
        self._fetched = ("", b"")
        self._renderings.settle(picture.url, picture.file_id)
        try:
            await self._storage.media.settle(picture, now=int(self._clock.now()))
        except StorageError as error:
            _log.warning("what became of a picture could not be kept: %s", error)


def is_of_the_chat(reason: str) -> bool:
    """Whether a refusal is about this chat, where no pictures may be sent, and not about the picture."""
    return bool(_OF_THE_CHAT.search(reason))
