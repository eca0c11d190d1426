"""Categories find their sections whatever case, script and path they come in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.article import Section
from bot.feeds.sections import fold, section_mask

SECTIONS = (
    Section("sport", 0, {"ru": "Спорт", "kk": "Спорт", "en": "Sport"}, ("футбол",)),
    Section("lifestyle", 1, {"ru": "Life style"}),
    Section("amanat", 5, {"ru": "Amanat"}),
    Section("regions", 7, {"ru": "Регионы", "kk": "Өңірлер", "en": "Regions"}),
)


@pytest.mark.parametrize(
    ("category", "mask"),
    [
        ("спорт", 1),
        ("SPORT", 1),
        ("Cпорт", 1),
        ("Футбол", 1),
        ("Новости/Спорт/", 1),
        ("Lifestyle", 2),
        ("life-style", 2),
        ("Аmanat", 32),
        ("AMANAT", 32),
        ("Аманат", 32),
        ("«Amanat»", 32),
        (unicodedata.normalize("NFD", "Өңірлер"), 128),
        ("Транспорт", 0),
        ("", 0),
        ("/", 0),
    ],
)
def test_a_category_names_a_section(category: str, mask: int) -> None:
    assert section_mask([category], SECTIONS) == mask


def test_several_categories_and_a_forced_section() -> None:
    assert section_mask(["Спорт", "Аманат"], SECTIONS) == 33
    assert section_mask(["Аманат"], SECTIONS, forced="regions") == 160
    assert section_mask([], SECTIONS, forced="nothing") == 0


def test_a_section_without_letters_matches_nothing() -> None:
    assert section_mask(["…"], [Section("x", 0, {"ru": "—"})]) == 0


@given(st.text(max_size=40))
def test_folding_is_stable(text: str) -> None:
    assert fold(fold(text)) == fold(text)
