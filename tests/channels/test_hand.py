"""What a post by hand is for: tags in any language and spelling, and the words without them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.hand import meaning, words, written
from bot.domain.article import Section
from bot.domain.channel import Hand
from bot.domain.post import PostKind, RichText
from bot.posts.richtext import units

SECTIONS = (
    Section("sport", 0, {"ru": "Спорт", "kk": "Спорт", "en": "Sport"}),
    Section("world", 1, {"ru": "Новости мира", "kk": "Әлем жаңалықтары", "en": "World"}),
)


@pytest.mark.parametrize(
    ("text", "mask", "urgent"),
    [
        ("Победа #Спорт", 1, False),
        ("#SPORT Победа", 1, False),
        ("#Новости_мира и #спорт", 3, False),
        ("#Әлем_жаңалықтары", 2, False),
        ("#СРОЧНО мост закрыт", 0, True),
        ("Көпір жабылды #Шұғыл", 0, True),
        ("#breaking #sport", 1, True),
        ("Победа #спортсмены без тега Спорт", 0, False),
        ("", 0, False),
    ],
)
def test_tags_say_where_it_goes(text: str, mask: int, urgent: bool) -> None:
    assert meaning(text, SECTIONS) == (mask, urgent)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Победа\n#Спорт", "Победа"),
        ("#срочно #Спорт Победа #мира", "Победа #мира"),
        ("#Спорт\n\nПобеда #Астана #Спорт #sport ", "Победа #Астана"),
        ("Сегодня #Спорт победил", "Сегодня #Спорт победил"),
        ("#Спорт", ""),
        ("#Спорт!", "#Спорт!"),
    ],
)
def test_tags_at_the_edges_are_ours_to_set(text: str, kept: str) -> None:
    assert words([Hand(1, 1, RichText(), "a"), Hand(1, 2, RichText(text), "a")], SECTIONS).text == kept


@given(st.text(), st.sampled_from(["", "#Спорт ", "#срочно\n"]), st.sampled_from(["", " #Спорт", "\n#мир #sport"]))
def test_what_was_bold_stays_bold(middle: str, before: str, after: str) -> None:
    bold = ({"type": "bold", "offset": units(before), "length": units(middle)},) if middle else ()
    said = words([Hand(1, 1, RichText(before + middle + after, bold))], SECTIONS)
    assert said.text in before + middle + after
    for entity in said.entities:
        assert entity["offset"] >= 0
        assert entity["offset"] + entity["length"] <= units(said.text)


def test_one_file_or_an_album() -> None:
    said = RichText("Победа")
    one = written([Hand(7, 1, said, "", "video", "f1")], said, 1, "ru", 9)
    assert (one.kind, one.texts, one.media_kind, one.media, one.album) == (
        PostKind.WRITTEN,
        {"ru": said},
        "video",
        "f1",
        (),
    )
    two = written([Hand(7, n, said, "a", "photo", f"f{n}") for n in (1, 2)], said, 1, "ru", 9)
    assert (two.media, two.album) == ("", (("photo", "f1"), ("photo", "f2")))
    assert written([Hand(7, 1, said)], said, 1, "ru", 9).media == ""
