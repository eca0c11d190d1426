"""The feed desk's presses: what is held goes or is taken off, a flood is decided, an article gets its section; /queue.

/queue shows one thing at a time: floods, then what is held, then articles without a section, the newest first.
"""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.delivery.gate import silence
from bot.desk import queue as desk
from bot.domain.desk import Role
from bot.domain.held import Decision, Flood, Held, Why
from bot.domain.post import Post, PostKind, RichText
from bot.i18n import Lang
from bot.posts.compose import headline
from bot.posts.richtext import bold, clip, join
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard, rows

router = Router(name="queue")

HELD = Callback("held", act=str, id=int, n=int)
FLOOD = Callback("flood", act=str, id=int, n=int)
QUEUE = Callback("queue", n=int)
SORT = Callback("sort", post=int, bit=int, n=int)
STAR = Callback("star", post=int, wanted=bool)
OFF = -1
"""In place of a section's bit: nobody gets the article."""
_DAYS = 2 * 86_400
"""Seconds: an article that nobody has given a section within this time is offered no more."""
_STARS, _LABEL_LIMIT = 10, 48


async def _waiting(ctx: Context) -> list[Flood | Held | Post]:
    """What waits for the desk, in the order in which it is shown."""
    queue = ctx.storage.queue
    return [*await queue.floods(), *await queue.open(), *await queue.unsorted(since=ctx.now - _DAYS)]


@router.message(Command("queue", ignore_case=True))
async def shown(message: Message, ctx: Context, t: Lang) -> None:
    """What waits for the desk."""
    await screen.reply(message, *await _screen(ctx, t, 0))


@router.callback_query(QUEUE)
async def turned(query: CallbackQuery, ctx: Context, t: Lang, n: int) -> None:
    """The next thing, or the one before; -1: the last posts, for their stars."""
    await screen.show(query, *(await _stars(ctx, t) if n < 0 else await _screen(ctx, t, n)))
    return await screen.answer(query)


async def _screen(ctx: Context, t: Lang, n: int) -> tuple[RichText, InlineKeyboardMarkup]:
    """The n-th thing, 0 the first; the last one where there are fewer."""
    things = await _waiting(ctx)
    stars = [button(t("⭐ The last posts"), QUEUE.pack(n=-1))]
    if not things:
        return join("\n", [bold(t("📥 The queue is empty."))]), keyboard(stars)
    n = min(max(n, 0), len(things) - 1)
    text, below = await _thing(ctx, t, things[n], n)
    turn = [
        *([button("‹", QUEUE.pack(n=n - 1))] if n else []),
        *([button("›", QUEUE.pack(n=n + 1))] if n + 1 < len(things) else []),
    ]
    head = t("📥 Queue: {n} of {total}", n=t.number(n + 1), total=t.number(len(things)))
    return join("\n", [bold(head), text]), keyboard(*below, turn, stars)


async def _thing(
    ctx: Context, t: Lang, thing: Flood | Held | Post, n: int
) -> tuple[RichText, list[list[InlineKeyboardButton]]]:
    match thing:
        case Flood():
            posts = await ctx.storage.queue.of_flood(thing.id)
            feeds = {state.id: state.title or state.url for state in await ctx.storage.feeds.states()}
            text, keys = desk.flood_card(t, thing, posts, feeds.get(thing.feed_id, ""), n)
        case Held():
            text, keys = desk.held_card(t, thing, ctx.sections, ctx.settings, ctx.now, n)
        case _:
            return join("\n", [t("Without a section:"), desk.about(t, thing, ctx.sections)]), _sections(
                ctx, t, thing, n
            )
    return text, InlineKeyboardMarkup.model_validate(keys).inline_keyboard if keys else []


def _sections(ctx: Context, t: Lang, post: Post, n: int) -> list[list[InlineKeyboardButton]]:
    names = [button(one.name(t.code), SORT.pack(post=post.id, bit=one.bit, n=n)) for one in ctx.sections]
    return [*rows(names, 2), [button(t("⛔ Take off"), SORT.pack(post=post.id, bit=OFF, n=n))]]


