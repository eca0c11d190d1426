"""Readers' choices, just before the send: who is left out, and whose phone stays silent."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.delivery.audience import Offer, audience_of, concerns, joint
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Lane
from bot.domain.post import Post, PostKind
from bot.domain.reader import Choices, Quiet
from bot.domain.regions import REGIONS
from storage import Storage
from tests.delivery.crew import on_the_wire

ALL = ("ru", "kk", "en")
SHYMKENT = 1 << next(bit for bit, region in enumerate(REGIONS) if region.code == "shy")
REGIONAL = 0b1000
WORDS = ["порт", "мост", "озеро", "школа"]


def some(rng: random.Random) -> Post:
    """A story of some sections, in some language, about some place."""
    return Post(
        rng.randrange(10**9),
        PostKind.ARTICLE,
        1,
        rng.randrange(1, 16),
        0,
        language=rng.choice([*ALL, "", "de"]),
        everybody=rng.random() < 0.1,
        title=rng.choice(["Шымкентте жаңа мектеп", "В Шымкенте и в Астане", "Погода", "Алматинская область"]),
        main=rng.random() < 0.3,
    )


async def test_the_database_and_the_rule_agree_on_who_is_concerned(storage: Storage) -> None:
    rng = random.Random(7)
    for chat in range(1, 161):
        choices = Choices(
            main_only=rng.random() < 0.3,
            regions=rng.choice([0, SHYMKENT, 1, 1 << 19]),
            news_languages=rng.choice([(), (), ("kk",), ("ru", "en")]),
        )
        reader = await storage.readers.meet(chat, language=rng.choice(ALL), choices=choices, now=1)
        await storage.readers.consent(reader.id, "w", now=1)
        await storage.readers.choose(reader.id, rng.randrange(16), True, now=1)
        if rng.random() < 0.3:
            await storage.readers.mute(reader.id, [rng.randrange(4)], until=99, now=1)
        for word in rng.sample(WORDS, rng.choice([0, 0, 1, 2])):
            await storage.terms.choose(reader.id, word, [word], follows=rng.random() < 0.5, since=0, now=1)
    terms = [id_ for id_, _ in await storage.terms.known(WORDS)]
    run = Broadcast(1, "k", Lane.REGULAR, BroadcastState.RUNNING, Audience(), 10**6, 0, 0, 0, 0, 0)
    everyone = await storage.deliveries.read(replace(run, audience=Audience(main=True)), 0, 0, 999)
    assert len(everyone) == 160
    sizes = set()
    for fed in [("ru",), ("ru", "kk")]:
        offer = Offer(ALL, fed, REGIONAL)
        posts = [some(rng) for _ in range(40)]
        await storage.terms.read([(post, rng.sample(terms, rng.choice([0, 1, 2]))) for post in posts])
        ids = [post.id for post in posts]
        marked = await storage.terms.held(ids)
        follows, hides = await storage.terms.met(ids, [one.id for one in everyone])
        audiences = [audience_of(post, 0, offer, words=post.id in marked) for post in posts]
        audiences += [audience_of(replace(post, main=True), post.sections, offer) for post in posts[:5]]
        for audience, post in zip(audiences, posts + posts[:5], strict=True):
            found = await storage.deliveries.read(replace(run, audience=audience), 0, 0, 999)
            wanted = [
                one.id
                for one in everyone
                if concerns(
                    audience,
                    one,
                    follows=bool(audience.followed) and (one.id, post.id) in follows,
                    hides=bool(audience.hidden) and (one.id, post.id) in hides,
                )
            ]
            assert [reader.id for reader in found] == wanted, audience
            assert await storage.readers.count(audience) == len(found)
            sizes.add(len(found))
        together = await storage.deliveries.read(replace(run, audience=joint(audiences[:9])), 0, 0, 999)
        some_of_them = {
            one.id
            for one in everyone
            if any(
                concerns(audience, one, follows=(one.id, post.id) in follows, hides=(one.id, post.id) in hides)
                for audience, post in zip(audiences[:9], posts[:9], strict=True)
            )
        }
        assert some_of_them <= {reader.id for reader in together}
    assert len(sizes) > 10, "the choices make a difference"


async def test_an_audience_comes_back_as_it_was_stored(storage: Storage) -> None:
    asked = Audience(0b11, 0b100, False, ("ru", "kk"), language="ru", main=True, stars=True, regional=0b1, regions=5)
    for number, audience in enumerate([asked, Audience(), Audience(breaking=True)]):
        id_ = await storage.broadcasts.publish(
            [], audience, key=str(number), lane=Lane.REGULAR, total=0, start=0.0, now=1
        )
        found = await storage.broadcasts.get(id_)
        assert found
        assert found.audience == audience


async def test_phones_stay_silent_in_their_own_night(sqlite_storage: Storage) -> None:
    """At 23:30 in Almaty, by each reader's choices and zone; breaking news rings for those who want it to."""
    crew, wire = on_the_wire(sqlite_storage, rate=500, speed=1)
    night = datetime(2026, 11, 20, 23, 30, tzinfo=ZoneInfo("Asia/Almaty")).timestamp()
    crew.clock._start = night - crew.clock.monotonic()
    readers = {
        1: Choices(),
        2: Choices(night_breaking=True),
        3: Choices(quiet=Quiet.OFF),
        4: Choices(zone="Europe/Berlin"),
        5: Choices(quiet_from=0, quiet_to=60),
        6: Choices(zone="Europe/Berlin", quiet_from=19 * 60, quiet_to=20 * 60),
    }
    for chat, choices in readers.items():
        reader = await sqlite_storage.readers.meet(chat, language="ru", choices=choices, now=1)
        await sqlite_storage.readers.consent(reader.id, "w", now=1)
        await sqlite_storage.readers.choose(reader.id, 1, True, now=1)
    silent: dict[Lane, set[int]] = {Lane.REGULAR: set(), Lane.BREAKING: set()}
    for lane, kind in [(Lane.REGULAR, PostKind.ARTICLE), (Lane.BREAKING, PostKind.BREAKING)]:
        began = len(wire.bodies)
        run = await crew.broadcast(await crew.post("Финал", kind=kind), lane=lane)
        async with crew.sending():
            await crew.done(run)
        calls = [json.loads(body) for body in wire.bodies[began:]]
        assert {call["chat_id"] for call in calls} == set(readers)
        silent[lane] = {call["chat_id"] for call in calls if call.get("disable_notification")}
    assert silent == {Lane.REGULAR: {1, 2, 6}, Lane.BREAKING: {1, 6}}
