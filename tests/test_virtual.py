"""Virtual time: a whole bot lives through hours in seconds, and a seed decides everything."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from bot.feeds.fetch import Response
from bot.sandbox.http import Sandbox
from bot.settings import DEFAULT_SECTIONS, FeedConfig, Newsroom, Rates, Settings
from bot.settings_env import NO_ENV
from bot.settings_file import Secret
from tests.factories import running
from tests.virtual import START, LoopClock, edges, play

ITEM = (
    '<item><guid isPermaLink="false">g{n}</guid><link>https://n.example/{n}</link><title>Новость номер {n} о спорте'
    "</title><description>Коротко.</description><category>Спорт</category></item>"
)


def settings(sandbox: Sandbox, folder: Path) -> Settings:
    """A small newsroom whose edges are all virtual."""
    env = replace(NO_ENV, bot_token=Secret(sandbox.token), bot_api_url="http://telegram.example", http_listen=None)
    return Settings(
        newsroom=Newsroom(name="Дала", url="https://n.example", owners=(1,)),
        sections=DEFAULT_SECTIONS,
        feeds=(FeedConfig("https://n.example/rss", language="ru"),),
        rates=Rates(url=""),
        env=replace(env, database_url=f"sqlite:///{folder}/newsdesk.db"),
        path=folder / "newsdesk.toml",
    )


def test_a_bots_life_is_the_same_each_time(tmp_path: Path) -> None:
    folders = iter((tmp_path / "a", tmp_path / "b"))

    async def story(clock: LoopClock, rng: random.Random) -> tuple[list[str], list[tuple[str, float]]]:
        folder, items = next(folders), [ITEM.format(n=0)]
        folder.mkdir()
        sandbox = Sandbox(clock, anti_spin=False)

        async def site(url: str, etag: str, modified: str) -> Response:
            document = f'<rss version="2.0"><channel><title>Дала</title>{"".join(items)}</channel></rss>'
            return Response(200, document.encode(), final_url=url)

        with edges(sandbox, site, lambda: rng.uniform(0.06, 0.1)):
            async with running(settings(sandbox, folder), clock=clock):
                person = sandbox.people.add(5, lang="ru")
                await person.send("/start sport")
                for n in range(1, 4):
                    await asyncio.sleep(100)
                    items.insert(0, ITEM.format(n=n))
                await asyncio.sleep(100)
        assert clock.now() - START > 400
        texts = [message.get("text") or "" for message in person.chat()]
        return texts, [(call.method, call.time) for call in sandbox.calls]

    texts, calls = play(7, story)
    assert [sum(f"номер {n} " in text for text in texts) for n in range(1, 4)] == [1] * 3
    assert play(7, story) == (texts, calls)


def test_a_story_in_which_nothing_is_due_any_more_is_an_error() -> None:
    async def story(clock: LoopClock, rng: random.Random) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="everybody waits"):
        play(1, story)
