"""Is this a request and an answer of Bot API 10.3? Checked against schema.json (made by make_schema.py).

A checker is made once for each kind that the table names and answers what is wrong with a value: nothing, or
lines that begin with the way to the wrong part (`.chat.id: 'x' is no Integer`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .model import Json, Params

Check = Callable[[Any], Sequence[str]]

TABLE: Json = json.loads(Path(__file__).with_name("schema.json").read_text())
_BASIC: dict[str, tuple[type, ...]] = {"Integer": (int,), "String": (str,), "InputFile": (str,), "Float": (int, float)}
_BOOLEAN = {"Boolean": (True, False), "True": (True,)}
_AS_TEXT = ("true", "false", "yes", "no", "0", "1", "")  # a Boolean in a form


def check_request(method: str, params: Params, uploads: set[str]) -> tuple[list[str], list[str]]:
    """(unknown parameters, other violations) of a request whose method is known."""
    known, required = _split("methods", method)
    unknown = [f"{method}: unknown parameter {name!r}" for name in params if name not in known]
    wrong = [
        f"{method}: required parameter {name!r} is missing" for name in required if name not in params.keys() | uploads
    ]
    for name, value in params.items():
        if found := _given(value, known[name]) if name in known else ():
            wrong += [f"{method}.{name}{error}" for error in found]
    return unknown, wrong


@functools.cache
def _split(part: str, name: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The kinds of the parameters or fields by their names, and which of them must be there."""
    listed: dict[str, str] = TABLE[part][name]["params"] if part == "methods" else TABLE[part][name]
    kinds = {field: kind.lstrip("!") for field, kind in listed.items()}
    return kinds, tuple(field for field, kind in listed.items() if kind.startswith("!"))


def check_result(method: str, result: Any) -> list[str]:
    """What is wrong with an answer: missing, unknown or wrongly typed fields, nulls."""
    return [f"{method} -> result{error}" for error in _checker(TABLE["methods"][method]["returns"])(result)]


def check_update(update: Json) -> list[str]:
    """What is wrong with an update."""
    return [f"update{error}" for error in _checker("Update")(update)]


def _given(value: Any, kind: str) -> Sequence[str]:
    """A parameter may come as text: numbers, booleans and nested JSON are decoded first, as Telegram does."""
    if isinstance(value, str) and "String" not in kind.split("|"):
        if kind == "Boolean":
            return () if value.strip().lower() in _AS_TEXT else _no(value, kind)
        try:
            value = json.loads(value)
        except ValueError:
            return _no(value, kind)
    return _checker(kind)(value)


def _no(value: Any, kind: str) -> Sequence[str]:
    return (f": {value!r:.60} is no {kind}",)


@functools.cache
def _checker(kind: str) -> Check:
    """What is wrong with a value of this kind; others are looked up when they are met, for they name each other."""
    if "|" in kind or kind in TABLE["unions"]:
        return _one_of(tuple(map(_checker, TABLE["unions"].get(kind) or kind.split("|"))))
    if kind.startswith("[]"):
        return _array_of(kind[2:])
    if kind in _BOOLEAN:
        allowed = _BOOLEAN[kind]
        return lambda value: () if isinstance(value, bool) and value in allowed else _no(value, kind)
    if kind in _BASIC:
        types = _BASIC[kind]
        return lambda value: () if isinstance(value, types) and not isinstance(value, bool) else _no(value, kind)
    return _object(kind)


def _one_of(checks: tuple[Check, ...]) -> Check:
    def check(value: Any) -> Sequence[str]:
        """The violations under the alternative that fits best."""
        best: Sequence[str] | None = None
        for one in checks:
            found = one(value)
            if not found:
                return ()
            best = found if best is None or len(found) < len(best) else best
        return best or ()

    return check


def _array_of(kind: str) -> Check:
    def check(value: Any) -> Sequence[str]:
        if not isinstance(value, list):
            return _no(value, "array")
        return [f"[{i}]{error}" for i, item in enumerate(value) for error in _checker(kind)(item)]

    return check


def _object(kind: str) -> Check:
    fields, required = _split("types", kind)

    def check(value: Any) -> Sequence[str]:
        if not isinstance(value, dict):
            return _no(value, kind)
        errors = [f": {kind} lacks {name!r}" for name in required if name not in value]
        for name, item in value.items():
            if name not in fields:
                errors.append(f": {kind} has no field {name!r}")
            elif found := _checker(fields[name])(item):
                errors += [f".{name}{error}" for error in found]
        return errors

    return check
