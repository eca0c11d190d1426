"""Lists: what waits for the morning, for a digest or beyond the volume comes once, together, at the reader's time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from bot.domain.delivery import Sent, Wait
from bot.domain.post import Post, PostKind
from bot.domain.reader import ALL, DIGESTS, Quiet
from storage import Storage
from tests.delivery.days import Days, days
from tests.factories import correct, withdraw

MORNING, DIGEST = "☀️ Доброе утро! За ночь по вашим разделам — ", "🗞 Ваш обзор: "


def heads(text: str) -> list[str]:
    """The headlines of a list, or the one of a post."""
    return [line[2:] for line in text.split("\n") if line.startswith("• ")] or [text.split("\n")[0]]


def all_heads(day: Days, chat: int) -> list[str]:
    return [head for text in day.got(chat) for head in heads(text)]


async def test_a_night_that_is_kept_comes_as_one_list_in_the_morning(storage: Storage) -> None:
    async with days(storage) as day:
        await day.reader(1, quiet=Quiet.HOLD)
        await day.reader(2)
        await day.reader(3, quiet=Quiet.HOLD, digest_at=(1140,))
        await day.reader(4, quiet=Quiet.HOLD, zone="Europe/Berlin")
        await day.post("Днём")
        await day.at("2026-11-20 23:30")
        await day.post("В полночь")
        await day.breaking("Важное")
        await day.at("2026-11-21 02:00")
        await day.post("Ночью")
        assert [len(day.got(chat)) for chat in (1, 2, 3, 4)] == [2, 4, 2, 4], "breaking news comes, and where it is day"
        await day.at("2026-11-21 07:31")
        assert heads(day.got(3)[-1]) == ["В полночь", "Ночью"], "no digest in the morning: at the night's end"
        await day.at("2026-11-21 08:00")
        for chat in (1, 3):
            assert day.got(chat)[-1].startswith(f"{MORNING}2 новости:\n\nСпорт\n• В полночь\n• Ночью")
        await day.at("2026-11-21 09:30")
        await day.post("Утром")
        await day.at("2026-11-21 13:00")
        await day.at("2026-11-22 09:00")
        kept = ["Днём", "🔴 СРОЧНО. Важное", "В полночь", "Ночью", "Утром"]
        assert all_heads(day, 1) == all_heads(day, 3) == kept
        assert all_heads(day, 2) == all_heads(day, 4) == ["Днём", "В полночь", "🔴 СРОЧНО. Важное", "Ночью", "Утром"]
        silent = [json.loads(body)["chat_id"] for body in day.wire.bodies if b"disable_notification" in body]
        assert sorted(silent) == [1, 2, 2, 2, 3]
        lists = [json.loads(body) for body in day.wire.bodies if "Доброе утро" in body.decode()]
        row = {"list:times": "Время обзора", "list:stop": "Отписаться"}
        buttons = [call["reply_markup"]["inline_keyboard"] for call in lists]
        assert all({one["callback_data"]: one["text"] for one in only} == row for (only,) in buttons)
        assert await storage.lists.due(now=day.crew.now) == 0


async def test_digests_come_at_the_readers_hours_and_days(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage) as day:  # a Friday
        await day.reader(1, volume=DIGESTS)
        await day.reader(2, volume=DIGESTS, digest_days=0b1000000, digest_at=(600,))
        await day.reader(3, volume=DIGESTS, sections=2)
        await day.post("Днём")
        await day.at("2026-11-20 18:59")
        assert day.wire.log == []
        await day.at("2026-11-20 19:00")
        assert heads(day.got(1)[0]) == ["Днём"]
        assert day.got(1)[0].startswith(f"{DIGEST}1 новость")
        await day.post("Вечером")
        for moment in ("2026-11-21 08:00", "2026-11-21 19:00", "2026-11-22 08:00"):
            await day.at(moment)
        assert all_heads(day, 1) == ["Днём", "Вечером"], "nothing new, no digest"
        await day.at("2026-11-22 10:00")
        assert heads(day.got(2)[0]) == ["Днём", "Вечером"]
        assert [len(day.got(chat)) for chat in (1, 2, 3)] == [2, 1, 0]


async def test_a_volume_is_paced_over_the_day_and_the_rest_is_in_the_digest(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage, "2026-11-20 07:00") as day:
        await day.reader(1, volume=3, digest_at=(19 * 60,))
        for hour in range(8, 18):
            await day.at(f"2026-11-20 {hour:02}:10")
            await day.post(f"В {hour}")
        pushes = all_heads(day, 1)
        assert pushes == ["В 8", "В 13"], "a third of the waking day is five hours"
        await day.at("2026-11-20 19:00")
        assert sorted(heads(day.got(1)[-1])) == sorted({f"В {hour}" for hour in range(8, 18)} - set(pushes))
        await day.at("2026-11-20 20:00")
        await day.post("Вечером")
        await day.post("Позже")
        assert all_heads(day, 1)[-1] == "Вечером"
        assert len(day.got(1)) == 4
        await day.breaking("Важное")
        rows = await sqlite_storage.engine.fetch("SELECT n FROM pace")
        assert rows[0][0] == 3, "neither the list nor breaking news counts"


async def test_two_posts_at_once_count_as_two(sqlite_storage: Storage) -> None:
    """Storage does not know the first one when the reader is read for the second."""
    async with days(sqlite_storage, "2026-11-20 16:00") as day:
        await day.reader(1, volume=1, digest_at=(19 * 60,))
        await day.at("2026-11-21 16:00")
        for n in range(4):
            await day.crew.post(f"Пост {n}")
        await day.settle()
        assert all_heads(day, 1) == ["Пост 0"]
        await day.at("2026-11-21 19:00")
        assert all_heads(day, 1) == ["Пост 0", "Пост 1", "Пост 2", "Пост 3"]


async def test_whoever_gives_digests_up_gets_one_last_at_once(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage) as day:
        reader = await day.reader(1, volume=DIGESTS)
        await day.post("Первый")
        await sqlite_storage.readers.change(reader, now=day.crew.now, volume=ALL)
        await day.settle()
        assert heads(day.got(1)[0]) == ["Первый"]
        await day.post("Второй")
        await day.at("2026-11-21 19:00")
        assert all_heads(day, 1) == ["Первый", "Второй"]
        await sqlite_storage.readers.change(reader, now=day.crew.now, volume=DIGESTS)
        await day.post("Третий")
        await day.at("2026-11-22 08:00")
        assert all_heads(day, 1) == ["Первый", "Второй", "Третий"], "what came by itself is in no list"


async def test_what_is_under_way_when_lists_are_given_up_is_not_lost(storage: Storage) -> None:
    """It had passed by, because the volume was used up; a waiting reader keeps the send open meanwhile."""
    async with days(storage) as day:
        giving_up = await day.reader(1, volume=1)
        for title in ("Первый", "Второй"):
            await day.post(title)
        await day.reader(2)
        real, until = day.wire.deliver, day.crew.clock.now() + 900

        async def deliver(method: str, body: bytes) -> Sent | Wait:
            left = until - day.crew.clock.now() if json.loads(body)["chat_id"] == 2 else 0.0
            return Wait(left, "chat") if left > 0 else await real(method, body)

        day.wire.deliver = deliver  # type: ignore[method-assign, assignment]
        await day.crew.post("Третий")
        day.publisher.wake()
        async with asyncio.timeout(20):
            while not any(
                run.waiting for run in [await storage.broadcasts.progress(one) for one in await opened(storage)]
            ):
                await day.crew.clock.sleep(0.5)
        await storage.readers.change(giving_up, now=day.crew.now, volume=ALL)
        await day.wire.until(lambda: len(day.got(1)) == 2)
        assert all_heads(day, 1) == ["Первый", "Второй"]
        day.leap(1000)
        await day.settle()
        day.leap(1000)
        await day.settle()
        assert all_heads(day, 1) == ["Первый", "Второй", "Третий"]
        assert all_heads(day, 2) == ["Третий"]
        rows = await storage.engine.fetch("SELECT list_at FROM reader WHERE id = :id", id=giving_up)
        assert rows[0][0] is None, "nothing is looked for any more"


async def opened(storage: Storage) -> list[int]:
    """The broadcasts that are under way."""
    return [one.id for one in await storage.broadcasts.open()]


async def test_corrections_and_withdrawals_reach_lists(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage) as day:
        for chat in (1, 2):
            await day.reader(chat, volume=DIGESTS)
        ids = [await day.post(title) for title in ("Опечатка", "Лишнее", "Верное", "Раннее")]
        posts = {post.id: post for post in await sqlite_storage.posts.get(ids)}
        await correct(sqlite_storage, replace(posts[ids[3]], title="Исправленное до обзора"), now=day.crew.now)
        await day.at("2026-11-20 19:00")
        assert heads(day.got(1)[0]) == ["Опечатка", "Лишнее", "Верное", "Исправленное до обзора"]
        await correct(sqlite_storage, replace(posts[ids[0]], title="Исправлено"), now=day.crew.now)
        await withdraw(sqlite_storage, posts[ids[1]], now=day.crew.now)
        await day.settle()
        for chat in (1, 2):
            edited = day.got(chat)[-1]
            assert heads(edited) == ["Исправлено", "Верное", "Исправленное до обзора"]
            assert edited.startswith(f"{DIGEST}3 новости")
        edits = [json.loads(body) for body in day.wire.bodies if b"message_id" in body]
        assert all(call["reply_markup"]["inline_keyboard"][0][0]["text"] == "Время обзора" for call in edits)
        await withdraw(sqlite_storage, (await sqlite_storage.posts.get([ids[2]]))[0], now=day.crew.now)
        await day.settle()
        assert heads(day.got(1)[-1]) == ["Исправлено", "Исправленное до обзора"]


async def test_a_list_that_telegram_puts_off_comes_once(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage) as day:
        await day.reader(1, volume=DIGESTS)
        await day.reader(2, volume=DIGESTS)
        await day.post("Новость")
        real, refused = day.wire.deliver, []

        async def deliver(method: str, body: bytes) -> Sent | Wait:
            if json.loads(body)["chat_id"] == 1 and len(refused) < 2:
                refused.append(body)
                return Wait(700, "chat")
            return await real(method, body)

        day.wire.deliver = deliver  # type: ignore[method-assign, assignment]
        day.leap(7 * 3600 + 5)
        await day.wire.until(lambda: day.got(2))
        for _ in range(40):
            day.leap(100)
            await day.crew.clock.sleep(2)
        await day.settle()
        assert len(refused) == 2
        assert [all_heads(day, chat) for chat in (1, 2)] == [["Новость"], ["Новость"]]
        rows = await sqlite_storage.engine.fetch("SELECT COUNT(*) FROM broadcast WHERE lane = 3")
        assert rows[0][0] <= 3, "who waits by a receipt is in no further list"


async def test_a_list_that_is_late_leaves_the_night_alone(sqlite_storage: Storage) -> None:
    """Telegram was away from seven in the evening till midnight."""
    async with days(sqlite_storage) as day:
        await day.reader(1, volume=DIGESTS, quiet=Quiet.HOLD)
        await day.reader(2, volume=DIGESTS)
        await day.post("Новость")
        day.crew.pacer.held_until = day.crew.clock.monotonic() + 400
        for _ in range(2):
            day.leap(6 * 3600)
            await day.crew.clock.sleep(4)
        assert day.wire.log == []
        await day.crew.clock.advance(400)
        await day.wire.until(lambda: day.got(2))
        await day.settle()
        assert day.got(1) == []
        await day.at("2026-11-21 07:30")
        assert all_heads(day, 1) == ["Новость"]


async def test_what_does_not_fit_is_counted_and_linked(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage) as day:
        reader = await day.reader(1, volume=DIGESTS)
        long = "очень длинная " * 5
        posts = [Post(0, PostKind.ARTICLE, 1, 1, 0, language="ru", title=f"Новость {n} {long}") for n in range(130)]
        ids = await day.send(*posts)
        await day.at("2026-11-20 19:00")
        (text,) = day.got(1)
        assert f"ещё {130 - len(heads(text))} →" in text
        call = json.loads(day.wire.bodies[-1])
        (rest,) = [entity["url"] for entity in call["entities"] if "start=d_" in entity.get("url", "")]
        number = int(rest.rpartition("_")[2])
        assert rest == f"https://t.me/x?start=d_{number}"
        assert await sqlite_storage.lists.carried(number, reader) == tuple(ids)


@pytest.mark.parametrize("set_back", [7200, 60])
async def test_a_clock_that_is_set_back_makes_no_second_list(sqlite_storage: Storage, set_back: int) -> None:
    async with days(sqlite_storage) as day:
        await day.reader(1, volume=DIGESTS)
        await day.post("Первый")
        await day.at("2026-11-20 19:00")
        day.leap(-set_back)
        await day.post("Второй")
        await day.at("2026-11-20 19:30")
        assert all_heads(day, 1) == ["Первый"]
        await day.at("2026-11-21 08:00")
        assert all_heads(day, 1) == ["Первый", "Второй"]


async def test_words_decide_in_rounds_and_lists(sqlite_storage: Storage) -> None:
    async with days(sqlite_storage) as day:
        hides, follows = await day.reader(1, volume=DIGESTS), await day.reader(2, sections=2, volume=DIGESTS)
        await sqlite_storage.terms.choose(hides, "порт", ["=порт"], follows=False, since=0, now=1)
        await sqlite_storage.terms.choose(follows, "порт", ["=порт"], follows=True, since=0, now=1)
        await day.post("Новый порт")
        await day.post("Погода")
        await day.at("2026-11-20 19:00")
        assert [all_heads(day, chat) for chat in (1, 2)] == [["Погода"], ["Новый порт"]]


async def test_a_list_that_is_asked_for_comes_at_once_and_not_again(storage: Storage) -> None:
    """At night too, beside other lists, to one reader only; whoever has no lists is not given what is on its way."""

    async def ask(reader: int) -> bool:
        asking = await storage.lists.asking(reader, now=day.crew.now)
        assert asking is not None
        asked = await storage.broadcasts.ask(reader, listed=asking.listed, now=day.crew.now)
        await day.settle()
        return asked

    async with days(storage) as day:
        one = await day.reader(1, volume=DIGESTS, quiet=Quiet.HOLD)
        two = await day.reader(2, volume=DIGESTS)
        three = await day.reader(3, sections=2)
        await day.post("Днём")
        assert await ask(one)
        assert [len(day.got(chat)) for chat in (1, 2, 3)] == [1, 0, 0]
        await day.at("2026-11-20 23:30")
        await day.post("В полночь")
        assert await ask(one)
        assert all_heads(day, 1) == ["Днём", "В полночь"]
        assert "disable_notification" in day.wire.bodies[-1].decode()
        await storage.readers.choose(three, 1, True, now=day.crew.now)
        assert await ask(three), "chosen since: the day's posts"
        assert sorted(all_heads(day, 3)) == ["В полночь", "Днём"]
        await day.post("Ночью")
        await day.at("2026-11-21 08:00")
        assert all_heads(day, 1) == ["Днём", "В полночь", "Ночью"]
        assert all_heads(day, 2) == ["Днём", "В полночь", "Ночью"]
        assert all_heads(day, 3)[-1] == "Ночью", "by itself: its lists are over"
        assert len(all_heads(day, 3)) == 3
        assert await ask(two)
        assert len(day.got(2)) == 2, "nothing waits, nothing comes"
        await storage.readers.leave(two, now=day.crew.now)
        assert await storage.lists.asking(two, now=day.crew.now) is None
        assert not await storage.broadcasts.ask(two, listed=0, now=day.crew.now + 5)
