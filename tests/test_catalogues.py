"""Every text of the product stands in every catalogue, whole and within Telegram's limits.

Texts are found in the code by the convention of bot/i18n.py: `t("…")`, `t.n("…", "…", n)`, `t.p("context", "…")`,
`mark("…")`, `UserError("…")`.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from bot.domain.language import LANGUAGES
from bot.i18n import LOCALES

ROOT = LOCALES.parent.parent
PLURALS = {code: get_plural(code).num_plurals for code in LANGUAGES}
_SUFFIX = re.compile(r"\}[-\u2010-\u2014’']?[а-яёәғқңөұүһі]", re.IGNORECASE)
Key = tuple[str, ...]  # context, message, plural


def calls_t(node: ast.expr) -> bool:
    """Whether the expression is `t` or `something.t`."""
    return (isinstance(node, ast.Name) and node.id == "t") or (isinstance(node, ast.Attribute) and node.attr == "t")


def texts(call: ast.Call) -> Iterator[tuple[str, list[ast.expr]]]:
    """The kind of call and the arguments that must be texts."""
    match call.func:
        case ast.Attribute(value=target, attr="n") if calls_t(target):
            yield "n", call.args[:2]
        case ast.Attribute(value=target, attr="p") if calls_t(target):
            yield "p", call.args[:2]
        case ast.Name(id="mark" | "UserError"):
            yield "", call.args[:1]
        case func if calls_t(func):
            yield "", call.args[:1]


def alternatives(node: ast.expr) -> list[ast.expr]:
    """Both arms of a conditional argument."""
    if isinstance(node, ast.IfExp):
        return alternatives(node.body) + alternatives(node.orelse)
    return [node]


def keys(source: str, where: str) -> Iterator[Key]:
    """The messages that a module asks for; a text put together while running cannot be one."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        for kind, args in texts(node):
            for first in alternatives(args[0]) if args else []:
                place = f"{where}:{node.lineno}"
                assert not isinstance(first, ast.JoinedStr | ast.BinOp), f"{place}: not a constant text"
                if not isinstance(first, ast.Constant):
                    assert not kind, f"{place}: not a constant text"
                    continue  # an error's or a table's key, named by UserError or mark elsewhere
                second = args[1].value if kind and isinstance(args[1], ast.Constant) else ""
                if kind == "p":
                    yield (str(first.value), str(second), "")
                else:
                    yield ("", str(first.value), str(second))


def used() -> dict[Key, str]:
    """Every message of the product and where it is asked for."""
    found: dict[Key, str] = {}
    for package in ("bot", "handlers", "storage"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "sandbox" not in path.parts:
                for key in keys(path.read_text("utf-8"), str(path.relative_to(ROOT))):
                    found.setdefault(key, str(path.relative_to(ROOT)))
    return found


def catalogue(code: str) -> Catalog:
    """The catalogue of that language, fuzzy messages included."""
    with (LOCALES / code / "LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


CATALOGUES = {code: catalogue(code) for code in PLURALS}


def forms(text: str | list[str] | tuple[str, ...]) -> list[str]:
    """All forms of a message."""
    return [text] if isinstance(text, str) else list(text)


def key_of(message: Message) -> Key:
    """What the code would ask for."""
    return (message.context or "", *[*forms(message.id), ""][:2])


def placeholders(text: str) -> list[str]:
    """The names in braces, parsed strictly: an unbalanced brace raises."""
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


@pytest.mark.parametrize("code", PLURALS)
def test_code_and_catalogue_hold_the_same_messages(code: str) -> None:
    asked = used()
    held = {key_of(message) for message in CATALOGUES[code] if message.id}
    missing = sorted(f"{where}: {key}" for key, where in asked.items() if key not in held)
    unused = sorted(map(str, held - asked.keys()))
    assert not missing, f"{code} lacks {len(missing)}:\n" + "\n".join(missing)
    assert not unused, f"{code} has unused:\n" + "\n".join(unused)


@pytest.mark.parametrize("code", PLURALS)
def test_the_plural_rule_is_the_languages_own(code: str) -> None:
    assert CATALOGUES[code].num_plurals == PLURALS[code]
    assert f"nplurals={PLURALS[code]}" in str(CATALOGUES[code].mime_headers)


@pytest.mark.parametrize("code", PLURALS)
def test_every_form_is_whole(code: str) -> None:
    """Filled, certain, as many forms as the language has, the same placeholders in each, within its limit."""
    wrong = []
    for message in CATALOGUES[code]:
        if message.id:
            wrong += [f"{problem}: {forms(message.id)[0]!r}" for problem in problems(code, message)]
    assert not wrong, f"{code}:\n" + "\n".join(wrong)


def problems(code: str, message: Message) -> Iterator[str]:
    """What is wrong with a message, in words."""
    source, translated = forms(message.id), forms(message.string)
    if message.fuzzy:
        yield "fuzzy"
    if not all(text.strip() for text in translated):
        yield "empty"
    if len(translated) != (PLURALS[code] if len(source) > 1 else 1):
        yield "wrong number of plural forms"
    if any(placeholders(text) != placeholders(source[-1]) for text in source + translated):
        yield "other placeholders"
    if any(text[:1].isspace() != source[0][:1].isspace() or text.count("\u2068") for text in translated):
        yield "other white space, or isolates that break hashtags"
    if code == "en" and translated != source:
        yield "English differs from its own source"
    if code == "kk" and any(_SUFFIX.search(text) for text in translated):
        yield "a suffix on an inserted word, whose vowels nobody knows"
    yield from over_limit(message, translated)


def over_limit(message: Message, translated: list[str]) -> Iterator[str]:
    """A comment `#. limit: 200` caps the text: callback answers 200, buttons about 24, descriptions 256 and 512."""
    for comment in (*message.auto_comments, *message.user_comments):
        if found := re.search(r"limit: (\d+)", comment):
            longest = max(translated, key=len)
            if len(longest) > int(found[1]):
                yield f"{len(longest)} characters, at most {found[1]}"


def test_the_extraction_sees_every_spelling() -> None:
    source = (
        "t('a')\nself.t('b', x=1)\nt.n('{n} c', '{n} d', n)\nframe.t.p('ctx', 'e')\n"
        "mark('f')\nraise UserError('g' 'h')\nt('i' if x else 'j')\nt(error.key)\nother('k')\nx.n('l', 'm')\n"
    )
    assert set(keys(source, "x")) == {
        ("", "a", ""),
        ("", "b", ""),
        ("", "{n} c", "{n} d"),
        ("ctx", "e", ""),
        ("", "f", ""),
        ("", "gh", ""),
        ("", "i", ""),
        ("", "j", ""),
    }


@pytest.mark.parametrize("source", ["t(f'a {b}')", "t('a' + b)", "t.n(a, b, 1)"])
def test_a_text_put_together_while_running_is_refused(source: str) -> None:
    with pytest.raises(AssertionError, match="not a constant text"):
        list(keys(source, "x"))


def test_the_checker_checks() -> None:
    broken = Message("Hi {name}", "Сәлем {nam}", auto_comments=["limit: 5"], flags=["fuzzy"])
    assert len(list(problems("kk", broken))) == 3
    assert len(list(problems("kk", Message("From {name}", "{name}-дан")))) == 1
    assert "empty" in list(problems("ru", Message(("{n} a", "{n} b"), ("{n} а", " ", "{n} в"))))


def test_the_files_live_where_they_are_packed() -> None:
    assert {path.parent.parent.name for path in LOCALES.rglob("*.po")} == set(PLURALS)
    assert not list(Path(LOCALES).rglob("*.mo"))
