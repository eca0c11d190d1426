"""What the stand-in's world is made of: errors in Telegram's words, users, chats, messages, files, updates.

Messages are kept in the very shape in which the Bot API shows them (`Msg.json`). A value inside that dict is
replaced, never changed in place, so a shallow copy is a faithful snapshot.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]
Params = dict[str, Any]

_PREFIXES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}

CHANNEL_RIGHTS = ("can_post_messages", "can_edit_messages")
GROUP_RIGHTS = ("can_pin_messages", "can_manage_topics")
ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)
PERMISSIONS = (
    *("can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos"),
    *("can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages"),
    *("can_add_web_page_previews", "can_react_to_messages", "can_edit_tag", "can_change_info"),
    *("can_invite_users", "can_pin_messages", "can_manage_topics"),
)


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
        self.code = code
        self.description = description
        self.parameters = parameters


def refuse(text: str, code: int = 400, **parameters: int) -> ApiError:
    """The error for an inner text, with the prefix and the lower-cased first letter that Telegram gives it."""
    prefix = _PREFIXES[code]
    if not text.startswith(prefix):
        plain = len(text) < 2 or not (text[1] == "_" or text[1].isupper())
        text = f"{prefix}: {text[0].lower() + text[1:] if plain else text}"
    return ApiError(code, text, parameters or None)


def flood(seconds: int) -> ApiError:
    """The 429 that tells a caller to wait that many seconds."""
    return ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


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
        if self.username:
            self.json["username"] = self.username
        if not self.is_bot:
            self.json["language_code"] = self.lang


@dataclass(slots=True)
class Member:
    """Somebody's standing in a chat: creator, administrator, member, restricted, left or kicked."""

    user: User
    status: str = "member"
    rights: dict[str, bool] = field(default_factory=dict)

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
        if self.status == "creator":
            shown["is_anonymous"] = False
        elif self.status == "administrator":
            names = ADMIN_RIGHTS + (CHANNEL_RIGHTS if chat.type == "channel" else GROUP_RIGHTS)
            shown |= {"can_be_edited": False, "is_anonymous": False}
            shown |= {name: self.rights.get(name, False) for name in names}
        elif self.status == "restricted":
            shown |= {"is_member": True, "until_date": 0}
            shown |= {name: self.rights.get(name, False) for name in PERMISSIONS}
        elif self.status == "kicked":
            shown["until_date"] = 0
        return shown


@dataclass(slots=True)
class Msg:
    """A message with its past. `markup` is whatever keyboard was attached, reply keyboards included."""

    json: Json
    out: bool = False
    kind: str = "text"
    silent: bool = False
    markup: Json | None = None
    protected: bool = False
    deleted: bool = False
    history: list[Json] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The message id in its chat."""
        return int(self.json["message_id"])


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
    pinned: list[int] = field(default_factory=list)
    permissions: dict[str, bool] = field(default_factory=dict)
    last_id: int = 0
    started: bool = False  # private chats: the person has opened the bot
    blocked: bool = False  # private chats: the person has blocked the bot
    dead: bool = False  # basic groups: deleted
    migrated_to: int | None = None
    json: Json = field(init=False)

    def __post_init__(self) -> None:
        self.json = {"id": self.id, "type": self.type}
        if self.title is not None:
            self.json["title"] = self.title
        if self.username:
            self.json["username"] = self.username
        if self.is_forum:
            self.json["is_forum"] = True


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
        if self.kind != "Document":
            shown |= {"width": self.width, "height": self.height}
        if self.kind == "Video":
            shown["duration"] = 0
        if self.kind != "Photo":
            shown |= {"file_name": self.name, "mime_type": self.mime}
        return shown


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


Listener = Callable[[str, int, Any], None]


def to_int(value: Any) -> int:
    """Telegram's lenient integer: garbage is 0."""
    if isinstance(value, bool):
        return int(value)
    try:
        return int(str(value).strip()) if value is not None else 0
    except ValueError:
        return 0


def to_bool(value: Any) -> bool:
    """Telegram's lenient boolean: true, yes and 1 in any case are true, all else is false."""
    return value is True or (value is not None and str(value).strip().lower() in ("true", "yes", "1"))


def clamp(value: int, low: int, high: int) -> int:
    """The nearest number inside the range."""
    return max(low, min(high, value))
