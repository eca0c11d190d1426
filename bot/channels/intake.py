"""Channels as a source: what editors post there by hand becomes news for readers, or a question at the desk.

    channel ─keep→ hand ─beat→ waiting post, told at the desk | «breaking?» | nothing
                   edited ─beat→ every copy follows

A message waits for two seconds, so that an album is whole and an edit of the first moment is in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.channels.hand import meaning, words, written
from bot.clock import Clock
from bot.desk import room
from bot.desk.cards import Keyboard, Messenger, buttons, message
from bot.desk.progress import again
from bot.domain.article import Section
from bot.domain.channel import Channel, Hand
from bot.domain.errors import StorageError
from bot.domain.post import RichText
from bot.i18n import Lang, Words
from bot.posts.richtext import bold, clip, join
from bot.settings import Settings
from storage import Storage

_log = logging.getLogger(__name__)

GATHERING = 2
"""Seconds without a change after which a message or an album is whole."""
_EXCERPT = 200


class Intake:
    """Looks at what waits. `published` is called when a post waits to be sent."""

    def __init__(
        self,
        storage: Storage,
        messenger: Messenger,
        settings: Settings,
        words: Words,
        sections: Sequence[Section],
        clock: Clock,
        *,
        published: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._messenger = messenger
        self._settings = settings
        self._words = words
        self._sections = sections
        self._clock = clock
        self._published = published

    async def beat(self) -> None:
        """Look at everything that waits."""
        now = int(self._clock.now())
        whole = now - GATHERING
        waiting = await self._storage.hands.waiting(before=whole)
        channels = {one.reader_id: one for one in await self._storage.channels.all()} if waiting else {}
        for items in waiting:
            channel = channels.get(items[0].channel_id)
            if channel and channel.manner.source:
                await self._look(channel, items, now)
            await self._storage.hands.settle(items, before=whole)

    async def _look(self, channel: Channel, items: Sequence[Hand], now: int) -> None:
        text = next((item.said.text for item in items if item.said), "")
        sections, urgent = meaning(text, self._sections)
        said = words(items, self._sections)
        known = next((item.post_id for item in items if item.post_id), None)
        if known:
            await self._revise(known, said, sections, now)
        elif urgent:
            await self._ask(channel, items[0], said)
        elif sections:
            post = written(items, said, sections, channel.manner.language or self._words.default.code, now)
            post_id = await self._storage.hands.publish(items, post, now=now)
            if post_id is not None:
                self._published()
                await self._tell(channel, said, sections, post_id)

    async def _revise(self, post_id: int, said: RichText, sections: int, now: int) -> None:
        """An edit by hand, where the words or the sections are others now. What went to everybody goes on to nobody."""
        for post in await self._storage.posts.get([post_id]):
            code, told = next(iter(post.texts.items()))
            more = sections if post.sections else 0
            if said and (said != told or more & ~post.sections):
                edited = replace(post, texts={**post.texts, code: said})
                if await self._storage.hands.revise(edited, more, now=now):
                    self._published()

    async def _ask(self, channel: Channel, first: Hand, said: RichText) -> None:
        """Breaking news goes to nobody by a tag alone: the desk is asked."""

        def shown(t: Lang) -> tuple[str, Keyboard | None]:
            take = f"hand:{first.channel_id}:{first.message_id}"
            return t("Posted as breaking news in {channel}", channel=channel.title), buttons(
                [(t("Make a draft"), take)]
            )

        await self._note(room.Topic.URGENT, "🔴", said, shown)

    async def _tell(self, channel: Channel, said: RichText, sections: int, post_id: int) -> None:
        def shown(t: Lang) -> tuple[str, Keyboard | None]:
            names = t.list(one.name(t.code) for one in self._sections if one.mask & sections)
            headline = t("From {channel} to readers of: {sections}", channel=channel.title, sections=names)
            return headline, again(t, [post_id])

        await self._note(room.Topic.QUEUE, "📣", said, shown)

    async def _note(
        self, topic: room.Topic, sign: str, said: RichText, shown: Callable[[Lang], tuple[str, Keyboard | None]]
    ) -> None:
        """Tell the desk; whoever cannot be told finds the post in the channel."""
        for seat in await room.seats(self._storage, self._settings.desk.chat, self._words, topic):
            headline, keys = shown(seat.t)
            text = join("\n", [bold(f"{sign} {headline}"), clip(said, _EXCERPT)])
            try:
                await self._messenger.show(seat.chat_id, message(text, keys), thread_id=seat.thread_id)
            except StorageError:
                raise
            except Exception as error:  # noqa: BLE001  # Telegram's refusals come as aiogram's, unknown here
                _log.warning("the desk could not be told of a post by hand: %s", error)
