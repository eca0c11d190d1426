"""The second person: approve, return, look at it; what an author may do meanwhile; and the controls of a send.

Everything shown is kept true by `bot.desk.sends`; a press changes what is stored and says what came of it.
"""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.exceptions import TelegramForbiddenError
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot.desk import drafts
from bot.desk.audit import name_of
from bot.domain.delivery import BroadcastState
from bot.domain.desk import Awaited, Draft, DraftState, Role
from bot.i18n import Lang
from bot.posts.richtext import bold, concat, join
from handlers import draftcard, draftsend, screen
from handlers.context import Context
from handlers.draftcard import log
from handlers.keyboards import Callback, button, keyboard, rows
from handlers.middleware import Awaits, author

router = Router(name="approvals")

REVIEW = Callback("review", act=str, id=int, seal=str)
REOPEN = Callback("reopen", id=int)
CAST = Callback("cast", act=str, id=int)
_MOVES = {
    "cancel": (BroadcastState.CANCELLED, (BroadcastState.COUNTDOWN,)),
    "pause": (BroadcastState.PAUSED, (BroadcastState.RUNNING,)),
    "resume": (BroadcastState.RUNNING, (BroadcastState.PAUSED,)),
    "stop": (BroadcastState.STOPPED, (BroadcastState.COUNTDOWN, BroadcastState.RUNNING, BroadcastState.PAUSED)),
}
_REMARK_LIMIT = 1000
_SHOWN = 20


@router.callback_query(REVIEW)
async def judged(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int, seal: str) -> None:
    """What may be done with a draft that waits for a second person, or for its time."""
    draft, presser = await ctx.storage.drafts.get(id), query.from_user.id
    if draft is None or drafts.seal(draft) != seal:
        return await screen.answer(query, t("The text was changed meanwhile: this request is over."), alert=True)
    if act == "seen":
        return await _seen(query, draft, ctx, t)
    if draft.state not in (DraftState.REVIEW, DraftState.APPROVED):
        return await screen.answer(query, t("This request is over."))
    own = draft.author_id == presser
    match act:
        case "show":
            return await _look(query, draft, ctx, t, bot)
        case "yes" if own:
            return await screen.answer(query, t("Nobody approves their own work: ask somebody else."), alert=True)
        case "yes":
            return await _approve(query, draft, seal, ctx, t)
        case "no" if not own:
            return await _ask_for_remark(query, draft, ctx, t)
        case "solo" if own and draft.state is DraftState.REVIEW:
            return await _solo(query, draft, ctx, t)
        case "back" if own or await ctx.storage.editors.role(presser) is Role.OWNER:
            return await _back(query, draft, ctx, t)
    return await screen.outdated(query, t)


async def _look(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang, bot: Bot) -> None:
    """The exact message, for whoever asks alone."""
    try:
        await draftcard.send_copy(bot, ctx, draft, t.code, (query.from_user.id, 0))
    except TelegramForbiddenError:
        return await screen.answer(query, t("Say /start to me in private first."), alert=True)
    return await screen.answer(query, t("Only you have got it."))


async def _approve(query: CallbackQuery, draft: Draft, seal: str, ctx: Context, t: Lang) -> None:
    presser = query.from_user.id
    if draft.author_id and not await ctx.storage.editors.role(draft.author_id):
        return await screen.answer(query, t("Its author is no editor any more: it cannot be sent."), alert=True)
    needed = await drafts.needed(ctx.storage, draft, ctx.settings)
    given = await ctx.storage.drafts.approve(draft.id, presser, seal, needed=needed, now=ctx.now)
    if given is None:
        return await screen.answer(query, t("This request is over."))
    await log(ctx, presser, "draft approved", draft.id, draft)
    ctx.wake()  # what is approved now goes out by itself when it is due
    if given < needed:
        return await screen.answer(query, t("Approved: {n} of {needed}", n=given, needed=needed))
    return await screen.answer(query, t("Approved."))


async def _ask_for_remark(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang) -> None:
    assert query.message is not None
    until = ctx.now + draftcard.ASK_SECONDS
    awaited = Awaited("remark", draft.id)
    await ctx.storage.drafts.expect(query.from_user.id, query.message.chat.id, awaited, until=until)
    await draftcard.ask(query, t("What is to be changed? Send it as a message."), t)


@router.message(Awaits("remark"))
async def returned(message: Message, ctx: Context, t: Lang, bot: Bot, awaited: Awaited) -> None:
    """The remark: the draft is its author's again, who is told."""
    presser = author(message)
    await ctx.storage.drafts.expect(presser, message.chat.id, None, until=0)
    draft = await ctx.storage.drafts.back(awaited.subject, now=ctx.now)
    if draft is None or draft.author_id == presser:
        await screen.reply(message, t("This request is over."))
        return
    await log(ctx, presser, "draft returned", draft.id, draft)
    ctx.wake()
    people = {person.user_id: person for person in await ctx.storage.editors.all()}
    remark = draftcard.words_in(message).text[:_REMARK_LIMIT]
    if draft.author_id:
        theirs = await draftcard.language(ctx, draft)
        await _tell_author(bot, draft, theirs, name_of(theirs, presser, people), remark)
    await screen.reply(message, t("Returned to its author."))


