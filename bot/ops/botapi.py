"""A single Bot API call for the operator's commands: plain HTTP, no aiogram, no pacing."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.ops.log import redact
from bot.settings import Env

TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What Telegram said. `code` is 200, an HTTP error, or 0 when nothing was reached; then see `problem`.

    `date` is the server's clock in epoch seconds, 0 when it did not say.
    """

    code: int
    result: Any = None
    problem: str = ""
    date: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the call was done."""
        return self.code == 200


async def call(env: Env, method: str, **params: Any) -> Answer:
    """Call a method of the bot that `env` names. Never raises for what network or Telegram do."""
    url = f"{env.bot_api_url}/bot{env.bot_token}/{method}"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, json=params, proxy=env.telegram_proxy or None) as answer,
        ):
            said = await answer.json(content_type=None)
            date = _date(answer.headers.get("Date", ""))
    except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
        return Answer(0, problem=redact(f"{env.bot_api_url} cannot be reached ({error or type(error).__name__})."))
    if not isinstance(said, dict):
        return Answer(0, problem=f"{env.bot_api_url} does not speak the Bot API.")
    if said.get("ok"):
        return Answer(200, said.get("result"), date=date)
    return Answer(int(said.get("error_code", 0)), problem=redact(str(said.get("description", "refused"))), date=date)


def _date(header: str) -> float:
    try:
        return parsedate_to_datetime(header).timestamp()
    except ValueError:
        return 0.0
