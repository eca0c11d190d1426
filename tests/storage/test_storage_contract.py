"""What holds for every public method of every noun: it is tested, and it meets a broken database in our words."""

from __future__ import annotations

import inspect
import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from storage_help import BIG, article, breaking, everything, receipt, running, saved, subscribed, tables

from bot.domain.channel import Hand, Manner
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Kind, Lane, Result
from bot.domain.desk import Alarm, Card, Content, Draft, DraftState, Erratum, Gravity, Role
from bot.domain.errors import StorageBusy, StorageError, StorageFull
from bot.domain.feed import FeedState, Found, Poll
from bot.domain.held import Decision, Hold, Why
from bot.domain.place import Place
from bot.domain.post import Picture, RichText
from bot.domain.reader import Choices, ReaderKind, Subscriber
from storage import Storage, open_storage
from tests.factories import drafted

NOUNS = [name for name in vars(Storage(None)) if name != "engine"]  # type: ignore[arg-type]
FEED = FeedState(1, "u")
ALARM = Alarm("feed:1", "silent")
BROADCAST = Broadcast(1, "k", Lane.REGULAR, BroadcastState.RUNNING, Audience(), 9, 0, 0, 1, 1, 1, 1)
CORRECTION = replace(BROADCAST, id=2, kind=Kind.EDIT, target_id=1, version=2, posts=(1,))
ERRATUM = Erratum(0, 1, 1, Gravity.TYPO, 1)
POLL = Poll(FEED, (Found(article(1, 1), ("k",), True),))
HAND = Hand(1, 1, RichText("x"))
LAUNCH: dict[str, Any] = {"lane": Lane.REGULAR, "total": 1, "start": 0.0, "now": 1}
SENDER: dict[str, Any] = {"by": 0, "solo": False}
DRAFT = Draft(1, 1, 1, DraftState.DRAFT, Content(), 1)
RECEIPT = receipt(BROADCAST, 1, Result.GONE, gone=True)

