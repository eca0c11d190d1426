"""`/promo`: a partner's post with the law's label, one a day to a person, never breaking; and its figures."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from talking import START, Chat, labels

from bot.desk import promo, tallies
from bot.domain.delivery import Broadcast, BroadcastState, Lane, Receipt, Result
from bot.domain.desk import Way
from bot.domain.post import PostKind
from bot.domain.reader import Choices, ReaderKind
from bot.sandbox.client import Person
from bot.settings import Desk, Settings
from storage import Storage

ADA, BEK = 501, 502
SPORT = 1 << 4


async def reader(storage: Storage, chat_id: int, kind: ReaderKind = ReaderKind.PERSON, **choices: object) -> int:
    """Somebody who said yes; the reader's id."""
    met = await storage.readers.meet(chat_id, language="ru", kind=kind, choices=Choices(**choices), now=START)  # type: ignore[arg-type]
    await storage.readers.consent(met.id, "v1", now=START)
    await storage.readers.choose(met.id, SPORT, True, now=START)
    return met.id


async def written(ada: Person, text: str) -> dict[str, object]:
    """A partner's post, written; its card."""
    await ada.send(f"/promo {text}")
    return await ada.next("Так увидят")


async def ended(chat: Chat, cast: Broadcast, receipts: list[Receipt]) -> None:
    """It began at its time, these readers have it, and it is over."""
    storage, at = chat.storage, cast.due_at
    await storage.broadcasts.change(cast.id, BroadcastState.RUNNING, among=[BroadcastState.COUNTDOWN], now=at)
    await storage.deliveries.settle(receipts, [], worker="w", until=0, now=at)
    await storage.broadcasts.change(cast.id, BroadcastState.STOPPED, among=[BroadcastState.RUNNING], now=at + 60)


async def test_from_the_partners_words_to_the_partners_figures(chat: Chat) -> None:
    storage = chat.storage
    ids = [await reader(storage, 700 + n) for n in range(4)]
    await reader(storage, 800, partner=False)
    await reader(storage, 801, volume=0)
    await reader(storage, -900, ReaderKind.GROUP)
    ada = await chat.editor(ADA)
    await ada.send("/promo")
    assert labels(await ada.next("Пришлите партнёрский пост")) == [["📊 Итоги прежних"]]
    await ada.send("Летний лагерь «Дала»: запись открыта.")
    assert (await ada.next("Летний"))["text"] == "Партнерский материал\nЛетний лагерь «Дала»: запись открыта."
    card = await ada.next("Так увидят")
    assert "Читателям всех разделов\nПолучат: 4 из 6 (без партнёрских: 1 · только обзоры: 1)" in card["text"]
    await ada.tap(card, "Ещё")
    await ada.tap(await ada.next(), "Пометка: Реклама")
    assert (await ada.next("Летний"))["text"].startswith("Реклама\n")
    await ada.tap(await ada.next("Так увидят"), "Разослать")
    await chat.look()
    (cast,) = await storage.broadcasts.open()
    (post,) = await storage.posts.get(cast.posts)
    assert (cast.lane, cast.serial, cast.total, post.kind, post.label) == (Lane.PROMO, 0, 4, PostKind.PROMO, "ad")
    assert await storage.posts.latest(-1, [], 9) == [], "no reader finds it among the news"

    got = [Receipt(cast.id, ids[0], Result.SENT, 900, message_id=1), Receipt(cast.id, ids[1], Result.SENT, 9000)]
    lost = [Receipt(cast.id, ids[2], Result.UNCERTAIN, 1), Receipt(cast.id, ids[3], Result.GONE, 1)]
    await ended(chat, cast, got + lost)
    await chat.look(70)
    report = next(one for one in reversed(ada.chat()) if ["📊 Отчёт для партнёра"] in labels(one))
    await ada.tap(report, "Отчёт для партнёра")
    before = await ada.next("Партнёрский пост: итоги")
    for line in ("Реклама: Летний лагерь", "доставлено 2 · заблокировали 1", "ответ потерян 1", "95 % — за"):
        assert line in before["text"], before["text"]
    await ada.tap(before, "CSV")
    assert (await ada.next())["document"]["file_name"] == f"promo-{cast.id}.csv"
    await tallies.roll_up(storage, chat.ctx.sections, chat.ctx.zone, START + 600)
    await storage.engine.write("DELETE FROM receipt")
    found = await promo.figures(storage, cast, chat.ctx.zone)
    cast_now = await storage.broadcasts.get(cast.id)
    table = promo.as_csv([replace(found, broadcast=cast_now)], chat.ctx.sections, chat.ctx.words["ru"], chat.ctx.zone)
    (row,) = csv.DictReader(io.StringIO(table.decode("utf-8-sig")))
    wanted = {"label": "Реклама", "sections": "all", "audience": "4", "delivered": "2", "blocked": "1", "lost": "1"}
    assert {name: row[name] for name in wanted} == wanted, "kept when receipts are forgotten"
    assert row["from"] == "2025-11-23T10:00:05+05:00"
    await ada.send("/stats")
    assert "Партнёрские посты\nдоставлено 2 · заблокировали 1" in (await ada.next("📊"))["text"]


