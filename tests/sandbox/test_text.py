"""The text side of the stand-in: Telegram's own answers (samples), its limits, and hostile input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.entities import check_link, find_automatic, utf16_length
from bot.sandbox.text import Entity, TextError, finish, format_text, normalise, parse_html

SAMPLES = Path(__file__).parent.parent / "samples"
VECTORS: list[dict[str, Any]] = json.loads((SAMPLES / "html_vectors.json").read_text("utf-8"))
HASHTAGS: list[dict[str, Any]] = json.loads((SAMPLES / "hashtags.json").read_text("utf-8"))

NAMES = {
    "TextUrl": "text_link",
    "MentionName": "text_mention",
    "PreCode": "pre",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "expandable_blockquote",
    "CustomEmoji": "custom_emoji",
    "DateTime": "date_time",
}


def _entity(found: dict[str, Any]) -> Entity:
    """An entity of the samples, which are in TDLib's spelling, in ours."""
    kind = dict(found["type"])
    name = kind.pop("@type").removeprefix("textEntityType")
    form = kind.pop("formatting_type", None)
    if name == "DateTime":
        relative = form and form["@type"].endswith("Relative")
        signs = {"None": "", "Short": "dt", "Long": "DT"}
        parts = [
            signs[form[key]["@type"].removeprefix("dateTimePartPrecision")][place]
            for place, key in enumerate(("date_precision", "time_precision"))
            if form and not relative
        ]
        week = "w" if form and form.get("show_day_of_week") else ""
        kind["date_time_format"] = "r" if relative else week + "".join(parts)
    return Entity(NAMES.get(name, name.lower()), found["offset"], found["length"], **kind)


def _spell(text: str, entities: list[Entity]) -> list[tuple[str, str]]:
    """Each entity's kind with the characters it covers."""
    units = text.encode("utf-16-le")
    return [(e.type, units[e.offset * 2 : e.end * 2].decode("utf-16-le")) for e in entities]


def _automatic(text: str) -> list[tuple[str, str]]:
    return _spell(text, find_automatic(text))


def _send(
    text: str, entities: object = None, *, mode: str | None = "HTML", limit: int = 4096
) -> tuple[str, list[Entity]]:
    return format_text(text, parse_mode=mode, entities=entities, limit=limit, what="message")


def _refusal(text: str, entities: object = None, *, mode: str | None = "HTML", limit: int = 4096) -> str:
    with pytest.raises(TextError) as caught:
        _send(text, entities, mode=mode, limit=limit)
    return caught.value.description


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["html"][:40])
def test_html_is_read_as_telegram_reads_it(vector: dict[str, Any]) -> None:
    if "error" in vector:
        with pytest.raises(TextError) as caught:
            parse_html(vector["html"])
        assert caught.value.description == "c" + vector["error"][1:]
        return
    parsed = parse_html(vector["html"])
    assert parsed == (vector["text"], [_entity(found) for found in vector["parsed"]])
    assert normalise(*parsed, trim=False) == (vector["normal_text"], [_entity(found) for found in vector["normal"]])


