"""From a feed's categories to the newsroom's sections. Pure.

«Аmanat» (Cyrillic А), «Amanat» and «Аманат» are one section: case, script, accents' composition, spaces and
punctuation do not count. Bitrix writes categories as paths `A/B/`; any part may be the section.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from bot.domain.article import Section

_LOOK_CYRILLIC = "авекмнорстухіһ"
_LOOK_LATIN = "abekmhopctyxih"
_TO_LATIN = str.maketrans(_LOOK_CYRILLIC, _LOOK_LATIN)
_TO_CYRILLIC = str.maketrans(_LOOK_LATIN, _LOOK_CYRILLIC)
_LETTERS = "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch"
_LETTERS += " ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya ә=a ғ=g қ=k ң=n ө=o ұ=u ү=u һ=h і=i"
_TRANSLITERATED = str.maketrans({pair[0]: pair[2:] for pair in _LETTERS.split()})


def section_mask(categories: Iterable[str], sections: Sequence[Section], forced: str = "") -> int:
    """The bitmask of the sections that these categories name; 0 when none does and the desk must decide.

    `forced` is the section id of a feed that is all one section: it counts always. Names in all languages, ids
    and `match` lists are compared, each as a whole.
    """
    wanted = {fold(part) for category in categories for part in (category, *category.split("/"))} - {""}
    mask = 0
    for section in sections:
        if section.id == forced or wanted & _words(section.id, *section.names.values(), *section.match):
            mask |= section.mask
    return mask


def _words(*texts: str) -> set[str]:
    return {fold(text) for text in texts} - {""}


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """What is compared: NFC, casefolded, in Latin letters, without spaces and punctuation."""
    words = unicodedata.normalize("NFC", text).casefold().split()
    latin = "".join(_one_script(word).translate(_TRANSLITERATED) for word in words)
    return "".join(c for c in latin if c.isalnum())


def _one_script(word: str) -> str:
    """Put letters of a foreign script that only look right back into the script of most of the word."""
    cyrillic = sum("\u0400" <= c <= "\u04ff" for c in word)
    latin = sum("a" <= c <= "z" for c in word)
    if not cyrillic or not latin:
        return word
    return word.translate(_TO_LATIN if latin > cyrillic else _TO_CYRILLIC)
