"""What the desk sees of drafts: what is asked to be approved, what waits for its time, how a send goes and ended.

    review → approved → countdown → running ⇄ paused → done | stopped      (all of it read from storage, each second)

The same service lets go what is due, gives back what nobody approved in time, and calls off what nobody with rights
stands behind any more.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.desk import corrections, drafts, progress, room
from bot.desk.audit import name_of
from bot.desk.barriers import barrier
from bot.desk.cards import Cards, Keyboard, Messenger, buttons, message
from bot.desk.room import Seat, Topic
from bot.domain.article import Section
from bot.domain.delivery import Broadcast, BroadcastState, Progress, pace
from bot.domain.desk import Card, Draft, DraftState, Editor, Gravity, Way
from bot.domain.errors import StorageError
from bot.domain.post import RichText
from bot.i18n import Lang, Words
from bot.posts.richtext import bold, clip, join
from bot.settings import Settings
from storage import Storage

KIND = "draft"
SETTLING = 2
"""Seconds after the end in which answers and edits under way may still come."""
HOUR = 3600
_GIVE_UP = 2 * HOUR
GATHERING = 1
"""Seconds after which no more files of an album come."""
_COST = 10
"""Counting receipts may take a tenth of the time at most: a card of a million readers is edited less often."""
_EXCERPT = 300
_ENDED = (BroadcastState.DONE, BroadcastState.STOPPED, BroadcastState.CANCELLED)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Counted:
    """How far a send was when it was last counted; `at` is monotonic."""

    settled: int
    at: float


class Sends:
    """Looks at drafts. `launched` is called when a countdown begins; `gathered` shows an album to its author."""

    def __init__(
        self,
        storage: Storage,
        messenger: Messenger,
        settings: Settings,
        words: Words,
        clock: Clock,
        *,
        launched: Callable[[], None],
        gathered: Callable[[Draft], Awaitable[None]],
        sections: Sequence[Section] = (),
    ) -> None:
        self._storage = storage
        self._messenger = messenger
        self._cards = Cards(storage, messenger, clock)
        self._settings = settings
        self._sections = sections
        self._words = words
        self._clock = clock
        self._launched = launched
        self._gathered = gathered
        self._counted: dict[int, _Counted] = {}

    @property
    def _now(self) -> int:
        return int(self._clock.now())

    async def beat(self) -> None:
        """One look at everything."""
        await self._times()
        live = await self._storage.drafts.live()
        people = {person.user_id: person for person in await self._storage.editors.all()} if live else {}
        for draft in live:
            if draft.state is DraftState.SENT:
                await self._sent(draft, people)
            else:
                await self._asked(draft, people)
        known = {draft.id for draft in live}
        for card in await self._storage.cards.of(KIND):
            if card.subject not in known:
                await self._close(card)

    async def _times(self) -> None:
        """What time itself does to drafts."""
        for draft in await self._storage.drafts.expired(now=self._now):
            await self.tell(draft, lambda t: t("Not approved within 10 minutes, the draft is kept."))
        for draft in await self._storage.drafts.due(now=self._now + self._settings.desk.countdown):
            if draft.content.way is not Way.FIX or draft.leaves_at(self._now) == self._now:
                await self._let_go(draft)
        for draft in await self._storage.drafts.albums(before=self._now - GATHERING):
            await self._gathered(draft)

    async def _let_go(self, draft: Draft) -> None:
        late = draft.due_at is not None and draft.due_at < self._now - drafts.LATE_SECONDS
        by = draft.sent_by or draft.author_id
        short = not draft.solo and await self._lacks_approval(draft)
        kept = await barrier(self._storage, self._settings, self._sections, draft, self._now)
        behind = (by, *await self._storage.drafts.approved_by(draft.id))
        role = max([await self._storage.editors.role(person) for person in behind])
        held = bool(kept.words(self._words.default, self._settings, self._sections, role))
        if not late and not short and not held:
            launched = await drafts.launch(self._storage, draft, self._settings, by=by, solo=draft.solo, now=self._now)
            if launched is not None:
                self._launched()
                text = draft.content.text.text
                await self._storage.editors.log(by, "draft due", str(launched), text=text, now=self._now)
                if kept.silence:
                    await self._storage.editors.log(by, "silence overridden", str(draft.id), text=text, now=self._now)
                return
        if (back := await self._storage.drafts.back(draft.id, now=self._now)) is None:
            return
        if held:
            await self.tell(back, lambda t: t("Not sent.") + " " + kept.words(t, self._settings, self._sections, role))
        elif late:
            await self.tell(back, lambda t: t("The bot was off when this was to go out. It is not sent, but kept."))
        elif short or draft.content.way is not Way.FIX:
            await self.tell(back, lambda t: t("Not sent: somebody has lost the right to it. The draft is kept."))
        else:
            await self.tell(back, lambda t: t("Not sent: the message was changed by somebody else meanwhile."))

    async def _lacks_approval(self, draft: Draft) -> bool:
        needed = await drafts.needed(self._storage, draft, self._settings)
        return needed > len(await self._storage.drafts.approved_by(draft.id))

    async def tell(self, draft: Draft, words: Callable[[Lang], str]) -> None:
        """A message to a draft's author, with the way back to it."""
        if not draft.author_id:
            return
        seat = await self._own(draft)
        text = join("\n", [bold(words(seat.t)), excerpt(draft)])
        keys = buttons([(seat.t("Open the draft"), f"reopen:{draft.id}")])
        try:
            await self._messenger.show(seat.chat_id, message(text, keys), thread_id=seat.thread_id)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # an author who cannot be told finds it in /drafts
            _log.warning("an author could not be told: %s", error)

    # Where a draft's cards stand --------------------------------------------------------------------------------

    async def _own(self, draft: Draft) -> Seat:
        if draft.chat_id != draft.author_id:
            return Seat(draft.chat_id, draft.thread_id, self._words.default)
        return await room.seat(self._storage, self._words, draft.chat_id)

    async def _seats(self, draft: Draft, people: Mapping[int, Editor], *, everybody: bool) -> list[Seat]:
        """Its author's place, the desk's group; without a group everybody who may have to act, or has been asked."""
        seats = [await self._own(draft)] if draft.author_id else []
        desk = await room.group(self._storage, self._settings.desk.chat)
        if desk:
            seats.append(Seat(desk.chat_id, desk.topics.get(Topic.URGENT, 0), self._words.default))
        if not draft.author_id:  # somebody has to be able to call it off
            seats += await room.seats(self._storage, self._settings.desk.chat, self._words, Topic.URGENT)
        asked = {card.chat_id for card in await self._storage.cards.of(KIND, draft.id)}
        others = set(people) if everybody and not desk else set(people) & asked
        seats += [await room.seat(self._storage, self._words, user_id) for user_id in sorted(others)]
        return list({seat.chat_id: seat for seat in seats}.values())

    # Before it is sent ------------------------------------------------------------------------------------------

    async def _asked(self, draft: Draft, people: Mapping[int, Editor]) -> None:
        needed = await drafts.needed(self._storage, draft, self._settings)
        agreed = [user for user in await self._storage.drafts.approved_by(draft.id) if user in people]
        for seat in await self._seats(draft, people, everybody=draft.state is DraftState.REVIEW):
            mine = seat.chat_id == draft.author_id
            given = [name_of(seat.t, user, people) for user in agreed]
            author = name_of(seat.t, draft.author_id, people)
            text, keys = asking(
                seat.t, draft, author, given, needed, mine=mine, zone=self._settings.newsroom.zone, now=self._now
            )
            await self._cards.show(KIND, draft.id, seat, text, keys, state=f"{draft.state}{len(agreed)}")

    # While it is sent and after ---------------------------------------------------------------------------------

    async def _sent(self, draft: Draft, people: Mapping[int, Editor]) -> None:
        if draft.content.way is Way.FIX:
            await self._fixed(draft, people)
            return
        broadcast = await self._storage.broadcasts.get(draft.broadcast_id or 0)
        if broadcast is None:
            await self._storage.drafts.reported(draft.id, now=self._now)
            return
        if broadcast.state is BroadcastState.COUNTDOWN and not await self._stands(draft, broadcast):
            return
        over = self._now - broadcast.finished_at if broadcast.finished_at and broadcast.state in _ENDED else -1
        last = over >= (SETTLING if broadcast.state is BroadcastState.CANCELLED else HOUR)
        state = f"{broadcast.state}{draft.viewed_by or ''}{'!' if last else ''}"
        seats = await self._seats(draft, people, everybody=draft.solo)
        due = [seat for seat in seats if self._cards.due(KIND, draft.id, seat, state)]
        told = len(due) == len(seats)
        if due:
            begun = self._clock.monotonic()
            far = await self._storage.broadcasts.progress(broadcast.id)
            left = (
                await self._storage.broadcasts.left(broadcast, until=(broadcast.finished_at or 0) + HOUR)
                if last
                else None
            )
            pause = HOUR if over >= SETTLING else (self._clock.monotonic() - begun) * _COST
            rate = self._rate(broadcast, far)
            for seat in due:
                text, keys = progress.card(seat.t, broadcast, far, now=self._clock.now(), rate=rate, left=left)
                mine = seat.chat_id == draft.author_id
                text = join("\n", [text, *self._besides(seat.t, draft, people, mine=mine)])
                keys = self._with_view(seat.t, draft, keys, mine=mine)
                told &= await self._cards.show(KIND, draft.id, seat, text, keys, state=state, pause=pause)
        if last and (told or over >= _GIVE_UP):
            await self._storage.drafts.reported(draft.id, now=self._now)
            self._counted.pop(broadcast.id, None)

    async def _fixed(self, draft: Draft, people: Mapping[int, Editor]) -> None:
        """How far a correction is: the broadcasts that bring it to the copies, as one."""
        erratum = await self._storage.errata.of(draft.id)
        assert erratum is not None  # it is made with the state
        casts = [cast for id_ in erratum.broadcasts if (cast := await self._storage.broadcasts.get(id_))]
        ended = all(cast.state in _ENDED for cast in casts)
        over = max([erratum.sent_at, *(cast.finished_at or 0 for cast in casts)])
        last = ended and self._now - over >= SETTLING
        state = f"{ended}{last}{draft.viewed_by or ''}"
        seats = await self._seats(draft, people, everybody=draft.solo)
        if due := [seat for seat in seats if self._cards.due(KIND, draft.id, seat, state)]:
            begun = self._clock.monotonic()
            far = [(cast, await self._storage.broadcasts.progress(cast.id)) for cast in casts]
            pause = (self._clock.monotonic() - begun) * _COST
            for seat in due:
                text, keys = corrections.card(seat.t, erratum, far, now=self._clock.now())
                mine = seat.chat_id == draft.author_id
                text = join("\n", [text, *self._besides(seat.t, draft, people, mine=mine)])
                keys = self._with_view(seat.t, draft, keys, mine=mine)
                await self._cards.show(KIND, draft.id, seat, text, keys, state=state, pause=pause)
        if last:
            await self._storage.drafts.reported(draft.id, now=self._now)

    async def _stands(self, draft: Draft, broadcast: Broadcast) -> bool:
        """Whether who stands behind it still may; if not, it is called off in the countdown."""
        short = not draft.solo and await self._lacks_approval(draft)
        if not short and await self._storage.broadcasts.entitled(broadcast.id):
            return True
        among = [BroadcastState.COUNTDOWN]
        if await self._storage.broadcasts.change(broadcast.id, BroadcastState.CANCELLED, among=among, now=self._now):
            await self.tell(draft, lambda t: t("Called off: somebody has lost the right to send it."))
        return False

    def _besides(self, t: Lang, draft: Draft, people: Mapping[int, Editor], *, mine: bool) -> list[str | RichText]:
        """What others need to know of a send, and what went out without a second person."""
        lines: list[str | RichText] = []
        if not mine:
            lines.append(excerpt(draft))
            lines.append(t("Sent by: {name}", name=name_of(t, draft.sent_by, people)))
        if draft.solo and draft.viewed_by:
            lines.append(t("Looked at afterwards: {name}", name=name_of(t, draft.viewed_by, people)))
        elif draft.solo:
            lines.append(t("⚠️ Sent without approval."))
        return lines

    def _with_view(self, t: Lang, draft: Draft, keys: Keyboard | None, *, mine: bool) -> Keyboard | None:
        if mine or not draft.solo or draft.viewed_by:
            return keys
        look = buttons([(t("I have looked at it"), f"review:seen:{draft.id}:{drafts.seal(draft)}")])
        assert look is not None
        return {"inline_keyboard": [*(keys["inline_keyboard"] if keys else []), *look["inline_keyboard"]]}

    def _rate(self, broadcast: Broadcast, far: Progress) -> float:
        """Deliveries per second since the last count, at first since the start."""
        if broadcast.state is not BroadcastState.RUNNING:
            self._counted.pop(broadcast.id, None)
            return 0.0
        now, before = self._clock.monotonic(), self._counted.get(broadcast.id)
        self._counted[broadcast.id] = _Counted(far.settled, now)
        if before:
            return pace(far.settled - before.settled, now - before.at)
        return pace(far.settled, self._clock.now() - (broadcast.started_at or self._clock.now()))

    # What is over -----------------------------------------------------------------------------------------------

    async def _close(self, card: Card) -> None:
        """A draft is not asked for any more: its author's again, given up, or reported on."""
        draft = await self._storage.drafts.get(card.subject)
        if draft is None or draft.state is DraftState.SENT:
            await self._storage.cards.forget(KIND, card.subject, card.chat_id)
            return
        t = (await room.seat(self._storage, self._words, card.chat_id)).t
        if draft.state is DraftState.DROPPED:
            await self._cards.end(card, RichText(t("The draft is dropped, nobody got it.")))
            return
        keys = buttons([(t("Open the draft"), f"reopen:{draft.id}")]) if card.chat_id == draft.chat_id else None
        await self._cards.end(
            card, join("\n", [t("Not asked for any more: the draft is being worked on."), excerpt(draft)]), keys
        )


