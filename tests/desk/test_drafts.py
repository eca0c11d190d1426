"""From an editor's words to a broadcast: what is kept, what is too long, what would be a repetition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_help import article

from bot.delivery.budget import Estimate
from bot.desk import drafts, forecast
from bot.desk.forecast import Forecast
from bot.domain.article import Section
from bot.domain.delivery import Audience, BroadcastState, Lane
from bot.domain.desk import Content, Draft, DraftState, Role, Way
from bot.domain.feed import Found, Poll
from bot.domain.post import Post, PostKind, Rendering, RichText
from bot.domain.reader import Choices
from bot.i18n import Words
from bot.posts.compose import PostStyle, compose
from bot.posts.richtext import units
from bot.settings import Delivery, Desk, Settings
from storage import Storage
from tests.factories import drafted

NOW = 1_763_874_000
LANGUAGES = ("ru", "kk", "en")
WORDS = Words.load(LANGUAGES)
SETTINGS = Settings()
LINK = {"type": "text_link", "offset": 0, "length": 1, "url": "https://dead.kz"}
EMPTY = Content(Way.BREAKING, "ru")
SECTIONS = [Section("sport", 0, {"ru": "Спорт"}), Section("ads", 1, {"ru": "Реклама"}, kind="partner")]


def _render(post: Post, language: str) -> Rendering:
    style = PostStyle()
    return compose(post, lang=WORDS[language], sections=(), style=style, zone=ZoneInfo("Asia/Almaty"), newsroom="Дала")


def _draft(content: Content, **changes: Any) -> Draft:
    return replace(Draft(1, 7, 7, DraftState.DRAFT, content, NOW), **changes)


def _post(text: str, media: str = "") -> Post:
    files = (("photo", media),) if media else ()
    return drafts.as_post(_draft(replace(EMPTY, texts={"ru": RichText(text)}, media=files)), NOW)


def _shown(post: Post, language: str) -> str:
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
    assert all(_shown(fits, language).endswith("ж" * 900) for language in LANGUAGES)
    assert drafts.surplus(_post("🔥" * limit, media), LANGUAGES, _render) > limit - 30, "counted in UTF-16 units"


def test_a_short_text_fits() -> None:
    assert drafts.surplus(_post("Мост закрыт."), LANGUAGES, _render) == 0


def test_the_seal_changes_with_anything_that_readers_would_see() -> None:
    one = _draft(replace(EMPTY, texts={"ru": RichText("Мост закрыт")}))
    changes: list[dict[str, Any]] = [
        {"texts": {"ru": RichText("Мост открыт")}},
        {"texts": {"ru": RichText("Мост закрыт", ({"type": "bold", "offset": 0, "length": 4},))}},
        {"texts": {**one.content.texts, "kk": RichText("Көпір")}},
        {"media": (("photo", "file-id"),)},
        {"sections": 1},
        {"silent": True},
        {"missing": "skip"},
        {"way": Way.REGULAR},
    ]
    others = [replace(one, content=replace(one.content, **change)) for change in changes]
    others += [replace(one, due_at=9), replace(one, embargo_at=9)]
    assert len({drafts.seal(draft) for draft in (one, *others)}) == 11
    assert drafts.seal(replace(one, card_id=5, state=DraftState.SENT, rev=3)) == drafts.seal(one)


def test_what_becomes_of_a_draft() -> None:
    files = (("photo", "a"), ("video", "b"))
    content = replace(EMPTY, texts={"ru": RichText("x")}, media=files, sections=1, link="https://e.kz/1", silent=True)
    post = drafts.as_post(_draft(content), NOW)
    assert (post.kind, post.album, post.media, post.sections, post.silent) == (PostKind.BREAKING, files, "", 1, True)
    one = drafts.as_post(_draft(replace(content, way=Way.REGULAR, media=files[1:], main=True)), NOW)
    assert (one.kind, one.album, one.media, one.media_kind, one.main) == (PostKind.WRITTEN, (), "b", "video", True)


@pytest.mark.parametrize(
    ("own", "configured", "languages"),
    [
        ("", "default", ()),
        ("", "skip", ("ru",)),
        ("", "ask", ()),
        ("skip", "default", ("ru",)),
        ("default", "skip", ()),
    ],
)
def test_who_has_no_text_in_their_language(own: str, configured: str, languages: tuple[str, ...]) -> None:
    settings = replace(SETTINGS, desk=Desk(missing_language=configured))
    content = replace(EMPTY, texts={"ru": RichText("x")}, missing=own)
    assert drafts.audience(content, settings, 0) == Audience(breaking=True, languages=languages)
    all_ = replace(content, texts=dict.fromkeys(LANGUAGES, RichText("x")))
    assert drafts.audience(all_, settings, 0).languages == ()
    regular = replace(content, way=Way.REGULAR, sections=5)
    assert drafts.audience(regular, settings, 0) == Audience(sections=5, languages=languages)


async def test_an_article_of_ours_becomes_a_draft(storage: Storage) -> None:
    made = article(1, 1, link="https://www.e.kz/most/?utm_source=x", title="Мост <открыт>", image="https://e.kz/1.jpg")
    made = replace(made, lead="Коротко.", language="kk", sections=4)
    await storage.feeds.watch(["https://e.kz/rss"])
    (feed,) = await storage.feeds.states()
    await storage.feeds.save_poll(Poll(feed, (Found(made, tuple(drafts.keys_of(made.link)), True),)), now=NOW)
    content = await drafts.of_article(storage, "http://e.kz/most#top", "ru")
    assert content
    assert (content.text.text, content.language, content.sections) == ("Мост <открыт>\nКоротко.", "kk", 4)
    assert (content.link, content.image, content.article_id) == (made.link, made.image, 1)
    assert await drafts.of_article(storage, "https://e.kz/other", "ru") is None
    assert await drafts.of_article(storage, "ftp://e.kz", "ru") is None


async def test_how_many_must_agree(storage: Storage) -> None:
    breaking, regular = _draft(EMPTY), _draft(replace(EMPTY, way=Way.REGULAR))
    assert await drafts.needed(storage, breaking, SETTINGS) == 0
    await drafts.require_approvals(storage, 1)
    assert (await drafts.needed(storage, breaking, SETTINGS), await drafts.needed(storage, regular, SETTINGS)) == (1, 0)
    strict = replace(SETTINGS, desk=Desk(approvals=2))
    assert await drafts.needed(storage, breaking, strict) == 2, "the file wins"


async def _readers(storage: Storage, count: int, breaking: bool = True, language: str = "ru") -> None:
    for chat in range(count):
        choices = Choices(breaking=breaking)
        id_ = 100 * (1 + breaking) + 1000 * len(language) + ord(language[0]) * 10_000 + chat
        reader = await storage.readers.meet(id_, language=language, choices=choices, now=NOW)
        await storage.readers.consent(reader.id, "v1", now=NOW)


async def _fine(url: str) -> str:
    return "404" if "dead" in url else ""


async def _seen(storage: Storage, draft: Draft, settings: Settings = SETTINGS) -> Forecast:
    return await forecast.forecast(storage, draft, settings, SECTIONS, NOW, _fine)


async def test_the_forecast_counts_those_who_want_breaking_news(storage: Storage) -> None:
    await _readers(storage, 3)
    await _readers(storage, 2, breaking=False)
    await _readers(storage, 2, language="kk")
    await storage.readers.meet(1, language="ru", now=NOW)  # has not said yes
    paused = await storage.readers.meet(2, language="ru", now=NOW)
    await storage.readers.consent(paused.id, "v1", now=NOW)
    await storage.readers.pause(paused.id, until=NOW + 9, now=NOW)
    settings = replace(SETTINGS, delivery=Delivery(2))
    seen = await _seen(storage, await drafted(storage), settings)
    assert seen == Forecast(total=5, left_out={"breaking": 2, "paused": 1}, silent=0, seconds=2.5, missing=(("kk", 2),))
    skipped = await _seen(storage, await drafted(storage, missing="skip", silent=True), settings)
    assert (skipped.total, skipped.left_out, skipped.silent) == (3, {"breaking": 2, "paused": 1, "language": 2}, 3)


async def test_at_night_readers_hear_nothing(sqlite_storage: Storage) -> None:
    await _readers(sqlite_storage, 3)
    draft = await drafted(sqlite_storage)
    night = NOW + 14 * 3600
    seen = await forecast.forecast(sqlite_storage, draft, SETTINGS, SECTIONS, night, _fine)
    assert (seen.total, seen.silent) == (3, 3)


async def test_the_forecast_of_a_paid_send_has_its_price(sqlite_storage: Storage) -> None:
    await _readers(sqlite_storage, 30)
    settings = replace(SETTINGS, delivery=Delivery(2, 100, 2))
    seen = await _seen(sqlite_storage, await drafted(sqlite_storage), settings)
    assert (seen.seconds, seen.paid) == (15, Estimate(20 / 100 + 10 / 2, 2))
    assert (
        await _seen(sqlite_storage, await drafted(sqlite_storage, way=Way.REGULAR, sections=1), settings)
    ).paid is None


async def test_one_draft_is_launched_once(storage: Storage) -> None:
    await storage.editors.add(9, Role.EDITOR, "Ада", by=0, now=NOW)
    await _readers(storage, 3)
    draft = await drafted(storage, media=(("photo", "file-id"),))
    ids = [await drafts.launch(storage, draft, SETTINGS, by=9, solo=False, now=NOW) for _ in range(2)]
    assert ids[1] is None
    broadcast = await storage.broadcasts.get(ids[0] or 0)
    assert broadcast is not None
    assert (broadcast.state, broadcast.lane, broadcast.total) == (BroadcastState.COUNTDOWN, Lane.BREAKING, 3)
    assert (broadcast.due_at, broadcast.audience) == (NOW + 5, Audience(breaking=True, followed=broadcast.posts))
    (post,) = await storage.posts.get(broadcast.posts)
    assert (post.kind, post.language, post.media, post.texts["ru"].text) == (
        PostKind.BREAKING,
        "",
        "file-id",
        "Мост закрыт",
    )
    alone = await drafts.launch(storage, await drafted(storage), SETTINGS, by=9, solo=True, now=NOW)
    assert (await storage.broadcasts.get(alone or 0) or broadcast).due_at == NOW + drafts.SOLO_SECONDS
    regular = await drafted(storage, way=Way.REGULAR, sections=1)
    cast = await drafts.launch(storage, regular, SETTINGS, by=9, solo=False, now=NOW)
    found = await storage.broadcasts.get(cast or 0)
    assert found
    hers = Audience(sections=1, followed=found.posts, hidden=found.posts[0])
    assert (found.lane, found.audience) == (Lane.REGULAR, hers)


@pytest.mark.parametrize(
    ("text", "media", "age", "twice"),
    [
        ("мост «закрыт»!", "", 60, True),
        ("Мост закрыт", "other-photo", 60, True),
        ("Мост закрыт", "", forecast.TWICE_SECONDS + 1, False),
        ("Мост открыт", "", 60, False),
        ("🔥🔥", "", 60, False),
    ],
)
async def test_the_same_words_within_a_day_are_noticed(
    sqlite_storage: Storage, text: str, media: str, age: int, twice: bool
) -> None:
    earlier = await drafted(sqlite_storage, now=NOW - age)
    await drafts.launch(sqlite_storage, earlier, SETTINGS, by=0, solo=False, now=NOW - age)
    draft = await drafted(sqlite_storage, text, media=(("photo", media),) if media else (), now=NOW)
    assert (await _seen(sqlite_storage, draft)).twice_at == (NOW - age if twice else None)


async def test_what_was_called_off_or_is_a_sign_only_is_no_repetition(sqlite_storage: Storage) -> None:
    for text in ("Мост закрыт", "‼️"):
        earlier = await drafted(sqlite_storage, text, now=NOW - 60)
        id_ = await drafts.launch(sqlite_storage, earlier, SETTINGS, by=0, solo=False, now=NOW - 60)
        if text == "Мост закрыт":
            among = [BroadcastState.COUNTDOWN]
            assert await sqlite_storage.broadcasts.change(id_ or 0, BroadcastState.CANCELLED, among=among, now=NOW)
    for text in ("Мост закрыт", "❓"):
        assert (await _seen(sqlite_storage, await drafted(sqlite_storage, text, now=NOW))).twice_at is None


async def test_the_same_story_within_two_hours_is_noticed(sqlite_storage: Storage) -> None:
    await sqlite_storage.feeds.watch(["https://e.kz/rss"])
    (feed,) = await sqlite_storage.feeds.states()
    made = [
        replace(article(1, 1), title="Мост через Иртыш закрыли на ремонт", lead="", seen_at=NOW - 60),
        replace(article(2, 1), title="Открылась выставка ковров", lead="", seen_at=NOW),
    ]
    await sqlite_storage.feeds.save_poll(Poll(feed, tuple(Found(one, (one.link,), True) for one in made)), now=NOW - 60)
    draft = await drafted(sqlite_storage, "Закрыт мост через Иртыш: начался ремонт", now=NOW)
    seen = await _seen(sqlite_storage, draft)
    assert seen.like is not None
    assert (seen.like[0].title, seen.like[1]) == ("Мост через Иртыш закрыли на ремонт", NOW - 60)
    other = await drafted(sqlite_storage, "Сборная выиграла кубок по футболу", now=NOW)
    assert (await _seen(sqlite_storage, other)).like is None
    late = await forecast.forecast(sqlite_storage, draft, SETTINGS, SECTIONS, NOW + forecast.SIMILAR_SECONDS, _fine)
    assert late.like is None


@pytest.mark.parametrize(
    ("changes", "link"),
    [
        ({}, ""),
        ({"link": "https://e.kz/dead"}, "404"),
        ({"texts": {"ru": RichText("Мост https://e.kz/dead закрыт")}}, "404"),
        (
            {
                "texts": {
                    "ru": RichText("x", ({"type": "text_link", "offset": 0, "length": 1, "url": "https://dead.kz"},))
                }
            },
            "404",
        ),
        ({"texts": {"ru": RichText("https://e.kz/fine")}}, ""),
    ],
)
async def test_a_dead_link_is_noticed(sqlite_storage: Storage, changes: dict[str, Any], link: str) -> None:
    assert (await _seen(sqlite_storage, await drafted(sqlite_storage, **changes))).dead == link


async def test_what_is_paid_is_never_breaking(sqlite_storage: Storage) -> None:
    draft = await drafted(sqlite_storage, sections=3)
    assert (await _seen(sqlite_storage, draft)).barred == (SECTIONS[1],)
    assert forecast.barred(replace(draft, content=replace(draft.content, way=Way.REGULAR)), SECTIONS) == ()