@pytest.mark.parametrize("sample", HASHTAGS, ids=lambda sample: sample["text"])
def test_hashtags_are_found_as_telegram_finds_them(sample: dict[str, Any]) -> None:
    found = [covered for kind, covered in _automatic(sample["text"]) if kind == "hashtag"]
    assert found == sample["hashtags"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#" + "ж" * 300, [("hashtag", "#" + "ж" * 256)]),
        ("#ж@ab #123@liter #x@liter_kz#y", [("hashtag", "#ж")]),
        ("$KZT, $USDT@liter $1INCH $TOOLONGNAME $$A a$B $Ая $ 498", ["$KZT", "$USDT@liter", "$1INCH"]),
        ("/start /start@my_bot /подписка a/b //x /x/ /c@ab", ["/start", "/start@my_bot"]),
        ("@liter_kz @gif @abc x@liter @имя", [("mention", "@liter_kz"), ("mention", "@gif")]),
        ("liter.kz, www.liter.kz/a_b? СЛОВО.РФ Liter.Kz слово.Рф", ["liter.kz", "www.liter.kz/a_b", "СЛОВО.РФ"]),
        ("(https://liter.kz/a(b)) liter.kz/c)d [a.kz/x] {a.kz/y}",
         ["https://liter.kz/a(b)", "liter.kz/c", "a.kz/x", "a.kz/y"]),
        ("http://пример.рф ftp://a.kz sftp://a.kz x://a.kz t.me/x", ["http://пример.рф", "ftp://a.kz", "t.me/x"]),
        ("http://x http://x.zz x.zz 1.2.3.4 1.2.3 256.1.1.1 a.xn--p1ai a.xn--",
         ["http://x.zz", "1.2.3.4", "a.xn--p1ai"]),
        ("a-.kz _a.kz a.b a.k_z a.k-z teiegram.org .kz a..kz", []),
        ("liter.kz:80/x liter.kz:99999 liter.kz:0 liter.kz... liter.kz? liter.kz#",
         ["liter.kz:80/x", *["liter.kz"] * 5]),
        ("u:p@liter.kz x@y@liter.kz а@liter.kz", ["u:p@liter.kz", "а@liter.kz"]),
        ("info@liter.kz mailto:info@liter.kz", [("email", "info@liter.kz")] * 2),
        ("tg://resolve?domain=x. ton://y tonsite://foo tonsite://x.ton a:b",
         ["tg://resolve?domain=x", "ton://y", "ite://foo", "tonsite://x.ton"]),
        ("http://ab.kz. Дальше", ["http://ab.kz"]),
        ("+7 701 123-45-67, +77011234567; +7 и +7x",
         [("phone_number", "+7 701 123-45-67"), ("phone_number", "+77011234567")]),
        ("liter.kz/+77011234567 😀 #ә", [("url", "liter.kz/+77011234567"), ("hashtag", "#ә")]),
    ],
)  # fmt: skip
def test_automatic_entities(text: str, found: list[Any]) -> None:
    kinds = _automatic(text)
    assert (kinds if found and isinstance(found[0], tuple) else [covered for _, covered in kinds]) == found


def test_the_whole_road() -> None:
    text, entities = _send("\n <b>Астана 😀 liter.kz</b> #спорт\r\n<i>&lt;</i> ")
    assert text == "Астана 😀 liter.kz #спорт\n<"
    expected = [
        ("bold", "Астана 😀 "),
        ("url", "liter.kz"),
        ("bold", "liter.kz"),
        ("hashtag", "#спорт"),
        ("italic", "<"),
    ]
    assert _spell(text, entities) == expected
    assert entities[1].to_json() == {"offset": 10, "length": 8, "type": "url"}


def test_trimming_stops_at_the_first_entity_and_cuts_the_last() -> None:
    assert _send(" \n<b> x</b>") == (" x", [Entity("bold", 0, 2)])
    assert _send("<i>😀 \n</i><b> </b>") == ("😀", [Entity("italic", 0, 2)])
    assert _send("x<u>\u2028</u>y") == ("xy", [])


def test_lengths_are_code_points_and_offsets_utf16() -> None:
    assert len(_send("😀" * 4096)[0]) == 4096
    assert _refusal("😀" * 4097) == "message is too long"
    assert _send("😀" * 10 + "<b>x</b>")[1] == [Entity("bold", 20, 1)]
    with pytest.raises(TextError, match=r"^message caption is too long$"):
        format_text("я" * 1025, parse_mode=None, entities=None, limit=1024, what="message caption")
    assert format_text(" \n", parse_mode=None, entities=None, limit=1024, what="message caption") == ("", [])