def excerpt(draft: Draft) -> RichText:
    """The beginning of what a draft says."""
    return clip(draft.content.text, _EXCERPT)


def asking(
    t: Lang,
    draft: Draft,
    author: str,
    given: Sequence[str],
    needed: int,
    *,
    mine: bool,
    zone: ZoneInfo,
    now: int,
) -> tuple[RichText, Keyboard | None]:
    """The card of a draft that waits for a second person, or for its time. `given` are the names of those who agreed;
    `mine`: it stands in its author's private chat.
    """
    id_, said = draft.id, drafts.seal(draft)
    approved = [t("Approved: {names}", names=t.list(given))] if given else []
    if draft.state is DraftState.APPROVED:
        when = t.datetime(draft.leaves_at(now), zone)
        text = join("\n", [bold(t("⏰ Goes out {when}", when=when)), excerpt(draft), *approved])
        return text, buttons([(t("⛔ Call off"), f"review:back:{id_}:{said}")])
    until = t.time(draft.review_until or 0, zone)
    if mine:
        head = t("Waits for a second person, until {time}.", time=until)
    elif draft.content.gravity == Gravity.WITHDRAWAL:
        head = t("{name} asks to approve a withdrawal (until {time}):", name=author, time=until)
    elif draft.content.way is Way.FIX:
        head = t("{name} asks to approve a correction (until {time}):", name=author, time=until)
    elif draft.content.way is Way.PROMO:
        head = t("{name} asks to approve a partner post (until {time}):", name=author, time=until)
    else:
        head = t("{name} asks to approve breaking news (until {time}):", name=author, time=until)
    if needed > 1:
        approved = [t("Approved: {n} of {needed}", n=len(given), needed=needed), *approved]
    judge = [(t("✅ Approve"), f"review:yes:{id_}:{said}"), (t("Return with a remark"), f"review:no:{id_}:{said}")]
    look = [(t("Show the preview"), f"review:show:{id_}:{said}")]
    own = [(t("Send without approval"), f"review:solo:{id_}:{said}"), (t("Take back"), f"review:back:{id_}:{said}")]
    has_own_card = draft.chat_id == draft.author_id
    rows = [own] if mine else [judge, look] + ([] if has_own_card or not draft.author_id else [own])
    return join("\n", [bold(head), excerpt(draft), *approved]), buttons(*rows)
