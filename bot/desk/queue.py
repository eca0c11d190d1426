"""The feed desk: what is held, its card at the desk, and what was decided.

    waiting ─gate→ held ─card→ «Разослать» | «Снять» | time → waiting | withdrawn    (delivery/gate, storage/queue)
    flood   ─poll→ held ─card→ the newest five of each section | one list | kept

Cards follow storage, as those of drafts do: whoever presses changes a row, and this says what came of it everywhere.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from bot.clock import Clock
from bot.delivery.gate import Delay, Rules, Window
from bot.desk import room
from bot.desk.audit import name_of
from bot.desk.cards import Cards, Keyboard, Messenger, buttons
from bot.desk.progress import again
from bot.desk.room import Seat, Topic
from bot.domain.article import Section
from bot.domain.desk import Card, Editor
from bot.domain.held import Decision, Flood, Held, Why
from bot.domain.post import Post, RichText
from bot.i18n import Lang, Words
from bot.posts.compose import headline
from bot.posts.richtext import bold, clip, join, plain
from bot.settings import Settings
from storage import Storage

HELD, FLOOD = "held", "flood"
"""Kinds of cards."""
ALONE = -1
"""In a button: it stands under a card of its own, not in /queue."""
NEWEST = 5
"""How many of each section go out of a flood when its newest are wanted."""
_CARDS = 20
"""Held posts that have a card at one time; the others follow as these are decided, and stand in /queue."""
_LOOK = 60.0
_WARN_EVERY = 3600
_TITLES = 5
_LEAD_LIMIT = 300
_log = logging.getLogger(__name__)


def rules(settings: Settings, sections: Sequence[Section]) -> Rules:
    """What the file says of modes and silences, in masks and epoch seconds."""
    masks = {section.id: section.mask for section in sections}
    modes = [(masks.get(one.id, 0), one) for one in settings.sections]
    zone = settings.newsroom.zone
    return Rules(
        manual=sum(mask for mask, one in modes if one.mode == "manual"),
        delays=[Delay(mask, one.delay) for mask, one in modes if one.delay],
        silences=[
            Window(
                int(one.begin.replace(tzinfo=zone).timestamp()),
                int(one.until.replace(tzinfo=zone).timestamp()),
                sum(masks.get(section, 0) for section in one.sections),
            )
            for one in settings.silence
        ],
    )


def newest(held: Sequence[Held]) -> list[int]:
    """Of a flood's posts (newest first) the newest five of each section whose readers do not have them."""
    taken: Counter[int] = Counter()
    chosen = []
    for one in held:
        fresh = one.post.sections & ~one.served
        bits = [bit for bit in range(fresh.bit_length()) if fresh >> bit & 1]
        if all(taken[bit] < NEWEST for bit in bits):
            taken.update(bits)
            chosen.append(one.post.id)
    return chosen


def named(t: Lang, sections: Sequence[Section], mask: int) -> str:
    """The names of sections."""
    return t.list(section.name(t.code) for section in sections if section.mask & mask)


# In words ------------------------------------------------------------------------------------------------------


def about(t: Lang, post: Post, sections: Sequence[Section]) -> RichText:
    """What a post says, in brief; with the label that it carries."""
    return join("\n", [bold(headline(post, t, sections)), clip(plain(post.lead), _LEAD_LIMIT), post.link])


