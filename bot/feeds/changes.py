"""From verdicts to what a poll changes: new articles, edits, further sections, and whether it is a flood. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bot.domain.article import Article, Entry, Section
from bot.domain.feed import FeedState, Found, KnownArticle, Met, Poll
from bot.feeds.identity import DAY, Edited, Known, New, Verdict, fingerprint, flood, material
from bot.feeds.sections import section_mask


@dataclass(frozen=True, slots=True)
class Setting:
    """What decides besides the feed's document: the newsroom's `sections`, the `forced` one of this feed, which `edits`
    readers' copies follow in a section (all, material, channels); `everybody`: readers of all languages get what is
    new; `pictures` by link, for articles that bring none.
    """

    sections: Sequence[Section]
    forced: str = ""
    everybody: bool = False
    edits: Callable[[str], str] = lambda section: "material"
    pictures: Mapping[str, str] = field(default_factory=dict)


def changes(
    state: FeedState,
    verdicts: Sequence[Verdict],
    known: Mapping[str, KnownArticle],
    total: int,
    now: float,
    setting: Setting,
) -> Poll:
    """What the verdicts change. Before the first good poll, and for old articles, it changes silently."""
    by_id = {article.id: article for article in known.values()}
    primed = state.primed_at is not None
    new: list[Found] = []
    edited: dict[int, Found] = {}
    seen: list[Met] = []
    taken: dict[str, int] = {}
    for verdict in verdicts:
        mask = section_mask(verdict.entry.categories, setting.sections, setting.forced)
        match verdict:
            case Known(article_id, entry, keys) | Edited(article_id, entry, keys):
                stored = by_id[article_id]
                fresh, more = tuple(key for key in keys if key not in known), mask & ~stored.sections
                late = now - (stored.published_at or stored.seen_at) > DAY
                if fresh or more:
                    seen.append(Met(article_id, fresh, more, publish=primed and bool(more) and not late))
                if isinstance(verdict, Edited):
                    article = _article(entry, state.id, stored.sections, int(now), stored)
                    edited.setdefault(article_id, Found(article, keys, publish=_followed(entry, stored, setting)))
            case _ if twins := [taken[key] for key in verdict.keys if key in taken]:
                new[twins[0]] = _also_in(new[twins[0]], mask)  # the document holds the article twice
            case _:
                taken |= dict.fromkeys(verdict.keys, len(new))
                article = _article(verdict.entry, state.id, mask, int(now), pictures=setting.pictures)
                publish = primed and isinstance(verdict, New)
                new.append(Found(article, verdict.keys, publish, everybody=setting.everybody))
    going = sum(found.publish for found in new) + sum(met.publish for met in seen)
    sorted_ = sum(found.publish and bool(found.article.sections) for found in new) + sum(met.publish for met in seen)
    # The oldest first, so that ids and posts follow the order of events; documents have the newest on top.
    new.reverse()
    new.sort(key=lambda found: found.article.published_at or int(now))
    fresh = tuple(key for found in new for key in found.keys if key not in known)
    held = sorted_ if flood(going, total) else 0
    return Poll(state, tuple(new), tuple(edited.values()), tuple(seen), fresh=fresh, flood=held)


def _followed(entry: Entry, stored: KnownArticle, setting: Setting) -> bool:
    """Whether the copies that readers have are to be edited; of several sections the first decides."""
    section = next((one.id for one in setting.sections if one.mask & stored.sections), "")
    wanted = setting.edits(section)
    return wanted == "all" or (wanted == "material" and material(entry, stored))


def _article(
    entry: Entry,
    feed_id: int,
    sections: int,
    now: int,
    stored: KnownArticle | None = None,
    pictures: Mapping[str, str] = MappingProxyType({}),
) -> Article:
    return Article(
        id=stored.id if stored else 0,
        feed_id=feed_id,
        title=entry.title,
        lead=entry.lead,
        link=entry.link or (stored.link if stored else ""),
        language=entry.language,
        sections=sections,
        seen_at=stored.seen_at if stored else now,
        published_at=stored.published_at if stored else entry.published,
        body=entry.body,
        author=entry.author,
        image=entry.image or _of_page(stored) or pictures.get(entry.link, ""),
        fingerprint=fingerprint(entry),
        edits=stored.edits + 1 if stored else 0,
        edited_at=now if stored else None,
    )


def _of_page(stored: KnownArticle | None) -> str:
    """The picture that came from the article's page: its feed had none."""
    bare = stored and fingerprint(Entry(title=stored.title, lead=stored.lead)) == stored.fingerprint
    return stored.image if stored and bare else ""


def _also_in(found: Found, sections: int) -> Found:
    return replace(found, article=replace(found.article, sections=found.article.sections | sections))