@pytest.mark.parametrize(
    ("text", "mode", "description"),
    [
        ("", "HTML", "message text is empty"),
        (" \n\t", None, "text must be non-empty"),
        ("<b></b>", "html", "text must be non-empty"),
        ("\u200b\u2800\ufeff", "", "text must be non-empty"),
        ("я" * 16385, "HTML", "text is too long"),
        ("x", "bbcode", "unsupported parse_mode"),
        ("x", "MarkdownV2", "unsupported parse_mode: this stand-in reads HTML only"),
        ("\ud800", None, "strings must be encoded in UTF-8"),
        ("\ud800", "HTML", "text must be encoded in UTF-8"),
        (
            "&#xD83D;&#xDE00;",
            "HTML",
            "can't parse entities: Text contains invalid Unicode characters after decoding HTML entities, "
            "check for unmatched surrogate code units",
        ),
        ("<a href='http://a.kz/&#xD800;'>x</a>", "HTML", "messageEntityTextUrl.url must be encoded in UTF-8"),
    ],
)  # fmt: skip
def test_refusals(text: str, mode: str | None, description: str) -> None:
    assert _refusal(text, mode=mode) == description


@pytest.mark.parametrize(
    ("items", "description"),
    [
        ([1], "can't parse MessageEntity: expected an Object"),
        ([{}], 'can\'t parse MessageEntity: Can\'t find field "offset"'),
        ([{"offset": True}], 'can\'t parse MessageEntity: Field "offset" must be a Number'),
        ([{"offset": "01"}], 'can\'t parse MessageEntity: Field "offset" must be a valid Number'),
        ([{"offset": 1.5}], 'can\'t parse MessageEntity: Field "offset" must be a valid Number'),
        ([{"offset": 0, "length": 2**31}], 'can\'t parse MessageEntity: Field "length" must be a valid Number'),
        ([{"offset": 0, "length": 1, "type": None}], 'can\'t parse MessageEntity: Field "type" must be of type String'),
        ([{"offset": 0, "length": 1, "type": ""}], "can't parse MessageEntity: Type is not specified"),
        ([{"offset": 0, "length": 1, "type": "big"}], "can't parse MessageEntity: Unsupported type specified"),
        ([{"type": "text_mention", "user": 5}], 'can\'t parse MessageEntity: Field "user" must be of type Object'),
        ([{"type": "date_time", "unix_time": 5, "date_time_format": "z"}],
         "can't parse MessageEntity: Invalid date-time format specified"),
        ([{"type": "date_time", "unix_time": 0}], "invalid date specified"),
        ([{"type": "custom_emoji", "custom_emoji_id": "0"}], "invalid custom emoji identifier specified"),
        ([{"type": "text_link", "url": "http://x"}], "entity URL 'http://x' is invalid: Wrong HTTP URL"),
        ([{"type": "text_link", "url": ""}], "entity URL '' is invalid: URL host is empty"),
        ([{"type": "text_link", "url": "http://a\u202e:x"}],
         "entity URL 'http://a:x' is invalid: Wrong port number specified in the URL"),
        ([{"type": "pre", "language": "\ud800"}], "messageEntityPreCode.language must be encoded in UTF-8"),
        ([{"type": "bold", "offset": -1}], "receive an entity with incorrect offset -1"),
        ([{"type": "bold", "length": 1000001}], "receive an entity with incorrect length 1000001"),
        ([{"type": "bold", "offset": 1}], "entity begins in a middle of a UTF-16 symbol at byte offset 4"),
        ([{"type": "bold"}],
         "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 4"),
        ([{"type": "bold", "offset": 9}], "entity begins after the end of the text at UTF-16 offset 9"),
        ([{"type": "bold", "length": 9}],
         "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 9"),
    ],
)  # fmt: skip
def test_explicit_entities_are_refused_in_telegrams_words(items: list[Any], description: str) -> None:
    whole = [{"offset": 0, "length": 1} | item if isinstance(item, dict) and "type" in item else item for item in items]
    assert _refusal("😀abc", whole, mode=None) == description


