"""Rows that many storage tests need, and a look at all of a database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from bot.domain.article import Article
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane, Receipt, Result
from bot.domain.errors import StorageBusy
from bot.domain.feed import Found, Poll
from bot.domain.post import Post, PostKind, RichText
from bot.domain.reader import Reader
from storage import Storage
from storage.engine import Connection, Engine, Row, Steps, one_by_one
from tests.factories import launched

_T = TypeVar("_T")

TEXT = "Қазақстан 🇰🇿 «Әлия» — ok\n\t'\"\\%_:name ?1 $1 {{id}}"
"""Three alphabets, an emoji outside the BMP, and everything that SQL or our own templates could take for theirs."""
BIG = 2**63 - 1
GROUP = -1_009_999_999_999
ALL_SECTIONS = 2**62 - 1


def article(n: int, feed_id: int, **changes: Any) -> Article:
    """The n-th article of a feed."""
    return Article(
        **{
            "id": 0,
            "feed_id": feed_id,
            "title": f"Заголовок {n}",
            "lead": f"Лид {n}",
            "link": f"https://e.kz/{n}",
            "language": "ru",
            "sections": 1,
            "seen_at": 100 + n,
            **changes,
        }
    )


async def saved(storage: Storage, *articles: Article, publish: bool = True, now: int = 100) -> list[int]:
    """Articles as a poll brings them, each under its link as alias; their ids."""
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    new = tuple(Found(item, (item.link,), publish) for item in articles)
    await storage.feeds.save_poll(Poll(feed, new), now=now)
    return [item.id for item in reversed(await storage.articles.newest(len(new)))]


async def subscribed(storage: Storage, chat_id: int, sections: int = 1, **changes: Any) -> Reader:
    """A reader who said yes and chose sections."""
    asked = {"language": "ru", "now": 1, **changes}
    reader = await storage.readers.meet(chat_id, **asked)
    await storage.readers.consent(reader.id, "words-1", now=1)
    chosen = await storage.readers.choose(reader.id, sections, True, now=1)
    assert chosen
    return chosen


async def settled_down(storage: Storage, ids: Sequence[int], sections: int = 1) -> None:
    """Active readers with these very ids: blocks are made of them."""
    await storage.engine.many(
        "INSERT INTO reader (id, chat_id, language, state, sections, joined_at, changed_at)"
        " VALUES (:id, :chat, 'ru', 'active', :sections, 1, 1)",
        [(id_, 7_000_000 + id_, sections) for id_ in ids],
    )


def breaking(**changes: Any) -> Post:
    """An editor's post."""
    return Post(
        **{
            "id": 0,
            "kind": PostKind.BREAKING,
            "version": 1,
            "sections": 0,
            "created_at": 5,
            "texts": {"ru": RichText(TEXT, ({"type": "bold", "offset": 0, "length": 9},))},
            **changes,
        }
    )


async def running(
    storage: Storage,
    audience: Audience | None = None,
    *,
    start: float = 0.0,
    total: int = 0,
    lane: Lane = Lane.REGULAR,
) -> Broadcast:
    """A broadcast that runs."""
    id_ = await launched(storage, breaking(), audience or Audience(), lane=lane, total=total, start=start)
    assert await storage.broadcasts.change(id_, BroadcastState.RUNNING, among=[BroadcastState.COUNTDOWN], now=10)
    broadcast = await storage.broadcasts.get(id_)
    assert broadcast
    return broadcast


def receipt(broadcast: Broadcast, reader_id: int, result: Result = Result.SENT, **changes: Any) -> Receipt:
    """What became of a send."""
    return Receipt(broadcast.id, reader_id, result, **{"took_ms": 1500, "message_id": 77, **changes})


async def tables(engine: Engine) -> list[str]:
    """The names of all tables of ours."""
    if engine.dialect.name == "sqlite":
        sql = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            " AND name NOT LIKE 'article_words%' ORDER BY name"
        )
    else:
        sql = "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    return [row[0] for row in await engine.fetch(sql)]


async def everything(storage: Storage) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    names = await tables(storage.engine)
    async with storage.engine.transaction() as db:
        return {name: sorted(map(tuple, await db.fetch(f"SELECT * FROM {name}")), key=repr) for name in names}


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows without what an engine adds for its own search."""
    return sorted((tuple(value for value in row if not is_words(value)) for row in rows), key=repr)


def is_words(value: object) -> bool:
    return isinstance(value, str) and bool(re.match(r"'[^']+':\d", value))


class Failing:
    """An engine whose n-th statement fails before it reaches the database; `fired` says whether it came to that."""

    def __init__(self, engine: Engine, n: int) -> None:
        self._engine = engine
        self._left = n
        self.dialect = engine.dialect

    @property
    def fired(self) -> bool:
        return self._left <= 0

    def tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise StorageBusy("injected")

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        self.tick()
        return await self._engine.fetch(sql, **params)

    async def tuples(self, sql: str, **params: object) -> Sequence[tuple[Any, ...]]:
        self.tick()
        return await self._engine.tuples(sql, **params)

    async def write(self, sql: str, **params: object) -> Sequence[Row]:
        self.tick()
        return await self._engine.write(sql, **params)

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        self.tick()
        await self._engine.many(sql, rows)

    async def batch(self, work: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        async with self.transaction() as db:
            for sql, rows in work:
                await db.many(sql, rows)

    async def carry_out(self, steps: Steps[_T]) -> _T:
        async with self.transaction() as db:
            return await one_by_one(db, steps)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        self.tick()
        async with self._engine.transaction() as connection:
            yield _FailingConnection(connection, self)
            self.tick()  # the commit

    async def shred(self) -> None:
        await self._engine.shred()

    async def close(self) -> None:
        await self._engine.close()


class _FailingConnection:
    def __init__(self, connection: Connection, owner: Failing) -> None:
        self._connection = connection
        self._owner = owner
        self.dialect = connection.dialect

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        self._owner.tick()
        return await self._connection.fetch(sql, **params)

    async def write(self, sql: str, **params: object) -> Sequence[Row]:
        self._owner.tick()
        return await self._connection.write(sql, **params)

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._owner.tick()
        await self._connection.many(sql, rows)
