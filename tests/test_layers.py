"""The import ladder: what pyproject.toml writes out holds, and no module escapes it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "storage")
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
}
LAYERS = [re.findall(r"[\w.]+", line) for line in CONTRACTS["ladder"]["layers"]]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports(module: str) -> set[str]:
    """Everything that a module imports by its full name, wherever the statement stands."""
    path, found = MODULES[module], set()
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found.update({base} if node.module else (), (f"{base}.{alias.name}" for alias in node.names))
    return found


def test_the_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_each_module_stands_in_exactly_one_layer(module: str) -> None:
    places = [n for n, line in enumerate(LAYERS) for entry in line if within(module, entry)]
    if not places and MODULES[module].name == "__init__.py":
        assert not imports(module), "a package whose modules stand in several layers imports nothing"
        return
    assert len(places) == 1, f"{module} stands in layers {places}: mend [tool.importlinter] in pyproject.toml"


def test_pure_modules_are_part_of_the_ladder() -> None:
    for name in CONTRACTS["pure"]["source_modules"]:
        assert any(within(module, name) for module in MODULES), name


@pytest.mark.parametrize("module", MODULES)
def test_sandbox_and_bot_know_nothing_of_each_other(module: str) -> None:
    ours = [name for name in imports(module) if name.split(".")[0] in PACKAGES]
    if within(module, "bot.sandbox"):
        assert [name for name in ours if not within(name, "bot.sandbox") and name != "bot"] == []
    elif not within(module, "bot.demo") and module != "bot.__main__":
        assert [name for name in ours if within(name, "bot.sandbox")] == []
