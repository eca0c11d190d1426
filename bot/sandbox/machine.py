"""The world behind the stand-in as a pure state machine: no sockets, no tasks, time only from the clock given.

People act through `receive`, `press`, `inline`, `react` and the membership methods; the bot acts through
`call`. Both change the same chats; what the bot is to hear of goes into one update queue. Every change is
told to `listeners` as (kind, chat id, payload): message, edit,
delete (payload Msg), answer (Json), typing (Json), update (Update), queue (the bot listens or
has taken something) and state.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from .flood import FloodRule
from .model import (
    ADMIN_RIGHTS,
    CHANNEL_RIGHTS,
    GROUP_RIGHTS,
    Chat,
    Clock,
    File,
    Json,
    Listener,
    Member,
    Msg,
    Query,
    Topic,
    Update,
    User,
    Webhook,
    refuse,
)
from .text import format_text

DEFAULT_EXCLUDED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_KIND_NAMES = (
    "message edited_message channel_post edited_channel_post message_reaction message_reaction_count"
    " inline_query chosen_inline_result callback_query my_chat_member chat_member chat_join_request poll"
    " poll_answer business_connection business_message edited_business_message deleted_business_messages"
    " guest_message shipping_query pre_checkout_query purchased_paid_media chat_boost removed_chat_boost"
    " managed_bot subscription stopped_message_generation"
)
UPDATE_KINDS = frozenset(_KIND_NAMES.split())
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
        self.texts: dict[tuple[str, str], str] = {}
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.flood = FloodRule.off()
        self.webhook = Webhook()
        self.updates: deque[Update] = deque()
        self.next_update = 2_000_001 + self.random.randrange(500_000_000)
        self.allowed: frozenset[str] = UPDATE_KINDS - DEFAULT_EXCLUDED
        self.logged_out = False
        self.started_at = clock.now()
        self.listeners: list[Listener] = []
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
        expires = self.clock.now() + _LIFETIMES.get(kind, _DAY)
        update = Update(self.next_update, kind, payload, key, expires)
        self.updates.append(update)
        self.next_update += 1
        self.emit("update", key[1], update)

    def pending(self) -> deque[Update]:
        """The undelivered updates whose time is not over."""
        now = self.clock.now()
        if any(update.expires <= now for update in self.updates):
            self.updates = deque(update for update in self.updates if update.expires > now)
        return self.updates

    def fetch(self, offset: int, limit: int) -> list[Json]:
        """Confirm everything below `offset` (negative: all but the newest -offset) and give the next ones."""
        queue = self.pending()
        if offset < 0:
            while len(queue) > -offset:
                queue.popleft()
        elif offset <= self.next_update:  # an offset from the future is taken as none
            while queue and queue[0].id < offset:
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
            member = Member(self.users[user_id], "administrator" if index else "creator", all_rights())
            chat.members[user_id] = member
        chat.members[self.bot.id] = Member(self.bot, "left")
        standing = Member(self.bot)
        if bot_rights is not None or chat.type == "channel":
            granted = all_rights() if bot_rights is None else {"can_manage_chat": True, **bot_rights}
            standing = Member(self.bot, "administrator", granted)
        self.set_member(chat, standing, by=self.users[admins[0]] if admins else self.bot)
        return chat

    def set_member(self, chat: Chat, member: Member, by: User) -> None:
        """Change somebody's standing; the bot hears of its own as my_chat_member, of others' if admin."""
        old = chat.members.get(member.user.id) or Member(member.user, "left")
        chat.members[member.user.id] = member
        change = {"chat": chat.json, "from": by.json, "date": int(self.clock.now())}
        change |= {"old_chat_member": old.to_json(chat), "new_chat_member": member.to_json(chat)}
        if member.user is self.bot:
            self.push("my_chat_member", change, ("chat", chat.id))
        elif chat.members[self.bot.id].status == "administrator":
            self.push("chat_member", change, ("chat", chat.id))
        moved = old.inside != member.inside
        if moved and chat.type in ("group", "supergroup"):
            field = "new_chat_members" if member.inside else "left_chat_member"
            value = [member.user.json] if member.inside else member.user.json
            self.service(chat, by, {field: value})
        self.emit("state", chat.id)

    def open(self, user_id: int) -> None:
        """Mark a private chat as opened without a word said: a reader that an earlier bot has left us."""
        self.chats[user_id].started = True

    def block(self, user_id: int, blocked: bool) -> None:
        """A person blocks or unblocks the bot; the bot hears of it."""
        chat, user = self.chats[user_id], self.users[user_id]
        if chat.blocked == blocked:
            return
        chat.blocked = blocked
        before, after = Member(self.bot), Member(self.bot, "kicked")
        old, new = (before, after) if blocked else (after, before)
        change = {"chat": chat.json, "from": user.json, "date": int(self.clock.now())}
        change |= {"old_chat_member": old.to_json(chat), "new_chat_member": new.to_json(chat)}
        self.push("my_chat_member", change, ("chat", chat.id))
        self.emit("state", chat.id)

    def migrate(self, chat_id: int, new_id: int | None = None) -> int:
        """A basic group becomes a supergroup; both sides get their service message. Returns the new id."""
        old = self.chats[chat_id]
        new = Chat(new_id or -1_001_000_000_000 + chat_id, "supergroup", title=old.title)
        self.chats[new.id] = new
        new.members = dict(old.members)
        old.migrated_to = new.id
        self.service(old, self.bot, {"migrate_to_chat_id": new.id}, heard=True)
        self.service(new, self.bot, {"migrate_from_chat_id": old.id}, heard=True)
        self.emit("state", new.id)
        return new.id

    # --- messages ---------------------------------------------------------------------------------------

    def add_message(self, chat: Chat, sender: User | None, fields: Json, msg: Msg, thread: int = 0) -> Msg:
        """Give the message its id and place. `sender` None: posted in the channel's own name."""
        if chat.type in ("private", "group"):
            self._account_id = chat.last_id = self._account_id + 1
        else:
            chat.last_id += 1
        shown = msg.json
        shown["message_id"] = chat.last_id
        if sender is None or chat.type == "channel":
            shown["sender_chat"] = chat.json
        else:
            shown["from"] = sender.json
        shown["chat"] = chat.json
        shown["date"] = int(self.clock.now())
        if thread:
            shown["message_thread_id"] = thread
            shown["is_topic_message"] = True
        shown.update(fields)
        chat.messages[chat.last_id] = msg
        self.emit("message", chat.id, msg)
        return msg

    def service(self, chat: Chat, by: User, fields: Json, *, heard: bool | None = None, thread: int = 0) -> Msg:
        """A service message. The bot hears its own only where `heard` says so (pins, migration)."""
        msg = self.add_message(chat, by, fields, Msg({}, out=by is self.bot, kind="service"), thread)
        if heard or (heard is None and by is not self.bot):
            kind = "channel_post" if chat.type == "channel" else "message"
            self.push(kind, dict(msg.json), ("chat", chat.id))
        return msg

    def receive(
        self,
        user_id: int,
        chat_id: int,
        *,
        text: str = "",
        entities: list[Json] | None = None,
        media: Json | None = None,
        reply_to: int | None = None,
        thread: int = 0,
        extra: Json | None = None,
    ) -> Msg:
        """A person says something. `media` are Message fields such as `photo`; `extra` others, as an origin."""
        chat, user = self.chats[chat_id], self.users[user_id]
        self._may_speak(chat, user)
        fields: Json = dict(media or {})
        if text:
            names = ("caption", "caption_entities") if media else ("text", "entities")
            fields |= _typed(text, entities, names, media is not None)
        if reply_to:
            fields["reply_to_message"] = quoted(chat.messages[reply_to])
        fields.update(extra or {})
        kind = next((k for k in ("photo", "video", "document") if k in fields), "text")
        msg = Msg({}, kind=kind)
        if chat.type == "private":
            chat.started = True
            self.block(user_id, False)  # to write is to unblock
        self.add_message(chat, None if chat.type == "channel" else user, fields, msg, thread)
        if self._bot_hears(chat, msg):
            kind = "channel_post" if chat.type == "channel" else "message"
            self.push(kind, dict(msg.json), ("chat", chat.id))
        return msg

    def _may_speak(self, chat: Chat, user: User) -> None:
        if chat.type == "private":
            if chat.id != user.id:
                raise refuse("a person speaks only in the own private chat")
            return
        member = chat.members.get(user.id)
        if not member or not member.inside or (chat.type == "channel" and not member.may("can_post_messages")):
            raise refuse(f"user {user.id} cannot write in chat {chat.id}")

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
        """A person edits the own message."""
        chat = self.chats[chat_id]
        msg = chat.messages[message_id]
        self.change(chat, msg, {"entities": None, **_typed(text, None, ("text", "entities"), False)})
        if self._bot_hears(chat, msg):
            kind = "edited_channel_post" if chat.type == "channel" else "edited_message"
            self.push(kind, dict(msg.json), ("chat", chat_id))
        return msg

    def change(self, chat: Chat, msg: Msg, fields: Json, *, silent_mark: bool = False) -> None:
        """Put new content into a message and keep what it said before. Empty values remove the field."""
        names = ("text", "entities", "caption", "caption_entities", "reply_markup", "edit_date")
        msg.history.append({name: msg.json[name] for name in names if name in msg.json})
        for name, value in fields.items():
            if value in (None, [], ""):
                msg.json.pop(name, None)
            else:
                msg.json[name] = value
        if not silent_mark:
            msg.json["edit_date"] = int(self.clock.now())
        self.emit("edit", chat.id, msg)

    def erase(self, chat: Chat, msg: Msg) -> None:
        """A message disappears (it stays readable in the transcript, marked as deleted)."""
        msg.deleted = True
        if msg.id in chat.pinned:
            chat.pinned.remove(msg.id)
        self.emit("delete", chat.id, msg)

    def find(self, chat: Chat, message_id: int) -> Msg | None:
        """A message that still exists."""
        msg = chat.messages.get(message_id)
        return None if msg is None or msg.deleted else msg

    # --- queries ----------------------------------------------------------------------------------------

    def _query(self, user_id: int, lifetime: float) -> Query:
        query = Query(str(self.random.getrandbits(62)), user_id, self.clock.now() + lifetime)
        self.queries[query.id] = query
        return query

    def press(self, user_id: int, chat_id: int, message_id: int, data: str) -> Query:
        """A person presses a callback button; the data is sent as given, so a forged press is possible."""
        chat = self.chats[chat_id]
        msg = chat.messages[message_id]
        shown = dict(msg.json)
        if msg.deleted:
            shown = {"chat": chat.json, "message_id": message_id, "date": 0}
        query = self._query(user_id, 150.0)
        payload = {"id": query.id, "from": self.users[user_id].json, "message": shown, "data": data}
        payload["chat_instance"] = str(abs(chat_id) * 2_654_435_761 % 2**62)
        self.push("callback_query", payload, ("user", user_id))
        return query

    def inline(self, user_id: int, text: str, offset: str = "") -> Query:
        """A person types `@bot text`."""
        query = self._query(user_id, 30.0)
        payload = {"id": query.id, "from": self.users[user_id].json, "query": text, "offset": offset}
        self.push("inline_query", {**payload, "chat_type": "sender"}, ("user", user_id))
        return query

    def react(self, user_id: int, chat_id: int, message_id: int, emoji: str | None) -> None:
        """A person reacts; None takes the reaction back. Off by default in `allowed_updates`."""
        chat = self.chats[chat_id]
        new = [{"type": "emoji", "emoji": emoji}] if emoji else []
        payload = {"chat": chat.json, "message_id": message_id, "user": self.users[user_id].json}
        payload |= {"date": int(self.clock.now()), "old_reaction": [], "new_reaction": new}
        self.push("message_reaction", payload, ("chat", chat_id))

    def add_topic(self, chat: Chat, name: str, color: int, by: User) -> Topic:
        """Create a forum topic; its id is that of the service message."""
        fields = {"forum_topic_created": {"name": name, "icon_color": color}}
        thread = chat.last_id + 1
        self.service(chat, by, fields, thread=thread)
        topic = chat.topics[thread] = Topic(thread, name, color)
        self.emit("state", chat.id)
        return topic


def all_rights() -> dict[str, bool]:
    """Every administrator right."""
    return dict.fromkeys((*ADMIN_RIGHTS, *CHANNEL_RIGHTS, *GROUP_RIGHTS), True)


def quoted(msg: Msg) -> Json:
    """A message as `reply_to_message` shows it: without the one it replied to itself."""
    return {name: value for name, value in msg.json.items() if name != "reply_to_message"}


def _typed(text: str, entities: list[Json] | None, names: tuple[str, str], caption: bool) -> Json:
    """What a person typed, with the entities that Telegram finds in it."""
    if caption:
        said, found = format_text(text, parse_mode="", entities=entities, limit=1024, what="message caption")
    else:
        said, found = format_text(text, parse_mode="", entities=entities, limit=4096, what="message")
    listed = [entity.to_json() for entity in found]
    return {names[0]: said, names[1]: listed} if listed else {names[0]: said}
