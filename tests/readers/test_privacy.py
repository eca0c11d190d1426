"""What a reader takes along is readable by people and by machines."""

from __future__ import annotations

import json

from bot.readers.privacy import document


def test_updates_are_unpacked_and_letters_stay_letters() -> None:
    kept = {"readers": [{"chat_id": 5}], "deliveries": [], "shown": [], "messages": [{"body": '{"text": "Сәлем"}'}]}
    written = document(kept).decode()
    assert "Сәлем" in written
    assert json.loads(written)["messages"] == [{"body": {"text": "Сәлем"}}]
    assert json.loads(written)["readers"] == [{"chat_id": 5}]
