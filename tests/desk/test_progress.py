"""Cards of sends: right in each state, edited rarely, reported once, whatever restarts or fails in between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.clock import SteppableClock
from bot.desk import drafts
from bot.desk.progress import ProgressCards, card
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Progress, Receipt, Result
from bot.domain.errors import StorageBusy
from bot.domain.post import RichText
from bot.i18n import Words
from storage import Storage

NOW = 1_763_874_000
WORDS = Words.load(("ru", "kk", "en"))
ADA = 7
S = BroadcastState
HALF = Progress(total=12_840, sent=7_288, gone=19, rejected=3, uncertain=0, waiting=0)
FULL = Progress(total=12_840, sent=12_790, gone=44, rejected=6, uncertain=0, waiting=0, p50=228.0, p95=434.2)
CAST = Broadcast(12, "draft:1", Lane.BREAKING, S.RUNNING, Audience(), 0, 0, 0, 12_840, NOW + 5, NOW, NOW + 5, None)


def _said(
    state: BroadcastState, progress: Progress, *, language: str = "ru", cast: Broadcast = CAST, **more: Any
) -> tuple[str, list[str]]:
    cast = replace(cast, state=state, finished_at=NOW + 465)
    text, keys = card(WORDS[language], cast, progress, now=more.pop("now", NOW), **more)
    labels = [button["text"] for row in keys["inline_keyboard"] for button in row] if keys else []
    return text.text.replace("\N{NO-BREAK SPACE}", " "), labels


def test_each_state_has_its_words_and_buttons() -> None:
    assert _said(S.COUNTDOWN, HALF, now=NOW + 1) == ("Отправка через 4 с…", ["⛔ Отменить"])
    assert _said(S.COUNTDOWN, HALF, now=NOW + 9)[0] == "Отправка через 1 с…"
    assert _said(S.RUNNING, HALF, rate=28.0) == (
        "📤 7 310 из 12 840 (56 %) · 28/с · осталось ≈ 3 мин 18 с\nдоставлено 7 288 · заблокировали 19 · не удалось 3",
        ["⏸ Пауза", "⛔ Стоп"],
    )
    assert _said(S.PAUSED, HALF)[0].startswith("⏸ На паузе: 7 310 из 12 840 (56 %)\n")
    assert _said(S.PAUSED, HALF)[1] == ["▶️ Продолжить", "⛔ Стоп"]
    assert _said(S.STOPPED, HALF)[0].startswith("⛔ Остановлено: 7 310 из 12 840")
    assert _said(S.CANCELLED, HALF) == ("⛔ Отправка отменена, никто ничего не получил.\nНачать заново: /breaking", [])
    assert _said(S.DONE, FULL) == (
        "✅ Разослано за 7 мин 40 с.\nдоставлено 12 790 · заблокировали 44 · не удалось 6\n"
        "Половина получила за 3 мин 48 с, 95 % — за 7 мин 15 с.\nПрочтения Telegram ботам не сообщает.",
        [],
    )


def test_what_is_rare_or_unknown_is_told_only_when_it_is_there() -> None:
    odd = replace(HALF, uncertain=2, waiting=4)
    assert _said(S.RUNNING, odd)[0].endswith("не удалось 3 · ответ потерян 2 · ждут повтора 4")
    assert "осталось" not in _said(S.RUNNING, HALF)[0]
    assert "осталось" not in _said(S.RUNNING, FULL, rate=5.0)[0]
    assert _said(S.RUNNING, Progress(0, 0, 0, 0, 0, 0))[0].startswith("📤 0 из 0 (100 %)")
    assert "Half" not in _said(S.DONE, Progress(1, 0, 1, 0, 0, 0), language="en")[0]
    refused = replace(FULL, refusals=(("message is too long", 4), ("TOPIC_CLOSED", 2)))
    assert "\nПричины от Telegram: message is too long (4), TOPIC_CLOSED (2)\n" in _said(S.DONE, refused)[0]
    assert "Half" not in _said(S.DONE, replace(FULL, p50=0.2, p95=0.9), language="en")[0]


@pytest.mark.parametrize(
    ("language", "paid", "unpaid", "lines"),
    [
        ("ru", 0, "", []),
        ("ru", 1, "", ["Платная рассылка: 1 сообщение, до 1 звезды."]),
        ("ru", 12_002, "", ["Платная рассылка: 12 002 сообщения, до 1 201 звезды."]),
        (
            "ru",
            10_000,
            "cap",
            [
                "Платная рассылка: 10 000 сообщений, до 1 000 звёзд.",
                "Достигнут предел звёзд: остальное ушло с бесплатной скоростью.",
            ],
        ),
        (
            "kk",
            0,
            "BALANCE_TOO_LOW",
            ["Telegram ақылы таратуды қабылдамады (BALANCE_TOO_LOW): тегін жылдамдықпен жіберілді."],
        ),
        (
            "kk",
            20,
            "cap",
            [
                "Ақылы тарату: 20 хабарлама, 2 жұлдызға дейін.",
                "Жұлдыз шегіне жетті: қалғандары тегін жылдамдықпен жіберілді.",
            ],
        ),
        ("en", 1, "", ["Paid broadcast: 1 message, up to 1 Star."]),
        (
            "en",
            25,
            "x",
            [
                "Paid broadcast: 25 messages, up to 3 Stars.",
                "Telegram refused paid broadcast (x): sent at the free rate.",
            ],
        ),
    ],
)
def test_the_report_says_what_was_spent_and_why_not_more(
    language: str, paid: int, unpaid: str, lines: list[str]
) -> None:
    cast = replace(CAST, paid=paid, unpaid=unpaid)
    plain = _said(S.DONE, FULL, language=language)[0].split("\n")
    assert _said(S.DONE, FULL, language=language, cast=cast)[0].split("\n") == [*plain[:-1], *lines, plain[-1]]
    assert all(line in _said(S.STOPPED, FULL, language=language, cast=cast)[0] for line in lines)


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
@pytest.mark.parametrize("state", list(S))
def test_every_card_speaks_every_language(language: str, state: BroadcastState) -> None:
    said, labels = _said(state, FULL, language=language, rate=28.0)
    assert "{" not in said
    assert len(said) < 600
    assert len(set(labels)) == len(labels)


@dataclass
class Chat:
    """A chat that keeps what its cards said; `broken` makes edits fail."""

    edits: list[tuple[int, int, str, list[dict[str, Any]], dict[str, Any] | None]] = field(default_factory=list)
    broken: bool = False

    async def edit(
        self, chat_id: int, message_id: int, text: str, entities: list[dict[str, Any]], keyboard: dict[str, Any] | None
    ) -> None:
        """See `Messenger`."""
        if self.broken:
            raise OSError("no network")
        self.edits.append((chat_id, message_id, text, entities, keyboard))

    @property
    def texts(self) -> list[str]:
        """What was said, oldest first."""
        return [edit[2].replace("\N{NO-BREAK SPACE}", " ") for edit in self.edits]


@dataclass
class Desk:
    """A send of 40 readers with its card."""

    storage: Storage
    clock: SteppableClock
    chat: Chat
    cards: ProgressCards
    cast: int
    draft: int

    async def seconds(self, count: int) -> None:
        """Let the service look once a second."""
        for _ in range(count):
            await self.cards.beat()
            await self.clock.advance(1)

    async def change(self, wanted: BroadcastState, *among: BroadcastState) -> None:
        assert await self.storage.broadcasts.change(self.cast, wanted, among=among, now=int(self.clock.now()))

    async def settle(self, first: int, last: int) -> None:
        """Readers `first`..`last` have it."""
        receipts = [Receipt(self.cast, id_, Result.SENT, 1000 * id_, message_id=id_) for id_ in range(first, last + 1)]
        await self.storage.deliveries.settle(receipts, [], worker="w", until=0, now=int(self.clock.now()))


@pytest.fixture
async def desk(sqlite_storage: Storage) -> Desk:
    clock, chat = SteppableClock(NOW), Chat()
    for id_ in range(1, 41):
        reader = await sqlite_storage.readers.meet(1000 + id_, language="ru", now=NOW)
        await sqlite_storage.readers.consent(reader.id, "v1", now=NOW)
    begun = await sqlite_storage.editors.new_draft(ADA, ADA, "ru", now=NOW)
    filled = await sqlite_storage.editors.fill_draft(begun.id, RichText("Мост закрыт"), "", "")
    assert filled is not None
    await sqlite_storage.editors.draft_card(filled.id, 55)
    cast = await drafts.launch(sqlite_storage, filled, "ru", countdown=5, start=0, now=NOW)
    assert cast is not None
    return Desk(sqlite_storage, clock, chat, ProgressCards(sqlite_storage, chat, WORDS, clock), cast, filled.id)


async def test_a_card_follows_its_send_and_is_edited_every_three_seconds_at_most(desk: Desk) -> None:
    await desk.seconds(5)
    assert desk.chat.texts == ["Отправка через 5 с…", "Отправка через 2 с…"]
    await desk.change(S.RUNNING, S.COUNTDOWN)
    for second in range(6):
        await desk.settle(1 + 5 * second, 5 + 5 * second)
        await desk.seconds(1)
    assert desk.chat.texts[2:] == [
        "📤 5 из 40 (12 %)\nдоставлено 5 · заблокировали 0 · не удалось 0",  # a new state is shown at once
        "📤 20 из 40 (50 %) · 5/с · осталось ≈ 4 с\nдоставлено 20 · заблокировали 0 · не удалось 0",
    ]
    assert {edit[:2] for edit in desk.chat.edits} == {(ADA, 55)}
    assert desk.chat.edits[-1][3] == [{"type": "bold", "offset": 0, "length": 41}]
    labels = [button["text"] for button in desk.chat.edits[-1][4]["inline_keyboard"][0]]  # type: ignore[index]
    assert labels == ["⏸ Пауза", "⛔ Стоп"]


async def test_an_unchanged_card_is_left_alone(desk: Desk) -> None:
    await desk.change(S.RUNNING, S.COUNTDOWN)
    await desk.change(S.PAUSED, S.RUNNING)
    await desk.seconds(20)
    assert len(desk.chat.edits) == 1


async def test_the_report_comes_once_even_after_a_restart(desk: Desk) -> None:
    await desk.change(S.RUNNING, S.COUNTDOWN)
    await desk.seconds(2)
    await desk.settle(1, 40)
    broadcast = await desk.storage.broadcasts.get(desk.cast)
    assert broadcast is not None
    assert await desk.storage.broadcasts.finish(replace(broadcast, horizon=0), now=NOW + 20)
    desk.cards = ProgressCards(desk.storage, desk.chat, WORDS, desk.clock)  # a new process knows only the database
    await desk.seconds(30)
    assert desk.chat.texts[-1].startswith("✅ Разослано за 20 с.\nдоставлено 40 ·")
    assert len([text for text in desk.chat.texts if "✅" in text]) == 1
    assert await desk.storage.editors.cards() == []
    desk.cards = ProgressCards(desk.storage, desk.chat, WORDS, desk.clock)
    count = len(desk.chat.edits)
    await desk.seconds(10)
    assert len(desk.chat.edits) == count


async def test_answers_under_way_at_a_stop_are_still_counted(desk: Desk) -> None:
    await desk.change(S.RUNNING, S.COUNTDOWN)
    await desk.settle(1, 10)
    await desk.change(S.STOPPED, S.RUNNING)
    await desk.seconds(1)
    await desk.settle(11, 13)
    await desk.seconds(4)
    assert "⛔ Остановлено: 13 из 40" in desk.chat.texts[-1]
    assert await desk.storage.editors.cards() == []


async def test_a_card_that_cannot_be_edited_is_tried_again_and_given_up_in_the_end(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.chat.broken = True
    await desk.change(S.CANCELLED, S.COUNTDOWN)
    await desk.seconds(29)
    assert len([record for record in caplog.records if "no network" in record.message]) == 1
    desk.chat.broken = False
    await desk.seconds(5)
    assert desk.chat.texts == ["⛔ Отправка отменена, никто ничего не получил.\nНачать заново: /breaking"]


async def test_a_dead_chat_does_not_owe_a_report_for_ever(desk: Desk) -> None:
    desk.chat.broken = True
    await desk.change(S.CANCELLED, S.COUNTDOWN)
    await desk.clock.advance(3600)
    await desk.seconds(1)
    assert await desk.storage.editors.cards() == []


async def test_a_card_without_its_broadcast_owes_nothing(desk: Desk) -> None:
    await desk.storage.engine.write("DELETE FROM broadcast WHERE id = :id", id=desk.cast)
    await desk.seconds(1)
    assert (desk.chat.edits, await desk.storage.editors.cards()) == ([], [])


async def test_the_card_speaks_its_editors_language(desk: Desk) -> None:
    await desk.storage.readers.meet(ADA, language="en", now=NOW)
    await desk.seconds(1)
    assert desk.chat.texts == ["Sending in 5 s…"]


async def test_the_service_outlives_a_busy_database(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = desk.storage.broadcasts.progress, 2

    async def busy(broadcast_id: int) -> Progress:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StorageBusy("database is busy")
        return await real(broadcast_id)

    monkeypatch.setattr(desk.storage.broadcasts, "progress", busy)
    task = asyncio.create_task(desk.cards.run())
    async with asyncio.timeout(5):
        while not desk.chat.edits:
            await asyncio.sleep(0.005)
            if desk.clock.next_wake() is not None:
                await desk.clock.advance(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert failures < 0
