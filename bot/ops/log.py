"""Log lines for people or machines, without tokens, passwords and chat ids."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
from datetime import UTC, datetime

_TOKEN = re.compile(r"\d+(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]+@")
_CHAT = re.compile(r"\b(chat|supergroup with id) (-?\d+)")  # aiogram's words in a 429 and in a move
_TALKATIVE = ("aiohttp", "aiosqlite", "asyncio", "aiogram")  # with `debug` they quote statements with their values

_KEY = bytearray()  # of `anon`, set by `configure`


def redact(text: str) -> str:
    """The text without bot tokens, passwords in addresses and ids of chats, whoever wrote them into it."""
    text = _PASSWORD.sub(r"\1:***@", _TOKEN.sub("<token>", text))
    return _CHAT.sub(lambda found: f"{found[1]} {anon(int(found[2]))}", text)


def anon(chat_id: int) -> str:
    """A chat in a log line: the same short word for the same chat, from which nobody gets the id back.

    Keyed with the bot's token (see `configure`), because chat ids are few enough to try them all.
    """
    return hashlib.blake2s(str(chat_id).encode(), key=_KEY, digest_size=5).hexdigest()


class _Console(logging.Formatter):
    """One line for a person, a traceback below it where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def formatter(form: str) -> logging.Formatter:
    """What turns records into lines: `form` console or json."""
    return _Json() if form == "json" else _Console()


def configure(form: str = "console", level: str = "info", *, secret: str = "") -> None:
    """Send the log to stderr: `form` console or json. `secret` keys `anon`; the bot's token will do."""
    _KEY[:] = hashlib.blake2s(secret.encode()).digest() if secret else b""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.INFO))
    logging.getLogger("asyncpg").setLevel(logging.ERROR)  # that the database is away is said by whoever waits for it
    logging.captureWarnings(True)