def test_explicit_entities() -> None:
    def at(offset: int, **fields: Any) -> dict[str, Any]:
        return {"offset": offset, "length": "1", **fields}

    items = [
        at(0, type="pre", language="py"),
        at(1, type="text_link", url="liter.kz"),
        at(2, type="text_link", url="tg://user?x=1&id=7"),
        at(3, type="text_mention", user={"id": 8}),
        at(4, type="text_mention", user={"id": 0}),
        at(5, type="custom_emoji", custom_emoji_id=9),
        at(6, type="date_time", unix_time=5, date_time_format="Wtd"),
        at(7, type="hashtag"),
        at(8, type="expandable_blockquote"),
        at(9, type="pre"),
        at(10, type="date_time", unix_time=5, date_time_format="R"),
    ]
    text, entities = _send("0123456789a", json.dumps(items), mode=None)
    assert [
        entity.to_json({"id": 8, "is_bot": False, "first_name": "Аяна"}) for entity in entities if entity.user_id == 8
    ] == [{"offset": 3, "length": 1, "type": "text_mention", "user": {"id": 8, "is_bot": False, "first_name": "Аяна"}}]
    assert [{key: value for key, value in e.to_json().items() if key != "length"} for e in entities] == [
        {"offset": 0, "type": "pre", "language": "py"},
        {"offset": 1, "type": "text_link", "url": "http://liter.kz/"},
        {"offset": 2, "type": "text_mention", "user": {"id": 7, "is_bot": False, "first_name": ""}},
        {"offset": 3, "type": "text_mention", "user": {"id": 8, "is_bot": False, "first_name": ""}},
        {"offset": 5, "type": "custom_emoji", "custom_emoji_id": "9"},
        {"offset": 6, "type": "date_time", "unix_time": 5, "date_time_format": "wdt"},
        {"offset": 8, "type": "expandable_blockquote"},
        {"offset": 9, "type": "pre"},
        {"offset": 10, "type": "date_time", "unix_time": 5, "date_time_format": "r"},
    ]
    assert _send(text, "[", mode="None") == _send(text, {"a": 1}, mode=None) == (text, [])
    assert _send(text, items, mode="HTML") == (text, [])


@pytest.mark.parametrize(
    ("html", "covered"),
    [
        ("<b>ab<i>cd</i></b><b>e</b>", [("bold", "ab"), ("bold", "cde"), ("italic", "cd")]),
        ("<blockquote>a<code>b</code></blockquote><code>c<b>d</b></code>",
         [("blockquote", "ab"), ("code", "b"), ("code", "cd")]),
        ("<a href='a.kz'>x<blockquote>y</blockquote></a>", [("blockquote", "y")]),
        ("<blockquote>a</blockquote>.kz", [("blockquote", "a")]),
        ("<code>liter.kz</code> liter.kz", [("code", "liter.kz"), ("url", "liter.kz")]),
        ("<code class='language-c'><pre>x</pre></code><b>y</b>", [("pre", "x"), ("bold", "y")]),
        ("<b>a<tg-time unix=5>b</tg-time></b>", [("bold", "a"), ("date_time", "b")]),
        ("<b>a</b><i>bcde</i><b></b>", [("bold", "a"), ("italic", "bcde")]),
    ],
)  # fmt: skip
def test_nesting(html: str, covered: list[tuple[str, str]]) -> None:
    assert _spell(*_send(html)) == covered


def test_only_a_hundred_entities_of_the_sender_are_kept() -> None:
    text, entities = _send("<code>x</code> <b>y</b> " * 99 + "#тег <tg-emoji emoji-id='5'>😀</tg-emoji>")
    kinds = [entity.type for entity in entities]
    assert [kinds.count(kind) for kind in ("code", "bold", "hashtag", "custom_emoji")] == [99, 1, 1, 1]
    assert len(_send("<code>x</code> " * 101 + "<b>y</b>")[1]) == 100
    assert text.count("y") == 99


