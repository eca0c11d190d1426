"""Every tag that we write is one that Telegram links whole."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.posts.hashtags import hashtag

VECTORS = json.loads((Path(__file__).parent.parent / "samples/hashtags.json").read_text("utf-8"))


def linked(text: str) -> list[str]:
    """Telegram's rule: letters, decimal digits, `_`, U+200C, `·`; a letter among them, none before, no # after."""

    def part(char: str) -> bool:
        return unicodedata.category(char)[0] == "L" or unicodedata.category(char) == "Nd" or char in "_\u200c·"

    found, position = [], 0
    while (start := text.find("#", position)) >= 0:
        end = start + 1
        while end < len(text) and end - start <= 256 and part(text[end]):
            end += 1
        position = max(end, start + 1)
        body = text[start + 1 : end]
        follows = text[end : end + 1]
        if follows == "@":
            while position + 1 <= len(text) and (text[position] == "@" or part(text[position])):
                position += 1
        alone = not (start and part(text[start - 1])) and follows != "#"
        if alone and any(unicodedata.category(char)[0] == "L" for char in body):
            found.append(text[start:position])
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["text"] for vector in VECTORS])
def test_the_model_agrees_with_telegram(vector: dict[str, object]) -> None:
    assert linked(str(vector["text"])) == vector["hashtags"]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Новости Казахстана", "#Новости_Казахстана"),
        ("Life style", "#Life_style"),
        ("Нур-Султан", "#Нур_Султан"),
        ("COVID-19", "#COVID_19"),
        ("АО «Самрук»", "#АО_Самрук"),
        ("Әлем жаңалықтары", "#Әлем_жаңалықтары"),
        (unicodedata.normalize("NFD", "Ёлка"), "#Ёлка"),
        ("Ұлт\u00adтық", "#Ұлттық"),
        ("\u2068Спорт\u2069", "#Спорт"),
        ("  Спорт / футбол!  ", "#Спорт_футбол"),
        ("2024", ""),
        ("№ 1", ""),
        ("", ""),
        ("а" * 63 + " б", "#" + "а" * 63),
    ],
)
def test_names_become_tags(name: str, tag: str) -> None:
    assert hashtag(name) == tag


@settings(max_examples=100)
@given(st.text())
def test_telegram_links_the_whole_tag(name: str) -> None:
    tag = hashtag(name)
    assert len(tag) <= 65
    assert linked(f"a {tag} · 24") == ([tag] if tag else [])


@settings(max_examples=50)
@given(st.text(alphabet="abЖқ _-·#1\u0301", min_size=1))
def test_vectors_made_into_tags_stay_whole(name: str) -> None:
    assert linked(hashtag(name)) in ([], [hashtag(name)])
