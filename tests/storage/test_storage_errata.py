"""Corrections: sent once, for the version that was read, by somebody with rights; who has a copy; the public list."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from storage_help import TEXT, article, receipt, running, saved, settled_down

from bot.domain.delivery import Audience, Kind
from bot.domain.desk import Content, Draft, DraftState, Erratum, Gravity, Role, Way
from bot.domain.feed import Found, Poll
from bot.domain.post import Note, Post, PostKind, RichText
from storage import Storage
from storage.broadcasts import UNDER_WAY
from tests.factories import correct

WORDS = {"ru": RichText(TEXT, ({"type": "bold", "offset": 0, "length": 3},)), "kk": RichText("Болды")}


async def sent_post(storage: Storage, *readers: int) -> Post:
    """A post that these readers have, under message id 1000 + reader, since second 11."""
    broadcast = await running(storage)
    receipts = [receipt(broadcast, n, message_id=1000 + n) for n in readers]
    await storage.deliveries.settle(receipts, [], worker="x", until=9, now=9)
    return (await storage.posts.get(broadcast.posts))[0]


async def written(storage: Storage, post: Post, *, author: int = 9) -> Draft:
    """A correction that may be sent."""
    await storage.editors.add(author, Role.EDITOR, "Ада", by=0, now=1)
    content = Content(way=Way.FIX, language="ru", texts=WORDS, fixes=post.id, base=post.version, gravity="fact")
    return await storage.drafts.begin(author, author, content, DraftState.DRAFT, now=50)


def erratum(draft: Draft, post: Post, gravity: Gravity = Gravity.FACT) -> Erratum:
    return Erratum(0, draft.id, post.id, gravity, draft.author_id, {"ru": "Было"}, post.reason)


async def test_it_is_sent_once_and_for_the_version_that_was_read(storage: Storage) -> None:
    post = await sent_post(storage)
    mine, theirs = await written(storage, post), await written(storage, post, author=10)
    assert mine.content.texts == WORDS
    publish, note = storage.errata.publish, Note(60, {"ru": "Было"})
    fixed = replace(post, texts=WORDS, notes=(note,))
    sent = await asyncio.gather(*(publish(mine, erratum(mine, post), fixed, now=60) for _ in range(3)))
    (made,) = [found for found in sent if found]
    assert (made.sent_at, len(made.broadcasts), made.wrong) == (60, 1, {"ru": "Было"})
    assert await storage.errata.of(mine.id) == made
    assert await storage.errata.of(404) is None
    (now,) = await storage.posts.get([post.id])
    assert (now.version, now.texts, now.notes) == (2, WORDS, (note,))
    kept = await storage.drafts.get(mine.id)
    assert kept
    assert (kept.state, kept.sent_by) == (DraftState.SENT, 9)
    assert await publish(theirs, erratum(theirs, post), replace(post, texts={}), now=61) is None, "of an old version"
    assert await storage.drafts.get(theirs.id) == theirs, "it may be gone on with"
    await storage.editors.remove(10)
    assert await publish(theirs, erratum(theirs, now), now, now=61) is None, "no rights any more"
    gone = await written(storage, now)
    withdrawn = replace(now, reason={"ru": "Ошибка"})
    assert await publish(gone, erratum(gone, withdrawn, Gravity.WITHDRAWAL), withdrawn, solo=True, now=62)
    (cast,) = [found for found in await storage.broadcasts.open() if found.kind is Kind.DELETE]
    (now,) = await storage.posts.get([post.id])
    assert (now.withdrawn, now.reason, now.version, cast.version) == (True, {"ru": "Ошибка"}, 3, 3)


async def test_what_the_public_sees(storage: Storage) -> None:
    post = await sent_post(storage)
    for at, gravity in enumerate(Gravity, 60):
        (now,) = await storage.posts.get([post.id])
        draft = await written(storage, now)
        assert await storage.errata.publish(draft, erratum(draft, now, gravity), now, now=at)
    shown = await storage.errata.public(since=0, limit=9)
    assert [found.gravity for found in shown] == [Gravity.WITHDRAWAL, Gravity.SERIOUS, Gravity.FACT]
    assert [found.sent_at for found in await storage.errata.public(since=61, limit=1)] == [64]


async def test_who_has_a_copy_is_told_and_under_which_message(storage: Storage) -> None:
    """Receipts, lists with and without the post, copies shown by hand; not who came later or has left."""
    await settled_down(storage, range(1, 8))
    post = await sent_post(storage, 1, 2)
    (send,) = await storage.engine.fetch("SELECT MAX(id) FROM broadcast")
    (broadcast,) = [found for found in [await storage.broadcasts.get(send[0])] if found]
    carrying = receipt(broadcast, 3, message_id=1003, carried=(post.id, 99), took_ms=60_000)
    others = receipt(broadcast, 4, message_id=1004, carried=(99,))
    late = receipt(broadcast, 5, message_id=1005, took_ms=1_000_000)
    lost = receipt(broadcast, 6, message_id=None, reason="lost")
    await storage.deliveries.settle([carrying, others, late, lost], [], worker="x", until=9, now=9)
    await storage.posts.shown(post.id, 7, 55, 1, now=20)
    await storage.posts.shown(post.id, 1, 56, 1, now=20)
    await storage.readers.leave(2, now=12)
    assert await storage.corrections.reach(post.id, before=11) == (6, 0, 1)
    assert await storage.corrections.reach(post.id, before=21) == (6, 4, 1)
    assert await storage.corrections.copies_of(post.id, [1, 3, 4, 6, 7]) == {1: 1001, 3: 1003, 7: 55}
    draft = await written(storage, post)
    told = replace(post, kind=PostKind.CORRECTION)
    sent = await storage.errata.publish(draft, erratum(draft, post, Gravity.SERIOUS), post, told, total=3, now=68)
    assert sent
    telling = await storage.broadcasts.get(sent.broadcasts[-1])
    assert telling
    assert (telling.audience, telling.reply_to, telling.kind) == (
        Audience(holders=post.id, until=68 + UNDER_WAY),
        post.id,
        Kind.SEND,
    )
    assert [reader.id for reader in await storage.deliveries.read(telling, 0, 0, 9)] == [1, 3, 7]
    assert await storage.readers.count(telling.audience) == 3
    (post_told,) = await storage.posts.get(telling.posts)
    assert (post_told.kind, post_told.article_id) == (PostKind.CORRECTION, None)


async def test_a_feeds_edit_leaves_the_desks_words_where_the_feed_says_the_same(storage: Storage) -> None:
    await saved(storage, article(1, 1, title="Мост закрыт", lead="До мая."))
    ((post, _),) = await storage.posts.waiting()
    assert post.article_id
    assert await storage.posts.of_article(post.article_id) == [post]
    note = Note(60, {"": "До мая"})
    assert await correct(storage, replace(post, lead="До июня.", notes=(note,)), now=60) == [], "nobody has it yet"
    (feed,) = await storage.feeds.states()
    edited = article(1, 1, id=post.article_id, title="Мост снова закрыт", lead="До мая.")
    await storage.feeds.save_poll(Poll(feed, edited=(Found(edited, ("k",), True),)), now=70)
    (now,) = await storage.posts.get([post.id])
    assert (now.title, now.lead, now.notes, now.version) == ("Мост снова закрыт", "До июня.", (note,), 3)
    edited = replace(edited, lead="До осени.")
    await storage.feeds.save_poll(Poll(feed, edited=(Found(edited, ("k",), False),)), now=71)
    assert (await storage.posts.get([post.id]))[0].lead == "До осени.", "what the feed has corrected since, wins"
