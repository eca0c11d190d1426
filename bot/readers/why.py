"""Why a reader got a post, or did not: from receipts and rules, in words. `reasons` is pure.

What was sent is known; what kept a post back is told by the choices of now, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from bot.delivery.audience import Offer, audience_of, offer_of
from bot.delivery.hours import moment, zone_of
from bot.domain.article import Section
from bot.domain.delivery import BroadcastState, Lane, Passage, Result
from bot.domain.language import name_of
from bot.domain.post import Post, PostKind, PostState
from bot.domain.reader import ALL, DIGESTS, Night, Quiet, Reader, ReaderState
from bot.i18n import Lang
from bot.settings import Settings
from storage import Storage


class Why(Enum):
    """Every reason that there is. The first six tell how a post came, the next what for, the others what keeps it."""

    CAME = auto()
    CAME_IN_A_LIST = auto()
    CAME_AS_BREAKING = auto()
    CAME_AS_PARTNER = auto()
    SHOWN = auto()
    MAY_HAVE_COME = auto()

    SECTION = auto()
    FOLLOWED = auto()
    EVERYBODY = auto()

    WITHDRAWN = auto()
    BEFORE_THE_BOT = auto()
    UNSORTED = auto()
    HELD = auto()
    SOON = auto()
    UNDER_WAY = auto()
    REFUSED = auto()
    AGAIN = auto()
    CALLED_OFF = auto()

    NOT_SUBSCRIBED = auto()
    PAUSED = auto()
    UNREACHABLE = auto()
    BEFORE_YOU = auto()
    BREAKING_OFF = auto()
    NO_PARTNERS = auto()
    HIDDEN = auto()
    OTHER_SECTION = auto()
    MUTED = auto()
    OTHER_REGION = auto()
    OTHER_LANGUAGE = auto()
    NOT_MAIN = auto()
    DIGESTS_ONLY = auto()
    KEPT_AT_NIGHT = auto()
    BEYOND_VOLUME = auto()
    NEXT_LIST = auto()
    CHANGED_SINCE = auto()


class Reason(NamedTuple):
    """One of them: a moment (epoch seconds) and names, where it has any."""

    why: Why
    at: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a post and a reader together; see `storage.traces`."""

    reader: Reader
    post: Post
    state: PostState
    passages: Sequence[Passage]
    shown_at: int | None = None
    words: Sequence[tuple[str, bool]] = ()
    muted_until: int | None = None


async def facts(storage: Storage, reader: Reader, post: Post) -> Facts:
    """Read them."""
    traces = storage.traces
    return Facts(
        reader=reader,
        post=post,
        state=await traces.state(post.id) or PostState.STORED,
        passages=await traces.passages(post.id, reader.id),
        shown_at=await traces.shown(post.id, reader.id),
        words=await traces.words(post.id, reader.id),
        muted_until=await traces.muted_until(reader.id, post.sections),
    )


async def explain(
    storage: Storage, settings: Settings, sections: Sequence[Section], reader: Reader, post: Post, now: int, t: Lang
) -> list[str]:
    """The whole answer, a line for each reason: for /why and for `newsdesk trace`."""
    fed = sorted({feed.language for feed in settings.feeds if feed.language})
    offer = offer_of(settings.newsroom.languages, fed, sections)
    home = settings.newsroom.timezone
    found = reasons(await facts(storage, reader, post), offer, now, home)
    names = {section.mask: section.name(t.code) for section in sections}
    zone = zone_of(reader.zone, home)
    return [line(reason, names, post, t, lambda at: t.datetime(at, zone)) for reason in found]


def reasons(facts: Facts, offer: Offer, now: int, home: str) -> list[Reason]:
    """Why the reader has the post, or has it not, the weightiest first."""
    came = _came(facts)
    if came:
        return [*came, *_for_what(facts)] + ([Reason(Why.WITHDRAWN)] if facts.post.withdrawn else [])
    return _newsroom(facts) or _delivery(facts) or _reader(facts) or _choices(facts, offer, now, home)


def _came(facts: Facts) -> list[Reason]:
    found = []
    for passage in facts.passages:
        if passage.result is Result.SENT:
            way = Why.CAME_IN_A_LIST if passage.together else Why.CAME
            found.append(Reason(_WAYS.get(passage.lane, way), passage.at))
        elif passage.result is Result.UNCERTAIN:
            found.append(Reason(Why.MAY_HAVE_COME, passage.at))
    if facts.shown_at:
        found.append(Reason(Why.SHOWN, facts.shown_at))
    return sorted(found, key=lambda reason: reason.at or 0)


_WAYS = {
    Lane.DIGEST: Why.CAME_IN_A_LIST,
    Lane.BREAKING: Why.CAME_AS_BREAKING,
    Lane.PROMO: Why.CAME_AS_PARTNER,
}


