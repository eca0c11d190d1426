"""The command line as a person meets it: exit codes, one clear line, no secret, nothing imported in vain."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import bot
from bot import __main__ as cli
from bot.domain.errors import (
    AnotherCopyRuns,
    ConfigError,
    NewsdeskError,
    SchemaTooNew,
    StorageBusy,
    TelegramStopped,
)

TOKEN = "4242424242:" + "A" * 35
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("BOT_", "NEWSDESK_", "FEED_", "DATABASE_")):
            monkeypatch.delenv(name)


def app_that(monkeypatch: pytest.MonkeyPatch, work: object) -> None:
    """Put a stand-in where the composition root is: it costs aiogram, and here only its way out matters."""
    module = types.ModuleType("bot.app")
    module.run = work  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bot.app", module)
    monkeypatch.setattr(bot, "app", module, raising=False)
    monkeypatch.setenv("BOT_TOKEN", TOKEN)


def test_run_without_a_token_says_where_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run"]) == 2
    said = capsys.readouterr().err
    assert "BOT_TOKEN" in said
    assert "@BotFather" in said
    assert "newsdesk demo" in said
    assert said.count("\n") == 1


def test_run_hands_over_settings_and_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[object] = []

    async def run(settings: object, *, only: object, clock: object) -> None:
        seen.extend([settings.feeds[0].url, only])  # type: ignore[attr-defined]

    app_that(monkeypatch, run)
    monkeypatch.setenv("FEED_URL", "https://example.kz/rss")
    assert cli.main(["run", "--only", "watch,send"]) == 0
    assert cli.main(["run"]) == 0
    watched = "https://example.kz/rss"
    assert seen == [watched, {"watch", "send"}, watched, {"watch", "send", "talk"}]


def test_watching_alone_needs_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*args: object, **kwargs: object) -> None:
        pass

    app_that(monkeypatch, run)
    monkeypatch.delenv("BOT_TOKEN")
    assert cli.main(["run", "--only", "watch"]) == 0
    assert cli.main(["run", "--only", "watch,send"]) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("newsdesk.toml", "is odd.", "Mend it."), 2),
        (SchemaTooNew("newer"), 2),
        (AnotherCopyRuns("busy"), 75),
        (TelegramStopped(f"Telegram refused {TOKEN}"), 1),
        (StorageBusy("locked"), 1),
        (NewsdeskError("two\nlines"), 1),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_errors_become_codes_and_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    grouped: bool,
) -> None:
    async def run(*args: object, **kwargs: object) -> None:
        raise ExceptionGroup("services", [ValueError("noise"), error]) if grouped else error

    app_that(monkeypatch, run)
    assert cli.main(["run"]) == code
    said = capsys.readouterr().err
    assert said.startswith("newsdesk: ")
    assert said.count("\n") == 1
    assert TOKEN not in said


def test_a_bug_keeps_its_traceback_but_not_the_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*args: object, **kwargs: object) -> None:
        raise ValueError(f"https://api.telegram.org/bot{TOKEN}/getMe postgresql://u:hunter2@h/d")

    app_that(monkeypatch, run)
    assert cli.main(["run"]) == 1
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert TOKEN not in said
    assert "hunter2" not in said


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def run(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    app_that(monkeypatch, run)
    assert cli.main(["run"]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["run", "--only", "watch,sing"],
        ["demo", "--port", "http"],
        ["preview"],
        ["preview", "--last", "0"],
        ["feed"],
        ["feed", "check"],
        ["trace"],
        ["import"],
        ["export"],
        ["backup"],
        ["move", "sqlite:///a.db"],
        ["restore"],
        ["move"],
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert cli.main(argv) == 2
    said = capsys.readouterr().err
    assert "newsdesk" in said
    assert "Traceback" not in said


def test_a_mistake_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "newsdesk.toml").write_text('[newsroom]\ntimezone = "UTC+5"\n')
    assert cli.main(["doctor"]) == 2
    assert "newsdesk.toml, [newsroom] timezone" in capsys.readouterr().err


def test_migrate_brings_a_database_to_this_version_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate"]) == 0
    first = capsys.readouterr().out
    assert cli.main(["migrate"]) == 0
    assert "already" in capsys.readouterr().out
    assert "it was at 0" in first
    assert (tmp_path / "newsdesk.db").exists()


def _child(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, env=env, timeout=60)


@pytest.mark.parametrize(
    ("argv", "module", "function", "answer", "code"),
    [
        (["demo", "--port", "0", "--keep"], "bot.demo", "demo", None, 0),
        (["init", "--token", "1:a", "--feed", "https://x.kz", "--yes"], "bot.ops.setup", "init", 0, 0),
        (["doctor"], "bot.ops.doctor", "doctor", True, 0),
        (["doctor"], "bot.ops.doctor", "doctor", False, 1),
        (["feed", "check", "https://x.kz"], "bot.ops.feedcheck", "feed_check", True, 0),
        (["feed", "check", "https://x.kz"], "bot.ops.feedcheck", "feed_check", False, 1),
        (["preview", "--last", "3", "--to", "@me"], "bot.ops.preview", "preview", None, 0),
    ],
)
def test_each_command_does_its_work(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], module: str, function: str, answer: object, code: int
) -> None:
    calls: list[object] = []

    async def work(*args: object, **kwargs: object) -> object:
        calls.append((args, kwargs))
        return answer

    stand_in = types.ModuleType(module)
    setattr(stand_in, function, work)
    monkeypatch.setitem(sys.modules, module, stand_in)
    assert cli.main(argv) == code
    assert len(calls) == 1


def test_warnings_of_the_configuration_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "newsdesk.toml").write_text(
        "[[silence]]\nfrom = 2026-11-21T00:00:00\nuntil = 2026-11-23T00:00:00\nsections = ['unknown']\n"
    )
    assert cli.main(["migrate"]) == 0
    assert "there is no section 'unknown' to be silent" in capsys.readouterr().err


def test_a_closed_pipe_is_no_bug() -> None:
    """`newsdesk feed check … | head -1` must not end in a traceback."""
    code = (
        "import sys, bot.__main__ as m\n"
        "def work(args): raise BrokenPipeError\n"
        "m._migrate = work\n"
        "sys.exit(m.main(['migrate']))"
    )
    done = _child("-c", code)
    assert (done.returncode, done.stderr) == (1, "")


def test_python_dash_m_is_the_same_program() -> None:
    done = _child("-m", "bot", "run")
    assert done.returncode == 2
    assert "newsdesk demo" in done.stderr


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = "{'aiogram', 'aiohttp', 'aiosqlite', 'asyncio', 'babel', 'feedparser', 'pydantic'}"
    done = _child("-c", f"import bot.__main__ as m, sys; m.parser(); print({heavy} & set(sys.modules))")
    assert done.stdout == "set()\n", done.stdout + done.stderr


@pytest.mark.parametrize("module", ["doctor", "feedcheck", "preview", "setup", "http", "log", "health"])
def test_no_operators_command_imports_aiogram(module: str) -> None:
    done = _child("-c", f"import bot.ops.{module}, sys; print('aiogram' in sys.modules)")
    assert done.stdout == "False\n", done.stderr
