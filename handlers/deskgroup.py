"""A group becomes the desk: an owner presses a button in it. `changes` follows what becomes of that group."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import TelegramAPIError
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Chat, ChatMemberUpdated, InlineKeyboardMarkup, Message

from bot.desk import room
from bot.desk.room import Topic
from bot.domain.desk import Role
from bot.domain.post import RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard

router = Router(name="deskgroup")
changes = Router(name="deskgroup changes")

FOUND = Callback("desk", act=str)
_INSIDE = (ChatMemberStatus.MEMBER, ChatMemberStatus.ADMINISTRATOR)


@router.my_chat_member(F.new_chat_member.status.in_(_INSIDE), ~F.old_chat_member.status.in_(_INSIDE))
async def added(event: ChatMemberUpdated, bot: Bot, ctx: Context, t: Lang) -> None:
    """An owner has brought the bot into a group: it may become the desk's, or is meant by the file and lacks topics."""
    known = await room.group(ctx.storage, ctx.settings.desk.chat)
    if known is None or (known.chat_id == event.chat.id and event.chat.is_forum and not known.topics):
        await screen.say(bot, event.chat.id, *_offer(t))
    raise SkipHandler


@router.message(Command("desk", ignore_case=True))
async def asked(message: Message, ctx: Context, t: Lang) -> None:
    """The same for a group in which the bot is already."""
    await screen.reply(message, *_offer(t))


def _offer(t: Lang) -> tuple[str, InlineKeyboardMarkup]:
    text = t(
        "Shall this group be the desk? Approvals, the queue, alarms and the progress of sends will be shown here, and"
        " everybody in the group sees them. Only editors can press their buttons."
    )
    return text, keyboard([button(t("Make this group the desk"), FOUND.pack(act="here"))])


@router.callback_query(FOUND)
async def founded(query: CallbackQuery, bot: Bot, ctx: Context, t: Lang, act: str) -> None:
    """From now on the desk is here."""
    configured, place = ctx.settings.desk.chat, query.message.chat if query.message else None
    if act != "here" or place is None:
        return await screen.outdated(query, t)
    known = await room.group(ctx.storage, configured)
    if configured and not (known and known.chat_id == place.id):
        return await screen.answer(query, t("The file names another chat: [desk] chat in newsdesk.toml."), alert=True)
    if known and known.chat_id == place.id and (known.topics or not place.is_forum):
        return await screen.answer(query, t("The desk is here already."))
    topics = await _topics(bot, place, t) if place.is_forum else {}
    await room.choose(ctx.storage, place.id, topics)
    await ctx.storage.editors.log(query.from_user.id, "desk founded", str(place.id), now=ctx.now)
    lines: list[str | RichText] = [
        bold(t("The desk is here now.")),
        t("Breaking news: /breaking. What waits: /queue."),
        t("I may not make topics here: everything comes into this chat. With the right to manage topics, press /desk.")
        if place.is_forum and not topics
        else "",
    ]
    await screen.answer(query)
    return await screen.show(query, join("\n", lines))


async def _topics(bot: Bot, place: Chat, t: Lang) -> dict[str, int]:
    """A thread for each kind of thing; none where the bot may not make any."""
    names = {
        Topic.URGENT: t.p("topic", "Breaking"),
        Topic.QUEUE: t.p("topic", "Queue"),
        Topic.ALARMS: t.p("topic", "Alarms"),
    }
    try:
        return {
            topic: (await bot.create_forum_topic(place.id, name)).message_thread_id for topic, name in names.items()
        }
    except TelegramAPIError:  # whatever it is, the desk works without them, and its owner is told
        return {}


@changes.message(F.migrate_to_chat_id)
async def migrated(message: Message, ctx: Context) -> None:
    """The group became a supergroup."""
    assert message.migrate_to_chat_id is not None
    await room.moved(ctx.storage, ctx.settings.desk.chat, message.chat.id, message.migrate_to_chat_id)
    raise SkipHandler


@changes.my_chat_member()
async def came_or_went(event: ChatMemberUpdated, bot: Bot, ctx: Context) -> None:
    """The bot left the desk's group, or is back: owners are told, and the desk is where they are meanwhile."""
    there = event.new_chat_member.status in (*_INSIDE, ChatMemberStatus.RESTRICTED)
    if await room.present(ctx.storage, ctx.settings.desk.chat, event.chat.id, there) and not there:
        for person in await ctx.storage.editors.all():
            if person.role is Role.OWNER:
                seat = await room.seat(ctx.storage, ctx.words, person.user_id)
                text = seat.t("⚠️ I am no longer in the desk's group. Until I am back, its messages come here.")
                await screen.try_to_say(bot, seat.chat_id, text)
    raise SkipHandler
