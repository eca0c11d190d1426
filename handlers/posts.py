"""What a reader does under a post: less of its section, more on this, saving; and /saved."""

from __future__ import annotations

from contextlib import suppress

from aiogram import Bot, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.domain.article import Section
from bot.domain.post import Post, RichText
from bot.domain.reader import Reader
from bot.i18n import Lang
from bot.posts.compose import headline, post_keyboard
from bot.posts.richtext import bold, concat, join, link
from bot.posts.terms import story
from bot.readers.search import related
from handlers import screen
from handlers.context import Context
from handlers.keyboards import MORE, MUTE, ON_THIS, PICK, SAVE, SAVED, TRACK, UNSAVE, WHY, button, keyboard
from handlers.subscriptions import chosen

SAVED_PAGE, RELATED = 5, 5
_MOST_PAGES = 1000
_DAY = 86_400

router = Router(name="posts")


async def post_of(ctx: Context, post_id: int) -> Post | None:
    """The post that a button stands under, None when it is gone."""
    return next(iter(await ctx.storage.posts.get([post_id])), None)


async def change_buttons(query: CallbackQuery, markup: InlineKeyboardMarkup | None) -> None:
    """Change the buttons alone; where Telegram will not, what was asked for is done all the same."""
    assert query.bot is not None
    assert query.message is not None
    with suppress(TelegramBadRequest):
        await query.bot.edit_message_reply_markup(
            chat_id=query.message.chat.id, message_id=query.message.message_id, reply_markup=markup
        )


async def as_before(query: CallbackQuery, ctx: Context, reader: Reader, post: Post) -> None:
    """The buttons that the post came with, the sign of a saved one included."""
    style = screen.style_of(ctx.settings, ctx.sections, post)
    below = post_keyboard(
        post, style, ctx.words[reader.language], saved=await ctx.storage.saved.holds(reader.id, post.id)
    )
    await change_buttons(query, InlineKeyboardMarkup.model_validate(below) if below else None)


def _why(ctx: Context, reader: Reader, post: Post) -> list[Section]:
    """The sections for which the reader has that post; all of its own where it was shown for another reason."""
    known = [section for section in ctx.sections if section.mask & post.sections]
    return [section for section in known if section in chosen(ctx, reader)] or known


@router.callback_query(MORE)
async def more(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int, opened: bool) -> None:
    """⋯ opens what can be done with a post, in place of its buttons; «‹ Back» closes it."""
    shown = await post_of(ctx, post)
    if reader is None or shown is None:
        return await screen.outdated(query, t)
    await screen.answer(query)
    if not opened:
        return await as_before(query, ctx, reader, shown)
    muting = [
        [button(t("Less like this"), MUTE.pack(post=post, week=True))],
        [button(t("Mute section 24 h"), MUTE.pack(post=post, week=False))],
    ]
    return await change_buttons(
        query,
        keyboard(
            *(muting if _why(ctx, reader, shown) else ()),
            [button(t("Hide a word"), PICK.pack(post=post))],
            [button(t("More on this"), ON_THIS.pack(post=post))],
            [_tracking(t, post, following=await follows_story(ctx, reader, shown))],
            [button(t("Why do I see this?"), WHY.pack(post=post))],
            [button(t("‹ Back"), MORE.pack(post=post, opened=False))],
        ),
    )


def _tracking(t: Lang, post: int, *, following: bool) -> InlineKeyboardButton:
    text = t("📌 You follow this story") if following else t("📌 Follow this story")
    return button(text, TRACK.pack(post=post, wanted=not following))


async def follows_story(ctx: Context, reader: Reader, post: Post) -> bool:
    """Whether the reader wants to have what goes on with that post."""
    known = {id_ for id_, key in await ctx.storage.terms.known([story(post)])}
    return bool(known & {word.term_id for word in await ctx.storage.terms.of(reader.id)})


