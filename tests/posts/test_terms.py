"""Which words and phrases a text holds, in any of their forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.post import Post, PostKind, RichText
from bot.posts.terms import Held, keys, story


def held(title: str, lead: str = "", language: str = "ru") -> Held:
    """A post that says this."""
    return Held(Post(1, PostKind.ARTICLE, 1, 1, 0, language=language, title=title, lead=lead))


def holds(text: str, term: str, language: str = "ru") -> bool:
    """Whether a post with that headline holds the term."""
    return any(map(held(text, language=language).holds, keys(term)))


@pytest.mark.parametrize(
    ("term", "text", "language"),
    [
        ("порт", "В портах Мангистау", "ru"),
        ("Казахстан", "Гостям Казахстану рады", "ru"),
        ("elections", "The election is over", "en"),
        ("мектеп", "Жаңа мектептеріміз ашылды", "kk"),
        ("қала", "Астана қаласындағы көше", "kk"),
        ("қала", "Акимат «Қала»: отчёт", "ru"),
        ("Apple", "Apple жаңа дүкенін ашты", "kk"),
        ("мост", "Мост пен өзен", ""),
        ("мектеп", "Мектептер", ""),
        ("морской порт", "Открыт морской порт Курык", "ru"),
        ("2030", "План-2030", "ru"),
        ("ЖЁЛТЫЙ", "О желтом", "ru"),
    ],
)
def test_a_term_is_found_in_its_forms(term: str, text: str, language: str) -> None:
    assert holds(text, term, language)


@pytest.mark.parametrize(
    ("term", "text", "language"),
    [
        ("порт", "Портрет эпохи", "ru"),
        ("police", "A new policy", "en"),
        ("қала", "Қаламгер мен қаламдар", "kk"),
        ("морской порт", "Порт и морской вокзал", "ru"),
        ("морской порт", "Открыт морской", "ru"),
        ("война", "Воин", "kk"),
    ],
)
def test_a_term_is_no_other_word(term: str, text: str, language: str) -> None:
    assert not holds(text, term, language)


def test_a_phrase_ends_with_the_headline() -> None:
    (key,) = keys("new port")
    assert held("A new port", "", "en").holds(key)
    assert not held("It is new", "Port of Aktau", "en").holds(key)


def test_a_word_that_could_be_of_either_language_has_two_keys() -> None:
    assert keys("Порты") == ("=порт", "~порт")
    assert keys("өңірлер") == ("~өңір",)
    assert keys("new ports") == ("=new =port",)
    assert keys("морской порт") == ("=морск =порт", "~морской ~порт")


@pytest.mark.parametrize("text", ["", "—", "я", "раз два три четыре пять", "а" * 65])
def test_what_is_no_word_has_no_keys(text: str) -> None:
    assert keys(text) == ()


def test_terms_are_looked_up_by_the_words_of_the_post() -> None:
    post = held("Порты Каспия", "Теңіз", "ru")
    assert post.heads == {"#1", "=порт", "=касп", "~теңіз", "=теңіз"}
    assert post.which([(1, "=порт"), (2, "=порт =касп"), (3, "=море"), (4, "=касп =порт")]) == [1, 2]
    assert held("").heads == {"#1"}


@given(st.text(max_size=80), st.text(max_size=30), st.sampled_from(["ru", "kk", "en", ""]))
def test_hostile_words_are_survived(text: str, term: str, language: str) -> None:
    post = held(text, text, language)
    for key in keys(term):
        assert post.holds(key) <= (key.partition(" ")[0] in post.heads)
        assert "  " not in key


@given(st.lists(st.from_regex("[а-яәғқңөұүһіa-z]{2,12}", fullmatch=True), min_size=1, max_size=4))
def test_a_text_holds_its_own_words(words: list[str]) -> None:
    text = " ".join(words)
    for language in ("ru", "kk", "en", ""):
        assert holds(f"Сегодня {text}", text, language) or len(text) > 64


def test_a_post_holds_its_story_and_what_editors_wrote_in_each_language() -> None:
    first = Post(7, PostKind.ARTICLE, 1, 1, 0, title="Мост закрыт", language="ru")
    texts = {"ru": RichText("Мосты открыли"), "kk": RichText("Көпірлер ашылды")}
    later = Post(9, PostKind.WRITTEN, 1, 1, 0, texts=texts, reply_to=7, story_id=7)
    assert story(first) == story(later) == "#7"
    for post in (first, later):
        assert Held(post).holds("#7")
        assert "#7" in Held(post).heads
        assert not Held(post).holds("#9")
    assert all(Held(later).holds(key) for key in (keys("мост")[0], keys("көпір")[-1]))
    assert not Held(later).holds(keys("открыли көпір")[0]), "a phrase ends with its text"
