"""The edge to Telegram: aiogram's session with our pacing, and a fast path for the fan-out.

Every call that shows something in a chat takes its place in the token's budget, replies before bulk. The fast
path posts bytes that were encoded once for all readers and reads no more of the answer than it needs; whatever
is not a plain success goes through aiogram's own error mapping.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.types import LinkPreviewOptions
from yarl import URL

from bot.clock import Clock
from bot.delivery.outcomes import classify
from bot.delivery.pacing import Pacer
from bot.domain.delivery import Outcome, Sent, Uncertain, Wait
from bot.domain.errors import TelegramStopped
from bot.domain.post import Rendering
from bot.wire import ANSWER_SECONDS, CONNECT_SECONDS, NotConnected, Wire

_log = logging.getLogger(__name__)

_PACED = re.compile(r"(send(?!ChatAction)|edit|copy|forward|delete(Message|Messages)$|pin|unpin)", re.IGNORECASE)
_SUCCESS = re.compile(rb'\{"ok":true,"result":\{"message_id":(\d+)')
_JSON = {"Content-Type": "application/json"}
_TIMEOUT = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
_UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=CONNECT_SECONDS)
_REPLY_PATIENCE = 30
_CHAT_PATIENCE = 5.0  # seconds; whoever is owed more answers than that is told to wait by Telegram itself
_PLACEHOLDER = SendMessage(chat_id=0, text="-")


class Session(AiohttpSession):
    """aiogram's session; calls that show something wait for their place in the budget."""

    def __init__(
        self,
        pacer: Pacer,
        clock: Clock,
        *,
        api: TelegramAPIServer,
        proxy: str = "",
        pool: int = 256,
        turn: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(limit=pool, api=api)
        self._pacer = pacer
        self._clock = clock
        self._turn = turn or self._own_turn
        self._http_proxy = proxy or None
        self._urls: dict[str, str] = {}
        origin = api.api_url(token="", method="")
        self._secure = urlsplit(origin).scheme == "https"
        plain = not proxy and "@" not in urlsplit(origin).netloc
        self._wire = Wire(origin, self._connector_init["ssl"]) if plain else None

    async def create_session(self) -> aiohttp.ClientSession:
        """One session for everything; aiogram's own support of proxies would need a further package."""
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(**self._connector_init)
            self._session = aiohttp.ClientSession(connector=connector, proxy=self._http_proxy)
        return self._session

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:
        """A reply: before all bulk sending; a short 429 is waited out once."""
        if not _PACED.match(method.__api_method__):
            return await self._answered(bot, method, timeout)
        await self._turn()
        if isinstance(chat_id := getattr(method, "chat_id", None), int):
            wait = self._pacer.answer_chat(chat_id, self._clock.monotonic())
            await self._clock.sleep(min(wait, _CHAT_PATIENCE))
        try:
            return await self._answered(bot, method, timeout)
        except TelegramRetryAfter as error:
            if error.retry_after > _REPLY_PATIENCE:
                raise
            await self._clock.sleep(error.retry_after)
            return await self._answered(bot, method, timeout)

    async def _answered(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None) -> Any:
        """A proxy's page in place of an answer is an error of Telegram's like others, and nobody's traceback."""
        try:
            return await super().make_request(bot, method, timeout)
        except ClientDecodeError:
            raise TelegramServerError(method=method, message="the answer is no answer of the Bot API") from None

    async def _own_turn(self) -> None:
        await self._clock.sleep(self._pacer.reserve(self._clock.monotonic()))

    async def post(self, bot: Bot, method: str, body: bytes) -> tuple[int, bytes]:
        """One POST of a ready body: status and answer. Through a proxy it is aiohttp's, else our own."""
        url = self._urls.get(method)
        if url is None:
            url = self._urls[method] = self.api.api_url(token=bot.token, method=method)
        if self._wire:
            return await self._wire.post(url, body)
        return await self._by_aiohttp(url, data=body, headers=_JSON, timeout=_TIMEOUT)

    async def post_form(self, bot: Bot, method: str, form: aiohttp.FormData) -> tuple[int, bytes]:
        """The same for a form with a file, which only aiohttp can send."""
        url = self.api.api_url(token=bot.token, method=method)
        return await self._by_aiohttp(url, data=form, timeout=_UPLOAD_TIMEOUT)

    async def _by_aiohttp(self, url: str, **request: Any) -> tuple[int, bytes]:
        session = await self.create_session()
        async with session.post(URL(url, encoded=True), **request) as response:
            return response.status, await response.read()

    async def close(self) -> None:
        """Close all connections. aiogram waits a quarter of a second, which TLS alone needs."""
        if self._wire:
            self._wire.close()
        if self._secure:
            await super().close()
        elif self._session is not None:
            await self._session.close()


class Telegram:
    """What the rest of the bot uses of Telegram. `stopped` is called when the token is refused."""

    def __init__(self, bot: Bot, session: Session) -> None:
        self.bot = bot
        self._session = session

    async def deliver(self, method: str, body: bytes) -> Outcome:
        """One bulk send whose place in the budget is taken. Raises `TelegramStopped` on a refused token."""
        try:
            status, answer = await self._session.post(self.bot, method, body)
        except (NotConnected, aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Wait(1.0, "outage")  # it never left this machine
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Uncertain(type(error).__name__)
        match = _SUCCESS.match(answer) if status == 200 else None
        if match:
            return Sent(int(match[1]))
        return self._unusual(method, status, answer)

    async def upload(self, rendering: Rendering, to: dict[str, Any], data: bytes) -> tuple[Outcome, str]:
        """A bulk send that carries its photo's bytes: the outcome, and the file_id under which Telegram has them."""
        form = aiohttp.FormData()
        for name, value in {**rendering.payload, **to}.items():
            if name != "photo":
                form.add_field(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        form.add_field("photo", data, filename="photo.jpg", content_type="application/octet-stream")
        try:
            status, answer = await self._session.post_form(self.bot, rendering.method, form)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Wait(1.0, "outage"), ""
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Uncertain(type(error).__name__), ""
        outcome = self._unusual(rendering.method, status, answer)
        return outcome, _file_id(answer) if isinstance(outcome, Sent) else ""

    def _unusual(self, method: str, status: int, answer: bytes) -> Outcome:
        """An album's list, a bare yes, another order of fields, or an error in aiogram's mapping."""
        text = answer.decode("utf-8", "replace")
        if status == 200:
            try:
                result = json.loads(text)["result"]
                if result is True and method == "deleteMessage":  # there is no message to name
                    return Sent(0)
                return Sent(int((result[0] if isinstance(result, list) else result)["message_id"]))
            except (ValueError, LookupError, TypeError):
                return Uncertain("answer not understood")
        try:
            self._session.check_response(bot=self.bot, method=_PLACEHOLDER, status_code=status, content=text)
        except TelegramUnauthorizedError:
            raise TelegramStopped(REFUSED) from None
        except TelegramRetryAfter as error:
            return classify(429, "", retry_after=error.retry_after)
        except TelegramMigrateToChat as error:
            return classify(400, "", migrate_to=error.migrate_to_chat_id)
        except TelegramAPIError as error:
            return classify(status, error.message)
        except Exception as error:  # noqa: BLE001 - aiogram's decoder raises its own kinds for bodies that are no JSON
            _log.warning("Telegram answered %s with something that is no answer: %s", status, type(error).__name__)
        return Wait(1.0, "outage")

    async def call(self, method: str, params: dict[str, Any], *, seconds: float = 20.0) -> tuple[int, dict[str, Any]]:
        """A raw call for the receive loop: status and envelope. Raises `OSError` or `TimeoutError` without one."""
        session = await self._session.create_session()
        url = self._session.api.api_url(token=self.bot.token, method=method)
        try:
            async with session.post(url, json=params, timeout=aiohttp.ClientTimeout(total=seconds)) as response:
                envelope = await response.json(content_type=None)
        except (aiohttp.ClientError, ValueError) as error:
            raise OSError(f"no answer to {method}: {type(error).__name__}") from None
        if not isinstance(envelope, dict):
            raise OSError(f"no answer to {method}: status {response.status} and no envelope")
        return response.status, envelope

    async def show(self, chat_id: int, rendering: Rendering, *, thread_id: int = 0) -> int:
        """Send a rendering as a reply; the message's id."""
        target: dict[str, Any] = {"chat_id": chat_id} | ({"message_thread_id": thread_id} if thread_id else {})
        message = await self.bot(_method(rendering.method)(**target, **rendering.payload))
        return int(message.message_id)

    async def edit(
        self, chat_id: int, message_id: int, text: str, entities: list[dict[str, Any]], keyboard: dict[str, Any] | None
    ) -> None:
        """Edit a text message; one that is unchanged or gone is fine."""
        try:
            await self.bot.edit_message_text(
                text,
                chat_id=chat_id,
                message_id=message_id,
                entities=entities,  # type: ignore[arg-type]  # pydantic takes the plain objects
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                reply_markup=keyboard,  # type: ignore[arg-type]
            )
        except TelegramBadRequest as error:
            if "not modified" not in error.message and "message to edit not found" not in error.message:
                raise
        except TelegramNetworkError as error:
            _log.warning("a card could not be edited: %s", type(error).__name__)


def _file_id(answer: bytes) -> str:
    """The largest size of the photo in a sent message."""
    try:
        return str(json.loads(answer)["result"]["photo"][-1]["file_id"])
    except (ValueError, LookupError, TypeError):
        return ""


REFUSED = "Telegram refuses the token (401): it was revoked or mistyped. Take a new one from @BotFather."


def _method(name: str) -> Callable[..., TelegramMethod[Any]]:
    import aiogram.methods

    return cast(Callable[..., TelegramMethod[Any]], getattr(aiogram.methods, name[0].upper() + name[1:]))


def connect(
    token: str,
    base: str,
    pacer: Pacer,
    clock: Clock,
    *,
    proxy: str = "",
    turn: Callable[[], Awaitable[None]] | None = None,
) -> Telegram:
    """A bot behind the API at `base`; replies wait for `turn`, or else for their place in the pacer's own budget.

    Raises `TelegramStopped` when the token cannot be one.
    """
    session = Session(pacer, clock, api=TelegramAPIServer.from_base(base), proxy=proxy, turn=turn)
    try:
        bot = Bot(token, session=session, default=DefaultBotProperties())
    except Exception as error:
        raise TelegramStopped(
            "BOT_TOKEN is no token. It looks like 123456789:AA… and comes from @BotFather."
        ) from error
    return Telegram(bot, session)


async def close(telegram: Telegram) -> None:
    """Close the connections."""
    await telegram.bot.session.close()
