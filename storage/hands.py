"""Posts by hand in the newsroom's channels, and what was made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby

from bot.domain.channel import Hand
from bot.domain.delivery import Kind, Lane
from bot.domain.post import Post, PostState, RichText
from storage.engine import Engine, Row
from storage.posts import add_post, change

_WHOLE = "CASE WHEN album = '' THEN '-' || CAST(message_id AS TEXT) ELSE album END"


_HAD = (
    "INSERT INTO channel_post (channel_id, post_id, queued_at, posted_at) VALUES (:channel, :post, :queued, :now)"
    " ON CONFLICT (channel_id, post_id) DO NOTHING"
)


class Hands:
    """The hand table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def keep(self, hand: Hand, *, now: int) -> None:
        """A message as it is now; it is to be looked at, unless nothing has changed."""
        kept = {"text": hand.said.text, "entities": hand.said.entities, "kind": hand.kind, "file": hand.file}
        await self._db.write(
            "INSERT INTO hand (channel_id, message_id, album, content, seen_at, waits) VALUES (:channel, :message,"
            " :album, :content, :now, 1) ON CONFLICT (channel_id, message_id) DO UPDATE SET content = excluded.content,"
            " seen_at = excluded.seen_at, waits = 1 WHERE hand.content <> excluded.content",
            channel=hand.channel_id,
            message=hand.message_id,
            album=hand.album,
            content=json.dumps(kept, ensure_ascii=False),
            now=now,
        )

    async def waiting(self, *, before: int) -> list[list[Hand]]:
        """What is to be looked at and has not changed since that moment: messages, and whole albums."""
        rows = await self._db.fetch(
            f"SELECT * FROM hand WHERE (channel_id, {_WHOLE}) IN (SELECT channel_id, {_WHOLE} FROM hand"
            " GROUP BY 1, 2 HAVING MAX(waits) = 1 AND MAX(seen_at) <= :before) ORDER BY channel_id, message_id",
            before=before,
        )
        hands = sorted(map(_hand, rows), key=_whole)
        return sorted(([*items] for _, items in groupby(hands, _whole)), key=lambda items: items[0].message_id)

    async def settle(self, items: Sequence[Hand], *, before: int) -> None:
        """They have been looked at as they were at that moment."""
        await self._db.many(
            "UPDATE hand SET waits = 0 WHERE channel_id = :channel AND message_id = :message AND seen_at <= :before",
            [(item.channel_id, item.message_id, before) for item in items],
        )

    async def publish(self, items: Sequence[Hand], post: Post, *, now: int) -> int | None:
        """A waiting post is made of them, which their own channel has had; its id. None when one was made before."""
        async with self._db.transaction() as db:
            first = items[0]
            rows = await db.write(
                "UPDATE hand SET post_id = 0 WHERE channel_id = :channel AND message_id = :message AND post_id IS NULL"
                " RETURNING 1",
                channel=first.channel_id,
                message=first.message_id,
            )
            if not rows:
                return None
            post_id = await add_post(db, post, article_id=None, state=PostState.WAITING)
            await db.many(
                "UPDATE hand SET post_id = :post WHERE channel_id = :channel AND message_id = :message",
                [(post_id, item.channel_id, item.message_id) for item in items],
            )
            await db.many(_HAD, [(first.channel_id, post_id, now, now)])
            return post_id

    async def revise(self, post: Post, more: int, *, now: int) -> bool:
        """The post in the words that were given it by hand: every copy follows, and it goes on to `more` sections.
        False when it is not of `post`'s version any more, or withdrawn."""
        async with self._db.transaction() as db:
            if await change(db, post, Kind.EDIT, Lane.BREAKING, now) is None:
                return False
            await db.write(
                "UPDATE post SET state = CASE WHEN state = 'published' AND (sections | :more) <> sections"
                " THEN 'waiting' ELSE state END, sections = sections | :more WHERE id = :id",
                more=more,
                id=post.id,
            )
            return True

    async def of(self, channel_id: int, message_id: int) -> list[Hand]:
        """A message with all that belongs to its album; empty when it is not known any more."""
        rows = await self._db.fetch(
            "SELECT * FROM hand WHERE channel_id = :channel AND (message_id = :message OR album <> '' AND album ="
            " (SELECT album FROM hand WHERE channel_id = :channel AND message_id = :message)) ORDER BY message_id",
            channel=channel_id,
            message=message_id,
        )
        return list(map(_hand, rows))

    async def take(self, first: Hand, draft_id: int) -> bool:
        """A draft is made of it; False when it is in another one that was not dropped."""
        rows = await self._db.write(
            "UPDATE hand SET draft_id = :draft WHERE channel_id = :channel AND message_id = :message AND (draft_id IS"
            " NULL OR draft_id IN (SELECT id FROM draft WHERE state = 'dropped')) RETURNING 1",
            draft=draft_id,
            channel=first.channel_id,
            message=first.message_id,
        )
        return bool(rows)

    async def sent(self, broadcast_id: int, post_id: int, *, now: int) -> None:
        """If that broadcast was made of a post by hand: its own channel has had it, and an edit there is one of it."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE hand SET post_id = :post WHERE draft_id IN (SELECT id FROM draft WHERE broadcast_id ="
                " :broadcast) RETURNING channel_id",
                post=post_id,
                broadcast=broadcast_id,
            )
            await db.many(_HAD, [(row[0], post_id, now, now) for row in rows])

    async def ours(self, channel_id: int, message_id: int) -> bool:
        """Whether the bot itself has posted that message in a channel."""
        rows = await self._db.fetch(
            "SELECT 1 FROM channel_post JOIN receipt ON receipt.broadcast_id = channel_post.broadcast_id"
            " AND receipt.reader_id = channel_post.channel_id"
            " WHERE channel_post.channel_id = :channel AND receipt.message_id = :message LIMIT 1",
            channel=channel_id,
            message=message_id,
        )
        return bool(rows)

    async def prune(self, before: int) -> None:
        """Forget what was last seen before that moment."""
        await self._db.write("DELETE FROM hand WHERE seen_at < :before", before=before)


def _whole(hand: Hand) -> tuple[int, str, int]:
    """What belongs together."""
    return hand.channel_id, hand.album, 0 if hand.album else hand.message_id


def _hand(row: Row) -> Hand:
    kept = json.loads(row["content"])
    said = RichText(kept["text"], tuple(kept["entities"]))
    return Hand(row["channel_id"], row["message_id"], said, row["album"], kept["kind"], kept["file"], row["post_id"])