def _for_what(facts: Facts) -> list[Reason]:
    lanes = {passage.lane for passage in facts.passages}
    followed = tuple(word for word, follows in facts.words if follows)
    if Lane.BREAKING in lanes and not facts.reader.breaking and followed:
        return [Reason(Why.FOLLOWED, names=followed)]
    if lanes & {Lane.BREAKING, Lane.PROMO}:
        return []
    mine = _sections(facts.post.sections & facts.reader.sections)
    if mine:
        return [Reason(Why.SECTION, names=mine)]
    if followed:
        return [Reason(Why.FOLLOWED, names=followed)]
    return [Reason(Why.EVERYBODY)] if not facts.post.sections else []


def _sections(mask: int) -> tuple[str, ...]:
    """Sections as names that `line` puts into words: their masks."""
    return tuple(str(1 << bit) for bit in range(mask.bit_length()) if mask >> bit & 1)


def _newsroom(facts: Facts) -> list[Reason]:
    """What the newsroom has made of it."""
    match facts.state:
        case PostState.WITHDRAWN:
            return [Reason(Why.WITHDRAWN)]
        case PostState.STORED if not facts.passages:
            return [Reason(Why.BEFORE_THE_BOT)]
        case PostState.UNSORTED:
            return [Reason(Why.UNSORTED)]
        case PostState.HELD:
            return [Reason(Why.HELD)]
    return []


def _delivery(facts: Facts) -> list[Reason]:
    """What the sending has made of it."""
    for passage in reversed(facts.passages):
        match passage.result:
            case Result.REJECTED:
                return [Reason(Why.REFUSED, passage.at, (passage.reason,))]
            case Result.GONE:
                return [Reason(Why.UNREACHABLE, passage.at)]
            case Result.WAITING:
                return [Reason(Why.AGAIN, passage.due_at)]
    called_off = {BroadcastState.CANCELLED, BroadcastState.STOPPED}
    if facts.passages and all(passage.state in called_off for passage in facts.passages):
        return [Reason(Why.CALLED_OFF, facts.passages[-1].began)]
    return []


def _reader(facts: Facts) -> list[Reason]:
    """Whether the reader gets news at all, and did then."""
    reader = facts.reader
    match reader.state:
        case ReaderState.NEW | ReaderState.LEFT:
            return [Reason(Why.NOT_SUBSCRIBED)]
        case ReaderState.PAUSED:
            return [Reason(Why.PAUSED, reader.paused_until)]
        case ReaderState.DORMANT:
            return [Reason(Why.UNREACHABLE)]
    began = [passage.began for passage in facts.passages]
    if began and reader.consent_at and max(began) < reader.consent_at:
        return [Reason(Why.BEFORE_YOU, max(began))]
    return []


def _choices(facts: Facts, offer: Offer, now: int, home: str) -> list[Reason]:
    """What the reader's choices of now say of it."""
    against = _against(facts, offer)
    if against:
        return against
    if facts.state is PostState.WAITING and not facts.passages:
        return [Reason(Why.SOON)]
    waits = _waits(facts, home)
    if waits and facts.reader.list_at is not None:
        due = facts.reader.list_at
        return [*waits, Reason(Why.NEXT_LIST, due if due > now else None)]
    if any(passage.state in _OPEN for passage in facts.passages):
        return [Reason(Why.UNDER_WAY)]
    return [Reason(Why.CHANGED_SINCE, facts.passages[-1].began if facts.passages else None)]


_OPEN = (BroadcastState.COUNTDOWN, BroadcastState.RUNNING, BroadcastState.PAUSED)


def _against(facts: Facts, offer: Offer) -> list[Reason]:
    reader, post = facts.reader, facts.post
    lanes = {passage.lane for passage in facts.passages}
    if Lane.PROMO in lanes:
        return [] if reader.partner else [Reason(Why.NO_PARTNERS)]
    if post.kind is PostKind.BREAKING or Lane.BREAKING in lanes:
        wanted = reader.breaking or any(follows for _, follows in facts.words)
        return [] if wanted else [Reason(Why.BREAKING_OFF)]
    found = []
    hidden = tuple(word for word, follows in facts.words if not follows)
    if hidden:
        found.append(Reason(Why.HIDDEN, names=hidden))
    audience = audience_of(post, 0, offer)
    theirs = audience.language and reader.news_languages and audience.language not in reader.news_languages
    others = audience.languages and not reader.news_languages and reader.language not in audience.languages
    if theirs or others:
        found.append(Reason(Why.OTHER_LANGUAGE, names=(post.language,)))
    if any(follows for _, follows in facts.words):
        return found
    mine = post.sections & reader.sections
    if post.sections and not mine:
        found.append(Reason(Why.OTHER_SECTION, names=_sections(post.sections)))
    elif mine and not mine & ~reader.muted:
        found.append(Reason(Why.MUTED, facts.muted_until, _sections(mine)))
    elif mine and not mine & ~audience.regional and reader.regions and not reader.regions & audience.regions:
        found.append(Reason(Why.OTHER_REGION))
    if reader.main_only and not post.main:
        found.append(Reason(Why.NOT_MAIN))
    return found


