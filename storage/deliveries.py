"""Leases and receipts: who is served by whom, and what became of it.

Nothing is written per reader before a send. A block of readers is leased, read, sent to, and its receipts are
written as results come; when a sender dies, the lease runs out and the readers without a receipt come again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.domain.delivery import BLOCK_BITS, Broadcast, Receipt, Recipient, Result
from storage.engine import Connection, Engine
from storage.readers import FITS, MOVE, rule

_RECIPIENT = "id, chat_id, thread_id, language, sections"


class Deliveries:
    """The lease, receipt and hold tables."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def claim(self, broadcast: Broadcast, worker: str, epoch: int, *, now: int, until: int) -> int | None:
        """Lease the next block: one whose lease ran out, else the next of the circle. None when all are taken."""
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE lease SET worker = :worker, epoch = :epoch, until = :until WHERE broadcast_id = :id AND block ="
                " (SELECT MIN(block) FROM lease WHERE broadcast_id = :id AND until <= :now) RETURNING block",
                worker=worker,
                epoch=epoch,
                until=until,
                id=broadcast.id,
                now=now,
            )
            if rows:
                return int(rows[0][0])
            rows = await db.write(
                "UPDATE broadcast SET cursor = cursor + 1 WHERE id = :id AND state = 'running' AND cursor < :blocks"
                " RETURNING cursor - 1",
                id=broadcast.id,
                blocks=broadcast.blocks,
            )
            if not rows:
                return None
            block = (broadcast.start_block + int(rows[0][0])) % broadcast.blocks
            await db.write(
                "INSERT INTO lease (broadcast_id, block, worker, epoch, until)"
                " VALUES (:id, :block, :worker, :epoch, :until)",
                id=broadcast.id,
                block=block,
                worker=worker,
                epoch=epoch,
                until=until,
            )
            return block

    async def read(self, broadcast: Broadcast, block: int, after: int, limit: int) -> list[Recipient]:
        """The next readers of a block, above id `after`, whom the broadcast concerns and has not served."""
        rows = await self._db.fetch(
            f"SELECT {_RECIPIENT} FROM reader WHERE id > :after AND id <= :last AND {FITS} AND NOT EXISTS"
            " (SELECT 1 FROM receipt WHERE receipt.broadcast_id = :broadcast AND receipt.reader_id = reader.id)"
            " ORDER BY id LIMIT :limit",
            after=max(after, (block << BLOCK_BITS) - 1),
            last=min(broadcast.horizon, ((block + 1) << BLOCK_BITS) - 1),
            broadcast=broadcast.id,
            limit=limit,
            **rule(broadcast.audience),
        )
        return [Recipient(*row) for row in rows]

    async def due(self, *, now: int, again: int, limit: int) -> list[tuple[int, int, Recipient]]:
        """Waiting readers whose time has come: broadcast id, attempts so far, the reader as of now.

        They are put off until `again` first, so that nobody else takes them meanwhile. Readers who have left
        since then are settled as skipped, and so are those of a broadcast that has ended.
        """
        async with self._db.transaction() as db:
            rows = await db.write(
                "UPDATE receipt SET due_at = :again WHERE (broadcast_id, reader_id) IN (SELECT receipt.broadcast_id,"
                " reader_id FROM receipt JOIN broadcast ON broadcast.id = receipt.broadcast_id WHERE receipt.due_at"
                " <= :now AND broadcast.state <> 'paused' ORDER BY receipt.due_at, receipt.broadcast_id LIMIT :limit)"
                " RETURNING broadcast_id, reader_id, attempts",
                again=again,
                now=now,
                limit=limit,
            )
            if not rows:
                return []
            readers = await db.fetch(
                f"SELECT {_RECIPIENT} FROM reader WHERE state = 'active' AND id IN ({db.dialect.numbers_of('ids')})",
                ids=json.dumps([row[1] for row in rows]),
            )
            running = {row[0] for row in await db.fetch("SELECT id FROM broadcast WHERE state = 'running'")}
            by_id = {row[0]: Recipient(*row) for row in readers}
            lost = [row for row in rows if row[1] not in by_id or row[0] not in running]
            await db.many(
                f"UPDATE receipt SET outcome = {int(Result.SKIPPED)}, due_at = NULL"
                " WHERE broadcast_id = :broadcast AND reader_id = :reader",
                [(row[0], row[1]) for row in lost],
            )
        found = [(row[0], row[2], by_id[row[1]]) for row in rows if row[1] in by_id and row[0] in running]
        return sorted(found, key=lambda item: item[0])

    async def settle(
        self, receipts: Sequence[Receipt], finished: Sequence[tuple[int, int]], *, worker: str, until: int, now: int
    ) -> None:
        """Write results, give back finished blocks (broadcast, block) and prolong the worker's other leases."""
        async with self._db.transaction() as db:
            await db.many(
                "INSERT INTO receipt (broadcast_id, reader_id, outcome, message_id, version, carried, attempts,"
                " due_at, took_ms, reason) VALUES (:broadcast, :reader, :outcome, :message, :version, :carried, 1,"
                " :due, :took, :reason) ON CONFLICT (broadcast_id, reader_id) DO UPDATE SET outcome = excluded.outcome,"
                " message_id = excluded.message_id, version = excluded.version, carried = excluded.carried,"
                " attempts = receipt.attempts + 1, due_at = excluded.due_at, took_ms = excluded.took_ms,"
                " reason = excluded.reason",
                [_row(receipt) for receipt in receipts],
            )
            await _follow(db, receipts, now)
            await db.many(
                "DELETE FROM lease WHERE broadcast_id = :broadcast AND block = :block AND worker = :worker",
                [(*lease, worker) for lease in finished],
            )
            await db.write("UPDATE lease SET until = :until WHERE worker = :worker", until=until, worker=worker)

    async def release(self, worker: str, broadcast_id: int = 0) -> None:
        """Give leases of a worker back at once: of one broadcast, or (0) of all: a graceful stop."""
        await self._db.write(
            "UPDATE lease SET until = 0 WHERE worker = :worker AND (:id = 0 OR broadcast_id = :id)",
            worker=worker,
            id=broadcast_id,
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
        """Forget receipts of broadcasts that ended before that moment, and copies shown before it."""
        await self._db.write(
            "DELETE FROM receipt WHERE broadcast_id IN (SELECT id FROM broadcast WHERE finished_at < :before)",
            before=before,
        )
        await self._db.write("DELETE FROM copy WHERE shown_at < :before", before=before)


def _row(receipt: Receipt) -> tuple[object, ...]:
    return (
        receipt.broadcast_id,
        receipt.reader_id,
        int(receipt.result),
        receipt.message_id,
        receipt.version,
        json.dumps(receipt.carried) if receipt.carried else None,
        receipt.due_at,
        receipt.took_ms,
        receipt.reason,
    )


async def _follow(db: Connection, receipts: Sequence[Receipt], now: int) -> None:
    """What answers say about the readers themselves."""
    for receipt in receipts:
        if receipt.gone:
            await db.write(
                "UPDATE reader SET state = 'dormant', changed_at = :now WHERE state = 'active' AND chat_id ="
                " (SELECT chat_id FROM reader WHERE id = :id)",
                now=now,
                id=receipt.reader_id,
            )
        if receipt.moved_to is not None:
            rows = await db.fetch("SELECT chat_id FROM reader WHERE id = :id", id=receipt.reader_id)
            if rows:
                await db.write(MOVE, old=rows[0][0], new=receipt.moved_to)
