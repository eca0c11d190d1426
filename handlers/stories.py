"""«Обновление к…»: which earlier message a draft goes on with, and whether as a reply to it or in its place."""

from __future__ import annotations

from dataclasses import replace

from aiogram import Bot, Router
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.desk import stories
from bot.domain.desk import Draft, DraftState, Way
from bot.domain.post import Post, RichText
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.richtext import bold, clip, join
from handlers import draftpress, screen
from handlers.context import Context
from handlers.keyboards import STORY, button, keyboard

router = Router(name="stories")

_LABEL_LIMIT = 48


@router.callback_query(STORY)
async def pressed(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int, post: int) -> None:
    """List the earlier messages, choose one, choose how."""
    draft = await ctx.storage.drafts.get(id)
    if draft is None or draft.author_id != query.from_user.id or draft.state is not DraftState.DRAFT:
        return await screen.outdated(query, t)
    if draft.content.way is Way.PROMO:  # in a story's place it would be without its label
        return await screen.outdated(query, t)
    found = await ctx.storage.posts.get([post])
    target = found[0] if found and not found[0].withdrawn else None
    match act:
        case "list":
            await screen.answer(query)
            return await screen.show(query, *await _list(ctx, draft, t))
        case "pick" if target:
            await screen.answer(query)
            return await screen.show(query, *_how(ctx, draft, target, t))
        case "reply" | "edit" if target:
            return await _keep(query, draft, target, act, ctx, t, bot)
        case "none":
            return await _keep(query, draft, None, act, ctx, t, bot)
    return await screen.outdated(query, t)


async def _list(ctx: Context, draft: Draft, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    posts = await stories.earlier(ctx.storage, draft.content, ctx.now)
    lines = [
        [button(f"{t.time(one.created_at, ctx.zone)} · {_said(ctx, one, t)}", _data("pick", draft, one))]
        for one in posts
    ]
    return bold(t("Which message does it go on with?")), keyboard(*lines, [_none(draft, t)])


def _how(ctx: Context, draft: Draft, post: Post, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    about = join(" · ", [_said(ctx, post, t), t.datetime(post.created_at, ctx.zone)])
    keys = keyboard(
        [button(t("↩️ As a reply to it"), _data("reply", draft, post))],
        [button(t("🔄 In its place: edit it"), _data("edit", draft, post))],
        [_none(draft, t)],
    )
    return join("\n", [bold(t("How does it go on?")), about]), keys


def _none(draft: Draft, t: Lang) -> InlineKeyboardButton:
    return button(t("By itself"), STORY.pack(act="none", id=draft.id, post=0))


def _data(act: str, draft: Draft, post: Post) -> str:
    return STORY.pack(act=act, id=draft.id, post=post.id)


def _said(ctx: Context, post: Post, t: Lang) -> str:
    return clip(headline(post, t, ctx.sections), _LABEL_LIMIT).text


async def _keep(
    query: CallbackQuery, draft: Draft, post: Post | None, how: str, ctx: Context, t: Lang, bot: Bot
) -> None:
    """Save it and show the preview anew: readers see the difference."""
    content = stories.into(draft.content, post) if post and how == "edit" else stories.after(draft.content, post)
    await draftpress.keep(query, replace(draft, content=content), ctx, t, bot, anew=True)
