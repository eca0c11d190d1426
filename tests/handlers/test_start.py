"""From /start to the first story, as a reader lives it."""

from __future__ import annotations

import pytest
from talking import Chat, labels, last

from bot.domain.reader import ReaderState
from bot.sandbox.client import Person

READER = 501


async def screen(chat: Chat, person: Person, text: str = "/start") -> dict:
    """Say something and get the bot's next message."""
    await person.send(text)
    return await person.next()


async def test_start_shows_sections_in_the_guessed_language_with_nothing_ticked(chat: Chat) -> None:
    aigerim = chat.people.add(READER, lang="kk")
    rows = labels(await screen(chat, aigerim))
    assert rows[0] == ["Қазақстан жаңалықтары", "Әлем жаңалықтары"]
    assert rows[-3:] == [["🔴 Шұғыл: қосулы"], ["Дайын"], ["Русский", "English"]]
    assert not any("✅" in label for row in rows for label in row)


async def test_ticks_edit_one_message_and_done_is_followed_by_a_real_story(chat: Chat) -> None:
    await chat.publish("Старое", "sport")
    await chat.publish("В Шымкенте открыли стадион", "sport")
    aigerim = chat.people.add(READER)
    shown = await screen(chat, aigerim)
    for section in ("Спорт", "Регионы"):
        assert await aigerim.tap(shown, section) is not None
    await chat.idle()
    assert labels(last(aigerim))[2:4] == [["✅ Спорт", "Культура"], ["✅ Регионы", "Amanat"]]
    assert labels(last(aigerim))[-2] == ["Готово · 2 раздела"]
    await aigerim.tap(shown, "Готово")
    done = await aigerim.next("Готово!")
    assert done["message_id"] == shown["message_id"]
    assert "Вы подписаны: Спорт и Регионы" in done["text"]
    assert "Вот так выглядит новость" in done["text"]
    assert "в день" not in done["text"]
    story = await aigerim.next("стадион")
    assert story["message_id"] > shown["message_id"]
    await chat.idle()
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert (reader.state, reader.consent_at) == (ReaderState.ACTIVE, chat.ctx.now)
    kept = await chat.storage.privacy.export(READER)
    assert [copy["message_id"] for copy in kept["shown"]] == [story["message_id"]]
    assert kept["readers"][0]["consent_text"] == "2026-1"


