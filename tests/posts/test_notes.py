"""What readers are told about mistakes: which words were wrong, where the line stands, in whose text."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Section
from bot.domain.post import Note, Post, PostKind, RichText
from bot.i18n import Words
from bot.posts.compose import PostStyle, compose, compose_list
from bot.posts.differences import MOST, wrong
from bot.posts.richtext import units

WORDS = Words.load(["ru", "kk", "en"])
ZONE = ZoneInfo("Asia/Almaty")
SECTIONS = (Section("sport", 0, {"ru": "Спорт"}),)
AT = 1669286880  # 16:48 in Almaty
LATER = AT + 1020
ARTICLE = Post(1, PostKind.ARTICLE, 2, 1, AT, title="Мост открыт", lead="Его ждали.", link="https://dala.example/1")
NOTED = replace(ARTICLE, notes=(Note(LATER, {"": "Мост  закрыт"}),))
FLASH = Post(
    2,
    PostKind.BREAKING,
    2,
    0,
    AT,
    texts={"ru": RichText("Мост открыт."), "kk": RichText("Көпір ашық.")},
    notes=(Note(LATER, {"ru": "Мост закрыт"}),),
)
LINE = "✏️ Исправлено в 17:05: в первой версии было «Мост закрыт», это неверно."


def text(post: Post, code: str = "ru", **style: object) -> str:
    """The post as its readers see it."""
    look = replace(PostStyle(), **style)  # type: ignore[arg-type]
    payload = compose(post, lang=WORDS[code], sections=SECTIONS, style=look, zone=ZONE, newsroom="Дала").payload
    return str(payload.get("text") or payload.get("caption"))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("Мост закрыт до 5 мая. Объезд есть.", "Мост закрыт до 7 мая. Объезд есть.", "до 5 мая"),
        ("Погибли двое.", "Пострадали двое.", "Погибли двое"),
        ("Старое", "Новое", "Старое"),
        ("Мост закрыт", "Мост закрыт с утра", ""),
        ("Мост закрыт", "Мост закрыт", ""),
        ("", "Новое", ""),
        ("Сказал «да» и ушёл домой", "Сказал «нет» и ушёл домой", "Сказал «да» и"),
        (f"Раз {'и ' * 90}два", f"Ноль {'и ' * 90}три", "Раз и и … и и два"),
        ("слово " * 90, "иное", f"{('слово ' * 27)[:-1][: MOST - 1].rsplit(' ', 1)[0]}…"),
    ],
)
def test_what_a_new_version_takes_back(old: str, new: str, found: str) -> None:
    assert wrong(old, new) == found


@settings(max_examples=50, deadline=None)
@given(old=st.text(max_size=300), new=st.text(max_size=300))
def test_any_two_texts_have_a_short_difference(old: str, new: str) -> None:
    said = wrong(old, new)
    assert len(said) <= MOST
    assert said == "" or old.split() != new.split()


def test_the_line_stands_behind_the_text() -> None:
    assert text(NOTED).split("\n\n")[:3] == ["Мост открыт", "Его ждали.", LINE]
    assert text(NOTED, order=("link", "headline")).split("\n\n") == ["Читать на Дала", "Мост открыт", LINE]
    assert text(NOTED, order=("tags",)).split("\n\n") == [LINE, "#Спорт"]
    assert text(FLASH) == f"🔴 СРОЧНО. Мост открыт.\n\n{LINE}"


def test_in_three_languages_and_where_the_text_was_wrong_only() -> None:
    assert "✏️ Түзетілді (17:05): алғашқы нұсқада «Мост закрыт» делінген" in text(NOTED, "kk")
    assert "✏️ Corrected at 17:05: an earlier version said “Мост закрыт”; that was wrong." in text(NOTED, "en")
    assert text(FLASH, "kk") == "🔴 ШҰҒЫЛ. Көпір ашық."
    assert "Corrected" in text(FLASH, "en"), "who reads the Russian text is told in English"


def test_another_day_is_told_and_nothing_need_be_quoted() -> None:
    silent = replace(ARTICLE, notes=(Note(AT + 86_400, {"": ""}),))
    assert "✏️ Исправлено 25 ноября в 16:48.\n" in text(silent)
    assert "✏️ Түзетілді (25 қараша, 16:48)." in text(silent, "kk")


def test_the_newest_three_corrections_stay() -> None:
    many = replace(ARTICLE, notes=tuple(Note(LATER + 60 * n, {"": f"ошибка {n}"}) for n in range(5)))
    assert [f"ошибка {n}" in text(many) for n in range(5)] == [False, False, True, True, True]


def test_the_message_about_a_mistake_begins_with_it() -> None:
    told = replace(NOTED, kind=PostKind.CORRECTION, created_at=LATER)
    assert text(told).split("\n\n")[:3] == [LINE, "Мост открыт", "Его ждали."]
    assert text(replace(FLASH, kind=PostKind.CORRECTION)) == f"{LINE}\n\nМост открыт."


def test_a_list_marks_the_headline() -> None:
    rendering = compose_list(
        [NOTED, ARTICLE], lang=WORDS["ru"], sections=SECTIONS, style=PostStyle(), zone=ZONE, newsroom="Дала", title="!"
    )
    assert rendering.payload["text"].split("\n")[-2:] == ["• Мост открыт · ✏️ Исправлено в 17:05", "• Мост открыт"]


@settings(max_examples=40, deadline=None)
@given(said=st.text(max_size=900), body=st.integers(0, 5000), notes=st.integers(1, 5), photo=st.booleans())
def test_whatever_was_wrong_the_post_fits(said: str, body: int, notes: int, photo: bool) -> None:
    media = {"media": "file", "media_kind": "photo"} if photo else {}
    for post in (ARTICLE, FLASH):
        written = replace(
            post, **media, title="т" * body, notes=tuple(Note(AT, {"ru": said, "": said}) for _ in range(notes))
        )
        written = replace(written, texts={"ru": RichText("т" * body)} if post.texts else {})
        for kind in (post.kind, PostKind.CORRECTION):
            shown = text(replace(written, kind=kind))
            assert units(shown) <= (1024 if photo and post.texts else 4096)
            assert shown.count("✏️ Исправлено") == min(notes, 3)
