"""The preview of a correction or withdrawal, and the card that sends it."""

from __future__ import annotations

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.desk import corrections, drafts
from bot.desk.corrections import Forecast
from bot.desk.progress import span
from bot.domain.desk import Draft, Gravity
from bot.domain.errors import UserError
from bot.domain.language import name_of
from bot.domain.post import Post, Rendering, RichText
from bot.i18n import Lang, mark
from bot.posts.compose import notice
from bot.posts.richtext import bold, join
from handlers import screen
from handlers.context import Context
from handlers.keyboards import DRAFT, button, keyboard, rows

WORDS = {
    Gravity.UPDATE: mark("Update: news is put into the message"),
    Gravity.TYPO: mark("Typo: a silent edit"),
    Gravity.FACT: mark("Fact: with a visible line"),
    Gravity.SERIOUS: mark("Serious: a line and a new message"),
    Gravity.WITHDRAWAL: mark("Withdrawal"),
}
"""What each kind of correction is called."""


async def target(ctx: Context, draft: Draft) -> Post:
    """The post that is corrected."""
    post = await corrections.target(ctx.storage, draft.content)
    if post is None:
        raise UserError("This message is not kept any more.")
    return post


async def rendering(ctx: Context, draft: Draft, code: str) -> Rendering:
    """What readers of that language will have in place of what they have."""
    post, _ = corrections.amended(await target(ctx, draft), draft.content, ctx.now)
    if post.withdrawn:
        return notice(post.reason, lang=ctx.words[code])
    return await screen.pictured(ctx, post, code)


async def outdated(ctx: Context, draft: Draft, t: Lang) -> str:
    """Why it may not go out any more; "" when it may."""
    if (await target(ctx, draft)).version == draft.content.base:
        return ""
    return t("Somebody else has changed this message meanwhile. Look at it and begin again.")


async def card(ctx: Context, draft: Draft, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    """Whom it reaches and how long it takes, and the buttons."""
    post = await target(ctx, draft)
    seen = await corrections.forecast(ctx.storage, post, draft.content, ctx.settings, ctx.now)
    needed = await drafts.needed(ctx.storage, draft, ctx.settings)
    return _text(ctx, draft, post, seen, t), _buttons(ctx, draft, post, seen, needed, t)


def _text(ctx: Context, draft: Draft, post: Post, seen: Forecast, t: Lang) -> RichText:
    gravity, rate = Gravity(draft.content.gravity), ctx.settings.delivery.messages_per_second
    lines: list[str | RichText] = [bold(t("👁 As readers will see it ↑")), t(WORDS[gravity])]
    if gravity is Gravity.WITHDRAWAL:
        young = t.number(seen.copies - seen.old)
        lines.append(t("Copies deleted: {n}; replaced by this notice: {old}", n=young, old=t.number(seen.old)))
    else:
        lines.append(t("Copies that change: {n}", n=t.number(seen.copies)))
    if seen.told:
        lines.append(t("New messages to whoever has it: {n}", n=t.number(seen.told)))
    if seen.unreached:
        lines.append(t("Out of reach, because their number is unknown: {n}", n=t.number(seen.unreached)))
    lines.append(t("Takes about {span} ({rate} a second)", span=span(t, seen.seconds), rate=t.number(rate)))
    wrongs = corrections.amended(post, draft.content, ctx.now)[1]
    if wrongs and not draft.content.unquoted and not any(wrongs.values()):
        lines.append(t("⚠️ The new text takes nothing back, so nothing is quoted."))
    return join("\n", [*lines, t("A new message replaces the text.")])


def _buttons(ctx: Context, draft: Draft, post: Post, seen: Forecast, needed: int, t: Lang) -> InlineKeyboardMarkup:
    content, n = draft.content, t.number(seen.copies)

    def one(text: str, act: str, style: str | None = None) -> InlineKeyboardButton:
        return button(text, DRAFT.pack(act=act, id=draft.id, seal=drafts.seal(draft)), style)

    gone = content.gravity == Gravity.WITHDRAWAL
    if needed:
        first = [[one(t("For approval · {n}", n=n), "ask", "primary")], [one(t("Send without approval"), "solo")]]
    else:
        label = t("↩️ Withdraw · {n}", n=n) if gone else t("Send to all · {n}", n=n)
        first = [[one(label, "send", "danger")]]
    others = [code for code in (ctx.words.languages if gone else post.texts) if code not in content.texts]
    texts = [one(t("Add text: {language}", language=name_of(code)), f"text_{code}") for code in others]
    quote = [one(t("Quote what was wrong") if content.unquoted else t("Without the quotation"), "quote")]
    told = content.gravity in (Gravity.FACT, Gravity.SERIOUS)
    return keyboard(*first, *rows(texts, 2), quote if told else [], [one(t.p("button", "Cancel"), "drop")])
