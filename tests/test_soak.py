"""The soak: the whole bot with everything that goes wrong, from a seed (tests/soak)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*options: str) -> str:
    """What it prints, from a process whose hashes are no accident; its own words where something does not hold."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    words = [sys.executable, "-m", "tests.soak", *options]
    done = subprocess.run(words, cwd=ROOT, env=environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stdout)
    return done.stdout


def test_a_quarter_of_an_hour() -> None:
    """The small sibling."""
    assert "missing" not in run("--seed", "1", "--readers", "60", "--hours", "0.25")


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1, 11))
def test_six_hours(seed: int) -> None:
    """50,000 readers, 40 feeds, a channel, editors at work, faults of every kind."""
    run("--seed", str(seed))
