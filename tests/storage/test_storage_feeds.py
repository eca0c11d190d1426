"""Feeds, articles and posts: what polls bring, saved whole; how it is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_help import ALL_SECTIONS, BIG, TEXT, article, breaking, running, saved

from bot.domain.delivery import Audience, Lane
from bot.domain.errors import StorageError
from bot.domain.feed import Found, Met, Poll
from bot.domain.post import Post
from storage import Storage
from storage.engine import Row
from tests.factories import launched


async def test_feeds_come_in_the_order_asked_and_are_remembered(storage: Storage) -> None:
    assert await storage.feeds.watch([]) == []
    b, a = await storage.feeds.watch(["https://b.kz/лента?x=1", "https://a.kz"])
    assert (b.url, b.primed_at, b.next_at) == ("https://b.kz/лента?x=1", None, 0)
    full = replace(
        a,
        title=TEXT,
        etag='W/"ё"',
        last_modified="x",
        body_hash="h",
        primed_at=1,
        next_at=BIG,
        checked_at=2,
        ok_at=3,
        new_at=4,
        gap=0.125,
        failures=7,
        problem=TEXT,
        moved_to="u",
        moved_times=2,
        gone_at=5,
    )
    await storage.feeds.save_poll(Poll(full), now=2)
    assert await storage.feeds.watch(["https://a.kz", "https://b.kz/лента?x=1", "https://a.kz"]) == [full, b, full]
    assert await storage.feeds.states() == sorted([full, b], key=lambda state: state.id)


async def test_the_oldest_waiting_post_is_known(storage: Storage) -> None:
    assert await storage.posts.oldest_waiting() is None
    await saved(storage, article(1, 1), article(2, 1))
    (first, _), *_ = await storage.posts.waiting()
    assert await storage.posts.oldest_waiting() == first.created_at


async def test_a_poll_is_kept_with_articles_aliases_posts_and_state(storage: Storage) -> None:
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    whole = article(
        1,
        feed.id,
        title=TEXT,
        lead=TEXT,
        sections=ALL_SECTIONS,
        published_at=90,
        body=TEXT,
        author="Ә",
        image="https://e.kz/i.jpg",
        fingerprint="f",
    )
    unsorted, silent = article(2, feed.id, sections=0), article(3, feed.id)
    new = (Found(whole, ("k1", "k2"), True, everybody=True), Found(unsorted, ("u",), True), Found(silent, (), False))
    await storage.feeds.save_poll(Poll(replace(feed, etag="e2"), new), now=100)
    ids = sorted(item.id for item in await storage.articles.newest(9))
    assert await storage.articles.get(ids[0]) == replace(whole, id=ids[0])
    assert await storage.articles.get(404) is None
    assert [item.id for item in await storage.articles.newest(2)] == [ids[2], ids[1]]
    assert (await storage.feeds.watch([feed.url]))[0].etag == "e2"
    known = await storage.articles.known(["k1", "k2", "u", "nie", TEXT])
    assert {key: item.id for key, item in known.items()} == {"k1": ids[0], "k2": ids[0], "u": ids[1]}
    assert (known["k1"].sections, known["k1"].title) == (ALL_SECTIONS, TEXT)
    assert await storage.articles.known([]) == {}
    ((post, served),) = await storage.posts.waiting()
    assert (post.article_id, post.title, post.everybody, post.sections, served) == (ids[0], TEXT, True, ALL_SECTIONS, 0)


async def test_a_poll_that_began_before_somebody_elses_was_saved_is_not_saved(storage: Storage) -> None:
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    late = Poll(replace(feed, checked_at=60), (Found(article(1, feed.id), ("k",), True),), since=0)
    await storage.feeds.save_poll(Poll(replace(feed, checked_at=50), since=0), now=50)
    for poll in (late, replace(late, seen=(Met(1, ("m",), 4, publish=True),))):
        with pytest.raises(StorageError):
            await storage.feeds.save_poll(poll, now=60)
    assert await storage.articles.newest(5) == []
    await storage.feeds.save_poll(replace(late, since=50), now=60)
    assert len(await storage.articles.newest(5)) == 1
    assert (await storage.feeds.watch([feed.url]))[0].checked_at == 60


async def test_the_text_of_a_page_is_kept(storage: Storage) -> None:
    (id_,) = await saved(storage, article(1, 1))
    await storage.articles.keep_body(id_, TEXT)
    found = await storage.articles.get(id_)
    assert found
    assert found.body == TEXT


async def test_the_oldest_of_a_feed(storage: Storage) -> None:
    assert await storage.articles.oldest(1) is None
    await saved(storage, article(1, 1, published_at=None))
    assert await storage.articles.oldest(1) is None
    await saved(storage, article(2, 1, published_at=70), article(3, 1, published_at=50), article(4, 2, published_at=9))
    assert await storage.articles.oldest(1) == 50


async def test_an_edit_raises_the_version_once(storage: Storage) -> None:
    (id_,) = await saved(storage, article(1, 1))
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    edited = article(1, feed.id, id=id_, title="Новый", fingerprint="f2", edits=1, edited_at=130)
    await storage.feeds.save_poll(Poll(feed, edited=(Found(edited, ("new-key",), False),)), now=130)
    ((post, _),) = await storage.posts.waiting()
    assert (post.version, post.title, post.created_at) == (2, "Новый", 100)
    known = await storage.articles.known(["new-key", "https://e.kz/1"])
    assert {item.fingerprint for item in known.values()} == {"f2"}


async def test_one_more_section_waits_again_without_those_served(storage: Storage) -> None:
    (id_,) = await saved(storage, article(1, 1, sections=1))
    ((post, _),) = await storage.posts.waiting()
    publish = storage.broadcasts.publish
    await publish([post], Audience(sections=1), key="a", lane=Lane.REGULAR, total=1, start=0, now=1)
    assert await storage.posts.waiting() == []
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    for _ in range(2):
        await storage.feeds.save_poll(Poll(feed, seen=(Met(id_, ("again",), 0b101, publish=True),)), now=110)
    ((post, served),) = await storage.posts.waiting()
    assert (post.sections, served) == (0b101, 1)
    assert (await storage.articles.known(["again"]))["again"].sections == 0b101


async def test_a_silent_section_is_as_if_it_had_been_served(storage: Storage) -> None:
    ids = await saved(storage, article(1, 1, sections=1), article(2, 1, sections=0))
    ((post, _),) = await storage.posts.waiting()
    await storage.broadcasts.publish([post], Audience(), key="a", lane=Lane.REGULAR, total=1, start=0, now=1)
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    await storage.feeds.save_poll(Poll(feed, seen=tuple(Met(id_, (), 4) for id_ in ids)), now=110)
    assert await storage.posts.waiting() == []
    assert len(await storage.posts.latest(4, [], 9)) == 2


FOUND: list[tuple[list[list[str]], str]] = [
    ([["әлия"]], "1"),
    ([["ӘЛИ"]], "1"),
    ([["бюджет"], ["астан"]], "2"),
    ([["астан"], ["бюдж"]], "2"),
    ([["инфляц"]], "32"),
    ([["ли"]], "321"),
    ([["л"]], ""),
    ([["бюджет", "әлия"]], "21"),
    ([["нет", "бюджет"], ["ли"]], "2"),
    ([["нет-такого"]], ""),
    ([["!!!"], ["ли"]], ""),
    ([['"*'], []], ""),
    ([["OR"], ["AND"], ["NOT"]], ""),
    ([], ""),
]


async def test_search_finds_beginnings_of_words_newest_first(storage: Storage) -> None:
    await saved(
        storage,
        article(1, 1, title="Әлия 🏔 рассказала", lead="лидер"),
        article(2, 1, title="Бюджет Астаны", lead="ли инфляция"),
        article(3, 1, title="Инфляция", lead="ли"),
    )
    for words, found in FOUND:
        assert "".join(str(post.article_id) for post in await storage.posts.search(words, 10)) == found, words
        assert len(await storage.posts.search(words, 1)) == min(1, len(found))


async def test_what_was_withdrawn_is_not_found(storage: Storage) -> None:
    await saved(storage, article(1, 1, title="Бюджет"))
    await storage.engine.write("UPDATE post SET state = 'withdrawn'")
    assert await storage.posts.search([["бюджет"]], 5) == []


ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
    | st.text("\"'*:&|!()_ aё^~-\u19b0")
)
async def test_no_words_break_the_search(storage: Storage, words: str) -> None:
    assert await storage.posts.search([[words], [words, words]], 3) == []


async def test_an_edited_headline_is_found_by_its_new_words_only(storage: Storage) -> None:
    (id_,) = await saved(storage, article(1, 1, title="Прежний"))
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    await storage.feeds.save_poll(
        Poll(feed, edited=(Found(article(1, feed.id, id=id_, title="Нынешний"), (), False),)), now=9
    )
    assert await storage.posts.search([["прежний"]], 5) == []
    assert len(await storage.posts.search([["нынешний"]], 5)) == 1


async def test_old_articles_go_with_post_and_words_unless_a_feed_still_brings_them(storage: Storage) -> None:
    old, fresh, evergreen = await saved(storage, article(1, 1), article(900, 1), article(2, 1))
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    keys = ("https://e.kz/900", "https://e.kz/2")
    await storage.feeds.save_poll(Poll(feed, seen=(Met(fresh, keys[:1]), Met(evergreen, keys[1:]))), now=950)
    await storage.articles.prune(500)
    assert await storage.articles.get(old) is None
    assert set(await storage.articles.known(["https://e.kz/1", *keys])) == set(keys)
    assert {post.article_id for post, _ in await storage.posts.waiting()} == {fresh, evergreen}
    assert await storage.posts.search([["заголовок"], ["1"]], 5) == []


async def test_posts_come_back_as_they_were(storage: Storage) -> None:
    broadcast = await running(storage)
    (post,) = await storage.posts.get(broadcast.posts)
    assert post == breaking(id=post.id)
    media = breaking(
        media="file-id", media_kind="photo", texts={}, album=(("photo", "a"), ("video", "b")), label="ad", silent=True
    )
    id_ = await launched(storage, media, Audience(), due=1, now=1)
    other = await storage.broadcasts.get(id_)
    assert other
    posts = await storage.posts.get([*other.posts, *broadcast.posts, 404])
    assert [item.id for item in posts] == [*broadcast.posts, *other.posts]
    assert posts[1] == replace(media, id=other.posts[0])
    assert await storage.posts.get([]) == []
    assert [item.id for item in await storage.posts.newest(9)] == [other.posts[0], post.id]
    assert len(await storage.posts.newest(1)) == 1
    await storage.posts.shown(post.id, 1, 2, 1, now=1)
    await storage.posts.shown(post.id, 1, 2, 1, now=1)
    assert len(await storage.engine.fetch("SELECT * FROM copy")) == 1


async def test_latest_is_by_section_language_and_time(storage: Storage) -> None:
    await saved(
        storage,
        article(1, 1, published_at=500, sections=1 << 61),
        article(2, 1, published_at=400, language="kk"),
        article(3, 1, published_at=None),
    )
    await running(storage)  # an editor's post is no article

    async def titles(sections: int, languages: list[str], limit: int = 9) -> list[str]:
        found: list[Post] = await storage.posts.latest(sections, languages, limit)
        return [post.title[-1] for post in found]

    assert await titles(ALL_SECTIONS, []) == ["1", "2", "3"]
    assert await titles(1, []) == ["2", "3"]
    assert await titles(ALL_SECTIONS, ["kk", "en"]) == ["2"]
    assert await titles(ALL_SECTIONS, ["ru"], 1) == ["1"]
    assert await titles(0, []) == []


async def test_only_what_waits_is_published(storage: Storage) -> None:
    await saved(storage, article(1, 1), article(2, 1))
    (one, _), (two, _) = await storage.posts.waiting()
    publish = storage.broadcasts.publish
    await publish([one], Audience(), key="a", lane=Lane.REGULAR, total=1, start=0, now=1)
    with pytest.raises(StorageError, match="does not wait"):
        await publish([two, one], Audience(), key="b", lane=Lane.REGULAR, total=1, start=0, now=1)
    assert [post.id for post, _ in await storage.posts.waiting()] == [two.id]
    with pytest.raises(StorageError):
        await publish([two], Audience(), key="a", lane=Lane.REGULAR, total=1, start=0, now=1)
    assert [post.id for post, _ in await storage.posts.waiting()] == [two.id]


async def test_vanished_articles_are_proposed_and_decided(storage: Storage) -> None:
    one, two, undated = await saved(
        storage, article(1, 1, published_at=500), article(2, 1, published_at=600), article(3, 1, seen_at=700)
    )
    (feed,) = await storage.feeds.watch(["https://e.kz/rss"])
    await storage.engine.write("UPDATE article SET feed_id = :id", id=feed.id)
    missing = storage.articles.missing

    async def ids(present: list[int], *, after: int = 0, recent: int = 0) -> list[int]:
        found = await missing(feed.id, present, after=after, recent=recent, now=900)
        return [item.article_id for item in found]

    assert await ids([]) == [one, two, undated]
    assert await ids([two]) == [one, undated]
    assert await ids([], after=500) == [two, undated]
    assert await ids([], recent=690) == [undated]
    first = await missing(feed.id, [one], after=500, recent=0, now=900)
    assert [item.since for item in first] == [900, 900]
    await storage.feeds.save_poll(Poll(feed, missing=tuple(first)), now=900)
    again = await missing(feed.id, [one], after=500, recent=0, now=950)
    assert [item.since for item in again] == [900, 900]
    await storage.feeds.save_poll(Poll(feed, missing=(again[0],), proposed=frozenset([two])), now=960)
    assert [(item.article_id, item.post_id) for item in await storage.articles.proposals()] == [(two, again[0].post_id)]
    assert [item.since for item in await missing(feed.id, [one], after=0, recent=0, now=970)] == [970], "it was back"
    await storage.feeds.save_poll(Poll(feed, missing=()), now=980)
    assert len(await storage.articles.proposals()) == 1, "the desk has been asked"
    assert await storage.articles.leave(two, now=990)
    assert not await storage.articles.leave(two, now=991)
    assert not await storage.articles.leave(one, now=991)
    assert await storage.articles.proposals() == []


async def test_who_asks_for_a_feed_is_heard_once(storage: Storage) -> None:
    first, second = await storage.feeds.watch(["https://a.kz/rss", "https://b.kz/rss"])
    assert await storage.feeds.asked() == []
    assert await storage.feeds.ask([second.url, "https://c.kz/rss"], now=9) == [second.url]
    assert await storage.feeds.asked() == [second.id]
    assert await storage.feeds.asked() == []
    await storage.feeds.save_poll(Poll(replace(first, gone_at=5)), now=5)
    assert await storage.feeds.ask([first.url], now=9) == [], "it is gone for good"


async def test_two_that_find_an_article_new_save_it_once(storage: Storage) -> None:
    (feed,) = await storage.feeds.watch(["https://a.kz/rss"])
    poll = Poll(feed, (Found(article(1, feed.id), ("k", "l"), True),), fresh=("k",))
    await storage.feeds.save_poll(poll, now=9)
    with pytest.raises(StorageError):
        await storage.feeds.save_poll(poll, now=9)
    assert len(await storage.articles.newest(9)) == 1
    await storage.feeds.save_poll(replace(poll, fresh=("m",)), now=9)
    assert len(await storage.articles.newest(9)) == 2, "«k» was known to be another's"


async def test_a_poll_asks_for_its_own_feeds_articles_only(sqlite_storage: Storage) -> None:
    asked: list[str] = []
    engine = sqlite_storage.engine

    async def fetch(sql: str, **params: object) -> Sequence[Row]:
        asked.extend(row[3] for row in await engine.fetch(f"EXPLAIN QUERY PLAN {sql}", **params))
        return await engine.fetch(sql, **params)

    with mock.patch.object(
        sqlite_storage.articles, "_db", mock.Mock(wraps=engine, dialect=engine.dialect, fetch=fetch)
    ):
        await sqlite_storage.articles.oldest(1)
        await sqlite_storage.articles.missing(1, [], after=0, recent=0, now=1)
    steps = [step for step in asked if step.split()[1] == "article"]
    assert len(steps) == 2
    assert all("article_of_feed (feed_id=?" in step for step in steps), steps
