"""Corrections and withdrawals through the real sender: the old text is nowhere where a message id is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bot.delivery.pacing import Pacer
from bot.domain.delivery import Audience, BroadcastState
from bot.domain.desk import Content, DraftState, Erratum, Gravity, Way
from bot.domain.post import Note, Post, PostKind, RichText
from bot.sandbox.model import Json, refuse
from tests.delivery.crew import Crew, people
from tests.factories import correct, subscribe, withdraw

HOUR = 3600
DELETABLE = 48 * HOUR


async def now_of(crew: Crew, post: Post) -> Post:
    """The post as it stands."""
    (found,) = await crew.storage.posts.get([post.id])
    return found


async def corrected(crew: Crew, post: Post, title: str, **changes: Any) -> list[int]:
    """Give it another headline; the broadcasts that follow."""
    started = await correct(crew.storage, replace(await now_of(crew, post), title=title, **changes), now=crew.now)
    assert started is not None
    return started


async def withdrawn(crew: Crew, post: Post, reason: str = "") -> list[int]:
    """Take it back; the broadcasts that follow."""
    started = await withdraw(crew.storage, replace(await now_of(crew, post), reason={"ru": reason}), now=crew.now)
    assert started is not None
    return started


def calls(crew: Crew, *methods: str) -> list[Json]:
    """The parameters of all calls of these methods."""
    return [call.params for call in crew.sandbox.calls if call.method in methods]


async def test_every_known_copy_says_the_new_whatever_its_reader_has_chosen_since(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 12)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        readers = [await crew.storage.readers.get(chat) for chat in chats]
        muted, left = [reader.id for reader in readers[:2] if reader]
        await crew.storage.readers.choose(muted, 1, False, now=crew.now)
        await crew.storage.readers.leave(left, now=crew.now)
        await crew.storage.readers.unreachable(chats[2], now=crew.now)
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.done(*edits)
    assert crew.received("Новое") == Counter(dict.fromkeys(chats, 1))
    assert not crew.received("Старое")
    (keyboard,) = {str(call["reply_markup"]) for call in calls(crew, "editMessageText")}
    assert keyboard == str(calls(crew, "sendMessage")[0]["reply_markup"])
    progress = await crew.progress(edits[0])
    assert (progress.total, progress.sent, progress.unreached) == (12, 12, 0)


async def test_the_language_of_now(crew: Crew) -> None:
    crew.languages = ("ru", "kk")
    await people(crew, 2)
    post = await crew.post("Было", kind=PostKind.BREAKING)
    broadcast = await crew.broadcast(post)
    async with crew.sending():
        await crew.done(broadcast)
        await crew.storage.engine.write("UPDATE reader SET language = 'kk' WHERE chat_id = 1001")
        texts = {"ru": RichText("Стало"), "kk": RichText("Болды")}
        started = await correct(crew.storage, replace(await now_of(crew, post), texts=texts), now=crew.now)
        await crew.done(*(started or ()))
    assert [[word in crew.texts(chat)[0] for word in ("Болды", "Стало")] for chat in (1001, 1002)] == [
        [True, False],
        [False, True],
    ]


async def test_while_its_target_is_still_running(crews: Crew) -> None:
    """Those still to come get the new text at once, those who have the old get it edited, nobody gets both."""
    crew = crews
    chats = await people(crew, 90)
    crew.pacer = Pacer(30)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.received("Старое")) > 20)
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.done(broadcast, *edits)
    assert crew.received("Новое") == Counter(dict.fromkeys(chats, 1))
    assert len(calls(crew, "sendMessage")) == 90
    edited = {call["chat_id"] for call in calls(crew, "editMessageText")}
    assert 20 < len(edited) < 90
    assert (await crew.progress(edits[0])).sent == len(edited)


async def test_lost_answers_are_counted_and_said(crew: Crew) -> None:
    """Where the number of a message is unknown, the old text may stand: that is told, and repeats are edited."""
    await people(crew, 3)
    crew.sandbox.faults.fail("drop_after", "sendMessage", {"chat_id": 1002}, times=1)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.done(*edits)
    assert crew.received("Новое") == Counter({1001: 1, 1002: 1, 1003: 1})
    assert crew.received("Старое") == Counter({1002: 1})
    assert (await crew.progress(broadcast)).repeated == 1
    assert (await crew.progress(edits[0])).unreached == 1


async def test_a_list_is_rendered_again_and_what_is_withdrawn_drops_out(crews: Crew) -> None:
    crew = crews
    await people(crew, 2)
    first, second = await crew.post("Первое"), await crew.post("Второе")
    broadcast = await crew.broadcast(first, second)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        (text,) = crew.texts(1001)
        assert "Первое" in text
        assert "Второе" in text
        edits = await corrected(crew, second, "Иное")
        sender.wake()
        await crew.done(*edits)
        (text,) = crew.texts(1001)
        assert ("Первое" in text, "Второе" in text, "Иное" in text) == (True, False, True)
        gone = await withdrawn(crew, first)
        sender.wake()
        await crew.done(*gone)
        (text,) = crew.texts(1002)
        assert ("Первое" in text, "Иное" in text) == (False, True)
        gone = await withdrawn(crew, second)
        sender.wake()
        await crew.done(*gone)
    assert crew.texts(1001) == crew.texts(1002) == []


async def test_a_withdrawal_deletes_and_tells_where_it_cannot(crews: Crew) -> None:
    crew = crews
    await people(crew, 3)
    crew.sandbox.faults.fail("cant_delete", "deleteMessage", {"chat_id": 1002}, times=1)
    post = await crew.post("Ложное")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        deletes = await withdrawn(crew, post, "Имя <ошибочно>")
        sender.wake()
        await crew.done(*deletes)
    assert [crew.texts(chat) for chat in (1001, 1003)] == [[], []]
    (notice,) = crew.texts(1002)
    assert "отозвала" in notice
    assert "Имя <ошибочно>" in notice
    assert "reply_markup" not in crew.sandbox.sent(1002)[0]
    assert (await crew.progress(deletes[0])).sent == 3


async def test_after_48_hours_a_notice_takes_its_place(crew: Crew) -> None:
    await people(crew, 2)
    post = await crew.post("Ложное")
    broadcast = await crew.broadcast(post)
    async with crew.sending():
        await crew.done(broadcast)
    await crew.clock.advance(DELETABLE)  # a sender would look each second of it
    deletes = await withdrawn(crew, post)
    async with crew.sending():
        await crew.done(*deletes)
    assert not calls(crew, "deleteMessage")
    assert all("отозвала" in text and "Ложное" not in text for chat in (1001, 1002) for text in crew.texts(chat))


async def test_a_withdrawal_ends_a_broadcast_under_way(crew: Crew) -> None:
    await people(crew, 90)
    crew.pacer = Pacer(30)
    post = await crew.post("Ложное")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.sandbox.until(lambda: len(crew.received("Ложное")) > 20)
        deletes = await withdrawn(crew, post)
        sender.wake()
        await crew.sandbox.until(lambda: not crew.received("Ложное"))
        await crew.clock.advance(HOUR)
        await crew.done(*deletes)
    found = await crew.storage.broadcasts.get(broadcast)
    assert found
    assert found.state is BroadcastState.STOPPED
    assert len(calls(crew, "sendMessage")) < 60
    assert not crew.received("Ложное")


async def test_a_newer_edit_stops_the_older(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 60)
    post = await crew.post("Раз")
    broadcast = await crew.broadcast(post)
    async with crew.sending():
        await crew.done(broadcast)
    crew.pacer = Pacer(10)
    async with crew.sending() as sender:
        older = await corrected(crew, post, "Два")
        sender.wake()
        await crew.sandbox.until(lambda: len(crew.received("Два")) > 10)
        newer = await corrected(crew, post, "Три")
        sender.wake()
        await crew.done(*newer)
    states = [(await crew.storage.broadcasts.get(id_)) for id_ in (*older, *newer)]
    assert [found.state for found in states if found] == [BroadcastState.STOPPED, BroadcastState.DONE]
    assert crew.received("Три") == Counter(dict.fromkeys(chats, 1))
    assert len(calls(crew, "editMessageText")) < 110, "not everybody was told twice"


async def test_a_restart_in_the_middle_of_an_edit(crews: Crew) -> None:
    crew = crews
    chats = await people(crew, 60)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending():
        await crew.done(broadcast)
    crew.pacer = Pacer(30)
    async with crew.sending() as sender:
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.sandbox.until(lambda: len(crew.received("Новое")) > 10)
    assert crew.received("Старое")
    async with crew.sending():
        await crew.done(*edits)
    assert crew.received("Новое") == Counter(dict.fromkeys(chats, 1))
    assert len(calls(crew, "editMessageText")) == 60, "a graceful stop repeats nothing"


@pytest.mark.parametrize("fault", ["server_error", "drop_after", "flood_bot"])
async def test_trouble_delays_an_edit_and_loses_none(crew: Crew, fault: str) -> None:
    chats = await people(crew, 8)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        crew.sandbox.faults.fail(fault, "editMessageText", times=3, after=2, seconds=2)
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.done(*edits, within=40)
    assert crew.received("Новое") == Counter(dict.fromkeys(chats, 1))
    progress = await crew.progress(edits[0])
    assert (progress.sent, progress.waiting, progress.rejected) == (8, 0, 0), "said so already: done"


async def test_copies_shown_by_hand_are_edited_too(crew: Crew) -> None:
    await people(crew, 1)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        reader = await crew.storage.readers.get(1001)
        assert reader
        # the same post once more, as /latest shows it
        await crew.done(await crew.broadcast(await crew.post("Старое ещё раз")))
        again = crew.sandbox.sent(1001)[1]["message_id"]
        await crew.storage.posts.shown(post.id, reader.id, again, 1, now=crew.now)
        edits = await corrected(crew, post, "Новое")
        assert len(edits) == 2
        sender.wake()
        await crew.done(*edits)
    assert crew.received("Новое") == Counter({1001: 2})


async def test_a_copy_that_was_a_caption(crew: Crew) -> None:
    """Where words stand under a picture, the other method is tried, once."""
    await people(crew, 2)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    crew.sandbox.faults.fail("no_text", "editMessageText", {"chat_id": 1001}, times=None)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.done(*edits)
    assert [call["chat_id"] for call in calls(crew, "editMessageCaption")] == [1001]
    assert Counter(call["chat_id"] for call in calls(crew, "editMessageText"))[1001] == 1
    progress = await crew.progress(edits[0])
    assert (progress.sent, progress.rejected) == (1, 1)
    assert progress.refusals[0][1] == 1


async def test_a_group_that_moves_keeps_its_old_messages(crew: Crew) -> None:
    """Messages have other numbers after a move; an edit must not hit a stranger's message."""
    group = crew.sandbox.people.group(-500, "Болельщики", admins=[crew.sandbox.people.add(7)], basic=True)
    await subscribe(crew.storage, [-500], 1)
    post = await crew.post("Старое")
    broadcast = await crew.broadcast(post)
    async with crew.sending() as sender:
        await crew.done(broadcast)
        moved = crew.sandbox.people.migrate(group)
        refusal = refuse("migrated", migrate_to_chat_id=moved.id)
        crew.sandbox.faults.fail(refusal, "editMessageText", times=None)
        edits = await corrected(crew, post, "Новое")
        sender.wake()
        await crew.done(*edits)
    assert await crew.storage.readers.get(moved.id)
    progress = await crew.progress(edits[0])
    assert (progress.sent, progress.rejected, progress.refusals) == (0, 1, (("the chat has moved", 1),))


