"""📖 under a post: the whole article as a rich message, the link where there is none, and each tap counted once."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from talking import START, Chat, labels, last

from bot.domain.article import Article
from bot.domain.feed import Found, Poll
from bot.ops.extract import extract
from bot.posts.fulltext import LEAST
from bot.sandbox.client import Person
from bot.sandbox.model import ApiError
from bot.settings import DEFAULT_SECTIONS, Newsroom, Posts, Settings
from bot.settings_env import NO_ENV
from handlers import screen
from tests.factories import feed_site

BODY = "<p>Мост строили три года.</p><p>– Это большой день, – сказал он.</p><p>" + "Ещё одну зиму. " * 20 + "</p>"
READER = 700


@pytest.fixture
def settings() -> Settings:
    posts = Posts(buttons=("read", "save", "more"))
    return Settings(
        newsroom=Newsroom(name="Дала", url="https://news.example"),
        posts=posts,
        sections=tuple(replace(section, posts=posts) for section in DEFAULT_SECTIONS),
        env=replace(NO_ENV, fetch_allow_private=True),
    )


async def shown(chat: Chat, body: str = BODY, link: str = "https://news.example/most") -> tuple[Person, int]:
    """A reader who has the post; its id."""
    (feed,) = await chat.storage.feeds.watch(["https://news.example/rss"])
    mask = next(section.mask for section in chat.ctx.sections if section.id == "sport")
    article = Article(0, feed.id, "Мост открыт", "Первыми прошли дети.", link, "ru", mask, START, START, body=body)
    await chat.storage.feeds.save_poll(Poll(feed, (Found(article, ("k",), True),)), now=START)
    ((post, _),) = await chat.storage.posts.waiting()
    person = chat.people.add(READER, started=True)
    reader = await chat.storage.readers.meet(READER, language="ru", now=START)
    await screen.send_post(chat.bot, chat.ctx, reader, post)
    return person, post.id


async def taps(chat: Chat) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await chat.storage.engine.fetch("SELECT post_id, kind FROM tap")]


async def test_the_whole_article_with_its_quotes(chat: Chat) -> None:
    person, post = await shown(chat)
    assert labels(await person.next()) == [["📖 Читать здесь", "🔖", "⋯"]]
    for _ in range(2):
        await person.tap(person.chat()[0], "Читать здесь")
        said = await person.next("Мост открыт")
        kinds = [block["type"] for block in said["rich_message"]["blocks"]]
        assert kinds == ["heading", "paragraph", "paragraph", "paragraph", "blockquote", "paragraph", "footer"]
    await chat.idle()
    assert await taps(chat) == [(post, "read")]
    copies = await chat.storage.engine.fetch("SELECT message_id FROM copy ORDER BY message_id")
    assert [row[0] for row in copies] == [message["message_id"] for message in person.chat()], (
        "a withdrawal takes it away"
    )


@pytest.mark.parametrize("why", ["no text", "refused", "corrected"])
async def test_otherwise_the_link(chat: Chat, why: str) -> None:
    person, post = await shown(chat, "" if why == "no text" else BODY)
    if why == "refused":
        chat.sandbox.fail(ApiError(400, "Bad Request: RICH_MESSAGE_INVALID"), "sendRichMessage")
    if why == "corrected":
        (known,) = await chat.storage.posts.get([post])
        await chat.storage.engine.write("UPDATE article SET title = 'Мост закрыт'")
        assert known.title == "Мост открыт"
    await person.tap(last(person), "Читать здесь")
    said = await person.next("только на сайте")
    assert said["text"].splitlines()[1] == "Мост открыт"
    assert said["entities"][0]["url"] == "https://news.example/most"
    assert await taps(chat) == [(post, "read")]


async def test_a_withdrawn_or_unknown_post_has_nothing_to_read(chat: Chat) -> None:
    person, post = await shown(chat)
    await chat.storage.engine.write("UPDATE post SET state = 'withdrawn'")
    for data in (f"read:{post}", "read:404"):
        answer = await person.press(last(person), data)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела")
    assert await taps(chat) == []


async def test_the_page_is_read_once_for_all(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async with feed_site() as site:
        site.body = b"<html><body><article>" + BODY.encode() + b"</article></body></html>"
        person, _ = await shown(chat, "", f"{site.url}/most")
        await person.next()
        monkeypatch.setattr("bot.ops.extract.find_spec", lambda name: object())

        async def here(self: object, work: Any, page: bytes) -> str:
            assert work is extract
            return page.decode()

        monkeypatch.setattr("bot.ops.extract.ParseWorker.call", here)
        for _ in range(2):
            await person.tap(person.chat()[0], "Читать здесь")
            await person.next("Мост открыт")
        assert len(site.requests) == 1
        site.status = 404
        await chat.storage.engine.write("UPDATE article SET body = ''")
        await person.tap(person.chat()[0], "Читать здесь")
        await person.next("только на сайте")


def test_what_trafilatura_finds_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, wanted in ((None, ""), ("<p>x</p>", "<p>x</p>"), ("x" * 300_000, "x" * 200_000)):
        stub = SimpleNamespace(extract=lambda page, found=found, **options: found)
        monkeypatch.setitem(sys.modules, "trafilatura", stub)
        assert extract(b"<html>") == wanted
    assert LEAST < 300
