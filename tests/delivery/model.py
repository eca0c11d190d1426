"""What a reader must get, and when: the promises of docs/readers.md word by word, one reader and one moment at a time.

Nothing of the product is used here but its nouns. Where things happen at once (a post, a list, a choice) any order of
them is right, and so is each reader's chat that some order explains.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.reader import ALL, DIGESTS, Choices, Quiet

HOME = "Asia/Almaty"
FED = ("ru", "kk")
"""Languages with a feed of their own; a story without a language is for everybody."""
HALF = 1800
"""All of the model happens at half hours."""
_AGAIN = 600
"""After so many seconds what was under way as a last list was made is looked for once more."""
NEW = -1
"""The next list is still to be reckoned."""


@dataclass
class Story:
    """A story of the newsroom; `begun` are the numbers of its sends."""

    number: int
    language: str
    sections: frozenset[str]
    regions: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    main: bool = False
    begun: tuple[int, ...] = ()


@dataclass(frozen=True)
class Send:
    """A story goes out, or (`star`) goes on to those who want main stories only. `at` in epoch seconds."""

    n: int
    story: Story
    star: bool
    at: float


@dataclass(frozen=True)
class Heard:
    """A message: what kind, which stories, how many more it counts, whether it made no sound."""

    kind: str
    stories: tuple[int, ...]
    more: int = 0
    silent: bool = False


@dataclass(frozen=True)
class Change:
    """A reader's deed: its name and what it is about."""

    deed: str
    about: Any = None


@dataclass(frozen=True)
class Life:
    """A reader at a moment. `listed`: the last send that lists know of; `due`: when the next list comes, `NEW` or None.
    `counted` says that `count` posts of a volume came on `day`; False for a volume chosen just now."""

    choices: Choices
    language: str
    sections: frozenset[str]
    active: bool = True
    muted: tuple[tuple[str, float], ...] = ()
    hides: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    paused_until: float | None = None
    listed: int = 0
    due: float | None = None
    day: int = 0
    count: int = 0
    counted: bool = False
    had: frozenset[int] = frozenset()


@lru_cache(maxsize=65536)
def local(zone: str, at: float) -> tuple[int, int, int, bool]:
    """A moment by the reader's clock: day, minute, weekday, and whether the clock shows it for the second time."""
    here = datetime.fromtimestamp(at, ZoneInfo(zone or HOME))
    return (here.date() - date(1970, 1, 1)).days, here.hour * 60 + here.minute, here.weekday(), bool(here.fold)


@lru_cache(maxsize=4096)
def night(begin: int, end: int) -> frozenset[int]:
    """The minutes of quiet hours."""
    minutes, minute = set(), begin
    while minute != end:
        minutes.add(minute)
        minute = (minute + 1) % 1440
    return frozenset(minutes)


def is_night(life: Life, at: float) -> bool:
    """Whether the reader has quiet hours just then."""
    chosen = life.choices
    return chosen.quiet is not Quiet.OFF and local(chosen.zone, at)[1] in night(chosen.quiet_from, chosen.quiet_to)


@lru_cache(maxsize=65536)
def allowance(volume: int, quiet: Quiet, begin: int, end: int, minute: int) -> int:
    """So many posts of a day's volume may have come by that minute, spread over the waking day."""
    awake = [m for m in range(1440) if quiet is Quiet.OFF or m not in night(begin, end)]
    return math.ceil(volume * sum(m < minute for m in awake) / len(awake))


def allowed(life: Life, at: float) -> int:
    """The same for a reader at a moment."""
    one = life.choices
    return allowance(one.volume, one.quiet, one.quiet_from, one.quiet_to, local(one.zone, at)[1])


def wants_lists(chosen: Choices) -> bool:
    """Less than everything at once, or the nights kept."""
    return chosen.volume != ALL or chosen.quiet is Quiet.HOLD


@lru_cache(maxsize=65536)
def is_list_time(chosen: Choices, minute: int, weekday: int) -> bool:
    """Whether a list comes at that minute: by the reader's times; in a night that is kept at its end instead, where
    one comes within six hours of it in any case."""
    if not wants_lists(chosen):
        return False
    times = [*(chosen.digest_at or (chosen.quiet_to,))] if chosen.digest_days >> weekday & 1 else []
    if chosen.quiet is Quiet.HOLD:
        dark = night(chosen.quiet_from, chosen.quiet_to)
        times = [chosen.quiet_to if time in dark else time for time in times]
        if not any(chosen.quiet_to <= time < chosen.quiet_to + 360 for time in times):
            times.append(chosen.quiet_to)
    return minute in times


@lru_cache(maxsize=65536)
def next_list(chosen: Choices, after: float) -> float | None:
    """The first list time after that, looking at each half hour of a week and a day."""
    at = after // HALF * HALF
    for _ in range(8 * 48 + 4):
        at += HALF
        _, minute, weekday, again = local(chosen.zone, at)
        if not again and is_list_time(chosen, minute, weekday):
            return at
    return None


