"""What readers see: golden posts in three languages, limits under hostile input, the stand-in as the judge."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Section
from bot.domain.post import Post, PostKind, Rendering, RichText, Target
from bot.i18n import Lang, Words
from bot.posts.compose import (
    PostStyle,
    amendment,
    compose,
    compose_list,
    editors_text,
    encode,
    notice,
    otherwise,
    post_keyboard,
)
from bot.posts.lead import clean_lead
from bot.posts.richtext import units
from bot.sandbox.text import format_text

WORDS = Words.load(["ru", "kk", "en"])
ZONE = ZoneInfo("Asia/Almaty")
SECTIONS = (
    Section("kazakhstan", 0, {"ru": "Новости Казахстана", "kk": "Қазақстан жаңалықтары", "en": "Kazakhstan"}),
    Section("lifestyle", 1, {"ru": "Life style", "kk": "Life style", "en": "Life style"}),
    Section("sport", 2, {"ru": "Спорт", "kk": "Спорт", "en": "Sport"}),
    Section("numbers", 3, {"ru": "24/7", "kk": "24/7", "en": "24/7"}),
)
LINK = "https://stepnoy.kz/most-1669286880"
TITLE = "В Атбасаре открыли мост «Достық»"
LEAD = "Его ждали девять лет. Грузовики больше не едут через центр, передает Stepnoy.kz"
POST = Post(
    id=1,
    kind=PostKind.ARTICLE,
    version=1,
    sections=0b001,
    created_at=1669286900,
    title=TITLE,
    lead=clean_lead(f"{TITLE}\n×\n{LEAD}\nНовости партнеров\n", TITLE, ("Stepnoy.kz",)),
    link=LINK,
    published_at=1669286880,
)
BARE = Post(id=2, kind=PostKind.ARTICLE, version=1, sections=0, created_at=1669286900)
FLASH = replace(
    BARE,
    kind=PostKind.BREAKING,
    texts={
        "ru": RichText("В Шымкенте землетрясение 🏚 – 4 балла", ({"type": "italic", "offset": 25, "length": 2},)),
        "kk": RichText("Шымкентте жер сілкінді"),
    },
)


def rendered(post: Post, code: str = "ru", style: PostStyle | None = None, **kwargs: Any) -> Rendering:
    return compose(
        post,
        lang=WORDS[code],
        sections=SECTIONS,
        style=style or PostStyle(),
        zone=ZONE,
        **{"newsroom": "Stepnoy.kz", **kwargs},
    )


def text_of(rendering: Rendering) -> str:
    return str(rendering.payload.get("text") or rendering.payload.get("caption"))


def marked(rendering: Rendering) -> list[tuple[str, str]]:
    """Each entity's type and the text below it."""
    raw = text_of(rendering).encode("utf-16-le")
    entities = rendering.payload.get("entities") or rendering.payload.get("caption_entities") or []
    return [(e["type"], raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")) for e in entities]


def assert_accepted(rendering: Rendering) -> None:
    """The stand-in takes the call as Telegram would and loses nothing; both ways of counting stay in the limit."""
    json.loads(encode(rendering) + b"}")
    text = text_of(rendering)
    limit = 4096 if "text" in rendering.payload else 1024
    given = rendering.payload.get("entities") or rendering.payload.get("caption_entities") or []
    assert units(text) <= limit
    assert len(given) <= 100
    assert [(e["offset"], -e["length"]) for e in given] == sorted((e["offset"], -e["length"]) for e in given)
    what = "message" if "text" in rendering.payload else "message caption"
    clean, entities = format_text(text, parse_mode=None, entities=given, limit=limit, what=what)  # type: ignore[arg-type]
    assert clean == text
    covered = {
        kind: {n for e in entities if e.type == kind for n in range(e.offset, e.offset + e.length)}
        for kind in {e["type"] for e in given}
    }
    for e in given:
        assert set(range(e["offset"], e["offset"] + e["length"])) <= covered[e["type"]]


@pytest.mark.parametrize(
    ("code", "tail"),
    [
        ("ru", "Читать на Stepnoy.kz\n#Новости_Казахстана · 24 ноября 2022, 16:48"),
        ("kk", "Stepnoy.kz сайтында оқу\n#Қазақстан_жаңалықтары · 2022 ж. 24 қараша, 16:48"),
        ("en", "Read on Stepnoy.kz\n#Kazakhstan · 24 November 2022, 16:48"),
    ],
)
def test_the_reference_article(code: str, tail: str) -> None:
    rendering = rendered(POST, code)
    lead = "Его ждали девять лет. Грузовики больше не едут через центр."
    assert rendering.method == "sendMessage"
    assert text_of(rendering) == f"{TITLE}\n\n{lead}\n\n{tail}"
    link, time = tail.split("\n")[0], tail.split(" · ")[1]
    assert marked(rendering) == [("bold", TITLE), ("text_link", link), ("date_time", time)]
    assert rendering.payload["entities"][1]["url"] == LINK
    assert rendering.payload["entities"][2] | {"offset": 0, "length": 0} == {
        "type": "date_time",
        "offset": 0,
        "length": 0,
        "unix_time": 1669286880,
        "date_time_format": "Dt",
    }
    assert rendering.payload["link_preview_options"] == {
        "url": LINK,
        "prefer_large_media": True,
        "show_above_text": True,
    }
    assert_accepted(rendering)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lead": "", "published_at": None}, f"{TITLE}\n\nЧитать на Stepnoy.kz\n#Новости_Казахстана"),
        ({"lead": "", "link": "", "sections": 0}, f"{TITLE}\n\n24 ноября 2022, 16:48"),
        ({"title": "", "link": "javascript:1", "sections": 0, "published_at": 0, "lead": " а \n\n б "}, "а\nб"),
        ({"title": "\u200b\ufeff", "lead": "", "link": "", "sections": 0b1000, "published_at": 2**40}, "Stepnoy.kz"),
    ],
)
def test_what_is_missing_leaves_no_trace(change: dict[str, Any], text: str) -> None:
    rendering = rendered(replace(POST, **change))
    assert text_of(rendering) == text
    assert_accepted(rendering)


