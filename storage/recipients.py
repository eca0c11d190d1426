"""A `Recipient` as a query: what most readers have left as it was is compared, not read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from bot.domain.recipient import SEPARATOR, Recipient, Ways


def _joined(columns: Iterable[str]) -> str:
    return f" || '{SEPARATOR}' || ".join(columns)


_LEFT = " AND ".join(
    f"reader.{name} = {value}" if isinstance(value, int) else f"reader.{name} = '{value}'"
    for name, value in Ways()._asdict().items()
)
_PACE = _joined(["reader.sent_day", "reader.sent_n", "reader.listed", "COALESCE(CAST(reader.list_at AS TEXT), '')"])
_FIRST = (
    "reader.id, reader.chat_id, reader.thread_id, reader.language, reader.sections & ~reader.muted,"
    f" CASE WHEN {_LEFT} THEN '' ELSE {_joined(f'reader.{name}' for name in Ways._fields)} END, "
)
COLUMNS = f"{_FIRST}CASE WHEN reader.list_at IS NULL THEN '' ELSE {_PACE} END"
"""The columns of a `Recipient`. Of whoever has no lists it is not read what the last one knew."""
WHOLE = f"{_FIRST}{_PACE}"
"""The same for who asks for a list without having any."""
recipient: partial[Any] = partial(tuple.__new__, Recipient)
"""A row's `Recipient`: half the time of `Recipient._make`."""
