"""The bytes of each send, made once per post version and language and shared by all its readers. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.delivery.copies import edition
from bot.domain.article import Section
from bot.domain.post import Post, Rendering, RichText
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

    def body(self, posts: Sequence[Post], language: str, look: Look | None = None, *, as_list: bool = False) -> Body:
        """One post as itself, several (or one `as_list`) as a list, a reader's own with a `look`."""
        as_list = as_list or look is not None or len(posts) > 1
        key = (language, as_list, look, *((post.id, post.version) for post in posts))
        body = self._made.get(key)
        if body is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            body = self._made[key] = self._list(posts, language, look) if as_list else self._one(posts[0], language)
        return body

    def change(self, posts: Sequence[Post], language: str, look: Look | None = None, *, as_list: bool) -> Body:
        """The edit that brings a copy of these posts to what it would say now; a notice when all are withdrawn."""
        as_list = as_list or look is not None
        key = ("change", language, as_list, look, *((post.id, post.version) for post in posts))
        body = self._made.get(key)
        if body is None:
            left = [post for post in posts if not post.withdrawn]
            if left:
                rendering = amendment(self.body(left, language, look, as_list=as_list).rendering)
            else:
                rendering = amendment(notice({} if as_list else posts[0].reason, lang=self._words[language]))
            body = self._made[key] = Body(rendering.method, encode(rendering), rendering, edition(posts))
        return body

    def render(self, post: Post, language: str) -> Rendering:
        """One post as a call: what previews and welcomes show is what the fan-out sends.

        A picture is the file that Telegram has, once it is uploaded; without it the post has its link preview.
        """
        rendering = self._compose(post, language)
        file_id = self._pictures.get(picture_of(rendering))
        if file_id is None:
            return rendering
        return with_file(rendering, file_id) if file_id else self._compose(without_picture(post), language)

    def _compose(self, post: Post, language: str) -> Rendering:
        return compose(
            post,
            lang=self._words[language],
            sections=self._sections,
            style=self._style_of(post),
            zone=self._zone,
            newsroom=self._newsroom,
        )

    def _one(self, post: Post, language: str) -> Body:
        rendering = self.render(post, language)
        return Body(rendering.method, encode(rendering), rendering, post.version, picture=picture_of(rendering))

    def _list(self, posts: Sequence[Post], language: str, look: Look | None) -> Body:
        t = self._words[language]
        title = t.n("{n} news item for you", "{n} news items for you", len(posts))
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
            style=self._style_of(posts[0]),
            zone=self._zone,
            newsroom=self._newsroom,
            title=title,
            more_url=f"{self._more_url}?start={rest_of(look.rest)}" if look and self._more_url else self._more_url,
            foot=self._rates_line(self._days, t) if look and look.rates else RichText(),
            keyboard=_list_keyboard(t) if look else None,
        )
        carried = tuple(post.id for post in posts)
        return Body(rendering.method, encode(rendering), rendering, edition(posts), carried)
