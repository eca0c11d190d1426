"""Is this a request and an answer of Bot API 10.3? Checked against schema.json (made by make_schema.py)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from .model import Json, Params


@functools.cache
def table() -> Json:
    """The compact schema: methods, types and unions."""
    loaded: Json = json.loads(Path(__file__).with_name("schema.json").read_text())
    loaded["names"] = {name.lower(): name for name in loaded["methods"]}
    return loaded


def check_request(method: str, params: Params, uploads: set[str]) -> tuple[list[str], list[str]]:
    """(unknown parameters, other violations) of a request whose method is known, whatever its case."""
    schema = table()
    name = schema["names"][method.lower()]
    known: dict[str, str] = schema["methods"][name]["params"]
    unknown = [f"{name}: unknown parameter {p!r}" for p in params if p not in known]
    wrong = []
    for field, kind in known.items():
        if field in params:
            wrong += [f"{name}.{error}" for error in _given(params[field], kind.lstrip("!"), field)]
        elif kind.startswith("!") and field not in uploads:
            wrong.append(f"{name}: required parameter {field!r} is missing")
    return unknown, wrong


def check_result(method: str, result: Any) -> list[str]:
    """What is wrong with an answer: missing, unknown or wrongly typed fields, nulls."""
    schema = table()
    name = schema["names"][method.lower()]
    return [f"{name} -> {error}" for error in _errors(result, schema["methods"][name]["returns"], "result")]


def check_update(update: Json) -> list[str]:
    """What is wrong with an update."""
    return _errors(update, "Update", "update")


def _given(value: Any, kind: str, field: str) -> list[str]:
    """A parameter may come as text: numbers, booleans and nested JSON are decoded first, as Telegram does."""
    plain = set(kind.split("|"))
    if isinstance(value, str) and "String" not in plain:
        try:
            value = json.loads(value)
        except ValueError:
            if plain == {"Boolean"} and value.strip().lower() in ("true", "false", "yes", "no", ""):
                return []
            return [f"{field}: {value[:60]!r} is no {kind}"]
        if plain == {"Boolean"} and value in (0, 1):
            return []
    return _errors(value, kind, field)


def _errors(value: Any, kind: str, path: str) -> list[str]:
    """The violations under the alternative that fits best."""
    best: list[str] | None = None
    for one in kind.split("|"):
        found = _one(value, one, path)
        if not found:
            return []
        if best is None or len(found) < len(best):
            best = found
    return best or []


def _one(value: Any, kind: str, path: str) -> list[str]:
    if kind.startswith("[]"):
        if not isinstance(value, list):
            return [f"{path}: {value!r:.60} is no array"]
        return [error for i, item in enumerate(value) for error in _errors(item, kind[2:], f"{path}[{i}]")]
    basic = _BASIC.get(kind)
    if basic:
        fits = isinstance(value, basic) and (kind in ("Boolean", "True") or not isinstance(value, bool))
        fits = fits and (kind != "True" or value is True)
        return [] if fits else [f"{path}: {value!r:.60} is no {kind}"]
    schema = table()
    if kind in schema["unions"]:
        return _errors(value, "|".join(schema["unions"][kind]), path)
    if not isinstance(value, dict):
        return [f"{path}: {value!r:.60} is no {kind}"]
    fields: dict[str, str] = schema["types"][kind]
    errors = [f"{path}: {kind} has no field {name!r}" for name in value if name not in fields]
    for name, wanted in fields.items():
        if name in value:
            errors += _errors(value[name], wanted.lstrip("!"), f"{path}.{name}")
        elif wanted.startswith("!"):
            errors.append(f"{path}: {kind} lacks {name!r}")
    return errors


_BASIC: dict[str, type | tuple[type, ...]] = {
    "Integer": int,
    "String": str,
    "Boolean": bool,
    "True": bool,
    "Float": (int, float),
    "InputFile": str,
}
