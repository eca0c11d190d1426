"""What the desk sees of drafts: cards that are true everywhere, and what time does to drafts, whatever fails."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.clock import SteppableClock
from bot.desk import drafts, room
from bot.desk.board import Board
from bot.desk.room import Topic
from bot.desk.sends import Sends
from bot.domain.delivery import BroadcastState, Progress, Receipt, Result
from bot.domain.desk import Card, Draft, DraftState, Role
from bot.domain.errors import StorageBusy
from bot.domain.post import Rendering
from bot.i18n import Words
from bot.settings import Desk as Rules
from bot.settings import Settings
from storage import Storage
from tests.factories import drafted

NOW = 1_763_874_000
WORDS = Words.load(("ru", "kk", "en"))
ADA, BEK, OWNER, GROUP = 7, 8, 9, -1_001_500_000_000
S = BroadcastState


@dataclass
class Chats:
    """All chats; what was said stands under (chat, message). `broken` names chats that take nothing."""

    said: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    keys: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    threads: dict[int, int] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)
    no_topics: bool = False
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    async def show(self, chat_id: int, rendering: Rendering, *, thread_id: int = 0) -> int:
        """See `Messenger`."""
        if thread_id and self.no_topics:
            raise OSError("Bad Request: message thread not found")
        self.threads[chat_id] = thread_id
        id_ = next(self.ids)
        await self.edit(chat_id, id_, rendering.payload["text"], [], rendering.payload.get("reply_markup"))
        return id_

    async def edit(
        self, chat_id: int, message_id: int, text: str, entities: list[dict[str, Any]], keyboard: dict[str, Any] | None
    ) -> None:
        """See `Messenger`."""
        if chat_id in self.broken:
            raise OSError("no network")
        self.said.setdefault((chat_id, message_id), []).append(text.replace("\N{NO-BREAK SPACE}", " "))
        rows = keyboard["inline_keyboard"] if keyboard else []
        self.keys[chat_id, message_id] = [button["text"] for row in rows for button in row]

    def texts(self, chat_id: int) -> list[str]:
        """What a chat's messages said, one after the other."""
        return [text for (chat, _), texts in self.said.items() if chat == chat_id for text in texts]

    def buttons(self, chat_id: int) -> list[str]:
        """The buttons of a chat's last message."""
        return [keys for (chat, _), keys in self.keys.items() if chat == chat_id][-1]


@dataclass
class Desk:
    """An editor's desk over a real database."""

    storage: Storage
    settings: Settings
    clock: SteppableClock = field(default_factory=lambda: SteppableClock(NOW))
    chats: Chats = field(default_factory=Chats)
    launched: int = 0
    albums: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process knows only the database."""

        def launched() -> None:
            self.launched += 1

        async def gathered(draft: Draft) -> None:
            self.albums.append(draft.id)

        self.sends = Sends(
            self.storage, self.chats, self.settings, WORDS, self.clock, launched=launched, gathered=gathered
        )

    @property
    def now(self) -> int:
        return int(self.clock.now())

    async def seconds(self, count: int) -> None:
        """Let the service look once a second."""
        for _ in range(count):
            await self.sends.beat()
            await self.clock.advance(1)

    async def draft(self, **changes: Any) -> Draft:
        """A whole draft of Ada's, as it stands in storage; `changes` of the draft itself."""
        draft = await drafted(self.storage, author=ADA, now=self.now)
        kept = await self.storage.drafts.write(replace(draft, **changes), DraftState.DRAFT, now=self.now)
        assert kept
        return kept

    async def send(self, *, solo: bool = False, card: int = 55) -> int:
        """Ada sends a draft, whose card is that message; the broadcast's id."""
        draft = await self.draft()
        await self.storage.cards.put(Card("draft", draft.id, ADA, card, ""), now=self.now)
        cast = await drafts.launch(self.storage, draft, self.settings, by=ADA, solo=solo, now=self.now)
        assert cast
        return cast

    async def change(self, cast: int, wanted: BroadcastState, *among: BroadcastState) -> None:
        assert await self.storage.broadcasts.change(cast, wanted, among=among, now=self.now)

    async def settle(self, cast: int, first: int, last: int) -> None:
        """Readers `first`..`last` have it."""
        receipts = [Receipt(cast, id_, Result.SENT, 1000 * id_, message_id=id_) for id_ in range(first, last + 1)]
        await self.storage.deliveries.settle(receipts, [], worker="w", until=0, now=self.now)

    async def end(self, cast: int) -> None:
        """All of it is sent."""
        broadcast = await self.storage.broadcasts.get(cast)
        assert broadcast
        assert await self.storage.broadcasts.finish(replace(broadcast, horizon=0), now=self.now)

    async def state(self, draft: Draft) -> DraftState:
        known = await self.storage.drafts.get(draft.id)
        assert known
        return known.state


