"""Editors: rights, invitations, the audit."""

from __future__ import annotations

import asyncio

import pytest
from storage_help import BIG, TEXT

from bot.domain.desk import Role
from bot.domain.errors import StorageError
from storage import Storage


async def test_rights_grow_and_are_taken_away_whole(storage: Storage) -> None:
    editors = storage.editors
    assert await editors.role(BIG) is Role.READER
    assert not await editors.has_owner()
    await editors.add(BIG, Role.EDITOR, "Әлия", by=1, now=10)
    await editors.add(5, Role.OWNER, TEXT, by=0, now=20)
    await editors.add(5, Role.EDITOR, "less", by=1, now=30)
    assert await editors.role(5) is Role.OWNER
    assert await editors.has_owner()
    assert [(one.user_id, one.role, one.name, one.added_by) for one in await editors.all()] == [
        (5, Role.OWNER, TEXT, 0),
        (BIG, Role.EDITOR, "Әлия", 1),
    ]
    assert await editors.remove(5)
    assert not await editors.remove(5)
    assert await editors.role(5) is Role.READER
    assert not await editors.has_owner()


async def test_an_invitation_works_once_and_in_time(storage: Storage) -> None:
    await storage.editors.invite("h1", Role.EDITOR, by=9, expires_at=100)
    await storage.editors.invite("h2", Role.OWNER, by=9, expires_at=100)
    with pytest.raises(StorageError):
        await storage.editors.invite("h1", Role.OWNER, by=9, expires_at=999)
    assert await storage.editors.accept("h2", 5, now=100) is None
    assert await storage.editors.accept("unknown", 5, now=1) is None
    accepted = await asyncio.gather(*(storage.editors.accept("h1", user, now=99) for user in range(5)))
    assert [item for item in accepted if item] == [(Role.EDITOR, 9)]


async def test_the_audit_only_grows(storage: Storage) -> None:
    assert list(await storage.editors.audit()) == []
    for n in range(3):
        await storage.editors.log(BIG, TEXT, f"draft {n}", text=TEXT * n, now=n)
    entries = await storage.editors.audit(2)
    assert [entry[:5] for entry in entries] == [(2, BIG, TEXT, "draft 2", TEXT * 2), (1, BIG, TEXT, "draft 1", TEXT)]
    assert [entry.at for entry in await storage.editors.audit(2, before=entries[-1].id)] == [0]


async def test_who_has_worked_at_the_desk_is_on_record(storage: Storage) -> None:
    assert not await storage.editors.on_record(5)
    await storage.editors.add(5, Role.EDITOR, "Ада", by=0, now=1)
    assert await storage.editors.on_record(5)
    await storage.editors.remove(5)
    assert not await storage.editors.on_record(5), "and has done nothing there"
    await storage.editors.log(5, "sent", "post 1", now=2)
    assert await storage.editors.on_record(5)
    assert not await storage.editors.on_record(6)
