"""The first start on a token that another bot had: who waits is heard once, whoever comes later always."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ops.backlog import Backlog, born
from storage import Storage

BORN = 1_795_000_000


def message(chat: int, at: int) -> dict[str, Any]:
    """Somebody says something."""
    return {"update_id": 1, "message": {"message_id": 1, "date": at, "chat": {"id": chat}, "text": "/start"}}


def test_what_waited_is_heard_once_per_chat() -> None:
    backlog = Backlog(BORN)
    said = [message(5, BORN - 9), message(5, BORN - 8), message(6, BORN - 7), message(5, BORN), message(5, BORN + 1)]
    assert [backlog.passes(one) for one in said] == [True, False, True, True, True]


@pytest.mark.parametrize("kind", ["my_chat_member", "callback_query", "channel_post"])
def test_whoever_comes_goes_or_presses_is_always_heard(kind: str) -> None:
    backlog = Backlog(BORN)
    update = {"update_id": 1, kind: {"date": BORN - 9, "chat": {"id": 5}}}
    assert [backlog.passes(update) for _ in range(3)] == [True] * 3


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_shape_is_survived(anything: object) -> None:
    backlog = Backlog(BORN)
    for update in ({"message": anything}, {"message": {"date": BORN - 1, "chat": anything}}):
        assert backlog.passes(update) in (True, False)


async def test_a_bot_is_born_once_and_one_that_ran_before_has_no_backlog(storage: Storage) -> None:
    assert await born(storage, BORN) == BORN
    assert await born(storage, BORN + 99) == BORN


async def test_who_listened_already_was_born_before(sqlite_storage: Storage) -> None:
    await sqlite_storage.inbox.store([(7, 5, "{}")], BORN)
    assert await born(sqlite_storage, BORN) == 0