def _waits(facts: Facts, home: str) -> list[Reason]:
    """Why it waits for a list, as far as it does."""
    reader, began = facts.reader, facts.passages[-1].began if facts.passages else 0
    if not began or not any(passage.lane is Lane.REGULAR for passage in facts.passages):
        return []
    if reader.volume == DIGESTS:
        return [Reason(Why.DIGESTS_ONLY)]
    if reader.quiet is Quiet.HOLD and moment(Night.of(reader), began, home).quiet:
        return [Reason(Why.KEPT_AT_NIGHT, began)]
    return [Reason(Why.BEYOND_VOLUME, names=(str(reader.volume),))] if reader.volume != ALL else []


def line(
    reason: Reason,
    sections: Mapping[int, str],
    post: Post,
    t: Lang,
    moment_of: Callable[[int], str],
) -> str:
    """A reason in words. `sections` are names by mask, `moment_of` writes a moment by the reader's clock."""
    at = moment_of(reason.at) if reason.at else "—"
    by_mask = reason.why in (Why.SECTION, Why.OTHER_SECTION, Why.MUTED)
    named = t.list(sections.get(int(name), "?") if by_mask else name for name in reason.names)
    match reason.why:
        case Why.CAME:
            return t("It came to you by itself: {moment}.", moment=at)
        case Why.CAME_IN_A_LIST:
            return t("It came to you in a list: {moment}.", moment=at)
        case Why.CAME_AS_BREAKING:
            return t("It came to you as breaking news: {moment}.", moment=at)
        case Why.CAME_AS_PARTNER:
            return t("It came to you as a partner post, at most one a day: {moment}.", moment=at)
        case Why.SHOWN:
            return t("I showed it when you asked for something or subscribed: {moment}.", moment=at)
        case Why.MAY_HAVE_COME:
            return t("I sent it, but Telegram's answer was lost; it may have come: {moment}.", moment=at)
        case Why.SECTION:
            return t("You have its section: {sections}.", sections=named)
        case Why.FOLLOWED:
            return t("You follow what stands in it: {words}.", words=named)
        case Why.EVERYBODY:
            return t("It has no section: it went to everybody.")
        case Why.WITHDRAWN:
            return t("The newsroom has withdrawn it.")
        case Why.BEFORE_THE_BOT:
            return t("It was out before the bot began to watch, or too old when it appeared: such news is not sent.")
        case Why.UNSORTED:
            return t("It has no section yet; the newsroom decides.")
        case Why.HELD:
            return t("The newsroom holds it back for now.")
        case Why.SOON:
            return t("It goes out in a moment.")
        case Why.UNDER_WAY:
            return t("It is on its way to readers just now.")
        case Why.REFUSED:
            return t("Telegram did not accept it for this chat ({reason}): {moment}.", reason=named, moment=at)
        case Why.AGAIN:
            return t("Telegram asked to wait; next attempt: {moment}.", moment=at)
        case Why.CALLED_OFF:
            return t("The newsroom stopped sending it before it reached you: {moment}.", moment=at)
        case _:
            return _of_choices(reason, named, at, post, t)


def _of_choices(reason: Reason, named: str, at: str, post: Post, t: Lang) -> str:
    match reason.why:
        case Why.NOT_SUBSCRIBED:
            return t("You are not subscribed at the moment: /start")
        case Why.PAUSED:
            return t("You have paused everything; the end: {moment}.", moment=at)
        case Why.UNREACHABLE:
            return t("The chat could not be reached: the bot was blocked or removed there.")
        case Why.BEFORE_YOU:
            return t("It went out before you subscribed: {moment}.", moment=at)
        case Why.BREAKING_OFF:
            return t("It is breaking news, and you have that off.")
        case Why.NO_PARTNERS:
            return t("It is a partner post, and you want none.")
        case Why.HIDDEN:
            return t("It holds what you hide: {words}.", words=named)
        case Why.OTHER_SECTION:
            return t("You do not have its section: {sections}.", sections=named)
        case Why.MUTED:
            return t("You have muted its section ({sections}); the end: {moment}.", sections=named, moment=at)
        case Why.OTHER_REGION:
            return t("It is about other regions than yours.")
        case Why.OTHER_LANGUAGE:
            return t("It is in a language that you do not get news in: {language}.", language=name_of(post.language))
        case Why.NOT_MAIN:
            return t("You get main stories only, and this is not one.")
        case Why.DIGESTS_ONLY:
            return t("You get digests only.")
        case Why.KEPT_AT_NIGHT:
            return t("It came out in your quiet hours: {moment}.", moment=at)
        case Why.BEYOND_VOLUME:
            return t("Your number a day was used up by then: {n}.", n=named)
        case Why.NEXT_LIST if reason.at:
            return t("It comes in your next list: {moment}.", moment=at)
        case Why.NEXT_LIST:
            return t("It comes in your next list.")
    return t("By your choices of now it would come: they were others when it went out ({moment}).", moment=at)
