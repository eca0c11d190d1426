"""/feeds: what is watched and how it does; a look at a feed; feeds added, paused and removed in the chat.

What the file lists is read-only here. An address is looked at before it can be added, and the first look of the
watcher sends nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.desk.feeds import Watched, names, watched
from bot.domain.errors import FeedError
from bot.domain.post import RichText
from bot.feeds.rhythm import Rhythm
from bot.feeds.sections import section_mask
from bot.feeds.signs import subject
from bot.i18n import Lang
from bot.ops.feedcheck import Reading, advice, fetcher, problem, read_feed
from bot.posts.richtext import bold, join
from bot.settings import FeedConfig
from handlers import screen
from handlers.context import Context
from handlers.keyboards import Callback, button, keyboard, rows

router = Router(name="feeds")

FEED = Callback("feed", act=str, id=int)
ADD = Callback("addfeed", id=int, section=str)
KEEP = Callback("keep", article=int)
ANY = "_"
"""In place of a section's id: by the feed's categories."""
_PAGE, _LABEL_LIMIT, _NAMED = 8, 32, 5
_HOUR, _DAY = 3600, 86_400


@router.message(Command("feeds", ignore_case=True))
async def feeds(message: Message, command: CommandObject, ctx: Context, t: Lang) -> None:
    """`/feeds` lists them; `/feeds ADDRESS` looks at one and offers to add it."""
    if not command.args:
        await screen.reply(message, *await _list(ctx, t, 0))
        return
    url = command.args.split()[0]
    await _look(ctx, t, url if "://" in url else f"https://{url}", partial(screen.reply, message), offer=True)


async def _list(ctx: Context, t: Lang, first: int) -> tuple[RichText, InlineKeyboardMarkup]:
    known = await watched(ctx.storage, ctx.settings)
    called = names(known)
    page = known[first : first + _PAGE]
    lines = [RichText(line(ctx, t, feed, called[feed.state.id])) for feed in page]
    text = join("\n", [bold(t.p("desk", "Feeds")), *lines, t("Add one: /feeds and its address")])
    chosen = [[button(called[feed.state.id][:_LABEL_LIMIT], FEED.pack(act="show", id=feed.state.id))] for feed in page]
    turn = [
        *([button(t("‹ Back"), FEED.pack(act="list", id=first - _PAGE))] if first else []),
        *([button("→", FEED.pack(act="list", id=first + _PAGE))] if len(known) > first + _PAGE else []),
    ]
    return text, keyboard(*chosen, turn)


def line(ctx: Context, t: Lang, feed: Watched, name: str) -> str:
    """A feed's health in a line."""
    state = feed.state
    if feed.paused:
        return f"⏸ {name}: " + t.p("feed", "paused")
    if state.ok_at is None:
        when = t("not read yet")
    else:
        when = t("read {span} ago", span=t.duration(ctx.now - state.ok_at))
    trouble = f" · ⚠️ {_trouble(t, state.problem)}" if state.problem else ""
    return f"{'🟠' if state.problem else '•'} {name}: {when}{trouble}"


def _trouble(t: Lang, said: str) -> str:
    kind, _, detail = said.partition(":")
    status = re.search(r"\b\d{3}\b", detail)
    return t(problem(kind), status=status[0] if status else "")


