"""The world behind the stand-in as a pure state machine: no sockets, no tasks, time only from the clock given.

People act through `receive`, `press`, `inline`, `react` and the membership methods; the bot acts through
`call`. Both change the same chats; what the bot is to hear of goes into one update queue. Every change is
told to `listeners` as (kind, chat id, payload): message, edit, delete (payload Msg), answer (Json),
update (Update), queue (the bot listens or has taken something) and state.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from .flood import FloodRule
from .model import TABLES, Chat, Clock, File, Json, Member, Msg, Query, Topic, Update, User, Webhook, require
from .text import What, format_text

UPDATE_KINDS = frozenset(TABLES["update_kinds"])
DEFAULT_KINDS = UPDATE_KINDS - set(TABLES["default_excluded"])
MEDIA = ("photo", "video", "document")
CAPTIONED = (*MEDIA, "animation", "audio", "voice")
CARRIED = (  # what a copy and a forward take along
    *("text", "entities", "link_preview_options", *CAPTIONED, "video_note", "sticker", "caption", "caption_entities"),
    *("show_caption_above_media", "has_media_spoiler"),
)
_LIFETIMES = {"callback_query": 150.0, "inline_query": 30.0, "chosen_inline_result": 600.0}
_DAY = 86_400.0
_QUEUE_CAP = 100_000


class World:
    """Everything that exists, and what people can do in it. `Machine` in methods.py adds the bot's methods."""

    def __init__(self, clock: Clock, *, bot_id: int, name: str, username: str, seed: int = 1) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.bot = User(bot_id, name, username=username, is_bot=True)
        self.users: dict[int, User] = {bot_id: self.bot}
        self.chats: dict[int, Chat] = {}
        self.usernames: dict[str, int] = {}
        self.files: dict[str, File] = {}
        self.web: dict[str, bytes] = {}  # addresses from which a file may be sent; nothing is ever fetched
        self.queries: dict[str, Query] = {}
        self.texts: dict[tuple[str, str], str] = {}  # (name, description …, language) -> the bot's card
        self.commands: dict[tuple[str, str], list[Json]] = {}  # (scope, language)
        self.flood = FloodRule.off()
        self.webhook = Webhook()
        self.updates: deque[Update] = deque()
        self.next_update = 2_000_001 + self.random.randrange(500_000_000)
        self.allowed: frozenset[str] = DEFAULT_KINDS
        self.listeners: list[Callable[[str, int, Any], None]] = []
        self._account_id = 0  # one counter for private chats and basic groups

    def emit(self, kind: str, chat_id: int, payload: Any = None) -> None:
        """Tell the listeners of a change."""
        for listener in self.listeners:
            listener(kind, chat_id, payload)

    # --- the update queue -------------------------------------------------------------------------------

    def push(self, kind: str, payload: Json, key: tuple[str, int]) -> None:
        """Queue an update for the bot, unless it asked not to get that kind or the queue is full."""
        if kind not in self.allowed or len(self.updates) >= _QUEUE_CAP:
            return
        update = Update(self.next_update, kind, payload, key, self.clock.now() + _LIFETIMES.get(kind, _DAY))
        self.updates.append(update)
        self.next_update += 1
        self.emit("update", key[1], update)

    def _tell(self, chat: Chat, msg: Msg, prefix: str = "") -> None:
        kind = "channel_post" if chat.type == "channel" else "message"
        self.push(prefix + kind, dict(msg.json), ("chat", chat.id))

    def pending(self) -> deque[Update]:
        """The undelivered updates whose time is not over."""
        now = self.clock.now()
        if any(update.expires <= now for update in self.updates):
            self.updates = deque(update for update in self.updates if update.expires > now)
        return self.updates

    def fetch(self, offset: int, limit: int) -> list[Json]:
        """Confirm everything below `offset` (negative: all but the newest -offset) and give the next ones."""
        queue = self.pending()
        future = offset > self.next_update  # such an offset is taken as none
        while queue and (len(queue) > -offset if offset < 0 else queue[0].id < offset and not future):
            queue.popleft()
        return [queue[i].to_json() for i in range(min(limit, len(queue)))]

    def settle(self, update: Update) -> None:
        """Forget an update that the webhook has taken."""
        if update in self.updates:
            self.updates.remove(update)
            self.emit("queue", 0)

    # --- people and places ------------------------------------------------------------------------------

    def add_user(self, user_id: int, name: str, lang: str = "ru", username: str | None = None) -> User:
        """Create a person and the (not yet opened) private chat with the bot."""
        user = self.users[user_id] = User(user_id, name, lang, username)
        chat = self.chats[user_id] = Chat(user_id, "private", username=username)
        chat.json = {"id": user_id, "first_name": name, **chat.json}
        return user

    def add_chat(self, chat: Chat, admins: list[int], bot_rights: dict[str, bool] | None) -> Chat:
        """Create a group, supergroup or channel. `bot_rights` None: the bot is a plain member (groups only)."""
        self.chats[chat.id] = chat
        if chat.username:
            self.usernames[chat.username.lower()] = chat.id
        for index, user_id in enumerate(admins):
            chat.members[user_id] = Member.lead(self.users[user_id], None, "administrator" if index else "creator")
        chat.members[self.bot.id] = Member(self.bot, "left")
        leads = bot_rights is not None or chat.type == "channel"
        granted = None if bot_rights is None else {"can_manage_chat": True, **bot_rights}
        standing = Member.lead(self.bot, granted) if leads else Member(self.bot)
        self.set_member(chat, standing, by=chat.creator() or self.bot)
        return chat

    def _tell_change(self, kind: str, chat: Chat, old: Member, new: Member, by: User) -> None:
        change = {"chat": chat.json, "from": by.json, "date": int(self.clock.now())}
        change |= {"old_chat_member": old.to_json(chat), "new_chat_member": new.to_json(chat)}
        self.push(kind, change, ("chat", chat.id))

    def set_member(self, chat: Chat, member: Member, by: User) -> None:
        """Change somebody's standing; the bot hears of its own as my_chat_member, of others' if admin."""
        old = chat.members.get(member.user.id) or Member(member.user, "left")
        chat.members[member.user.id] = member
        own = member.user is self.bot
        if own or chat.members[self.bot.id].status == "administrator":
            self._tell_change("my_chat_member" if own else "chat_member", chat, old, member, by)
        if old.inside != member.inside and chat.is_group:
            user = member.user.json
            self.service(chat, by, {"new_chat_members": [user]} if member.inside else {"left_chat_member": user})
        self.emit("state", chat.id)

    def block(self, user_id: int, blocked: bool) -> None:
        """A person blocks or unblocks the bot; the bot hears of it."""
        chat = self.chats[user_id]
        if chat.blocked == blocked:
            return
        chat.blocked = blocked
        old, new = (Member(self.bot, status) for status in (("member", "kicked") if blocked else ("kicked", "member")))
        self._tell_change("my_chat_member", chat, old, new, self.users[user_id])
        self.emit("state", chat.id)

    def migrate(self, chat_id: int) -> int:
        """A basic group becomes a supergroup; both sides get their service message. Returns the new id."""
        old = self.chats[chat_id]
        new = Chat(-1_001_000_000_000 + chat_id, "supergroup", title=old.title, members=dict(old.members))
        self.chats[new.id] = new
        old.migrated_to = new.id
        self.service(old, self.bot, {"migrate_to_chat_id": new.id}, heard=True)
        self.service(new, self.bot, {"migrate_from_chat_id": old.id}, heard=True)
        self.emit("state", new.id)
        return new.id

    def add_topic(self, chat: Chat, name: str, color: int, by: User) -> Topic:
        """Create a forum topic; its id is that of the service message."""
        thread = chat.last_id + 1
        self.service(chat, by, {"forum_topic_created": {"name": name, "icon_color": color}}, thread=thread)
        topic = chat.topics[thread] = Topic(thread, name, color)
        self.emit("state", chat.id)
        return topic

    def set_topic(self, chat: Chat, thread: int, by: User, *, closed: bool) -> None:
        """Somebody closes a topic or opens it again."""
        chat.topics[thread].closed = closed
        self.service(chat, by, {"forum_topic_closed" if closed else "forum_topic_reopened": {}}, thread=thread)
        self.emit("state", chat.id)

    # --- messages ---------------------------------------------------------------------------------------

    def add_message(self, chat: Chat, sender: User, fields: Json, msg: Msg, thread: int = 0) -> Msg:
        """Give the message its id and place; in a channel it is posted in the channel's own name."""
        if chat.type in ("private", "group"):
            self._account_id = chat.last_id = self._account_id + 1
        else:
            chat.last_id += 1
        author = {"sender_chat": chat.json} if chat.type == "channel" else {"from": sender.json}
        msg.json.update(message_id=chat.last_id, **author, chat=chat.json, date=int(self.clock.now()))
        if thread:
            msg.json.update(message_thread_id=thread, is_topic_message=True)
        msg.json.update(fields)
        chat.messages[chat.last_id] = msg
        self.emit("message", chat.id, msg)
        return msg

    def service(
        self, chat: Chat, by: User, fields: Json, *, heard: bool = False, thread: int = 0, silent: bool = False
    ) -> None:
        """A service message. The bot hears its own only where `heard` says so (migration)."""
        msg = self.add_message(chat, by, fields, Msg({}, by is self.bot, "service", silent), thread)
        if heard or by is not self.bot:
            self._tell(chat, msg)

    def receive(
        self, user_id: int, chat_id: int, *, text: str = "", entities: list[Json] | None = None,
        media: Json | None = None, reply_to: int | None = None, thread: int = 0, extra: Json | None = None
    ) -> Msg:  # fmt: skip
        """A person says something. `media` are Message fields such as `photo`; `extra` others, as an origin."""
        chat, user = self.chats[chat_id], self.users[user_id]
        self._may_speak(chat, user)
        fields: Json = {**(media or {}), **(_typed(text, entities, caption=bool(media)) if text else {})}
        if reply_to:
            fields["reply_to_message"] = quoted(chat.messages[reply_to])
        fields.update(extra or {})
        if chat.type == "private":
            chat.started = True
            self.block(user_id, False)  # to write is to unblock
        kind = next((kind for kind in CAPTIONED if kind in fields), "text")
        msg = self.add_message(chat, user, fields, Msg({}, kind=kind), thread)
        if self._bot_hears(chat, msg):
            self._tell(chat, msg)
        return msg

    def _may_speak(self, chat: Chat, user: User) -> None:
        if chat.type == "private":
            require(chat.id == user.id, "a person speaks only in the own private chat")
            return
        me = chat.members.get(user.id)
        speaks = me and me.inside and (chat.type != "channel" or me.may("can_post_messages"))
        require(speaks, f"user {user.id} cannot write in chat {chat.id}")

    def _bot_hears(self, chat: Chat, msg: Msg) -> bool:
        """Privacy mode: a bot that is no administrator hears commands, replies to itself and mentions."""
        if chat.type == "private":
            return True
        me = chat.members[self.bot.id]
        if not me.inside or me.status == "administrator":
            return me.inside
        text = msg.json.get("text") or msg.json.get("caption") or ""
        replied = msg.json.get("reply_to_message", {}).get("from", {}).get("id") == self.bot.id
        mentioned = f"@{self.bot.username}".lower() in text.lower()
        return replied or mentioned or (text.startswith("/") and "@" not in text.split()[0])

    def revise(self, user_id: int, chat_id: int, message_id: int, text: str) -> Msg:
        """A person edits the own message, its caption where it has media."""
        chat = self.chats[chat_id]
        msg = chat.messages[message_id]
        caption = msg.kind != "text"
        cleared = dict.fromkeys(("caption", "caption_entities") if caption else ("entities",))
        self.change(chat, msg, {**cleared, **_typed(text, None, caption=caption)})
        if self._bot_hears(chat, msg):
            self._tell(chat, msg, "edited_")
        return msg

    def change(self, chat: Chat, msg: Msg, fields: Json) -> None:
        """Put new content into a message and keep what it said before. Empty values remove the field."""
        names = ("text", "entities", "caption", "caption_entities", "reply_markup", "edit_date")
        msg.history.append({name: msg.json[name] for name in names if name in msg.json})
        for name, value in fields.items():
            if value in (None, [], ""):
                msg.json.pop(name, None)
            else:
                msg.json[name] = value
        msg.json["edit_date"] = int(self.clock.now())
        self.emit("edit", chat.id, msg)

    def erase(self, chat: Chat, msg: Msg) -> None:
        """A message disappears (it stays readable in the transcript, marked as deleted)."""
        msg.deleted = True
        self.emit("delete", chat.id, msg)

    # --- queries ----------------------------------------------------------------------------------------

    def _ask(self, kind: str, user_id: int, payload: Json) -> Query:
        query = Query(str(self.random.getrandbits(62)), user_id, self.clock.now() + _LIFETIMES[kind])
        self.queries[query.id] = query
        self.push(kind, {"id": query.id, "from": self.users[user_id].json, **payload}, ("user", user_id))
        return query

    def press(self, user_id: int, chat_id: int, message_id: int, data: str) -> Query:
        """A person presses a callback button; the data is sent as given, so a forged press is possible."""
        chat = self.chats[chat_id]
        msg = chat.messages[message_id]
        gone = {"chat": chat.json, "message_id": message_id, "date": 0}
        payload = {"message": gone if msg.deleted else dict(msg.json), "data": data}
        payload["chat_instance"] = str(abs(chat_id) * 2_654_435_761 % 2**62)
        return self._ask("callback_query", user_id, payload)

    def inline(self, user_id: int, text: str, offset: str = "") -> Query:
        """A person types `@bot text`."""
        return self._ask("inline_query", user_id, {"query": text, "offset": offset, "chat_type": "sender"})

    def react(self, user_id: int, chat_id: int, message_id: int, emoji: str | None) -> None:
        """A person reacts; None takes the reaction back. Off by default in `allowed_updates`."""
        new = [{"type": "emoji", "emoji": emoji}] if emoji else []
        payload = {"chat": self.chats[chat_id].json, "message_id": message_id, "user": self.users[user_id].json}
        payload |= {"date": int(self.clock.now()), "old_reaction": [], "new_reaction": new}
        self.push("message_reaction", payload, ("chat", chat_id))


def quoted(msg: Msg) -> Json:
    """A message as `reply_to_message` shows it: without the one it replied to itself."""
    return {name: value for name, value in msg.json.items() if name != "reply_to_message"}


def _typed(text: str, entities: list[Json] | None, *, caption: bool) -> Json:
    """What a person typed, with the entities that Telegram finds in it."""
    limit = 1024 if caption else 4096
    what: What = "message caption" if caption else "message"
    said, found = format_text(text, parse_mode="", entities=entities, limit=limit, what=what)
    fields: Json = {"caption" if caption else "text": said}
    if found:
        fields["caption_entities" if caption else "entities"] = [entity.to_json() for entity in found]
    return fields
