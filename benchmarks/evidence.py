"""Figures on record: what a benchmark or a long run has measured, when, on what and beside whom.

    save("delivery", Figure("aiogram", "CPU of a delivery", 58.0, "µs", "plain aiogram", 405.0, "<= 0.30"))

writes `benchmarks/results/delivery.json`. `python -m benchmarks.evidence` makes `docs/evidence.md` and the README's
table of promises from those files; a test fails when either was changed by hand. A run is saved when the environment
has NEWSDESK_EVIDENCE=1, so that a first try leaves no record.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from operator import ge, le
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("aiogram", "aiohttp", "aiosqlite", "asyncpg", "feedparser")
_COMPARED = {"<=": le, ">=": ge}
_BEGIN, _END = "<!-- promises: made by python -m benchmarks.evidence -->", "<!-- end of promises -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured. `other` is the same of whom it stands `beside`, in the same run; then `wanted` is about the
    ratio of the two, else about the value: «<= 0.30», "" for a figure that nothing is demanded of. `note` says what a
    number cannot.
    """

    id: str
    what: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    wanted: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value in parts of the other one."""
        return self.value / self.other if self.other else None

    @property
    def holds(self) -> bool | None:
        """Whether it is as wanted; None when nothing is."""
        if not self.wanted:
            return None
        sign, bound = self.wanted.split()
        judged = self.value if self.other is None else self.ratio
        return judged is not None and _COMPARED[sign](round(judged, 3), float(bound))


@dataclass(frozen=True, slots=True)
class Promise:
    """What the README promises: the test that holds it, and the figure that was measured last."""

    words: str
    test: str
    figure: tuple[str, str]


PROMISES = (
    Promise("kill -9 at any moment: nobody is left without the post", "tests/delivery/test_kill.py", ("kills", "lost")),
    Promise("… and what is repeated is bounded", "tests/delivery/test_kill.py", ("kills", "repeats")),
    Promise("Several machines: who dies leaves nobody without the post", "tests/test_chaos.py", ("chaos", "lost")),
    Promise("… and no message of a person without an answer", "tests/test_chaos.py", ("chaos", "unanswered")),
    Promise("Bookkeeping faster than message queues", "tests/delivery/test_several.py", ("queues", "peers")),
    Promise("A database moves whole, both ways", "tests/storage/test_storage_move.py", ("move", "there")),
    Promise("Telegram's rate is used, without a 429 (30/s)", "tests/delivery/test_pacing.py", ("rate", "30")),
    Promise("… and at 1000/s", "tests/delivery/test_pacing.py", ("rate", "1000")),
    Promise("Breaking news leaves at once beside a round", "tests/delivery/test_lanes.py", ("breaking", "29")),
    Promise("A delivery costs little CPU", "tests/delivery/test_sender.py", ("delivery", "aiogram")),
    Promise("A million readers fit on SQLite", "tests/storage/test_storage_deliveries.py", ("bookkeeping", "delivery")),
    Promise("A correction begins at once", "tests/delivery/test_follow.py", ("corrections", "first")),
    Promise("A poll of a feed is cheap", "tests/feeds/test_watch.py", ("feeds", "new")),
    Promise(
        "A changed headline is an edit, never a second post", "tests/feeds/test_scenarios.py", ("identity", "wrong")
    ),
    Promise("A search answers while one types", "tests/readers/test_search.py", ("search", "sqlite")),
)


def wanted() -> bool:
    """Whether this run is to be put on record."""
    return os.environ.get("NEWSDESK_EVIDENCE") == "1"


def save(name: str, *figures: Figure, table: str = "") -> None:
    """Put a run on record, in place of the one before, when it is to be. `table` is what it printed, as it is."""
    if not wanted():
        return
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    run = {**_circumstances(), "figures": [asdict(figure) for figure in figures], "table": table.splitlines()}
    path.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _circumstances() -> dict[str, Any]:
    main = sys.modules["__main__"].__spec__
    command = f"python -m {main.name.removesuffix('.__main__')}" if main else Path(sys.argv[0]).name
    return {
        "command": " ".join([command, *sys.argv[1:]]),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, load {os.getloadavg()[0]:.1f}",
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, **dict(_versions())},
    }


def _git(*words: str) -> str:
    found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def recorded(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """All runs on record by name, their figures as `Figure`s."""
    runs = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
    return {
        name: {**run, "figures": {one["id"]: Figure(**one) for one in run["figures"]}} for name, run in runs.items()
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def said(figure: Figure) -> str:
    """«58 µs, plain aiogram 405 µs: 0.14 (<= 0.30)»."""
    words = f"{_number(figure.value)} {figure.unit}".strip()
    if figure.ratio is not None and figure.other is not None:
        words += f"; {figure.beside} {_number(figure.other)} {figure.unit}".rstrip() + f": {figure.ratio:.2f}"
    if figure.wanted:
        words += f" (wanted {figure.wanted.replace('<=', '≤').replace('>=', '≥')}{'' if figure.holds else ', MISSED'})"
    return words + (f"; {figure.note}" if figure.note else "")


def report(runs: dict[str, dict[str, Any]]) -> str:
    """`docs/evidence.md`."""
    lines = [
        "# Evidence",
        "",
        "Made by `python -m benchmarks.evidence` from `benchmarks/results/*.json`, which the scripts write.",
        "Both sides of a ratio come from one run. A busy machine is slower than a quiet one: read the ratios.",
    ]
    for name, run in runs.items():
        versions = ", ".join(f"{package} {number}" for package, number in run["versions"].items())
        lines += [
            "",
            f"## {name}",
            "",
            f"`{run['command']}`, {run['at'][:16].replace('T', ' ')} UTC, commit {run['commit']}",
        ]
        lines[-1] += " with changes" if run["changed"] else ""
        lines += ["", f"{run['machine']}; {versions}", ""]
        lines += ["| what | measured |", "|---|---|"]
        lines += [f"| {figure.what} | {said(figure)} |" for figure in run["figures"].values()]
        if run["table"]:
            lines += ["", "```", *run["table"], "```"]
    return "\n".join(lines) + "\n"


def promises(runs: dict[str, dict[str, Any]]) -> str:
    """The README's table; a promise without a figure on record is not in it."""
    lines = ["| promise | held by | measured last | on |", "|---|---|---|---|"]
    for promise in PROMISES:
        run = runs.get(promise.figure[0])
        figure = run["figures"].get(promise.figure[1]) if run else None
        if run and figure:
            lines.append(f"| {promise.words} | `{promise.test}` | {said(figure)} | {run['at'][:10]} |")
    return "\n".join(lines)


def with_promises(readme: str, runs: dict[str, dict[str, Any]]) -> str:
    """The README with its table made anew."""
    head, _, rest = readme.partition(_BEGIN)
    return f"{head}{_BEGIN}\n{promises(runs)}\n{_END}{rest.partition(_END)[2]}"


def main() -> None:
    """Write both."""
    runs = recorded()
    (ROOT / "docs/evidence.md").write_text(report(runs), "utf-8")
    readme = ROOT / "README.md"
    readme.write_text(with_promises(readme.read_text("utf-8"), runs), "utf-8")


if __name__ == "__main__":
    main()
