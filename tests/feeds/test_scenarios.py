"""Each scenario of what newspapers do to their feeds, played through the watcher over HTTP and both databases."""

from __future__ import annotations

import pytest

from storage import Storage
from tests.feeds.scenarios import BOTH, Scenario, replay, rule, scenarios
from tests.feeds.watching import desk_on


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
async def test_readers_get_what_is_right(storage: Storage, scenario: Scenario) -> None:
    async with desk_on(storage) as desk:
        outcome = await replay(desk, scenario)
    assert (outcome.posts, outcome.edits) == (scenario.posts, scenario.edits)
    if scenario.both:
        assert outcome.sections == BOTH


RULE = {
    "http→https guids, +1 new": (30, 30),
    "CMS migration, all-new guids, +1 new": (30, 30),
    "five polls of rotating utm, no guid": (150, 150),
    "headline corrected, slug in guid and link": (1, 1),
    "same guid on every item, 3 new": (0, 0),
    "cut to one item by a cache, then whole again, +1 new": (1, 149),
    "newest withdrawn, old ones slide back": (20, 20),
    "old article bumped to the top": (0, 1),
    "recurring headline, new guid, link and date": (1, 1),
    "same article in two section feeds": (2, 2),
}


@pytest.mark.parametrize("scenario", scenarios()[: len(RULE)], ids=lambda scenario: scenario.name)
def test_the_scenarios_are_those_that_fool_the_simple_rule(scenario: Scenario) -> None:
    assert rule(scenario) == RULE[scenario.name]
