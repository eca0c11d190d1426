"""The memory: one module per noun, SQL standing in the method that runs it.

A method is a unit of work; transactions never leave this package. `open_storage` gives the whole.
"""

from __future__ import annotations

from pathlib import Path

from bot.domain.errors import StorageError
from storage.alarms import Alarms
from storage.articles import Articles
from storage.broadcasts import Broadcasts
from storage.budgets import Budgets
from storage.calls import Calls
from storage.cards import Cards
from storage.channels import Channels
from storage.corrections import Corrections
from storage.deliveries import Deliveries
from storage.drafts import Drafts
from storage.editors import Editors
from storage.engine import Engine
from storage.errata import Errata
from storage.feeds import Feeds
from storage.hands import Hands
from storage.inbox import Inbox
from storage.leaders import Leaders
from storage.lists import Lists
from storage.media import Media
from storage.meta import Meta
from storage.migrate import migrate, migrations, version
from storage.places import Places
from storage.posts import Posts
from storage.privacy import Privacy
from storage.queue import Queue
from storage.rates import Rates
from storage.readers import Readers
from storage.saved import Saved
from storage.stats import Stats
from storage.terms import Terms
from storage.traces import Traces

__all__ = ["Storage", "open_beside", "open_engine", "open_storage"]


class Storage:
    """All nouns over one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.meta = Meta(engine)
        self.leaders = Leaders(engine)
        self.inbox = Inbox(engine)
        self.feeds = Feeds(engine)
        self.alarms = Alarms(engine)
        self.articles = Articles(engine)
        self.places = Places(engine)
        self.channels = Channels(engine)
        self.hands = Hands(engine)
        self.posts = Posts(engine)
        self.media = Media(engine)
        self.broadcasts = Broadcasts(engine)
        self.deliveries = Deliveries(engine)
        self.budgets = Budgets(engine)
        self.corrections = Corrections(engine)
        self.calls = Calls(engine)
        self.queue = Queue(engine)
        self.readers = Readers(engine)
        self.lists = Lists(engine)
        self.saved = Saved(engine)
        self.stats = Stats(engine)
        self.terms = Terms(engine)
        self.traces = Traces(engine)
        self.privacy = Privacy(engine)
        self.editors = Editors(engine)
        self.drafts = Drafts(engine)
        self.cards = Cards(engine)
        self.errata = Errata(engine)
        self.rates = Rates(engine)

    @property
    def shared(self) -> bool:
        """Whether other processes may be at work on it, too: SQLite's file lock says that none is."""
        return self.engine.dialect.name != "sqlite"

    async def close(self) -> None:
        """Release connections and locks."""
        await self.engine.close()


async def open_engine(url: str, *, exclusive: bool = True, small: bool = False) -> Engine:
    """The engine behind a `DATABASE_URL`. `exclusive` holds SQLite's file lock (PostgreSQL has leases).

    `small`: for work on few pages, such as a watcher's, which should not fill caches that senders need.
    """
    if url.startswith("sqlite:///"):
        from storage.sqlite import open_sqlite

        path = url.removeprefix("sqlite:///")
        if not Path(path).absolute().parent.is_dir():  # noqa: ASYNC240 - once, at the start
            raise StorageError(f"DATABASE_URL: the folder of {path} does not exist")
        return await open_sqlite(path, exclusive=exclusive, small=small)
    try:
        from storage.postgres import open_postgres
    except ImportError as error:
        raise StorageError("DATABASE_URL: PostgreSQL needs the extra: pip install 'newsdesk[postgres]'") from error
    return await open_postgres(url)


async def open_storage(url: str, *, exclusive: bool = True, small: bool = False) -> Storage:
    """Open a database, bring it to this version and hand out its nouns.

    Raises `AnotherCopyRuns`, `SchemaTooNew` or another `StorageError`.
    """
    engine = await open_engine(url, exclusive=exclusive, small=small)
    try:
        await migrate(engine)
    except BaseException:
        await engine.close()
        raise
    return Storage(engine)


async def open_beside(url: str) -> Storage:
    """The same for a command that may run beside the bot: only an outdated database, which no bot of this version can
    be using, is brought up to date first."""
    engine = await open_engine(url, exclusive=False)
    try:
        current = await version(engine) == migrations()[-1].number
    except StorageError:  # it is new: there is no table yet
        current = False
    except BaseException:
        await engine.close()
        raise
    if current:
        return Storage(engine)
    await engine.close()
    return await open_storage(url)
