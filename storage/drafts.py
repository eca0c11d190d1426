"""Drafts: what editors write, until it is sent; and what the next message of an editor is the answer to.

Each change is conditional on the state it starts from: of two who press at once, one is too late and is told so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.domain.desk import Awaited, Content, Draft, DraftState, Way
from bot.domain.post import RichText
from storage.engine import Connection, Engine, Row

_EDITABLE = "('compose', 'draft', 'review', 'approved')"
_IS_EDITOR = "EXISTS (SELECT 1 FROM editor WHERE user_id = {})"


class Drafts:
    """The draft table, approvals and embargoes."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def begin(
        self, author_id: int, chat_id: int, content: Content, state: DraftState, *, thread_id: int = 0, now: int
    ) -> Draft:
        """A new draft. What its author has begun in that chat and not brought to a whole is dropped for it."""
        async with self._db.transaction() as db:
            await db.write(
                "UPDATE draft SET state = 'dropped'"
                " WHERE author_id = :author AND chat_id = :chat AND state = 'compose'",
                author=author_id,
                chat=chat_id,
            )
            rows = await db.write(
                "INSERT INTO draft (author_id, chat_id, thread_id, state, language, content, created_at, touched_at)"
                " VALUES (:author, :chat, :thread, :state, :language, :content, :now, :now) RETURNING *",
                author=author_id,
                chat=chat_id,
                thread=thread_id,
                state=state.value,
                language=content.language,
                content=_json(content),
                now=now,
            )
        return _draft(rows[0])

    async def get(self, id_: int) -> Draft | None:
        """One draft."""
        return await self._one("WHERE id = :id", id=id_)

    async def of(self, broadcast_id: int) -> Draft | None:
        """The draft that became this broadcast."""
        return await self._one("WHERE broadcast_id = :id", id=broadcast_id)

    async def current(self, author_id: int, chat_id: int, *, since: int) -> Draft | None:
        """The draft, touched after `since`, that takes this editor's next message there."""
        return await self._one(
            "WHERE author_id = :author AND chat_id = :chat AND state IN ('compose', 'draft') AND touched_at > :since"
            " ORDER BY touched_at DESC, id DESC LIMIT 1",
            author=author_id,
            chat=chat_id,
            since=since,
        )

    async def open(self, limit: int) -> list[Draft]:
        """Whole drafts that were not sent, the last touched first."""
        return await self._some(
            "WHERE state IN ('draft', 'review', 'approved') ORDER BY touched_at DESC, id DESC LIMIT :limit", limit=limit
        )

    async def sent(self, *, since: int) -> list[Draft]:
        """Drafts begun after `since` that went out, newest first; those called off in time are left out."""
        return await self._some(
            "JOIN broadcast ON broadcast.id = draft.broadcast_id"
            " WHERE draft.created_at > :since AND broadcast.state <> 'cancelled' ORDER BY draft.id DESC",
            since=since,
        )

    async def live(self) -> list[Draft]:
        """Drafts that the desk is to see: asked to approve, waiting for their time, sent and not yet reported on."""
        return await self._some(
            "WHERE state IN ('review', 'approved') OR state = 'sent' AND reported_at IS NULL ORDER BY id"
        )

    async def unseen(self) -> list[Draft]:
        """Drafts that went out without a second person, and that nobody has looked at since."""
        return await self._some("WHERE state = 'sent' AND solo = 1 AND viewed_by IS NULL ORDER BY id")

    async def write(self, draft: Draft, state: DraftState, *, keys: Sequence[str] = (), now: int) -> Draft | None:
        """Keep a draft's content and times. None when it is not the newest, was sent or dropped.

        Whatever was approved of it is so no more, and it has no card yet. Until its embargo ends nothing leaves that is
        known under `keys`.
        """
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE draft SET content = :content, language = :language, due_at = :due, embargo_at = :embargo,"
                " state = :state, rev = rev + 1, touched_at = :now, review_until = NULL, card_id = 0"
                f" WHERE id = :id AND rev = :rev AND state IN {_EDITABLE} RETURNING *",
                id=draft.id,
                rev=draft.rev,
                content=_json(draft.content),
                language=draft.content.language,
                due=draft.due_at,
                embargo=draft.embargo_at,
                state=state.value,
                now=now,
            )
            if not rows:
                return None
            await _forget(db, draft.id)
            if draft.embargo_at:
                await db.many(
                    "INSERT INTO embargo (key, draft_id, until) VALUES (:key, :draft, :until)",
                    [(key, draft.id, draft.embargo_at) for key in dict.fromkeys(keys)],
                )
        return _draft(rows[0])

    async def embargoed(self, keys: Sequence[str], *, besides: int, now: int) -> int:
        """Until when another draft than `besides` has one of these under embargo; 0 when none has after `now`."""
        rows = await self._db.fetch(
            "SELECT MAX(until) FROM embargo WHERE until > :now AND draft_id <> :besides"
            f" AND key IN ({self._db.dialect.values_of('keys')})",
            now=now,
            besides=besides,
            keys=json.dumps(list(keys)),
        )
        return int(rows[0][0] or 0)

    async def carded(self, id_: int, card_id: int) -> None:
        """Remember the message that carries the draft's own buttons."""
        await self._db.write("UPDATE draft SET card_id = :card WHERE id = :id", card=card_id, id=id_)

    async def ask(self, draft: Draft, seal: str, *, until: int, now: int) -> bool:
        """Ask for a second person; False when somebody has changed it meanwhile."""
        rows = await self._db.write(
            "UPDATE draft SET state = 'review', seal = :seal, review_until = :until, touched_at = :now"
            " WHERE id = :id AND rev = :rev AND state = 'draft' RETURNING id",
            id=draft.id,
            rev=draft.rev,
            seal=seal,
            until=until,
            now=now,
        )
        return bool(rows)

    async def approve(self, id_: int, user_id: int, seal: str, *, needed: int, now: int) -> int | None:
        """Say yes to what the seal stands for: how many have, with `needed` of them it is approved.

        None when it is not asked for (any more), is one's own, or its author or this person has no rights now. People
        whose rights were taken meanwhile do not count.
        """
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE draft SET touched_at = :now WHERE id = :id AND state = 'review' AND seal = :seal"
                " AND review_until > :now AND author_id <> :user"
                f" AND {_IS_EDITOR.format(':user')} AND (author_id = 0 OR {_IS_EDITOR.format('draft.author_id')})"
                " RETURNING id",
                id=id_,
                user=user_id,
                seal=seal,
                now=now,
            )
            if not rows:
                return None
            await db.write(
                "INSERT INTO approval (draft_id, user_id, at) VALUES (:id, :user, :now) ON CONFLICT DO NOTHING",
                id=id_,
                user=user_id,
                now=now,
            )
            given = len(await _approved_by(db, id_))
            if given >= needed:
                await db.write("UPDATE draft SET state = 'approved', rev = rev + 1 WHERE id = :id", id=id_)
            return given

    async def approved_by(self, id_: int) -> list[int]:
        """Who said yes, of those who still have rights; the first one first."""
        return await _approved_by(self._db, id_)

    async def accept(self, draft: Draft, by: int, *, solo: bool, now: int) -> bool:
        """It goes out when it is due, without anybody else; False when somebody has changed it meanwhile."""
        rows = await self._db.write(
            "UPDATE draft SET state = 'approved', sent_by = :by, solo = :solo, touched_at = :now, rev = rev + 1"
            f" WHERE id = :id AND rev = :rev AND state IN ('draft', 'review') AND {_IS_EDITOR.format(':by')}"
            " RETURNING id",
            id=draft.id,
            rev=draft.rev,
            by=by,
            solo=int(solo),
            now=now,
        )
        return bool(rows)

    async def back(self, id_: int, *, now: int) -> Draft | None:
        """It is its author's again: taken back, or returned. None when it is not asked for or waiting."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE draft SET state = 'draft', review_until = NULL, solo = 0, touched_at = :now, rev = rev + 1"
                " WHERE id = :id AND state IN ('review', 'approved') RETURNING *",
                id=id_,
                now=now,
            )
            if rows:
                await db.write("DELETE FROM approval WHERE draft_id = :id", id=id_)
        return _draft(rows[0]) if rows else None

    async def expired(self, *, now: int) -> list[Draft]:
        """Drafts that nobody has approved in time: they are their authors' again."""
        rows = await self._db.fetch("SELECT id FROM draft WHERE state = 'review' AND review_until <= :now", now=now)
        return [draft for row in rows if (draft := await self.back(row[0], now=now))]

    async def due(self, *, now: int) -> list[Draft]:
        """Approved drafts whose time has come."""
        return await self._some(
            "WHERE state = 'approved' AND COALESCE(due_at, 0) <= :now AND COALESCE(embargo_at, 0) <= :now ORDER BY id",
            now=now,
        )

    async def albums(self, *, before: int) -> list[Draft]:
        """Begun drafts of which an album has come, and nothing more of it since that moment."""
        return await self._some(
            "WHERE state = 'compose' AND card_id = 0 AND touched_at <= :before AND content LIKE '%\"album\": %'"
            " ORDER BY id",
            before=before,
        )

    async def drop(self, id_: int) -> bool:
        """Give an unsent draft up; False when it was sent or dropped before."""
        async with self._db.transaction() as db:
            rows = await db.write(
                f"UPDATE draft SET state = 'dropped', rev = rev + 1 WHERE id = :id AND state IN {_EDITABLE}"
                " RETURNING id",
                id=id_,
            )
            if rows:
                await _forget(db, id_)
        return bool(rows)

    async def reported(self, id_: int, *, now: int) -> None:
        """The draft's cards say how it ended; nobody edits them any more."""
        await self._db.write("UPDATE draft SET reported_at = :now WHERE id = :id", now=now, id=id_)

    async def viewed(self, id_: int, by: int) -> bool:
        """Somebody other than its sender has looked at what went out without a second person; False when it is done."""
        rows = await self._db.write(
            "UPDATE draft SET viewed_by = :by WHERE id = :id AND solo = 1 AND viewed_by IS NULL AND sent_by <> :by"
            " RETURNING id",
            id=id_,
            by=by,
        )
        return bool(rows)

    async def prune(self, before: int) -> None:
        """Forget what was given up, and what nobody has touched since; what was sent is kept."""
        old = "SELECT id FROM draft WHERE touched_at < :before AND state NOT IN ('sent', 'review', 'approved')"
        async with self._db.transaction() as db:
            await db.write(f"DELETE FROM embargo WHERE draft_id IN ({old})", before=before)
            await db.write(f"DELETE FROM draft WHERE id IN ({old})", before=before)
            await db.write("DELETE FROM awaited WHERE until < :before", before=before)

    async def expect(self, user_id: int, chat_id: int, awaited: Awaited | None, *, until: int) -> None:
        """The editor's next message there, until then, is the answer to that; None: it is none to anything."""
        await self._db.write(
            "INSERT INTO awaited (user_id, chat_id, what, subject, until)"
            " VALUES (:user, :chat, :what, :subject, :until)"
            " ON CONFLICT (user_id, chat_id) DO UPDATE SET what = excluded.what, subject = excluded.subject,"
            " until = excluded.until",
            user=user_id,
            chat=chat_id,
            what=awaited.what if awaited else "",
            subject=awaited.subject if awaited else 0,
            until=until,
        )

    async def awaited(self, user_id: int, chat_id: int, *, now: int) -> Awaited | None:
        """What the editor's next message there is the answer to."""
        rows = await self._db.fetch(
            "SELECT what, subject FROM awaited"
            " WHERE user_id = :user AND chat_id = :chat AND until > :now AND what <> ''",
            user=user_id,
            chat=chat_id,
            now=now,
        )
        return Awaited(rows[0][0], rows[0][1]) if rows else None

    async def _one(self, where: str, **params: object) -> Draft | None:
        return next(iter(await self._some(where, **params)), None)

    async def _some(self, where: str, **params: object) -> list[Draft]:
        return [_draft(row) for row in await self._db.fetch(f"SELECT draft.* FROM draft {where}", **params)]


