"""Makes the tables of docs/configuration.md anew: `python .ci/reference.py`.

Keys, what may be written and defaults come from `bot/settings.py`; the last column is written by hand and kept. A
default that the program works out stands there by hand as well, where the settings have none.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any

from bot import settings_file
from bot.settings import ChannelConfig, FeedConfig, SectionConfig, Settings, Silence

DOCUMENT = Path(__file__).parent.parent / "docs/configuration.md"
SINGLE = ("newsroom", "delivery", "posts", "readers", "desk", "rates")
TABLES: dict[str, type] = {f"[{name}]": type(getattr(Settings(), name)) for name in SINGLE} | {
    "[[sections]]": SectionConfig,
    "[[feeds]]": FeedConfig,
    "[[channels]]": ChannelConfig,
    "[[silence]]": Silence,
}
HEAD = "| key | write | default | meaning |\n|---|---|---|---|\n"
_PLAIN = {
    "Write true or false, without quotes.": "`true` or `false`",
    "It begins with https://.": "an address, `https://…`",
    "Write an IANA name such as 'Asia/Almaty'.": "a zone such as `Asia/Almaty`",
}


def takes(check: Any) -> str:
    """What a check lets through, as its own refusals say it."""
    if "square brackets" in (_refusal(check, "?") or ""):
        return f"a list, each: {_words(_refusal(check, ['?']))}"
    text, number = _words(_refusal(check, "?")), _words(_refusal(check, -(10**30)))
    return text if number in (text, "Put it in quotes") else f"{text}, or {number}"


def _refusal(check: Any, wrong: object) -> str | None:
    try:
        check(wrong)
    except settings_file.Wrong as refusal:
        return refusal.remedy
    return None


def _words(remedy: str | None) -> str:
    if remedy is None:
        return "a text"
    plain = _PLAIN.get(remedy, re.sub("^(Write|Use) ", "", remedy).rstrip("."))
    return re.sub(r" from -?\d{12,} to -?(\d{12,}|1$)", "", plain)


def default(field: Field[Any]) -> str:
    """A default as it would stand in the file; "" where there is none."""
    if field.metadata["required"]:
        return "required"
    value = field.default if field.default is not MISSING else None
    if value in ("", (), None):
        return ""
    if field.metadata["check"] is settings_file.duration:
        unit, seconds = next((u, s) for u, s in (("h", 3600), ("m", 60), ("s", 1)) if value % s == 0)
        return f'`"{value // seconds}{unit}"`'
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def row(name: str, field: Field[Any], known: dict[str, list[str]]) -> str:
    """A line of a table; what is written by hand is taken from the one that stands there."""
    cells = known.get(name, ["", "", ""])
    return f"| `{name}` | {takes(field.metadata['check'])} | {default(field) or cells[-2]} | {cells[-1]} |\n"


def made(text: str) -> str:
    """The document with its tables made anew."""
    for heading, cls in TABLES.items():
        before, _, rest = text.partition(f"\n## `{heading}`\n")
        section, mark, after = rest.partition("\n## ")
        found = re.search(r"^\| key \|.*\n\|[-|]+\n((?:\| `.*\n)*)", section, re.M)
        if not found:
            raise SystemExit(f"{heading} has no table in {DOCUMENT.name}")
        lines = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in found[1].splitlines()]
        known = {cells[0].strip("`"): cells[1:] for cells in lines}
        table = HEAD + "".join(row(name, field, known) for name, field in settings_file.keys(cls).items())
        section = section[: found.start()] + table + section[found.end() :]
        text = f"{before}\n## `{heading}`\n{section}{mark}{after}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(made(DOCUMENT.read_text("utf-8")), "utf-8")