async def _desk(storage: Storage, **rules: Any) -> Desk:
    for id_ in range(1, 41):
        reader = await storage.readers.meet(1000 + id_, language="ru", now=NOW)
        await storage.readers.consent(reader.id, "v1", now=NOW)
    for user_id, role, name in ((ADA, Role.EDITOR, "Ада"), (BEK, Role.EDITOR, "Бек"), (OWNER, Role.OWNER, "")):
        await storage.editors.add(user_id, role, name, by=0, now=NOW)
    return Desk(storage, Settings(desk=Rules(**rules)))


@pytest.fixture
async def desk(sqlite_storage: Storage) -> Desk:
    """Nobody has to approve anything."""
    return await _desk(sqlite_storage)


@pytest.fixture
async def strict(sqlite_storage: Storage) -> Desk:
    """Somebody else has to approve breaking news."""
    return await _desk(sqlite_storage, approvals=1)


async def test_a_card_follows_its_send_and_is_edited_every_three_seconds_at_most(desk: Desk) -> None:
    cast = await desk.send()
    await desk.seconds(5)
    assert desk.chats.texts(ADA) == ["Отправка через 5 с…", "Отправка через 2 с…"]
    await desk.change(cast, S.RUNNING, S.COUNTDOWN)
    for second in range(6):
        await desk.settle(cast, 1 + 5 * second, 5 + 5 * second)
        await desk.seconds(1)
    assert desk.chats.texts(ADA)[2:] == [
        "📤 5 из 40 (12 %)\nдоставлено 5 · заблокировали 0 · не удалось 0",  # a new state is shown at once
        "📤 20 из 40 (50 %) · 5/с · осталось ≈ 4 с\nдоставлено 20 · заблокировали 0 · не удалось 0",
    ]
    assert list(desk.chats.said) == [(ADA, 55)]
    assert desk.chats.buttons(ADA) == ["⏸ Пауза", "⛔ Стоп"]


async def test_a_group_sees_it_too_and_is_spared(desk: Desk) -> None:
    await room.choose(desk.storage, GROUP, {Topic.URGENT: 5})
    cast = await desk.send()
    await desk.change(cast, S.RUNNING, S.COUNTDOWN)
    for second in range(12):
        await desk.settle(cast, 1 + 3 * second, 3 + 3 * second)
        await desk.seconds(1)
    assert (len(desk.chats.texts(ADA)), len(desk.chats.texts(GROUP))) == (4, 2)
    assert desk.chats.threads == {GROUP: 5}
    assert desk.chats.texts(GROUP)[0].endswith("не удалось 0\nМост закрыт\nОтправитель: Ада")
    assert desk.chats.buttons(GROUP) == ["⏸ Пауза", "⛔ Стоп"]
    assert desk.chats.texts(BEK) == desk.chats.texts(OWNER) == []


async def test_a_topic_that_somebody_has_deleted_is_no_loss(desk: Desk) -> None:
    await room.choose(desk.storage, GROUP, {Topic.URGENT: 5})
    desk.chats.no_topics = True
    await desk.send()
    await desk.seconds(1)
    assert (len(desk.chats.texts(GROUP)), desk.chats.threads) == (1, {GROUP: 0})


async def test_an_unchanged_card_is_left_alone(desk: Desk) -> None:
    cast = await desk.send()
    await desk.change(cast, S.RUNNING, S.COUNTDOWN)
    await desk.change(cast, S.PAUSED, S.RUNNING)
    await desk.seconds(20)
    assert len(desk.chats.texts(ADA)) == 1
    desk.restart()
    await desk.seconds(20)
    assert len(desk.chats.texts(ADA)) == 1


