"""News in groups: brought there by whoever may, set up by the group's administrators in private chats with the bot.

`events` is all that groups say to us; `router` are the screens. Who administers a group is asked of Telegram anew at
each press. To talk in a group the bot stays silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce

from aiogram import Bot, F, Router
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, ChatMemberUpdated, InlineKeyboardButton, InlineKeyboardMarkup, Message, User

from bot.desk import room
from bot.domain.article import Section
from bot.domain.language import name_of
from bot.domain.place import Place
from bot.domain.post import RichText
from bot.domain.reader import Quiet, Reader, ReaderKind, ReaderState
from bot.i18n import Lang, mark
from bot.posts.richtext import bold, join
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard, rows
from handlers.middleware import language, speaker
from handlers.subscriptions import CONSENT

router = Router(name="groups")
events = Router(name="group events")

GROUP = Callback("g", act=str, chat=int, thread=int, value=int)
_ADMINS = (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR)
_INSIDE = (*_ADMINS, ChatMemberStatus.MEMBER, ChatMemberStatus.RESTRICTED)
_MOST_LISTED = 20
_COMMANDS = Command("settings", "sections", ignore_case=True)
_ADDRESS = r"g_(\d{1,16})(?:_(\d{1,9}))?"
Screen = tuple[RichText, InlineKeyboardMarkup]


# What happens in groups --------------------------------------------------------------------------------------


@events.my_chat_member()
async def came_or_went(event: ChatMemberUpdated, bot: Bot, ctx: Context) -> None:
    """Brought in: whoever did it is asked what shall come. Thrown out or silenced: the group's readers sleep, their
    choices kept, until the bot may write there again."""
    new, chat = event.new_chat_member, event.chat
    inside = new.status in _INSIDE
    mute = new.status == ChatMemberStatus.RESTRICTED and not new.can_send_messages
    await (ctx.storage.readers.reachable if inside and not mute else ctx.storage.readers.unreachable)(
        chat.id, now=ctx.now
    )
    user = speaker(event)
    if inside and event.old_chat_member.status not in _INSIDE and user:
        desk = await room.group(ctx.storage, ctx.settings.desk.chat)
        if desk is None or desk.chat_id != chat.id:
            place = Place(chat.id, ReaderKind.GROUP, chat.title or "", chat.username or "", bool(chat.is_forum))
            await ctx.storage.places.keep(place, by=user.id, now=ctx.now)
            await _welcome(bot, ctx, place, user)


async def _welcome(bot: Bot, ctx: Context, place: Place, user: User) -> None:
    """The group's settings in the private chat of whoever brought the bot; else one line in the group leads there."""
    known = await ctx.storage.readers.get(user.id)
    if await _administers(bot, place.chat_id, user.id):
        with suppress(TelegramBadRequest, TelegramForbiddenError):
            await screen.say(bot, user.id, *await _screen(ctx, place, 0, language(ctx, known, user)))
            return
    t = ctx.words.default
    with suppress(TelegramBadRequest, TelegramForbiddenError):  # it may not write there: a press in private tells
        await screen.say(bot, place.chat_id, *_way_in(ctx, place.chat_id, 0, t))


def _way_in(ctx: Context, chat_id: int, thread_id: int, t: Lang) -> tuple[str, InlineKeyboardMarkup]:
    start = f"g_{-chat_id}" + (f"_{thread_id}" if thread_id else "")
    url = f"https://t.me/{ctx.username}?start={start}"
    text = t("Administrators choose in a private chat with me which news comes here.")
    return text, keyboard([InlineKeyboardButton(text=t("Set up"), url=url)])


@events.message(_COMMANDS)
async def asked(message: Message, bot: Bot, ctx: Context) -> None:
    """An administrator asks in the group, or in one of its topics: the way to its settings. Others get no answer."""
    user, chat = speaker(message), message.chat
    hidden = message.sender_chat is not None and message.sender_chat.id == chat.id  # an anonymous administrator
    if hidden or (user and await _administers(bot, chat.id, user.id)):
        await screen.reply(message, *_way_in(ctx, chat.id, screen.thread_of(message) or 0, ctx.words.default))


@events.message(F.migrate_to_chat_id)
async def migrated(message: Message, ctx: Context) -> None:
    """The group became a supergroup."""
    assert message.migrate_to_chat_id is not None
    await ctx.storage.readers.move(message.chat.id, message.migrate_to_chat_id)


