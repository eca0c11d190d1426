"""What readers are told about mistakes: the line in a corrected post, the mark in a list, the notice of a withdrawal.

Pure. A note stands only where the text that this reader has was wrong: each language has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.domain.post import Note, Post, RichText
from bot.i18n import Lang
from bot.posts.richtext import bold, clip, join, plain

REASON_LIMIT = 1000
_SHOWN = 3
_QUOTE_LIMIT = 200


def language_of(by_language: Mapping[str, object], code: str, default: str) -> str:
    """Whose text a reader of that language gets: its own, else the newsroom's first, else any there is."""
    return next((found for found in (code, default, *by_language) if by_language.get(found)), "")


def notes_of(post: Post, t: Lang) -> list[Note]:
    """The corrections of the text that this reader has, oldest first."""
    key = language_of(post.texts, t.code, t.default)
    return [note for note in post.notes if key in note.wrong]


def corrected(post: Post, t: Lang, zone: ZoneInfo) -> RichText:
    """«✏️ Исправлено в 17:05: в первой версии было «…», это неверно.» A line each, the newest three; and whether more is
    to come."""
    key = language_of(post.texts, t.code, t.default)
    lines = [corrected_line(note, key, post, t, zone) for note in notes_of(post, t)[-_SHOWN:]]
    return join("\n", [*lines, t("We keep updating this message.") if post.updating else ""])


def corrected_line(note: Note, key: str, post: Post, t: Lang, zone: ZoneInfo) -> RichText:
    """One correction; the day is told where it is not that of the post."""
    at = when(note.at, post.created_at, t, zone)
    words = clip(plain(" ".join(note.wrong[key].split())), _QUOTE_LIMIT).text
    if not words:
        return RichText(t("✏️ Corrected {when}.", when=at))
    return RichText(t("✏️ Corrected {when}: an earlier version said “{wrong}”; that was wrong.", when=at, wrong=words))


def marked(headline: RichText, post: Post, t: Lang, zone: ZoneInfo) -> RichText:
    """A headline in a list, with the sign of its newest correction."""
    notes = notes_of(post, t)
    if not notes:
        return headline
    mark = t("✏️ Corrected {when}.", when=when(notes[-1].at, post.created_at, t, zone)).rstrip(".")
    return join(" · ", [headline, mark])


def when(at: int, since: int, t: Lang, zone: ZoneInfo) -> str:
    """«в 17:05», or «24 ноября в 17:05» of another day than `since`."""
    days = [datetime.fromtimestamp(moment, UTC).astimezone(zone).date() for moment in (at, since)]
    if days[0] == days[1]:
        return t("at {time}", time=t.time(at, zone))
    return t("on {day} at {time}", day=t.day(at, zone), time=t.time(at, zone))


def withdrawn(reason: Mapping[str, str], t: Lang) -> RichText:
    """What stands in place of a copy that was withdrawn and cannot be deleted."""
    words = " ".join(plain(reason.get(language_of(reason, t.code, t.default), "")).text.split())
    lines: list[str | RichText] = [
        bold(t("⚠️ The newsroom has retracted this message.")),
        t("Reason: {reason}", reason=clip(RichText(words), REASON_LIMIT).text) if words else "",
        t("We apologise."),
    ]
    return join("\n", lines)