@pytest.mark.parametrize(
    ("link", "result"),
    [
        ("HTTPS://Liter.KZ:0443/Қ?a b#c ", "https://liter.kz:443/Қ?a%20b#c"),
        ("u:p@liter.kz?x", "http://u:p@liter.kz/?x"),
        ("http://[::1]:80", "http://[::1]:80/"),
        ("TG:resolve?domain=x", "tg://resolve?domain=x"),
        ("tonsite://a.ton/x", "tonsite://a.ton/x"),
        ("gopher://a.kz", TextError("Unsupported URL protocol")),
        ("a.kz:65536", TextError("Wrong port number specified in the URL")),
        ("http://[zz]", TextError("Wrong IPv6 address specified in the URL")),
        ("http://[fe80::1%1]", TextError("Wrong IPv6 address specified in the URL")),
        ("http://.", TextError("Host is invalid")),
        ("http://a.k z", TextError("Disallowed character in URL host")),
        ("http://a.kz%4", TextError("Wrong percent-encoded symbol in URL host")),
        ("http://a b@a.kz", TextError("Disallowed character in URL userinfo")),
        ("tg://a.b", TextError("Unallowed characters in URL host")),
        ("tg:http://x", TextError("Wrong tg URL")),
        ("ton://x:80", TextError("Wrong ton URL")),
        ("localhost", TextError("Wrong HTTP URL")),
    ],
)  # fmt: skip
def test_links(link: str, result: str | TextError) -> None:
    if isinstance(result, str):
        assert check_link(link) == result
        return
    with pytest.raises(TextError) as caught:
        check_link(link)
    assert caught.value.reason == result.reason


PIECES = st.sampled_from(
    ["<b>", "</b>", "<i>", "</>", "<a href='liter.kz/&amp;'>", "</a>", "<code class=language-c>", "<pre>", "</pre>",
     "</code>", "<blockquote expandable>", "</blockquote>", "<tg-time unix=5 format='", "'>", "<", ">", "&",
     "&#x1F600;", "😀", "Ә", "\r", "\u202e", "#тег", "@liter", "liter.kz", "$KZT", "/start", "+77011234567", " ",
     "\n", ".", "\ud800"]
)  # fmt: skip
HOSTILE = st.lists(PIECES | st.characters(), max_size=40).map("".join)
KINDS = ["bold", "italic", "code", "pre", "blockquote", "spoiler", "text_link", "custom_emoji", "date_time", "mention"]
ITEMS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS), "offset": st.integers(0, 30), "length": st.integers(0, 30)},
        optional={"url": st.sampled_from(["liter.kz", "x"]), "custom_emoji_id": st.just("5"), "unix_time": st.just(5)},
    ),
    max_size=8,
)

JSON = st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def _check_sound(text: str, entities: list[Entity]) -> None:
    """Entities lie in the text in order, cut no character in two and touch no removed sign."""
    size = utf16_length(text)
    assert all(entity.length > 0 and entity.offset >= 0 and entity.end <= size for entity in entities)
    assert [(e.offset, -e.length) for e in entities] == sorted((e.offset, -e.length) for e in entities)
    assert len(_spell(text, entities)) == len(entities)
    assert text == text.strip(" \n") or (entities and entities[0].offset == 0)
    assert not {"\r", "\t", "\u202e"} & set(text)


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_any_html_is_sound_or_refused(html: str) -> None:
    try:
        text, entities = _send(html)
    except TextError:
        return
    _check_sound(text, entities)
    again = finish(text, entities, limit=4096, what="message")
    assert again[0] == text


@settings(max_examples=100, deadline=None)
@given(
    HOSTILE,
    ITEMS | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
)
def test_any_explicit_entities_are_sound_or_refused(text: str, items: object) -> None:
    try:
        text, entities = _send(text, items, mode=None)
    except TextError:
        return
    _check_sound(text, entities)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["b", "i", "u", "s", "tg-spoiler"]), max_size=5), st.text("ab😀", min_size=1, max_size=9)
)
def test_nested_styles_cover_the_whole_text_once(tags: list[str], inner: str) -> None:
    html = "".join(f"<{tag}>" for tag in tags) + inner + "".join(f"</{tag}>" for tag in reversed(tags))
    text, entities = _send(html)
    assert text == inner
    assert [replace(e, type="x") for e in entities] == [Entity("x", 0, utf16_length(inner))] * len(set(tags))