def held_card(
    t: Lang, held: Held, sections: Sequence[Section], settings: Settings, now: int, n: int = ALONE
) -> tuple[RichText, Keyboard | None]:
    """The card of an open one; `n` is its place where /queue shows it."""
    id_, zone = f"{held.post.id}:{n}", settings.newsroom.zone
    over = held.until is not None and held.until <= now
    send = (t("✅ Send"), f"held:send:{id_}")
    match held.why:
        case Why.COUNTDOWN:
            head = t("⏳ Goes out at {time}", time=t.time(held.until or now, zone))
            send = (t("✅ Send now"), f"held:send:{id_}")
        case Why.SILENCE if not over:
            head = t("🤫 Silence until {when}", when=t.datetime(held.until or now, zone))
            send = (t("Send all the same"), f"held:loud:{id_}")
        case Why.SILENCE:
            head = t("🤫 The silence is over. It waits for a decision")
        case Why.EMBARGO:
            head = t("🔒 Embargo until {when}", when=t.datetime(held.until or now, zone))
        case _:
            head = t("✋ Waits for a decision")
    star = t("⭐ Main story") if held.post.main else t("☆ Main story")
    keys = buttons(
        [*([] if held.why is Why.EMBARGO else [send]), (t("⛔ Take off"), f"held:take:{id_}")],
        [(star, f"held:star:{id_}"), (t("Show the preview"), f"held:show:{id_}")],
        danger=f"held:take:{id_}",
    )
    lines = [bold(f"{head} · {named(t, sections, held.post.sections & ~held.served)}")]
    return join("\n", [*lines, about(t, held.post, sections)]), keys


def closed_card(
    t: Lang, held: Held, sections: Sequence[Section], people: Mapping[int, Editor], settings: Settings
) -> tuple[RichText, Keyboard | None]:
    """The last word on one that was decided."""
    at = t.time(held.decided_at or held.at, settings.newsroom.zone)
    by = f" · {name_of(t, held.decided_by, people)}" if held.decided_by else ""
    keys = None
    match held.decision:
        case Decision.SENT | Decision.LISTED:
            head, keys = t("✅ On its way since {time}", time=at), again(t, [held.post.id])
        case Decision.TAKEN:
            head = t("⛔ Taken off at {time}: nobody gets it", time=at)
            keys = buttons([(t("↩️ Bring it back"), f"held:back:{held.post.id}:{ALONE}")])
        case _:
            head = t("Nobody decided within two days: it goes to nobody, searches find it")
    return join("\n", [bold(head + by), about(t, held.post, sections)]), keys


def flood_card(
    t: Lang, flood: Flood, posts: Sequence[Held], feed: str, n: int = ALONE
) -> tuple[RichText, Keyboard | None]:
    """The question about a feed that brought too much at once; `n` as above."""
    id_ = f"{flood.id}:{n}"
    lines = [f"• {one.post.title}" for one in posts[:_TITLES]]
    if len(posts) > _TITLES:
        lines.append(t("… and {n} more", n=t.number(len(posts) - _TITLES)))
    keys = buttons(
        [(t("Send the newest 5 of each section"), f"flood:newest:{id_}")],
        [(t("All as one list"), f"flood:list:{id_}"), (t("Leave it"), f"flood:leave:{id_}")],
    )
    question = t("Nothing of it goes out before somebody decides.")
    head = bold(t("🌊 {feed}: {n} new articles at once", feed=feed, n=t.number(flood.n)))
    return join("\n", [head, *lines, question]), keys


def settled_card(
    t: Lang, flood: Flood, feed: str, people: Mapping[int, Editor], settings: Settings
) -> tuple[RichText, None]:
    """The last word on a flood."""
    match flood.decision:
        case Decision.SENT:
            head = t("✅ The newest 5 of each section are on their way")
        case Decision.LISTED:
            head = t("✅ On its way as one list")
        case Decision.KEPT:
            head = t("Left: it goes to nobody, searches find it")
        case _:
            head = t("Nobody decided within two days: it goes to nobody, searches find it")
    by = f" · {name_of(t, flood.decided_by, people)}" if flood.decided_by else ""
    at = t.time(flood.decided_at or flood.at, settings.newsroom.zone)
    what = t("🌊 {feed}: {n} new articles at once", feed=feed, n=t.number(flood.n))
    return join("\n", [bold(what), f"{head} · {at}{by}"]), None


# The service ---------------------------------------------------------------------------------------------------


