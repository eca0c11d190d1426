"""A draft goes: at once, at its time, to a second person, or without the one that the rules ask for."""

from __future__ import annotations

from dataclasses import replace

from aiogram.types import CallbackQuery

from bot.desk import drafts
from bot.desk.barriers import barrier
from bot.desk.sends import KIND
from bot.domain.desk import Card, Draft, DraftState, Role, Way
from bot.i18n import Lang
from handlers import draftcard, fixcard, screen
from handlers.context import Context


async def go(query: CallbackQuery, draft: Draft, act: str, ctx: Context, t: Lang) -> None:
    """Send it, ask for a second person, or send it without one."""
    needed = await drafts.needed(ctx.storage, draft, ctx.settings)
    if (act == "send") is bool(needed):
        return await screen.outdated(query, t)  # the rules have changed since the card was shown
    problem = draftcard.barred(draft, ctx, t) or await _nobody(ctx, draft, t)
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
        await draftcard.log(ctx, query.from_user.id, "silence overridden", draft.id, draft)
    ctx.wake()
    return await screen.answer(query, t("Asked.") if act == "ask" else "")


async def done(ctx: Context, draft: Draft, act: str) -> bool:
    """What the press wants; False when somebody was faster."""
    by, solo = draft.author_id, act == "solo"
    if act == "ask":
        until = ctx.now + drafts.REVIEW_SECONDS
        if done := await ctx.storage.drafts.ask(draft, drafts.seal(draft), until=until, now=ctx.now):
            await draftcard.log(ctx, by, "draft asked", draft.id, draft)
        return done
    if solo and draft.content.way is Way.FIX:  # its countdown is a time of its own: a correction goes at once
        later = replace(draft, due_at=ctx.now + drafts.SOLO_SECONDS)
        kept = await ctx.storage.drafts.write(later, DraftState.DRAFT, now=ctx.now)
        draft = kept or draft
    if draft.leaves_at(ctx.now) > ctx.now:
        if done := await ctx.storage.drafts.accept(draft, by, solo=solo, now=ctx.now):
            await draftcard.log(ctx, by, "draft scheduled", draft.id, draft)
        return done
    launched = await drafts.launch(ctx.storage, draft, ctx.settings, by=by, solo=solo, now=ctx.now)
    if launched is not None:
        await draftcard.log(ctx, by, drafts.deed(draft.content, solo=solo), draft.content.fixes or launched, draft)
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
