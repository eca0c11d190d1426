"""Who gets what: which readers a post is for, and how waiting posts are gathered into broadcasts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.article import Section
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Kind, Lane
from bot.domain.post import Post
from bot.domain.recipient import Recipient
from bot.domain.regions import regions_of

ROUND_SECONDS = 600.0
"""Posts go out one by one while all that waits can be out within this time (seconds)."""


class Offer(NamedTuple):
    """What the newsroom has: languages of its interface, those that feeds publish in, the section of regions (a mask,
    0 when there is none)."""

    languages: Sequence[str] = ()
    fed: Collection[str] = ()
    regional: int = 0


def offer_of(languages: Sequence[str], fed: Collection[str], sections: Sequence[Section]) -> Offer:
    """The offer of a newsroom with these sections."""
    return Offer(languages, fed, sum(section.mask for section in sections if section.regional))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A post that waits: the sections already `served`, its audience, and how many `readers` that is. Those of one
    `bundle` (0: none) go as one list."""

    post: Post
    served: int
    audience: Audience
    readers: int
    bundle: int = 0


def languages_for(post: Post, all_languages: Sequence[str], fed: Collection[str]) -> tuple[str, ...]:
    """The languages of readers that a post fits; empty for all.

    Readers who chose no languages for news get it in their own where the newsroom has a feed in it, and otherwise
    whatever there is: a post concerns its own language and every language that no feed serves.
    """
    if post.everybody or post.language not in all_languages:
        return ()
    fits = tuple(language for language in all_languages if language == post.language or language not in fed)
    return () if len(fits) == len(all_languages) else fits


def audience_of(post: Post, served: int, offer: Offer, *, words: bool = False) -> Audience:
    """Who gets an article's post: readers of its sections that no earlier broadcast has served, and with `words`
    (it holds some that readers chose) those who follow one of them, none who hides one.

    A post whose sections are all served, and that waits again, has been given a star since: now it goes to those who
    want main stories only. One that names no region may concern any.
    """
    stars = post.main and not post.sections & ~served
    regional = post.sections & offer.regional
    regions = regions_of(f"{post.title}\n{post.lead}") if regional else 0
    return Audience(
        sections=post.sections if stars else post.sections & ~served,
        besides=0 if stars else served,
        languages=languages_for(post, offer.languages, offer.fed),
        language="" if post.everybody or post.language not in offer.languages else post.language,
        main=post.main,
        stars=stars,
        regional=regional if regions else 0,
        regions=regions,
        followed=(post.id,) if words and not served else (),
        hidden=post.id if words else 0,
    )


def gather(waiting: Sequence[Waiting], *, rate: float, under_way: int) -> list[list[Waiting]]:
    """The broadcasts to start now. `under_way` is how many deliveries of open regular broadcasts are left.

    One post each, or bundle, while everything can be out within ten minutes. Beyond that a broadcast carries all
    posts that wait when it starts (a *round*), and the next one starts when it has ended. A post that gained a section
    goes by itself, because readers of its earlier sections have it.
    """
    if not waiting:
        return []
    load = under_way + sum(item.readers for item in waiting)
    if load <= rate * ROUND_SECONDS:
        bundles: dict[tuple[int, int], list[Waiting]] = {}
        for item in waiting:
            bundles.setdefault((item.bundle, 0 if item.bundle and not item.served else item.post.id), []).append(item)
        return list(bundles.values())
    if under_way:
        return []
    fresh = [item for item in waiting if not item.served]
    return ([fresh] if fresh else []) + [[item] for item in waiting if item.served]


def overdue(
    open_: Sequence[Broadcast], waiting: Sequence[Waiting], *, valid_for: Callable[[int], int], now: float
) -> tuple[list[Broadcast], list[Waiting]]:
    """The open broadcasts and waiting posts that are to go on as one list, both empty when nothing is.

    `valid_for` says for a mask of sections after how many seconds a post is no push any more. They count from when
    the bot had it to send, whatever kept it since. A list that such posts already have takes in the others; one thing
    alone goes as it is, and so do breaking news and a post that gained a section.
    """
    sends = [one for one in open_ if _may_join(one)]
    late = [
        one
        for one in sends
        if not one.late and (one.started_at or one.due_at) + valid_for(one.audience.sections) <= now
    ]
    posts = [
        item for item in waiting if not item.served and item.post.created_at + valid_for(item.post.sections) <= now
    ]
    lists = [one for one in sends if one.late]
    if not (late or posts) or len(late) + len(posts) + len(lists) < 2:
        return [], []
    return sorted(lists + late, key=lambda one: one.id), posts


def _may_join(broadcast: Broadcast) -> bool:
    return (
        broadcast.kind is Kind.SEND
        and broadcast.lane is Lane.REGULAR
        and broadcast.state is BroadcastState.RUNNING
        and not broadcast.audience.besides
    )


def joint(audiences: Sequence[Audience]) -> Audience:
    """The audience of a round: whoever is in any of them (each reader's own posts are picked at the send)."""
    if len(audiences) == 1:
        return audiences[0]
    sections = 0
    languages: set[str] = set()
    for audience in audiences:
        sections |= audience.sections
        languages.update(audience.languages)
    everyone = any(not audience.languages for audience in audiences)
    return Audience(
        sections=sections,
        languages=() if everyone else tuple(sorted(languages)),
        main=any(audience.main for audience in audiences),
        followed=tuple(post for audience in audiences for post in audience.followed),
    )


def concerns(audience: Audience, reader: Recipient, *, follows: bool = False, hides: bool = False) -> bool:
    """Whether a post is for this reader, who gets news at all: as `storage.readers.fits`, whoever has it already.
    The reader `follows` a word that it holds, or `hides` one."""
    return (
        (follows or _in_sections(audience, reader))
        and not hides
        and _in_languages(audience, reader)
        and (follows or audience.main or not reader.ways.main_only)
        and (not audience.stars or bool(reader.ways.main_only))
    )


def _in_sections(audience: Audience, reader: Recipient) -> bool:
    found = audience.sections & reader.sections
    if not audience.regional or found & ~audience.regional:
        return bool(found) or not audience.sections
    return bool(found) and (not (regions := reader.ways.regions) or bool(regions & audience.regions))


def _in_languages(audience: Audience, reader: Recipient) -> bool:
    chosen = reader.ways.news_languages
    if chosen and (audience.languages or audience.language):
        return not audience.language or f",{audience.language}," in chosen
    return not audience.languages or reader.language in audience.languages
