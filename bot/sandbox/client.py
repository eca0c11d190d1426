"""People for tests: they write, tap, type, block, join and wait for what the bot says. No polling anywhere."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from .content import media_fields, new_file
from .machine import CARRIED
from .model import Chat, File, Json, Member, Msg, Query, User

if TYPE_CHECKING:
    from .http import Sandbox

PATIENCE = 20.0
"""Real seconds: what is waited for comes at once, unless the machine is busy."""
Photo = bytes | str  # image bytes, or the file_id of a photo that the stand-in knows


class Person:
    """One person with a private chat with the bot."""

    def __init__(self, sandbox: Sandbox, user_id: int) -> None:
        self.sandbox, self.id = sandbox, user_id
        self._news: deque[Json] = deque(maxlen=1_000)
        self._arrived = asyncio.Event()

    async def send(
        self, text: str = "", chat: int | Chat | None = None, *, photo: Photo | None = None,
        reply_to: Json | int | None = None, entities: list[Json] | None = None, forward_from: Json | None = None,
        media_group: list[Photo] | None = None, thread_id: int | None = None,
    ) -> Json:  # fmt: skip
        """Say something, in the private chat unless `chat` is given; returns the (first) message.

        `forward_from` is a message of this stand-in, whose content is forwarded. `text` is the caption of a photo
        and of the first item of an album.
        """
        machine = self.sandbox.machine
        reply = reply_to["message_id"] if isinstance(reply_to, dict) else reply_to
        shared: dict[str, Any] = {"reply_to": reply, "thread": thread_id or 0, "extra": {}}
        if media_group:
            shared["extra"] = {"media_group_id": str(machine.random.getrandbits(53))}
        if forward_from:
            source = machine.chats[forward_from["chat"]["id"]].messages[forward_from["message_id"]]
            kept = {name: source.json[name] for name in CARRIED if name in source.json}
            shared["extra"] = {**kept, "forward_origin": _origin(source)}
        said = [
            machine.receive(
                self.id, self._place(chat), text="" if index else text, entities=entities,
                media=self._photo(item) if item else None, **shared,
            )
            for index, item in enumerate(media_group or [photo])
        ]  # fmt: skip
        return said[0].transcript()

    def _place(self, chat: int | Chat | None) -> int:
        return self.id if chat is None else chat if isinstance(chat, int) else chat.id

    def _photo(self, photo: Photo) -> Json:
        files = self.sandbox.machine.files
        file: File = files[photo] if isinstance(photo, str) else new_file("Photo", photo, "photo.jpg")
        return media_fields(file, files)

    async def edit(self, message: Json, text: str) -> Json:
        """Change the text of an own message."""
        return self.sandbox.machine.revise(self.id, message["chat"]["id"], message["message_id"], text).transcript()

    async def tap(
        self, message: Json, label_or_data: str, *, wait: bool = True, timeout: float = PATIENCE
    ) -> Json | None:
        """Press the one button whose data is this or whose label contains it; returns the bot's answer.

        A button of a reply keyboard sends its text; one with an address gives {"url": …}, and so on. Raises
        AssertionError when no or several buttons fit, or when the bot does not answer in `timeout` real seconds.
        """
        chat = self.sandbox.machine.chats[message["chat"]["id"]]
        msg = chat.messages[message["message_id"]]
        button = _button(msg.markup or msg.json.get("reply_markup") or {}, label_or_data)
        if "callback_data" in button:
            return await self.press(message, button["callback_data"], wait=wait, timeout=timeout)
        if "keyboard" in (msg.markup or {}):
            await self.send(button["text"], chat)
            return None
        return {name: value for name, value in button.items() if name != "text"}

    async def share(self, message: Json, label: str, chat: Chat) -> Json:
        """Press a button that asks for a chat and pick this one; the client gives the bot the rights that it wants."""
        machine = self.sandbox.machine
        request = _button(machine.chats[self.id].messages[message["message_id"]].markup or {}, label)["request_chat"]
        if rights := request.get("bot_administrator_rights"):
            self.add_bot(chat, rights)
        shared = {"request_id": request["request_id"], "chat_id": chat.id}
        shared |= {"title": chat.title} if request.get("request_title") else {}
        return machine.receive(self.id, self.id, extra={"chat_shared": shared}).transcript()

    def add_bot(self, chat: Chat, rights: dict[str, bool] | None = None) -> None:
        """Put the bot into a group as a member, or (with rights, and in a channel) as an administrator."""
        machine = self.sandbox.machine
        leads = rights is not None or chat.type == "channel"
        machine.set_member(chat, Member.lead(machine.bot, rights) if leads else Member(machine.bot), self._user)

    def remove_bot(self, chat: Chat, status: str = "left") -> None:
        """Take the bot out of a group or channel (kicked: it cannot be added again)."""
        self.sandbox.machine.set_member(chat, Member(self.sandbox.machine.bot, status), self._user)

    @property
    def _user(self) -> User:
        return self.sandbox.machine.users[self.id]

    async def press(self, message: Json, data: str, *, wait: bool = True, timeout: float = PATIENCE) -> Json | None:
        """Send any callback data on a message, as a forged or stale client would."""
        query = self.sandbox.machine.press(self.id, message["chat"]["id"], message["message_id"], data)
        return await self._answer(query, timeout) if wait else None

    async def inline(self, text: str, offset: str = "", *, timeout: float = PATIENCE) -> Json | None:
        """Type `@bot text`; returns {"results", "next_offset", …}."""
        return await self._answer(self.sandbox.machine.inline(self.id, text, offset), timeout)

    async def _answer(self, query: Query, timeout: float) -> Json | None:
        await self.sandbox.until(lambda: query.answer is not None, timeout)
        return query.answer

    def chat(self) -> list[Json]:
        """The private chat from its beginning, each message as it stands now; deleted ones are marked."""
        return [msg.transcript() for msg in self.sandbox.machine.chats[self.id].messages.values()]

    async def next(self, contains: str | None = None, timeout: float = PATIENCE) -> Json:
        """The next message or edit of the bot in the private chat after the last one returned here.

        With `contains`, those without these words (in text or caption) are passed over.
        """
        passed: list[str] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    while self._news:
                        message = self._news.popleft()
                        said = message.get("text") or message.get("caption") or str(message.get("rich_message", ""))
                        if contains is None or contains in said:
                            return message
                        passed.append(said)
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            wanted = "" if contains is None else f" with {contains!r}"
            raise AssertionError(f"nothing{wanted} arrived in {timeout} s; passed over: {passed}") from None

    def hear(self, msg: Msg) -> None:
        """The bot said or changed something here."""
        self._news.append(msg.transcript())
        self._arrived.set()

    def block(self) -> None:
        """Block the bot."""
        self.sandbox.machine.block(self.id, True)

    def unblock(self) -> None:
        """Unblock the bot."""
        self.sandbox.machine.block(self.id, False)

    def react(self, message: Json, emoji: str | None) -> None:
        """React to a message; None takes it back."""
        self.sandbox.machine.react(self.id, message["chat"]["id"], message["message_id"], emoji)

    def join(self, chat: int | Chat, status: str = "member") -> None:
        """Enter a group or channel."""
        machine = self.sandbox.machine
        machine.set_member(machine.chats[self._place(chat)], Member(self._user, status), by=self._user)

    def leave(self, chat: int | Chat) -> None:
        """Leave a group or channel."""
        self.join(chat, "left")


def _origin(msg: Msg) -> Json:
    """The MessageOrigin of a forward."""
    shown = msg.json
    if "forward_origin" in shown:
        return dict(shown["forward_origin"])
    if "sender_chat" in shown:
        place = {"chat": shown["sender_chat"], "message_id": shown["message_id"]}
        return {"type": "channel", "date": shown["date"], **place}
    return {"type": "user", "date": shown["date"], "sender_user": shown["from"]}


def _button(markup: Json, wanted: str) -> Json:
    rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
    buttons = [button for row in rows for button in row]
    exact = [button for button in buttons if button.get("callback_data") == wanted]
    found = exact or [button for button in buttons if wanted in button["text"]]
    labels = [button["text"] for button in buttons]
    assert len(found) == 1, f"{len(found)} buttons fit {wanted!r}; there are {labels}"
    return dict(found[0])


class People:
    """Everybody a test knows, and the places they meet."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._known: dict[int, Person] = {}
        sandbox.machine.listeners.append(self._heard)

    def _heard(self, kind: str, chat_id: int, payload: Any) -> None:
        person = self._known.get(chat_id)
        if person and kind in ("message", "edit") and payload.out:
            person.hear(payload)

    def add(
        self, user_id: int, *, name: str = "Айгерим", lang: str = "ru", username: str | None = None,
        started: bool = False,
    ) -> Person:  # fmt: skip
        """A new person. `started`: the private chat was opened in an earlier life, the bot may write at once."""
        self.sandbox.machine.add_user(user_id, name, lang, username)
        self.sandbox.machine.chats[user_id].started = started
        person = self._known[user_id] = Person(self.sandbox, user_id)
        return person

    def known(self, user_id: int) -> Person:
        """Somebody whom the machine knows; KeyError for a stranger."""
        if user_id not in self.sandbox.machine.users:
            raise KeyError(user_id)
        return self._known.setdefault(user_id, Person(self.sandbox, user_id))

    def group(
        self, chat_id: int, title: str, forum: bool = False, admins: list[Person | int] | None = None, *,
        basic: bool = False, bot_rights: dict[str, bool] | None = None,
    ) -> Chat:  # fmt: skip
        """A supergroup (`basic`: a basic group) with the bot in it, as an admin where `bot_rights` is given.

        The first of `admins` is its creator.
        """
        chat = Chat(chat_id, "group" if basic else "supergroup", title, is_forum=forum)
        return self.sandbox.machine.add_chat(chat, _ids(admins), bot_rights)

    def channel(
        self, chat_id: int, title: str, username: str | None = None, admins: list[Person | int] | None = None,
        bot_rights: dict[str, bool] | None = None,
    ) -> Chat:  # fmt: skip
        """A channel with the bot as administrator, with every right unless `bot_rights` says which."""
        return self.sandbox.machine.add_chat(Chat(chat_id, "channel", title, username), _ids(admins), bot_rights)

    def promote_bot(self, chat: Chat, rights: dict[str, bool] | None = None) -> None:
        """Make the bot an administrator with these rights (None: all)."""
        machine = self.sandbox.machine
        machine.set_member(chat, Member.lead(machine.bot, rights), chat.creator() or machine.bot)

    def topic(self, chat: Chat, name: str) -> int:
        """Open a forum topic; returns its thread id."""
        machine = self.sandbox.machine
        return machine.add_topic(chat, name, 7322096, chat.creator() or machine.bot).id

    def close_topic(self, chat: Chat, thread: int, *, closed: bool = True) -> None:
        """Close a forum topic, or open it again."""
        machine = self.sandbox.machine
        machine.set_topic(chat, thread, chat.creator() or machine.bot, closed=closed)

    def migrate(self, group: Chat) -> Chat:
        """Turn a basic group into a supergroup, which is returned."""
        machine = self.sandbox.machine
        return machine.chats[machine.migrate(group.id)]


def _ids(admins: list[Person | int] | None) -> list[int]:
    return [admin if isinstance(admin, int) else admin.id for admin in admins or []]
