"""`python -m tests.soak --seed 1 2 3`: one line of figures for each seed, or what did not hold."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from tests.soak.book import Size
from tests.soak.world import soak


def main() -> None:
    """Seeds one after the other, each in a process of its own whose hashes are no accident either."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--readers", type=int, default=Size.readers)
    parser.add_argument("--hours", type=float, default=Size.hours)
    parser.add_argument("--feeds", type=int, default=Size.feeds)
    parser.add_argument("--stories", type=int, default=Size.stories)
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit(
            subprocess.call(
                [sys.executable, "-m", "tests.soak", *sys.argv[1:]], env=os.environ | {"PYTHONHASHSEED": "0"}
            )
        )
    for seed in options.seed:
        began = time.monotonic()
        size = Size(readers=options.readers, feeds=options.feeds, hours=options.hours, stories=options.stories)
        found = soak(seed, size)
        print(f"seed {seed}: " + ", ".join(f"{name.strip()} {value:,}" for name, value in found.items()), end="")
        print(f", {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
