"""`newsdesk import readers` and `export readers`, for who moves in or out."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.clock import RealClock
from bot.domain.article import Section
from bot.readers.transfer import Reading, bare, bring, take_out
from bot.settings import Settings
from storage import Storage, open_beside

_MOST_SHOWN = 20


async def import_readers(settings: Settings, path: Path, *, dry: bool) -> bool:
    """Import and report; False when a line was left out."""
    async with opened(settings) as (storage, sections):
        newsroom, now = settings.newsroom, int(RealClock().now())
        feeds = {bare(feed.url): feed.section for feed in settings.feeds}
        reading = Reading(sections, newsroom.languages, newsroom.zone, settings.readers.choices, now, feeds)
        found = await bring(storage, path, reading, dry=dry)
    for number, problem in found.mistakes[:_MOST_SHOWN]:
        print(f"line {number}: {problem}.", file=sys.stderr)
    if len(found.mistakes) > _MOST_SHOWN:
        print(f"… and {len(found.mistakes) - _MOST_SHOWN} more lines.", file=sys.stderr)
    done = "Would import" if dry else "Imported"
    print(
        f"{done}: {found.new} new readers, of them {found.blocked} blocked; {found.known} known already,"
        f" left as they are; {len(found.mistakes)} lines left out."
    )
    return not found.mistakes


async def export_readers(settings: Settings, path: Path) -> None:
    """Export and report."""
    async with opened(settings) as (storage, sections):
        number = await take_out(storage, path, sections)
    print(f"{path}: {number} readers. It holds personal data: keep it as you keep the database.")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Storage, list[Section]]]:
    """The database beside a bot that may be running on it, and the newsroom's sections."""
    storage = await open_beside(settings.env.database_url)
    try:
        bits = await storage.meta.section_bits([section.id for section in settings.sections])
        yield storage, [Section(one.id, bits[one.id], one.name, one.match) for one in settings.sections]
    finally:
        await storage.close()
