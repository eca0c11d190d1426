"""A shift at the desk, from press to phone: two editors, a feed, readers, the whole bot in virtual time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.desk import Role
from bot.feeds.fetch import Response
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.settings import DEFAULT_SECTIONS, Delivery, Desk, FeedConfig
from storage import open_storage
from tests.factories import running, settings_for, subscribe
from tests.virtual import LoopClock, edges, play

ADA, BEK = 501, 502
ITEM = (
    '<item><guid isPermaLink="false">g{n}</guid><link>https://n.example/{n}</link><title>{title}</title>'
    "<description>Коротко.</description><category>Спорт</category></item>"
)


async def told(person: Person, words: str) -> dict[str, Any]:
    """The newest message in a chat that says so, as it stands now."""
    for _ in range(600):
        found = [one for one in person.chat() if words in (one.get("text") or "")]
        if found:
            return found[-1]
        await asyncio.sleep(0.5)
    raise AssertionError(f"{words} in {[one.get('text') for one in person.chat()]}")


async def press(person: Person, message: dict[str, Any], label: str) -> None:
    """Press a button and give the desk two seconds."""
    await person.tap(message, label, wait=False)
    await asyncio.sleep(2)


class Shift:
    """The stand-in, the feed's items and who has what."""

    def __init__(self, sandbox: Sandbox, readers: range) -> None:
        self.sandbox, self.readers = sandbox, readers
        self.items: list[str] = []
        self.ada, self.bek = (sandbox.people.add(editor, lang="ru", started=True) for editor in (ADA, BEK))
        for chat in readers:
            sandbox.people.add(chat, started=True)

    def publish(self, title: str) -> None:
        self.items.insert(0, ITEM.format(n=len(self.items), title=title))

    async def site(self, url: str, etag: str, modified: str) -> Response:
        document = f'<rss version="2.0"><channel><title>Дала</title>{"".join(self.items)}</channel></rss>'
        return Response(200, document.encode(), final_url=url)

    def having(self, words: str) -> int:
        """How many messages of readers say so: one each, when all is well."""
        found = [message for chat in self.readers for message in self.sandbox.sent(chat)]
        return sum(words in str(message.get("text")) for message in found)

    async def breaking(self, text: str) -> dict[str, Any]:
        """Ada writes breaking news, asks, and Bek approves it."""
        await self.ada.send(f"/breaking {text}")
        await asyncio.sleep(2)
        await press(self.ada, self.ada.chat()[-1], "На утверждение")
        await press(self.bek, await told(self.bek, "просит утвердить"), "Утвердить")
        return self.ada.chat()[-1]


async def approved(shift: Shift) -> None:
    """Two persons for breaking news; both see how it ends."""
    await shift.breaking("Мост закрыт")
    for person in (shift.ada, shift.bek):
        said = (await told(person, "Разослано за"))["text"].replace("\u00a0", "")
        assert f"доставлено {len(shift.readers)}" in said
    assert shift.having("СРОЧНО. Мост закрыт") == len(shift.readers)


async def paused_and_stopped(shift: Shift) -> None:
    """One pauses, the other goes on and stops: whoever has it has it once, the others never get it."""
    await shift.breaking("Учебная тревога")
    await press(shift.bek, await told(shift.bek, "Учебная тревога"), "Пауза")
    await asyncio.sleep(5)
    had = shift.having("Учебная тревога")
    await asyncio.sleep(30)
    assert 0 < had == shift.having("Учебная тревога") < len(shift.readers)
    await press(shift.ada, await told(shift.ada, "На паузе"), "Продолжить")
    await press(shift.bek, await told(shift.bek, "📤"), "Стоп")
    await told(shift.ada, "Остановлено")
    more = shift.having("Учебная тревога")
    await asyncio.sleep(30)
    assert had < more == shift.having("Учебная тревога") < len(shift.readers)


async def held(shift: Shift) -> None:
    """Sport can be taken off for a minute: one article is, the other goes by itself."""
    shift.publish("Сборная выиграла кубок")
    shift.publish("Непроверенный слух о стадионе")
    await told(shift.bek, "⏳ Уйдёт в")
    assert shift.having("Сборная выиграла") == shift.having("Непроверенный") == 0
    await press(shift.bek, await told(shift.bek, "Непроверенный слух"), "Снять")
    await told(shift.bek, "⛔ Снято")
    await asyncio.sleep(180)
    assert (shift.having("Сборная выиграла"), shift.having("Непроверенный")) == (len(shift.readers), 0)


