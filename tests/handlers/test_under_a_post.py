"""⋯ and 🔖 under a post, and what they lead to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from talking import START, Chat, labels

from bot.delivery.vocabulary import read_words
from bot.domain.delivery import Audience
from bot.domain.post import Post, PostKind, PostState, RichText
from bot.readers.mutes import LOOK_SECONDS, end_mutes
from bot.sandbox.client import Person
from bot.settings import Posts, Settings
from handlers.keyboards import READER_CALLBACKS
from storage.posts import add_post

READER = 508
DAY = 86_400
MENU = [
    ["Меньше такого"],
    ["Без раздела 24 ч"],
    ["Скрыть слово"],
    ["Ещё по теме"],
    ["📌 Следить за историей"],
    ["Почему я это вижу?"],
    ["‹ Назад"],
]
BUTTONS = [["🔖", "⋯"]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Both buttons under each post."""
    posts = Posts(buttons=("save", "more"))
    return replace(settings, posts=posts, sections=tuple(replace(one, posts=posts) for one in settings.sections))


async def reading(chat: Chat, title: str = "Матч в Шымкенте") -> tuple[Person, dict]:
    """A reader of sport with a post of it on the screen."""
    await chat.publish(title, "sport")
    reader = chat.people.add(READER)
    await reader.send("/start sport")
    return reader, await reader.next(title)


async def test_the_menu_opens_in_place_and_closes_again(chat: Chat) -> None:
    reader, post = await reading(chat)
    assert labels(post) == BUTTONS
    await reader.tap(post, "⋯")
    opened = await reader.next()
    assert labels(opened) == MENU
    assert (opened["message_id"], opened["text"]) == (post["message_id"], post["text"])
    await reader.tap(post, "Назад")
    assert labels(await reader.next()) == BUTTONS


@pytest.mark.parametrize(("label", "days", "words"), [("Без раздела", 1, "24 часа"), ("Меньше", 7, "Неделю")])
async def test_a_section_is_muted_for_its_time_and_no_longer(chat: Chat, label: str, days: int, words: str) -> None:
    reader, post = await reading(chat)
    sport = Audience(sections=1 << 4)
    await reader.tap(post, "⋯")
    await reader.next()
    answer = await reader.tap(post, label)
    assert answer is not None
    assert answer["text"] == f"{words} без этого: Спорт. Вернуть: /settings"
    await chat.idle()
    assert labels(reader.chat()[-1]) == BUTTONS
    assert await chat.storage.readers.count(sport) == 0
    await chat.storage.readers.end_mutes(now=START + days * DAY - 1)
    assert await chat.storage.readers.count(sport) == 0
    await chat.storage.readers.end_mutes(now=START + days * DAY)
    assert await chat.storage.readers.count(sport) == 1


async def test_settings_name_what_is_muted_and_bring_it_back(chat: Chat) -> None:
    reader, post = await reading(chat)
    await reader.press(post, "mute:1:0")
    await reader.send("/settings")
    shown = await reader.next("Настройки")
    assert "Пока отключено: Спорт" in shown["text"].splitlines()
    await reader.tap(shown, "Вернуть")
    assert "отключено:" not in (await reader.next("Настройки"))["text"]
    assert await chat.storage.readers.count(Audience(sections=1 << 4)) == 1


async def test_only_sections_that_the_reader_chose_are_muted(chat: Chat) -> None:
    reader, post = await reading(chat)
    await chat.storage.engine.write("UPDATE post SET sections = sections | 32")
    await reader.press(post, "mute:1:0")
    kept = await chat.storage.readers.get(READER)
    assert kept is not None
    assert kept.muted == 1 << 4
    await chat.storage.readers.choose(kept.id, 1 << 4, False, now=START)
    await reader.press(post, "mute:1:0")
    kept = await chat.storage.readers.get(READER)
    assert kept is not None
    assert kept.muted == 0b11 << 4


async def test_a_post_without_a_section_offers_nothing_to_mute(chat: Chat) -> None:
    reader, post = await reading(chat)
    await chat.storage.engine.write("UPDATE post SET sections = 0")
    await reader.tap(post, "⋯")
    assert labels(await reader.next()) == MENU[2:]
    answer = await reader.press(post, "mute:1:1")
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")


