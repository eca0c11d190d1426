"""docs/translations.md names every text that a translator doubts, and says so plainly."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("translations", ROOT / ".ci/translations.py")
assert SPEC
assert SPEC.loader
MADE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MADE)


def test_the_list_of_doubtful_texts_is_the_catalogues() -> None:
    document = (ROOT / "docs/translations.md").read_text("utf-8")
    assert "await one" in document
    assert MADE.made(document) == document, "run: python .ci/translations.py"
    assert MADE.table().count("\n") > 10
