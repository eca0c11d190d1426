"""The lead as a reader should meet it: once, whole sentences, without the newsroom crediting itself. Pure.

Only what surrounds a lead is cut here. Foreign credits stay: «передает Reuters», and «передает Liter.kz со ссылкой
на Reuters» as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from bot.posts.richtext import clip, plain

LEAD_LIMIT = 700
"""Characters; longer leads are article bodies that a feed calls a description."""
CUT_SILENTLY = 300
"""Characters from which on a lead without an end is one that was cut."""
LEAD_LINES = 8
"""Lines; more of them are a table of contents or a parts list."""

_BLOCK_LINE = re.compile(
    r"(?:новости партн[её]ров|партн[её]рские (?:новости|материалы)|материалы партн[её]ров|реклама|на правах рекламы"
    r"|серіктес(?:тер)? жаңалықтары|жарнама|partner news|advertisement)[\W_]*",
    re.IGNORECASE,
)
_BLOCK_START = re.compile(
    r"(?:читайте (?:также|ещ[её])|смотрите также|по теме|тағы (?:да )?оқыңыз|(?:осы )?тақырып бойынша"
    r"|read (?:also|more)|see also)\b(?= ?:|\W*$)",
    re.IGNORECASE,
)
_INLINE_BLOCK = re.compile(
    r"(?:(?<=[.!?…»”\"]) )(?:читайте (?:также|ещ[её])|смотрите также|тағы (?:да )?оқыңыз|read also) ?:.*",
    re.IGNORECASE | re.DOTALL,
)
_BOILERPLATE = re.compile(
    r"(?:читать далее|читать полностью|подробнее|толығырақ|толық оқу|continue reading|read more)[\W_]*"
    r"|(?:сообщение|запись) .{1,300} (?:впервые )?появил(?:ась|ось|ись)(?: сначала)?(?: на)? .{1,80}"
    r"|the post .{1,300} (?:appeared first|first appeared) on .{1,80}|der beitrag .{1,300} erschien zuerst auf .{1,80}",
    re.IGNORECASE,
)
_TRUNCATED = re.compile(r" ?\[(?:…|\.{3})\]$")
_MORE = re.compile(r" (?:читать далее|толығырақ|read more) ?(?:…|\.{3}|→|»)+$", re.IGNORECASE)
_OPEN_ENDS = frozenset("]….→»")
_CONTINUED = re.compile(r" ?(…|\.{3}) ?(?:Continue reading|Читать далее|Толығырақ оқу)\b.*$")
_SENTENCE_END = re.compile(r"[.!?…][»”\")]* (?=[\"«“„(—–]? ?[^\W_a-zа-яёәғқңөұүһі])")
_ENDED = re.compile(r"[»”\"')]*(?:[.!?…]+[»”\"')]*\s+|\n)")
_PARAGRAPH = re.compile(r".*(?:(?<![.!?…»”\"):])\n.*)*")
_LAST_WORD = re.compile(r"\w+$")
_ABBREVIATIONS = {
    "гг",
    "тг",
    "тыс",
    "млн",
    "млрд",
    "руб",
    "долл",
    "ул",
    "им",
    "стр",
    "др",
    "пр",
    "см",
    "ст",
    "акад",
    "проф",
}


_RU = r"(?:переда[её]т|сообща[ею]т|сообщил[аио]?|пиш[еу]т|информиру[ею]т|рассказывает|уведомляет)"
_RU_WHO = r"(?:(?:корреспондент|корр\.|собкор|редакция|портал|издание|сайт|газета|агентство|информагентство|наш) ){0,3}"
_KK = r"деп (?:хабарла(?:йды|ды|п отыр)|жаз(?:ады|ды)|жеткіз(?:еді|ді)|мәлімде(?:йді|ді))"
_KK_WHO = r"(?: (?:тілшісі|порталы|сайты|басылымы|агенттігі|ақпарат агенттігі))?"
_EN = r"(?:{name} (?:reports|reported|writes)|(?:reports|reported by|according to) {name})"
_NOT_FOREIGN = (
    r"(?!,? со? ссылк|,? ссыла|,? по (?:данным|информации)|,? citing)(?![^.!?\n]{0,60}сілтеме)(?= ?[.!?…;,]| ?$)"
)
"""A credit that goes on with somebody else's, or with anything but the end of the phrase, is left whole."""


def clean_lead(lead: str, title: str, self_credits: Sequence[str] = (), *, whole: bool = False) -> str:
    """The lead without partner blocks, boilerplate, self-credits and a repetition of the headline.

    May be empty. Longer than `LEAD_LIMIT` it ends with the last whole sentence that fits, unless all is `whole`.
    """
    text = "\n".join(_own_lines(plain(lead).text, key(title)))
    text = _INLINE_BLOCK.sub("", text)
    text = _without_headline(text, key(title))
    for pattern, replacement in _credits(tuple(filter(None, map(str.strip, self_credits)))):
        text = pattern.sub(replacement, text)
    text = "\n".join(filter(_speaks, map(str.strip, text.split("\n"))))
    return text if whole else _shorten(_marked(text))