Call = Callable[[Storage], Awaitable[object]]
READS: dict[str, Call] = {
    "articles.get": lambda s: s.articles.get(1),
    "articles.known": lambda s: s.articles.known(["k"]),
    "articles.missing": lambda s: s.articles.missing(1, [1], after=0, recent=0, now=1),
    "articles.newest": lambda s: s.articles.newest(5),
    "articles.oldest": lambda s: s.articles.oldest(1),
    "articles.proposals": lambda s: s.articles.proposals(),
    "broadcasts.arrived": lambda s: s.broadcasts.arrived(1),
    "broadcasts.daily": lambda s: s.broadcasts.daily(now=1),
    "broadcasts.entitled": lambda s: s.broadcasts.entitled(1),
    "broadcasts.get": lambda s: s.broadcasts.get(1),
    "broadcasts.left": lambda s: s.broadcasts.left(BROADCAST, until=1),
    "broadcasts.open": lambda s: s.broadcasts.open(),
    "broadcasts.promos": lambda s: s.broadcasts.promos(5),
    "broadcasts.progress": lambda s: s.broadcasts.progress(1),
    "broadcasts.refusals": lambda s: s.broadcasts.refusals(1),
    "channels.all": lambda s: s.channels.all(),
    "channels.get": lambda s: s.channels.get(-1),
    "channels.newest_breaking": lambda s: s.channels.newest_breaking(1, 0),
    "channels.posted": lambda s: s.channels.posted(1, 0),
    "channels.queue": lambda s: s.channels.queue(1),
    "corrections.count": lambda s: s.corrections.count(CORRECTION),
    "corrections.holders": lambda s: s.corrections.holders(CORRECTION, [1]),
    "corrections.read": lambda s: s.corrections.read(CORRECTION, 0, 0, 10),
    "corrections.rest": lambda s: s.corrections.rest(CORRECTION, now=1),
    "calls.noted": lambda s: s.calls.noted("k"),
    "corrections.copies_of": lambda s: s.corrections.copies_of(1, [1]),
    "corrections.reach": lambda s: s.corrections.reach(1, before=1),
    "deliveries.read": lambda s: s.deliveries.read(BROADCAST, 0, 0, 10),
    "deliveries.owed": lambda s: s.deliveries.owed(0),
    "deliveries.owned": lambda s: s.deliveries.owned("w"),
    "deliveries.unsettled": lambda s: s.deliveries.unsettled(now=1),
    "cards.of": lambda s: s.cards.of("k"),
    "drafts.albums": lambda s: s.drafts.albums(before=1),
    "drafts.approved_by": lambda s: s.drafts.approved_by(1),
    "drafts.awaited": lambda s: s.drafts.awaited(1, 1, now=1),
    "drafts.current": lambda s: s.drafts.current(1, 1, since=0),
    "drafts.due": lambda s: s.drafts.due(now=1),
    "drafts.embargoed": lambda s: s.drafts.embargoed(["k"], besides=1, now=1),
    "drafts.get": lambda s: s.drafts.get(1),
    "drafts.live": lambda s: s.drafts.live(),
    "drafts.of": lambda s: s.drafts.of(1),
    "drafts.open": lambda s: s.drafts.open(5),
    "drafts.sent": lambda s: s.drafts.sent(since=0),
    "drafts.unseen": lambda s: s.drafts.unseen(),
    "editors.all": lambda s: s.editors.all(),
    "editors.audit": lambda s: s.editors.audit(),
    "editors.on_record": lambda s: s.editors.on_record(1),
    "editors.has_owner": lambda s: s.editors.has_owner(),
    "editors.role": lambda s: s.editors.role(1),
    "errata.of": lambda s: s.errata.of(1),
    "errata.public": lambda s: s.errata.public(since=0, limit=5),
    "feeds.added": lambda s: s.feeds.added(),
    "feeds.asked": lambda s: s.feeds.asked(),
    "feeds.states": lambda s: s.feeds.states(),
    "inbox.next_offset": lambda s: s.inbox.next_offset(),
    "inbox.oldest_waiting": lambda s: s.inbox.oldest_waiting(),
    "inbox.turn": lambda s: s.inbox.turn(1, 1, "w"),
    "hands.of": lambda s: s.hands.of(1, 1),
    "hands.ours": lambda s: s.hands.ours(1, 1),
    "hands.waiting": lambda s: s.hands.waiting(before=1),
    "lists.carried": lambda s: s.lists.carried(1, 1),
    "lists.due": lambda s: s.lists.due(now=1),
    "lists.had": lambda s: s.lists.had([1], [1]),
    "lists.asking": lambda s: s.lists.asking(1, now=1),
    "lists.lately": lambda s: s.lists.lately(0),
    "lists.unreckoned": lambda s: s.lists.unreckoned(5),
    "media.get": lambda s: s.media.get("u"),
    "meta.get": lambda s: s.meta.get("k"),
    "meta.size": lambda s: s.meta.size(),
    "meta.time": lambda s: s.meta.time(),
    "posts.get": lambda s: s.posts.get([1]),
    "posts.latest": lambda s: s.posts.latest(1, [], 5),
    "posts.newest": lambda s: s.posts.newest(5),
    "posts.of_article": lambda s: s.posts.of_article(1),
    "posts.oldest_waiting": lambda s: s.posts.oldest_waiting(),
    "posts.search": lambda s: s.posts.search([["слово"]], 5),
    "posts.waiting": lambda s: s.posts.waiting(),
    "privacy.export": lambda s: s.privacy.export(1),
    "privacy.strays": lambda s: s.privacy.strays(1, 0, 9),
    "rates.newest": lambda s: s.rates.newest(),
    "places.get": lambda s: s.places.get(-1),
    "places.of": lambda s: s.places.of(1, ReaderKind.GROUP),
    "readers.among": lambda s: s.readers.among([1]),
    "readers.breakdown": lambda s: s.readers.breakdown(Audience(sections=1)),
    "readers.count": lambda s: s.readers.count(Audience()),
    "readers.living": lambda s: s.readers.living(1),
    "readers.every": lambda s: s.readers.every(after=0, limit=5),
    "readers.get": lambda s: s.readers.get(1),
    "readers.sources": lambda s: s.readers.sources(5),
    "readers.tally": lambda s: s.readers.tally(),
    "saved.holds": lambda s: s.saved.holds(1, 1),
    "stats.moved": lambda s: s.stats.moved(0, 5),
    "stats.receipts": lambda s: s.stats.receipts(1, 0, 9),
    "stats.rows": lambda s: s.stats.rows(1, 9),
    "stats.taps": lambda s: s.stats.taps("misled", since=0),
    "stats.uncounted": lambda s: s.stats.uncounted(now=99),
    "queue.embargoes": lambda s: s.queue.embargoes(now=1),
    "queue.flood": lambda s: s.queue.flood(1),
    "queue.floods": lambda s: s.queue.floods(),
    "queue.get": lambda s: s.queue.get(1),
    "queue.listed": lambda s: s.queue.listed(),
    "queue.of_flood": lambda s: s.queue.of_flood(1),
    "queue.open": lambda s: s.queue.open(),
    "queue.ripen": lambda s: s.queue.ripen(now=1),
    "queue.said": lambda s: s.queue.said(),
    "queue.unsorted": lambda s: s.queue.unsorted(since=1),
    "saved.newest": lambda s: s.saved.newest(1, 5),
    "terms.held": lambda s: s.terms.held([1]),
    "terms.met": lambda s: s.terms.met([1], [1]),
    "terms.known": lambda s: s.terms.known({"=порт"}),
    "terms.of": lambda s: s.terms.of(1),
    "terms.unread": lambda s: s.terms.unread(5),
    "traces.latest": lambda s: s.traces.latest(1, 5),
    "traces.muted_until": lambda s: s.traces.muted_until(1, 1),
    "traces.of_message": lambda s: s.traces.of_message(1, 1),
    "traces.passages": lambda s: s.traces.passages(1, 1),
    "traces.shown": lambda s: s.traces.shown(1, 1),
    "traces.state": lambda s: s.traces.state(1),
    "traces.words": lambda s: s.traces.words(1, 1),
}
WRITES: dict[str, Call] = {
    "alarms.give_back": lambda s: s.alarms.give_back(ALARM),
    "alarms.mute": lambda s: s.alarms.mute("feed:1", until=9),
    "alarms.raise_": lambda s: s.alarms.raise_([ALARM], now=1),
    "alarms.take": lambda s: s.alarms.take(now=1),
    "posts.tapped": lambda s: s.posts.tapped(1, 1, "read", now=1),
    "articles.leave": lambda s: s.articles.leave(1, now=1),
    "articles.keep_body": lambda s: s.articles.keep_body(1, "x"),
    "articles.prune": lambda s: s.articles.prune(1),
    "budgets.hold": lambda s: s.budgets.hold("b", 1.0, now=1.0, slower=True),
    "budgets.reserve": lambda s: s.budgets.reserve("b", "w", 1, allowed=9.0, now=1.0),
    "broadcasts.ask": lambda s: s.broadcasts.ask(1, listed=0, now=1),
    "broadcasts.change": lambda s: s.broadcasts.change(1, BroadcastState.PAUSED, among=list(BroadcastState), now=1),
    "broadcasts.finish": lambda s: s.broadcasts.finish(BROADCAST, now=1),
    "broadcasts.launch": lambda s: s.broadcasts.launch(
        DRAFT, breaking(), Audience(), by=0, solo=False, due=1, **LAUNCH
    ),
    "broadcasts.publish": lambda s: s.broadcasts.publish([breaking(id=1)], Audience(), key="k", **LAUNCH),
    "calls.begin": lambda s: s.calls.begin("k", "d", now=1, lost=0),
    "calls.end": lambda s: s.calls.end("k", 200, "{}"),
    "calls.give_up": lambda s: s.calls.give_up("k"),
    "calls.note": lambda s: s.calls.note("k", "{}"),
    "calls.prune": lambda s: s.calls.prune(1),
    "channels.allow": lambda s: s.channels.allow(1, ["pin"]),
    "channels.keep": lambda s: s.channels.keep(1, Place(-1, ReaderKind.CHANNEL, "К"), Manner("ru"), now=1),
    "channels.offer": lambda s: s.channels.offer([(1, 1)], now=1),
    "channels.pin": lambda s: s.channels.pin(1, 1),
    "channels.post": lambda s: s.channels.post(1, [], now=1),
    "channels.prune": lambda s: s.channels.prune(1),
    "channels.quote": lambda s: s.channels.quote(1, 1, "x"),
    "channels.requeue": lambda s: s.channels.requeue(1),
    "channels.send": lambda s: s.channels.send(1, [1], now=1),
    "corrections.walk_again": lambda s: s.corrections.walk_again(1),
    "deliveries.claim": lambda s: s.deliveries.claim(BROADCAST, "w", 1, now=1, until=2),
    "deliveries.due": lambda s: s.deliveries.due("w", now=99, again=100, until=1, limit=5),
    "deliveries.hold": lambda s: s.deliveries.hold(1, 2),
    "deliveries.holds": lambda s: s.deliveries.holds(now=1),
    "deliveries.prune": lambda s: s.deliveries.prune(1),
    "deliveries.release": lambda s: s.deliveries.release("w"),
    "deliveries.settle": lambda s: s.deliveries.settle([RECEIPT], [(1, 0)], worker="w", until=1, now=1),
    "deliveries.take_over": lambda s: s.deliveries.take_over(),
    "cards.claim": lambda s: s.cards.claim("k", 1, 1, now=1),
    "cards.forget": lambda s: s.cards.forget("k", 1, 1),
    "cards.leave": lambda s: s.cards.leave(1),
    "cards.put": lambda s: s.cards.put(Card("k", 1, 1, 1, ""), now=1),
    "drafts.accept": lambda s: s.drafts.accept(DRAFT, 1, solo=False, now=1),
    "drafts.approve": lambda s: s.drafts.approve(1, 1, "s", needed=1, now=1),
    "drafts.ask": lambda s: s.drafts.ask(DRAFT, "s", until=1, now=1),
    "drafts.back": lambda s: s.drafts.back(1, now=1),
    "drafts.begin": lambda s: s.drafts.begin(1, 1, Content(), DraftState.COMPOSE, now=1),
    "drafts.carded": lambda s: s.drafts.carded(1, 1),
    "drafts.drop": lambda s: s.drafts.drop(1),
    "drafts.expect": lambda s: s.drafts.expect(1, 1, None, until=1),
    "drafts.expired": lambda s: s.drafts.expired(now=99),
    "drafts.prune": lambda s: s.drafts.prune(1),
    "drafts.reported": lambda s: s.drafts.reported(1, now=1),
    "drafts.viewed": lambda s: s.drafts.viewed(1, 1),
    "drafts.write": lambda s: s.drafts.write(DRAFT, DraftState.DRAFT, now=1),
    "editors.accept": lambda s: s.editors.accept("h", 1, now=1),
    "editors.add": lambda s: s.editors.add(1, Role.EDITOR, "n", by=1, now=1),
    "editors.invite": lambda s: s.editors.invite("h", Role.EDITOR, by=1, expires_at=9),
    "editors.log": lambda s: s.editors.log(1, "a", "s", now=1),
    "editors.remove": lambda s: s.editors.remove(1),
    "errata.publish": lambda s: s.errata.publish(DRAFT, ERRATUM, breaking(id=1), now=1),
    "feeds.add": lambda s: s.feeds.add("https://a.kz", "", now=1),
    "feeds.pause": lambda s: s.feeds.pause(1, 1),
    "feeds.remove": lambda s: s.feeds.remove(1),
    "feeds.ask": lambda s: s.feeds.ask(["u"], now=1),
    "feeds.save_poll": lambda s: s.feeds.save_poll(POLL, now=1),
    "feeds.watch": lambda s: s.feeds.watch(["u"]),
    "hands.keep": lambda s: s.hands.keep(HAND, now=1),
    "hands.prune": lambda s: s.hands.prune(1),
    "hands.publish": lambda s: s.hands.publish([HAND], breaking(), now=1),
    "hands.revise": lambda s: s.hands.revise(breaking(id=1), 0, now=1),
    "hands.sent": lambda s: s.hands.sent(1, 1, now=1),
    "hands.settle": lambda s: s.hands.settle([HAND], before=1),
    "hands.take": lambda s: s.hands.take(HAND, 1),
    "inbox.attempted": lambda s: s.inbox.attempted(1),
    "inbox.done": lambda s: s.inbox.done([1], 1),
    "inbox.prune": lambda s: s.inbox.prune(1),
    "inbox.recover": lambda s: s.inbox.recover(3, 1),
    "inbox.take_over": lambda s: s.inbox.take_over("w", 3, now=1, until=9),
    "inbox.prolong": lambda s: s.inbox.prolong("w", [1], 9),
    "inbox.release": lambda s: s.inbox.release("w"),
    "inbox.store": lambda s: s.inbox.store([(1, 1, "{}")], 1),
    "leaders.acquire": lambda s: s.leaders.acquire("n", "o", now=1, ttl=9),
    "leaders.release": lambda s: s.leaders.release("n", "o"),
    "leaders.take_over": lambda s: s.leaders.take_over(),
    "lists.carry": lambda s: s.lists.carry(1, [1]),
    "lists.reckon": lambda s: s.lists.reckon([(1, 0, 1)], []),
    "media.claim": lambda s: s.media.claim("v", now=1, until=2),
    "media.give_back": lambda s: s.media.give_back("u"),
    "media.prune": lambda s: s.media.prune(1),
    "media.settle": lambda s: s.media.settle(Picture("u", "f"), now=1),
    "meta.put": lambda s: s.meta.put("k", "v"),
    "meta.section_bits": lambda s: s.meta.section_bits(["a"]),
    "posts.star": lambda s: s.posts.star(1),
    "posts.shown": lambda s: s.posts.shown(1, 1, 1, 1, now=1),
    "privacy.erase": lambda s: s.privacy.erase(1, now=1),
    "places.keep": lambda s: s.places.keep(Place(-1, ReaderKind.GROUP, "Г"), now=1),
    "places.use_topics": lambda s: s.places.use_topics(-1, True),
    "queue.decide": lambda s: s.queue.decide(1, Decision.SENT, by=1, now=1),
    "queue.hold": lambda s: s.queue.hold([Hold(1, Why.MANUAL)], now=1),
    "queue.prune": lambda s: s.queue.prune(1),
    "queue.restore": lambda s: s.queue.restore(1, now=1),
    "queue.settle": lambda s: s.queue.settle(1, Decision.SENT, [1], by=1, now=1),
    "queue.sort": lambda s: s.queue.sort(1, 1, now=1),
    "rates.save": lambda s: s.rates.save([], 1),
    "readers.asked": lambda s: s.readers.asked(1),
    "readers.bring": lambda s: s.readers.bring([Subscriber(5, "ru", 1, 1)], Choices(), now=1),
    "readers.choose": lambda s: s.readers.choose(1, 1, True, now=1),
    "readers.consent": lambda s: s.readers.consent(1, "w", now=1),
    "readers.leave": lambda s: s.readers.leave(1, now=1),
    "readers.meet": lambda s: s.readers.meet(404, language="ru", now=1),
    "readers.end_mutes": lambda s: s.readers.end_mutes(now=1),
    "readers.end_pauses": lambda s: s.readers.end_pauses(now=1),
    "readers.move": lambda s: s.readers.move(1, 2),
    "readers.mute": lambda s: s.readers.mute(1, [1], until=9, now=1),
    "readers.pause": lambda s: s.readers.pause(1, until=9, now=1),
    "readers.reachable": lambda s: s.readers.reachable(1, now=1),
    "readers.resume": lambda s: s.readers.resume(1, now=1),
    "readers.change": lambda s: s.readers.change(1, breaking=True, now=1),
    "readers.set_language": lambda s: s.readers.set_language(1, "kk", now=1),
    "readers.unmute": lambda s: s.readers.unmute(1, now=1),
    "readers.unreachable": lambda s: s.readers.unreachable(1, now=1),
    "saved.drop": lambda s: s.saved.drop(1, 1),
    "stats.add": lambda s: s.stats.add(1, 1, {("", "delivered"): 1}, now=1),
    "stats.members": lambda s: s.stats.members(1, 2, 3),
    "stats.count_readers": lambda s: s.stats.count_readers(1, {0: "sport"}, [1]),
    "saved.keep": lambda s: s.saved.keep(1, 1, now=1),
    "terms.choose": lambda s: s.terms.choose(1, "порт", ["=порт"], follows=False, since=0, now=1),
    "terms.drop": lambda s: s.terms.drop(1, 1),
    "terms.read": lambda s: s.terms.read([(breaking(id=1), [1])]),
}