def test_a_post_with_nothing_still_says_something() -> None:
    rendering = rendered(replace(BARE, id=0), newsroom="")
    assert rendering.payload == {"text": "Новость", "link_preview_options": {"is_disabled": True}}
    assert "Читать полностью" in text_of(rendered(POST, newsroom=" "))


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (("time", "headline", "link"), "24 ноября 2022, 16:48\n\nH\n\nЧитать на Stepnoy.kz"),
        (("headline", "tags", "time", "link"), "H\n\n#Life_style #Спорт · 24 ноября 2022, 16:48\nЧитать на Stepnoy.kz"),
        (("lead", "headline", "headline"), "L\n\nH"),
        (("headline",), "H"),
    ],
)
def test_the_order_is_the_newsrooms(style: tuple[str, ...], text: str) -> None:
    post = replace(POST, title="H", lead="L", sections=0b110)
    rendering = rendered(post, style=PostStyle(order=style))
    assert text_of(rendering) == text
    assert ("text_link", "Читать на Stepnoy.kz" if "link" in style else "H") in marked(rendering)


def test_footer_and_campaign_parameters() -> None:
    style = PostStyle(footer="@stepnoy", utm="utm_campaign={section}")
    rendering = rendered(POST, style=style)
    assert text_of(rendering).endswith("16:48\n\n@stepnoy")
    assert rendering.payload["link_preview_options"]["url"] == LINK + "?utm_campaign=kazakhstan"
    assert rendering.payload["entities"][1]["url"] == LINK + "?utm_campaign=kazakhstan"


@pytest.mark.parametrize(
    ("picture", "preview"),
    [
        ("preview-above", {"url": LINK, "prefer_large_media": True, "show_above_text": True}),
        ("preview-below", {"url": LINK, "prefer_large_media": True}),
        ("preview-small", {"url": LINK, "prefer_small_media": True}),
        ("photo", {"url": LINK, "prefer_large_media": True, "show_above_text": True}),
        ("none", {"is_disabled": True}),
    ],
)
def test_the_preview_is_always_the_articles_own(picture: str, preview: dict[str, Any]) -> None:
    rendering = rendered(POST, style=PostStyle(picture=picture))
    assert rendering.payload["link_preview_options"] == preview


