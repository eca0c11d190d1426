"""A reader blocks the bot or comes back."""

from __future__ import annotations

from aiogram import Router
from aiogram.enums import ChatMemberStatus
from aiogram.types import ChatMemberUpdated

from handlers.context import Context

router = Router(name="membership")


@router.my_chat_member()
async def changed(event: ChatMemberUpdated, ctx: Context) -> None:
    """Blocked: asleep with all choices kept. Unblocked: news again."""
    readers = ctx.storage.readers
    blocked = event.new_chat_member.status == ChatMemberStatus.KICKED
    await (readers.unreachable if blocked else readers.reachable)(event.chat.id, now=ctx.now)
