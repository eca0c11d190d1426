"""Who is speaking: the reader behind a chat, the language to answer in, and the rights of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram.enums import ChatType
from aiogram.filters import Filter
from aiogram.types import CallbackQuery, Chat, ChatMemberUpdated, InlineQuery, Message, TelegramObject, User

from bot.desk import room
from bot.domain.desk import Role
from bot.domain.reader import Reader
from bot.i18n import Lang
from handlers import screen
from handlers.context import Context

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
_GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)


async def know_reader(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Outer middleware: adds `reader` (None when unknown) and `t`, the language to answer in.

    Inline questions come from any chat, and nobody but the asker sees the answer.
    """
    ctx: Context = data["ctx"]
    user = event.from_user if isinstance(event, InlineQuery) else person(event)
    data["reader"] = await ctx.storage.readers.get(user.id) if user else None
    data["t"] = language(ctx, data["reader"], user)
    return await handler(event, data)


async def calm(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Outer middleware: who is faster than the receive loop allows is asked for patience, and not heard this time."""
    if not data.get("hurried"):
        return await handler(event, data)
    t: Lang = data["t"]
    words = t("You are faster than I can answer. Give me a minute.")
    match event:
        case Message() if person(event):
            await screen.say(data["bot"], event.chat.id, words)
        case CallbackQuery():
            await screen.answer(event, words, alert=True)
    return None


def language(ctx: Context, reader: Reader | None, user: User | None) -> Lang:
    """The saved language, else what Telegram says of the person, else the newsroom's first."""
    if reader is not None:
        return ctx.words[reader.language]
    return ctx.words.negotiate(user.language_code if user else None)


def person(event: TelegramObject) -> User | None:
    """The human being in their own private chat that this event comes from, else None."""
    place, user = chat_of(event), speaker(event)
    return user if user and place and place.type == ChatType.PRIVATE else None


def speaker(event: TelegramObject) -> User | None:
    """The human being that this event comes from, wherever it was; nobody speaks in another's private chat.

    A chat that speaks in a person's name (channels, anonymous admins) and bots are nobody here.
    """
    match event:
        case Message(from_user=User() as user, sender_chat=None, chat=chat):
            pass
        case CallbackQuery(from_user=user, message=TelegramObject(chat=chat)):
            pass
        case ChatMemberUpdated(from_user=user, chat=chat):
            pass
        case _:
            return None
    strange = user.is_bot or (chat.type == ChatType.PRIVATE and chat.id != user.id)
    return None if strange else user


def chat_of(event: TelegramObject) -> Chat | None:
    """Where it happened; None for what has no place, such as inline questions."""
    place = event.message if isinstance(event, CallbackQuery) else event
    return getattr(place, "chat", None)


class InPrivate(Filter):
    """Lets people in their private chats through."""

    async def __call__(self, event: TelegramObject) -> bool:
        """See the class."""
        return person(event) is not None


class AnyGroup(Filter):
    """Lets through what happens in any group, whoever does it: Telegram itself or an anonymous administrator, too."""

    async def __call__(self, event: TelegramObject) -> bool:
        """See the class."""
        place = chat_of(event)
        return place is not None and place.type in _GROUPS


class InChannel(Filter):
    """Lets through what happens in a channel. Whether it is the newsroom's is for the handlers to see."""

    async def __call__(self, event: TelegramObject) -> bool:
        """See the class."""
        place = chat_of(event)
        return place is not None and place.type == ChatType.CHANNEL


class InGroup(Filter):
    """Lets through what people do in any group."""

    async def __call__(self, event: TelegramObject) -> bool:
        """See the class."""
        place = chat_of(event)
        return place is not None and place.type in _GROUPS and speaker(event) is not None


class AtDesk(Filter):
    """Lets through what people do in the desk's group."""

    async def __call__(self, event: TelegramObject, ctx: Context) -> bool:
        """See the class."""
        place = chat_of(event)
        if place is None or place.type not in _GROUPS or speaker(event) is None:
            return False
        desk = await room.group(ctx.storage, ctx.settings.desk.chat)
        return desk is not None and desk.chat_id == place.id


class HasRole(Filter):
    """Lets people through who have the role now: read anew at each event. Where they are is another door's matter."""

    def __init__(self, role: Role) -> None:
        self._role = role

    async def __call__(self, event: TelegramObject, ctx: Context) -> bool:
        """See the class."""
        user = speaker(event)
        return user is not None and await ctx.storage.editors.role(user.id) >= self._role


class Awaits(Filter):
    """Lets an editor's message through that answers a question of such a kind; hands over what was `awaited`."""

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds

    async def __call__(self, message: Message, ctx: Context) -> bool | dict[str, Any]:
        """See the class."""
        if not said_to_us(message):
            return False
        awaited = await ctx.storage.drafts.awaited(author(message), message.chat.id, now=ctx.now)
        known = awaited is not None and awaited.what.partition("_")[0] in self._kinds
        return {"awaited": awaited} if known else False


def said_to_us(message: Message) -> bool:
    """In private everything that is no command is said to the bot; in a group what replies to it."""
    if (message.text or message.caption or "").startswith("/"):
        return False
    if message.chat.type == ChatType.PRIVATE:
        return True
    asked = message.reply_to_message
    return bool(asked and asked.from_user and message.bot and asked.from_user.id == message.bot.id)


def author(event: Message | CallbackQuery) -> int:
    """Who wrote or pressed."""
    assert event.from_user is not None  # the door lets only people through
    return event.from_user.id
