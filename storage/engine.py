"""The narrow seam between SQL and the two databases.

One SQL text serves both: `:name` parameters, epoch integers, no arrays, no booleans. What the engines do
differently hides behind `Engine.dialect` and the `{{token}}`s of the migrations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, TypeVar

Row = Any  # sqlite3.Row or asyncpg.Record: both give row[0] and row["name"]

_T = TypeVar("_T")
Steps: TypeAlias = Generator[tuple[str, Mapping[str, object]], Sequence[Row], _T]
"""The statements of a transaction, each with its parameters by name; what comes back from a `yield` are its rows."""

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one engine writes differently. `values_of(name)`: a one-column query over a JSON array of strings;
    `numbers_of(name)`: the same over one of integers; `last_id(table)`: the id given last in this transaction;
    `size`: a query for the database's bytes; `now`: its own time, as an expression in epoch seconds."""

    name: str
    tokens: dict[str, str]
    values_of: Callable[[str], str]
    numbers_of: Callable[[str], str]
    last_id: Callable[[str], str]
    size: str
    now: str


class Connection(Protocol):
    """Statements, inside a transaction or each on its own. Parameters are given by name."""

    @property
    def dialect(self) -> Dialect:
        """The engine's own way of writing things."""
        ...

    async def fetch(self, sql: str, **params: object) -> Sequence[Row]:
        """All rows of a reading statement."""
        ...

    async def lines(self, sql: str, **params: object) -> Sequence[Sequence[Any]]:
        """The same without names, whole numbers, texts and NULL only: for thousands of rows a second."""
        ...

    async def write(self, sql: str, **params: object) -> Sequence[Row]:
        """Run a writing statement; rows come from RETURNING."""
        ...

    async def many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Run a writing statement once per row; a row's values stand in the order in which the names appear."""
        ...


class Engine(Connection, Protocol):
    """A database: a `Connection` whose statements commit by themselves, and transactions."""

    async def batch(self, work: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        """Several `many`s in one transaction; on SQLite in one hop to the database's thread."""
        ...

    async def carry_out(self, steps: Steps[_T]) -> _T:
        """These statements in one transaction, and what the steps return. On SQLite in one hop to the database's
        thread, where a `transaction` takes one for each and two more."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """All or nothing; rolled back on any exception, cancellation included. Errors are `StorageError`s."""
        ...

    async def shred(self) -> None:
        """Leave nothing of what was deleted in the files, as far as they are ours: PostgreSQL sees to its own."""
        ...

    async def close(self) -> None:
        """Release connections and locks."""
        ...


async def one_by_one(connection: Connection, steps: Steps[_T]) -> _T:
    """Carry out the steps of a transaction that has begun; what they return."""
    rows: Sequence[Row] | None = None
    while True:
        try:
            sql, params = steps.send(rows)  # type: ignore[arg-type]  # None begins it
        except StopIteration as done:
            result: _T = done.value
            return result
        rows = await connection.write(sql, **params)


@lru_cache(maxsize=1024)
def compiled(sql: str, mark: str) -> tuple[str, tuple[str, ...]]:
    """The SQL with `:name` turned into `mark` + number, and the names in the order of their numbers.

    >>> compiled("SELECT :a + :b + :a", "?")
    ('SELECT ?1 + ?2 + ?1', ('a', 'b'))
    """
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name not in names:
            names.append(name)
        return f"{mark}{names.index(name) + 1}"

    return _PARAMETER.sub(number, sql), tuple(names)


_VALUES = re.compile(r"(?s)(.* VALUES )(\([^()]*\))(.*)")


@lru_cache(maxsize=256)
def widened(sql: str, times: int) -> str | None:
    """An INSERT of one row of parameters turned into one of `times` rows; None when it is something else.

    >>> widened("INSERT INTO t (a, b) VALUES (:a, 1)", 2)
    'INSERT INTO t (a, b) VALUES (?, 1),(?, 1)'
    """
    match = _VALUES.fullmatch(sql)
    if match is None or _PARAMETER.search(match[1] + match[3]) or len(_PARAMETER.findall(match[2])) * times > 999:
        return None
    return match[1] + ",".join([_PARAMETER.sub("?", match[2])] * times) + match[3]


def bound(names: tuple[str, ...], params: Mapping[str, object]) -> tuple[object, ...]:
    """The values in the order of `names`; a missing or surplus parameter is a programming error."""
    if len(params) != len(names):
        raise TypeError(f"parameters {sorted(params)} given, {sorted(names)} needed")
    return tuple([params[name] for name in names])
