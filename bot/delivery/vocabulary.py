"""Which hidden and followed words a post holds: looked up once for all readers, before it goes to any of them."""

from __future__ import annotations

from bot.posts.terms import Held
from storage import Storage

_AT_ONCE = 200


async def read_words(storage: Storage) -> None:
    """Read every post that is new, has changed, or may hold a word that nobody had chosen before."""
    while posts := await storage.terms.unread(_AT_ONCE):
        found = []
        for post in posts:
            held = Held(post)
            found.append((post, held.which(await storage.terms.known(held.heads))))
        await storage.terms.read(found)
