"""Groups and channels: remembered as they are now, in the lists of who set them up, moved with their readers."""

from __future__ import annotations

from dataclasses import replace

from storage_help import GROUP, subscribed

from bot.domain.place import Place
from bot.domain.reader import ReaderKind, ReaderState
from storage import Storage

HERE = Place(GROUP, ReaderKind.GROUP, "Соседи", "sosedi", is_forum=True)


async def test_a_place_is_known_as_it_is_now_and_keeps_how_topics_are_used(storage: Storage) -> None:
    await storage.places.keep(HERE, by=1, now=1)
    await storage.places.use_topics(GROUP, True)
    await storage.places.keep(replace(HERE, title="Соседи 2", username=""), by=2, now=2)
    await storage.places.keep(Place(-5, ReaderKind.CHANNEL, "Канал"), by=1, now=2)
    await storage.places.keep(Place(-6, ReaderKind.GROUP, "Двор"), by=1, now=2)
    now = replace(HERE, title="Соседи 2", username="", by_topic=True)
    assert await storage.places.get(GROUP) == now
    assert await storage.places.of(1, ReaderKind.GROUP) == [Place(-6, ReaderKind.GROUP, "Двор"), now]
    assert await storage.places.of(2, ReaderKind.GROUP) == [now]
    assert await storage.places.of(3, ReaderKind.GROUP) == []
    assert await storage.places.get(-7) is None


async def test_a_place_moves_with_its_readers_unless_the_new_one_is_known(storage: Storage) -> None:
    await subscribed(storage, -700)
    await storage.places.keep(Place(-700, ReaderKind.GROUP, "Соседи"), by=1, now=1)
    await storage.readers.move(-700, GROUP)
    assert await storage.places.of(1, ReaderKind.GROUP) == [Place(GROUP, ReaderKind.GROUP, "Соседи")]
    await storage.places.keep(Place(-700, ReaderKind.GROUP, "Снова"), by=1, now=1)
    await storage.places.keep(Place(-700, ReaderKind.GROUP, "Снова"), by=2, now=1)
    await storage.readers.move(-700, GROUP)
    assert await storage.places.get(-700) is None
    for user in (1, 2):
        assert [one.title for one in await storage.places.of(user, ReaderKind.GROUP)] == ["Соседи"]


async def test_one_topic_sleeps_and_wakes_alone(storage: Storage) -> None:
    for thread in (0, 7, 8):
        reader = await storage.readers.meet(GROUP, thread_id=thread, language="ru", now=1)
        await storage.readers.consent(reader.id, "w", now=1)

    async def asleep() -> list[int]:
        living = await storage.readers.living(GROUP)
        return [one.thread_id for one in living if one.state is ReaderState.DORMANT]

    await storage.readers.unreachable(GROUP, thread_id=7, now=2)
    assert await asleep() == [7]
    await storage.readers.reachable(GROUP, thread_id=7, now=3)
    assert await asleep() == []
    await storage.readers.unreachable(GROUP, now=4)
    assert await asleep() == [0, 7, 8]
    await storage.readers.reachable(GROUP, thread_id=0, now=5)
    assert await asleep() == [7, 8]