async def test_mutes_end_by_themselves(chat: Chat) -> None:
    reader, post = await reading(chat)
    await reader.press(post, "mute:1:0")
    ending = chat.storage.readers.end_mutes
    ended: list[int] = []

    async def watched(*, now: int) -> None:
        await ending(now=now)
        ended.append(now)
        if len(ended) == 3:
            raise KeyboardInterrupt

    kept = await chat.storage.readers.get(READER)
    assert kept is not None
    await chat.storage.readers.pause(kept.id, until=START + 5, now=START)
    chat.storage.readers.end_mutes = watched  # type: ignore[method-assign]

    class Clock:
        """Each sleep is a day."""

        at = float(START)

        def now(self) -> float:
            """See the class."""
            return self.at

        async def sleep(self, seconds: float) -> None:
            """See the class."""
            assert seconds == LOOK_SECONDS
            self.at += DAY

    with pytest.raises(KeyboardInterrupt):
        await end_mutes(chat.storage, Clock())  # type: ignore[arg-type]
    assert ended == [START, START + DAY, START + 2 * DAY]
    assert await chat.storage.readers.count(Audience(sections=1 << 4)) == 1


async def test_more_on_this_brings_articles_with_words_in_common(chat: Chat) -> None:
    for title in ("Шымкент готовит стадион", "Стадион в Шымкенте достроен", "Погода в Шымкенте", "Опера"):
        await chat.publish(title, "culture")
    reader, post = await reading(chat, "В Шымкенте открыли стадион")
    await reader.tap(post, "⋯")
    await reader.next()
    await reader.tap(post, "Ещё по теме")
    found = await reader.next("Ещё по теме")
    assert set(found["text"].splitlines()[1:]) == {"• Шымкент готовит стадион", "• Стадион в Шымкенте достроен"}
    assert labels(reader.chat()[-2]) == BUTTONS


async def test_more_on_what_stands_alone_says_so(chat: Chat) -> None:
    reader, post = await reading(chat)
    answer = await reader.press(post, "on:1")
    assert answer is not None
    assert answer["text"] == "По этой теме пока больше ничего нет."


async def test_a_post_is_saved_and_taken_off_again(chat: Chat) -> None:
    reader, post = await reading(chat)
    for label, words, after in (("🔖", "Сохранено: /saved", "🔖 ✓"), ("🔖", "Убрано из сохранённого.", "🔖")):
        answer = await reader.tap(post, label)
        assert answer is not None
        assert answer["text"] == words
        assert labels(await reader.next()) == [[after, "⋯"]]
    await reader.press(post, "save:1:1")
    await reader.next()
    await reader.tap(post, "⋯")
    await reader.next()
    await reader.tap(post, "Назад")
    assert labels(await reader.next()) == [["🔖 ✓", "⋯"]]


async def test_saved_lists_the_latest_first_page_by_page(chat: Chat) -> None:
    reader, _ = await reading(chat, "Матч 0")
    for n in range(1, 7):
        await chat.publish(f"Матч {n}", "sport")
    known = await chat.storage.readers.get(READER)
    assert known is not None
    for n in range(7):
        await chat.storage.saved.keep(known.id, n + 1, now=START + n)
    await reader.send("/saved")
    shown = await reader.next("Сохранённое")
    assert shown["text"].splitlines()[1:] == [f"{n}. Матч {7 - n}" for n in range(1, 6)]
    assert labels(shown) == [[f"✕ {n}" for n in range(1, 6)], ["Раньше →"]]
    await reader.tap(shown, "Раньше")
    older = await reader.next("Сохранённое")
    assert older["text"].splitlines()[1:] == ["6. Матч 1", "7. Матч 0"]
    assert labels(older) == [["✕ 6", "✕ 7"], ["‹ Назад"]]
    for label, left in (("✕ 7", "6. Матч 1"), ("✕ 6", "5. Матч 2")):
        await reader.tap(shown, label)
        assert (await reader.next("Сохранённое"))["text"].splitlines()[-1] == left
    await reader.press(shown, "saved:0")
    await chat.idle()
    assert len(await chat.storage.saved.newest(known.id, 9)) == 5


async def test_nothing_saved_says_how(chat: Chat) -> None:
    stranger = chat.people.add(READER + 1)
    await stranger.send("/saved")
    assert (await stranger.next())["text"].startswith("Вы ещё ничего не сохранили")


@pytest.mark.parametrize(
    "data",
    [
        *("more:1:1", "save:1:1", "mute:1:0", "on:1", "unmute", "pause:1", "resume", "saved:0", "unsave:1:0"),
        *("pick:1", "hide:1:1:0", "track:1:1", "fw", "why:1"),
    ],
)
async def test_buttons_of_a_forgotten_reader_are_out_of_date(chat: Chat, data: str) -> None:
    reader, post = await reading(chat)
    await chat.storage.privacy.erase(READER, now=9)
    answer = await reader.press(post, data)
    assert answer is not None
    assert answer["text"].startswith("Кнопка устарела")


