"""Posts by hand, as channels report them: what is news, what is ours, what is too old; and the draft of who presses."""

from __future__ import annotations

from typing import Any

import pytest
from talking import Chat, last

from bot.channels.intake import Intake
from bot.channels.keeper import keep
from bot.domain.article import Section
from bot.domain.channel import EVERYTHING, Manner
from bot.domain.desk import DraftState, Role, Way
from bot.domain.place import Place
from bot.domain.post import Post, PostKind
from bot.domain.reader import Choices, ReaderKind
from bot.sandbox.client import Person
from bot.sandbox.model import Chat as Channel
from bot.telegram import Telegram

ADA, BEK, CHANNEL = 9001, 9002, -1_001_600_000_001
PICTURE = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080001000101011100ffd9")


class Newsroom:
    """A channel that is a source, an owner who posts there, and the service that makes something of it."""

    def __init__(self, chat: Chat, ada: Person, place: Channel, reader_id: int) -> None:
        self.chat, self.ada, self.place, self.reader_id = chat, ada, place, reader_id
        ctx = chat.ctx
        telegram = Telegram(chat.bot, chat.bot.session)  # type: ignore[arg-type]
        self.woken: list[int] = []
        self.intake = Intake(
            ctx.storage,
            telegram,
            ctx.settings,
            ctx.words,
            ctx.sections,
            chat.clock,
            published=lambda: self.woken.append(1),
        )

    async def looked(self) -> None:
        """Time enough for an album to be whole, then a look."""
        await self.chat.idle()
        await self.chat.clock.advance(3)
        await self.intake.beat()
        await self.chat.idle()

    async def posts(self) -> list[Post]:
        """What waits to be sent."""
        return [post for post, _ in await self.chat.storage.posts.waiting()]

    def receive(self, text: str, media: dict[str, Any] | None = None, **extra: Any) -> dict[str, Any]:
        """The owner posts anything that Telegram knows."""
        machine = self.chat.sandbox.machine
        return machine.receive(ADA, CHANNEL, text=text, media=media, extra=extra).transcript()


@pytest.fixture
async def newsroom(chat: Chat) -> Newsroom:
    """A channel that is a source."""
    ada = await chat.editor(ADA, Role.OWNER)
    place = chat.people.channel(CHANNEL, "Дала", "dala_kz", admins=[ada])
    await chat.idle()
    here = Place(CHANNEL, ReaderKind.CHANNEL, "Дала", "dala_kz")
    manner = Manner("ru", source=True)
    reader = await keep(chat.storage, chat.ctx.words, here, manner, EVERYTHING, Choices(), "@dala_kz", chat.ctx.now)
    return Newsroom(chat, ada, place, reader.id)


def section(newsroom: Newsroom, id_: str) -> Section:
    return next(one for one in newsroom.chat.ctx.sections if one.id == id_)


async def test_a_tagged_post_waits_for_its_readers_and_an_edit_changes_it(newsroom: Newsroom) -> None:
    ada, sport = newsroom.ada, section(newsroom, "sport")
    bold = [{"type": "bold", "offset": 0, "length": 6}]
    said = await ada.send("Победа! #Спорт", newsroom.place, photo=PICTURE, entities=bold)
    await ada.send("Без тега", newsroom.place)
    await newsroom.looked()
    (post,) = await newsroom.posts()
    assert (post.kind, post.sections, post.language, post.media_kind) == (
        PostKind.WRITTEN,
        sport.mask,
        "ru",
        "photo",
    )
    assert post.texts["ru"].text == "Победа!"
    assert post.texts["ru"].entities == ({"type": "bold", "offset": 0, "length": 6},)
    assert newsroom.woken
    assert "читателям разделов: Спорт" in last(ada)["text"]
    assert await newsroom.chat.storage.channels.queue(newsroom.reader_id) == [], "it stands in its own channel"
    await newsroom.looked()
    await ada.edit(said, "Разгром! #Спорт #Культура")
    await newsroom.looked()
    (post,) = await newsroom.posts()
    assert (post.version, post.texts["ru"].text) == (2, "Разгром!")
    assert post.sections == sport.mask | section(newsroom, "culture").mask
    await ada.edit(said, "Разгром! #Спорт #Культура")
    await newsroom.looked()
    assert [one.version for one in await newsroom.posts()] == [2]


