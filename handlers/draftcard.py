"""The card below a draft's preview: what sending it would mean, and what may be changed before.

Each button carries a seal of the content it was shown for, and does it to that content or not at all.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from aiogram import Bot, Router
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import CallbackQuery, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.delivery.renderings import picture_of
from bot.desk import drafts, forecast, progress, room, when
from bot.desk.barriers import barrier
from bot.desk.forecast import Forecast
from bot.desk.queue import named
from bot.desk.sends import KIND
from bot.domain.desk import Awaited, Card, Draft, DraftState, Role, Way
from bot.domain.language import name_of
from bot.domain.post import Picture, RichText
from bot.i18n import Lang, mark
from bot.posts.compose import LABELS, label
from bot.posts.richtext import bold, clip, join
from handlers import fixcard, screen
from handlers.context import Context
from handlers.keyboards import DRAFT, STORY, Callback, button, keyboard, rows
from handlers.middleware import Awaits, author

router = Router(name="draftcard")

PICK = Callback("pick", id=int, bit=int, wanted=bool)
PICKED = Callback("picked", id=int)
WHEN = Callback("when", what=str, id=int, at=int)
ASK_SECONDS = 1800
"""How long a question to an editor is open."""
_EXCERPT = 120


# What others use ----------------------------------------------------------------------------------------------


async def language(ctx: Context, draft: Draft) -> Lang:
    """The language of the place where a draft is worked on."""
    return (await room.seat(ctx.storage, ctx.words, draft.chat_id)).t


async def say(
    bot: Bot, draft: Draft, text: str | RichText, buttons: InlineKeyboardMarkup | ForceReply | None = None
) -> Message:
    """Say something where a draft is worked on."""
    return await screen.say(bot, draft.chat_id, text, buttons, message_thread_id=draft.thread_id or None)


async def retire(bot: Bot, draft: Draft) -> None:
    """Take the buttons off a card that is not the last word any more."""
    if draft.card_id > 0:
        with suppress(TelegramBadRequest):
            await bot.edit_message_reply_markup(chat_id=draft.chat_id, message_id=draft.card_id)


async def log(ctx: Context, user_id: int, action: str, subject: int, draft: Draft | None = None) -> None:
    """Write into the book who did what, and what the draft said then."""
    text = draft.content.text.text if draft else ""
    await ctx.storage.editors.log(user_id, action, str(subject), text=text, now=ctx.now)


def keys(draft: Draft) -> list[str]:
    """Under what its embargo holds other posts."""
    return drafts.keys_of(forecast.link_of(draft))


def headline(draft: Draft) -> RichText:
    """The beginning of what a draft says."""
    return clip(draft.content.text, _EXCERPT)


def words_in(message: Message, *, command: bool = False) -> RichText:
    """What a message says, formatted as typed; `command`: after the one it begins with."""
    entities = message.entities or message.caption_entities or []
    found = [entity.model_dump(mode="json", exclude_none=True) for entity in entities]
    return drafts.typed(message.text or message.caption or "", found, command=command)


def surplus(draft: Draft, ctx: Context, t: Lang) -> str:
    """How much must go before it fits in every language; "" when it does."""
    post = drafts.as_post(draft, ctx.now)
    n = drafts.surplus(post, ctx.words.languages, lambda one, code: screen.render(ctx, one, code))
    if not n:
        return ""
    return t.n("Too long: cut {n} character and send it again.", "Too long: cut {n} characters and send it again.", n)


def barred(draft: Draft, ctx: Context, t: Lang) -> str:
    """Why it may not go out this way; "" when it may."""
    names = t.list(section.name(t.code) for section in forecast.barred(draft, ctx.sections))
    return t("Never breaking news, because it is paid or political: {sections}.", sections=names) if names else ""


async def present(bot: Bot, ctx: Context, draft: Draft, t: Lang, *, shown: str = "") -> None:
    """The message itself as readers would get it (in the language `shown`, if said), then the card that sends it."""
    try:
        await send_copy(bot, ctx, draft, shown or t.code)
    except TelegramBadRequest as refusal:
        text = t("Telegram refuses this message: {reason}", reason=refusal.message)
        await say(bot, draft, join("\n", [text, t("Send it again, changed, or leave: /cancel")]))
        return
    card = await say(bot, draft, *await _card(ctx, draft, t))
    await ctx.storage.drafts.carded(draft.id, card.message_id)


async def send_copy(bot: Bot, ctx: Context, draft: Draft, code: str, to: tuple[int, int] | None = None) -> None:
    """The very call that the fan-out will make for a reader with that language.

    A picture that Telegram has fetched for it is its own file from then on: the fan-out has nothing to upload.
    """
    chat_id, thread_id = to or (draft.chat_id, draft.thread_id)
    if draft.content.way is Way.FIX:
        rendering = await fixcard.rendering(ctx, draft, code)
    else:
        rendering = await screen.pictured(ctx, drafts.as_post(draft, ctx.now), code)
    sent = await screen.send_rendering(bot, chat_id, rendering, thread_id)
    if (url := picture_of(rendering)) and sent.photo:
        await ctx.storage.media.settle(Picture(url, sent.photo[-1].file_id), now=ctx.now)


# The card --------------------------------------------------------------------------------------------------------


async def _card(ctx: Context, draft: Draft, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    if draft.content.way is Way.FIX:
        return await fixcard.card(ctx, draft, t)
    seen = await forecast.forecast(ctx.storage, draft, ctx.settings, ctx.sections, ctx.now, ctx.link_problem)
    needed = await drafts.needed(ctx.storage, draft, ctx.settings)
    return _text(ctx, draft, seen, t), _buttons(ctx, draft, seen, needed, t)


def _text(ctx: Context, draft: Draft, seen: Forecast, t: Lang) -> RichText:
    lines = [bold(t("👁 As readers will see it ↑")), *_reach(ctx, draft, seen, t), *_plans(ctx, draft, t)]
    lines += _missing(ctx, draft, seen, t)
    lines += [f"⚠️ {warning}" for warning in _warnings(ctx, draft, seen, t)]
    return join("\n", [*lines, t("A new message replaces the text.")])


_REASONS = {
    "breaking": mark("breaking news off: {n}"),
    "paused": mark("paused: {n}"),
    "language": mark("another language: {n}"),
    "main": mark("main stories only: {n}"),
    "digest": mark("lists only: {n}"),
    "ads": mark("partner posts off: {n}"),
    "today": mark("had one that day: {n}"),
}
"""Why readers are left out, as far as it is worth telling: whoever did not choose a section is no loss."""


def _reach(ctx: Context, draft: Draft, seen: Forecast, t: Lang) -> list[str | RichText]:
    told = {why: number for why, number in seen.left_out.items() if why in _REASONS}
    total, all_ = t.number(seen.total), t.number(seen.total + sum(told.values()))
    reach = t("Readers who get it: {total} of {active}", total=total, active=all_)
    reasons = " · ".join(t(_REASONS[why], n=t.number(number)) for why, number in told.items())
    lines = [f"{reach} ({reasons})" if reasons else reach]
    if draft.content.way in (Way.REGULAR, Way.PROMO):
        chosen = [section.name(t.code) for section in ctx.sections if section.mask & draft.content.sections]
        lines.insert(0, t("Into: {sections}", sections=t.list(chosen)) if chosen else t("To readers of all sections"))
    if seen.silent:
        lines.append(t("Without a sound: {n}", n=t.number(seen.silent)))
    rate, span = ctx.settings.delivery.messages_per_second, t.duration(max(1.0, seen.seconds))
    if seen.paid:
        quick, stars = progress.span(t, seen.paid.seconds), progress.stars(t, seen.paid.stars)
        lines.append(t("Paid broadcast: about {quick}, {stars}; free: {span}", quick=quick, stars=stars, span=span))
    else:
        lines.append(t("Takes about {span} ({rate} a second)", span=span, rate=t.number(rate)))
    return [RichText(line) for line in lines]


def _plans(ctx: Context, draft: Draft, t: Lang) -> list[str | RichText]:
    lines = []
    if draft.content.updates:
        lines.append(t("🧵 A reply to an earlier message, where the reader has it"))
    if draft.due_at:
        lines.append(t("⏰ Goes out {when}", when=t.datetime(draft.due_at, ctx.zone)))
    if draft.embargo_at:
        lines.append(t("🔒 Embargo until {when}: nothing leaves before", when=t.datetime(draft.embargo_at, ctx.zone)))
    return [RichText(line) for line in lines]


def _missing(ctx: Context, draft: Draft, seen: Forecast, t: Lang) -> list[str | RichText]:
    """What readers get in whose language there is no text."""
    wanted = drafts.missing(draft.content, ctx.settings)
    lines = []
    for code, number in seen.missing:
        name, n = name_of(code), t.number(number)
        if wanted == "ask":
            lines.append(t("⚠️ No text in {language}: {n} readers. What shall they get?", language=name, n=n))
        elif wanted == "skip":
            lines.append(t("No text in {language}: {n} readers get nothing", language=name, n=n))
        else:
            other = name_of(draft.content.language)
            lines.append(t("No text in {language}: {n} readers get it in {other}", language=name, n=n, other=other))
    return [RichText(line) for line in lines]


def _warnings(ctx: Context, draft: Draft, seen: Forecast, t: Lang) -> list[str]:
    found = [barred(draft, ctx, t)]
    if seen.twice_at is not None:
        ago = t.duration(max(1, ctx.now - seen.twice_at))
        found.append(t("The same text went out {span} ago.", span=ago))
    elif seen.like:
        post, at = seen.like
        said = clip(RichText(forecast.shown_as(post, t)), _EXCERPT).text
        found.append(t("Much like “{headline}”, {span} ago", headline=said, span=t.duration(max(1, ctx.now - at))))
    if seen.quiet:
        names, until = named(t, ctx.sections, seen.quiet.sections), t.datetime(seen.quiet.until, ctx.zone)
        found.append(t("A silence is in force until {when}: {sections}", when=until, sections=names))
    if seen.dead:
        found.append(t("The link does not open: {reason}", reason=seen.dead))
    if draft.content.way in (Way.REGULAR, Way.PROMO) and (
        sign := label(drafts.as_post(draft, ctx.now), ctx.sections, t)
    ):
        found.append(t("It carries the label “{label}”.", label=sign))
    return [warning for warning in found if warning]


def _undecided(ctx: Context, draft: Draft, seen: Forecast) -> bool:
    """Whether its editor has to say first what readers of other languages get."""
    return bool(seen.missing) and drafts.missing(draft.content, ctx.settings) == "ask"


def _buttons(ctx: Context, draft: Draft, seen: Forecast, needed: int, t: Lang) -> InlineKeyboardMarkup:
    def one(text: str, act: str, style: str | None = None) -> InlineKeyboardButton:
        return button(text, DRAFT.pack(act=act, id=draft.id, seal=drafts.seal(draft)), style)

    last = [
        [one(t("Try on myself"), "try"), one(t.p("button", "Cancel"), "drop")],
        [one(t.p("desk", "More ▾"), "more")],
    ]
    n = t.number(seen.total)
    if _undecided(ctx, draft, seen):
        other = name_of(draft.content.language)
        ask = [
            [one(t("Send them the text in {language}", language=other), "default")],
            [one(t("Send them nothing"), "skip")],
            [one(t("Add text: {language}", language=name_of(code)), f"text_{code}") for code, _ in seen.missing],
        ]
        return keyboard(*ask, *last)
    if needed:
        first = [[one(t("For approval · {n}", n=n), "ask", "primary")], [one(t("Send without approval"), "solo")]]
    elif draft.leaves_at(ctx.now) > ctx.now:
        moment = t.datetime(draft.leaves_at(ctx.now), ctx.zone)
        first = [[one(t("Send at {when} · {n}", when=moment, n=n), "send", "danger")]]
    else:
        first = [[one(t("Send to all · {n}", n=n), "send", "danger")]]
    return keyboard(*first, *last)


def _more(ctx: Context, draft: Draft, t: Lang) -> InlineKeyboardMarkup:
    """What is needed seldom."""

    def one(text: str, act: str) -> InlineKeyboardButton:
        return button(text, DRAFT.pack(act=act, id=draft.id, seal=drafts.seal(draft)))

    content = draft.content
    texts = [
        one(name_of(code) if code in content.texts else t("Add text: {language}", language=name_of(code)),
            f"{'show' if code in content.texts else 'text'}_{code}")
        for code in ctx.words.languages
    ]  # fmt: skip
    return keyboard(
        *rows(texts, 2),
        [one(t("Sections"), "sections"), one(t("Sound: off") if content.silent else t("Sound: on"), "sound")],
        [one(t("⏰ Later"), "due"), one(t("🔒 Embargo"), "embargo")],
        [
            *([one(t("Without the file"), "bare")] if content.media or content.image else []),
            *([one(t("⭐ Main story") if content.main else t("☆ Main story"), "main")] if _may_shine(draft) else []),
        ],
        [one(t("Label: {label}", label=t(LABELS[_other(draft)])), "label")]
        if content.way is Way.PROMO
        else [button(t("🧵 Goes on with…"), STORY.pack(act="list", id=draft.id, post=0))],
        [one(t("‹ Back"), "less")],
    )


def _other(draft: Draft) -> str:
    """The other label that a partner's post may carry."""
    return "ad" if draft.content.label != "ad" else drafts.PARTNER


