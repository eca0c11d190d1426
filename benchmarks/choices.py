"""Readers who have chosen something, for benchmarks: quiet hours, volumes, mutes, regions, zones, languages."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from storage import Storage
from storage.recipients import chosen_of

_DAY_MINUTES = 1440


async def choose(storage: Storage, now: float, home: str) -> None:
    """Give the readers of a database their choices, by their ids, as of the epoch second `now` in the newsroom's zone.

    Of 100 readers 60 were active in the last seven days, 27 have a volume (of which none is used up), 18 get digests
    only, 30 hold the night's posts back (and it is not night to them), 35 have quiet hours just now, 10 have muted a
    section, 20 have chosen regions, 8 languages of the news, 5 a zone of their own.
    """
    here = datetime.fromtimestamp(now, ZoneInfo(home))
    minute, today, later = here.hour * 60 + here.minute, int(now // 86_400), int(now) + 86_400
    quiet, other = ((minute + n) % _DAY_MINUTES for n in (-60, 60))
    end, until = ((minute + n) % _DAY_MINUTES for n in (60, 120))
    local = here.toordinal() - datetime(1970, 1, 1).toordinal()
    volume = f"volume = {{}}, list_at = {later}, quiet_from = {other}, quiet_to = {until}"
    chosen = {
        "id * 7 % 100 < 60": f"active_day = {today} - id % 7",
        "id * 11 % 100 < 35": f"quiet_from = {quiet}, quiet_to = {end}",
        "id * 13 % 100 < 30": f"quiet = 'hold', list_at = {later}, quiet_from = {other}, quiet_to = {until}",
        "id * 17 % 100 < 15": volume.format(8),
        "id * 17 % 100 BETWEEN 15 AND 26": volume.format(15),
        "id * 17 % 100 BETWEEN 27 AND 44": f"volume = 0, list_at = {later}",
        "id * 19 % 100 < 10": "sections = sections | (1 << 40), muted = 1 << 40",
        "id * 23 % 100 < 20": "regions = 5",
        "id * 29 % 100 < 8": "news_languages = ',kk,ru,'",
        "id * 31 % 100 < 5": f"zone = '{home}'",
    }
    for which, change in chosen.items():
        await storage.engine.write(f"UPDATE reader SET {change} WHERE {which}")
    await storage.engine.write(
        f"INSERT INTO pace (reader_id, day, n) SELECT id, {local}, 0 FROM reader WHERE volume > 0"
    )
    await storage.engine.write(f"UPDATE reader SET chosen = {chosen_of({})}")
