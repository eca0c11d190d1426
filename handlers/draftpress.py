"""Presses under a draft's preview: send, try, change, plan or drop exactly the content for which the card was shown."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from aiogram import Bot, Router
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.desk import drafts, when
from bot.domain.desk import Awaited, Draft, DraftState, Way
from bot.domain.language import name_of
from bot.domain.post import RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from handlers import draftcard, draftsend, screen
from handlers.context import Context
from handlers.keyboards import DRAFT, Callback, button, keyboard, rows
from handlers.middleware import Awaits, author

router = Router(name="draftpress")

PICK = Callback("pick", id=int, bit=int, wanted=bool)
PICKED = Callback("picked", id=int)
WHEN = Callback("when", what=str, id=int, at=int)


# Presses under the preview ------------------------------------------------------------------------------------


@router.callback_query(DRAFT)
async def decided(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int, seal: str) -> None:
    """Send, try, change or drop exactly the content for which the card was shown."""
    draft = await ctx.storage.drafts.get(id)
    if draft is None or draft.author_id != query.from_user.id or drafts.seal(draft) != seal:
        return await screen.outdated(query, t)
    if draft.state is not DraftState.DRAFT:
        return await screen.answer(query, t("This draft is closed. Begin again: /breaking"))
    verb, _, code = act.partition("_")
    match verb:
        case "send" | "ask" | "solo":
            return await draftsend.go(query, draft, verb, ctx, t)
        case "try":
            return await _try(query, draft, ctx, t, bot)
        case "show" if code in draft.content.texts:
            await screen.answer(query)
            return await draftcard.send_copy(bot, ctx, draft, code)
        case "text" if code in ctx.words.languages:
            question = t("Send the text in {language}.", language=name_of(code))
            return await _expect(query, ctx, draft, act, question, t)
        case "drop":
            return await _drop(query, draft, ctx, t)
        case "more":
            return await _open(query, draftcard.more(ctx, draft, t))
        case "less":
            return await _open(query, (await draftcard.card(ctx, draft, t))[1])
        case "sections":
            return await _open(query, sections_screen(ctx, draft, t)[1])
        case "due" | "embargo":
            return await _open(query, _moments(ctx, draft, verb, t))
        case "sound" | "main" | "bare" | "quote" | "label" | "default" | "skip":
            return await _change(query, draft, verb, ctx, t, bot)
    return await screen.outdated(query, t)


async def _try(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    try:
        await draftcard.send_copy(bot, ctx, draft, t.code, (query.from_user.id, 0))
    except TelegramForbiddenError:
        return await screen.answer(query, t("Say /start to me in private first."), alert=True)
    await draftcard.log(ctx, draft.author_id, "breaking tried", draft.id)
    return await screen.answer(query, t("Only you have got it."))


async def _open(query: CallbackQuery, below: InlineKeyboardMarkup) -> None:
    """Put other buttons below the same card."""
    await screen.answer(query)
    assert query.bot is not None
    assert query.message is not None
    with suppress(TelegramBadRequest):
        await query.bot.edit_message_reply_markup(
            chat_id=query.message.chat.id, message_id=query.message.message_id, reply_markup=below
        )


async def _drop(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang) -> None:
    if not await ctx.storage.drafts.drop(draft.id):
        return await screen.outdated(query, t)
    await draftcard.log(ctx, draft.author_id, "breaking dropped", draft.id)
    await screen.answer(query)
    return await screen.show(query, t("The draft is dropped, nobody got it."))


async def _change(query: CallbackQuery, draft: Draft, what: str, ctx: Context, t: Lang, bot: Bot) -> None:
    """One of the things that are switched by a press."""
    content = draft.content
    match what:
        case "sound":
            content = replace(content, silent=not content.silent)
        case "main":
            content = replace(content, main=not content.main and draftcard.may_shine(draft))
        case "bare":
            content = replace(content, media=(), image="", album="")
        case "label":
            content = replace(content, label=draftcard.other_label(draft))
        case "quote":
            content = replace(content, unquoted=not content.unquoted)
        case _:
            content = replace(content, missing=what)
    await keep(query, replace(draft, content=content), ctx, t, bot, anew=what in ("bare", "quote", "label"))


async def keep(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang, bot: Bot, *, anew: bool) -> None:
    """Save a changed draft and show its card again, `anew` with the preview where readers would see the change."""
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=draftcard.keys(draft), now=ctx.now)
    if kept is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    if anew:
        await draftcard.retire(bot, draft)
        return await draftcard.present(bot, ctx, kept, t)
    assert query.message is not None
    await ctx.storage.drafts.carded(kept.id, query.message.message_id)
    return await screen.show(query, *await draftcard.card(ctx, kept, t))


async def _expect(query: CallbackQuery, ctx: Context, draft: Draft, what: str, question: str, t: Lang) -> None:
    """Ask for a message that belongs to this draft."""
    await ctx.storage.drafts.expect(
        query.from_user.id, draft.chat_id, Awaited(what, draft.id), until=ctx.now + draftcard.ASK_SECONDS
    )
    await draftcard.ask(query, question, t)


# Into which sections ------------------------------------------------------------------------------------------


def sections_screen(ctx: Context, draft: Draft, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    """Tick sections: readers of these get it, or (breaking news) its hashtags are theirs."""
    ticks = [
        button(
            ("✅ " if section.mask & draft.content.sections else "") + section.name(t.code),
            PICK.pack(id=draft.id, bit=section.bit, wanted=not section.mask & draft.content.sections),
        )
        for section in ctx.sections
    ]
    below = keyboard(*rows(ticks, 2), [button(t("Done"), PICKED.pack(id=draft.id), "primary")])
    return join("\n", [bold(t("Into which sections?")), draftcard.headline(draft)]), below


async def _mine(query: CallbackQuery, ctx: Context, id_: int) -> Draft | None:
    """The presser's own draft while it can be changed."""
    draft = await ctx.storage.drafts.get(id_)
    open_ = draft is not None and draft.state in (DraftState.COMPOSE, DraftState.DRAFT)
    return draft if draft and open_ and draft.author_id == query.from_user.id else None


