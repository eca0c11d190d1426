"""/latest, /rates, /help, search, and words that lead nowhere."""

from __future__ import annotations

import base64
from dataclasses import replace
from decimal import Decimal

import pytest
from talking import START, Chat, last

from bot.domain.delivery import Audience, Lane
from bot.domain.desk import Role
from bot.domain.post import Picture
from bot.sandbox.client import Person
from bot.sandbox.content import media_fields, new_file
from bot.settings import Settings
from storage.rates import Rate

READER = 503
IMAGE = "https://news.example/1.png"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def ask(person: Person, text: str) -> dict:
    """Say something and get the bot's next message."""
    await person.send(text)
    return await person.next()


async def test_latest_shows_five_of_the_readers_sections_newest_last(chat: Chat) -> None:
    for n in range(7):
        await chat.publish(f"Матч {n}", "sport")
    await chat.publish("Опера", "culture")
    reader = chat.people.add(READER)
    await ask(reader, "/start sport")
    await reader.next("Матч 6")
    await reader.send("/latest")
    titles = [(await reader.next())["text"].splitlines()[0] for _ in range(5)]
    assert titles == [f"Матч {n}" for n in range(2, 7)]
    await chat.idle()
    assert len((await chat.storage.privacy.export(READER))["shown"]) == 6


async def test_latest_prefers_the_readers_language_and_takes_others_before_nothing(chat: Chat) -> None:
    await chat.publish("Финал", "sport", language="kk")
    await chat.publish("Матч", "sport", language="ru")
    reader = chat.people.add(READER, lang="kk")
    await ask(reader, "/start sport")
    await reader.next("Финал")
    await chat.publish("Опера", "culture", language="ru")
    await ask(reader, "/start culture")
    await ask(reader, "/latest")
    assert "Финал" in last(reader)["text"]
    english = chat.people.add(READER + 1, lang="en")
    await ask(english, "/start culture")
    await english.next("Опера")


async def test_latest_is_kind_to_those_without_sections_or_news(chat: Chat) -> None:
    reader = chat.people.add(READER)
    assert (await ask(reader, "/latest"))["text"] == "Сначала выберите разделы: /sections"
    await ask(reader, "/start sport")
    assert (await ask(reader, "/latest"))["text"] == "В ваших разделах пока ничего не вышло."


async def test_a_post_that_telegram_refuses_comes_with_less(chat: Chat) -> None:
    await chat.publish("Матч", "sport")
    reader = chat.people.add(READER)
    chat.sandbox.fail("parse_error", "sendMessage", match=lambda p: "Матч" in str(p.get("text")))
    await ask(reader, "/start sport")
    await reader.next("Матч")
    await chat.idle()
    assert len((await chat.storage.privacy.export(READER))["shown"]) == 1


async def test_rates_are_the_last_known_with_their_date(chat: Chat) -> None:
    reader = chat.people.add(READER)
    assert (await ask(reader, "/rates"))["text"] == "Сейчас курсов валют нет."
    rates = [Rate("2025-11-21", "USD", Decimal("497.30"), 1), Rate("2025-11-22", "USD", Decimal("498.34"), 1)]
    await chat.storage.rates.save(rates, now=5)
    said = (await ask(reader, "/rates"))["text"].replace("\u00a0", " ")
    assert said == "💱 Курс Нацбанка на 22 ноября\n$ 1 — 498,34 ₸ ▲ +1,04\nВ обменниках курс другой."


async def test_help_lists_what_this_person_can_say(chat: Chat) -> None:
    reader = chat.people.add(READER)
    said = (await ask(reader, "/help"))["text"]
    assert "/rates — Курсы валют" in said
    assert "/breaking" not in said
    owner = await chat.editor(9001, Role.OWNER)
    said = (await ask(owner, "/help"))["text"]
    assert "/breaking — " in said
    assert "/editors — " in said


async def test_any_other_text_searches_our_articles(chat: Chat) -> None:
    await chat.publish("В Шымкенте открыли <стадион> & парк", "sport")
    await chat.publish("", "sport", lead="Стадион без заголовка")
    reader = chat.people.add(READER)
    found = await ask(reader, "стадион")
    assert found["text"].splitlines()[0] == "🔎 стадион"
    assert "• В Шымкенте открыли <стадион> & парк" in found["text"]
    assert {e["url"] for e in found["entities"] if e["type"] == "text_link"} == {
        "https://news.example/0",
        "https://news.example/1",
    }
    assert found["link_preview_options"]["is_disabled"] is True
    for nothing in ("дирижабль", "«»!?", "' OR 1=1 --", "x" * 4000):
        assert (await ask(reader, nothing))["text"].startswith("Ничего не нашлось")


