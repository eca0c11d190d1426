"""The card below a draft's preview: what sending it would mean, and what may be changed before.

Each button carries a seal of the content it was shown for; what the presses do stands in handlers/draftpress.py.
"""

from __future__ import annotations

from contextlib import suppress

from aiogram import Bot
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.delivery.renderings import picture_of
from bot.desk import drafts, forecast, progress, room
from bot.desk.forecast import Forecast
from bot.desk.queue import named
from bot.domain.desk import Draft, Way
from bot.domain.language import name_of
from bot.domain.post import Picture, RichText
from bot.i18n import Lang, mark
from bot.posts.compose import LABELS, label
from bot.posts.richtext import bold, clip, join
from handlers import fixcard, screen
from handlers.context import Context
from handlers.keyboards import DRAFT, STORY, button, keyboard, rows

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
    below = await say(bot, draft, *await card(ctx, draft, t))
    await ctx.storage.drafts.carded(draft.id, below.message_id)


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


async def ask(query: CallbackQuery, question: str | RichText, t: Lang) -> None:
    """Ask whoever pressed for a message, where they pressed."""
    await screen.answer(query)
    assert query.message is not None
    assert query.bot is not None
    place = query.message.chat
    asks = None if place.type == ChatType.PRIVATE else ForceReply(selective=True)
    text = join("\n", [question, t("Leave: /cancel")])
    await screen.say(query.bot, place.id, text, asks, message_thread_id=screen.thread_of(query.message))


# The card --------------------------------------------------------------------------------------------------------


async def card(ctx: Context, draft: Draft, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    """What stands below the preview."""
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


def more(ctx: Context, draft: Draft, t: Lang) -> InlineKeyboardMarkup:
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
            *([one(t("⭐ Main story") if content.main else t("☆ Main story"), "main")] if may_shine(draft) else []),
        ],
        [one(t("Label: {label}", label=t(LABELS[other_label(draft)])), "label")]
        if content.way is Way.PROMO
        else [button(t("🧵 Goes on with…"), STORY.pack(act="list", id=draft.id, post=0))],
        [one(t("‹ Back"), "less")],
    )


def other_label(draft: Draft) -> str:
    """The other label that a partner's post may carry."""
    return "ad" if draft.content.label != "ad" else drafts.PARTNER


def may_shine(draft: Draft) -> bool:
    return draft.content.way is Way.REGULAR
