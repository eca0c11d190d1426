"""The same article under other names: each row of the table of what newspapers do to their feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Entry
from bot.domain.feed import KnownArticle
from bot.feeds.identity import (
    EDITS_LIMIT,
    Edited,
    Known,
    New,
    Old,
    aliases,
    canonical_link,
    document_keys,
    fingerprint,
    flood,
    material,
    recognise,
)

NOW = 1_795_521_600
HOUR, DAY = 3600, 86_400
NAMES = ("мост", "рынок", "театр", "школа", "парк", "река", "завод", "музей", "каток", "хлеб", "поезд")


def story(n: int, **other: Any) -> Entry:
    """An article as a usual CMS gives it; `n` says how many minutes ago it came out."""
    name = f"{NAMES[n % len(NAMES)]} номер {n}"
    fields: dict[str, Any] = {
        "guid": f"http://www.news.test/{n}-slug.html",
        "link": f"https://news.test/{n}-slug.html",
        "title": f"Сегодня в городе открылся {name}",
        "lead": f"Ленту разрезали утром, первым вошёл ребёнок: {name}.",
        "published": NOW - n * 60 - 7,
    }
    return Entry(**(fields | other))


def stories(*numbers: int, **other: Any) -> list[Entry]:
    return [story(n, **other) for n in numbers]


class Newsroom:
    """A memory of aliases as storage keeps them, fed poll by poll."""

    def __init__(self) -> None:
        self.aliases: dict[str, int] = {}
        self.articles: dict[int, KnownArticle] = {}
        self.posts = 0
        self.edits = 0

    def poll(self, entries: Sequence[Entry], now: float = NOW, *, feed_id: int = 1, repeated: Any = ()) -> list[Any]:
        keys = document_keys(entries, host="news.test", repeated=repeated)
        known = {key: self.articles[self.aliases[key]] for of in keys for key in of if key in self.aliases}
        verdicts = recognise(entries, keys, known, now, feed_id=feed_id)
        self.posts = sum(isinstance(verdict, New) for verdict in verdicts)
        self.edits = sum(isinstance(verdict, Edited) for verdict in verdicts)
        for verdict in verdicts:
            self._store(verdict, int(now), feed_id)
        return verdicts

    def _store(self, verdict: New | Known | Edited | Old, now: int, feed_id: int) -> None:
        entry = verdict.entry
        if isinstance(verdict, New | Old):
            number = len(self.articles) + 1
            told = (fingerprint(entry), entry.title, entry.lead, entry.published, now, entry.link)
            self.articles[number] = KnownArticle(number, *told, feed_id=feed_id)
        else:
            number = verdict.article_id
        if isinstance(verdict, Edited):
            old = self.articles[number]
            self.articles[number] = replace(
                old, fingerprint=fingerprint(entry), title=entry.title, lead=entry.lead,
                edits=old.edits + 1, edited_at=now,
            )  # fmt: skip
        self.aliases |= dict.fromkeys(verdict.keys, number)


@pytest.fixture
def room() -> Newsroom:
    room = Newsroom()
    room.poll(stories(*range(10, 40)))
    return room


def test_nothing_changed(room: Newsroom) -> None:
    room.poll(stories(*range(10, 40)), NOW + 60)
    assert (room.posts, room.edits) == (0, 0)


def test_http_to_https_guids_and_one_new(room: Newsroom) -> None:
    moved = [replace(e, guid=e.guid.replace("http://www.", "https://")) for e in stories(*range(10, 39))]
    room.poll([story(5), *moved])
    assert (room.posts, room.edits) == (1, 0)


@pytest.mark.parametrize("links", ["same", "new"])
def test_cms_migration_with_all_new_guids(room: Newsroom, links: str) -> None:
    entries = stories(5, *range(10, 39))
    if links == "new":
        entries = [replace(e, link=f"https://news.test/archive/{i}") for i, e in enumerate(entries)]
    room.poll([replace(e, guid=f"urn:uuid:{i}") for i, e in enumerate(entries)])
    assert (room.posts, room.edits) == (1, 0)


def test_five_polls_of_rotating_utm_without_guids() -> None:
    room = Newsroom()
    for poll in range(6):
        link = f"?utm_source=rss&utm_campaign=c{poll}&yclid={poll}"
        room.poll([replace(e, guid="", link=e.link + link) for e in stories(*range(10, 40))])
        assert room.posts == (0 if poll else 30)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/otkrylsya-most-1769446000/", "/otkryt-most-1769446000/"),
        ("/6420123-otkrylsya-most.html", "/6420123-otkryt-most.html"),
        ("/otkrylsya-most/", "/otkryt-most/"),
    ],
)
def test_headline_corrected_with_the_slug_in_guid_and_link(room: Newsroom, before: str, after: str) -> None:
    old = story(3, guid="https://news.test" + before, link="https://news.test" + before)
    room.poll([old])
    new = replace(old, guid="https://news.test" + after, link="https://news.test" + after, title="Открыт новый мост")
    room.poll([new, *stories(*range(10, 39))], NOW + 600)
    assert (room.posts, room.edits) == (0, 1)


def test_same_guid_on_every_item() -> None:
    room = Newsroom()
    room.poll(stories(*range(10, 40), guid="news"))
    room.poll(stories(1, 2, 3, *range(10, 37), guid="news"))
    assert (room.posts, room.edits) == (3, 0)
    # only the unseen item was parsed, the others are known to carry this guid too
    room.poll(stories(0, guid="news"), repeated={"news"})
    assert room.posts == 1


def test_same_link_on_every_item() -> None:
    room = Newsroom()
    live = "https://news.test/live"
    room.poll(stories(10, 11, link=live))
    for n in (3, 2, 1):
        room.poll(stories(n, link=live), repeated={live})
        assert room.posts == 1


def test_an_article_twice_in_one_document_keeps_its_names() -> None:
    first, second = document_keys([story(1), replace(story(1), categories=("x",))], host="news.test")
    assert first == second
    assert first[0].startswith("g:")


def test_nameless_entries_are_known_by_their_text() -> None:
    room = Newsroom()
    both = [Entry(link="https://news.test/", title="Раз"), Entry(link="https://news.test/", title="Два")]
    room.poll(both)
    assert room.posts == 2
    room.poll(both)
    assert room.posts == 0


def test_cut_to_one_item_by_a_cache_then_whole_again(room: Newsroom) -> None:
    room.poll(stories(10))
    assert room.posts == 0
    room.poll(stories(5, *range(10, 39)))
    assert (room.posts, room.edits) == (1, 0)


def test_newest_withdrawn_and_old_ones_slide_back(room: Newsroom) -> None:
    days_ago = story(40, published=NOW - 3 * DAY)
    months_ago = story(41, published=NOW - 90 * DAY)
    verdicts = room.poll([*stories(*range(11, 40)), days_ago, months_ago])
    assert room.posts == 0
    assert [type(verdict) for verdict in verdicts[-2:]] == [Old, Old]


def test_what_is_older_than_all_that_was_there_at_first_slid_back() -> None:
    def recognised(entries: Sequence[Entry]) -> list[Any]:
        return recognise(entries, document_keys(entries, host="news.test"), {}, NOW, since=NOW - 4000)

    verdicts = recognised(stories(50, 60, published=NOW - 5000))
    assert [type(verdict) for verdict in verdicts] == [Old, Old]
    assert isinstance(recognised([story(1)])[0], New)


@pytest.mark.parametrize("change", [{}, {"published": NOW - 1}])
def test_old_article_bumped_to_the_top(room: Newsroom, change: dict[str, int]) -> None:
    room.poll([replace(story(39), **change), *stories(*range(10, 39))])
    assert (room.posts, room.edits) == (0, 0)
    unknown = story(99, published=NOW - 2 * DAY)
    assert isinstance(room.poll([unknown, *stories(*range(10, 39))])[0], Old)


@pytest.mark.parametrize("lead", ["Доллар стоит 512 тенге", "Национальный банк объявил курсы на завтра"])
def test_recurring_headline(room: Newsroom, lead: str) -> None:
    title = "Курс валют на сегодня"
    room.poll([story(1, title=title, lead="Национальный банк объявил курсы на завтра", published=NOW - 100)])
    room.poll([story(0, title=title, lead=lead, published=NOW + DAY - 100)], NOW + DAY)
    assert (room.posts, room.edits) == (1, 0)


def test_same_article_in_two_section_feeds(room: Newsroom) -> None:
    worded_otherwise = replace(story(10), lead="", guid="sport-10")
    (verdict,) = room.poll([worded_otherwise], feed_id=2)
    assert isinstance(verdict, Known)
    assert not verdict.postponed


def test_a_clock_that_stands_still_loses_no_news() -> None:
    room = Newsroom()
    stuck = NOW - 400 * DAY
    room.poll(stories(10, 11, published=stuck))
    (verdict, *_) = room.poll(stories(5, 10, 11, published=stuck))
    assert isinstance(verdict, New)
    assert verdict.entry.published is None


def test_edits_wait_for_each_other_and_end(room: Newsroom) -> None:
    first = story(10, title="Сегодня в городе открылся мост")
    room.poll([first], NOW + 10)
    assert room.edits == 1
    second = replace(first, title="В городе сегодня открылся мост")
    (verdict,) = room.poll([second], NOW + 60)
    assert isinstance(verdict, Known)
    assert verdict.postponed
    room.poll([second], NOW + 131)
    assert room.edits == 1
    for n in range(EDITS_LIMIT - 2):
        room.poll([replace(first, lead=f"Дополнено {n}")], NOW + 300 * (n + 1))
        assert room.edits == 1
    (verdict,) = room.poll([first], NOW + 5 * HOUR)
    assert isinstance(verdict, Known)
    assert not verdict.postponed
    room.poll([first], NOW + 3 * DAY)
    assert room.edits == 1


def test_typography_is_no_edit() -> None:
    one, other = Entry(title="«Мост» — открыт…"), Entry(title='"Мост"  - от\u00adкрыт...')
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(Entry(title="«Мост» — открыт?"))
    assert fingerprint(replace(one, image="https://i/a?sig=1")) == fingerprint(replace(one, image="https://i/a?sig=2"))
    assert fingerprint(replace(one, image="https://i/a")) != fingerprint(one)


@pytest.mark.parametrize(
    ("change", "posts"),
    [
        ({"title": "Погода на завтра в области", "lead": ""}, 1),
        ({"title": "Сегодня в городе открылся мост", "lead": ""}, 0),
        ({"title": "Погода на завтра в области"}, 0),
    ],
)
def test_a_number_alone_is_no_name(change: dict[str, Any], posts: int) -> None:
    room = Newsroom()
    number = "https://news.test/%s-1769446000/"
    room.poll([story(1, guid="", link=number % "most")])
    room.poll([story(1, guid="", link=number % "pogoda", **change)])
    assert room.posts == posts


def test_a_number_with_the_same_second_is_one_unless_it_is_that_second() -> None:
    room = Newsroom()
    room.poll([story(1, guid="", link="https://news.test/most/512345")])
    room.poll([story(1, guid="", link="https://news.test/x/512345", title="Совсем другое", lead="Иначе")])
    assert (room.posts, room.edits) == (0, 1)


def test_keys() -> None:
    entry = Entry(guid="17", link="https://m.news.test/20261124/a_b1234567/?id=3", title="Раз два три четыре")
    keys = aliases(entry, host="WWW.news.test", unique_guids={"17"})
    assert keys[:3] == ("g:news.test:17", "u:https://m.news.test/20261124/a_b1234567?id=3", "n:m.news.test:1234567")
    assert keys[3].startswith("t:")
    front = Entry(guid="https://news.test/#4", link="https://news.test/", title="Раз два")
    assert aliases(front, host="news.test", unique_guids={front.guid}) == ("g:news.test/#4",)
    assert aliases(front, host="news.test", unique_guids=()) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://news.test/a/b?id=1",
        "http://www.news.test/a/b/?id=1",
        "HTTPS://NEWS.test:443/a//b/amp/?utm_source=x&id=1&ysclid=q&from=rss#top",
        " http://news.test:80/a/b/amp?gclid=1&id=1&fbclid=2&yclid=3 ",
    ],
)
def test_canonical_links(url: str) -> None:
    assert canonical_link(url) == "https://news.test/a/b?id=1"


def test_canonical_links_of_other_kinds() -> None:
    assert canonical_link("https://news.test/мост") == canonical_link("https://news.test/%D0%BC%d0%be%D1%81%D1%82")
    assert canonical_link("http://[2606:4700::1]:8080/a") == "https://[2606:4700::1]:8080/a"
    for url in ("", "news.test", "ftp://news.test/a", "javascript:x", "http://[bad", "https:///a", "http://x:99999/"):
        assert canonical_link(url) == ""


def test_flood() -> None:
    assert [flood(n, 30) for n in (18, 19)] == [False, True]
    assert [flood(n, 10) for n in (10, 11)] == [False, True]


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=60) | st.text(alphabet="/?&#=.:%amp41wфutm_-@[]", max_size=40).map("https://News.test/".__add__)
)
def test_canonical_link_never_breaks_and_is_its_own(url: str) -> None:
    once = canonical_link(url)
    assert canonical_link(once) == once


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Entry, *[st.text(max_size=20)] * 4, published=st.none() | st.integers(0, 2**33)), max_size=4))
def test_any_entries_are_recognised_at_the_second_sight(entries: list[Entry]) -> None:
    room = Newsroom()
    room.poll(entries)
    verdicts = room.poll(entries)
    assert all(isinstance(verdict, Known | Edited) for verdict in verdicts)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"title": "«Спорт» 10"}, False),
        ({"title": "СПОРТ — 10"}, False),
        ({"image": "https://e.kz/other.png"}, False),
        ({"title": "Спорт 11"}, True),
        ({"lead": "Не так"}, True),
        ({"lead": ""}, True),
    ],
)
def test_a_material_edit_changes_words(changes: dict[str, str], counts: bool) -> None:
    article = KnownArticle(1, "f", "Спорт 10", "Так.", None, 0)
    entry = replace(story(10), title="Спорт 10", lead="Так.", image="https://e.kz/1.png")
    assert material(replace(entry, **changes), article) is counts
