"""The feed desk's queue: posts that are held, floods of feeds, articles without a section, and what was decided.

Each decision is conditional on being open: of two who press at once, one is too late and is told so.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.held import Decision, Flood, Held, Hold, Said, Why
from bot.domain.post import Post
from storage.engine import Connection, Engine, Row
from storage.posts import post

PATIENCE = 2 * 86_400
"""Seconds after which what nobody has decided is kept and goes to nobody."""

_GOES = "UPDATE post SET state = 'waiting', created_at = :now WHERE id = :id AND state = 'held' RETURNING id"
"""`valid_for` counts from now on: it could not have been sent before."""
_STAYS = (
    "UPDATE post SET served = CASE WHEN served = 0 THEN 0 ELSE sections END,"
    " state = CASE WHEN served = 0 THEN :state ELSE 'published' END WHERE id = :id AND state = 'held' RETURNING id"
)
"""Whoever has it keeps it; its other sections count as served."""


class Queue:
    """The tables held and flood."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    # What the publisher asks for -----------------------------------------------------------------------------

    async def said(self) -> dict[int, Said]:
        """What was said of the posts that wait, by their ids."""
        rows = await self._db.fetch(
            "SELECT post_id, held.sections, loud_until FROM held JOIN post ON post.id = held.post_id"
            " WHERE post.state = 'waiting'"
        )
        return {row[0]: Said(row[1], row[2]) for row in rows}

    async def embargoes(self, *, now: int) -> dict[int, int]:
        """Waiting posts that are about what a draft has under embargo, and when that ends."""
        rows = await self._db.fetch(
            "SELECT post.id, MAX(until) FROM embargo JOIN alias ON alias.key = embargo.key"
            " JOIN post ON post.article_id = alias.article_id WHERE until > :now AND post.state = 'waiting'"
            " GROUP BY post.id",
            now=now,
        )
        return {row[0]: row[1] for row in rows}

    async def listed(self) -> dict[int, int]:
        """Waiting posts that are to go as one list, and of which flood they are."""
        rows = await self._db.fetch(
            "SELECT post_id, flood_id FROM held JOIN post ON post.id = held.post_id"
            " WHERE post.state = 'waiting' AND decision = 'listed'"
        )
        return {row[0]: row[1] for row in rows}

    async def hold(self, holds: Sequence[Hold], *, now: int) -> list[int]:
        """Hold posts that wait; the ids of those that still did."""
        held = []
        async with self._db.transaction() as db:
            for post_id, why, until in holds:
                if await db.write(
                    "UPDATE post SET state = 'held' WHERE id = :id AND state = 'waiting' RETURNING id", id=post_id
                ):
                    await db.write(
                        "INSERT INTO held (post_id, why, at, until) VALUES (:id, :why, :now, :until)"
                        " ON CONFLICT (post_id) DO UPDATE SET why = excluded.why, at = excluded.at,"
                        " until = excluded.until, flood_id = 0, decision = '', decided_by = 0, decided_at = NULL",
                        id=post_id,
                        why=why.value,
                        now=now,
                        until=until,
                    )
                    held.append(post_id)
        return held

    async def ripen(self, *, now: int) -> None:
        """What time decides: countdowns and embargoes that are over go, what nobody has decided is kept."""
        due = await self._db.fetch(
            "SELECT post_id, why FROM held WHERE decided_at IS NULL AND (why = 'countdown' AND until <= :now"
            " OR why = 'embargo' AND NOT EXISTS (SELECT 1 FROM embargo JOIN alias ON alias.key = embargo.key"
            " JOIN post ON post.article_id = alias.article_id WHERE post.id = held.post_id AND embargo.until > :now))",
            now=now,
        )
        for post_id, why in due:
            await self.decide(post_id, Decision.SENT, by=0, passed=why == Why.COUNTDOWN, now=now)
        late = await self._db.fetch(
            "SELECT post_id, flood_id FROM held WHERE decided_at IS NULL AND COALESCE(until, at) <= :late",
            late=now - PATIENCE,
        )
        for post_id, flood_id in late:
            if not flood_id:
                await self.decide(post_id, Decision.EXPIRED, by=0, now=now)
        for flood_id in {row[1] for row in late} - {0}:
            await self.settle(flood_id, Decision.EXPIRED, (), by=0, now=now)

    # What the desk sees --------------------------------------------------------------------------------------

    async def open(self) -> list[Held]:
        """Held posts, the longest held first; without those of floods."""
        return await self._held("decided_at IS NULL AND flood_id = 0 ORDER BY held.at, post.id LIMIT 200")

    async def get(self, post_id: int) -> Held | None:
        """What is or was held back of one post."""
        return next(iter(await self._held("post.id = :id", id=post_id)), None)

    async def floods(self) -> list[Flood]:
        """Floods that nobody has decided, the earliest first."""
        return [_flood(row) for row in await self._db.fetch("SELECT * FROM flood WHERE decided_at IS NULL ORDER BY id")]

    async def flood(self, flood_id: int) -> Flood | None:
        """One of them, decided or not."""
        rows = await self._db.fetch("SELECT * FROM flood WHERE id = :id", id=flood_id)
        return _flood(rows[0]) if rows else None

    async def of_flood(self, flood_id: int) -> list[Held]:
        """The posts that a flood brought and that are held with it, the newest first."""
        return await self._held(
            "flood_id = :flood AND decided_at IS NULL"
            " ORDER BY COALESCE(article.published_at, article.seen_at) DESC, post.id DESC",
            flood=flood_id,
        )

    async def unsorted(self, *, since: int) -> list[Post]:
        """Posts of articles that no section takes, made since then, the newest first."""
        rows = await self._db.fetch(
            "SELECT * FROM post WHERE state = 'unsorted' AND created_at > :since ORDER BY id DESC LIMIT 200",
            since=since,
        )
        return [post(row) for row in rows]

    # What the desk decides -----------------------------------------------------------------------------------

    async def decide(
        self, post_id: int, decision: Decision, *, by: int, passed: bool = True, loud_until: int = 0, now: int
    ) -> bool:
        """What becomes of a held post, unless it is one of a flood; False when that was decided, or it is not held.

        `passed`: its sections need nobody's yes any more; until `loud_until` no silence holds it again.
        """
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE held SET decision = :decision, decided_by = :by, decided_at = :now,"
                " loud_until = CASE WHEN loud_until < :loud THEN CAST(:loud AS BIGINT) ELSE loud_until END,"
                " sections = CASE WHEN CAST(:passed AS INTEGER) = 1 THEN"
                " (SELECT post.sections FROM post WHERE post.id = :id) ELSE sections END"
                " WHERE post_id = :id AND decided_at IS NULL AND flood_id = 0 RETURNING post_id",
                id=post_id,
                decision=decision.value,
                by=by,
                now=now,
                passed=int(passed),
                loud=loud_until,
            )
            return bool(rows) and await _follow(db, post_id, decision, now)

    async def settle(self, flood_id: int, decision: Decision, posts: Sequence[int], *, by: int, now: int) -> bool:
        """What becomes of a flood: these posts go (as one list: LISTED), the others are kept; False when that was
        decided before."""
        async with self._db.transaction() as db:
            if not await db.write(
                "UPDATE flood SET decision = :decision, decided_by = :by, decided_at = :now"
                " WHERE id = :id AND decided_at IS NULL RETURNING id",
                id=flood_id,
                decision=decision.value,
                by=by,
                now=now,
            ):
                return False
            rows = await db.fetch("SELECT post_id FROM held WHERE flood_id = :id AND decided_at IS NULL", id=flood_id)
            for (post_id,) in rows:
                mine = decision if post_id in posts else _LEFT.get(decision, Decision.KEPT)
                await db.write(
                    "UPDATE held SET decision = :decision, decided_by = :by, decided_at = :now,"
                    " sections = (SELECT post.sections FROM post WHERE post.id = :id) WHERE post_id = :id",
                    id=post_id,
                    decision=mine.value,
                    by=by,
                    now=now,
                )
                await _follow(db, post_id, mine, now)
            return True

    async def restore(self, post_id: int, *, now: int) -> bool:
        """What was taken off is held again, until somebody decides; False when it was not, or is again already."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE post SET state = 'held' WHERE id = :id AND state = 'withdrawn' AND served = 0"
                " AND id IN (SELECT post_id FROM held WHERE decision = 'taken') RETURNING id",
                id=post_id,
            )
            if rows:
                await db.write(
                    "UPDATE held SET why = 'manual', until = NULL, at = :now, decision = '', decided_by = 0,"
                    " decided_at = NULL WHERE post_id = :id",
                    id=post_id,
                    now=now,
                )
            return bool(rows)

    async def sort(self, post_id: int, sections: int, *, now: int) -> bool:
        """An article without a section gets these, and goes on as if it had come with them; no section: it is taken
        off. False when somebody was faster."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE post SET sections = :sections, created_at = :now,"
                " state = CASE WHEN CAST(:sections AS BIGINT) = 0 THEN 'withdrawn' ELSE 'waiting' END"
                " WHERE id = :id AND state = 'unsorted' RETURNING article_id",
                id=post_id,
                sections=sections,
                now=now,
            )
            if rows:
                await db.write(
                    "UPDATE article SET sections = :sections WHERE id = :id", sections=sections, id=rows[0][0]
                )
            return bool(rows)

    async def prune(self, before: int) -> None:
        """Forget what was decided before that moment."""
        await self._db.batch(
            [
                ("DELETE FROM held WHERE decided_at < :before", [(before,)]),
                ("DELETE FROM flood WHERE decided_at < :before", [(before,)]),
            ]
        )

    async def _held(self, where: str, **params: object) -> list[Held]:
        rows = await self._db.fetch(
            "SELECT post.*, held.why, held.at, held.until, held.decision, held.decided_by, held.decided_at FROM held"
            " JOIN post ON post.id = held.post_id LEFT JOIN article ON article.id = post.article_id"
            f" WHERE {where}",
            **params,
        )
        return [
            Held(
                post(row),
                Why(row["why"]),
                row["at"],
                row["until"],
                row["served"],
                Decision(row["decision"]),
                row["decided_by"],
                row["decided_at"],
            )
            for row in rows
        ]


_LEFT = {Decision.EXPIRED: Decision.EXPIRED}
_STATES = {Decision.TAKEN: "withdrawn", Decision.KEPT: "stored", Decision.EXPIRED: "stored"}


async def _follow(db: Connection, post_id: int, decision: Decision, now: int) -> bool:
    """The post goes as was decided."""
    if decision in (Decision.SENT, Decision.LISTED):
        return bool(await db.write(_GOES, id=post_id, now=now))
    return bool(await db.write(_STAYS, id=post_id, state=_STATES[decision]))


def _flood(row: Row) -> Flood:
    return Flood(
        row["id"], row["feed_id"], row["n"], row["at"], Decision(row["decision"]), row["decided_by"], row["decided_at"]
    )
