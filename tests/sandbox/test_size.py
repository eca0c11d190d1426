"""The stand-in stays what one person can carry: its size, and no method that nobody needs."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import bot.sandbox
from bot.sandbox.model import METHODS

FOLDER = Path(bot.sandbox.__file__).parent
ROOT = FOLDER.parent.parent
LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
NOT_CALLED = {"getFile"}  # of /file/, which clients fetch from; the bot sends files by their id


def code_lines(text: str) -> int:
    """Lines with code on them: blank lines, comments and docstrings do not count."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if ast.get_docstring(node) is not None else None
            lines.difference_update(range(first.lineno, (first.end_lineno or 0) + 1) if first else ())
    return len(lines)


def test_counting() -> None:
    text = '"""Doc.\n\nMore."""\n\n# why\nx = """a\nb"""  # c\n\n\ndef f():\n    """Doc."""\n    return x\n'
    assert code_lines(text) == 4


def test_under_3000_lines_of_code_and_1000_of_page() -> None:
    texts = [path.read_text("utf-8") for path in FOLDER.glob("**/*.py")]
    assert sum(map(code_lines, texts)) < 3_000
    page = [path.read_text("utf-8") for path in (FOLDER / "page").iterdir()]
    assert sum(len(text.splitlines()) for text in page) < 1_000


def test_it_knows_the_methods_that_the_bot_calls() -> None:
    ours = [path for name in ("bot", "handlers") for path in (ROOT / name).rglob("*.py") if FOLDER not in path.parents]
    said = set(re.findall(r"\w+", "\n".join(path.read_text("utf-8") for path in ours)))
    spoken = {name for name in METHODS if {name, re.sub(r"(?=[A-Z])", "_", name).lower()} & said}
    answered = {"answerCallbackQuery", "answerInlineQuery"}  # aiogram's `query.answer`
    assert set(METHODS) - spoken - answered - NOT_CALLED == set()
