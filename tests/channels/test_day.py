"""A day of a channel, lived by the whole bot in virtual time; a third as long as others, with hours of five minutes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.channels import pace, publish
from bot.domain.channel import RIGHTS
from bot.feeds.fetch import Response
from bot.sandbox.client import Person
from bot.sandbox.http import Sandbox
from bot.sandbox.model import Chat
from bot.settings import DEFAULT_SECTIONS, ChannelConfig, Desk, FeedConfig, Newsroom, Rates, Settings
from bot.settings_env import NO_ENV
from bot.settings_file import Secret
from tests.factories import running
from tests.virtual import START, LoopClock, edges, play

OWNER, READER, CHANNEL = 9001, 501, -1_001_600_000_001
HOUR = 3600.0
PIXEL = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080001000101011100ffd9")
ITEM = (
    '<item><guid isPermaLink="false">g{n}</guid><link>https://n.example/{n}</link><title>{title}</title>'
    "<description>Коротко.</description><category>{category}</category></item>"
)


@dataclass
class Town:
    """A newsroom with a feed, a channel, an owner and a reader."""

    sandbox: Sandbox
    clock: LoopClock
    owner: Person
    reader: Person
    channel: Chat
    items: list[str] = field(default_factory=list)
    hour: float = HOUR

    def publish(self, title: str, category: str = "Спорт", n: int | None = None) -> int:
        """An article at the top of the feed; under the number of an earlier one it is that one, edited."""
        if n is None:
            n = len(self.items)
            self.items.append("")
        self.items[n] = ITEM.format(n=n, title=title, category=category)
        return n

    async def site(self, url: str, etag: str, modified: str) -> Response:
        """The feed as it is now."""
        document = f'<rss version="2.0"><channel><title>Дала</title>{"".join(reversed(self.items))}</channel></rss>'
        return Response(200, document.encode(), final_url=url)

    def posts(self) -> list[dict[str, Any]]:
        """What the bot has in the channel, as it stands now."""
        return self.sandbox.sent(CHANNEL)

    def texts(self) -> list[str]:
        """The first lines of it."""
        return [(post.get("text") or post.get("caption") or "").split("\n")[0] for post in self.posts()]

    async def at(self, hours: float) -> None:
        """Go on until so many hours of the town after seven in the morning."""
        await asyncio.sleep(START + hours * self.hour - self.clock.now())

    def sends(self) -> list[tuple[int, str]]:
        """Chat and first line of every message that was sent, in their order."""
        return [
            (int(call.params["chat_id"]), str(call.params.get("text", "")).split("\n")[0])
            for call in self.sandbox.calls
            if call.method == "sendMessage" and (call.answer or {}).get("ok")
        ]


def settings(sandbox: Sandbox, folder: Path, channel: ChannelConfig, **changes: Any) -> Settings:
    """The newsroom of the town."""
    env = replace(NO_ENV, bot_token=Secret(sandbox.token), bot_api_url="http://telegram.example", http_listen=None)
    base = Settings(
        newsroom=Newsroom(name="Дала", url="https://n.example", owners=(OWNER,)),
        sections=DEFAULT_SECTIONS,
        feeds=(FeedConfig("https://n.example/rss", language="ru", interval=20),),
        channels=(channel,),
        rates=Rates(url=""),
        desk=Desk(countdown=5),
        env=replace(env, database_url=f"sqlite:///{folder}/newsdesk.db"),
        path=folder / "newsdesk.toml",
    )
    return replace(base, **changes)


def lived(
    seed: int,
    folder: Path,
    channel: ChannelConfig,
    story: Callable[[Town], Awaitable[None]],
    *,
    hour: float = HOUR,
    **changes: Any,
) -> Town:
    """Live through a story in that town."""

    async def whole(clock: LoopClock, rng: random.Random) -> Town:
        sandbox = Sandbox(clock, anti_spin=False)
        people = sandbox.people
        owner, reader = people.add(OWNER, lang="ru", started=True), people.add(READER, lang="ru")
        place = people.channel(CHANNEL, "Дала", "dala_kz", admins=[owner])
        town = Town(sandbox, clock, owner, reader, place, hour=hour)
        town.publish("Что было раньше")
        sandbox.machine.listeners.append(sandbox._poll.heard)  # an update ends a long poll
        with edges(sandbox, town.site, lambda: rng.uniform(0.06, 0.1)):
            async with running(settings(sandbox, folder, channel, **changes), clock=clock):
                await reader.send("/start sport")
                await story(town)
        assert sandbox.violations == []
        return town

    return play(seed, whole)


async def sends(town: Town, text: str) -> None:
    """The owner sends breaking news."""
    await town.owner.send(f"/breaking {text}")
    await asyncio.sleep(3)
    await town.owner.tap(town.owner.chat()[-1], "Разослать", wait=False)
    await asyncio.sleep(20)


def test_a_day_of_a_channel(tmp_path: Path) -> None:
    config = ChannelConfig(
        "@dala_kz", language="ru", source=True, gap=20, per_hour=3, pin_breaking=100, quiet_hours="23:00-07:10"
    )

    async def story(town: Town) -> None:
        await town.at(0.05)
        assert town.posts() == [], "what was in the feed is known"
        first = town.publish("Утренний матч")
        await town.at(0.1)
        (post,) = town.posts()
        assert post["silent"], "the night is not over at seven"
        (row,) = post["reply_markup"]["inline_keyboard"]
        assert [(key["text"], key["url"]) for key in row] == [
            ("Мои разделы", "https://t.me/newsdesk_demo_bot?start=s_dala_kz")
        ]
        assert [chat for chat, text in town.sends() if "Утренний матч" in text] == [CHANNEL, READER]

        await town.at(0.52)
        for n in range(6):  # more than an hour carries
            town.publish(f"Событие {n}")
        await town.at(0.73)
        assert [text for text in town.texts() if "Событие" in text] == [f"Событие {n}" for n in range(3)]
        assert not town.posts()[-1]["silent"]
        await town.at(0.77)
        listed = town.posts()[-1]
        assert listed["text"].startswith("Коротко: 3 новости")
        assert all(f"Событие {n}" in listed["text"] for n in (3, 4, 5))

        await sends(town, "Землетрясение в Алматы")
        alarm = town.posts()[-1]
        assert "Землетрясение" in alarm["text"]
        assert town.channel.pinned == [alarm["message_id"]]
        assert [chat for chat, text in town.sends() if "Землетрясение" in text and chat != OWNER] == [CHANNEL, READER]
        await sends(town, "Второй толчок")
        assert town.channel.pinned == [town.posts()[-1]["message_id"]], "the next one is pinned in its place"

        town.publish("Утренний матч перенесён", n=first)
        await town.at(0.85)
        assert town.texts()[0] == "Утренний матч перенесён"
        edits = [int(call.params["chat_id"]) for call in town.sandbox.calls if call.method == "editMessageText"]
        assert edits.index(CHANNEL) < edits.index(READER), "corrections, too, reach the channel first"
        await town.at(0.9)
        assert town.channel.pinned == [], "its time is over"

        town.owner.add_bot(town.channel, {right: right != RIGHTS[0] for right in RIGHTS})
        for n in range(3):
            town.publish(f"Без права {n}")
            await asyncio.sleep(30)
        assert "Без права" not in str(town.texts())
        assert any("публиковать" in (message.get("text") or "") for message in town.owner.chat())
        await town.at(1.22)
        town.owner.add_bot(town.channel)
        await town.at(1.25)
        assert town.texts()[-1] == "Коротко: 3 новости"

        by_hand = await town.owner.send("Наш хоккеист в НХЛ\n#Спорт", town.channel, photo=PIXEL)
        await asyncio.sleep(30)
        copy = town.reader.chat()[-1]
        assert copy["caption"].startswith("Наш хоккеист в НХЛ\n\n#Спорт")
        assert copy["photo"][0]["file_unique_id"] == by_hand["photo"][0]["file_unique_id"]
        assert "Из канала «Дала» — читателям разделов: Спорт" in town.owner.chat()[-1]["text"]
        await town.owner.edit(by_hand, "Наш вратарь в НХЛ\n#Спорт")
        await asyncio.sleep(30)
        assert town.reader.chat()[-1]["caption"].startswith("Наш вратарь в НХЛ")
        await town.owner.tap(town.owner.chat()[-1], "Отозвать", wait=False)
        await asyncio.sleep(5)
        assert "Почему" in town.owner.chat()[-1]["text"]

        before = len(town.posts())
        await town.owner.send("#срочно Мост закрыт", town.channel)
        await asyncio.sleep(10)
        note = town.owner.chat()[-1]
        assert "Мост закрыт" in note["text"]
        assert "Мост закрыт" not in str(town.reader.chat()), "a tag alone sends nothing"
        await town.owner.tap(note, "Сделать черновик", wait=False)
        await asyncio.sleep(3)
        await town.owner.tap(town.owner.chat()[-1], "Разослать", wait=False)
        await asyncio.sleep(20)
        assert town.reader.chat()[-1]["text"].startswith("🔴 СРОЧНО. Мост закрыт")
        assert len(town.posts()) == before, "the channel has it already"

    with patch.object(pace, "HOUR", 300), patch.object(publish, "HOUR", 300):
        lived(11, tmp_path, config, story, hour=HOUR / 3)
