"""Who may do what: every handler, found in the routers, tried by everybody everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from aiogram import Dispatcher, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import (
    CallbackQuery,
    Chat,
    ChatMemberLeft,
    ChatMemberMember,
    ChatMemberUpdated,
    ChatShared,
    ForumTopicClosed,
    ForumTopicReopened,
    InlineQuery,
    Message,
    MessageOriginChannel,
    Update,
    User,
    Voice,
)
from talking import START
from talking import Chat as Talk

from bot.desk import room
from bot.domain.desk import Awaited, Content, DraftState, Role, Way
from handlers import build_router
from handlers.keyboards import Callback
from handlers.middleware import Awaits

STRANGER, READER, EDITOR, OWNER = 500, 501, 502, 503
DESK, FOREIGN, CHANNEL, THEIRS = (-1_001_000_000_000 - n for n in range(1, 5))
ROLES = {STRANGER: Role.READER, READER: Role.READER, EDITOR: Role.EDITOR, OWNER: Role.OWNER}
NEEDS = {
    **dict.fromkeys(("admin", "audit", "channels", "deskgroup"), Role.OWNER),
    **dict.fromkeys(
        ("approvals", "corrections", "draftpress", "feeds", "hands", "newsroom", "promo", "queue", "stats", "stories"),
        Role.EDITOR,
    ),
}
"""What a module's handlers are for; all others are for everybody."""
EVERYBODY = {
    ("admin", "claim"), ("corrections", "listed"), ("promo", "switched"), ("deskgroup", "migrated"),
    ("deskgroup", "came_or_went"), ("channels", "rights_changed"), ("hands", "posted"),
}  # fmt: skip
"""Handlers of these modules that are for everybody, and why is said where they stand."""


KINDS = ("message", "callback_query", "my_chat_member", "channel_post", "edited_channel_post", "inline_query")
"""Everything that Telegram brings and somebody listens to."""


class Tried(NamedTuple):
    """A handler, and the events that it is made for."""

    kind: str
    handler: HandlerObject
    need: Role
    texts: list[str]
    data: list[str]
    awaits: list[str]


def named(handler: HandlerObject) -> tuple[str, str]:
    """The module and the name of a handler."""
    return handler.callback.__module__.rpartition(".")[2], handler.callback.__name__


def handlers(router: Router) -> Iterator[tuple[str, HandlerObject]]:
    """All of a tree's handlers, each with the kind of event that it takes."""
    for kind, observer in router.observers.items():
        for handler in observer.handlers:
            yield kind, handler
    for child in router.sub_routers:
        yield from handlers(child)


def need(handler: HandlerObject) -> Role:
    """The least role that it is for."""
    module, name = named(handler)
    return Role.READER if (module, name) in EVERYBODY else NEEDS.get(module, Role.READER)


def tried(kind: str, handler: HandlerObject) -> Tried:
    """What its own filters ask for."""
    found = Tried(kind, handler, need(handler), [], [], [])
    samples: dict[type, Any] = {int: 1, bool: True, str: "x"}
    for one in handler.filters or ():
        match one.callback:
            case Command(commands=commands):
                found.texts.extend(f"/{name}" for name in commands)
            case Callback(fields=fields) as pressed:
                found.data.append(pressed.pack(**{name: samples[type_] for name, type_ in fields.items()}))
            case Awaits(_kinds=kinds):
                found.awaits.extend(kinds)
    return found


def events(one: Tried) -> list[dict[str, Any]]:
    """What to say, press or do to be heard by it."""
    match one.kind:
        case "message":
            said = [{"text": text} for text in one.texts] or [{"text": "привет"}]
            return [{"text": "привет", **MADE_FOR[named(one.handler)]}] if named(one.handler) in MADE_FOR else said
        case "callback_query":
            return [{"data": data} for data in one.data or ["nobody:knows"]]
        case "my_chat_member":
            return [{"member": member} for member in ("member", "left")]
    return [{"kind": one.kind, "text": "мост"}]