async def embargo(shift: Shift) -> None:
    """Nothing of it leaves before its time, and then everything at once; the feed's own article waits, too."""
    clock = shift.sandbox.machine.clock
    until = int(clock.now()) + 600
    await shift.ada.send("Итоги матча https://n.example/2")
    await asyncio.sleep(2)
    await press(shift.ada, shift.ada.chat()[-1], "В раздел")
    await press(shift.ada, shift.ada.chat()[-1], "Спорт")
    await press(shift.ada, shift.ada.chat()[-1], "Готово")
    card = shift.ada.chat()[-1]
    id_ = card["reply_markup"]["inline_keyboard"][0][0]["callback_data"].split(":")[2]
    await shift.ada.press(card, f"when:embargo:{id_}:{until}", wait=False)
    await asyncio.sleep(2)
    await press(shift.ada, shift.ada.chat()[-1], "Разослать")
    shift.publish("Итоги матча из ленты")
    await asyncio.sleep(until - clock.now() - 5)
    assert shift.having("Итоги матча") == 0
    await asyncio.sleep(240)
    assert shift.having("Итоги матча https") == len(shift.readers)
    assert shift.having("Итоги матча из ленты") == len(shift.readers)


async def later(shift: Shift) -> None:
    """Put off by a press; the second editor says yes now, and it goes by itself when its time comes."""
    clock = shift.sandbox.machine.clock
    await shift.ada.send("/breaking Мост снова открыт")
    await asyncio.sleep(2)
    for label in ("Ещё", "Позже"):
        await press(shift.ada, shift.ada.chat()[-1], label)
    soonest = shift.ada.chat()[-1]["reply_markup"]["inline_keyboard"][0][0]
    due = int(soonest["callback_data"].rpartition(":")[2])
    assert 14 * 60 < due - clock.now() <= 15 * 60
    await press(shift.ada, shift.ada.chat()[-1], soonest["text"])
    await press(shift.ada, await told(shift.ada, "⏰ Выйдет"), "На утверждение")
    await press(shift.bek, await told(shift.bek, "просит утвердить"), "Утвердить")
    await asyncio.sleep(due - clock.now() - 3)
    assert shift.having("снова открыт") == 0
    await asyncio.sleep(60)
    assert shift.having("СРОЧНО. Мост снова открыт") == len(shift.readers)
    await told(shift.bek, "Разослано за")


def lived(folder: Path, readers: range) -> None:
    async def whole(clock: LoopClock, rng: random.Random) -> None:
        clock.start += 3600  # the quiet hours are over
        sandbox = Sandbox(clock, anti_spin=False)
        sandbox.machine.listeners.append(sandbox._poll.heard)
        shift = Shift(sandbox, readers)
        url = f"sqlite:///{folder}/newsdesk.db"
        sections = tuple(replace(one, mode="hold 1m") if one.id == "sport" else one for one in DEFAULT_SECTIONS)
        settings = replace(
            settings_for(sandbox, None, url, delivery=Delivery(messages_per_second=len(readers) // 10)),
            desk=Desk(approvals=1, countdown=1),
            sections=sections,
            feeds=(FeedConfig("https://n.example/rss", language="ru", interval=10),),
            path=folder / "newsdesk.toml",
        )
        settings = replace(settings, newsroom=replace(settings.newsroom, owners=(BEK,)))
        with edges(sandbox, shift.site, lambda: rng.uniform(0.06, 0.1)):
            storage = await open_storage(url)
            bits = await storage.meta.section_bits([one.id for one in sections])
            await subscribe(storage, readers, 1 << bits["sport"])
            await storage.editors.add(ADA, Role.EDITOR, "Ада", by=0, now=1)
            await storage.close()
            async with running(settings, clock=clock):
                await asyncio.sleep(30)  # the feed has been looked at
                for part in (approved, later, paused_and_stopped, held, embargo):
                    await part(shift)
        assert not sandbox.violations

    play(3, whole)


def test_a_shift_of_two_editors(tmp_path: Path) -> None:
    lived(tmp_path, range(10_000, 10_080))


@pytest.mark.prove
def test_a_shift_with_two_thousand_readers(tmp_path: Path) -> None:
    lived(tmp_path, range(10_000, 12_000))
