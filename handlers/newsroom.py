"""Breaking news: an editor's message, its exact preview, the send with its countdown and controls.

All presses are judged anew: rights by the door that `build_router` sets, the draft and the broadcast by their
stored state.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiogram import Bot, Router
from aiogram.enums import ContentType
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command, Filter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.desk import drafts, progress
from bot.domain.delivery import BroadcastState
from bot.domain.desk import Draft, DraftState, Role
from bot.domain.post import RichText
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard
from handlers.subscriptions import met

router = Router(name="newsroom")

DRAFT = Callback("draft", act=str, id=int, seal=str)
CAST = Callback("cast", act=str, id=int)
_MEDIA = (ContentType.PHOTO, ContentType.VIDEO, ContentType.DOCUMENT)


class OpenDraft(Filter):
    """Lets an editor's message through that belongs to a draft, and hands the draft over."""

    async def __call__(self, message: Message, ctx: Context) -> bool | dict[str, Any]:
        """See the class."""
        draft = await ctx.storage.editors.open_draft(_author(message), since=ctx.now - drafts.OPEN_SECONDS)
        return {"draft": draft} if draft and draft.chat_id == message.chat.id else False


async def _no_command(message: Message) -> bool:
    return not (message.text or "").startswith("/")


def _author(event: Message | CallbackQuery) -> int:
    assert event.from_user is not None  # the door lets only people through
    return event.from_user.id


# From a message to its preview -------------------------------------------------------------------------------


@router.message(Command("breaking", ignore_case=True))
async def breaking(message: Message, ctx: Context, reader: Reader | None, t: Lang, bot: Bot) -> None:
    """`/breaking` asks for the text, `/breaking TEXT` (also as a caption) has it."""
    author = _author(message)
    if message.chat.id == author:
        await met(ctx, reader, message, t)  # the card of the send asks for the language of whoever is behind the chat
    older = await ctx.storage.editors.open_draft(author, since=0)
    if older:
        await _retire(bot, older)
    draft = await ctx.storage.editors.new_draft(author, message.chat.id, ctx.words.default.code, now=ctx.now)
    await _log(ctx, author, "breaking begun", draft.id)
    words = _words(message, command=True)
    if words:
        await _take(message, words, draft, ctx, t, bot)
    else:
        await screen.reply(message, _request(t))


def _request(t: Lang) -> RichText:
    how = t(
        "First line is the headline (up to 120 characters), then 1–3 sentences. Add a picture or video if you like."
    )
    return join("\n", [bold(t("✍️ Send the breaking story")), how, t("Leave: /cancel")])