def ends_here(line: str) -> bool:
    """Whether a line begins what is not the article any more: partners' news, «read also», advertising."""
    return bool(_BLOCK_LINE.fullmatch(line) or _BLOCK_START.match(line))


def _marked(text: str) -> str:
    """With an ellipsis where a CMS cut a long text without a word: a short one may lack its full stop."""
    return f"{text.rstrip(',')}…" if len(text) > CUT_SILENTLY and (text[-1].isalnum() or text[-1] == ",") else text


def _own_lines(text: str, title: str) -> list[str]:
    """Lines up to the partner block; without those that say nothing or are the headline again.

    A line that goes on in small letters was only wrapped by the feed's editor program.
    """
    lines: list[str] = []
    for raw in text.split("\n"):
        line = " ".join(raw.split())
        if line[-1:] in _OPEN_ENDS or "…" in line or "..." in line:
            line = _MORE.sub("", _CONTINUED.sub(r"\1", _TRUNCATED.sub("…", line)))
        if ends_here(line):
            break
        again = len(line) <= 4 * len(title) and key(line) == title
        if _speaks(line) and not again and not _BOILERPLATE.fullmatch(line):
            wrapped = lines and line[0].islower() and lines[-1][-1] not in ".!?…:;"
            lines.append(f"{lines.pop()} {line}" if wrapped else line)
    return lines


def _speaks(line: str) -> bool:
    return any(map(str.isalnum, line))


def key(text: str) -> str:
    """Letters and digits only, folded: what makes two headlines the same."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text).casefold()))


def _without_headline(text: str, title: str) -> str:
    """Cut the headline from the lead's beginning where it stands there as a sentence of its own."""
    if not title or not key(text[: 4 * len(title)]).startswith(title):
        return text
    read = ""
    for position, char in enumerate(text):
        if len(read) >= len(title):
            ended = _ENDED.match(text, position)
            return text[ended.end() :] if title and read == title and ended else text
        read += key(char)
    return text


def _shorten(text: str) -> str:
    """A long text or list is an article's body: its first paragraph only, and of that the sentences that fit."""
    if len(text) <= LEAD_LIMIT and text.count("\n") < LEAD_LINES:
        return text
    paragraph = _PARAGRAPH.match(text)[0].replace("\n", " ")  # type: ignore[index]  # it matches any text
    ends = [found.end() for found in _SENTENCE_END.finditer(paragraph[: LEAD_LIMIT + 2]) if _ends(found)]
    if len(paragraph) <= LEAD_LIMIT or not ends:
        return clip(plain(paragraph), LEAD_LIMIT).text
    return paragraph[: ends[-1]].rstrip()


def _ends(found: re.Match[str]) -> bool:
    """Whether a full stop ends a sentence rather than «тыс.» or an initial."""
    word = _LAST_WORD.search(found.string, 0, found.start())
    return found[0][0] != "." or word is None or not (len(word[0]) == 1 or word[0].lower() in _ABBREVIATIONS)


Replacement = str | Callable[[re.Match[str]], str]


@lru_cache(maxsize=8)
def _credits(names: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], Replacement], ...]:
    """How the newsroom credits itself, in three languages, and what to leave; nothing without names."""
    if not names:
        return ()
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    name = rf"[«“\"]?(?<![\w.])(?:{'|'.join(longest_first)})(?![\w-]|\.\w)[»”\"]?"
    phrase = rf"(?:{_RU} {_RU_WHO}{name}|{_KK} {name}{_KK_WHO}|{_EN.format(name=name)}){_NOT_FOREIGN}"
    before = r"(?:, ?[–—-]? ?| [–—-] ?| (?=деп ))(?:как )?"

    def rule(pattern: str, replacement: Replacement) -> tuple[re.Pattern[str], Replacement]:
        return re.compile(pattern, re.IGNORECASE | re.MULTILINE), replacement

    return (
        rule(rf"^(?:источник|дереккөз|source) ?: ?{name}\W*?$", ""),
        rule(rf"(?:^|(?<=[.!?…»] ))(?:об этом|бұл туралы) {phrase}\.?(?: |$)", ""),
        rule(rf"^как {phrase}, (\w)", lambda found: found[1].upper()),
        rule(rf"{before}{phrase},(?= (?:а|но|и|что|однако|когда|где|and|but) )", ","),
        rule(rf"{before}{phrase},? ?$", "."),
        rule(rf"{before}{phrase},?", ""),
    )
