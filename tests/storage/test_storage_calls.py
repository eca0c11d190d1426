"""Calls of the API under a name: done once, answered as often as they are repeated."""

from __future__ import annotations

import asyncio

from storage import Storage
from storage.calls import Call


async def test_a_name_is_used_once(storage: Storage) -> None:
    begun = await asyncio.gather(*(storage.calls.begin("k", "d", now=100, lost=40) for _ in range(4)))
    assert begun.count(None) == 1
    assert [one for one in begun if one] == [Call("d", 0, "", 100)] * 3
    assert await storage.calls.begin("k", "other", now=101, lost=41) == Call("d", 0, "", 100)
    await storage.calls.end("k", 202, '{"a":1}')
    assert await storage.calls.begin("k", "d", now=999, lost=900) == Call("d", 202, '{"a":1}', 100)


async def test_one_that_died_is_gone_on_with(storage: Storage) -> None:
    assert await storage.calls.begin("k", "d", now=100, lost=40) is None
    await storage.calls.note("k", '{"draft":7}')
    assert await storage.calls.begin("k", "other", now=161, lost=101) == Call("d", 0, '{"draft":7}', 100)
    assert await storage.calls.begin("k", "d", now=161, lost=101) is None
    assert (await storage.calls.noted("k"), await storage.calls.noted("x")) == ('{"draft":7}', "")
    await storage.calls.give_up("k")
    assert await storage.calls.begin("k", "other", now=162, lost=102) is None
    await storage.calls.end("k", 200, "{}")
    await storage.calls.give_up("k")
    await storage.calls.prune(162)
    assert await storage.calls.begin("k", "other", now=163, lost=103) == Call("other", 200, "{}", 162)
    await storage.calls.prune(163)
    assert await storage.calls.begin("k", "new", now=164, lost=104) is None
