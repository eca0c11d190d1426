"""Days of a newsroom without HTTP: publisher and sender at work, time in leaps from one moment to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.delivery.audience import Offer
from bot.delivery.publish import Publisher
from bot.domain.delivery import Audience, BroadcastState, Lane
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.domain.reader import Choices
from storage import Storage
from storage.broadcasts import insert
from storage.posts import add_post
from tests.delivery.crew import Crew, Wire, on_the_wire

HOME = "Asia/Almaty"


class Days:
    """`at` leaps to a moment of the newsroom's time; `settle` waits until nothing is to be done just then."""

    def __init__(self, crew: Crew, wire: Wire, publisher: Publisher) -> None:
        self.crew, self.wire, self.publisher = crew, wire, publisher
        self.storage = crew.storage

    async def reader(self, chat: int, sections: int = 1, language: str = "ru", **choices: Any) -> int:
        """A reader who has said yes; the id."""
        meets = {"language": language, "choices": Choices(**choices), "now": self.crew.now}
        reader = await self.storage.readers.meet(chat, **meets)
        await self.storage.readers.choose(reader.id, sections, True, now=self.crew.now)
        await self.storage.readers.consent(reader.id, "w", now=self.crew.now)
        return reader.id

    async def post(self, title: str, **more: Any) -> int:
        """A post that goes to whom it concerns; its id."""
        post = await self.crew.post(title, **more)
        await self.settle()
        return post.id

    async def at(self, moment: str) -> None:
        """Leap to a moment ("2026-11-20 08:00"), and settle."""
        wanted = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(HOME)).timestamp()
        assert wanted >= self.crew.clock.now(), "time goes forward only"
        self.leap(wanted - self.crew.clock.now())
        await self.settle()

    def leap(self, seconds: float) -> None:
        """Put the wall's clock forward (or back): nobody is woken for each second in between."""
        self.crew.clock._start += seconds

    async def breaking(self, title: str) -> None:
        """Breaking news."""
        post = Post(0, PostKind.BREAKING, 1, 0, 0, texts={"ru": RichText(title)})
        await self.send(post, lane=Lane.BREAKING, audience=Audience(breaking=True))

    async def send(self, *posts: Post, lane: Lane = Lane.REGULAR, audience: Audience | None = None) -> list[int]:
        """One broadcast of these posts, without the publisher; their ids."""
        now = self.crew.now
        async with self.storage.engine.transaction() as db:
            ids = [await add_post(db, post, article_id=None, state=PostState.PUBLISHED) for post in posts]
            whom = audience or Audience(sections=1)
            await insert(db, ids, whom, f"days:{ids[0]}", lane, BroadcastState.RUNNING, 1, 0.0, now, now)
        await self.settle()
        return ids

    async def settle(self, within: float = 20.0) -> None:
        """Until what is due now has gone."""
        storage = self.storage
        async with asyncio.timeout(within):
            while (
                await storage.posts.waiting()
                or await storage.lists.unreckoned(1)
                or await storage.lists.due(now=self.crew.now)
                or await storage.broadcasts.open()  # last: what was due is sent
            ):
                self.publisher.wake()
                await self.crew.clock.sleep(0.5)

    def got(self, chat: int) -> list[str]:
        """What a chat has got, in order."""
        return [text for _, to, text in self.wire.log if to == chat]


@asynccontextmanager
async def days(storage: Storage, start: str = "2026-11-20 12:00", *, rate: float = 500) -> AsyncIterator[Days]:
    """A newsroom at work from that moment on."""
    crew, wire = on_the_wire(storage, rate=rate, speed=40, seconds=0.02)
    began = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(HOME)).timestamp()
    crew.clock._start = began - crew.clock.monotonic()
    stop = asyncio.Event()
    async with crew.sending() as sender:
        publisher = Publisher(
            storage,
            crew.clock,
            rate=rate,
            offer=Offer(crew.languages, ("ru",)),
            home=HOME,
            valid_for=lambda mask: 6 * 3600,
            started=sender.wake,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.run(stop))
            try:
                yield Days(crew, wire, publisher)
            finally:
                stop.set()
                publisher.wake()