def test_pictures_are_sent_as_photos_where_the_style_asks() -> None:
    style = PostStyle(picture="photo")
    by_url = rendered(replace(POST, image="https://stepnoy.kz/1.jpg"), style=style)
    assert (by_url.method, by_url.payload["photo"]) == ("sendPhoto", "https://stepnoy.kz/1.jpg")
    assert by_url.payload["caption"].startswith(TITLE)
    assert "link_preview_options" not in by_url.payload
    assert_accepted(by_url)
    uploaded = replace(POST, image="https://stepnoy.kz/1.jpg", media="AgAD", media_kind="photo")
    assert rendered(uploaded, style=style).payload["photo"] == "AgAD"
    assert rendered(uploaded).method == "sendMessage"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ru", "🔴 СРОЧНО. В Шымкенте землетрясение 🏚 – 4 балла"),
        ("kk", "🔴 ШҰҒЫЛ. Шымкентте жер сілкінді"),
        ("en", "🔴 BREAKING. В Шымкенте землетрясение 🏚 – 4 балла"),
    ],
)
def test_breaking_news(code: str, text: str) -> None:
    rendering = rendered(FLASH, code)
    assert text_of(rendering) == text
    assert marked(rendering)[0] == ("bold", text.split()[1])
    assert marked(rendering)[1:] == ([] if code == "kk" else [("italic", "🏚")])
    assert rendering.payload["link_preview_options"] == {"is_disabled": True}
    assert_accepted(rendering)


def test_breaking_news_with_an_article_and_a_section() -> None:
    rendering = rendered(replace(FLASH, link=LINK, sections=0b100))
    assert text_of(rendering).endswith("балла\n\nЧитать на Stepnoy.kz\n#Спорт")
    assert rendering.payload["link_preview_options"]["url"] == LINK


@pytest.mark.parametrize(
    ("text", "entity", "url"),
    [
        ("🏆 https://a.kz/1", {"type": "url", "offset": 3, "length": 14}, "https://a.kz/1"),
        ("here", {"type": "text_link", "offset": 0, "length": 4, "url": "https://a.kz/2"}, "https://a.kz/2"),
        ("Stepnoy.kz", {"type": "url", "offset": 0, "length": 10}, None),
    ],
)
def test_an_editors_own_link_is_previewed(text: str, entity: dict[str, Any], url: str | None) -> None:
    rendering = rendered(replace(FLASH, texts={"ru": RichText(text, (entity,))}))
    assert rendering.payload["link_preview_options"].get("url") == url


def test_a_quote_begins_on_its_own_line() -> None:
    quote = RichText("Мы держимся", ({"type": "blockquote", "offset": 0, "length": 11},))
    assert text_of(rendered(replace(FLASH, texts={"ru": quote}))) == "🔴 СРОЧНО.\nМы держимся"


@pytest.mark.parametrize(
    ("kind", "method"), [("photo", "sendPhoto"), ("video", "sendVideo"), ("document", "sendDocument")]
)
def test_breaking_media_carry_the_text(kind: str, method: str) -> None:
    post = replace(FLASH, media="AgAD", media_kind=kind, texts={"ru": RichText("слово " * 300)})
    rendering = rendered(post)
    assert (rendering.method, rendering.payload[kind]) == (method, "AgAD")
    assert text_of(rendering).endswith("слово…")
    assert_accepted(rendering)


def test_what_can_only_be_copied_is_copied() -> None:
    rendering = rendered(replace(FLASH, media="-1001/7", media_kind="copy", texts={"ru": RichText("Голос")}))
    assert rendering.method == "copyMessage"
    assert (rendering.payload["from_chat_id"], rendering.payload["message_id"]) == (-1001, 7)


def test_breaking_text_falls_back() -> None:
    assert editors_text(replace(FLASH, texts={"en": RichText("a")}), WORDS["kk"]).text == "a"
    assert editors_text(replace(FLASH, texts={}), WORDS["kk"]) == RichText()
    assert text_of(rendered(replace(FLASH, texts={}))) == "🔴 СРОЧНО."


