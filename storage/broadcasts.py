"""Broadcasts: one row per send, however many readers it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from bot.domain.delivery import Audience, Broadcast, BroadcastState, Kind, Lane, Progress, Result
from bot.domain.desk import Draft
from bot.domain.errors import StorageError
from bot.domain.post import Post, PostState
from storage.corrections import Corrections
from storage.engine import Connection, Engine, Row
from storage.lists import one_at_a_time
from storage.posts import add_post
from storage.readers import NEWEST, languages_text

UNDER_WAY = 3
"""Seconds after a correction in which what was on its way with the old words has come."""


class Broadcasts:
    """The broadcast table and the posts that broadcasts carry."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def publish(
        self,
        posts: Sequence[Post],
        audience: Audience,
        *,
        key: str,
        lane: Lane,
        total: int,
        start: float,
        now: int,
        rest_of: Sequence[int] = (),
    ) -> int:
        """Put waiting posts into a broadcast that runs at once; its id. It carries on the running ones in `rest_of`,
        which stop.

        `start`, 0..1, is where in the circle of readers it begins. The sections served are those that the posts
        have in `posts`: one that gained a section since then goes on waiting. Raises `StorageError` when a post
        does not wait any more, or a broadcast does not run any more.
        """
        async with self._db.transaction() as db:
            for post in posts:
                rows = await db.write(
                    "UPDATE post SET served = served | :sections,"
                    " state = CASE WHEN sections & ~CAST(:sections AS BIGINT) = 0 THEN 'published' ELSE 'waiting' END"
                    " WHERE id = :id AND state = 'waiting' RETURNING id",
                    sections=post.sections,
                    id=post.id,
                )
                if not rows:
                    raise StorageError(f"post {post.id} does not wait any more")
            ids = [post.id for post in posts]
            for broadcast_id in rest_of:
                rows = await db.write(
                    "UPDATE broadcast SET state = 'stopped', finished_at = :now"
                    " WHERE id = :id AND kind = 'send' AND state = 'running' RETURNING id",
                    now=now,
                    id=broadcast_id,
                )
                if not rows:
                    raise StorageError(f"broadcast {broadcast_id} does not run any more")
                carried = await db.fetch(
                    "SELECT post_id FROM broadcast_post JOIN post ON post.id = post_id"
                    " WHERE broadcast_id = :id AND post.state <> 'withdrawn'",
                    id=broadcast_id,
                )
                ids += [row[0] for row in carried]
            ids = sorted(set(ids)) if rest_of else ids
            return await insert(db, ids, audience, key, lane, BroadcastState.RUNNING, total, start, due=now, now=now)

    async def launch(
        self,
        draft: Draft,
        post: Post,
        audience: Audience,
        *,
        by: int,
        solo: bool,
        lane: Lane,
        total: int,
        start: float,
        due: int,
        now: int,
    ) -> int | None:
        """Turn a draft into a post and a broadcast that counts down until `due`.

        None when it is not as it was read (pressed twice, changed, dropped meanwhile), or who sends it (`by`, 0 for the
        newsroom's own system) has no rights: one press, one send.
        """
        async with self._db.transaction() as db:
            if not await take(db, draft, by=by, solo=solo):
                return None
            post_id = await add_post(db, post, article_id=post.article_id, state=PostState.PUBLISHED)
            if lane is not Lane.PROMO:  # whoever follows the story or a word in it gets it; breaking news nobody hides
                hidden = 0 if audience.breaking else post_id
                audience = replace(audience, followed=(post_id,), hidden=hidden)
            broadcast_id = await insert(
                db,
                [post_id],
                audience,
                f"draft:{draft.id}",
                lane,
                BroadcastState.COUNTDOWN,
                total,
                start,
                due,
                now,
                reply_to=post.reply_to,
            )
            await db.write(
                "UPDATE draft SET broadcast_id = :broadcast WHERE id = :id", broadcast=broadcast_id, id=draft.id
            )
            return broadcast_id

    async def ask(self, reader_id: int, *, listed: int, now: int) -> bool:
        """Begin the list of one reader at once, of sends after the number `listed`; False when it has begun already in
        this second, or the reader gets no news."""
        key = f"asked:{reader_id}:{now}"
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE reader SET list_at = :now, listed = CASE WHEN listed < :listed THEN :listed ELSE listed END"
                " WHERE id = :id AND state = 'active' AND NOT EXISTS (SELECT 1 FROM broadcast WHERE key = :key)"
                " RETURNING id",
                id=reader_id,
                listed=listed,
                key=key,
                now=now,
            )
            if rows:
                audience = Audience(due=now, only=reader_id)
                await insert(db, [], audience, key, Lane.DIGEST, BroadcastState.RUNNING, 1, 0.0, due=now, now=now)
            return bool(rows)

    async def entitled(self, broadcast_id: int) -> bool:
        """Whether who has sent it may still send; what no editor has sent may always go."""
        rows = await self._db.fetch(
            "SELECT 1 FROM draft WHERE broadcast_id = :id AND sent_by <> 0"
            " AND NOT EXISTS (SELECT 1 FROM editor WHERE user_id = draft.sent_by)",
            id=broadcast_id,
        )
        return not rows

    async def left(self, broadcast: Broadcast, *, until: int) -> int:
        """Of those who have got it, how many left, blocked the bot or (breaking) switched that off before `until`."""
        rows = await self._db.fetch(
            "SELECT COUNT(*) FROM receipt JOIN reader ON reader.id = receipt.reader_id WHERE broadcast_id = :id"
            " AND outcome = 1 AND due_at IS NULL AND changed_at <= :until"
            " AND (reader.state IN ('left', 'dormant') OR CAST(:breaking AS INTEGER) = 1 AND reader.breaking = 0)",
            id=broadcast.id,
            until=until,
            breaking=int(broadcast.audience.breaking),
        )
        return int(rows[0][0])

    async def get(self, broadcast_id: int) -> Broadcast | None:
        """One broadcast."""
        found = await self._load("WHERE id = :id", id=broadcast_id)
        return found[0] if found else None

    async def promos(self, limit: int) -> list[Broadcast]:
        """Sends of partner posts that were not called off, newest first."""
        found = await self._load(
            "WHERE id IN (SELECT id FROM broadcast WHERE promo_day IS NOT NULL AND state <> 'cancelled'"
            " ORDER BY id DESC LIMIT :limit)",
            limit=limit,
        )
        return found[::-1]

    async def open(self) -> list[Broadcast]:
        """Broadcasts that still have something to do, oldest first."""
        return await self._load("WHERE state IN ('countdown', 'running', 'paused')")

    async def arrived(self, broadcast_id: int) -> bool:
        """Whether any reader has got it."""
        rows = await self._db.fetch(
            "SELECT 1 FROM receipt WHERE broadcast_id = :id AND outcome = 1 LIMIT 1", id=broadcast_id
        )
        return bool(rows)

    async def _load(self, where: str, **params: object) -> list[Broadcast]:
        rows = await self._db.fetch(f"SELECT * FROM broadcast {where} ORDER BY id", **params)
        found = []
        for row in rows:
            posts = await self._db.fetch(
                "SELECT post_id FROM broadcast_post WHERE broadcast_id = :id ORDER BY n", id=row["id"]
            )
            found.append(_broadcast(row, tuple(post[0] for post in posts)))
        return found

    async def change(
        self, broadcast_id: int, wanted: BroadcastState, *, among: Sequence[BroadcastState], now: int
    ) -> bool:
        """Move a broadcast to another state if it is in one of `among`; False when somebody was faster."""
        states = ",".join(f"'{state.value}'" for state in among)
        async with self._db.transaction() as db:
            if wanted is BroadcastState.RUNNING:
                await one_at_a_time(db)
            rows = await db.write(
                "UPDATE broadcast SET state = :wanted,"
                " started_at = CASE WHEN :wanted = 'running' THEN COALESCE(started_at, :now) ELSE started_at END,"
                f" serial = CASE WHEN :wanted = 'running' AND {_NUMBERED} THEN {_NEXT} ELSE serial END,"
                " finished_at = CASE WHEN :wanted IN ('stopped', 'cancelled') THEN CAST(:now AS BIGINT)"
                f" ELSE finished_at END WHERE id = :id AND state IN ({states}) RETURNING id",
                wanted=wanted.value,
                now=now,
                id=broadcast_id,
            )
        return bool(rows)

    async def finish(self, broadcast: Broadcast, *, now: int) -> bool:
        """Close a running broadcast when no block, lease or waiting reader is left; False while there is one."""
        rows = await self._db.write(
            "UPDATE broadcast SET state = 'done', finished_at = :now"
            " WHERE id = :id AND state = 'running' AND cursor >= :turns"
            " AND NOT EXISTS (SELECT 1 FROM lease WHERE broadcast_id = :id)"
            " AND NOT EXISTS (SELECT 1 FROM receipt WHERE due_at IS NOT NULL AND +broadcast_id = :id) RETURNING id",
            now=now,
            id=broadcast.id,
            turns=broadcast.turns,
        )
        return bool(rows)

    async def progress(self, broadcast_id: int) -> Progress:
        """How far a broadcast is, from its receipts; a correction also from the copies that it has not tried."""
        broadcast = await self.get(broadcast_id)
        # No GROUP BY: it would sort a million rows in memory.
        kinds = ", ".join(f"COUNT(*) FILTER (WHERE due_at IS NULL AND outcome = {int(kind)})" for kind in Result)
        row, *_ = await self._db.fetch(
            f"SELECT COUNT(due_at), COUNT(*) FILTER (WHERE outcome = 1 AND reason IS NOT NULL), {kinds} FROM receipt"
            " WHERE broadcast_id = :id",
            id=broadcast_id,
        )
        waiting, repeated, counts = row[0], row[1], dict(zip(Result, row[2:], strict=True))
        total, unreached, known = broadcast.total if broadcast else 0, 0, sum(counts.values()) + waiting
        if broadcast and broadcast.kind is not Kind.SEND:  # an edit made twice is no harm
            left, unreached = await Corrections(self._db).count(broadcast)
            total, repeated = known + left, 0
        p50, p95 = await self._percentiles(broadcast_id, counts[Result.SENT])
        return Progress(
            total=max(total, known),
            sent=counts[Result.SENT],
            gone=counts[Result.GONE],
            rejected=counts[Result.REJECTED],
            uncertain=counts[Result.UNCERTAIN],
            waiting=waiting,
            p50=p50,
            p95=p95,
            refusals=tuple(await self.refusals(broadcast_id)) if counts[Result.REJECTED] else (),
            repeated=repeated,
            unreached=unreached,
        )

    async def _percentiles(self, broadcast_id: int, sent: int) -> tuple[float | None, float | None]:
        """Of a large broadcast some ten thousand readers are looked at, evenly spread."""
        rows = await self._db.fetch(
            "SELECT took_ms / 100, COUNT(*) FROM receipt WHERE broadcast_id = :id AND outcome = 1"
            " AND reader_id % CAST(:step AS BIGINT) = 0 GROUP BY 1 ORDER BY 1",
            id=broadcast_id,
            step=1 + sent // 10_000,
        )
        seen = sum(row[1] for row in rows)
        marks: list[float | None] = []
        for share in (0.5, 0.95):
            reached = 0
            for tenth, number in rows:
                reached += number
                if reached >= seen * share:
                    marks.append(tenth / 10)
                    break
            else:
                marks.append(None)
        return marks[0], marks[1]

    async def daily(self, *, now: int, days: int = 7) -> list[int]:
        """Messages that broadcasts were to send in each of the last `days`, newest first, back to the first send.

        A day is the 24 hours before `now`, the 24 hours before those, and so on.
        """
        rows = await self._db.fetch(
            "SELECT (:now - started_at) / 86400, CAST(SUM(total) AS BIGINT) FROM broadcast"
            " WHERE started_at > :since AND started_at <= :now GROUP BY 1",
            now=now,
            since=now - days * 86_400,
        )
        counts = {int(row[0]): int(row[1]) for row in rows}
        return [counts.get(day, 0) for day in range(max(counts, default=-1) + 1)]

    async def refusals(self, broadcast_id: int) -> list[tuple[str, int]]:
        """Why Telegram rejected it: reason and number, most frequent first, ten at most."""
        rows = await self._db.fetch(
            "SELECT reason, COUNT(*) FROM receipt WHERE broadcast_id = :id AND outcome = :rejected AND due_at IS NULL"
            " AND reason IS NOT NULL GROUP BY reason ORDER BY 2 DESC, 1 LIMIT 10",
            id=broadcast_id,
            rejected=int(Result.REJECTED),
        )
        return [(row[0], row[1]) for row in rows]


