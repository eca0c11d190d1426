"""The coverage gate: 95 % of all lines, and every line and branch of the pure modules.

Which modules are pure is written once, in the import contract "pure" of pyproject.toml. What cannot be reached
carries a `# pragma: no cover` or `no branch` with its reason where it stands.
"""

from __future__ import annotations

import fnmatch
import io
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from coverage import Coverage

LEAST = 95.0
ROOT = Path(__file__).parent.parent


def pure_patterns() -> list[str]:
    """File patterns of the pure modules: "bot/feeds/dates.py"."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    modules = next(c["source_modules"] for c in contracts if c["id"] == "pure")
    return [f"{m.replace('.', '/')}{end}" for m in modules for end in (".py", "/*.py")]


def complaints(report: dict[str, Any]) -> list[str]:
    """What the report lacks, a line each."""
    totals, found = report["totals"], []
    lines = 100.0 * totals["covered_lines"] / max(1, totals["num_statements"])
    print(f"Coverage: {lines:.1f} % of lines (at least {LEAST:.0f} %).")
    if lines < LEAST:
        found.append(f"{lines:.1f} % of lines are covered, {LEAST:.0f} % are wanted; `coverage report` shows which.")
    for name, file in sorted(report["files"].items()):
        if any(fnmatch.fnmatch(name, pattern) for pattern in pure_patterns()):
            missing = [*map(str, file["missing_lines"])]
            missing += [f"{a}->{b if b > 0 else 'exit'}" for a, b in file.get("missing_branches", ())]
            if missing:
                found.append(f"{name} is pure and must be covered whole; not reached: {', '.join(missing)}")
    return found


def main() -> int:
    """Combine what the processes measured, judge it, and give the exit code."""
    coverage = Coverage()
    coverage.combine()
    coverage.save()
    target = ROOT / ".coverage.json"
    silenced, sys.stdout = sys.stdout, io.StringIO()
    try:
        coverage.json_report(outfile=str(target))
    finally:
        sys.stdout = silenced
    report = json.loads(target.read_text("utf-8"))
    target.unlink()
    found = complaints(report)
    for line in found:
        print(f"Coverage: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
