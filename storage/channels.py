"""The newsroom's channels, and what each of them is to get."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from bot.domain.channel import Channel, Manner
from bot.domain.delivery import Audience, BroadcastState, Lane, Result
from bot.domain.errors import StorageError
from bot.domain.place import Place
from bot.domain.reader import ReaderState
from storage.broadcasts import insert
from storage.engine import Connection, Engine, Row

_CHANNEL = (
    "SELECT channel.*, reader.chat_id, reader.state, reader.sections, place.title, place.username FROM channel"
    " JOIN reader ON reader.id = channel.channel_id JOIN place ON place.chat_id = reader.chat_id"
    " WHERE reader.state <> 'left'"
)
_GOES = "post.state NOT IN ('withdrawn', 'held')"


class Queued(NamedTuple):
    """A post that waits for its turn in a channel."""

    post_id: int
    queued_at: int


class Channels:
    """The channel tables."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def keep(self, reader_id: int, place: Place, manner: Manner, *, listed: str = "", now: int) -> None:
        """A reader is a channel from now on, or is kept in another manner."""
        await self._db.batch(
            [
                (
                    "INSERT INTO place (chat_id, kind, title, username, is_forum, by_topic, added_at) VALUES (:chat,"
                    " 'channel', :title, :username, 0, 0, :now) ON CONFLICT (chat_id) DO UPDATE SET title ="
                    " excluded.title, username = excluded.username",
                    [(place.chat_id, place.title, place.username, now)],
                ),
                (
                    "INSERT INTO channel (channel_id, listed, manner) VALUES (:reader, :listed, :manner)"
                    " ON CONFLICT (channel_id) DO UPDATE SET listed = excluded.listed, manner = excluded.manner",
                    [(reader_id, listed, json.dumps(asdict(manner), ensure_ascii=False))],
                ),
            ]
        )

    async def all(self) -> list[Channel]:
        """The channels that get news, or would if the bot might post there."""
        return [_channel(row) for row in await self._db.fetch(f"{_CHANNEL} ORDER BY channel.channel_id")]

    async def get(self, chat_id: int) -> Channel | None:
        """The channel behind a chat."""
        rows = await self._db.fetch(f"{_CHANNEL} AND reader.chat_id = :chat", chat=chat_id)
        return _channel(rows[0]) if rows else None

    async def allow(self, reader_id: int, rights: Sequence[str]) -> None:
        """What the bot may do there, as Telegram has said."""
        await self._set(reader_id, "rights", ",".join(rights))

    async def pin(self, reader_id: int, message_id: int) -> None:
        """The breaking post that is pinned there; 0 for none."""
        await self._set(reader_id, "pinned_id", message_id)

    async def quote(self, reader_id: int, message_id: int, text: str) -> None:
        """The message with exchange rates, and what it says."""
        await self._db.write(
            "UPDATE channel SET rates_id = :message, rates_text = :text WHERE channel_id = :id",
            message=message_id,
            text=text,
            id=reader_id,
        )

    async def _set(self, reader_id: int, column: str, value: object) -> None:
        await self._db.write(f"UPDATE channel SET {column} = :value WHERE channel_id = :id", value=value, id=reader_id)

    async def offer(self, pairs: Sequence[tuple[int, int]], *, now: int) -> None:
        """Posts for channels (reader, post), each once: what was there already is there no second time."""
        await self._db.many(
            "INSERT INTO channel_post (channel_id, post_id, queued_at) VALUES (:reader, :post, :now)"
            " ON CONFLICT (channel_id, post_id) DO NOTHING",
            [(*pair, now) for pair in pairs],
        )

    async def queue(self, reader_id: int) -> list[Queued]:
        """What waits for its turn, oldest first; what was taken back meanwhile goes nowhere."""
        rows = await self._db.fetch(
            "SELECT post_id, queued_at FROM channel_post JOIN post ON post.id = post_id"
            f" WHERE channel_id = :id AND posted_at IS NULL AND {_GOES} ORDER BY post_id LIMIT 100",
            id=reader_id,
        )
        return [Queued(*row) for row in rows]

    async def posted(self, reader_id: int, since: int) -> list[int]:
        """When the channel got posts in turn since that moment, oldest first."""
        rows = await self._db.fetch(
            "SELECT DISTINCT posted_at FROM channel_post JOIN post ON post.id = post_id"
            " WHERE channel_id = :id AND posted_at >= :since AND post.kind <> 'breaking' ORDER BY 1",
            id=reader_id,
            since=since,
        )
        return [row[0] for row in rows]

    async def post(self, reader_id: int, posts: Sequence[int], *, now: int) -> int:
        """Send what waits in a channel's queue as one message; the broadcast's id. Raises `StorageError` when somebody
        was faster."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE channel_post SET posted_at = :now WHERE channel_id = :reader AND posted_at IS NULL"
                f" AND post_id IN ({db.dialect.numbers_of('posts')}) RETURNING post_id",
                now=now,
                reader=reader_id,
                posts=json.dumps(list(posts)),
            )
            if len(rows) < len(posts):
                raise StorageError(f"posts {posts} do not wait for reader {reader_id} any more")
            return await _cast(db, reader_id, posts, now)

    async def send(self, reader_id: int, posts: Sequence[int], *, now: int, reply_to: int = 0) -> int | None:
        """Send posts to a channel without a queue, as one message; None when it has had one of them."""
        async with self._db.transaction() as db:
            known = await db.fetch(
                f"SELECT 1 FROM channel_post WHERE channel_id = :id AND post_id IN ({db.dialect.numbers_of('posts')})",
                id=reader_id,
                posts=json.dumps(list(posts)),
            )
            if known:
                return None
            await db.many(
                "INSERT INTO channel_post (channel_id, post_id, queued_at, posted_at)"
                " VALUES (:reader, :post, :queued, :now)",
                [(reader_id, post, now, now) for post in posts],
            )
            return await _cast(db, reader_id, posts, now, reply_to)

    async def requeue(self, reader_id: int) -> None:
        """What the channel could not be sent, because the bot had lost its rights, waits for its turn again."""
        await self._db.write(
            "UPDATE channel_post SET posted_at = NULL, broadcast_id = NULL WHERE channel_id = :id AND EXISTS (SELECT 1"
            " FROM receipt WHERE receipt.broadcast_id = channel_post.broadcast_id AND receipt.reader_id = :id"
            f" AND receipt.outcome = {int(Result.GONE)})",
            id=reader_id,
        )

    async def newest_breaking(self, reader_id: int, since: int) -> int:
        """The message with the newest breaking post that the channel has got since that moment; 0 for none."""
        rows = await self._db.fetch(
            "SELECT receipt.message_id FROM channel_post JOIN post ON post.id = channel_post.post_id"
            " JOIN receipt ON receipt.broadcast_id = channel_post.broadcast_id"
            " AND receipt.reader_id = channel_post.channel_id WHERE channel_post.channel_id = :id"
            f" AND posted_at > :since AND post.kind = 'breaking' AND {_GOES} AND receipt.message_id IS NOT NULL"
            " ORDER BY channel_post.broadcast_id DESC LIMIT 1",
            id=reader_id,
            since=since,
        )
        return int(rows[0][0]) if rows else 0

    async def prune(self, before: int) -> None:
        """Forget what channels were offered before that moment."""
        await self._db.write("DELETE FROM channel_post WHERE queued_at < :before", before=before)


async def tell_holders(db: Connection, post_id: int, told: int, languages: Sequence[str], now: int) -> list[int]:
    """Send something to the channels that have a post from us, as a reply to it, inside a transaction. `languages` are
    the readers' who are meant, empty for all."""
    rows = await db.fetch(
        "SELECT reader.id, reader.language FROM reader JOIN channel_post ON channel_post.channel_id = reader.id"
        " JOIN receipt ON receipt.broadcast_id = channel_post.broadcast_id AND receipt.reader_id = reader.id"
        " WHERE channel_post.post_id = :post AND reader.state = 'active' AND receipt.message_id IS NOT NULL",
        post=post_id,
    )
    meant = [row[0] for row in rows if not languages or row[1] in languages]
    return [await _cast(db, reader_id, [told], now, post_id) for reader_id in meant]


async def _cast(db: Connection, reader_id: int, posts: Sequence[int], now: int, reply_to: int = 0) -> int:
    """The broadcast that brings them, in the lane before all others."""
    key, audience = f"channel:{reader_id}:{','.join(map(str, posts))}:{now}", Audience(only=reader_id)
    state, lane = BroadcastState.RUNNING, Lane.CHANNEL
    id_ = await insert(db, posts, audience, key, lane, state, total=1, start=0.0, due=now, now=now, reply_to=reply_to)
    await db.many(
        "UPDATE channel_post SET broadcast_id = :broadcast WHERE channel_id = :reader AND post_id = :post",
        [(id_, reader_id, post) for post in posts],
    )
    return id_


def _channel(row: Row) -> Channel:
    return Channel(
        reader_id=row["channel_id"],
        chat_id=row["chat_id"],
        title=row["title"],
        username=row["username"],
        state=ReaderState(row["state"]),
        sections=row["sections"],
        manner=Manner(**json.loads(row["manner"])),
        listed=row["listed"],
        rights=None if row["rights"] is None else tuple(filter(None, row["rights"].split(","))),
        pinned_id=row["pinned_id"],
        rates_id=row["rates_id"],
        rates_text=row["rates_text"],
    )