async def test_a_toggle_carries_the_wanted_state_so_a_double_tap_is_harmless(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    shown = await screen(chat, aigerim)
    for _ in range(2):
        answer = await aigerim.press(shown, "s:4:1")
        assert not (answer or {}).get("text")
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert reader.sections == 1 << 4


async def test_the_last_row_changes_the_language_on_the_spot(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    shown = await screen(chat, aigerim)
    await aigerim.tap(shown, "English")
    english = await aigerim.next("What should we send you?")
    assert english["message_id"] == shown["message_id"]
    assert labels(english)[-1] == ["Русский", "Қазақша"]
    await aigerim.tap(shown, "Қазақша")
    await aigerim.next("Сізге не жіберейік?")


async def test_done_without_a_tick_offers_breaking_news_only(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    shown = await screen(chat, aigerim)
    answer = await aigerim.tap(shown, "Готово")
    assert answer is not None
    assert answer["text"] == "Отметьте хотя бы один раздел или оставьте только срочное."
    assert answer["show_alert"] is True
    await aigerim.next()
    await aigerim.tap(shown, "Только срочное")
    assert "только срочное" in (await aigerim.next("Готово!"))["text"]
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert (reader.state, reader.sections, reader.breaking) == (ReaderState.ACTIVE, 0, True)


async def test_done_with_nothing_at_all_asks_for_a_tick(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    shown = await screen(chat, aigerim)
    await aigerim.tap(shown, "Срочное")
    assert labels(await aigerim.next())[-3] == ["🔴 Срочное: выкл"]
    answer = await aigerim.tap(shown, "Готово")
    assert answer is not None
    assert answer["text"] == "Отметьте хотя бы один раздел."
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert reader.state is ReaderState.NEW


async def test_without_any_story_nothing_is_promised(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    shown = await screen(chat, aigerim)
    await aigerim.tap(shown, "Культура")
    await aigerim.tap(shown, "Готово")
    assert "выглядит" not in (await aigerim.next("Готово!"))["text"]


async def test_a_deep_link_subscribes_at_once(chat: Chat) -> None:
    await chat.publish("Финал", "sport")
    aigerim = chat.people.add(READER)
    welcome = await screen(chat, aigerim, "/start sport-src_ig")
    assert welcome["text"].startswith("✅ Вы подписаны на #Спорт. Добавить ещё?")
    await aigerim.next("Финал")
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert (reader.state, reader.sections, reader.source) == (ReaderState.ACTIVE, 1 << 4, "ig")
    await aigerim.tap(welcome, "Разделы")
    shown = await aigerim.next("Что вам присылать?")
    assert "соглашаетесь" not in shown["text"]
    again = await screen(chat, aigerim, "/start culture")
    assert "#Культура" in again["text"]
    await chat.idle()
    assert last(aigerim) == again or "Финал" not in last(aigerim)["text"]


@pytest.mark.parametrize(
    ("payload", "words", "source", "language"),
    [
        ("weather", "Такого раздела нет", "", "ru"),
        ("src_site", "Что вам присылать?", "site", "ru"),
        ("WORLD-l_kk-src_qr", "#Әлем_жаңалықтары", "qr", "kk"),
        ("sport-l_xx-x_y-more", "#Спорт", "", "ru"),
        ("----", "Что вам присылать?", "", "ru"),
        ("own_none", "", "", "ru"),
        ("sport__channel", "#Спорт", "channel", "ru"),
        ("sport-l_kk__my-site_2", "#Спорт", "my-site_2", "kk"),
        ("sport__", "#Спорт", "", "ru"),
        ("s_my-site", "Что вам присылать?", "my-site", "ru"),
        ("s_", "Что вам присылать?", "", "ru"),
        ("weather__qr", "Такого раздела нет", "qr", "ru"),
        ("sport__<b>", "#Спорт", "", "ru"),
        ("s_" + "x" * 65, "Что вам присылать?", "", "ru"),
    ],
)
async def test_payloads_of_all_kinds(chat: Chat, payload: str, words: str, source: str, language: str) -> None:
    aigerim = chat.people.add(READER)
    assert words in (await screen(chat, aigerim, f"/start {payload}"))["text"]
    reader = await chat.storage.readers.get(READER)
    if words:
        assert reader is not None
        assert (reader.source, reader.language) == (source, language)


async def test_who_left_comes_back_with_the_old_choices(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    await screen(chat, aigerim, "/start sport")
    assert "отписаны от всего" in (await screen(chat, aigerim, "/stop"))["text"]
    back = await screen(chat, aigerim)
    assert back["text"].startswith("С возвращением!")
    assert labels(back)[2][0] == "✅ Спорт"
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert reader.state is ReaderState.ACTIVE


async def test_who_left_before_saying_yes_is_not_subscribed_by_start(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    await screen(chat, aigerim)
    await screen(chat, aigerim, "/stop")
    assert "С возвращением" not in (await screen(chat, aigerim))["text"]
    reader = await chat.storage.readers.get(READER)
    assert reader is not None
    assert reader.state is ReaderState.LEFT


async def test_a_blocked_bot_sleeps_and_wakes(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    await screen(chat, aigerim, "/start sport")
    for act, state in ((aigerim.block, ReaderState.DORMANT), (aigerim.unblock, ReaderState.ACTIVE)):
        act()
        await chat.idle()
        reader = await chat.storage.readers.get(READER)
        assert reader is not None
        assert (reader.state, reader.sections) == (state, 1 << 4)


@pytest.mark.parametrize("code", ["", "zh-hant-raw", "en_US", "uz-latn", "kz", "xx"])
async def test_every_language_code_is_survived(chat: Chat, code: str) -> None:
    person = chat.people.add(READER, lang=code)
    assert labels(await screen(chat, person))


async def test_to_talk_in_groups_nothing_is_said(chat: Chat) -> None:
    aigerim = chat.people.add(READER, started=True)
    group = chat.people.group(-1001, "Друзья", admins=[aigerim], bot_rights={})
    await aigerim.send("/start", group)
    await aigerim.send("привет", group)
    await chat.idle()
    assert chat.sandbox.sent(-1001) == []


async def test_a_phone_that_begins_with_a_capital_is_understood(chat: Chat) -> None:
    aigerim = chat.people.add(READER)
    assert "Что вам присылать?" in (await screen(chat, aigerim, "/Start"))["text"]
    assert "Вы подписаны на #Спорт" in (await screen(chat, aigerim, "/START sport"))["text"]
    assert "Настройки" in (await screen(chat, aigerim, "/Settings"))["text"]