def concerns(life: Life, story: Story) -> bool:
    """Whether the story is one that the reader wants at all."""
    if story.words & life.hides:
        return False
    followed = bool(story.words & life.follows)
    own = story.sections & (life.sections - {name for name, _ in life.muted})
    if own == {"regions"} and story.regions and life.regions and not story.regions & life.regions:
        own = frozenset()
    spoken = life.choices.news_languages
    understood = not story.language or (
        story.language in spoken if spoken else life.language == story.language or life.language not in FED
    )
    return (bool(own) or followed) and understood and (followed or story.main or not life.choices.main_only)


@dataclass
class Slot:
    """What happens at one half hour: sends in their order, breaking news, a reader's deed meanwhile. `until` is when
    all of it was over."""

    at: float
    until: float
    sends: Sequence[Send] = ()
    breaking: Sequence[int] = ()
    stories: dict[int, Story] = field(default_factory=dict)
    newest: int = 0
    """The last send before the slot."""
    yesterdays: Sequence[int] = (0,)
    """What may be the last send of more than 24 hours before: several where some began at this very half hour."""

    def known(self, begun: int) -> int:
        """The newest send when `begun` of the slot's have begun."""
        return self.sends[begun - 1].n if begun else self.newest


def changed(life: Life, change: Change, slot: Slot, begun: int, yesterdays: int) -> Life:
    """The reader after a deed."""
    match change.deed, change.about:
        case "sections", sections:
            return replace(life, sections=sections)
        case "language", language:
            return replace(life, language=language)
        case "regions", regions:
            return replace(life, regions=regions)
        case "mute", (name, until):
            kept = tuple(mute for mute in life.muted if mute[0] != name)
            return replace(life, muted=(*kept, (name, until)))
        case "unmute", _:
            return replace(life, muted=())
        case "hide", word:
            return replace(life, hides=life.hides | {word}, follows=life.follows - {word})
        case "follow", word:
            return replace(life, follows=life.follows | {word}, hides=life.hides - {word})
        case "drop", word:
            return replace(life, follows=life.follows - {word}, hides=life.hides - {word})
        case "pause", until:
            return replace(life, active=False, paused_until=until)
        case "leave" | "block", _:
            return replace(life, active=False)
        case "resume" | "return" | "unblock", _:
            return woken(life, slot.known(begun))
        case "choose", wanted:
            return chosen(life, wanted, yesterdays)
    raise AssertionError(change)


def chosen(life: Life, wanted: dict[str, Any], yesterdays: int) -> Life:
    """Whoever begins to want lists gets in the first what is of the last day; other times hold from now on."""
    made = replace(life, choices=replace(life.choices, **wanted))
    if wanted.get("volume", ALL) != ALL or wanted.get("quiet") is Quiet.HOLD:
        listed = max(life.listed, yesterdays) if life.due is None else life.listed
        made = replace(made, due=NEW, listed=listed)
    elif life.due is not None and wanted.keys() & _TIMES:
        made = replace(made, due=NEW)
    return replace(made, counted=False) if "volume" in wanted else made


_TIMES = {"volume", "quiet", "quiet_from", "quiet_to", "digest_at", "digest_days", "zone"}


def woken(life: Life, newest: int) -> Life:
    """Whoever begins to get news gets none of before."""
    due = NEW if wants_lists(life.choices) else None
    return replace(life, active=True, paused_until=None, listed=newest, due=due)


def reckoned(life: Life, now: float) -> Life:
    """When the next list is; a last one at once for who gives them up. A new volume is paced over the rest of a day."""
    due = next_list(life.choices, now)
    made = replace(life, due=now if due is None else due)
    if life.choices.volume > 0 and not life.counted:
        made = replace(made, day=_day(life, now), count=max(0, allowed(life, now) - 1), counted=True)
    return made


def _day(life: Life, at: float) -> int:
    return local(life.choices.zone, at)[0]


def arrives(life: Life, send: Send, at: float) -> tuple[Life, Heard | None]:
    """A story reaches the reader, or waits for a list, or is none for this one."""
    story, one = send.story, life.choices
    nothing = life, None
    if not life.active or story.number in life.had or one.volume == DIGESTS or not concerns(life, story):
        return nothing
    if send.star and not (one.main_only and story.sections & (life.sections - {name for name, _ in life.muted})):
        return nothing
    if life.due is not None:
        if send.n <= life.listed or (one.quiet is Quiet.HOLD and is_night(life, at)):
            return nothing
        if one.volume != ALL:
            came = life.count if life.day == _day(life, at) else 0
            if not life.counted:
                came = allowed(life, at)
            if came >= allowed(life, at):
                return nothing
            life = replace(life, day=_day(life, at), count=came + 1, counted=True)
    return replace(life, had=life.had | {story.number}), Heard("post", (story.number,), silent=is_night(life, at))


