"""Two editors correct and withdraw beside another send: every known copy; across kill -9 and on both engines, too."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.clock import RealClock
from bot.domain.delivery import Broadcast, BroadcastState, Kind
from bot.domain.desk import Role
from bot.feeds.fetch import Response
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.settings import Delivery
from storage import open_storage
from tests.factories import Zygote, gone, running, settings_for, subscribe, zygote
from tests.virtual import LoopClock, edges, play

ADA, BEK = 501, 502
CONFIG = (
    '[newsroom]\nname = "Дала"\n[desk]\ncountdown = 1\n[rates]\nurl = ""\n[delivery]\nmessages_per_second = {rate}\n'
)
FIRST, SECOND = "Мост закрыт до 5 мая.", "Второе срочное."


class Newsroom:
    """A bot in a process of its own, two editors and their readers."""

    def __init__(self, sandbox: Sandbox, forks: Zygote, url: str, folder: Path, readers: int, rate: int) -> None:
        self.sandbox, self.forks, self.url, self.folder = sandbox, forks, url, folder
        self.readers = range(1001, 1001 + readers)
        self.config = CONFIG.format(rate=rate)
        self.pid = 0

    async def open(self) -> None:
        storage = await open_storage(self.url)
        await storage.meta.section_bits(["sport"])
        await subscribe(storage, self.readers, 1)
        for editor, name in ((ADA, "Ада"), (BEK, "Бек")):
            await storage.editors.add(editor, Role.EDITOR, name, by=0, now=1)
        await storage.close()
        for chat in self.readers:
            self.sandbox.people.add(chat, started=True)

    async def live(self) -> None:
        self.pid = await self.forks.bot(
            self.sandbox, self.url, self.folder, self.config, only=("send", "talk"), lease=1
        )

    async def killed(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        await gone(self.pid)
        await self.live()

    def texts(self, chat: int) -> list[str]:
        """What a reader has now."""
        return [str(message.get("text")) for message in self.sandbox.sent(chat)]

    def having(self, words: str) -> int:
        """How many readers have a message with these words."""
        return sum(any(words in text for text in self.texts(chat)) for chat in self.readers)

    async def until(self, words: str, count: int, within: float = 60) -> None:
        """Wait until so many readers have it."""
        await self.sandbox.until(lambda: self.having(words) >= count, timeout=within)


async def sent(person: Person, text: str) -> None:
    """Breaking news as an editor sends it."""
    await person.send(f"/breaking {text}")
    await person.tap(await person.next("Так увидят", timeout=20), "Разослать")


async def report(person: Person, words: str, within: float = 60) -> dict[str, Any]:
    """The card when it says that it is over."""
    return await person.next(words, timeout=within)


async def story(sandbox: Sandbox, forks: Zygote, url: str, folder: Path, readers: int, rate: int) -> None:
    room = Newsroom(sandbox, forks, url, folder, readers, rate)
    ada, bek = (sandbox.people.add(editor, lang="ru", started=True) for editor in (ADA, BEK))
    lost = room.readers[3]
    await room.open()
    await room.live()

    sandbox.faults.fail("drop_after", "sendMessage", {"chat_id": lost}, times=1)
    await sent(ada, FIRST)
    done = await report(ada, "Разослано за")
    assert "возможно, дважды 1" in done["text"]

    await sent(bek, SECOND)
    await room.until(SECOND, readers // 10)
    await ada.tap(done, "Исправить")
    await ada.tap(await ada.next("Что в нём не так", timeout=20), "Серьёзно")
    await ada.next("Пришлите весь текст", timeout=20)
    await ada.send("Мост закрыт до 7 мая.")
    card = await ada.next("Так увидят", timeout=20)
    assert f"Копий изменится: {readers}" in card["text"].replace("\u00a0", "")
    assert "номер неизвестен: 1" in card["text"]
    await ada.tap(card, "Разослать")
    await room.until("7 мая", readers // 3)
    await room.killed()
    fixed = await report(ada, "✅ Исправлено")
    assert "не достать 1" in fixed["text"]
    await room.until(SECOND, readers)
    for chat in room.readers:
        texts = room.texts(chat)
        old = [text for text in texts if "до 5 мая" in text and "Исправлено" not in text]
        assert len(old) == (1 if chat == lost else 0), texts
        assert sum("Исправлено" in text for text in texts) == 2, "the copy, and the message about it"
        assert sum(SECOND in text for text in texts) >= 1
    replies = Counter(call.params["chat_id"] for call in sandbox.calls if "reply_parameters" in call.params)
    assert set(replies) <= set(room.readers)

    await bek.send("/correct мост")
    await bek.press(
        await bek.next(timeout=20),
        next(
            button["callback_data"].replace("fix", "pull")
            for row in fixed["reply_markup"]["inline_keyboard"]
            for button in row
            if button["callback_data"].startswith("fix:")
        ),
    )
    await bek.next("Почему отзываете?", timeout=20)
    await bek.send("Мост открыт, мы ошиблись.")
    await bek.tap(await bek.next("Так увидят", timeout=20), "Отозвать")
    await sandbox.until(lambda: room.having("7 мая") < readers + 1 and _withdrawn(room) > readers // 3, timeout=60)
    await room.killed()
    await report(bek, "✅ Отозвано")
    left = [chat for chat in room.readers if any(text.startswith("🔴 СРОЧНО. Мост") for text in room.texts(chat))]
    assert left == [lost], "its number is known to nobody"
    os.kill(room.pid, signal.SIGTERM)
    await gone(room.pid)
    print(f"{readers} readers, {sum(replies.values())} replies, {len(sandbox.calls)} of the last calls")


def _withdrawn(room: Newsroom) -> int:
    return sum(not any(text.startswith("🔴 СРОЧНО. Мост") for text in room.texts(chat)) for chat in room.readers)


async def check(url: str, folder: Path, readers: int, rate: int) -> None:
    async with Sandbox(RealClock(), anti_spin=False) as sandbox, zygote() as forks:
        await story(sandbox, forks, url, folder, readers, rate)
    assert not sandbox.violations


@pytest.mark.prove
async def test_every_known_copy_across_kills(database_url: str, engine_name: str, tmp_path: Path) -> None:
    await check(database_url, tmp_path, readers=2000, rate=400)


# The same without a death, in virtual time --------------------------------------------------------------------


async def told(person: Person, words: str) -> dict[str, Any]:
    """The newest message in a chat that says so, as it stands now."""
    for _ in range(240):
        found = [one for one in person.chat() if words in (one.get("text") or "")]
        if found:
            return found[-1]
        await asyncio.sleep(0.5)
    raise AssertionError(f"{words} in {[one.get('text') for one in person.chat()]}")


async def pressed(person: Person, message: dict[str, Any], label: str) -> None:
    await person.tap(message, label, wait=False)
    await asyncio.sleep(2)


async def written(person: Person, text: str) -> dict[str, Any]:
    """Breaking news, sent; its card."""
    await person.send(f"/breaking {text}")
    await asyncio.sleep(2)
    await pressed(person, person.chat()[-1], "Разослать")
    return person.chat()[-1]


async def two_editors(sandbox: Sandbox, clock: LoopClock, url: str, folder: Path, readers: range) -> None:
    """Breaking news; beside the next one it is corrected by one editor and withdrawn by the other."""
    ada, bek = (sandbox.people.add(editor, lang="ru", started=True) for editor in (ADA, BEK))
    storage = await open_storage(url)
    await storage.meta.section_bits(["sport"])
    await subscribe(storage, readers, 1)
    for editor, name in ((ADA, "Ада"), (BEK, "Бек")):
        await storage.editors.add(editor, Role.EDITOR, name, by=0, now=1)
    await storage.close()
    people = {chat: sandbox.people.add(chat, started=True) for chat in readers}
    blocked, lost, n = readers[2], readers[3], len(readers)
    settings = settings_for(sandbox, None, url, delivery=Delivery(messages_per_second=len(readers) // 10))
    settings = replace(settings, path=folder / "newsdesk.toml")
    async with running(settings, clock=clock):
        sandbox.faults.fail("drop_after", "sendMessage", {"chat_id": lost}, times=1)
        await written(ada, FIRST)
        done = await told(ada, "Разослано за")
        people[blocked].block()

        await written(bek, SECOND)
        await pressed(ada, done, "Исправить")
        await pressed(ada, ada.chat()[-1], "Серьёзно")
        await ada.send("Мост закрыт до 7 мая.")
        await asyncio.sleep(2)
        card = ada.chat()[-1]
        said = card["text"].replace("\u00a0", "")
        assert f"Копий изменится: {n}" in said
        assert "номер неизвестен: 1" in said
        (cast, *_) = [one for one in await _open(url) if one.kind is Kind.SEND]
        assert cast.state is BroadcastState.RUNNING, "the second is under way"
        await pressed(ada, card, "Разослать")
        fixed = await told(ada, "✅ Исправлено")
        assert "не достать 1" in fixed["text"]
        assert "не удалось изменить 1" in fixed["text"], "whoever has blocked the bot keeps what they have"
        for chat in readers:
            texts = [str(message.get("text")) for message in sandbox.sent(chat)]
            old = [text for text in texts if "до 5 мая" in text and "Исправлено" not in text]
            assert len(old) == (1 if chat in (lost, blocked) else 0), texts
            fresh = sum("Исправлено" in text for text in texts)
            assert fresh == (0 if chat == blocked else 2), "the copy, and the message about it"

        await written(bek, "Третье срочное.")
        await bek.send("/correct мост")
        await asyncio.sleep(2)
        keys = [key for row in fixed["reply_markup"]["inline_keyboard"] for key in row]
        pull = next(key["callback_data"] for key in keys if key["callback_data"].startswith("pull:"))
        await bek.press(bek.chat()[-1], pull, wait=False)
        await asyncio.sleep(2)
        await bek.send("Мост открыт, мы ошиблись.")
        await asyncio.sleep(2)
        await pressed(bek, bek.chat()[-1], "Отозвать")
        await told(bek, "✅ Отозвано")
        await asyncio.sleep(30)
    had = [chat for chat in readers if any("СРОЧНО. Мост" in str(one.get("text")) for one in sandbox.sent(chat))]
    assert had == [lost], "nobody knows its number; what somebody has who blocked the bot can be deleted"
    others = [chat for chat in readers if chat != blocked]
    for text in (SECOND, "Третье срочное."):
        assert all(any(text in str(one.get("text")) for one in sandbox.sent(chat)) for chat in others)


async def _open(url: str) -> list[Broadcast]:
    storage = await open_storage(url, exclusive=False)
    try:
        return await storage.broadcasts.open()
    finally:
        await storage.close()


def lived(folder: Path, readers: int) -> None:
    async def whole(clock: LoopClock, rng: random.Random) -> None:
        sandbox = Sandbox(clock, anti_spin=False)
        sandbox.machine.listeners.append(sandbox._poll.heard)

        async def nothing(url: str, etag: str, modified: str) -> Response:
            raise AssertionError(url)

        with edges(sandbox, nothing, lambda: rng.uniform(0.06, 0.1)):
            url = f"sqlite:///{folder}/newsdesk.db"
            await two_editors(sandbox, clock, url, folder, range(1001, 1001 + readers))
        assert not sandbox.violations

    play(21, whole)


def test_every_known_copy_beside_another_send(tmp_path: Path) -> None:
    lived(tmp_path, 300)


@pytest.mark.prove
def test_two_thousand_beside_another_send(tmp_path: Path) -> None:
    lived(tmp_path, 2000)
