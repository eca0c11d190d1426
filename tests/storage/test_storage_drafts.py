"""Drafts from the first word to the report: each step once, whoever presses; cards posted once in each place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from storage_help import BIG, GROUP, TEXT, breaking

from bot.domain.delivery import Audience, BroadcastState, Lane
from bot.domain.desk import Awaited, Card, Content, Draft, DraftState, Role, Way
from bot.domain.post import RichText
from storage import Storage
from tests.factories import drafted

ADA, BEK, VIC = 9, 8, 7
RICH = RichText(TEXT, ({"type": "bold", "offset": 0, "length": 9},))
FULL = Content(
    way=Way.REGULAR,
    language="kk",
    texts={"kk": RICH, "ru": RichText("x")},
    media=(("photo", "a"), ("video", "b")),
    album="77",
    link="https://e.kz/1",
    image="https://e.kz/1.jpg",
    article_id=5,
    sections=1 << 61,
    main=True,
    silent=True,
    missing="skip",
)


@pytest.fixture
async def staff(storage: Storage) -> Storage:
    """Three people work here."""
    for user_id in (ADA, BEK, VIC):
        await storage.editors.add(user_id, Role.EDITOR, str(user_id), by=0, now=1)
    return storage


async def state(storage: Storage, draft: Draft) -> DraftState:
    known = await storage.drafts.get(draft.id)
    assert known
    return known.state


async def test_a_draft_comes_back_as_it_was_written(storage: Storage) -> None:
    drafts = storage.drafts
    begun = await drafts.begin(ADA, GROUP, FULL, DraftState.COMPOSE, thread_id=12, now=10)
    assert (begun.content, begun.chat_id, begun.thread_id, begun.touched_at) == (FULL, GROUP, 12, 10)
    assert await drafts.get(begun.id) == begun
    assert await drafts.get(404) is await drafts.of(404) is None
    changed = replace(begun, content=Content(), due_at=50, embargo_at=60)
    kept = await drafts.write(changed, DraftState.DRAFT, now=11)
    assert kept == replace(changed, state=DraftState.DRAFT, rev=1, touched_at=11)
    assert await drafts.write(begun, DraftState.DRAFT, now=12) is None, "that was an older one"
    await drafts.carded(begun.id, 77)
    assert await drafts.current(ADA, GROUP, since=10) == replace(kept, card_id=77)
    assert await drafts.current(ADA, GROUP, since=11) is await drafts.current(ADA, 1, since=0) is None


async def test_what_the_first_version_kept_is_breaking_news(storage: Storage) -> None:
    draft = await drafted(storage)
    old = '{"text": {"text": "Мост", "entities": []}, "media": "file", "media_kind": "photo"}'
    await storage.engine.write("UPDATE draft SET content = :old", old=old)
    known = await storage.drafts.get(draft.id)
    assert known
    assert known.content == Content(Way.BREAKING, "ru", {"ru": RichText("Мост")}, (("photo", "file"),))
    await storage.engine.write("""UPDATE draft SET content = '{"text": {"text": "Мост", "entities": []}}'""")
    assert (await storage.drafts.get(draft.id) or draft).content.media == ()


async def test_a_new_one_drops_what_is_not_whole(storage: Storage) -> None:
    drafts = storage.drafts
    half = await drafts.begin(ADA, ADA, Content(), DraftState.COMPOSE, now=10)
    elsewhere = await drafts.begin(ADA, GROUP, Content(), DraftState.COMPOSE, now=10)
    others = await drafts.begin(BEK, BEK, Content(), DraftState.COMPOSE, now=10)
    whole = await drafted(storage, now=11)
    await drafted(storage, now=12)
    assert [await state(storage, one) for one in (half, elsewhere, others, whole)] == [
        "dropped", "compose", "compose", "draft",
    ]  # fmt: skip
    assert [draft.touched_at for draft in await drafts.open(9)] == [12, 11]
    assert len(await drafts.open(1)) == 1


async def test_it_takes_a_second_person_with_rights_who_has_read_just_this(staff: Storage) -> None:
    drafts, draft = staff.drafts, await drafted(staff)

    async def approve(user: int, seal: str = "s1", **more: int) -> int | None:
        return await drafts.approve(draft.id, user, seal, **{"needed": 2, "now": 5} | more)

    assert await approve(BEK) is None, "nobody has asked"
    assert not await drafts.ask(replace(draft, rev=9), "s1", until=10, now=4)
    assert await drafts.ask(draft, "s1", until=10, now=4)
    assert not await drafts.ask(draft, "s1", until=10, now=4)
    assert [await approve(ADA), await approve(404), await approve(BEK, "s2"), await approve(BEK, now=10)] == [None] * 4
    assert [await approve(BEK), await approve(BEK)] == [1, 1]
    await staff.editors.remove(BEK)
    assert await approve(VIC) == 1, "who has lost the rights does not count"
    await staff.editors.add(BEK, Role.EDITOR, "b", by=0, now=6)
    assert await state(staff, draft) is DraftState.REVIEW
    assert await approve(VIC) == 2
    assert await state(staff, draft) is DraftState.APPROVED
    assert await approve(VIC) is None
    assert await drafts.approved_by(draft.id) == [VIC, BEK], "in one second: by their ids"


async def test_an_author_without_rights_gets_no_approval(staff: Storage) -> None:
    draft = await drafted(staff)
    await staff.drafts.ask(draft, "s", until=10, now=4)
    await staff.editors.remove(ADA)
    assert await staff.drafts.approve(draft.id, BEK, "s", needed=1, now=5) is None
    await staff.drafts.begin(0, 0, Content(), DraftState.DRAFT, now=1)
    system = (await staff.drafts.open(9))[-1]
    assert await staff.drafts.ask(system, "s", until=10, now=4)
    assert await staff.drafts.approve(system.id, BEK, "s", needed=1, now=5) == 1, "the newsroom's system is no person"


async def test_two_approve_at_once_and_it_is_one_approval(staff: Storage) -> None:
    draft = await drafted(staff)
    await staff.drafts.ask(draft, "s", until=10, now=4)
    given = await asyncio.gather(
        *(staff.drafts.approve(draft.id, user, "s", needed=1, now=5) for user in (BEK, VIC, BEK, VIC))
    )
    assert sorted(filter(None, given)) == [1]
    assert await state(staff, draft) is DraftState.APPROVED


@pytest.mark.parametrize("change", ["write", "back", "expired", "drop"])
async def test_whatever_changes_it_ends_the_request(staff: Storage, change: str) -> None:
    drafts, draft = staff.drafts, await drafted(staff)
    await drafts.ask(draft, "s", until=10, now=4)
    await drafts.approve(draft.id, BEK, "s", needed=2, now=5)
    if change == "write":
        assert await drafts.write(draft, DraftState.DRAFT, now=6)
    elif change == "back":
        assert (await drafts.back(draft.id, now=6) or draft).state is DraftState.DRAFT
        assert await drafts.back(draft.id, now=6) is None
    elif change == "expired":
        assert await drafts.expired(now=9) == []
        assert [one.id for one in await drafts.expired(now=10)] == [draft.id]
        assert await drafts.expired(now=11) == []
    else:
        assert await drafts.drop(draft.id)
        assert not await drafts.drop(draft.id)
    assert await drafts.approved_by(draft.id) == []
    assert await drafts.approve(draft.id, VIC, "s", needed=2, now=6) is None
    assert await state(staff, draft) is (DraftState.DROPPED if change == "drop" else DraftState.DRAFT)


async def test_what_is_approved_goes_when_it_is_due(staff: Storage) -> None:
    drafts = staff.drafts
    plain, later = await drafted(staff), await drafted(staff)
    later = await drafts.write(replace(later, due_at=50, embargo_at=60), DraftState.DRAFT, now=2) or later
    assert not await drafts.accept(replace(plain, rev=4), ADA, solo=False, now=3)
    assert not await drafts.accept(plain, 404, solo=False, now=3), "nobody with rights"
    assert await drafts.accept(plain, ADA, solo=False, now=3)
    assert await drafts.accept(later, ADA, solo=True, now=3)
    assert [one.id for one in await drafts.due(now=50)] == [plain.id]
    assert [one.id for one in await drafts.due(now=60)] == [plain.id, later.id]
    (first, second) = await drafts.live()
    assert (first.solo, second.solo, second.sent_by, second.leaves_at(55)) == (False, True, ADA, 60)


async def test_what_has_gone_out_keeps_its_approvals(staff: Storage) -> None:
    draft = await drafted(staff)
    await staff.drafts.ask(draft, "s", until=10, now=4)
    await staff.drafts.approve(draft.id, BEK, "s", needed=1, now=5)
    approved = await staff.drafts.get(draft.id)
    assert approved
    assert await launch(staff, approved)
    assert await staff.drafts.back(draft.id, now=6) is None
    assert await staff.drafts.approved_by(draft.id) == [BEK]


async def launch(storage: Storage, draft: Draft, by: int = ADA, *, solo: bool = False) -> int | None:
    """Send it."""
    wanted: dict[str, Any] = {"lane": Lane.BREAKING, "total": 0, "start": 0.0, "due": 9, "now": 1}
    return await storage.broadcasts.launch(draft, breaking(), Audience(), by=by, solo=solo, **wanted)


async def test_sent_drafts_are_seen_until_they_are_reported_on(staff: Storage) -> None:
    drafts = staff.drafts
    one, two = await drafted(staff), await drafted(staff, author=BEK)
    first, second = await launch(staff, one), await launch(staff, two, BEK, solo=True)
    assert [draft.id for draft in await drafts.live()] == [one.id, two.id]
    assert (await drafts.of(second or 0) or one).id == two.id
    await drafts.reported(one.id, now=9)
    assert [draft.id for draft in await drafts.live()] == [two.id]
    assert [draft.id for draft in await drafts.sent(since=0)] == [two.id, one.id]
    await staff.broadcasts.change(first or 0, BroadcastState.CANCELLED, among=[BroadcastState.COUNTDOWN], now=9)
    assert [draft.id for draft in await drafts.sent(since=0)] == [two.id]
    assert await drafts.sent(since=1) == []
    assert not await drafts.drop(two.id)
    assert await drafts.write(await drafts.get(two.id) or two, DraftState.DRAFT, now=9) is None
    assert [draft.id for draft in await drafts.unseen()] == [two.id]
    assert not await drafts.viewed(two.id, BEK), "whoever sent it"
    assert await drafts.viewed(two.id, ADA)
    assert not await drafts.viewed(two.id, VIC)
    assert await drafts.unseen() == []


async def test_an_album_is_whole_when_nothing_of_it_came_for_a_while(storage: Storage) -> None:
    drafts = storage.drafts
    album = await drafts.begin(ADA, ADA, Content(album="7", media=(("photo", "a"),)), DraftState.COMPOSE, now=10)
    await drafts.begin(BEK, BEK, Content(media=(("photo", "a"),)), DraftState.COMPOSE, now=10)
    assert await drafts.albums(before=9) == []
    assert [one.id for one in await drafts.albums(before=10)] == [album.id]
    await drafts.carded(album.id, 5)
    assert await drafts.albums(before=10) == []


async def test_old_drafts_are_forgotten_and_what_was_sent_is_not(staff: Storage) -> None:
    drafts = staff.drafts
    old, sent, asked, fresh = [await drafted(staff, now=now) for now in (1, 1, 1, 50)]
    await launch(staff, sent)
    await drafts.ask(asked, "s", until=99, now=2)
    await drafts.write(replace(old, embargo_at=99), DraftState.DRAFT, keys=["k", "k", "l"], now=2)
    assert len(await staff.engine.fetch("SELECT 1 FROM embargo")) == 2
    await drafts.prune(40)
    assert [await drafts.get(one.id) is not None for one in (old, sent, asked, fresh)] == [False, True, True, True]
    assert await staff.engine.fetch("SELECT 1 FROM embargo") == []


async def test_one_question_is_open_to_a_person_in_a_chat(storage: Storage) -> None:
    drafts = storage.drafts
    await drafts.expect(ADA, ADA, Awaited("text_kk", 5), until=20)
    await drafts.expect(ADA, GROUP, Awaited("remark", BIG), until=20)
    assert await drafts.awaited(ADA, ADA, now=19) == Awaited("text_kk", 5)
    assert await drafts.awaited(ADA, GROUP, now=19) == Awaited("remark", BIG)
    assert await drafts.awaited(ADA, ADA, now=20) is await drafts.awaited(BEK, GROUP, now=1) is None
    await drafts.expect(ADA, ADA, Awaited("due", 6), until=30)
    assert await drafts.awaited(ADA, ADA, now=29) == Awaited("due", 6)
    await drafts.expect(ADA, ADA, None, until=30)
    assert await drafts.awaited(ADA, ADA, now=1) is None
    await drafts.prune(50)
    assert await storage.engine.fetch("SELECT 1 FROM awaited") == []


async def test_a_card_is_posted_once_in_each_place(storage: Storage) -> None:
    cards = storage.cards
    claims = await asyncio.gather(*(cards.claim("draft", 1, chat, now=10) for chat in (5, 5, 6)))
    assert sorted(claims) == [False, True, True]
    assert await cards.of("draft") == [], "none is posted yet"
    await cards.put(Card("draft", 1, 5, 77, "a"), now=11)
    assert await cards.of("draft", 1) == [Card("draft", 1, 5, 77, "a")]
    assert not await cards.claim("draft", 1, 5, now=999)
    assert not await cards.claim("draft", 1, 6, now=70)
    assert await cards.claim("draft", 1, 6, now=71), "whoever meant to post it is gone"
    await cards.put(Card("draft", 1, 5, 78, "b"), now=12)
    await cards.put(Card("draft", 2, 5, 79, "c"), now=12)
    await cards.put(Card("post", 1, 5, 80, "d"), now=12)
    assert [card.message_id for card in await cards.of("draft")] == [78, 79]
    await cards.forget("draft", 1, 5)
    assert [card.message_id for card in await cards.of("draft")] == [79]
    await cards.leave(5)
    assert await cards.of("draft") == await cards.of("post") == []
