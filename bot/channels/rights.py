"""What the bot may do in a channel, and what follows when it may not."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.domain.channel import RIGHTS, Channel
from bot.domain.desk import Alarm
from bot.domain.reader import ReaderState
from bot.i18n import Lang, mark
from storage import Storage

_log = logging.getLogger(__name__)

_WORDS = dict(zip(RIGHTS, (mark("to post"), mark("to edit and pin"), mark("to delete")), strict=True))


def rights_of(member: Mapping[str, Any]) -> list[str]:
    """Those of `RIGHTS` that a ChatMember has."""
    return [right for right in RIGHTS if member.get("status") == "administrator" and member.get(right)]


def lacking(rights: Iterable[str]) -> list[str]:
    """Those of `RIGHTS` that are not among these."""
    held = set(rights)
    return [right for right in RIGHTS if right not in held]


def spoken(rights: Iterable[str], t: Lang) -> str:
    """Rights in words."""
    return t.list(t(_WORDS[right]) for right in rights)


async def allow(storage: Storage, channel: Channel, rights: Sequence[str], *, now: int) -> None:
    """What the bot may do in a channel from now on; where it may not post, the channel sleeps until it may."""
    await storage.channels.allow(channel.reader_id, rights)
    readers, posts = storage.readers, RIGHTS[0] in rights
    if posts and channel.state is ReaderState.DORMANT:
        await storage.channels.requeue(channel.reader_id)
    await (readers.reachable if posts else readers.unreachable)(channel.chat_id, now=now)
    if missing := lacking(rights):
        await complain(storage, channel.title, missing, now=now)


async def complain(storage: Storage, name: str, missing: Sequence[str], *, now: int) -> None:
    """Tell the desk what the bot may not do in a channel."""
    _log.warning("channel %s: the bot lacks %s", name, ", ".join(missing))
    await storage.alarms.raise_([Alarm(f"channel:{name}", "channel", {"name": name, "rights": list(missing)})], now=now)
