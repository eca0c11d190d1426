"""The editor's handbooks name buttons that exist in their language, and commands that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.domain.language import LANGUAGES
from bot.i18n import LOCALES
from handlers.commands import _DESK, _READER

DOCS = Path(__file__).resolve().parents[1] / "docs"
COMMANDS = {name for name, _ in _READER} | {name for pairs in _DESK.values() for name, _ in pairs} | {"cancel", "desk"}
_QUOTED = {"ru": "«([^»]+)»", "kk": "«([^»]+)»", "en": "“([^”]+)”"}


def handbook(code: str) -> str:
    """The handbook in that language, its lines joined."""
    return " ".join((DOCS / f"editors.{code}.md").read_text("utf-8").split())


def said(code: str) -> list[str]:
    """Everything that the product says in that language, without the values of its sentences."""
    with (LOCALES / code / "LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file)
    texts = [one for message in catalogue if message.id for one in _strings(message.string)]
    return [re.sub(r"\{\w+\}", "…", text).casefold() for text in texts]


def _strings(string: str | tuple[str, ...] | list[str]) -> list[str]:
    return [string] if isinstance(string, str) else list(string)


@pytest.mark.parametrize("code", LANGUAGES)
def test_labels_and_commands_exist(code: str) -> None:
    text, known = handbook(code), said(code)
    labels = {re.sub(r"\d\d:\d\d", "…", label).casefold() for label in re.findall(_QUOTED[code], text)}
    assert len(labels) > 30
    assert [label for label in sorted(labels) if not any(label in one for one in known)] == []
    assert set(re.findall(r"`/(\w+)`", text)) <= COMMANDS


def test_all_handbooks_name_the_same_commands() -> None:
    named = {code: set(re.findall(r"`/(\w+)`", handbook(code))) for code in LANGUAGES}
    assert len({frozenset(found) for found in named.values()}) == 1, named
