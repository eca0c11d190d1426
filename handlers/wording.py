"""Words that a reader hides or follows: typed in answer to a question, taken from a search, or let go by a press."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.filters import Filter
from aiogram.types import CallbackQuery, ForceReply, Message

from bot.domain.reader import EVERY_DAY, Reader
from bot.i18n import Lang
from bot.posts.terms import keys
from handlers import screen
from handlers.context import Context
from handlers.keyboards import WORD
from handlers.middleware import said_to_us
from handlers.settings import redraw
from handlers.subscriptions import met
from handlers.views.words import FOLLOWED, HIDDEN, words_screen

router = Router(name="words")
MOST = 20
"""Words of one reader: more would be a burden to the bot and a riddle to the reader."""

_DAY = 86_400


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
    mine = await ctx.storage.terms.of(reader.id)
    if len(mine) >= MOST and word not in [one.word for one in mine]:
        return t("You have {n} words already: let one go first.", n=MOST)
    since = ctx.now - _DAY * (2 if reader.digest_days in (0, EVERY_DAY) else 8)  # as far as a list may reach back
    await ctx.storage.terms.choose(reader.id, word, known, follows=follows, since=since, now=ctx.now)
    return ""
