"""The feed desk as editors meet it: cards with «Снять», /queue, floods, stars, silences; two who press at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from talking import START, Chat, labels, last

from bot.delivery.audience import Offer
from bot.delivery.publish import Publisher
from bot.desk import room
from bot.desk.queue import QueueCards, newest, rules
from bot.domain.article import Article
from bot.domain.desk import Role
from bot.domain.feed import Found, Poll
from bot.domain.held import Held, Why
from bot.domain.post import Post, PostKind
from bot.sandbox.client import Person
from bot.settings import DEFAULT_SECTIONS, Newsroom, SectionConfig, Settings, Silence
from tests.factories import subscribe

GROUP = -1_001_700_000_000
MODES = {"world": "hold 3m", "amanat": "manual"}


def _moded(section: SectionConfig) -> SectionConfig:
    kind = "politics" if section.id == "amanat" else "news"
    return replace(section, mode=MODES.get(section.id, "auto"), kind=kind)


@pytest.fixture
def settings() -> Settings:
    """World can be taken off for three minutes, Amanat goes by hand, culture is silent for an hour from eleven on."""
    return Settings(
        newsroom=Newsroom(name="Дала", url="https://news.example"),
        sections=tuple(map(_moded, DEFAULT_SECTIONS)),
        silence=(Silence(datetime(2025, 11, 23, 11), datetime(2025, 11, 23, 12), ("culture",)),),
    )


class Desk:
    """The bot of `chat` with a publisher and the desk's cards, looked at by hand."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.restart()

    def restart(self) -> None:
        """What another process would know."""
        chat = self.chat
        assert chat.desk
        ctx = chat.ctx
        self.publisher = Publisher(
            chat.storage,
            chat.clock,
            rate=29,
            offer=Offer(("ru", "kk", "en")),
            valid_for=lambda mask: 6 * 3600,
            started=lambda: None,
            home="Asia/Almaty",
            rules=rules(ctx.settings, ctx.sections),
        )
        messenger = chat.desk._messenger
        self.cards = QueueCards(chat.storage, messenger, ctx.settings, ctx.words, ctx.sections, chat.clock)

    async def look(self, seconds: float = 0) -> None:
        """So much later, one look of each."""
        await self.chat.clock.advance(seconds)
        await self.chat.idle()
        await self.publisher.step()
        await self.cards.beat()

    async def sent(self) -> list[list[str]]:
        """The headlines that each broadcast carries."""
        found = [cast.posts for cast in await self.chat.storage.broadcasts.open()]
        return [[post.title for post in await self.chat.storage.posts.get(ids)] for ids in found]

    async def flood(self, count: int, section: str = "sport") -> None:
        """So many articles at once."""
        mask = next(one.mask for one in self.chat.ctx.sections if one.id == section)
        (feed,) = await self.chat.storage.feeds.watch(["https://news.example/rss"])
        new = tuple(
            Found(Article(0, feed.id, f"Новость {n}", "", f"https://e.kz/{n}", "ru", mask, START, n), (f"k{n}",), True)
            for n in range(count)
        )
        await self.chat.storage.feeds.save_poll(Poll(replace(feed, title="Лента"), new, flood=count), now=START)

    async def actions(self) -> list[str]:
        """What the book says, oldest first."""
        return [entry.action for entry in reversed(await self.chat.storage.editors.audit(50))]


@pytest.fixture
def desk(chat: Chat) -> Desk:
    """See the class."""
    return Desk(chat)


@pytest.fixture
async def owner(chat: Chat) -> Person:
    """Whose private chat is the desk."""
    return await chat.editor(501, Role.OWNER)


async def tap(person: Person, message: dict[str, Any], label: str) -> str:
    """What the bot's toast says to a press."""
    return str((await person.tap(message, label) or {}).get("text") or "")


