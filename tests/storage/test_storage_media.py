"""Pictures: one uploader at a time, one file for good, a failure with its reason."""

from __future__ import annotations

from bot.domain.post import Picture
from storage import Storage

URL = "https://dala.example/" + "ж" * 2_000 + ".jpg"


async def test_one_uploads_at_a_time(storage: Storage) -> None:
    assert await storage.media.get(URL) is None
    assert await storage.media.claim(URL, now=10, until=40)
    assert not await storage.media.claim(URL, now=39, until=70), "somebody is at it"
    assert await storage.media.get(URL) == Picture(URL)
    assert await storage.media.claim("https://dala.example/2.jpg", now=39, until=70)
    assert await storage.media.claim(URL, now=40, until=70), "a claim runs out by itself"
    await storage.media.give_back(URL)
    assert await storage.media.claim(URL, now=41, until=71)
    await storage.deliveries.take_over()
    assert await storage.media.claim(URL, now=42, until=72), "the holder of before is gone"


async def test_what_is_uploaded_is_never_claimed_again(storage: Storage) -> None:
    await storage.media.claim(URL, now=10, until=40)
    await storage.media.settle(Picture(URL, "AgAC"), now=12)
    assert await storage.media.get(URL) == Picture(URL, "AgAC")
    assert not await storage.media.claim(URL, now=99, until=140)


async def test_a_failure_is_kept_with_its_reason_and_may_be_tried_again(storage: Storage) -> None:
    await storage.media.settle(Picture(URL, failed_at=10, reason="the server answered 404"), now=10)
    known = await storage.media.get(URL)
    assert known == Picture(URL, failed_at=10, reason="the server answered 404")
    assert known.given_up(3_609)
    assert not known.given_up(3_610)
    assert await storage.media.claim(URL, now=3_610, until=3_640)
    await storage.media.settle(Picture(URL, "AgAC"), now=3_611)
    assert await storage.media.get(URL) == Picture(URL, "AgAC")


async def test_what_is_old_is_forgotten(storage: Storage) -> None:
    await storage.media.settle(Picture(URL, "AgAC"), now=10)
    await storage.media.settle(Picture("https://dala.example/2.jpg", "AgAD"), now=20)
    await storage.media.prune(20)
    assert await storage.media.get(URL) is None
    assert await storage.media.get("https://dala.example/2.jpg")