@router.callback_query(PICK)
async def picked(query: CallbackQuery, ctx: Context, t: Lang, id: int, bit: int, wanted: bool) -> None:
    """Tick or untick a section; nothing is previewed before «Done»."""
    draft = await _mine(query, ctx, id)
    mask = next((section.mask for section in ctx.sections if section.bit == bit), 0)
    if draft is None or not mask:
        return await screen.outdated(query, t)
    sections = draft.content.sections | mask if wanted else draft.content.sections & ~mask
    changed = replace(draft, content=replace(draft.content, sections=sections))
    if reason := draftcard.barred(changed, ctx, t) if draft.content.way is Way.BREAKING else "":
        return await screen.answer(query, reason, alert=True)
    kept = await ctx.storage.drafts.write(changed, DraftState.COMPOSE, keys=draftcard.keys(draft), now=ctx.now)
    if kept is None:
        return await screen.outdated(query, t)
    return await _open(query, sections_screen(ctx, kept, t)[1])


@router.callback_query(PICKED)
async def sections_done(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, id: int) -> None:
    """The sections stand: show what comes of it."""
    draft = await _mine(query, ctx, id)
    if draft is None or not draft.content.text:
        return await screen.outdated(query, t)
    if draft.content.way is Way.REGULAR and not draft.content.sections:
        return await screen.answer(query, t("Tick at least one section."), alert=True)
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=draftcard.keys(draft), now=ctx.now)
    if kept is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    assert query.message is not None
    await draftcard.retire(bot, replace(draft, card_id=query.message.message_id))
    return await draftcard.present(bot, ctx, kept, t)


# When -----------------------------------------------------------------------------------------------------------


