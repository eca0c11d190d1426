"""Bodies: made once, the same for all, with a tail per reader; and what is left when a part is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery import renderings as module
from bot.delivery.renderings import Address, Body, Renderings, place_of
from bot.domain.article import Section
from bot.domain.channel import Channel, Manner
from bot.domain.post import Post, PostKind, Rendering, RichText
from bot.domain.reader import ReaderKind, ReaderState
from bot.domain.recipient import Recipient, Ways
from bot.i18n import Words
from bot.posts.compose import PostStyle, encode

WORDS = Words.load(("ru", "kk", "en"))
SECTIONS = (
    Section("sport", 0, {"ru": "Спорт", "kk": "Спорт", "en": "Sport"}),
    Section("world", 1, {"ru": "Мир", "kk": "Әлем", "en": "World"}),
)
STORY = Post(1, PostKind.ARTICLE, 1, 0b01, 0, language="ru", title="Матч <перенесён>", link="https://dala.example/1")
BREAKING = Post(
    2,
    PostKind.BREAKING,
    3,
    0b10,
    0,
    texts={"ru": RichText("Мост открыт", ({"type": "bold", "offset": 0, "length": 4},))},
    media="AgACAgIAAx",
    media_kind="photo",
)


def made(style: PostStyle | None = None) -> Renderings:
    return Renderings(
        WORDS, SECTIONS, lambda post: style or PostStyle(), ZoneInfo("Asia/Almaty"), "Дала", "https://t.me/x"
    )


def payload(body: Body) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(body.head + b"}")
    return parsed


def test_a_body_is_made_once_per_version_and_language(monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[tuple[int, str]] = []
    original = module.compose

    def counting(post: Post, **options: Any) -> Rendering:
        composed.append((post.version, options["lang"].code))
        return original(post, **options)

    monkeypatch.setattr(module, "compose", counting)
    cache = made()
    assert cache.body([STORY], "ru") is cache.body([STORY], "ru")
    cache.body([STORY], "kk")
    cache.body([replace(STORY, version=2)], "ru")
    assert composed == [(1, "ru"), (1, "kk"), (2, "ru")]


def test_the_cache_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 3)
    cache = made()
    for n in range(10):
        cache.body([replace(STORY, id=n)], "ru")
    assert len(cache._made) <= 3


def test_the_fan_out_sends_what_the_preview_shows() -> None:
    cache = made()
    for post in (STORY, BREAKING):
        shown, body = cache.render(post, "ru"), cache.body([post], "ru")
        assert (body.method, body.version, body.carried) == (shown.method, post.version, ())
        assert payload(body) == shown.payload
        assert body.rendering == shown


@given(
    st.builds(
        Address,
        chat_id=st.integers(-(2**52), 2**52),
        thread_id=st.sampled_from([0, 2**31]),
        silent=st.booleans(),
        reply=st.sampled_from([0, 77]),
        paid=st.booleans(),
    ),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
)
def test_a_readers_body_is_whole_json(address: Address, title: str) -> None:
    body = made().body([replace(STORY, title=title)], "kk")
    told = {
        "chat_id": address.chat_id,
        "message_thread_id": address.thread_id,
        "disable_notification": address.silent,
        "reply_parameters": address.reply and {"message_id": 77, "allow_sending_without_reply": True},
        "allow_paid_broadcast": address.paid,
    }
    told = {name: value for name, value in told.items() if value or name == "chat_id"}
    assert address.fields() == told
    assert json.loads(body.to(address)) == body.rendering.payload | told


def test_several_posts_are_a_list_that_knows_what_it_carries() -> None:
    other = replace(STORY, id=7, version=4, sections=0b10, title="Встреча", link="https://dala.example/7")
    body = made().body([STORY, other], "ru")
    assert (body.method, body.carried, body.version) == ("sendMessage", (1, 7), 5)
    text = payload(body)["text"]
    assert text.startswith("2 новости для вас")
    assert text.index("Матч <перенесён>") < text.index("Встреча")
    assert made().body([STORY, other], "en") is not body


def test_a_channel_looks_as_it_is_kept_and_leads_to_the_bot() -> None:
    cache = made()
    here = Channel(7, -1001, "Дала", "dala", ReaderState.ACTIVE, 1, Manner(language="", posts={"footer": "@dala"}))
    kazakh = replace(STORY, id=4, language="kk", title="Матч болды")
    plain = cache.body([kazakh], "ru", at=7)
    cache.dress([here])
    cache.dress([here, replace(here, reader_id=8, username="", manner=Manner(language="ru"))])
    body = cache.body([kazakh], "ru", at=7)
    assert body is cache.body([kazakh], "ru", at=7) is not plain
    assert "@dala" in json.dumps(payload(body))
    assert payload(body)["reply_markup"] == {
        "inline_keyboard": [[{"text": "Менің бөлімдерім", "url": "https://t.me/x?start=s_dala"}]]
    }, "the story's own language, and no reader's buttons"
    listed = payload(cache.body([STORY, kazakh], "ru", at=8))
    assert "Коротко: 2 новости" in listed["text"]
    assert listed["reply_markup"]["inline_keyboard"] == [[{"text": "Мои разделы", "url": "https://t.me/x?start=s_c8"}]]
    for group in (ReaderKind.GROUP, ReaderKind.TOPIC):
        place = place_of(Recipient(9, -5, 0, "ru", 1, Ways(kind=group).text))
        assert "?start=s_group" in json.dumps(payload(cache.body([STORY], "ru", at=place, ask=True)))


def test_a_refused_picture_never_costs_the_text() -> None:
    first = made().body([BREAKING], "ru")
    assert first.method == "sendPhoto"
    second = first.simpler()
    assert second is not None
    assert (second.method, second.version) == ("sendMessage", 3)
    assert payload(second) == {
        "text": first.rendering.payload["caption"],
        "entities": first.rendering.payload["caption_entities"],
    }
    third = second.simpler()
    assert third is not None
    assert payload(third) == {"text": first.rendering.payload["caption"]}
    assert third.simpler() is None
    assert json.loads(third.to(Address(5)))["chat_id"] == 5


def test_what_is_left_keeps_its_buttons_and_posts() -> None:
    keys = {"inline_keyboard": [[{"text": "⋯", "callback_data": "more:1"}]]}
    rendering = Rendering("sendVideo", {"video": "id", "caption": "Слова", "reply_markup": keys})
    body = Body("sendVideo", encode(rendering), rendering, 1, (4, 5)).simpler()
    assert body is not None
    assert payload(body) == {"text": "Слова", "reply_markup": keys}
    assert body.carried == (4, 5)


def test_a_picture_without_words_has_nothing_simpler() -> None:
    rendering = Rendering("sendPhoto", {"photo": "id"})
    assert Body("sendPhoto", encode(rendering), rendering, 1).simpler() is None


def test_plain_text_has_nothing_simpler() -> None:
    body = made(PostStyle(order=("lead",))).body([replace(STORY, lead="Только слова.", title="")], "ru")
    assert "entities" not in payload(body)
    assert body.simpler() is None


def test_a_picture_is_settled_for_all_languages_and_versions() -> None:
    url = "https://dala.example/1.jpg"
    story = replace(STORY, image=url)
    cache = made(PostStyle(picture="photo"))
    first = cache.body([story], "ru")
    assert (first.picture, first.method) == (url, "sendPhoto")
    assert made(PostStyle()).body([STORY], "ru").picture == cache.body([BREAKING], "ru").picture == ""
    cache.settle(url, "AgAC")
    for language in ("ru", "kk"):
        for version in (1, 2):
            body = cache.body([replace(story, version=version)], language)
            assert (body.picture, payload(body)["photo"]) == ("", "AgAC")
    assert payload(first) | {"photo": "AgAC"} == payload(cache.body([story], "ru")), "else the same"


def test_a_picture_that_cannot_be_had_becomes_the_link_preview() -> None:
    cache = made(PostStyle(picture="photo"))
    story = replace(STORY, image="https://dala.example/1.jpg")
    cache.settle(story.image, "")
    body = cache.body([story], "ru")
    assert (body.method, body.picture) == ("sendMessage", "")
    assert payload(body)["link_preview_options"]["url"] == story.link
    assert "Матч <перенесён>" in payload(body)["text"]


def test_settled_pictures_do_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 3)
    cache = made()
    for n in range(10):
        cache.settle(f"https://dala.example/{n}.jpg", "AgAC")
    assert len(cache._pictures) <= 3
