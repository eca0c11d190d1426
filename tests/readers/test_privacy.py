"""What a reader takes along is readable by people and by machines."""

from __future__ import annotations

import json

from bot.domain.article import Section
from bot.readers.privacy import document

SECTIONS = [Section("world", 0), Section("sport", 4)]


def test_updates_are_unpacked_sections_named_times_written_out_and_letters_stay_letters() -> None:
    reader = {"chat_id": 5, "sections": 16, "muted": 1, "joined_at": 1_795_410_001, "consent_at": None, "regions": 5}
    message = {"body": '{"text": "Сәлем", "sent_at": 7}', "received_at": 1_795_410_001}
    kept = {"readers": [reader], "deliveries": [{"took_ms": 3}], "shown": [], "messages": [message]}
    written = document(kept, SECTIONS).decode()
    assert "Сәлем" in written
    moment = "2026-11-23T05:00:01+00:00"
    assert json.loads(written) == {
        "readers": [
            {
                "chat_id": 5,
                "sections": ["sport"],
                "muted": ["world"],
                "joined_at": moment,
                "consent_at": None,
                "regions": ["ast", "shy"],
            }
        ],
        "deliveries": [{"took_ms": 3}],
        "shown": [],
        "messages": [{"body": {"text": "Сәлем", "sent_at": 7}, "received_at": moment}],
    }
