"""Who is speaking: the reader behind a chat, the language to answer in, and the rights of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram.enums import ChatType
from aiogram.filters import Filter
from aiogram.types import CallbackQuery, ChatMemberUpdated, InlineQuery, Message, TelegramObject, User

from bot.domain.desk import Role
from bot.domain.reader import Reader
from bot.i18n import Lang
from handlers.context import Context

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


async def know_reader(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Outer middleware: adds `reader` (None when unknown) and `t`, the language to answer in.

    Inline questions come from any chat, and nobody but the asker sees the answer.
    """
    ctx: Context = data["ctx"]
    user = event.from_user if isinstance(event, InlineQuery) else person(event)
    data["reader"] = await ctx.storage.readers.get(user.id) if user else None
    data["t"] = language(ctx, data["reader"], user)
    return await handler(event, data)


def language(ctx: Context, reader: Reader | None, user: User | None) -> Lang:
    """The saved language, else what Telegram says of the person, else the newsroom's first."""
    if reader is not None:
        return ctx.words[reader.language]
    return ctx.words.negotiate(user.language_code if user else None)


def person(event: TelegramObject) -> User | None:
    """The human being in their own private chat that this event comes from, else None.

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
    private = chat.type == ChatType.PRIVATE and chat.id == user.id
    return user if private and not user.is_bot else None


class InPrivate(Filter):
    """Lets people in their private chats through."""

    async def __call__(self, event: TelegramObject) -> bool:
        """See the class."""
        return person(event) is not None


class HasRole(Filter):
    """Lets people through who have the role now: read anew at each event, denied by default."""

    def __init__(self, role: Role) -> None:
        self._role = role

    async def __call__(self, event: TelegramObject, ctx: Context) -> bool:
        """See the class."""
        user = person(event)
        return user is not None and await ctx.storage.editors.role(user.id) >= self._role
