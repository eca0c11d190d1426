"""Words that a reader hides or follows, and stories: typed in answer to a question, taken from a headline or a search,
or let go by a press."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram import Bot, Router
from aiogram.filters import Filter
from aiogram.types import CallbackQuery, ForceReply, Message

from bot.domain.reader import EVERY_DAY, Reader
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.richtext import clip
from bot.posts.stems import words
from bot.posts.terms import keys, story
from handlers import screen
from handlers.context import Context
from handlers.keyboards import FOLLOW, HIDE, MORE, PICK, TRACK, WORD, button, keyboard, rows
from handlers.middleware import said_to_us
from handlers.posts import as_before, change_buttons, post_of
from handlers.search import asked_for
from handlers.settings import redraw
from handlers.subscriptions import met
from handlers.views.words import FOLLOWED, HIDDEN, STORY, words_screen

router = Router(name="words")
MOST = 20
"""Words of one reader: more would be a burden to the bot and a riddle to the reader."""

_DAY = 86_400
_TELLING = 3
"""Letters; shorter words say nothing of a subject."""
_MOST_PICKABLE = 12
_STORY_NAME = 60


class AnswersAWord(Filter):
    """Lets through what replies to our question for a word; `follows` says which of the two was asked."""

    async def __call__(self, message: Message) -> bool | dict[str, bool]:
        """See the class."""
        asked = message.reply_to_message
        ours = bool(asked and asked.from_user and message.bot and asked.from_user.id == message.bot.id)
        sign = (asked.text or "")[:1] if asked and ours else ""
        return {"follows": sign == FOLLOWED} if sign in (HIDDEN, FOLLOWED) and said_to_us(message) else False


@router.callback_query(WORD)
async def press(
    query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, act: str, term: int
) -> None:
    """Ask for a word, or let one go."""
    if reader is None or act not in ("hide", "follow", "drop"):
        return await screen.outdated(query, t)
    if act == "drop":
        await ctx.storage.terms.drop(reader.id, term)
        return await redraw(query, ctx, reader, t, "words")
    await screen.answer(query)
    await screen.say(bot, reader.chat_id, question(t, follows=act == "follow"), _answer(t))
    return None


def question(t: Lang, *, follows: bool) -> str:
    """Its sign tells which one was answered."""
    if follows:
        return f"{FOLLOWED} " + t("Which word shall I watch for? Answer this message, up to four words.")
    return f"{HIDDEN} " + t("Which word shall I hide? Answer this message, up to four words.")


def _answer(t: Lang) -> ForceReply:
    return ForceReply(force_reply=True, input_field_placeholder=t("A word or a phrase"))


@router.message(AnswersAWord())
async def typed(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, follows: bool) -> None:
    """The word itself."""
    reader = await met(ctx, reader, message, t)
    problem = await add(ctx, reader, message.text or "", t, follows=follows)
    if problem:
        await screen.say(bot, message.chat.id, f"{FOLLOWED if follows else HIDDEN} {problem}", _answer(t))
        return
    await screen.say(bot, message.chat.id, *words_screen(ctx, reader, await ctx.storage.terms.of(reader.id)))


async def add(ctx: Context, reader: Reader, text: str, t: Lang, *, follows: bool) -> str:
    """Hide or follow a word from now on; what is wrong with it, "" when it is done."""
    word = " ".join(text.split())
    known = keys(word)
    if not known:
        return t("That is no word that I could watch for: up to four words, two letters or more.")
    return await keep(ctx, reader, word, known, t, follows=follows)


async def keep(ctx: Context, reader: Reader, word: str, known: Sequence[str], t: Lang, *, follows: bool) -> str:
    """The same of what has keys already."""
    mine = await ctx.storage.terms.of(reader.id)
    if len(mine) >= MOST and word not in [one.word for one in mine]:
        return t("You have {n} words already: let one go first.", n=MOST)
    since = ctx.now - _DAY * (2 if reader.digest_days in (0, EVERY_DAY) else 8)  # as far as a list may reach back
    await ctx.storage.terms.choose(reader.id, word, known, follows=follows, since=since, now=ctx.now)
    return ""


# Under a post -------------------------------------------------------------------------------------------------


def pickable(title: str) -> list[str]:
    """The words of a headline that say something and can be looked for, in their order."""
    said = dict.fromkeys(word for word in words(title) if len(word) >= _TELLING and not word.isdecimal() and keys(word))
    return list(said)[:_MOST_PICKABLE]


@router.callback_query(PICK)
async def pick(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int) -> None:
    """Which of the headline's words shall be hidden?"""
    shown = await post_of(ctx, post)
    if reader is None or shown is None:
        return await screen.outdated(query, t)
    offered = pickable(headline(shown, t).text)
    if not offered:
        return await screen.answer(query, t("There is no word to hide here."))
    await screen.answer(query, t("Which word?"))
    buttons = [button(word, HIDE.pack(post=post, version=shown.version, n=n)) for n, word in enumerate(offered)]
    back = [button(t("‹ Back"), MORE.pack(post=post, opened=True))]
    return await change_buttons(query, keyboard(*rows(buttons, 2), back))


@router.callback_query(HIDE)
async def hide(
    query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int, version: int, n: int
) -> None:
    """That one; it is numbered in the version of the post that was seen."""
    shown = await post_of(ctx, post)
    offered = pickable(headline(shown, t).text) if shown and shown.version == version else []
    if reader is None or shown is None or not 0 <= n < len(offered):
        return await screen.outdated(query, t)
    problem = await add(ctx, reader, offered[n], t, follows=False)
    await screen.answer(query, problem or t("Hidden from now on: {word}. Undo: /settings", word=offered[n]), alert=True)
    return await as_before(query, ctx, reader, shown)


@router.callback_query(TRACK)
async def track(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int, wanted: bool) -> None:
    """What goes on with this post comes whatever the reader's sections, or not any more."""
    shown = await post_of(ctx, post)
    if reader is None or shown is None:
        return await screen.outdated(query, t)
    if not wanted:
        for term, _ in await ctx.storage.terms.known([story(shown)]):
            await ctx.storage.terms.drop(reader.id, term)
        await screen.answer(query, t("You don't follow this story any more."))
    else:
        name = f"{STORY} {clip(headline(shown, t), _STORY_NAME).text}"
        problem = await keep(ctx, reader, name, [story(shown)], t, follows=True)
        await screen.answer(query, problem or t("What comes of this story comes to you. Undo: /settings"), alert=True)
    return await as_before(query, ctx, reader, shown)


# From a search ------------------------------------------------------------------------------------------------


@router.callback_query(FOLLOW)
async def follow(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """Follow what was looked for: it stands in the first line of our own message."""
    asked = asked_for(query)
    if reader is None or not asked:
        return await screen.outdated(query, t)
    problem = await add(ctx, reader, asked, t, follows=True)
    return await screen.answer(query, problem or t("You follow it from now on: {word}. Undo: /settings", word=asked))
