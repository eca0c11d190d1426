"""The bytes of each send, made once per post version and language and shared by all its readers. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.delivery.copies import edition
from bot.domain.article import Section
from bot.domain.channel import Channel
from bot.domain.post import Post, Rendering, RichText, Target
from bot.domain.reader import ReaderKind
from bot.domain.recipient import Recipient
from bot.i18n import Lang, Words
from bot.posts.compose import PostStyle, amendment, compose, compose_list, encode, notice, words_of

_KEPT = 512
Days = Sequence[Sequence[Any]]
"""Rates of exchange, newest day first, as storage has them."""


class Address(NamedTuple):
    """Whom a call goes to and how: `silent` without a sound, as a `reply` to that message of the chat (0 for none),
    `paid` above the free rate, for Stars."""

    chat_id: int
    thread_id: int = 0
    silent: bool = False
    reply: int = 0
    paid: bool = False

    def fields(self) -> dict[str, Any]:
        """What it adds to a call."""
        told: dict[str, Any] = {"chat_id": self.chat_id}
        if self.thread_id:
            told["message_thread_id"] = self.thread_id
        if self.silent:
            told["disable_notification"] = True
        if self.reply:
            told["reply_parameters"] = {"message_id": self.reply, "allow_sending_without_reply": True}
        if self.paid:
            told["allow_paid_broadcast"] = True
        return told


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded call without its recipient and closing brace. `carried` are the posts of a list message. `picture`
    is the address of a picture that has to be uploaded first, "" for none.
    """

    method: str
    head: bytes
    rendering: Rendering
    version: int
    carried: tuple[int, ...] = ()
    picture: str = ""

    def to(self, address: Address) -> bytes:
        """The whole body for one chat. Nearly all of a million end in one of two ways."""
        chat_id, thread_id, silent, reply, paid = address
        if thread_id or reply or paid:
            return b"%b,%b" % (self.head, json.dumps(address.fields(), separators=(",", ":")).encode()[1:])
        if silent:
            return b'%b,"chat_id":%d,"disable_notification":true}' % (self.head, chat_id)
        return b'%b,"chat_id":%d}' % (self.head, chat_id)

    def simpler(self) -> Body | None:
        """The same with less that Telegram could refuse: no picture, then no formatting; None at the end.

        A refused picture never costs the text.
        """
        payload = dict(words_of(self.rendering))
        if self.rendering.method != "sendMessage":
            text = str(payload.get("caption", ""))
            if not text:
                return None
            kept = {
                "text": text,
                "entities": payload.get("caption_entities"),
                "reply_markup": payload.get("reply_markup"),
            }
            payload = {name: value for name, value in kept.items() if value}
        elif not payload.pop("entities", None):
            return None
        rendering = Rendering("sendMessage", payload)
        return Body("sendMessage", encode(rendering), rendering, self.version, self.carried)


class Dress(NamedTuple):
    """How posts look in a chat of many: what of the style is its `own`, the `source` by which who comes from there is
    known, and its `language`, "" for each story's own."""

    own: Mapping[str, Any]
    source: str
    language: str | None = None


_GROUP = -1


def place_of(reader: Recipient) -> int:
    """Where a reader reads: 0 in private, the number of a channel, one number for all groups."""
    kind = reader.ways.kind
    if kind == ReaderKind.PERSON:
        return 0
    return reader.id if kind == ReaderKind.CHANNEL else _GROUP


class Look(NamedTuple):
    """How a reader's own list looks: `morning` after a night that was kept, with `rates` of exchange below, and the
    broadcast that brings it, by which the bot finds the `rest` of it."""

    morning: bool
    rates: bool
    rest: int


def picture_of(rendering: Rendering) -> str:
    """The address of the picture that the call wants Telegram to fetch; "" for none and for an uploaded one."""
    photo = str(rendering.payload.get("photo", ""))
    return photo if photo.startswith(("http://", "https://")) else ""


def without_picture(post: Post) -> Post:
    """The post as it goes out when its picture cannot be had."""
    return replace(post, image="", media="", media_kind="")


def with_file(rendering: Rendering, file_id: str) -> Rendering:
    """The same call with a picture that Telegram has."""
    return Rendering(rendering.method, {**rendering.payload, "photo": file_id})


def rest_of(broadcast_id: int) -> str:
    """The parameter of the bot's link to all of a list."""
    return f"d_{broadcast_id}"


def _list_keyboard(t: Lang) -> dict[str, Any]:
    """The way to another time, and out."""
    row = [(t("Digest times"), "list:times"), (t("Unsubscribe"), "list:stop")]
    return {"inline_keyboard": [[{"text": text, "callback_data": data} for text, data in row]]}


def _asking(body: Body, t: Lang) -> Body:
    """The same with a button that asks what to send."""
    payload = body.rendering.payload
    rows = (payload.get("reply_markup") or {}).get("inline_keyboard", [])
    rows = [*rows, [{"text": t("What should we send you?"), "callback_data": ASK}]]
    rendering = Rendering(body.rendering.method, {**payload, "reply_markup": {"inline_keyboard": rows}})
    return replace(body, rendering=rendering, head=encode(rendering))


ASK = "ask"
"""What the button says to the bot."""


