"""Makes schema.json: `python -m bot.sandbox.make_schema .butcher/schema/schema.json`, from aiogram's source package.

One line a method or type. Type syntax: `[]X` array, `X|Y` either, leading `!` required. Only what the known
methods and the Update type can reach is kept.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from .methods import METHODS

_PLAIN = {"Integer", "String", "Boolean", "True", "Float", "InputFile"}


def compact(text: str) -> str:
    """`Array of A, B and C` -> `[]A|[]B|[]C`; `A or B` -> `A|B`."""
    depth = 0
    while text.startswith("Array of "):
        text, depth = text.removeprefix("Array of "), depth + 1
    return "|".join("[]" * depth + part for part in re.split(r", | and | or ", text))


def returns(description: str) -> str:
    """The type that the method's prose promises."""
    sentence = next(s for s in re.split(r"(?<=\.)\s", description) if re.search(r"[Rr]eturns |is returned", s))
    if "otherwise True" in sentence:
        return "Message|True"
    array = re.search(r"Array of (\w+)", sentence)
    if array:
        return f"[]{array[1]}"
    found = re.search(r"\b(User|True|Message|MessageId|WebhookInfo|File|Integer|Chat\w+|Bot\w+|ForumTopic)\b", sentence)
    assert found, sentence
    return found[1]


def build(source: dict[str, Any]) -> dict[str, Any]:
    """The compact table from the full machine-readable schema."""
    items = {child["name"]: child for group in source["items"] for child in group["children"]}
    methods: dict[str, Any] = {}
    types: dict[str, Any] = {}
    unions: dict[str, Any] = {}
    wanted = ["Update"]
    for name in METHODS:
        fields, found = _fields(items[name]), returns(items[name]["description"])
        methods[name] = {"params": fields, "returns": found}
        wanted += [*_names(fields.values()), *_names([found])]
    while wanted:
        name = wanted.pop()
        if name in _PLAIN or name in types or name in unions:
            continue
        listed = re.findall(r"^\s*- (\w+)$", items[name]["description"], re.M)
        if listed and not items[name]["annotations"]:
            unions[name] = [*listed, "String", "[]RichText"] if name == "RichText" else listed
            wanted += listed
        else:
            types[name] = _fields(items[name])
            wanted += _names(types[name].values())
    parts = {"methods": methods, "types": types, "unions": unions}
    return {"version": source["api"]["version"], **{k: dict(sorted(v.items())) for k, v in parts.items()}}


def _fields(item: dict[str, Any]) -> dict[str, str]:
    return {a["name"]: "!" * bool(a["required"]) + compact(a["type"]) for a in item["annotations"]}


def _names(types: Any) -> list[str]:
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
