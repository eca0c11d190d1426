"""Corrections and withdrawals: what the desk asks for reaches every copy, and whoever is still to come."""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.domain.delivery import Lane
from bot.domain.post import Post
from storage import Storage

_log = logging.getLogger(__name__)


async def correct(storage: Storage, post: Post, *, now: int, lane: Lane = Lane.BREAKING) -> list[int] | None:
    """Give a post the words it has here. `post` is the version that was read, with new words in it.

    The ids of the broadcasts that edit its copies, none when it reads as before; None when somebody else has
    changed or withdrawn it meanwhile. Wake the sender afterwards.
    """
    known = await storage.posts.get([post.id])
    if known == [post]:
        return []
    started = await storage.posts.correct(post, lane=lane, now=now)
    if started is not None:
        _log.info("post %d is corrected, %d broadcasts edit its copies", post.id, len(started))
    return started


async def withdraw(
    storage: Storage, post: Post, reason: str, *, now: int, lane: Lane = Lane.BREAKING
) -> list[int] | None:
    """Take a post back; its readers are told the `reason`, "" for none, where a copy cannot be deleted.

    The ids of the broadcasts that delete its copies; None when somebody else has changed or withdrawn it meanwhile.
    Wake the sender afterwards.
    """
    started = await storage.posts.withdraw(replace(post, reason=reason), lane=lane, now=now)
    if started is not None:
        _log.info("post %d is withdrawn, %d broadcasts delete its copies", post.id, len(started))
    return started