def _may_shine(draft: Draft) -> bool:
    return draft.content.way is Way.REGULAR


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
            return await _go(query, draft, verb, ctx, t)
        case "try":
            return await _try(query, draft, ctx, t, bot)
        case "show" if code in draft.content.texts:
            await screen.answer(query)
            return await send_copy(bot, ctx, draft, code)
        case "text" if code in ctx.words.languages:
            question = t("Send the text in {language}.", language=name_of(code))
            return await _expect(query, ctx, draft, act, question, t)
        case "drop":
            return await _drop(query, draft, ctx, t)
        case "more":
            return await _open(query, _more(ctx, draft, t))
        case "less":
            return await _open(query, (await _card(ctx, draft, t))[1])
        case "sections":
            return await _open(query, sections_screen(ctx, draft, t)[1])
        case "due" | "embargo":
            return await _open(query, _moments(ctx, draft, verb, t))
        case "sound" | "main" | "bare" | "quote" | "label" | "default" | "skip":
            return await _change(query, draft, verb, ctx, t, bot)
    return await screen.outdated(query, t)


async def _try(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    try:
        await send_copy(bot, ctx, draft, t.code, (query.from_user.id, 0))
    except TelegramForbiddenError:
        return await screen.answer(query, t("Say /start to me in private first."), alert=True)
    await log(ctx, draft.author_id, "breaking tried", draft.id)
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
    await log(ctx, draft.author_id, "breaking dropped", draft.id)
    await screen.answer(query)
    return await screen.show(query, t("The draft is dropped, nobody got it."))


async def _change(query: CallbackQuery, draft: Draft, what: str, ctx: Context, t: Lang, bot: Bot) -> None:
    """One of the things that are switched by a press."""
    content = draft.content
    match what:
        case "sound":
            content = replace(content, silent=not content.silent)
        case "main":
            content = replace(content, main=not content.main and _may_shine(draft))
        case "bare":
            content = replace(content, media=(), image="", album="")
        case "label":
            content = replace(content, label=_other(draft))
        case "quote":
            content = replace(content, unquoted=not content.unquoted)
        case _:
            content = replace(content, missing=what)
    await keep(query, replace(draft, content=content), ctx, t, bot, anew=what in ("bare", "quote", "label"))


async def keep(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang, bot: Bot, *, anew: bool) -> None:
    """Save a changed draft and show its card again, `anew` with the preview where readers would see the change."""
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=keys(draft), now=ctx.now)
    if kept is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    if anew:
        await retire(bot, draft)
        return await present(bot, ctx, kept, t)
    assert query.message is not None
    await ctx.storage.drafts.carded(kept.id, query.message.message_id)
    return await screen.show(query, *await _card(ctx, kept, t))


