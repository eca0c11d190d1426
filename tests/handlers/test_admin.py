"""Owners: one-time links, who works at the desk, what is in force. Everybody else is a reader."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiogram.types import BotCommandScopeChat
from talking import START, Chat

from bot.desk import drafts, invitations
from bot.domain.delivery import BroadcastState, Receipt, Result
from bot.domain.desk import Role
from bot.domain.feed import Poll
from bot.domain.reader import Choices
from bot.sandbox.client import Person
from bot.sandbox.model import ApiError
from bot.settings import FeedConfig, Newsroom, Settings
from handlers.admin import EDITOR
from tests.factories import drafted

ADA, BEK, OWNER, IN_FILE = 501, 502, 9001, 9002
LINK = "https://t.me/newsdesk_demo_bot?start="


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        newsroom=Newsroom(name="Дала", url="https://news.example", owners=(IN_FILE,)),
        feeds=(
            FeedConfig(url="https://news.example/rss"),
            FeedConfig(url="https://news.example/kk.rss", language="kk"),
        ),
    )


@pytest.fixture
async def owner(chat: Chat) -> Person:
    return await chat.editor(OWNER, Role.OWNER, name="Олжас")


def labels(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


async def invite(owner: Person) -> str:
    """The start parameter of a fresh invitation."""
    await owner.send("/editors")
    await owner.tap(await owner.next("Кто работает"), "Пригласить")
    code = str((await owner.next(LINK))["text"]).rpartition("start=")[2]
    assert code.startswith("ed_")
    return code


async def menu(chat: Chat, user_id: int) -> list[str]:
    scope = {"type": "chat", "chat_id": user_id}
    answer = await chat.sandbox.call("getMyCommands", {"scope": scope})
    return [command["command"] for command in answer["result"]]


async def test_an_invitation_makes_an_editor_at_once(chat: Chat, owner: Person) -> None:
    code = await invite(owner)
    ada = chat.people.add(ADA, name="Ада")
    await ada.send(f"/start {code}")
    greeting = await ada.next("Теперь вы редактор")
    assert "/breaking" in greeting["text"]
    assert "/editors" not in greeting["text"]
    assert (await chat.storage.editors.role(ADA), (await menu(chat, ADA))[0]) == (Role.EDITOR, "breaking")
    await ada.send("/breaking")
    await ada.next("Пришлите срочную новость")
    await owner.send("/editors")
    listed = await owner.next("Кто работает")
    assert "• Ада" in listed["text"].splitlines()
    actions = [(row[1], row[2]) for row in await chat.storage.editors.audit()]
    assert actions == [(ADA, "joined"), (OWNER, "invited")]


async def test_a_link_works_once(chat: Chat, owner: Person) -> None:
    code = await invite(owner)
    ada, bek = chat.people.add(ADA), chat.people.add(BEK)
    await ada.send(f"/start {code}")
    await ada.next("Теперь вы редактор")
    await bek.send(f"/start {code}")
    await bek.next("Ссылка не действует")
    assert await chat.storage.editors.role(BEK) is Role.READER


async def test_who_has_the_rights_does_not_use_the_link_up(chat: Chat, owner: Person) -> None:
    code = await invite(owner)
    await owner.send(f"/start {code}")
    await owner.next("Эти права у вас уже есть")
    ada = chat.people.add(ADA)
    await ada.send(f"/start {code}")
    await ada.next("Теперь вы редактор")


@pytest.mark.parametrize(
    "code", ["ed_", "ed_guess", "own_", "own_guess", "own_'; DROP TABLE editor; --", "ed_" + "x" * 60]
)
async def test_an_unknown_link_says_so(chat: Chat, owner: Person, code: str) -> None:
    ada = chat.people.add(ADA)
    await ada.send(f"/start {code}")
    await ada.next("Ссылка не действует")
    assert await chat.storage.editors.role(ADA) is Role.READER


async def test_a_link_expires(chat: Chat, owner: Person) -> None:
    code = await invite(owner)
    await chat.clock.advance(invitations.INVITATION_SECONDS)
    ada = chat.people.add(ADA)
    await ada.send(f"/start {code}")
    await ada.next("Ссылка не действует")


async def test_the_claim_link_makes_the_first_owner(chat: Chat) -> None:
    address = await invitations.claim_link(chat.storage, chat.ctx.username, START)
    assert address.startswith(LINK + "own_")
    ada = chat.people.add(ADA, name="Ada", lang="en")
    await ada.send(f"/start {address.rpartition('=')[2]}")
    greeting = await ada.next("You own this desk now.")
    assert all(command in greeting["text"] for command in ("/breaking", "/editors", "/status"))
    assert await chat.storage.editors.role(ADA) is Role.OWNER
    assert {"breaking", "stats", "editors", "status", "audit"} <= set(await menu(chat, ADA))
    reader = await chat.storage.readers.get(ADA)
    assert reader is not None
    assert (reader.language, reader.consent_at) == ("en", None)


async def test_rights_are_given_although_the_menu_cannot_be_set(chat: Chat, owner: Person) -> None:
    code = await invite(owner)
    chat.sandbox.fail(ApiError(400, "Bad Request: no"), "setMyCommands")
    ada = chat.people.add(ADA)
    await ada.send(f"/start {code}")
    await ada.next("Теперь вы редактор")


async def test_removal_asks_first_and_ends_the_rights_at_once(chat: Chat, owner: Person) -> None:
    ada = await chat.editor(ADA, name="Ада")
    await ada.send("/breaking Мост закрыт.")
    card = await ada.next("Так увидят")
    await owner.send("/editors")
    listed = await owner.next("Кто работает")
    assert labels(listed) == ["✖ Editor 501", "Пригласить редактора", "Срочное — вдвоём"]
    await owner.tap(listed, "Editor 501")
    asked = await owner.next("Убрать из редакции: Editor 501?")
    await owner.tap(asked, "Назад")
    listed = await owner.next("Кто работает")
    await owner.tap(listed, "Editor 501")
    await owner.tap(await owner.next("Убрать"), "Да, убрать")
    assert labels(await owner.next("Кто работает")) == ["Пригласить редактора", "Срочное — вдвоём"]
    assert await chat.storage.editors.role(ADA) is Role.READER
    answer = await ada.tap(card, "Разослать")
    assert "устарела" in (answer or {})["text"]
    assert await chat.storage.broadcasts.open() == []
    assert await menu(chat, ADA) == []
    assert tuple((await chat.storage.editors.audit())[0])[1:4] == (OWNER, "removed", str(ADA))


async def test_an_owner_of_the_file_has_a_name_and_a_menu(chat: Chat) -> None:
    await chat.storage.editors.add(IN_FILE, Role.OWNER, "", by=0, now=START)
    dana = chat.people.add(IN_FILE, name="Дана", lang="en")
    await dana.send("/start")
    shown = await dana.next("What should we send you?")
    assert {"breaking", "stats", "editors", "status", "audit"} <= set(await menu(chat, IN_FILE))
    await dana.tap(shown, "Қазақша")
    await chat.idle()
    scope = BotCommandScopeChat(chat_id=IN_FILE)
    assert (await chat.bot.get_my_commands(scope=scope))[0].description == "Шұғыл хабар жіберу"
    await dana.send("/editors")
    assert "• Дана · " in (await dana.next("Дана"))["text"]


async def test_owners_of_the_file_and_oneself_stay(chat: Chat, owner: Person) -> None:
    await chat.editor(IN_FILE, Role.OWNER)
    await chat.editor(ADA)
    await owner.send("/editors")
    listed = await owner.next("Кто работает")
    assert "Editor 9002 · владелец · из файла, здесь не меняется" in listed["text"]
    assert labels(listed) == ["✖ Editor 501", "Пригласить редактора", "Срочное — вдвоём"]
    for target in (IN_FILE, OWNER, 4711):
        for act in ("ask", "remove"):
            answer = await owner.press(listed, EDITOR.pack(act=act, id=target))
            assert "устарела" in (answer or {})["text"]
    assert await chat.storage.editors.role(IN_FILE) is Role.OWNER
    assert await chat.storage.editors.role(OWNER) is Role.OWNER


@pytest.mark.parametrize("forged", ["editor:remove:501", "editor:ask:501", "editor:invite:0", "editor:list:0"])
async def test_editors_and_readers_cannot_do_what_owners_do(chat: Chat, owner: Person, forged: str) -> None:
    ada, reader = await chat.editor(ADA), chat.people.add(600)
    for person in (ada, reader):
        for command in ("/editors", "/status"):
            await person.send(command)
            assert "/help" in (await person.next())["text"]
        answer = await person.press(person.chat()[-1], forged)
        assert "устарела" in (answer or {})["text"]
    assert await chat.storage.editors.role(ADA) is Role.EDITOR
    assert await chat.storage.engine.fetch("SELECT * FROM invitation") == []


@pytest.mark.parametrize("forged", ["editor:burn:501", "editor:remove:", "editor:remove:9223372036854775808", "editor"])
async def test_forged_data_of_an_owner_get_an_answer(chat: Chat, owner: Person, forged: str) -> None:
    await chat.editor(ADA)
    await owner.send("/editors")
    answer = await owner.press(await owner.next("Кто работает"), forged)
    assert "устарела" in (answer or {})["text"]
    assert await chat.storage.editors.role(ADA) is Role.EDITOR


async def test_status_of_a_bot_that_has_just_begun(chat: Chat, owner: Person) -> None:
    await owner.send("/status")
    text = (await owner.next("🟢 Работает"))["text"]
    assert text.count("ещё не прочитана") == 2
    assert "Рассылок нет." in text
    assert "получают новости: 0" in text


async def test_status_tells_what_the_database_knows(chat: Chat, owner: Person) -> None:
    good, bad = await chat.storage.feeds.watch([feed.url for feed in chat.ctx.settings.feeds])
    await chat.storage.feeds.save_poll(Poll(replace(good, title="Дала", ok_at=START - 40)), now=START)
    await chat.storage.feeds.save_poll(
        Poll(replace(bad, ok_at=START - 7200, problem="http: the server answered 503")), now=START
    )
    await chat.storage.meta.put("started_at", str(START - 3660))
    for number, breaking in enumerate((True, True, False)):
        reader = await chat.storage.readers.meet(
            700 + number,
            language="ru",
            choices=Choices(breaking=breaking),
            now=START,
            source="channel" if number else "site",
        )
        await chat.storage.readers.consent(reader.id, "v1", now=START)
    draft = await drafted(chat.storage, now=START)
    cast = await drafts.launch(chat.storage, draft, chat.ctx.settings, by=0, solo=False, now=START)
    await chat.storage.inbox.store([(1, 700, "{}")], START - 90)
    await owner.send("/status")
    shown = await owner.next("🟢 Работает 1 ч 1 мин")
    for line in (
        "• Дала: прочитана 40 с назад",
        "🟠 https://news.example/kk.rss: прочитана 2 ч назад · ⚠️ Сервер отвечает 503.",
        "Идёт 1 рассылка",
        f"• № {cast}: 0 из 2 (0 %)",
        "Бюджет бота: 0 % (0 из 1 618 200 сообщений в день)",
        "• получают новости: 3",
        "• из них без срочного: 1",
        "• пришли по ссылкам: channel — 2, site — 1",
        "⚠️ Самое старое сообщение ждёт ответа уже 1 мин 30 с.",
    ):
        assert line in shown["text"].replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert labels(shown) == [f"⛔ Стоп № {cast}"]
    await owner.tap(shown, "Стоп")
    assert await chat.storage.broadcasts.open() == []


async def _sends(chat: Chat, total: int, *, days: int) -> None:
    """A send to so many readers on each of the last days."""
    for day in range(days):
        begun = START - 3600 - day * 86_400
        cast = await _cast(chat, begun, total)
        await chat.storage.engine.write("UPDATE broadcast SET state = 'done' WHERE id = :id", id=cast)


async def _cast(chat: Chat, begun: int, total: int) -> int:
    draft = await drafted(chat.storage, now=begun)
    cast = await drafts.launch(chat.storage, draft, chat.ctx.settings, by=0, solo=False, now=begun)
    assert cast is not None
    moved = await chat.storage.broadcasts.change(
        cast, BroadcastState.RUNNING, among=[BroadcastState.COUNTDOWN], now=begun
    )
    assert moved
    await chat.storage.engine.write("UPDATE broadcast SET total = :total WHERE id = :id", total=total, id=cast)
    return cast


async def test_status_tells_how_a_send_goes(chat: Chat, owner: Person) -> None:
    cast = await _cast(chat, START - 10, 400)
    results = [Result.SENT] * 96 + [Result.GONE, Result.UNCERTAIN, Result.REJECTED, Result.REJECTED]
    receipts = [
        Receipt(cast, n, result, 1000 + 90 * n, message_id=n, reason="message is too long" if n > 97 else None)
        for n, result in enumerate(results)
    ]
    receipts.append(Receipt(cast, 999, Result.WAITING, 1, due_at=START + 60))
    await chat.storage.deliveries.settle(receipts, [], worker="w", until=0, now=START)
    await owner.send("/status")
    shown = (await owner.next("🟢 Работает"))["text"].replace("\N{NO-BREAK SPACE}", " ").splitlines()
    at = shown.index(f"• № {cast}: 100 из 400 (25 %) · 10/с · осталось ≈ 30 с")
    assert shown[at + 1 : at + 4] == [
        "доставлено 96 · заблокировали 1 · не удалось 2 · ответ потерян 1 · ждут повтора 1",
        "Причины от Telegram: message is too long (2)",
        "Половина получила за 6 с, 95 % — за 10 с.",
    ]


async def test_an_ordinary_day_that_fits_needs_no_advice(chat: Chat, owner: Person) -> None:
    await _sends(chat, 1_149_000, days=3)
    await owner.send("/status")
    text = (await owner.next("🟢 Работает"))["text"].replace("\N{NO-BREAK SPACE}", " ")
    assert "Бюджет бота: 71 % (1 149 000 из 1 618 200 сообщений в день)\n" in text
    assert "Что поможет" not in text


@pytest.mark.parametrize(
    ("language", "advice"),
    [
        (
            "ru",
            [
                "⚠️ В день понасыщеннее новости опоздают. Что поможет:",
                "• канал: одно сообщение на всех вместо 31",
                "• обзоры по умолчанию: 2 списка в день, не больше 0 % бюджета",
                "• платная рассылка срочного: 1 с вместо 2 с, каждый раз до 4 звёзд",
            ],
        ),
        ("kk", ["• шұғыл хабарды ақылы тарату: 2 с орнына 1 с, әр жолы 4 жұлдызға дейін"]),
        ("en", ["• paid broadcast of breaking news: 1 s instead of 2 s, up to 4 Stars each time"]),
    ],
)
async def test_a_full_day_comes_with_advice_in_figures(
    chat: Chat, owner: Person, language: str, advice: list[str]
) -> None:
    for number in range(31):
        reader = await chat.storage.readers.meet(700 + number, language="ru", now=START)
        await chat.storage.readers.consent(reader.id, "v1", now=START)
    mine = await chat.storage.readers.meet(OWNER, language=language, now=START)
    await chat.storage.readers.set_language(mine.id, language, now=START)
    await _sends(chat, 1_500_000, days=3)
    await owner.send("/status")
    text = (await owner.next("🟢"))["text"].replace("\N{NO-BREAK SPACE}", " ")
    assert "92" in text.split("1 618 200" if language != "en" else "1,618,200")[0]
    assert set(advice) <= set(text.splitlines())


async def test_feeds_of_one_title_are_told_apart(chat: Chat, owner: Person) -> None:
    for state in await chat.storage.feeds.watch([feed.url for feed in chat.ctx.settings.feeds]):
        await chat.storage.feeds.save_poll(Poll(replace(state, title="Дала", ok_at=START)), now=START)
    await owner.send("/status")
    text = (await owner.next("🟢 Работает"))["text"]
    assert "• https://news.example/rss: прочитана" in text
    assert "• Дала · Қазақша: прочитана" in text


class TestManyFeeds:
    """A newsroom with more feeds than a message should list."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, feeds=tuple(FeedConfig(url=f"https://news.example/{n}") for n in range(13)))

    async def test_the_rest_is_counted(self, chat: Chat, owner: Person) -> None:
        await owner.send("/status")
        text = (await owner.next("🟢 Работает"))["text"]
        assert (text.count("ещё не прочитана"), "ещё 3 →" in text) == (10, True)


class TestNoFeed:
    """Nothing is watched yet."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, feeds=())

    async def test_it_says_so(self, chat: Chat, owner: Person) -> None:
        await owner.send("/status")
        assert "Лент нет." in (await owner.next("🟢 Работает"))["text"]
