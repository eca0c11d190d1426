"""One-time links: once, in time, from somebody who may invite, and nothing usable in the database."""

from __future__ import annotations

import re

import pytest

from bot.desk import invitations
from bot.domain.desk import Role
from storage import Storage

NOW = 1_763_874_000
OWNER, ADA, BEK = 9001, 11, 12


async def _owner(storage: Storage) -> None:
    await storage.editors.add(OWNER, Role.OWNER, "Owner", by=0, now=NOW)


async def _invite(storage: Storage) -> str:
    return await invitations.make(storage, Role.EDITOR, OWNER, NOW, invitations.INVITATION_SECONDS)


async def test_an_invitation_gives_its_rights_once(storage: Storage) -> None:
    await _owner(storage)
    code = await _invite(storage)
    assert await invitations.accept(storage, code, ADA, "Ада", NOW + 5) is Role.EDITOR
    assert await invitations.accept(storage, code, BEK, "Бек", NOW + 6) is None
    assert await storage.editors.role(ADA) is Role.EDITOR
    assert await storage.editors.role(BEK) is Role.READER
    assert [tuple(row)[1:4] for row in await storage.editors.audit()] == [(ADA, "joined", "editor invited by 9001")]


@pytest.mark.parametrize("late", [invitations.INVITATION_SECONDS, invitations.INVITATION_SECONDS + 999])
async def test_an_invitation_expires(sqlite_storage: Storage, late: int) -> None:
    await _owner(sqlite_storage)
    code = await _invite(sqlite_storage)
    assert await invitations.accept(sqlite_storage, code, ADA, "Ада", NOW + late) is None


async def test_whoever_lost_the_desk_invites_nobody(sqlite_storage: Storage) -> None:
    await _owner(sqlite_storage)
    code = await _invite(sqlite_storage)
    await sqlite_storage.editors.remove(OWNER)
    assert await invitations.accept(sqlite_storage, code, ADA, "Ада", NOW) is None
    assert await sqlite_storage.editors.role(ADA) is Role.READER


async def test_the_first_claim_makes_the_owner_and_ends_the_others(sqlite_storage: Storage) -> None:
    first, second = [await invitations.claim_link(sqlite_storage, "some_bot", NOW) for _ in range(2)]
    assert first != second
    assert first.startswith("https://t.me/some_bot?start=own_")
    codes = [link.partition("start=")[2] for link in (first, second)]
    assert await invitations.accept(sqlite_storage, codes[0], ADA, "Ада", NOW + 3599) is Role.OWNER
    assert await invitations.accept(sqlite_storage, codes[1], BEK, "Бек", NOW + 3599) is None


async def test_a_claim_lives_one_hour(sqlite_storage: Storage) -> None:
    code = (await invitations.claim_link(sqlite_storage, "some_bot", NOW)).partition("start=")[2]
    assert await invitations.accept(sqlite_storage, code, ADA, "Ада", NOW + 3600) is None


async def test_an_editors_code_with_another_prefix_is_worth_nothing(sqlite_storage: Storage) -> None:
    await _owner(sqlite_storage)
    code = await _invite(sqlite_storage)
    await sqlite_storage.editors.remove(OWNER)
    assert await invitations.accept(sqlite_storage, "own_" + code[3:], ADA, "Ада", NOW) is None
    assert await invitations.accept(sqlite_storage, "ed_guess", ADA, "Ада", NOW) is None
    assert [invitations.offered(text) for text in (code, "own_x", "sport")] == [Role.EDITOR, Role.OWNER, Role.READER]


async def test_the_database_holds_no_code(sqlite_storage: Storage) -> None:
    await _owner(sqlite_storage)
    code = await _invite(sqlite_storage)
    assert re.fullmatch(r"[A-Za-z0-9_-]{20,64}", code)
    rows = await sqlite_storage.engine.fetch("SELECT * FROM invitation")
    assert len(rows) == 1
    assert code not in str(tuple(rows[0]))
    assert code[3:] not in str(tuple(rows[0]))
