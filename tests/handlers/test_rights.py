"""Who may do what: every handler of the desk, found in the routers, tried by everybody everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from aiogram import Dispatcher, Router
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Chat, Message, Update, User
from talking import START
from talking import Chat as Talk

from bot.desk import room
from bot.domain.desk import Awaited, Role
from handlers import build_router
from handlers.keyboards import Callback
from handlers.middleware import Awaits

STRANGER, READER, EDITOR, OWNER = 500, 501, 502, 503
DESK, FOREIGN = -1_001_000_000_001, -1_001_000_000_002
ROLES = {STRANGER: Role.READER, READER: Role.READER, EDITOR: Role.EDITOR, OWNER: Role.OWNER}
NEEDS = {
    **dict.fromkeys(("admin", "audit", "channels", "deskgroup"), Role.OWNER),
    **dict.fromkeys(
        ("approvals", "corrections", "draftpress", "feeds", "hands", "newsroom", "promo", "queue", "stats", "stories"),
        Role.EDITOR,
    ),
}
"""What a module's handlers are for; all others are for everybody."""
EVERYBODY = {("admin", "claim"), ("corrections", "listed"), ("promo", "switched"), ("deskgroup", "migrated")}
"""Handlers of these modules that are for everybody, and why is said where they stand."""


class Tried(NamedTuple):
    """A handler of the desk, and the events that it is made for."""

    handler: HandlerObject
    need: Role
    texts: list[str]
    data: list[str]
    awaits: list[str]


def named(handler: HandlerObject) -> tuple[str, str]:
    """The module and the name of a handler."""
    return handler.callback.__module__.rpartition(".")[2], handler.callback.__name__


def handlers(router: Router) -> Iterator[HandlerObject]:
    """All of a tree's handlers of messages and presses."""
    yield from router.message.handlers
    yield from router.callback_query.handlers
    for child in router.sub_routers:
        yield from handlers(child)


def need(handler: HandlerObject) -> Role:
    """The least role that it is for."""
    module, name = named(handler)
    return Role.READER if (module, name) in EVERYBODY else NEEDS.get(module, Role.READER)


def tried(handler: HandlerObject) -> Tried:
    """What its own filters ask for."""
    found = Tried(handler, need(handler), [], [], [])
    samples: dict[type, Any] = {int: 1, bool: True, str: "x"}
    for one in handler.filters or ():
        match one.callback:
            case Command(commands=commands):
                found.texts.extend(f"/{name}" for name in commands)
            case Callback(fields=fields) as kind:
                found.data.append(kind.pack(**{name: samples[type_] for name, type_ in fields.items()}))
            case Awaits(_kinds=kinds):
                found.awaits.extend(kinds)
    return found


class Stage:
    """The real routers; whoever reaches a handler is noted instead of served."""

    def __init__(self, chat: Talk) -> None:
        self.chat = chat
        self.root = build_router()
        self.dispatcher = Dispatcher(disable_fsm=True)
        self.dispatcher.include_router(self.root)
        self.reached: list[HandlerObject] = []
        self.number = 0
        for observer in (self.root.message, self.root.callback_query):
            observer.middleware(self._note)

    async def _note(self, handler: Any, event: Any, data: dict[str, Any]) -> None:
        self.reached.append(data["handler"])

    async def offer(self, user_id: int, place: int, *, text: str = "", data: str = "") -> list[HandlerObject]:
        """Say or press that there; who takes it."""
        self.number += 1
        self.reached.clear()
        user = User(id=user_id, is_bot=False, first_name="X")
        where = Chat(id=place, type="private" if place > 0 else "supergroup")
        ours = Message(message_id=1, date=datetime.now(UTC), chat=where, text="?", from_user=await self.chat.bot.me())
        said = Message(
            message_id=2, date=datetime.now(UTC), chat=where, text=text, from_user=user,
            reply_to_message=None if place > 0 else ours,
        )  # fmt: skip
        press = CallbackQuery(id="1", from_user=user, chat_instance="1", message=ours, data=data) if data else None
        update = Update(update_id=self.number, **({"callback_query": press} if press else {"message": said}))
        await self.dispatcher.feed_update(self.chat.bot, update, ctx=self.chat.ctx)
        return list(self.reached)


@pytest.fixture
async def stage(chat: Talk) -> Stage:
    """A reader, an editor, an owner, and the desk's group."""
    await chat.storage.readers.meet(READER, language="ru", now=START)
    await chat.storage.editors.add(EDITOR, Role.EDITOR, "Ада", by=0, now=START)
    await chat.storage.editors.add(OWNER, Role.OWNER, "Ия", by=0, now=START)
    await room.choose(chat.storage, DESK, {})
    return Stage(chat)


async def test_nobody_reaches_what_is_for_a_higher_role(stage: Stage) -> None:
    """And whoever has the role does, in private or at the desk."""
    drafts = stage.chat.storage.drafts
    desk = {named(one): tried(one) for one in handlers(stage.root) if need(one) > Role.READER}
    assert len(desk) > 40
    missed = set()
    for name, one in desk.items():
        entered = False
        for user, role in ROLES.items():
            for place in (user, DESK, FOREIGN):
                for kind in one.awaits:
                    await drafts.expect(user, place, Awaited(kind, 1), until=START + 99)
                events = [{"text": text} for text in one.texts] + [{"data": data} for data in one.data]
                for event in events or [{"text": "привет"}]:
                    found = await stage.offer(user, place, **event)
                    assert all(need(other) <= role for other in found), (name, user, place, event, found)
                    if place == FOREIGN and named(one.handler)[0] != "deskgroup":
                        assert not any(need(other) > Role.READER for other in found), (name, user, event)
                    entered |= role >= one.need and any(named(other) == name for other in found)
                for _ in one.awaits:
                    await drafts.expect(user, place, None, until=0)
        if not entered:
            missed.add(name)
    assert missed <= {("newsroom", "goes_on"), ("channels", "forwarded"), ("channels", "shared")}, (
        "they are made for something that this test does not know how to say"
    )


async def test_a_role_that_was_taken_is_gone_at_once(stage: Stage) -> None:
    before = await stage.offer(EDITOR, EDITOR, text="/queue")
    assert [named(one) for one in before] == [("queue", "shown")]
    await stage.chat.storage.editors.remove(EDITOR)
    after = await stage.offer(EDITOR, EDITOR, text="/queue")
    assert [need(one) for one in after] == [Role.READER]
    assert await stage.offer(EDITOR, DESK, text="/queue") == []


def test_every_module_with_handlers_says_whom_it_is_for() -> None:
    known = {named(one) for one in handlers(build_router())}
    readers = {
        "account", "article", "errors", "groups", "membership", "moved", "posts", "reading", "search", "settings",
        "start", "subscriptions", "why", "wording", "zones",
    }  # fmt: skip
    assert known >= EVERYBODY, EVERYBODY - known
    assert {module for module, _ in known} - NEEDS.keys() - readers == set()
