"""The bot's side of the machine: each Bot API method that the product calls, refusing what Telegram refuses.

The order of checks is Telegram's: content, reply and keyboard syntax, chat and access, topic, reply target, right
to post, keyboard semantics, lengths, permissions; then what only its servers know: callback data, blocks, floods.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import markup as keyboards
from .content import (
    Files,
    album,
    caption_fields,
    decoded,
    input_media,
    media_content,
    nested,
    rich_content,
    text_content,
)
from .machine import DEFAULT_EXCLUDED, UPDATE_KINDS, World, quoted
from .model import (
    ApiError,
    Chat,
    Content,
    Json,
    Member,
    Msg,
    Params,
    Query,
    Webhook,
    clamp,
    flood,
    refuse,
    to_bool,
    to_int,
)

_METHOD_NAMES = (
    "getMe getUpdates setWebhook deleteWebhook getWebhookInfo sendMessage sendPhoto sendVideo sendDocument"
    " sendMediaGroup sendRichMessage copyMessage forwardMessage editMessageText editMessageCaption"
    " editMessageMedia editMessageReplyMarkup deleteMessage deleteMessages pinChatMessage unpinChatMessage"
    " answerCallbackQuery answerInlineQuery getChat getChatMember getChatAdministrators getChatMemberCount"
    " leaveChat getFile setMyCommands getMyCommands deleteMyCommands setMyName getMyName setMyDescription"
    " getMyDescription setMyShortDescription getMyShortDescription sendChatAction createForumTopic close"
    " logOut"
)
METHODS = tuple(_METHOD_NAMES.split())

_TWO_DAYS = 172_800
_PLACES = {"group": "group chat", "supergroup": "supergroup chat", "channel": "channel chat"}
_KINDS = {  # kind of content -> (permission, Telegram's word for it)
    "text": ("can_send_messages", "text messages"),
    "rich": ("can_send_messages", "text messages"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "document": ("can_send_documents", "documents"),
}
_ACTION_NAMES = (
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker"
    " find_location record_video_note upload_video_note"
)
_ACTIONS = tuple(_ACTION_NAMES.split())
_CAPABILITIES = (
    *("can_join_groups", "can_read_all_group_messages", "supports_inline_queries", "supports_guest_queries"),
    *("can_connect_to_business", "has_main_web_app", "has_topics_enabled", "allows_users_to_create_topics"),
    "can_manage_bots",
)
_STALE = "query is too old and response timeout expired or query ID is invalid"
_UNMODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
_CARD = {  # what getMy… and setMy… speak of -> (field, longest)
    "myname": ("name", 64),
    "mydescription": ("description", 512),
    "myshortdescription": ("short_description", 120),
}
_NAMES = {name.lower(): re.sub(r"(?=[A-Z])", "_", name).lower() for name in METHODS}
_SENDS: dict[str, Callable[[Params, Files], list[Content]]] = {
    "sendmessage": lambda p, files: [text_content(p)],
    "sendrichmessage": lambda p, files: [rich_content(p)],
    "sendphoto": lambda p, files: [media_content(p, files, "photo")],
    "sendvideo": lambda p, files: [media_content(p, files, "video")],
    "senddocument": lambda p, files: [media_content(p, files, "document")],
    "sendmediagroup": album,
}


class Machine(World):
    """The whole stand-in without its sockets: people act on the world, the bot calls methods."""

    def call(self, method: str, params: Params, files: dict[str, tuple[str, bytes]] | None = None) -> Any:
        """Do what the method says and return its `result`; `files` are uploads: field -> (name, bytes).

        Raises ApiError with Telegram's own words. Method names are case-insensitive.
        """
        name = method.lower()
        if name not in _NAMES:
            raise ApiError(404, "Not Found: method not found")
        if self.logged_out:
            raise ApiError(400, "Logged out")
        if name[3:] in _CARD:
            return self._bot_text(name, params)
        if name in _SENDS:
            return self._send(name, params, Files(self.files, self.web, files or {}))
        if name == "editmessagemedia":
            return self.edit_message_media(params, Files(self.files, self.web, files or {}))
        return getattr(self, _NAMES[name])(params)

    # --- finding things and checking access -------------------------------------------------------------

    def chat(self, ref: Any) -> Chat:
        """The chat that `chat_id` means: a number or @name of a public chat, never of a person."""
        if ref is None or ref == "":
            raise refuse("chat_id is empty")
        text = str(ref).strip()
        found = self.usernames.get(text[1:].lower()) if text.startswith("@") else to_int(text)
        chat = self.chats.get(found or 0)
        if chat is None or (chat.type == "private" and not chat.started):
            raise refuse("chat not found")
        return chat

    def access(self, ref: Any, level: str = "write") -> Chat:
        """The chat, if the bot may read, edit or write there."""
        chat = self.chat(ref)
        if chat.type == "private":
            if level != "read" and self.users[chat.id].deactivated:
                raise refuse("user is deactivated", 403)
            return chat
        if chat.type == "group" and level == "write":
            if chat.migrated_to:
                text = "group chat was upgraded to a supergroup chat"
                raise refuse(text, migrate_to_chat_id=chat.migrated_to)
            if chat.dead:
                raise refuse("the group chat was deleted", 403)
        me, place = chat.members[self.bot.id], _PLACES[chat.type]
        if me.inside or (level == "read" and chat.username):
            return chat
        if me.status == "kicked":
            raise refuse(f"bot was kicked from the {place}", 403)
        raise refuse(f"bot is not a member of the {place}", 403)

    def _may_post(self, chat: Chat) -> None:
        if chat.type == "channel" and not chat.members[self.bot.id].may("can_post_messages"):
            raise refuse("need administrator rights in the channel chat")

    def _permit(self, chat: Chat, kind: str) -> None:
        if chat.type not in ("group", "supergroup"):
            return
        me = chat.members[self.bot.id]
        right, word = _KINDS[kind]
        allowed = chat.permissions if me.status == "member" else me.rights
        if me.status in ("member", "restricted") and not allowed.get(right, me.status == "member"):
            raise refuse(f"not enough rights to send {word} to the chat")

    def _thread(self, p: Params, chat: Chat) -> int:
        thread = to_int(p.get("message_thread_id"))
        if thread and (thread not in chat.topics):
            raise refuse("message thread not found")
        return thread

    def _reply(self, p: Params, chat: Chat, wanted: Json) -> Json:
        """The `reply_to_message` field, empty when nothing is replied to."""
        if not wanted.get("message_id"):
            return {}
        source = self.chat(wanted["chat_id"]) if wanted.get("chat_id") else chat
        msg = self.find(source, to_int(wanted["message_id"]))
        if msg is None:
            if to_bool(wanted.get("allow_sending_without_reply")):
                return {}
            raise refuse("message to be replied not found")
        return {"reply_to_message": quoted(msg)}

    def _accept(self, chat: Chat, *, count: int = 1, paid: bool = False) -> None:
        """What Telegram's servers say last: blocks, then flood control."""
        if chat.type == "private" and chat.blocked:
            raise refuse("bot was blocked by the user", 403)
        group = chat.type in ("group", "supergroup")
        self.flood.admit(chat.id, self.clock.now(), count=count, group=group, paid=paid)

    # --- sending ----------------------------------------------------------------------------------------

    def _send(self, name: str, p: Params, files: Files) -> Json | list[Json]:
        """Each send method; of an album all items or none."""
        contents = _SENDS[name](p, files)
        group = {"media_group_id": str(self.random.getrandbits(53))} if len(contents) > 1 else {}
        sent = [msg.json for msg in self._deliver(p, contents, group)]
        return sent if name == "sendmediagroup" else sent[0]

    def _deliver(self, p: Params, contents: list[Content], extra: Json | None = None) -> list[Msg]:
        """The common road of everything that is sent, after its content was read."""
        wanted = nested(p.get("reply_parameters"), "reply parameters", dict, "object expected as reply parameters")
        raw = keyboards.parse(p.get("reply_markup"))
        chat = self.access(p.get("chat_id"))
        thread = self._thread(p, chat)
        reply = self._reply(p, chat, wanted)
        self._may_post(chat)
        markup = keyboards.check(raw, chat.type)
        for content in contents:
            if content.late:
                raise content.late
        for content in contents:
            self._permit(chat, content.kind)
        self._server_says(p, chat, thread, markup, len(contents))
        shared = {**reply, **(extra or {})}
        if to_bool(p.get("protect_content")):
            shared["has_protected_content"] = True
        return [self._post(p, chat, thread, content, markup, shared) for content in contents]

    def _server_says(self, p: Params, chat: Chat, thread: int, markup: Json | None, count: int) -> None:
        keyboards.server_check(markup, chat.type)
        if thread and chat.topics[thread].closed and not chat.members[self.bot.id].may("can_manage_topics"):
            raise refuse("TOPIC_CLOSED")
        self._accept(chat, count=count, paid=to_bool(p.get("allow_paid_broadcast")))

    def _post(self, p: Params, chat: Chat, thread: int, content: Content, markup: Json | None, shared: Json) -> Msg:
        msg = Msg({}, True, content.kind, to_bool(p.get("disable_notification")), markup)
        msg.protected = "has_protected_content" in shared
        fields = {**shared, **content.fields}
        if markup and "inline_keyboard" in markup:
            fields["reply_markup"] = markup
        sender = None if chat.type == "channel" else self.bot
        return self.add_message(chat, sender, fields, msg, thread)

    def _source(self, p: Params, verb: str) -> Msg:
        msg = self.find(self.access(p.get("from_chat_id"), "read"), to_int(p.get("message_id")))
        if msg is None or msg.kind == "service":
            raise refuse(f"message to {verb} not found")
        if msg.protected:
            raise refuse(f"message can't be {'copied' if verb == 'copy' else 'forwarded'}")
        return msg

    def content_of(self, msg: Msg) -> Content:
        """What a message says, without where and by whom: for copies and forwards."""
        names = (
            *("text", "entities", "link_preview_options", "photo", "video", "document", "rich_message"),
            *("caption", "caption_entities", "show_caption_above_media", "has_media_spoiler"),
        )
        return Content(msg.kind, {name: msg.json[name] for name in names if name in msg.json})

    def copy_message(self, p: Params) -> Json:
        """copyMessage: same content, no trace of where it came from; a given caption replaces the old one."""
        self.access(p.get("chat_id"))
        content = self.content_of(self._source(p, "copy"))
        if "caption" in p and content.kind in ("photo", "video", "document"):
            caption, content.late = caption_fields(p)
            for name in ("caption", "caption_entities", "show_caption_above_media"):
                content.fields.pop(name, None)
            content.fields |= caption
        return {"message_id": self._deliver(p, [content])[0].id}

    def forward_message(self, p: Params) -> Json:
        """forwardMessage."""
        self.access(p.get("chat_id"))
        msg = self._source(p, "forward")
        given = {name: value for name, value in p.items() if name != "reply_markup"}
        return self._deliver(given, [self.content_of(msg)], {"forward_origin": origin(msg)})[0].json

    # --- editing ----------------------------------------------------------------------------------------

    def _edit(self, p: Params, content: Content | None, needs: str) -> Json:
        """The common road of edits. `needs`: text, caption, media or markup; None content: only the keyboard."""
        raw = keyboards.parse(p.get("reply_markup"))
        if p.get("inline_message_id"):
            raise refuse("MESSAGE_ID_INVALID")
        chat = self.access(p.get("chat_id"), "edit")
        msg = self.find(chat, to_int(p.get("message_id")))
        if msg is None:
            raise refuse("message to edit not found")
        self._editable(chat, msg, only_markup=content is None)
        if needs == "text" and msg.kind not in ("text", "rich"):
            raise refuse("there is no text in the message to edit")
        if needs == "caption" and msg.kind not in ("photo", "video", "document"):
            raise refuse("there is no caption in the message to edit")
        if needs == "media" and content:
            self._media_editable(msg, content)
        markup = keyboards.check(raw, chat.type, inline_only=True)
        if content and content.late:
            raise content.late
        keyboards.server_check(markup, chat.type)
        return self._apply(chat, msg, content, needs, markup)

    def _apply(self, chat: Chat, msg: Msg, content: Content | None, needs: str, markup: Json | None) -> Json:
        replaced: dict[str, tuple[str, ...]] = {
            "text": ("text", "entities", "link_preview_options", "rich_message"),
            "caption": ("caption", "caption_entities", "show_caption_above_media"),
            "media": (
                *("photo", "video", "document", "caption", "caption_entities"),
                *("show_caption_above_media", "has_media_spoiler", "text", "entities"),
            ),
            "markup": (),
        }
        new: Json = dict.fromkeys(replaced[needs]) | (content.fields if content else {})
        new["reply_markup"] = markup
        if all(msg.json.get(name) == value for name, value in new.items()):
            raise refuse(_UNMODIFIED)
        self._accept(chat)
        msg.markup = markup
        if content and needs != "caption":
            msg.kind = content.kind
        self.change(chat, msg, new)
        return msg.json

    def _editable(self, chat: Chat, msg: Msg, *, only_markup: bool) -> None:
        me = chat.members.get(self.bot.id)
        may = msg.out
        if chat.type == "channel" and me:
            fresh = self.clock.now() - msg.json["date"] <= _TWO_DAYS + 300 or only_markup
            may = me.may("can_edit_messages") or (msg.out and me.may("can_post_messages") and fresh)
        reply_keyboard = msg.markup is not None and "inline_keyboard" not in msg.markup
        if not may or msg.kind == "service" or "forward_origin" in msg.json or reply_keyboard:
            raise refuse("message can't be edited")

    def _media_editable(self, msg: Msg, content: Content) -> None:
        if msg.kind == "rich":
            raise refuse("message media can't be edited")
        if "media_group_id" in msg.json and (msg.kind == "document") != (content.kind == "document"):
            raise refuse("can't change media type in the album")

    def edit_message_text(self, p: Params) -> Json:
        """editMessageText, with text or with a rich message."""
        return self._edit(p, rich_content(p) if p.get("rich_message") else text_content(p), "text")

    def edit_message_caption(self, p: Params) -> Json:
        """editMessageCaption; no caption takes it away."""
        keyboards.parse(p.get("reply_markup"))
        fields, late = caption_fields(p)
        return self._edit(p, Content("caption", fields, late), "caption")

    def edit_message_media(self, p: Params, files: Files) -> Json:
        """editMessageMedia."""
        if not p.get("media"):
            raise refuse('parameter "media" is required')
        raw = nested(p["media"], "input media", dict, "can't parse InputMedia: expected an Object")
        return self._edit(p, input_media(raw, files, album=False), "media")

    def edit_message_reply_markup(self, p: Params) -> Json:
        """editMessageReplyMarkup; none takes the keyboard away."""
        return self._edit(p, None, "markup")

    # --- deleting and pinning ---------------------------------------------------------------------------

    def _deletable(self, chat: Chat, msg: Msg) -> None:
        me = chat.members.get(self.bot.id)
        fresh = self.clock.now() - msg.json["date"] <= _TWO_DAYS
        if chat.type in ("supergroup", "channel"):
            assert me
            own = msg.out and (chat.type == "supergroup" or me.may("can_post_messages"))
            if not own and not me.may("can_delete_messages"):
                raise refuse("message can't be deleted")
        elif not fresh or (chat.type == "group" and not msg.out and not (me and me.may("can_delete_messages"))):
            raise refuse("message can't be deleted for everyone")

    def delete_message(self, p: Params) -> bool:
        """deleteMessage."""
        if p.get("chat_id") in (None, ""):
            raise refuse("chat identifier is not specified")
        if not to_int(p.get("message_id")):
            raise refuse("message identifier is not specified")
        chat = self.access(p["chat_id"])
        msg = self.find(chat, to_int(p["message_id"]))
        if msg is None:
            raise refuse("message to delete not found")
        self._deletable(chat, msg)
        self.erase(chat, msg)
        return True

    def delete_messages(self, p: Params) -> bool:
        """deleteMessages: unknown ids are skipped, one undeletable fails the whole call."""
        if not p.get("message_ids"):
            raise refuse("message identifiers are not specified")
        ids = nested(p["message_ids"], "message_ids", list, "expected an Array of message identifiers")
        if len(ids) > 100:
            raise refuse("too many message identifiers specified")
        if not all(isinstance(i, int) or str(i).lstrip("-").isdigit() for i in ids):
            raise refuse("message identifier must be a Number")
        if any(to_int(i) <= 0 for i in ids):
            raise refuse("invalid message identifier specified")
        chat = self.access(p.get("chat_id"))
        found = [msg for i in ids if (msg := self.find(chat, to_int(i)))]
        for msg in found:
            self._deletable(chat, msg)
        for msg in {msg.id: msg for msg in found}.values():
            self.erase(chat, msg)
        return True

    def _pinnable(self, p: Params, verb: str) -> tuple[Chat, int]:
        chat = self.access(p.get("chat_id"))
        right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
        me = chat.members.get(self.bot.id)
        if me and not me.may(right) and not (me.status == "member" and chat.permissions.get(right)):
            raise refuse("not enough rights to manage pinned messages in the chat")
        wanted = to_int(p.get("message_id"))
        if verb == "unpin" and not wanted and chat.pinned:
            wanted = chat.pinned[-1]
        msg = self.find(chat, wanted)
        if msg is None or msg.kind == "service":
            raise refuse(f"message to {verb} not found")
        return chat, wanted

    def pin_chat_message(self, p: Params) -> bool:
        """pinChatMessage; everybody, the bot too, sees the service message about it."""
        chat, wanted = self._pinnable(p, "pin")
        if wanted not in chat.pinned:
            chat.pinned.append(wanted)
            self.service(chat, self.bot, {"pinned_message": quoted(chat.messages[wanted])}, heard=True)
        return True

    def unpin_chat_message(self, p: Params) -> bool:
        """unpinChatMessage; without an id the newest pin."""
        chat, wanted = self._pinnable(p, "unpin")
        if wanted in chat.pinned:
            chat.pinned.remove(wanted)
            self.emit("state", chat.id)
        return True

    # --- queries ----------------------------------------------------------------------------------------

    def _open_query(self, query_id: Any) -> Query:
        query = self.queries.get(str(query_id or ""))
        if query is None or query.answer is not None or query.expires <= self.clock.now():
            raise refuse(_STALE)
        return query

    def answer_callback_query(self, p: Params) -> bool:
        """answerCallbackQuery: once, in time."""
        if len(str(p.get("text") or "")) > 200:
            raise refuse("MESSAGE_TOO_LONG")
        query = self._open_query(p.get("callback_query_id"))
        if p.get("url") and not re.match(r"https?://t\.me/|tg://", str(p["url"])):
            raise refuse("URL_INVALID")
        query.answer = {"user_id": query.user_id, "show_alert": to_bool(p.get("show_alert"))}
        query.answer |= {"text": p.get("text") or "", "url": p.get("url") or ""}
        self.emit("answer", query.user_id, query.answer)
        return True

    def answer_inline_query(self, p: Params) -> bool:
        """answerInlineQuery: at most 50 results with different ids of 1-64 bytes."""
        expected = "expected an Array of inline query results"
        results = nested(p.get("results"), "inline query results", list, expected)
        if len(results) > 50:
            raise refuse("too many inline query results specified")
        shown = [self._inline_result(result) for result in results]
        query = self._open_query(p.get("inline_query_id"))
        ids = [result["id"] for result in shown]
        if len(set(ids)) < len(ids):
            raise refuse("RESULT_ID_DUPLICATE")
        if any(not 1 <= len(str(i).encode()) <= 64 for i in ids):
            raise refuse("RESULT_ID_INVALID")
        if len(str(p.get("next_offset") or "").encode()) > 64:
            raise refuse("NEXT_OFFSET_INVALID")
        query.answer = {"user_id": query.user_id, "results": shown, "next_offset": p.get("next_offset") or ""}
        query.answer["cache_time"] = clamp(to_int(p.get("cache_time", 300)), 0, 86_400)
        self.emit("answer", query.user_id, query.answer)
        return True

    def _inline_result(self, raw: Any) -> Json:
        head = "can't parse inline query result: "
        if not isinstance(raw, dict):
            raise refuse(head + "object expected")
        for name in ("type", "id"):
            if name not in raw:
                raise refuse(f'{head}Can\'t find field "{name}"')
        if raw["type"] == "article" and not raw.get("title"):
            raise refuse(f'{head}Can\'t find field "title"')
        said = raw.get("input_message_content")
        if raw["type"] == "article" and not isinstance(said, dict):
            raise refuse(f'{head}Can\'t find field "input_message_content"')
        content = text_content({**said, "text": said.get("message_text")}) if isinstance(said, dict) else None
        if content and content.late:
            raise content.late
        markup = keyboards.check(keyboards.parse(raw.get("reply_markup")), "private", inline_only=True)
        keyboards.server_check(markup, "private")
        message = dict(content.fields) if content else {}
        return {**raw, "message": {**message, "reply_markup": markup} if markup else message}

    # --- chats and members ------------------------------------------------------------------------------

    def get_me(self, p: Params) -> Json:
        """getMe: the bot with its nine capabilities."""
        on = ("can_join_groups", "supports_inline_queries")
        return {**self.bot.json, **{name: name in on for name in _CAPABILITIES}}

    def get_chat(self, p: Params) -> Json:
        """getChat."""
        chat = self.access(p.get("chat_id"), "read")
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        shown = {**chat.json, "accent_color_id": 0, "max_reaction_count": 11}
        shown["accepted_gift_types"] = dict.fromkeys(gifts, False)
        if chat.pinned:
            shown["pinned_message"] = chat.messages[chat.pinned[-1]].json
        return shown

    def get_chat_member(self, p: Params) -> Json:
        """getChatMember; who was never there is `left`."""
        chat = self.access(p.get("chat_id"), "read")
        user = self.users.get(to_int(p.get("user_id")))
        if user is None:
            raise refuse("user not found")
        member = chat.members.get(user.id)
        status = {"user": user.json, "status": "member" if chat.type == "private" else "left"}
        return member.to_json(chat) if member else status

    def get_chat_administrators(self, p: Params) -> list[Json]:
        """getChatAdministrators: all but other bots."""
        chat = self.access(p.get("chat_id"), "read")
        if chat.type == "private":
            raise refuse("there are no administrators in the private chat")
        leads = (m for m in chat.members.values() if m.status in ("creator", "administrator"))
        return [m.to_json(chat) for m in leads if not m.user.is_bot or m.user is self.bot]

    def get_chat_member_count(self, p: Params) -> int:
        """getChatMemberCount."""
        chat = self.access(p.get("chat_id"), "read")
        return 2 if chat.type == "private" else sum(member.inside for member in chat.members.values())

    def leave_chat(self, p: Params) -> bool:
        """leaveChat; the bot hears of its own leaving as my_chat_member."""
        chat = self.access(p.get("chat_id"))
        if chat.type == "private":
            raise refuse("chat member status can't be changed in private chats")
        self.set_member(chat, Member(self.bot, "left"), by=self.bot)
        return True

    def send_chat_action(self, p: Params) -> bool:
        """sendChatAction; a deleted topic is no error here, with Telegram as well."""
        if p.get("action") not in _ACTIONS:
            raise refuse("wrong parameter action in request")
        chat = self.access(p.get("chat_id"))
        self.emit("typing", chat.id, {"action": p["action"]})
        return True

    def create_forum_topic(self, p: Params) -> Json:
        """createForumTopic, in a forum where the bot may manage topics."""
        chat = self.access(p.get("chat_id"))
        if not chat.is_forum:
            raise refuse("the chat is not a forum")
        if not chat.members[self.bot.id].may("can_manage_topics"):
            raise refuse("not enough rights to create a topic")
        name = str(p.get("name") or "")
        if not 1 <= len(name) <= 128:
            raise refuse("TOPIC_TITLE_EMPTY" if not name else "TOPIC_TITLE_TOO_LONG")
        topic = self.add_topic(chat, name, to_int(p.get("icon_color")) or 7322096, self.bot)
        return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.icon_color}

    def get_file(self, p: Params) -> Json:
        """getFile: up to 20 MB."""
        file = self.files.get(str(p.get("file_id") or ""))
        if file is None:
            raise refuse("invalid file_id")
        if len(file.data) > 20_971_520:
            raise refuse("file is too big")
        size = {"file_size": len(file.data), "file_path": file.path}
        return {"file_id": file.file_id, "file_unique_id": file.unique_id, **size}

    # --- the bot's own card -----------------------------------------------------------------------------

    def _bot_text(self, name: str, p: Params) -> Any:
        """set/getMyName, …Description, …ShortDescription: per language, falling back to the default one."""
        what, longest = _CARD[name[3:]]
        lang = str(p.get("language_code") or "")
        if name.startswith("get"):
            default = self.bot.name if what == "name" else ""
            return {what: self.texts.get((what, lang)) or self.texts.get((what, "")) or default}
        text = str(p.get(what) or "")
        if len(text) > longest:
            raise refuse(f"bot {what.replace('_', ' ')} is too long")
        self.texts[what, lang] = text
        self.emit("state", 0)
        return True

    def _scope(self, p: Params) -> tuple[str, str]:
        scope = nested(p.get("scope"), "BotCommandScope", dict, "can't parse BotCommandScope: expected an Object")
        kind = str(scope.get("type") or "default")
        where = [str(scope[name]) for name in ("chat_id", "user_id") if name in scope]
        if where:
            self.chat(where[0])
        return ":".join([kind, *where]), str(p.get("language_code") or "")

    def set_my_commands(self, p: Params) -> bool:
        """setMyCommands, per scope and language."""
        listed = nested(p.get("commands"), "commands", list, "expected an Array of BotCommand")
        if len(listed) > 100:
            raise refuse("BOT_COMMANDS_TOO_MUCH")
        self.commands[self._scope(p)] = [_command(raw) for raw in listed]
        self.emit("state", 0)
        return True

    def get_my_commands(self, p: Params) -> list[Json]:
        """getMyCommands of exactly that scope and language."""
        return self.commands.get(self._scope(p), [])

    def delete_my_commands(self, p: Params) -> bool:
        """deleteMyCommands."""
        self.commands.pop(self._scope(p), None)
        self.emit("state", 0)
        return True

    # --- receiving --------------------------------------------------------------------------------------

    def get_updates(self, p: Params) -> list[Json]:
        """getUpdates without waiting; the HTTP front adds the long poll."""
        if self.webhook.url:
            text = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise ApiError(409, f"Conflict: {text}")
        self._allow(p)
        return self.fetch(to_int(p.get("offset")), clamp(to_int(p.get("limit")) or 100, 1, 100))

    def _allow(self, p: Params) -> None:
        try:
            wanted = decoded(p.get("allowed_updates"))
        except ValueError:
            return
        if isinstance(wanted, list):
            self.allowed = (UPDATE_KINDS & set(wanted)) or UPDATE_KINDS - DEFAULT_EXCLUDED

    def set_webhook(self, p: Params) -> bool:
        """setWebhook. As with a self-hosted server, http, any port and loopback addresses are fine."""
        url = str(p.get("url") or "")
        if not url:
            return self.delete_webhook(p)
        secret = str(p.get("secret_token") or "")
        if len(secret) > 256:
            raise refuse("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise refuse("secret token contains unallowed characters")
        if not re.match(r"https?://[^/\s]+", url):
            raise refuse("invalid webhook URL specified")
        if self.clock.now() - self.webhook.set_at < 1 and self.webhook.url and self.webhook.url != url:
            raise flood(1)
        self._allow(p)
        if to_bool(p.get("drop_pending_updates")):
            self.updates.clear()
        connections = clamp(to_int(p.get("max_connections")) or 40, 1, 100)
        self.webhook = Webhook(url, secret, connections, set_at=self.clock.now())
        self.emit("state", 0)
        return True

    def delete_webhook(self, p: Params) -> bool:
        """deleteWebhook; what waits stays, unless it is to be dropped."""
        if to_bool(p.get("drop_pending_updates")):
            self.updates.clear()
        self.webhook = Webhook()
        self.emit("state", 0)
        return True

    def get_webhook_info(self, p: Params) -> Json:
        """getWebhookInfo."""
        hook = self.webhook
        info: Json = {"url": hook.url, "has_custom_certificate": False, "pending_update_count": len(self.pending())}
        if hook.url:
            info |= {"max_connections": hook.max_connections}
        if hook.last_error:
            info |= {"last_error_date": int(hook.last_error[0]), "last_error_message": hook.last_error[1]}
        if self.allowed != UPDATE_KINDS - DEFAULT_EXCLUDED:
            info["allowed_updates"] = sorted(self.allowed)
        return info

    def close(self, p: Params) -> bool:
        """close: refused in the first ten minutes."""
        left = 600 - (self.clock.now() - self.started_at)
        if left > 0:
            raise flood(max(1, int(left)))
        return True

    def log_out(self, p: Params) -> bool:
        """logOut: from then on each call is refused."""
        self.logged_out = True
        return True


def origin(msg: Msg) -> Json:
    """The MessageOrigin of a forward."""
    shown = msg.json
    if "forward_origin" in shown:
        return dict(shown["forward_origin"])
    if "sender_chat" in shown:
        place = {"chat": shown["sender_chat"], "message_id": shown["message_id"]}
        return {"type": "channel", "date": shown["date"], **place}
    return {"type": "user", "date": shown["date"], "sender_user": shown["from"]}


def _command(raw: Any) -> Json:
    if not isinstance(raw, dict) or "command" not in raw or "description" not in raw:
        raise refuse('can\'t parse BotCommand: Can\'t find field "command" or "description"')
    command = str(raw["command"]).strip().removeprefix("/")
    description = str(raw["description"]).strip()
    if not command:
        raise refuse("command must be non-empty")
    if len(command) > 32:
        raise refuse("command length must not exceed 32")
    if not description:
        raise refuse("command description must be non-empty")
    if len(description) > 256:
        raise refuse("command description length must not exceed 256")
    if not re.fullmatch(r"[a-z0-9_]+", command):
        raise refuse("BOT_COMMAND_INVALID")
    return {"command": command, "description": description}
