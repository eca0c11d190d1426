"""docs/readers.*.md are true: every command and label that they name exists, and no command of readers is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.i18n import LOCALES
from bot.settings import DEFAULT_SECTIONS
from handlers.commands import _READER

DOCS = Path(__file__).parent.parent / "docs"
QUOTED = {"ru": r"«([^»]+)»", "kk": r"«([^»]+)»", "en": r"“([^”]+)”"}
SIGNS = {"🔖", "⋯"}


@pytest.mark.parametrize("language", QUOTED)
def test_every_command_and_label_exists(language: str) -> None:
    text = (DOCS / f"readers.{language}.md").read_text("utf-8")
    named = set(re.findall(r"`/(\w+)", text))
    assert named == {name for name, _ in _READER} | {"start"}
    with (LOCALES / language / "LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    said = [message.string for message in catalogue if message.id]
    forms = [form for one in said for form in ([one] if isinstance(one, str) else one)]
    known = [re.sub(r"^\W+", "", form) for form in forms] + [one.name[language] for one in DEFAULT_SECTIONS]
    for label in set(re.findall(QUOTED[language], text)) - SIGNS:
        bare = re.sub(r"^\W+", "", label)
        assert any(form == bare or form.startswith(f"{bare}:") for form in known), label
