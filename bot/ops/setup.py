"""`newsdesk init`: from a token and a feed's address to a configuration that works, each answer checked at once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bot.clock import RealClock
from bot.domain.errors import ConfigError, FeedError, NewsdeskError
from bot.domain.language import LANGUAGES
from bot.ops.botapi import call
from bot.ops.feedcheck import Reading, fetcher, read_feed, remedy, report, sections_of
from bot.settings import DEFAULT_FILE, DEFAULT_SECTIONS, FeedConfig, Settings
from bot.settings_env import Env, environment
from bot.settings_file import Wrong, address, dotenv, zone

T = TypeVar("T")
Ask = Callable[[str], str]

_NEXT = """Written: {toml} and {env}.
Next:  newsdesk doctor             looks whether all is well
       newsdesk preview --last 3   shows the newest articles as posts
       newsdesk run                starts the bot and prints the link that makes you its owner"""


async def init(
    cwd: Path,
    environ: Mapping[str, str],
    *,
    token: str = "",
    feed: str = "",
    yes: bool = False,
    ask: Ask = input,
) -> int:
    """Ask, check, write; the exit code. With `yes` nothing is asked and the first thing in doubt ends it.

    Nothing is written before everything is known, and no file is replaced without asking.
    """
    path = cwd / (environ.get("NEWSDESK_CONFIG") or DEFAULT_FILE)
    talk = _Talk(None if yes else ask)
    secrets = path.parent / ".env"
    kept = dotenv(secrets, str(secrets))
    if path.exists() and not talk.agrees(f"{path.name} exists. Replace it?"):
        raise ConfigError(path.name, "exists already.", "Move it away, or run newsdesk init without --yes.")
    env = await _token(talk, token or environ.get("BOT_TOKEN", ""), {**kept, **environ}, cwd)
    if kept.get("BOT_TOKEN", env.bot_token) != env.bot_token and not talk.agrees(
        f"{secrets} has another token. Replace it?"
    ):
        raise ConfigError(str(secrets), "has another BOT_TOKEN.", "Remove it, or run newsdesk init without --yes.")
    reading = await _feed(talk, feed, Settings(sections=DEFAULT_SECTIONS, env=env))
    timezone = talk.until_right("Time zone", "Asia/Almaty", zone)
    languages = talk.until_right("Languages, the main one first", ", ".join(LANGUAGES), _languages)
    _write(path, _toml(reading, timezone, languages))
    _write(secrets, _with_token(secrets, env.bot_token))
    print(_NEXT.format(toml=path, env=secrets))
    return 0


class _Talk:
    """Questions to a person; with `ask` None every doubt is answered with no and every default taken."""

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask

    @property
    def silent(self) -> bool:
        """Whether nobody can be asked."""
        return self._ask is None

    def says(self, question: str, default: str = "") -> str:
        """An answer, or the default for an empty one."""
        if self._ask is None:
            return default
        try:
            return self._ask(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        except EOFError:
            raise ConfigError("newsdesk init", "got no answer.", "Use --token … --feed … --yes.") from None

    def agrees(self, question: str) -> bool:
        """Whether somebody said yes."""
        return self.says(f"{question} y/N").lower() in ("y", "yes", "д", "да", "и", "иә")

    def until_right(self, question: str, default: str, check: Callable[[object], T]) -> T:
        """Ask until the answer passes the check."""
        while True:
            try:
                return check(self.says(question, default))
            except Wrong as wrong:
                print(f"{wrong.problem} {wrong.remedy}")


async def _token(talk: _Talk, given: str, variables: Mapping[str, str], cwd: Path) -> Env:
    """The environment with a token that Telegram accepts and that nobody else's webhook uses."""
    while True:
        token = given or talk.says("Bot token (from @BotFather)")
        try:
            env = environment({**variables, "BOT_TOKEN": token}, cwd)
            if not env.bot_token:
                raise ConfigError("BOT_TOKEN", "is missing.", "Give it with --token.")
            me = await call(env, "getMe")
            if not me.ok:
                raise NewsdeskError(f"Telegram did not take the token: {me.problem}")
        except NewsdeskError as error:
            if talk.silent:
                raise
            print(error)
            given = ""
            continue
        print(f"This is @{me.result.get('username')}.")
        await _free_of_webhook(talk, env)
        return env


async def _free_of_webhook(talk: _Talk, env: Env) -> None:
    """Ask before a webhook is removed: it means that some program lives on this token."""
    url = ((await call(env, "getWebhookInfo")).result or {}).get("url", "")
    if not url or url == env.webhook_url:
        return
    if not talk.agrees(f"The token is in use: it has a webhook at {url}. Take it over?"):
        raise NewsdeskError(f"The token has a webhook at {url}: use another token, or confirm without --yes.")
    done = await call(env, "deleteWebhook")
    if not done.ok:
        raise NewsdeskError(f"Telegram did not remove the webhook: {done.problem}")


async def _feed(talk: _Talk, given: str, settings: Settings) -> Reading:
    """A feed that can be read, shown as `newsdesk feed check` shows it."""
    clock = RealClock()
    async with fetcher(settings, clock) as http:
        while True:
            try:
                url = address("http", "https")(given or talk.says("Address of the feed (RSS or Atom)"))
                reading = await read_feed(settings, FeedConfig(url), http, clock)
            except (FeedError, Wrong) as error:
                detail = (
                    f"{error.detail}. {remedy(error, settings.user_agent)}" if isinstance(error, FeedError) else error
                )
                if talk.silent:
                    raise NewsdeskError(f"--feed {given}: {detail}") from None
                print(detail)
                given = ""
                continue
            for name, text in report(reading, sections_of(settings.sections), settings.newsroom.zone):
                print(f"  {name:<11} {text}")
            return reading


def _languages(value: object) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(re.split(r"[\s,]+", str(value).strip().lower())))
    if not set(chosen) <= set(LANGUAGES):
        raise Wrong(f"{', '.join(chosen)} will not do.", f"Choose among {', '.join(LANGUAGES)}.")
    return chosen


def _toml(reading: Reading, timezone: str, languages: tuple[str, ...]) -> str:
    def quoted(text: str) -> str:
        printable = "".join(c for c in text if c.isprintable())
        return json.dumps(printable, ensure_ascii=False)  # a JSON text is a TOML text

    return (
        "# What else can be set: newsdesk.example.toml and docs/configuration.md.\n\n[newsroom]\n"
        f"name = {quoted(reading.document.title[:64])}\n"
        f"timezone = {quoted(timezone)}\n"
        f"languages = [{', '.join(map(quoted, languages))}]\n\n"
        f"[[feeds]]\nurl = {quoted(reading.feed.url)}\n"
    )


def _with_token(path: Path, token: str) -> str:
    """The `.env` as it was, with this token in it."""
    lines = path.read_text("utf-8-sig").splitlines() if path.exists() else []
    others = [line for line in lines if not re.match(r"\s*(export\s+)?BOT_TOKEN\s*=", line)]
    return "\n".join([*others, f"BOT_TOKEN={token}"]) + "\n"


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and readable by us alone."""
    part = path.with_name(path.name + ".part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written ({error.strerror}).", "Check the folder's rights.") from None
