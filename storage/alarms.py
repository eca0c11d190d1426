"""What the desk should be told, however often it happens: at most once a day for one cause."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.domain.desk import Alarm
from storage.engine import Engine

DAY, WEEK = 86_400, 7 * 86_400


class Alarms:
    """The alarm table."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    async def raise_(self, alarms: Sequence[Alarm], *, now: int) -> None:
        """It is so, once more; whether that is worth telling, `take` decides."""
        await self._db.batch([raised(alarms, now)])

    async def take(self, *, now: int) -> list[Alarm]:
        """What is to be told now; nobody is given it again: not within a day, nor within a week if nothing changed.

        What nobody took within a day is no news any more.
        """
        rows = await self._db.write(
            "UPDATE alarm SET told_at = :now, told = detail WHERE at > told_at AND at > :stale AND muted_until <= :now"
            " AND told_at <= CASE WHEN told = detail THEN CAST(:week AS BIGINT) ELSE CAST(:day AS BIGINT) END"
            " RETURNING subject, cause, detail",
            now=now,
            stale=now - DAY,
            day=now - DAY,
            week=now - WEEK,
        )
        return sorted((Alarm(row[0], row[1], json.loads(row[2])) for row in rows), key=lambda one: one.subject)

    async def give_back(self, alarm: Alarm) -> None:
        """It could not be told: the next look takes it again."""
        await self._db.write(
            "UPDATE alarm SET told_at = 0, told = '' WHERE subject = :subject AND cause = :cause",
            subject=alarm.subject,
            cause=alarm.cause,
        )

    async def mute(self, subject: str, *, until: int) -> None:
        """Nothing about it until then."""
        await self._db.write(
            "UPDATE alarm SET muted_until = :until WHERE subject = :subject", subject=subject, until=until
        )


def raised(alarms: Sequence[Alarm], now: int) -> tuple[str, list[tuple[object, ...]]]:
    """The statement and its rows that write alarms down, inside a transaction."""
    return (
        "INSERT INTO alarm (subject, cause, detail, at) VALUES (:subject, :cause, :detail, :now)"
        " ON CONFLICT (subject, cause) DO UPDATE SET detail = excluded.detail, at = excluded.at",
        [(one.subject, one.cause, json.dumps(one.detail, ensure_ascii=False, sort_keys=True), now) for one in alarms],
    )