async def _expect(query: CallbackQuery, ctx: Context, draft: Draft, what: str, question: str, t: Lang) -> None:
    """Ask for a message that belongs to this draft."""
    await ctx.storage.drafts.expect(
        query.from_user.id, draft.chat_id, Awaited(what, draft.id), until=ctx.now + ASK_SECONDS
    )
    await ask(query, question, t)


async def ask(query: CallbackQuery, question: str | RichText, t: Lang) -> None:
    """Ask whoever pressed for a message, where they pressed."""
    await screen.answer(query)
    assert query.message is not None
    assert query.bot is not None
    place = query.message.chat
    asks = None if place.type == ChatType.PRIVATE else ForceReply(selective=True)
    text = join("\n", [question, t("Leave: /cancel")])
    await screen.say(query.bot, place.id, text, asks, message_thread_id=screen.thread_of(query.message))


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
    return join("\n", [bold(t("Into which sections?")), headline(draft)]), below


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
    if reason := barred(changed, ctx, t) if draft.content.way is Way.BREAKING else "":
        return await screen.answer(query, reason, alert=True)
    kept = await ctx.storage.drafts.write(changed, DraftState.COMPOSE, keys=keys(draft), now=ctx.now)
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
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=keys(draft), now=ctx.now)
    if kept is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    assert query.message is not None
    await retire(bot, replace(draft, card_id=query.message.message_id))
    return await present(bot, ctx, kept, t)


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
    words = words_in(message)
    if draft is None or draft.state is not DraftState.DRAFT or draft.author_id != author(message):
        await _closed(message, ctx, t)
    elif not words:
        await screen.reply(message, t("Send a text."))
    else:
        texts = {**draft.content.texts, code: words}
        changed = replace(draft, content=replace(draft.content, texts=texts))
        if too_long := surplus(changed, ctx, t):
            await screen.reply(message, too_long)
        else:
            await _answered(message, changed, ctx, ctx.words[code], bot)


