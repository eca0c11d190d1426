"""Every row of the encoding table, and that no bytes at all break the decoder."""

from __future__ import annotations

import codecs
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import FeedError
from bot.feeds.decode import LONGEST_TAG, decode, root

TEXT = "Новости города: мост открыт, очередь исчезла, ярмарка начнётся в субботу"
KAZAKH = "Өскеменде жаңа көпір ашылды, қала тұрғындары қуанышты"


def feed(text: str = TEXT, declared: str | None = "utf-8") -> str:
    prolog = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return f"{prolog}<rss version='2.0'><channel><item><title>{text}</title></item></channel></rss>"


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "iso8859-5"])
@pytest.mark.parametrize("declared", ["utf-8", None])
def test_code_page_declared_utf8_or_not_at_all(codec: str, declared: str | None) -> None:
    got = decode(feed(declared=declared).encode(codec))
    assert TEXT in got.text_bytes.decode()
    assert (got.encoding, got.repaired) == (codec, 0)


@pytest.mark.parametrize("content_type", ["", "text/xml; charset=windows-1251"])
def test_utf8_declared_windows_1251(content_type: str) -> None:
    got = decode(feed(declared="windows-1251").encode(), content_type=content_type)
    assert TEXT in got.text_bytes.decode()
    assert got.prolog == b'<?xml version="1.0" encoding="windows-1251"?>'
    assert got.text_bytes.startswith(b'<?xml version="1.0" encoding="utf-8"?><rss')


def test_one_invalid_byte_costs_one_character() -> None:
    body = feed(TEXT + "@" + TEXT).encode().replace(b"@", b"\xff")
    got = decode(body)
    assert got.text_bytes.decode().count("\ufffd") == got.repaired == 1
    assert TEXT in got.text_bytes.decode()


def test_a_short_feed_that_says_utf8_is_repaired_too() -> None:
    got = decode(feed("Мост открыт@").encode().replace(b"@", b"\xff"))
    assert "Мост открыт\ufffd" in got.text_bytes.decode()


def test_replacement_characters_of_the_feed_itself_are_not_ours() -> None:
    assert decode(feed("было \ufffd").encode()).repaired == 0


@pytest.mark.parametrize("label", ["kz1048", "KZ-1048"])
def test_kz1048_labelled_windows_1251_needs_the_override(label: str) -> None:
    body = feed(KAZAKH, "windows-1251").encode("kz1048")
    assert KAZAKH not in decode(body).text_bytes.decode()
    assert KAZAKH in decode(body, override=label).text_bytes.decode()


def test_an_unknown_override_counts_for_nothing() -> None:
    assert decode(feed().encode(), override="klingon").encoding == "utf-8"
    assert decode(feed().encode(), override="rot13").encoding == "utf-8"


def test_override_cuts_its_own_mark() -> None:
    assert decode(codecs.BOM_UTF8 + feed().encode(), override="utf-8").text_bytes.startswith(b"<?xml")


def test_prolog_then_header() -> None:
    assert decode(feed(declared="koi8-r").encode("koi8-r"), content_type="a/b; charset=cp1251").encoding == "koi8-r"
    assert decode(feed(declared=None).encode("koi8-r"), content_type="a/b; charset=koi8-r").encoding == "koi8-r"
    assert decode(feed(declared="what").encode("cp1251"), content_type="text/xml").encoding == "cp1251"


def test_a_lone_western_letter_is_no_cyrillic() -> None:
    got = decode(feed("Café Almaty à la carte").encode("cp1252"))
    assert "Café Almaty à" in got.text_bytes.decode()


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_marks_and_wide_encodings(mark: bytes, codec: str) -> None:
    got = decode(mark + feed(declared="windows-1251").encode(codec))
    assert TEXT in got.text_bytes.decode()
    assert got.encoding == codec


def test_json_is_left_as_it_is() -> None:
    body = ' {"html": "<rss><!DOCTYPE x [", "x": 1}'
    assert decode(body.encode()).text_bytes.decode() == body


