"""What is installed holds what the program needs, and what stands in deploy/ agrees with the program."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from bot.sending import DRAIN_SECONDS
from bot.settings_env import VARIABLES

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
PACKAGES = ("bot", "handlers", "storage")
_BUILD = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist, built of a copy in which nothing lies that an earlier build has left."""
    copy = tmp_path_factory.mktemp("build")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    done = subprocess.run([sys.executable, "-c", _BUILD], cwd=copy, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return copy / "dist"


def sources() -> set[str]:
    """Every file of the packages, be it code, catalogue, page, sample or migration."""
    files = (path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def test_the_wheel_holds_every_file_of_the_packages_and_no_more(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        inside = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert inside == sources()
    assert any(name.endswith(".po") for name in inside)
    assert any(name.endswith(".sql") for name in inside)


def test_the_sdist_can_be_built_from(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    assert inside >= sources() | {"pyproject.toml", "README.md", "LICENSE"}


def test_the_program_runs_from_the_wheel(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "installed")
    work = tmp_path / "work"
    work.mkdir()

    def newsdesk(*words: str) -> str:
        env = {"PYTHONPATH": str(tmp_path / "installed"), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-P", "-m", "bot", *words]
        done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "at version" in newsdesk("migrate")
    assert "checksum" in newsdesk("backup", "copy.db")


def test_what_stops_the_bot_waits_longer_than_it_drains() -> None:
    for name, pattern in (
        ("compose.yaml", r"stop_grace_period: (\d+)s"),
        ("newsdesk.service", r"TimeoutStopSec=(\d+)"),
    ):
        found = re.search(pattern, (DEPLOY / name).read_text("utf-8"))
        assert found, name
        assert int(found[1]) >= DRAIN_SECONDS + 10, name


def test_deploy_names_variables_that_exist() -> None:
    known = {*VARIABLES, "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "POSTGRES_USER", "POSTGRES_PASSWORD"}
    seen = set()
    for path in DEPLOY.iterdir():
        text = "\n".join(line for line in path.read_text("utf-8").splitlines() if not line.strip().startswith("# "))
        seen |= set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)\b(?=[=:}])", text))
    assert {"BOT_TOKEN_FILE", "HTTP_LISTEN", "NEWSDESK_CONFIG", "DATABASE_URL"} <= seen <= known


def test_the_image_is_made_of_what_the_build_may_see() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--)(.+)$", dockerfile, re.MULTILINE) for name in line.split()[:-1]}
    seen = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.MULTILINE)
    assert copied == set(seen)
    assert all((ROOT / name).exists() for name in copied)
    assert copied >= set(PACKAGES)
