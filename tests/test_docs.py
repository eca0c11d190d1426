"""The documents cannot fall behind: settings, variables, commands, dependencies, and no link leads nowhere."""

from __future__ import annotations

import argparse
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import parser
from bot.delivery.budget import MESSAGES_PER_STAR, MOST_PAID, load_of
from bot.settings import Settings
from bot.settings_env import VARIABLES
from bot.settings_file import keys

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text("utf-8")


def rows(heading: str) -> dict[str, str]:
    """The first cells of the table below that heading, with the rest of their rows."""
    text = CONFIGURATION.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \|(.+)$", text, re.M))


def test_the_settings_stand_there_as_they_are() -> None:
    """`python .ci/reference.py` makes the tables; what each key means is written by hand."""
    reference = runpy.run_path(str(ROOT / ".ci/reference.py"))
    assert reference["made"](CONFIGURATION) == CONFIGURATION
    for table, cls in reference["TABLES"].items():
        documented = rows(f"`{table}`")
        for name in keys(cls):
            assert documented[name].strip(" |").rpartition(" | ")[2], f"{table} {name} means nothing"


def test_every_variable_is_documented_and_in_the_example() -> None:
    assert list(rows("Environment")) == list(VARIABLES)
    example = (ROOT / ".env.example").read_text("utf-8")
    assert re.findall(r"^#?([A-Z_]+)=", example, re.M) == list(VARIABLES)


def commands(one: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, list[str]]]:
    nested = [a for a in one._actions if isinstance(a, argparse._SubParsersAction)]
    if not nested:
        yield name, [o for a in one._actions for o in a.option_strings if o.startswith("--") and o != "--help"]
    for action in nested:
        for word, inner in action.choices.items():
            yield from commands(inner, f"{name} {word}")


@pytest.mark.parametrize(("command", "options"), list(commands(parser(), "newsdesk")))
def test_every_command_is_documented(command: str, options: list[str]) -> None:
    row = next((r for r in README.splitlines() if r.startswith(f"| `{command}")), "")
    assert row, f"{command} is missing in the README"
    for option in options:
        assert option in row


def test_the_readme_begins_with_the_two_commands() -> None:
    first = "\n".join(README.splitlines()[:25])
    assert first.index("make demo") < first.index("make test")


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    wanted = [re.split(r"[\[<>=]", line)[0] for group in groups for line in group]
    text = (ROOT / "docs/dependencies.md").read_text("utf-8")
    assert re.findall(r"^- `([\w-]+)`.*: .+\.$", text, re.M) == wanted


def test_every_locked_package_has_a_licence_that_may_be_used() -> None:
    text = (ROOT / "docs/dependencies.md").read_text("utf-8").split("## Licences")[1]
    licences = dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", text, re.M))
    assert list(licences) == re.findall(r"^([\w-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    usable = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "MPL-2.0"}
    assert {one for licence in licences.values() for one in licence.split(" AND ")} <= usable


def test_make_offers_what_is_promised() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("demo", "test", "prove", "check", "run"):
        assert re.search(rf"^{target}: ", makefile, re.M)


def test_sizing_is_reckoned_as_the_bot_reckons() -> None:
    """`docs/operating.md`: readers → minutes, messages a day, seconds of paid broadcast, Stars."""
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    table = re.findall(r"^\| ([\d,]+) \| (\d+) min \| (\d+) \| ([\d,]+) s \| ([\d,]+) \|$", text, re.M)
    assert len(table) >= 4
    rate, quiet = Settings().delivery.messages_per_second, Settings().readers.quiet_hours
    budget = load_of([], rate=rate, quiet_hours=quiet).budget
    assert f"{budget:,} messages a day" in text
    for row in table:
        readers, minutes, messages, seconds, stars = (int(cell.replace(",", "")) for cell in row)
        assert minutes == round(readers / rate / 60)
        assert messages == budget // readers
        assert seconds == readers // MOST_PAID
        assert stars == readers // MESSAGES_PER_STAR


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda p: p.name)
def test_no_link_leads_nowhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