async def test_the_report_comes_once_even_after_a_restart(desk: Desk) -> None:
    cast = await desk.send()
    await desk.change(cast, S.RUNNING, S.COUNTDOWN)
    await desk.seconds(2)
    await desk.settle(cast, 1, 40)
    await desk.clock.advance(18)
    await desk.end(cast)
    desk.restart()
    await desk.seconds(30)
    assert desk.chats.texts(ADA)[-1].startswith("✅ Разослано за 38 с.\nдоставлено 40 ·")
    assert len([text for text in desk.chats.texts(ADA) if "✅" in text]) == 1
    await desk.clock.advance(3600)
    desk.restart()
    await desk.seconds(3)
    assert "Ушли за час: 0" in desk.chats.texts(ADA)[-1]
    assert await desk.storage.drafts.live() == []
    assert await desk.storage.cards.of("draft") == []
    count = len(desk.chats.texts(ADA))
    await desk.seconds(10)
    assert len(desk.chats.texts(ADA)) == count


async def test_answers_under_way_at_a_stop_are_still_counted(desk: Desk) -> None:
    cast = await desk.send()
    await desk.change(cast, S.RUNNING, S.COUNTDOWN)
    await desk.settle(cast, 1, 10)
    await desk.change(cast, S.STOPPED, S.RUNNING)
    await desk.seconds(1)
    await desk.settle(cast, 11, 13)
    await desk.seconds(4)
    assert "⛔ Остановлено: 13 из 40" in desk.chats.texts(ADA)[-1]


