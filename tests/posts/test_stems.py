"""Which forms of a word are taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.words import labelled
from bot.posts.stems import beginning, folded, peelings, root, standing, words

ALIKE = [
    ("ru", "выборы выборов выборам"),
    ("ru", "землетрясение землетрясения землетрясением"),
    ("ru", "школьники школьников школьник"),
    ("ru", "Королёв Королева королеву"),
    ("en", "elections election elected"),
    ("en", "policy policies"),
    ("kk", "мектеп мектептер мектептерде мектептеріміз"),
    ("kk", "қазақстан қазақстанда Қазақстанның қазақстандық"),
    ("kk", "Шымкент шымкентте шымкенттің"),
    ("ru", "өңір өңірлер өңірлерде"),
]
APART = [
    ("kk", "Алматы", "алма"),
    ("kk", "Алматыда", "алма"),
    ("ru", "портрет", "порт"),
    ("kk", "балалар", "бал"),
    ("en", "cattle", "cat"),
]


@pytest.mark.parametrize(("language", "forms"), ALIKE)
def test_the_forms_of_a_word_share_their_beginning(language: str, forms: str) -> None:
    folded = words(forms)
    for asked in folded:
        assert all(form.startswith(beginning(asked, language)) for form in folded), asked


@pytest.mark.parametrize(("language", "word", "other"), APART)
def test_a_word_is_not_cut_down_to_another(language: str, word: str, other: str) -> None:
    (folded,) = words(word)
    assert not other.startswith(beginning(folded, language))


def test_words_are_folded() -> None:
    assert words("Ещё «Ай-Петри», COVID-19_и 5%") == ["еще", "ай", "петри", "covid", "19", "и", "5"]
    assert words("") == []


@given(st.text(max_size=40), st.sampled_from(["ru", "kk", "en", "xx"]))
def test_a_beginning_begins_its_word_and_is_never_empty(text: str, language: str) -> None:
    for word in words(text):
        assert beginning(word, language)
        assert word.startswith(beginning(word, language))


def test_a_word_of_any_length_is_cut() -> None:
    for letters in ("лар", "ана", "ing"):
        hostile = letters * 3000
        assert peelings(hostile) == {hostile}
        assert root(hostile, "ru") == hostile
    assert peelings("қаласындағы") >= {"қаласындағы", "қала"}
    assert root("казахстан", "ru") == root("казахстану", "ru")


FLOORS = {
    "search": {"ru": (0.74, 0.98), "en": (0.81, 0.98), "kk": (0.82, 0.98)},
    "hidden": {"ru": (0.89, 0.98), "en": (1.0, 1.0), "kk": (0.96, 0.97)},
}


@pytest.mark.parametrize("rule", FLOORS)
def test_the_labelled_set_is_recognised_as_well_as_ever(rule: str) -> None:
    for language, found in labelled(rule).items():
        precision, recall = FLOORS[rule][language]
        assert found.precision >= precision, found.confused
        assert found.recall >= recall, found.missed


@given(st.text("абe_1 -.", max_size=12), st.text("аб1", min_size=1, max_size=3))
def test_a_word_is_found_without_cutting_the_text(text: str, word: str) -> None:
    said = words(text)
    assert bool(standing(word, whole=True).search(folded(text))) == (word in said)
    assert bool(standing(word, whole=False).search(folded(text))) == any(one.startswith(word) for one in said)