# Without a section, and main stories -----------------------------------------------------------------------------


@router.callback_query(SORT)
async def sorted_(query: CallbackQuery, ctx: Context, t: Lang, post: int, bit: int, n: int) -> None:
    """An article gets its section, and goes as if it had come with it; or it is taken off."""
    section = next((one for one in ctx.sections if one.bit == bit), None)
    found = next(iter(await ctx.storage.posts.get([post])), None)
    if found is None or (section is None and bit != OFF):
        return await screen.outdated(query, t)
    if not await ctx.storage.queue.sort(post, section.mask if section else 0, now=ctx.now):
        return await _late(query, ctx, t, n)
    deed, said = "article taken off", t("Taken off: nobody gets it.")
    if section:
        deed, said = "article sorted", t("Into: {sections}", sections=section.name(t.code))
    return await _done(query, ctx, t, found, n, deed, said)


async def _stars(ctx: Context, t: Lang) -> tuple[RichText, InlineKeyboardMarkup]:
    """The last articles; a press makes one a main story, or an ordinary one again."""
    last = [post for post in await ctx.storage.posts.newest(5 * _STARS) if post.kind is PostKind.ARTICLE][:_STARS]
    choices = [
        button(
            ("⭐ " if post.main else "☆ ") + clip(headline(post, t, ctx.sections), _LABEL_LIMIT).text,
            STAR.pack(post=post.id, wanted=not post.main),
        )
        for post in last
    ]
    text = t("A star makes it a main story: it also goes to whoever wants main stories only.")
    return join("\n", [bold(t("⭐ The last posts")), text]), keyboard(
        *rows(choices, 1), [button(t("‹ Back"), QUEUE.pack(n=0))]
    )


@router.callback_query(STAR)
async def starred(query: CallbackQuery, ctx: Context, t: Lang, post: int, wanted: bool) -> None:
    """A main story from now on, or no longer one."""
    found = next((one for one in await ctx.storage.posts.get([post]) if one.kind is PostKind.ARTICLE), None)
    if found is None or found.withdrawn:
        return await screen.outdated(query, t)
    await ctx.storage.posts.star(post, wanted)
    await _log(query, ctx, "main story" if wanted else "ordinary story", found)
    ctx.wake()
    await screen.answer(query, _starred(t, wanted))
    return await screen.show(query, *await _stars(ctx, t))


def _starred(t: Lang, wanted: bool) -> str:
    return t("A main story.") if wanted else t("No main story any more.")


# What is held ----------------------------------------------------------------------------------------------------


@router.callback_query(HELD)
async def decided(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int, n: int) -> None:
    """Send, take off, bring back, mark as a main story, or look at it."""
    held = await ctx.storage.queue.get(id)
    if held is None:
        return await screen.outdated(query, t)
    post, main = held.post, not held.post.main
    if act == "show":
        return await _look(query, post, ctx, t, bot)
    if act == "back":
        if not await ctx.storage.queue.restore(id, now=ctx.now):
            return await _late(query, ctx, t, n)
        return await _done(query, ctx, t, post, n, "article brought back", t("It is held again."))
    if act not in ("send", "loud", "take", "star"):
        return await screen.outdated(query, t)
    if held.decided_at is not None:
        return await _late(query, ctx, t, n)
    if act == "star":
        await ctx.storage.posts.star(id, main)
        return await _done(query, ctx, t, post, n, "main story" if main else "ordinary story", _starred(t, main))
    if act == "take":
        presser = query.from_user.id
        if not await ctx.storage.queue.decide(id, Decision.TAKEN, by=presser, passed=False, now=ctx.now):
            return await _late(query, ctx, t, n)
        return await _done(query, ctx, t, post, n, "article taken off", t("Taken off: nobody gets it."))
    return await _send(query, held, n, ctx, t)


