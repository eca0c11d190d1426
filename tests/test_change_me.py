"""docs/change-me.md is true: its recipes are made in a copy of the project and do what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECIPES = (ROOT / "docs/change-me.md").read_text("utf-8")


def blocks(text: str, kind: str) -> list[str]:
    """What stands between the fences of that kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)


def change(root: Path, block: str) -> None:
    """Apply a block: a path, then lines that come (+), go (-) or show the place; the place must be there once."""
    name, *lines = block.rstrip("\n").split("\n")
    path = root / name
    text = path.read_text("utf-8")
    old = "".join(line[1:] + "\n" for line in lines if line[:1] != "+")
    new = "".join(line[1:] + "\n" for line in lines if line[:1] != "-")
    assert text.count(f"\n{old}") == 1, f"{name} has this {text.count(old)} times:\n{old}"
    path.write_text(text.replace(f"\n{old}", f"\n{new}"), "utf-8")


def test_six_recipes(tmp_path: Path) -> None:
    """All of them together, as somebody with six wishes would make them."""
    for room in ("bot", "handlers", "storage"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "samples", "page"))
    recipes = RECIPES.split("\n## ")[1:]
    assert [recipe.partition("\n")[0] for recipe in recipes] == [
        "A language",
        "A kind of section",
        "A source",
        "A button under a post",
        "A setting",
        "An outcome of a send",
    ]
    for recipe in recipes:
        for block in blocks(recipe, "diff"):
            change(tmp_path, block)
        for block in blocks(recipe, "new"):
            name, _, body = block.partition("\n")
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text(body, "utf-8")
    proof = "\n".join(block for recipe in recipes for block in blocks(recipe, "python"))
    assert proof.count("assert ") >= len(recipes)
    done = subprocess.run([sys.executable, "-c", proof], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
