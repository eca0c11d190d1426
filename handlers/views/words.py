"""The screen of words: what is hidden, what is followed, each with a way to undo it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.post import RichText
from bot.domain.reader import Reader
from bot.posts.richtext import bold, clip, join, plain
from handlers.context import Context
from handlers.keyboards import WORD, button, keyboard, rows
from handlers.views.choices import Screen, back
from storage.terms import Chosen

HIDDEN, FOLLOWED, STORY = "🙈", "👀", "📌"
_ON_A_BUTTON = 24


def words_screen(ctx: Context, reader: Reader, words: Sequence[Chosen]) -> Screen:
    """All words of the reader's; pressing one lets it go."""
    t = ctx.words[reader.language]
    lines: list[str | RichText] = [
        bold(t("Words")),
        t("A story with a hidden word does not come."),
        t("One with a word that you follow comes whatever its section."),
        t("Breaking news comes in any case.") if reader.breaking else "",
        t("Press a word to let it go.") if words else t("You have not chosen any yet."),
    ]
    return join("\n", lines), keyboard(
        *rows([button(_label(word), WORD.pack(act="drop", term=word.term_id)) for word in words], 2),
        [button(t("🙈 Hide a word"), WORD.pack(act="hide", term=0))],
        [button(t("👀 Follow a word"), WORD.pack(act="follow", term=0))],
        back(t),
    )


def _label(word: Chosen) -> str:
    sign = "" if word.word.startswith(STORY) else FOLLOWED + " " if word.follows else HIDDEN + " "
    return f"✕ {sign}{clip(plain(word.word), _ON_A_BUTTON).text}"
