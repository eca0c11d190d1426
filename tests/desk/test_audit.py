"""The audit: append-only in the code, told in words, and a table that no spreadsheet runs."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.desk.audit import ACTIONS, PAGE, as_csv, page
from bot.domain.delivery import BroadcastState
from bot.domain.desk import Role
from bot.i18n import Words
from storage import Storage

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Asia/Almaty")
RU = Words.load(["ru"])["ru"]
NOON = 1669269600  # 24.11.2022, 12:00 in Almaty


def sources() -> Iterator[tuple[Path, str]]:
    for package in ("bot", "handlers", "storage"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "sandbox" not in path.parts:
                yield path, path.read_text("utf-8")


def test_nothing_in_the_code_changes_or_forgets_what_was_written() -> None:
    for path, source in sources():
        assert not re.search(r"(UPDATE|DELETE FROM|REPLACE INTO|TRUNCATE)\s+audit\b", source, re.IGNORECASE), path


def logged() -> Iterator[tuple[str, str]]:
    """The actions that the code writes, and where: the first plain words among the arguments of a `log`."""
    for path, source in sources():
        for node in ast.walk(ast.parse(source)):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in ("log", "_log"):
                words = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and type(arg.value) is str]
                if words and re.fullmatch("[a-z ]+", words[0]):
                    yield words[0], str(path.relative_to(ROOT))


def test_every_action_has_its_words() -> None:
    moves = {f"breaking {state}" for state in BroadcastState if state not in ("countdown", "done")}
    unknown = {pair for pair in logged() if pair[0] not in ACTIONS}
    assert not unknown
    assert moves <= set(ACTIONS)


async def test_pages_go_back_to_the_beginning(sqlite_storage: Storage) -> None:
    editors = sqlite_storage.editors
    text, older = await page(sqlite_storage, RU, ZONE, 2**63 - 1)
    assert (text.text.split("\n")[-1], older) == ("Пока ничего.", 0)
    await editors.add(5, Role.EDITOR, "Ада  Б.", by=1, now=1)
    for n in range(PAGE + 2):
        await editors.log(5 if n else 777, "breaking launched", str(n), text="Мост\nзакрыт " * 40, now=NOON + n * 60)
    await editors.log(0, "flew away", "x", now=NOON)
    first, older = await page(sqlite_storage, RU, ZONE, 2**63 - 1)
    lines = first.text.split("\n")
    assert lines[2] == "24 ноября 2022, 12:00 · система редакции · flew away · x"
    assert lines[4] == f"24 ноября 2022, 12:{PAGE + 1:02} · Ада Б. · отправка срочного · {PAGE + 1}"
    assert lines[5].startswith("«Мост закрыт Мост")
    assert len(lines[5]) <= 122
    second, end = await page(sqlite_storage, RU, ZONE, older)
    assert end == 0
    assert second.text.split("\n")[-2] == "24 ноября 2022, 12:00 · 777 · отправка срочного · 0"


async def test_the_table_is_no_formula(sqlite_storage: Storage) -> None:
    await sqlite_storage.editors.log(5, "breaking launched", "1", text='=cmd("x")', now=NOON)
    await sqlite_storage.editors.log(6, "removed", "5", text='ә,"\n', now=NOON + 1)
    written = as_csv(await sqlite_storage.editors.audit(), ZONE)
    rows = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    assert [(row["time"], row["user_id"], row["text"]) for row in rows] == [
        ("2022-11-24T12:00:00+06:00", "5", '\'=cmd("x")'),
        ("2022-11-24T12:00:01+06:00", "6", 'ә,"\n'),
    ]