def test_an_articles_post_has_the_buttons_of_its_style_and_the_rest_has_none() -> None:
    def buttons(post: Post, *names: str, **kwargs: Any) -> list[list[tuple[str, str]]] | None:
        markup = rendered(post, style=PostStyle(buttons=names), **kwargs).payload.get("reply_markup")
        return markup and [[(one["text"], one["callback_data"]) for one in row] for row in markup["inline_keyboard"]]

    assert buttons(POST, "more") == [[("⋯", "more:1:1")]]
    assert buttons(POST, "more", "read", "save") == [
        [("📖 Читать здесь", "read:1"), ("🔖", "save:1:1"), ("⋯", "more:1:1")]
    ]
    assert buttons(POST) is None
    assert buttons(POST, "more", target=Target.CHANNEL) is None
    assert buttons(FLASH, "more") is None
    assert buttons(replace(POST, id=0), "more") is None, "nothing could come of a press"
    saved = post_keyboard(POST, PostStyle(buttons=("save",)), WORDS["ru"], saved=True)
    assert saved == {"inline_keyboard": [[{"text": "🔖 ✓", "callback_data": "save:1:0"}]]}


def test_the_keyboard_travels_and_channels_keep_only_addresses() -> None:
    more, site = {"text": "⋯", "callback_data": "m:1"}, {"text": "Сайт", "url": LINK}
    keyboard = {"inline_keyboard": [[more], [site, more]]}
    assert rendered(POST, keyboard=keyboard).payload["reply_markup"] == keyboard
    channel = rendered(POST, keyboard=keyboard, target=Target.CHANNEL)
    assert channel.payload["reply_markup"] == {"inline_keyboard": [[site]]}
    assert "reply_markup" not in rendered(POST, keyboard={"inline_keyboard": [[more]]}, target=Target.CHANNEL).payload
    assert "reply_markup" not in rendered(POST, target=Target.CHANNEL).payload


def test_a_body_waits_for_its_reader() -> None:
    body = encode(rendered(POST)) + b',"chat_id":7}'
    assert json.loads(body) == {**rendered(POST).payload, "chat_id": 7}
    assert "Читать" in body.decode()


def listed(posts: list[Post], lang: Lang = WORDS["ru"], more_url: str = "") -> Rendering:
    return compose_list(
        posts,
        lang=lang,
        sections=SECTIONS,
        style=PostStyle(),
        zone=ZONE,
        newsroom="Stepnoy.kz",
        title="Доброе утро!",
        more_url=more_url,
    )


def test_a_list_groups_linked_headlines() -> None:
    posts = [
        replace(POST, id=1, title="", lead="Первая строка\nвторая", sections=0b100),
        replace(POST, id=2, sections=0),
        replace(POST, id=3, title="Мост", sections=0b101),
        replace(FLASH, id=4),
        replace(BARE, id=5),
    ]
    rendering = listed(posts)
    assert text_of(rendering) == (
        "Доброе утро!\n\nНовости Казахстана\n• Мост\n\nСпорт\n• Первая строка\n\nДругие новости\n"
        f"• {TITLE}\n• В Шымкенте землетрясение 🏚 – 4 балла\n• Новость"
    )
    assert marked(rendering)[1] == ("text_link", "Мост")
    assert rendering.payload["link_preview_options"] == {"is_disabled": True}
    assert_accepted(rendering)


@pytest.mark.parametrize("n", [1, 50, 97, 98, 99, 100, 1000])
def test_a_list_says_what_it_leaves_out(n: int) -> None:
    for size in (5, 500):
        posts = [replace(POST, title=f"{i} " + "х" * size, sections=0b100 if i % 3 else 0) for i in range(n)]
        rendering = listed(posts, more_url="https://t.me/stepnoy_bot?start=latest")
        shown = text_of(rendering).count("• ")
        left = "".join(c for c in text_of(rendering).rpartition("ещё")[2] if c.isdigit()) if shown < n else "0"
        assert shown + int(left) == n
        assert shown > 10 or shown == n
        assert ("text_link", text_of(rendering).rsplit("\n", 1)[1]) in marked(rendering) or shown == n
        assert_accepted(rendering)


def test_a_heading_never_stands_alone() -> None:
    posts = [replace(POST, title="х" * 41, sections=1)] * 97 + [replace(POST, sections=0b100)] * 9
    for n in range(60, len(posts)):
        lines = text_of(listed(posts[-n:])).split("\n")
        assert all(lines[i + 1].startswith("•") for i, line in enumerate(lines) if line == "Спорт")


