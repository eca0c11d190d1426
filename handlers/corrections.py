"""Correct or withdraw what is out: how grave it is, the new words, their preview; from then on a draft like any other.

report, article or /correct → «Исправить» → how grave? → the new text → preview → off it goes
                              «Отозвать»               → the reason   → preview → off it goes
"""

from __future__ import annotations

from collections.abc import Sequence

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.desk import corrections
from bot.domain.desk import DraftState, Gravity
from bot.domain.post import Post, PostKind, RichText
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.links import is_http
from bot.posts.richtext import bold, clip, join, plain, styled
from bot.readers import search
from handlers import draftcard, screen
from handlers.context import Context
from handlers.fixcard import WORDS
from handlers.keyboards import FIX, PULL, Callback, button, keyboard

router = Router(name="corrections")
readers = Router(name="corrections for all")

GRAVE = Callback("grave", to=str, post=int)
_SHOWN = 8
_LABEL_LIMIT = 48
_TEXT_LIMIT = 3000


@readers.message(Command("corrections", ignore_case=True))
async def listed(message: Message, ctx: Context, t: Lang) -> None:
    """What was corrected and withdrawn lately, for whoever asks."""
    await screen.reply(message, await corrections.public(ctx.storage, t, ctx.zone, ctx.now))


# Which one ---------------------------------------------------------------------------------------------------------


@router.message(Command("correct", ignore_case=True))
async def asked(message: Message, command: CommandObject, ctx: Context, t: Lang) -> None:
    """`/correct` offers the last posts, `/correct LINK` or `/correct WORDS` what is meant by that."""
    words = (command.args or "").strip()
    found = await _found(ctx, words, t)
    if not found:
        await screen.reply(message, t("Nothing found. Send a link to the article, or words of its headline."))
        return
    head = t("Which message?") if words else t("Which message? Or: /correct and a link or words.")
    await screen.reply(message, bold(head), keyboard(*[[_choice(ctx, post, t)] for post in found]))


async def _found(ctx: Context, words: str, t: Lang) -> Sequence[Post]:
    if not words:
        newest = await ctx.storage.posts.newest(3 * _SHOWN)
        return [post for post in newest if post.kind is not PostKind.CORRECTION][:_SHOWN]
    if is_http(words):
        return await corrections.of_link(ctx.storage, words)
    return (await search.find(ctx.storage, words, t.code, ctx.now))[:_SHOWN]


def _choice(ctx: Context, post: Post, t: Lang) -> InlineKeyboardButton:
    words = clip(headline(post, t, ctx.sections), _LABEL_LIMIT).text
    return button(f"{t.time(post.created_at, ctx.zone)} · {words}", FIX.pack(post=post.id))


# How grave ---------------------------------------------------------------------------------------------------------


async def _post(query: CallbackQuery, ctx: Context, id_: int, t: Lang) -> Post | None:
    """The post that a button is about, while something can be done about it."""
    found = await ctx.storage.posts.get([id_])
    if not found:
        await screen.outdated(query, t)
    elif found[0].withdrawn:
        await screen.answer(query, t("This message is withdrawn already."), alert=True)
    else:
        return found[0]
    return None


@router.callback_query(FIX)
async def chosen(query: CallbackQuery, ctx: Context, t: Lang, post: int) -> None:
    """Ask how grave the mistake is."""
    found = await _post(query, ctx, post, t)
    if found is None or not isinstance(query.message, Message):
        return
    await screen.answer(query)
    await screen.reply(query.message, *_gravity(ctx, found, t))


def _gravity(ctx: Context, post: Post, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    about = clip(headline(post, t, ctx.sections), 200)
    choices = [
        [button(t(WORDS[gravity]), GRAVE.pack(to=gravity.value, post=post.id))]
        for gravity in (Gravity.TYPO, Gravity.FACT, Gravity.SERIOUS)
    ]
    pull = button(t("↩️ Withdraw"), PULL.pack(post=post.id))
    text = join("\n", [bold(t("What is wrong in it?")), about, t.datetime(post.created_at, ctx.zone)])
    return text, keyboard(*choices, [pull])


@router.callback_query(GRAVE)
async def grave(query: CallbackQuery, ctx: Context, t: Lang, to: str, post: int) -> None:
    """Ask for the new text; the old one stands there to be copied."""
    found = await _post(query, ctx, post, t)
    if found is None:
        return
    if to not in (Gravity.TYPO, Gravity.FACT, Gravity.SERIOUS):
        await screen.outdated(query, t)
        return
    content = corrections.begun(found, Gravity(to), t.code)
    old = clip(plain(corrections.said(found, content.language)), _TEXT_LIMIT)
    how = t("Send the whole text as it should be.")
    if not found.texts:
        how += " " + t("The first line is the headline; a single line leaves the rest as it is.")
    await _begin(query, ctx, found, Gravity(to), join("\n\n", [bold(how), styled(old, "pre")]), t)


@router.callback_query(PULL)
async def pulled(query: CallbackQuery, ctx: Context, t: Lang, post: int) -> None:
    """Ask for the reason of a withdrawal."""
    found = await _post(query, ctx, post, t)
    if found is not None:
        question = t("Why is it withdrawn? Readers are told so where a copy cannot be deleted, and under /corrections.")
        await _begin(query, ctx, found, Gravity.WITHDRAWAL, bold(question), t)


async def _begin(query: CallbackQuery, ctx: Context, post: Post, gravity: Gravity, question: RichText, t: Lang) -> None:
    """A draft that waits for its words."""
    assert query.message is not None
    place = query.message.chat.id
    await ctx.storage.drafts.expect(query.from_user.id, place, None, until=0)
    await ctx.storage.drafts.begin(
        query.from_user.id,
        place,
        corrections.begun(post, gravity, t.code),
        DraftState.COMPOSE,
        thread_id=screen.thread_of(query.message) or 0,
        now=ctx.now,
    )
    await draftcard.ask(query, question, t)
