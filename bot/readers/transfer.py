"""Readers out of a file and into one: whoever subscribed to a bot survives with its token, whatever program it runs.

    file ─lines→ Subscriber | Mistake ─bring→ reader rows              reader rows ─every→ lines ─→ file

CSV or JSON lines `chat_id[,language,sections,since,blocked]`; `breaking` and `thread_id` may be there, too, and `feeds`
instead of sections: the addresses that somebody followed in a bot that knows feeds only. The database of
RSS-to-Telegram-Bot is read as it is. A line that cannot be read is named with its number and costs no other one its
place; who is known already stays as he is.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import reduce
from itertools import islice
from operator import or_
from pathlib import Path
from typing import Any, NamedTuple

from bot.domain.article import Section
from bot.domain.errors import NewsdeskError
from bot.domain.reader import Choices, Subscriber
from bot.feeds.sections import section_mask
from bot.i18n import negotiate
from storage import Storage

COLUMNS = ("chat_id", "language", "sections", "since", "blocked", "breaking", "thread_id")
_NONE = "-"
"""What stands for «no section»: an empty field means that the file does not say, and then it is all of them."""
_YES, _NO = ("1", "true", "yes", "да", "иә"), ("", "0", "false", "no", "нет", "жоқ")
_FIRST = 1_376_438_400  # 14 August 2013: before it there was no Telegram to subscribe in
_CHUNK = 1_000


_FOLLOWERS = (
    "SELECT user.id, user.lang, user.created_at, group_concat(feed.link, ' ') FROM user"
    " JOIN sub ON sub.user_id = user.id AND sub.state = 1 JOIN feed ON feed.id = sub.feed_id"
    " WHERE user.state NOT IN (-1, 50) GROUP BY user.id ORDER BY user.id"
)
"""Everybody who is not banned; channels (50) are no readers, they are the newsroom's own or nobody's."""


def bare(url: str) -> str:
    """A feed's address without what two bots may write differently.

    >>> bare("HTTPS://Dala.example/rss/")
    'dala.example/rss'
    """
    return re.sub(r"^\w+://(www\.)?", "", url.strip().lower()).rstrip("/")


class Mistake(NamedTuple):
    """A line that was left out, by its number in the file, and why."""

    number: int
    problem: str


@dataclass(slots=True)
class Brought:
    """What became of a file: readers who are `new`, who were `known` already, the `blocked` among the new ones."""

    new: int
    known: int
    blocked: int
    mistakes: list[Mistake]


@dataclass(frozen=True, slots=True)
class Reading:
    """What lines are read against. `feeds`: by `bare` address the section that a feed is, "" for one of several."""

    sections: Sequence[Section]
    languages: Sequence[str]
    zone: tzinfo
    choices: Choices
    now: int
    feeds: Mapping[str, str] = field(default_factory=dict)

    def followers(self, database: Path) -> Iterator[Subscriber | Mistake]:
        """The same from the SQLite database of RSS-to-Telegram-Bot. Whoever is banned there is left out."""
        try:
            with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as db:
                for number, row in enumerate(db.execute(_FOLLOWERS), 1):
                    try:
                        yield self._subscriber(dict(zip(("chat_id", "language", "since", "feeds"), row, strict=True)))
                    except ValueError as error:
                        yield Mistake(number, _reason(error))
        except sqlite3.Error as error:
            raise NewsdeskError(f"{database} is no database of RSS-to-Telegram-Bot: {error}.") from None

    def subscribers(self, lines: Iterable[bytes]) -> Iterator[Subscriber | Mistake]:
        """One for each line that says something. The first line of a CSV file may name the columns, in any order;
        those that nobody knows are passed over.
        """
        names: Sequence[str] = ()
        for number, raw in enumerate(lines, 1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if not line:
                    continue
                if line.startswith("{"):
                    yield self._subscriber(json.loads(line))
                    continue
                cells = _cells(line)
                if not names:
                    names = _columns(cells)
                    if names is not COLUMNS:
                        continue
                yield self._subscriber(dict(zip(names, cells, strict=False)))
            except (ValueError, RecursionError, csv.Error) as error:
                yield Mistake(number, _reason(error))

    def _subscriber(self, said: dict[str, Any]) -> Subscriber:
        chat_id, thread_id = _whole(said.get("chat_id"), "chat_id"), _whole(said.get("thread_id") or 0, "thread_id")
        if not chat_id or abs(chat_id) >= 2**52 or not 0 <= thread_id < 2**31:
            raise ValueError("chat_id is not the number of a chat")
        return Subscriber(
            chat_id=chat_id,
            thread_id=thread_id,
            language=negotiate(str(said.get("language") or ""), self.languages),
            sections=self._followed(said["feeds"]) if said.get("feeds") else self._mask(said.get("sections")),
            since=self._moment(said.get("since")),
            blocked=_flag(said.get("blocked"), "blocked"),
            breaking=_flag(said["breaking"], "breaking")
            if said.get("breaking") not in (None, "")
            else self.choices.breaking,
        )

    def _mask(self, said: object) -> int:
        """The sections, written as ids, names or words of `match`; all of them where the file does not say."""
        names = said if isinstance(said, list) else str(said or "").replace("|", ";").split(";")
        names = [str(name).strip() for name in names if str(name).strip()]
        if names == [_NONE]:
            return 0
        mask = 0 if names else sum(section.mask for section in self.sections)
        for name in names:
            found = section_mask([name], self.sections) or section_mask(name.split(), self.sections)
            if not found:
                raise ValueError(f"there is no section {name!r}")
            mask |= found
        return mask

    def _followed(self, said: object) -> int:
        """The sections of feeds that somebody followed; of a feed with several sections, all."""
        links = said if isinstance(said, list) else re.split(r"[\s;|]+", str(said))
        known = [self.feeds[link] for link in map(bare, map(str, links)) if link in self.feeds]
        if not known:
            raise ValueError("none of these feeds is watched here")
        masks = {section.id: section.mask for section in self.sections}
        everything = sum(masks.values())
        return reduce(or_, (masks.get(section, everything) for section in known))

    def _moment(self, said: object) -> int:
        """Epoch seconds or thousandths of them, or a date with or without time (in the newsroom's zone)."""
        text = str(said or "").strip()
        if not text:
            return self.now
        try:
            if re.fullmatch(r"\d{1,16}(\.\d+)?", text):
                at = float(text) / (1000 if float(text) > 1e11 else 1)
            else:
                when = datetime.fromisoformat(text)
                at = (when if when.tzinfo else when.replace(tzinfo=self.zone)).timestamp()
        except (ValueError, OverflowError):
            at = 0
        if not _FIRST <= at <= self.now + 86_400:
            raise ValueError(f"since is no time at which somebody can have subscribed: {text[:40]!r}")
        return int(at)


def _cells(line: str) -> list[str]:
    """The fields of a CSV line, whichever of comma, semicolon and tab is between the first two."""
    mark = next((char for char in line if char in ",;\t"), ",")
    return [cell.strip() for cell in next(csv.reader([line], delimiter=mark, strict=True))]


def _columns(cells: Sequence[str]) -> Sequence[str]:
    """What the columns are, from the first line: their names, or (it holds a chat already, if a damaged one) the usual
    ones. Raises `NewsdeskError` when no name is that of the chats."""
    if any(char.isdigit() for char in cells[0]):
        return COLUMNS
    names = [cell.lower() for cell in cells]
    if "chat_id" not in names:
        raise NewsdeskError(
            f"The file's first line names the columns {', '.join(names)[:200]}, and none of them is chat_id."
            " Rename the one that holds the numbers of the chats."
        )
    return names


def _whole(said: object, name: str) -> int:
    if isinstance(said, bool) or not re.fullmatch(r"-?\d{1,16}", str(said).strip(), re.ASCII):
        raise ValueError(f"{name} is not a whole number: {str(said)[:40]!r}")
    return int(str(said))


def _flag(said: object, name: str) -> bool:
    word = str("" if said is None else said).strip().lower()
    if word not in _YES + _NO:
        raise ValueError(f"{name} is neither yes nor no: {word[:40]!r}")
    return word in _YES


def _reason(error: Exception) -> str:
    match error:
        case UnicodeDecodeError():
            return "not UTF-8"
        case json.JSONDecodeError():
            return f"not JSON: {error.msg}"
        case _:
            return str(error) or type(error).__name__


async def bring(storage: Storage, path: Path, reading: Reading, *, dry: bool) -> Brought:
    """Import the file; `dry` only says what would come of it. Whoever is known already stays as he is."""
    found = Brought(0, 0, 0, [])
    seen: set[tuple[int, int]] = set()
    with _opened(path) as file:
        lines = reading.followers(path) if file.peek(16).startswith(b"SQLite format 3") else reading.subscribers(file)
        while chunk := list(islice(lines, _CHUNK)):
            found.mistakes += [one for one in chunk if isinstance(one, Mistake)]
            people = [one for one in chunk if isinstance(one, Subscriber)]
            known = await storage.readers.among([one.chat_id for one in people]) | seen
            new = {one.place: one for one in reversed(people) if one.place not in known}  # of two lines the first
            seen |= new.keys()
            found.known += len(people) - len(new)
            found.new += len(new)
            found.blocked += sum(one.blocked for one in new.values())
            if not dry:
                await storage.readers.bring(list(reversed(new.values())), reading.choices, now=reading.now)
    return found


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise NewsdeskError(f"{path} cannot be read: {error.strerror}.") from None


async def take_out(storage: Storage, path: Path, sections: Sequence[Section]) -> int:
    """Export everybody who gets news or would, had he not blocked the bot, into a new file; their number.

    A name that ends in .jsonl gives JSON lines. Raises `NewsdeskError` when the file exists.
    """
    number, after = 0, 0
    with _new(path) as file:
        write = _writer(file, path.suffix.lower() in (".jsonl", ".ndjson"))
        while chunk := await storage.readers.every(after=after, limit=_CHUNK):
            for _, one in chunk:
                write(_written(one, sections))
            number, after = number + len(chunk), chunk[-1][0]
    return number


def _new(path: Path) -> Any:
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise NewsdeskError(f"{path} exists already. Name a new file.") from None
    except OSError as error:
        raise NewsdeskError(f"{path} cannot be written: {error.strerror}.") from None
    return open(made, "w", encoding="utf-8", newline="")


def _written(one: Subscriber, sections: Sequence[Section]) -> dict[str, object]:
    names = ";".join(section.id for section in sections if section.mask & one.sections)
    since = datetime.fromtimestamp(one.since, UTC).isoformat()
    values = (one.chat_id, one.language, names or _NONE, since, int(one.blocked), int(one.breaking), one.thread_id)
    return dict(zip(COLUMNS, values, strict=True))


def _writer(file: Any, as_json: bool) -> Any:
    if as_json:
        return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")
    table = csv.DictWriter(file, COLUMNS)
    table.writeheader()
    return table.writerow