@router.message(Command("cancel", ignore_case=True), OpenDraft())
async def cancel(message: Message, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """Give the open draft up."""
    if await ctx.storage.editors.drop_draft(draft.id):
        await _retire(bot, draft)
        await _log(ctx, _author(message), "breaking dropped", draft.id)
        await screen.reply(message, t("The draft is dropped, nobody got it."))


@router.message(Command("cancel", ignore_case=True))
async def nothing_to_cancel(message: Message, t: Lang, bot: Bot) -> None:
    """The draft was sent, given up or is too old."""
    await screen.reply(message, t("No draft is open. Begin one: /breaking"))


@router.message(_no_command, OpenDraft())
async def written(message: Message, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """The awaited text, or a new one while the preview is open."""
    words = _words(message)
    if message.media_group_id and not words and draft.state is DraftState.PREVIEW:
        return  # the rest of an album whose first picture carried the words
    if message.content_type not in (ContentType.TEXT, *_MEDIA):
        await screen.reply(message, t("Send a text, or a photo, a video or a file with a caption."))
    elif not words:
        await screen.reply(message, t("It needs words: send it again with a caption."))
    else:
        await _take(message, words, draft, ctx, t, bot)


def _words(message: Message, *, command: bool = False) -> RichText:
    entities = message.entities or message.caption_entities or []
    found = [entity.model_dump(mode="json", exclude_none=True) for entity in entities]
    return drafts.typed(message.text or message.caption or "", found, command=command)


def _media(message: Message) -> tuple[str, str]:
    """The file and its kind, "" for none."""
    match message.content_type:
        case ContentType.PHOTO if message.photo:
            return message.photo[-1].file_id, "photo"
        case ContentType.VIDEO if message.video:
            return message.video.file_id, "video"
        case ContentType.DOCUMENT if message.document:
            return message.document.file_id, "document"
    return "", ""


async def _take(message: Message, words: RichText, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """Put the words into the draft and show what readers would get; what is too long is sent back."""
    media, kind = _media(message)
    language = ctx.words.default.code
    wanted = drafts.as_post(replace(draft, text=words, media=media, media_kind=kind), language, ctx.now)
    surplus = drafts.surplus(wanted, ctx.words.languages, lambda post, code: screen.render(ctx, post, code))
    if surplus:
        text = t.n(
            "Too long: cut {n} character and send it again.", "Too long: cut {n} characters and send it again.", surplus
        )
        await screen.reply(message, text)
        return
    filled = await ctx.storage.editors.fill_draft(draft.id, words, media, kind)
    if filled is None:  # sent by a press that came a moment earlier
        await screen.reply(message, t("This draft is closed. Begin again: /breaking"))
        return
    await _log(ctx, _author(message), "breaking written", draft.id)
    await _retire(bot, draft)
    await _preview(filled, ctx, t, bot)


async def _preview(draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """The message itself as readers would get it, then the card that sends it."""
    try:
        await _send_copy(draft, ctx, t, bot)
    except TelegramBadRequest as refusal:
        text = t("Telegram refuses this message: {reason}", reason=refusal.message)
        await screen.say(bot, draft.chat_id, join("\n", [text, t("Send it again, changed, or leave: /cancel")]))
        return
    delivery = ctx.settings.delivery
    forecast = await drafts.forecast(
        ctx.storage,
        draft,
        delivery.messages_per_second,
        ctx.now,
        paid_rate=delivery.paid_messages_per_second,
        cap=delivery.paid_stars_cap if delivery.paid else 0,
    )
    card = await screen.say(bot, draft.chat_id, _card(forecast, ctx, t), _card_buttons(draft, forecast, t))
    await ctx.storage.editors.draft_card(draft.id, card.message_id)


async def _send_copy(draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """The very call that the fan-out will make for a reader with the editor's language."""
    post = drafts.as_post(draft, ctx.words.default.code, ctx.now)
    await screen.send_rendering(bot, draft.chat_id, screen.render(ctx, post, t.code))


def _card(forecast: drafts.Forecast, ctx: Context, t: Lang) -> RichText:
    reach = t(
        "Readers who get it: {total} of {active}", total=t.number(forecast.total), active=t.number(forecast.active)
    )
    if forecast.off:
        reach += " " + t("(breaking news off: {n})", n=t.number(forecast.off))
    rate, span = ctx.settings.delivery.messages_per_second, t.duration(max(1.0, forecast.seconds))
    lines = [
        bold(t("👁 As readers will see it ↑")),
        RichText(reach),
        RichText(t("Takes about {span} ({rate} a second)", span=span, rate=t.number(rate))),
    ]
    if forecast.paid:
        quick, stars = progress.span(t, forecast.paid.seconds), progress.stars(t, forecast.paid.stars)
        line = t("Paid broadcast: about {quick}, {stars}; free: {span}", quick=quick, stars=stars, span=span)
        lines[-1] = RichText(line)
    if len(ctx.words.languages) > 1:
        lines.append(RichText(t("Everybody gets this text; the word “breaking” is in each reader's language.")))
    if forecast.twice_at is not None:
        ago = t.duration(max(1, ctx.now - forecast.twice_at))
        lines.append(RichText(t("⚠️ The same text went out {span} ago.", span=ago)))
    lines.append(RichText(t("A new message replaces the text.")))
    return join("\n", lines)


def _card_buttons(draft: Draft, forecast: drafts.Forecast, t: Lang) -> InlineKeyboardMarkup:
    def data(act: str) -> str:
        return DRAFT.pack(act=act, id=draft.id, seal=drafts.seal(draft))

    send = button(t("Send to all · {n}", n=t.number(forecast.total)), data("send"))
    return keyboard(
        [send.model_copy(update={"style": "danger"})],
        [button(t("Try on myself"), data("try")), button(t.p("button", "Cancel"), data("drop"))],
    )


async def _retire(bot: Bot, draft: Draft) -> None:
    """Take the buttons off a card that is not the last word any more."""
    if draft.card_id:
        with suppress(TelegramBadRequest):
            await bot.edit_message_reply_markup(chat_id=draft.chat_id, message_id=draft.card_id)


# Presses under the preview -----------------------------------------------------------------------------------


@router.callback_query(DRAFT)
async def decided(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int, seal: str) -> None:
    """Send, try or drop exactly the content for which the card was shown."""
    draft = await ctx.storage.editors.draft(id)
    if draft is None or draft.author_id != _author(query) or drafts.seal(draft) != seal:
        await screen.outdated(query, t)
    elif draft.state is not DraftState.PREVIEW:
        await screen.answer(query, t("This draft is closed. Begin again: /breaking"))
    elif act == "send":
        await _launch(query, draft, ctx, t)
    elif act == "try":
        await _send_copy(draft, ctx, t, bot)
        await _log(ctx, draft.author_id, "breaking tried", draft.id)
        await screen.answer(query, t("Only you have got it."))
    elif act == "drop" and await ctx.storage.editors.drop_draft(draft.id):
        await _log(ctx, draft.author_id, "breaking dropped", draft.id)
        await screen.show(query, t("The draft is dropped, nobody got it."))
        await screen.answer(query)
    else:
        await screen.outdated(query, t)


async def _launch(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang) -> None:
    if not await ctx.storage.readers.count(drafts.AUDIENCE):
        await screen.answer(query, t("Nobody would get it: no reader has breaking news on."), alert=True)
        return
    broadcast_id = await drafts.launch(
        ctx.storage,
        draft,
        ctx.words.default.code,
        countdown=ctx.settings.desk.countdown,
        start=random.random(),
        now=ctx.now,
    )
    if broadcast_id is None:
        await screen.outdated(query, t)
        return
    ctx.wake()
    await _log(ctx, draft.author_id, "breaking launched", broadcast_id)
    await _show_cast(query, broadcast_id, ctx, t)  # before the answer: the seconds to call it off are few
    await screen.answer(query)


# Presses while it is being sent ------------------------------------------------------------------------------

_MOVES = {
    "cancel": (BroadcastState.CANCELLED, (BroadcastState.COUNTDOWN,)),
    "pause": (BroadcastState.PAUSED, (BroadcastState.RUNNING,)),
    "resume": (BroadcastState.RUNNING, (BroadcastState.PAUSED,)),
    "stop": (BroadcastState.STOPPED, (BroadcastState.COUNTDOWN, BroadcastState.RUNNING, BroadcastState.PAUSED)),
}


@router.callback_query(CAST)
async def steered(query: CallbackQuery, ctx: Context, t: Lang, act: str, id: int) -> None:
    """Call off, pause, go on, stop: for the author of the send, and for owners."""
    author = _author(query)
    draft = await ctx.storage.editors.card_of(id)
    own = draft is not None and (draft.author_id == author or await ctx.storage.editors.role(author) >= Role.OWNER)
    if draft is None or not own or act not in _MOVES:
        await screen.outdated(query, t)
        return
    wanted, among = _MOVES[act]
    moved = await ctx.storage.broadcasts.change(id, wanted, among=among, now=ctx.now)
    if moved:
        ctx.wake()
        await _log(ctx, author, f"breaking {wanted}", id)
    if query.message and (query.message.chat.id, query.message.message_id) == (draft.chat_id, draft.card_id):
        await _show_cast(query, id, ctx, t)
    await screen.answer(query, t.p("desk", "Done.") if moved else t("Too late for that."))


async def _show_cast(query: CallbackQuery, broadcast_id: int, ctx: Context, t: Lang) -> None:
    """Put the send's state into its card at once; `ProgressCards` keeps it true from then on."""
    broadcast = await ctx.storage.broadcasts.get(broadcast_id)
    assert broadcast is not None  # broadcasts are never deleted
    text, keys = progress.card(t, broadcast, await ctx.storage.broadcasts.progress(broadcast_id), now=ctx.clock.now())
    await screen.show(query, text, InlineKeyboardMarkup.model_validate(keys) if keys else None)


async def _log(ctx: Context, user_id: int, action: str, subject: int) -> None:
    await ctx.storage.editors.log(user_id, action, str(subject), now=ctx.now)
