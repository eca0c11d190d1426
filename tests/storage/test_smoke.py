from storage import Storage
from bot.domain.delivery import *
from bot.domain.post import *
from bot.domain.article import *
from bot.domain.feed import *

async def test_story(storage: Storage):
    bits = await storage.meta.section_bits(["a", "b"])
    assert bits == {"a": 0, "b": 1}
    r = await storage.readers.meet(5, language="ru", breaking=True, now=1)
    await storage.readers.choose(r.id, 3, True, now=1)
    r = await storage.readers.choose(r.id, 1, False, now=1)
    assert r.sections == 2
    await storage.readers.consent(r.id, "v1", now=2)
    f, = await storage.feeds.watch(["http://x"])
    a = Article(0, f.id, "Title здесь", "lead", "l", "ru", 2, 1)
    ids = await storage.feeds.save_poll(Poll(f, (Found(a, ("k",), True),)), now=3)
    assert (await storage.articles.known(["k", "z"]))["k"].id == ids[0]
    assert (await storage.articles.search("здес", 5))
    (p, served), = await storage.posts.waiting()
    aud = Audience(sections=2)
    assert await storage.readers.count(aud) == 1
    b = await storage.broadcasts.publish([p], aud, key="k", lane=Lane.REGULAR, total=1, start=0.5, now=5)
    B, = await storage.broadcasts.open()
    blk = await storage.deliveries.claim(B, "w", 1, now=5, until=10)
    got = await storage.deliveries.read(B, blk, 0, 10)
    assert len(got) == 1
    assert await storage.deliveries.claim(B, "w", 1, now=5, until=10) is None
    await storage.deliveries.settle([Receipt(B.id, got[0].id, Result.WAITING, 5, due_at=6)], [(B.id, blk)], worker="w", until=9, now=6)
    assert not await storage.broadcasts.finish(B, now=6)
    d = await storage.deliveries.due(now=7, again=60, limit=10)
    assert d[0][2] == got[0]
    await storage.deliveries.settle([Receipt(B.id, got[0].id, Result.SENT, 5, message_id=4, carried=(1,))], [], worker="w", until=9, now=6)
    assert await storage.broadcasts.finish(B, now=6)
    assert (await storage.broadcasts.progress(B.id)).sent == 1
    print(await storage.broadcasts.progress(B.id))
    assert await storage.posts.latest(2, [], 5)
    assert await storage.leaders.acquire("x", "me", now=1, ttl=5) == 1
    assert await storage.leaders.acquire("x", "you", now=2, ttl=5) is None
    assert await storage.leaders.acquire("x", "you", now=7, ttl=5) == 2
    await storage.readers.export(5)
    await storage.readers.erase(5)
    d = await storage.editors.new_draft(1, 1, "ru", now=1)
    await storage.editors.fill_draft(d.id, RichText("x"), "", "")
    x = await storage.broadcasts.launch(d.id, Post(0, PostKind.BREAKING, 1, 0, 1, texts={"ru": RichText("x")}), Audience(breaking=True), lane=Lane.BREAKING, total=0, start=0, due=9, now=1)
    assert x
    assert not await storage.broadcasts.launch(d.id, Post(0, PostKind.BREAKING, 1, 0, 1, texts={"ru": RichText("x")}), Audience(breaking=True), lane=Lane.BREAKING, total=0, start=0, due=9, now=1)
    assert await storage.broadcasts.change(x, BroadcastState.RUNNING, among=[BroadcastState.COUNTDOWN], now=5)
