"""The newsroom's channels in the chat: owners add them and say what goes there. `events` is what channels tell us.

What the file lists is shown and cannot be changed here. Whoever adds a channel must be an owner of the desk and an
administrator of the channel; both are asked anew at each press.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiogram import Bot, F, Router
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import Command, Filter
from aiogram.types import (
    CallbackQuery,
    ChatAdministratorRights,
    ChatMemberUpdated,
    InlineKeyboardMarkup,
    KeyboardButton,
    KeyboardButtonRequestChat,
    Message,
    MessageOriginChannel,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from bot.channels.keeper import keep
from bot.channels.rights import allow, lacking, rights_of, spoken
from bot.domain.channel import EVERYTHING, RIGHTS, Channel, Manner
from bot.domain.desk import Role
from bot.domain.language import name_of
from bot.domain.place import Place
from bot.domain.post import RichText
from bot.domain.reader import ReaderKind, ReaderState
from bot.i18n import Lang, mark
from bot.posts.richtext import bold, join
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard, rows
from handlers.middleware import language, speaker

router = Router(name="channels")
events = Router(name="channel events")

CHANNEL = Callback("ch", act=str, id=int, value=int)
_PICTURES = ("preview-above", "preview-below", "preview-small", "photo", "none")
_REQUEST = 1
Screen = tuple[RichText, InlineKeyboardMarkup]


# What channels tell us ---------------------------------------------------------------------------------------


@events.my_chat_member()
async def rights_changed(event: ChatMemberUpdated, bot: Bot, ctx: Context) -> None:
    """Rights were given or taken in a channel of ours; or an owner has made the bot administrator of a new one."""
    channel, rights = await ctx.storage.channels.get(event.chat.id), rights_of(event.new_chat_member.model_dump())
    if channel:
        await allow(ctx.storage, channel, rights, now=ctx.now)
        return
    user = speaker(event)
    if user and RIGHTS[0] in rights and await ctx.storage.editors.role(user.id) >= Role.OWNER:
        reader = await ctx.storage.readers.get(user.id)
        t = language(ctx, reader, user)
        with suppress(TelegramBadRequest, TelegramForbiddenError):  # who has no chat with the bot finds /channels later
            await _adopt(bot, ctx, event.chat.id, user.id, t)


# The screens -------------------------------------------------------------------------------------------------


@router.message(Command("channels", ignore_case=True))
async def channels(message: Message, ctx: Context, t: Lang) -> None:
    """All channels."""
    await screen.reply(message, *await _listed(ctx, t))


async def _listed(ctx: Context, t: Lang) -> Screen:
    known = await ctx.storage.channels.all()
    lines: list[str | RichText] = [
        bold(t("The newsroom's channels")),
        *(_line(one, t) for one in known),
        "" if known else t("There is no channel yet."),
        t("To add one: the button below, or make me an administrator of it, or forward a post of it to me."),
    ]
    opened = (
        [button(one.title or str(one.chat_id), CHANNEL.pack(act="open", id=one.chat_id, value=0))] for one in known
    )
    return join("\n", lines), keyboard(*opened, [button(t("Add a channel"), CHANNEL.pack(act="pick", id=0, value=0))])


def _line(channel: Channel, t: Lang) -> str:
    state = {
        ReaderState.ACTIVE: t("gets news"),
        ReaderState.NEW: t("is being set up"),
    }.get(channel.state, t("⚠️ I may not post there"))
    name = f"@{channel.username}" if channel.username else channel.title
    return f"• {name}: {state}"


def _screen(ctx: Context, channel: Channel, t: Lang) -> Screen:
    manner, mask = channel.manner, channel.sections
    names = t.list(section.name(t.code) for section in ctx.sections if section.mask & mask)
    missing = lacking(RIGHTS if channel.rights is None else channel.rights)
    tongue = name_of(manner.language) if manner.language else t("each story's own")
    lines: list[str | RichText] = [
        bold(f"📣 {channel.title}"),
        _line(channel, t),
        t("I lack these rights: {rights}", rights=spoken(missing, t)) if missing else "",
        t("Sections: {sections}", sections=t("all") if mask == EVERYTHING else names or t("none")),
        t("Language: {language}", language=tongue),
        t.n(
            "At most {n} post an hour, {span} apart; what is more comes as one list.",
            "At most {n} posts an hour, {span} apart; what is more comes as one list.",
            manner.per_hour,
            span=t.duration(manner.gap),
        ),
        t("It is in newsdesk.toml and is changed there.") if channel.listed else "",
    ]
    back = [button(t("‹ Channels"), CHANNEL.pack(act="list", id=channel.chat_id, value=0))]
    return join("\n", lines), keyboard(*([] if channel.listed else _buttons(ctx, channel, t)), back)


def _buttons(ctx: Context, channel: Channel, t: Lang) -> list[list[Any]]:
    manner, mask, codes = channel.manner, channel.sections, ("", *ctx.words.languages)

    def data(act: str, value: int) -> str:
        return CHANNEL.pack(act=act, id=channel.chat_id, value=value)

    def switch(on: bool, yes: str, no: str, act: str) -> list[Any]:
        return [button(yes if on else no, data(act, not on))]

    ticks = [
        button(("✅ " if section.mask & mask else "") + section.name(t.code), data("section", section.bit))
        for section in ctx.sections
    ]
    tongue = name_of(manner.language) if manner.language else t("each story's own")
    following = (codes.index(manner.language) + 1) % len(codes) if manner.language in codes else 0
    picture = manner.posts.get("picture", ctx.settings.posts.picture)
    return [
        *rows(ticks, 2),
        switch(mask == EVERYTHING, t("✅ All sections, later ones too"), t("All sections, later ones too"), "all"),
        [button(t("Language: {language}", language=tongue), data("language", following))],
        [
            button(
                t("Picture: {picture}", picture=picture),
                data("picture", (_PICTURES.index(picture) + 1) % len(_PICTURES)),
            )
        ],
        switch(manner.source, t("Posts by hand are news: yes"), t("Posts by hand are news: no"), "source"),
        switch(manner.pin_breaking > 0, t("Breaking is pinned: yes"), t("Breaking is pinned: no"), "pin"),
        switch(manner.rates, t("Exchange rates: pinned"), t("Exchange rates: no"), "rates"),
        [button(t("Done"), data("done", 1), "primary")] if channel.state is ReaderState.NEW else [],
        [button(t("Part from this channel"), data("done", 0))],
    ]


# Adding one --------------------------------------------------------------------------------------------------


def _keys(t: Lang) -> ReplyKeyboardMarkup:
    """The button with which the client lets a person pick a channel and gives the bot its rights there."""
    needed = {name: False for name, field in ChatAdministratorRights.model_fields.items() if field.is_required()}
    ours = {**needed, "can_manage_chat": True, **dict.fromkeys(RIGHTS, True)}
    request = KeyboardButtonRequestChat(
        request_id=_REQUEST,
        chat_is_channel=True,
        user_administrator_rights=ChatAdministratorRights(**{**ours, "can_promote_members": True}),
        bot_administrator_rights=ChatAdministratorRights(**ours),
    )
    return ReplyKeyboardMarkup(
        keyboard=[[KeyboardButton(text=t("Pick a channel"), request_chat=request)]], resize_keyboard=True
    )


async def _pick(bot: Bot, chat_id: int, t: Lang) -> None:
    await bot.send_message(chat_id, t("Pick the channel with the button below."), reply_markup=_keys(t))


class _NewChannel(Filter):
    """Lets a forwarded post of a channel through in which the bot may post, and which is not the newsroom's yet."""

    async def __call__(self, message: Message, bot: Bot, ctx: Context) -> bool:
        """See the class."""
        origin = message.forward_origin
        if not isinstance(origin, MessageOriginChannel) or await ctx.storage.channels.get(origin.chat.id):
            return False
        try:
            return RIGHTS[0] in rights_of((await bot.get_chat_member(origin.chat.id, bot.id)).model_dump())
        except TelegramAPIError:
            return False