async def test_what_is_found_in_the_readers_language_comes_first(chat: Chat) -> None:
    await chat.publish("Шахмат турнирі аяқталды", "sport", language="kk")
    await chat.publish("Шахматист победил", "sport")
    await chat.publish("Шахмат жарысы басталды", "sport", language="kk")
    found = await ask(chat.people.add(READER), "шахмат")
    assert found["text"].splitlines()[1] == "• Шахматист победил"


async def test_long_headlines_leave_room_for_all(chat: Chat) -> None:
    for n in range(6):
        await chat.publish(f"Слово {n} " + "очень " * 400, "sport")
    reader = chat.people.add(READER)
    found = await ask(reader, "слово")
    assert found["text"].count("•") == 5
    assert len(found["text"]) < 1200


async def test_what_leads_nowhere_says_so(chat: Chat) -> None:
    reader = chat.people.add(READER)
    assert (await ask(reader, "/weather"))["text"] == "Такой команды нет. Что я умею: /help"
    assert (await ask(reader, "/breaking"))["text"] == "Такой команды нет. Что я умею: /help"
    await reader.send("смотри", photo=PIXEL)
    assert (await reader.next())["text"].startswith("Я понимаю только текст")


async def test_a_post_that_telegram_never_takes_does_not_stop_the_others(chat: Chat) -> None:
    for n in range(3):
        await chat.publish(f"Матч {n}", "sport")
    reader = chat.people.add(READER)
    chat.sandbox.fail("blank", "sendMessage", match=lambda p: "Матч 1" in str(p.get("text")), times=None)
    await ask(reader, "/start sport")
    await reader.next("Матч 2")
    await reader.send("/latest")
    assert "Матч 0" in (await reader.next())["text"]
    assert "Матч 2" in (await reader.next())["text"]


class TestPhotos:
    """A newsroom whose posts carry the feed's picture."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        posts = replace(settings.posts, picture="photo")
        sections = tuple(replace(section, posts=posts) for section in settings.sections)
        return replace(settings, posts=posts, sections=sections)

    @pytest.mark.parametrize(
        ("known", "sent"),
        [
            (None, "address"),
            (Picture(IMAGE, failed_at=START - 7200, reason="timeout"), "address"),
            (Picture(IMAGE, failed_at=START, reason="not a picture"), "preview"),
            (Picture(IMAGE, "file"), "file"),
        ],
    )
    async def test_a_welcome_takes_what_is_known_of_the_picture(
        self, chat: Chat, known: Picture | None, sent: str
    ) -> None:
        file = new_file("Photo", PIXEL, "1.png")
        media_fields(file, chat.sandbox.machine.files)
        chat.sandbox.machine.web[IMAGE] = PIXEL
        if known:
            known = replace(known, file_id=known.file_id and file.file_id)
            await chat.storage.media.settle(known, now=START)
        await chat.publish("Матч", "sport")
        await chat.storage.engine.write(
            "UPDATE post SET content = REPLACE(content, '{', :image)", image='{"image": "' + IMAGE + '", '
        )
        reader = chat.people.add(READER)
        await ask(reader, "/start sport")
        await reader.next("Матч")
        (call,) = [call for call in chat.sandbox.calls if "Матч" in str(call.params)]
        wanted = {
            "address": ("sendPhoto", IMAGE),
            "file": ("sendPhoto", file.file_id),
            "preview": ("sendMessage", None),
        }
        assert (call.method, call.params.get("photo")) == wanted[sent]


async def test_a_digest_is_asked_for_when_something_waits(chat: Chat) -> None:
    reader = chat.people.add(531)
    await reader.send("/digest")
    await reader.next("Сейчас вы не подписаны: /start")
    await reader.send("/start sport")
    await reader.next()
    await reader.send("/digest")
    await reader.next("Для вас ничего не накопилось")
    await chat.publish("Матч", "sport")
    known = await chat.storage.readers.get(531)
    assert known is not None
    (post,) = [post for post, _ in await chat.storage.posts.waiting()]
    cast = await chat.storage.broadcasts.publish(
        [post], Audience(sections=1 << 4), key="a", lane=Lane.REGULAR, total=1, start=0.0, now=chat.ctx.now
    )
    await reader.send("/digest")
    await reader.next("Для вас ничего не накопилось")  # it is on its way by itself
    await chat.storage.readers.change(known.id, volume=0, now=chat.ctx.now)
    woken = chat.woken
    await reader.send("/digest")
    await chat.idle()
    asked = [one for one in await chat.storage.broadcasts.open() if one.id != cast]
    assert [(one.lane, one.audience) for one in asked] == [(Lane.DIGEST, Audience(due=chat.ctx.now, only=known.id))]
    assert chat.woken == woken + 1
    await chat.storage.readers.pause(known.id, until=chat.ctx.now + 86_400, now=chat.ctx.now)
    await reader.send("/digest")
    await reader.next("Пауза до 24 ноября 2025, 10:00")
