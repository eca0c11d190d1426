"""Breaking news as an editor does it: words in, exact preview, one send, and no way around the rights."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiogram import Dispatcher
from talking import START, Chat

from bot.desk import drafts
from bot.domain.delivery import BroadcastState, Receipt, Result
from bot.domain.desk import Draft, DraftState, Role
from bot.domain.reader import Choices
from bot.sandbox.client import Person
from bot.sandbox.content import media_fields, new_file
from bot.sandbox.model import ApiError
from bot.settings import Delivery, Desk, Settings
from handlers import build_router, screen

ADA, BEK, OWNER = 501, 502, 9001
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


@pytest.fixture
async def ada(chat: Chat) -> Person:
    """An editor; three readers want breaking news, one does not."""
    for number in range(4):
        reader = await chat.storage.readers.meet(
            700 + number, language="ru", choices=Choices(breaking=number < 3), now=START
        )
        await chat.storage.readers.consent(reader.id, "v1", now=START)
    return await chat.editor(ADA)


async def preview(
    person: Person, text: str = "Мост закрыт. Объезд по набережной."
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write breaking news; the preview and its card."""
    await person.send(f"/breaking {text}")
    return await person.next("СРОЧНО."), await person.next("Так увидят")


def labels(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


def data(message: dict[str, Any], label: str) -> str:
    rows = message["reply_markup"]["inline_keyboard"]
    return next(str(button["callback_data"]) for row in rows for button in row if label in button["text"])


def now(person: Person, message: dict[str, Any]) -> dict[str, Any]:
    """The message as it stands now."""
    return next(other for other in person.chat() if other["message_id"] == message["message_id"])


async def draft_of(chat: Chat, editor: int = ADA) -> Draft:
    """The draft on which somebody works."""
    draft = await chat.storage.drafts.current(editor, editor, since=0)
    assert draft is not None
    return draft


async def casts(chat: Chat) -> list[BroadcastState]:
    return [cast.state for cast in await chat.storage.broadcasts.open()]


async def test_asked_written_shown_sent(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking")
    asked = await ada.next("Пришлите срочную новость")
    assert "/cancel" in asked["text"]
    entities = [{"type": "bold", "offset": 0, "length": 4}, {"type": "text_link", "offset": 5, "length": 6}]
    entities[1]["url"] = "https://news.example/bridge"
    await ada.send("Мост закрыт", entities=entities)
    shown = await ada.next("Мост")
    assert shown["text"] == "🔴 СРОЧНО. Мост закрыт"
    kinds = [(entity["type"], entity["offset"], entity["length"]) for entity in shown["entities"]]
    assert kinds == [("bold", 3, 7), ("bold", 11, 4), ("text_link", 16, 6)]
    card = await ada.next("Так увидят")
    assert "Получат: 3 из 4 (выключили срочное: 1)" in card["text"]
    assert "29 в секунду" in card["text"]
    assert labels(card) == ["Разослать · 3", "Себе на пробу", "Отмена", "Ещё ▾"]
    assert card["reply_markup"]["inline_keyboard"][0][0]["style"] == "danger"
    await ada.tap(card, "Разослать")
    await chat.look()
    counting = await ada.next("Отправка через 5 с…")
    assert counting["message_id"] == card["message_id"]
    assert labels(counting) == ["⛔ Отменить"]
    (cast,) = await chat.storage.broadcasts.open()
    assert (cast.state, cast.total, cast.due_at, chat.woken) == (BroadcastState.COUNTDOWN, 3, START + 5, 1)
    actions = [(row[1], row[2]) for row in await chat.storage.editors.audit()]
    assert actions == [(ADA, "breaking launched")]


async def test_the_preview_is_what_readers_get(chat: Chat, ada: Person) -> None:
    shown, card = await preview(ada)
    await ada.tap(card, "Разослать")
    (cast,) = await chat.storage.broadcasts.open()
    (post,) = await chat.storage.posts.get(cast.posts)
    rendering = screen.render(chat.ctx, post, "ru")
    calls = [call for call in chat.sandbox.calls if call.method == "sendMessage" and "СРОЧНО" in call.params["text"]]
    assert [call.params["text"] for call in calls] == [rendering.payload["text"]] == [shown["text"]]
    await screen.send_rendering(chat.bot, ADA, rendering)
    fanned = [call for call in chat.sandbox.calls if call.method == "sendMessage"][-1]
    assert fanned.params == calls[0].params


async def test_a_picture_with_its_caption(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт", photo=PICTURE)
    shown = await ada.next("Мост")
    assert (shown["caption"], "photo" in shown) == ("🔴 СРОЧНО. Мост закрыт", True)
    card = await ada.next("Так увидят")
    await ada.tap(card, "Себе на пробу")
    trial = await ada.next("Мост")
    assert (trial["caption"], trial["photo"][0]["file_id"]) == (shown["caption"], shown["photo"][0]["file_id"])


@pytest.mark.parametrize(("kind", "method"), [("Video", "sendVideo"), ("Document", "sendDocument")])
async def test_a_film_and_a_file_go_out_as_what_they_are(chat: Chat, ada: Person, kind: str, method: str) -> None:
    file = new_file(kind, b"bytes", "bridge.bin")
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    media = media_fields(file, chat.sandbox.machine.files)
    chat.sandbox.machine.receive(ADA, ADA, text="Мост закрыт", media=media)
    assert (await ada.next("Мост"))["caption"] == "🔴 СРОЧНО. Мост закрыт"
    await ada.next("Так увидят")
    (call,) = [call for call in chat.sandbox.calls if call.method == method]
    assert call.params[kind.lower()] == file.file_id


async def test_a_picture_needs_words_and_joins_those_that_are_there(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    await ada.send(photo=PICTURE)
    await ada.next("Нужны слова")
    await ada.send("Мост закрыт")
    await ada.next("Так увидят")
    await ada.send(photo=PICTURE)
    shown = await ada.next("Мост")
    assert (shown["caption"], "photo" in shown) == ("🔴 СРОЧНО. Мост закрыт", True)
    card = await ada.next("Так увидят")
    await ada.tap(card, "Ещё")
    await chat.idle()
    await ada.tap(now(ada, card), "Без вложения")
    assert (await ada.next("Мост"))["text"] == "🔴 СРОЧНО. Мост закрыт"


async def test_an_album_goes_out_whole(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking Мост закрыт", media_group=[PICTURE, PICTURE + b"2", PICTURE + b"3"])
    await chat.look()
    assert not [message for message in ada.chat() if message["from"]["is_bot"]], "more of it may come"
    await chat.look(2)
    first = await ada.next("Мост")
    assert first["caption"] == "🔴 СРОЧНО. Мост закрыт"
    card = await ada.next("Так увидят")
    (call,) = [call for call in chat.sandbox.calls if call.method == "sendMediaGroup"]
    assert len(call.answer["result"]) == 3
    await chat.look(5)
    assert len([call for call in chat.sandbox.calls if call.method == "sendMediaGroup"]) == 1, "shown once"
    await ada.tap(card, "Разослать")
    (cast,) = await chat.storage.broadcasts.open()
    (post,) = await chat.storage.posts.get(cast.posts)
    assert [kind for kind, _ in post.album] == ["photo"] * 3
    await screen.send_rendering(chat.bot, ADA, screen.render(chat.ctx, post, "ru"))
    again = [call for call in chat.sandbox.calls if call.method == "sendMediaGroup"][1]
    assert again.params == call.params


async def test_an_album_without_words_asks_for_them(chat: Chat, ada: Person) -> None:
    await ada.send("", media_group=[PICTURE, PICTURE + b"2"])
    await chat.idle()
    await chat.look(2)
    await ada.next("Нужны слова: пришлите их сейчас.")
    await ada.send("Мост закрыт")
    card = await ada.next("Что с этим сделать?")
    await ada.tap(card, "Срочное")
    assert (await ada.next("Мост"))["caption"] == "🔴 СРОЧНО. Мост закрыт"


async def test_what_is_no_text_is_asked_for_again(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    chat.sandbox.machine.receive(ADA, ADA, extra={"location": {"latitude": 43.2, "longitude": 76.9}})
    await ada.next("Пришлите текст либо фото")


async def test_too_long_says_how_much_to_cut(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    await ada.send("ж" * 4096)
    refused = await ada.next("Слишком длинно")
    number = int("".join(char for char in refused["text"] if char.isdigit()))
    await ada.send("ж" * (4096 - number))
    shown = await ada.next("жжж")
    assert shown["text"].endswith("ж" * (4096 - number))
    await ada.next("Так увидят")


async def test_a_new_message_replaces_the_text_and_the_old_card_is_worth_nothing(chat: Chat, ada: Person) -> None:
    _, old = await preview(ada)
    await ada.send("Мост открыт.")
    assert (await ada.next("открыт"))["text"] == "🔴 СРОЧНО. Мост открыт."
    card = await ada.next("Так увидят")
    assert labels(now(ada, old)) == []
    answer = await ada.press(old, data(old, "Разослать"))
    assert "устарела" in (answer or {})["text"]
    assert await casts(chat) == []
    await ada.tap(card, "Разослать")
    (cast,) = await chat.storage.broadcasts.open()
    assert (await chat.storage.posts.get(cast.posts))[0].texts["ru"].text == "Мост открыт."


async def test_breaking_anew_keeps_the_open_draft_for_later(chat: Chat, ada: Person) -> None:
    _, old = await preview(ada)
    _, card = await preview(ada, "Другое.")
    assert labels(now(ada, old)) == []
    await ada.send("/drafts")
    shown = await ada.next("Черновики")
    assert "1. Другое. — Editor 501 · 1 с назад\n2. Мост закрыт." in shown["text"].replace("\xa0", " ")
    await ada.tap(shown, "2")
    assert (await ada.next("Мост"))["text"].startswith("🔴 СРОЧНО. Мост закрыт")
    await ada.next("Так увидят")
    await ada.tap(card, "Отмена")
    await ada.next("Черновик отменён")
    assert await casts(chat) == []


async def test_cancel_leaves_and_words_are_a_search_again(chat: Chat, ada: Person) -> None:
    await chat.publish("Мост построен")
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    await ada.send("/cancel")
    await ada.next("Черновик отменён")
    await ada.send("/cancel")
    assert (await ada.next())["text"] == "Черновика нет. Начать: /breaking"
    await ada.send("мост")
    await ada.tap(await ada.next("Что с этим сделать?"), "Найти")
    assert "Мост построен" in (await ada.next("Мост"))["text"]


async def test_an_editor_who_never_pressed_start_is_spoken_to_in_their_language(chat: Chat, ada: Person) -> None:
    bek = await chat.editor(BEK, lang="en")
    await bek.send("/breaking Bridge closed")
    assert (await bek.next("Bridge"))["text"] == "🔴 BREAKING. Bridge closed"
    card = await bek.next("As readers will see it")
    await bek.tap(card, "Try on myself")
    assert (await bek.next("Bridge"))["text"] == "🔴 BREAKING. Bridge closed"
    await bek.tap(card, "Send to all")
    await chat.look()
    await bek.next("Sending in 5 s…")
    await chat.look(3)
    assert now(bek, card)["text"] == "Sending in 2 s…"
    reader = await chat.storage.readers.get(BEK)
    assert reader is not None
    assert (reader.language, reader.consent_at) == ("en", None)


async def test_commands_stay_commands_while_a_draft_is_open(chat: Chat, ada: Person) -> None:
    await preview(ada)
    await ada.send("/help")
    assert "СРОЧНО" not in (await ada.next())["text"]
    assert (await draft_of(chat)).content.text.text.startswith("Мост закрыт")


async def test_a_forgotten_draft_takes_no_more_words(chat: Chat, ada: Person) -> None:
    await preview(ada)
    await chat.clock.advance(drafts.OPEN_SECONDS)
    await ada.send("мост")
    await ada.next("Что с этим сделать?")


async def test_the_same_text_within_a_day_is_warned_about(chat: Chat, ada: Person) -> None:
    _, card = await preview(ada)
    assert "⚠️" not in card["text"]
    await ada.tap(card, "Разослать")
    await chat.clock.advance(14 * 60)
    _, again = await preview(ada)
    assert "⚠️ Такой же текст уже разослан 14 мин назад." in again["text"]
    await ada.tap(again, "Разослать")
    assert len(await chat.storage.broadcasts.open()) == 2


async def test_two_presses_send_once(chat: Chat, ada: Person) -> None:
    _, card = await preview(ada)
    await asyncio.gather(ada.tap(card, "Разослать"), ada.press(card, data(card, "Разослать")))
    assert await casts(chat) == [BroadcastState.COUNTDOWN]
    assert chat.woken == 1


async def test_two_editors_press_at_once(chat: Chat, ada: Person) -> None:
    """Each sends the own draft; nobody sends or drops another's, whatever data they forge."""
    bek = await chat.editor(BEK)
    (_, hers), (_, his) = await preview(ada), await preview(bek, "Мост взорван.")
    stolen = data(hers, "Разослать")
    await asyncio.gather(ada.tap(hers, "Разослать"), bek.tap(his, "Разослать"))
    assert len(await casts(chat)) == 2
    answers = [await bek.press(his, stolen), await bek.press(his, stolen.replace("send", "drop"))]
    assert all("устарела" in (answer or {})["text"] for answer in answers)
    first = (await chat.storage.broadcasts.open())[0]
    await bek.press(his, f"cast:cancel:{first.id}")
    assert await casts(chat) == [BroadcastState.COUNTDOWN], "any editor may stop what should not go"


async def test_called_off_in_time_and_not_after(chat: Chat, ada: Person) -> None:
    _, card = await preview(ada)
    await ada.tap(card, "Разослать")
    await chat.look()
    await ada.tap(card, "Отменить")
    await chat.look()
    ended = await ada.next("никто ничего не получил")
    assert (ended["message_id"], labels(ended), await casts(chat)) == (card["message_id"], [], [])
    _, card = await preview(ada, "Другое.")
    await ada.tap(card, "Разослать")
    (cast,) = await chat.storage.broadcasts.open()
    running = BroadcastState.RUNNING
    assert await chat.storage.broadcasts.change(cast.id, running, among=[BroadcastState.COUNTDOWN], now=START + 5)
    answer = await ada.press(card, f"cast:cancel:{cast.id}")
    assert (answer or {})["text"] == "Уже поздно."
    await chat.look()
    assert labels(await ada.next("📤 0 из 3")) == ["⏸ Пауза", "⛔ Стоп"]
    assert await casts(chat) == [running]


async def _running(chat: Chat, person: Person) -> tuple[dict[str, Any], int]:
    _, card = await preview(person)
    await person.tap(card, "Разослать")
    cast = (await chat.storage.broadcasts.open())[-1].id
    among = [BroadcastState.COUNTDOWN]
    assert await chat.storage.broadcasts.change(cast, BroadcastState.RUNNING, among=among, now=START + 5)
    await chat.look()
    return card, cast


async def test_pause_go_on_stop_and_the_report(chat: Chat, ada: Person) -> None:
    card, cast = await _running(chat, ada)
    await ada.tap(card, "Пауза")
    await chat.look()
    assert labels(await ada.next("На паузе")) == ["▶️ Продолжить", "⛔ Стоп"]
    await ada.tap(card, "Продолжить")
    await chat.look()
    await ada.next("📤")
    receipts = [Receipt(cast, 1, Result.SENT, 400, message_id=1), Receipt(cast, 2, Result.GONE, 500, gone=True)]
    await chat.storage.deliveries.settle(receipts, [], worker="w", until=0, now=START + 6)
    await ada.tap(card, "Стоп")
    await chat.look()
    ended = await ada.next("Остановлено: 2 из 3")
    assert "доставлено 1 · заблокировали 1 · не удалось 0" in ended["text"]
    assert labels(ended) == ["✏️ Исправить", "↩️ Отозвать"]
    answer = await ada.press(card, f"cast:resume:{cast}")
    assert (answer or {})["text"] == "Уже поздно."
    assert await casts(chat) == []
    assert [row[2] for row in await chat.storage.editors.audit()][:3] == [
        "breaking stopped",
        "breaking running",
        "breaking paused",
    ]


async def test_the_report_and_who_left_within_the_hour(chat: Chat, ada: Person) -> None:
    card, cast = await _running(chat, ada)
    readers = [await chat.storage.readers.get(700 + n) for n in range(3)]
    receipts = [Receipt(cast, reader.id, Result.SENT, 900, message_id=5) for reader in readers if reader]
    await chat.storage.deliveries.settle(receipts, [], worker="w", until=0, now=START)
    broadcast = await chat.storage.broadcasts.get(cast)
    assert broadcast is not None
    assert await chat.storage.broadcasts.finish(replace(broadcast, horizon=0), now=START + 12)
    await chat.look()
    report = await ada.next("✅ Разослано за 7")
    assert report["message_id"] == card["message_id"]
    assert "Прочтения" in report["text"]
    assert "Ушли" not in report["text"]
    assert readers[0] is not None
    await chat.storage.readers.leave(readers[0].id, now=START + 600)
    await chat.look(20)
    assert "Ушли" not in now(ada, card)["text"], "the hour is not over"
    await chat.look(3600)
    assert "\nУшли за час: 1 (33,3 %)\n" in now(ada, card)["text"].replace("\xa0", " ")
    assert await chat.storage.drafts.live() == []


async def test_a_removed_editor_can_do_nothing_between_draft_and_confirm(chat: Chat, ada: Person) -> None:
    _, card = await preview(ada)
    await chat.storage.editors.remove(ADA)
    for label in ("Разослать", "Себе на пробу", "Отмена"):
        answer = await ada.tap(card, label)
        assert "устарела" in (answer or {})["text"]
    await ada.send("Мост открыт.")
    assert "СРОЧНО" not in (await ada.next())["text"]
    assert ((await draft_of(chat)).state, await casts(chat)) == (DraftState.DRAFT, [])


async def test_a_removed_editor_cannot_steer_and_an_owner_can(chat: Chat, ada: Person) -> None:
    card, cast = await _running(chat, ada)
    await chat.storage.editors.remove(ADA)
    await ada.press(card, f"cast:stop:{cast}")
    assert await casts(chat) == [BroadcastState.RUNNING]
    owner = await chat.editor(OWNER, Role.OWNER)
    await owner.send("/status")
    shown = await owner.next("Работает")
    await owner.tap(shown, f"Стоп № {cast}")
    assert await casts(chat) == []


async def test_a_restart_between_draft_and_send_changes_nothing(chat: Chat, ada: Person) -> None:
    _, card = await preview(ada)
    await chat.idle()
    chat.dispatcher = Dispatcher(disable_fsm=True, ctx=chat.ctx)  # a new process: nothing is kept in memory
    chat.dispatcher.include_router(build_router())
    await ada.tap(card, "Разослать")
    assert await casts(chat) == [BroadcastState.COUNTDOWN]


async def test_somebody_was_faster(chat: Chat, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draft is closed between the look at it and the change: a clear answer, nothing sent."""
    _, card = await preview(ada)
    draft = await draft_of(chat)
    count, write = chat.storage.readers.count, chat.storage.drafts.write

    async def slow_count(*args: Any) -> int:
        await chat.storage.drafts.drop(draft.id)
        return await count(*args)

    monkeypatch.setattr(chat.storage.readers, "count", slow_count)
    answer = await ada.tap(card, "Разослать")
    assert ("устарела" in (answer or {})["text"], await casts(chat)) == (True, [])
    assert await chat.storage.cards.of("draft") == []
    monkeypatch.setattr(chat.storage.readers, "count", count)

    async def slow_write(draft: Draft, *args: Any, **more: Any) -> object:
        await chat.storage.drafts.drop(draft.id)
        return await write(draft, *args, **more)

    await preview(ada)
    monkeypatch.setattr(chat.storage.drafts, "write", slow_write)
    await ada.send("Мост открыт.")
    await ada.next("Этот черновик закрыт")


async def test_nobody_to_send_to(chat: Chat) -> None:
    ada = await chat.editor(ADA)
    _, card = await preview(ada)
    answer = await ada.tap(card, "Разослать")
    assert (answer or {})["text"].startswith("Получателей нет")
    assert await casts(chat) == []


@pytest.mark.parametrize(
    "forged",
    [
        "draft:send:1:00000000",
        "draft:send:999999999999999999:deadbeef",
        "draft:send:9223372036854775808:deadbeef",
        "draft:burn:1:{seal}",
        "draft:send:-1:{seal}",
        "draft:send:1",
        "draft:send:1:{seal}:2",
        "draft:send: 1:{seal}",
        "cast:stop:1",
        "cast:explode:1",
        "cast:cancel:0",
        "cast:cancel:9223372036854775807",
        "cast::",
        "cast",
        "draft",
    ],
)
async def test_forged_data_get_an_answer_and_have_no_effect(chat: Chat, ada: Person, forged: str) -> None:
    _, card = await preview(ada)
    seal = data(card, "Разослать").rpartition(":")[2]
    answer = await ada.press(card, forged.format(seal=seal))
    assert (answer or {})["text"]
    assert ((await draft_of(chat)).state, await casts(chat)) == (DraftState.DRAFT, [])


async def test_everybody_else_is_a_reader(chat: Chat, ada: Person) -> None:
    _, card = await preview(ada)
    reader = chat.people.add(600)
    for said in ("/breaking", "/breaking Мост закрыт.", "/cancel"):
        await reader.send(said)
        assert "/help" in (await reader.next())["text"]
    answer = await reader.press(reader.chat()[-1], data(card, "Разослать"))
    assert "устарела" in (answer or {})["text"]
    assert await casts(chat) == []


async def test_what_telegram_refuses_is_told(chat: Chat, ada: Person) -> None:
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    chat.sandbox.fail(ApiError(400, "Bad Request: PHOTO_INVALID"), "sendPhoto")
    await ada.send("Мост закрыт", photo=PICTURE)
    refused = await ada.next("Telegram не принимает")
    assert "PHOTO_INVALID" in refused["text"]
    await ada.send("Мост закрыт")
    await ada.next("Так увидят")


class TestWithoutCountdown:
    """countdown = 0: the press is the send."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, desk=Desk(countdown=0))

    async def test_due_at_once(self, chat: Chat, ada: Person) -> None:
        _, card = await preview(ada)
        await ada.tap(card, "Разослать")
        (cast,) = await chat.storage.broadcasts.open()
        assert cast.due_at == START


class TestPaid:
    """Paid broadcast: the estimate before the press, what was spent in the report."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, delivery=Delivery(1, 100, 1000))

    async def test_the_card_tells_time_and_stars_before_and_after(self, chat: Chat, ada: Person) -> None:
        await _more_readers(chat, 17)
        _, card = await preview(ada)
        assert "Платная рассылка: ≈ 1 с, до 2 звёзд; бесплатно: 20 с" in card["text"].replace("\xa0", " ")
        assert "в секунду" not in card["text"]
        await ada.tap(card, "Разослать")
        (cast,) = await chat.storage.broadcasts.open()
        await chat.storage.broadcasts.change(cast.id, BroadcastState.RUNNING, among=[cast.state], now=START + 5)
        receipts = [Receipt(cast.id, id_, Result.SENT, 900, message_id=id_) for id_ in range(1, 12)]
        spent = [(11, "BALANCE_TOO_LOW", cast.id)]
        await chat.storage.deliveries.settle(receipts, [], worker="w", until=0, now=START + 6, spent=spent)
        await ada.press(card, f"cast:stop:{cast.id}")
        await chat.look()
        report = (await ada.next("Остановлено"))["text"].replace("\xa0", " ")
        assert "\nПлатная рассылка: 11 сообщений, до 2 звёзд.\n" in report
        assert "\nTelegram не принял платную рассылку (BALANCE_TOO_LOW): отправлено с бесплатной скоростью.\n" in report


async def _more_readers(chat: Chat, number: int) -> None:
    for id_ in range(number):
        reader = await chat.storage.readers.meet(800 + id_, language="ru", now=START)
        await chat.storage.readers.consent(reader.id, "v1", now=START)


class TestPaidWithoutACap:
    """A rate without a cap pays for nothing."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, delivery=Delivery(1, 100, 0))

    async def test_the_card_says_the_free_rate(self, chat: Chat, ada: Person) -> None:
        _, card = await preview(ada)
        assert "Займёт ≈ 3 с (1 в секунду)" in card["text"].replace("\xa0", " ")
        assert "Платная" not in card["text"]