async def _answered(message: Message, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """Save what a message has changed in a draft, and show it: in the language that it was about."""
    await ctx.storage.drafts.expect(author(message), message.chat.id, None, until=0)
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=keys(draft), now=ctx.now)
    if kept is None:
        await screen.reply(message, t("This draft is closed. Begin again: /breaking"))
        return
    await retire(bot, draft)
    await present(bot, ctx, kept, await language(ctx, draft), shown=t.code)


async def _closed(message: Message, ctx: Context, t: Lang) -> None:
    await ctx.storage.drafts.expect(author(message), message.chat.id, None, until=0)
    await screen.reply(message, t("This draft is closed. Begin again: /breaking"))


# Off it goes ---------------------------------------------------------------------------------------------------


async def _go(query: CallbackQuery, draft: Draft, act: str, ctx: Context, t: Lang) -> None:
    """Send it, ask for a second person, or send it without one."""
    needed = await drafts.needed(ctx.storage, draft, ctx.settings)
    if (act == "send") is bool(needed):
        return await screen.outdated(query, t)  # the rules have changed since the card was shown
    problem = barred(draft, ctx, t) or await _nobody(ctx, draft, t)
    if act == "ask" and not problem:
        problem = await _alone(ctx, draft, t)
    kept = await barrier(ctx.storage, ctx.settings, ctx.sections, draft, ctx.now)
    role = Role.OWNER if act == "ask" else await ctx.storage.editors.role(query.from_user.id)  # an owner may approve it
    problem = problem or kept.words(t, ctx.settings, ctx.sections, role)
    if problem:
        return await screen.answer(query, problem, alert=True)
    assert query.message is not None
    await ctx.storage.cards.put(Card(KIND, draft.id, draft.chat_id, query.message.message_id, ""), now=ctx.now)
    if not await done(ctx, draft, act):
        await ctx.storage.cards.forget(KIND, draft.id, draft.chat_id)
        return await screen.outdated(query, t)
    if kept.silence and act != "ask":
        await log(ctx, query.from_user.id, "silence overridden", draft.id, draft)
    ctx.wake()
    return await screen.answer(query, t("Asked.") if act == "ask" else "")


