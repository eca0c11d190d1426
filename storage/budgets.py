"""The token's budget where several processes share it: a row from which each reserves its next places."""

from __future__ import annotations

from typing import NamedTuple

from storage.engine import Engine

_LOWEST, _SLOWER, _FASTER, _CREEP_SECONDS = 0.25, 0.95, 1.01, 10
_URGENT_SECONDS = 0.5


class Grant(NamedTuple):
    """So many places from `start` on, `rate` a second; or none, and in `wait` seconds it may be asked again.

    `start` is in the caller's time, `at` the database's own at that moment.
    """

    start: float
    rate: float
    wait: float
    at: float


class Budgets:
    """The budget table. Times are epoch seconds with their fractions."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def reserve(
        self,
        name: str,
        worker: str,
        places: int,
        *,
        allowed: float,
        now: float,
        urgent: bool = False,
        reply: bool = False,
    ) -> Grant:
        """The next places at `allowed` messages a second, or less after a 429: it creeps back since then.

        While somebody has something urgent to send, the places are his; a reply is before all that and knows no hold.
        """
        for _ in range(2):
            rows = await self._db.write(
                "UPDATE budget SET next_at = CASE WHEN next_at > :now THEN next_at ELSE :now END"
                " + :places / (:allowed * share),"
                f" share = CASE WHEN :now - slowed_at < {_CREEP_SECONDS} THEN share"
                f" WHEN share * {_FASTER} < 1 THEN share * {_FASTER} ELSE 1 END,"
                f" slowed_at = CASE WHEN :now - slowed_at < {_CREEP_SECONDS} THEN slowed_at ELSE :now END,"
                " urgent_by = CASE WHEN :urgent = 1 THEN :worker ELSE urgent_by END,"
                f" urgent_until = CASE WHEN :urgent = 1 THEN :now + {_URGENT_SECONDS} ELSE urgent_until END"
                " WHERE name = :name AND (:reply = 1 OR held_until <= :now"
                " AND (:urgent = 1 OR urgent_by = :worker OR urgent_until <= :now))"
                f" RETURNING next_at, share, {self._db.dialect.now}",
                name=name,
                worker=worker,
                places=float(places),
                allowed=allowed,
                now=now,
                urgent=int(urgent),
                reply=int(reply),
            )
            if rows:
                rate = allowed * rows[0][1]
                return Grant(rows[0][0] - places / rate, rate, 0.0, rows[0][2])
            rows = await self._db.fetch(
                f"SELECT held_until, urgent_until, {self._db.dialect.now} FROM budget WHERE name = :name", name=name
            )
            if rows:
                held, taken, at = rows[0]
                return Grant(0.0, 0.0, max(held - now, min(taken - now, _URGENT_SECONDS / 5), 0.001), at)
            await self._db.write("INSERT INTO budget (name) VALUES (:name) ON CONFLICT (name) DO NOTHING", name=name)
        return Grant(0.0, 0.0, _URGENT_SECONDS, 0.0)

    async def hold(self, name: str, seconds: float, *, now: float, slower: bool) -> None:
        """After a 429: nobody reserves for so long; `slower` lowers the rate once per pause."""
        await self._db.write(
            "UPDATE budget SET share = CASE WHEN :slower = 0 OR held_until > :now THEN share"
            f" WHEN share * {_SLOWER} > {_LOWEST} THEN share * {_SLOWER} ELSE {_LOWEST} END,"
            " slowed_at = CASE WHEN :slower = 0 OR held_until > :now THEN slowed_at ELSE :now END,"
            " held_until = CASE WHEN held_until > :now + :seconds THEN held_until ELSE :now + :seconds END"
            " WHERE name = :name",
            name=name,
            seconds=seconds,
            now=now,
            slower=int(slower),
        )
