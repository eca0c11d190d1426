"""What of a word stays when its ending changes: stems for Russian and English, cut endings for Kazakh. Pure.

A search takes two words for one when one's stem is the beginning of the other. Kazakh piles endings on endings, so they
are peeled off one by one; what is left is a beginning, not a root.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import snowballstemmer

_WORD = re.compile(r"[^\W_]+")
KAZAKH = re.compile("[әғқңөұүһі]")
LATIN = re.compile("[a-z]")
_SNOWBALL = {language: snowballstemmer.stemmer(name) for language, name in (("ru", "russian"), ("en", "english"))}
_WRITTEN = """
лар лер дар дер тар тер ның нің дың дің тың тің ға ге қа ке на не ды ді ты ті ны ні да де та те нда нде дан ден тан тен
нан нен мен бен пен сы сі сын сін ы і ын ін ым ім ың ің мыз міз ымыз іміз ңыз ңіз лық лік дық дік тық тік дағы дегі тағы
тегі ындағы індегі ында інде ынан інен ына іне сының сінің сында сінде сынан сінен сына сіне сындағы сіндегі"""
_ENDINGS = sorted(_WRITTEN.split(), key=len, reverse=True)
_LEAST_LEFT = 3  # letters of a Kazakh word
_LONGEST = 40  # letters; what is longer is no word of a language and is left whole
_VOWELS, _VOICELESS = frozenset("аәеоөұүыіиуэюяё"), frozenset("пкқтсшчщхфцбвгд")


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    return _WORD.findall(folded(text))


def folded(text: str) -> str:
    """A text as words are compared: without case, composed, ё as е."""
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е")


def standing(word: str, *, whole: bool) -> re.Pattern[str]:
    """Finds a word of a folded text, or the beginning of one, without cutting the text into words."""
    letter = r"[^\W_]"
    return re.compile(f"{word}(?<!{letter}{word})" + (f"(?!{letter})" if whole else ""))


@lru_cache(maxsize=4096)
def root(word: str, language: str) -> str:
    """The stem's own stem, as long as it has one: Snowball cuts «Казахстан» shorter than «Казахстану»."""
    shorter: str = _SNOWBALL[language].stemWord(word) if len(word) <= _LONGEST else word
    return word if shorter == word else root(shorter, language)


@lru_cache(maxsize=4096)
def peelings(word: str) -> frozenset[str]:
    """A Kazakh word without the endings that it may end with, each of the ways to cut them; the whole word too."""
    endings = _ENDINGS if len(word) <= _LONGEST else ()
    shorter = [word[: -len(e)] for e in endings if word.endswith(e) and _may_end(word[: -len(e)], e)]
    return frozenset([word]).union(*map(peelings, shorter))


@lru_cache(maxsize=4096)
def beginning(word: str, language: str) -> str:
    """The part of a folded word with which its other forms begin too; the letters count for more than `language`."""
    if KAZAKH.search(word):
        return peeled(word)
    if LATIN.search(word):
        return _stem(word, "en")
    stem = _stem(word, "ru")
    return min(stem, peeled(word), key=len) if language == "kk" else stem


def _stem(word: str, language: str) -> str:
    """The stem as far as the word itself begins with it (happi → happ)."""
    stem: str = _SNOWBALL[language].stemWord(word)
    if language == "en" and stem.endswith("i"):
        stem = stem[:-1]  # policy and policies: polici
    alike = next((n for n, (a, b) in enumerate(zip(word, stem, strict=False)) if a != b), min(len(word), len(stem)))
    return word[:alike] or word


def peeled(word: str) -> str:
    """A Kazakh word with all its endings cut, the longest ones first."""
    while ending := next((e for e in _ENDINGS if word.endswith(e) and _may_end(word[: -len(e)], e)), ""):
        word = word[: -len(ending)]
    return word


def _may_end(left: str, ending: str) -> bool:
    """Whether Kazakh would put that ending there: sounds fit together («Алматы» is not an apple)."""
    if len(left) < _LEAST_LEFT:
        return False
    if ending[0] in "тқк":
        return left[-1] in _VOICELESS
    open_ = left[-1] in _VOWELS and not (left[-1] == "у" and left[-2] in _VOWELS)  # «сайлау» ends like a consonant
    return open_ if ending[0] == "с" else not (open_ and ending[0] in _VOWELS)
