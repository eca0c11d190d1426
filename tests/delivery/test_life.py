"""Readers' lives over days: what each of them gets, and when, is what the model says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.delivery.life import Size, World, life


def told(world: World, size: Size) -> None:
    print(
        f"{size.readers} readers, {size.days} days: {len(world.begins)} sends, {world.messages} messages,"
        f" {world.lists} of them lists, {world.silent} silent, {world.changes} changes,"
        f" {world.meanwhile} of them while something was under way: no difference"
    )


def test_four_days_in_the_life(tmp_path: Path) -> None:
    size = Size(readers=75)
    world = life(4, size, tmp_path)
    told(world, size)
    assert min(world.messages, world.lists, world.silent, world.meanwhile) > 100


@pytest.mark.prove
def test_a_month_in_the_life(tmp_path: Path) -> None:
    readers, seed = int(os.environ.get("LIFE_READERS", "10000")), int(os.environ.get("LIFE_SEED", "1"))
    size = Size(readers=readers, days=30, rate=1000, stories=30, changes=0.3, restarts=30)
    told(life(seed, size, tmp_path), size)