def lists(life: Life, slot: Slot, begun: int, now: float, under_way: Collection[int] = ()) -> tuple[Life, Heard | None]:
    """The reader's list: all that began since the last one, concerns the reader and has not come. Who has given lists
    up gets those that are `under_way` by themselves, or where they had passed by before that, in one more list."""
    if life.choices.quiet is Quiet.HOLD and is_night(life, now):
        morning = now // HALF * HALF
        while is_night(life, morning):
            morning += HALF
        return replace(life, due=morning), None
    upto, due = slot.known(begun), next_list(life.choices, now)
    if under_way:
        upto, due = min(upto, *(n - 1 for number in under_way for n in slot.stories[number].begun[-1:])), now + _AGAIN
    found = [
        story.number
        for story in slot.stories.values()
        if any(life.listed < n <= slot.known(begun) for n in story.begun)
        and story.number not in life.had
        and story.number not in under_way
        and concerns(life, story)
    ]
    done = replace(life, listed=upto, due=due, had=life.had.union(found))
    return done, Heard("list", tuple(sorted(found)), silent=is_night(life, now)) if found else None


def same(heard: Heard, wanted: Heard) -> bool:
    """Whether a message is the one that must come; a list that is too long counts the rest."""
    if (heard.kind, heard.silent) != (wanted.kind, wanted.silent):
        return False
    if not heard.more:
        return sorted(heard.stories) == sorted(wanted.stories)
    return set(heard.stories) < set(wanted.stories) and len(heard.stories) + heard.more == len(wanted.stories)


@dataclass(frozen=True)
class _Point:
    """How far one order of events has come: the reader, messages explained, sends begun and arrived, what is to do."""

    life: Life
    heard: int = 0
    begun: int = 0
    arrived: int = 0
    breaking: int = 0
    changed: bool = False


def lived(lives: Sequence[Life], slot: Slot, heard: Sequence[Heard], change: Change | None = None) -> list[Life]:
    """What the reader may be after the slot; empty when no order of its events explains what was heard."""
    ends: dict[Life, None] = {}
    seen = {_Point(life, changed=change is None) for life in lives}
    todo = list(seen)
    while todo:
        point = todo.pop()
        if _over(point, slot, heard):
            ends[point.life] = None
        for new in _steps(point, slot, heard, change):
            if new not in seen:
                seen.add(new)
                todo.append(new)
    return list(ends)


def _over(point: _Point, slot: Slot, heard: Sequence[Heard]) -> bool:
    happened = point.arrived == len(slot.sends) and point.breaking == len(slot.breaking) and point.changed
    return happened and point.heard == len(heard) and not _listing(point.life, slot)


def _listing(life: Life, slot: Slot) -> bool:
    return life.active and life.due is not None and life.due <= slot.until


def _steps(point: _Point, slot: Slot, heard: Sequence[Heard], change: Change | None) -> Iterator[_Point]:
    life, now = point.life, slot.at + 1
    if point.begun < len(slot.sends):
        yield replace(point, begun=point.begun + 1)
    if point.arrived < point.begun:
        further = replace(point, arrived=point.arrived + 1)
        for at in (slot.at, slot.until):  # what a volume allows may grow meanwhile
            yield from _said(further, *arrives(life, slot.sends[point.arrived], at), heard)
    if point.breaking < len(slot.breaking):
        further = replace(point, breaking=point.breaking + 1)
        message = None
        if life.active and life.choices.breaking:
            silent = is_night(life, now) and not life.choices.night_breaking
            message = Heard("breaking", (slot.breaking[point.breaking],), silent=silent)
        yield from _said(further, life, message, heard)
    if not point.changed:
        assert change
        for yesterdays in slot.yesterdays:
            yield replace(point, life=changed(life, change, slot, point.begun, yesterdays), changed=True)
    if life.active and life.due == NEW:
        yield replace(point, life=reckoned(life, now))
    elif _listing(life, slot):
        now = (
            now if life.due is None else min(now, max(life.due, slot.at - HALF))
        )  # the rest of a list comes in between
        yield from _said(point, *lists(life, slot, point.begun, now), heard)
        if not wants_lists(life.choices):
            going = [send.story for send in slot.sends[: point.begun]]
            rest = {story.number for story in going if story.number not in life.had and concerns(life, story)}
            if rest:
                yield from _said(point, *lists(life, slot, point.begun, now, rest), heard)


def _said(point: _Point, life: Life, message: Heard | None, heard: Sequence[Heard]) -> Iterator[_Point]:
    if message is None:
        yield replace(point, life=life)
    elif point.heard < len(heard) and same(heard[point.heard], message):
        yield replace(point, life=life, heard=point.heard + 1)
