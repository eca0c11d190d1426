"""Bad input as people meet it, end to end: nothing lost, nothing crashed, and the next good item still arrives.

What readers say and press is held by tests/handlers, each kind of document by tests/feeds.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.clock import SteppableClock
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.settings import FeedConfig, Settings
from tests.factories import FeedSite, feed_site, running, settings_for

ROOT = Path(__file__).resolve().parents[1]
NOW = 1_763_874_000


@pytest.fixture
def clock() -> SteppableClock:
    """One time for the bot and for Telegram."""
    return SteppableClock(NOW, running=True)


@pytest.fixture
async def sandbox(clock: SteppableClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock, anti_spin=False) as server:
        yield server
    assert not server.violations


@pytest.fixture
def settings(sandbox: Sandbox, site: FeedSite, tmp_path: Path) -> Settings:
    return settings_for(sandbox, site, f"sqlite:///{tmp_path}/newsdesk.db")


@asynccontextmanager
async def at_work(settings: Settings, clock: SteppableClock, site: FeedSite) -> AsyncIterator[None]:
    """The whole bot, primed, in time that goes twenty times as fast."""

    async def hurry() -> None:
        while True:
            await clock.advance(0.2)
            await asyncio.sleep(0.01)

    async with running(settings, clock=clock):
        hurrying = asyncio.get_running_loop().create_task(hurry())
        try:
            await site.primed()
            yield
        finally:
            hurrying.cancel()
            with suppress(asyncio.CancelledError):
                await hurrying


async def subscriber(sandbox: Sandbox) -> Person:
    """A reader of «Спорт»."""
    reader = sandbox.people.add(5, lang="ru")
    await reader.send("/start sport")
    await reader.next("#Спорт")
    return reader


async def start(folder: Path, **environ: str) -> tuple[int | None, str]:
    """Exit code and error output of the real program."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HTTP_LISTEN": "", **environ}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=folder, env=env, stdout=-1, stderr=-1
    )
    said, complained = await asyncio.wait_for(program.communicate(), 90)
    return program.returncode, said.decode() + complained.decode()


async def test_a_wrong_token_ends_the_program_with_one_line(sandbox: Sandbox, site: FeedSite, tmp_path: Path) -> None:
    token = "4242424242:" + "Ab-" * 11 + "ab"
    environ = {"FEED_URL": f"{site.url}/rss", "FETCH_ALLOW_PRIVATE": "1", "LOG_LEVEL": "error"}
    code, said = await start(tmp_path, BOT_TOKEN=token, BOT_API_URL=sandbox.url, **environ)
    assert code == 1
    assert said.startswith("newsdesk: ")
    assert said.count("\n") == 1
    assert token not in said
    assert token.partition(":")[2] not in said


@pytest.mark.prove  # the one above and test_app.py's of a token revoked meanwhile, together
async def test_a_token_taken_away_while_running_stops_the_bot(sandbox: Sandbox, site: FeedSite, tmp_path: Path) -> None:
    environ = {"FEED_URL": f"{site.url}/rss", "FETCH_ALLOW_PRIVATE": "1", "LOG_LEVEL": "error"}
    sandbox.fail("unauthorized", "getUpdates", times=None)
    code, said = await start(tmp_path, BOT_TOKEN=sandbox.token, BOT_API_URL=sandbox.url, **environ)
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("newsdesk: ")]
    assert "Traceback" not in said
    assert sandbox.token not in said


async def test_without_a_network_the_bot_waits_and_catches_up(
    sandbox: Sandbox, site: FeedSite, settings: Settings, clock: SteppableClock
) -> None:
    for fault in ("drop_before", "html_body"):
        sandbox.fail(fault, "getMe")
    async with at_work(settings, clock, site):
        reader = await subscriber(sandbox)
        sandbox.fail("drop_before", "sendMessage", times=2)
        sandbox.fail("drop_before", "getUpdates", times=2)
        site.publish("Связь вернулась")
        await reader.next("Связь вернулась", timeout=60)
        await reader.send("/help")
        await reader.next("/sections", timeout=60)


PAGE = b"<!DOCTYPE html><html><head><title>Soon</title></head><body><p>We are back soon.<br></body></html>"


BAD = {
    "feed gone": (404, None),
    "site down": (503, None),
    "HTML for XML": (200, PAGE),
    "empty body": (200, b""),
    "20 MB": (200, b"<rss>" + b" " * 20_000_000),
    "noise": (200, b"\x1f\x8b\x08" + bytes(range(256)) * 40),
    "half": (200, b"<rss version='2.0'><channel><title>x</title><item><category>sport</category><title>Half"),
}


