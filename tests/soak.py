"""Hours of a whole newsroom in virtual time, with everything that goes wrong in them: `python -m tests.soak --seed 1`.

Feeds publish, edit and break; readers come, choose, block and leave; editors send, correct and withdraw; Telegram, the
database, the clock and the bot itself fail. Beside the bot stands a book of what each reader's chat holds, written from
what the stand-in accepted. What must hold always is asserted when it happens; at the end all faults cease, the bot may
finish its work, and the book is compared with what was published. A seed decides everything: a failing one fails again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from html import escape
from pathlib import Path
from typing import Any
from unittest.mock import patch

import storage.sqlite as sqlite
from bot import app
from bot.domain.errors import FeedError, StorageBusy, StorageFull
from bot.feeds.fetch import Response
from bot.sandbox.client import Person
from bot.sandbox.flood import FloodRule
from bot.sandbox.http import Sandbox
from bot.sandbox.model import ApiError, Msg
from bot.settings import DEFAULT_SECTIONS, Desk, FeedConfig, Newsroom, Rates, Settings
from bot.settings_env import NO_ENV
from bot.settings_file import Secret
from storage import open_storage
from tests.virtual import LoopClock, edges, play

OWNER, EDITOR, FIRST = 9001, 9002, 100_000
LANGUAGES = ("ru", "kk", "en")
MARK = re.compile(r"№(\d+)\.(\d+)")
SECTIONS = [section.id for section in DEFAULT_SECTIONS]
DRAIN_SECONDS = 3 * 3600
_SETTLED = 20 * 60  # what was published or changed so shortly before the end is not judged
_FRESH = 120  # a choice that is so young may have missed a message that was under way


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    readers: int = 50_000
    feeds: int = 40
    hours: float = 6.0
    stories: int = 90
    lively: int = 300

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.hours * 3600


@dataclass
class Story:
    """A story and how it stands now; `fed` by a site, or by an editor's hand."""

    number: int
    section: str
    language: str
    at: float
    version: int = 1
    changed_at: float = 0.0
    withdrawn: bool = False
    breaking: bool = False

    @property
    def title(self) -> str:
        """Each version has a headline of its own."""
        words = {"ru": "Новость о деле", "kk": "Бір іс туралы жаңалық", "en": "News about a matter"}
        return f"№{self.number}.{self.version} {words[self.language]} {self.number * 7919 % 9973}"


@dataclass
class Site:
    """A feed of one section and language."""

    url: str
    section: str
    language: str
    stories: list[Story] = field(default_factory=list)
    broken: str = ""

    def document(self) -> bytes:
        """What it serves."""
        items = "".join(
            f'<item><guid isPermaLink="false">{self.url}-{story.number}</guid><link>{self.url}/{story.number}</link>'
            f"<title>{escape(story.title)}</title><description>Коротко о деле {story.number}.</description>"
            f"<pubDate>{formatdate(story.at)}</pubDate></item>"
            for story in self.stories[:30]
        )
        head = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Дала</title>'
        return f"{head}{items}</channel></rss>".encode()

    def answer(self) -> Response:
        """As it stands, or broken."""
        match self.broken:
            case "":
                return Response(200, self.document(), content_type="application/rss+xml", final_url=self.url)
            case "html":
                return Response(200, b"<html><body>503</body></html>", content_type="text/html", final_url=self.url)
            case "cut":
                return Response(200, self.document()[:-200], content_type="application/rss+xml", final_url=self.url)
            case "empty":
                return Response(200, b"", final_url=self.url)
            case kind:
                raise FeedError(kind, "made to fail", status=500)


@dataclass(slots=True)
class Plan:
    """What a reader has chosen, as far as the soak decided it. `steady`: nobody touches it, and every story comes."""

    language: str
    sections: frozenset[str]
    steady: bool
    since: float


class Book:
    """What each reader's chat holds: story → version and message, as the stand-in accepted it."""

    def __init__(self, tame: int) -> None:
        self.tame = tame
        self.held: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        self.delivered = self.repeats = self.lists = self.edits = self.deleted = 0

    def heard(self, kind: str, chat_id: int, payload: Any) -> None:
        """The stand-in's listener."""
        if kind not in ("message", "edit", "delete") or not isinstance(payload, Msg) or not payload.out:
            return
        if chat_id < FIRST:
            return
        held = self.held[chat_id]
        if kind != "message":
            for number in [number for number, (_, message) in held.items() if message == payload.id]:
                del held[number]
        if kind == "delete":
            self.deleted += 1
            return
        found = MARK.findall(payload.json.get("text") or payload.json.get("caption") or "")
        self.lists += kind == "message" and len(found) > 1
        self.edits += kind == "edit"
        for number, version in found:
            if kind == "message":
                self.delivered += 1
                self.repeats += chat_id >= self.tame and int(number) in held  # lively ones ask for /latest
            held[int(number)] = int(version), payload.id


