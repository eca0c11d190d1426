"""What owners do: who works at the desk, and what is in force. `claims` is the way in, open to everybody."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, User

from bot.delivery import budget
from bot.desk import drafts, feeds, invitations, progress, room
from bot.domain.delivery import Broadcast, BroadcastState, pace
from bot.domain.desk import Editor, Role
from bot.domain.post import RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, join
from handlers import screen
from handlers.approvals import CAST
from handlers.commands import commands, sync_editor_commands
from handlers.context import Context
from handlers.feeds import line
from handlers.keyboards import Callback, button, keyboard

claims = Router(name="claims")
router = Router(name="admin")

EDITOR = Callback("editor", act=str, id=int)
RULE = Callback("rule", number=int)
_LABEL_LIMIT = 32
_SHOWN = 10
_LATE = 5
"""Seconds after which an update that nobody has handled is worth telling: the question itself is one."""


# The way in ---------------------------------------------------------------------------------------------------


@claims.message(CommandStart(deep_link=True, ignore_case=True, magic=F.args.regexp(r"(own|ed)_")))
async def claim(message: Message, command: CommandObject, ctx: Context, t: Lang, bot: Bot) -> None:
    """Somebody opened a one-time link: give the rights, or say clearly that the link does not work."""
    user, code = message.from_user, command.args or ""
    assert user is not None  # the door lets only people through
    if await ctx.storage.editors.role(user.id) >= invitations.offered(code):
        await screen.say(bot, message.chat.id, t("You have these rights already: /help"))
        return
    role = await invitations.accept(ctx.storage, code, user.id, user.full_name, ctx.now)
    if role is None:
        text = t("This link does not work: it was used, is too old or was never ours. Ask an owner for a new one.")
        await screen.say(bot, message.chat.id, text)
        return
    # The cards of later sends speak this person's language; nothing is sent to a reader who has not said yes.
    await ctx.storage.readers.meet(
        message.chat.id, language=t.code, choices=ctx.settings.readers.choices, now=ctx.now, source="desk"
    )
    await sync_editor_commands(bot, ctx, user.id, role)
    await screen.say(bot, message.chat.id, _greeting(ctx, t, role))
    await _suggest_two(bot, ctx)


def _greeting(ctx: Context, t: Lang, role: Role) -> RichText:
    head = t("You own this desk now.") if role is Role.OWNER else t("You are an editor now.")
    theirs = commands(ctx, t, role)[: -len(commands(ctx, t))]
    lines = [f"/{command.command} · {command.description}" for command in theirs]
    return join("\n", [bold(head), *lines, t("Read as a reader does: /start")])


async def _suggest_two(bot: Bot, ctx: Context) -> None:
    """A second editor has joined: owners hear once of the rule of two."""
    people = await ctx.storage.editors.all()
    if len(people) != 2 or await drafts.approvals(ctx.storage, ctx.settings):
        return
    for person in people:
        if person.role is Role.OWNER:
            t = (await room.seat(ctx.storage, ctx.words, person.user_id)).t
            text = t("There are two of you now. Shall breaking news wait until another editor approves it?")
            yes = keyboard([button(t("Yes, two persons for breaking news"), RULE.pack(number=1))])
            await screen.try_to_say(bot, person.user_id, text, yes)


# Who works at the desk ------------------------------------------------------------------------------------------


@router.message(Command("editors", ignore_case=True))
async def editors(message: Message, ctx: Context, t: Lang) -> None:
    """The list with its buttons."""
    assert message.from_user is not None  # the door lets only people through
    await screen.reply(message, *await _staff(ctx, t, message.from_user))


async def _staff(ctx: Context, t: Lang, asker: User) -> tuple[RichText, InlineKeyboardMarkup]:
    people = await ctx.storage.editors.all()
    lines = [bold(t("Who works at the desk"))]
    for person in people:
        name = asker.full_name if person.user_id == asker.id else _name(person)  # the file names nobody
        line = t("{name} · owner", name=name) if person.role is Role.OWNER else name
        listed = " · " + t("in the file, read-only here") if _in_file(ctx, person.user_id) else ""
        lines.append(RichText(f"• {line}{listed}"))
    removable = [person for person in people if _removable(ctx, person.user_id, asker.id)]
    keys = [[_remove_button(person)] for person in removable]
    keys.append([button(t("Invite an editor"), EDITOR.pack(act="invite", id=0))])
    number = await drafts.approvals(ctx.storage, ctx.settings)
    if number:
        lines.append(
            RichText(
                t.n(
                    "Breaking news needs the approval of {n} more person.",
                    "Breaking news needs the approval of {n} more persons.",
                    number,
                )
            )
        )
    if not ctx.settings.desk.approvals:  # what the file says is read-only here
        label = t("No approvals any more") if number else t("Two persons for breaking news")
        keys.append([button(label, RULE.pack(number=int(not number)))])
    return join("\n", lines), keyboard(*keys)


@router.callback_query(RULE)
async def ruled(query: CallbackQuery, ctx: Context, t: Lang, number: int) -> None:
    """The rule of two, on or off."""
    if ctx.settings.desk.approvals or number not in (0, 1):
        return await screen.outdated(query, t)
    await drafts.require_approvals(ctx.storage, number)
    await ctx.storage.editors.log(query.from_user.id, "approvals", str(number), now=ctx.now)
    await screen.answer(query, t.p("desk", "Done."))
    return await screen.show(query, *await _staff(ctx, t, query.from_user))


def _remove_button(person: Editor) -> InlineKeyboardButton:
    return button(f"✖ {_name(person)[:_LABEL_LIMIT]}", EDITOR.pack(act="ask", id=person.user_id))


def _name(person: Editor) -> str:
    return " ".join(person.name.split()) or str(person.user_id)


def _in_file(ctx: Context, user_id: int) -> bool:
    return user_id in ctx.settings.newsroom.owners


def _removable(ctx: Context, user_id: int, asker: int) -> bool:
    """Owners of the file stand there; nobody locks themselves out by a slip of the thumb."""
    return user_id != asker and not _in_file(ctx, user_id)


@router.callback_query(EDITOR)
async def changed(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, act: str, id: int) -> None:
    """Invite, ask before a removal, remove, back to the list."""
    asker = query.from_user
    if act == "invite":
        await _invite(query, ctx, t, bot)
        return
    known = {person.user_id: person for person in await ctx.storage.editors.all()}
    if act == "list":
        await screen.show(query, *await _staff(ctx, t, asker))
        await screen.answer(query)
    elif id not in known or not _removable(ctx, id, asker.id) or act not in ("ask", "remove"):
        await screen.outdated(query, t)
    elif act == "ask":
        yes = button(t("Yes, remove"), EDITOR.pack(act="remove", id=id)).model_copy(update={"style": "danger"})
        back = button(t.p("desk", "Back"), EDITOR.pack(act="list", id=0))
        text = t("Remove {name}? The rights end at once.", name=_name(known[id]))
        await screen.show(query, text, keyboard([yes], [back]))
        await screen.answer(query)
    else:
        await _remove(query, ctx, t, bot, id)


async def _invite(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot) -> None:
    owner = query.from_user.id
    code = await invitations.make(ctx.storage, Role.EDITOR, owner, ctx.now, invitations.INVITATION_SECONDS)
    await ctx.storage.editors.log(owner, "invited", "editor", now=ctx.now)
    span = t("{n} h", n=invitations.INVITATION_SECONDS // 3600)
    text = t(
        "This link makes one person an editor. It works once, for {span}. Pass it on to that person only:", span=span
    )
    await screen.say(bot, owner, join("\n", [text, invitations.link(ctx.username, code)]))
    await screen.answer(query)


async def _remove(query: CallbackQuery, ctx: Context, t: Lang, bot: Bot, user_id: int) -> None:
    owner = query.from_user.id
    if await ctx.storage.editors.remove(user_id):
        await ctx.storage.editors.log(owner, "removed", str(user_id), now=ctx.now)
        await sync_editor_commands(bot, ctx, user_id, Role.READER)
    await screen.show(query, *await _staff(ctx, t, query.from_user))
    await screen.answer(query, t("Removed."))


# What is in force -----------------------------------------------------------------------------------------------


@router.message(Command("status", ignore_case=True))
async def status(message: Message, ctx: Context, t: Lang) -> None:
    """What the database knows: nothing here is asked of the network."""
    casts = await ctx.storage.broadcasts.open()
    tally = await ctx.storage.readers.tally()
    parts = [
        await _running(ctx, t),
        *await _feeds(ctx, t),
        *await _queue(ctx, t, casts),
        *await _load(ctx, t, tally),
        *await _counts(ctx, t, tally),
    ]
    stops = [
        [button(t("⛔ Stop no. {id}", id=cast.id), CAST.pack(act="stop", id=cast.id))]
        for cast in casts[:_SHOWN]
        if await ctx.storage.drafts.of(cast.id)
    ]
    await screen.reply(message, join("\n", parts), keyboard(*stops) if stops else None)


async def _running(ctx: Context, t: Lang) -> RichText:
    since = await ctx.storage.meta.get("started_at")
    return bold(t("🟢 Running for {span}", span=t.duration(ctx.now - int(since))) if since else t("🟢 Running"))


async def _feeds(ctx: Context, t: Lang) -> list[RichText]:
    known = await feeds.watched(ctx.storage, ctx.settings)
    called = feeds.names(known)
    lines = [RichText(line(ctx, t, feed, called[feed.state.id])) for feed in known[:_SHOWN]]
    if len(known) > _SHOWN:
        lines.append(RichText(t.n("{n} more →", "{n} more →", len(known) - _SHOWN)))
    return [bold(t.p("desk", "Feeds")), *lines] if lines else [RichText(t("No feed is watched."))]


async def _queue(ctx: Context, t: Lang, casts: list[Broadcast]) -> list[RichText]:
    if not casts:
        return [RichText(t("Nothing is being sent."))]
    lines = [bold(t.n("{n} send is open", "{n} sends are open", len(casts)))]
    for cast in casts[:_SHOWN]:
        far = await ctx.storage.broadcasts.progress(cast.id)
        running = cast.state is BroadcastState.RUNNING
        rate = pace(far.settled, ctx.now - (cast.started_at or ctx.now)) if running else 0.0
        lines.append(RichText(t("• no. {id}: {way}", id=cast.id, way=progress.way(t, far, rate))))
        lines += [RichText(line) for line in progress.details(t, far)] if far.settled or far.waiting else []
    return lines


async def _load(ctx: Context, t: Lang, tally: dict[str, int]) -> list[RichText]:
    """How full the day is, and what helps when it is too full, in this newsroom's figures."""
    settings = ctx.settings
    rate, readers = settings.delivery.messages_per_second, tally.get("active", 0)
    days = await ctx.storage.broadcasts.daily(now=ctx.now)
    load = budget.load_of(days, rate=rate, quiet_hours=settings.readers.quiet_hours)
    line = t.n(
        "Bot's budget: {share} ({planned} of {n} message a day)",
        "Bot's budget: {share} ({planned} of {n} messages a day)",
        load.budget,
        share=t.percent(load.share),
        planned=t.number(load.planned),
    )
    if not load.tight:
        return [bold(line)]
    lists = len(settings.readers.digest_at)
    advice = [
        t("⚠️ On a busier day posts will come late. What helps:"),
        t("• a channel: one message for all instead of {n}", n=t.number(readers)),
        t.n(
            "• digests by default: {n} list a day, at most {share} of the budget",
            "• digests by default: {n} lists a day, at most {share} of the budget",
            lists,
            share=t.percent(lists * readers / load.budget),
        ),
    ]
    if not settings.delivery.paid:
        urgent = readers - tally["breaking_off"]
        quick = budget.paid(urgent, rate, paid_rate=budget.MOST_PAID)
        advice.append(
            t(
                "• paid broadcast of breaking news: {quick} instead of {slow}, {stars} each time",
                quick=progress.span(t, quick.seconds),
                slow=progress.span(t, budget.free(urgent, rate).seconds),
                stars=progress.stars(t, quick.stars),
            )
        )
    return [bold(line), *map(RichText, advice)]


async def _counts(ctx: Context, t: Lang, tally: dict[str, int]) -> list[RichText]:
    names = (
        ("active", t("get news")),
        ("breaking_off", t("of them without breaking")),
        ("new", t("have not said yes yet")),
        ("paused", t("paused")),
        ("dormant", t("blocked the bot")),
        ("left", t("unsubscribed")),
    )
    lines = [
        bold(t.p("desk", "Readers")),
        *(RichText(f"• {name}: {t.number(tally.get(state, 0))}") for state, name in names),
    ]
    if sources := await ctx.storage.readers.sources(_SHOWN):
        known = ", ".join(f"{source} — {t.number(number)}" for source, number in sources)
        lines.append(RichText(t("• came by links: {sources}", sources=known)))
    oldest = await ctx.storage.inbox.oldest_waiting()
    late = ctx.now - oldest if oldest is not None else 0
    if late >= _LATE:
        lines.append(RichText(t("⚠️ The oldest message waits for an answer since {span}.", span=t.duration(late))))
    return lines
