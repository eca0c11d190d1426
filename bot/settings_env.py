"""The environment as frozen values: every variable of the program, each checked by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from bot.domain.errors import ConfigError
from bot.settings_file import Secret, Wrong, address, checked, file_text, one_of

T = TypeVar("T")

VARIABLES = (
    "BOT_TOKEN",
    "BOT_TOKEN_FILE",
    "BOT_API_URL",
    "DATABASE_URL",
    "NEWSDESK_CONFIG",
    "FEED_URL",
    "HTTP_LISTEN",
    "WEBHOOK_URL",
    "WEBHOOK_SECRET",
    "TELEGRAM_PROXY",
    "FETCH_PROXY",
    "FETCH_ALLOW_PRIVATE",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "NEWSDESK_API_KEY",
)
"""Every variable that is read; the documentation is tested against this."""

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


_NONE = Secret()
_DATABASE = Secret("sqlite:///newsdesk.db")


@dataclass(frozen=True, slots=True)
class Env:
    """The environment. `http_listen` is (host, port), None for off; addresses have no slash at their end."""

    bot_token: Secret = _NONE
    bot_api_url: str = "https://api.telegram.org"
    database_url: Secret = _DATABASE
    http_listen: tuple[str, int] | None = ("127.0.0.1", 8088)
    webhook_url: str = ""
    webhook_secret: Secret = _NONE
    telegram_proxy: Secret = _NONE
    fetch_proxy: Secret = _NONE
    fetch_allow_private: bool = False
    log_format: str = "console"
    log_level: str = "info"
    api_key: Secret = _NONE


NO_ENV = Env()
"""What holds when no variable is set."""


def environment(variables: Mapping[str, str], cwd: Path) -> Env:
    """The variables read strictly; an empty one counts as not set, except HTTP_LISTEN (off)."""
    default = NO_ENV

    def take(name: str, check: Callable[[str], T], otherwise: T) -> T:
        value = variables.get(name, "").strip()
        return checked(lambda v: check(str(v)), value, name) if value else otherwise

    listen = variables.get("HTTP_LISTEN")
    found = Env(
        bot_token=_bot_token(variables, cwd),
        bot_api_url=take("BOT_API_URL", _base, default.bot_api_url),
        database_url=take("DATABASE_URL", lambda v: database_url(v, cwd), default.database_url),
        http_listen=default.http_listen if listen is None else checked(_listen, listen, "HTTP_LISTEN"),
        webhook_url=take("WEBHOOK_URL", _base, ""),
        webhook_secret=take("WEBHOOK_SECRET", _webhook_secret, default.webhook_secret),
        telegram_proxy=take("TELEGRAM_PROXY", _proxy, default.telegram_proxy),
        fetch_proxy=take("FETCH_PROXY", _proxy, default.fetch_proxy),
        fetch_allow_private=take("FETCH_ALLOW_PRIVATE", one_of("0", "1"), "0") == "1",
        log_format=take("LOG_FORMAT", lambda v: one_of("console", "json")(v.lower()), default.log_format),
        log_level=take("LOG_LEVEL", _level, default.log_level),
        api_key=take("NEWSDESK_API_KEY", Secret, default.api_key),
    )
    if found.api_key and found.http_listen is None:
        raise ConfigError("NEWSDESK_API_KEY", "needs the HTTP port.", "Set HTTP_LISTEN, such as 127.0.0.1:8088.")
    _webhook_is_whole(found)
    return found


def _webhook_is_whole(env: Env) -> None:
    if env.webhook_url and not env.webhook_secret:
        raise ConfigError("WEBHOOK_URL", "needs a secret.", "Set WEBHOOK_SECRET to 1-256 of A-Z, a-z, 0-9, _ and -.")
    if env.webhook_url and env.http_listen is None:
        raise ConfigError("WEBHOOK_URL", "needs the HTTP port.", "Set HTTP_LISTEN, such as 127.0.0.1:8088.")


def _bot_token(variables: Mapping[str, str], cwd: Path) -> Secret:
    """The token itself, or what the file says that BOT_TOKEN_FILE names. The value never enters an error."""
    name, written = "BOT_TOKEN", variables.get("BOT_TOKEN", "").strip()
    named = variables.get("BOT_TOKEN_FILE", "").strip()
    if not written and named:
        name, written = "BOT_TOKEN_FILE", file_text(cwd / named, f"BOT_TOKEN_FILE {named}").strip()
    if (written or (named and name == "BOT_TOKEN_FILE")) and not re.fullmatch(r"\d{1,20}:[\w-]+", written):
        raise ConfigError(name, "does not hold a bot token.", "@BotFather gives one; it looks like 1234567:letters.")
    return Secret(written)


def _base(value: str) -> str:
    return address("http", "https")(value).rstrip("/")


def _proxy(value: str) -> Secret:
    return Secret(address("https", "http")(value))


def _level(value: str) -> str:
    return one_of("debug", "info", "warning", "error")(value.lower())


def _webhook_secret(value: str) -> Secret:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value):
        raise Wrong("holds characters that Telegram refuses.", "Use 1-256 of A-Z, a-z, 0-9, _ and -.")
    return Secret(value)


def _listen(value: object) -> tuple[str, int] | None:
    """host:port, the host an IPv6 address in [brackets] if need be; "" switches the port off."""
    written = str(value).strip()
    if not written:
        return None
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+)):(\d{1,5})", written)
    if not found or int(found[3]) > 65535:
        raise Wrong(f"{written!r} is not host:port.", "Write 127.0.0.1:8088, or nothing for no HTTP port.")
    return found[1] or found[2], int(found[3])


def database_url(value: str, cwd: Path) -> Secret:
    """A DATABASE_URL that can be opened from `cwd`; raises `Wrong`. A password in it is never shown."""
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite":
        if not rest.startswith("/") or not rest.strip("/"):
            raise Wrong("names no file.", "Write sqlite:///newsdesk.db, or sqlite:////an/absolute/path.db.")
        if not (cwd / rest[1:]).parent.is_dir():
            raise Wrong(f"there is no folder {Path(rest[1:]).parent}.", "Create it or mend the path.")
        return Secret(value)
    if scheme not in ("postgresql", "postgres"):
        raise Wrong("is neither SQLite nor PostgreSQL.", "Write sqlite:///file.db or postgresql://user@host/db.")
    _postgresql(value)
    if find_spec("asyncpg") is None:
        raise Wrong("PostgreSQL needs an extra.", "Install it: pip install 'newsdesk[postgres]'.")
    return Secret(value)


def _postgresql(value: str) -> None:
    remedy = "Write postgresql://user:password@host:5432/database."
    try:
        parts = urlsplit(value)
        whole = bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise Wrong("is not a whole PostgreSQL address.", remedy)
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[-1]
    if mode not in _SSL_MODES:
        raise Wrong("has an unknown sslmode.", "Write one of: " + ", ".join(_SSL_MODES) + ".")