class Renderings:
    """A cache over the formatter."""

    def __init__(
        self,
        words: Words,
        sections: Sequence[Section],
        style_of: Callable[[Post], PostStyle],
        zone: ZoneInfo,
        newsroom: str,
        more_url: str = "",
        rates_line: Callable[[Days, Lang], RichText] = lambda days, t: RichText(),
    ) -> None:
        self._words = words
        self._sections = sections
        self._style_of = style_of
        self._zone = zone
        self._newsroom = newsroom
        self._more_url = more_url
        self._rates_line = rates_line
        self._days: Days = ()
        self._dresses: dict[int, Dress] = {_GROUP: Dress({}, "group")}
        self._made: dict[tuple[object, ...], Body] = {}
        self._pictures: dict[str, str] = {}

    def settle(self, url: str, file_id: str) -> None:
        """From now on the picture at that address is this file; "" when it cannot be had."""
        if len(self._pictures) >= _KEPT:
            self._pictures.clear()
        self._pictures[url] = file_id
        self._made = {key: body for key, body in self._made.items() if body.picture != url}

    def quote(self, days: Days) -> None:
        """Lists from now on end with these rates of exchange."""
        if days != self._days:
            self._days = days
            self._made.clear()

    def dress(self, channels: Sequence[Channel]) -> None:
        """From now on these channels are known, and look as they are to."""
        dresses = {one.reader_id: Dress(one.manner.posts, one.source, one.manner.language) for one in channels}
        dresses[_GROUP] = self._dresses[_GROUP]
        if dresses != self._dresses:
            self._dresses = dresses
            self._made.clear()

    def body(
        self,
        posts: Sequence[Post],
        language: str,
        look: Look | None = None,
        *,
        at: int = 0,
        ask: bool = False,
        as_list: bool = False,
    ) -> Body:
        """One post as itself, several (or one `as_list`) as a list, a reader's own with a `look`; `at` a place. With
        `ask` there is a button below that leads to the choices."""
        as_list = as_list or look is not None or len(posts) > 1
        key = (language, as_list, look, at, ask, *((post.id, post.version) for post in posts))
        body = self._made.get(key)
        if body is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            made = self._list(posts, language, look, at) if as_list else self._one(posts[0], language, at)
            body = self._made[key] = _asking(made, self._words[language]) if ask and not at else made
        return body

    def change(
        self, posts: Sequence[Post], language: str, look: Look | None = None, *, as_list: bool, at: int = 0
    ) -> Body:
        """The edit that brings a copy of these posts to what it would say now; a notice when all are withdrawn."""
        as_list = as_list or look is not None
        key = ("change", language, as_list, look, at, *((post.id, post.version) for post in posts))
        body = self._made.get(key)
        if body is None:
            left = [post for post in posts if not post.withdrawn]
            if left:
                rendering = amendment(self.body(left, language, look, at=at, as_list=as_list).rendering)
            else:
                rendering = amendment(notice({} if as_list else posts[0].reason, lang=self._words[language]))
            body = self._made[key] = Body(rendering.method, encode(rendering), rendering, edition(posts))
        return body

    def render(self, post: Post, language: str, at: int = 0) -> Rendering:
        """One post as a call: what previews and welcomes show is what the fan-out sends.

        A picture is the file that Telegram has, once it is uploaded; without it the post has its link preview.
        """
        rendering = self._compose(post, language, at)
        file_id = self._pictures.get(picture_of(rendering))
        if file_id is None:
            return rendering
        return with_file(rendering, file_id) if file_id else self._compose(without_picture(post), language, at)

    def _compose(self, post: Post, language: str, at: int) -> Rendering:
        dress = self._dresses.get(at) if at else None
        if dress and dress.language == "":
            language = post.language or language
        return compose(
            post,
            lang=self._words[language],
            sections=self._sections,
            style=self._style(post, dress),
            zone=self._zone,
            newsroom=self._newsroom,
            target=Target.CHANNEL if at else Target.PRIVATE,
            keyboard=self._way(self._words[language], dress) if at else None,
        )

    def _style(self, post: Post, dress: Dress | None) -> PostStyle:
        style = self._style_of(post)
        return replace(style, **dress.own) if dress and dress.own else style

    def _home(self, dress: Dress | None) -> str:
        """The bot, by a link that tells where somebody came from."""
        return f"{self._more_url}?start=s_{dress.source}" if dress and self._more_url else self._more_url

    def _way(self, t: Lang, dress: Dress | None) -> dict[str, Any] | None:
        """The button under a post in a chat of many."""
        button = {"text": t("My sections"), "url": self._home(dress)}
        return {"inline_keyboard": [[button]]} if self._more_url else None

    def _one(self, post: Post, language: str, at: int) -> Body:
        rendering = self.render(post, language, at)
        return Body(rendering.method, encode(rendering), rendering, post.version, picture=picture_of(rendering))

    def _list(self, posts: Sequence[Post], language: str, look: Look | None, at: int) -> Body:
        t, dress = self._words[language], self._dresses.get(at) if at else None
        title = t.n("{n} news item for you", "{n} news items for you", len(posts))
        if at:
            title = t.n("{n} story in brief", "{n} stories in brief", len(posts))
        if look:
            title = t.n("🗞 Your digest: {n} story", "🗞 Your digest: {n} stories", len(posts))
            if look.morning:
                title = t.n(
                    "☀️ Good morning! {n} story in your sections overnight:",
                    "☀️ Good morning! {n} stories in your sections overnight:",
                    len(posts),
                )
        rendering = compose_list(
            posts,
            lang=t,
            sections=self._sections,
            style=self._style(posts[0], dress),
            zone=self._zone,
            newsroom=self._newsroom,
            title=title,
            more_url=f"{self._more_url}?start={rest_of(look.rest)}" if look and self._more_url else self._home(dress),
            foot=self._rates_line(self._days, t) if look and look.rates else RichText(),
            target=Target.CHANNEL if at else Target.PRIVATE,
            keyboard=self._way(t, dress) if at else _list_keyboard(t) if look else None,
        )
        carried = tuple(post.id for post in posts)
        return Body(rendering.method, encode(rendering), rendering, edition(posts), carried)
