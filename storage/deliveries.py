"""Leases and receipts: who is served by whom, and what became of it.

Nothing is written per reader before a send. A block of readers is leased, read, sent to, and its receipts are
written as results come; when a sender dies, the lease runs out and the readers without a receipt come again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from bot.domain.delivery import ACTIVE_DAYS, BLOCK_BITS, Broadcast, Delivered, Kind, Receipt, Recipient, Result
from storage.corrections import RECIPIENT
from storage.engine import Engine
from storage.readers import fits

_recipient = partial(tuple.__new__, Recipient)  # half the time of `Recipient._make`
_PORTION = 1000  # rows that a tidying takes at once: a few ms


class Claim(NamedTuple):
    """A leased block (see `Broadcast.turns`); `fresh` when nobody in it can have a receipt yet."""

    block: int
    fresh: bool


class Deliveries:
    """The lease, receipt and hold tables."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def claim(self, broadcast: Broadcast, worker: str, epoch: int, *, now: int, until: int) -> Claim | None:
        """Lease the next block: one whose lease ran out, else the next of the circle. None when all are taken.

        The second time round begins when all of the first is settled: nobody is read twice while a send is under way.
        """
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE lease SET worker = :worker, epoch = :epoch, until = :until WHERE broadcast_id = :id AND block ="
                " (SELECT MIN(block) FROM lease WHERE broadcast_id = :id AND until <= :now) AND until <= :now"
                " AND EXISTS (SELECT 1 FROM broadcast WHERE id = :id AND state = 'running') RETURNING block",
                worker=worker,
                epoch=epoch,
                until=until,
                id=broadcast.id,
                now=now,
            )
            if rows:
                return Claim(int(rows[0][0]), fresh=False)
            rows = await db.write(
                "UPDATE broadcast SET cursor = cursor + 1 WHERE id = :id AND state = 'running' AND cursor < :turns"
                " RETURNING cursor - 1",
                id=broadcast.id,
                turns=broadcast.turns,
            )
            if not rows:
                return None
            again, place = divmod(int(rows[0][0]), broadcast.blocks)
            if again and await db.fetch(
                "SELECT 1 FROM lease WHERE broadcast_id = :id AND block < :blocks LIMIT 1",
                id=broadcast.id,
                blocks=broadcast.blocks,
            ):
                await db.write("UPDATE broadcast SET cursor = cursor - 1 WHERE id = :id", id=broadcast.id)
                return None
            block = again * broadcast.blocks + (broadcast.start_block + place) % broadcast.blocks
            await db.write(
                "INSERT INTO lease (broadcast_id, block, worker, epoch, until)"
                " VALUES (:id, :block, :worker, :epoch, :until)",
                id=broadcast.id,
                block=block,
                worker=worker,
                epoch=epoch,
                until=until,
            )
            return Claim(block, fresh=not again)

    async def read(
        self, broadcast: Broadcast, block: int, after: int, limit: int, *, fresh: bool = False
    ) -> list[Recipient]:
        """The next readers of a block, above id `after`, whom the broadcast concerns and has not served.

        In a `fresh` block, claimed for the first time and read upwards, nobody can have a receipt yet.
        """
        condition, params = fits(broadcast.audience)
        twice = broadcast.turns > broadcast.blocks
        again, place = divmod(block, broadcast.blocks) if twice else (0, block)
        if twice and not again:
            condition += " AND active_day >= :active"
            params["active"] = broadcast.created_at // 86_400 - ACTIVE_DAYS
        if not fresh:
            condition += (
                " AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.broadcast_id = :broadcast"
                " AND receipt.reader_id = reader.id)"
            )
            params["broadcast"] = broadcast.id
        rows = await self._db.tuples(
            f"SELECT {RECIPIENT} FROM reader WHERE id > :after AND id <= :last AND {condition}"
            " ORDER BY id LIMIT :limit",
            after=max(after, (place << BLOCK_BITS) - 1),
            last=min(broadcast.horizon, ((place + 1) << BLOCK_BITS) - 1),
            limit=limit,
            **params,
        )
        return list(map(_recipient, rows))

    async def settled(self, broadcast: Broadcast, readers: Sequence[int]) -> dict[int, frozenset[int]]:
        """Of a late list: which of its posts these readers need no more, because an earlier send is settled there."""
        rows = await self._db.tuples(
            "SELECT DISTINCT receipt.reader_id, mine.post_id FROM broadcast_post AS mine"
            " JOIN broadcast_post AS theirs ON theirs.post_id = mine.post_id AND theirs.broadcast_id <"
            " mine.broadcast_id JOIN broadcast AS earlier ON earlier.id = theirs.broadcast_id AND earlier.kind = 'send'"
            " JOIN receipt ON receipt.broadcast_id = earlier.id WHERE mine.broadcast_id = :id AND receipt.reader_id IN"
            f" ({self._db.dialect.numbers_of('readers')}) AND receipt.due_at IS NULL"
            f" AND receipt.outcome <> {int(Result.SKIPPED)}",
            id=broadcast.id,
            readers=json.dumps(list(readers)),
        )
        found: dict[int, set[int]] = {}
        for reader_id, post_id in rows:
            found.setdefault(reader_id, set()).add(post_id)
        return {reader_id: frozenset(posts) for reader_id, posts in found.items()}

    async def due(self, *, now: int, again: int, limit: int) -> list[tuple[int, int, Recipient]]:
        """Waiting readers whose time has come: broadcast id, attempts so far, the reader as of now.

        They are put off until `again` first, so that nobody else takes them meanwhile. Readers who have left
        since then are settled as skipped (but corrections go to them too), and so are those of a broadcast that has
        ended.
        """
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE receipt SET due_at = :again WHERE (broadcast_id, reader_id) IN (SELECT receipt.broadcast_id,"
                " reader_id FROM receipt JOIN broadcast ON broadcast.id = receipt.broadcast_id WHERE receipt.due_at"
                " <= :now AND broadcast.state <> 'paused' ORDER BY receipt.due_at, receipt.broadcast_id LIMIT :limit)"
                " AND due_at <= :now RETURNING broadcast_id, reader_id, attempts",
                again=again,
                now=now,
                limit=limit,
            )
            if not rows:
                return []
            readers = await db.fetch(
                f"SELECT {RECIPIENT}, state FROM reader WHERE id IN ({db.dialect.numbers_of('ids')})",
                ids=json.dumps([row[1] for row in rows]),
            )
            running = {
                row[0]: row[1] for row in await db.fetch("SELECT id, kind FROM broadcast WHERE state = 'running'")
            }
            by_id = {row[0]: (Recipient(*row[:-1]), row[-1] == "active") for row in readers}
            found: list[tuple[int, int, Recipient]] = []
            lost: list[tuple[int, int]] = []
            for broadcast_id, reader_id, attempts in rows:
                kind = running.get(broadcast_id)
                reader, active = by_id.get(reader_id, (None, False))
                if kind is None or reader is None or (kind == Kind.SEND and not active):
                    lost.append((broadcast_id, reader_id))
                else:
                    found.append((broadcast_id, attempts, reader))
            await db.many(
                f"UPDATE receipt SET outcome = {int(Result.SKIPPED)}, due_at = NULL"
                " WHERE broadcast_id = :broadcast AND reader_id = :reader",
                lost,
            )
        return sorted(found, key=lambda item: item[0])

    async def owed(self) -> list[tuple[int, int, int, int]]:
        """Every waiting send of an open broadcast: lane, chat, broadcast, due time."""
        rows = await self._db.fetch(
            "SELECT broadcast.lane, reader.chat_id, broadcast.id, receipt.due_at FROM receipt"
            " JOIN broadcast ON broadcast.id = receipt.broadcast_id JOIN reader ON reader.id = receipt.reader_id"
            " WHERE receipt.due_at IS NOT NULL AND broadcast.state IN ('running', 'paused')"
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def settle(
        self,
        receipts: Sequence[Receipt],
        finished: Sequence[tuple[int, int]],
        *,
        worker: str,
        until: int,
        now: int,
        sent: Sequence[Delivered] = (),
        spent: Sequence[tuple[int, str, int]] = (),
    ) -> None:
        """Write results, give back finished blocks (broadcast, block) and prolong the worker's other leases.

        A reader who is settled stays so, whatever a slower worker says later, unless that one has sent after all.
        What a correction has changed is of its version from now on. `spent`: messages paid for since the last time, why
        that ended ("" when it did not), and of which broadcast.
        """
        amended = [receipt for receipt in receipts if receipt.amends is not None and receipt.result is Result.SENT]
        await self._db.batch(
            [
                (_SENT, sent),
                (_SPENT, spent),
                (_SETTLE, list(map(_row, receipts))),
                (_SLEEP, [(now, receipt.reader_id) for receipt in receipts if receipt.gone]),
                (_AMENDED, [(one.version, one.amends, one.reader_id) for one in amended if one.amends]),
                (_SHOWN_AMENDED, [(one.version, one.broadcast_id, one.reader_id) for one in amended if not one.amends]),
                (
                    "DELETE FROM lease WHERE broadcast_id = :broadcast AND block = :block AND worker = :worker",
                    [(*lease, worker) for lease in finished],
                ),
                ("UPDATE lease SET until = :until WHERE worker = :worker", [(until, worker)]),
            ]
        )

    async def release(self, worker: str, broadcast_id: int = 0) -> None:
        """Give leases of a worker back at once: of one broadcast, or (0) of all: a graceful stop.

        They are nobody's then: the worker's next receipts, which prolong its leases, must not keep them.
        """
        await self._db.write(
            "UPDATE lease SET until = 0, worker = '' WHERE worker = :worker AND (:id = 0 OR broadcast_id = :id)",
            worker=worker,
            id=broadcast_id,
        )

    async def take_over(self) -> None:
        """Expire all leases, of blocks and of uploads: whoever has just become the one sender knows that their
        holder is gone.
        """
        await self._db.batch(
            [
                ("UPDATE lease SET until = :until, worker = ''", [(0,)]),
                ("UPDATE media SET claimed_until = :until", [(0,)]),
            ]
        )

    async def hold(self, chat_id: int, until: int) -> None:
        """A 429: nothing to this chat before `until`; chat 0 stands for all bulk sending."""
        await self._db.write(
            "INSERT INTO hold (chat_id, until) VALUES (:chat, :until)"
            " ON CONFLICT (chat_id) DO UPDATE SET until = excluded.until WHERE hold.until < excluded.until",
            chat=chat_id,
            until=until,
        )

    async def holds(self, *, now: int) -> dict[int, int]:
        """Holds still in force; the others are forgotten."""
        await self._db.write("DELETE FROM hold WHERE until <= :now", now=now)
        return {row[0]: row[1] for row in await self._db.fetch("SELECT chat_id, until FROM hold")}

    async def prune(self, before: int) -> None:
        """Forget receipts of broadcasts that ended before that moment, and copies shown before it.

        In portions, each by itself: a million at once would keep every reader's tap waiting.
        """
        ended = await self._db.fetch("SELECT id FROM broadcast WHERE finished_at < :before", before=before)
        for row in ended:
            while await self._db.write(
                "DELETE FROM receipt WHERE broadcast_id = :id AND reader_id IN (SELECT reader_id FROM receipt"
                f" WHERE broadcast_id = :id ORDER BY reader_id LIMIT {_PORTION}) RETURNING 1",
                id=row[0],
            ):
                pass
        await self._db.write("DELETE FROM copy WHERE shown_at < :before", before=before)


_LOST = f"CASE WHEN receipt.due_at IS NOT NULL OR receipt.outcome = {int(Result.UNCERTAIN)} THEN receipt.reason END"
"""The reason that outlives a receipt: of what is to be tried again only a lost answer has one, and whoever is sent it
again may have it twice."""
_SETTLE = (
    "INSERT INTO receipt (broadcast_id, reader_id, outcome, message_id, version, carried, attempts, due_at, took_ms,"
    " reason) VALUES (:broadcast, :reader, :outcome, :message, :version, :carried, 1, :due, :took, :reason)"
    " ON CONFLICT (broadcast_id, reader_id) DO UPDATE SET outcome = excluded.outcome, message_id = excluded.message_id,"
    " version = excluded.version, carried = excluded.carried, attempts = receipt.attempts + 1,"
    f" due_at = excluded.due_at, took_ms = excluded.took_ms, reason = COALESCE(excluded.reason, {_LOST})"
    " WHERE receipt.due_at IS NOT NULL OR excluded.outcome = 1"
)
_SENT = (
    "INSERT INTO receipt (broadcast_id, reader_id, outcome, message_id, version, attempts, took_ms)"
    " VALUES (:broadcast, :reader, 1, :message, :version, 1, :took)"
    " ON CONFLICT (broadcast_id, reader_id) DO UPDATE SET outcome = 1, message_id = excluded.message_id,"
    " version = excluded.version, carried = NULL, attempts = receipt.attempts + 1, due_at = NULL,"
    f" took_ms = excluded.took_ms, reason = {_LOST}"
)
"""The same for `Delivered`. Half the values to bind."""

_SPENT = (
    "UPDATE broadcast SET paid = paid + :messages, unpaid = CASE WHEN unpaid = '' THEN :why ELSE unpaid END"
    " WHERE id = :broadcast"
)
_AMENDED = (
    "UPDATE receipt SET version = :version WHERE broadcast_id = :target AND reader_id = :reader AND version < :version"
)
_SHOWN_AMENDED = (
    "UPDATE copy SET version = :version WHERE post_id ="
    " (SELECT post_id FROM broadcast_post WHERE broadcast_id = :broadcast) AND reader_id = :reader"
    " AND version < :version"
)

_SLEEP = (
    "UPDATE reader SET state = 'dormant', changed_at = :now WHERE state = 'active'"
    " AND chat_id = (SELECT chat_id FROM reader WHERE id = :id)"
)


@lru_cache(maxsize=1024)
def _carried(posts: tuple[int, ...]) -> str | None:
    return json.dumps(posts) if posts else None


def _row(receipt: Receipt) -> tuple[object, ...]:
    return (
        receipt.broadcast_id,
        receipt.reader_id,
        int(receipt.result),
        receipt.message_id,
        receipt.version,
        _carried(receipt.carried),
        receipt.due_at,
        receipt.took_ms,
        receipt.reason,
    )
