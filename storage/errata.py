"""Corrections and withdrawals as the desk makes them: from the press to the list that every reader may see."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from bot.domain.delivery import Audience, BroadcastState, Kind, Lane
from bot.domain.desk import Erratum, ErratumState, Gravity
from bot.domain.post import Post, PostState, RichText
from storage.broadcasts import insert
from storage.engine import Connection, Engine, Row
from storage.posts import add_post, change

_OPEN = "state IN ('compose', 'preview')"


class Errata:
    """The erratum table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def begin(self, post: Post, gravity: Gravity, *, author: int, chat: int, now: int) -> Erratum:
        """An editor is going to correct or withdraw this version of a post; what they had begun before is dropped."""
        async with self._db.transaction() as db:
            await db.write(f"UPDATE erratum SET state = 'dropped' WHERE author_id = :author AND {_OPEN}", author=author)
            rows = await db.write(
                "INSERT INTO erratum (post_id, version, gravity, state, author_id, chat_id, content, created_at)"
                " VALUES (:post, :version, :gravity, 'compose', :author, :chat, '{}', :now) RETURNING *",
                post=post.id,
                version=post.version,
                gravity=gravity.value,
                author=author,
                chat=chat,
                now=now,
            )
        return _erratum(rows[0])

    async def get(self, id_: int) -> Erratum | None:
        """One of them."""
        rows = await self._db.fetch("SELECT * FROM erratum WHERE id = :id", id=id_)
        return _erratum(rows[0]) if rows else None

    async def save(self, erratum: Erratum) -> Erratum | None:
        """Keep its words, whether it quotes, its card, and that it may be sent or is dropped; None when that is over:
        sent or dropped before."""
        rows = await self._db.write(
            f"UPDATE erratum SET state = :state, card_id = :card, content = :content WHERE id = :id AND {_OPEN}"
            " RETURNING *",
            id=erratum.id,
            state=erratum.state.value,
            card=erratum.card_id,
            content=_content(erratum),
        )
        return _erratum(rows[0]) if rows else None

    async def publish(
        self,
        erratum: Erratum,
        post: Post,
        telling: Post | None = None,
        *,
        audience: Audience | None = None,
        total: int = 0,
        start: float = 0.0,
        now: int,
    ) -> Erratum | None:
        """Give the post the words that it has here, or withdraw it, and bring that to all its copies.

        `telling` goes to its `audience` (`total` readers, from `start` in their circle on) as a reply to their copies.
        None when somebody was faster: it was sent or dropped before, or the post is of another version than was read.
        """
        kind = Kind.DELETE if erratum.gravity is Gravity.WITHDRAWAL else Kind.EDIT
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE erratum SET state = 'sent', sent_at = :now WHERE id = :id AND state = 'preview' RETURNING id",
                now=now,
                id=erratum.id,
            )
            if not rows:
                return None
            started = await change(db, post, kind, Lane.BREAKING, now)
            if started is None:
                await db.write("UPDATE erratum SET state = 'preview', sent_at = NULL WHERE id = :id", id=erratum.id)
                return None
            if telling:
                to = audience or Audience(holders=post.id)
                started.append(await _tell(db, post.id, telling, to, total, start, now))
            sent = replace(erratum, state=ErratumState.SENT, broadcasts=tuple(started), sent_at=now)
            await db.write("UPDATE erratum SET content = :content WHERE id = :id", content=_content(sent), id=sent.id)
            return sent

    async def cards(self) -> list[Erratum]:
        """Those on their way whose card does not show the final report yet, oldest first."""
        return await self._load("state = 'sent' AND reported_at IS NULL AND card_id <> 0 ORDER BY id")

    async def card_done(self, id_: int, *, now: int) -> None:
        """Its card says how it ended; nobody edits it any more."""
        await self._db.write("UPDATE erratum SET reported_at = :now WHERE id = :id", now=now, id=id_)

    async def public(self, *, since: int, limit: int) -> list[Erratum]:
        """What was visibly corrected or withdrawn after that moment, newest first."""
        return await self._load(
            "state = 'sent' AND gravity <> 'typo' AND sent_at > :since ORDER BY sent_at DESC, id DESC LIMIT :limit",
            since=since,
            limit=limit,
        )

    async def _load(self, where: str, **params: object) -> list[Erratum]:
        return [_erratum(row) for row in await self._db.fetch(f"SELECT * FROM erratum WHERE {where}", **params)]


async def _tell(
    db: Connection, post_id: int, telling: Post, audience: Audience, total: int, start: float, now: int
) -> int:
    """The message to the holders of a post's copies, as a reply; the broadcast's id."""
    told = await add_post(db, telling, article_id=None, state=PostState.PUBLISHED)
    return await insert(
        db,
        [told],
        audience,
        f"telling:{told}",
        Lane.BREAKING,
        BroadcastState.RUNNING,
        total,
        start,
        due=now,
        now=now,
        reply_to=post_id,
    )


def _content(erratum: Erratum) -> str:
    kept: dict[str, Any] = {"quote": erratum.quote, "wrong": erratum.wrong, "broadcasts": erratum.broadcasts}
    kept["texts"] = {language: asdict(text) for language, text in erratum.texts.items()}
    return json.dumps(kept, ensure_ascii=False)


def _erratum(row: Row) -> Erratum:
    kept = json.loads(row["content"])
    texts = {code: RichText(text["text"], tuple(text["entities"])) for code, text in kept.get("texts", {}).items()}
    return Erratum(
        id=row["id"],
        post_id=row["post_id"],
        version=row["version"],
        gravity=Gravity(row["gravity"]),
        state=ErratumState(row["state"]),
        author_id=row["author_id"],
        chat_id=row["chat_id"],
        created_at=row["created_at"],
        card_id=row["card_id"],
        texts=texts,
        quote=kept.get("quote", True),
        wrong=kept.get("wrong", {}),
        broadcasts=tuple(kept.get("broadcasts", ())),
        sent_at=row["sent_at"],
    )
