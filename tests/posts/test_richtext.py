"""Text with entities: offsets, limits, feed HTML."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.post import RichText
from bot.posts.richtext import (
    MAX_ENTITIES,
    bold,
    clip,
    concat,
    from_html,
    join,
    link,
    plain,
    strip,
    styled,
    to_plain,
    units,
)
from tests.factories import growth


def pieces(rich: RichText) -> list[tuple[str, str]]:
    """Each entity's type and the text below it."""
    raw = rich.text.encode("utf-16-le")
    return [
        (e["type"], raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")) for e in rich.entities
    ]


def assert_sound(rich: RichText) -> None:
    """Entities in order, inside the text, on whole signs, not too many."""
    rich.text.encode()
    keys = [(e["offset"], -e["length"]) for e in rich.entities]
    assert keys == sorted(keys)
    assert len(keys) <= MAX_ENTITIES
    assert all(text for _, text in pieces(rich))
    assert all(e["offset"] + e["length"] <= units(rich.text) for e in rich.entities)


def test_offsets_count_utf16_units() -> None:
    rich = concat("🔴 ", bold("СРОЧНО"), " ", link(bold("a🏆b"), "https://a.kz"))
    assert rich.entities[0] == {"type": "bold", "offset": 3, "length": 6}
    assert pieces(rich) == [("bold", "СРОЧНО"), ("text_link", "a🏆b"), ("bold", "a🏆b")]


def test_what_is_empty_leaves_no_trace() -> None:
    assert join("\n", ["", bold(""), "a", RichText(), "b"]) == RichText("a\nb")
    assert link("a", "javascript:1") == RichText("a")


def test_foreign_text_is_cleaned() -> None:
    assert plain("и\u0306\r\x00a\u202eb\u2028c\ud800").text == "й ab\nc\ufffd"


def test_at_most_a_hundred_entities() -> None:
    assert len(join(" ", [bold("a")] * 150).entities) == MAX_ENTITIES


def test_strip_moves_and_trims_entities() -> None:
    rich = concat(bold(" \n"), styled(" a ", "italic"), bold("  "))
    assert strip(rich) == RichText("a", ({"type": "italic", "offset": 0, "length": 1},))


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("one two three", 9, "one two…"),
        ("one two, three", 9, "one two…"),
        ("abcdef", 4, "abc…"),
        ("abc def", 4, "abc…"),
        ("🏆🏆🏆", 4, "🏆…"),
        ("ab\u0323\u0302c", 4, "a…"),
        ("a👩\u200d👧b", 6, "a…"),
        ("a👍🏽b", 4, "a…"),
        ("a🇰🇿b", 4, "a…"),
        ("word", 1, "…"),
        ("word", 0, ""),
        ("w" * 100 + " " + "w" * 100, 180, "w" * 100 + " " + "w" * 78 + "…"),
    ],
)
def test_clip_ends_at_a_word_or_a_whole_sign(text: str, limit: int, expected: str) -> None:
    assert clip(RichText(text), limit).text == expected


