"""From an editor's words to a broadcast: what is kept, what is too long, what would be a repetition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.budget import Estimate
from bot.desk import drafts
from bot.domain.delivery import BroadcastState, Lane
from bot.domain.desk import Draft, DraftState, Role
from bot.domain.post import Post, PostKind, Rendering, RichText
from bot.domain.reader import Choices
from bot.i18n import Words
from bot.posts.compose import PostStyle, compose
from bot.posts.richtext import units
from storage import Storage

NOW = 1_763_874_000
LANGUAGES = ("ru", "kk", "en")
WORDS = Words.load(LANGUAGES)
EMPTY = Draft(1, 7, 7, DraftState.COMPOSE, "ru", RichText(), NOW)


def _render(post: Post, language: str) -> Rendering:
    style = PostStyle()
    return compose(post, lang=WORDS[language], sections=(), style=style, zone=ZoneInfo("Asia/Almaty"), newsroom="Дала")


def _post(text: str, media: str = "") -> Post:
    draft = replace(EMPTY, text=RichText(text), media=media, media_kind="photo" if media else "")
    return drafts.as_post(draft, "ru", NOW)


def _seen(post: Post, language: str) -> str:
    payload: dict[str, Any] = _render(post, language).payload
    return str(payload.get("text") or payload["caption"])


def test_words_come_as_typed_and_the_command_goes() -> None:
    text = "/breaking@news_bot  Мост закрыт. Подробно"
    entities = [
        {"type": "bot_command", "offset": 0, "length": 18},
        {"type": "bold", "offset": 20, "length": 4},
        {"type": "text_link", "offset": 33, "length": 8, "url": "https://news.example/1"},
        {"type": "hashtag", "offset": 20, "length": 4},
    ]
    words = drafts.typed(text, entities, command=True)
    assert words.text == "Мост закрыт. Подробно"
    assert [(entity["type"], entity["offset"], entity["length"]) for entity in words.entities] == [
        ("bold", 0, 4),
        ("text_link", 13, 8),
    ]
    assert drafts.typed("/улица закрыта", []).text == "/улица закрыта"
    assert drafts.typed("/breaking", [], command=True) == RichText()


@given(st.text(max_size=40), st.booleans())
def test_any_words_are_survived(text: str, command: bool) -> None:
    words = drafts.typed(text, [{"type": "bold", "offset": 0, "length": units(text)}] if text else [], command=command)
    assert all(entity["offset"] + entity["length"] <= units(words.text) for entity in words.entities)


@pytest.mark.parametrize(("media", "limit"), [("", 4096), ("file-id", 1024)])
def test_what_is_too_long_says_how_much_must_go(media: str, limit: int) -> None:
    post = _post("ж" * limit, media)
    surplus = drafts.surplus(post, LANGUAGES, _render)
    assert 0 < surplus < 30
    fits = _post("ж" * (limit - surplus), media)
    assert drafts.surplus(fits, LANGUAGES, _render) == 0
    assert all(_seen(fits, language).endswith("ж" * 900) for language in LANGUAGES)
    assert drafts.surplus(_post("🔥" * limit, media), LANGUAGES, _render) > limit - 30, "counted in UTF-16 units"


def test_a_short_text_fits() -> None:
    assert drafts.surplus(_post("Мост закрыт."), LANGUAGES, _render) == 0


def test_the_seal_changes_with_anything_that_readers_would_see() -> None:
    one = replace(EMPTY, text=RichText("Мост закрыт"))
    others = [
        replace(one, text=RichText("Мост открыт")),
        replace(one, text=RichText("Мост закрыт", ({"type": "bold", "offset": 0, "length": 4},))),
        replace(one, media="file-id", media_kind="photo"),
    ]
    assert len({drafts.seal(draft) for draft in (one, *others)}) == 4
    assert drafts.seal(replace(one, card_id=5, state=DraftState.SENT)) == drafts.seal(one)


async def _draft(storage: Storage, text: str, now: int = NOW, media: str = "") -> Draft:
    draft = await storage.editors.new_draft(7, 7, "ru", now=now)
    filled = await storage.editors.fill_draft(draft.id, RichText(text), media, "photo" if media else "")
    assert filled is not None
    return filled


async def _readers(storage: Storage, count: int, breaking: bool = True) -> None:
    for chat in range(count):
        reader = await storage.readers.meet(
            100 * (1 + breaking) + chat, language="ru", choices=Choices(breaking=breaking), now=NOW
        )
        await storage.readers.consent(reader.id, "v1", now=NOW)


async def test_the_forecast_counts_those_who_want_breaking_news(storage: Storage) -> None:
    await _readers(storage, 3)
    await _readers(storage, 2, breaking=False)
    await storage.readers.meet(1, language="ru", now=NOW)  # has not said yes
    forecast = await drafts.forecast(storage, await _draft(storage, "Мост закрыт"), 2, NOW)
    assert forecast == drafts.Forecast(total=3, active=5, off=2, seconds=1.5, twice_at=None)


async def test_the_forecast_of_a_paid_send_has_its_price(sqlite_storage: Storage) -> None:
    await _readers(sqlite_storage, 30)
    draft = await _draft(sqlite_storage, "Мост закрыт")
    forecast = await drafts.forecast(sqlite_storage, draft, 2, NOW, paid_rate=100, cap=2)
    assert (forecast.seconds, forecast.paid) == (15, Estimate(20 / 100 + 10 / 2, 2))
    assert (await drafts.forecast(sqlite_storage, draft, 2, NOW, paid_rate=100)).paid is None


async def test_a_sent_draft_owes_a_report_until_it_is_given(storage: Storage) -> None:
    draft = await _draft(storage, "Мост закрыт")
    await storage.editors.draft_card(draft.id, 55)
    assert await storage.editors.cards() == []
    cast = await drafts.launch(storage, draft, "ru", countdown=5, start=0, now=NOW)
    (owed,) = await storage.editors.cards()
    assert (owed.id, owed.card_id, owed.broadcast_id, owed.state) == (draft.id, 55, cast, DraftState.SENT)
    assert await storage.editors.card_of(cast or 0) == owed
    await storage.editors.card_done(draft.id, now=NOW + 9)
    assert await storage.editors.cards() == []
    assert await storage.editors.card_of(4711) is None


async def test_one_draft_is_launched_once(storage: Storage) -> None:
    await storage.editors.add(7, Role.EDITOR, "Ада", by=0, now=NOW)
    await _readers(storage, 3)
    draft = await _draft(storage, "Мост закрыт", media="file-id")
    ids = [await drafts.launch(storage, draft, "ru", countdown=5, start=0.5, now=NOW) for _ in range(2)]
    assert ids[1] is None
    broadcast = await storage.broadcasts.get(ids[0] or 0)
    assert broadcast is not None
    assert (broadcast.state, broadcast.lane, broadcast.total) == (BroadcastState.COUNTDOWN, Lane.BREAKING, 3)
    assert (broadcast.due_at, broadcast.audience) == (NOW + 5, drafts.AUDIENCE)
    (post,) = await storage.posts.get(broadcast.posts)
    assert (post.kind, post.language, post.media, post.texts["ru"].text) == (
        PostKind.BREAKING,
        "",
        "file-id",
        "Мост закрыт",
    )


@pytest.mark.parametrize(
    ("text", "media", "age", "twice"),
    [
        ("мост «закрыт»!", "", 60, True),
        ("Мост закрыт", "other-photo", 60, True),
        ("Мост закрыт", "", drafts.TWICE_SECONDS + 1, False),
        ("Мост открыт", "", 60, False),
        ("🔥🔥", "", 60, False),
    ],
)
async def test_the_same_words_within_a_day_are_noticed(
    sqlite_storage: Storage, text: str, media: str, age: int, twice: bool
) -> None:
    earlier = await _draft(sqlite_storage, "Мост закрыт", NOW - age)
    await drafts.launch(sqlite_storage, earlier, "ru", countdown=0, start=0, now=NOW - age)
    draft = await _draft(sqlite_storage, text, media=media)
    forecast = await drafts.forecast(sqlite_storage, draft, 29, NOW)
    assert forecast.twice_at == (NOW - age if twice else None)


async def test_what_was_called_off_or_is_a_sign_only_is_no_repetition(sqlite_storage: Storage) -> None:
    for text in ("Мост закрыт", "‼️"):
        earlier = await _draft(sqlite_storage, text, NOW - 60)
        id_ = await drafts.launch(sqlite_storage, earlier, "ru", countdown=5, start=0, now=NOW - 60)
        if text == "Мост закрыт":
            among = [BroadcastState.COUNTDOWN]
            assert await sqlite_storage.broadcasts.change(id_ or 0, BroadcastState.CANCELLED, among=among, now=NOW)
    for text in ("Мост закрыт", "❓"):
        draft = await _draft(sqlite_storage, text)
        assert (await drafts.forecast(sqlite_storage, draft, 29, NOW)).twice_at is None


async def test_an_editor_has_one_open_draft_for_some_hours(storage: Storage) -> None:
    first = await storage.editors.new_draft(7, 7, "ru", now=NOW)
    second = await _draft(storage, "Мост закрыт", NOW + 1)
    found = await storage.editors.open_draft(7, since=NOW + 1 - drafts.OPEN_SECONDS)
    assert found is not None
    assert found.id == second.id
    dropped = await storage.editors.draft(first.id)
    assert dropped is not None
    assert dropped.state is DraftState.DROPPED
    assert await storage.editors.open_draft(7, since=NOW + 1) is None
