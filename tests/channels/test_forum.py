"""A forum with eight topics, lived by the whole bot in virtual time: one is deleted, one closed, the group is slow."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.domain.reader import ReaderState
from bot.sandbox.flood import FloodRule
from bot.sandbox.model import Chat
from bot.settings import DEFAULT_SECTIONS, ChannelConfig
from storage import open_storage
from tests.channels.test_day import Town, lived, sends

FORUM = -1_001_700_000_001
NAMES = [section.name["ru"] for section in DEFAULT_SECTIONS]


def in_topics(town: Town) -> dict[str, list[str]]:
    """The first lines of what each topic got, by its name."""
    topics = town.sandbox.machine.chats[FORUM].topics
    got: dict[str, list[str]] = {topic.name: [] for topic in topics.values()}
    for message in town.sandbox.sent(FORUM):
        if topic := topics.get(message.get("message_thread_id", 0)):
            got[topic.name].append(message["text"].split("\n")[0])
    return got


async def press(town: Town, *names: str) -> None:
    """The reader administers the forum and presses buttons of its screen."""
    screen = town.reader.chat()[-1]
    for name in names:
        await town.reader.tap(screen, name, wait=False)
    await asyncio.sleep(30)


def test_a_forum_with_eight_topics(tmp_path: Path) -> None:
    async def story(town: Town) -> None:
        for n in range(40):  # what the first look finds; 24 more are no flood then
            town.publish(f"Раньше {n}", NAMES[0])
        await town.at(0.02)
        forum: Chat = town.sandbox.people.group(
            FORUM, "Соседи", forum=True, admins=[town.reader], bot_rights={"can_manage_topics": True}
        )
        await asyncio.sleep(3)
        assert "👥 Соседи" in town.reader.chat()[-1]["text"]
        await press(town, "Тема на каждый раздел")
        await press(town, *NAMES, "Готово")
        assert list(in_topics(town)) == NAMES
        town.sandbox.machine.flood = FloodRule(overall=None, per_chat=None, per_group=20)
        for n in range(3):
            for name in NAMES:
                town.publish(f"{name} {n}", name)
        await town.at(0.1)
        assert in_topics(town) == {name: [f"{name} {n}" for n in range(3)] for name in NAMES}
        assert town.sandbox.machine.flood.refused == 0, "24 posts and no 429 in a group that takes 20 a minute"
        post = town.sandbox.sent(FORUM)[-1]
        (row,) = post["reply_markup"]["inline_keyboard"]
        assert row == [{"text": "Мои разделы", "url": "https://t.me/newsdesk_demo_bot?start=s_group"}]

        gone, shut = list(forum.topics)[4:6]
        del forum.topics[gone]
        town.sandbox.people.close_topic(forum, shut)
        town.owner.add_bot(forum, {})  # the right to manage topics is taken: closed ones are closed to it
        await asyncio.sleep(3)
        town.sandbox.people.close_topic(forum, shut)
        await asyncio.sleep(3)
        for name in NAMES:
            town.publish(f"{name} потом", name)
        await town.at(0.2)
        got = in_topics(town)
        assert [name for name in got if f"{name} потом" in got[name]] == [*NAMES[:4], *NAMES[6:]]
        town.sandbox.people.close_topic(forum, shut, closed=False)
        await asyncio.sleep(3)
        town.publish("Культура снова", NAMES[5])
        await town.at(0.3)
        assert in_topics(town)[NAMES[5]][-1] == "Культура снова"

        await sends(town, "Землетрясение")
        everywhere = [m.get("message_thread_id", 0) for m in town.sandbox.sent(FORUM) if "Землетрясение" in m["text"]]
        assert everywhere == [0], "breaking news comes once, not into each topic"

    lived(12, tmp_path, ChannelConfig("@dala_kz"), story)

    async def states() -> dict[int, ReaderState]:
        storage = await open_storage(f"sqlite:///{tmp_path}/newsdesk.db")
        try:
            return {one.thread_id: one.state for one in await storage.readers.living(FORUM)}
        finally:
            await storage.close()

    assert sorted(asyncio.run(states()).values()) == [*[ReaderState.ACTIVE] * 8, ReaderState.DORMANT]
