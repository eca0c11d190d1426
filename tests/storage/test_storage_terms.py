"""Words that readers hide or follow: the dictionary, whose they are, which posts hold them."""

from __future__ import annotations

from storage_help import article, saved, subscribed

from bot.domain.post import Post
from storage import Storage
from storage.terms import Chosen


async def choose(storage: Storage, reader: int, word: str, *keys: str, follows: bool = False, now: int = 1) -> None:
    """A choice, with which articles since second 100 are read again."""
    await storage.terms.choose(reader, word, keys, follows=follows, since=100, now=now)


async def posts(storage: Storage, *seen: int) -> list[Post]:
    """Posts of articles seen then, their words read."""
    ids = await saved(storage, *(article(n, 1, seen_at=at) for n, at in enumerate(seen)))
    assert len(ids) == len(seen)
    unread = await storage.terms.unread(9)
    await storage.terms.read([(post, []) for post in unread])
    return unread[::-1]


async def test_a_word_is_chosen_changed_and_dropped_with_all_its_keys(storage: Storage) -> None:
    one, two = await subscribed(storage, 1), await subscribed(storage, 2)
    await choose(storage, one.id, "порты", "=порт", "~порт")
    await choose(storage, one.id, "мост", "=мост", now=2)
    assert [word for _, word, follows in await storage.terms.of(one.id) if not follows] == ["порты", "мост"]
    await choose(storage, one.id, "порт", "=порт", "~порт", follows=True, now=3)
    await choose(storage, two.id, "порту", "=порт")
    mine = await storage.terms.of(one.id)
    assert [(word, follows) for _, word, follows in mine] == [("мост", False), ("порт", True)]
    assert [key for _, key in await storage.terms.known(["=порт", "~порт", "=мост"])] == ["=порт", "~порт", "=мост"]
    await storage.terms.drop(one.id, mine[1].term_id)
    assert await storage.terms.of(one.id) == [Chosen(mine[0].term_id, "мост", False)]
    left = await storage.terms.known(["=порт", "~порт"])
    assert [key for _, key in left] == ["=порт"], "somebody else has chosen it"
    assert [word for _, word, _ in await storage.terms.of(two.id)] == ["порту"]
    await storage.terms.drop(two.id, 404)
    assert len(await storage.terms.of(two.id)) == 1


async def test_terms_are_found_by_their_first_word(storage: Storage) -> None:
    reader = await subscribed(storage, 1)
    await choose(storage, reader.id, "морской порт", "=морск =порт")
    await choose(storage, reader.id, "море", "=мор")
    assert [key for _, key in await storage.terms.known({"=морск", "=порт"})] == ["=морск =порт"]
    assert await storage.terms.known([]) == []


async def test_a_new_word_has_recent_posts_read_again_and_a_known_one_does_not(storage: Storage) -> None:
    old, new = await posts(storage, 99, 101)
    one, two = await subscribed(storage, 1), await subscribed(storage, 2)
    await choose(storage, one.id, "порт", "=порт")
    assert await storage.terms.unread(9) == [new]
    ((term, _),) = await storage.terms.known(["=порт"])
    await storage.terms.read([(new, [term])])
    assert [tuple(row) for row in await storage.engine.fetch("SELECT * FROM post_term")] == [(new.id, term)]
    await choose(storage, two.id, "порт", "=порт")
    assert await storage.terms.unread(9) == []
    await storage.terms.read([(new, [])])
    assert await storage.engine.fetch("SELECT * FROM post_term") == []
    assert old.id < new.id


async def test_what_nobody_follows_any_more_is_in_no_post(storage: Storage) -> None:
    (post,) = await posts(storage, 101)
    reader = await subscribed(storage, 1)
    await choose(storage, reader.id, "порт", "=порт")
    ((term, _),) = await storage.terms.known(["=порт"])
    await storage.terms.read([(post, [term])])
    await storage.terms.drop(reader.id, term)
    assert await storage.engine.fetch("SELECT * FROM post_term") == []


async def test_which_posts_hold_words_of_these_readers(storage: Storage) -> None:
    first, second, third = await posts(storage, 101, 102, 103)
    readers = [(await subscribed(storage, chat)).id for chat in (1, 2, 3)]
    await choose(storage, readers[0], "порт", "=порт", follows=True)
    await choose(storage, readers[1], "порт", "=порт")
    await choose(storage, readers[0], "мост", "=мост")
    (port, _), (bridge, _) = await storage.terms.known(["=порт", "=мост"])
    await storage.terms.read([(first, [port]), (second, [port, bridge]), (third, [])])
    ids = [first.id, second.id, third.id]
    assert await storage.terms.held(ids) == {first.id, second.id}
    follows, hides = await storage.terms.met(ids, readers)
    assert follows == {(readers[0], first.id), (readers[0], second.id)}
    assert hides == {(readers[1], first.id), (readers[1], second.id), (readers[0], second.id)}
    assert await storage.terms.met(ids, readers[2:]) == (set(), set())