async def test_one_a_day(chat: Chat) -> None:
    ids = [await reader(chat.storage, 700 + n) for n in range(2)]
    ada = await chat.editor(ADA)
    await ada.tap(await written(ada, "Первый."), "Разослать")
    await chat.look()
    (cast,) = await chat.storage.broadcasts.open()
    await ended(chat, cast, [Receipt(cast.id, ids[0], Result.SENT, 900, message_id=1)])
    card = await written(ada, "Второй.")
    assert "Получат: 1 из 2 (в этот день уже был: 1)" in card["text"]
    await chat.storage.deliveries.settle(
        [Receipt(cast.id, ids[1], Result.UNCERTAIN, 900)], [], worker="w", until=0, now=START
    )
    refused = await ada.tap(card, "Разослать")
    assert "в этот день один уже был" in (refused or {})["text"], "perhaps it has come to the other, too"
    await ada.tap(card, "Ещё")
    await ada.tap(await ada.next(), "Позже")
    await ada.tap(await ada.next(), "24 ноября")
    assert "Получат: 2 из 2" in (await ada.next("Так увидят"))["text"], "the day on which it goes out counts"


async def test_never_breaking_and_in_nobodys_place(chat: Chat) -> None:
    await reader(chat.storage, 700)
    ada = await chat.editor(ADA)
    await ada.send("/promo")
    asked = await ada.next("Пришлите партнёрский пост")
    draft = await chat.storage.drafts.current(ADA, ADA, since=0)
    assert draft
    for data in (f"way:breaking:{draft.id}", f"story:list:{draft.id}:0"):
        assert "устарела" in (await ada.press(asked, data) or {})["text"]
    await ada.send("Лагерь.")
    card = await ada.next("Так увидят")
    for data in (f"way:breaking:{draft.id}", f"story:list:{draft.id}:0"):
        assert "устарела" in (await ada.press(card, data) or {})["text"]
    kept = await chat.storage.drafts.get(draft.id)
    assert kept
    assert kept.content.way is Way.PROMO
    reader_ = chat.people.add(600, started=True)
    await reader_.send("/promo Моя реклама")
    await chat.idle()
    assert len(await chat.storage.drafts.open(9)) == 1, "readers send nothing"


async def test_the_readers_switch(chat: Chat) -> None:
    id_ = await reader(chat.storage, 700)
    person = chat.people.add(700, lang="ru", started=True)
    await person.send("/settings")
    shown = await person.next("Настройки")
    answer = await person.press(shown, "ads:0:post")
    assert "не будет" in (answer or {})["text"]
    await person.tap(shown, "Без" if any("Без" in one for row in labels(shown) for one in row) else "Партнёрские: не")
    await person.tap(await person.next("Настройки"), "Партнёрские: нет")
    assert ["Партнёрские: не больше 1 в день"] in labels(await person.next("Настройки"))
    found = await chat.storage.readers.get(700)
    assert found
    assert (found.id, found.partner) == (id_, True)


class TestWithApprovals:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, desk=Desk(approvals=1))

    async def test_it_waits_for_a_second_person(self, chat: Chat) -> None:
        await reader(chat.storage, 700)
        ada, bek = await chat.editor(ADA), await chat.editor(BEK)
        await ada.tap(await written(ada, "Лагерь."), "На утверждение")
        await chat.look()
        await bek.tap(await bek.next("просит утвердить партнёрский пост (до"), "Утвердить")
        await chat.look()
        (cast,) = await chat.storage.broadcasts.open()
        assert cast.lane is Lane.PROMO
