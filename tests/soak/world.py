"""The world around one bot, and the verdict at the end."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import resource
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import storage.sqlite as sqlite
from bot import app
from bot.domain.errors import FeedError
from bot.feeds.fetch import Response
from bot.sandbox.flood import FloodRule
from bot.sandbox.http import Sandbox
from bot.settings import DEFAULT_SECTIONS, ChannelConfig, Desk, FeedConfig, Newsroom, Rates, Settings
from bot.settings_env import NO_ENV
from bot.settings_file import Secret
from storage import open_storage
from tests.soak.book import CHANNEL, FIRST, Book, Plan, Site, Size, Story
from tests.soak.people import OWNER, editors, readers
from tests.soak.trouble import Trouble
from tests.virtual import LoopClock, edges, play

LANGUAGES = ("ru", "kk", "en")
SECTIONS = [section.id for section in DEFAULT_SECTIONS]
DRAIN_SECONDS = 3 * 3600
_SETTLED = 20 * 60  # what was published or changed so shortly before the end is not judged


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
        self.deeds: Counter[str] = Counter()
        self.trouble = Trouble(self)
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
            channels=(ChannelConfig(chat=CHANNEL),),
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
        self.plans[CHANNEL] = Plan(" ".join(LANGUAGES), frozenset(SECTIONS), True, self.clock.true.now())
        self.sandbox.people.add(OWNER, name="Дана", started=True)
        self.sandbox.people.channel(CHANNEL, "Дала")

    # --- the newsroom -----------------------------------------------------------------------------------

    async def publish(self) -> None:
        """Stories come one after the other; some are edited, few vanish."""
        for _ in range(self.size.stories):
            await asyncio.sleep(self.rng.expovariate(self.size.stories / self.size.seconds))
            site = self.rng.choice(self.sites)
            story = self.story(site.section, site.language)
            site.stories.insert(0, story)
            if self.rng.random() < 0.15:
                asyncio.get_running_loop().call_later(self.rng.uniform(600, 3600), self._edit, story)

    def story(self, section: str = "", language: str = "ru", *, breaking: bool = False) -> Story:
        """The next one."""
        story = Story(len(self.stories) + 1, section, language, self.clock.true.now(), breaking=breaking)
        self.stories.append(story)
        return story

    def _edit(self, story: Story) -> None:
        if not self.over:
            story.version, story.changed_at = story.version + 1, self.clock.true.now()

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
        self.trouble.end()
        deadline = self.clock.monotonic() + DRAIN_SECONDS
        await asyncio.sleep(600)
        while self.clock.monotonic() < deadline:
            probe = await open_storage(self.settings.env.database_url, exclusive=False)
            left = [one.id for one in await probe.broadcasts.open()] + [
                post.id for post, _ in await probe.posts.waiting()
            ]
            for channel in await probe.channels.all():
                left += [queued.post_id for queued in await probe.channels.queue(channel.reader_id)]
            await probe.close()
            if not left:
                return
            await asyncio.sleep(60)
        raise AssertionError(f"still not done {DRAIN_SECONDS} s after the last fault: {left}")

    def judge(self) -> None:
        """What must be true of every steady reader's chat, and of the channel.

        Whether an editor's send, correction or withdrawal came about in the midst of faults is seen from the first
        chat that has it; then all must.
        """
        end, missing, stale, left = self.ended_at - _SETTLED, [], [], []
        for story in self.stories:
            if story.breaking:
                story.version = self.book.seen.get(story.number, 0)
        judged = [story for story in self.stories if story.at < end and story.version]
        for chat, plan in self.plans.items():
            if not plan.steady:
                continue
            held = self.book.held[chat]
            for story in judged:
                if not story.breaking and (story.section not in plan.sections or story.language not in plan.language):
                    assert story.number not in held, f"{chat} got {story}, which is not of {plan}"
                    continue
                version = held.get(story.number, (0, 0))[0]
                if story.number in self.book.taken:
                    left += [(chat, story.number)] if version else []
                elif not version:
                    missing.append((chat, story.number))
                elif version < story.version and story.changed_at < end:
                    stale.append((chat, story.number, version))
        assert not left, f"{len(left)} have what was withdrawn, such as {left[:5]}"
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
            "withdrawn": len(book.taken),
            "repeats": book.repeats,
            "repeats allowed": self.lost,
            "429s": self.sandbox.machine.flood.refused,
            **{f"{name} by editors": number for name, number in sorted(self.deeds.items())},
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
            stack.enter_context(patch.object(sqlite._Connection, "run", world.trouble.failing(sqlite._Connection.run)))
            async with asyncio.TaskGroup() as tasks:
                diary = tasks.create_task(world.diary())
                life = tasks.create_task(world.live())
                await asyncio.sleep(120)  # the first look at each feed sends nothing
                acts = (world.publish, partial(readers, world), partial(editors, world), world.trouble.go_on)
                actors = [tasks.create_task(actor()) for actor in acts]
                await asyncio.sleep(size.seconds)
                world.over, world.ended_at = True, clock.true.now()
                for actor in actors:
                    actor.cancel()
                if world.bot.done():
                    raise AssertionError("the bot is not there")
                await world.drained()
                world.stop.set()
                await life
                diary.cancel()
            world.judge()
            return world.report()

    return play(seed, story)
