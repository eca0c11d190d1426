"""A sender at work against the stand-in, with time running ten times as fast as on the wall."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from bot.clock import Clock, RealClock, SteppableClock
from bot.delivery.amend import Deliverer
from bot.delivery.audience import Offer
from bot.delivery.lanes import Lanes
from bot.delivery.media import Media
from bot.delivery.pacing import Pacer, Paying
from bot.delivery.renderings import Renderings
from bot.delivery.sender import Sender
from bot.domain.article import Section
from bot.domain.delivery import Audience, Lane, Outcome, Progress, Sent
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.feeds.fetch import Fetcher
from bot.i18n import Words
from bot.posts.compose import PostStyle
from bot.sandbox.http import Sandbox
from bot.telegram import Telegram, close, connect
from storage import Storage
from storage.posts import add_post
from tests.factories import subscribe

SECTION = Section("sport", 0, {"ru": "Спорт"})


class WallClock(SteppableClock):
    """A clock whose wall time somebody can set back, as an administrator does; delays run on."""

    back = 0.0

    def now(self) -> float:
        """See `Clock.now`."""
        return super().now() - self.back


@dataclass
class Crew:
    """A sender at work. Rates are messages a second of its clock. Without a `fetcher` pictures go as addresses."""

    storage: Storage
    sandbox: Sandbox
    telegram: Deliverer
    clock: WallClock
    pacer: Pacer = field(default_factory=lambda: Pacer(500))
    posts: int = 0
    style: PostStyle = field(default_factory=PostStyle)
    fetcher: Fetcher | None = None
    languages: tuple[str, ...] = ("ru",)
    paying: Paying | None = None

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return int(self.clock.now())

    async def post(self, title: str, *, kind: PostKind = PostKind.ARTICLE, sections: int = 1, image: str = "") -> Post:
        """A post in storage, waiting."""
        post = Post(0, kind, 1, sections, self.now, language="ru", title=title, lead="Коротко.", image=image)
        if kind is PostKind.BREAKING:
            post = Post(0, kind, 1, 0, 0, texts={"ru": RichText(title)})
        async with self.storage.engine.transaction() as db:
            id_ = await add_post(db, post, article_id=None, state=PostState.WAITING)
        return (await self.storage.posts.get([id_]))[0]

    async def broadcast(self, *posts: Post, lane: Lane = Lane.REGULAR, audience: Audience | None = None) -> int:
        """A running broadcast of these posts."""
        audience = audience or Audience(sections=1)
        self.posts += 1
        return await self.storage.broadcasts.publish(
            posts,
            audience,
            key=f"test:{self.posts}",
            lane=lane,
            total=await self.storage.readers.count(audience),
            start=0.4,
            now=self.now,
        )

    @asynccontextmanager
    async def sending(self, worker: str = "w") -> AsyncIterator[Sender]:
        """A sender until the end of the body, then a graceful stop."""
        clock, stop = self.clock, asyncio.Event()
        lanes = Lanes(
            self.storage,
            clock,
            worker,
            rate=self.pacer.allowed,
            offer=Offer(self.languages, ("ru",)),
            home="Asia/Almaty",
            paying=self.paying,
        )
        renderings = Renderings(
            Words.load(self.languages),
            [SECTION],
            lambda post: self.style,
            ZoneInfo("Asia/Almaty"),
            "Дала",
            "https://t.me/x",
        )
        media = None
        if self.fetcher:
            assert isinstance(self.telegram, Telegram)
            media = Media(self.storage, self.fetcher, self.telegram, renderings, clock)
        sender = Sender(self.storage, self.telegram, self.pacer, renderings, lanes, clock, worker=worker, media=media)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender.run(stop))
            yield sender
            stop.set()

    async def done(self, *broadcasts: int, within: float = 60.0) -> None:
        """Wait until these broadcasts have ended."""
        async with asyncio.timeout(within):
            while any(item.id in broadcasts for item in await self.storage.broadcasts.open()):
                await self.clock.sleep(0.3)

    async def progress(self, broadcast: int) -> Progress:
        """What its receipts say."""
        return await self.storage.broadcasts.progress(broadcast)

    def texts(self, chat_id: int) -> list[str]:
        """What a chat holds now."""
        return [message.get("text") or message.get("caption") or "" for message in self.sandbox.sent(chat_id)]

    def received(self, words: str) -> Counter[int]:
        """How often each chat got a message with these words."""
        found: Counter[int] = Counter()
        for chat in self.sandbox.machine.chats:
            found[chat] += sum(words in text for text in self.texts(chat))
        return +found


@asynccontextmanager
async def crew_on(storage: Storage, speed: float = 10) -> AsyncIterator[Crew]:
    clock = WallClock(RealClock().now(), running=True, speed=speed)
    async with Sandbox(clock, anti_spin=False) as sandbox:
        telegram = connect(sandbox.token, sandbox.url, Pacer(500), clock)
        yield Crew(storage, sandbox, telegram, clock)
        await close(telegram)


async def people(crew: Crew, number: int, *, first: int = 1001) -> range:
    """Readers with an open chat."""
    chats = range(first, first + number)
    for chat in chats:
        crew.sandbox.people.add(chat, started=True)
    await subscribe(crew.storage, chats, 1)
    return chats


@dataclass
class Wire:
    """Telegram that takes its time; `log` holds when each message left, to whom, and its words."""

    clock: Clock
    seconds: float = 0.08
    log: list[tuple[float, int, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """See `Deliverer`."""
        call = json.loads(body)
        self.bodies.append(body)
        self.log.append((self.clock.monotonic(), call["chat_id"], call["text"]))
        self.heard.set()
        await self.clock.sleep(self.seconds)
        return Sent(len(self.log))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something on the wire."""
        async with asyncio.timeout(60):
            while not condition():
                self.heard.clear()
                await self.heard.wait()


def on_the_wire(
    storage: Storage, *, rate: float, speed: float = 1.0, seconds: float = 0.08, clock: Clock | None = None
) -> tuple[Crew, Wire]:
    """A crew without HTTP, whose time runs at `speed`, or by the clock that is given."""
    clock = clock or SteppableClock(RealClock().now(), running=True, speed=speed)
    wire = Wire(clock, seconds)
    return Crew(storage, Sandbox(clock), wire, clock, Pacer(rate)), wire