@pytest.mark.parametrize(
    "junk", ["\n\n  ", "<br />\n<b>Warning</b>: mysql gone in x.php on line 3<br />\n", "\x00\x1f"]
)
def test_junk_before_the_prolog_is_cut(junk: str) -> None:
    assert decode((junk + feed()).encode()).text_bytes.startswith(b"<?xml")


def test_a_page_is_not_cut_down_to_what_it_embeds() -> None:
    page = b"<html><body><?xml version='1.0'?><svg/></body></html>"
    assert decode(page).text_bytes == page
    assert decode(b"  <opml/>").text_bytes == b"<opml/>"


def test_control_characters_and_illegal_references_go() -> None:
    got = decode(feed("а\x01б&#1;&#xD800;&#99999999999999;&#x41;&#10;").encode()).text_bytes.decode()
    assert "аб\ufffd\ufffd\ufffd&#x41;&#10;" in got


def test_doctype_is_cut_with_all_its_entities() -> None:
    doctype = "<!DOCTYPE rss [ <!-- ]> ' --> <!ENTITY a \"]>\"> <!ENTITY b '&a;&a;'> %x; ]\n>"
    assert decode((doctype + feed(declared=None)).encode()).text_bytes.startswith(b"<rss")
    assert decode(b'<!DOCTYPE rss PUBLIC "a>b" "c"><rss></rss>').text_bytes == b"<rss></rss>"
    assert b"<!DOCTYPE" in decode(b"<rss><![CDATA[<!DOCTYPE html>]]></rss>").text_bytes


def test_doctype_without_end_is_refused() -> None:
    with pytest.raises(FeedError, match="DOCTYPE"):
        decode(b"<!DOCTYPE rss [ <!ENTITY a 'x" + b"<rss></rss>")


def test_a_tag_of_more_than_64_kb_is_refused() -> None:
    bomb = b"<rss><item " + b" ".join(b'a%d=">"' % i for i in range(9_000)) + b"/></rss>"
    assert len(bomb) > LONGEST_TAG
    with pytest.raises(FeedError, match="tag"):
        decode(bomb)
    with pytest.raises(FeedError, match="tag"):
        decode(b"<rss " + b"x" * 70_000)


def test_a_tag_of_thousands_of_attributes_is_refused_and_one_of_hundreds_is_not() -> None:
    def tag(number: int) -> bytes:
        return b"<rss><item " + b" ".join(b"a%d='' " % n for n in range(number)) + b"/></rss>"

    with pytest.raises(FeedError, match="attributes"):
        decode(tag(6_500))
    assert decode(tag(500)).text_bytes == tag(500)
    assert decode(b"<rss>" + tag(300)[5:-6] * 3 + b"</rss>").text_bytes.count(b"<item") == 3, "each for itself"


def test_long_texts_and_pictures_in_cdata_are_no_long_tags() -> None:
    long = b"x" * 70_000
    body = b"<rss><a>" + long + b"</a><b><![CDATA[<img src='data:" + long + b"'>]]></b></rss>"
    assert decode(body).text_bytes == body


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda t: feed(t).encode("utf-8", "replace"))))
def test_any_bytes_give_utf8_and_once_is_enough(body: bytes) -> None:
    try:
        once = decode(body).text_bytes
        twice = decode(once).text_bytes
    except FeedError:
        return
    once.decode()
    assert decode(twice).text_bytes == twice


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=30), st.text(max_size=12))
def test_any_labels_are_survived(body: bytes, content_type: str, override: str) -> None:
    with suppress(FeedError):
        decode(body, content_type="charset=" + content_type, override=override).text_bytes.decode()


def test_a_comment_in_front_is_neither_a_page_nor_a_hiding_place() -> None:
    comment = b"<!-- <p>Expect: <html> --><?x <a ?>"
    feed = b"<rss><channel><item><title>t</title></item></channel></rss>"
    assert decode(comment + b"<!DOCTYPE r [<!ENTITY a 'b'>]>" + feed).text_bytes == comment + feed
    assert root(comment + feed) == b"rss"
    assert root(b"<!-- <rss>") == b"rss", "a comment without an end is none"
    assert root(b"text") == b""
