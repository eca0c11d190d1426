"""Whether an address that readers are to be led to opens; asked through the guarded fetcher."""

from __future__ import annotations

import asyncio

from bot.domain.errors import FeedError
from bot.feeds.fetch import Fetcher

PATIENCE = 4.0
"""Seconds that an editor waits for the answer."""
_FINE = ("wall", "too_big")
"""A page that shows itself to people only, or is long, opens all the same."""


async def link_problem(fetcher: Fetcher, url: str) -> str:
    """What is wrong with an address, in a few words; "" when it opens."""
    try:
        async with asyncio.timeout(PATIENCE):
            await fetcher.fetch(url)
    except TimeoutError:
        return f"> {PATIENCE:.0f} s"
    except FeedError as error:
        return "" if error.kind in _FINE else error.detail
    return ""