async def _forget(db: Connection, id_: int) -> None:
    await db.write("DELETE FROM approval WHERE draft_id = :id", id=id_)
    await db.write("DELETE FROM embargo WHERE draft_id = :id", id=id_)


async def _approved_by(db: Connection, id_: int) -> list[int]:
    rows = await db.fetch(
        "SELECT approval.user_id FROM approval JOIN editor ON editor.user_id = approval.user_id"
        " WHERE draft_id = :id ORDER BY at, approval.user_id",
        id=id_,
    )
    return [row[0] for row in rows]


def rich_text(value: dict[str, Any]) -> RichText:
    """A RichText from its stored form."""
    return RichText(value.get("text", ""), tuple(value.get("entities", ())))


def _json(content: Content) -> str:
    kept = {name: value for name, value in asdict(content).items() if value}
    return json.dumps(kept, ensure_ascii=False)


def _content(row: Row) -> Content:
    kept: dict[str, Any] = json.loads(row["content"])
    if "text" in kept:  # as it was kept by the first version: breaking news, in the newsroom's first language
        file = ((kept["media_kind"], kept["media"]),) if kept.get("media") else ()
        return Content(Way.BREAKING, row["language"], {row["language"]: rich_text(kept["text"])}, file)
    texts = {language: rich_text(text) for language, text in kept.pop("texts", {}).items()}
    media = tuple((kind, file_id) for kind, file_id in kept.pop("media", ()))
    return Content(way=Way(kept.pop("way", "")), texts=texts, media=media, **kept)


def _draft(row: Row) -> Draft:
    return Draft(
        id=row["id"],
        author_id=row["author_id"],
        chat_id=row["chat_id"],
        state=DraftState(row["state"]),
        content=_content(row),
        created_at=row["created_at"],
        thread_id=row["thread_id"],
        card_id=row["card_id"],
        rev=row["rev"],
        touched_at=row["touched_at"],
        due_at=row["due_at"],
        embargo_at=row["embargo_at"],
        review_until=row["review_until"],
        broadcast_id=row["broadcast_id"],
        sent_by=row["sent_by"],
        solo=bool(row["solo"]),
        viewed_by=row["viewed_by"],
    )
