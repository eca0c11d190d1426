"""A picture is fetched once and uploaded once, whoever blocks, fails or dies meanwhile, and never costs the text."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.delivery.pacing import Pacer, Paying
from bot.demo.picture import draw
from bot.domain.delivery import Lane
from bot.domain.errors import StorageBusy
from bot.domain.post import Picture, PostKind
from bot.feeds.fetch import Fetcher
from bot.posts.compose import PostStyle
from bot.sandbox.http import Call
from tests.delivery.crew import Crew, people
from tests.factories import subscribe

PHOTO = draw("sport", 1)


@dataclass
class Pictures:
    """A site whose every address is one picture."""

    url: str = ""
    body: bytes = PHOTO
    status: int = 200
    kind: str = "image/png"
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(status=self.status, body=self.body, content_type=self.kind)


@pytest.fixture
async def site() -> AsyncIterator[Pictures]:
    async with _site() as made:
        yield made


@asynccontextmanager
async def _site() -> AsyncIterator[Pictures]:
    site, server = Pictures(), web.Application()
    server.router.add_get("/{tail:.*}", site.answer)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/1.png"
        yield site
    finally:
        await runner.cleanup()


@pytest.fixture
async def studio(crews: Crew) -> AsyncIterator[Crew]:
    """A crew on each database that sends photos in two languages."""
    crews.style, crews.languages = PostStyle(picture="photo"), ("ru", "kk")
    async with Fetcher(crews.clock, user_agent="test", allow_private=True) as crews.fetcher:
        yield crews


def photos(crew: Crew) -> list[Call]:
    """All calls that sent or tried a photo."""
    return [call for call in crew.sandbox.calls if call.method == "sendPhoto"]


def uploads(crew: Crew) -> list[Call]:
    """Those that carried its bytes."""
    return [call for call in photos(crew) if "photo" not in call.params]


def shown(crew: Crew) -> Counter[str]:
    """The files that readers see, "" for messages without one."""
    found: Counter[str] = Counter()
    for chat in crew.sandbox.machine.chats:
        for message in crew.sandbox.sent(chat):
            found[message["photo"][-1]["file_id"] if "photo" in message else ""] += 1
    return found


async def test_fifty_readers_one_fetch_one_upload(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 25)
    for chat in range(2001, 2026):
        studio.sandbox.people.add(chat, started=True)
    await subscribe(studio.storage, range(2001, 2026), 1, language="kk")
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert len(site.asked) == len(uploads(studio)) == 1
    assert studio.received("Финал") == Counter(dict.fromkeys([*chats, *range(2001, 2026)], 1))
    ((file_id, copies),) = shown(studio).items()
    assert (copies, len(photos(studio))) == (50, 50)
    known = await studio.storage.media.get(site.url)
    assert known == Picture(site.url, file_id)
    later = await studio.broadcast(await studio.post("Повтор", image=site.url))
    async with studio.sending():  # another process, another post, the same picture
        await studio.done(later)
    assert (len(site.asked), len(uploads(studio)), len(shown(studio))) == (1, 1, 1)


async def test_who_blocked_leaves_the_upload_to_the_next(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 12)
    for chat in chats[:5]:
        studio.sandbox.people.known(chat).block()
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    progress = await studio.progress(broadcast)
    assert (progress.sent, progress.gone) == (7, 5)
    assert len(site.asked) == 1
    assert [call.answer["ok"] for call in uploads(studio) if call.answer] == [False] * 5 + [True]
    assert list(shown(studio).values()) == [7]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "server_error", "html_body", "request_lost"])
async def test_an_upload_that_is_lost_in_mid_air_is_carried_by_another(
    studio: Crew, site: Pictures, fault: str
) -> None:
    chats = await people(studio, 10)
    studio.sandbox.faults.fail(fault, "sendPhoto", times=2)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast, within=40)
    assert set(studio.received("Финал")) == set(chats)
    assert (await studio.progress(broadcast)).sent == 10
    assert len(uploads(studio)) == 3
    repeats = 2 if fault == "drop_after" else 0
    assert shown(studio).total() == 10 + repeats
    assert "" not in shown(studio)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": 404}, "the server answered 404"),
        ({"body": b"<!doctype html><p>no such picture", "kind": "text/html"}, "not a picture"),
        ({"body": PHOTO.ljust(6_000_000, b"\0")}, "6000000 bytes announced"),
        ({"body": PHOTO[:16] + b"\0\0\x27\x10\0\0\x27\x10" + PHOTO[24:]}, "10000×10000 is no size for a photo"),
    ],
)
async def test_a_picture_that_cannot_be_had_never_costs_the_text(
    studio: Crew, site: Pictures, change: dict[str, Any], reason: str
) -> None:
    vars(site).update(change)
    await people(studio, 8)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert studio.received("Финал").total() == 8
    assert (len(site.asked), photos(studio)) == (1, [])
    known = await studio.storage.media.get(site.url)
    assert known is not None
    assert (known.reason, known.file_id, known.given_up(studio.now)) == (reason, "", True)
    later = await studio.broadcast(await studio.post("Повтор", image=site.url))
    async with studio.sending():  # another process
        await studio.done(later)
    assert studio.received("Повтор").total() == 8
    assert (len(site.asked), photos(studio)) == (1, []), "it is not asked for again within the hour"


async def test_a_picture_that_telegram_refuses_is_left_out_for_all(studio: Crew, site: Pictures) -> None:
    await people(studio, 8)
    studio.sandbox.faults.fail("image", "sendPhoto", times=None)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert len(photos(studio)) == 1
    assert shown(studio) == Counter({"": 8})
    known = await studio.storage.media.get(site.url)
    assert known is not None
    assert known.reason == "IMAGE_PROCESS_FAILED"


async def test_a_chat_that_takes_no_pictures_gets_the_text_and_others_the_picture(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 6)
    studio.sandbox.faults.fail("no_photo_right", "sendPhoto", {"chat_id": chats[0]}, times=None)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert studio.received("Финал") == Counter(dict.fromkeys(chats, 1))
    assert sorted(shown(studio).values()) == [1, 5]
    assert len(site.asked) == 1


async def test_a_group_that_moved_carries_it_to_its_new_address(studio: Crew, site: Pictures) -> None:
    group = studio.sandbox.people.group(-500, "Болельщики", admins=[studio.sandbox.people.add(7)], basic=True)
    await subscribe(studio.storage, range(-500, -499), 1)
    moved = studio.sandbox.people.migrate(group)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert studio.received("Финал") == Counter({moved.id: 1})
    assert "" not in shown(studio)


async def test_a_stop_between_the_upload_and_the_rest(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 60)
    studio.pacer = Pacer(20)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.sandbox.until(lambda: len(photos(studio)) > 2)
    assert 0 < shown(studio).total() < 60
    studio.pacer = Pacer(500)
    async with studio.sending():
        await studio.done(broadcast)
    assert studio.received("Финал") == Counter(dict.fromkeys(chats, 1))
    assert (len(site.asked), len(uploads(studio)), len(shown(studio))) == (1, 1, 1)


async def test_two_senders_upload_once_and_wait_for_each_other(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 6)
    await subscribe(studio.storage, range(10_000, 11_100), 2)  # others, so that ids span two blocks
    chats = [*chats, *await people(studio, 6, first=20_000)]
    studio.sandbox.faults.fail("latency", "sendPhoto", times=1, seconds=3.0)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending("a"), studio.sending("b"):
        await studio.done(broadcast, within=40)
    assert studio.received("Финал") == Counter(dict.fromkeys(chats, 1))
    assert (len(uploads(studio)), len(shown(studio))) == (1, 1)


async def test_the_claim_of_a_sender_that_died_runs_out(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 6)
    assert await studio.storage.media.claim(site.url, now=studio.now, until=studio.now + 20)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast, within=40)
    assert studio.received("Финал") == Counter(dict.fromkeys(chats, 1))
    assert (len(uploads(studio)), len(shown(studio))) == (1, 1)


async def test_breaking_news_does_not_wait_for_a_picture(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 5)
    fault = studio.sandbox.faults.fail("latency", "sendPhoto", times=1, seconds=20)
    slow = await studio.broadcast(await studio.post("Финал", image=site.url))
    plain = await studio.broadcast(await studio.post("Потом"))
    async with studio.sending() as sender:
        async with asyncio.timeout(60):
            while fault in studio.sandbox.faults.armed:
                await studio.clock.sleep(0.1)
        urgent = await studio.broadcast(await studio.post("Мост", kind=PostKind.BREAKING), lane=Lane.BREAKING)
        sender.wake()
        await studio.sandbox.until(lambda: len(studio.received("Мост")) == 4)  # the fifth chat is busy with the picture
        assert not studio.received("Финал"), "it is still under way"
        assert not studio.received("Потом"), "each chat gets its posts in their order"
        await studio.done(slow, plain, urgent, within=40)
    for chat in chats:
        assert [text[:5] for text in studio.texts(chat) if "Мост" not in text] == ["Финал", "Потом"]


async def test_where_the_style_is_a_link_preview_nothing_is_fetched(studio: Crew, site: Pictures) -> None:
    await people(studio, 3)
    studio.style = PostStyle()
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert (site.asked, photos(studio)) == ([], [])


async def test_a_busy_database_delays_and_loses_nothing(
    studio: Crew, site: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = await people(studio, 5)
    media = studio.storage.media
    troubles = dict.fromkeys(("get", "settle", "give_back"), 1)

    def busy(name: str) -> Any:
        real = getattr(media, name)

        async def method(*args: Any, **kwargs: Any) -> Any:
            troubles[name] -= 1
            if troubles[name] >= 0:
                raise StorageBusy("locked")
            return await real(*args, **kwargs)

        return method

    for name in troubles:
        monkeypatch.setattr(media, name, busy(name))
    studio.sandbox.people.known(chats[0]).block()
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast, within=60)
    assert max(troubles.values()) == 0, "each has happened"
    assert studio.received("Финал") == Counter(dict.fromkeys(chats[1:], 1))
    assert len(shown(studio)) == 1, "what could not be kept is known as long as the process lives"


async def test_an_answer_without_a_file_leaves_the_picture_out(
    studio: Crew, site: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot import telegram

    monkeypatch.setattr(telegram, "_file_id", lambda answer: "")
    await people(studio, 4)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url))
    async with studio.sending():
        await studio.done(broadcast)
    assert sorted(shown(studio).values()) == [1, 3]
    assert len(uploads(studio)) == 1


async def test_the_upload_of_a_paid_send_goes_free(studio: Crew, site: Pictures) -> None:
    chats = await people(studio, 30)
    studio.paying = Paying(Pacer(200), 1000)
    broadcast = await studio.broadcast(await studio.post("Финал", image=site.url), lane=Lane.BREAKING)
    async with studio.sending():
        await studio.done(broadcast)
    assert studio.received("Финал") == Counter(dict.fromkeys(chats, 1))
    paid = [call for call in photos(studio) if call.params.get("allow_paid_broadcast")]
    found = await studio.storage.broadcasts.get(broadcast)
    assert found
    assert (len(uploads(studio)), len(paid), found.paid, found.unpaid) == (1, 29, 29, "")
