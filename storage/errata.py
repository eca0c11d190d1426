"""Corrections and withdrawals that were sent: what brings them to every copy, and the list that everybody may see."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from bot.domain.delivery import Audience, BroadcastState, Kind, Lane
from bot.domain.desk import Draft, Erratum, Gravity
from bot.domain.post import Post, PostState
from storage.broadcasts import insert, take
from storage.channels import tell_holders
from storage.engine import Connection, Engine, Row
from storage.posts import add_post, change


class _Outdated(Exception):
    """The post is not as it was read."""


class Errata:
    """The erratum table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def publish(
        self,
        draft: Draft,
        erratum: Erratum,
        post: Post,
        telling: Post | None = None,
        *,
        solo: bool = False,
        audience: Audience | None = None,
        total: int = 0,
        start: float = 0.0,
        now: int,
    ) -> Erratum | None:
        """Give the post the words that it has here, or withdraw it, and bring that to all its copies.

        `telling` goes to its `audience` (`total` readers, from `start` in their circle on) as a reply to their copies.
        None when somebody was faster: the draft is not as it was read, the post is of another version, or who sends it
        has no rights.
        """
        kind = Kind.DELETE if erratum.gravity is Gravity.WITHDRAWAL else Kind.EDIT
        try:
            async with self._db.transaction() as db:
                if not await take(db, draft, by=erratum.author_id, solo=solo):
                    return None
                started = await change(db, post, kind, Lane.BREAKING, now)
                if started is None:
                    raise _Outdated
                if telling:
                    to = audience or Audience(holders=post.id)
                    started += await _tell(db, post.id, telling, to, total, start, now)
                return await _add(db, replace(erratum, broadcasts=tuple(started), sent_at=now))
        except _Outdated:
            return None

    async def of(self, draft_id: int) -> Erratum | None:
        """What became of a draft."""
        found = await self._load("draft_id = :id", id=draft_id)
        return found[0] if found else None

    async def public(self, *, since: int, limit: int) -> list[Erratum]:
        """What was visibly corrected or withdrawn after that moment, newest first."""
        return await self._load(
            "gravity NOT IN ('typo', 'update') AND sent_at > :since ORDER BY sent_at DESC, id DESC LIMIT :limit",
            since=since,
            limit=limit,
        )

    async def _load(self, where: str, **params: object) -> list[Erratum]:
        return [_erratum(row) for row in await self._db.fetch(f"SELECT * FROM erratum WHERE {where}", **params)]


async def _add(db: Connection, erratum: Erratum) -> Erratum:
    kept: dict[str, Any] = {"wrong": erratum.wrong, "reason": erratum.reason, "broadcasts": erratum.broadcasts}
    rows = await db.write(
        "INSERT INTO erratum (draft_id, post_id, gravity, author_id, content, sent_at)"
        " VALUES (:draft, :post, :gravity, :author, :content, :now) RETURNING id",
        draft=erratum.draft_id,
        post=erratum.post_id,
        gravity=erratum.gravity.value,
        author=erratum.author_id,
        content=json.dumps(kept, ensure_ascii=False),
        now=erratum.sent_at,
    )
    return replace(erratum, id=int(rows[0][0]))


async def _tell(
    db: Connection, post_id: int, telling: Post, audience: Audience, total: int, start: float, now: int
) -> list[int]:
    """The message to the holders of a post's copies, as a reply: channels first; the broadcasts' ids."""
    told = await add_post(db, telling, article_id=None, state=PostState.PUBLISHED)
    first = await tell_holders(db, post_id, told, audience.languages, now)
    state, key = BroadcastState.RUNNING, f"telling:{told}"
    moment = {"due": now, "now": now, "reply_to": post_id}
    return [*first, await insert(db, [told], audience, key, Lane.BREAKING, state, total, start, **moment)]


def _erratum(row: Row) -> Erratum:
    kept = json.loads(row["content"])
    return Erratum(
        id=row["id"],
        draft_id=row["draft_id"],
        post_id=row["post_id"],
        gravity=Gravity(row["gravity"]),
        author_id=row["author_id"],
        wrong=kept["wrong"],
        reason=kept["reason"],
        broadcasts=tuple(kept["broadcasts"]),
        sent_at=row["sent_at"],
    )
