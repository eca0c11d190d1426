"""Alarms: what is wrong and what to do about it, told where the desk is, never twice a day for one cause.

Any service of any process writes into the alarm table what it sees (`storage.alarms.raise_`); here it is put into words
and sent. A feed's silence is nothing that a poll can see, so it is looked for here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.channels.rights import spoken
from bot.clock import Clock
from bot.desk import room
from bot.desk.feeds import names, watched
from bot.domain.desk import Alarm
from bot.domain.errors import StorageError
from bot.feeds.signs import silent, subject
from bot.i18n import Lang, Words
from bot.ops.feedcheck import advice, problem
from bot.settings import Settings
from storage import Storage

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 30.0

Say = Callable[[room.Seat, str, dict[str, Any] | None], Awaitable[object]]
"""Sends a text with buttons to a seat; raises OSError or TimeoutError when it could not."""
Sentence = Callable[[Lang, Mapping[str, Any]], tuple[str, str]]
"""From an alarm's detail to what is the matter and what to do."""


def _failing(t: Lang, detail: Mapping[str, Any]) -> tuple[str, str]:
    kind, status = str(detail["kind"]), int(detail["status"])
    return t(problem(kind), status=status), t(advice(kind, status), agent=detail["agent"])


SENTENCES: dict[str, Sentence] = {
    "silent": lambda t, d: (
        t("Silent for {span}, as a rule {gap} between articles.", span=t.duration(d["span"]), gap=t.duration(d["gap"])),
        t("Look whether the site publishes; if it does, ask why its feed stands still."),
    ),
    "shrank": lambda t, d: (
        t.n("Only {n} item, as a rule {usual}.", "Only {n} items, as a rule {usual}.", d["items"], usual=d["usual"]),
        t("Articles can be missed: ask the site what cut its feed, often it is a cache."),
    ),
    "repaired": lambda t, d: (
        t.n("{n} damaged character was replaced.", "{n} damaged characters were replaced.", d["n"]),
        t("Ask the site to write its feed in one encoding."),
    ),
    "future": lambda t, d: (
        t.n("{n} article is dated in the future.", "{n} articles are dated in the future.", d["n"]),
        t("They count as of now. Check the site's clock and the feed's time zone."),
    ),
    "redirect": lambda t, d: (
        t("It is answered from another host now: {host}.", host=d["host"]),
        t("If that is right, use the new address; if not, ask the site."),
    ),
    "unsorted": lambda t, d: (
        t.n(
            "{n} article without a section: {title}",
            "{n} articles without a section: {title}",
            d["n"],
            title=d["title"],
        ),
        t("Nobody gets them: give each its section in /queue, and name their category in a section's match."),
    ),
    "vanished": lambda t, d: (
        t("An article is not in its feed any more: {title}", title=d["title"]),
        t("If the site has withdrawn it, withdraw it here too; readers have it."),
    ),
    "channel": lambda t, d: (
        t("Channel {name}. I lack these rights: {rights}", name=d["name"], rights=spoken(d["rights"], t)),
        t("Make me an administrator there with these rights; /channels shows whether all is well."),
    ),
    **dict.fromkeys(("failing", "certificate", "wall", "gone", "private"), _failing),
}
"""Every cause, in words."""


class Alarms:
    """Looks every half a minute."""

    def __init__(self, storage: Storage, settings: Settings, words: Words, clock: Clock, say: Say) -> None:
        self._storage, self._settings, self._words = storage, settings, words
        self._clock, self._say = clock, say

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.look()
            except StorageError as error:
                _log.warning("alarms wait for the database: %s", error)
            await self._clock.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Notice silent feeds, tell what is to be told."""
        now, zone = int(self._clock.now()), self._settings.newsroom.zone
        feeds = await watched(self._storage, self._settings)
        quiet = [alarm for feed in feeds if not feed.paused for alarm in silent(feed.state, now, zone)]
        if quiet:
            await self._storage.alarms.raise_(quiet, now=now)
        called = {subject(id_): name for id_, name in names(feeds).items()}
        for alarm in await self._storage.alarms.take(now=now):
            # a feed that was removed meanwhile concerns nobody
            if alarm.cause in SENTENCES and (alarm.subject in called or not alarm.subject.startswith("feed:")):
                await self._tell(alarm, called.get(alarm.subject, ""))

    async def _tell(self, alarm: Alarm, name: str) -> None:
        told = False
        for seat in await room.seats(self._storage, self._settings.desk.chat, self._words, room.Topic.ALARMS):
            detail = {"agent": self._settings.user_agent, **alarm.detail}
            what, todo = SENTENCES[alarm.cause](seat.t, detail)
            text = "\n".join(filter(None, (f"🟠 {name}" if name else "", what if name else f"🟠 {what}", f"→ {todo}")))
            try:
                await self._say(seat, text, _buttons(seat.t, alarm))
                told = True
            except (OSError, TimeoutError) as error:
                _log.warning("the desk could not be told of an alarm: %s", error)
        if not told:
            await self._storage.alarms.give_back(alarm)


def _buttons(t: Lang, alarm: Alarm) -> dict[str, Any] | None:
    kind, _, number = alarm.subject.partition(":")
    if kind == "feed":
        row = [(t("Check"), f"feed:check:{number}"), (t("Quiet for 1 h"), f"feed:hush:{number}")]
    elif kind == "article":
        row = [(t("Withdraw"), f"pull:{alarm.detail['post']}"), (t("Leave it"), f"keep:{number}")]
    else:
        return None
    return {"inline_keyboard": [[{"text": label, "callback_data": data} for label, data in row]]}