@router.message(F.chat_shared.request_id == _REQUEST)
async def shared(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """A channel was picked with the button."""
    assert message.chat_shared is not None
    assert message.from_user is not None
    await bot.send_message(message.chat.id, t("Thank you."), reply_markup=ReplyKeyboardRemove())
    await _adopt(bot, ctx, message.chat_shared.chat_id, message.from_user.id, t)


@router.message(_NewChannel())
async def forwarded(message: Message, bot: Bot, ctx: Context, t: Lang) -> None:
    """A post of a channel was forwarded here."""
    assert isinstance(message.forward_origin, MessageOriginChannel)
    assert message.from_user is not None
    await _adopt(bot, ctx, message.forward_origin.chat.id, message.from_user.id, t)


async def _adopt(bot: Bot, ctx: Context, chat_id: int, user_id: int, t: Lang) -> None:
    """Meet a channel; nothing goes there before «Done»."""
    known = await ctx.storage.channels.get(chat_id)
    if known is None:
        problem = await _stranger(bot, chat_id, user_id)
        if problem:
            await screen.say(bot, user_id, t(problem))
            return
        chat = await bot.get_chat(chat_id)
        if {str(chat_id), f"@{chat.username}".lower()} & {str(one.chat).lower() for one in ctx.settings.channels}:
            await screen.say(bot, user_id, t("It is in newsdesk.toml and is changed there."))
            return  # the keeper meets it within a minute
        place = Place(chat_id, ReaderKind.CHANNEL, chat.title or "", chat.username or "")
        nights = ctx.settings.readers.nights()
        await keep(ctx.storage, ctx.words, place, Manner(language=ctx.words.default.code), 0, nights, "", ctx.now)
        known = await ctx.storage.channels.get(chat_id)
        assert known is not None
    await screen.say(bot, user_id, *_screen(ctx, known, t))


_ABSENT = mark("I am not in that channel. Make me an administrator of it first.")


async def _stranger(bot: Bot, chat_id: int, user_id: int) -> str:
    """Why this channel cannot be taken in by that person; "" when it can."""
    try:
        own, theirs = await bot.get_chat_member(chat_id, bot.id), await bot.get_chat_member(chat_id, user_id)
    except TelegramAPIError:
        return _ABSENT
    if own.status != ChatMemberStatus.ADMINISTRATOR:
        return _ABSENT
    if RIGHTS[0] not in rights_of(own.model_dump()):
        return mark("I may not post there. Make me an administrator with the rights to post, edit and delete.")
    if theirs.status not in (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR):
        return mark("Only an administrator of the channel can add it.")
    return ""


# Presses -----------------------------------------------------------------------------------------------------


@router.callback_query(CHANNEL)
async def pressed(query: CallbackQuery, bot: Bot, ctx: Context, t: Lang, act: str, id: int, value: int) -> None:
    """Everything under a channel's screen."""
    assert query.message is not None
    if act == "pick":
        await screen.answer(query)
        return await _pick(bot, query.message.chat.id, t)
    channel = await ctx.storage.channels.get(id)
    if act == "list" or channel is None:
        await screen.answer(query)
        return await screen.show(query, *await _listed(ctx, t))
    if act != "open" and not channel.listed:
        problem = await _changed(ctx, channel, act, value)
        if problem:
            return await screen.answer(query, t(problem), alert=True)
        await ctx.storage.editors.log(query.from_user.id, "channel changed", str(id), text=act, now=ctx.now)
    await screen.answer(query)
    channel = await ctx.storage.channels.get(id)
    shown = _screen(ctx, channel, t) if channel else await _listed(ctx, t)
    return await screen.show(query, *shown)


async def _changed(ctx: Context, channel: Channel, act: str, value: int) -> str:
    """Do what was pressed; why it cannot be done, "" when it was."""
    manner, readers, id_, now = channel.manner, ctx.storage.readers, channel.reader_id, ctx.now
    match act:
        case "section" if 0 <= value < 62:
            mask = 1 << value
            await readers.choose(id_, mask, not channel.sections & mask, now=now)
        case "all":
            await readers.choose(id_, EVERYTHING, bool(value), now=now)
        case "done" if not value:
            await readers.leave(id_, now=now)
        case "done" if not channel.sections:
            return mark("Tick at least one section.")
        case "done":
            await readers.consent(id_, "channel", now=now)
        case "language":
            code = ("", *ctx.words.languages)[value % (len(ctx.words.languages) + 1)]
            await readers.set_language(id_, ctx.words[code].code, now=now)
            manner = replace(manner, language=code)
        case "picture":
            manner = replace(manner, posts={**manner.posts, "picture": _PICTURES[value % len(_PICTURES)]})
        case "source":
            manner = replace(manner, source=bool(value))
        case "pin":
            manner = replace(manner, pin_breaking=Manner().pin_breaking if value else 0)
        case "rates":
            manner = replace(manner, rates=bool(value))
    if manner != channel.manner:
        place = Place(channel.chat_id, ReaderKind.CHANNEL, channel.title, channel.username)
        await ctx.storage.channels.keep(id_, place, manner, now=now)
    return ""