def public_methods() -> set[str]:
    """`noun.method` for all of them."""
    found = set()
    for noun in NOUNS:
        cls = getattr(import_module(f"storage.{noun}"), noun.capitalize())
        found |= {f"{noun}.{name}" for name, _ in inspect.getmembers(cls, inspect.isfunction) if name[0] != "_"}
    return found


def test_every_method_meets_a_broken_database() -> None:
    assert public_methods() == set(READS) | set(WRITES)
    assert not set(READS) & set(WRITES)


def test_every_method_has_a_test() -> None:
    """Each noun's methods are called by name in these files, other than in the tables above."""
    files = [file for file in Path(__file__).parent.glob("test_*.py") if file != Path(__file__)]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    called = {f"{noun}.{method}" for noun, method in re.findall(r"\.(\w+)\.(\w+)\b", text)}
    called |= {
        f"{noun}.{method}" for noun, method in re.findall(r"\b(editors|readers|drafts|cards|queue)\.(\w+)\(", text)
    }
    assert public_methods() <= called, f"untested: {sorted(public_methods() - called)}"


async def filled(storage: Storage) -> None:
    """A row in the tables that the calls above touch."""
    await saved(storage, article(1, 1))
    await subscribed(storage, 1)
    broadcast = await running(storage)
    await storage.deliveries.settle([receipt(broadcast, 1, Result.WAITING, due_at=5)], [], worker="w", until=1, now=1)
    draft = await drafted(storage)
    await storage.drafts.ask(draft, "s", until=9, now=1)
    await storage.inbox.store([(5, 1, "{}")], 1)


