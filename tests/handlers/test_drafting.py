"""What editors write is a draft: which way it goes, in which languages and sections, when, and what is said before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from talking import START, Chat

from bot.desk import drafts, room
from bot.domain.delivery import BroadcastState
from bot.domain.desk import Draft, DraftState, Role
from bot.domain.post import PostKind
from bot.sandbox.client import Person
from bot.settings import DEFAULT_SECTIONS, Desk, Settings

ADA, OWNER, GROUP = 501, 9001, -1_001_500_000_000
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


@pytest.fixture
async def ada(chat: Chat) -> Person:
    """An editor; four readers of sport, one of whom reads Kazakh."""
    sport = next(section.mask for section in chat.ctx.sections if section.id == "sport")
    for number in range(4):
        reader = await chat.storage.readers.meet(700 + number, language="kk" if number == 3 else "ru", now=START)
        await chat.storage.readers.choose(reader.id, sport, True, now=START)
        await chat.storage.readers.consent(reader.id, "v1", now=START)
    return await chat.editor(ADA)


def labels(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


async def tap(chat: Chat, person: Person, message: dict[str, Any], label: str) -> dict[str, Any]:
    """Press a button of the message as it stands now, and see what becomes of that message."""
    await person.tap(_now(person, message), label)
    await chat.idle()
    return _now(person, message)


def _now(person: Person, message: dict[str, Any]) -> dict[str, Any]:
    return next(other for other in person.chat() if other["message_id"] == message["message_id"])


async def draft_of(chat: Chat) -> Draft:
    draft = await chat.storage.drafts.current(ADA, ADA, since=0)
    assert draft
    return draft


async def test_a_message_is_a_draft_whose_way_is_chosen(chat: Chat, ada: Person) -> None:
    await ada.send("Сборная выиграла кубок")
    asked = await ada.next("Что с этим сделать?")
    assert labels(asked) == ["🔴 Срочное", "В раздел", "🔎 Найти", "Отмена"]
    await ada.tap(asked, "Срочное")
    assert (await ada.next("Сборная"))["text"] == "🔴 СРОЧНО. Сборная выиграла кубок"
    await ada.next("Так увидят")
    assert labels(_now(ada, asked)) == []
    answer = await ada.press(asked, f"way:find:{(await draft_of(chat)).id}")
    assert "устарела" in (answer or {})["text"]


async def test_into_a_section_it_is_no_breaking_news(chat: Chat, ada: Person) -> None:
    await ada.send("Сборная выиграла кубок", photo=PICTURE)
    asked = await ada.next("Что с этим сделать?")
    assert "🔎 Найти" not in labels(asked)
    screen = await tap(chat, ada, asked, "В раздел")
    answer = await ada.tap(screen, "Готово")
    assert (answer or {})["text"] == "Отметьте хотя бы один раздел."
    screen = await tap(chat, ada, screen, "Спорт")
    assert "✅ Спорт" in labels(screen)
    screen = await tap(chat, ada, screen, "Культура")
    screen = await tap(chat, ada, screen, "✅ Культура")
    await ada.tap(screen, "Готово")
    shown = await ada.next("#Спорт")
    assert shown["caption"] == "Сборная выиграла кубок\n\n#Спорт"
    card = await ada.next("Так увидят")
    assert "В раздел: Спорт\nПолучат: 4 из 4" in card["text"]
    card = await tap(chat, ada, card, "Ещё")
    card = await tap(chat, ada, card, "☆ Главное")
    await ada.tap(card, "Разослать · 4")
    (cast,) = await chat.storage.broadcasts.open()
    (post,) = await chat.storage.posts.get(cast.posts)
    assert (post.kind, post.main, cast.audience.breaking) == (PostKind.WRITTEN, True, False)
    assert [row[2] for row in await chat.storage.editors.audit()] == ["post launched"]


async def test_dropped_nothing_is_left(chat: Chat, ada: Person) -> None:
    await ada.send("Сборная выиграла кубок")
    asked = await tap(chat, ada, await ada.next("Что с этим сделать?"), "Отмена")
    assert asked["text"] == "Черновик отменён, никто его не получил."
    assert await chat.storage.drafts.current(ADA, ADA, since=0) is None


async def test_a_link_to_an_article_of_ours_builds_the_post(chat: Chat, ada: Person) -> None:
    article = await chat.storage.articles.get(await chat.publish("Мост открыт", lead="Движение восстановлено."))
    assert article
    await ada.send("http://www.news.example/0?utm_source=x")
    asked = await ada.next("Что с этим сделать?")
    assert "Мост открыт" in asked["text"]
    assert "🔎 Найти" not in labels(asked)
    await ada.tap(asked, "Срочное")
    shown = await ada.next("СРОЧНО")
    assert shown["text"] == "🔴 СРОЧНО. Мост открыт\nДвижение восстановлено.\n\nЧитать на Дала\n#Спорт"
    card = await ada.next("Так увидят")
    assert "⚠️ Похоже на «Мост открыт», 1 с назад" in card["text"].replace("\xa0", " ")
    await ada.send("Мост открыли раньше срока")
    assert (await ada.next("раньше"))["text"] == "🔴 СРОЧНО. Мост открыли раньше срока\n\nЧитать на Дала\n#Спорт"
    await ada.send("https://other.example/1")
    assert (await ada.next("other"))["text"] == "🔴 СРОЧНО. https://other.example/1"


async def test_a_forwarded_post_of_ours_is_its_article(chat: Chat, ada: Person) -> None:
    article = await chat.storage.articles.get(await chat.publish("Мост открыт"))
    assert article
    await ada.send("/latest")
    await ada.send("/start sport")
    post = await ada.next("Мост открыт")
    await ada.send(forward_from=post)
    asked = await ada.next("Что с этим сделать?")
    assert (await draft_of(chat)).content.article_id == article.id
    await tap(chat, ada, asked, "Отмена")
    foreign = await ada.send("Чужая новость")
    await ada.send(forward_from=foreign)
    await ada.next("Что с этим сделать?")
    assert (await draft_of(chat)).content.text.text == "Чужая новость"


async def test_a_text_in_another_language(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт")
    card = await ada.next("Так увидят")
    assert "Нет текста, Қазақша: читателей 1, им придёт Русский" in card["text"]
    card = await tap(chat, ada, card, "Ещё")
    assert labels(card)[:3] == ["Русский", "Добавить текст: Қазақша", "Добавить текст: English"]
    await ada.tap(card, "Добавить текст: Қазақша")
    await ada.next("Пришлите текст, язык: Қазақша.")
    await ada.send("Көпір жабылды")
    assert (await ada.next("Көпір"))["text"] == "🔴 ШҰҒЫЛ. Көпір жабылды"
    card = await ada.next("Так увидят")
    assert "Нет текста" not in card["text"]
    card = await tap(chat, ada, card, "Ещё")
    await ada.tap(card, "Русский")
    assert (await ada.next("Мост"))["text"] == "🔴 СРОЧНО. Мост закрыт"
    assert set((await draft_of(chat)).content.texts) == {"ru", "kk"}


async def test_written_in_kazakh_it_is_kazakh(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Көпір жөндеуге байланысты жабылды")
    assert (await ada.next("Көпір"))["text"].startswith("🔴 СРОЧНО. Көпір"), "as a Russian reader gets it"
    assert (await draft_of(chat)).content.language == "kk"
    assert "Нет текста, Русский: читателей 3, им придёт Қазақша" in (await ada.next("Так увидят"))["text"]


class TestAsked:
    """missing_language = "ask": nothing goes before that is said."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, desk=Desk(missing_language="ask"))

    @pytest.mark.parametrize(("label", "total"), [("Не слать им", 3), ("Слать им: Русский", 4)])
    async def test_what_readers_without_a_text_get_is_asked(
        self, chat: Chat, ada: Person, label: str, total: int
    ) -> None:
        await ada.send("/breaking Мост закрыт")
        card = await ada.next("Так увидят")
        assert "⚠️ Нет текста, Қазақша: читателей 1. Что им послать?" in card["text"]
        assert labels(card)[:3] == ["Слать им: Русский", "Не слать им", "Добавить текст: Қазақша"]
        seal = (await draft_of(chat)).id, drafts.seal(await draft_of(chat))
        answer = await ada.press(card, f"draft:send:{seal[0]}:{seal[1]}")
        assert "Сначала решите" in (answer or {})["text"]
        card = await tap(chat, ada, card, label)
        await ada.tap(card, f"Разослать · {total}")
        (cast,) = await chat.storage.broadcasts.open()
        assert cast.total == total


