"""Correct and withdraw as an editor does it: how grave, the new text, its exact preview, one send; the public list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from talking import START, Chat, labels

from bot.domain.delivery import Audience, BroadcastState, Kind, Lane, Receipt, Result
from bot.domain.desk import Gravity
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.sandbox.client import Person
from bot.settings import Settings
from handlers.fixcard import WORDS
from storage.posts import add_post

ADA, BEK = 501, 502


@pytest.fixture
async def ada(chat: Chat) -> Person:
    return await chat.editor(ADA)


async def delivered(chat: Chat, *, readers: int = 3, texts: dict[str, str] | None = None) -> Post:
    """A post that these readers have: breaking news with these texts, or an article's."""
    if texts is None:
        await chat.publish("Мост закрыт до 5 мая")
        (post,) = await chat.storage.posts.newest(1) or await chat.storage.posts.latest(-1, [], 1)
    else:
        said = {code: RichText(text) for code, text in texts.items()}
        made = Post(0, PostKind.BREAKING, 1, 0, START, texts=said)
        async with chat.storage.engine.transaction() as db:
            id_ = await add_post(db, made, article_id=None, state=PostState.WAITING)
        (post,) = await chat.storage.posts.get([id_])
    await chat.storage.engine.write("UPDATE post SET state = 'waiting' WHERE id = :id", id=post.id)
    cast = await chat.storage.broadcasts.publish(
        [post], Audience(), key=f"k{post.id}", lane=Lane.REGULAR, total=readers, start=0, now=START - 100
    )
    receipts = []
    for n in range(readers):
        reader = await chat.storage.readers.meet(700 + n, language="ru", now=START)
        await chat.storage.readers.consent(reader.id, "v1", now=START)
        receipts.append(Receipt(cast, reader.id, Result.SENT, 1000, message_id=90 + n))
    await chat.storage.deliveries.settle(receipts, [], worker="w", until=9, now=START)
    await chat.storage.broadcasts.change(cast, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=START - 90)
    return (await chat.storage.posts.get([post.id]))[0]


async def begin(person: Person, post: Post, label: str) -> dict[str, Any]:
    """From /correct to the question for the new text."""
    await person.send("/correct")
    menu = await person.next("Какое сообщение?")
    await person.press(menu, f"fix:{post.id}")
    asked = await person.next("Что в нём не так?")
    await person.tap(asked, label)
    return await person.next()


async def now(chat: Chat, post: Post) -> Post:
    return (await chat.storage.posts.get([post.id]))[0]


