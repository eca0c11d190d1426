"""A language that is added while the tests run: a .po file and a line. Its texts are the English ones in brackets and a
third longer, so that every screen shows what was not translated, what is cut and what does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po
from talking import START, Chat

from bot.domain import language
from bot.domain.article import Section
from bot.domain.post import Post, PostKind
from bot.domain.reader import ALL, DIGESTS, EVERY_DAY, Quiet, Reader, ReaderState
from bot.domain.regions import REGIONS
from bot.i18n import LOCALES, Words
from bot.posts.compose import post_keyboard
from bot.posts.richtext import units
from bot.readers import choices as said
from bot.readers.why import Reason, Why, line
from handlers import screen
from handlers.commands import commands, description, short_description
from handlers.context import Context
from handlers.subscriptions import done_screen, sections_screen
from handlers.views import VIEWS, WORDED
from handlers.views.account import goodbye_screen
from storage.terms import Chosen

CODE, NAME = "qx", "☾☾☾"
SECTIONS = [Section(one, bit, {CODE: f"<{bit}>"}) for bit, one in enumerate(("sport", "culture", "regions"))]
UNTRANSLATED = (*(region.name["en"] for region in REGIONS), NAME, "Дала", "QX", "RU", "KK")
BUTTON = 40
"""Characters of a button that a phone shows in a row of its own."""


@pytest.fixture
def pseudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    """The catalogue and the line."""
    monkeypatch.setitem(language.LANGUAGES, CODE, language.Language(NAME, "en_GB"))
    with (LOCALES / "en/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale="en")
    for message in catalogue:
        if message.id:
            forms = [message.string] if isinstance(message.string, str) else message.string
            longer = tuple(f"⟦{form}{'·' * (len(form) // 3)}⟧" for form in forms)
            message.string = longer if len(longer) > 1 else longer[0]
    target = tmp_path / CODE / "LC_MESSAGES/messages.po"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_po(file, catalogue)
    return Words.load([CODE], root=tmp_path)


def readers() -> Iterator[Reader]:
    """Every state, and choices that say something else each."""
    usual = Reader(1, 7, CODE, ReaderState.ACTIVE, 0b111, START)
    yield from (replace(usual, state=state, paused_until=START) for state in ReaderState)
    for volume in (ALL, 8, DIGESTS):
        for quiet in Quiet:
            yield replace(usual, volume=volume, quiet=quiet, night_breaking=quiet is Quiet.HOLD)
    yield replace(usual, breaking=False, muted=1, regions=2**20 - 1, main_only=True, digest_days=0b11111, rates=True)
    yield replace(usual, sections=0, news_languages=(CODE,), digest_days=EVERY_DAY - 2, digest_at=(60,), partner=False)


def left_over(text: str) -> str:
    """What of a text stands outside the brackets and is no name, number or sign."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    for name in sorted(UNTRANSLATED, key=len, reverse=True):
        text = text.replace(name, "")
    text = re.sub(r"https?://\S+|\d\d:\d\d [A-Z][\w ]+|/\w+|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b|\band\b", "", text)
    return "".join(re.findall(r"[^\W\d_]+|[⟦⟧]", text))


async def test_a_language_more_is_a_catalogue_and_a_line(chat: Chat, pseudo: Words) -> None:
    ctx: Context = replace(chat.ctx, words=pseudo, sections=SECTIONS)
    t = pseudo[CODE]
    words = [Chosen(n, "1234 " * 8, bool(n % 2)) for n in range(20)]
    wrong = []
    for reader in readers():
        drawn = {name: view(ctx, reader) for name, view in VIEWS.items()}
        drawn |= {name: view(ctx, reader, words) for name, view in WORDED.items()}
        drawn["goodbye"] = goodbye_screen(ctx, reader)
        drawn["first"] = done_screen(ctx, reader, example=True, first=True)
        drawn["only"] = sections_screen(ctx, reader, first_line=t("News"), only=True)
        for name, (text, keyboard) in drawn.items():
            buttons = [button.text for row in keyboard.inline_keyboard for button in row]
            wrong += [f"{name}: {part}" for part in [*text.text.split("\n"), *buttons] if left_over(part)]
            wrong += [f"{name}: long {text}" for text in buttons if len(text) > (4 / 3 * BUTTON) + 2]
            assert 0 < units(text.text) <= 4096
            assert not text.text.endswith("…"), name
    post = Post(1, PostKind.ARTICLE, 1, 1, START, title="1", link="https://news.example/1")
    wrong += [str(one) for one in Why if left_over(line(Reason(one, 1, ("1",)), {1: "<1>"}, post, t, lambda at: "2"))]
    said_ = [*(command.description for command in commands(ctx, t)), description(ctx, t), short_description(ctx, t)]
    said_ += [
        said.first_news(replace(reader, language=CODE), START + 15 * 3600, "Asia/Almaty", t) for reader in readers()
    ]
    below = post_keyboard(post, screen.style_of(ctx.settings, SECTIONS, post), t)
    said_ += [button["text"] for row in (below or {"inline_keyboard": []})["inline_keyboard"] for button in row]
    wrong += [text for text in said_ if left_over(text)]
    assert not wrong, "\n".join(dict.fromkeys(wrong))


async def test_it_can_be_chosen_and_is_spoken(chat: Chat, pseudo: Words) -> None:
    ru = chat.ctx.words["ru"]
    chat.ctx = chat.dispatcher["ctx"] = replace(chat.ctx, words=Words({"ru": ru, CODE: pseudo[CODE]}))
    reader = chat.people.add(561)
    await reader.send("/start")
    await reader.tap(await reader.next("Что вам присылать?"), NAME)
    await reader.next("⟦What should we send you?")
    await reader.send("/settings")
    assert "⟦Language: ☾☾☾" in (await reader.next("Settings"))["text"]
