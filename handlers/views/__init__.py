"""The screens that buttons can ask for by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.domain.reader import Reader
from handlers.context import Context
from handlers.subscriptions import sections_screen
from handlers.views import account, choices
from handlers.views.choices import Screen
from handlers.views.main import settings_screen
from handlers.views.words import words_screen
from storage.terms import Chosen

__all__ = ["VIEWS", "screen_of"]

VIEWS: dict[str, Callable[[Context, Reader], Screen]] = {
    "sections": sections_screen,
    "volume": choices.volume_screen,
    "quiet": choices.quiet_screen,
    "digest": choices.digest_screen,
    "regions": choices.regions_screen,
    "news": choices.news_screen,
    "zone": choices.zone_screen,
    "language": account.language_screen,
    "privacy": account.privacy_screen,
    "share": account.share_screen,
    "pause": account.pause_screen,
}
WORDED: dict[str, Callable[[Context, Reader, Sequence[Chosen]], Screen]] = {
    "settings": settings_screen,
    "words": words_screen,
}
"""Those that say something of the reader's words."""


async def screen_of(ctx: Context, reader: Reader, view: str) -> Screen | None:
    """The screen of that name as it is for the reader now; None when there is none."""
    if view in WORDED:
        return WORDED[view](ctx, reader, await ctx.storage.terms.of(reader.id))
    return VIEWS[view](ctx, reader) if view in VIEWS else None
