"""Leases and receipts: who is served by whom, and what became of it.

Nothing is written per reader before a send. A block of readers is leased, read, sent to, and its receipts are
written as results come; when a sender dies, the lease runs out and the readers without a receipt come again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import NamedTuple

from bot.domain.delivery import ACTIVE_DAYS, BLOCK_BITS, Broadcast, Delivered, Kind, Marks, Receipt, Result
from bot.domain.recipient import Recipient
from storage.engine import Dialect, Engine, Steps
from storage.readers import ASKED, fits
from storage.recipients import COLUMNS, recipient

_NO_MARKS = Marks()
_fits = lru_cache(maxsize=64)(partial(fits, within=":after,:last"))  # asked for each chunk of a broadcast
_PORTION = 1000  # rows that a tidying takes at once: a few ms


class Claim(NamedTuple):
    """A leased block (see `Broadcast.turns`); `fresh` when nobody in it can have a receipt yet."""

    block: int
    fresh: bool


class Deliveries:
    """The lease, receipt and hold tables."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def claim(
        self, broadcast: Broadcast, worker: str, epoch: int, *, now: int, until: int, lost: bool = False
    ) -> Claim | None:
        """Lease the next block: one whose lease ran out, else (unless `lost`) the next of the circle. None when all are
        taken. Times are milliseconds.

        A block's open broadcasts belong to one worker, and are served in their order: what is another's for now is left
        as a lease that ran out. The second time round begins when all of the first is settled: nobody is read twice
        while a send is under way.
        """
        taker = {"worker": worker, "now": now, "until": until, "id": broadcast.id, "lane": int(broadcast.lane)}
        return await self._db.carry_out(_claim(broadcast, epoch, taker, lost))

    async def owned(self, worker: str) -> set[int]:
        """The blocks that nobody has had since this worker."""
        rows = await self._db.fetch("SELECT block FROM block_owner WHERE worker = :worker", worker=worker)
        return {row[0] for row in rows}

    async def unsettled(self, *, now: int) -> bool:
        """Whether a worker may still have something under way of a broadcast that was stopped (milliseconds)."""
        rows = await self._db.fetch(
            "SELECT 1 FROM lease JOIN broadcast ON broadcast.id = lease.broadcast_id WHERE broadcast.state = 'stopped'"
            " AND lease.until > :now LIMIT 1",
            now=now,
        )
        return bool(rows)

    async def read(
        self, broadcast: Broadcast, block: int, after: int, limit: int, *, fresh: bool = False
    ) -> list[Recipient]:
        """The next readers of a block, above id `after`, whom the broadcast concerns and has not served.

        In a `fresh` block, claimed for the first time and read upwards, nobody can have a receipt yet. The second time
        round who was active before has been met, and who became so since may have one.
        """
        condition, params = _fits(broadcast.audience)
        twice = broadcast.turns > broadcast.blocks
        again, place = divmod(block, broadcast.blocks) if twice else (0, block)
        if twice and not again:
            condition = f"active_day >= :active AND {condition}"
        if not fresh or again:
            unless = "active_day < :active OR active_day >= :lately AND " if fresh else ""
            condition += (
                f" AND ({unless}NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.broadcast_id = :broadcast"
                " AND receipt.reader_id = reader.id))"
            )
            params = {**params, "broadcast": broadcast.id}
        if twice and (fresh or not again):
            params = {**params, "active": broadcast.created_at // 86_400 - ACTIVE_DAYS}
        if again and fresh:
            params = {**params, "lately": broadcast.created_at // 86_400 - 1}  # clocks are set back, too
        rows = await self._db.tuples(
            f"SELECT {COLUMNS} FROM reader WHERE id > :after AND id <= :last AND {condition} ORDER BY id LIMIT :limit",
            after=max(after, (place << BLOCK_BITS) - 1),
            last=min(broadcast.horizon, ((place + 1) << BLOCK_BITS) - 1),
            limit=limit,
            **params,
        )
        return list(map(recipient, rows))

    async def due(
        self, worker: str, *, now: int, again: int, until: int, limit: int
    ) -> list[tuple[int, int, Recipient]]:
        """Waiting readers whose time has come: broadcast id, attempts so far, the reader as of now. Their blocks are
        the worker's `until` then (milliseconds, the others are seconds); who is in another's is left to that one.

        They are put off until `again` first, so that nobody else takes them meanwhile. Readers who have left
        since then are settled as skipped (but corrections go to them too), and so are those of a broadcast that has
        ended.
        """
        async with self._db.transaction() as db:
            await db.write(
                "INSERT INTO block_owner (block, worker, until) SELECT DISTINCT n, CAST(:worker AS TEXT),"
                f" CAST(:until AS BIGINT) FROM (SELECT reader_id >> {BLOCK_BITS} AS n {_DUE} AND NOT EXISTS (SELECT 1"
                f" FROM block_owner WHERE block = reader_id >> {BLOCK_BITS} AND worker <> :worker AND until > :moment)"
                f" ORDER BY receipt.due_at LIMIT :limit) AS waiting WHERE true ORDER BY n {_TAKEN_OVER} :moment",
                worker=worker,
                now=now,
                moment=now * 1000,
                until=until,
                limit=limit,
            )
            rows = await db.write(
                "UPDATE receipt SET due_at = :again WHERE (broadcast_id, reader_id) IN (SELECT receipt.broadcast_id,"
                f" reader_id {_DUE} AND EXISTS (SELECT 1 FROM block_owner WHERE block = reader_id >> {BLOCK_BITS}"
                " AND worker = :worker) ORDER BY receipt.due_at, receipt.broadcast_id LIMIT :limit)"
                " AND due_at <= :now RETURNING broadcast_id, reader_id, attempts",
                again=again,
                worker=worker,
                now=now,
                limit=limit,
            )
            if not rows:
                return []
            readers = await db.fetch(
                f"SELECT {COLUMNS}, state FROM reader WHERE id IN ({db.dialect.numbers_of('ids')})",
                ids=json.dumps([row[1] for row in rows]),
            )
            running = {
                row[0]: row[1] for row in await db.fetch("SELECT id, kind FROM broadcast WHERE state = 'running'")
            }
            by_id = {row[0]: (recipient(row[:-1]), row[-1] == "active") for row in readers}
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

    async def owed(self, block: int) -> list[tuple[int, int, int, int]]:
        """Every waiting send of an open broadcast to a reader of that block: lane, chat, broadcast, due time."""
        rows = await self._db.fetch(
            "SELECT broadcast.lane, reader.chat_id, broadcast.id, receipt.due_at FROM receipt"
            " JOIN broadcast ON broadcast.id = receipt.broadcast_id JOIN reader ON reader.id = receipt.reader_id"
            " WHERE receipt.due_at IS NOT NULL AND broadcast.state IN ('running', 'paused')"
            " AND reader.id >= :first AND reader.id < :next",
            first=block << BLOCK_BITS,
            next=(block + 1) << BLOCK_BITS,
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
        leases: Sequence[tuple[int, int]] = (),
        blocks: Collection[int] = (),
        marks: Marks = _NO_MARKS,
    ) -> None:
        """Write results, give back finished leases (broadcast, block), and prolong those that the worker knows of and
        its `blocks` `until` then (milliseconds). What it does not know of, because an answer was lost, runs out.

        Rows are written in the order of their keys, so that two workers with a block, one of which has lost it, do not
        wait for each other. A reader who is settled stays so, whatever a slower worker says later, unless that one has
        sent after all. What a correction has changed is of its version from now on. Of who has erased everything
        meanwhile nothing is kept. `spent`: messages paid for since the last time, why that ended ("" when it did not),
        and of which broadcast.
        """
        amended = [receipt for receipt in receipts if receipt.amends is not None and receipt.result is Result.SENT]
        await self._db.batch(
            [
                (_SENT, sorted(sent)),
                (_SPENT, spent),
                (_counted(self._db.dialect), _once(marks.counted)),
                (_LISTED, marks.listed),
                (_REST, marks.rest),
                (_PUT_OFF, marks.put_off),
                (ASKED, marks.asked),
                (_SETTLE, sorted(map(_row, receipts), key=_KEY)),
                (_SLEEP, [(now, receipt.reader_id) for receipt in receipts if receipt.gone]),
                (_AMENDED, [(one.version, one.amends, one.reader_id) for one in amended if one.amends]),
                (_SHOWN_AMENDED, [(one.version, one.broadcast_id, one.reader_id) for one in amended if not one.amends]),
                (
                    "DELETE FROM lease WHERE broadcast_id = :broadcast AND block = :block AND worker = :worker",
                    [(*lease, worker) for lease in finished],
                ),
                (
                    "UPDATE lease SET until = :until WHERE broadcast_id = :broadcast AND block = :block"
                    " AND worker = :worker",
                    [(until, *lease, worker) for lease in leases],
                ),
                (
                    "UPDATE block_owner SET until = :until WHERE block = :block AND worker = :worker",
                    [(until, block, worker) for block in sorted(blocks)],
                ),
                (_forgotten(self._db.dialect), _served(receipts, sent, now)),
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
        if not broadcast_id:
            await self._db.write("UPDATE block_owner SET until = 0 WHERE worker = :worker", worker=worker)

    async def take_over(self) -> None:
        """Expire all leases, of blocks and of uploads: whoever has just become the one sender knows that their
        holder is gone.
        """
        await self._db.batch(
            [
                ("UPDATE lease SET until = :until, worker = ''", [(0,)]),
                ("UPDATE block_owner SET until = :until", [(0,)]),
                ("UPDATE media SET claimed_until = :until", [(0,)]),
            ]
        )

    async def hold(self, chat_id: int, until: int) -> None:
        """A 429: nothing to this chat before `until`; chat 0 stands for all bulk sending. A chat that has erased
        everything meanwhile is not written down."""
        await self._db.write(
            "INSERT INTO hold (chat_id, until) SELECT CAST(:chat AS BIGINT), CAST(:until AS BIGINT)"
            " WHERE :chat = 0 OR EXISTS (SELECT 1 FROM reader WHERE chat_id = :chat)"
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

        What a reader's next list still asks for is kept a week longer, and so is who has a story that went out again
        since. In portions, each by itself: a million at once would keep every reader's tap waiting.
        """
        known = await self._db.fetch("SELECT MIN(listed) FROM reader WHERE list_at IS NOT NULL AND state = 'active'")
        ended = await self._db.fetch(
            "SELECT id FROM broadcast WHERE finished_at < :before AND (finished_at < :before - 604800"
            " OR NOT EXISTS (SELECT 1 FROM broadcast_post AS mine JOIN broadcast_post AS other"
            " ON other.post_id = mine.post_id JOIN broadcast AS later ON later.id = other.broadcast_id"
            " WHERE mine.broadcast_id = broadcast.id AND later.serial > :known))",
            before=before,
            known=2**62 if known[0][0] is None else known[0][0],
        )
        for row in ended:
            while await self._db.write(
                "DELETE FROM receipt WHERE broadcast_id = :id AND reader_id IN (SELECT reader_id FROM receipt"
                f" WHERE broadcast_id = :id ORDER BY reader_id LIMIT {_PORTION}) RETURNING 1",
                id=row[0],
            ):
                pass
        await self._db.write("DELETE FROM copy WHERE shown_at < :before", before=before)


_TAKEN_OVER = (
    "ON CONFLICT (block) DO UPDATE SET worker = excluded.worker, until = excluded.until"
    " WHERE block_owner.worker = excluded.worker OR block_owner.until <= "
)


def _anothers(block: str) -> str:
    """The condition that a block is another worker's, or that one has to serve an earlier broadcast there first."""
    return (
        f"(EXISTS (SELECT 1 FROM block_owner AS owner WHERE owner.block = {block} AND owner.worker <> :worker"
        " AND owner.until > :now) OR EXISTS (SELECT 1 FROM lease AS earlier JOIN broadcast ON broadcast.id ="
        " earlier.broadcast_id WHERE broadcast.id < :id AND broadcast.lane = :lane AND broadcast.state = 'running'"
        f" AND earlier.worker <> :worker AND earlier.block % ((broadcast.horizon >> {BLOCK_BITS}) + 1) = {block}))"
    )


def _claim(broadcast: Broadcast, epoch: int, taker: Mapping[str, object], lost: bool) -> Steps[Claim | None]:
    if (block := (yield from _lost(broadcast, epoch, taker))) is not None:
        return Claim(block, fresh=False)
    while not lost and (turn := (yield from _next_turn(broadcast))) is not None:
        again, place = divmod(turn, broadcast.blocks)
        place = (broadcast.start_block + place) % broadcast.blocks
        mine = yield from _own(place, taker)
        yield (
            "INSERT INTO lease (broadcast_id, block, worker, epoch, until)"
            " VALUES (:id, :block, :worker, :epoch, :until)",
            {
                "id": broadcast.id,
                "block": again * broadcast.blocks + place,
                "worker": taker["worker"] if mine else "",
                "epoch": epoch,
                "until": taker["until"] if mine else 0,
            },
        )
        if mine:
            return Claim(again * broadcast.blocks + place, fresh=True)
    return None


def _own(block: int, taker: Mapping[str, object]) -> Steps[bool]:
    """Make the block this worker's; False while it is another's."""
    rows = yield (
        "INSERT INTO block_owner (block, worker, until) SELECT CAST(:block AS BIGINT), CAST(:worker AS TEXT),"
        f" CAST(:until AS BIGINT) WHERE NOT {_anothers('CAST(:block AS BIGINT)')} {_TAKEN_OVER} :now RETURNING block",
        {"block": block, **taker},
    )
    return bool(rows)


def _lost(broadcast: Broadcast, epoch: int, taker: Mapping[str, object]) -> Steps[int | None]:
    """A block whose lease ran out is this worker's now; None when there is none that may be."""
    rows = yield (
        "SELECT MIN(block) FROM lease AS mine WHERE broadcast_id = :id AND until <= :now"
        f" AND NOT {_anothers('mine.block % CAST(:blocks AS BIGINT)')}"
        " AND EXISTS (SELECT 1 FROM broadcast WHERE id = :id AND state = 'running')",
        {"blocks": broadcast.blocks, **{name: value for name, value in taker.items() if name != "until"}},
    )
    block = rows[0][0]
    if block is None or not (yield from _own(block % broadcast.blocks, taker)):
        return None
    rows = yield (
        "UPDATE lease SET worker = :worker, epoch = :epoch, until = :until"
        " WHERE broadcast_id = :id AND block = :block AND until <= :now RETURNING block",
        {"block": block, "epoch": epoch, **{name: value for name, value in taker.items() if name != "lane"}},
    )
    return int(block) if rows else None


def _next_turn(broadcast: Broadcast) -> Steps[int | None]:
    """How many turns were taken before this one; None when all are."""
    rows = yield (
        "UPDATE broadcast SET cursor = cursor + 1 WHERE id = :id AND state = 'running' AND cursor < :turns"
        " RETURNING cursor - 1",
        {"id": broadcast.id, "turns": broadcast.turns},
    )
    if not rows:
        return None
    turn = int(rows[0][0])
    if turn >= broadcast.blocks:
        unsettled = yield (
            "SELECT 1 FROM lease WHERE broadcast_id = :id AND block < :blocks LIMIT 1",
            {"id": broadcast.id, "blocks": broadcast.blocks},
        )
        if unsettled:
            yield "UPDATE broadcast SET cursor = cursor - 1 WHERE id = :id", {"id": broadcast.id}
            return None
    return turn


_DUE = (
    "FROM receipt JOIN broadcast ON broadcast.id = receipt.broadcast_id WHERE receipt.due_at <= :now"
    " AND broadcast.state <> 'paused'"
)
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


def _counted(dialect: Dialect) -> str:
    return (
        "INSERT INTO pace (reader_id, day, n) SELECT id, CAST(:day AS BIGINT), 1 FROM reader"
        f" WHERE id IN ({dialect.numbers_of('ids')}) ON CONFLICT (reader_id) DO UPDATE"
        " SET n = CASE WHEN pace.day = excluded.day THEN pace.n + 1 ELSE 1 END, day = excluded.day"
    )


def _once(counted: Sequence[tuple[int, int]]) -> list[tuple[int, str]]:
    """Days and readers, by the hundred: a third of what one by one costs. Who is there twice is in two of them."""
    rounds: list[dict[int, int]] = []
    for day, reader in counted:
        free = next((one for one in rounds if reader not in one), None)
        if free is None:
            rounds.append(free := {})
        free[reader] = day
    return [
        (day, json.dumps(sorted(reader for reader, on in one.items() if on == day)))
        for one in rounds
        for day in sorted(set(one.values()))
    ]


_KEY = itemgetter(0, 1)
_LONGEST = 86_400  # seconds from a message's leaving to its receipt, a database that was away included


def _forgotten(dialect: Dialect) -> str:
    """Take receipts back whose readers are no more; looked for only when somebody has erased everything lately."""
    return (
        "DELETE FROM receipt WHERE broadcast_id = (SELECT CAST(:broadcast AS BIGINT) FROM meta WHERE key = 'erased_at'"
        f" AND CAST(value AS BIGINT) >= :since) AND reader_id IN ({dialect.numbers_of('ids')})"
        " AND NOT EXISTS (SELECT 1 FROM reader WHERE reader.id = receipt.reader_id)"
    )


def _served(receipts: Sequence[Receipt], sent: Sequence[Delivered], now: int) -> list[tuple[int, int, str]]:
    """Whom results are about, by broadcast."""
    readers: dict[int, list[int]] = {}
    for receipt in receipts:
        readers.setdefault(receipt.broadcast_id, []).append(receipt.reader_id)
    for delivered in sent:
        readers.setdefault(delivered[0], []).append(delivered[1])
    return [(broadcast, now - _LONGEST, json.dumps(ids)) for broadcast, ids in readers.items()]


_LISTED = (
    "UPDATE reader SET listed = CASE WHEN listed < :upto THEN :upto ELSE listed END,"
    " list_at = CASE WHEN list_at > 0 AND list_at = :known THEN -list_at ELSE list_at END WHERE id = :id"
)
"""The next time is reckoned from the negative of this one. Where choices have changed since it was `known` it is 0, or
the time of the next list already, which must not be taken for this one."""
_REST = "UPDATE reader SET list_at = :until WHERE list_at < 0 AND list_at = -CAST(:known AS BIGINT) AND id = :id"
_PUT_OFF = (
    "UPDATE reader SET list_at = CASE WHEN list_at < :until THEN :until ELSE list_at END"
    " WHERE list_at > 0 AND list_at = :known AND id = :id"
)
_AMENDED = (
    "UPDATE receipt SET version = :version WHERE broadcast_id = :target AND reader_id = :reader AND version < :version"
)
_SHOWN_AMENDED = (
    "UPDATE copy SET version = :version WHERE post_id ="
    " (SELECT post_id FROM broadcast_post WHERE broadcast_id = :broadcast) AND reader_id = :reader"
    " AND version < :version"
)

_SLEEP = "UPDATE reader SET state = 'dormant', changed_at = :now WHERE state = 'active' AND id = :id"
"""The reader alone: a topic that is deleted says nothing of its chat's other topics."""


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
