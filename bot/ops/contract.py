"""What `openapi.json` demands of a value, checked: the document that clients read is the one that is enforced. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

Json = Any
_TYPES: Mapping[str, type | tuple[type, ...]] = {"object": dict, "array": list, "string": str, "integer": int}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

DOCUMENT: Mapping[str, Json] = json.loads(files("bot.ops").joinpath("openapi.json").read_text(encoding="utf-8"))


class Mismatch(Exception):
    """The value is not what the document says; the message is one line that names the place."""


def schema_of(operation: str) -> Json:
    """What the body of a request must be."""
    found = next(path["post"] for path in DOCUMENT["paths"].values() if path["post"]["operationId"] == operation)
    return found["requestBody"]["content"]["application/json"]["schema"]


def check(value: Json, schema: Json, place: str = "") -> None:
    """Raise `Mismatch` at the first place where the value is not what the schema says."""
    while "$ref" in schema:
        schema = resolve(schema["$ref"])
    wanted = _TYPES[schema["type"]]
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise Mismatch(f"{place or 'the body'} must be {_named(schema['type'])}.")
    match value:
        case dict():
            _object(value, schema, place)
        case list():
            _between(len(value), schema, "Items", place, "items")
            for n, item in enumerate(value):
                check(item, schema["items"], f"{place}[{n}]")
        case str():
            _text(value, schema, place)
        case _ if value < schema.get("minimum", value):
            raise Mismatch(f"{place} must be {schema['minimum']} at least.")


def resolve(reference: str) -> Json:
    """What stands at «#/components/…»."""
    found: Json = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _object(value: dict[str, Json], schema: Json, place: str) -> None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", False)
    dot = f"{place}." if place else ""
    for name in schema.get("required", ()):
        if name not in value:
            raise Mismatch(f"{dot}{name} is missing.")
    _between(len(value), schema, "Properties", place, "entries")
    for name, item in value.items():
        if name not in known and others is False:
            raise Mismatch(f"{dot}{_shown(name)} is unknown; known are {', '.join(known)}.")
        if name not in known and not re.search(schema["propertyNames"]["pattern"], name):
            raise Mismatch(f"{dot}{_shown(name)} does not match {schema['propertyNames']['pattern']}.")
        check(item, known.get(name, others), f"{dot}{name}")


def _text(value: str, schema: Json, place: str) -> None:
    _between(len(value), schema, "Length", place, "characters")
    if _UNSTORABLE.search(value):
        raise Mismatch(f"{place} holds a character that cannot be kept.")
    if "enum" in schema and value not in schema["enum"]:
        raise Mismatch(f"{place} must be one of {', '.join(schema['enum'])}.")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise Mismatch(f"{place} does not match {schema['pattern']}.")
    if schema.get("format") == "uri" and not _is_address(value):
        raise Mismatch(f"{place} must be an http or https address.")
    if schema.get("format") == "date-time" and moment(value) is None:
        raise Mismatch(f"{place} must be a moment with its zone, such as 2022-11-24T16:48:00+06:00.")


def moment(text: str) -> int | None:
    """Epoch seconds of a time as RFC 3339 writes it; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
        return int(at.timestamp()) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False


def _between(size: int, schema: Json, of: str, place: str, unit: str) -> None:
    least, most = schema.get(f"min{of}", 0), schema.get(f"max{of}", size)
    if size < least:
        raise Mismatch(f"{place or 'the body'} must have {least} {unit} at least.")
    if size > most:
        raise Mismatch(f"{place or 'the body'} must have {most} {unit} at most.")


def _named(kind: str) -> str:
    return ("an " if kind[0] in "aoi" else "a ") + kind


def _shown(name: str) -> str:
    return json.dumps(name[:40])
