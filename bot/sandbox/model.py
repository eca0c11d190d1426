"""What the stand-in's world is made of: errors in Telegram's words, users, chats, messages, files, updates.

Messages are kept in the very shape in which the Bot API shows them (`Msg.json`). A value inside that dict is
replaced, never changed in place, so a shallow copy is a faithful snapshot.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Json = dict[str, Any]
Params = dict[str, Any]
Uploads = dict[str, tuple[str, bytes]]  # field -> (file name, bytes)

TABLES: Json = json.loads(Path(__file__).with_name("tables.json").read_text("utf-8"))
METHODS: tuple[str, ...] = tuple(TABLES["methods"])
_PREFIXES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
_PREFIXES |= {413: "Request Entity Too Large", 429: "Too Many Requests", 500: "Internal Server Error"}


class Clock(Protocol):
    """All that the stand-in asks of time; the machine itself asks only what time it is."""

    def now(self) -> float:
        """Epoch seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...


class ApiError(Exception):
    """A refusal as the Bot API words it: HTTP status = `code`, `parameters` only for 429 and migration."""

    def __init__(self, code: int, description: str, parameters: dict[str, int] | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code, self.description, self.parameters = code, description, parameters

    def to_json(self) -> Json:
        """The envelope that answers the call."""
        answer: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return {**answer, "parameters": self.parameters} if self.parameters else answer


REFUSALS = {name: ApiError(*row) for name, row in TABLES["refusals"].items()}  # each by its name, for faults


def lowered(text: str) -> str:
    """The first letter as the Bot API server lowers it, unless the text looks like a CODE_IN_CAPITALS."""
    return text if text[1:2] == "_" or "A" <= text[1:2] <= "Z" else text[:1].lower() + text[1:]


def refuse(text: str, code: int = 400, **parameters: int) -> ApiError:
    """The error for an inner text, with Telegram's prefix unless it has one."""
    prefix = _PREFIXES[code]
    return ApiError(code, text if text.startswith(prefix) else f"{prefix}: {lowered(text)}", parameters or None)


def require(condition: object, otherwise: str, code: int = 400) -> None:
    """Refuse the call with these words unless the condition holds."""
    if not condition:
        raise refuse(otherwise, code)


def flood(seconds: int) -> ApiError:
    """The 429 that tells a caller to wait that many seconds."""
    return refuse(f"retry after {seconds}", 429, retry_after=seconds)


@dataclass(slots=True)
class User:
    """A person or the bot. `json` is the User object that messages carry."""

    id: int
    name: str
    lang: str = "ru"
    username: str | None = None
    is_bot: bool = False
    deactivated: bool = False
    json: Json = field(init=False)

    def __post_init__(self) -> None:
        self.json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        self.json |= {"username": self.username} if self.username else {}
        self.json |= {} if self.is_bot else {"language_code": self.lang}


@dataclass(slots=True)
class Member:
    """Somebody's standing in a chat: creator, administrator, member, restricted, left or kicked."""

    user: User
    status: str = "member"
    rights: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def lead(cls, user: User, rights: dict[str, bool] | None = None, status: str = "administrator") -> Member:
        """An administrator or creator, with every right unless `rights` says which."""
        every = (*TABLES["admin_rights"], *TABLES["channel_rights"], *TABLES["group_rights"])
        return cls(user, status, dict.fromkeys(every, True) if rights is None else rights)

    @property
    def inside(self) -> bool:
        """Whether this one is in the chat now."""
        return self.status not in ("left", "kicked")

    def may(self, right: str) -> bool:
        """Whether an administrator holds this right; the creator holds all."""
        return self.status == "creator" or (self.status == "administrator" and self.rights.get(right, False))

    def to_json(self, chat: Chat) -> Json:
        """The ChatMember object."""
        shown: Json = {"user": self.user.json, "status": self.status}
        more: dict[str, Json] = {"creator": {"is_anonymous": False}, "kicked": {"until_date": 0}}
        more["administrator"] = {"can_be_edited": False, "is_anonymous": False}
        more["restricted"] = {"is_member": True, "until_date": 0}
        own = TABLES["channel_rights" if chat.type == "channel" else "group_rights"]
        names = {"administrator": [*TABLES["admin_rights"], *own], "restricted": TABLES["permissions"]}
        rights = {name: self.rights.get(name, False) for name in names.get(self.status, ())}
        return {**shown, **more.get(self.status, {}), **rights}


@dataclass(slots=True)
class Msg:
    """A message with its past. `markup` is whatever keyboard was attached, reply keyboards included."""

    json: Json
    out: bool = False
    kind: str = "text"
    silent: bool = False
    markup: Json | None = None
    deleted: bool = False
    history: list[Json] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The message id in its chat."""
        return int(self.json["message_id"])

    def transcript(self) -> Json:
        """The message as a person sees it: the Bot API fields, any keyboard, and what it said before."""
        shown = {**self.json, "history": self.history, "deleted": self.deleted, "silent": self.silent}
        shown["disable_notification"] = self.silent
        return {**shown, "reply_markup": self.markup} if self.markup else shown


@dataclass(slots=True)
class Topic:
    """A forum topic; its id is the id of the service message that created it."""

    id: int
    name: str
    icon_color: int = 7322096
    closed: bool = False


@dataclass(slots=True)
class Chat:
    """A private chat (id = user id), group, supergroup or channel, with everything said in it."""

    id: int
    type: str
    title: str | None = None
    username: str | None = None
    is_forum: bool = False
    members: dict[int, Member] = field(default_factory=dict)
    messages: dict[int, Msg] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    permissions: dict[str, bool] = field(default_factory=dict)
    last_id: int = 0
    started: bool = False  # private chats: the person has opened the bot
    blocked: bool = False  # private chats: the person has blocked the bot
    dead: bool = False  # basic groups: deleted
    pinned: list[int] = field(default_factory=list)  # message ids, the newest last
    crowd: int = 0  # members whom nobody plays
    migrated_to: int | None = None
    json: Json = field(init=False)

    def __post_init__(self) -> None:
        given = {"id": self.id, "type": self.type, "title": self.title, "username": self.username or None}
        given["is_forum"] = self.is_forum or None
        self.json = {name: value for name, value in given.items() if value is not None}

    @property
    def is_group(self) -> bool:
        """Whether it is a basic group or a supergroup."""
        return self.type in ("group", "supergroup")

    def find(self, message_id: int) -> Msg | None:
        """A message that still exists."""
        msg = self.messages.get(message_id)
        return None if msg is None or msg.deleted else msg

    def creator(self) -> User | None:
        """Whose chat it is."""
        return next((member.user for member in self.members.values() if member.status == "creator"), None)


@dataclass(slots=True)
class File:
    """Bytes that have an id. `kind` is Photo, Video or Document, the words of Telegram's own errors."""

    kind: str
    data: bytes
    name: str
    mime: str
    width: int = 0
    height: int = 0
    file_id: str = field(init=False)
    unique_id: str = field(init=False)

    def __post_init__(self) -> None:
        seal = f"{self.kind}{self.width}x{self.height}".encode() + hashlib.sha256(self.data).digest()
        digest = hashlib.sha256(seal).digest()
        self.unique_id = "AQAD" + base64.urlsafe_b64encode(digest[:9]).decode()
        lead = {"Photo": "AgAC", "Video": "BAAC", "Document": "BQAC"}[self.kind]
        self.file_id = lead + base64.urlsafe_b64encode(digest + digest[:10]).decode()

    @property
    def path(self) -> str:
        """The `file_path` under which getFile offers it."""
        return f"{self.kind.lower()}s/{self.unique_id}_{self.name}"

    def to_json(self) -> Json:
        """The PhotoSize, Video or Document object."""
        shown: Json = {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": len(self.data)}
        shown |= {} if self.kind == "Document" else {"width": self.width, "height": self.height}
        shown |= {"duration": 0} if self.kind == "Video" else {}
        return shown if self.kind == "Photo" else {**shown, "file_name": self.name, "mime_type": self.mime}


@dataclass(slots=True, eq=False)
class Update:
    """Something that waits for the bot. `key` names the queue (chat or user) whose order is kept."""

    id: int
    kind: str
    payload: Json
    key: tuple[str, int]
    expires: float

    def to_json(self) -> Json:
        """The Update object."""
        return {"update_id": self.id, self.kind: self.payload}


@dataclass(slots=True)
class Query:
    """A callback or inline query and what became of it; it can be answered once, while it is fresh."""

    id: str
    user_id: int
    expires: float
    answer: Json | None = None


@dataclass(slots=True)
class Webhook:
    """Where updates are pushed to, and how the last attempt went. An empty url: long polling."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    last_error: tuple[float, str] | None = None
    set_at: float = float("-inf")


@dataclass(slots=True)
class Content:
    """What a message will say: Message fields, and an error that Telegram reports only after the chat checks."""

    kind: str
    fields: Json
    late: ApiError | None = None


def to_int(value: Any) -> int:
    """Telegram's lenient integer: garbage is 0."""
    try:
        return value if type(value) is int else int(value) if value is True else int(str(value).strip())
    except ValueError:
        return 0


def to_bool(value: Any) -> bool:
    """Telegram's lenient boolean: true, yes and 1 in any case are true, all else is false."""
    return value is True or (value is not None and str(value).strip().lower() in ("true", "yes", "1"))


def clamp(value: int, low: int, high: int) -> int:
    """The nearest number inside the range."""
    return max(low, min(high, value))
