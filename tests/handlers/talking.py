"""A bot to talk to, and ways to look at what it said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiogram import Bot, Dispatcher

from bot.clock import SteppableClock
from bot.desk.drafts import keys_of
from bot.desk.sends import Sends
from bot.domain.article import Article
from bot.domain.desk import Role
from bot.domain.feed import Found, Poll
from bot.sandbox.client import People, Person
from bot.sandbox.http import Sandbox
from handlers.context import Context
from storage import Storage

START = 1_763_874_000  # 2025-11-23 05:00 UTC, 10:00 in Almaty


@dataclass
class Chat:
    """The bot, the stand-in and everything behind them. `woken` counts calls of `ctx.wake`."""

    sandbox: Sandbox
    ctx: Context
    bot: Bot
    dispatcher: Dispatcher
    clock: SteppableClock
    errors: list[BaseException] = field(default_factory=list)
    woken: int = 0
    done: int = 0
    beat: asyncio.Event = field(default_factory=asyncio.Event)
    desk: Sends | None = None

    @property
    def people(self) -> People:
        """Everybody who talks to the bot."""
        return self.sandbox.people

    @property
    def storage(self) -> Storage:
        """The bot's memory."""
        return self.ctx.storage

    async def editor(self, user_id: int, role: Role = Role.EDITOR, **person: Any) -> Person:
        """A person with rights, whose private chat is open."""
        await self.storage.editors.add(user_id, role, f"Editor {user_id}", by=0, now=START)
        return self.people.add(user_id, started=True, **person)

    async def publish(self, title: str, section: str = "sport", *, language: str = "ru", lead: str = "Коротко.") -> int:
        """An article with its post, as the watcher saves it; the article's id. Newer ones are later."""
        count = len(await self.storage.articles.newest(1000))
        mask = next(known.mask for known in self.ctx.sections if known.id == section)
        link = f"https://news.example/{count}"
        article = Article(0, 1, title, lead, link, language, mask, START + count, published_at=START + count)
        (feed,) = await self.storage.feeds.watch(["https://news.example/rss"])
        await self.storage.feeds.save_poll(Poll(feed, (Found(article, (link, *keys_of(link)), True),)), now=START)
        return (await self.storage.articles.newest(1))[0].id

    async def look(self, seconds: float = 0) -> None:
        """Let so much time pass, and the desk's service look once when the bot has come to rest."""
        await self.clock.advance(seconds)
        await self.idle()
        assert self.desk
        await self.desk.beat()

    async def idle(self) -> None:
        """Wait until the bot has handled everything that was said."""
        async with asyncio.timeout(60):
            while any(update.id > self.done for update in self.sandbox.machine.updates):
                self.beat.clear()
                await self.beat.wait()

    async def poll(self) -> None:
        """Fetch, handle, confirm: one after the other, until cancelled."""
        offset = 0
        while True:
            for update in await self.bot.get_updates(offset=offset, timeout=30):
                try:
                    await self.dispatcher.feed_update(self.bot, update)
                except Exception as error:  # noqa: BLE001  # the fixture reports it
                    self.errors.append(error)
                self.done = update.update_id
                self.beat.set()
                offset = update.update_id + 1


def labels(message: dict[str, Any]) -> list[list[str]]:
    """What the buttons under a message say, row by row."""
    return [[button["text"] for button in row] for row in message["reply_markup"]["inline_keyboard"]]


def last(person: Person) -> dict[str, Any]:
    """The newest message in the private chat, as it stands now."""
    return person.chat()[-1]
