"""What is installed holds what the program needs, and what stands in deploy/ agrees with the program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bot.__main__ import SERVICES, parser
from bot.ops.receiver import _SECRET_HEADER
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


def services(name: str) -> dict[str, str]:
    """The services of a compose file, each with its lines."""
    text = (DEPLOY / name).read_text("utf-8").split("\nservices:\n")[1].split("\nvolumes:")[0]
    parts = re.split(r"^  (\w+):\n", text, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_container_of_ours_is_as_confined_as_the_first() -> None:
    (bot,) = services("compose.yaml").values()
    more = services("compose.postgres.yaml")
    assert set(more) == {"bot", "send", "postgres"}
    for line in ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]', "env_file: .env"):
        assert line in bot
        assert line in more["send"]
    assert re.findall(r"stop_grace_period: .*", more["send"]) == re.findall(r"stop_grace_period: .*", bot)
    assert "ports:" not in more["send"], "there are several of it"
    assert int(re.findall(r"replicas: (\d+)", more["send"])[0]) >= 2
    assert re.findall(r"DATABASE_URL: .*", more["send"]) == re.findall(r"DATABASE_URL: .*", more["bot"])


def test_all_services_run_somewhere() -> None:
    more = services("compose.postgres.yaml")
    parts = re.findall(r'command: \["run", "--only", "(.+)"\]', more["bot"] + more["send"])
    assert sorted(",".join(parts).split(",")) == sorted(SERVICES)
    for words in parts:
        assert parser().parse_args(["run", "--only", words]).only <= SERVICES


def test_the_image_is_small_and_harmless() -> None:
    """What a linter of Dockerfiles looks for."""
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.M)
    assert len(bases) == 2, "what builds is not what runs"
    assert all(re.fullmatch(r"python:3\.\d+-slim", base) for base in bases), "a version, never latest"
    last = dockerfile[dockerfile.rindex("FROM ") :]
    assert re.search(r"^USER \d+$", last, re.M), "a number: Kubernetes can tell that it is not root"
    assert last.index("USER ") < last.index("ENTRYPOINT")
    assert '["newsdesk"]' in last
    assert "--no-cache-dir" in dockerfile
    assert "--require-hashes" in dockerfile
    assert not re.search(r"^ADD |curl|wget|sudo|apt-get upgrade|BOT_TOKEN=|:latest", dockerfile, re.M)


def test_the_health_check_asks_the_port_and_imports_little() -> None:
    found = re.search(r"CMD (\[.+\])\n", (DEPLOY / "Dockerfile").read_text("utf-8"))
    assert found
    command = json.loads(found[1])

    class Answer(BaseHTTPRequestHandler):
        status = 200

        def do_GET(self) -> None:
            self.send_response(self.status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        script = command[-1].replace("8088", str(server.server_port))
        noted = "; import sys; assert not {'aiogram', 'aiohttp', 'bot'} & set(sys.modules)"
        asked = [sys.executable, *command[1:-1]]
        assert subprocess.run([*asked, script + noted], timeout=30).returncode == 0
        Answer.status = 503
        assert subprocess.run([*asked, script], timeout=30, stderr=subprocess.DEVNULL).returncode != 0
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "newsdesk.service").read_text("utf-8")
    (tmp_path / "newsdesk.service").write_text(text.replace("/opt/newsdesk/bin/newsdesk", sys.executable))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "newsdesk.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "newsdesk.service" in line]
    assert not ours, ours


def test_the_unit_is_hardened() -> None:
    """The switches that `systemd-analyze security` weighs most; what it takes away is nothing that the bot needs."""
    text = (DEPLOY / "newsdesk.service").read_text("utf-8")
    for line in (
        "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes",
        "CapabilityBoundingSet=", "RestrictNamespaces=yes", "SystemCallFilter=@system-service", "UMask=0077",
        "Type=notify", "KillMode=mixed", "MemoryDenyWriteExecute=yes",
    ):  # fmt: skip
        assert f"\n{line}\n" in text, line
    watchdog = re.search(r"WatchdogSec=(\d+)", text)
    assert watchdog
    assert int(watchdog[1]) > 4 * 15, "a sign of life comes every 15 s"


def test_the_proxy_lets_in_telegram_alone_and_keeps_its_secret() -> None:
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    assert text.count(f"request>headers>{_SECRET_HEADER} delete") == 2, "in Caddy's own log and in the access log"
    assert "remote_ip 149.154.160.0/20 91.108.4.0/22" in text
    assert "respond 404" in text
    assert text.count("{") == text.count("}")
    if caddy := shutil.which("caddy"):
        done = subprocess.run([caddy, "adapt", "--config", DEPLOY / "Caddyfile"], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr


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