async def test_what_can_be_taken_off_goes_by_itself_or_not_at_all(desk: Desk, owner: Person) -> None:
    await desk.chat.publish("Мир уходит", "world")
    await desk.chat.publish("Мир снимут", "world")
    await desk.chat.publish("Спорт", "sport")
    await desk.look()
    assert await desk.sent() == [["Спорт"]]
    goes, taken = owner.chat()[-2:]
    assert goes["text"].splitlines()[:2] == ["⏳ Уйдёт в 10:03 · Новости мира", "Мир уходит"]
    assert labels(taken) == [["✅ Разослать сейчас", "⛔ Снять"], ["☆ Главное", "Показать превью"]]
    assert await tap(owner, taken, "Снять") == "Снято: никто не получит."
    assert await tap(owner, taken, "Снять") == "Это уже решено."
    desk.restart()
    await desk.look(179)
    assert await desk.sent() == [["Спорт"]]
    await desk.look(1)
    assert await desk.sent() == [["Спорт"], ["Мир уходит"]]
    goes, taken = owner.chat()[-2:]
    assert goes["text"].startswith("✅ Уходит читателям с 10:03")
    assert labels(goes) == [["✏️ Исправить", "↩️ Отозвать"]]
    assert taken["text"].startswith("⛔ Снято в 10:00: никто не получит · Editor 501")
    assert await tap(owner, taken, "Вернуть") == "Снова в очереди."
    await desk.look(400)
    back = owner.chat()[-1]
    assert back["text"].startswith("✋ Ждёт решения · Новости мира")
    assert await tap(owner, back, "Разослать") == "Уходит читателям."
    await desk.look()
    assert await desk.sent() == [["Спорт"], ["Мир уходит"], ["Мир снимут"]]
    assert await desk.actions() == ["article taken off", "article brought back", "article sent"]


async def test_by_hand_at_the_desks_group_one_press_counts_and_all_are_told(desk: Desk, owner: Person) -> None:
    chat = desk.chat
    bek, reader = await chat.editor(502), chat.people.add(600)
    place = chat.people.group(GROUP, "Редакция", admins=[owner], bot_rights={})
    bek.join(place)
    reader.join(place)
    await room.choose(chat.storage, GROUP, {})
    await chat.publish("Съезд", "amanat")
    await desk.look()
    card = chat.sandbox.sent(GROUP)[-1]
    assert card["text"].splitlines()[:2] == ["✋ Ждёт решения · Amanat", "На правах PR: Съезд"]
    assert len(owner.chat()) == 0, "the group is the desk"
    assert "устарела" in await tap(reader, card, "Разослать")
    assert await tap(bek, card, "Показать превью") == "Получили только вы."
    assert "Съезд" in last(bek)["text"]
    await chat.storage.editors.remove(502)
    assert "устарела" in await tap(bek, card, "Снять")
    assert await tap(owner, card, "Главное") == "Теперь это главное."
    assert await tap(owner, card, "Разослать") == "Уходит читателям."
    assert await tap(owner, card, "Снять") == "Это уже решено."
    await desk.look()
    assert await desk.sent() == [["Съезд"]]
    assert chat.sandbox.sent(GROUP)[-1]["text"].startswith("✅ Уходит читателям с 10:00 · Editor 501")
    (post,) = await chat.storage.posts.newest(1)
    assert post.main


async def test_a_silence_holds_by_itself_and_only_an_owner_breaks_it(desk: Desk, owner: Person) -> None:
    bek = await desk.chat.editor(502)
    await desk.chat.publish("До тишины", "culture")
    await desk.look()
    assert await desk.sent() == [["До тишины"]]
    await desk.chat.clock.advance(3600)
    await desk.chat.publish("Выставка", "culture")
    await desk.chat.publish("Балет", "culture")
    await desk.look()
    await bek.send("/queue")
    shown = await bek.next("Очередь: 1 из 2")
    assert "🤫 Тишина до 23 ноября 2025, 12:00 · Культура\nВыставка" in shown["text"]
    assert await tap(bek, shown, "Разослать всё равно") == (
        "Тишина до 23 ноября 2025, 12:00: отправить может только владелец."
    )
    assert await tap(owner, owner.chat()[0], "Разослать всё равно") == "Уходит читателям."
    await desk.look()
    assert await desk.sent() == [["До тишины"], ["Выставка"]]
    await desk.look(3600)
    assert owner.chat()[1]["text"].startswith("🤫 Тишина закончилась. Ждёт решения · Культура\nБалет")
    assert await desk.sent() == [["До тишины"], ["Выставка"]], "the desk decides, not the clock"
    await bek.send("/queue")
    await tap(bek, await bek.next("Очередь: 1 из 1"), "Разослать")
    await desk.look()
    assert await desk.sent() == [["До тишины"], ["Выставка"], ["Балет"]]
    assert await desk.actions() == ["silence overridden", "article sent"]


