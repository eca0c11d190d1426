"""Is this a request and an answer of Bot API 10.3? Checked against schema.json (made by make_schema.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .model import Json, Params

TABLE: Json = json.loads(Path(__file__).with_name("schema.json").read_text())
_NAMES = {name.lower(): name for name in TABLE["methods"]}
_BASIC: dict[str, type | tuple[type, ...]] = {"Integer": int, "String": str, "Boolean": bool, "True": bool}
_BASIC |= {"Float": (int, float), "InputFile": str}


def check_request(method: str, params: Params, uploads: set[str]) -> tuple[list[str], list[str]]:
    """(unknown parameters, other violations) of a request whose method is known, whatever its case."""
    name = _NAMES[method.lower()]
    known: dict[str, str] = TABLE["methods"][name]["params"]
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
    name = _NAMES[method.lower()]
    return [f"{name} -> {error}" for error in _errors(result, TABLE["methods"][name]["returns"], "result")]


def check_update(update: Json) -> list[str]:
    """What is wrong with an update."""
    return _errors(update, "Update", "update")


def _given(value: Any, kind: str, field: str) -> list[str]:
    """A parameter may come as text: numbers, booleans and nested JSON are decoded first, as Telegram does."""
    if isinstance(value, str) and "String" not in kind.split("|"):
        if kind == "Boolean":
            return (
                []
                if value.strip().lower() in ("true", "false", "yes", "no", "0", "1", "")
                else [_no(value, kind, field)]
            )
        try:
            value = json.loads(value)
        except ValueError:
            return [_no(value, kind, field)]
    return _errors(value, kind, field)


def _no(value: Any, kind: str, path: str) -> str:
    return f"{path}: {value!r:.60} is no {kind}"


def _errors(value: Any, kind: str, path: str) -> list[str]:
    """The violations under the alternative that fits best."""
    best: list[str] | None = None
    for one in kind.split("|"):
        found = _one(value, one, path)
        if not found:
            return []
        best = found if best is None or len(found) < len(best) else best
    return best or []


def _one(value: Any, kind: str, path: str) -> list[str]:
    if kind.startswith("[]"):
        if not isinstance(value, list):
            return [_no(value, "array", path)]
        return [error for i, item in enumerate(value) for error in _errors(item, kind[2:], f"{path}[{i}]")]
    if kind in _BASIC:
        fits = isinstance(value, _BASIC[kind]) and (kind in ("Boolean", "True") or not isinstance(value, bool))
        return [] if fits and (kind != "True" or value is True) else [_no(value, kind, path)]
    if kind in TABLE["unions"]:
        return _errors(value, "|".join(TABLE["unions"][kind]), path)
    if not isinstance(value, dict):
        return [_no(value, kind, path)]
    fields: dict[str, str] = TABLE["types"][kind]
    errors = [f"{path}: {kind} has no field {name!r}" for name in value if name not in fields]
    for name, wanted in fields.items():
        if name in value:
            errors += _errors(value[name], wanted.lstrip("!"), f"{path}.{name}")
        elif wanted.startswith("!"):
            errors.append(f"{path}: {kind} lacks {name!r}")
    return errors
