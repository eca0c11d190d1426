"""Corrections and withdrawals: what an editor's words make of a post, whom that reaches, and how far it is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from bot.delivery.copies import DELETABLE
from bot.desk.cards import Keyboard
from bot.desk.progress import again, span, way
from bot.domain.delivery import Audience, Broadcast, BroadcastState, Kind, Progress
from bot.domain.desk import Content, Draft, Erratum, Gravity, Way
from bot.domain.post import Note, Post, PostKind, RichText
from bot.feeds.identity import canonical_link
from bot.i18n import Lang, mark
from bot.posts.compose import headline
from bot.posts.differences import wrong
from bot.posts.notes import language_of
from bot.posts.richtext import bold, clip, concat, join, link
from bot.settings import Settings
from storage import Storage
from storage.broadcasts import UNDER_WAY

PUBLIC_DAYS = 30
"""How long readers find a correction under /corrections."""
_PUBLIC, _ENTRY_LIMIT = 15, 250
_TOLD = (Gravity.FACT, Gravity.SERIOUS)
_OPEN = (BroadcastState.RUNNING, BroadcastState.PAUSED)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What sending a correction would mean now: so many `copies` change, those of them that are `old` cannot be
    deleted, `unreached` may be out there under an unknown number, `told` readers get a message besides, and it takes so
    many `seconds`."""

    copies: int
    old: int
    unreached: int
    told: int
    seconds: float


def begun(post: Post, gravity: Gravity, language: str) -> Content:
    """A correction of that post whose words are still to come, by somebody who reads `language`."""
    ours = language_of(post.texts, language, language) if post.texts and gravity is not Gravity.WITHDRAWAL else language
    return Content(way=Way.FIX, language=ours, fixes=post.id, base=post.version, gravity=gravity.value)


def said(post: Post, language: str) -> str:
    """The text of a post that a correction replaces, as its editor would type it. An article has one text."""
    return post.texts.get(language, RichText()).text if post.texts else "\n".join(filter(None, (post.title, post.lead)))


def amended(post: Post, content: Content, now: int) -> tuple[Post, dict[str, str]]:
    """The post with the words of a correction, or withdrawn with its reasons; and what was wrong, by language.

    Of an article the first line is the headline; a single line changes nothing else.
    """
    gravity, words = Gravity(content.gravity), content.texts
    if gravity is Gravity.WITHDRAWAL:
        return replace(post, reason={code: text.text for code, text in words.items()}, withdrawn=True), {}
    if post.texts:
        new = replace(post, texts=post.texts | words)
    else:
        title, _, lead = content.text.text.partition("\n")
        new, words = replace(post, title=title.strip(), lead=lead.strip() or post.lead), {"": content.text}
    if gravity not in _TOLD:
        return replace(new, updating=post.updating or gravity is Gravity.UPDATE), {}
    taken_back = {code: "" if content.unquoted else wrong(said(post, code), said(new, code)) for code in words}
    return replace(new, notes=(*post.notes, Note(now, taken_back))), taken_back


def telling(post: Post, now: int) -> Post:
    """The message about the newest correction of a post to whoever has it."""
    bare = replace(post, image="", media="", media_kind="", album=(), notes=post.notes[-1:], updating=False)
    return replace(bare, id=0, kind=PostKind.CORRECTION, version=1, article_id=None, created_at=now)


def concerned(post: Post, wrongs: dict[str, str], settings: Settings, now: int) -> Audience:
    """The holders of copies whose text was wrong."""
    languages = settings.newsroom.languages
    theirs = tuple(code for code in languages if language_of(post.texts, code, languages[0]) in wrongs)
    return Audience(holders=post.id, until=now + UNDER_WAY, languages=() if theirs == languages else theirs)


async def of_link(storage: Storage, link: str) -> list[Post]:
    """The post of the article with that address, in a list; empty where no feed has brought it."""
    canonical = canonical_link(link)
    known = await storage.articles.known([f"u:{canonical}"]) if canonical else {}
    return [post for article in known.values() for post in await storage.posts.of_article(article.id)]


async def target(storage: Storage, content: Content) -> Post | None:
    """The post that a draft corrects, in its newest version; None when it is gone."""
    found = await storage.posts.get([content.fixes])
    return found[0] if found else None


async def forecast(storage: Storage, post: Post, content: Content, settings: Settings, now: int) -> Forecast:
    """What the card says before the press."""
    reach = await storage.corrections.reach(post.id, before=now - DELETABLE)
    told = 0
    if content.gravity == Gravity.SERIOUS:
        told = await storage.readers.count(concerned(post, amended(post, content, now)[1], settings, now))
    seconds = (reach.copies + told) / settings.delivery.messages_per_second
    return Forecast(reach.copies, reach.old, reach.unreached, told, seconds)


async def launch(storage: Storage, draft: Draft, settings: Settings, *, by: int, solo: bool, now: int) -> int | None:
    """Bring a correction or withdrawal on its way: the erratum's id; None when somebody was faster. Wake the sender
    afterwards."""
    content = draft.content
    old = await target(storage, content)
    if old is None or old.version != content.base:
        return None
    post, wrongs = amended(old, content, now)
    erratum = Erratum(0, draft.id, post.id, Gravity(content.gravity), by, wrongs, post.reason)
    if erratum.gravity is not Gravity.SERIOUS:
        sent = await storage.errata.publish(draft, erratum, post, solo=solo, now=now)
        return sent.id if sent else None
    audience = concerned(post, wrongs, settings, now)
    total = await storage.readers.count(audience)
    message, start = telling(post, now), random.random()
    sent = await storage.errata.publish(
        draft, erratum, post, message, solo=solo, audience=audience, total=total, start=start, now=now
    )
    return sent.id if sent else None