_NUMBERED = f"kind = 'send' AND lane = {int(Lane.REGULAR)}"
_NEXT = f"{NEWEST} + 1"


async def take(db: Connection, draft: Draft, *, by: int, solo: bool) -> bool:
    """A draft is sent from now on; False when it is not as it was read, or `by` (0: the newsroom's own system) has no
    rights."""
    rows = await db.write(
        "UPDATE draft SET state = 'sent', sent_by = :by, solo = :solo WHERE id = :id AND rev = :rev"
        " AND state = :state AND state IN ('draft', 'review', 'approved')"
        " AND (:by = 0 OR EXISTS (SELECT 1 FROM editor WHERE user_id = :by)) RETURNING id",
        id=draft.id,
        rev=draft.rev,
        state=draft.state.value,
        by=by,
        solo=int(solo),
    )
    return bool(rows)


async def insert(
    db: Connection,
    posts: Sequence[int],
    audience: Audience,
    key: str,
    lane: Lane,
    state: BroadcastState,
    total: int,
    start: float,
    due: int,
    now: int,
    reply_to: int = 0,
) -> int:
    """A broadcast of these posts to the readers of now, inside a transaction; its id."""
    await one_at_a_time(db)
    rows = await db.fetch("SELECT COALESCE(MAX(id), 0) FROM reader")
    horizon = audience.only or int(rows[0][0])
    serial = _NEXT if lane is Lane.REGULAR and state is BroadcastState.RUNNING else "NULL"
    rows = await db.write(
        "INSERT INTO broadcast (key, lane, state, sections, besides, breaking, languages, audience, holders, reply_to,"
        " horizon, start_block, total, due_at, created_at, started_at, promo_day, serial)"
        " VALUES (:key, :lane, :state, :sections, :besides, :breaking, :languages, :audience, :holders, :reply_to,"
        " :horizon, :start, :total, :due, :now,"
        f" :started, :promo, {serial}) RETURNING id",
        key=key,
        lane=int(lane),
        state=state.value,
        sections=audience.sections,
        besides=audience.besides,
        breaking=int(audience.breaking),
        languages=languages_text(audience),
        audience=_particular(audience),
        horizon=horizon,
        start=audience.only >> 10 or int(start * ((horizon >> 10) + 1)),
        total=total,
        due=due,
        now=now,
        started=now if state is BroadcastState.RUNNING else None,
        holders=audience.holders,
        promo=audience.promo or None,
        reply_to=reply_to,
    )
    broadcast_id = int(rows[0][0])
    await db.many(
        "INSERT INTO broadcast_post (broadcast_id, post_id, n) VALUES (:broadcast, :post, :n)",
        [(broadcast_id, post_id, n) for n, post_id in enumerate(posts)],
    )
    return broadcast_id