async def _card(ctx: Context, t: Lang, feed: Watched, name: str) -> tuple[RichText, InlineKeyboardMarkup]:
    """One feed: how it does, what it brings, and what can be done with it."""
    state = feed.state
    section = next((one.name(t.code) for one in ctx.sections if one.id == feed.section), t("by its categories"))
    lines: list[str | RichText] = [
        bold(name),
        state.url,
        line(ctx, t, feed, name).partition(": ")[2],
        t("Section: {name}", name=section),
    ]
    if state.new_at:
        lines.append(t("Last article: {span} ago", span=t.duration(max(1, ctx.now - state.new_at))))
    rhythm = Rhythm.load(state.rhythm, ctx.now)
    if rhythm.known(ctx.now):
        lines.append(
            t("A day brings {n}", n=t.number(round(rhythm.expected(ctx.now - 7 * _DAY, ctx.now, ctx.zone) / 7)))
        )
    if feed.listed:
        lines.append(t("In the file, read-only here."))
    resting = t.p("feed", "Go on") if feed.paused else t.p("feed", "Pause")
    own = [
        button(resting, FEED.pack(act="resume" if feed.paused else "pause", id=state.id)),
        button(t("✖ Remove"), FEED.pack(act="ask", id=state.id)),
    ]
    check, back = button(t("Check"), FEED.pack(act="check", id=state.id)), FEED.pack(act="list", id=0)
    return join("\n", lines), keyboard([check], [] if feed.listed else own, [button(t("‹ Back"), back)])


@router.callback_query(FEED)
async def pressed(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int) -> None:
    """The list, a card, a look; a pause and a removal for feeds that were added here."""
    if act == "list" and 0 <= id < 100_000:
        await screen.show(query, *await _list(ctx, t, id))
        return await screen.answer(query)
    known = await watched(ctx.storage, ctx.settings)
    feed = next((one for one in known if one.state.id == id), None)
    if feed is None or (feed.listed and act not in ("show", "check", "hush")):
        return await screen.outdated(query, t)
    if act == "check" and isinstance(query.message, Message):
        await screen.answer(query)
        return await _look(ctx, t, feed.state.url, partial(screen.reply, query.message))
    if act == "hush":
        await ctx.storage.alarms.mute(subject(id), until=ctx.now + _HOUR)
        return await screen.answer(query, t("Nothing about this feed for an hour."))
    if act == "ask":
        yes = button(t("Yes, remove"), FEED.pack(act="remove", id=id), "danger")
        back = button(t("‹ Back"), FEED.pack(act="show", id=id))
        await screen.show(
            query, t("Remove this feed? Its articles stay: {url}", url=feed.state.url), keyboard([yes], [back])
        )
        return await screen.answer(query)
    return await _changed(query, ctx, t, feed, act)


async def _changed(query: CallbackQuery, ctx: Context, t: Lang, feed: Watched, act: str) -> None:
    """What needs the storage: pause, go on, remove; then the screen as it is now."""
    id_, url = feed.state.id, feed.state.url
    match act:
        case "pause" | "resume":
            done = await ctx.storage.feeds.pause(id_, ctx.now if act == "pause" else None)
        case "remove":
            done = await ctx.storage.feeds.remove(id_)
        case "show":
            done = False
        case _:
            return await screen.outdated(query, t)
    if done:
        ctx.wake()
        await ctx.storage.editors.log(query.from_user.id, f"feed {act}d", str(id_), text=url, now=ctx.now)
    known = await watched(ctx.storage, ctx.settings)
    now = next((one for one in known if one.state.id == id_), None)
    view = await _card(ctx, t, now, names(known)[id_]) if now else await _list(ctx, t, 0)
    await screen.show(query, *view)
    return await screen.answer(query)


# A look at an address ---------------------------------------------------------------------------------------------


async def _look(ctx: Context, t: Lang, url: str, say: screen.Saying, *, offer: bool = False) -> None:
    """Fetch it once, or the feed that a page names, and tell what is there; `offer` to watch it from now on."""
    feed = next((one for one in ctx.settings.feeds if one.url == url), FeedConfig(url))
    try:
        async with fetcher(ctx.settings, ctx.clock) as http:
            reading = await read_feed(ctx.settings, feed, http, ctx.clock)
    except FeedError as error:
        agent = ctx.settings.user_agent
        what, todo = t(problem(error.kind), status=error.status), t(advice(error.kind, error.status), agent=agent)
        await say(join("\n", [f"🟠 {url}", what, f"→ {todo}"]))
        return
    known = {one.state.url: one for one in await watched(ctx.storage, ctx.settings)}
    text = join("\n", [bold(reading.document.title or reading.feed.url), reading.feed.url, *_report(ctx, t, reading)])
    if not offer:
        await say(text)
    elif reading.feed.url in known:
        await say(join("\n", [text, t("It is watched already: /feeds")]))
    else:
        (state,) = await ctx.storage.feeds.watch([reading.feed.url])
        await say(
            join("\n", [text, t("Add it? All of it to one section, or each article by its categories:")]),
            _offer(ctx, t, state.id),
        )


