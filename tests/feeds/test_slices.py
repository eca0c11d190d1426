"""Cutting gives the same entries as parsing everything, and says no when it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds.slices import FULL_EVERY, Full, Only, SliceMemory, Slices, Unchanged, cut

HEAD = b"<?xml version='1.0'?><rss><channel><title>T</title><lastBuildDate>%d</lastBuildDate>"


def rss(*items: bytes, built: int = 1) -> bytes:
    return HEAD % built + b"\n".join(b"<item>" + item + b"</item>" for item in items) + b"</channel></rss>"


def slices(*items: bytes, built: int = 1) -> Slices:
    found = cut(rss(*items, built=built))
    assert found
    return found


def test_cut_and_join() -> None:
    got = slices(b"<guid>1</guid>", b"<guid>2</guid>", b"<guid>3</guid>")
    assert got.items[1] == b"<item><guid>2</guid></item>"
    assert got.only((0, 2)) == rss(b"<guid>1</guid>", b"<guid>3</guid>")
    assert got.only(range(3)) == rss(b"<guid>1</guid>", b"<guid>2</guid>", b"<guid>3</guid>")
    assert len(set(got.hashes)) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"<feed><entry a='1'>x</entry> <entry>y</entry></feed>",
        b"<rdf:RDF><channel><items><rdf:Seq/></items></channel><item rdf:about='u'>x</item><item>y</item></rdf:RDF>",
        b"<r:rss><r:item>x</r:item><r:item>y</r:item></r:rss>",
        b"<rss><item><![CDATA[</item><item>]]></item><item><!-- <item> --><?x <item> ?></item></rss>",
    ],
)
def test_kinds_of_documents(body: bytes) -> None:
    got = cut(body)
    assert got
    assert len(got.items) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<rss></rss>",
        b"<rss><item>",
        b"<rss><item>x</item><item",
        b"<rss><item>x</item><![CDATA[ <item>",
        b"<rss></item></rss>",
        b"<rss><item><item></item></item></rss>",
        b"<rss><item>x</item><entry>y</entry></rss>",
        b"<rss><item>x</item> text <item>y</item></rss>",
        b"<rss><item/><item>y</item></rss>",
    ],
)
def test_what_is_no_plain_list_is_not_cut_or_only_where_it_is_whole(body: bytes) -> None:
    got = cut(body)
    assert got is None or len(got.items) == 1


def test_what_several_items_share_names_none_of_them() -> None:
    guid = b"<guid isPermaLink='false'>%s</guid>"
    titled = guid % b"<![CDATA[a]]>" + b"<title>t</title>"
    got = slices(guid % b"a", titled, guid % b"b &amp; c", b"<title>no guid</title>")
    assert got.repeated([0]) == {"a"}
    feed = cut(
        b"<feed><entry><id>x&amp;y</id><link rel='self' href='/live'/></entry>"
        b"<entry><id> x&amp;y </id><link>/live</link><title>t</title></entry></feed>"
    )
    assert feed
    assert feed.repeated(range(len(feed.items))) == {"x&y", "/live"}


def test_an_item_that_stands_twice_shares_with_nobody() -> None:
    item = b"<guid>1</guid><link>/a</link><title>t</title><category>%s</category>"
    assert slices(item % b"x", item % b"y").repeated([0, 1]) == frozenset()


def primed(*items: bytes) -> SliceMemory:
    memory = SliceMemory()
    plan = memory.plan(slices(*items))
    assert plan == Full()
    assert memory.read(plan, parsed=len(items), expected=len(items), clean=True)
    return memory


def test_only_the_unseen_items_are_parsed() -> None:
    memory = primed(b"1", b"2")
    plan = memory.plan(slices(b"3", b"1", b"2*", built=9))
    assert plan == Only((0, 2))
    assert memory.read(plan, parsed=2, expected=2, clean=True)
    assert memory.plan(slices(b"3", b"1", b"2*")) == Unchanged()


def test_another_head_or_an_uncut_document_is_parsed_whole() -> None:
    memory = primed(b"1")
    other = cut(rss(b"1").replace(b"<title>T", b"<title>U"))
    assert memory.plan(other) == Full()
    assert memory.plan(None) == Full()
    assert memory.read(Full(), parsed=0, expected=0, clean=True)
    assert memory.plan(slices(b"1")) == Full()


def test_a_failed_part_asks_for_the_whole_at_once() -> None:
    memory = primed(b"1")
    plan = memory.plan(slices(b"2", b"1"))
    assert not memory.read(plan, parsed=0, expected=1, clean=True)
    plan = memory.plan(slices(b"2", b"1"))
    assert plan == Full()
    assert memory.read(plan, parsed=2, expected=2, clean=False), "a whole document that is not clean is not tried again"
    assert memory.plan(slices(b"2", b"1")) == Full()


def test_every_fiftieth_poll_parses_everything() -> None:
    memory = primed(b"1")
    plans = []
    for _ in range(2 * FULL_EVERY):
        plan = memory.plan(slices(b"1"))
        memory.read(plan, parsed=1, expected=1, clean=True)
        plans.append(isinstance(plan, Full))
    assert [i for i, full in enumerate(plans, 1) if full] == [FULL_EVERY, 2 * FULL_EVERY]


@settings(max_examples=80)
@given(
    st.lists(
        st.sampled_from(
            [
                b"<item>",
                b"</item>",
                b"<![CDATA[",
                b"]]>",
                b"<!--",
                b"-->",
                b"<?",
                b"?>",
                b"x",
                b"<entry",
                b"<item/>",
                b" ",
            ]
        )
    )
)
def test_nothing_is_lost_or_made_up(parts: list[bytes]) -> None:
    body = b"".join(parts)
    got = cut(body)
    if got:
        joined = got.prolog + b"".join(got.items) + got.epilog
        assert joined.translate(None, b" ") == body.translate(None, b" ")


def test_not_more_than_so_many_marks_are_looked_at() -> None:
    body = b"<rss>" + b"<item><![CDATA[x]]></item>" * 10 + b"</rss>"
    assert cut(body, 30) == cut(body)
    assert cut(body, 29) is None
    assert cut(b"<rss><item></item>" + b"<!--x-->" * 10 + b"</rss>", 5) is None


def test_more_marks_than_allowed_are_left_whole() -> None:
    body = b"<rss><item>x</item><item>y</item></rss>"
    assert cut(body, most=4)
    assert cut(body, most=3) is None
