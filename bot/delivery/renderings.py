"""The bytes of each send, made once per post version and language and shared by all its readers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.domain.article import Section
from bot.domain.post import Post, Rendering
from bot.i18n import Words
from bot.posts.compose import PostStyle, compose, compose_list, encode

_KEPT = 512


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded call without its recipient and closing brace. `carried` are the posts of a list message."""

    method: str
    head: bytes
    rendering: Rendering
    version: int
    carried: tuple[int, ...] = ()

    def to(self, chat_id: int, thread_id: int) -> bytes:
        """The whole body for one chat."""
        if thread_id:
            return b'%b,"chat_id":%d,"message_thread_id":%d}' % (self.head, chat_id, thread_id)
        return b'%b,"chat_id":%d}' % (self.head, chat_id)

    def simpler(self) -> Body | None:
        """The same with less that Telegram could refuse: no picture, then no formatting; None at the end.

        A refused picture never costs the text.
        """
        payload = dict(self.rendering.payload)
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
    ) -> None:
        self._words = words
        self._sections = sections
        self._style_of = style_of
        self._zone = zone
        self._newsroom = newsroom
        self._more_url = more_url
        self._made: dict[tuple[object, ...], Body] = {}

    def body(self, posts: Sequence[Post], language: str) -> Body:
        """One post as itself, several as a list."""
        key = (language, *((post.id, post.version) for post in posts))
        body = self._made.get(key)
        if body is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            body = self._made[key] = self._make(posts, language)
        return body

    def render(self, post: Post, language: str) -> Rendering:
        """One post as a call: what previews and welcomes show is what the fan-out sends."""
        return compose(
            post,
            lang=self._words[language],
            sections=self._sections,
            style=self._style_of(post),
            zone=self._zone,
            newsroom=self._newsroom,
        )

    def _make(self, posts: Sequence[Post], language: str) -> Body:
        if len(posts) == 1:
            rendering = self.render(posts[0], language)
            return Body(rendering.method, encode(rendering), rendering, posts[0].version)
        t = self._words[language]
        rendering = compose_list(
            posts,
            lang=t,
            sections=self._sections,
            style=self._style_of(posts[0]),
            zone=self._zone,
            newsroom=self._newsroom,
            title=t.n("{n} news item for you", "{n} news items for you", len(posts)),
            more_url=self._more_url,
        )
        carried = tuple(post.id for post in posts)
        return Body(rendering.method, encode(rendering), rendering, max(post.version for post in posts), carried)
