"""Posts that readers get, beside what "guid or link or title" would send them: `python -m benchmarks.identity`.

Plays the scenarios of tests/feeds/scenarios.py through the real watcher. The rule is counted twice where it
matters: with a memory that never forgets, and with one that holds the last document only.
"""

from __future__ import annotations

import asyncio
import tempfile

from benchmarks import evidence
from storage import open_storage
from tests.feeds.scenarios import Outcome, Scenario, replay, rule, scenarios
from tests.feeds.watching import desk_on


async def play(scenario: Scenario) -> Outcome:
    """One scenario on an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(f"sqlite:///{folder}/bench.db")
        try:
            async with desk_on(storage) as desk:
                return await replay(desk, scenario)
        finally:
            await storage.close()


async def main() -> None:
    """Print the table."""
    print(f"{'event':55} {'the rule':>9} {'newsdesk':>9} {'right':>6}")
    wrong, played = 0, 0
    for scenario in scenarios():
        ever, last = rule(scenario)
        simple = str(ever) if ever == last else f"{min(ever, last)}–{max(ever, last)}"
        got = await play(scenario)
        wrong, played = wrong + (got.posts != scenario.posts), played + 1
        edits = f", {got.edits} edit{'s' * (got.edits > 1)}" if got.edits else ""
        print(f"{scenario.name:55} {simple:>9} {got.posts:>9} {scenario.posts:>6}{edits}")
    what = f"events of {played} after which readers get more or fewer posts than is right"
    evidence.save("identity", evidence.Figure("wrong", what, wrong, "", wanted="<= 0"))


if __name__ == "__main__":
    asyncio.run(main())
