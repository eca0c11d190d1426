"""Everything that can go wrong, drawn once.

NewsdeskError
├── ConfigError          the file or the environment is wrong: exit 2
├── AnotherCopyRuns      this database is in use by another copy: exit 75
├── StorageError         the database cannot do what was asked
│   ├── StorageBusy      locked or out of reach for now: try again
│   ├── StorageFull      no room on the disk: reading goes on
│   └── SchemaTooNew     written by a newer version: exit 2
├── FeedError            a feed could not be used this time
├── TelegramStopped      Telegram refused the token: exit 1
└── UserError            what a reader or editor asked cannot be done; told in their language
"""

from __future__ import annotations


class NewsdeskError(Exception):
    """Base of everything that this program raises on purpose. The message is one clear line."""


class ConfigError(NewsdeskError):
    """A setting is wrong. `place` names file and key (or the variable), `remedy` says what to do."""

    def __init__(self, place: str, problem: str, remedy: str = "") -> None:
        self.place = place
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{place}: {problem}" + (f" {remedy}" if remedy else ""))


class AnotherCopyRuns(NewsdeskError):
    """Another copy is running on this database."""


class StorageError(NewsdeskError):
    """The database refused or failed."""


class StorageBusy(StorageError):
    """The database is locked or out of reach for now; the same call may work later."""


class StorageFull(StorageError):
    """The disk is full: writes are refused, reads go on."""


class SchemaTooNew(StorageError):
    """The database was written by a newer version of this program."""


class FeedError(NewsdeskError):
    """A feed could not be used this time. `kind` is a stable word for health pages and alarms.

    Kinds: network, certificate, timeout, http, gone, too_big, not_feed, empty, wall, private, redirect, parse.
    `feed` is the address of the feed that a web page names, "" without one.
    """

    def __init__(self, kind: str, detail: str, *, status: int = 0, retry_after: float = 0.0, feed: str = "") -> None:
        self.kind = kind
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.feed = feed
        super().__init__(f"{kind}: {detail}")


class TelegramStopped(NewsdeskError):
    """Telegram does not accept the token any more; there is nothing to retry."""


class UserError(NewsdeskError):
    """Something that a person asked for cannot be done.

    `key` is a message of the catalogues and `values` its arguments; the edge translates it.
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(key)
