"""`newsdesk demo`: the bot against the embedded stand-in over HTTP, by the same code as with Telegram.

An invented newsroom keeps publishing; a browser page plays reader, second reader and editor, and shows the newsroom's
channel and the desk's group beside them. A crowd of silent readers gets breaking news only, so that there is a progress
to watch, to pause and to stop. The demo has its own clock: it starts at 10:00 newsroom time, runs by itself and can be
moved from the page.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import webbrowser
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import app
from bot.clock import RealClock, SteppableClock
from bot.demo.newsroom import Newsroom
from bot.domain.errors import ConfigError
from bot.domain.reader import Choices, ReaderState
from bot.sandbox.http import Sandbox
from bot.sandbox.sim import add_page
from bot.settings import Settings, load
from handlers.subscriptions import CONSENT
from storage import open_storage

ZONE = ZoneInfo("Asia/Almaty")
EDITOR = 9001
CHANNEL, DESK = -1_001_000_000_101, -1_001_000_000_102
PEOPLE = ((1001, "Aigerim", "ru"), (1002, "Daniel", "en"), (EDITOR, "Dana", "en"))
CROWD = range(5001, 5201)
_BLOCKED, _BREAKING_OFF = 40, 6
"""Every so many of the crowd have blocked the bot, or switched breaking news off."""
_PORTS_TRIED = 50
_KEPT = Path(".newsdesk-demo")

_CONFIG = """
[newsroom]
name = "Steppe Times"
url = "{site}"
owners = [{editor}]
self_credits = ["Steppe Times", "Дала жаңалықтары"]

[posts]
buttons = ["read", "save", "more"]

[desk]
chat = {desk}

[[channels]]
chat = "@steppe_times"
sections = ["*"]
language = "en"
source = true

[rates]
url = "{site}/rates.xml"

[[feeds]]
url = "{site}/ru/rss.xml"
language = "ru"
interval = 5

[[feeds]]
url = "{site}/kk/rss.xml"
language = "kk"
interval = 5

[[feeds]]
url = "{site}/en/rss.xml"
language = "en"
interval = 5
"""


async def demo(host: str, port: int, keep: bool, open_browser: bool) -> None:
    """Run the demo until it is interrupted. The page's address is the last line printed."""
    clock = SteppableClock(_ten_o_clock(), running=True)
    async with AsyncExitStack() as stack:
        sandbox = await _sandbox(stack, clock, host, port)
        folder = _KEPT if keep else Path(tempfile.mkdtemp(prefix="newsdesk-demo-"))
        folder.mkdir(exist_ok=True)
        if not keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "newsdesk.toml").write_text(
            _CONFIG.format(site=f"{sandbox.url}/newsroom", editor=EDITOR, desk=DESK), encoding="utf-8"
        )
        settings = load(
            {
                "BOT_TOKEN": sandbox.token,
                "BOT_API_URL": sandbox.url,
                "DATABASE_URL": f"sqlite:///{folder.absolute()}/newsdesk.db",
                "NEWSDESK_CONFIG": "newsdesk.toml",
                "HTTP_LISTEN": "",
                "FETCH_ALLOW_PRIVATE": "1",
            },
            folder,
        )
        await _gather(settings, int(clock.now()))
        sandbox.note = await _notes(stack, settings, sandbox)

        def ready() -> None:
            print("The newsroom publishes a new article every half minute. Ctrl+C ends the demo.")
            print(f"{sandbox.url}/", flush=True)
            if open_browser:
                webbrowser.open(sandbox.url)

        await app.run(settings, clock=clock, ready=ready)


async def _gather(settings: Settings, now: int) -> None:
    """Let the crowd have subscribed before the demo begins; what is kept from an earlier one stays as it is."""
    storage = await open_storage(settings.env.database_url)
    try:
        for number in CROWD:
            reader = await storage.readers.meet(
                number, language="ru", choices=Choices(breaking=bool(number % _BREAKING_OFF)), now=now
            )
            if reader.consent_at is None:
                await storage.readers.consent(reader.id, CONSENT, now=now)
    finally:
        await storage.close()


async def _notes(stack: AsyncExitStack, settings: Settings, sandbox: Sandbox) -> Callable[[int], Awaitable[str]]:
    """What tells the page why nothing arrives at somebody: one of its words, or what the stand-in says."""
    storage = await open_storage(settings.env.database_url, exclusive=False)
    stack.push_async_callback(storage.close)

    async def why(user_id: int) -> str:
        reader = await storage.readers.get(user_id)
        match reader and reader.state:
            case ReaderState.NEW:
                return "whyUnfinished"
            case ReaderState.PAUSED:
                return "whyPaused"
            case ReaderState.LEFT | ReaderState.DORMANT:
                return "whyGone"
        known = await sandbox.why_silent(user_id)
        return "whyFew" if not known and reader and not reader.sections else known

    return why


def _ten_o_clock() -> float:
    today = datetime.fromtimestamp(RealClock().now(), ZONE)
    return today.replace(hour=10, minute=0, second=0, microsecond=0).timestamp()


async def _sandbox(stack: AsyncExitStack, clock: SteppableClock, host: str, port: int) -> Sandbox:
    """The stand-in with page and newsroom, on this port or the next free one."""
    for candidate in range(port, port + _PORTS_TRIED) if port else (0,):
        sandbox = Sandbox(clock, host=host, port=candidate, name="Steppe Times", advance=clock.advance)
        for user_id, name, language in PEOPLE:
            sandbox.people.add(user_id, name=name, lang=language)
        sandbox.people.channel(CHANNEL, "Steppe", "steppe_times", admins=[EDITOR])
        sandbox.people.group(DESK, "Desk", admins=[EDITOR], bot_rights={})
        for number in CROWD:  # the page shows nobody whose user name says so
            sandbox.people.add(number, username=f"crowd_{number}", started=True)
            sandbox.machine.chats[number].blocked = not number % _BLOCKED
        Newsroom(clock).routes(sandbox.app)
        add_page(sandbox.app)
        try:
            return await stack.enter_async_context(sandbox)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ConfigError("--host", f"cannot listen on {host}:{candidate} ({error.strerror}).") from None
    raise ConfigError("--port", f"no port from {port} to {port + _PORTS_TRIED - 1} is free.")
