"""A draft that goes on with an earlier message: as a reply to it, in its place, or by itself."""

from __future__ import annotations

from typing import Any

from talking import START, Chat, labels

from bot.domain.delivery import Kind
from bot.domain.desk import Way
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.sandbox.client import Person
from storage.posts import add_post

ADA = 501


async def earlier(chat: Chat, text: str, at: int = START - 3600) -> Post:
    """Breaking news of an hour ago."""
    made = Post(0, PostKind.BREAKING, 1, 0, at, texts={"ru": RichText(text)})
    async with chat.storage.engine.transaction() as db:
        id_ = await add_post(db, made, article_id=None, state=PostState.PUBLISHED)
    return (await chat.storage.posts.get([id_]))[0]


async def list_of(chat: Chat, ada: Person, text: str) -> dict[str, Any]:
    """From a draft's card to the messages that it may go on with."""
    reader = await chat.storage.readers.meet(700, language="ru", now=START)
    await chat.storage.readers.consent(reader.id, "v1", now=START)
    await ada.send(f"/breaking {text}")
    await ada.tap(await ada.next("Так увидят"), "Ещё")
    await ada.tap(await ada.next(), "Обновление к…")
    return await ada.next("К какому сообщению")


async def test_a_reply_to_the_likeliest(chat: Chat) -> None:
    ada = await chat.editor(ADA)
    bridge = await earlier(chat, "В Шымкенте обрушился старый мост через реку")
    for n in range(7):
        await earlier(chat, f"Совсем другое событие номер {n}", START - 60)
    old = await earlier(chat, "В Шымкенте обрушился старый мост давно", START - 6 * 86_400)
    menu = await list_of(chat, ada, "Мост в Шымкенте: движение через реку открыли")
    rows = menu["reply_markup"]["inline_keyboard"]
    assert rows[0][0]["callback_data"].endswith(f":{bridge.id}"), "most like it first"
    assert len(rows) == 7
    assert all(not row[0]["callback_data"].endswith(f":{old.id}") for row in rows)
    await ada.tap(menu, "обрушился")
    how = await ada.next("Как продолжить?")
    assert labels(how) == [["↩️ Ответом на него"], ["🔄 Вместо него: правкой"], ["Само по себе"]]
    await ada.tap(how, "Ответом")
    card = await ada.next("Ответом на прежнее")
    await ada.tap(card, "Разослать")
    await chat.idle()
    (cast,) = await chat.storage.broadcasts.open()
    assert (cast.kind, cast.reply_to) == (Kind.SEND, bridge.id)
    (post,) = await chat.storage.posts.get(cast.posts)
    assert (post.reply_to, post.story_id) == (bridge.id, bridge.id)
    (first,) = await chat.storage.posts.get([bridge.id])
    assert first.story_id == bridge.id
    menu = await list_of(chat, ada, "Мост в Шымкенте снова закрыли для движения")
    await ada.press(menu, f"story:reply:{(await chat.storage.drafts.open(1))[0].id}:{post.id}")
    await ada.tap(await ada.next("Ответом на прежнее"), "Разослать")
    await chat.idle()
    last = (await chat.storage.posts.newest(1))[0]
    assert (last.reply_to, last.story_id) == (post.id, bridge.id), "one story"


async def test_in_its_place(chat: Chat) -> None:
    ada = await chat.editor(ADA)
    bridge = await earlier(chat, "Мост закрыт.")
    menu = await list_of(chat, ada, "Мост открыт.")
    await ada.tap(menu, "Мост закрыт")
    await ada.tap(await ada.next("Как продолжить?"), "Вместо него")
    shown = await ada.next("Мост открыт")
    assert shown["text"] == "🔴 СРОЧНО. Мост открыт.\n\nОбновляем это сообщение."
    card = await ada.next("Обновление: новое")
    await ada.tap(card, "Разослать")
    await chat.idle()
    (post,) = await chat.storage.posts.get([bridge.id])
    assert (post.version, post.texts["ru"].text, post.updating, post.notes) == (2, "Мост открыт.", True, ())
    assert await chat.storage.errata.public(since=0, limit=5) == [], "news is no correction"


async def test_by_itself_after_all_and_stale_presses(chat: Chat) -> None:
    ada = await chat.editor(ADA)
    bridge = await earlier(chat, "Мост закрыт.")
    menu = await list_of(chat, ada, "Мост открыт.")
    (draft,) = await chat.storage.drafts.open(1)
    for data in (f"story:pick:{draft.id}:999", f"story:boom:{draft.id}:{bridge.id}", "story:list:999:0"):
        assert "устарела" in (await ada.press(menu, data) or {})["text"]
    bek = await chat.editor(502)
    await bek.send("/drafts")
    assert "устарела" in (await bek.press(await bek.next(), f"story:reply:{draft.id}:{bridge.id}") or {})["text"]
    await ada.press(menu, f"story:reply:{draft.id}:{bridge.id}")
    await ada.next("Ответом на прежнее")
    await ada.press(menu, f"story:none:{draft.id}:0")
    await chat.idle()
    assert "Ответом" not in ada.chat()[-1]["text"]
    (draft,) = await chat.storage.drafts.open(1)
    assert (draft.content.way, draft.content.updates) == (Way.BREAKING, 0)
