"""The whole story through real HTTP, the real dispatcher and both databases: from a feed to a reader's phone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bot.domain.errors import AnotherCopyRuns
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from tests.factories import OWNER, FeedSite, gone, running, settings_for, zygote


async def choose(person: Person, *sections: str) -> None:
    """Subscribe as a person does: /start, a tap per section, «Готово»."""
    await person.send("/start")
    screen = await person.next("Что вам присылать")
    for section in sections:
        await person.tap(screen, section)
    await person.tap(screen, "Готово")
    await person.next("Готово")


async def test_from_feed_to_phone_and_from_editor_to_everybody(
    sandbox: Sandbox, site: FeedSite, database_url: str
) -> None:
    site.publish("Вчерашний матч завершился вничью")
    reader, other = sandbox.people.add(5, lang="ru"), sandbox.people.add(6, name="Ерлан", lang="ru")
    owner = sandbox.people.add(OWNER, name="Дана", lang="ru")
    async with running(settings_for(sandbox, site, database_url)):
        await site.primed()
        await choose(reader, "Спорт")
        assert "Вчерашний матч" in (await reader.next("матч"))["text"]
        await choose(other, "Культура")

        site.publish("Сборная выиграла <кубок> & медали")
        post = await reader.next("Сборная выиграла")
        assert post["text"].startswith("Сборная выиграла <кубок> & медали\n\nКоротко о главном.")
        assert "#Спорт" in post["text"]
        assert post["entities"][0]["type"] == "bold"
        assert post["link_preview_options"]["url"].startswith(site.url)

        site.publish("Открылась выставка ковров", category="Культура")
        assert "выставка ковров" in (await other.next("выставка"))["text"]

        await owner.send("/breaking Мост через Иртыш открыт раньше срока")
        await owner.next("Мост через Иртыш")
        card = await owner.next("Получат")
        await owner.tap(card, "Разослать")
        for person in (reader, other):
            assert (await person.next("Мост", timeout=15))["text"].startswith("🔴 СРОЧНО.")
    assert not [m for m in reader.chat() if "выставка" in (m.get("text") or "")]


async def test_a_stopped_bot_goes_on_where_it_was(sandbox: Sandbox, site: FeedSite, database_url: str) -> None:
    settings = settings_for(sandbox, site, database_url)
    reader = sandbox.people.add(5, lang="ru")
    site.publish("Старая новость")
    async with running(settings):
        await site.primed()
        await choose(reader, "Спорт")
    site.publish("Пока бот спал, команда победила")
    await reader.send("/help")
    async with running(settings):
        await reader.next("Пока бот спал")
    said = [message.get("text") or "" for message in reader.chat()]
    assert sum("Пока бот спал" in text for text in said) == 1
    assert any("/sections" in text for text in said)


async def test_who_blocks_the_bot_sleeps_and_comes_back(sandbox: Sandbox, site: FeedSite, database_url: str) -> None:
    reader, witness = sandbox.people.add(5, lang="ru"), sandbox.people.add(6, lang="ru")
    async with running(settings_for(sandbox, site, database_url)):
        await site.primed()
        await choose(reader, "Спорт")
        await choose(witness, "Спорт")
        reader.block()
        site.publish("Никто из заблокировавших этого не увидит")
        await witness.next("Никто из")
        reader.unblock()
        await reader.send("/start")
        await reader.next()
        site.publish("С возвращением на стадион")
        await reader.next("С возвращением")
    assert not any("Никто из" in (message.get("text") or "") for message in reader.chat())


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_second_copy_is_refused(sandbox: Sandbox, database_url: str, engine_name: str) -> None:
    settings = settings_for(sandbox, None, database_url)
    async with running(settings, only=frozenset({"send"})):
        with pytest.raises(AnotherCopyRuns):
            async with running(settings, only=frozenset({"send"})):
                pass


HEARD = ("after inbox.store", "before inbox.done")
TOLD = (
    "before feeds.save_poll",
    "after feeds.save_poll",
    "before broadcasts.publish",
    "after broadcasts.publish",
    "after deliveries.claim",
    "before deliveries.settle",
    "after deliveries.settle",
)
"""Where a story can be cut off between two stages; kill -9 at each, one after the other."""


async def test_kills_between_all_stages(sandbox: Sandbox, site: FeedSite, database_url: str, tmp_path: Path) -> None:
    config = f'[rates]\nurl = ""\n[[feeds]]\nurl = "{site.url}/rss"\nlanguage = "ru"\ninterval = 1\n'
    reader = sandbox.people.add(5, lang="ru")
    async with zygote() as forks:

        async def lives(die: str = "") -> int:
            services = ("watch", "send", "talk")
            return await forks.bot(sandbox, database_url, tmp_path, config, only=services, lease=1, die=die)

        first = await lives()
        await site.primed()
        os.kill(first, signal.SIGTERM)
        await gone(first)
        await reader.send("/start sport")
        for stage in HEARD:
            await gone(await lives(stage))
        calm = await lives()  # else it would be under way at so many deaths that it is given up
        await reader.next("Вы подписаны", timeout=20)
        os.kill(calm, signal.SIGKILL)
        await gone(calm)
        site.publish("Сквозь девять смертей")
        for stage in TOLD:
            await gone(await lives(stage))
        last = await lives()
        await reader.next("Сквозь девять смертей", timeout=20)
        os.kill(last, signal.SIGTERM)
        await gone(last)
    said = [message.get("text") or "" for message in reader.chat()]
    assert 1 <= sum("Сквозь девять" in text for text in said) <= 2  # twice: it was sent before a receipt was written
    assert 1 <= sum("Вы подписаны" in text for text in said) <= 2