async def test_a_card_that_cannot_be_edited_is_tried_again_and_given_up_in_the_end(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    cast = await desk.send()
    desk.chats.broken = {ADA}
    await desk.change(cast, S.CANCELLED, S.COUNTDOWN)
    await desk.seconds(29)
    assert 0 < len([record for record in caplog.records if "no network" in record.message]) < 3
    desk.chats.broken = set()
    await desk.seconds(10)
    assert desk.chats.texts(ADA) == ["⛔ Отправка отменена, никто ничего не получил.\nНачать заново: /breaking"]
    assert await desk.storage.drafts.live() == []


async def test_a_dead_chat_does_not_owe_a_report_for_ever(desk: Desk) -> None:
    desk.chats.broken = {ADA}
    await desk.change(await desk.send(), S.CANCELLED, S.COUNTDOWN)
    await desk.clock.advance(7200)
    await desk.seconds(1)
    assert await desk.storage.drafts.live() == []


async def test_a_card_without_its_broadcast_owes_nothing(desk: Desk) -> None:
    await desk.storage.engine.write("DELETE FROM broadcast WHERE id = :id", id=await desk.send())
    await desk.seconds(1)
    assert (desk.chats.said, await desk.storage.drafts.live()) == ({}, [])


async def test_the_card_speaks_its_editors_language(desk: Desk) -> None:
    await desk.storage.readers.meet(ADA, language="en", now=NOW)
    await desk.send()
    await desk.seconds(1)
    assert desk.chats.texts(ADA) == ["Sending in 5 s…"]


async def test_the_service_outlives_a_busy_database(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.send()
    real, failures = desk.storage.broadcasts.progress, 2

    async def busy(broadcast_id: int) -> Progress:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StorageBusy("database is busy")
        return await real(broadcast_id)

    monkeypatch.setattr(desk.storage.broadcasts, "progress", busy)
    board = Board([desk.sends], desk.clock)
    task = asyncio.create_task(board.run())
    async with asyncio.timeout(60):
        while not desk.chats.said:
            board.wake()
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert failures < 0


# The second person -----------------------------------------------------------------------------------------------


async def _asked(desk: Desk, **changes: Any) -> Draft:
    draft = await desk.draft(**changes)
    await desk.storage.cards.put(Card("draft", draft.id, ADA, 55, ""), now=desk.now)
    until = desk.now + drafts.REVIEW_SECONDS
    assert await desk.storage.drafts.ask(draft, drafts.seal(draft), until=until, now=desk.now)
    return draft


async def test_who_may_approve_is_asked_where_they_are(strict: Desk) -> None:
    await _asked(strict)
    await strict.seconds(1)
    assert strict.chats.texts(ADA) == ["Ждёт второго человека до 10:10.\nМост закрыт"]
    assert strict.chats.buttons(ADA) == ["Отправить без утверждения", "Забрать обратно"]
    for other in (BEK, OWNER):
        assert strict.chats.texts(other) == ["Ада просит утвердить срочное (до 10:10):\nМост закрыт"]
        assert strict.chats.buttons(other) == ["✅ Утвердить", "Вернуть с замечанием", "Показать превью"]
    await strict.seconds(5)
    assert len(strict.chats.said) == 3, "asked once"


async def test_in_a_group_everybody_sees_the_request(strict: Desk) -> None:
    await room.choose(strict.storage, GROUP, {Topic.URGENT: 5})
    await _asked(strict)
    await strict.seconds(1)
    assert set(strict.chats.said) == {(ADA, 55), (GROUP, 100)}
    assert strict.chats.buttons(GROUP) == ["✅ Утвердить", "Вернуть с замечанием", "Показать превью"]


async def test_approved_it_goes_and_all_who_were_asked_see_it(strict: Desk) -> None:
    draft = await _asked(strict)
    await strict.seconds(1)
    assert await strict.storage.drafts.approve(draft.id, BEK, drafts.seal(draft), needed=1, now=strict.now) == 1
    await strict.seconds(1)
    (cast,) = await strict.storage.broadcasts.open()
    assert (cast.state, cast.total, strict.launched) == (S.COUNTDOWN, 40, 1)
    for person in (ADA, BEK, OWNER):
        assert strict.chats.texts(person)[-1].startswith("Отправка через 5 с…")
        assert strict.chats.buttons(person) == ["⛔ Отменить"]
    await strict.seconds(5)
    assert len(strict.chats.said) == 3


async def test_nobody_approves_in_time_and_the_draft_is_kept(strict: Desk) -> None:
    draft = await _asked(strict)
    await strict.seconds(1)
    await strict.clock.advance(drafts.REVIEW_SECONDS)
    await strict.seconds(1)
    assert await strict.state(draft) is DraftState.DRAFT
    assert strict.chats.texts(ADA)[-2:] == [
        "Запрос снят: над черновиком работают.\nМост закрыт",
        "Не утверждено за 10 минут, черновик сохранён.\nМост закрыт",
    ]
    assert strict.chats.buttons(ADA) == ["Открыть черновик"]
    assert (strict.chats.texts(BEK)[-1][:12], strict.chats.buttons(BEK)) == ("Запрос снят:", [])
    count = len(strict.chats.texts(ADA))
    await strict.seconds(5)
    assert len(strict.chats.texts(ADA)) == count


async def test_a_dropped_draft_is_not_asked_for(strict: Desk) -> None:
    draft = await _asked(strict)
    await strict.seconds(1)
    await strict.storage.drafts.drop(draft.id)
    await strict.seconds(1)
    assert strict.chats.texts(BEK)[-1] == "Черновик отменён, никто его не получил."


async def test_of_two_approvals_the_first_is_shown(sqlite_storage: Storage) -> None:
    desk = await _desk(sqlite_storage, approvals=2)
    draft = await _asked(desk)
    await desk.storage.drafts.approve(draft.id, BEK, drafts.seal(draft), needed=2, now=desk.now)
    await desk.seconds(1)
    assert desk.chats.texts(OWNER) == [
        "Ада просит утвердить срочное (до 10:10):\nМост закрыт\nУтвердили: 1 из 2\nУтвердили: Бек"
    ]


async def test_without_approval_it_is_marked_until_somebody_has_looked(strict: Desk) -> None:
    cast = await strict.send(solo=True)
    await strict.seconds(1)
    assert strict.chats.texts(ADA) == ["Отправка через 1 мин…\n⚠️ Отправлено без утверждения."]
    assert strict.chats.buttons(ADA) == ["⛔ Отменить"]
    assert strict.chats.buttons(BEK) == ["⛔ Отменить", "Просмотрено"]
    draft = await strict.storage.drafts.of(cast)
    assert draft
    assert await strict.storage.drafts.viewed(draft.id, BEK)
    await strict.seconds(1)
    assert strict.chats.texts(OWNER)[-1].endswith("Отправитель: Ада\nПотом просмотрел(а): Бек")
    assert strict.chats.buttons(OWNER) == ["⛔ Отменить"]


@pytest.mark.parametrize("gone", [ADA, BEK])
async def test_who_loses_the_rights_in_the_countdown_sends_nothing(strict: Desk, gone: int) -> None:
    draft = await _asked(strict)
    await strict.storage.drafts.approve(draft.id, BEK, drafts.seal(draft), needed=1, now=strict.now)
    await strict.seconds(1)
    await strict.storage.editors.remove(gone)
    await strict.seconds(2)
    assert await strict.storage.broadcasts.open() == []
    assert strict.launched == 1
    assert any("больше нет прав" in text for text in strict.chats.texts(ADA))


@pytest.mark.parametrize("gone", [ADA, BEK])
async def test_who_loses_the_rights_before_its_time_sends_nothing(strict: Desk, gone: int) -> None:
    draft = await _asked(strict, due_at=NOW + 600)
    await strict.storage.drafts.approve(draft.id, BEK, drafts.seal(draft), needed=1, now=strict.now)
    await strict.seconds(1)
    assert strict.chats.texts(ADA)[-1].startswith("⏰ Выйдет 23 ноября 2025, 10:10")
    await strict.storage.editors.remove(gone)
    await strict.clock.advance(595)
    await strict.seconds(1)
    assert (strict.launched, await strict.state(draft)) == (0, DraftState.DRAFT)
    assert strict.chats.texts(ADA)[-1].startswith("Не отправлено: у отправителя")


# Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["due_at", "embargo_at"])
async def test_it_goes_out_at_its_time_and_not_before(desk: Desk, what: str) -> None:
    draft = await desk.draft(**{what: NOW + 600})
    assert await desk.storage.drafts.accept(draft, ADA, solo=False, now=NOW)
    await desk.clock.advance(593)
    await desk.seconds(1)
    assert await desk.storage.broadcasts.open() == []
    assert desk.chats.buttons(ADA) == ["⛔ Отменить"]
    await desk.clock.advance(1)
    await desk.seconds(1)
    (cast,) = await desk.storage.broadcasts.open()
    assert (cast.state, cast.due_at) == (S.COUNTDOWN, NOW + 600), "its countdown ends then"


async def test_what_the_bot_slept_through_is_not_sent_late(desk: Desk) -> None:
    draft = await desk.draft(due_at=NOW + 60)
    await desk.storage.drafts.accept(draft, ADA, solo=False, now=NOW)
    await desk.clock.advance(60 + drafts.LATE_SECONDS + 1)
    await desk.seconds(1)
    assert (await desk.state(draft), await desk.storage.broadcasts.open()) == (DraftState.DRAFT, [])
    assert desk.chats.texts(ADA)[-1].startswith("Бот не работал, когда это должно было выйти.")


async def test_an_author_who_cannot_be_told_stops_nobody(desk: Desk) -> None:
    desk.chats.broken = {ADA}
    draft = await desk.draft(due_at=NOW + 60)
    await desk.storage.drafts.accept(draft, ADA, solo=False, now=NOW)
    await desk.clock.advance(60 + drafts.LATE_SECONDS + 1)
    await desk.seconds(2)
    assert await desk.state(draft) is DraftState.DRAFT


async def test_the_newsrooms_own_system_has_no_place_of_its_own(desk: Desk) -> None:
    await room.choose(desk.storage, GROUP, {})
    draft = await drafted(desk.storage, author=0, now=NOW)
    assert await drafts.launch(desk.storage, draft, desk.settings, by=0, solo=False, now=NOW)
    await desk.seconds(1)
    assert list({chat for chat, _ in desk.chats.said}) == [GROUP]
    assert desk.chats.texts(GROUP)[0].endswith("Отправитель: система редакции")


async def test_an_album_is_shown_when_it_is_whole(desk: Desk) -> None:
    draft = await drafted(desk.storage, author=ADA, now=NOW, album="7", media=(("photo", "a"),))
    kept = await desk.storage.drafts.write(draft, DraftState.COMPOSE, now=NOW)
    assert kept
    await desk.seconds(1)
    assert desk.albums == []
    await desk.seconds(1)
    assert desk.albums == [draft.id]
