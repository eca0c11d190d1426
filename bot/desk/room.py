"""Where the desk is: the newsroom's group, with topics where it is a forum, or the owners' private chats.

Whoever tells the desk something asks for its `seats`, each time anew: a group may have become another one meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from bot.domain.desk import Role
from bot.i18n import Lang, Words
from storage import Storage

_KEY = "desk"


class Topic(StrEnum):
    """What is told where in a forum: sends and approvals, what waits for a decision, alarms."""

    URGENT = "urgent"
    QUEUE = "queue"
    ALARMS = "alarms"


@dataclass(frozen=True, slots=True)
class Group:
    """The desk's group. `topics` are thread ids by `Topic`, none in an ordinary group. `was` is the id that it had
    before it became a supergroup; `lost`: the bot is not in it any more.
    """

    chat_id: int
    topics: Mapping[str, int] = field(default_factory=dict)
    was: int = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Seat:
    """A place where the desk listens, and its language."""

    chat_id: int
    thread_id: int
    t: Lang


async def group(storage: Storage, configured: int) -> Group | None:
    """The desk's group; None while there is none that the bot can write to.

    `configured` is `[desk] chat`, which wins over what an owner chose in the chat.
    """
    known = await _known(storage)
    if configured and (known is None or configured not in (known.chat_id, known.was)):
        known = Group(configured)
    return None if known is None or known.lost else known


async def seats(storage: Storage, configured: int, words: Words, topic: Topic) -> list[Seat]:
    """Where to tell the desk about such things: its group, else each owner."""
    desk = await group(storage, configured)
    if desk:
        return [Seat(desk.chat_id, desk.topics.get(topic, 0), words.default)]
    owners = [person.user_id for person in await storage.editors.all() if person.role is Role.OWNER]
    return [await seat(storage, words, owner) for owner in owners]


async def seat(storage: Storage, words: Words, user_id: int) -> Seat:
    """Somebody's private chat."""
    reader = await storage.readers.get(user_id)
    return Seat(user_id, 0, words[reader.language if reader else ""])


async def choose(storage: Storage, chat_id: int, topics: Mapping[str, int]) -> None:
    """From now on the desk is that group."""
    known = await _known(storage)
    was = known.was if known and known.chat_id == chat_id else 0
    await _keep(storage, Group(chat_id, dict(topics), was))


async def moved(storage: Storage, configured: int, old: int, new: int) -> None:
    """A group became a supergroup; the desk follows if it was the one. Topics stay behind: no basic group has any."""
    desk = await group(storage, configured)
    if desk and desk.chat_id == old:
        await _keep(storage, Group(new, was=desk.was or old))


async def present(storage: Storage, configured: int, chat_id: int, there: bool) -> bool:
    """The bot is in that group, or not any more; whether that is the desk's and was told otherwise until now."""
    known = await _known(storage)
    if known is None or known.chat_id != chat_id:
        if chat_id != configured:
            return False
        known = Group(chat_id)
    if known.lost is not there:
        return False
    await _keep(storage, replace(known, lost=not there))
    return True


async def _known(storage: Storage) -> Group | None:
    kept = await storage.meta.get(_KEY)
    return Group(**json.loads(kept)) if kept else None


async def _keep(storage: Storage, desk: Group) -> None:
    await storage.meta.put(_KEY, json.dumps(asdict(desk)))