def _particular(audience: Audience) -> str:
    """What an audience asks for beyond the columns of its own; "" for nothing."""
    usual, columns = Audience(), ("sections", "besides", "breaking", "languages", "holders", "until", "promo")
    asked = {name: value for name, value in asdict(audience).items() if name not in columns}
    asked = {name: value for name, value in asked.items() if value != getattr(usual, name)}
    return json.dumps(asked) if asked else ""


def _particulars(written: str) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(written).items()}


def _broadcast(row: Row, posts: tuple[int, ...]) -> Broadcast:
    return Broadcast(
        id=row["id"],
        key=row["key"],
        lane=Lane(row["lane"]),
        state=BroadcastState(row["state"]),
        audience=Audience(
            sections=row["sections"],
            besides=row["besides"],
            breaking=bool(row["breaking"]),
            languages=tuple(row["languages"].strip(",").split(",")) if row["languages"] else (),
            holders=row["holders"],
            until=row["created_at"] + UNDER_WAY if row["holders"] else 0,
            promo=row["promo_day"] or 0,
            **(_particulars(row["audience"]) if row["audience"] else {}),
        ),
        horizon=row["horizon"],
        start_block=row["start_block"],
        cursor=row["cursor"],
        total=row["total"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        posts=posts,
        kind=Kind(row["kind"]),
        target_id=row["target_id"],
        version=row["version"],
        serial=row["serial"] or 0,
        paid=row["paid"],
        unpaid=row["unpaid"],
        reply_to=row["reply_to"],
    )
