"""A newsroom's own words, from a file beside its configuration to a reader's phone: the whole bot, real HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.i18n import LOCALES
from bot.sandbox.http import Sandbox
from tests.factories import FeedSite, running, settings_for

OWN = {
    "Done": "Поехали",  # a button of the conversations
    "What should we send you?": "О чём вам писать?",  # a screen of theirs
    "Read on {newsroom}": "Целиком у нас, на {newsroom}",  # part of a post that is fanned out
    "Choose sections": "Выбрать рубрики",  # a command's line in Telegram's menu
    "You are not subscribed at the moment: /start": "{nobody} такого не знает",  # cannot be filled in: left out
}


def overlay(folder: Path) -> Path:
    """The newsroom's file of words; where its configuration would stand."""
    (folder / "locales").mkdir()
    entries = [f'msgid "{english}"\nmsgstr "{own}"\n' for english, own in OWN.items()]
    (folder / "locales/ru.po").write_text("\n".join(entries), encoding="utf-8")
    return folder / "newsdesk.toml"


async def test_a_newsrooms_own_words_reach_its_readers(
    sandbox: Sandbox, site: FeedSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path}/newsdesk.db"
    settings = replace(settings_for(sandbox, site, url), path=overlay(tmp_path))
    reader, stranger, kazakh = (sandbox.people.add(n, lang=lang) for n, lang in ((5, "ru"), (6, "ru"), (7, "kk")))
    async with running(settings):
        await site.primed()
        await reader.send("/start")
        screen = await reader.next("О чём вам писать?")
        await reader.tap(screen, "Спорт")
        await reader.tap(screen, "Поехали")
        await reader.next("Готово!")  # what the newsroom does not reword stays as it was
        site.publish("Сборная выиграла кубок")
        assert "Целиком у нас, на Дала" in (await reader.next("Сборная"))["text"]
        await kazakh.send("/start")
        await kazakh.next("Сізге не жіберейік?")
        await stranger.send("/stop")
        await stranger.next("Сейчас вы не подписаны: /start")
        menus = [call.params["commands"] for call in sandbox.calls if call.method == "setMyCommands"]
        assert "Выбрать рубрики" in [line["description"] for menu in menus for line in json.loads(str(menu))]
    assert "unknown placeholders" in caplog.text


def test_what_is_reworded_here_stands_in_the_catalogue() -> None:
    known = (LOCALES / "ru/LC_MESSAGES/messages.po").read_text("utf-8")
    assert all(f'msgid "{english}"' in known for english in OWN)
