"""Callback data come from strangers: never an effect that a button did not have, never an exception."""

from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from talking import Chat

from handlers.keyboards import READER_CALLBACKS, Callback

READER = 505
_KINDS = {
    int: st.integers(-(2**52), 2**52),  # Telegram's ids, and more than ours: three of them fit
    bool: st.booleans(),
    str: st.from_regex("[a-z0-9_]{1,24}", fullmatch=True),
}
_HOSTILE = [
    "", ":", "s", "s:", "s:1", "s:1:", "s:1:2", "s:01:1", "s:+1:1", "s: 1:1", "s:1:1:1", "s:1:1\n", "S:1:1", "s:١:1",
    "s:-1:1", "s:61:1", "s:62:1", "s:99:0", "s:9223372036854775807:1", "s:9223372036854775808:1", "s:1e3:1", "s:1:true",
    "b:1", "b:2:settings", "b:1:nowhere", "b:0:__class__", "l:xx:settings", "l:en:nowhere", "l:EN:settings", "o:",
    "o:x", "done:1", "only:1", "stop:1", "stop ", "erase", "erase:2", "erase:yes", "export:1", "draft:1:2", "\x00",
    "more:404:1", "more:0:1", "more:1:2", "save:404:1", "save:-1:0", "mute:404:1", "mute:1", "on:404", "saved:-1",
    "saved:9999", "unsave:1:-1",
    "🙂" * 16,
]  # fmt: skip


@given(st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_packed_comes_back_and_nothing_else_does(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([*READER_CALLBACKS, Callback("x", id=int, word=str, on=bool)]))
    values = {name: data.draw(_KINDS[field]) for name, field in kind.fields.items()}
    packed = kind.pack(**values)
    assert len(packed.encode()) <= 64
    assert kind.parse(packed) == values
    assert [other for other in READER_CALLBACKS if other is not kind and other.parse(packed) is not None] == []
    for spoiled in (packed + ":", " " + packed, packed + "\n", packed.upper() + "!", ":" + packed):
        assert kind.parse(spoiled) is None


@given(st.text(max_size=64))
@settings(max_examples=100)
def test_parsing_never_raises(text: str) -> None:
    for kind in READER_CALLBACKS:
        parsed = kind.parse(text)
        assert parsed is None or kind.pack(**parsed) == text


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Callback("x", id=int), {"id": 2**63}),
        (Callback("x", word=str), {"word": "Слово"}),
        (Callback("x", word=str), {"word": "a:b"}),
        (Callback("x", a=str, b=str, c=str), dict.fromkeys("abc", "a" * 24)),
    ],
)
def test_buttons_that_would_not_come_back_are_never_made(kind: Callback, values: dict[str, int | str]) -> None:
    with pytest.raises(ValueError, match="not callback data"):
        kind.pack(**values)


async def _changed_nothing(chat: Chat, data: str, before: object) -> None:
    person = chat.people._known[READER]
    message = next(said for said in person.chat() if "reply_markup" in said)
    answer = await person.press(message, data)
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела"), data
    assert await chat.storage.readers.get(READER) == before, data


async def test_hostile_data_are_answered_and_change_nothing(chat: Chat) -> None:
    person = chat.people.add(READER)
    await person.send("/start sport")
    await person.next()
    before = await chat.storage.readers.get(READER)
    said = len(person.chat())
    for data in _HOSTILE:
        await _changed_nothing(chat, data, before)
    assert len(person.chat()) == said


@given(
    st.one_of(
        st.text(string.printable, max_size=64),
        st.builds("s:{}:{}".format, st.integers(8, 2**70), st.integers(0, 1)),
        st.builds("s:{}:{}".format, st.integers(max_value=-1), st.integers(0, 1)),
        st.builds(
            "{}:{}:{}".format, st.sampled_from("bl"), st.text("01xyz_", max_size=9), st.text("nowhere_", max_size=9)
        ),
        st.builds("erase:{}".format, st.text("23456789 +-", min_size=1, max_size=5)),
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_fuzzed_presses_change_nothing(chat: Chat, data: str) -> None:
    if READER not in chat.people._known:
        person = chat.people.add(READER)
        await person.send("/start sport")
        await person.next()
    before = await chat.storage.readers.get(READER)
    if len(data.encode()) <= 64 and all(kind.parse(data) is None or kind.name == "s" for kind in READER_CALLBACKS):
        await _changed_nothing(chat, data, before)


async def test_presses_of_strangers_and_of_nobody_change_nothing(chat: Chat) -> None:
    person = chat.people.add(READER)
    await person.send("/start sport")
    shown = await person.next()
    before = await chat.storage.readers.get(READER)
    stranger = chat.people.add(READER + 1)
    chat.sandbox.machine.press(stranger.id, READER, shown["message_id"], "stop")  # somebody else in this chat
    group = chat.people.group(-1002, "Группа", admins=[person], bot_rights={})
    message = await chat.bot.send_message(-1002, "здесь")
    chat.sandbox.machine.press(READER, group.id, message.message_id, "stop")
    await chat.idle()
    assert await chat.storage.readers.get(READER) == before
    assert await chat.storage.readers.get(READER + 1) is None


@pytest.mark.parametrize("data", ["s:4:1", "b:0:settings", "l:en:settings", "o:settings", "done", "only", "stop"])
async def test_buttons_of_a_forgotten_reader_are_out_of_date(chat: Chat, data: str) -> None:
    person = chat.people.add(READER)
    await person.send("/settings")
    shown = await person.next()
    await chat.storage.privacy.erase(READER, now=9)
    answer = await person.press(shown, data)
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")
    assert await chat.storage.readers.get(READER) is None


async def test_breaking_only_is_no_way_around_a_tick(chat: Chat) -> None:
    person = chat.people.add(READER)
    await person.send("/start")
    shown = await person.next()
    await person.press(shown, "s:4:1")
    answer = await person.press(shown, "only")
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")
