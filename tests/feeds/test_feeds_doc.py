"""docs/feeds.md lists the causes that there are."""

from __future__ import annotations

import re
from pathlib import Path

from bot.desk.alarms import SENTENCES

DOC = (Path(__file__).resolve().parents[2] / "docs/feeds.md").read_text("utf-8")


def test_every_alarm_is_documented() -> None:
    table = DOC.partition("## Alarms")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == {cause for cause in SENTENCES if cause in FEEDS}


FEEDS = {
    "silent", "shrank", "repaired", "future", "certificate", "wall", "redirect", "unsorted", "vanished",
    "gone", "private", "failing",
}  # fmt: skip
"""Alarms of feeds; other rooms have their own."""
