"""Makes the list of docs/translations.md anew: `python .ci/translations.py`.

A translator's doubt is a comment `#. doubtful` above the message in its .po file.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs/translations.md"
LOCALES = ROOT / "bot/locales"
HEAD = "| English | Russian | Kazakh, in doubt |\n|---|---|---|\n"


def first(text: str | tuple[str, ...] | list[str]) -> str:
    """A message's text, of several forms the last, as a cell."""
    return (text if isinstance(text, str) else text[-1]).replace("|", "\\|").replace("\n", " ")


def table() -> str:
    """The doubtful messages with their translations."""
    catalogues = {}
    for code in ("ru", "kk"):
        with (LOCALES / code / "LC_MESSAGES/messages.po").open("rb") as file:
            catalogues[code] = read_po(file, locale=code)
    rows = []
    for message in catalogues["kk"]:
        if message.id and "doubtful" in message.auto_comments:
            russian = catalogues["ru"].get(message.id, message.context)
            assert russian is not None
            rows.append(f"| {first(message.id)} | {first(russian.string)} | {first(message.string)} |\n")
    return HEAD + "".join(rows)


def made(document: str) -> str:
    """The document with the list of now."""
    return document.split(HEAD)[0] + table()


if __name__ == "__main__":
    DOCUMENT.write_text(made(DOCUMENT.read_text("utf-8")), "utf-8")