# What is shown of it -----------------------------------------------------------------------------------------


def card(
    t: Lang, erratum: Erratum, casts: Sequence[tuple[Broadcast, Progress]], *, now: float
) -> tuple[RichText, Keyboard | None]:
    """How far a correction is, or its report: the copies, and the message about a serious mistake by itself."""
    edits = [(cast, progress) for cast, progress in casts if cast.kind is not Kind.SEND]
    copies = together([progress for _, progress in edits])
    ended = not any(cast.state in _OPEN for cast, _ in casts)
    gone = erratum.gravity is Gravity.WITHDRAWAL
    begun, done, nobody = (t(words) for words in _HEADS.get(erratum.gravity, _CORRECTED))
    if not casts:
        return bold(f"✅ {nobody}"), None if gone else again(t, [erratum.post_id])
    if ended:
        took = max(cast.finished_at or now for cast, _ in casts) - erratum.sent_at
        head = f"✅ {done} · {span(t, took)}"
    else:
        head = f"{begun}: {way(t, copies)}"
    lines: list[str | RichText] = [bold(head), results(t, copies)]
    if any(cast.state is BroadcastState.STOPPED for cast, _ in edits):
        lines.append(t("A newer change of this post goes on with what was left."))
    lines += [t("Message about the mistake: {way}", way=way(t, told)) for cast, told in casts if cast.kind is Kind.SEND]
    return join("\n", lines), again(t, [erratum.post_id]) if ended and not gone else None


_CORRECTED = (mark("✏️ Correcting"), mark("Corrected"), mark("Corrected: nobody has a copy yet"))
_HEADS = {
    Gravity.UPDATE: (mark("🔄 Updating"), mark("Updated"), mark("Updated: nobody has a copy yet")),
    Gravity.WITHDRAWAL: (mark("↩️ Withdrawing"), mark("Withdrawn"), mark("Withdrawn: nobody has a copy")),
}
"""How a card begins: on its way, done, and where there was nothing to change."""


def results(t: Lang, copies: Progress) -> str:
    """«копий изменено 7 288 · не удалось изменить 3», and what is rare only where it happened."""
    parts = [t("copies changed {n}", n=t.number(copies.sent))]
    if failed := copies.gone + copies.rejected:
        parts.append(t("could not be changed {n}", n=t.number(failed)))
    if waiting := copies.uncertain + copies.waiting:
        parts.append(t("waiting {n}", n=t.number(waiting)))
    if copies.unreached:
        parts.append(t("out of reach {n}", n=t.number(copies.unreached)))
    if copies.refusals:
        reasons = ", ".join(f"{reason} ({t.number(n)})" for reason, n in copies.refusals[:3])
        parts.append(t("Telegram's reasons: {reasons}", reasons=reasons))
    return " · ".join(parts)


def together(parts: Sequence[Progress]) -> Progress:
    """Several sends as one."""
    names = ("total", "sent", "gone", "rejected", "uncertain", "waiting", "unreached")
    sums = {name: sum(getattr(part, name) for part in parts) for name in names}
    return Progress(**sums, refusals=tuple(reason for part in parts for reason in part.refusals))


# What everybody may see --------------------------------------------------------------------------------------


async def public(storage: Storage, t: Lang, zone: ZoneInfo, now: int) -> RichText:
    """The corrections of the last thirty days that concern a reader of this language, newest first."""
    errata = await storage.errata.public(since=now - PUBLIC_DAYS * 86_400, limit=_PUBLIC)
    posts = {post.id: post for post in await storage.posts.get([erratum.post_id for erratum in errata])}
    found = [_entry(t, erratum, posts[erratum.post_id], zone) for erratum in errata if erratum.post_id in posts]
    lines = [entry for entry in found if entry]
    if not lines:
        return RichText(t("We had nothing to correct in the last 30 days."))
    return join("\n\n", [bold(t("✏️ Corrected in the last 30 days")), *lines])


def _entry(t: Lang, erratum: Erratum, post: Post, zone: ZoneInfo) -> RichText:
    """One of them; nothing where this reader's text was right. What was withdrawn is not repeated."""
    at = t.datetime(erratum.sent_at, zone)
    if erratum.gravity is Gravity.WITHDRAWAL:
        words = erratum.reason.get(language_of(erratum.reason, t.code, t.default), "")
        gone = t("{at}: a message of {then} is withdrawn.", at=at, then=t.datetime(post.created_at, zone))
        return clip(RichText(f"{gone} {t('Reason: {reason}', reason=words)}" if words else gone), _ENTRY_LIMIT)
    key = language_of(post.texts, t.code, t.default)
    if key not in erratum.wrong:
        return RichText()
    about = link(headline(post, t), post.link) if not post.withdrawn else t("a message that is withdrawn now")
    wrong_words = erratum.wrong[key]
    told = (
        t("an earlier version said “{wrong}”; that was wrong.", wrong=wrong_words) if wrong_words else t("corrected.")
    )
    return clip(concat(f"{at}: ", about, " — ", told), _ENTRY_LIMIT)
