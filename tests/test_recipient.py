"""What a sender reads of a reader comes back as it was chosen, from both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import Marks
from bot.domain.reader import ALL, Choices, Quiet, ReaderKind, Subscriber
from bot.domain.recipient import Recipient, Ways
from storage import Storage
from storage.recipients import COLUMNS, recipient

_TEXT = st.sampled_from(["", "Asia/Almaty", "America/Argentina/ComodRivadavia"])
WAYS = st.builds(
    Ways,
    kind=st.sampled_from(["person", "group", "topic", "channel"]),
    volume=st.integers(-1, 50),
    quiet=st.sampled_from(["silent", "hold", "off"]),
    quiet_from=st.integers(0, 1439),
    quiet_to=st.integers(0, 1439),
    night_breaking=st.integers(0, 1),
    zone=_TEXT,
    news_languages=st.sampled_from(["", ",ru,", ",en,kk,ru,"]),
    main_only=st.integers(0, 1),
    regions=st.integers(0, 2**20 - 1),
    rates=st.integers(0, 1),
    ask=st.integers(0, 1),
)


@given(WAYS)
def test_texts_are_read_as_they_were_written(ways: Ways) -> None:
    assert Recipient(1, 1, 0, "ru", 1, ways.text).ways == ways


def test_the_usual_is_nothing() -> None:
    assert Ways.of(ReaderKind.PERSON, Choices()).text == "" == Ways().text
    usual = Recipient(1, 1, 0, "ru", 1)
    assert (usual.ways, usual.limited) == (Ways(), False)
    assert usual._replace(list_at=0).limited


CHANGES: list[dict[str, Any]] = [
    {"volume": 8},
    {"quiet": Quiet.HOLD, "quiet_from": 0},
    {"zone": "Asia/Almaty", "digest_at": (540,)},
    {"news_languages": ("kk", "ru"), "main_only": True, "breaking": False},
    {"regions": 5, "rates": True, "night_breaking": True, "quiet_to": 480, "partner": False},
    {"volume": ALL, "quiet": Quiet.SILENT, "quiet_from": 1380, "quiet_to": 450, "zone": "", "news_languages": ()},
    {"regions": 0, "rates": False, "night_breaking": False, "main_only": False},
]


async def test_the_text_is_always_that_of_the_choices(storage: Storage) -> None:
    async def read(chat: int) -> Recipient:
        (row,) = await storage.engine.tuples(f"SELECT {COLUMNS} FROM reader WHERE chat_id = :chat", chat=chat)
        made: Recipient = recipient(row)
        met = await storage.readers.get(chat, thread_id=9 if chat < -5 else 0)
        assert met
        assert made.ways == Ways.of(met.kind, met)._replace(ask=int(met.ask))
        assert (made.chosen == "") == (made.ways == Ways())
        return made

    started = replace(Choices(), volume=15)
    await storage.readers.meet(1, language="ru", now=7)
    await storage.readers.meet(2, language="ru", choices=started, now=7)
    await storage.readers.meet(-6, language="ru", now=7, thread_id=9, kind=ReaderKind.TOPIC)
    await storage.readers.bring([Subscriber(3, "kk", 1, 5), Subscriber(-4, "kk", 1, 5)], started, now=7)
    assert (await read(1)).chosen == ""
    assert [(await read(chat)).ways.volume for chat in (2, -6, 3, -4)] == [15, -1, 15, 15]
    for chat in (1, 3, -6):
        id_ = (await read(chat)).id
        for change in CHANGES:
            await storage.readers.change(id_, now=8, **change)
            await read(chat)
    assert (await read(1)).chosen == ""
    assert (await read(3)).ways == Ways(ask=1)
    await storage.readers.asked((await read(3)).id)
    assert (await read(3)).chosen == ""
    other = (await read(-4)).id
    await storage.deliveries.settle([], [], worker="w", until=1, now=1, marks=Marks(asked=[(other,)]))
    assert (await read(-4)).ways == Ways("group", 15)
