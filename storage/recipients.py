"""A `Recipient` as a query, and how the text of what a reader chose is kept beside the choices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.domain.recipient import NUMBERS, SEPARATOR, Recipient, Ways

_TYPES = dict.fromkeys(NUMBERS, "INTEGER") | {"regions": "BIGINT"}  # those of the columns
COLUMNS = (
    "reader.id, reader.chat_id, reader.thread_id, reader.language, reader.sections & ~reader.muted, reader.chosen,"
    " CASE WHEN reader.volume > 0 THEN (SELECT pace.day * 65536 + pace.n FROM pace WHERE pace.reader_id = reader.id)"
    " END, reader.listed, reader.list_at"
)
"""The columns of a `Recipient`."""

recipient: partial[Any] = partial(tuple.__new__, Recipient)
"""A row's `Recipient`: half the time of `Recipient._make`."""


def chosen_of(instead: Mapping[str, str]) -> str:
    """The expression for `reader.chosen`: `Ways.text` of the columns, or of what stands there `instead`."""
    values = {name: f"CAST({instead.get(name, name)} AS {_TYPES.get(name, 'TEXT')})" for name in Ways._fields}
    usual = " AND ".join(
        f"{values[name]} = {value if name in NUMBERS else repr(str(value))}"
        for name, value in Ways._field_defaults.items()
    )
    text = f" || '{SEPARATOR}' || ".join(f"CAST({value} AS TEXT)" for value in values.values())
    return f"CASE WHEN {usual} THEN '' ELSE {text} END"