async def test_sound_is_switched_and_the_preview_is_as_silent(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт")
    card = await tap(chat, ada, await ada.next("Так увидят"), "Ещё")
    card = await tap(chat, ada, card, "🔔 Звук: вкл.")
    assert "Из них без звука: 4" in card["text"]
    await ada.tap(card, "Себе на пробу")
    await ada.next("Мост")
    calls = [call.params for call in chat.sandbox.calls if "СРОЧНО" in str(call.params.get("text"))]
    assert ["disable_notification" in call for call in calls] == [False, True]


async def test_later_by_a_press_and_by_typing(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт")
    card = await tap(chat, ada, await ada.next("Так увидят"), "Ещё")
    card = await tap(chat, ada, card, "Позже")
    assert labels(card) == [
        "23 ноября 2025, 10:15", "23 ноября 2025, 11:00", "23 ноября 2025, 18:00", "24 ноября 2025, 08:00",
        "Другое время…", "‹ Назад",
    ]  # fmt: skip
    card = await tap(chat, ada, card, "11:00")
    assert "⏰ Выйдет 23 ноября 2025, 11:00" in card["text"]
    card = await tap(chat, ada, await tap(chat, ada, card, "Ещё"), "Позже")
    await ada.tap(card, "Другое время")
    await ada.next("Пришлите время")
    await ada.send("вечером")
    await ada.next("Не понимаю это время")
    await ada.send("25.11 7:05")
    card = await ada.next("⏰ Выйдет 25 ноября 2025, 07:05")
    await ada.tap(card, "Разослать 25 ноября 2025, 07:05 · 4")
    await chat.look()
    assert labels(_now(ada, card)) == ["⛔ Отменить"]
    assert await chat.storage.broadcasts.open() == []
    await tap(chat, ada, card, "Отменить")
    await chat.look()
    draft = await draft_of(chat)
    assert (draft.state, draft.due_at) == (DraftState.DRAFT, 1_764_036_300)
    card = await tap(chat, ada, card, "Открыть черновик")
    card = await ada.next("Так увидят")
    card = await tap(chat, ada, await tap(chat, ada, card, "Ещё"), "Позже")
    card = await tap(chat, ada, card, "Сразу")
    assert "⏰" not in card["text"]


async def test_nothing_leaves_before_the_embargo(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт https://news.example/0")
    card = await tap(chat, ada, await ada.next("Так увидят"), "Ещё")
    card = await tap(chat, ada, card, "Эмбарго")
    card = await tap(chat, ada, card, "18:00")
    assert "🔒 Эмбарго до 23 ноября 2025, 18:00" in card["text"]
    await ada.tap(card, "Разослать 23 ноября 2025, 18:00")
    await chat.look(8 * 3600 - 10)
    assert await chat.storage.broadcasts.open() == []
    await chat.look(5)
    (cast,) = await chat.storage.broadcasts.open()
    assert (cast.state, cast.due_at) == (BroadcastState.COUNTDOWN, START + 8 * 3600)


async def test_cancel_forgets_the_question_before_the_draft(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт")
    card = await tap(chat, ada, await ada.next("Так увидят"), "Ещё")
    await ada.tap(card, "Добавить текст: English")
    await ada.next("Пришлите текст, язык: English.")
    await ada.send("/cancel")
    await ada.next("оставляем как есть")
    await ada.send("Мост открыт")
    assert (await ada.next("Мост"))["text"] == "🔴 СРОЧНО. Мост открыт"
    await ada.next("Так увидят")
    await ada.send("/cancel")
    await ada.next("Черновик отменён")


@pytest.mark.parametrize("data", ["text_xx", "show_kk", "burn", "text", "more_", "sections_x", "main"])
async def test_what_no_button_offers_is_refused(chat: Chat, ada: Person, data: str) -> None:
    await ada.send("/breaking Мост закрыт")
    card = await ada.next("Так увидят")
    draft = await draft_of(chat)
    await ada.press(card, f"draft:{data}:{draft.id}:{drafts.seal(draft)}")
    after = await draft_of(chat)
    assert (after.content, after.state) == (draft.content, DraftState.DRAFT)


FOREIGN = ["pick:{id}:62:1", "pick:{id}:0:1", "picked:{id}", "when:due:{id}:5", "when:x:{id}:0", "reopen:{id}"]


@pytest.mark.parametrize("data", FOREIGN)
async def test_another_editor_changes_nothing_of_it(chat: Chat, ada: Person, data: str) -> None:
    await ada.send("/breaking Мост закрыт")
    await ada.next("Так увидят")
    await chat.idle()
    draft = await draft_of(chat)
    bek = await chat.editor(502)
    await bek.send("/drafts")
    shown = await bek.next("Мост закрыт — Editor 501")
    answer = await bek.press(shown, data.format(id=draft.id))
    assert "устарела" in (answer or {})["text"]
    assert await draft_of(chat) == draft


async def test_at_the_desk_only_commands_and_answers_are_heard(chat: Chat, ada: Person) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    await room.choose(chat.storage, GROUP, {"queue": 9})
    place = chat.people.group(GROUP, "Дала", forum=True, admins=[owner], bot_rights={"can_manage_topics": True})
    ada.join(place)
    thread = chat.people.topic(place, "Срочное")
    await ada.send("/breaking", place, thread_id=thread)
    await chat.sandbox.until(lambda: chat.sandbox.sent(GROUP))
    asked = chat.sandbox.sent(GROUP)[-1]
    assert (asked["message_thread_id"], "Пришлите срочную" in asked["text"]) == (thread, True)
    await ada.send("разговор о другом", place, thread_id=thread)
    await owner.send("и чужой ответ", place, reply_to=asked, thread_id=thread)
    await ada.send("Мост закрыт", place, reply_to=asked, thread_id=thread)
    await chat.idle()
    said = chat.sandbox.sent(GROUP)
    assert [message["text"].split("\n")[0] for message in said[1:]] == [
        "Что с этим сделать?", "🔴 СРОЧНО. Мост закрыт", "👁 Так увидят читатели ↑",
    ]  # fmt: skip
    assert {message["message_thread_id"] for message in said} == {thread}
    answer = await owner.tap(said[-1], "Разослать")
    assert "устарела" in (answer or {})["text"], "another's draft"
    await ada.tap(said[-1], "Разослать")
    await chat.look()
    assert len(await chat.storage.broadcasts.open()) == 1


class TestPaid:
    """Sections of kind partner and politics: labelled, and never breaking news."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        kinds = {"sport": "partner", "amanat": "politics"}
        sections = tuple(replace(one, kind=kinds.get(one.id, "news")) for one in DEFAULT_SECTIONS)
        return replace(settings, sections=sections)

    async def test_it_is_labelled(self, chat: Chat, ada: Person) -> None:
        await ada.send("Новый стадион откроют осенью")
        screen = await tap(chat, ada, await ada.next("Что с этим сделать?"), "В раздел")
        screen = await tap(chat, ada, screen, "Спорт")
        await ada.tap(screen, "Готово")
        shown = await ada.next("#Спорт")
        assert shown["text"] == "Партнерский материал\nНовый стадион откроют осенью\n\n#Спорт"
        assert "⚠️ Выйдет с пометкой «Партнерский материал»." in (await ada.next("Так увидят"))["text"]

    async def test_it_is_never_breaking(self, chat: Chat, ada: Person) -> None:
        await ada.send("Новый стадион откроют осенью")
        asked = await ada.next("Что с этим сделать?")
        screen = await tap(chat, ada, asked, "В раздел")
        screen = await tap(chat, ada, screen, "Amanat")
        answer = await ada.press(asked, f"way:breaking:{(await draft_of(chat)).id}")
        assert "Не бывает срочным" in (answer or {})["text"]
        assert (await draft_of(chat)).content.way == "regular"