async def test_a_tag_added_later_brings_it_to_readers(newsroom: Newsroom) -> None:
    said = await newsroom.ada.send("Победа", newsroom.place)
    await newsroom.looked()
    assert await newsroom.posts() == []
    await newsroom.ada.edit(said, "Победа #Спорт")
    await newsroom.looked()
    assert [post.texts["ru"].text for post in await newsroom.posts()] == ["Победа"]


async def test_an_album_is_one_post_and_a_voice_is_copied(newsroom: Newsroom) -> None:
    await newsroom.ada.send("Фоторепортаж #Спорт", newsroom.place, media_group=[PICTURE, PICTURE + b"2"])
    voice = {"voice": {"file_id": "AwAC", "file_unique_id": "u", "duration": 3}}
    said = newsroom.receive("Интервью #Спорт", voice)
    await newsroom.looked()
    album, copied = await newsroom.posts()
    assert [kind for kind, _ in album.album] == ["photo", "photo"]
    assert (copied.media_kind, copied.media) == ("copy", f"{CHANNEL}/{said['message_id']}")


async def test_our_own_posts_and_old_ones_are_no_source(newsroom: Newsroom) -> None:
    chat = newsroom.chat
    origin = {"type": "channel", "date": 1, "chat": {"id": CHANNEL, "type": "channel", "title": "Д"}, "message_id": 1}
    newsroom.receive("Переслано #Спорт", forward_origin=origin)
    newsroom.receive("Найдено #Спорт", via_bot={"id": chat.bot.id, "is_bot": True, "first_name": "D"})
    newsroom.receive("", new_chat_title="Дала+")
    old = await newsroom.ada.send("Старое", newsroom.place)
    await newsroom.looked()
    await chat.storage.hands.prune(2**40)
    await chat.clock.advance(2 * 86_400)
    await newsroom.ada.edit(old, "Старое #Спорт")
    await newsroom.looked()
    assert await newsroom.posts() == []


async def test_a_channel_that_is_no_source_is_not_read(newsroom: Newsroom) -> None:
    here = Place(CHANNEL, ReaderKind.CHANNEL, "Дала", "dala_kz")
    await newsroom.chat.storage.channels.keep(newsroom.reader_id, here, Manner("ru"), now=1)
    await newsroom.ada.send("Победа #Спорт", newsroom.place)
    await newsroom.looked()
    assert await newsroom.chat.storage.hands.waiting(before=2**40) == []


async def test_breaking_news_is_the_draft_of_whoever_presses_first(newsroom: Newsroom) -> None:
    chat, ada = newsroom.chat, newsroom.ada
    bek = await chat.editor(BEK, Role.OWNER)
    await ada.send("#срочно Мост закрыт", newsroom.place)
    await newsroom.looked()
    assert await newsroom.posts() == []
    notes = [last(ada), last(bek)]
    assert all("Помечено как срочное в канале «Дала»" in note["text"] for note in notes)
    await bek.tap(notes[1], "Сделать черновик")
    await chat.idle()
    (draft,) = await chat.storage.drafts.open(9)
    assert (draft.author_id, draft.state, draft.content.way) == (BEK, DraftState.DRAFT, Way.BREAKING)
    assert draft.content.text.text == "Мост закрыт"
    answer = await ada.tap(notes[0], "Сделать черновик")
    assert answer
    assert "уже сделали" in answer["text"]
    assert len(await chat.storage.drafts.open(9)) == 1
    await chat.storage.drafts.drop(draft.id)
    await ada.tap(notes[0], "Сделать черновик")
    await chat.idle()
    (draft,) = await chat.storage.drafts.open(9)
    assert draft.author_id == ADA


async def test_too_much_for_one_message_is_said_and_makes_no_draft(newsroom: Newsroom) -> None:
    await newsroom.ada.send("#срочно " + "Мост " * 817, newsroom.place)
    await newsroom.looked()
    answer = await newsroom.ada.tap(last(newsroom.ada), "Сделать черновик")
    assert answer
    assert "Слишком длинно" in answer["text"]
    assert await newsroom.chat.storage.drafts.open(9) == []
    await newsroom.chat.storage.hands.prune(2**40)
    answer = await newsroom.ada.tap(last(newsroom.ada), "Сделать черновик")
    assert answer
    assert "устарел" in answer["text"]
