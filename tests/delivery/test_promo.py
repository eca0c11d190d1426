"""Partner posts on their way: one after the other, to nobody twice a day, and not into a night that is to be quiet."""

from __future__ import annotations

from bot.delivery.audience import Offer
from bot.delivery.publish import Publisher
from bot.desk import drafts
from bot.domain.delivery import BroadcastState, Lane
from bot.domain.desk import Content, DraftState, Way
from bot.domain.post import RichText
from bot.domain.reader import Quiet
from bot.settings import Settings
from storage import Storage
from tests.delivery.crew import Crew, crew_on, people


async def launched(crew: Crew, text: str) -> int:
    """A partner's post in its countdown, which is over."""
    content = Content(way=Way.PROMO, language="ru", texts={"ru": RichText(text)})
    storage = crew.storage
    await storage.editors.add(501, 1, "Ада", by=0, now=1)  # type: ignore[arg-type]
    draft = await storage.drafts.begin(501, 501, content, DraftState.DRAFT, now=crew.now)
    id_ = await drafts.launch(storage, draft, Settings(), by=501, solo=False, now=crew.now - 60)
    assert id_
    return id_


async def test_two_at_once_and_nobody_gets_both(storage: Storage) -> None:
    async with crew_on(storage) as crew:
        chats = await people(crew, 30)
        asleep, awake, away = chats[0], chats[1], chats[2]
        for chat, quiet in ((asleep, Quiet.HOLD), (awake, Quiet.SILENT)):
            reader = await storage.readers.get(chat)
            assert reader
            night = {"quiet": quiet, "quiet_from": 0, "quiet_to": 1439, "volume": 5}
            await storage.readers.change(reader.id, now=1, **night)
        absent = await storage.readers.get(away)
        assert absent
        await storage.readers.pause(absent.id, until=2**31, now=1)
        lost = chats[3]
        crew.sandbox.faults.fail("drop_after", "sendMessage", {"chat_id": lost})
        first, second = [await launched(crew, text) for text in ("Первый.", "Второй.")]
        publisher = Publisher(
            storage,
            crew.clock,
            rate=500,
            offer=Offer(("ru",), ("ru",)),
            home="Asia/Almaty",
            valid_for=lambda _: 3600,
            started=lambda: None,
        )
        await publisher.step()
        await publisher.step()
        waits = await storage.broadcasts.get(second)
        assert waits
        assert waits.state is BroadcastState.COUNTDOWN, "the one before is still on its way"
        async with crew.sending():
            await crew.done(first)
            await storage.readers.resume(absent.id, now=1)
            await publisher.step()
            await crew.done(second)
        assert crew.received("Первый.") == dict.fromkeys([awake, *chats[3:]], 1)
        assert crew.received("Второй.") == {away: 1}
        assert (await crew.progress(first)).uncertain == 1, "its answer was lost; it is not repeated"
        silent = {call.params["chat_id"]: bool(call.params.get("disable_notification")) for call in crew.sandbox.calls}
        assert silent[awake]
        cast = await storage.broadcasts.get(first)
        assert cast
        assert cast.lane is Lane.PROMO