async def _send(query: CallbackQuery, held: Held, n: int, ctx: Context, t: Lang) -> None:
    """It goes now. In a silence an owner may say so, which the book keeps; an embargo ends by itself only."""
    presser, loud = query.from_user.id, 0
    if held.why is Why.EMBARGO:
        return await screen.answer(query, t("Nothing of it leaves before the embargo ends."), alert=True)
    quiet = silence(desk.rules(ctx.settings, ctx.sections), held.post.sections, ctx.now)
    if quiet:
        if await ctx.storage.editors.role(presser) < Role.OWNER:
            until = t.datetime(quiet.until, ctx.zone)
            said = t("Silence until {when}: only an owner may send it.", when=until)
            return await screen.answer(query, said, alert=True)
        loud = quiet.until
    if not await ctx.storage.queue.decide(held.post.id, Decision.SENT, by=presser, loud_until=loud, now=ctx.now):
        return await _late(query, ctx, t, n)
    deed = "silence overridden" if quiet else "article sent"
    return await _done(query, ctx, t, held.post, n, deed, t("It is on its way."))


async def _look(query: CallbackQuery, post: Post, ctx: Context, t: Lang, bot: Bot) -> None:
    """The very call that readers would get, for whoever asks alone."""
    try:
        await screen.send_rendering(bot, query.from_user.id, await screen.pictured(ctx, post, t.code))
    except TelegramForbiddenError:
        return await screen.answer(query, t("Say /start to me in private first."), alert=True)
    except TelegramBadRequest as refusal:
        said = t("Telegram refuses this message: {reason}", reason=refusal.message)
        return await screen.answer(query, said, alert=True)
    return await screen.answer(query, t("Only you have got it."))


# Floods ----------------------------------------------------------------------------------------------------------


@router.callback_query(FLOOD)
async def settled(query: CallbackQuery, ctx: Context, t: Lang, act: str, id: int, n: int) -> None:
    """The newest of each section, all as one list, or nothing."""
    wanted = {"newest": Decision.SENT, "list": Decision.LISTED, "leave": Decision.KEPT}.get(act)
    if wanted is None or await ctx.storage.queue.flood(id) is None:
        return await screen.outdated(query, t)
    held = await ctx.storage.queue.of_flood(id)
    chosen = {"newest": desk.newest(held), "list": [one.post.id for one in held]}.get(act, [])
    if not await ctx.storage.queue.settle(id, wanted, chosen, by=query.from_user.id, now=ctx.now):
        return await _late(query, ctx, t, n)
    said = t("Left: nobody gets it.") if wanted is Decision.KEPT else t("It is on its way.")
    await ctx.storage.editors.log(query.from_user.id, f"flood {wanted}", str(id), now=ctx.now)
    ctx.wake()
    await screen.answer(query, said)
    return await _again(query, ctx, t, n)


# What comes of a press -------------------------------------------------------------------------------------------


async def _done(query: CallbackQuery, ctx: Context, t: Lang, post: Post, n: int, deed: str, said: str) -> None:
    """Written into the book and said. Cards of the desk change by themselves."""
    await _log(query, ctx, deed, post)
    ctx.wake()
    await screen.answer(query, said)
    await _again(query, ctx, t, n)


async def _late(query: CallbackQuery, ctx: Context, t: Lang, n: int) -> None:
    """Somebody, or time, was faster."""
    await screen.answer(query, t("It is decided already."))
    await _again(query, ctx, t, n)


async def _again(query: CallbackQuery, ctx: Context, t: Lang, n: int) -> None:
    """/queue as it is now, if the press came from there."""
    if n >= 0:
        await screen.show(query, *await _screen(ctx, t, n))


async def _log(query: CallbackQuery, ctx: Context, deed: str, post: Post) -> None:
    await ctx.storage.editors.log(query.from_user.id, deed, str(post.id), text=post.title, now=ctx.now)