async def test_only_the_version_that_was_read(crew: Crew) -> None:
    post = await crew.post("Старое")
    assert await corrected(crew, post, "Новое") == []
    assert await correct(crew.storage, replace(post, title="Поздно"), now=crew.now) is None
    assert await withdraw(crew.storage, post, now=crew.now) is None
    assert (await now_of(crew, post)).title == "Новое"


async def serious(crew: Crew, post: Post, text: str) -> tuple[int, ...]:
    """Correct a post, and tell whoever has the wrong one; the broadcasts that follow."""
    content = Content(way=Way.FIX, language="ru", fixes=post.id, gravity=Gravity.SERIOUS.value)
    draft = await crew.storage.drafts.begin(0, 1, content, DraftState.DRAFT, now=crew.now)
    erratum = Erratum(0, draft.id, post.id, Gravity.SERIOUS, 0)
    note = Note(crew.now, {"ru": "Старое"})
    new = replace(await now_of(crew, post), texts={"ru": RichText(text)}, notes=(note,))
    told = replace(new, kind=PostKind.CORRECTION)
    sent = await crew.storage.errata.publish(draft, erratum, new, told, total=3, now=crew.now)
    assert sent
    return sent.broadcasts


async def test_a_serious_mistake_is_told_as_a_reply_to_whoever_has_it(crews: Crew) -> None:
    """After the edit, under the number of each one's own copy; one whose copy is gone is told all the same."""
    crew = crews
    chats = await people(crew, 4)
    earlier, post = await crew.post("Раньше"), await crew.post("Старое", kind=PostKind.BREAKING)
    first = await crew.broadcast(earlier)
    left = await crew.storage.readers.get(1004)
    assert left
    async with crew.sending() as sender:
        await crew.done(first)
        await crew.storage.readers.leave(left.id, now=crew.now)
        second = await crew.broadcast(post, audience=Audience(breaking=True))
        sender.wake()
        await crew.done(second)
        await crew.clock.advance(60)
        await people(crew, 1, first=1009)
        copies = {chat: crew.sandbox.sent(chat)[-1]["message_id"] for chat in chats[:3]}
        started = await serious(crew, post, "Новое")
        crew.sandbox.machine.chats[1003].messages[copies[1003]].deleted = True
        sender.wake()
        await crew.done(*started)
    told = [call for call in calls(crew, "sendMessage") if "Новое" in call["text"]]
    assert {call["chat_id"]: call["reply_parameters"]["message_id"] for call in told} == copies
    assert all("Исправлено" in call["text"] and "«Старое»" in call["text"] for call in told)
    assert [len(crew.texts(chat)) for chat in (*chats, 1009)] == [3, 3, 2, 1, 0]
    assert "Новое" in crew.texts(1001)[1], "its copy is corrected, too"
    assert "reply_to_message" not in crew.sandbox.sent(1003)[-1]
    assert crew.sandbox.sent(1001)[-1]["reply_to_message"]["message_id"] == copies[1001]