async def _tell_author(bot: Bot, draft: Draft, t: Lang, name: str, remark: str) -> None:
    head = bold(t("{name} returned the draft with a remark:", name=name))
    again = keyboard([button(t("Open the draft"), REOPEN.pack(id=draft.id))])
    await draftcard.say(bot, draft, join("\n", [head, remark, draftcard.headline(draft)]), again)


async def _solo(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang) -> None:
    """The author lets it go without a second person: a longer countdown, and an entry in the review list."""
    if not await draftsend.done(ctx, draft, "solo"):
        return await screen.outdated(query, t)
    ctx.wake()
    return await screen.answer(query)


async def _back(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang) -> None:
    if await ctx.storage.drafts.back(draft.id, now=ctx.now) is None:
        return await screen.answer(query, t("Too late for that."))
    await log(ctx, query.from_user.id, "draft taken back", draft.id)
    ctx.wake()
    return await screen.answer(query, t("It is a draft again: /drafts"))


async def _seen(query: CallbackQuery, draft: Draft, ctx: Context, t: Lang) -> None:
    """Somebody else has looked at what went out without a second person."""
    if draft.sent_by == query.from_user.id:
        return await screen.answer(query, t("Somebody else has to look at it."), alert=True)
    if await ctx.storage.drafts.viewed(draft.id, query.from_user.id):
        await log(ctx, query.from_user.id, "draft looked at", draft.id)
        ctx.wake()
    return await screen.answer(query, t.p("desk", "Done."))


@router.message(Command("drafts", ignore_case=True))
async def listed(message: Message, ctx: Context, t: Lang) -> None:
    """What is written and not sent, everybody's; one's own can be gone on with."""
    found = await ctx.storage.drafts.open(_SHOWN)
    people = {person.user_id: person for person in await ctx.storage.editors.all()}
    lines = [
        concat(
            f"{n}. ",
            draftcard.headline(draft),
            f" — {name_of(t, draft.author_id, people)} · {_stand(ctx, draft, t)}",
        )
        for n, draft in enumerate(found, 1)
    ]
    mine = [
        button(str(n), REOPEN.pack(id=draft.id))
        for n, draft in enumerate(found, 1)
        if draft.author_id == author(message) and draft.state is DraftState.DRAFT
    ]
    text = join("\n", [bold(t("Drafts")), *lines]) if lines else t("There are no drafts. Begin one: /breaking")
    await screen.reply(message, text, keyboard(*rows(mine, 5)) if mine else None)


def _stand(ctx: Context, draft: Draft, t: Lang) -> str:
    """How it stands, in a word or two."""
    match draft.state:
        case DraftState.REVIEW:
            return t("waits for approval until {time}", time=t.time(draft.review_until or 0, ctx.zone))
        case DraftState.APPROVED:
            return t("⏰ Goes out {when}", when=t.datetime(draft.leaves_at(ctx.now), ctx.zone))
    return t("{span} ago", span=t.duration(max(1, ctx.now - draft.touched_at)))


@router.callback_query(REOPEN)
async def reopened(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, id: int) -> None:
    """Go on with a draft of one's own."""
    draft = await ctx.storage.drafts.get(id)
    if draft is None or draft.author_id != query.from_user.id or draft.state is not DraftState.DRAFT:
        return await screen.outdated(query, t)
    kept = await ctx.storage.drafts.write(draft, DraftState.DRAFT, keys=draftcard.keys(draft), now=ctx.now)
    if kept is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    await draftcard.retire(bot, draft)
    return await draftcard.present(bot, ctx, kept, await draftcard.language(ctx, draft))


# While it is sent ------------------------------------------------------------------------------------------------


@router.callback_query(CAST)
async def steered(query: CallbackQuery, ctx: Context, t: Lang, act: str, id: int) -> None:
    """Call off, pause, go on, stop: any editor may, in an emergency nobody looks for the right one."""
    if act not in _MOVES or await ctx.storage.drafts.of(id) is None:
        return await screen.outdated(query, t)
    wanted, among = _MOVES[act]
    moved = await ctx.storage.broadcasts.change(id, wanted, among=among, now=ctx.now)
    if moved:
        ctx.wake()
        await log(ctx, query.from_user.id, f"breaking {wanted}", id)
    return await screen.answer(query, t.p("desk", "Done.") if moved else t("Too late for that."))
