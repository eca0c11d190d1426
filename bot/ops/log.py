"""Log lines for people or machines, without tokens, passwords and chat ids."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
from datetime import UTC, datetime

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{30,}")
_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]+@")

_KEY = bytearray()  # of `anon`, set by `configure`


def redact(text: str) -> str:
    """The text without bot tokens and without passwords in addresses, whoever wrote them into it."""
    return _PASSWORD.sub(r"\1:***@", _TOKEN.sub("<token>", text))


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


def configure(form: str = "console", level: str = "info", *, secret: str = "") -> None:
    """Send the log to stderr: `form` console or json. `secret` keys `anon`; the bot's token will do."""
    _KEY[:] = hashlib.blake2s(secret.encode()).digest() if secret else b""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Console())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