async def failures(storage: Storage, calls: dict[str, Call]) -> dict[str, str]:
    """What each call raises; anything but a `StorageError` passes through and fails the test."""
    raised = {}
    for name, call in calls.items():
        try:
            await call(storage)
        except StorageError as error:
            raised[name] = type(error).__name__
    return raised


async def test_a_closed_database_is_a_storage_error(database_url: str) -> None:
    storage = await open_storage(database_url)
    await storage.close()
    calls = {**READS, **WRITES}
    del calls["rates.save"]  # of nothing is nothing
    assert set(await failures(storage, calls)) == set(calls)
    await storage.close()


async def test_a_damaged_schema_is_a_storage_error(database_url: str) -> None:
    storage = await open_storage(database_url)
    try:
        await filled(storage)
        for name in await tables(storage.engine):
            await storage.engine.write(f"DROP TABLE {name}")
        calls = {**READS, **WRITES}
        del calls["rates.save"], calls["meta.size"], calls["meta.time"]  # which touch no table
        assert set(await failures(storage, calls)) == set(calls)
    finally:
        await storage.close()


async def test_a_locked_sqlite_is_busy_for_writers_and_open_to_readers(sqlite_storage: Storage, tmp_path: Path) -> None:
    await filled(sqlite_storage)
    await sqlite_storage.engine.write("PRAGMA busy_timeout=0")
    before = await everything(sqlite_storage)
    other = sqlite3.connect(tmp_path / "newsdesk.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert await failures(sqlite_storage, READS) == {}
        refused = await failures(sqlite_storage, WRITES)
        assert set(WRITES) - set(refused) <= {"rates.save"}
        assert set(refused.values()) == {"StorageBusy"}
    finally:
        other.close()
    assert await everything(sqlite_storage) == before
    await sqlite_storage.meta.put("k", "v")


@pytest.mark.parametrize("engine_name", ["postgres"], indirect=True)
async def test_a_locked_postgres_is_busy_for_all(database_url: str, engine_name: str) -> None:
    import asyncpg

    storage = await open_storage(database_url)
    await filled(storage)
    other = await asyncpg.connect(database_url.replace("postgresql+asyncpg", "postgresql"))
    await other.execute(f"ALTER DATABASE \"{database_url.rsplit('/', 1)[1].split('?')[0]}\" SET lock_timeout = '4ms'")
    await storage.close()
    storage = await open_storage(database_url)
    try:
        names = await tables(storage.engine)
        async with other.transaction():
            await other.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
            refused = await failures(storage, {**READS, **WRITES})
        assert {*READS, *WRITES} - set(refused) <= {"rates.save", "meta.size", "meta.time"}
        assert set(refused.values()) == {"StorageBusy"}
        await storage.meta.put("k", "v")
    finally:
        await other.close()
        await storage.close()


async def test_a_postgres_that_throws_us_out_is_busy_and_comes_back(database_url: str) -> None:
    storage = await open_storage(database_url)
    try:
        if storage.engine.dialect.name == "sqlite":
            return
        with pytest.raises(StorageBusy):
            await storage.engine.fetch("SELECT CAST(pg_terminate_backend(pg_backend_pid()) AS text)")
        await storage.meta.put("k", "v")
        assert await storage.meta.get("k") == "v"
    finally:
        await storage.close()


async def test_a_full_disk_refuses_writes_reads_on_and_recovers_alone(sqlite_storage: Storage) -> None:
    await filled(sqlite_storage)
    ((pages,),) = await sqlite_storage.engine.fetch("PRAGMA page_count")
    await sqlite_storage.engine.write(f"PRAGMA max_page_count={pages}")

    async def store(number: int) -> None:
        for n in range(number):
            await sqlite_storage.inbox.store([(100 + n, 1, "x" * 900)], 1)

    with pytest.raises(StorageFull):
        await store(1000)
    before = await everything(sqlite_storage)
    for write in (
        lambda: sqlite_storage.meta.put("k", "v" * 9000),
        lambda: sqlite_storage.feeds.watch([f"https://{n}.kz" for n in range(999)]),
        lambda: sqlite_storage.deliveries.settle(
            [], [], worker="w", until=1, now=1, sent=[(1, n, 77, 1, 1500) for n in range(10, 999)]
        ),
        lambda: sqlite_storage.feeds.save_poll(
            Poll(FEED, tuple(Found(article(n, 1, body="x" * 3000), (str(n),), True) for n in range(9))), now=1
        ),
    ):
        with pytest.raises(StorageFull):
            await write()
    assert await failures(sqlite_storage, READS) == {}
    assert await everything(sqlite_storage) == before, "what does not fit leaves nothing behind"
    await sqlite_storage.engine.write("PRAGMA max_page_count=1000000")
    await store(1000)


async def test_a_value_that_no_column_holds_is_refused(storage: Storage) -> None:
    for call in (
        lambda: storage.readers.get(BIG + 1),
        lambda: storage.meta.put("k", "\ud800"),
        lambda: storage.inbox.store([(1, BIG + 1, "{}")], 1),
        lambda: storage.inbox.done([BIG + 1], 1),
    ):
        with pytest.raises(StorageError) as caught:
            await call()
        assert not isinstance(caught.value, StorageBusy), "to try again would be useless"


async def test_a_parameter_too_many_is_a_mistake_of_ours(storage: Storage) -> None:
    with pytest.raises(TypeError, match="needed"):
        await storage.engine.fetch("SELECT CAST(:a AS BIGINT)", a=1, b=2)
