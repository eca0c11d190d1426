"""What a search finds and in which order, on both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from storage_help import article, saved

from bot.readers.search import LOOKED_AT, find, spellings, wanted
from storage import Storage

NOW = 1_763_874_000
DAY = 86_400


async def titles(storage: Storage, *made: dict[str, Any], ask: str, language: str = "ru") -> list[str]:
    """The headlines that are found, with these articles in storage."""
    await saved(storage, *(replace(article(n, 1), **{"published_at": NOW - DAY, **one}) for n, one in enumerate(made)))
    return [post.title for post in await find(storage, ask, language, NOW)]


@pytest.mark.parametrize(
    ("ask", "language", "title"),
    [
        ("выборы", "ru", "Итоги выборов"),
        ("Выборов", "kk", "Выборы завершились"),
        ("королев", "ru", "Королёв победил"),
        ("Королёв", "ru", "Победа Королева"),
        ("мектептер", "kk", "Жаңа мектеп ашылды"),
        ("мектеп", "kk", "Мектептерде сабақ басталды"),
        ("elections", "en", "The election is over"),
        ("в Шымкенте", "ru", "Шымкент растёт"),
        ("и", "ru", "Мы и они"),
    ],
)
async def test_a_word_is_found_in_its_other_forms(storage: Storage, ask: str, language: str, title: str) -> None:
    other = {"title": "Погода", "lead": "Ясно."}
    assert await titles(storage, {"title": title}, other, ask=ask, language=language) == [title]


async def test_the_headline_counts_for_more_than_the_lead_and_the_very_word_for_more_than_a_form(
    storage: Storage,
) -> None:
    found = await titles(
        storage,
        {"title": "Мост открыт"},
        {"title": "О мостах"},
        {"title": "В лиде", "lead": "Про мост"},
        {"title": "В лиде иначе", "lead": "Про мосты"},
        ask="мост",
    )
    assert found == ["Мост открыт", "О мостах", "В лиде", "В лиде иначе"]


async def test_fresh_comes_before_old_and_the_readers_language_before_others(storage: Storage) -> None:
    found = await titles(
        storage,
        {"title": "Мост вчера"},
        {"title": "Мост давно", "published_at": NOW - 400 * DAY},
        {"title": "Мост бүгін", "language": "kk"},
        {"title": "Мост без даты", "published_at": None},
        ask="мост",
    )
    assert found[0] == "Мост вчера"
    assert found[1] == "Мост бүгін"
    assert set(found[2:]) == {"Мост давно", "Мост без даты"}


async def test_all_the_words_must_be_there(storage: Storage) -> None:
    made = ({"title": "Мост закрыт"}, {"title": "Мост", "lead": "Он закрыт"}, {"title": "Мост открыт"})
    assert await titles(storage, *made, ask="закрытый мост") == ["Мост закрыт", "Мост"]
    assert await titles(storage, ask="!?") == []


async def test_the_cost_is_bounded(storage: Storage) -> None:
    many = [{"title": f"Мост {n}"} for n in range(LOOKED_AT + 5)]
    found = await titles(storage, *many, ask="мост")
    assert len(found) == LOOKED_AT
    assert "Мост 0" not in found


def test_what_is_looked_for() -> None:
    assert wanted("Мост в мост!", "ru") == [("мост", "мост")]
    assert len(wanted(" ".join(f"слово{n}" for n in range(20)), "ru")) == 8
    assert spellings("елка") == ["елка", "ёлка"]
