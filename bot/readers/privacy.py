"""What we know about a reader, as a file they can take along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.article import Section
from bot.domain.regions import REGIONS

FILE_NAME = "my-data.json"


def document(kept: dict[str, Any], sections: Sequence[Section]) -> bytes:
    """The export of `Readers.export` as indented JSON for human eyes: kept updates are unpacked, sections and
    regions called by their ids, and our times (`…_at`) written in ISO 8601, UTC."""
    readers = [
        {
            **reader,
            **{
                mask: [section.id for section in sections if section.mask & reader[mask]]
                for mask in ("sections", "muted")
            },
            "regions": [region.code for bit, region in enumerate(REGIONS) if reader["regions"] >> bit & 1],
        }
        for reader in kept["readers"]
    ]
    messages = [{**message, "body": json.loads(message["body"])} for message in kept["messages"]]
    tables = {**kept, "readers": readers, "messages": messages}
    written = {name: [_dated(row) for row in rows] for name, rows in tables.items()}
    return json.dumps(written, ensure_ascii=False, indent=2).encode()


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    """Moments as people read them; `digest_at` are times of the day, in minutes."""
    return {
        name: _iso(value) if name.endswith("_at") and isinstance(value, int) and value else value
        for name, value in row.items()
    }


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
