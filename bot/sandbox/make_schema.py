"""Makes schema.json: `python -m bot.sandbox.make_schema .butcher/schema/schema.json`, from aiogram's source package.

One line a method or type. Type syntax: `[]X` array, `X|Y` either, leading `!` required. Only what the known
methods (tables.json) and the Update type can reach is kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .model import METHODS

_PLAIN = {"Integer", "String", "Boolean", "True", "Float", "InputFile"}
_RETURNED = re.compile(r"\b(User|True|Message|MessageId|WebhookInfo|File|Integer|Chat\w+|Bot\w+|ForumTopic)\b")


def compact(text: str) -> str:
    """`Array of A, B and C` -> `[]A|[]B|[]C`; `A or B` -> `A|B`."""
    depth = text.count("Array of ")
    return "|".join("[]" * depth + part for part in re.split(r", | and | or ", text.replace("Array of ", "")))


def returns(description: str) -> str:
    """The type that the method's prose promises."""
    sentence = next(s for s in re.split(r"(?<=\.)\s", description) if re.search(r"[Rr]eturns |is returned", s))
    if "otherwise True" in sentence:
        return "Message|True"
    array, one = re.search(r"Array of (\w+)", sentence), _RETURNED.search(sentence)
    assert array or one, sentence
    return f"[]{array[1]}" if array else one[1] if one else ""


def build(source: dict[str, Any]) -> dict[str, Any]:
    """The compact table from the full machine-readable schema."""
    items = {child["name"]: child for group in source["items"] for child in group["children"]}
    made: dict[str, dict[str, Any]] = {"methods": {}, "types": {}, "unions": {}}
    wanted = ["Update"]
    for name in METHODS:
        fields, found = _fields(items[name]), returns(items[name]["description"])
        made["methods"][name] = {"params": fields, "returns": found}
        wanted += _names([*fields.values(), found])
    while wanted:
        name = wanted.pop()
        if name in _PLAIN or name in made["types"] or name in made["unions"]:
            continue
        listed = re.findall(r"^\s*- (\w+)$", items[name]["description"], re.M)
        if listed and not items[name]["annotations"]:
            made["unions"][name] = [*listed, "String", "[]RichText"] if name == "RichText" else listed
            wanted += listed
        else:
            made["types"][name] = _fields(items[name])
            wanted += _names(made["types"][name].values())
    return {"version": source["api"]["version"], **{k: dict(sorted(v.items())) for k, v in made.items()}}


def _fields(item: dict[str, Any]) -> dict[str, str]:
    return {a["name"]: "!" * bool(a["required"]) + compact(a["type"]) for a in item["annotations"]}


def _names(types: Iterable[str]) -> list[str]:
    return [part.strip("![]") for text in types for part in text.split("|")]


def dump(table: dict[str, Any]) -> str:
    """JSON with one line per method and type, so that a new version shows as a readable difference."""
    parts = [f'"version": {json.dumps(table["version"])}']
    for section in ("methods", "types", "unions"):
        lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in table[section].items())
        parts.append(f'"{section}": {{\n{lines}\n}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    made = dump(build(json.loads(Path(sys.argv[1]).read_text())))
    Path(__file__).with_name("schema.json").write_text(made)
