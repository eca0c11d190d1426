"""Days of a newsroom and of its readers in virtual time, beside a model of what each reader must get (`model`).

The whole of watching, publishing and sending is the product. Feeds are answered and messages taken here, and the wall
clock leaps from one half hour to the next: nothing happens in between. What readers choose is stored as the bot's
conversations store it; half of it while sends and lists are under way.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from aiogram import Bot

from bot import app
from bot.domain.delivery import Audience, BroadcastState, Lane
from bot.domain.errors import FeedError
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.domain.reader import ALL, DIGESTS, Choices, Quiet
from bot.domain.regions import REGIONS
from bot.feeds.fetch import Response
from bot.posts.terms import keys
from bot.readers import mutes
from bot.sandbox.http import Sandbox
from bot.settings import DEFAULT_SECTIONS, Delivery, FeedConfig, Newsroom, Rates, Settings
from bot.settings_env import NO_ENV
from bot.settings_file import Secret
from bot.telegram import Session
from storage import Storage, open_storage
from storage.broadcasts import insert
from storage.posts import add_post
from tests.delivery.model import HALF, HOME, Change, Heard, Life, Send, Slot, Story, concerns, lived, reckoned, woken
from tests.virtual import LoopClock, edges, play

SECTIONS = {section.id: section.name["ru"] for section in DEFAULT_SECTIONS}
PLACES = {"shy": "Шымкент", "ast": "Астана", "kar": "Караганда"}
BITS = {region.code: 1 << bit for bit, region in enumerate(REGIONS)}
WORDS = ("порт", "мост", "озеро", "школа")
ZONES = ("", "Europe/Berlin", "America/St_Johns")
NIGHTS = ((1380, 450), (1320, 360), (0, 480), (780, 900), (1290, 540))
GAP = 2.0
"""Seconds before each half hour, in which what was silenced speaks again."""
_KEPT = 600  # stories that a list may still hold: two weeks
_NUMBER = re.compile(r"№(\d+)")


@dataclass(frozen=True)
class Size:
    """How much of everything; `changes` are choices a reader and day."""

    readers: int = 60
    days: float = 4
    start: str = "2026-10-22 11:00"
    rate: int = 20
    stories: float = 40
    changes: float = 5.0
    restarts: int = 4


class Site:
    """A feed of one language, or of none."""

    def __init__(self, language: str, now: float) -> None:
        self.url, self.language = f"https://{language or 'all'}.example/rss", language
        self.items = [
            self._item(-n, f"Давняя история {n} из {language or 'архива'}", ["sport"], now - 7000) for n in range(20)
        ]

    def _item(self, number: int, title: str, sections: Sequence[str], at: float) -> str:
        link = f"{self.url}/{number}"
        rubrics = "".join(f"<category>{SECTIONS[section]}</category>" for section in sections)
        return (
            f"<item><guid>{link}</guid><link>{link}</link><title>{title}</title>"
            f"<description>Коротко.</description><pubDate>{formatdate(at)}</pubDate>{rubrics}</item>"
        )

    def publish(self, story: Story, at: float) -> None:
        """One more at the top."""
        places = " ".join(PLACES[code] for code in sorted(story.regions))
        title = f"№{story.number} {' '.join(sorted(story.words))} {places} дело {story.number * 7919 % 9973}"
        self.items.insert(0, self._item(story.number, " ".join(title.split()), sorted(story.sections), at))
        del self.items[40:]

    def answer(self) -> Response:
        """As it stands."""
        head = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Дала</title>'
        body = f"{head}{''.join(self.items)}</channel></rss>".encode()
        return Response(200, body, content_type="application/rss+xml", final_url=self.url)


class World:
    """The world around one bot."""

    def __init__(self, clock: LoopClock, rng: random.Random, size: Size, folder: Path) -> None:
        clock.start = datetime.fromisoformat(size.start).replace(tzinfo=ZoneInfo(HOME)).timestamp()
        self.clock, self.rng, self.size, self.folder = clock, rng, size, folder
        self.sandbox = Sandbox(clock, anti_spin=False)
        self.sites = [Site(language, clock.start) for language in ("ru", "kk", "")]
        self.heard: dict[int, list[Heard]] = defaultdict(list)
        self.stories: dict[int, Story] = {}
        self.posts: dict[int, int] = {}
        self.begins: list[tuple[float, int]] = []  # when each numbered send began
        self.lives: dict[int, list[Life]] = {}
        self.ids: dict[int, int] = {}
        self.storage: Storage
        self.messages = self.lists = self.silent = self.changes = self.meanwhile = 0
        self.number = 0

    # --- the bot ----------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """An ordinary newsroom whose feeds are asked each second."""
        env = replace(NO_ENV, bot_token=Secret(self.sandbox.token), bot_api_url="http://telegram.example")
        return Settings(
            newsroom=Newsroom(name="Дала", url="https://n.example", owners=(1,)),
            delivery=Delivery(messages_per_second=self.size.rate),
            sections=DEFAULT_SECTIONS,
            feeds=tuple(FeedConfig(site.url, site.language, interval=1) for site in self.sites),
            rates=Rates(url=""),
            env=replace(env, http_listen=None, database_url=f"sqlite:///{self.folder}/newsdesk.db"),
            path=self.folder / "newsdesk.toml",
        )

    async def begin(self) -> None:
        """Start the bot, and know its storage."""
        self.stop, ready = asyncio.Event(), asyncio.Event()
        work = app.run(
            self.settings, clock=self.clock, stop=self.stop, ready=ready.set, only=frozenset({"watch", "send"})
        )
        self.bot = asyncio.get_running_loop().create_task(work)
        await ready.wait()

    async def end(self) -> None:
        """Stop it gracefully."""
        self.stop.set()
        await self.bot

    async def opened(self, *args: Any, **options: Any) -> Storage:
        """What the bot opens."""
        self.storage = await open_storage(*args, **options)
        return self.storage

    async def site(self, url: str, etag: str, modified: str) -> Response:
        """Feeds as the fetcher gets them."""
        found = next((site for site in self.sites if site.url == url), None)
        if found is None:
            raise FeedError("http", "no such page", status=404)
        return found.answer()

    async def post(self, session: Session, bot: Bot, method: str, body: bytes) -> tuple[int, bytes]:
        """Telegram takes a message; some time later it says so: meanwhile choices change."""
        call = json.loads(body)
        text = call["text"]
        found = tuple(map(int, _NUMBER.findall(text)))
        kind = "list" if "\n• " in text else "breaking" if text.startswith("🔴") else "post"
        rest = [entity for entity in call.get("entities", ()) if "start=d_" in entity.get("url", "")]
        more = int(re.sub(r"\D", "", text.rsplit("\n", 1)[-1])) if rest else 0
        self.heard[call["chat_id"]].append(Heard(kind, found, more, call.get("disable_notification", False)))
        self.messages += 1
        self.lists += kind == "list"
        self.silent += call.get("disable_notification", False)
        await asyncio.sleep(self.rng.choice((0.08, 0.08, 0.08, 3.0)))
        return 200, b'{"ok":true,"result":{"message_id":%d}}' % self.messages

    # --- people -----------------------------------------------------------------------------------------

    async def settle_down(self) -> None:
        """Readers who say yes one after the other, with any choices there are."""
        self.bits = await self.storage.meta.section_bits(list(SECTIONS))
        now = int(self.clock.now())
        for chat in range(1, self.size.readers + 1):
            chosen = Choices(**{name: self._drawn(name) for name in _DRAWN})
            life = Life(chosen, self.rng.choice(("ru", "kk", "en")), self._sections(), regions=self._regions())
            made = replace(chosen, regions=self._mask(life.regions))
            reader = await self.storage.readers.meet(chat, language=life.language, choices=made, now=now)
            self.ids[chat] = reader.id
            await self.storage.readers.choose(reader.id, self._bits(life.sections), True, now=now)
            await self.storage.readers.consent(reader.id, "w", now=now)
            self.lives[chat] = [woken(life, 0)]
        await self._settled()
        self.lives = {
            chat: [reckoned(life, self.clock.now()) if life.due is not None else life]
            for chat, (life,) in self.lives.items()
        }

    def _drawn(self, name: str) -> Any:
        rng = self.rng
        match name:
            case "volume":
                return rng.choice((ALL, ALL, DIGESTS, 1, 3, 8, 15))
            case "quiet":
                return rng.choice(tuple(Quiet))
            case "digest_at":
                return tuple(sorted(rng.sample(range(0, 1440, 30), rng.choice((0, 1, 2, 2, 3)))))
            case "digest_days":
                return rng.choice((127, 127, 0b0011111, 1 << rng.randrange(7)))
            case "zone":
                return rng.choice(ZONES)
            case "news_languages":
                return rng.choice(((), (), ("kk",), ("ru", "en"), ("ru", "kk")))
            case "main_only":
                return rng.random() < 0.15
        return rng.random() < 0.6

    def _sections(self) -> frozenset[str]:
        return frozenset(self.rng.sample(list(SECTIONS), self.rng.choice((1, 2, 3, 4))))

    def _regions(self) -> frozenset[str]:
        return frozenset(self.rng.sample(list(PLACES), self.rng.choice((0, 0, 1, 2))))

    def _bits(self, sections: Sequence[str] | frozenset[str]) -> int:
        return sum(1 << self.bits[section] for section in sections)

    def _mask(self, regions: frozenset[str]) -> int:
        return sum(BITS[code] for code in regions)

    def _deed(self, life: Life, at: float, *, words: bool) -> Change:
        """Something that a reader who lives like this may do."""
        rng = self.rng
        until = at + HALF * rng.randrange(1, 60) - HALF / 2
        if life.paused_until is not None:
            return Change("resume")
        if not life.active:
            return Change(rng.choice(("return", "unblock")))
        match rng.randrange(14 if words else 11):
            case 0:
                return Change("sections", self._sections())
            case 1:
                return Change("mute", (rng.choice(sorted(SECTIONS)), until))
            case 2:
                return Change("unmute")
            case 3:
                return Change("regions", self._regions())
            case 4:
                return Change(rng.choice(("pause", "leave", "block")), until)
            case 5:
                return Change("language", rng.choice(("ru", "kk", "en")))
            case 6 | 7 | 8 | 9 | 10:
                names = rng.sample(_DRAWN, rng.choice((1, 1, 2, 3)))
                if rng.random() < 0.2 or {"quiet_from", "quiet_to"} & set(names):
                    begin, end = rng.choice(NIGHTS)
                    return Change("choose", {"quiet_from": begin, "quiet_to": end})
                return Change("choose", {name: self._drawn(name) for name in names})
        return Change(rng.choice(("hide", "follow", "drop")), rng.choice(WORDS))

    async def _do(self, chat: int, change: Change) -> None:
        """Store a deed as the conversations do."""
        readers, id_, now, about = self.storage.readers, self.ids[chat], int(self.clock.now()), change.about
        match change.deed:
            case "sections":
                await readers.choose(id_, self._bits(list(SECTIONS)), False, now=now)
                await readers.choose(id_, self._bits(about), True, now=now)
            case "language":
                await readers.set_language(id_, about, now=now)
            case "regions":
                await readers.change(id_, regions=self._mask(about), now=now)
            case "mute":
                await readers.mute(id_, [self.bits[about[0]]], until=int(about[1]), now=now)
            case "unmute":
                await readers.unmute(id_, now=now)
            case "pause":
                await readers.pause(id_, until=int(about), now=now)
            case "resume":
                await readers.resume(id_, now=now)
            case "leave":
                await readers.leave(id_, now=now)
            case "block":
                await readers.unreachable(chat, now=now)
            case "return" | "unblock":
                await readers.consent(id_, "w", now=now)
            case "choose":
                await readers.change(id_, now=now, **about)
            case "hide" | "follow":
                follows = change.deed == "follow"
                since = now - 2 * 86_400
                await self.storage.terms.choose(id_, about, keys(about), follows=follows, since=since, now=now)
            case "drop":
                for word in await self.storage.terms.of(id_):
                    if word.word == about:
                        await self.storage.terms.drop(id_, word.term_id)
        self.changes += 1

    # --- a half hour ------------------------------------------------------------------------------------

    async def live(self) -> None:
        """All of it, one half hour after the other."""
        slots = int(self.size.days * 48)
        restarts = set(self.rng.sample(range(slots), self.size.restarts))
        at = self.clock.start // HALF * HALF
        for n in range(slots):
            at += HALF
            await self._wake_up(at)
            await self._half_hour(at, restart=n in restarts)
            await self._afterwards(at)

    async def _wake_up(self, at: float) -> None:
        """Leap to just before; what was silenced for a while speaks again, and nothing is sent but the rest of lists
        that somebody has given up."""
        self.clock.start += at - GAP - self.clock.now()
        await asyncio.sleep(GAP)
        rests = {chat for chat, lives in self.lives.items() if any(life.due and 0 < life.due <= at for life in lives)}
        assert self.heard.keys() <= rests, f"sent before its time: {dict(self.heard)}"
        for chat, lives in self.lives.items():
            self.lives[chat] = [self._awake(life, at) for life in lives]

    def _awake(self, life: Life, at: float) -> Life:
        if any(until <= at for _, until in life.muted):
            life = replace(life, muted=tuple(mute for mute in life.muted if mute[1] > at))
        if life.paused_until is not None and life.paused_until <= at:
            life = woken(life, len(self.begins))
            life = reckoned(life, at - GAP) if life.due is not None else life
        return life

    async def _half_hour(self, at: float, *, restart: bool) -> None:
        """Stories and lists, and some readers who change their minds meanwhile."""
        known = len(self.begins)
        fresh = [self._write(at) for _ in range(self._how_many(self.size.stories / 48))]
        changes: dict[int, Change] = {}
        if not restart:
            changes = self._changes(at, words=False)
            self.meanwhile += len(changes)
        breaking = [await self._breaking()] if self.rng.random() < 0.05 else []
        pending = list(changes.items())
        for chat, change in pending:
            await asyncio.sleep(self.rng.uniform(0, 4 / len(pending)))
            await self._do(chat, change)
        if restart:
            await asyncio.sleep(self.rng.uniform(0.5, 3))
            await self.end()
            await self.begin()
        await self._settled(known + len(fresh))
        await self._judge(at, known, breaking, changes)

    async def _afterwards(self, at: float) -> None:
        """Readers who change their minds while nothing else happens, and a story that gets its star."""
        changes = self._changes(at, words=True)
        for chat, change in changes.items():
            await self._do(chat, change)
        await self._settled()
        await self._judge(at, len(self.begins), [], changes)
        plain = [story for story in self.stories.values() if story.begun and not story.main]
        if plain and self.rng.random() < 0.1:
            story, known = self.rng.choice(plain[-20:]), len(self.begins)
            story.main = True
            await self.storage.posts.star(self.posts[story.number])
            await self._settled(known + 1)
            await self._judge(at, known, [], {})

    def _how_many(self, mean: float) -> int:
        return int(mean) + (self.rng.random() < mean % 1)

    def _write(self, at: float) -> Story:
        self.number += 1
        rng, site = self.rng, self.rng.choice(self.sites)
        sections = frozenset(rng.sample(list(SECTIONS), rng.choice((1, 1, 2))))
        regions = frozenset(rng.sample(list(PLACES), rng.choice((0, 1, 2)))) if "regions" in sections else frozenset()
        words = frozenset(rng.sample(WORDS, rng.choice((0, 0, 1, 2)))) if site.language != "kk" else frozenset()
        story = self.stories[self.number] = Story(self.number, site.language, sections, regions, words)
        site.publish(story, at)
        return story

    async def _breaking(self) -> int:
        self.number += 1
        texts = {language: RichText(f"№{self.number} Важное") for language in ("ru", "kk", "en")}
        now = int(self.clock.now())
        async with self.storage.engine.transaction() as db:
            post = Post(0, PostKind.BREAKING, 1, 0, now, texts=texts)
            ids = [await add_post(db, post, article_id=None, state=PostState.PUBLISHED)]
            whom, key = Audience(breaking=True), f"life:{self.number}"
            await insert(db, ids, whom, key, Lane.BREAKING, BroadcastState.RUNNING, 1, 0.0, now, now)
        return self.number

    def _changes(self, at: float, *, words: bool) -> dict[int, Change]:
        number = self._how_many(self.size.readers * self.size.changes / 96)
        chats = self.rng.sample(range(1, self.size.readers + 1), min(number, self.size.readers))
        certain = [chat for chat in chats if len(self.lives[chat]) == 1]
        return {chat: self._deed(self.lives[chat][0], at, words=words) for chat in certain}

    async def _settled(self, begun: int = 0) -> None:
        """Until nothing is to be done just then."""
        storage = self.storage
        async with asyncio.timeout(900):
            while (
                await storage.posts.waiting()
                or await storage.lists.unreckoned(1)
                or await storage.broadcasts.open()
                or await storage.lists.due(now=int(self.clock.now()))
                or (begun and (await storage.lists.lately(begun - 1))[0] < begun)
            ):
                await self.clock.sleep(0.5)

    # --- the verdict ------------------------------------------------------------------------------------

    async def _judge(self, at: float, known: int, breaking: Sequence[int], changes: dict[int, Change]) -> None:
        """Compare what everybody heard with what the model allows."""
        rows = await self.storage.engine.fetch(
            "SELECT serial, post_id FROM broadcast JOIN broadcast_post ON broadcast_id = broadcast.id"
            " WHERE serial > :known ORDER BY serial",
            known=known,
        )
        titles = {post.id: post.title for post in await self.storage.posts.get([row[1] for row in rows])}
        sends = []
        for serial, post_id in map(tuple, rows):
            story = self.stories[int(_NUMBER.findall(titles[post_id])[0])]
            self.posts[story.number] = post_id
            sends.append(Send(serial, story, bool(story.begun), at))
            story.begun = (*story.begun, serial)
            self.begins.append((at, serial))
        older = max((n for begun, n in self.begins if begun < at - 86_400), default=0)
        yesterdays = [older, *(n for begun, n in self.begins if begun == at - 86_400)]
        recent = {number: story for number, story in self.stories.items() if number > self.number - _KEPT}
        slot = Slot(at, self.clock.now(), sends, breaking, recent, known, yesterdays)
        heard, self.heard = self.heard, defaultdict(list)
        for chat, lives in self.lives.items():
            if self._idle(lives, slot) and not heard.get(chat) and chat not in changes:
                continue
            found = lived(lives, slot, heard.get(chat, ()), changes.get(chat))
            if not found:
                when = datetime.fromtimestamp(at, ZoneInfo(HOME))
                raise AssertionError(
                    f"{when}: {chat} heard {heard.get(chat)}; {changes.get(chat)}, {slot.sends}\n{lives}"
                )
            self.lives[chat] = found
        if at % 86_400 == 0:
            for chat, lives in self.lives.items():
                self.lives[chat] = [replace(life, had=frozenset(life.had & recent.keys())) for life in lives]

    def _idle(self, lives: Sequence[Life], slot: Slot) -> bool:
        """Whether the model expects nothing of this slot."""
        return not slot.breaking and not any(
            life.active
            and (
                (life.due is not None and life.due <= slot.until)
                or any(concerns(life, one.story) for one in slot.sends)
            )
            for life in lives
        )


_DRAWN = (
    "breaking",
    "night_breaking",
    "volume",
    "quiet",
    "digest_at",
    "digest_days",
    "news_languages",
    "main_only",
    "zone",
)


def life(seed: int, size: Size, folder: Path) -> World:
    """Play it. AssertionError tells of the first difference."""

    async def story(clock: LoopClock, rng: random.Random) -> World:
        world = World(clock, rng, size, folder)
        with ExitStack() as stack:
            stack.enter_context(edges(world.sandbox, world.site, lambda: 0.08))
            stack.enter_context(
                patch.object(Session, "post", lambda session, bot, method, body: world.post(session, bot, method, body))
            )
            stack.enter_context(patch.object(app, "open_storage", world.opened))
            stack.enter_context(patch.object(mutes, "LOOK_SECONDS", 0.5))
            await world.begin()
            await asyncio.sleep(10)  # the first look at each feed sends nothing
            await world.settle_down()
            await world.live()
            await world.end()
        return world

    return play(seed, story)