def test_clip_shortens_entities_and_drops_halved_emoji() -> None:
    rich = concat("ab ", bold("cd ef"), styled("gh", "italic"))
    assert pieces(clip(rich, 7)) == [("bold", "cd…")]
    emoji = RichText("a 👍👍", ({"type": "custom_emoji", "offset": 2, "length": 4, "custom_emoji_id": "1"},))
    assert clip(emoji, 5).entities == ()


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(), st.booleans())), st.integers(0, 60))
def test_whatever_is_clipped_is_sound(parts: list[tuple[str, bool]], limit: int) -> None:
    whole = concat(*(bold(text) if is_bold else text for text, is_bold in parts))
    for rich in (whole, strip(whole), clip(whole, limit), clip(strip(whole), limit)):
        assert_sound(rich)
    assert units(clip(whole, limit).text) <= limit


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>Раз\n два</p><p>Три</p>", "Раз два\n\nТри"),
        ("Раз<br>Два<br/><br>Три", "Раз\nДва\n\nТри"),
        ("<ul><li>а</li><li>б</li></ul>в", "• а\n• б\n\nв"),
        ("<table><tr><td>USD</td><td>498</td></tr></table>", "USD 498"),
        ("Цена <100 тенге и <тенге>", "Цена <100 тенге и <тенге>"),
        ("A &amp; B&nbsp;&laquo;C&raquo;", "A & B «C»"),
        ("<script>x<p>y</script>a<STYLE>p{}</style >b", "ab"),
        ("a<script>b", "a"),
        ("a<!-- b -->c<!doctype x><?php y?>d", "acd"),
        ("a<!-- b", "a"),
        ("<![CDATA[a<b]]>c", "a<bc"),
        ("<![CDATA[a", "a"),
        ('<img src="/x.jpg" alt="b">a<font color=red>b</font>', "ab"),
        ('<a title="x > y" href="/z">a</a>', "a"),
        ('a <b "c', 'a <b "c'),
        ('a <b "c> <i>d</i>', "a d"),
        ("a < b > c", "a < b > c"),
        ("<pre>\n a\n  b\n</pre><pre>\n</pre>c", "a\n  b\n\nc"),
    ],
)
def test_feed_html_becomes_text(html: str, text: str) -> None:
    assert to_plain(html) == text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h2>Заголовок</h2>текст", [("bold", "Заголовок")]),
        ("<b>a<strong>b</strong></b>", [("bold", "ab")]),
        ("<i>a <b>b</i> c</b>", [("italic", "a b"), ("bold", "b")]),
        ("a <em> b </em> c", [("italic", "b")]),
        ("<u>a</u><del>b</del></del>", [("underline", "a"), ("strikethrough", "b")]),
        ("<blockquote><p>a</p><blockquote>b</blockquote></blockquote>", [("blockquote", "a\n\nb")]),
        ("<code>a<b>b</b></code>", [("code", "ab")]),
        ("<li><b>a</b>", [("bold", "a")]),
        ("<b></b><a href='https://a.kz'>", []),
        ("<b>a", [("bold", "a")]),
    ],
)
def test_formatting_is_kept(html: str, expected: list[tuple[str, str]]) -> None:
    assert pieces(from_html(html)) == expected


@pytest.mark.parametrize(
    ("attribute", "url"),
    [
        ('href="/a?b=1&amp;c=2"', "https://s.kz/a?b=1&c=2"),
        ("class=x HREF='b'", "https://s.kz/n/b"),
        ("href=//t.kz/1", "https://t.kz/1"),
        ("href=tg://resolve?domain=x", "tg://resolve?domain=x"),
        ("href=javascript:1", ""),
        ("data-href=/a", ""),
        ("href=#top", ""),
        ("href=''", ""),
        ("href='http://[1'", ""),
    ],
)
def test_links_are_absolute_or_gone(attribute: str, url: str) -> None:
    found = from_html(f"<a {attribute}>a</a>", "https://s.kz/n/")
    assert [e.get("url") for e in found.entities] == ([url] if url else [])
    assert found.text == "a"


def test_links_do_not_nest() -> None:
    html = "<a href='https://a.kz'>a<a href='https://b.kz'>b</a>"
    assert pieces(from_html(html)) == [("text_link", "a"), ("text_link", "b")]


MARKUP = st.sampled_from(
    [
        "<b>",
        "</b>",
        "<a href='/x'>",
        "</a>",
        "<p>",
        "<br>",
        "<li>",
        "<pre>",
        "</pre>",
        "<",
        ">",
        '"',
        "<!--",
        "🏆",
        " ",
        "а",
    ]
)


@settings(max_examples=100)
@given(st.lists(MARKUP | st.text(max_size=5)).map("".join))
def test_any_html_is_survived(html: str) -> None:
    assert_sound(from_html(html, "https://s.kz"))


@pytest.mark.parametrize(
    "bait",
    [
        "<",
        "<a ",
        '<a "',
        "<a '>",
        "<b>",
        "</b>",
        "<!--",
        "<![CDATA[",
        "<!",
        "&",
        "<script>",
        "<p><b><i>a",
        "a=b ",
        "<pre>",
        "href = ",
    ],
)
def test_reading_html_is_linear(bait: str) -> None:
    # Eight times as much: about eight times the work, not sixty-four times.
    assert growth(lambda text: (from_html(text), from_html(f"<a {text}>")), bait) < 24