@router.callback_query(MUTE)
async def mute(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int, week: bool) -> None:
    """Nothing of the post's sections for a day, or for a week; the ticks stay."""
    shown = await post_of(ctx, post)
    sections = _why(ctx, reader, shown) if reader and shown else []
    if reader is None or shown is None or not sections:
        return await screen.outdated(query, t)
    bits = [section.bit for section in sections]
    await ctx.storage.readers.mute(reader.id, bits, until=ctx.now + (7 if week else 1) * _DAY, now=ctx.now)
    names = t.list(section.name(t.code) for section in sections)
    if week:
        said = t("Nothing for a week: {sections}. Undo: /settings", sections=names)
    else:
        said = t("Nothing for 24 hours: {sections}. Undo: /settings", sections=names)
    await screen.answer(query, said, alert=True)
    return await as_before(query, ctx, reader, shown)


@router.callback_query(ON_THIS)
async def on_this(query: CallbackQuery, bot: Bot, ctx: Context, reader: Reader | None, t: Lang, post: int) -> None:
    """Other articles on the same subject, as a message of its own."""
    shown = await post_of(ctx, post)
    if reader is None or shown is None:
        return await screen.outdated(query, t)
    found = await related(ctx.storage, shown, t.code, ctx.now, RELATED)
    if not found:
        return await screen.answer(query, t("There is nothing more on this yet."))
    await screen.answer(query)
    await as_before(query, ctx, reader, shown)
    lines = [concat("• ", link(headline(other, t, ctx.sections), other.link)) for other in found]
    await screen.say(bot, reader.chat_id, join("\n", [bold(t("More on this")), *lines]))
    return None


@router.callback_query(SAVE)
async def save(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int, wanted: bool) -> None:
    """Save a post for later, or not any more."""
    shown = await post_of(ctx, post)
    if reader is None or shown is None:
        return await screen.outdated(query, t)
    if wanted:
        await ctx.storage.saved.keep(reader.id, post, now=ctx.now)
    else:
        await ctx.storage.saved.drop(reader.id, post)
    await screen.answer(query, t("Saved: /saved") if wanted else t("Not saved any more."))
    return await as_before(query, ctx, reader, shown)


@router.message(Command("saved", ignore_case=True))
async def saved(message: Message, bot: Bot, ctx: Context, reader: Reader | None, t: Lang) -> None:
    """What was saved, the latest first."""
    await screen.say(bot, message.chat.id, *await _saved_screen(ctx, reader, t, 0))


@router.callback_query(SAVED)
async def turn(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, page: int) -> None:
    """Another page of /saved."""
    if reader is None or not 0 <= page < _MOST_PAGES:
        return await screen.outdated(query, t)
    await screen.answer(query)
    return await screen.show(query, *await _saved_screen(ctx, reader, t, page))


@router.callback_query(UNSAVE)
async def unsave(query: CallbackQuery, ctx: Context, reader: Reader | None, t: Lang, post: int, page: int) -> None:
    """Take a post off the list."""
    if reader is None or not 0 <= page < _MOST_PAGES:
        return await screen.outdated(query, t)
    await ctx.storage.saved.drop(reader.id, post)
    await screen.answer(query, t("Not saved any more."))
    return await screen.show(query, *await _saved_screen(ctx, reader, t, page))


async def _saved_screen(
    ctx: Context, reader: Reader | None, t: Lang, page: int
) -> tuple[RichText, InlineKeyboardMarkup | None]:
    first = page * SAVED_PAGE
    posts = await ctx.storage.saved.newest(reader.id, SAVED_PAGE + 1, skip=first) if reader else []
    if not posts and page:
        return await _saved_screen(ctx, reader, t, page - 1)  # the last one of this page has been taken off
    if not posts:
        return join("", [t("You have saved nothing yet: 🔖 under a post does it.")]), None
    numbered = list(enumerate(posts[:SAVED_PAGE], first + 1))
    lines = [concat(f"{number}. ", link(headline(post, t, ctx.sections), post.link)) for number, post in numbered]
    return join("\n", [bold(t("Saved")), *lines]), keyboard(
        [button(f"✕ {number}", UNSAVE.pack(post=post.id, page=page)) for number, post in numbered],
        [
            *([button(t("‹ Back"), SAVED.pack(page=page - 1))] if page else []),
            *([button(t("Older →"), SAVED.pack(page=page + 1))] if len(posts) > SAVED_PAGE else []),
        ],
    )