@events.message(F.forum_topic_closed)
async def closed(message: Message, bot: Bot, ctx: Context) -> None:
    """Nothing can be written in that topic any more; where the bot manages topics it still may."""
    member = await bot.get_chat_member(message.chat.id, bot.id)
    if not getattr(member, "can_manage_topics", False):
        await ctx.storage.readers.unreachable(message.chat.id, thread_id=message.message_thread_id, now=ctx.now)


@events.message(F.forum_topic_reopened)
async def reopened(message: Message, ctx: Context) -> None:
    """The topic is open again."""
    await ctx.storage.readers.reachable(message.chat.id, thread_id=message.message_thread_id, now=ctx.now)


# The screens -------------------------------------------------------------------------------------------------


@router.message(Command("groups", ignore_case=True))
async def groups(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """The groups that this person set up and still may."""
    await screen.say(bot, message.chat.id, *await _listed(bot, ctx, message.chat.id, t))


async def _listed(bot: Bot, ctx: Context, user_id: int, t: Lang) -> Screen:
    known = (await ctx.storage.places.of(user_id, ReaderKind.GROUP))[:_MOST_LISTED]
    mine = [place for place in known if await _administers(bot, place.chat_id, user_id)]
    add = InlineKeyboardButton(text=t("Add me to a group"), url=f"https://t.me/{ctx.username}?startgroup=news")
    lines: list[str | RichText] = [
        bold(t("Your groups")),
        t("I bring the sections that you choose, also a topic for each.") if mine else t("There is none yet."),
        t("Only administrators of a group can set it up."),
    ]
    return join("\n", lines), keyboard(
        *([button(place.title or str(place.chat_id), _data("open", place))] for place in mine), [add]
    )


def _data(act: str, place: Place, thread_id: int = 0, value: int = 0) -> str:
    return GROUP.pack(act=act, chat=place.chat_id, thread=thread_id, value=value)


@router.message(CommandStart(deep_link=True, magic=F.args.regexp(f"^{_ADDRESS}$")))
async def linked(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """«Set up» in a group leads here."""
    chat_id, thread_id = _address(message.text or "")
    assert message.from_user is not None
    place = await _place(bot, ctx, chat_id, message.from_user.id, t)
    if isinstance(place, str):
        await screen.say(bot, message.chat.id, place)
    else:
        await screen.say(bot, message.chat.id, *await _screen(ctx, place, thread_id, t))


def _address(text: str) -> tuple[int, int]:
    chat, _, thread = text.rpartition("g_")[2].partition("_")
    return -int(chat), int(thread or 0)


async def _administers(bot: Bot, chat_id: int, user_id: int) -> bool | None:
    """Whether somebody may set up that group; None when Telegram will not tell a bot that is no administrator."""
    try:
        return (await bot.get_chat_member(chat_id, user_id)).status in _ADMINS
    except TelegramForbiddenError:
        return False
    except TelegramBadRequest as refusal:
        return False if "not found" in refusal.message else None


async def _place(bot: Bot, ctx: Context, chat_id: int, user_id: int, t: Lang) -> Place | str:
    """The group as it is now, or why this person cannot set it up."""
    may = await _administers(bot, chat_id, user_id)
    if may is None:
        return t(
            "Telegram does not tell me who administers that group. Make me an administrator there; no right is needed."
        )
    if not may:
        return t("Only administrators of the group can set it up, and I have to be in it.")
    try:
        chat = await bot.get_chat(chat_id)
    except TelegramAPIError:
        return t("I cannot see that group. Add me to it first.")
    known = await ctx.storage.places.get(chat_id)
    place = Place(chat_id, ReaderKind.GROUP, chat.title or "", chat.username or "", bool(chat.is_forum))
    await ctx.storage.places.keep(place, by=user_id, now=ctx.now)
    return replace(place, by_topic=bool(known and known.by_topic and place.is_forum))


async def _screen(ctx: Context, place: Place, thread_id: int, t: Lang) -> Screen:
    """What comes into the group, or into one topic of it."""
    reader = await _reader(ctx, place, thread_id)
    living = await ctx.storage.readers.living(place.chat_id)
    by_topic = place.by_topic and not thread_id
    mask = _mask(living) if by_topic else reader.sections
    names = t.list(section.name(t.code) for section in ctx.sections if section.mask & mask)
    asleep = any(one.state is ReaderState.DORMANT for one in (living if by_topic else [reader]))
    lines: list[str | RichText] = [
        bold(f"👥 {place.title}"),
        t("This is about one topic of the group.") if thread_id else "",
        t("Sections: {sections}", sections=names) if names else t("No section is chosen."),
        _state(reader, t),
        t("⚠️ I may not write in the group, or in one of its topics. Mend that and press Done.") if asleep else "",
    ]

    def data(act: str, value: int) -> str:
        return _data(act, place, thread_id, value)

    ticks = [
        button(("✅ " if section.mask & mask else "") + section.name(t.code), data(_tick(section, mask), section.bit))
        for section in ctx.sections
    ]
    silent = reader.quiet is not Quiet.OFF
    codes = ctx.words.languages
    chosen = name_of(reader.language)
    following = (codes.index(reader.language) + 1) % len(codes) if reader.language in codes else 0
    return join("\n", lines), keyboard(
        *rows(ticks, 2),
        [
            button(
                t("🔴 Breaking: on") if reader.breaking else t("🔴 Breaking: off"),
                data("breaking", not reader.breaking),
            )
        ],
        [button(t("At night: silent") if silent else t("At night: as by day"), data("quiet", not silent))],
        [button(t("Language: {language}", language=chosen), data("language", following))] if len(codes) > 1 else [],
        [
            button(
                t("A topic for each section: on") if by_topic else t("A topic for each section: off"),
                data("topics", not by_topic),
            )
        ]
        if place.is_forum and not thread_id
        else [],
        [button(t("Done"), data("done", 1), "primary")],
        [button(t("Send nothing more"), data("done", 0))] if reader.state is ReaderState.ACTIVE else [],
        [button(t("‹ Your groups"), data("list", 0))],
    )


def _tick(section: Section, mask: int) -> str:
    return "drop" if section.mask & mask else "add"


def _mask(living: Sequence[Reader]) -> int:
    return reduce(lambda mask, one: mask | (one.sections if one.state is not ReaderState.LEFT else 0), living, 0)


def _state(reader: Reader, t: Lang) -> str:
    match reader.state:
        case ReaderState.ACTIVE:
            return t("News comes there.")
        case ReaderState.NEW:
            return t("Nothing comes yet: choose and press Done.")
        case _:
            return t("Nothing comes any more: Done begins again.")


async def _reader(ctx: Context, place: Place, thread_id: int) -> Reader:
    """The chat's own reader, or its topic's; it is met in the newsroom's first language."""
    choices = ctx.settings.readers.choices
    return await ctx.storage.readers.meet(
        place.chat_id,
        thread_id=thread_id,
        kind=ReaderKind.TOPIC if thread_id else ReaderKind.GROUP,
        language=ctx.words.default.code,
        choices=replace(choices, breaking=False) if thread_id else choices,  # else all topics would have it
        source="group",
        now=ctx.now,
    )


@router.callback_query(GROUP)
async def pressed(
    query: CallbackQuery, bot: Bot, ctx: Context, t: Lang, act: str, chat: int, thread: int, value: int
) -> None:
    """Everything under a group's screen; each press asks anew who may."""
    if act == "list":
        await screen.answer(query)
        return await screen.show(query, *await _listed(bot, ctx, query.from_user.id, t))
    place = await _place(bot, ctx, chat, query.from_user.id, t)
    if isinstance(place, str):
        return await screen.answer(query, place, alert=True)
    deed = _DEEDS.get(act)
    problem = await deed(bot, ctx, place, await _reader(ctx, place, thread), value) if deed else None
    await screen.answer(query, t(problem) if problem else "", alert=bool(problem))
    place = await ctx.storage.places.get(chat) or place
    return await screen.show(query, *await _screen(ctx, place, thread, t))


async def _all_of(ctx: Context, place: Place, reader: Reader) -> Sequence[Reader]:
    """Whom a choice concerns: one topic, or from the group's own screen all of its readers."""
    return [reader] if reader.thread_id else await ctx.storage.readers.living(place.chat_id)


async def _add(bot: Bot, ctx: Context, place: Place, reader: Reader, bit: int) -> str | None:
    section = next((section for section in ctx.sections if section.bit == bit), None)
    if section is None:
        return None
    if place.by_topic and not reader.thread_id:
        return await _open_topic(bot, ctx, place, reader, section)
    await ctx.storage.readers.choose(reader.id, section.mask, True, now=ctx.now)
    return None


async def _open_topic(bot: Bot, ctx: Context, place: Place, general: Reader, section: Section) -> str | None:
    """A topic for that section: the one that it had, else a new one."""
    living = await ctx.storage.readers.living(place.chat_id)
    own = [one for one in living if one.thread_id and one.sections == section.mask]
    topic = next((one for one in own if one.state is not ReaderState.DORMANT), None)
    if topic is None:
        try:
            made = await bot.create_forum_topic(place.chat_id, section.name(general.language))
        except TelegramAPIError:
            return mark("I may not manage topics there. Give me that right and try again.")
        topic = await _reader(ctx, place, made.message_thread_id)
        await ctx.storage.readers.set_language(topic.id, general.language, now=ctx.now)
        await ctx.storage.readers.change(topic.id, quiet=general.quiet, now=ctx.now)
        await ctx.storage.readers.choose(topic.id, section.mask, True, now=ctx.now)
        for lost in own:
            await ctx.storage.readers.leave(lost.id, now=ctx.now)
    if general.state is ReaderState.ACTIVE:
        await ctx.storage.readers.consent(topic.id, CONSENT, now=ctx.now)
    return None


async def _drop(bot: Bot, ctx: Context, place: Place, reader: Reader, bit: int) -> str | None:
    for one in await _all_of(ctx, place, reader):
        if one.thread_id and not reader.thread_id and one.sections == 1 << bit:
            await ctx.storage.readers.leave(one.id, now=ctx.now)  # its choice is kept, so that it can be opened again
        elif one.id == reader.id:
            await ctx.storage.readers.choose(one.id, 1 << bit, False, now=ctx.now)
    return None


async def _breaking(bot: Bot, ctx: Context, place: Place, reader: Reader, value: int) -> str | None:
    await ctx.storage.readers.change(reader.id, breaking=bool(value), now=ctx.now)
    return None


async def _quiet(bot: Bot, ctx: Context, place: Place, reader: Reader, value: int) -> str | None:
    for one in await _all_of(ctx, place, reader):
        await ctx.storage.readers.change(one.id, quiet=Quiet.SILENT if value else Quiet.OFF, now=ctx.now)
    return None


async def _language(bot: Bot, ctx: Context, place: Place, reader: Reader, value: int) -> str | None:
    codes = ctx.words.languages
    for one in await _all_of(ctx, place, reader):
        await ctx.storage.readers.set_language(one.id, codes[value % len(codes)], now=ctx.now)
    return None


async def _topics(bot: Bot, ctx: Context, place: Place, reader: Reader, value: int) -> str | None:
    """A topic for each section that is chosen, or everything in one place again."""
    storage, living = ctx.storage, await ctx.storage.readers.living(place.chat_id)
    if not value:
        await storage.readers.choose(reader.id, _mask(living), True, now=ctx.now)
        for one in living:
            if one.thread_id:
                await storage.readers.leave(one.id, now=ctx.now)
    else:
        for section in ctx.sections:
            if section.mask & reader.sections and (problem := await _open_topic(bot, ctx, place, reader, section)):
                return problem
        await storage.readers.choose(reader.id, reader.sections, False, now=ctx.now)
    await storage.places.use_topics(place.chat_id, bool(value))
    return None


async def _done(bot: Bot, ctx: Context, place: Place, reader: Reader, value: int) -> str | None:
    """News begins, or begins again; or nothing more comes."""
    concerned = await _all_of(ctx, place, reader)
    if value and not _mask(concerned) and not reader.breaking:
        return mark("Tick at least one section.")
    for one in concerned:
        if not value:
            await ctx.storage.readers.leave(one.id, now=ctx.now)
        elif one.id == reader.id or one.state is not ReaderState.LEFT:
            await ctx.storage.readers.consent(one.id, CONSENT, now=ctx.now)
    return None


_DEEDS = {
    "add": _add,
    "drop": _drop,
    "breaking": _breaking,
    "quiet": _quiet,
    "language": _language,
    "topics": _topics,
    "done": _done,
}
