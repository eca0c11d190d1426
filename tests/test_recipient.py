"""What a sender reads of a reader comes back as it was chosen, from both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.reader import Choices, Quiet
from bot.domain.recipient import Pace, Recipient, Ways
from storage import Storage
from storage.recipients import COLUMNS, WHOLE, recipient

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
COUNTS = st.integers(0, 2**40)


@given(WAYS, COUNTS, COUNTS, COUNTS, st.none() | st.integers(-(2**40), 2**40))
def test_texts_are_read_as_they_were_written(ways: Ways, day: int, n: int, listed: int, list_at: int | None) -> None:
    pace = Pace(day, n, listed, list_at)
    reader = Recipient(1, 1, 0, "ru", 1, ways.text, pace.text)
    assert (reader.ways, reader.pace, reader.limited) == (ways, pace, list_at is not None)


def test_the_usual_is_nothing() -> None:
    assert (Ways().text, Pace().text) == ("", "")
    usual = Recipient(1, 1, 0, "ru", 1)
    assert (usual.ways, usual.pace, usual.limited) == (Ways(), Pace(), False)
    left = Choices()
    assert Ways().night == (left.volume, left.quiet, left.quiet_from, left.quiet_to, 0, left.zone)
    assert (Ways().main_only, Ways().regions, Ways().rates, Ways().ask) == (0, 0, 0, 0)


async def test_both_engines_write_the_same(storage: Storage) -> None:
    async def read(columns: str, chat: int) -> Any:
        rows = await storage.engine.tuples(f"SELECT {columns} FROM reader WHERE chat_id = :chat", chat=chat)
        return recipient(rows[0])

    choices = replace(
        Choices(), volume=8, quiet=Quiet.HOLD, quiet_to=480, zone="Asia/Almaty", news_languages=("kk",), regions=5
    )
    for chat, chosen in ((1, Choices()), (2, choices)):
        await storage.readers.meet(chat, language="ru", choices=chosen, now=7)
        await storage.readers.choose((await read(COLUMNS, chat)).id, 3, True, now=7)
    usual, other = await read(COLUMNS, 1), await read(COLUMNS, 2)
    assert usual[2:] == (0, "ru", 3, "", "")
    assert other.ways == Ways("person", 8, "hold", 1380, 480, 0, "Asia/Almaty", ",kk,", 0, 5, 0, 0)
    assert other == await read(COLUMNS, 2)
    whole = await read(WHOLE, 1)
    assert (whole.pace, whole.limited) == (Pace(), False)
    await storage.engine.write(
        "UPDATE reader SET list_at = 0, listed = 4, sent_day = 20000, sent_n = 2 WHERE zone <> ''"
    )
    other = await read(COLUMNS, 2)
    assert (other.pace, other.limited) == (Pace(20000, 2, 4, 0), True)
    assert other == await read(WHOLE, 2)
