"""Two people for breaking news: asked, approved, returned, let go alone; several at once, one removed in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from talking import START, Chat

from bot.desk import drafts, room
from bot.domain.delivery import BroadcastState
from bot.domain.desk import Draft, DraftState, Role
from bot.sandbox.client import Person
from bot.settings import Desk, Settings
from tests.factories import subscribe

ADA, BEK, VIC, OWNER, GROUP = 501, 502, 503, 9001, -1_001_500_000_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Somebody else has to approve."""
    return replace(settings, desk=Desk(approvals=1))


@pytest.fixture
async def ada(chat: Chat) -> Person:
    """The author; 2,000 readers."""
    await subscribe(chat.storage, range(10_000, 12_000), 1)
    return await chat.editor(ADA)


@pytest.fixture
async def bek(chat: Chat) -> Person:
    """The second person."""
    return await chat.editor(BEK)


def labels(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


async def written(person: Person, text: str = "Мост закрыт") -> dict[str, Any]:
    """Breaking news, written; its card."""
    await person.send(f"/breaking {text}")
    return await person.next("Так увидят")


async def asked(chat: Chat, ada: Person, bek: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ada asks; her card and the request that Bek has got."""
    card = await written(ada)
    answer = await ada.tap(card, "На утверждение · 2\xa0000")
    assert (answer or {})["text"] == "Запрос отправлен."
    await chat.look()
    return card, await bek.next("Editor 501 просит утвердить срочное (до 10:10):")


def now(person: Person, message: dict[str, Any]) -> dict[str, Any]:
    return next(other for other in person.chat() if other["message_id"] == message["message_id"])


async def casts(chat: Chat) -> list[BroadcastState]:
    return [cast.state for cast in await chat.storage.broadcasts.open()]


async def the_draft(chat: Chat) -> Draft:
    draft = await chat.storage.drafts.get(1)
    assert draft
    return draft


async def test_asked_and_approved(chat: Chat, ada: Person, bek: Person) -> None:
    card = await written(ada)
    assert labels(card) == [
        "На утверждение · 2\xa0000",
        "Отправить без утверждения",
        "Себе на пробу",
        "Отмена",
        "Ещё ▾",
    ]
    answer = await ada.press(card, f"draft:send:1:{drafts.seal(await the_draft(chat))}")
    assert "устарела" in (answer or {})["text"], "there is no way around the second person"
    await ada.tap(card, "На утверждение")
    await chat.look()
    assert labels(now(ada, card)) == ["Отправить без утверждения", "Забрать обратно"]
    request = await bek.next("просит утвердить")
    answer = await bek.tap(request, "Показать превью")
    assert (await bek.next("Мост"))["text"] == "🔴 СРОЧНО. Мост закрыт"
    answer = await bek.tap(request, "Утвердить")
    assert (answer or {})["text"] == "Утверждено."
    await chat.look()
    for person, message in ((ada, card), (bek, request)):
        assert now(person, message)["text"].startswith("Отправка через 5 с…")
    (cast,) = await chat.storage.broadcasts.open()
    assert (cast.state, cast.total) == (BroadcastState.COUNTDOWN, 2000)
    book = [(row.user_id, row.action, row.text) for row in await chat.storage.editors.audit()]
    assert book == [
        (ADA, "draft due", "Мост закрыт"),
        (BEK, "draft approved", "Мост закрыт"),
        (ADA, "draft asked", "Мост закрыт"),
    ]


async def test_nobody_approves_their_own_work(chat: Chat, ada: Person, bek: Person) -> None:
    card, request = await asked(chat, ada, bek)
    seal = drafts.seal(await the_draft(chat))
    answer = await ada.press(card, f"review:yes:1:{seal}")
    assert "Своё утвердить нельзя" in (answer or {})["text"]
    answer = await ada.press(card, f"review:no:1:{seal}")
    assert "устарела" in (answer or {})["text"]
    for act in ("solo", "back", "burn"):
        answer = await bek.press(request, f"review:{act}:1:{seal}")
        assert "устарела" in (answer or {})["text"], "that is for its author"
    assert ((await the_draft(chat)).state, await casts(chat)) == (DraftState.REVIEW, [])


async def test_returned_with_a_remark(chat: Chat, ada: Person, bek: Person) -> None:
    card, request = await asked(chat, ada, bek)
    await bek.tap(request, "Вернуть с замечанием")
    await bek.next("Что исправить?")
    await bek.send("Какой мост? Назовите район.")
    await bek.next("Возвращено автору.")
    told = await ada.next("Editor 502 возвращает черновик с замечанием:")
    assert "Какой мост? Назовите район." in told["text"]
    await chat.look()
    assert "Запрос снят" in now(ada, card)["text"]
    assert (now(bek, request)["text"][:12], labels(now(bek, request))) == ("Запрос снят:", [])
    answer = await bek.press(request, f"review:yes:1:{drafts.seal(await the_draft(chat))}")
    assert (answer or {})["text"] == "Этот запрос больше не действует."
    await ada.tap(told, "Открыть черновик")
    await ada.next("Так увидят")
    await bek.send("ещё одно замечание")
    await bek.next("Что с этим сделать?")


async def test_a_changed_text_voids_the_request(chat: Chat, ada: Person, bek: Person) -> None:
    card, request = await asked(chat, ada, bek)
    await ada.tap(now(ada, card), "Забрать обратно")
    await chat.look()
    await ada.send("Мост открыт")
    again = await ada.next("Так увидят")
    answer = await bek.press(request, f"review:yes:1:{'0' * 8}")
    assert "Текст тем временем изменили" in (answer or {})["text"]
    await ada.tap(again, "На утверждение")
    await chat.look()
    second = await bek.next("Мост открыт")
    await bek.tap(second, "Утвердить")
    await chat.look()
    (cast,) = await chat.storage.broadcasts.open()
    assert (await chat.storage.posts.get(cast.posts))[0].texts["ru"].text == "Мост открыт"


async def test_while_one_edits_the_other_approves(chat: Chat, ada: Person, bek: Person) -> None:
    """One outcome: approved and sent as it was read, or edited and not sent."""
    _, request = await asked(chat, ada, bek)
    draft = await the_draft(chat)
    changed = replace(draft, content=replace(draft.content, silent=True))
    kept, _ = await asyncio.gather(
        chat.storage.drafts.write(changed, DraftState.DRAFT, now=START), bek.tap(request, "Утвердить")
    )
    await chat.look()
    after = await the_draft(chat)
    if kept and after.state is DraftState.DRAFT:
        assert await casts(chat) == []
    else:
        (cast,) = await chat.storage.broadcasts.open()
        assert not (await chat.storage.posts.get(cast.posts))[0].silent


async def test_nobody_answers(chat: Chat, ada: Person, bek: Person) -> None:
    card, request = await asked(chat, ada, bek)
    await chat.look(drafts.REVIEW_SECONDS)
    told = await ada.next("Не утверждено за 10 минут, черновик сохранён.")
    answer = await bek.press(request, f"review:yes:1:{drafts.seal(await the_draft(chat))}")
    assert (answer or {})["text"] == "Этот запрос больше не действует."
    await ada.tap(told, "Открыть черновик")
    await ada.next("Так увидят")
    assert card


async def test_alone_on_shift(chat: Chat, ada: Person, bek: Person) -> None:
    card, request = await asked(chat, ada, bek)
    await ada.tap(now(ada, card), "Отправить без утверждения")
    await chat.look()
    (cast,) = await chat.storage.broadcasts.open()
    assert cast.due_at == START + 60
    assert now(ada, card)["text"] == "Отправка через 1 мин…\n⚠️ Отправлено без утверждения."
    assert labels(now(bek, request)) == ["⛔ Отменить", "Просмотрено"]
    seal = drafts.seal(await the_draft(chat))
    answer = await ada.press(card, f"review:seen:1:{seal}")
    assert "кто-то другой" in (answer or {})["text"]
    await bek.tap(now(bek, request), "Просмотрено")
    await chat.look()
    assert "Потом просмотрел(а): Editor 502" in now(ada, card)["text"]
    assert [row.action for row in await chat.storage.editors.audit()][:2] == [
        "draft looked at",
        "breaking launched alone",
    ]
    await bek.tap(now(bek, request), "Отменить")
    assert await casts(chat) == []


async def test_straight_from_the_card_without_approval(chat: Chat, ada: Person, bek: Person) -> None:
    await ada.tap(await written(ada), "Отправить без утверждения")
    await chat.look()
    await bek.next("⚠️ Отправлено без утверждения.")


async def test_who_is_alone_at_the_desk_asks_nobody(chat: Chat, ada: Person) -> None:
    answer = await ada.tap(await written(ada), "На утверждение")
    assert "утвердить некому" in (answer or {})["text"]
    assert (await the_draft(chat)).state is DraftState.DRAFT


async def test_two_approve_at_once_and_it_goes_once(chat: Chat, ada: Person, bek: Person) -> None:
    vic = await chat.editor(VIC)
    _, request = await asked(chat, ada, bek)
    other = await vic.next("просит утвердить")
    answers = await asyncio.gather(bek.tap(request, "Утвердить"), vic.tap(other, "Утвердить"))
    assert sorted((answer or {})["text"] for answer in answers) == ["Утверждено.", "Этот запрос больше не действует."]
    await asyncio.gather(chat.look(), chat.look())
    assert await casts(chat) == [BroadcastState.COUNTDOWN]
    for person, message in ((bek, request), (vic, other)):
        assert now(person, message)["text"].startswith("Отправка через")


@pytest.mark.parametrize("gone", ["author", "approver"])
async def test_one_is_removed_in_between(chat: Chat, ada: Person, bek: Person, gone: str) -> None:
    _, request = await asked(chat, ada, bek)
    await chat.storage.editors.remove(ADA if gone == "author" else BEK)
    answer = await bek.tap(request, "Утвердить")
    assert ("больше не редактор" if gone == "author" else "устарела") in (answer or {})["text"]
    await chat.look()
    assert ((await the_draft(chat)).state, await casts(chat)) == (DraftState.REVIEW, [])


async def test_in_the_desks_group(chat: Chat, ada: Person, bek: Person) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    await room.choose(chat.storage, GROUP, {"urgent": 0})
    place = chat.people.group(GROUP, "Дала", admins=[owner])
    reader = chat.people.add(600)
    for person in (ada, bek, reader):
        person.join(place)
    await ada.send("/breaking Мост закрыт", place)
    await chat.idle()
    await ada.tap(chat.sandbox.sent(GROUP)[-1], "На утверждение")
    await chat.look()
    request = chat.sandbox.sent(GROUP)[-1]
    assert labels(request) == [
        "✅ Утвердить", "Вернуть с замечанием", "Показать превью", "Отправить без утверждения", "Забрать обратно",
    ]  # fmt: skip
    answer = await reader.tap(request, "Утвердить")
    assert "устарела" in (answer or {})["text"]
    answer = await bek.tap(request, "Показать превью")
    assert (await bek.next("Мост"))["text"] == "🔴 СРОЧНО. Мост закрыт", "to whoever asks alone"
    await bek.tap(request, "Вернуть с замечанием")
    await chat.idle()
    question = chat.sandbox.sent(GROUP)[-1]
    await bek.send("нет", place)
    await bek.send("Назовите район", place, reply_to=question)
    await chat.idle()
    await chat.look()
    said = [message["text"] for message in chat.sandbox.sent(GROUP)]
    assert any("возвращает черновик с замечанием:\nНазовите район" in text for text in said)
    assert len([text for text in said if "возвращает" in text]) == 1


class TestTheRuleOfTwo:
    """Nobody has set it: an owner hears of it when there are two."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, desk=Desk())

    async def test_it_is_suggested_when_a_second_editor_joins(self, chat: Chat) -> None:
        owner = await chat.editor(OWNER, Role.OWNER)
        await owner.send("/editors")
        shown = await owner.next("Кто работает")
        await owner.tap(shown, "Пригласить")
        link = (await owner.next("https://t.me/"))["text"].rpartition("=")[2]
        ada = chat.people.add(ADA)
        await ada.send(f"/start {link}")
        told = await owner.next("Теперь вас двое.")
        await owner.tap(told, "Да, срочное — вдвоём")
        shown = await owner.next("Срочное утверждает ещё 1 человек.")
        assert await drafts.approvals(chat.storage, chat.ctx.settings) == 1
        await owner.tap(shown, "Больше не утверждать")
        await owner.next("Кто работает")
        assert await drafts.approvals(chat.storage, chat.ctx.settings) == 0
        answer = await ada.press(ada.chat()[-1], "rule:0")
        assert "устарела" in (answer or {})["text"]


async def test_what_the_file_says_is_not_changed_here(chat: Chat, ada: Person) -> None:
    owner = await chat.editor(OWNER, Role.OWNER)
    await owner.send("/editors")
    shown = await owner.next("Срочное утверждает ещё 1 человек.")
    answer = await owner.press(shown, "rule:0")
    assert "устарела" in (answer or {})["text"]
    assert await drafts.approvals(chat.storage, chat.ctx.settings) == 1