HOSTILE = st.text(
    alphabet=st.characters() | st.sampled_from("<&>\"'*_[]()#@$/\n\t 🏆\u202e\u0301\u200d\u200f\ud83d\ufeff"),
    max_size=60,
).flatmap(lambda text: st.sampled_from([text, text * 100, text + "а" * 5000, "🏆" * 2500 + text]))
LINKS = st.sampled_from(
    [LINK, "", "javascript:1", "https://a.kz/<b>", "https://a.kz/" + "я" * 1000, "https://a.kz/\ud800"]
)


@settings(max_examples=100, deadline=None)
@given(
    title=HOSTILE,
    lead=HOSTILE,
    link=LINKS,
    newsroom=HOSTILE,
    footer=HOSTILE,
    code=st.sampled_from(["ru", "kk", "en"]),
    picture=st.sampled_from(["preview-above", "photo"]),
    sections=st.integers(0, 15),
    when=st.none() | st.integers(),
)
def test_any_story_becomes_a_post_that_is_accepted(
    title: str,
    lead: str,
    link: str,
    newsroom: str,
    footer: str,
    code: str,
    picture: str,
    sections: int,
    when: int | None,
) -> None:
    post = replace(
        POST, title=title, lead=lead, link=link, sections=sections, published_at=when, image="https://a.kz/1.jpg"
    )
    style = PostStyle(picture=picture, footer=footer)
    assert_accepted(rendered(post, code, style, newsroom=newsroom))
    assert_accepted(listed([post, post, BARE]))


@settings(max_examples=60, deadline=None)
@given(text=HOSTILE, n=st.integers(0, 150), link=LINKS, media=st.sampled_from(["", "photo"]))
def test_any_breaking_text_is_accepted(text: str, n: int, link: str, media: str) -> None:
    size = units(text)
    entities = tuple({"type": "italic", "offset": 2 * i, "length": 1} for i in range(min(n, size // 2)))
    post = replace(FLASH, texts={"ru": RichText(text, entities)}, link=link, media=media and "x", media_kind=media)
    rendering = rendered(post)
    json.loads(encode(rendering) + b"}")
    assert units(text_of(rendering)) <= (1024 if media else 4096)
    given_back = rendering.payload.get("entities") or rendering.payload["caption_entities"]
    assert len(given_back) <= 100
    assert all(e["offset"] + e["length"] <= units(text_of(rendering)) for e in given_back)
    assert (given_back[-1]["type"] == "text_link") == (link == LINK or "яя" in link)


def test_an_amendment_says_what_the_message_would_say_now() -> None:
    text = Rendering("sendMessage", {"text": "Новое", "reply_markup": {"inline_keyboard": []}})
    assert amendment(text) == Rendering("editMessageText", text.payload)
    photo = Rendering("sendPhoto", {"photo": "https://x/1.png", "caption": "Новое", "show_caption_above_media": True})
    assert amendment(photo) == Rendering("editMessageCaption", {"caption": "Новое"})


def test_a_refused_edit_in_another_form() -> None:
    long = "слово " * 400
    edit = Rendering("editMessageText", {"text": long, "entities": [{"type": "bold", "offset": 0, "length": 5}]})
    caption = otherwise(edit, "there is no text in the message to edit")
    assert caption
    assert caption.method == "editMessageCaption"
    assert len(caption.payload["caption"]) <= 1024
    assert caption.payload["caption_entities"] == [{"type": "bold", "offset": 0, "length": 5}]
    back = otherwise(caption, "there is no caption in the message to edit")
    assert back
    assert (back.method, back.payload["text"]) == ("editMessageText", caption.payload["caption"])
    plain = otherwise(edit, "can't parse entities")
    assert plain == Rendering("editMessageText", {"text": long})
    assert otherwise(plain, "can't parse entities") is None
    assert otherwise(edit, "message to edit not found") is None


@pytest.mark.parametrize(("language", "word"), [("ru", "отозвала"), ("kk", "қайтарып"), ("en", "retracted")])
def test_a_notice_holds_the_reason_and_nothing_else(language: str, word: str) -> None:
    words = WORDS[language]
    with_reason, without = notice({"ru": "Имя  <ошибочно>\n"}, lang=words), notice({}, lang=words)
    assert word in with_reason.payload["text"]
    assert "Имя <ошибочно>" in with_reason.payload["text"]
    assert len(with_reason.payload["text"].splitlines()) == len(without.payload["text"].splitlines()) + 1
    assert "reply_markup" not in with_reason.payload
