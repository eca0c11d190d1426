"""Who talks to the bot: readers who do what people do, and editors who send, correct and withdraw."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bot.sandbox.client import Person
from bot.sandbox.model import ApiError
from tests.soak.book import FIRST, Story

if TYPE_CHECKING:
    from tests.soak.world import Soak

OWNER = 9001
_DEEDS = (
    "/start", "/stop", "/sections", "/settings", "/latest", "/help", "мост", "/start sport", "block", "press",
)  # fmt: skip
_PATIENCE = 900.0
_BETWEEN = 1200.0


async def readers(soak: Soak) -> None:
    """A few hundred lively ones."""
    while not soak.over:
        await asyncio.sleep(soak.rng.expovariate(1 / 20))
        person = soak.sandbox.people.known(FIRST + soak.rng.randrange(soak.size.lively))
        with suppress(ApiError, LookupError):
            await _deed(soak, person)


async def _deed(soak: Soak, person: Person) -> None:
    match soak.rng.choice(_DEEDS):
        case "block":
            person.block()
            await asyncio.sleep(soak.rng.uniform(10, 900))
            person.unblock()
        case "press":
            messages = [message for message in person.chat() if message.get("reply_markup")]
            if messages:
                message = soak.rng.choice(messages)
                await person.press(message, soak.rng.choice(_data(message) or ["x"]), wait=False)
        case words:
            await person.send(words)


def _data(message: dict[str, Any]) -> list[str]:
    rows = message["reply_markup"].get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


async def editors(soak: Soak) -> None:
    """One at the desk. Where nothing works just now the deed is given up: what came of it, the book knows."""
    person = soak.sandbox.people.known(OWNER)
    while not soak.over:
        await asyncio.sleep(soak.rng.expovariate(1 / _BETWEEN))
        out = [story for story in soak.stories if story.breaking and story.number in soak.book.seen]
        kind = soak.rng.choice(("breaking", "breaking", "correct", "withdraw")) if out else "breaking"
        soak.deeds[kind] += 1
        with suppress(AssertionError, ApiError, LookupError):
            match kind:
                case "breaking":
                    await _breaking(soak, person)
                case "correct":
                    await _correct(soak, person, out[-1])
                case _:
                    await _withdraw(soak, person, out[-1])


async def _breaking(soak: Soak, person: Person) -> None:
    story = soak.story(breaking=True)
    await person.send(f"/breaking {story.title}")
    await _tap(person, "Так увидят", "Разослать")


async def _correct(soak: Soak, person: Person, story: Story) -> None:
    await _choose(person, story)
    await _tap(person, "Что в нём не так", soak.rng.choice(("Опечатка", "Факт")))
    await person.next("Пришлите весь текст", timeout=_PATIENCE)
    story.version += 1
    await person.send(story.title)
    await _tap(person, "Так увидят", "Разослать")


async def _withdraw(soak: Soak, person: Person, story: Story) -> None:
    await _choose(person, story)
    await _tap(person, "Что в нём не так", "Отозвать")
    await person.next("Почему отзываете", timeout=_PATIENCE)
    await person.send("Ошиблись.")
    await _tap(person, "Так увидят", "Отозвать")


async def _choose(person: Person, story: Story) -> None:
    await person.send("/correct")
    await _tap(person, "Какое сообщение", f"№{story.number}.")


async def _tap(person: Person, words: str, label: str) -> None:
    await person.tap(await person.next(words, timeout=_PATIENCE), label, timeout=_PATIENCE)