async def test_where_telegram_will_not_change_the_buttons_the_wish_holds(chat: Chat) -> None:
    reader, post = await reading(chat)
    chat.sandbox.fail("parse_error", "editMessageReplyMarkup", times=None)
    await reader.press(post, "mute:1:0")
    assert await chat.storage.readers.count(Audience(sections=1 << 4)) == 0


async def test_a_word_of_the_headline_is_hidden(chat: Chat) -> None:
    reader, post = await reading(chat, "В Шымкенте открыли 12 мостов за год")
    await reader.tap(post, "⋯")
    await reader.next()
    await reader.tap(post, "Скрыть слово")
    assert labels(await reader.next()) == [["шымкенте", "открыли"], ["мостов", "год"], ["‹ Назад"]]
    answer = await reader.tap(post, "мостов")
    assert answer is not None
    assert answer["text"] == "Скрыто с этой минуты: мостов. Вернуть: /settings"
    await chat.idle()
    assert labels(reader.chat()[-1]) == BUTTONS
    known = await chat.storage.readers.get(READER)
    assert known is not None
    assert [(one.word, one.follows) for one in await chat.storage.terms.of(known.id)] == [("мостов", False)]
    await chat.publish("Новый мост", "sport")
    await read_words(chat.storage)
    hidden = (await chat.storage.posts.newest(1))[0].id
    assert await chat.storage.readers.count(Audience(sections=1 << 4, hidden=hidden)) == 0
    assert await chat.storage.readers.count(Audience(sections=1 << 4)) == 1
    for stale in ("hide:1:2:0", "hide:1:1:99", "hide:1:1:-1", "pick:99"):
        answer = await reader.press(post, stale)
        assert answer is not None
        assert answer["text"].startswith("Кнопка устарела"), stale


async def test_a_headline_without_words_has_nothing_to_hide(chat: Chat) -> None:
    reader, post = await reading(chat, "12:0")
    answer = await reader.press(post, "pick:1")
    assert answer is not None
    assert answer["text"] == "Здесь нет слова, которое можно скрыть."


async def test_a_story_is_followed_until_it_is_let_go(chat: Chat) -> None:
    """What goes on with it comes to those who have not its section, nor breaking news."""
    reader, post = await reading(chat)
    await reader.tap(post, "⋯")
    await reader.next()
    answer = await reader.tap(post, "Следить")
    assert answer is not None
    assert answer["text"].startswith("Продолжение этой истории придёт вам")
    known = await chat.storage.readers.get(READER)
    assert known is not None
    await chat.storage.readers.choose(known.id, 1 << 4, False, now=START)
    await chat.storage.readers.change(known.id, breaking=False, now=START)

    update = Post(0, PostKind.WRITTEN, 1, 1 << 5, START, texts={"ru": RichText("Продолжение")}, reply_to=1)
    async with chat.storage.engine.transaction() as db:
        new = await add_post(db, update, article_id=None, state=PostState.PUBLISHED)
    whom = [Audience(sections=1 << 5, followed=(new,), hidden=new), Audience(breaking=True, followed=(new,))]

    async def concerned() -> list[int]:
        """How many readers the story's update has, in a section and as breaking news."""
        await read_words(chat.storage)
        return [await chat.storage.readers.count(audience) for audience in whom]

    assert await concerned() == [1, 1]
    await reader.send("/settings")
    shown = await reader.next("Слова, за которыми следите: 1")
    await reader.tap(shown, "Слова")
    assert ["✕ 📌 Матч в Шымкенте"] in labels(await reader.next("Нажмите"))
    await reader.press(post, "more:1:1")
    await chat.idle()
    await reader.tap(post, "Вы следите")
    await chat.idle()
    assert await chat.storage.terms.of(known.id) == []
    assert await concerned() == [0, 0]


OLD = (
    *("s:4:1", "b:0:settings", "l:kk:sections", "done", "only", "o:sections", "ask", "stop", "export", "erase:0"),
    *("f:1", "more:1:1", "read:1", "save:1:1", "mute:1:0", "unmute", "pause:7", "resume", "on:1", "saved:0"),
    *("unsave:1:0", "list:times", "ads:0:settings", "c:volume:8", "first:8", "w:hide:0", "fw", "why:1", "pick:1"),
    *("hide:1:1:0", "track:1:1"),
)
"""What buttons in readers' chats carry, for ever: a format that changes needs a handler for the old one besides."""


def test_old_keyboards_keep_working() -> None:
    """The catalogue of buttons still reads everything that was ever written below a message."""
    kinds = {kind.name: kind for kind in READER_CALLBACKS}
    assert kinds.keys() == {data.partition(":")[0] for data in OLD}
    for data in OLD:
        assert kinds[data.partition(":")[0]].parse(data) is not None, data