async def done(ctx: Context, draft: Draft, act: str) -> bool:
    """What the press wants; False when somebody was faster."""
    by, solo = draft.author_id, act == "solo"
    if act == "ask":
        until = ctx.now + drafts.REVIEW_SECONDS
        if done := await ctx.storage.drafts.ask(draft, drafts.seal(draft), until=until, now=ctx.now):
            await log(ctx, by, "draft asked", draft.id, draft)
        return done
    if solo and draft.content.way is Way.FIX:  # its countdown is a time of its own: a correction goes at once
        later = replace(draft, due_at=ctx.now + drafts.SOLO_SECONDS)
        kept = await ctx.storage.drafts.write(later, DraftState.DRAFT, now=ctx.now)
        draft = kept or draft
    if draft.leaves_at(ctx.now) > ctx.now:
        if done := await ctx.storage.drafts.accept(draft, by, solo=solo, now=ctx.now):
            await log(ctx, by, "draft scheduled", draft.id, draft)
        return done
    launched = await drafts.launch(ctx.storage, draft, ctx.settings, by=by, solo=solo, now=ctx.now)
    if launched is not None:
        await log(ctx, by, drafts.deed(draft.content, solo=solo), draft.content.fixes or launched, draft)
    return launched is not None


async def _nobody(ctx: Context, draft: Draft, t: Lang) -> str:
    if draft.content.way is Way.FIX:
        return await fixcard.outdated(ctx, draft, t)
    if drafts.lacking(draft.content, ctx.words.languages) and drafts.missing(draft.content, ctx.settings) == "ask":
        return t("Say first what readers of other languages shall get.")
    if await ctx.storage.readers.count(drafts.audience(draft.content, ctx.settings, draft.leaves_at(ctx.now))):
        return ""
    if draft.content.way is Way.BREAKING:
        return t("Nobody would get it: no reader has breaking news on.")
    if draft.content.way is Way.PROMO:
        return t("Nobody would get it: whoever wants partner posts there has had one that day.")
    return t("Nobody would get it: no reader has chosen these sections.")


async def _alone(ctx: Context, draft: Draft, t: Lang) -> str:
    others = [person for person in await ctx.storage.editors.all() if person.user_id != draft.author_id]
    return "" if others else t("Nobody else works at the desk who could approve it.")
