"""/feeds: editors see how feeds do, look at one, add, pause and remove; the desk is told what is wrong, once a day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest
from talking import START, Chat, labels, last

from bot.desk.alarms import SENTENCES, Alarms
from bot.domain.desk import Alarm, Role
from bot.domain.feed import Added, Missing, Poll
from bot.settings import DEFAULT_SECTIONS, FeedConfig, Newsroom, Settings
from bot.settings_env import NO_ENV
from bot.talking import say_at
from tests.factories import FeedSite, feed_site

ADA = 501
LISTED = "https://news.example/rss"


@pytest.fixture
def settings() -> Settings:
    return Settings(
        newsroom=Newsroom(name="Дала", url="https://news.example"),
        sections=DEFAULT_SECTIONS,
        feeds=(FeedConfig(LISTED, section="sport"),),
        env=replace(NO_ENV, fetch_allow_private=True),
    )


@pytest.fixture
async def site() -> AsyncIterator[FeedSite]:
    async with feed_site() as made:
        made.publish("Сборная выиграла", at=START - 60)
        made.publish("Неизвестно о чём", category="Разное")
        yield made


async def test_an_address_is_looked_at_and_added(chat: Chat, site: FeedSite) -> None:
    ada = await chat.editor(ADA)
    await ada.send(f"/feeds {site.url}/rss")
    shown = await ada.next("Дала")
    for line in (
        "2 статьи",
        "с датой: 1, с картинкой: 0",
        "Кодировка: utf-8",
        "Языки: ru 2",
        "Рубрики без раздела: Разное 1",
    ):
        assert line in shown["text"].splitlines()
    assert labels(shown)[0] == ["По рубрикам"]
    assert await chat.storage.feeds.added() == []
    await ada.tap(shown, "Спорт")
    assert last(ada)["text"].startswith("Добавлена.")
    (added,) = await chat.storage.feeds.added()
    assert (added, chat.woken) == (Added(added.id, f"{site.url}/rss", "sport"), 1)
    answer = await ada.press(shown, f"addfeed:{added.id}:_")
    assert answer is not None
    assert answer["text"] == "За ней уже следят: /feeds"
    for data in ("addfeed:404:_", f"addfeed:{added.id}:nowhere", "feed:show:404", "feed:nothing:1", "feed:list:-8"):
        answer = await ada.press(shown, data)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела"), data
    await ada.send(f"/feeds {site.url}/rss")
    assert labels_or_none(await ada.next("За ней уже следят")) == []


def labels_or_none(message: dict[str, object]) -> list[list[str]]:
    return labels(message) if "reply_markup" in message else []


async def test_a_page_leads_to_its_feed_and_what_is_none_says_what_to_do(chat: Chat, site: FeedSite) -> None:
    ada = await chat.editor(ADA)
    site.status = 403
    await ada.send(f"/feeds {site.url}/wall")
    shown = await ada.next("Сервер отвечает 403")
    assert "пропускать User-Agent" in shown["text"]
    site.status, site.body = 200, b"<html><body>x</body></html>"
    await ada.send(f"/feeds {site.url}/page")
    await ada.next("По этому адресу нет ленты.")
    site.body = b"<rss version='2.0'><channel><title>\xcf\xf3\xf1\xf2\xee \xff</title></channel></rss>"
    await ada.send(f"/feeds {site.url}/empty")
    await ada.next("Сейчас в ней ничего нет.")
    site.body = (
        "<rss version='2.0'><channel><item><title>Дата</title><pubDate>вчера</pubDate></item></channel></rss>".encode()
    )
    site.body = site.body.replace("Дата".encode(), "Да".encode() + b"\xff" + "та сегодня будет длинная".encode())
    await ada.send(f"/feeds {site.url}/odd")
    shown = await ada.next("Даты, которые не читаются: вчера")
    assert "⚠️ 1 испорченный символ" in shown["text"]


async def test_an_added_feed_is_paused_and_removed_and_the_files_is_read_only(chat: Chat, site: FeedSite) -> None:
    ada = await chat.editor(ADA)
    await chat.storage.feeds.add(f"{site.url}/rss", "", now=START)
    (listed,) = await chat.storage.feeds.watch([LISTED])
    week = 7 * 86_400
    rhythm = f"[{START - 2 * week}{',2' * 168}]"
    await chat.storage.feeds.save_poll(
        Poll(replace(listed, title="Дала", ok_at=START - 40, new_at=START - 300, rhythm=rhythm)), now=START
    )
    await ada.send("/feeds")
    menu = await ada.next("Ленты")
    assert "• Дала: прочитана 40 с назад" in menu["text"]
    await ada.tap(menu, "Дала")
    card = last(ada)
    assert card["text"].splitlines()[3:] == [
        "Раздел: Спорт", "Последняя статья: 5 мин назад", "В день: 24", "В файле, здесь только для чтения.",
    ]  # fmt: skip
    assert labels(card) == [["Проверить"], ["‹ Назад"]]
    for act in ("pause", "ask", "remove"):
        answer = await ada.press(card, f"feed:{act}:{listed.id}")
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела")
    await ada.tap(card, "Назад")
    await ada.tap(last(ada), site.url[:20])
    assert "Раздел: по рубрикам" in last(ada)["text"]
    await ada.tap(last(ada), "Пауза")
    assert "на паузе" in last(ada)["text"]
    (added,) = await chat.storage.feeds.added()
    assert (added.paused_at, chat.woken) == (START, 1)
    await ada.tap(last(ada), "Продолжить")
    await ada.tap(last(ada), "Проверить")
    await ada.next("2 статьи")
    card = next(message for message in reversed(ada.chat()) if "reply_markup" in message)
    await ada.tap(card, "Удалить")
    await ada.tap(next(m for m in reversed(ada.chat()) if "reply_markup" in m), "Да, убрать")
    assert await chat.storage.feeds.added() == []
    assert [row[2] for row in await chat.storage.editors.audit()] == [
        "feed removed",
        "feed resumed",
        "feed paused",
    ]


async def test_many_feeds_are_turned_over(chat: Chat) -> None:
    ada = await chat.editor(ADA)
    for n in range(10):
        await chat.storage.feeds.add(f"https://{n}.news.example/rss", "", now=START + n)
    await ada.send("/feeds")
    menu = await ada.next("Ленты")
    assert (len(labels(menu)), labels(menu)[-1]) == (9, ["→"])
    await ada.tap(menu, "→")
    assert [row[0] for row in labels(last(ada))] == [f"https://{n}.news.example/rss" for n in (7, 8, 9)] + ["‹ Назад"]


async def test_readers_have_no_feeds(chat: Chat) -> None:
    reader = chat.people.add(700, started=True)
    await reader.send("/feeds https://news.example/other")
    await reader.next()
    assert [state.url for state in await chat.storage.feeds.states()] == []


def watchman(chat: Chat) -> Alarms:
    return Alarms(chat.storage, chat.ctx.settings, chat.ctx.words, chat.clock, partial(say_at, chat.bot))


async def test_the_desk_is_told_once_with_what_to_do_and_can_ask_for_quiet(chat: Chat) -> None:
    ada = await chat.editor(ADA, Role.OWNER)
    (feed,) = await chat.storage.feeds.watch([LISTED])
    await chat.storage.feeds.save_poll(
        Poll(replace(feed, title="Дала", gap=600.0, new_at=START - 2 * 86_400)), now=START
    )
    for _ in range(2):
        await watchman(chat).look()
    said = [message["text"] for message in ada.chat()]
    assert said == [
        "🟠 Дала\nМолчит 2 дн., обычно между статьями 10 мин.\n"
        "→ Посмотрите, выходят ли статьи на сайте; если да, спросите, почему стоит лента."
    ]
    assert labels(last(ada)) == [["Проверить", "Молчать 1 ч"]]
    answer = await ada.tap(last(ada), "Молчать")
    assert answer["text"] == "Час об этой ленте ничего не скажу."
    for cause in ("wall", "unsorted"):
        detail = {"kind": cause, "status": 503, "n": 2, "title": "О чём-то"}
        await chat.storage.alarms.raise_([Alarm(f"feed:{feed.id}", cause, detail)], now=START + 1)
    # muted before they were raised: only the silence was known then
    await watchman(chat).look()
    assert len(ada.chat()) == 3
    await chat.storage.alarms.raise_(
        [Alarm("feed:404", "gone", {"kind": "gone", "status": 410}), Alarm("moon", "full")], now=START + 2
    )
    await watchman(chat).look()
    assert len(ada.chat()) == 3, "of a feed that is not watched any more, and of what has no words"


async def test_an_alarm_that_nobody_could_be_told_is_told_later(chat: Chat) -> None:
    ada = await chat.editor(ADA, Role.OWNER)
    (feed,) = await chat.storage.feeds.watch([LISTED])
    await chat.storage.alarms.raise_([Alarm(f"feed:{feed.id}", "repaired", {"n": 40})], now=START)
    ada.block()
    await watchman(chat).look()
    ada.unblock()
    await watchman(chat).look()
    assert "Заменены 40 испорченных символов." in last(ada)["text"]


async def test_a_vanished_article_can_be_left(chat: Chat) -> None:
    ada = await chat.editor(ADA, Role.OWNER)
    article = await chat.publish("Мост открыт")
    (post,) = await chat.storage.posts.latest(2**62 - 1, [], 1)
    (feed,) = await chat.storage.feeds.watch([LISTED])
    gone = Missing(article, post.id, "Мост открыт", START, START)
    asked = Alarm(f"article:{article}", "vanished", {"title": "Мост открыт", "post": post.id})
    await chat.storage.feeds.save_poll(
        Poll(feed, alarms=(asked,), missing=(gone,), proposed=frozenset([article])), now=START
    )
    await watchman(chat).look()
    assert last(ada)["text"].splitlines()[0] == "🟠 Статьи больше нет в ленте: Мост открыт"
    assert labels(last(ada)) == [["Отозвать", "Оставить"]]
    assert (await ada.tap(last(ada), "Оставить"))["text"] == "Статья остаётся."
    assert (await ada.tap(last(ada), "Оставить"))["text"].startswith("Кнопка устарела")
    assert await chat.storage.articles.proposals() == []


@pytest.mark.parametrize("cause", SENTENCES)
def test_every_cause_has_words_in_every_language(cause: str) -> None:
    from bot.i18n import Words

    detail = {
        "span": 7200, "gap": 600, "items": 3, "usual": 30, "n": 2, "host": "cdn.example", "title": "Т", "kind": cause,
        "status": 503, "agent": "Newsdesk", "post": 1, "name": "@liter", "rights": ["can_post_messages"],
    }  # fmt: skip
    words = Words.load(("ru", "kk", "en"))
    for language in words.languages:
        what, todo = SENTENCES[cause](words[language], detail)
        assert "{" not in what + todo
        assert len(what) > 8
        assert len(todo) > 8