async def test_an_open_flood_is_not_read_each_second(
    desk: Desk, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.flood(12)
    await desk.look()
    await owner.next("🌊")
    queue, read = desk.chat.storage.queue, []
    posts_of = queue.of_flood

    async def counted(flood_id: int) -> list[Held]:
        read.append(flood_id)
        return await posts_of(flood_id)

    monkeypatch.setattr(queue, "of_flood", counted)
    for _ in range(70):
        await desk.look(1)
    assert len(read) == 1, "once a minute, in case that some of it is gone"


@pytest.mark.parametrize(
    ("label", "sent", "said"),
    [
        ("последние 5", [[f"Новость {n}"] for n in range(7, 12)], "✅ Уходят последние 5 каждого раздела"),
        ("одним списком", [[f"Новость {n}" for n in range(12)]], "✅ Уходит одним списком"),
        ("Оставить", [], "Оставлено: никому не уйдёт"),
    ],
)
async def test_a_flood_is_asked_about(desk: Desk, owner: Person, label: str, sent: list[list[str]], said: str) -> None:
    await desk.flood(12)
    await desk.chat.publish("Обычная новость")
    await desk.look()
    assert await desk.sent() == [["Обычная новость"]]
    (card,) = owner.chat()
    assert card["text"].splitlines()[:2] == ["🌊 Лента: сразу новых — 12", "• Новость 11"]
    assert "… и ещё 7" in card["text"]
    bek = await desk.chat.editor(502)
    await bek.send("/queue")
    shown = await bek.next("Очередь: 1 из 1")
    await tap(owner, card, label)
    assert await tap(bek, shown, "Оставить") == "Это уже решено."
    await bek.next("Очередь пуста.")
    await desk.look()
    assert await desk.sent() == [["Обычная новость"], *sent]
    assert said in last(owner)["text"]
    assert last(owner)["text"].endswith("Editor 501")


async def test_without_anybody_to_ask_the_newest_go_and_the_log_says_what_waits(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.flood(12)
    await desk.chat.publish("Съезд", "amanat")
    await desk.look()
    await desk.look()
    assert await desk.sent() == [[f"Новость {n}"] for n in range(7, 12)]
    assert caplog.text.count("1 articles wait for the desk, but nobody owns this newsroom") == 1


async def test_an_unsorted_article_gets_its_section_with_one_press(desk: Desk, owner: Person) -> None:
    chat = desk.chat
    (feed,) = await chat.storage.feeds.watch(["https://news.example/rss"])
    new = [Article(0, feed.id, f"Ничья {n}", "", f"https://e.kz/{n}", "ru", 0, START, n) for n in range(3)]
    await chat.storage.feeds.save_poll(Poll(feed, tuple(Found(one, (one.link,), True) for one in new)), now=START)
    await owner.send("/queue")
    shown = await owner.next("Очередь: 1 из 3")
    assert "Без раздела:\nНичья 2" in shown["text"]
    assert labels(shown)[0] == ["Новости Казахстана", "Новости мира"]
    assert await tap(owner, shown, "Спорт") == "В раздел: Спорт"
    shown = await owner.next("Очередь: 1 из 2")
    await tap(owner, shown, "›")
    shown = await owner.next("Очередь: 2 из 2")
    assert await tap(owner, shown, "Снять") == "Снято: никто не получит."
    assert await owner.press(shown, "sort:1:99:0") is not None
    shown = await owner.next("Очередь: 1 из 1")
    assert await tap(owner, shown, "Новости мира") == "В раздел: Новости мира"
    await owner.next("Очередь пуста.")
    await desk.look()
    assert await desk.sent() == [["Ничья 2"]]
    assert last(owner)["text"].startswith("⏳ Уйдёт в 10:03"), "as if it had come with that section"
    assert await desk.actions() == ["article sorted", "article taken off", "article sorted"]


async def test_a_star_makes_a_main_story_and_is_taken_back(desk: Desk, owner: Person) -> None:
    await desk.chat.publish("Матч")
    await desk.look()
    await owner.send("/queue")
    await tap(owner, await owner.next("Очередь пуста."), "Последние")
    shown = await owner.next("Звезда делает")
    assert labels(shown) == [["☆ Матч"], ["‹ Назад"]]
    assert await tap(owner, shown, "Матч") == "Теперь это главное."
    ((post, served),) = await desk.chat.storage.posts.waiting()
    assert (post.main, served) == (True, post.sections), "on to those who want main stories only"
    shown = await owner.next("⭐ Последние")
    assert await tap(owner, shown, "⭐ Матч") == "Больше не главное."
    assert "устарела" in str(await owner.press(shown, "star:99:1"))


async def test_stale_and_foreign_buttons_do_nothing(desk: Desk, owner: Person) -> None:
    await desk.chat.publish("Съезд", "amanat")
    await desk.look()
    (card,) = owner.chat()
    for data in ("held:send:99:-1", "held:fly:1:-1", "flood:newest:9:-1", "flood:fly:9:0", "sort:9:0:0", "queue:5"):
        assert await owner.press(card, data) is not None
    await desk.look()
    assert [post.title for post in await desk.chat.storage.posts.newest(9)] == ["Съезд"]
    assert [held.why for held in await desk.chat.storage.queue.open()] == [Why.MANUAL]


async def written(person: Person, text: str, section: str = "Культура") -> dict[str, Any]:
    """A draft into a section; its card."""
    await person.send(text)
    await person.tap(await person.next("Что с этим сделать?"), "В раздел")
    ticks = await person.next("В какие разделы?")
    await person.tap(ticks, section)
    await person.tap(await person.next("В какие разделы?"), "Готово")
    return await person.next("Так увидят")


async def test_a_silence_keeps_drafts_too_but_not_an_owners(desk: Desk, owner: Person) -> None:
    chat, bek = desk.chat, await desk.chat.editor(502)
    await subscribe(chat.storage, range(10_000, 10_003), 63)
    early = await written(bek, "Премьера в театре")
    await bek.tap(early, "Ещё")
    early = await bek.next("Так увидят")
    await bek.press(early, f"when:due:1:{START + 3600 + 60}")
    early = await bek.next("⏰ Выйдет")
    assert "Тишина до 23 ноября 2025, 12:00 (Культура)" in await tap(bek, early, "Разослать")
    await bek.press(early, f"when:due:1:{START + 3600 - 10}")
    await tap(bek, await bek.next("⏰ Выйдет"), "Разослать")
    await chat.clock.advance(3600 + 60)
    await chat.look()
    told = await bek.next("Не отправлено. Тишина до")
    assert labels(told) == [["Открыть черновик"]]
    assert await chat.storage.broadcasts.open() == []
    await bek.send("Открылась выставка")  # the draft is still the one that takes words
    card = await bek.next("Сейчас тишина")
    assert "⚠️ Сейчас тишина, до 23 ноября 2025, 12:00: Культура" in card["text"]
    await bek.send("/breaking Мост закрыт")
    assert "⚠️ Сейчас тишина" in (await bek.next("Так увидят"))["text"], "whatever it is about"
    await tap(owner, await written(owner, "Закрылась выставка"), "Разослать")
    assert len(await chat.storage.broadcasts.open()) == 1
    assert (await desk.actions())[-1] == "silence overridden"


async def test_what_one_has_under_embargo_nobody_else_sends(desk: Desk, owner: Person) -> None:
    chat, bek = desk.chat, await desk.chat.editor(502)
    await subscribe(chat.storage, range(10_000, 10_003), 63)
    await owner.send("/breaking Доклад https://news.example/0")
    card = await owner.next("Так увидят")
    await owner.press(card, f"when:embargo:1:{START + 600}")
    await tap(owner, await owner.next("🔒 Эмбарго до"), "Разослать")
    await bek.send("/breaking Уже знаем https://news.example/0")
    card = await bek.next("Так увидят")
    assert "под эмбарго до 23 ноября 2025, 10:10" in await tap(bek, card, "Разослать")
    await chat.publish("Доклад в ленте")
    await desk.look()
    assert await desk.sent() == []
    held = last(owner)
    assert held["text"].startswith("🔒 Эмбарго до 23 ноября 2025, 10:10 · Спорт")
    assert await tap(owner, held, "Показать превью") == "Получили только вы."
    assert "До конца эмбарго" in str(await owner.press(held, "held:send:1:-1"))
    await desk.look(600)
    assert ["Доклад в ленте"] in await desk.sent()


def test_the_newest_of_each_section_that_lacks_them() -> None:
    def held(id_: int, sections: int, served: int = 0) -> Held:
        return Held(Post(id_, PostKind.ARTICLE, 1, sections, START), Why.FLOOD, START, served=served)

    assert newest([held(id_, 1 + id_ % 2) for id_ in range(20)]) == list(range(10))
    assert newest([held(id_, 3, served=1) for id_ in range(6)]) == list(range(5))
    assert newest([held(1, 1), *(held(id_, 3) for id_ in range(2, 9))]) == [1, 2, 3, 4, 5]
