"""The bot's side of the machine: each Bot API method that the product calls, refusing what Telegram refuses.

The order of checks is Telegram's: content, reply and keyboard syntax, chat and access, topic, reply target, right
to post, keyboard semantics, lengths, permissions; then what only its servers know: callback data, blocks, floods.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import markup as keyboards
from .content import Files, album, caption_content, decoded, nested, rich_content, sent_media, text_content
from .machine import CAPTIONED, CARRIED, DEFAULT_KINDS, MEDIA, UPDATE_KINDS, World, quoted
from .model import TABLES, Chat, Content, Json, Member, Msg, Query, Webhook, clamp, refuse, require, to_bool, to_int

_NAMES = {name.lower(): name for name in TABLES["methods"]}
_PYTHON = {name: re.sub(r"(?=[A-Z])", "_", name).lower() for name in TABLES["methods"]}
_NAMED = ("not_modified", "stale_query", "webhook_active")
_UNMODIFIED, _STALE, _HOOKED = (TABLES["refusals"][name][1] for name in _NAMED)
_TWO_DAYS = 172_800
_KINDS = {  # kind of content -> (permission, Telegram's word for it)
    **dict.fromkeys(("text", "rich"), ("can_send_messages", "text messages")),
    **{kind: (f"can_send_{kind}s", f"{kind}s") for kind in MEDIA},
}
_CARD = {  # what getMy… and setMy… speak of -> (field, longest)
    "MyName": ("name", 64),
    "MyDescription": ("description", 512),
    "MyShortDescription": ("short_description", 120),
}
_TEXT = ("text", "entities", "link_preview_options", "rich_message")
_CAPTION = ("caption", "caption_entities", "show_caption_above_media")
_EDITS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {  # -> (needed part, kinds with it, fields replaced)
    "editMessageText": ("text", ("text", "rich"), _TEXT),
    "editMessageCaption": ("caption", CAPTIONED, _CAPTION),
    "editMessageReplyMarkup": ("", (), ()),
}


def _new_caption(p: Json, files: Files) -> list[Content]:
    keyboards.parse(p.get("reply_markup"))  # here Telegram reads the keyboard first
    return [caption_content(p)]


_CONTENTS: dict[str, Callable[[Json, Files], list[Content]]] = {
    "sendMessage": lambda p, files: [text_content(p)],
    "sendPhoto": lambda p, files: [sent_media(p, files, "photo")],
    "sendVideo": lambda p, files: [sent_media(p, files, "video")],
    "sendDocument": lambda p, files: [sent_media(p, files, "document")],
    "sendMediaGroup": album,
    "sendRichMessage": lambda p, files: [rich_content(p)],
    "editMessageText": lambda p, files: [text_content(p)],
    "editMessageCaption": _new_caption,
    "editMessageReplyMarkup": lambda p, files: [],
}


class Machine(World):
    """The whole stand-in without its sockets: people act on the world, the bot calls methods."""

    def call(self, method: str, params: Json, uploads: dict[str, tuple[str, bytes]] | None = None) -> Any:
        """Do what the method says and return its `result`. Method names are case-insensitive.

        Raises ApiError with Telegram's own words.
        """
        name = _NAMES.get(method.lower())
        if name is None:
            raise refuse("method not found", 404)
        if name in _CONTENTS:
            contents = _CONTENTS[name](params, Files(self.files, self.web, uploads or {}))
            return (self._edit if name in _EDITS else self._send)(name, params, contents)
        if name[3:] in _CARD:
            return self._card(name, params)
        return getattr(self, _PYTHON[name])(params)

    # --- finding things and checking access -------------------------------------------------------------

    def chat(self, ref: Any) -> Chat:
        """The chat that `chat_id` means: a number or @name of a public chat, never of a person."""
        require(ref not in (None, ""), "chat_id is empty")
        text = str(ref).strip()
        chat = self.chats.get(self.usernames.get(text[1:].lower(), 0) if text.startswith("@") else to_int(text))
        if chat is None or (chat.type == "private" and not chat.started):
            raise refuse("chat not found")
        return chat

    def access(self, ref: Any, level: str = "write") -> Chat:
        """The chat, if the bot may read, edit or write there."""
        chat = self.chat(ref)
        if chat.type == "private":
            require(level == "read" or not self.users[chat.id].deactivated, "user is deactivated", 403)
            return chat
        if chat.type == "group" and level == "write":
            if chat.migrated_to:
                text = "group chat was upgraded to a supergroup chat"
                raise refuse(text, migrate_to_chat_id=chat.migrated_to)
            require(not chat.dead, "the group chat was deleted", 403)
        me = chat.members[self.bot.id]
        if not me.inside and not (level == "read" and chat.username):
            what = "was kicked from" if me.status == "kicked" else "is not a member of"
            raise refuse(f"bot {what} the {chat.type} chat", 403)
        return chat

    def _message(self, chat: Chat, message_id: Any, purpose: str) -> Msg:
        msg = chat.find(to_int(message_id))
        if msg is None:
            raise refuse(f"message to {purpose} not found")
        return msg

    def _may(self, chat: Chat, right: str) -> bool:
        """Whether the bot holds an administrator's right here; in private chats nobody does."""
        me = chat.members.get(self.bot.id)
        return me is not None and me.may(right)

    def _permit(self, chat: Chat, kind: str) -> None:
        if not chat.is_group:
            return
        me = chat.members[self.bot.id]
        right, word = _KINDS.get(kind, ("can_send_other_messages", "messages"))
        allowed = chat.permissions if me.status == "member" else me.rights
        granted = me.status not in ("member", "restricted") or allowed.get(right, me.status == "member")
        require(granted, f"not enough rights to send {word} to the chat")

    def _reply(self, chat: Chat, wanted: Json) -> Json:
        """The `reply_to_message` field, empty when nothing is replied to."""
        if not wanted.get("message_id"):
            return {}
        source = self.chat(wanted["chat_id"]) if wanted.get("chat_id") else chat
        if to_bool(wanted.get("allow_sending_without_reply")) and not source.find(to_int(wanted["message_id"])):
            return {}
        return {"reply_to_message": quoted(self._message(source, wanted["message_id"], "be replied"))}

    def _accept(self, p: Json, chat: Chat, count: int = 1) -> None:
        """What Telegram's servers say last: blocks, then flood control."""
        require(not chat.blocked, "bot was blocked by the user", 403)
        paid = to_bool(p.get("allow_paid_broadcast"))
        self.flood.admit(chat.id, self.clock.now(), count=count, group=chat.is_group, paid=paid)

    # --- sending ----------------------------------------------------------------------------------------

    def _send(self, name: str, p: Json, contents: list[Content]) -> Json | list[Json]:
        """The common road of everything that is sent, after its content was read."""
        wanted = nested(p, "reply_parameters")
        raw = keyboards.parse(p.get("reply_markup"))
        chat = self.access(p.get("chat_id"))
        thread = to_int(p.get("message_thread_id"))
        require(not thread or thread in chat.topics, "message thread not found")
        shared = self._reply(chat, wanted)
        may_post = chat.type != "channel" or self._may(chat, "can_post_messages")
        require(may_post, "need administrator rights in the channel chat")
        markup = keyboards.check(raw, chat.type)
        for content in contents:
            if content.late:
                raise content.late
        for content in contents:
            self._permit(chat, content.kind)
        keyboards.server_check(markup, chat.type)
        closed = thread and chat.topics[thread].closed and not self._may(chat, "can_manage_topics")
        require(not closed, "TOPIC_CLOSED")
        self._accept(p, chat, len(contents))
        if len(contents) > 1:
            shared["media_group_id"] = str(self.random.getrandbits(53))
        if to_bool(p.get("protect_content")):
            shared["has_protected_content"] = True
        if markup and "inline_keyboard" in markup:
            shared["reply_markup"] = markup
        silent, sent = to_bool(p.get("disable_notification")), []
        for content in contents:
            msg = Msg({}, True, content.kind, silent, markup)
            sent.append(self.add_message(chat, self.bot, {**shared, **content.fields}, msg, thread).json)
        return sent if name == "sendMediaGroup" else sent[0]

    def copy_message(self, p: Json) -> Json:
        """What another message says, sent as the bot's own; its caption may be another one."""
        original = self.access(p.get("from_chat_id"), "read").find(to_int(p.get("message_id")))
        require(original, "message to copy not found")
        assert original is not None
        require(original.kind != "service", "message can't be copied")
        fields = {name: original.json[name] for name in CARRIED if name in original.json}
        caption = caption_content(p)
        if "caption" in p and original.kind in CAPTIONED:
            fields = {name: value for name, value in fields.items() if name not in _CAPTION} | caption.fields
        sent = self._send("copyMessage", p, [Content(original.kind, fields, caption.late)])
        assert isinstance(sent, dict)
        return {"message_id": sent["message_id"]}

    # --- editing ----------------------------------------------------------------------------------------

    def _edit(self, name: str, p: Json, contents: list[Content]) -> Json:
        """The common road of edits; without content only the keyboard is changed."""
        content = contents[0] if contents else None
        part, kinds, replaced = _EDITS[name]
        raw = keyboards.parse(p.get("reply_markup"))
        require(not p.get("inline_message_id"), "MESSAGE_ID_INVALID")
        chat = self.access(p.get("chat_id"), "edit")
        msg = self._message(chat, p.get("message_id"), "edit")
        self._editable(chat, msg, only_markup=content is None)
        require(not content or msg.kind in kinds, f"there is no {part} in the message to edit")
        markup = keyboards.check(raw, chat.type, inline_only=True)
        if content and content.late:
            raise content.late
        keyboards.server_check(markup, chat.type)
        new: Json = dict.fromkeys(replaced) | (content.fields if content else {}) | {"reply_markup": markup}
        changed = any(msg.json.get(name) != value for name, value in new.items())
        require(changed, _UNMODIFIED)
        self._accept({}, chat)
        msg.markup = markup
        self.change(chat, msg, new)
        return msg.json

    def _editable(self, chat: Chat, msg: Msg, *, only_markup: bool) -> None:
        may = msg.out
        if chat.type == "channel":
            fresh = only_markup or self.clock.now() - msg.json["date"] <= _TWO_DAYS + 300
            own = msg.out and fresh and self._may(chat, "can_post_messages")
            may = own or self._may(chat, "can_edit_messages")
        reply_keyboard = msg.markup is not None and "inline_keyboard" not in msg.markup
        fixed = msg.kind == "service" or "forward_origin" in msg.json or reply_keyboard
        require(may and not fixed, "message can't be edited")

    # --- deleting ---------------------------------------------------------------------------------------

    def delete_message(self, p: Json) -> bool:
        """Own ones, and others' where the bot may."""
        require(p.get("chat_id") not in (None, ""), "chat identifier is not specified")
        require(to_int(p.get("message_id")), "message identifier is not specified")
        chat = self.access(p["chat_id"])
        msg = self._message(chat, p["message_id"], "delete")
        own = msg.out and (chat.type != "channel" or self._may(chat, "can_post_messages"))
        big = chat.type in ("supergroup", "channel")
        fresh = big or self.clock.now() - msg.json["date"] <= _TWO_DAYS
        words = "message can't be deleted" + ("" if big else " for everyone")
        require(fresh and (own or self._may(chat, "can_delete_messages") or chat.type == "private"), words)
        self.erase(chat, msg)
        return True

    # --- pinning ----------------------------------------------------------------------------------------

    def _may_pin(self, p: Json) -> Chat:
        chat = self.access(p.get("chat_id"))
        right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
        may = chat.type == "private" or self._may(chat, right)
        require(may, "not enough rights to manage pinned messages in the chat")
        return chat

    def pin_chat_message(self, p: Json) -> bool:
        """On top of the other pinned ones, with a service message that is silent where it is asked for."""
        chat = self._may_pin(p)
        msg = self._message(chat, p.get("message_id"), "pin")
        chat.pinned = [*(other for other in chat.pinned if other != msg.id), msg.id]
        self.service(chat, self.bot, {"pinned_message": quoted(msg)}, silent=to_bool(p.get("disable_notification")))
        self.emit("state", chat.id)
        return True

    def unpin_chat_message(self, p: Json) -> bool:
        """That message, or the one that was pinned last."""
        chat = self._may_pin(p)
        wanted = to_int(p.get("message_id")) or next(reversed(chat.pinned), 0)
        require(chat.find(wanted), "message to unpin not found")
        chat.pinned = [other for other in chat.pinned if other != wanted]
        self.emit("state", chat.id)
        return True

    # --- queries ----------------------------------------------------------------------------------------

    def _open_query(self, query_id: Any) -> Query:
        query = self.queries.get(str(query_id or ""))
        if query is None or query.answer is not None or query.expires <= self.clock.now():
            raise refuse(_STALE)
        return query

    def _answered(self, query: Query, answer: Json) -> bool:
        query.answer = {"user_id": query.user_id, **answer}
        self.emit("answer", query.user_id, query.answer)
        return True

    def answer_callback_query(self, p: Json) -> bool:
        """Once, in time."""
        text, url = p.get("text") or "", p.get("url") or ""
        require(len(str(text)) <= 200, "MESSAGE_TOO_LONG")
        query = self._open_query(p.get("callback_query_id"))
        require(not url or re.match(r"https?://t\.me/|tg://", str(url)), "URL_INVALID")
        return self._answered(query, {"show_alert": to_bool(p.get("show_alert")), "text": text, "url": url})

    def answer_inline_query(self, p: Json) -> bool:
        """At most 50 results with different ids of 1-64 bytes."""
        results = nested(p, "results")
        require(len(results) <= 50, "too many inline query results specified")
        shown = [_inline_result(result) for result in results]
        query = self._open_query(p.get("inline_query_id"))
        ids = [str(result["id"]).encode() for result in shown]
        require(len(set(ids)) == len(ids), "RESULT_ID_DUPLICATE")
        require(all(1 <= len(i) <= 64 for i in ids), "RESULT_ID_INVALID")
        offset = p.get("next_offset") or ""
        require(len(str(offset).encode()) <= 64, "NEXT_OFFSET_INVALID")
        cached = clamp(to_int(p.get("cache_time", 300)), 0, 86_400)
        return self._answered(query, {"results": shown, "next_offset": offset, "cache_time": cached})

    # --- chats and members ------------------------------------------------------------------------------

    def get_me(self, p: Json) -> Json:
        """The bot with its capabilities."""
        return {**self.bot.json, **TABLES["capabilities"]}

    def get_chat(self, p: Json) -> Json:
        """What everybody may know of a chat, and what is pinned in it."""
        chat = self.access(p.get("chat_id"), "read")
        pinned = chat.find(next(reversed(chat.pinned), 0))
        return {**chat.json, **TABLES["full_chat"], **({"pinned_message": quoted(pinned)} if pinned else {})}

    def get_chat_member_count(self, p: Json) -> int:
        """Everybody inside, the bot too."""
        chat = self.access(p.get("chat_id"), "read")
        return chat.crowd + (2 if chat.type == "private" else sum(one.inside for one in chat.members.values()))

    def get_chat_member(self, p: Json) -> Json:
        """Who was never there is `left`."""
        chat = self.access(p.get("chat_id"), "read")
        user = self.users.get(to_int(p.get("user_id")))
        if user is None:
            raise refuse("user not found")
        stranger = Member(user, "member" if chat.type == "private" else "left")
        return chat.members.get(user.id, stranger).to_json(chat)

    def create_forum_topic(self, p: Json) -> Json:
        """In a forum where the bot may manage topics."""
        chat, name = self.access(p.get("chat_id")), str(p.get("name") or "")
        require(chat.is_forum, "the chat is not a forum")
        require(self._may(chat, "can_manage_topics"), "not enough rights to create a topic")
        require(name, "TOPIC_TITLE_EMPTY")
        require(len(name) <= 128, "TOPIC_TITLE_TOO_LONG")
        topic = self.add_topic(chat, name, to_int(p.get("icon_color")) or 7322096, self.bot)
        return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.icon_color}

    def get_file(self, p: Json) -> Json:
        """Up to 20 MB."""
        file = self.files.get(str(p.get("file_id") or ""))
        if file is None:
            raise refuse("invalid file_id")
        require(len(file.data) <= 20_971_520, "file is too big")
        names = {"file_id": file.file_id, "file_unique_id": file.unique_id}
        return {**names, "file_size": len(file.data), "file_path": file.path}

    # --- the bot's own card -----------------------------------------------------------------------------

    def _card(self, name: str, p: Json) -> Any:
        """set/getMyName, …Description, …ShortDescription: per language, falling back to the default one."""
        what, longest = _CARD[name[3:]]
        lang = str(p.get("language_code") or "")
        if name.startswith("get"):
            default = self.bot.name if what == "name" else ""
            return {what: self.texts.get((what, lang)) or self.texts.get((what, "")) or default}
        text = str(p.get(what) or "")
        require(len(text) <= longest, f"bot {what.replace('_', ' ')} is too long")
        self.texts[what, lang] = text
        return self._done()

    def _done(self) -> bool:
        self.emit("state", 0)
        return True

    def _scope(self, p: Json) -> tuple[str, str]:
        scope = nested(p, "scope")
        where = [str(scope[name]) for name in ("chat_id", "user_id") if name in scope]
        if where:
            self.chat(where[0])
        return ":".join([str(scope.get("type") or "default"), *where]), str(p.get("language_code") or "")

    def set_my_commands(self, p: Json) -> bool:
        """Per scope and language."""
        listed = nested(p, "commands")
        require(len(listed) <= 100, "BOT_COMMANDS_TOO_MUCH")
        self.commands[self._scope(p)] = [_command(raw) for raw in listed]
        return self._done()

    def get_my_commands(self, p: Json) -> list[Json]:
        """Of exactly that scope and language."""
        return self.commands.get(self._scope(p), [])

    def delete_my_commands(self, p: Json) -> bool:
        """Of exactly that scope and language."""
        self.commands.pop(self._scope(p), None)
        return self._done()

    # --- receiving --------------------------------------------------------------------------------------

    def get_updates(self, p: Json) -> list[Json]:
        """What is there, without waiting; the HTTP front adds the long poll."""
        require(not self.webhook.url, _HOOKED, 409)
        self._allow(p)
        return self.fetch(to_int(p.get("offset")), clamp(to_int(p.get("limit")) or 100, 1, 100))

    def _allow(self, p: Json) -> None:
        try:
            wanted = decoded(p.get("allowed_updates"))
        except ValueError:
            return
        if isinstance(wanted, list):
            self.allowed = (UPDATE_KINDS & set(wanted)) or DEFAULT_KINDS

    def set_webhook(self, p: Json) -> bool:
        """As with a self-hosted server, http, any port and loopback addresses are fine."""
        url, secret, now = str(p.get("url") or ""), str(p.get("secret_token") or ""), self.clock.now()
        if not url:
            return self.delete_webhook(p)
        require(len(secret) <= 256, "secret token is too long")
        require(re.fullmatch(r"[A-Za-z0-9_-]*", secret), "secret token contains unallowed characters")
        require(re.match(r"https?://[^/\s]+", url), "invalid webhook URL specified")
        if now - self.webhook.set_at < 1 and self.webhook.url and self.webhook.url != url:
            raise refuse("retry after 1", 429, retry_after=1)
        self._allow(p)
        return self._hook(p, Webhook(url, secret, clamp(to_int(p.get("max_connections")) or 40, 1, 100), set_at=now))

    def delete_webhook(self, p: Json) -> bool:
        """What waits stays, unless it is to be dropped."""
        return self._hook(p, Webhook())

    def _hook(self, p: Json, webhook: Webhook) -> bool:
        if to_bool(p.get("drop_pending_updates")):
            self.updates.clear()
        self.webhook = webhook
        return self._done()

    def get_webhook_info(self, p: Json) -> Json:
        """With the last failure, and the kinds of updates where they are not the default ones."""
        hook = self.webhook
        info: Json = {"url": hook.url, "has_custom_certificate": False, "pending_update_count": len(self.pending())}
        info |= {"max_connections": hook.max_connections} if hook.url else {}
        if hook.last_error:
            info |= {"last_error_date": int(hook.last_error[0]), "last_error_message": hook.last_error[1]}
        return info if self.allowed == DEFAULT_KINDS else {**info, "allowed_updates": sorted(self.allowed)}


