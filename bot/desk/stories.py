"""Stories: the earlier posts with which a draft may go on, those most like it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.desk import Content, Gravity, Way
from bot.domain.post import Post, PostKind
from bot.posts.similar import gist
from storage import Storage

STORY_SECONDS = 5 * 86_400
"""How far back a story's earlier post is looked for."""
_LOOKED_AT, _SHOWN = 300, 6


async def earlier(storage: Storage, content: Content, now: int) -> list[Post]:
    """Posts of the last days, those that share most words with the draft first, then the newest."""
    newest = await storage.posts.newest(_LOOKED_AT)
    return ranked([post for post in newest if post.created_at > now - STORY_SECONDS], content)


def ranked(posts: Sequence[Post], content: Content) -> list[Post]:
    """The likeliest ones; `posts` come newest first."""
    mine = gist(content.text.text, content.language)
    told = [post for post in posts if post.kind not in (PostKind.CORRECTION, PostKind.PROMO)]
    return sorted(told, key=lambda post: -len(mine & gist(_words(post), post.language or content.language)))[:_SHOWN]


def _words(post: Post) -> str:
    return " ".join([post.title, post.lead, *(text.text for text in post.texts.values())])


def into(content: Content, post: Post) -> Content:
    """The draft as an edit of the earlier post: its words take the place of what stands there."""
    return Content(
        way=Way.FIX,
        language=content.language,
        texts=content.texts,
        fixes=post.id,
        base=post.version,
        gravity=Gravity.UPDATE.value,
    )


def after(content: Content, post: Post | None) -> Content:
    """The draft as a reply to the earlier post; None: to none."""
    return replace(content, updates=post.id if post else 0)
