"""The whole article: its own paragraphs, quotes as quotes with their credit, nothing of the partners'."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiogram.methods import SendRichMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.post import Post, PostKind, RichText
from bot.i18n import Words
from bot.posts.fulltext import MOST_BLOCKS, MOST_CHARACTERS, article, nested
from bot.sandbox.content import rich_content

ZONE = ZoneInfo("Asia/Almaty")
WORDS = Words.load(("ru", "kk", "en"))
POST = Post(
    7, PostKind.ARTICLE, 1, 1, 0, article_id=3, title="Мост открыт", lead="Первыми по нему прошли школьники.",
    link="https://dala.example/most", published_at=1_763_874_000,
)  # fmt: skip
FILLER = "<p>" + "Мост строили три года и ещё одну зиму. " * 8 + "</p>"


def blocks(html: str, post: Post = POST, **options: Any) -> list[dict[str, Any]]:
    found = article(post, html, lang=WORDS["ru"], zone=ZONE, newsroom="Дала", **options)
    assert found
    assert found.method == "sendRichMessage"
    SendRichMessage(chat_id=1, **found.payload)  # aiogram takes it
    rich_content(found.payload)  # and so does the stand-in
    made: list[dict[str, Any]] = found.payload["rich_message"]["blocks"]
    return made


def body(html: str, **options: Any) -> list[Any]:
    """The blocks between lead and footer, without the filler."""
    return [block for block in blocks(html + FILLER, **options)[3:-1] if "три года" not in str(block)]


def paragraph(text: Any) -> dict[str, Any]:
    return {"type": "paragraph", "text": text}


def test_headline_dateline_lead_text_and_link() -> None:
    top, line, lead, text, foot = blocks(FILLER)
    assert top == {"type": "heading", "text": "Мост открыт", "size": 1}
    assert line["text"]["type"] == "date_time"
    assert line["text"]["text"] == "23 ноября 2025, 10:00"
    assert lead == paragraph({"type": "bold", "text": "Первыми по нему прошли школьники."})
    assert text["text"].startswith("Мост строили")
    assert foot == {
        "type": "footer", "text": {"type": "url", "text": "Дала · открыть на сайте", "url": "https://dala.example/most"},
    }  # fmt: skip


def test_paid_material_says_so_first() -> None:
    first, second, *_ = blocks(FILLER, sign="Партнерский материал")
    assert (first, second["type"]) == (paragraph("Партнерский материал"), "heading")


def test_the_lead_stands_once_and_what_is_missing_leaves_no_trace() -> None:
    post = Post(7, PostKind.ARTICLE, 1, 1, 0, title="", lead="Первыми по нему прошли школьники.")
    found = blocks("<p>Утром. Первыми по нему прошли школьники.</p>" + FILLER, post)
    assert [block["type"] for block in found] == ["heading", "paragraph", "paragraph"]
    assert (found[0]["text"], found[1]["text"]) == ("Дала", "Утром. Первыми по нему прошли школьники.")


@pytest.mark.parametrize(
    ("text", "said", "credit"),
    [
        ("– Это большой день, – сказал он.", "– Это большой день", "сказал он"),
        ("Мы ждали этого, — отметила народная избранница.", "Мы ждали этого", "отметила народная избранница"),
        ("Мы ждали этого!» – подчеркнул аким города", "", ""),
        ("«Мы ждали этого!» – подчеркнул аким города.", "«Мы ждали этого!»", "подчеркнул аким города"),
        ("Бұл көпті көптен күттік, – деді ол.", "Бұл көпті көптен күттік", "деді ол"),
        ("“We have waited for this,” said the mayor.", "“We have waited for this", "said the mayor"),
        ("Он ничего не сказал.", "", ""),
    ],
)  # fmt: skip
def test_quotes_are_marked_again(text: str, said: str, credit: str) -> None:
    wanted = {"type": "blockquote", "blocks": [paragraph(said)], "credit": credit} if said else paragraph(text)
    assert body(f"<p>{text}</p>") == [wanted]


def test_the_marks_of_the_page_stay() -> None:
    html = (
        "<h2>Как строили</h2><blockquote><p>Раз.</p><p>Два.</p></blockquote><blockquote>Три.</blockquote>"
        "<ul><li>пролёт <b>длиной <i>сто</i></b> метров</li></ul>"
        '<p>См. <a href="/plan"><b>план</b></a> и <code>код</code>.</p><h5>Мельче</h5>'
    )
    assert body(html) == [
        {"type": "heading", "text": "Как строили", "size": 2},
        {"type": "blockquote", "blocks": [paragraph("Раз."), paragraph("Два."), paragraph("Три.")]},
        paragraph([
            "• ", ["пролёт ", {"type": "bold", "text": ["длиной ", {"type": "italic", "text": "сто"}]}, " метров"],
        ]),
        paragraph([
            "См. ", {"type": "bold", "text": {"type": "url", "text": "план", "url": "https://dala.example/plan"}},
            " и ", {"type": "code", "text": "код"}, ".",
        ]),
        {"type": "heading", "text": "Мельче", "size": 5},
    ]  # fmt: skip
    last = blocks(FILLER + "<blockquote>В конце.</blockquote>")[-2]
    assert last == {"type": "blockquote", "blocks": [paragraph("В конце.")]}


def test_what_is_no_text_of_the_article_goes() -> None:
    html = (
        "<script>if (a < b) {'<p>нет</p>'}</script><figure><img src='/a.jpg'><figcaption>Фото</figcaption></figure>"
        "<p>МОСТ ОТКРЫТ!</p><p>×</p><p>Ленту разрезали утром, передает Дала.</p>" + FILLER
        + "<p>Новости партнёров</p><p>Купите слона</p>"
    )  # fmt: skip
    found = [block["text"] for block in blocks(html, credits=["Дала"])[3:-1]]
    assert found[0] == "Ленту разрезали утром."
    assert len(found) == 2


@pytest.mark.parametrize("html", ["", "<p>Первыми по нему прошли школьники.</p>", "<p>Новости партнёров</p>" + FILLER])
def test_a_lead_again_is_no_article(html: str) -> None:
    assert article(POST, html, lang=WORDS["ru"], zone=ZONE, newsroom="Дала") is None


def test_what_is_too_long_ends_with_the_link() -> None:
    for html in ("<p>Строка.</p>" * 2_000, ("<p>" + "слово " * 500 + "</p>") * 20):
        found = blocks(html)
        assert found[-2] == paragraph("…")
        assert found[-1]["type"] == "footer"
        assert len(found) <= MOST_BLOCKS
        assert len(str(found)) < 2 * MOST_CHARACTERS


PIECES = [
    "<p>", "</p>", "<b>", "</b>", "<blockquote>", "</blockquote>", "<li>", "<h2>", "</h2>", "слово", "<", "&", "🇰🇿",
    "<a href='x'>", ", – сказал он.", "\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_html_gives_what_telegram_takes(parts: list[str]) -> None:
    blocks("".join(parts) + FILLER)


def test_an_entity_that_covers_nothing_dresses_nothing() -> None:
    assert nested(RichText("слово", ({"type": "bold", "offset": 2, "length": 0},))) == "слово"