def _inline_result(raw: Any) -> Json:
    head = "can't parse inline query result: "
    if not isinstance(raw, dict):
        raise refuse(head + "object expected")
    article, said = raw.get("type") == "article", raw.get("input_message_content")
    for name, there in {
        "type": "type" in raw,
        "id": "id" in raw,
        "title": raw.get("title") or not article,
        "input_message_content": isinstance(said, dict) or not article,
    }.items():
        require(there, f'{head}Can\'t find field "{name}"')
    message: Json = {}
    if isinstance(said, dict):
        content = text_content({**said, "text": said.get("message_text")})
        if content.late:
            raise content.late
        message = dict(content.fields)
    markup = keyboards.check(keyboards.parse(raw.get("reply_markup")), "private", inline_only=True)
    keyboards.server_check(markup, "private")
    return {**raw, "message": {**message, "reply_markup": markup} if markup else message}


def _command(raw: Any) -> Json:
    if not isinstance(raw, dict) or "command" not in raw or "description" not in raw:
        raise refuse('can\'t parse BotCommand: Can\'t find field "command" or "description"')
    command = str(raw["command"]).strip().removeprefix("/")
    description = str(raw["description"]).strip()
    for what, text, longest in (("command", command, 32), ("command description", description, 256)):
        require(text, f"{what} must be non-empty")
        require(len(text) <= longest, f"{what} length must not exceed {longest}")
    require(re.fullmatch(r"[a-z0-9_]+", command), "BOT_COMMAND_INVALID")
    return {"command": command, "description": description}
