"""Meta: named values and the sections' bits."""

from __future__ import annotations

import asyncio

import pytest
from storage_help import TEXT

from bot.clock import RealClock
from storage import Storage


async def test_a_value_is_what_was_put_last(storage: Storage) -> None:
    assert await storage.meta.get("offset") is None
    await storage.meta.put("offset", "")
    assert await storage.meta.get("offset") == ""
    await storage.meta.put("offset", TEXT)
    assert await storage.meta.get("offset") == TEXT


async def test_the_size_grows_with_what_is_kept(storage: Storage) -> None:
    before = await storage.meta.size()
    assert before > 10_000
    await storage.meta.put("much", TEXT * 100_000)
    assert await storage.meta.size() > before


async def test_a_bit_is_given_for_ever_and_there_are_62(storage: Storage) -> None:
    assert await storage.meta.section_bits([]) == {}
    assert await storage.meta.section_bits(["sport", "мир"]) == {"sport": 0, "мир": 1}
    assert await storage.meta.section_bits(["new", "sport", "new"]) == {"new": 2, "sport": 0}
    bits = await storage.meta.section_bits([f"s{n}" for n in range(59)])
    assert sorted(bits.values()) == list(range(3, 62))
    with pytest.raises(ValueError, match="62"):
        await storage.meta.section_bits(["one-too-many"])
    assert await storage.meta.section_bits(["s58"]) == {"s58": 61}


async def test_copies_that_start_at_once_give_different_bits(storage: Storage) -> None:
    given = await asyncio.gather(*(storage.meta.section_bits([f"s{n}", "common"]) for n in range(8)))
    bits = {id_: bit for part in given for id_, bit in part.items()}
    assert sorted(bits.values()) == list(range(9))
    assert len({part["common"] for part in given}) == 1


async def test_the_databases_own_time(storage: Storage) -> None:
    first, second = await storage.meta.time(), await storage.meta.time()
    assert abs(first - RealClock().now()) < 5, "its machine is ours"
    assert first <= second < first + 5
