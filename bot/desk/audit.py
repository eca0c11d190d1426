"""The book of who did what to which text, when: in words, by pages, and as a table. It is only ever added to."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.domain.desk import Editor
from bot.domain.post import RichText
from bot.i18n import Lang, mark
from bot.posts.richtext import bold, clip, join, plain
from storage import Storage
from storage.editors import Entry

PAGE = 10
_EXCERPT = 120
_FORMULA = ("=", "+", "-", "@", "\t")
ACTIONS: Mapping[str, str] = {
    "breaking begun": mark("began breaking news"),
    "breaking written": mark("wrote breaking news"),
    "breaking tried": mark("tried breaking news on themselves"),
    "breaking dropped": mark("dropped a draft"),
    "breaking launched": mark("sent breaking news"),
    "breaking launched alone": mark("sent breaking news without approval"),
    "message corrected": mark("corrected a message"),
    "message updated": mark("updated a message"),
    "message withdrawn": mark("withdrew a message"),
    "post launched": mark("sent a post into sections"),
    "partner post launched": mark("sent a partner post"),
    "draft asked": mark("asked for approval"),
    "draft approved": mark("approved a draft"),
    "draft returned": mark("returned a draft"),
    "draft taken back": mark("took a draft back"),
    "draft scheduled": mark("set a draft's time"),
    "draft due": mark("had set the time of what went out"),
    "draft looked at": mark("looked at what went out without approval"),
    "approvals": mark("changed how many approve breaking news"),
    "breaking cancelled": mark("called a send off"),
    "breaking paused": mark("paused a send"),
    "breaking running": mark("let a send go on"),
    "breaking stopped": mark("stopped a send"),
    "invited": mark("invited an editor"),
    "joined": mark("came to the desk"),
    "removed": mark("removed somebody from the desk"),
    "article sent": mark("sent an article that was held"),
    "silence overridden": mark("sent an article in a silence"),
    "article taken off": mark("took an article off"),
    "article brought back": mark("brought an article back"),
    "article sorted": mark("gave an article its section"),
    "main story": mark("made an article a main story"),
    "ordinary story": mark("took a main story's star"),
    "flood sent": mark("sent the newest of a flood"),
    "flood listed": mark("sent a flood as one list"),
    "flood kept": mark("left a flood"),
    "vanished kept": mark("let an article stand that vanished from its feed"),
    "feed added": mark("added a feed"),
    "feed removed": mark("removed a feed"),
    "feed paused": mark("let a feed rest"),
    "feed resumed": mark("let a feed go on"),
    "channel changed": mark("changed a channel"),
    "desk founded": mark("made a group the desk"),
}
"""What is written into the book, and how it is told. Entries of later versions are shown as they stand there."""


async def page(storage: Storage, t: Lang, zone: ZoneInfo, before: int) -> tuple[RichText, int]:
    """Ten entries older than `before` (an id), newest first; the id before which the next page begins, 0 at the end."""
    found = await storage.editors.audit(PAGE + 1, before=before)
    people = {person.user_id: person for person in await storage.editors.all()}
    lines: list[str | RichText] = [bold(t("📒 Who did what"))]
    for entry in found[:PAGE]:
        lines += ["\u200b", told(t, entry, people, zone)]
        if entry.text:
            lines.append("«" + clip(plain(" ".join(entry.text.split())), _EXCERPT).text + "»")
    if not found:
        lines.append(t("Nothing yet."))
    return join("\n", lines), found[PAGE - 1].id if len(found) > PAGE else 0


def told(t: Lang, entry: Entry, people: Mapping[int, Editor], zone: ZoneInfo) -> str:
    """«24 ноября 2022, 16:48 · Ада · отправка срочного · 12»."""
    return " · ".join([t.datetime(entry.at, zone), name_of(t, entry.user_id, people), words(t, entry), entry.subject])


def words(t: Lang, entry: Entry) -> str:
    """What was done."""
    known = ACTIONS.get(entry.action)
    return t(known) if known else entry.action


def name_of(t: Lang, user_id: int, people: Mapping[int, Editor]) -> str:
    """Who did it: the name of whoever has rights now, else the number."""
    if not user_id:
        return t("the newsroom's system")
    return " ".join(people[user_id].name.split()) if user_id in people and people[user_id].name else str(user_id)


def cell(text: str) -> str:
    """A text as a table's cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def as_csv(found: Sequence[Entry], zone: ZoneInfo) -> bytes:
    """The entries as a table, oldest first; no cell is a formula, whatever somebody wrote."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["id", "time", "user_id", "action", "subject", "text"])
    for entry in reversed(found):
        at = datetime.fromtimestamp(entry.at, UTC).astimezone(zone).isoformat()
        table.writerow([entry.id, at, entry.user_id, entry.action, cell(entry.subject), cell(entry.text)])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")