class QueueCards:
    """A part of the desk's board. Where nobody can be asked, the newest of a flood go by themselves."""

    def __init__(
        self,
        storage: Storage,
        messenger: Messenger,
        settings: Settings,
        words: Words,
        sections: Sequence[Section],
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._cards = Cards(storage, messenger, clock)
        self._settings = settings
        self._words = words
        self._sections = sections
        self._clock = clock
        self._warned_at = 0

    async def beat(self) -> None:
        """One look at everything that is held, and at cards of what is not any more."""
        held, floods = await self._storage.queue.open(), await self._storage.queue.floods()
        cards = [*await self._storage.cards.of(HELD), *await self._storage.cards.of(FLOOD)]
        if not (held or floods or cards):
            return
        seats = await room.seats(self._storage, self._settings.desk.chat, self._words, Topic.QUEUE)
        if held or floods:
            await self._ask(seats, held, floods)
        open_ = {(HELD, one.post.id) for one in held} | {(FLOOD, one.id) for one in floods}
        over = [card for card in cards if (card.kind, card.subject) not in open_]
        people = {person.user_id: person for person in await self._storage.editors.all()} if over else {}
        for card in over:
            await self._close(card, people)

    async def _ask(self, seats: Sequence[Seat], held: Sequence[Held], floods: Sequence[Flood]) -> None:
        now = int(self._clock.now())
        if not seats:
            await self._alone(held, floods, now)
            return
        called: dict[int, str] = {}
        for flood in floods:
            due = [seat for seat in seats if self._cards.due(FLOOD, flood.id, seat, "")]
            if not due:
                continue  # a flood is hundreds of posts: they are read when the card may say something, not each second
            posts, called = await self._storage.queue.of_flood(flood.id), called or await self._called()
            feed = called.get(flood.feed_id, "")
            for seat in due:
                await self._cards.show(FLOOD, flood.id, seat, *flood_card(seat.t, flood, posts, feed), pause=_LOOK)
        for one in held[:_CARDS]:
            over = one.until is not None and one.until <= now
            state = f"{one.why}{one.until}{over}{one.post.version}{one.post.main}{one.post.sections}"
            for seat in seats:
                if self._cards.due(HELD, one.post.id, seat, state):
                    said = held_card(seat.t, one, self._sections, self._settings, now)
                    await self._cards.show(HELD, one.post.id, seat, *said, state=state, pause=_LOOK)

    async def _alone(self, held: Sequence[Held], floods: Sequence[Flood], now: int) -> None:
        """Nobody is there to be asked: no owner and no group."""
        for flood in floods:
            chosen = newest(await self._storage.queue.of_flood(flood.id))
            await self._storage.queue.settle(flood.id, Decision.SENT, chosen, by=0, now=now)
        stuck = [one for one in held if one.why in (Why.MANUAL, Why.SILENCE)]
        if stuck and now - self._warned_at >= _WARN_EVERY:
            self._warned_at = now
            _log.warning("%d articles wait for the desk, but nobody owns this newsroom: set owners", len(stuck))

    async def _called(self) -> dict[int, str]:
        return {state.id: state.title or state.url for state in await self._storage.feeds.states()}

    async def _close(self, card: Card, people: Mapping[int, Editor]) -> None:
        desk = await room.group(self._storage, self._settings.desk.chat)
        if desk and desk.chat_id == card.chat_id:
            t = self._words.default
        else:
            t = (await room.seat(self._storage, self._words, card.chat_id)).t
        if card.kind == FLOOD:
            if flood := await self._storage.queue.flood(card.subject):
                feed = (await self._called()).get(flood.feed_id, "")
                await self._cards.end(card, *settled_card(t, flood, feed, people, self._settings))
        elif (held := await self._storage.queue.get(card.subject)) and held.decided_at is not None:
            await self._cards.end(card, *closed_card(t, held, self._sections, people, self._settings))
        elif held is None:
            await self._storage.cards.forget(card.kind, card.subject, card.chat_id)
