"""The feeds that are watched: those of the file, read-only, and those that editors added in the chat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.feed import FeedState
from bot.domain.language import name_of
from bot.settings import Settings
from storage import Storage


@dataclass(frozen=True, slots=True)
class Watched:
    """A feed and what became of it. `listed`: it stands in the file; `section`: of all that it brings, "" for any."""

    state: FeedState
    section: str
    listed: bool
    language: str = ""
    paused: bool = False


async def watched(storage: Storage, settings: Settings) -> list[Watched]:
    """All of them, the file's first."""
    added = {one.url: one for one in await storage.feeds.added()}
    states = await storage.feeds.watch([*(feed.url for feed in settings.feeds), *added])
    listed = {feed.url: feed for feed in settings.feeds}
    found = {state.url: state for state in states}
    return [
        Watched(state, listed[url].section, True, listed[url].language)
        if url in listed
        else Watched(state, added[url].section, False, paused=added[url].paused_at is not None)
        for url, state in found.items()
    ]


def names(feeds: Sequence[Watched]) -> dict[int, str]:
    """What each feed is called, by its id: its title, with the language where several share it, else its address."""
    titles = Counter(feed.state.title for feed in feeds)
    found = {}
    for feed in feeds:
        name = feed.state.title
        if name and titles[name] > 1:
            name = f"{name} · {name_of(feed.language)}" if feed.language else ""
        found[feed.state.id] = name or feed.state.url
    return found