async def test_a_fact_from_the_press_to_the_edit(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост закрыт до 5 мая."})
    asked = await begin(ada, post, "Факт")
    assert "Пришлите весь текст" in asked["text"]
    assert "Мост закрыт до 5 мая." in asked["text"]
    assert [entity["type"] for entity in asked["entities"]][:2] == ["bold", "pre"]
    await ada.send("Мост закрыт до 7 мая.")
    shown = await ada.next("7 мая")
    assert shown["text"].startswith("🔴 СРОЧНО. Мост закрыт до 7 мая.\n\n✏️ Исправлено ")
    assert "в первой версии было «до 5 мая», это неверно." in shown["text"]
    card = await ada.next("Так увидят")
    assert "Копий изменится: 3" in card["text"]
    assert labels(card) == [["Разослать · 3"], ["Без цитаты"], ["Отмена"]]
    await ada.tap(card, "Разослать")
    await chat.idle()
    fixed = await now(chat, post)
    assert (fixed.version, fixed.texts["ru"].text, fixed.notes[0].wrong) == (
        2,
        "Мост закрыт до 7 мая.",
        {"ru": "до 5 мая"},
    )
    (cast,) = await chat.storage.broadcasts.open()
    assert (cast.kind, cast.version, cast.lane) == (Kind.EDIT, 2, Lane.BREAKING)
    assert chat.woken == 1


async def test_a_typo_is_silent_and_a_line_need_not_quote(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост зокрыт."})
    await begin(ada, post, "Опечатка")
    await ada.send("Мост закрыт.")
    assert "Исправлено" not in (await ada.next("СРОЧНО"))["text"]
    assert labels(await ada.next("Так увидят")) == [["Разослать · 3"], ["Отмена"]]
    await begin(ada, post, "Факт")
    await ada.send("Мост закрыт.")
    assert "«Мост зокрыт»" in (await ada.next("СРОЧНО"))["text"]
    await ada.tap(await ada.next("Так увидят"), "Без цитаты")
    assert (await ada.next("СРОЧНО"))["text"].endswith("✏️ Исправлено в 10:00.")
    card = await ada.next("Так увидят")
    assert labels(card)[1] == ["Процитировать ошибку"]
    await ada.tap(card, "Разослать")
    await chat.idle()
    assert (await now(chat, post)).notes[0].wrong == {"ru": ""}


async def test_an_articles_headline_alone_leaves_its_lead(chat: Chat, ada: Person) -> None:
    post = await delivered(chat)
    asked = await begin(ada, post, "Факт")
    assert "Первая строка — заголовок" in asked["text"]
    await ada.send("Мост закрыт до 7 мая")
    shown = await ada.next("7 мая")
    assert "это неверно" in shown["text"]
    await ada.tap(await ada.next("Так увидят"), "Разослать")
    await chat.idle()
    fixed = await now(chat, post)
    assert (fixed.title, fixed.lead, fixed.link) == ("Мост закрыт до 7 мая", post.lead, post.link)


async def test_a_serious_mistake_is_told_to_those_who_read_the_wrong_text(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Погибли двое.", "kk": "Екі адам зардап шекті."})
    await chat.storage.readers.set_language(2, "kk", now=START)
    await begin(ada, post, "Серьёзно")
    await ada.send("Пострадали двое.")
    await ada.next("Пострадали")
    card = await ada.next("Так увидят")
    assert "Новых сообщений тем, у кого оно есть: 2" in card["text"]
    assert labels(card)[1:3] == [
        ["Текст: Қазақша"] if ["Текст: Қазақша"] in labels(card) else labels(card)[1],
        ["Без цитаты"],
    ]
    await ada.tap(card, "Разослать")
    await chat.idle()
    edit, told = await chat.storage.broadcasts.open()
    assert (edit.kind, told.kind, told.reply_to, told.total) == (Kind.EDIT, Kind.SEND, post.id, 2)
    readers = [reader.chat_id for reader in await chat.storage.deliveries.read(told, 0, 0, 9)]
    assert readers == [700, 702]


async def test_a_withdrawal_tells_its_reason(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост взорван."})
    await ada.send("/correct")
    await ada.press(await ada.next("Какое сообщение?"), f"pull:{post.id}")
    assert "Почему отзываете?" in (await ada.next())["text"]
    await ada.send("Это не подтвердилось.")
    shown = await ada.next("отозвала")
    assert "Причина: Это не подтвердилось." in shown["text"]
    card = await ada.next("Так увидят")
    assert "Копий удалится: 3; заменится этим уведомлением: 0" in card["text"]
    assert labels(card)[0] == ["↩️ Отозвать · 3"]
    await ada.tap(card, "Отозвать")
    await chat.idle()
    gone = await now(chat, post)
    assert (gone.withdrawn, gone.reason) == (True, {"ru": "Это не подтвердилось."})
    answer = await ada.press(card, f"fix:{post.id}")
    assert "уже отозвано" in (answer or {})["text"]


async def test_of_two_editors_one_is_too_late_and_told_so(chat: Chat, ada: Person) -> None:
    bek, post = await chat.editor(BEK), await delivered(chat, texts={"ru": "Мост закрыт."})
    cards = {}
    for person, words in ((ada, "Мост открыт."), (bek, "Моста нет.")):
        await begin(person, post, "Факт")
        await person.send(words)
        cards[person] = await person.next("Так увидят")
    await ada.tap(cards[ada], "Разослать")
    await chat.idle()
    answer = await bek.tap(cards[bek], "Разослать")
    assert "изменил кто-то другой" in (answer or {})["text"]
    fixed = await now(chat, post)
    assert (fixed.version, fixed.texts["ru"].text) == (2, "Мост открыт.")
    assert len(await chat.storage.broadcasts.open()) == 1
    answer = await ada.tap(cards[ada], "Разослать")
    assert (await now(chat, post)).version == 2, "one press, one send"


async def test_an_editor_removed_in_between_sends_nothing(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост закрыт."})
    await begin(ada, post, "Факт")
    await ada.send("Мост открыт.")
    card = await ada.next("Так увидят")
    await chat.storage.editors.remove(ADA)
    await ada.press(card, next(b["callback_data"] for row in card["reply_markup"]["inline_keyboard"] for b in row))
    await chat.idle()
    assert (await now(chat, post)).version == 1


async def test_a_second_person_is_asked_where_the_rules_say_so(chat: Chat, ada: Person) -> None:
    rules = replace(chat.ctx.settings, desk=replace(chat.ctx.settings.desk, approvals=1))
    chat.ctx = chat.dispatcher["ctx"] = replace(chat.ctx, settings=rules)
    await chat.editor(BEK)
    post = await delivered(chat, texts={"ru": "Мост закрыт."})
    await begin(ada, post, "Факт")
    await ada.send("Мост открыт.")
    card = await ada.next("Так увидят")
    assert [row[0] for row in labels(card)[:2]] == ["На утверждение · 3", "Отправить без утверждения"]
    await ada.tap(card, "На утверждение")
    await chat.idle()
    assert (await now(chat, post)).version == 1
    (draft,) = await chat.storage.drafts.live()
    assert draft.state == "review"


async def test_another_language_and_the_other_ways_to_find_it(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост закрыт.", "kk": "Көпір жабық."})
    await begin(ada, post, "Факт")
    await ada.send("Мост открыт.")
    card = await ada.next("Так увидят")
    await ada.tap(card, "Қазақша")
    await ada.next("Пришлите текст")
    await ada.send("Көпір ашық.")
    assert "Түзетілді" in (await ada.next("Көпір ашық."))["text"]
    await ada.tap(await ada.next("Так увидят"), "Разослать")
    await chat.idle()
    assert set((await now(chat, post)).notes[0].wrong) == {"ru", "kk"}
    article = await delivered(chat)
    for words in (article.link, "мост"):
        await ada.send(f"/correct {words}")
        menu = await ada.next("Какое сообщение?")
        assert menu["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == f"fix:{article.id}"
    await ada.send("/correct https://elsewhere.example/1")
    await ada.next("Ничего не нашлось")


async def test_cancel_leaves_it_as_it_is(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост закрыт."})
    await begin(ada, post, "Факт")
    await ada.send("/cancel")
    await ada.next("Черновик отменён")
    await ada.send("Мост открыт.")
    assert "fix" not in str(await ada.next()), "words of her own are a draft of their own"
    assert (await now(chat, post)).version == 1


async def test_forged_presses_change_nothing(chat: Chat, ada: Person) -> None:
    post = await delivered(chat, texts={"ru": "Мост закрыт."})
    await ada.send("/correct")
    menu = await ada.next("Какое сообщение?")
    for data in ("fix:999", "pull:999", "grave:fact:999", f"grave:withdrawal:{post.id}", f"grave:boom:{post.id}"):
        answer = await ada.press(menu, data)
        assert "устарела" in (answer or {})["text"], data
    reader = chat.sandbox.people.add(700, name="Айгерим", lang="ru")
    await reader.send("/start")
    shown = await reader.next()
    for data in (f"fix:{post.id}", f"pull:{post.id}", f"grave:fact:{post.id}"):
        await reader.press(shown, data)
    await reader.send("/correct")
    assert "Какое сообщение" not in (await reader.next())["text"]
    assert await chat.storage.drafts.live() == []


async def test_what_everybody_may_see(chat: Chat, ada: Person, settings: Settings) -> None:
    reader = chat.sandbox.people.add(700, name="Айгерим", lang="ru")
    await reader.send("/corrections")
    assert (await reader.next())["text"] == "За последние 30 дней исправлять было нечего."
    post = await delivered(chat, texts={"ru": "Мост закрыт до 5 мая.", "kk": "Көпір жабық."})
    for label, words in (("Опечатка", "Мост закрыт до 6 мая."), ("Факт", "Мост закрыт до 7 мая.")):
        await begin(ada, await now(chat, post), label)
        await ada.send(words)
        await ada.tap(await ada.next("Так увидят"), "Разослать")
        await chat.idle()
    await reader.send("/corrections")
    listed = (await reader.next("Исправлено за последние"))["text"]
    assert listed.count("\n\n") == 1, "a typo is not listed"
    assert "Мост закрыт до 7 мая. — в первой версии было «до 6 мая», это неверно." in listed
    dana = chat.sandbox.people.add(709, name="Дана", lang="kk")
    await dana.send("/corrections")
    assert "түзететін ештеңе болмады" in (await dana.next())["text"], "her text was right"
    await ada.press(ada.chat()[-1], f"pull:{post.id}")
    await ada.next("Почему отзываете?")
    await ada.send("Ошибка редакции.")
    await ada.tap(await ada.next("Так увидят"), "Отозвать")
    await chat.idle()
    await reader.send("/corrections")
    listed = (await reader.next("Исправлено за последние"))["text"]
    assert "отозвано сообщение" in listed
    assert "Причина: Ошибка редакции." in listed
    assert "Мост закрыт" not in listed.split("неверно")[0], "what is withdrawn is not repeated"
    await chat.clock.advance(31 * 86_400)
    await reader.send("/corrections")
    assert "нечего" in (await reader.next())["text"]


def test_every_gravity_has_its_words() -> None:
    assert set(WORDS) == set(Gravity)


async def test_alone_it_waits_a_minute_and_approved_it_goes(chat: Chat, ada: Person) -> None:
    rules = replace(chat.ctx.settings, desk=replace(chat.ctx.settings.desk, approvals=1))
    chat.ctx = chat.dispatcher["ctx"] = replace(chat.ctx, settings=rules)
    assert chat.desk
    chat.desk._settings = rules
    bek, post = await chat.editor(BEK), await delivered(chat, texts={"ru": "Мост закрыт."})
    await begin(ada, post, "Факт")
    await ada.send("Мост открыт.")
    await ada.tap(await ada.next("Так увидят"), "Отправить без утверждения")
    await chat.look()
    assert (await now(chat, post)).version == 1
    await chat.look(61)
    assert (await now(chat, post)).version == 2
    assert "Отправлено без утверждения" in (await ada.next("Исправление: 0"))["text"]
    await begin(ada, await now(chat, post), "Факт")
    await ada.send("Мост снова закрыт.")
    await ada.tap(await ada.next("Так увидят"), "На утверждение")
    await chat.look()
    asked = await bek.next("просит утвердить исправление")
    await bek.tap(asked, "Показать превью")
    assert "Исправлено" in (await bek.next("снова закрыт"))["text"]
    await bek.tap(asked, "Утвердить")
    await chat.look(1)
    assert (await now(chat, post)).version == 3
    actions = [(entry.user_id, entry.action, entry.text) for entry in await chat.storage.editors.audit(4)]
    assert (ADA, "draft due", "Мост снова закрыт.") in actions
