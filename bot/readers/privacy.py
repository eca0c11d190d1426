"""What we know about a reader, as a file they can take along."""

from __future__ import annotations

import json
from typing import Any

FILE_NAME = "my-data.json"


def document(kept: dict[str, Any]) -> bytes:
    """The export of `Readers.export` as indented JSON; kept updates are unpacked for human eyes."""
    messages = [{**message, "body": json.loads(message["body"])} for message in kept["messages"]]
    return json.dumps({**kept, "messages": messages}, ensure_ascii=False, indent=2).encode()