CHANNEL_POST = MessageOriginChannel(
    date=datetime.now(UTC), chat=Chat(id=THEIRS, type="channel", title="Чужой"), message_id=1
)
MADE_FOR: dict[tuple[str, str], dict[str, Any]] = {
    ("admin", "claim"): {"text": "/start own_x"},
    ("channels", "forwarded"): {"forward_origin": CHANNEL_POST},
    ("channels", "shared"): {"text": None, "chat_shared": ChatShared(request_id=1, chat_id=THEIRS)},
    ("deskgroup", "migrated"): {"text": None, "migrate_to_chat_id": FOREIGN - 5},
    ("groups", "closed"): {"text": None, "forum_topic_closed": ForumTopicClosed()},
    ("groups", "linked"): {"text": "/start g_1"},
    ("groups", "migrated"): {"text": None, "migrate_to_chat_id": FOREIGN - 5},
    ("groups", "reopened"): {"text": None, "forum_topic_reopened": ForumTopicReopened()},
    ("search", "unknown_command"): {"text": "/nobodyknows"},
    ("search", "wordless"): {"text": None, "voice": Voice(file_id="v", file_unique_id="v", duration=1)},
    ("why", "named"): {"text": "https://news.example/0"},
    ("wording", "typed"): {"asked": "🙈 ?"},
    ("zones", "typed"): {"asked": "🕓 ?"},
}
"""What to say where no command asks for it: fields of the message; `asked`, that it answers such a message of ours."""


class Stage:
    """The real routers; whoever reaches a handler is noted instead of served."""

    def __init__(self, chat: Talk) -> None:
        self.chat = chat
        self.root = build_router()
        self.dispatcher = Dispatcher(disable_fsm=True)
        self.dispatcher.include_router(self.root)
        self.reached: list[HandlerObject] = []
        self.number = 0
        for kind in KINDS:
            self.root.observers[kind].middleware(self._note)

    async def _note(self, handler: Any, event: Any, data: dict[str, Any]) -> None:
        self.reached.append(data["handler"])
        if isinstance(event, ChatMemberUpdated) and event.chat.type != ChatType.PRIVATE:
            raise SkipHandler
        if isinstance(event, Message) and event.migrate_to_chat_id:
            raise SkipHandler  # such events go on to whoever else they concern

    async def offer(
        self,
        user_id: int,
        place: int,
        *,
        kind: str = "",
        data: str = "",
        member: str = "",
        asked: str = "",
        **fields: Any,
    ) -> list[HandlerObject]:
        """Say, press or do that there; who takes it."""
        self.number += 1
        self.reached.clear()
        user, now = User(id=user_id, is_bot=False, first_name="X"), datetime.now(UTC)
        type_ = "private" if place > 0 else "channel" if place == CHANNEL else "supergroup"
        where, me = Chat(id=place, type=type_), await self.chat.bot.me()
        ours = Message(message_id=1, date=now, chat=where, text=asked or "?", from_user=me)
        if data:
            kind, event = "callback_query", CallbackQuery(
                id="1", from_user=user, chat_instance="1", message=ours, data=data
            )  # fmt: skip
        elif member:
            kind, event = "my_chat_member", _changed(where, user, me, member, now)
        elif kind == "inline_query":
            event = InlineQuery(id="1", from_user=user, query=fields["text"], offset="")
        elif place == CHANNEL:
            event = Message(message_id=2, date=now, chat=where, sender_chat=where, **fields)
            kind = kind or "channel_post"
        else:
            answers = {} if place > 0 and not asked else {"reply_to_message": ours}
            kind, event = "message", Message(message_id=2, date=now, chat=where, from_user=user, **answers, **fields)
        update = Update(update_id=self.number, **{kind: event})
        await self.dispatcher.feed_update(self.chat.bot, update, ctx=self.chat.ctx)
        return list(self.reached)

    async def expect(self, one: Tried, user: int, place: int, *, now: int) -> None:
        """What has to be open for it: a question that is asked, a draft that is being written; nothing once `now`."""
        drafts = self.chat.storage.drafts
        for kind in one.awaits:
            await drafts.expect(user, place, Awaited(kind, 1) if now else None, until=now)
        if named(one.handler) == ("moved", "said"):
            await self.chat.storage.engine.write("UPDATE reader SET ask = :ask", ask=int(now > 0))
        if named(one.handler) == ("newsroom", "goes_on"):
            if now:
                await drafts.begin(user, place, Content(Way.BREAKING, "ru", {}), DraftState.COMPOSE, now=now - 99)
            elif draft := await drafts.current(user, place, since=0):
                await drafts.drop(draft.id)


