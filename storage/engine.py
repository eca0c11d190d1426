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
from itertools import chain, count
from operator import itemgetter
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

    async def tuples(self, sql: str, **params: object) -> Sequence[tuple[Any, ...]]:
        """The same as plain tuples: for thousands of rows a second."""
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


_INSERT = re.compile(
    r"(?s)(INSERT INTO \w+ \(([^()]*)\) VALUES )\(([^()]*)\)(?: ON CONFLICT \(([^()]*)\) DO UPDATE)?.*"
)
_MOST_VALUES = 999
_WIDE = (128, 32, 8)  # rows per INSERT: half the time of one by one on SQLite, three quarters on PostgreSQL, measured


@lru_cache(maxsize=256)
def widened(sql: str, times: int, mark: str) -> str | None:
    """An INSERT of one row of parameters turned into one of `times` rows; None when it is something else.

    >>> widened("INSERT INTO t (a, b) VALUES (:a, 1)", 2, "?")
    'INSERT INTO t (a, b) VALUES (?1, 1),(?2, 1)'
    """
    match = _INSERT.fullmatch(sql)
    if match is None or len(_PARAMETER.findall(sql)) != (one := len(set(_PARAMETER.findall(match[3])))):
        return None
    if one * times > _MOST_VALUES:
        return None
    numbers = count(1)
    rows = ",".join([f"({match[3]})"] * times)
    return match[1] + _PARAMETER.sub(lambda _: f"{mark}{next(numbers)}", rows) + sql[match.end(3) + 1 :]


@lru_cache(maxsize=256)
def _key(sql: str) -> tuple[int, ...]:
    """Where in a row of an INSERT stands what may be there already and is changed then; nowhere when nothing is."""
    match = _INSERT.fullmatch(sql)
    if match is None or match[4] is None:
        return ()
    values = dict(zip(match[2].split(", "), match[3].split(", "), strict=True))
    names = compiled(sql, "?")[1]
    return tuple(names.index(values[column][1:]) for column in match[4].split(", ") if values[column].startswith(":"))


def portions(
    sql: str, rows: Sequence[tuple[object, ...]], mark: str
) -> tuple[list[tuple[str, list[object]]], Sequence[tuple[object, ...]]]:
    """Rows of an INSERT by the hundred, as statements with their values, and the rows that are left for one by one: all
    of them where one statement would change a row twice, which PostgreSQL does not do."""
    wide, done = list[tuple[str, list[object]]](), 0
    for width in _WIDE:
        if len(rows) - done < width or not (statement := widened(sql, width, mark)):
            continue
        if not done and (key := _key(sql)) and len(set(map(itemgetter(*key), rows))) < len(rows):
            break
        upto = len(rows) - (len(rows) - done) % width
        wide += [
            (statement, list(chain.from_iterable(rows[first : first + width]))) for first in range(done, upto, width)
        ]
        done = upto
    return wide, rows[done:]


def bound(names: tuple[str, ...], params: Mapping[str, object]) -> tuple[object, ...]:
    """The values in the order of `names`; a missing or surplus parameter is a programming error."""
    if len(params) != len(names):
        raise TypeError(f"parameters {sorted(params)} given, {sorted(names)} needed")
    return tuple([params[name] for name in names])