class Soak:
    """The world around one bot."""

    def __init__(self, clock: LoopClock, rng: random.Random, size: Size, folder: Path) -> None:
        self.clock, self.rng, self.size, self.folder = clock, rng, size, folder
        self.sandbox = Sandbox(clock.true, anti_spin=False, flood=FloodRule())
        self.book = Book(FIRST + size.lively)
        self.sandbox.machine.listeners += [self.sandbox._poll.heard, self.sandbox._changed, self.book.heard]
        self.sites = [
            Site(f"https://feed{n}.example/rss", SECTIONS[n % len(SECTIONS)], LANGUAGES[n % 3])
            for n in range(size.feeds)
        ]
        self.by_url = {site.url: site for site in self.sites}
        self.stories: list[Story] = []
        self.plans: dict[int, Plan] = {}
        self.faults: Counter[str] = Counter()
        self.lost = 0  # answers that never came back, and what a cut may repeat
        self.storage_fault = ""
        self.errors: list[str] = []
        self.over = False

    # --- the bot ----------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """An ordinary newsroom with many feeds."""
        env = replace(NO_ENV, bot_token=Secret(self.sandbox.token), bot_api_url="http://telegram.example")
        env = replace(env, http_listen=None, database_url=f"sqlite:///{self.folder}/newsdesk.db")
        feeds = [FeedConfig(site.url, site.language, site.section) for site in self.sites]
        return Settings(
            newsroom=Newsroom(name="Дала", url="https://n.example", owners=(OWNER,)),
            desk=Desk(countdown=5),
            sections=DEFAULT_SECTIONS,
            feeds=tuple(feeds),
            rates=Rates(url=""),
            env=env,
            path=self.folder / "newsdesk.toml",
        )

    async def live(self) -> None:
        """Run the bot until the end; whenever it is stopped or cut off it starts again."""
        while not self.over:
            self.stop = asyncio.Event()
            self.bot = asyncio.create_task(app.run(self.settings, clock=self.clock, stop=self.stop))
            try:
                await asyncio.wait((self.bot,))
            finally:
                self.bot.cancel()
            if not self.bot.cancelled() and (error := self.bot.exception()):
                raise error
            await asyncio.sleep(self.rng.uniform(1, 20))

    async def site(self, url: str, etag: str, modified: str) -> Response:
        """Feeds as the fetcher gets them."""
        found = self.by_url.get(url)
        if found is None:
            raise FeedError("http", "no such page", status=404)
        return found.answer()

    # --- people -----------------------------------------------------------------------------------------

    async def settle_down(self) -> None:
        """Readers of an earlier life: most get all at once, some less, some at other times."""
        storage, rng, rows = await open_storage(self.settings.env.database_url), self.rng, []
        bits = await storage.meta.section_bits(SECTIONS)
        for n in range(self.size.readers):
            chat = FIRST + n
            chosen = frozenset(rng.sample(SECTIONS, rng.choice((1, 1, 2, 3))))
            language, kind = rng.choice(LANGUAGES), rng.random()
            volume, quiet = (-1, "silent") if kind < 0.7 else rng.choice(((8, "silent"), (0, "silent"), (-1, "hold")))
            lively = n < self.size.lively
            steady = not lively and (volume, quiet) == (-1, "silent")
            self.plans[chat] = Plan(language, chosen, steady, self.clock.true.now())
            mask = sum(1 << bits[section] for section in chosen)
            rows.append((chat, language, mask, volume, quiet))
            self.sandbox.people.add(chat, lang=language, started=True)
        await storage.engine.many(
            "INSERT INTO reader (chat_id, language, state, sections, breaking, volume, quiet, joined_at, consent_at,"
            " changed_at, list_at) VALUES (:chat, :language, 'active', :mask, 1, :volume, :quiet, 0, 0, 0, 0)",
            rows,
        )
        await storage.close()
        for user, name in ((OWNER, "Дана"), (EDITOR, "Ерлан")):
            self.sandbox.people.add(user, name=name, started=True)

    async def readers(self) -> None:
        """A few hundred lively ones do what people do."""
        while not self.over:
            await asyncio.sleep(self.rng.expovariate(1 / 20))
            person = self.sandbox.people.known(FIRST + self.rng.randrange(self.size.lively))
            with suppress(ApiError, LookupError):
                await self._deed(person)

    async def _deed(self, person: Person) -> None:
        deeds = (
            "/start",
            "/stop",
            "/sections",
            "/settings",
            "/latest",
            "/help",
            "мост",
            "/start sport",
            "block",
            "press",
        )
        match self.rng.choice(deeds):
            case "block":
                person.block()
                await asyncio.sleep(self.rng.uniform(10, 900))
                person.unblock()
            case "press":
                messages = [message for message in person.chat() if message.get("reply_markup")]
                if messages:
                    message = self.rng.choice(messages)
                    rows = message["reply_markup"]["inline_keyboard"]
                    data = [button["callback_data"] for row in rows for button in row if "callback_data" in button]
                    await person.press(message, self.rng.choice(data or ["x"]), wait=False)
            case words:
                await person.send(words)

    # --- the newsroom -----------------------------------------------------------------------------------

    async def publish(self) -> None:
        """Stories come one after the other; some are edited, few vanish."""
        for _ in range(self.size.stories):
            await asyncio.sleep(self.rng.expovariate(self.size.stories / self.size.seconds))
            site = self.rng.choice(self.sites)
            story = Story(len(self.stories) + 1, site.section, site.language, self.clock.true.now())
            self.stories.append(story)
            site.stories.insert(0, story)
            if self.rng.random() < 0.15:
                asyncio.get_running_loop().call_later(self.rng.uniform(600, 3600), self._edit, story)

    def _edit(self, story: Story) -> None:
        if not self.over:
            story.version, story.changed_at = story.version + 1, self.clock.true.now()

    # --- what goes wrong --------------------------------------------------------------------------------

    async def trouble(self) -> None:
        """One fault after the other, none of them for long."""
        kinds: dict[str, Callable[[], Any]] = {
            "outage": lambda: self._telegram("server_error", 300),
            "pages": lambda: self._telegram("html_body", 120),
            "cut lines": lambda: self._telegram("drop_before", 120),
            "lost answers": self._lost_answers,
            "slow": lambda: self._telegram("latency", 200),
            "flood": self._flood,
            "feeds": self._feeds,
            "busy": lambda: self._storage("busy", 30),
            "full": lambda: self._storage("full", 90),
            "clock": self._clock_back,
            "restart": self._restart,
            "cut off": self._cut,
        }
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / 420))
            name = self.rng.choice(list(kinds))
            self.faults[name] += 1
            await kinds[name]()

    async def _telegram(self, name: str, longest: float) -> None:
        fault = self.sandbox.fail(name, times=None, match=lambda params: "offset" not in params, seconds=2.0)
        await asyncio.sleep(self.rng.uniform(5, longest))
        self.sandbox.faults.armed.remove(fault)

    async def _lost_answers(self) -> None:
        number = self.rng.randrange(1, 20)
        self.lost += number
        self.sandbox.fail("drop_after", times=number, match=lambda params: "offset" not in params)

    async def _flood(self) -> None:
        self.sandbox.fail("flood_bot", method="sendMessage", seconds=self.rng.randrange(2, 40))

    async def _feeds(self) -> None:
        broken = self.rng.sample(self.sites, max(1, len(self.sites) // 4))
        kind = self.rng.choice(("html", "cut", "empty", "http", "timeout", "network"))
        for site in broken:
            site.broken = kind
        await asyncio.sleep(self.rng.uniform(60, 600))
        for site in broken:
            site.broken = ""

    async def _storage(self, kind: str, longest: float) -> None:
        self.storage_fault = kind
        await asyncio.sleep(self.rng.uniform(1, longest))
        self.storage_fault = ""

    async def _clock_back(self) -> None:
        if self.clock.monotonic() > 5400:  # not to before the feeds were met
            self.clock.shift -= 3600
            await asyncio.sleep(self.rng.uniform(60, 600))
            self.clock.shift += 3600

    async def _restart(self) -> None:
        self.stop.set()
        await asyncio.wait((self.bot,))

    async def _cut(self) -> None:
        self.lost += 256 + 512  # in flight, and a commit group
        self.bot.cancel()
        await asyncio.wait((self.bot,))

    def failing(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The database's edge: now and then it takes nothing."""

        async def failed(connection: Any, function: Callable[..., Any], *args: Any) -> Any:
            reads = function is sqlite._fetch and str(args[0]).lstrip().startswith(("SELECT", "PRAGMA", "WITH"))
            if self.storage_fault == "busy" and self.rng.random() < 0.2:
                raise StorageBusy("injected")
            if self.storage_fault == "full" and not reads:
                raise StorageFull("injected")
            return await run(connection, function, *args)

        return failed

    async def diary(self) -> None:
        """A line now and then, for whoever watches."""
        while True:
            await asyncio.sleep(600)
            told = (
                f"{self.clock.monotonic() / 3600:5.2f} h, {len(self.stories)} stories, {self.book.delivered} delivered"
            )
            print(
                f"{told}, {self.sandbox.machine.flood.refused} 429s, {dict(self.faults)}", file=sys.stderr, flush=True
            )

    # --- the verdict ------------------------------------------------------------------------------------

    async def drained(self) -> None:
        """Everything works again: wait until nothing is left to send."""
        self.sandbox.faults.clear()
        self.storage_fault = ""
        deadline = self.clock.monotonic() + DRAIN_SECONDS
        await asyncio.sleep(600)
        while self.clock.monotonic() < deadline:
            probe = await open_storage(self.settings.env.database_url, exclusive=False)
            left = [one.id for one in await probe.broadcasts.open()] + [
                post.id for post, _ in await probe.posts.waiting()
            ]
            await probe.close()
            if not left:
                return
            await asyncio.sleep(60)
        raise AssertionError(f"still not done {DRAIN_SECONDS} s after the last fault: {left}")

    def judge(self) -> None:
        """What must be true of every steady reader's chat."""
        end, missing, stale = self.ended_at - _SETTLED, [], []
        judged = [story for story in self.stories if story.at < end and not story.withdrawn]
        for chat, plan in self.plans.items():
            if not plan.steady:
                continue
            held = self.book.held[chat]
            for story in judged:
                if not story.breaking and (story.section not in plan.sections or story.language != plan.language):
                    assert story.number not in held, f"{chat} got {story}, which is not of {plan}"
                    continue
                version = held.get(story.number, (0, 0))[0]
                if not version:
                    missing.append((chat, story.number))
                elif version < story.version and story.changed_at < end:
                    stale.append((chat, story.number, version))
        assert not missing, f"{len(missing)} missing, such as {missing[:5]}"
        assert not stale, f"{len(stale)} say what was corrected, such as {stale[:5]}"
        assert self.book.repeats <= self.lost, f"{self.book.repeats} repeats, {self.lost} may be"
        assert not self.sandbox.violations, self.sandbox.violations[:3]
        assert not self.errors, self.errors[:3]

    def report(self) -> dict[str, Any]:
        """What happened."""
        book = self.book
        return {
            "readers": len(self.plans),
            "stories": len(self.stories),
            "delivered": book.delivered,
            "lists": book.lists,
            "edits": book.edits,
            "repeats": book.repeats,
            "repeats allowed": self.lost,
            "429s": self.sandbox.machine.flood.refused,
            "faults": sum(self.faults.values()),
            **{f"  {name}": number for name, number in sorted(self.faults.items())},
            "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }


class _Listener(logging.Handler):
    """Errors in the log that no fault explains."""

    def __init__(self, soak: Soak) -> None:
        super().__init__(logging.ERROR)
        self.soak = soak

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not re.search(r"Telegram|database|Storage|injected|webhook", text):
            self.soak.errors.append(text[:2000])


def soak(seed: int, size: Size) -> dict[str, Any]:
    """Play it; the report. AssertionError names what did not hold."""

    async def story(clock: LoopClock, rng: random.Random) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            world = Soak(clock, rng, size, Path(folder))
            listener = _Listener(world)
            logging.getLogger().addHandler(listener)
            stack.callback(logging.getLogger().removeHandler, listener)
            stack.enter_context(edges(world.sandbox, world.site, lambda: rng.uniform(0.06, 0.1)))
            await world.settle_down()
            stack.enter_context(patch.object(sqlite._Connection, "run", world.failing(sqlite._Connection.run)))
            async with asyncio.TaskGroup() as tasks:
                diary = tasks.create_task(world.diary())
                life = tasks.create_task(world.live())
                await asyncio.sleep(120)  # the first look at each feed sends nothing
                actors = [tasks.create_task(actor()) for actor in (world.publish, world.readers, world.trouble)]
                await asyncio.sleep(size.seconds)
                world.over, world.ended_at = True, clock.true.now()
                for actor in actors:
                    actor.cancel()
                world.clock.shift = 0.0
                for site in world.sites:
                    site.broken = ""
                if world.bot.done():
                    raise AssertionError("the bot is not there")
                await world.drained()
                world.stop.set()
                await life
                diary.cancel()
            world.judge()
            return world.report()

    return play(seed, story)


def main() -> None:
    """Seeds one after the other, each in a process of its own whose hashes are no accident either."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--readers", type=int, default=Size.readers)
    parser.add_argument("--hours", type=float, default=Size.hours)
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit(
            subprocess.call(
                [sys.executable, "-m", "tests.soak", *sys.argv[1:]], env=os.environ | {"PYTHONHASHSEED": "0"}
            )
        )
    for seed in options.seed:
        began = time.monotonic()
        found = soak(seed, Size(readers=options.readers, hours=options.hours))
        print(f"seed {seed}: " + ", ".join(f"{name.strip()} {value:,}" for name, value in found.items()), end="")
        print(f", {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