def _changed(where: Chat, user: User, me: User, member: str, now: datetime) -> ChatMemberUpdated:
    """The bot is brought in, or thrown out."""
    inside, outside = ChatMemberMember(user=me), ChatMemberLeft(user=me)
    old, new = (outside, inside) if member == "member" else (inside, outside)
    return ChatMemberUpdated(chat=where, from_user=user, date=now, old_chat_member=old, new_chat_member=new)


@pytest.fixture
async def stage(chat: Talk) -> Stage:
    """A reader, an editor, an owner, the desk's group, and a channel in which the bot may post."""
    await chat.storage.readers.meet(READER, language="ru", now=START)
    await chat.storage.editors.add(EDITOR, Role.EDITOR, "Ада", by=0, now=START)
    await chat.storage.editors.add(OWNER, Role.OWNER, "Ия", by=0, now=START)
    await room.choose(chat.storage, DESK, {})
    chat.people.channel(THEIRS, "Чужой")
    await chat.publish("Мост")
    await chat.idle()
    return Stage(chat)


async def test_every_handler_and_every_role(stage: Stage) -> None:
    """Nobody reaches what is for a higher role, wherever they try; and whoever has the role does, in private, at the
    desk, in a group or in a channel."""
    whole = {(kind, *named(one)): tried(kind, one) for kind, one in handlers(stage.root) if kind in KINDS}
    assert len(whole) > 110
    entered: dict[tuple[str, str, str], set[Role]] = {name: set() for name in whole}
    for name, one in whole.items():
        for user, role in ROLES.items():
            for place in (user, DESK, FOREIGN, CHANNEL):
                await stage.expect(one, user, place, now=START + 99)
                for event in events(one):
                    found = await stage.offer(user, place, **event)
                    assert all(need(other) <= role for other in found), (name, user, place, event, found)
                    if place in (FOREIGN, CHANNEL):
                        above = [other for other in found if need(other) > Role.READER]
                        assert all(named(other)[0] == "deskgroup" for other in above), (name, user, event)
                    if any(named(other) == name[1:] for other in found):
                        entered[name].add(role)
                await stage.expect(one, user, place, now=0)
    for name, roles in entered.items():
        allowed = {role for role in Role if role >= whole[name].need}
        assert roles <= allowed, name
        if whole[name].need is Role.READER:  # some are for whoever has no other right, or is imported, or has a chat
            allowed &= {Role.READER} | roles
        assert roles == allowed, f"{name} is made for something that this test does not know how to say"


def test_nothing_else_is_listened_to() -> None:
    assert {kind for kind, _ in handlers(build_router())} == {*KINDS, "error"}


async def test_a_role_that_was_taken_is_gone_at_once(stage: Stage) -> None:
    before = await stage.offer(EDITOR, EDITOR, text="/queue")
    assert [named(one) for one in before] == [("queue", "shown")]
    await stage.chat.storage.editors.remove(EDITOR)
    after = await stage.offer(EDITOR, EDITOR, text="/queue")
    assert [need(one) for one in after] == [Role.READER]
    assert await stage.offer(EDITOR, DESK, text="/queue") == []


def test_every_module_with_handlers_says_whom_it_is_for() -> None:
    known = {named(one) for _, one in handlers(build_router())}
    readers = {
        "account", "article", "errors", "groups", "membership", "moved", "posts", "reading", "search", "settings",
        "start", "subscriptions", "why", "wording", "zones",
    }  # fmt: skip
    assert known >= EVERYBODY, EVERYBODY - known
    assert {module for module, _ in known} - NEEDS.keys() - readers == set()
