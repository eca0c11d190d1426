"""Editors: rights, invitations, drafts, the audit."""

from __future__ import annotations

import asyncio

import pytest
from storage_help import BIG, GROUP, TEXT, breaking, drafted

from bot.domain.delivery import Audience, BroadcastState, Lane
from bot.domain.desk import DraftState, Role
from bot.domain.errors import StorageError
from bot.domain.post import RichText
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


async def test_an_editor_has_one_open_draft(storage: Storage) -> None:
    editors = storage.editors
    first = await editors.new_draft(9, GROUP, "kk", now=10)
    assert (first.state, first.chat_id, first.language, first.text) == (DraftState.COMPOSE, GROUP, "kk", RichText())
    second = await editors.new_draft(9, 9, "ru", now=20)
    other = await editors.new_draft(8, 8, "ru", now=20)
    assert [(await editors.draft(one.id)).state for one in (first, second, other)] == ["dropped", "compose", "compose"]  # type: ignore[union-attr]
    assert await editors.open_draft(9, since=19) == second
    assert await editors.open_draft(9, since=20) is None
    text = RichText(TEXT, ({"type": "bold", "offset": 0, "length": 9},))
    filled = await editors.fill_draft(second.id, text, "file", "photo")
    assert filled
    assert (filled.state, filled.text, filled.media, filled.media_kind) == (DraftState.PREVIEW, text, "file", "photo")
    await editors.draft_card(second.id, 77)
    assert (await editors.open_draft(9, since=0)).card_id == 77  # type: ignore[union-attr]
    assert await editors.fill_draft(first.id, text, "", "") is None
    assert await editors.drop_draft(second.id)
    assert not await editors.drop_draft(second.id)
    assert await editors.draft(404) is None
    assert await editors.open_draft(404, since=0) is None


async def test_sent_drafts_owe_a_card_until_it_is_done(storage: Storage) -> None:
    editors = storage.editors
    drafts = []
    for author in (1, 2):
        draft = await drafted(storage, author)
        await editors.draft_card(draft, 50 + author)
        id_ = await storage.broadcasts.launch(
            draft, breaking(), Audience(), lane=Lane.BREAKING, total=0, start=0, due=9, now=1
        )
        assert id_
        drafts.append((draft, id_))
    (one, first), (two, second) = drafts
    assert [draft.id for draft in await editors.cards()] == [one, two]
    assert (await editors.card_of(second)).id == two  # type: ignore[union-attr]
    assert await editors.card_of(404) is None
    await editors.card_done(one, now=9)
    assert [draft.id for draft in await editors.cards()] == [two]
    assert [draft.id for draft in await editors.sent_drafts(since=0)] == [two, one]
    await storage.broadcasts.change(first, BroadcastState.CANCELLED, among=[BroadcastState.COUNTDOWN], now=9)
    assert [draft.id for draft in await editors.sent_drafts(since=0)] == [two]
    assert await editors.sent_drafts(since=1) == []
    assert not await editors.drop_draft(two)


async def test_the_audit_only_grows(storage: Storage) -> None:
    assert list(await storage.editors.audit()) == []
    for n in range(3):
        await storage.editors.log(BIG, TEXT, f"draft {n}", text=TEXT * n, now=n)
    entries = await storage.editors.audit(2)
    assert [entry[:5] for entry in entries] == [(2, BIG, TEXT, "draft 2", TEXT * 2), (1, BIG, TEXT, "draft 1", TEXT)]
    assert [entry.at for entry in await storage.editors.audit(2, before=entries[-1].id)] == [0]
