"""Who gets what, and how waiting posts become broadcasts."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery.audience import (
    ROUND_SECONDS,
    Offer,
    Waiting,
    audience_of,
    concerns,
    gather,
    joint,
    languages_for,
    overdue,
)
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Kind, Lane
from bot.domain.post import Post, PostKind
from bot.domain.recipient import Recipient

ALL = ("ru", "kk", "en")
RU = Offer(ALL, ["ru"], 0b1000)
POST = Post(1, PostKind.ARTICLE, 1, sections=0b1, created_at=0, language="ru")


@pytest.mark.parametrize(
    ("language", "fed", "readers_of"),
    [
        ("ru", ["ru"], ()),  # one Russian feed: everybody gets what there is
        ("ru", ["ru", "kk"], ("ru", "en")),  # Kazakh readers have news of their own
        ("kk", ["ru", "kk"], ("kk", "en")),
        ("ru", ALL, ("ru",)),
        ("en", ["ru", "kk"], ("en",)),  # an English story of a feed that says otherwise
        ("de", ["de"], ()),  # a language that the bot does not speak fits all as well as any
        ("", [], ()),
    ],
)
def test_languages(language: str, fed: list[str], readers_of: tuple[str, ...]) -> None:
    assert languages_for(replace(POST, language=language), ALL, fed) == readers_of
    assert languages_for(replace(POST, language=language, everybody=True), ALL, fed) == ()


@given(st.sets(st.sampled_from(ALL)), st.sampled_from(ALL))
def test_nobody_is_left_without_news(fed: set[str], reader: str) -> None:
    """Whatever feeds there are: some feed's posts fit each reader, their own language's first of all."""
    fitting = {
        lang for lang in fed if (fits := languages_for(replace(POST, language=lang), ALL, fed)) == () or reader in fits
    }
    assert fitting == ({reader} if reader in fed else fed)


def test_a_post_that_gained_a_section_spares_those_who_have_it() -> None:
    post = replace(POST, sections=0b110)
    assert audience_of(post, 0, RU) == Audience(sections=0b110, language="ru")
    assert audience_of(post, 0b010, RU) == Audience(sections=0b100, besides=0b010, language="ru")


def waits(number: int, *, readers: int = 100, served: int = 0) -> Waiting:
    post = replace(POST, id=number, sections=1 << (number % 5) | served)
    return Waiting(post, served, audience_of(post, served, RU), readers)


def test_one_by_one_while_ten_minutes_are_enough() -> None:
    room = int(29 * ROUND_SECONDS)
    two = [waits(1, readers=room // 2), waits(2, readers=room // 2)]
    assert gather(two, rate=29, under_way=0) == [[two[0]], [two[1]]]
    assert gather(two[:1], rate=29, under_way=room // 2) == [[two[0]]]
    assert gather([], rate=29, under_way=room) == []


def test_beyond_that_in_rounds() -> None:
    three = [waits(1, readers=200_000), waits(2, readers=200_000), waits(3, readers=200_000, served=0b1)]
    assert gather(three, rate=29, under_way=1) == []
    assert gather(three, rate=29, under_way=0) == [three[:2], [three[2]]], "who has it already gets no list"
    assert gather(three[2:], rate=29, under_way=0) == [[three[2]]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300_000), max_size=6), st.lists(st.booleans(), max_size=6), st.integers(0, 400_000))
def test_gathering_loses_and_doubles_nothing(readers: list[int], served: list[bool], under_way: int) -> None:
    waiting = [
        waits(n, readers=count, served=0b100000 if n < len(served) and served[n] else 0)
        for n, count in enumerate(readers)
    ]
    groups = gather(waiting, rate=29, under_way=under_way)
    started = sorted(item.post.id for group in groups for item in group)
    assert started in ([], [item.post.id for item in waiting])
    if not started and waiting:
        assert under_way, "something has to move when nothing is under way"
    assert all(len(group) == 1 for group in groups for item in group if item.served)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=20, max_size=60), st.integers(20_000, 300_000))
def test_a_large_newsroom_is_at_most_two_rounds_behind(arrivals: list[int], readers: int) -> None:
    """Minute by minute: every post is out by the end of the round after the one that was running when it came."""
    per_minute, under_way, waiting, came = 29 * 60, 0, [], {}
    longest = 2 * (readers / per_minute + 1)
    for minute in range(len(arrivals) + int(3 * longest)):
        for _ in range(arrivals[minute] if minute < len(arrivals) else 0):
            waiting.append(waits(len(came) + 1, readers=readers))
            came[len(came) + 1] = minute
        under_way = max(0, under_way - per_minute)
        for group in gather(waiting, rate=29, under_way=under_way):
            under_way += readers  # a round has one list per reader, however many posts it carries
            for item in group:
                assert minute - came[item.post.id] <= longest
                waiting.remove(item)
    assert not waiting


HOUR = 3600


def runs(number: int, **change: Any) -> Broadcast:
    made = Broadcast(
        number, f"post:{number}/0", Lane.REGULAR, BroadcastState.RUNNING, Audience(sections=0b1), 1024, 0, 0, 9, 0, 0, 0
    )
    return replace(made, **change)


def together(open_: list[Broadcast], waiting: list[Waiting], now: float = 6 * HOUR) -> tuple[list[int], list[int]]:
    """What becomes one list: ids of broadcasts and of posts, six hours for the first section, one for others."""
    late, old = overdue(open_, waiting, valid_for=lambda mask: 6 * HOUR if mask & 1 else HOUR, now=now)
    return [one.id for one in late], [item.post.id for item in old]


def test_what_is_late_goes_on_together() -> None:
    two = [runs(1), runs(2)]
    assert together(two, [], 6 * HOUR - 1) == ([], [])
    assert together(two, []) == ([1, 2], [])
    assert together([runs(1), runs(2, started_at=HOUR)], []) == ([], []), "one late thing alone"
    assert together([runs(1), runs(2, started_at=HOUR), runs(3)], []) == ([1, 3], [])
    assert together([runs(1)], [waits(5)]) == ([1], [5])
    assert together([], [waits(5), waits(1)], HOUR) == ([], [])
    assert together([], [waits(6), waits(1)], HOUR) == ([], [6, 1])


@pytest.mark.parametrize(
    "change",
    [
        {"lane": Lane.BREAKING},
        {"kind": Kind.EDIT, "target_id": 1},
        {"state": BroadcastState.PAUSED},
        {"state": BroadcastState.COUNTDOWN},
        {"audience": Audience(sections=0b1, besides=0b10)},
    ],
)
def test_what_is_never_made_a_list(change: dict[str, Any]) -> None:
    assert together([runs(1), runs(2), runs(3, **change)], [waits(5, served=0b100000)]) == ([1, 2], [])


def test_a_late_list_grows_but_is_no_reason_for_one() -> None:
    lists = runs(9, key="late:1,2", started_at=6 * HOUR)
    assert together([lists], [], 99 * HOUR) == ([], [])
    assert together([runs(3, started_at=HOUR), lists], [], 6 * HOUR) == ([], [])
    assert together([runs(3, started_at=HOUR), lists], [], 7 * HOUR) == ([3, 9], [])


def test_a_list_begins_where_the_first_of_its_sends_has_been() -> None:
    halfway = runs(1, horizon=4 * 1024 - 1, start_block=3, cursor=2)
    assert int(halfway.place * halfway.blocks) == 1
    assert runs(1, horizon=0).place == 0.0


READERS = [
    Recipient(n, n, 0, language, sections)
    for n, (language, sections) in enumerate((lang, mask) for lang in ALL for mask in range(8))
]


def reached(audience: Audience) -> set[int]:
    """The rule as storage applies it."""
    return {
        reader.id
        for reader in READERS
        if (not audience.sections or audience.sections & reader.sections)
        and not audience.besides & reader.sections
        and (not audience.languages or reader.language in audience.languages)
    }


def test_a_round_reaches_whoever_one_of_its_posts_concerns() -> None:
    single = [
        Audience(sections=mask, languages=languages)
        for mask in range(1, 8)
        for languages in ((), ("ru",), ("ru", "kk"))
    ]
    for pair in combinations(single, 2):
        together = reached(joint(pair))
        wanted = {reader.id for reader in READERS if any(concerns(audience, reader) for audience in pair)}
        assert together >= wanted
    for audience in single:
        assert joint([audience]) is audience
        assert reached(audience) == {reader.id for reader in READERS if concerns(audience, reader)}


def test_a_single_post_keeps_whom_it_spares() -> None:
    spares = Audience(sections=0b100, besides=0b010)
    assert joint([spares]) == spares