def _offer(ctx: Context, t: Lang, feed_id: int) -> InlineKeyboardMarkup:
    sections = [button(one.name(t.code), ADD.pack(id=feed_id, section=one.id)) for one in ctx.sections]
    return keyboard([button(t("By its categories"), ADD.pack(id=feed_id, section=ANY))], *rows(sections, 2))


def _report(ctx: Context, t: Lang, reading: Reading) -> Sequence[str]:
    """What `newsdesk feed check` reports, in the reader's language and in brief."""
    document, entries = reading.document, reading.document.entries
    dated, pictures = sum(e.published is not None for e in entries), sum(bool(e.image) for e in entries)
    sections: Counter[str] = Counter()
    homeless: Counter[str] = Counter()
    for entry in entries:
        mask = section_mask(entry.categories, ctx.sections, reading.feed.section)
        sections.update([one.name(t.code) for one in ctx.sections if one.mask & mask] or [t("no section")])
        homeless.update(() if mask else entry.categories)
    lines = [
        t.n("{n} article", "{n} articles", len(entries)),
        t("with a date: {dated}, with a picture: {pictures}", dated=dated, pictures=pictures),
        t("Encoding: {name}", name=reading.encoding),
        t("Languages: {list}", list=_counted(t, Counter(e.language or "?" for e in entries))),
        t("Sections: {list}", list=_counted(t, sections)),
    ]
    if homeless:
        lines.append(t("Categories of no section: {list}", list=_counted(t, homeless)))
    if reading.repaired:
        lines.append("⚠️ " + t.n("{n} damaged character", "{n} damaged characters", reading.repaired))
    if document.unread_dates:
        lines.append("⚠️ " + t("Dates that cannot be read: {sample}", sample=document.unread_dates[0]))
    if not entries:
        lines.append("⚠️ " + t("Nothing is in it now."))
    return lines


def _counted(t: Lang, found: Counter[str]) -> str:
    return ", ".join(f"{name} {t.number(n)}" for name, n in found.most_common(_NAMED)) or "—"


@router.callback_query(ADD)
async def add(query: CallbackQuery, ctx: Context, t: Lang, id: int, section: str) -> None:
    """Watch the feed that was looked at, from this moment on."""
    url = next((state.url for state in await ctx.storage.feeds.states() if state.id == id), "")
    chosen = "" if section == ANY else section
    if not url or (chosen and chosen not in {one.id for one in ctx.sections}):
        return await screen.outdated(query, t)
    if any(feed.url == url for feed in ctx.settings.feeds) or not await ctx.storage.feeds.add(url, chosen, now=ctx.now):
        return await screen.answer(query, t("It is watched already: /feeds"))
    ctx.wake()
    await ctx.storage.editors.log(query.from_user.id, "feed added", str(id), text=url, now=ctx.now)
    await screen.show(
        query, join("\n", [t("Added. What stands in it now is not sent, what comes from now on is:"), url])
    )
    return await screen.answer(query)


@router.callback_query(KEEP)
async def keep(query: CallbackQuery, ctx: Context, t: Lang, article: int) -> None:
    """An article that vanished from its feed stays with its readers."""
    if not await ctx.storage.articles.leave(article, now=ctx.now):
        return await screen.outdated(query, t)
    await ctx.storage.editors.log(query.from_user.id, "vanished kept", str(article), now=ctx.now)
    return await screen.answer(query, t("It stays."))