async def test_after_each_bad_document_the_next_good_one_arrives(
    sandbox: Sandbox, site: FeedSite, settings: Settings, clock: SteppableClock
) -> None:
    async with at_work(settings, clock, site):
        reader = await subscriber(sandbox)
        for name, (status, body) in BAD.items():
            site.status, site.body = status, body
            await site.polls(2)
            site.publish(f"После беды: {name}")
            site.status, site.body = 200, None
            await reader.next(f"После беды: {name}", timeout=60)
        await reader.send("/latest")
        await reader.next("После беды: half")
    assert not [message for message in reader.chat() if message["text"].startswith("Half")]
    assert len([message for message in reader.chat() if "После беды" in message["text"]]) == len(BAD) + 5


async def test_a_feed_that_ended_does_not_stop_the_other(
    sandbox: Sandbox, site: FeedSite, settings: Settings, clock: SteppableClock
) -> None:
    async with feed_site() as ended:
        ended.status = 410
        feeds = (FeedConfig(f"{ended.url}/rss", language="ru", interval=1), *settings.feeds)
        async with at_work(settings_for(sandbox, site, settings.env.database_url, feeds=feeds), clock, site):
            reader = await subscriber(sandbox)
            site.publish("Другая лента жива")
            await reader.next("Другая лента жива")
    assert len(ended.requests) == 1


ODD = {
    "markup": ("Счёт <b>3:1</b> & «Цена <100 тенге» </script>", "Лид с <i>тегом</i> & амперсандом."),
    "long": ("Очень длинный заголовок " * 208, "Длинный лид. " * 2_000),
    "emoji": ("🏆" * 3_000, "👨‍👩‍👧‍👦" * 2_000),
    "right to left": ("\u202eзаголовок\u2066 наоборот\u202c", "\u0000\u0008текст"),
    "no title": ("", "Новость без заголовка, но с текстом."),
    "no lead": ("Новость из одного заголовка", ""),
}


async def test_odd_items_arrive_whole_and_in_order(
    sandbox: Sandbox, site: FeedSite, settings: Settings, clock: SteppableClock
) -> None:
    async with at_work(settings, clock, site):
        reader = await subscriber(sandbox)
        got = {}
        for name, (title, lead) in ODD.items():
            site.publish(title, lead=lead, guid=f"odd-{name.replace(' ', '-')}")
            message = await reader.next("Читать на Дала", timeout=60)
            got[name] = message["text"]
            assert len(message["text"].encode("utf-16-le")) <= 4096 * 2
            assert message["link_preview_options"]["url"].startswith(site.url)
    assert got["markup"].startswith("Счёт 3:1 & «Цена <100 тенге»\n\nЛид с тегом & амперсандом.\n\n")
    assert got["long"].startswith("Очень длинный заголовок Очень")
    assert "…\n\nДлинный лид." in got["long"]
    assert got["emoji"].startswith("🏆🏆🏆")
    assert got["no title"].startswith("Новость без заголовка, но с текстом.\n\nЧитать")
    assert got["no lead"].startswith("Новость из одного заголовка\n\nЧитать")


async def test_items_without_a_link_or_without_anything(
    sandbox: Sandbox, site: FeedSite, settings: Settings, clock: SteppableClock
) -> None:
    async with at_work(settings, clock, site):
        reader = await subscriber(sandbox)
        site.items.insert(0, "<item><category>Спорт</category></item>")
        site.items.insert(0, "<item><link>javascript:alert(1)</link><title>Плохая ссылка</title></item>")
        site.items.insert(0, "<item><title>Матч без ссылки</title><category>Спорт</category></item>")
        message = await reader.next("Матч без ссылки")
        assert message["text"] == "Матч без ссылки\n\n#Спорт"
        assert message["link_preview_options"] == {"is_disabled": True}
        site.publish("Матч со ссылкой")
        await reader.next("Матч со ссылкой")
    said = [message["text"] for message in reader.chat()]
    assert len(said) == 4, said  # /start, its answer, two posts
    assert [text.split("\n")[0] for text in said if "Матч" in text or "ссылк" in text] == [
        "Матч без ссылки",
        "Матч со ссылкой",
    ]


async def test_what_nobody_offered_is_answered_and_news_go_on(
    sandbox: Sandbox, site: FeedSite, settings: Settings, clock: SteppableClock
) -> None:
    async with at_work(settings, clock, site):
        reader = await subscriber(sandbox)
        screen = reader.chat()[-1]
        for forged in ("s:99:1", "s:1:1:1", "send:1", "\x00", "ы" * 32, "erase:2"):
            assert await reader.press(screen, forged) is not None, forged
        await reader.send("/start nowhere")
        await reader.next("Такого раздела нет")
        site.publish("Жизнь продолжается")
        await reader.next("Жизнь продолжается")
