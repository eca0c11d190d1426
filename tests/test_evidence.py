"""Figures on record: written by scripts, shown as they were written, never changed by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import evidence
from benchmarks.evidence import Figure

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("figure", "holds", "said"),
    [
        (Figure("a", "x", 58.0, "µs", "plain aiogram", 405.0, "<= 0.30"), True, "58 µs; plain aiogram 405 µs: 0.14"),
        (Figure("a", "x", 0.94, "", wanted=">= 0.96"), False, "0.94 (wanted ≥ 0.96, MISSED)"),
        (Figure("a", "x", 1234.0, "ms"), None, "1,234 ms"),
    ],
)
def test_a_figure_is_judged_by_its_ratio_or_by_itself(figure: Figure, holds: bool | None, said: str) -> None:
    assert figure.holds is holds
    assert evidence.said(figure).startswith(said)


def test_a_run_is_put_on_record_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "RESULTS", tmp_path)
    monkeypatch.delenv("NEWSDESK_EVIDENCE", raising=False)
    evidence.save("x", Figure("a", "x", 1.0, "s"))
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("NEWSDESK_EVIDENCE", "1")
    evidence.save("x", Figure("a", "x", 1.0, "s"), table="b c")
    run = evidence.recorded(tmp_path)["x"]
    assert run["figures"]["a"].value == 1.0
    assert run["table"] == ["b c"]
    assert {"command", "at", "commit", "machine", "versions"} <= set(run)


def test_the_report_and_the_readme_say_what_is_on_record() -> None:
    runs = evidence.recorded()
    assert (ROOT / "docs/evidence.md").read_text("utf-8") == evidence.report(runs)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == evidence.with_promises(readme, runs)


def test_each_promise_names_a_test_that_is_there() -> None:
    for promise in evidence.PROMISES:
        assert (ROOT / promise.test).is_file(), promise.test


def test_what_is_on_record_is_whole() -> None:
    for path in evidence.RESULTS.glob("*.json"):
        run = json.loads(path.read_text("utf-8"))
        assert run["commit"], path
        assert run["figures"], path
