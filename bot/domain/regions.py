"""The twenty regions of Kazakhstan, and which of them a text is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Region:
    """A region; its place in `REGIONS` is its bit in a reader's choice and never changes.

    `stems` are beginnings of words. A «*» stands for the rest of a word, a full stop ends one, and a stem with a
    capital letter is looked for as it is written: «Семей» is a town, «семей» are families.
    """

    code: str
    name: dict[str, str]
    stems: tuple[str, ...]

    def short(self, language: str) -> str:
        """The name as it stands on a button: «Атырауская», «Атырау обл.»."""
        name = self.name.get(language) or self.name["en"]
        return name.removesuffix(" область").replace(" облысы", " обл.")


def _region(code: str, ru: str, kk: str, en: str, *stems: str) -> Region:
    return Region(code, {"ru": ru, "kk": kk, "en": en}, stems)


REGIONS = (
    _region("ast", "Астана", "Астана", "Astana", "астан", "нур-султан", "нұр-сұлтан", "astana"),
    _region("ala", "Алматы", "Алматы", "Almaty", "алматы", "алматин", "almaty"),
    _region("shy", "Шымкент", "Шымкент", "Shymkent", "шымкент", "shymkent"),
    _region(
        "aba", "Область Абай", "Абай облысы", "Abai Region",
        "област* абай", "абайск* обл", "абай облыс", "Семей.", "Семея.", "Семее.", "Семеем.", "Семейде", "Семейден.",
        "Семейдің.", "Семейге.", "abai region", "semey.",
    ),
    _region(
        "akm", "Акмолинская область", "Ақмола облысы", "Akmola Region",
        "акмолинск", "ақмола", "кокшетау", "көкшетау", "akmola", "kokshetau",
    ),
    _region(
        "akt", "Актюбинская область", "Ақтөбе облысы", "Aktobe Region", "актюбинск", "актобе", "ақтөбе", "aktobe"
    ),
    _region(
        "alm", "Алматинская область", "Алматы облысы", "Almaty Region",
        "алматинск* обл", "алматы облыс", "конаев", "қонаев", "капшага", "қапшағай", "almaty region", "konaev",
    ),
    _region("aty", "Атырауская область", "Атырау облысы", "Atyrau Region", "атырау", "atyrau"),
    _region(
        "vko", "Восточно-Казахстанская область", "Шығыс Қазақстан облысы", "East Kazakhstan",
        "восточно-казахстан", "вко.", "шығыс қазақстан", "шқо.", "усть-каменогорск", "өскемен", "east kazakhstan",
        "oskemen",
    ),
    _region(
        "zha", "Жамбылская область", "Жамбыл облысы", "Zhambyl Region",
        "жамбылск* обл", "жамбыл облыс", "тараз", "zhambyl region", "taraz",
    ),
    _region(
        "zht", "Область Жетісу", "Жетісу облысы", "Zhetisu Region",
        "жетісу", "жетысу", "талдыкорган", "талдықорған", "zhetisu", "zhetysu", "taldykorgan",
    ),
    _region(
        "zko", "Западно-Казахстанская область", "Батыс Қазақстан облысы", "West Kazakhstan",
        "западно-казахстан", "зко.", "батыс қазақстан", "бқо.", "уральск.", "уральска.", "уральске.", "уральску.",
        "уральском.", "west kazakhstan", "uralsk.",
    ),
    _region(
        "kar", "Карагандинская область", "Қарағанды облысы", "Karaganda Region",
        "караганд", "қарағанды", "темиртау", "теміртау", "karaganda", "qaragandy", "temirtau",
    ),
    _region(
        "kos", "Костанайская область", "Қостанай облысы", "Kostanay Region",
        "костана", "қостанай", "Рудный.", "Рудного.", "Рудном.", "Рудному.", "Рудныйда", "kostanay",
    ),
    _region(
        "kzl", "Кызылординская область", "Қызылорда облысы", "Kyzylorda Region",
        "кызылорд", "қызылорда", "байконур", "байқоңыр", "kyzylorda", "baikonur",
    ),
    _region(
        "man", "Мангистауская область", "Маңғыстау облысы", "Mangystau Region",
        "мангистау", "маңғыстау", "актау", "ақтау", "жанаозен", "жаңаөзен", "mangystau", "aktau", "zhanaozen",
    ),
    _region(
        "pav", "Павлодарская область", "Павлодар облысы", "Pavlodar Region",
        "павлодар", "экибастуз", "екібастұз", "pavlodar", "ekibastuz",
    ),
    _region(
        "sko", "Северо-Казахстанская область", "Солтүстік Қазақстан облысы", "North Kazakhstan",
        "северо-казахстан", "ско.", "солтүстік қазақстан", "сқо.", "петропавловск", "петропавл.", "north kazakhstan",
        "petropavl",
    ),
    _region(
        "tur", "Туркестанская область", "Түркістан облысы", "Turkistan Region",
        "туркестан", "түркістан", "turkistan", "turkestan",
    ),
    _region(
        "uly", "Область Ұлытау", "Ұлытау облысы", "Ulytau Region",
        "улытау", "ұлытау", "жезказган", "жезқазған", "ulytau", "zhezkazgan",
    ),
)  # fmt: skip

_ELSEWHERE = ("астанасы", "петропавловск-камчатск")
"""Words that begin like a region and mean something else: some country's capital, a town in Russia."""


def _pattern(stem: str) -> str:
    return re.escape(stem.rstrip(".")).replace(r"\*", r"\w*") + (r"(?!\w)" if stem.endswith(".") else "")


def _search(stems: dict[str, int], flags: int) -> tuple[re.Pattern[str], list[int]]:
    """One pattern for all stems, the longest first («Алматы облысы» is not the city), and the bits of its groups."""
    longest = sorted(stems, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(f"({_pattern(one)})" for one in longest) + ")", flags), [
        stems[one] for one in longest
    ]


_STEMS = {stem: 1 << bit for bit, region in enumerate(REGIONS) for stem in region.stems} | dict.fromkeys(_ELSEWHERE, 0)
_SEARCHES = (
    _search({stem: bit for stem, bit in _STEMS.items() if stem.islower()}, re.IGNORECASE),
    _search({stem: bit for stem, bit in _STEMS.items() if not stem.islower()}, 0),
)


@lru_cache(maxsize=512)
def regions_of(text: str) -> int:
    """The regions that a text names, as a bitmask; 0 when none.

    >>> REGIONS[regions_of("В Алматинской области открыли школу").bit_length() - 1].code
    'alm'
    """
    found = 0
    for pattern, bits in _SEARCHES:
        for match in pattern.finditer(text):
            found |= bits[(match.lastindex or 1) - 1]
    return found
