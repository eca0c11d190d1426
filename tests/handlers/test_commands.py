"""Menus and descriptions: in every language, within Telegram's limits, written only when they differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiogram.types import BotCommandScopeChat
from talking import Chat

from bot.domain.article import Section
from bot.domain.desk import Role
from bot.settings import Rates
from handlers.commands import commands, description, short_description, sync_editor_commands, sync_profile


def written(chat: Chat) -> list[str]:
    """The methods called that change something."""
    return [call.method for call in chat.sandbox.calls if call.method.startswith(("setMy", "deleteMy"))]


async def test_the_profile_is_written_once(chat: Chat) -> None:
    await sync_profile(chat.bot, chat.ctx)
    assert sorted(set(written(chat))) == ["setMyCommands", "setMyDescription", "setMyName", "setMyShortDescription"]
    assert (await chat.bot.get_my_name(language_code="kk")).name == "Дала"
    writes = len(written(chat))
    kazakh = await chat.bot.get_my_commands(language_code="kk")
    assert [command.command for command in kazakh][:2] == ["sections", "latest"]
    assert kazakh[0].description == "Бөлімдерді таңдау"
    assert (await chat.bot.get_my_description()).description.startswith("Новости Дала — только те")
    await sync_profile(chat.bot, chat.ctx)
    assert len(written(chat)) == writes


async def test_without_a_name_in_the_file_the_owners_stays(chat: Chat) -> None:
    nameless = replace(chat.ctx.settings, newsroom=replace(chat.ctx.settings.newsroom, name=""))
    await sync_profile(chat.bot, replace(chat.ctx, settings=nameless))
    assert "setMyName" not in written(chat)


async def test_a_refusal_stops_nothing(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.sandbox.fail("server_error", "setMyCommands", times=2)
    await sync_profile(chat.bot, chat.ctx)
    await sync_editor_commands(chat.bot, chat.ctx, 1, Role.EDITOR)
    assert "could not be brought up to date" in caplog.text
    assert "menu could not be set" in caplog.text


async def test_a_role_brings_its_menu_and_takes_it_along(chat: Chat) -> None:
    chat.people.add(77, started=True)
    scope = BotCommandScopeChat(chat_id=77)
    await sync_editor_commands(chat.bot, chat.ctx, 77, Role.EDITOR)
    names = [command.command for command in await chat.bot.get_my_commands(scope=scope)]
    assert "breaking" in names
    assert "editors" not in names
    await sync_editor_commands(chat.bot, chat.ctx, 77, Role.OWNER)
    assert "editors" in [command.command for command in await chat.bot.get_my_commands(scope=scope)]
    await sync_editor_commands(chat.bot, chat.ctx, 77, Role.READER)
    assert await chat.bot.get_my_commands(scope=scope) == []


async def test_what_does_not_exist_is_not_offered(chat: Chat) -> None:
    settings = replace(chat.ctx.settings, rates=Rates(url=""))
    without = replace(chat.ctx, settings=settings)
    assert "rates" in [command.command for command in commands(chat.ctx, chat.ctx.words["ru"])]
    assert "rates" not in [command.command for command in commands(without, chat.ctx.words["ru"])]


async def test_descriptions_stay_within_limits(chat: Chat) -> None:
    many = [Section(f"s{n}", n, {"ru": f"Раздел с длинным названием {n}"}) for n in range(62)]
    ctx = replace(chat.ctx, sections=many, newsroom="Д" * 64)
    for t in ctx.words:
        assert len(description(ctx, t)) <= 512
        assert len(short_description(ctx, t)) <= 120