def _moments(ctx: Context, draft: Draft, what: str, t: Lang) -> InlineKeyboardMarkup:
    def one(text: str, at: int) -> list[InlineKeyboardButton]:
        return [button(text, WHEN.pack(what=what, id=draft.id, at=at))]

    planned = draft.due_at if what == "due" else draft.embargo_at
    return keyboard(
        *(one(t.datetime(at, ctx.zone), at) for at in when.choices(ctx.now, ctx.zone)),
        one(t("Another time…"), -1),
        *([one(t("At once") if what == "due" else t("No embargo"), 0)] if planned else []),
        [button(t("‹ Back"), DRAFT.pack(act="less", id=draft.id, seal=drafts.seal(draft)))],
    )


@router.callback_query(WHEN)
async def timed(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, what: str, id: int, at: int) -> None:
    """A time for the send, or for the end of the embargo; 0: none, -1: it will be typed."""
    draft = await _mine(query, ctx, id)
    if draft is None or what not in ("due", "embargo") or draft.state is not DraftState.DRAFT:
        return await screen.outdated(query, t)
    if at == -1:
        question = t("Send the time, such as 18:30 or 25.11 18:30 ({zone}).", zone=ctx.settings.newsroom.timezone)
        return await _expect(query, ctx, draft, what, question, t)
    if at and not ctx.now < at <= ctx.now + when.FARTHEST:
        return await screen.outdated(query, t)
    return await keep(query, _planned(draft, what, at), ctx, t, bot, anew=False)


def _planned(draft: Draft, what: str, at: int) -> Draft:
    return replace(draft, due_at=at or None) if what == "due" else replace(draft, embargo_at=at or None)


@router.message(Awaits("due", "embargo"))
async def typed_time(message: Message, ctx: Context, t: Lang, bot: Bot, awaited: Awaited) -> None:
    """The time, as an editor types it."""
    draft = await ctx.storage.drafts.get(awaited.subject)
    at = when.read(message.text or "", ctx.now, ctx.zone)
    if at is None:
        await screen.reply(message, t("I do not understand this time, or it is over. Such as: 18:30 or 25.11 18:30"))
    elif draft and draft.state is DraftState.DRAFT and draft.author_id == author(message):
        await _answered(message, _planned(draft, awaited.what, at), ctx, t, bot)
    else:
        await _closed(message, ctx, t)


@router.message(Awaits("text"))
async def translated(message: Message, ctx: Context, t: Lang, bot: Bot, awaited: Awaited) -> None:
    """The draft's text in another language."""
    draft, code = await ctx.storage.drafts.get(awaited.subject), awaited.what.partition("_")[2]
    words = draftcard.words_in(message)
    if draft is None or draft.state is not DraftState.DRAFT or draft.author_id != author(message):
        await _closed(message, ctx, t)
    elif not words:
        await screen.reply(message, t("Send a text."))
    else:
        texts = {**draft.content.texts, code: words}
        changed = replace(draft, content=replace(draft.content, texts=texts))
        if too_long := draftcard.surplus(changed, ctx, t):
            await screen.reply(message, too_long)
        else:
            await _answered(message, changed, ctx, ctx.words[code], bot)


async def _answered(message: Message, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """Save what a message has changed in a draft, and show it: in the language that it was about."""
    await ctx.storage.drafts.expect(author(message), message.chat.id, None, until=0)
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=draftcard.keys(draft), now=ctx.now)
    if kept is None:
        await screen.reply(message, t("This draft is closed. Begin again: /breaking"))
        return
    await draftcard.retire(bot, draft)
    await draftcard.present(bot, ctx, kept, await draftcard.language(ctx, draft), shown=t.code)


async def _closed(message: Message, ctx: Context, t: Lang) -> None:
    await ctx.storage.drafts.expect(author(message), message.chat.id, None, until=0)
    await screen.reply(message, t("This draft is closed. Begin again: /breaking"))
